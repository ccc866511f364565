use serde_json::json;
use wilhelm_knowledge::{LabelCues, Observation, ReportLabels, Status, label_report};
use wilhelm_learn::evaluation::texts::{TextColumns, Texts};

use crate::args::{Cues, KbLabels};
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text};
use crate::table;

/// `wilhelm kb labels`
pub fn run(verb: &KbLabels) -> anyhow::Result<Exit> {
    let cues = match verb.cues {
        Cues::Context => LabelCues::Context,
        Cues::Patterns => LabelCues::Patterns,
    };
    let is_table = verb.reports.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    if !is_table {
        let found = label_report(&read_text(&verb.reports, "report")?, cues);
        if verb.json {
            print_json(&of_one(None, &found))?;
        } else {
            print(&lines(&found))?;
        }
        return Ok(Exit::Done);
    }
    let file = verb.reports.display().to_string();
    let bytes = std::fs::read(&verb.reports)
        .map_err(|error| Stop::input(format!("reports {file} are not readable: {error}")))?;
    let columns = TextColumns { id: verb.id.clone(), text: verb.text.clone() };
    let texts = Texts::parse(&file, &bytes, &columns)?;
    let mut found = Vec::with_capacity(texts.cases.len());
    for (id, reports) in &texts.cases {
        let [report] = &reports[..] else {
            return Err(Stop::input(format!(
                "{file}: case {id} has {} reports, expected one",
                reports.len()
            )));
        };
        found.push((id, label_report(report, cues)));
    }
    if verb.json {
        let reports: Vec<_> = found.iter().map(|(id, found)| of_one(Some(id), found)).collect();
        print_json(&json!({ "cues": cues, "reports": reports }))?;
    } else {
        let header: Vec<&str> = ["id"].into_iter().chain(Observation::ALL.map(Observation::name)).collect();
        let rows: Vec<Vec<String>> = found
            .iter()
            .map(|(id, found)| {
                let cell = |observation: Observation| {
                    found.labels.get(&observation).map_or("", |status| status.cell()).to_owned()
                };
                [(*id).clone()].into_iter().chain(Observation::ALL.map(cell)).collect()
            })
            .collect();
        print(&table::csv(&header, &rows))?;
    }
    Ok(Exit::Done)
}

fn of_one(id: Option<&str>, found: &ReportLabels) -> serde_json::Value {
    let mut value = json!({ "labels": found.labels, "mentions": found.mentions });
    if let Some(id) = id {
        value["id"] = json!(id);
    }
    value
}

/// A line a label, with the words that decided.
fn lines(found: &ReportLabels) -> String {
    let rows: Vec<Vec<String>> = Observation::ALL
        .iter()
        .map(|observation| {
            let status = found.labels.get(observation);
            let word = match status {
                Some(Status::Present) => "present",
                Some(Status::Absent) => "absent",
                Some(Status::Uncertain) => "uncertain",
                None => "not mentioned",
            };
            let told = found
                .mentions
                .iter()
                .find(|mention| mention.observation == *observation && Some(&mention.status) == status);
            let why = told.map_or_else(String::new, |mention| match &mention.cue {
                Some(cue) => format!("\"{cue}\" in: {}", mention.sentence),
                None => mention.sentence.clone(),
            });
            vec![observation.name().to_owned(), word.to_owned(), why]
        })
        .collect();
    table::columns(&["label", "said", "where"], &rows)
}
