use std::path::Path;

use wilhelm_learn::evaluation::document::Document;
use wilhelm_learn::evaluation::texts::{TextColumns, TextSettings, TextTokenizer, Texts, score_texts};

use super::{cells, name, refuse_overwriting, resampling, write, written};
use crate::args::{EvaluateText, Tokens};
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};
use crate::progress::Line;
use crate::table;

/// `wilhelm evaluate text`
pub(super) fn run(verb: &EvaluateText) -> anyhow::Result<Exit> {
    refuse_overwriting(&verb.out, verb.force)?;
    let columns = TextColumns { id: verb.id.clone(), text: verb.text.clone() };
    let settings = TextSettings {
        tokenizer: match verb.tokens {
            Tokens::Report => TextTokenizer::Report,
            Tokens::Alphanumeric => TextTokenizer::Alphanumeric,
            Tokens::Mteval13a => TextTokenizer::Mteval13a,
            Tokens::Whitespace => TextTokenizer::Whitespace,
        },
        stems: !verb.no_stems,
        partial: verb.partial,
        resampling: resampling(verb.intervals),
    };
    let (truth, own) = (read(&verb.truth, &columns)?, read(&verb.written, &columns)?);
    let compared = verb.compare.as_deref().map(|path| read(path, &columns)).transpose()?;
    let line = Line::new("scoring");
    let report = score_texts(&truth, &own, compared.as_ref(), &settings)?;
    drop(line);
    write(&verb.out, &report, &Document::of_texts(&report)?, verb.force)?;
    report.notes.iter().for_each(|note| eprintln!("wilhelm: {note}"));
    if verb.json {
        print_json(&report)?;
        return Ok(exit(report.empty));
    }
    let level = format!("{} % interval", report.settings.resampling.level * 100.0);
    let mut header = vec!["score", "value", level.as_str(), "baseline"];
    if report.compared.is_some() {
        header.extend(["other", "difference", "interval", "p"]);
    }
    let rows = report.scores.iter().map(|score| {
        let mut row = cells(&score.name, &score.figure);
        row.push(format!("{:.3}", score.baseline));
        if let (Some(other), Some(difference), Some(p)) = (score.compared, &score.difference, score.p) {
            row.push(format!("{other:.3}"));
            row.extend(cells("", difference).into_iter().skip(1));
            row.push(if p < 0.001 { "below 0.001".to_owned() } else { format!("{p:.3}") });
        }
        row
    });
    print(&table::columns(&header, &rows.collect::<Vec<_>>()))?;
    let cell = |value: Option<f64>| value.map_or("none".to_owned(), |value| format!("{value:.3}"));
    let rows = report
        .variety
        .iter()
        .map(|variety| vec![variety.name.clone(), cell(variety.written), cell(variety.references)]);
    print(&format!("\n{}", table::columns(&["variety", "texts", "references"], &rows.collect::<Vec<_>>())))?;
    print(&format!(
        "{} cases with {} references; the baseline says the commonest reference of every case; {}\n",
        report.cases,
        report.references,
        written(&verb.out)
    ))?;
    Ok(exit(report.empty))
}

/// Cases of which nothing was said are defects of the texts.
fn exit(empty: usize) -> Exit {
    if empty > 0 { Exit::Defects } else { Exit::Done }
}

fn read(path: &Path, columns: &TextColumns) -> anyhow::Result<Texts> {
    let bytes = std::fs::read(path)
        .map_err(|error| Stop::input(format!("texts {} are not readable: {error}", path.display())))?;
    let texts = Texts::parse(&path.display().to_string(), &bytes, columns)?;
    // A page is passed on: it names files, not the folders of this machine.
    Ok(Texts { file: name(path), ..texts })
}
