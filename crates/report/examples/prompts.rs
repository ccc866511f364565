//! Prints prompts that ask a language model for sentences of reports, one JSON a line, for `examples/ask` of the crate `llm`.
//!
//! `cargo run -p wilhelm-report --example prompts -- en 4 < tests/gate/small-model/cases.txt`
//!
//! Each sentence about findings of each case is asked for in two ways: in other words (`reworded`), and from its claim as a list
//! of facts (`dictated`), as often as the number says, at temperatures from 0.4 to 1. With `zh`, the Chinese edition's
//! sentences and instructions.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../tests/gate/cases.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod cases;

use std::io::{BufRead, stdin};

use serde_json::{Value, json};
use wilhelm_report::{Audience, Case, Claim, Language, Report, Statement, Voice, edition, write};
use wilhelm_study::Certainty;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let language = match arguments.first().map(String::as_str) {
        Some("zh") => Language::Zh,
        _ => Language::En,
    };
    let times: u32 = arguments.get(1).map_or(1, |text| text.parse().unwrap());
    let lines: Vec<String> = stdin().lock().lines().map(Result::unwrap).collect();
    for way in ["reworded", "dictated"] {
        let mut seed = 1;
        for name in lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()) {
            for (id, claim, sentence) in sentences(&cases::named(name), language) {
                for time in 0..times {
                    let temperature = [0.4, 0.6, 0.8, 1.0][(time % 4) as usize];
                    let prompt = match way {
                        "reworded" => reworded(&sentence, language),
                        _ => dictated(&facts(&cases::named(name), &claim), language),
                    };
                    println!(
                        "{}",
                        json!({
                            "case": name, "sentence": id, "of": sentence, "way": way,
                            "temperature": temperature, "seed": seed, "prompt": prompt,
                            "settings": {
                                "max_tokens": 90, "temperature": temperature, "seed": seed, "grammar": null,
                                "stop": ["\n"],
                            },
                        })
                    );
                    seed += 1;
                }
            }
        }
    }
}

/// The sentences about findings that a model may put otherwise.
fn sentences(case: &Case, language: Language) -> Vec<(String, Claim, String)> {
    let report: Report = write(case);
    let own = report.sentences().filter(|(_, sentence)| sentence.may_be_rephrased());
    let voice = Voice { language, audience: Audience::Clinician };
    let told = (language == Language::Zh).then(|| edition(&report, voice));
    own.filter_map(|(_, sentence)| {
        let words = match &told {
            None => sentence.text.clone(),
            Some(told) => {
                let mut lines = told.sections.iter().flat_map(|section| &section.lines);
                lines.find(|line| line.sentence.as_deref() == Some(&sentence.id))?.text.clone()
            }
        };
        Some((sentence.id.clone(), sentence.claim.clone(), words))
    })
    .collect()
}

/// The claim as facts, one a line.
fn facts(case: &Case, claim: &Claim) -> String {
    let lines: Vec<String> = claim.statements().iter().map(|statement| fact(case, statement)).collect();
    lines.join("\n")
}

fn fact(case: &Case, statement: &Statement) -> String {
    let finding = case.findings.iter().find(|finding| finding.id == statement.finding).unwrap();
    let mut words = vec![finding.observation.name.clone()];
    words.extend(statement.laterality.map(|side| format!("{side:?}").to_lowercase()));
    words.extend(statement.certainty.map(|certainty| {
        match certainty {
            Certainty::Absent => "not there",
            Certainty::Unlikely => "unlikely",
            Certainty::Indeterminate => "possible, cannot be decided",
            Certainty::Probable => "probable",
            Certainty::Present => "there",
        }
        .to_owned()
    }));
    words.extend(statement.quantities.iter().map(|stated| {
        let quantity = &stated.quantity;
        let unit = match quantity.unit.as_str() {
            "[hnsf'U]" => "HU",
            "1" => "",
            unit => unit,
        };
        format!("{} {:.*} {unit}", stated.name, usize::from(quantity.decimals), quantity.value)
    }));
    words.extend(
        statement
            .probability
            .as_ref()
            .map(|probability| format!("probability {:.0} %", 100.0 * probability.estimate.value())),
    );
    words.iter().map(|word| word.trim()).collect::<Vec<_>>().join("; ")
}

fn chat(system: &str, examples: &[(&str, &str)], asked: &str) -> Value {
    let turn = |role: &str, text: &str| json!({ "role": role, "text": text });
    let mut turns: Vec<Value> = examples
        .iter()
        .flat_map(|(question, answer)| [turn("user", question), turn("assistant", answer)])
        .collect();
    turns.push(turn("user", asked));
    json!({ "system": system, "turns": turns })
}

fn reworded(sentence: &str, language: Language) -> Value {
    match language {
        Language::En => chat(
            "You say a sentence of a radiology report in other words. The meaning and all numbers stay the same.",
            &[
                (
                    "Say in other words: No bowel obstruction is identified.",
                    "There is no sign of bowel obstruction.",
                ),
                (
                    "Say in other words: Appearance consistent with gallstone, greatest diameter 11 mm.",
                    "There is a gallstone with a greatest diameter of 11 mm.",
                ),
            ],
            &format!("Say in other words: {sentence}"),
        ),
        Language::Zh => chat(
            "请用另一种说法改写放射学报告中的句子，意思和数字不变。",
            &[("改写：未见肠梗阻征象。", "没有发现肠梗阻。")],
            &format!("改写：{sentence}"),
        ),
    }
}

fn dictated(facts: &str, language: Language) -> Value {
    match language {
        Language::En => chat(
            "You write one sentence of a radiology report that says the facts and nothing else.",
            &[
                ("bowel obstruction; not there", "There is no bowel obstruction."),
                ("gallstone; there; greatest diameter 11 mm", "A gallstone of 11 mm is seen."),
                ("ascites; unlikely; probability 17 %", "Ascites is unlikely (probability 17 %)."),
            ],
            facts,
        ),
        Language::Zh => {
            chat("请根据事实写一句放射学报告，不要添加内容。", &[("肠梗阻；没有", "未见肠梗阻。")], facts)
        }
    }
}
