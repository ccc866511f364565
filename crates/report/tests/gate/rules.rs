use wilhelm_report::{Claim, GroundContext, Heading, Report, Statement, ground, same_meaning, write};
use wilhelm_study::{Certainty, Finding, Laterality};

use crate::{Tally, cases};

/// A correct sentence with what it says.
pub struct Correct {
    /// Index of the case in [`cases::many`].
    pub case: usize,
    /// The claim it states.
    pub claim: Claim,
    /// The words.
    pub text: String,
}

/// The name with its side, as the writer's sentences carry it.
pub fn named(finding: &Finding) -> String {
    let name = &finding.observation.name;
    match finding.laterality {
        Some(Laterality::Left) => format!("left {name}"),
        Some(Laterality::Right) => format!("right {name}"),
        Some(Laterality::Bilateral) => format!("bilateral {name}"),
        None => name.clone(),
    }
}

/// Wordings of a class; `{x}` is the finding.
pub fn heads(certainty: Certainty) -> &'static [&'static str] {
    match certainty {
        Certainty::Present => &[
            "{X} is present",
            "There is evidence of {x}",
            "The findings are consistent with {x}",
            "{X} is seen",
            "The image shows {x}",
        ],
        Certainty::Probable => &[
            "{X} is likely",
            "Probable {x}",
            "The findings are suspicious for {x}",
            "{X} is probably present",
            "There is probably {x}",
        ],
        Certainty::Indeterminate => &[
            "{X} is possible",
            "Possible {x}",
            "The image is indeterminate for {x}",
            "{X} may be present",
            "{X} can be neither confirmed nor excluded",
        ],
        Certainty::Unlikely => &[
            "{X} is not likely",
            "{X} is probably absent",
            "It is unlikely that there is {x}",
            "Unlikely {x}",
            "There is probably no {x}",
        ],
        Certainty::Absent => &[
            "No {x}",
            "There is no evidence of {x}",
            "{X} is not seen",
            "Negative for {x}",
            "No {x} is identified",
        ],
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect())
}

/// A head with its finding.
pub fn head(template: &str, finding: &Finding) -> String {
    let x = named(finding);
    template.replace("{x}", &x).replace("{X}", &capital(&x))
}

fn unit(ucum: &str) -> &str {
    if ucum == "[hnsf'U]" { "HU" } else { ucum }
}

fn measured(finding: &Finding, style: usize) -> String {
    finding
        .measurements
        .iter()
        .map(|m| {
            let q = &m.quantity;
            let plain = format!("{:.*} {}", usize::from(q.decimals), q.value, unit(&q.unit));
            let words = match (style % 3, q.unit.as_str()) {
                (1, "mm") => format!("{} cm", (q.value * 1000.0).round() / 10_000.0),
                (2, "mL") => format!("{:.*} cc", usize::from(q.decimals), q.value),
                _ => plain,
            };
            match style % 3 {
                0 => format!(", {} {words}", m.name),
                1 => format!(", with a {} of {words}", m.name),
                _ => format!(" ({} {words})", m.name),
            }
        })
        .collect()
}

fn probability(finding: &Finding, style: usize) -> String {
    let p = &finding.probability;
    let percent = |v: f64| format!("{:.0}", v * 100.0);
    let estimate = match p.estimate.value() {
        v if v < 0.01 => "less than 1".to_owned(),
        v if v > 0.99 => "more than 99".to_owned(),
        v => percent(v),
    };
    let (low, high) = (percent(p.low.value()), percent(p.high.value()));
    match style % 4 {
        0 => format!("; estimated probability {estimate} % (95 % interval {low} to {high} %)"),
        1 => format!(", with an estimated probability of {estimate} % (95 % interval {low} to {high} %)"),
        2 => format!(" (probability {estimate}%, 95% CI {low}-{high}%)"),
        _ => {
            format!(
                ". The estimated probability is {estimate} percent (95 percent interval {low} to {high} percent)"
            )
        }
    }
}

/// Findings that templates can speak of: diseases, not states of health.
fn plain_findings(report: &Report) -> impl Iterator<Item = &Finding> {
    report.findings.iter().filter(|finding| !finding.normal)
}

/// Paraphrases by rule of the full statement and of the brief one, for every finding of every case.
pub fn correct() -> Vec<Correct> {
    let mut all = Vec::new();
    for (case, report) in cases::many().iter().map(write).enumerate() {
        for (index, finding) in plain_findings(&report).enumerate() {
            for (step, template) in heads(finding.certainty).iter().enumerate() {
                let said = head(template, finding);
                let style = case + index + step;
                let text = format!("{said}{}{}.", measured(finding, style), probability(finding, style / 2));
                let claim = Claim::Finding { statements: vec![Statement::full(finding)] };
                all.push(Correct { case, claim, text });
                let text = format!("{said}{}.", measured(finding, style + 1));
                let claim = Claim::Finding { statements: vec![Statement::measured(finding)] };
                all.push(Correct { case, claim, text });
            }
        }
        for (heading, sentence) in report.sentences() {
            let about_findings = matches!(heading, Heading::Findings | Heading::Impression);
            if about_findings && sentence.may_be_rephrased() {
                all.push(Correct { case, claim: sentence.claim.clone(), text: sentence.text.clone() });
            }
        }
    }
    all
}

/// Paraphrases by rule that pass both ways of asking.
pub fn tally() -> Tally {
    let mut tally = Tally::new("paraphrases by rule");
    let contexts: Vec<GroundContext> = cases::many().iter().map(|c| GroundContext::of(&write(c))).collect();
    for Correct { case, claim, text } in correct() {
        let context = &contexts[case];
        let grounded = ground(&text, context);
        let same = same_meaning(&claim, &text, context);
        tally.count(grounded.accepted && same.accepted, || {
            format!("{text} -> ground: {}; same: {}", grounded.reason, same.reason)
        });
    }
    tally
}
