use wilhelm_learn::evaluation::document::RESEARCH_USE;
use wilhelm_learn::generator::{Decoding, WriterModel};
use wilhelm_learn::summary::{Reports, SummaryCard, SummaryModel};
use wilhelm_learn::{divide, load};

use super::resampling;
use crate::args::{EvaluateReport, WordsBy};
use crate::exit::Exit;
use crate::output::{print, print_json, write_folder};
use crate::progress::Line;
use crate::table;
use crate::verbs::train_report::{summary_words, words};

/// `wilhelm evaluate report`
pub(super) fn run(verb: &EvaluateReport) -> anyhow::Result<Exit> {
    let decoding = match verb.decoding {
        WordsBy::Greedy => Decoding::Greedy,
        WordsBy::Beam => Decoding::Beam,
        WordsBy::Nucleus => Decoding::Nucleus,
    };
    if SummaryCard::is_in(&verb.model) {
        return texts(verb, decoding);
    }
    let model = WriterModel::open(&verb.model)?;
    let line = Line::new("reading");
    let data = load(&model.recipe.recipe, &verb.data)?;
    let division = divide(&model.recipe.recipe, &data)?;
    line.say("writing");
    let (figures, texts) = model.measure(&data, &division.split, decoding, resampling(verb.intervals))?;
    drop(line);
    if let Some(out) = &verb.out {
        let rows: Vec<Vec<String>> = division
            .split
            .validation
            .iter()
            .zip(texts)
            .map(|(place, text)| vec![data.examples[*place].source.clone(), text])
            .collect();
        let table = table::csv(&["id", "text"], &rows);
        write_folder(out, &[("generated.csv", table.as_bytes())], verb.force)?;
    }
    if verb.json {
        print_json(&figures)?;
    } else {
        print(&words(&figures))?;
        print(&format!("{RESEARCH_USE}\n"))?;
    }
    Ok(Exit::Done)
}

/// The same for a generator of texts out of texts.
fn texts(verb: &EvaluateReport, decoding: Decoding) -> anyhow::Result<Exit> {
    let model = SummaryModel::open(&verb.model)?;
    let line = Line::new("reading");
    let reports = Reports::load(&model.recipe, &verb.data)?;
    line.say("writing");
    let (figures, texts) = model.measure(&reports, decoding, resampling(verb.intervals))?;
    drop(line);
    if let Some(out) = &verb.out {
        let ids = reports.test.iter().map(|place| reports.cases[*place].id.clone());
        let rows: Vec<Vec<String>> = ids.zip(texts).map(|(id, text)| vec![id, text]).collect();
        let table = table::csv(&["id", "text"], &rows);
        write_folder(out, &[("generated.csv", table.as_bytes())], verb.force)?;
    }
    if verb.json {
        print_json(&figures)?;
    } else {
        print(&summary_words(&figures))?;
        print(&format!("{RESEARCH_USE}\n"))?;
    }
    Ok(Exit::Done)
}
