//! Tools that ask texts and the graph.

use std::sync::atomic::AtomicBool;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use wilhelm_knowledge::{KnownValues, scrub};
use wilhelm_pipeline::{Asking, ask};
use wilhelm_privacy::audit::Action;

use crate::args::Allowed;
use crate::exit::Stop;
use crate::verbs::kb::{differential, graph};
use crate::verbs::mcp::room::Room;
use crate::verbs::mcp::tool::{About, Answered, Tool};

/// Characters of a question at most.
const QUESTION: usize = 2000;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Question {
    /// The question, without anything that identifies a patient.
    question: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Term {
    /// A name, a synonym or an identifier, such as "heart failure" or DOID:6000.
    term: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Weighed {
    /// Diseases with their probability before the findings, as "heart failure=0.2".
    prior: Vec<String>,
    /// Findings that are there.
    #[serde(default)]
    present: Vec<String>,
    /// Findings that were looked for and are not there.
    #[serde(default)]
    absent: Vec<String>,
}

pub fn tools() -> Vec<Tool> {
    let of = |name, title, description| About {
        name,
        title,
        description,
        needs: Allowed::Knowledge,
        action: Action::Queried,
    };
    vec![
        Tool::new(
            of(
                "ask",
                "Answer a question out of the indexed texts",
                "Answers a medical question with sentences of the indexed texts, each with its passage, source and license; \
                 says so where the texts have no answer.",
            ),
            question,
        ),
        Tool::new(
            of(
                "look_up",
                "What the graph knows of a concept",
                "Gives a concept of the medical graph: identifier, name, synonyms, broader and narrower concepts, statements, \
                 each with its source.",
            ),
            look_up,
        ),
        Tool::new(
            of(
                "differential",
                "Diseases that findings speak for and against",
                "Ranks diseases by the findings that are present and absent, from likelihood ratios with their sources, and \
                 gives what to look for next by expected information.",
            ),
            weigh,
        ),
    ]
}

fn question(room: &Room, input: Question, _stopped: &AtomicBool) -> anyhow::Result<Answered> {
    if input.question.trim().is_empty() || input.question.chars().count() > QUESTION {
        return Err(Stop::usage(format!("the question is empty or longer than {QUESTION} characters")));
    }
    // Reports may lie among the indexed texts; whose they are is not known here, and their words are scrubbed all the same.
    let known = KnownValues::default();
    let opened = room.library()?;
    let answer = ask(
        &input.question,
        &Asking {
            library: &opened.library,
            encoder: opened.encoder.as_ref(),
            beside: &[],
            known: &known,
            model: None,
            passages: 8,
            sentences: 3,
        },
    )?;
    let mut answer = answer;
    for sentence in &mut answer.sentences {
        sentence.text = scrub(&sentence.text, &known).text;
        for cited in &mut sentence.sources {
            cited.quote = scrub(&cited.quote, &known).text;
        }
    }
    for refused in &mut answer.refused {
        refused.text = scrub(&refused.text, &known).text;
    }
    Ok(serde_json::to_value(&answer)?.into())
}

fn look_up(room: &Room, input: Term, _stopped: &AtomicBool) -> anyhow::Result<Answered> {
    Ok(json!({ "concepts": graph::concepts(room.graph()?, &input.term)? }).into())
}

fn weigh(room: &Room, input: Weighed, _stopped: &AtomicBool) -> anyhow::Result<Answered> {
    let weighed = differential::weigh(room.graph()?, &input.prior, &input.present, &input.absent)?;
    Ok(json!({ "names": weighed.names, "candidates": weighed.ranked, "next": weighed.next }).into())
}
