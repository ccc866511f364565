//! A tool that measures in a study.

use std::sync::atomic::{AtomicBool, Ordering};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use wilhelm_formats::Progress;
use wilhelm_pipeline::{Structure, structures};
use wilhelm_privacy::audit::Action;

use crate::archived;
use crate::args::Allowed;
use crate::exit::{Stop, of_error};
use crate::verbs::mcp::room::Room;
use crate::verbs::mcp::tool::{About, Answered, Tool};

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum What {
    /// The patient's body in CT.
    Body,
    /// Both lungs in CT.
    Lungs,
    /// Bones in CT.
    Bones,
    /// Candidates for lung nodules in CT.
    Nodules,
    /// The brain in T1-weighted MR, by thresholds and morphology.
    Brain,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// A study's handle.
    study: String,
    /// What is outlined and measured.
    structure: What,
}

pub fn tools() -> Vec<Tool> {
    vec![Tool::new(
        About {
            name: "measure",
            title: "Outline and measure a structure in a study",
            description: "Outlines body, lungs, bones, nodule candidates (CT) or the brain (MR) in each volume of a study and \
                          gives volumes and diameters with their ranges and units. It may take minutes.",
            needs: Allowed::Studies,
            action: Action::StudySeen,
        },
        measure,
    )]
}

/// Ends what is going on when nobody waits for it.
pub struct Until<'a>(pub &'a AtomicBool);

impl Progress for Until<'_> {
    fn step(&self, _done: usize, _total: usize) {}
    fn cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn measure(room: &Room, wanted: Wanted, stopped: &AtomicBool) -> anyhow::Result<Answered> {
    let uid = room.study(&wanted.study)?;
    let progress = Until(stopped);
    let reading = archived::reading(room.store()?, &uid, &room.config, &progress)?;
    let structure = match wanted.structure {
        What::Body => Structure::Body,
        What::Lungs => Structure::Lungs,
        What::Bones => Structure::Bones,
        What::Nodules => Structure::Nodules,
        What::Brain => Structure::Brain,
    };
    let volumes = reading.series.iter().filter(|series| series.image.geometry().is_some());
    let mut measured: Vec<Value> = Vec::new();
    for (number, series) in volumes.enumerate() {
        let modality = series.modality.as_ref().map(|modality| modality.to_string());
        let mut row = json!({ "volume": number + 1, "modality": modality });
        match structures(&series.image, structure, &progress) {
            Ok(found) => {
                row["measurements"] = json!(found.measurements);
                row["candidates"] = json!(found.candidates);
                row["notes"] = json!(found.notes);
            }
            Err(error) => row["not_measured"] = json!(of_error(&error.into()).1),
        }
        measured.push(row);
    }
    if measured.is_empty() {
        return Err(Stop::input("the study holds no volume, only flat pictures"));
    }
    let value = json!({ "study": wanted.study, "volumes": measured, "not_read": reading.failures.len(), "research_use_only": true });
    Ok(Answered { value, study: Some(uid) })
}
