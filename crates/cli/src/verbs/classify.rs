//! `wilhelm classify`

use serde_json::{Map, json};
use wilhelm_formats::write_atomically;
use wilhelm_learn::evaluation::Table;
use wilhelm_learn::reading::TextModel;

use crate::args::Classify;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text};
use crate::progress::Line;
use crate::table::{columns, csv};

/// A text, what it is called in the output, and the numbers that come with it.
pub(super) struct Asked {
    pub id: String,
    pub text: String,
    pub numbers: Vec<Option<f32>>,
}

/// Says what each text is.
pub fn run(verb: &Classify) -> anyhow::Result<Exit> {
    let file = verb.csv.as_deref().filter(|place| place.as_os_str() != "-");
    if let Some(place) = file.filter(|place| !verb.force && place.exists()) {
        return Err(Stop::usage(format!("{} is already there: add --force to replace it", place.display())));
    }
    if !verb.model.join("card.toml").exists() && verb.model.join("config.json").exists() {
        return super::classify_hub::run(verb);
    }
    let model = TextModel::open(&verb.model)?;
    let wanted: Vec<&str> = model.card.numbers.iter().map(|number| number.column.as_str()).collect();
    let asked = asked(verb, &wanted)?;
    let texts: Vec<&str> = asked.iter().map(|asked| asked.text.as_str()).collect();
    let numbers: Vec<Vec<Option<f32>>> = asked.iter().map(|asked| asked.numbers.clone()).collect();
    let line = Line::new("reading texts");
    let said = model.read(&texts, &numbers, &line)?;
    drop(line);
    let mut cut = false;
    for (asked, (_, tokens)) in asked.iter().zip(&said).filter(|(_, (_, cut))| *cut > 0) {
        cut = true;
        let most = model.card.most_tokens;
        eprintln!("wilhelm: {} is long: {tokens} tokens past the first {most} were not read", asked.id);
    }
    let labels = &model.card.labels;
    let likeliest = |row: &[f64]| {
        let best = (0..row.len()).rev().max_by(|a, b| row[*a].total_cmp(&row[*b]));
        &labels[best.expect("a card has labels")]
    };
    if verb.json {
        let each = asked.iter().zip(&said).map(|(asked, (row, cut))| {
            let of_labels: Map<_, _> =
                labels.iter().zip(row).map(|(label, value)| (label.key.clone(), json!(value))).collect();
            json!({ "id": asked.id, "label": likeliest(row).key, "probabilities": of_labels, "cut": cut })
        });
        let card = &model.card;
        print_json(&json!({
            "model": format!("{} {}", card.name, card.version), "research_use_only": true,
            "must_not": card.must_not, "texts": each.collect::<Vec<_>>(),
        }))?;
    }
    let header: Vec<&str> =
        ["id", "label"].into_iter().chain(labels.iter().map(|label| label.key.as_str())).collect();
    let rows = |digits: usize| -> Vec<Vec<String>> {
        let of = |(asked, (row, _)): (&Asked, &(Vec<f64>, usize))| {
            let numbers = row.iter().map(|value| format!("{value:.digits$}"));
            [asked.id.clone(), likeliest(row).key.clone()].into_iter().chain(numbers).collect()
        };
        asked.iter().zip(&said).map(of).collect()
    };
    match (&verb.csv, file) {
        (Some(_), None) => print(&csv(&header, &rows(6)))?,
        (Some(_), Some(place)) => {
            write_atomically(place, verb.force, csv(&header, &rows(6)).as_bytes())?;
            if !verb.json {
                print(&format!("{}: {} texts\n", place.display(), asked.len()))?;
            }
        }
        (None, _) if !verb.json => {
            let named: Vec<&str> =
                ["text", "label"].into_iter().chain(labels.iter().map(|label| label.name.as_str())).collect();
            print(&columns(&named, &rows(3)))?;
            model.card.must_not.iter().try_for_each(|line| print(&format!("{line}\n")))?;
        }
        (None, _) => {}
    }
    Ok(if cut { Exit::Defects } else { Exit::Done })
}

/// The texts of the command line, or of a table with the numbers that the model reads.
pub(super) fn asked(verb: &Classify, wanted: &[&str]) -> anyhow::Result<Vec<Asked>> {
    let Some(place) = &verb.table else {
        if !wanted.is_empty() {
            let names = wanted.join(", ");
            return Err(Stop::usage(format!(
                "the model reads {names} with each text: give --table with these columns"
            )));
        }
        let of = |(at, text): (usize, &String)| Asked {
            id: format!("text {}", at + 1),
            text: text.clone(),
            numbers: Vec::new(),
        };
        return Ok(verb.texts.iter().enumerate().map(of).collect());
    };
    let name = place.display().to_string();
    let table = Table::parse(&name, read_text(place, "table")?.as_bytes())?;
    let column = |wanted: &str| {
        let known = table.header().join(", ");
        table
            .column(wanted)
            .ok_or_else(|| Stop::input(format!("{name} has no column {wanted}; its columns are {known}")))
    };
    let text = column(&verb.column)?;
    let numbers = wanted.iter().map(|wanted| column(wanted)).collect::<Result<Vec<_>, _>>()?;
    let id = table.column("id");
    let mut asked = Vec::with_capacity(table.rows().len());
    for row in table.rows() {
        let number = |at: &usize| match row.cells[*at].as_str() {
            "" => Ok(None),
            cell => cell.parse::<f32>().ok().filter(|value| value.is_finite()).map(Some).ok_or_else(|| {
                let (line, column) = (row.line, &table.header()[*at]);
                Stop::input(format!(
                    "{name}, line {line}: {column} is no number; leave it empty if it is unknown"
                ))
            }),
        };
        asked.push(Asked {
            id: id.map_or_else(|| format!("line-{}", row.line), |id| row.cells[id].clone()),
            text: row.cells[text].clone(),
            numbers: numbers.iter().map(number).collect::<Result<_, _>>()?,
        });
    }
    Ok(asked)
}
