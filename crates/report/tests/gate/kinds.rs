//! Wrong sentences by kind and by language: what the report would say of a finding that is not the report's.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::OnceLock;

use serde_json::{Value, json};
use wilhelm_report::{
    Case, Claim, ContradictionKind, Earlier, GroundContext, Heading, Language, Report, Voice, compare,
    contradictions, edition, example, ground, same_meaning, write,
};
use wilhelm_study::{Certainty, Evidence, EvidenceId, EvidenceSource, Finding, Laterality};

use crate::cases;

/// What is wrong in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Presence,
    Certainty,
    Side,
    Site,
    Size,
    Unit,
    Count,
    Probability,
    Finding,
    Change,
    Recommendation,
    ClassifierAndText,
    FindingsAndImpression,
}

impl Kind {
    const fn words(self) -> &'static str {
        match self {
            Self::Presence => "presence",
            Self::Certainty => "certainty",
            Self::Side => "side",
            Self::Site => "site",
            Self::Size => "size",
            Self::Unit => "unit",
            Self::Count => "count",
            Self::Probability => "probability",
            Self::Finding => "another finding",
            Self::Change => "change",
            Self::Recommendation => "recommendation",
            Self::ClassifierAndText => "classifier and text",
            Self::FindingsAndImpression => "findings and impression",
        }
    }
}

/// So many of so many as they should be.
#[derive(Clone, Debug, Default)]
pub struct Count {
    pub good: usize,
    pub all: usize,
    pub bad: Vec<String>,
}

impl Count {
    fn count(&mut self, good: bool, what: impl FnOnce() -> String) {
        self.all += 1;
        if good {
            self.good += 1;
        } else {
            self.bad.push(what());
        }
    }

    /// Wilson's 95 % interval.
    ///
    /// # Source
    /// Wilson 1927, doi:10.1080/01621459.1927.10502953
    pub fn interval(&self) -> (f64, f64) {
        let (n, z) = (self.all as f64, 1.959_963_984_540_054_f64);
        let p = self.good as f64 / n;
        let center = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        ((center - half).max(0.0), (center + half).min(1.0))
    }

    pub fn json(&self) -> Value {
        let (low, high) = self.interval();
        // Rounded outward.
        let (low, high) = ((low * 1e4).floor() / 1e4, (high * 1e4 - 1e-6).ceil() / 1e4);
        json!({ "good": self.good, "of": self.all, "low": low, "high": high })
    }

    pub fn words(&self) -> String {
        let (low, high) = self.interval();
        let (low, high) = ((low * 1000.0).floor() / 10.0, (high * 1000.0 - 1e-6).ceil() / 10.0);
        format!("{} of {} ({low:.1} to {high:.1} %)", self.good, self.all)
    }
}

/// The cases: those of the other suites, those with a count, and those with an earlier examination.
fn many() -> Vec<Case> {
    let mut cases = cases::many();
    for before in [10.0, 15.0, 17.0, 18.0, 20.0, 22.0, 25.0, 30.0, 33.0, 40.0, 55.0] {
        cases.push(example::follow_up(before));
    }
    for (before, now) in [(0.04, 0.95), (0.95, 0.04), (0.95, 0.8), (0.75, 0.96)] {
        cases.push(compared(example::pneumonia(now), example::pneumonia(before)));
    }
    for (before, now) in [(6.1, 7.6), (6.1, 7.7), (8.4, 6.8), (6.0, 6.0)] {
        let of = |diameter: f64| {
            let mut case = example::nodules();
            case.findings[0].measurements = vec![example::measurement("mean diameter", diameter, "mm", 1)];
            case
        };
        cases.push(compared(of(now), of(before)));
    }
    for (step, count) in [1.0, 2.0, 3.0, 4.0, 5.0, 7.0].into_iter().enumerate() {
        for side in [Laterality::Left, Laterality::Right, Laterality::Bilateral] {
            let mut case = example::nodules();
            case.findings[0].laterality = Some(side);
            case.findings[0].measurements[0].quantity.value = count;
            case.findings[0].measurements[1].quantity.value += step as f64;
            cases.push(case);
        }
    }
    cases
}

/// A case compared with an earlier one of its kind.
fn compared(mut case: Case, before: Case) -> Case {
    let evidence = EvidenceId("P1".to_owned());
    case.evidence.push(Evidence {
        id: evidence.clone(),
        source: EvidenceSource::Measurement { method: "findings matched by name and side".to_owned() },
        summary: "an earlier report".to_owned(),
    });
    let earlier = Earlier { evidence, findings: before.findings, days: Some(92), is_proven: true };
    case.earlier = vec![earlier];
    case.priors = compare(&case.findings, &case.earlier).0;
    case
}

/// The sentences of a report about findings in a voice: section, claim, words.
fn spoken(report: &Report, voice: Voice) -> Vec<(Heading, Claim, String)> {
    let edition = edition(report, voice);
    let sections = edition.sections.into_iter();
    sections
        .flat_map(|section| {
            section.lines.into_iter().map(move |line| (section.heading, line.claim, line.text))
        })
        .filter(|(_, claim, _)| matches!(claim, Claim::Finding { .. } | Claim::Change { .. }))
        .collect()
}

/// The findings that a claim speaks of.
fn of(claim: &Claim) -> Vec<String> {
    match claim {
        Claim::Change { finding, .. } => vec![finding.0.clone()],
        claim => claim.statements().iter().map(|s| s.finding.0.clone()).collect(),
    }
}

/// Cases that differ from a case in one finding, by what differs.
fn altered(case: &Case) -> Vec<(Kind, usize, Case)> {
    let mut out = Vec::new();
    for (index, finding) in case.findings.iter().enumerate() {
        let mut put = |kind: Kind, change: &dyn Fn(&mut Finding)| {
            let mut other = case.clone();
            change(&mut other.findings[index]);
            if other.findings[index] != case.findings[index] {
                out.push((kind, index, other));
            }
        };
        for class in cases::CLASSES {
            if class == finding.certainty {
                continue;
            }
            let opposite = class.is_positive() != finding.certainty.is_positive()
                && class != Certainty::Indeterminate
                && finding.certainty != Certainty::Indeterminate;
            let kind = if opposite { Kind::Presence } else { Kind::Certainty };
            put(kind, &|f| f.certainty = class);
        }
        if !finding.normal {
            for side in [Some(Laterality::Left), Some(Laterality::Right), Some(Laterality::Bilateral)] {
                put(Kind::Side, &|f| f.laterality = side);
            }
            for name in ["hepatic cyst", "thyroid nodule", "pleural effusion", "intracranial hemorrhage"] {
                put(Kind::Site, &|f| f.observation.name = name.to_owned());
            }
            for name in
                ["pulmonary embolism", "rib fracture", "atelectasis", "lymphadenopathy", "hydrocephalus"]
            {
                put(Kind::Finding, &|f| f.observation.name = name.to_owned());
            }
        }
        for place in 0..finding.measurements.len() {
            let count = finding.measurements[place].name == "count";
            for factor in [0.5, 1.1, 2.0, 10.0] {
                put(if count { Kind::Count } else { Kind::Size }, &|f| {
                    let quantity = &mut f.measurements[place].quantity;
                    let step = 10_f64.powi(-i32::from(quantity.decimals));
                    let scaled = (quantity.value * factor / step).round() * step;
                    quantity.value = if scaled == quantity.value { quantity.value + step } else { scaled };
                });
            }
            for unit in ["mm", "cm", "mL", "[hnsf'U]"] {
                if !count {
                    put(Kind::Unit, &|f| f.measurements[place].quantity.unit = unit.to_owned());
                }
            }
        }
        for shift in [-0.2, -0.06, 0.06, 0.2] {
            put(Kind::Probability, &|f| {
                let p = &f.probability;
                let [low, estimate, high] =
                    [p.low, p.estimate, p.high].map(|end| (end.value() + shift).clamp(0.0, 1.0));
                f.probability = wilhelm_study::ProbabilityInterval::new(low, estimate, high, 0.95).unwrap();
            });
        }
    }
    for (place, prior) in case.priors.iter().enumerate() {
        let index = case.findings.iter().position(|finding| finding.id == prior.of).unwrap();
        for before in [9.0, 12.0, 19.0, 24.0, 31.0, 48.0] {
            let mut other = case.clone();
            let Some(measured) = other.priors[place].before.measurements.first_mut() else { continue };
            measured.quantity.value = before;
            if other != *case {
                out.push((Kind::Change, index, other));
            }
        }
    }
    out
}

/// Advice that no rule gives, in the two languages.
const ADVICE: [&[&str]; 2] = [
    &[
        "Biopsy is recommended.",
        "Follow-up in 3 months is recommended.",
        "No follow-up is needed.",
        "CT is recommended.",
        "Clinical correlation is not recommended.",
        "Antibiotics are recommended.",
        "Surgery is recommended.",
        "Review by a radiologist is not required.",
        "Immediate admission is recommended.",
        "Stop your medication.",
    ],
    &[
        "建议穿刺活检。",
        "建议3个月后复查。",
        "无需随访。",
        "建议行CT检查。",
        "无需结合临床。",
        "建议抗感染治疗。",
        "建议手术治疗。",
        "无需放射科医师审核。",
        "建议立即住院。",
        "请停药。",
    ],
];

/// The figures: wrong sentences refused by kind and language, right ones accepted by language.
pub struct Figures {
    pub wrong: BTreeMap<(Kind, &'static str), Count>,
    pub right: BTreeMap<&'static str, Count>,
    pub alarms: BTreeMap<&'static str, Count>,
}

fn build() -> Figures {
    let mut figures = Figures { wrong: BTreeMap::new(), right: BTreeMap::new(), alarms: BTreeMap::new() };
    for case in many() {
        let report = write(&case);
        let context = GroundContext::of(&report);
        let others: Vec<(Kind, usize, Report)> =
            altered(&case).into_iter().map(|(kind, index, other)| (kind, index, write(&other))).collect();
        for voice in Voice::ALL {
            let language = voice.language.tag();
            let right = spoken(&report, voice);
            for (_, claim, text) in &right {
                let same = same_meaning(claim, text, &context);
                let grounded = ground(text, &context);
                figures.right.entry(language).or_default().count(same.accepted && grounded.accepted, || {
                    format!("{text}: {}; {}", same.reason, grounded.reason)
                });
            }
            let own = retold(&report, &right);
            let found = contradictions(&own);
            figures.alarms.entry(language).or_default().count(found.is_empty(), || format!("{found:?}"));
            // Every second alteration in each voice; the two voices of a language take different halves.
            let half = usize::from(voice.audience == wilhelm_report::Audience::Patient);
            for (kind, index, other) in others.iter().skip(half).step_by(2) {
                wrong(*kind, &case.findings[*index], other, voice, (&report, &context, &right), &mut figures);
            }
            // Advice is the same in both voices of a language.
            let advice = ADVICE[usize::from(voice.language == Language::Zh)];
            for sentence in advice.iter().filter(|_| half == 0) {
                let grounded = ground(sentence, &context);
                let replaced =
                    report.sentences().find(|(_, s)| same_meaning(&s.claim, sentence, &context).accepted);
                figures
                    .wrong
                    .entry((Kind::Recommendation, language))
                    .or_default()
                    .count(!grounded.accepted && replaced.is_none(), || (*sentence).to_owned());
            }
        }
    }
    figures
}

/// The sentences of an altered report that differ from those of the report, held against the report.
fn wrong(
    kind: Kind,
    finding: &Finding,
    other: &Report,
    voice: Voice,
    (report, context, right): (&Report, &GroundContext, &[(Heading, Claim, String)]),
    figures: &mut Figures,
) {
    let language = voice.language.tag();
    for (heading, claim, text) in spoken(other, voice) {
        let about = of(&claim);
        if about != [finding.id.0.clone()] || right.iter().any(|(_, _, own)| *own == text) {
            continue;
        }
        let change = matches!(claim, Claim::Change { .. });
        let original = right.iter().find(|(own_heading, own, _)| {
            *own_heading == heading && of(own) == about && matches!(own, Claim::Change { .. }) == change
        });
        let grounded = ground(&text, context);
        let replaced = original.is_some_and(|(_, own, _)| same_meaning(own, &text, context).accepted);
        figures.wrong.entry((kind, language)).or_default().count(!grounded.accepted && !replaced, || {
            format!("{text} [of {}] {}", finding.observation.name, grounded.reason)
        });
        // The same sentence put into the report in place of its own.
        let both = matches!(kind, Kind::Presence | Kind::Certainty) && heading == Heading::Impression;
        let Some((_, own, _)) = original.filter(|_| !change && (both || text.len() % 4 == 0)) else {
            continue;
        };
        let sentences: Vec<(Heading, Claim, String)> = right
            .iter()
            .map(|(at, said, words)| {
                let here = *at == heading && said == own;
                (*at, said.clone(), if here { text.clone() } else { words.clone() })
            })
            .collect();
        let found = contradictions(&retold(report, &sentences));
        let has = |kind: ContradictionKind| found.iter().any(|one| one.kind == kind);
        figures
            .wrong
            .entry((Kind::ClassifierAndText, language))
            .or_default()
            .count(has(ContradictionKind::ClassifierAndText), || text.clone());
        if both {
            figures
                .wrong
                .entry((Kind::FindingsAndImpression, language))
                .or_default()
                .count(has(ContradictionKind::FindingsAndImpression), || text.clone());
        }
    }
}

/// The report with other words for its sentences about findings, in their order.
fn retold(report: &Report, sentences: &[(Heading, Claim, String)]) -> Report {
    let mut report = report.clone();
    let mut words = sentences.iter();
    for section in &mut report.sections {
        for sentence in &mut section.sentences {
            if matches!(sentence.claim, Claim::Finding { .. } | Claim::Change { .. }) {
                sentence.text = words.next().unwrap().2.clone();
            }
        }
    }
    report
}

/// Made once.
pub fn figures() -> &'static Figures {
    static FIGURES: OnceLock<Figures> = OnceLock::new();
    FIGURES.get_or_init(build)
}

/// `docs/gate.json`
pub fn committed() -> Value {
    let figures = figures();
    let mut wrong = serde_json::Map::new();
    for ((kind, language), count) in &figures.wrong {
        let row = wrong.entry(kind.words()).or_insert_with(|| json!({}));
        row[*language] = count.json();
    }
    let by_language = |counts: &BTreeMap<&'static str, Count>| -> Value {
        counts.iter().map(|(language, count)| ((*language).to_owned(), count.json())).collect()
    };
    json!({
        "command": "WILHELM_WRITE_FIGURES=1 cargo nextest run --cargo-profile release -p wilhelm-report --test gate kinds",
        "interval": "Wilson, 95 %",
        "wrong_refused": wrong,
        "right_accepted": by_language(&figures.right),
        "reports_without_a_false_contradiction": by_language(&figures.alarms),
    })
}

/// The table of `docs/gate.md`.
pub fn table() -> String {
    let figures = figures();
    let mut text = String::from("| wrong in | English | Chinese |\n|---|---|---|\n");
    let kinds: std::collections::BTreeSet<Kind> = figures.wrong.keys().map(|(kind, _)| *kind).collect();
    let cell =
        |kind: Kind, language| figures.wrong.get(&(kind, language)).map_or_else(String::new, Count::words);
    for kind in kinds {
        let _ = writeln!(text, "| {} | {} | {} |", kind.words(), cell(kind, "en"), cell(kind, "zh"));
    }
    let _ = writeln!(
        text,
        "| right sentences accepted | {} | {} |",
        figures.right["en"].words(),
        figures.right["zh"].words()
    );
    let _ = writeln!(
        text,
        "| reports without a false contradiction | {} | {} |",
        figures.alarms["en"].words(),
        figures.alarms["zh"].words()
    );
    text
}

// One test, since nextest gives each its own process and the figures take a while.
#[test]
fn wrong_sentences_of_each_kind_are_refused_in_both_languages_and_right_ones_accepted() {
    let figures = figures();
    for ((kind, language), count) in &figures.wrong {
        println!("{} {language}: {}", kind.words(), count.words());
        for bad in count.bad.iter().take(12) {
            println!("  {bad}");
        }
    }
    let accepted = [&figures.right, &figures.alarms];
    for (language, count) in accepted.into_iter().flatten() {
        println!("{language}: {}", count.words());
        for bad in count.bad.iter().take(12) {
            println!("  {bad}");
        }
    }
    println!("{}", table());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/gate.json");
    let measured = serde_json::to_string_pretty(&committed()).unwrap() + "\n";
    if std::env::var_os("WILHELM_WRITE_FIGURES").is_some() {
        std::fs::write(path, &measured).unwrap();
    }
    for ((kind, language), count) in &figures.wrong {
        assert!(count.all >= 40, "{} {language}: only {}", kind.words(), count.all);
        assert!(count.good * 100 >= count.all * 99, "{} {language}: {}", kind.words(), count.words());
    }
    for (language, count) in accepted.into_iter().flatten() {
        assert_eq!(count.good, count.all, "{language}: {:?}", &count.bad[..count.bad.len().min(20)]);
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == measured, "docs/gate.json differs; run the test again with WILHELM_WRITE_FIGURES=1");
    let document = include_str!("../../../../docs/gate.md");
    assert!(document.contains(&table()), "docs/gate.md differs; its table by kind is:\n{}", table());
}
