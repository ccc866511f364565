use super::{Block, Document, DocumentTable, Plot, Section, chance, number, shown};
use crate::evaluation::texts::{TextReport, TextScore};
use crate::plots::{IntervalPlot, IntervalRow, PlotError, interval_plot};

pub(super) fn report(report: &TextReport) -> Result<Document, PlotError> {
    let resampling = report.settings.resampling;
    let mut lead = vec![format!(
        "{} cases with {} references. Intervals at {} % from {} resamples of the cases (seed {}).",
        report.cases,
        report.references,
        resampling.level * 100.0,
        resampling.replicates,
        resampling.seed
    )];
    lead.push(
        "These scores count words in common. They do not know whether a finding is there, on which side, or denied: a \
         text that says the opposite can score well."
            .to_owned(),
    );
    lead.extend(report.notes.iter().cloned());
    let rows = report.scores.iter().map(|score| {
        vec![score.name.clone(), shown(&score.figure), number(score.baseline), score.convention.clone()]
    });
    let table = DocumentTable::new(&["score", "value (interval)", "baseline", "convention"], rows.collect());
    let mut sections = vec![Section {
        title: "Scores".to_owned(),
        blocks: vec![
            Block::Table(table),
            Block::Text(
                "The baseline says the commonest reference of every case, whatever the image. A model that is not well \
                 above it has learned the habits of reports, not to look."
                    .to_owned(),
            ),
            Block::Plots(vec![drawn(report)?]),
        ],
    }];
    if let Some(compared) = &report.compared {
        sections.push(comparison(report, compared));
    }
    let cell = |value: Option<f64>| value.map_or("none".to_owned(), number);
    let mut header = vec!["measure", "texts", "references"];
    header.extend(report.compared.as_ref().map(|_| "second system"));
    let rows = report.variety.iter().map(|variety| {
        let mut row = vec![variety.name.clone(), cell(variety.written), cell(variety.references)];
        row.extend(report.compared.as_ref().map(|_| cell(variety.compared)));
        row
    });
    let text = "A model that says nearly the same of every case has few distinct words and texts beside the references. \
                There is no interval: a resample repeats texts.";
    sections.push(Section {
        title: "Variety".to_owned(),
        blocks: vec![Block::Table(DocumentTable::new(&header, rows.collect())), Block::Text(text.to_owned())],
    });
    Ok(Document { title: format!("Texts of {} against {}", report.written, report.truth), lead, sections })
}

fn comparison(report: &TextReport, compared: &str) -> Section {
    let rows = report.scores.iter().filter_map(|score| {
        let (second, difference, p) = (score.compared?, score.difference.as_ref()?, score.p?);
        let first = score.figure.value.map_or("none".to_owned(), number);
        Some(vec![score.name.clone(), first, number(second), shown(difference), chance(p)])
    });
    let header = ["score", "first", "second", "first minus second (interval)", "p"];
    let text = "Both systems on the same resamples of the same cases, so that what is hard for both cancels. No p is \
                corrected for the number of scores.";
    Section {
        title: format!("Compared with {compared}"),
        blocks: vec![Block::Table(DocumentTable::new(&header, rows.collect())), Block::Text(text.to_owned())],
    }
}

/// Scores from 0 to 1 with their intervals.
fn drawn(report: &TextReport) -> Result<Plot, PlotError> {
    let is_drawn = |score: &&TextScore| {
        let parts = score.key.ends_with("_precision") || score.key.ends_with("_recall");
        score.key != "cider_d" && !parts
    };
    let row = |score: &TextScore| IntervalRow {
        name: score.name.clone(),
        interval: match (score.figure.value, score.figure.low, score.figure.high) {
            (Some(value), Some(low), Some(high)) => Ok((value, low, high)),
            _ => Err("no interval".to_owned()),
        },
    };
    let svg = interval_plot(&IntervalPlot {
        what: "Scores of the texts with their intervals".to_owned(),
        label: "score".to_owned(),
        rows: report.scores.iter().filter(is_drawn).map(row).collect(),
        reference: None,
    })?;
    Ok(Plot { caption: "Scores from 0 to 1 with their intervals.".to_owned(), svg })
}
