//! Asks another archive, without the rest of the program:
//! `ask_archive query TITLE@HOST:PORT [--study UID]`, `ask_archive retrieve TITLE@HOST:PORT --study UID [--to TITLE | --out FOLDER]`.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use dicom_dictionary_std::tags;
use wilhelm_server::dimse::{IntoFolder, Peer, Question, Requestor};
use wilhelm_store::Level;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let verb = arguments.next().ok_or("expected query or retrieve")?;
    let at = arguments.next().ok_or("expected TITLE@HOST:PORT")?;
    let (title, place) = at.split_once('@').ok_or("expected TITLE@HOST:PORT")?;
    let (host, port) = place.rsplit_once(':').ok_or("expected TITLE@HOST:PORT")?;
    let peer = Peer { ae_title: title.to_owned(), host: host.to_owned(), port: port.parse()? };
    let mut flags = BTreeMap::new();
    while let Some(flag) = arguments.next() {
        if flag != "--json" {
            flags.insert(flag, arguments.next().unwrap_or_default());
        }
    }
    let flag = |name: &str| flags.get(name).map_or("", String::as_str);
    let question = Question::new(Level::Study).with(tags::STUDY_INSTANCE_UID, flag("--study"));
    let patience = Duration::from_secs(30);
    let answer = if verb == "query" {
        let question = question.with(tags::PATIENT_NAME, "").with(tags::PATIENT_ID, "");
        let mut requestor = Requestor::to_ask(&peer, "WILHELM", &question, patience)?;
        let answers = requestor.find(&question, 1000)?;
        requestor.release()?;
        let rows: Vec<_> = answers
            .rows
            .iter()
            .map(|row| {
                let of = |tag| {
                    let held = row.iter().find(|(found, _)| *found == tag);
                    held.map_or("", |(_, value)| value.expose().as_str())
                };
                serde_json::json!({ "study": of(tags::STUDY_INSTANCE_UID), "patient_name": of(tags::PATIENT_NAME) })
            })
            .collect();
        serde_json::json!({ "answers": rows, "cut": answers.cut })
    } else {
        let moved = if flags.contains_key("--to") {
            let mut requestor = Requestor::to_move(&peer, "WILHELM", &question, patience)?;
            let moved = requestor.move_to(&question, flag("--to"))?;
            requestor.release()?;
            moved
        } else {
            let mut requestor = Requestor::to_get(&peer, "WILHELM", &question, patience)?;
            let moved = requestor.get(&question, &mut IntoFolder::new(flag("--out").into()))?;
            requestor.release()?;
            moved
        };
        serde_json::json!({ "completed": moved.completed, "failed": moved.failed, "with_warning": moved.warning })
    };
    writeln!(std::io::stdout(), "{answer:#}")?;
    Ok(())
}
