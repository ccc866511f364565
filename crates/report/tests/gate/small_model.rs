//! Sentences that the small model wrote, judged by reading, and what a program made wrong out of the right ones.
//!
//! `small-model/SOURCE.md` says how they were made and judged. The judgment stood before the gate had read a sentence.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};
use wilhelm_report::{GroundContext, Report, Sentence, contradictions, ground, same_meaning, write};
use wilhelm_study::{Certainty, Finding};

use crate::cases;
use crate::kinds::Count;

/// How a reader judged a sentence of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Judged {
    /// It says what it was asked to say, all of it.
    Whole,
    /// It is true and leaves a part out.
    Part,
    /// It says what no finding bears, or the contrary.
    Wrong,
    /// Nothing that can be true or wrong, or of disputed meaning.
    Unclear,
}

/// A sentence of the model.
struct Written {
    case: String,
    sentence: String,
    judged: Judged,
    text: String,
}

fn written(table: &str) -> Vec<Written> {
    let lines = table.lines().skip(1);
    lines
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let [case, sentence, _way, _temperature, _seed, judged, text] = columns[..] else {
                panic!("{line}")
            };
            let judged = match judged {
                "R" => Judged::Whole,
                "P" => Judged::Part,
                "W" => Judged::Wrong,
                "N" => Judged::Unclear,
                other => panic!("{other} is no judgment"),
            };
            Written { case: case.to_owned(), sentence: sentence.to_owned(), judged, text: text.to_owned() }
        })
        .collect()
}

/// Gives the text with the first of each pair exchanged for the second.
type Swap<'a> = &'a dyn Fn(&[(&str, &str)]) -> Vec<String>;

/// A right sentence with what it is about.
struct Right<'a> {
    text: &'a str,
    report: &'a Report,
    sentence: &'a Sentence,
    findings: Vec<&'a Finding>,
}

impl Right<'_> {
    /// The names of what it speaks of, as they stand in its words; of a state of health its contrary.
    fn names(&self) -> Vec<&str> {
        let names = self.findings.iter().map(|finding| {
            let name = finding.observation.name.as_str();
            if finding.normal { name.trim_start_matches("no ") } else { name }
        });
        let lower = self.text.to_lowercase();
        names.filter(|name| lower.contains(&name.to_lowercase())).collect()
    }

    /// Whether it denies.
    fn denies(&self) -> bool {
        let text = self.text.to_lowercase();
        text.starts_with("no ")
            || ["there is no ", " is not ", " is absent"].iter().any(|turn| text.contains(turn))
    }

    /// The text with a clause behind it.
    fn with(&self, clause: &str) -> String {
        format!("{}{clause}", self.text.trim_end_matches('.'))
    }

    /// What a program makes wrong of it, by kind.
    fn mutants(&self) -> Vec<(&'static str, String)> {
        let mut found: Vec<(&'static str, String)> = Vec::new();
        let swap = |pairs: &[(&str, &str)]| -> Vec<String> {
            let all = pairs.iter().filter(|(from, _)| self.text.contains(from));
            all.map(|(from, to)| self.text.replacen(from, to, 1)).collect()
        };
        let mut put = |kind: &'static str, texts: Vec<String>| {
            found.extend(texts.into_iter().filter(|text| text != self.text).map(|text| (kind, text)));
        };
        put("presence", swap(if self.denies() { &AFFIRM } else { &DENY }));
        put("certainty", self.other_classes(&swap));
        put(
            "side",
            swap(&[
                ("left", "right"),
                ("right", "left"),
                ("left", "bilateral"),
                ("right", "bilateral"),
                ("bilateral", "left"),
            ]),
        );
        put("site", swap(&SITES));
        for name in self.names() {
            let others = ["rib fracture", "pulmonary embolism", "aortic aneurysm"];
            put("another finding", others.map(|other| self.in_place_of(name, other)).to_vec());
            if self.denies() {
                continue;
            }
            let placed = ["of the left upper lobe", "in the pancreas", "near the aortic arch"];
            put("site", placed.map(|place| self.in_place_of(name, &format!("{name} {place}"))).to_vec());
            if self.findings.iter().all(|finding| finding.laterality.is_none()) {
                put(
                    "side",
                    ["left", "right"].map(|side| self.in_place_of(name, &format!("{side} {name}"))).to_vec(),
                );
            }
            let many = ["three", "several", "12"].map(|count| {
                let plural = self.in_place_of(name, &format!("{name}s"));
                ["There is a ", "There is an ", "A "].iter().find_map(|start| {
                    let rest = plural.strip_prefix(start)?;
                    Some(format!("There are {count} {rest}"))
                })
            });
            put("count", many.into_iter().flatten().collect());
        }
        put("size", self.numbers(&["mm", "cm", "mL", "HU"], &[2.0, 10.0, 1.5, 0.5]));
        put(
            "unit",
            swap(&[
                (" mm", " cm"),
                (" mm", " mL"),
                (" mL", " cm"),
                (" mL", " mm"),
                (" HU", " mm"),
                (" HU", " %"),
            ]),
        );
        put("probability", self.numbers(&["%", "percent"], &[0.5, 3.0]));
        let grown: &[&str] = if self.report.priors.is_empty() {
            &[
                ", unchanged since the prior examination.",
                ", new since the prior examination.",
                ", larger than before.",
                ", smaller than before.",
            ]
        } else {
            &[
                ", unchanged since the prior examination.",
                ", new since the prior examination.",
                ", smaller than before.",
            ]
        };
        put("change", grown.iter().map(|clause| self.with(clause)).collect());
        let advice = [
            ". Biopsy is recommended.",
            "; follow-up in 3 months is recommended.",
            ", and no follow-up is needed.",
            ", and antibiotics should be given.",
        ];
        put("recommendation", advice.map(|clause| self.with(clause)).to_vec());
        if let Some(name) = self.names().first() {
            let opposite = match self.denies() {
                true => [
                    format!(", but {name} is present."),
                    format!(". There is {name}."),
                    format!("; {name} is likely."),
                ],
                false => [
                    format!(", but there is no {name}."),
                    format!(". No {name} is seen."),
                    format!("; {name} is unlikely."),
                ],
            };
            let opposite = opposite.iter().map(|clause| self.with(clause));
            let probable = self
                .findings
                .iter()
                .any(|finding| matches!(finding.certainty, Certainty::Probable | Certainty::Unlikely));
            put("contradiction", opposite.filter(|_| !probable).collect());
        }
        found
    }

    /// The text with other words for its first mention of a name.
    fn in_place_of(&self, name: &str, other: &str) -> String {
        let at = self.text.to_lowercase().find(&name.to_lowercase()).expect("a name of its words");
        format!("{}{other}{}", &self.text[..at], &self.text[at + name.len()..])
    }

    /// The text with its class of certainty exchanged.
    fn other_classes(&self, swap: Swap<'_>) -> Vec<String> {
        let classes: BTreeSet<Certainty> =
            self.findings.iter().filter(|f| !f.normal).map(|f| f.certainty).collect();
        let only = match classes.into_iter().collect::<Vec<_>>()[..] {
            [only] => only,
            _ => return Vec::new(),
        };
        swap(match only {
            Certainty::Absent => &[
                ("There is no evidence of", "There may be"),
                ("There is no evidence of", "There is probably"),
                ("There is no ", "There is probably no "),
                ("No evidence of", "Possible"),
                ("No evidence of", "Probable"),
                ("No ", "Unlikely "),
            ],
            Certainty::Present => &[
                ("There is a", "There may be a"),
                ("There is a", "There is probably a"),
                ("There is a", "There is possibly a"),
                ("onsistent with", "uspicious for"),
                (" is seen", " may be present"),
                (" is seen", " is likely"),
                (" is present", " is possible"),
            ],
            Certainty::Probable => &[
                ("robable", "ossible"),
                ("likely", "unlikely"),
                ("robable", "resent"),
                ("robable", "nlikely"),
            ],
            Certainty::Unlikely => &[
                ("unlikely", "likely"),
                ("unlikely", "possible"),
                ("unlikely", "absent"),
                ("unlikely", "present"),
            ],
            Certainty::Indeterminate => &[
                ("ndeterminate for", "uspicious for"),
                ("ndeterminate for", "onsistent with"),
                ("ndeterminate for", "egative for"),
                ("possible", "probable"),
                ("possible", "unlikely"),
                ("may be", "is"),
            ],
        })
    }

    /// The text with its first number before one of the units multiplied.
    fn numbers(&self, units: &[&str], factors: &[f64]) -> Vec<String> {
        let mut found = Vec::new();
        let bytes = self.text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let end = at + bytes[at..].iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
            let number = self.text[at..end].trim_end_matches('.');
            let behind = self.text[at + number.len()..].trim_start_matches([' ', '-']);
            match number.parse::<f64>() {
                Ok(value) if units.iter().any(|unit| behind.starts_with(unit)) => {
                    for factor in factors.iter().filter(|_| value != 0.0) {
                        let (before, after) = (&self.text[..at], &self.text[at + number.len()..]);
                        found.push(format!("{before}{}{after}", (value * factor).round()));
                    }
                    return found;
                }
                _ => at = end.max(at + 1),
            }
            while at < bytes.len() && !self.text.is_char_boundary(at) {
                at += 1;
            }
        }
        found
    }
}

/// Turns of a denial, affirmed.
const AFFIRM: [(&str, &str); 7] = [
    ("There is no evidence of", "There is evidence of"),
    ("There is no evidence of", "There is"),
    ("There is no indication", "There is an indication"),
    ("There is no ", "There is a "),
    ("No evidence of", "Evidence of"),
    ("No ", "A "),
    (" is not ", " is "),
];

/// Turns of an affirmation, denied.
const DENY: [(&str, &str); 7] = [
    ("There is a ", "There is no "),
    ("There is a ", "There is no evidence of a "),
    ("There is an ", "There is no "),
    (" is seen", " is not seen"),
    (" is present", " is absent"),
    ("onsistent with", "onsistent with no"),
    ("There is ", "There is no "),
];

/// Words for places in the names of findings, and others.
const SITES: [(&str, &str); 12] = [
    ("renal", "hepatic"),
    ("renal", "ovarian"),
    ("adrenal", "thyroid"),
    ("pulmonary", "hepatic"),
    ("pleural", "pericardial"),
    ("breast", "thyroid"),
    ("pituitary", "adrenal"),
    ("hepatic", "renal"),
    ("ovarian", "renal"),
    ("thyroid", "parotid"),
    ("subdural", "epidural"),
    ("pneumothorax", "pneumomediastinum"),
];

const ENGLISH: &str = include_str!("small-model/sentences.tsv");
const CHINESE: &str = include_str!("small-model/chinese.tsv");

struct Figures {
    judged: BTreeMap<Judged, Count>,
    replaced: Count,
    wrong: BTreeMap<&'static str, Count>,
    in_report: Count,
    /// Chinese answers that say something true, and those others that were refused.
    chinese: (Count, Count),
}

fn count(into: &mut Count, good: bool, what: String) {
    into.all += 1;
    if good {
        into.good += 1;
    } else {
        into.bad.push(what);
    }
}

fn build() -> Figures {
    let mut figures = Figures {
        judged: BTreeMap::new(),
        replaced: Count::default(),
        wrong: BTreeMap::new(),
        in_report: Count::default(),
        chinese: Default::default(),
    };
    for one in written(CHINESE) {
        let report = write(&cases::named(&one.case));
        let right = matches!(one.judged, Judged::Whole | Judged::Part);
        count(&mut figures.chinese.0, right, one.text.clone());
        if !right {
            let verdict = ground(&one.text, &GroundContext::of(&report));
            count(&mut figures.chinese.1, !verdict.accepted, format!("{} {}", one.text, verdict.reason));
        }
    }
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    for one in written(ENGLISH) {
        let report = write(&cases::named(&one.case));
        let context = GroundContext::of(&report);
        let (_, sentence) =
            report.sentences().find(|(_, s)| s.id == one.sentence).expect("a sentence of the report");
        let grounded = ground(&one.text, &context);
        let same = same_meaning(&sentence.claim, &one.text, &context);
        let right = matches!(one.judged, Judged::Whole | Judged::Part);
        // A wrong sentence may also not stand in place of the one that was asked for.
        let good = if right { grounded.accepted } else { !grounded.accepted && !same.accepted };
        let what = format!("{} [{}] {}", one.text, one.case, grounded.reason);
        count(figures.judged.entry(one.judged).or_default(), good, what);
        if one.judged == Judged::Whole {
            count(
                &mut figures.replaced,
                same.accepted,
                format!("{} [{}] {}", one.text, sentence.text, same.reason),
            );
        }
        if !right {
            continue;
        }
        let findings =
            sentence.claim.statements().iter().filter_map(|s| report.finding(&s.finding)).collect();
        let of = Right { text: &one.text, report: &report, sentence, findings };
        for (kind, text) in of.mutants() {
            if !seen.insert((one.case.clone(), text.clone())) {
                continue;
            }
            let grounded = ground(&text, &context);
            let replaced = same_meaning(&of.sentence.claim, &text, &context).accepted;
            let what = format!("{text} [{}] {}", one.case, grounded.reason);
            count(figures.wrong.entry(kind).or_default(), !grounded.accepted && !replaced, what);
            if kind == "presence" {
                let mut other = report.clone();
                let mut sentences = other.sections.iter_mut().flat_map(|section| &mut section.sentences);
                sentences.find(|s| s.id == one.sentence).expect("it is there").text.clone_from(&text);
                count(&mut figures.in_report, !contradictions(&other).is_empty(), text);
            }
        }
    }
    figures
}

fn json(figures: &Figures) -> Value {
    let of = |judged: Judged| figures.judged.get(&judged).map_or(Value::Null, Count::json);
    let wrong: serde_json::Map<String, Value> =
        figures.wrong.iter().map(|(kind, count)| ((*kind).to_owned(), count.json())).collect();
    json!({
        "command": "WILHELM_WRITE_FIGURES=1 cargo nextest run --cargo-profile release -p wilhelm-report --test gate small_model",
        "model": "SmolLM2-135M-Instruct Q4_1",
        "interval": "Wilson, 95 %",
        "as_the_model_wrote_them": {
            "says all: accepted": of(Judged::Whole),
            "says all: accepted in place of its sentence": figures.replaced.json(),
            "true, leaves a part out: accepted": of(Judged::Part),
            "wrong: refused": of(Judged::Wrong),
            "unclear: refused": of(Judged::Unclear),
        },
        "right_ones_made_wrong_refused": wrong,
        "chinese": {
            "answers that say something true": figures.chinese.0.json(),
            "others: refused": figures.chinese.1.json(),
        },
        "presence_put_into_the_report_named": figures.in_report.json(),
    })
}

/// The table of `docs/gate.md`.
fn table(figures: &Figures) -> String {
    let mut text = String::from("| written by the small model | as it should be |\n|---|---|\n");
    let mut row = |name: &str, count: &Count| {
        let _ = writeln!(text, "| {name} | {} |", count.words());
    };
    for (judged, name) in [
        (Judged::Whole, "says all: accepted"),
        (Judged::Part, "true, leaves a part out: accepted"),
        (Judged::Wrong, "wrong: refused"),
        (Judged::Unclear, "unclear: refused"),
    ] {
        row(name, &figures.judged[&judged]);
    }
    row("says all: accepted in place of its sentence", &figures.replaced);
    for (kind, count) in &figures.wrong {
        row(&format!("made wrong in {kind}: refused"), count);
    }
    row("Chinese: answers that say something true", &figures.chinese.0);
    row("Chinese: others refused", &figures.chinese.1);
    row("made wrong in presence, put into the report: named as a contradiction", &figures.in_report);
    text
}

#[test]
fn wrong_sentences_of_the_small_model_and_what_is_made_wrong_of_right_ones_are_refused() {
    let figures = build();
    let named: Vec<(String, &Count)> = figures
        .judged
        .iter()
        .map(|(judged, count)| (format!("{judged:?}"), count))
        .chain([("replaced".to_owned(), &figures.replaced), ("in the report".to_owned(), &figures.in_report)])
        .chain(figures.wrong.iter().map(|(kind, count)| ((*kind).to_owned(), count)))
        .collect();
    for (name, count) in &named {
        println!("{name}: {}", count.words());
        for bad in count.bad.iter().take(60) {
            println!("  {bad}");
        }
    }
    let all = written(ENGLISH);
    assert!(all.len() >= 500, "{}", all.len());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/gate-small-model.json");
    let measured = serde_json::to_string_pretty(&json(&figures)).unwrap() + "\n";
    if std::env::var_os("WILHELM_WRITE_FIGURES").is_some() {
        std::fs::write(path, &measured).unwrap();
    }
    println!("{}", table(&figures));
    let refused = [&figures.judged[&Judged::Wrong], &figures.in_report, &figures.chinese.1];
    for count in refused.into_iter().chain(figures.wrong.values()) {
        assert_eq!(count.good, count.all, "{:?}", &count.bad[..count.bad.len().min(40)]);
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == measured, "{path} differs; run the test again with WILHELM_WRITE_FIGURES=1");
    let document = include_str!("../../../../docs/gate.md");
    assert!(document.contains(&table(&figures)), "docs/gate.md differs; its table is:\n{}", table(&figures));
}
