use std::sync::OnceLock;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wilhelm_report::{Claim, GroundContext, Report, ground, same_meaning, write};
use wilhelm_study::{Certainty, Finding};

use crate::rules::{Correct, correct, head, heads, named};
use crate::{Tally, cases};

/// Findings no case holds.
const INVENTED: [&str; 12] = [
    "pneumomediastinum",
    "rib fracture",
    "lymphadenopathy",
    "cardiomegaly",
    "hemorrhage",
    "atelectasis",
    "liver metastasis",
    "abscess",
    "hiatal hernia",
    "pulmonary embolism",
    "gallstone",
    "hydrocephalus",
];

fn one<'a>(claim: &Claim, report: &'a Report) -> Option<&'a Finding> {
    match claim.statements() {
        [statement] => report.finding(&statement.finding).filter(|finding| !finding.normal),
        _ => None,
    }
}

/// Replaces the first `from` that stands as a word, in either case.
fn swap(text: &str, from: &str, to: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let at = lower.match_indices(from).map(|(at, _)| at).find(|&at| {
        let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
        edge(lower[..at].chars().next_back()) && edge(lower[at + from.len()..].chars().next())
    })?;
    Some(format!("{}{to}{}", &text[..at], &text[at + from.len()..]))
}

fn wrong_side(text: &str, finding: &Finding, rng: &mut ChaCha8Rng) -> Option<String> {
    let sides = ["left", "right", "bilateral"];
    if let Some(side) = sides.iter().find(|side| swap(text, side, side).is_some()) {
        let others: Vec<&&str> = sides.iter().filter(|s| s != &side).collect();
        return swap(text, side, others[rng.random_range(0..others.len())]);
    }
    let name = &finding.observation.name;
    let side = sides[rng.random_range(0..3)];
    swap(text, &name.to_lowercase(), &format!("{side} {name}"))
}

/// The rest of a sentence after its head: from the first mark that is followed by numbers.
fn tail(text: &str) -> &str {
    let start = text.find([',', ';', '(']).or_else(|| text.find(". ")).unwrap_or(text.len() - 1);
    let start = if text[..start].ends_with(' ') { start - 1 } else { start };
    &text[start..]
}

fn regraded(text: &str, finding: &Finding, class: Certainty, rng: &mut ChaCha8Rng) -> String {
    let templates = heads(class);
    let template = templates[rng.random_range(0..templates.len())];
    format!("{}{}", head(template, finding), tail(text))
}

fn flipped(text: &str, finding: &Finding, rng: &mut ChaCha8Rng) -> Option<String> {
    let class = match finding.certainty {
        Certainty::Present | Certainty::Probable => Certainty::Absent,
        Certainty::Absent | Certainty::Unlikely => Certainty::Present,
        Certainty::Indeterminate => return None,
    };
    let direct = [
        ("no evidence of", "evidence of"),
        ("is not seen", "is seen"),
        ("negative for", "positive for"),
        ("consistent with", "not consistent with"),
        ("is present", "is not present"),
        ("there is evidence", "there is no evidence"),
        ("is seen", "is not seen"),
        ("image shows", "image does not show"),
        ("no", "there is"),
    ];
    let negates = matches!(finding.certainty, Certainty::Absent | Certainty::Present);
    if negates && rng.random_range(0..2) == 0 {
        let changed = direct.iter().find_map(|(from, to)| swap(text, from, to));
        if changed.is_some() {
            return changed;
        }
    }
    Some(regraded(text, finding, class, rng))
}

fn regrade(text: &str, finding: &Finding, rng: &mut ChaCha8Rng) -> String {
    let others: Vec<Certainty> = cases::CLASSES.into_iter().filter(|c| *c != finding.certainty).collect();
    regraded(text, finding, others[rng.random_range(0..others.len())], rng)
}

/// Places of the numbers of a text.
fn numbers(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        let inside =
            c.is_ascii_digit() || (c == '.' && text[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
        match (inside, start) {
            (true, None) => start = Some(at),
            (false, Some(begin)) => {
                found.push((begin, at));
                start = None;
            }
            _ => {}
        }
    }
    found
}

fn changed_number(text: &str, rng: &mut ChaCha8Rng) -> Option<String> {
    let numbers = numbers(text);
    if numbers.is_empty() {
        return None;
    }
    let (start, end) = numbers[rng.random_range(0..numbers.len())];
    let before: f64 = text[start..end].parse().ok()?;
    let decimals = text[start..end].split_once('.').map_or(0, |(_, d)| d.len());
    let after = match rng.random_range(0..4) {
        0 => before + 10.0_f64.powi(-(decimals as i32)),
        1 => (before - 10.0_f64.powi(-(decimals as i32))).max(0.0),
        2 => before * 10.0,
        _ => before + f64::from(rng.random_range(2..30_u8)),
    };
    let after = format!("{after:.decimals$}");
    (after != text[start..end]).then(|| format!("{}{after}{}", &text[..start], &text[end..]))
}

fn changed_unit(text: &str, rng: &mut ChaCha8Rng) -> Option<String> {
    let (from, to) = [("mm", ["cm", "mL", "HU"]), ("cm", ["mm", "mL", "HU"]), ("cc", ["mm", "L", "HU"])]
        .into_iter()
        .chain([("ml", ["mm", "L", "cm"]), ("hu", ["mm", "mL", "%"])])
        .find(|(from, _)| swap(text, from, from).is_some())?;
    swap(text, from, to[rng.random_range(0..3)])
}

fn invented(text: &str, rng: &mut ChaCha8Rng) -> String {
    let name = INVENTED[rng.random_range(0..INVENTED.len())];
    let body = text.trim_end_matches('.');
    match rng.random_range(0..6) {
        0 => format!("{body} and {name}."),
        1 => format!("{body}. {name} is present."),
        2 => format!("{body}; no {name}."),
        3 => format!("{body} with {name}."),
        4 => format!("Probable {name}. {text}"),
        _ => format!("{body}, {name} is also seen."),
    }
}

/// Leaves out the probability, the interval, a measurement, the side, or one finding of several.
fn dropped(correct: &Correct, report: &Report, rng: &mut ChaCha8Rng) -> Option<String> {
    let text = &correct.text;
    let statements = correct.claim.statements();
    if let [_, _, ..] = statements {
        let finding = report.finding(&statements[rng.random_range(0..statements.len())].finding)?;
        let name = named(finding);
        let kept: Vec<String> = statements
            .iter()
            .filter_map(|s| report.finding(&s.finding))
            .map(named)
            .filter(|n| *n != name)
            .collect();
        let template = heads(finding.certainty)[1];
        return Some(format!(
            "{}.",
            template.replace("{x}", &kept.join(" or ")).replace("{X}", &kept.join(" or "))
        ));
    }
    let statement = statements.first()?;
    let side = ["left ", "right ", "bilateral "].into_iter().find(|side| text.to_lowercase().contains(side));
    let choice = rng.random_range(0..3);
    if choice == 0
        && let Some(side) = side
    {
        return swap(text, side.trim(), "").map(|t| t.replace("  ", " ").trim().to_owned());
    }
    if choice == 1 && (statement.probability.is_some() || !statement.quantities.is_empty()) {
        return Some(format!("{}.", text[..text.len() - tail(text).len()].trim_end()));
    }
    if statement.probability.is_some() {
        let start = text.find("(95").or_else(|| text.find(", 95%"))?;
        let rest = &text[start..];
        let end = if rest.starts_with(',') { rest.find(')')? } else { rest.find(')')? + 1 };
        return Some(format!("{}{}", text[..start].trim_end(), &rest[end..]));
    }
    None
}

fn build() -> Vec<Tally> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let reports: Vec<Report> = cases::many().iter().map(write).collect();
    let contexts: Vec<GroundContext> = reports.iter().map(GroundContext::of).collect();
    let names = [
        "wrong side",
        "flipped negation",
        "changed certainty",
        "changed number",
        "changed unit",
        "invented finding",
        "dropped part",
    ];
    let mut tallies: Vec<Tally> = names.map(Tally::new).into();
    for correct in correct() {
        let (report, context) = (&reports[correct.case], &contexts[correct.case]);
        let text = correct.text.as_str();
        let finding = one(&correct.claim, report);
        let mutants = [
            finding.and_then(|f| wrong_side(text, f, &mut rng)),
            finding.and_then(|f| flipped(text, f, &mut rng)),
            finding.map(|f| regrade(text, f, &mut rng)),
            changed_number(text, &mut rng),
            changed_unit(text, &mut rng),
            Some(invented(text, &mut rng)),
            dropped(&correct, report, &mut rng),
        ];
        for (kind, mutant) in mutants.into_iter().enumerate() {
            let Some(mutant) = mutant.filter(|mutant| mutant != text) else { continue };
            let replaced = same_meaning(&correct.claim, &mutant, context);
            // What drops a part may still be true; it must not stand in for the sentence.
            let grounded = kind != 6 && ground(&mutant, context).accepted;
            tallies[kind].count(!grounded && !replaced.accepted, || {
                format!("{mutant} [from {text}] grounded {grounded}, same {}", replaced.accepted)
            });
        }
    }
    tallies
}

/// One tally a kind of mutant; made once.
pub fn tallies() -> &'static [Tally] {
    static TALLIES: OnceLock<Vec<Tally>> = OnceLock::new();
    TALLIES.get_or_init(build)
}
