use std::path::Path;

use wilhelm_learn::evaluation::document::RESEARCH_USE;
use wilhelm_learn::evaluation::label_tables::{Doubt, LabelSettings, LabelTable, score_labels};

use super::{cells, name, resampling};
use crate::args::{DoubtAs, EvaluateLabels};
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};
use crate::progress::Line;
use crate::table;

/// `wilhelm evaluate labels`
pub(super) fn run(verb: &EvaluateLabels) -> anyhow::Result<Exit> {
    let settings = LabelSettings {
        doubt: match verb.doubt {
            DoubtAs::Present => Doubt::Present,
            DoubtAs::Absent => Doubt::Absent,
            DoubtAs::LeftOut => Doubt::LeftOut,
        },
        partial: verb.partial,
        resampling: resampling(verb.intervals),
    };
    let read = |path: &Path| -> anyhow::Result<LabelTable> {
        let bytes = std::fs::read(path)
            .map_err(|error| Stop::input(format!("labels {} are not readable: {error}", path.display())))?;
        Ok(LabelTable::parse(&name(path), &bytes, verb.id.as_deref())?)
    };
    let line = Line::new("resampling");
    let report = score_labels(&read(&verb.truth)?, &read(&verb.written)?, &settings)?;
    drop(line);
    report.notes.iter().for_each(|note| eprintln!("wilhelm: {note}"));
    if verb.json {
        print_json(&report)?;
        return Ok(Exit::Done);
    }
    let level = format!("{} % interval", report.settings.resampling.level * 100.0);
    let header = ["label", "true", "called", "precision", "recall", "F1", &level];
    let share = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    let rows = report.lines().into_iter().map(|(label, counts, [precision, recall, f1])| {
        let count = |of: Option<usize>| of.map_or_else(|| "-".to_owned(), |count| count.to_string());
        let mut row = vec![label.to_owned(), count(counts.map(|of| of.0)), count(counts.map(|of| of.1))];
        row.extend([share(precision.value), share(recall.value)]);
        row.extend(cells("", f1).into_iter().skip(1));
        row
    });
    print(&table::columns(&header, &rows.collect::<Vec<_>>()))?;
    let agreement = cells("", &report.agreement);
    print(&format!(
        "{} cases; cells that agree: {} ({})\n{}\n{RESEARCH_USE}\n",
        report.cases,
        agreement[1],
        agreement[2],
        report.conventions.join(";\n")
    ))?;
    Ok(Exit::Done)
}
