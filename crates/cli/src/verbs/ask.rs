use std::fmt::Write;
use std::path::Path;

use wilhelm_knowledge::KnownValues;
use wilhelm_knowledge::ask::Answer;
use wilhelm_knowledge::passages::Passage;
use wilhelm_pipeline::library::report_passages;
use wilhelm_pipeline::{Asking, ask};

use crate::args;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::language;
use crate::output::{print, print_json};
use crate::verbs::kb::texts::Opened;
use crate::verbs::report::report_of;

/// `wilhelm ask`
pub fn run(verb: &args::Ask, config: &Config) -> anyhow::Result<Exit> {
    if verb.question.trim().is_empty() {
        return Err(Stop::usage("the question is empty"));
    }
    let opened = Opened::open(&verb.index, config)?;
    let mut beside = Vec::new();
    for path in &verb.study {
        beside.extend(sentences_of(path)?);
    }
    let known = known(&verb.known);
    let loaded = match verb.model.as_deref() {
        None => None,
        Some(name) => {
            let mut config = config.clone();
            if name != "configured" {
                config.values.llm.model = name.to_owned();
                config.values.llm.endpoint.clear();
            }
            config.values.llm.enabled = true;
            language::load(&config, None, known.clone())?
        }
    };
    let answer = ask(
        &verb.question,
        &Asking {
            library: &opened.library,
            encoder: opened.encoder.as_ref(),
            beside: &beside,
            known: &known,
            model: loaded.as_ref().map(|loaded| (&*loaded.model, loaded.seed)),
            passages: verb.passages,
            sentences: verb.sentences,
        },
    )?;
    if verb.json {
        print_json(&answer)?;
    } else {
        print(&shown(&answer))?;
    }
    Ok(Exit::Done)
}

/// The sentences of a report as passages.
pub fn sentences_of(path: &Path) -> anyhow::Result<Vec<Passage>> {
    let (report, _) = report_of(path, None)?;
    let name = if path.is_dir() { path.file_name() } else { path.parent().and_then(Path::file_name) };
    let name = name.map_or_else(|| "this".into(), |name| name.to_string_lossy());
    Ok(report_passages(&format!("report:{name}"), &report))
}

/// What identifies the patient, from the command line: with digits a value, without them a name.
pub fn known(values: &[String]) -> KnownValues {
    values.iter().fold(KnownValues::default(), |known, value| {
        if value.chars().any(|c| c.is_ascii_digit()) {
            known.with_value(value)
        } else {
            known.with_name(value)
        }
    })
}

fn shown(answer: &Answer) -> String {
    let mut text = String::new();
    if !answer.answered {
        text.push_str("Not answerable from the sources.\n");
    }
    let mut sources: Vec<(&str, &str, Option<&str>)> = Vec::new();
    for sentence in &answer.sentences {
        let mut marks = String::new();
        for cited in &sentence.sources {
            let at = sources.iter().position(|(id, ..)| *id == cited.passage).unwrap_or_else(|| {
                sources.push((&cited.passage, &cited.source, cited.license.as_deref()));
                sources.len() - 1
            });
            let _ = write!(marks, "[{}]", at + 1);
        }
        let _ = writeln!(text, "{} {marks}", sentence.text);
    }
    if !sources.is_empty() {
        text.push('\n');
    }
    for (at, (id, source, license)) in sources.iter().enumerate() {
        let license = license.unwrap_or("license not known");
        let _ = writeln!(text, "[{}] {id} ({source}; {license})", at + 1);
    }
    for refused in &answer.refused {
        let _ = writeln!(text, "refused: {} ({})", refused.text, refused.reason);
    }
    for note in &answer.notes {
        let _ = writeln!(text, "note: {note}");
    }
    if answer.answered {
        let by = match answer.wording.as_str() {
            "passages" => "The sentences are those of the sources".to_owned(),
            model => format!("Worded by {model}, each sentence checked against its source"),
        };
        let _ = writeln!(text, "\n{by}. For research, not for treating patients.");
    }
    text
}
