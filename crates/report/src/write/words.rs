//! The words the writer uses for findings, numbers and examinations.

use wilhelm_study::{
    Certainty, Finding, ImageBox, Laterality, Measurement, Modality, ProbabilityInterval, Quantity,
};

use crate::change::{Change, Compared};
use crate::{Exam, Statement};

/// With a capital first letter.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The class of "not this".
pub(crate) const fn complement(certainty: Certainty) -> Certainty {
    match certainty {
        Certainty::Absent => Certainty::Present,
        Certainty::Unlikely => Certainty::Probable,
        Certainty::Indeterminate => Certainty::Indeterminate,
        Certainty::Probable => Certainty::Unlikely,
        Certainty::Present => Certainty::Absent,
    }
}

/// A side as an adjective.
pub(crate) const fn side(laterality: Laterality) -> &'static str {
    match laterality {
        Laterality::Left => "left",
        Laterality::Right => "right",
        Laterality::Bilateral => "bilateral",
    }
}

/// A unit as a reader says it: UCUM's `[hnsf'U]` is `HU`.
pub(crate) fn unit(ucum: &str) -> &str {
    match ucum {
        "[hnsf'U]" => "HU",
        "cm3" => "mL",
        "1" => "",
        other => other,
    }
}

/// A number with its unit as a reader says it.
pub(crate) fn quantity(quantity: &Quantity) -> String {
    format!("{:.*} {}", usize::from(quantity.decimals), quantity.value, unit(&quantity.unit))
        .trim()
        .to_owned()
}

/// A probability in whole percent; the ends are named, never rounded to certainty.
pub(crate) fn percent(probability: f64) -> String {
    match probability {
        p if p < 0.01 => "less than 1 %".to_owned(),
        p if p > 0.99 => "more than 99 %".to_owned(),
        p => format!("{:.0} %", p * 100.0),
    }
}

/// `87 % (95 % interval 80 to 92 %)`; the low end is never rounded to 100, nor the high end to 0.
pub(crate) fn probability(interval: &ProbabilityInterval) -> String {
    format!(
        "{} ({:.0} % interval {:.0} to {:.0} %)",
        percent(interval.estimate.value()),
        interval.level.value() * 100.0,
        (interval.low.value() * 100.0).round().min(99.0),
        (interval.high.value() * 100.0).round().max(1.0)
    )
}

/// What a sentence is about, and how sure it is of that: a state of health named `no tumor` is
/// spoken of as its contrary, a tumor.
pub(crate) fn subject(finding: &Finding) -> (String, Certainty, bool) {
    let name = finding.observation.name.trim();
    let (name, certainty, contrary) = match name.strip_prefix("no ").or_else(|| name.strip_prefix("No ")) {
        Some(contrary) => (contrary.to_owned(), complement(finding.certainty), true),
        None if name.eq_ignore_ascii_case("normal") => {
            ("normal appearance".to_owned(), finding.certainty, false)
        }
        None => (name.to_owned(), finding.certainty, false),
    };
    let named = match finding.laterality {
        Some(laterality) => format!("{} {name}", side(laterality)),
        None => name,
    };
    (named, certainty, contrary)
}

/// Whether a finding's own name denies something or says that all is well: `no tumor`, `normal`.
fn is_denial(finding: &Finding) -> bool {
    finding.normal || finding.observation.name.trim().to_lowercase().starts_with("no ")
}

/// How sure the report is, beside a finding's name in a table.
///
/// A name that denies is supported or not: "no tumor: no evidence" would deny twice, and "no tumor: present" says nothing.
pub(crate) fn class(finding: &Finding) -> &'static str {
    let [other, denial] = match finding.certainty {
        Certainty::Present => ["present", "supported"],
        Certainty::Probable => ["probable"; 2],
        Certainty::Indeterminate => ["indeterminate"; 2],
        Certainty::Unlikely => ["unlikely"; 2],
        Certainty::Absent => ["no evidence", "not supported"],
    };
    if is_denial(finding) { denial } else { other }
}

/// The same in Chinese.
pub(crate) fn chinese_class(finding: &Finding) -> &'static str {
    let [other, denial] = match finding.certainty {
        Certainty::Present => ["符合"; 2],
        Certainty::Probable => ["可能性大"; 2],
        Certainty::Indeterminate => ["不能确定"; 2],
        Certainty::Unlikely => ["可能性小"; 2],
        Certainty::Absent => ["未见征象", "不符合"],
    };
    if is_denial(finding) { denial } else { other }
}

/// What a finding's certainty means for the reader's alarm: of a state of health its contrary.
pub(crate) fn alarm(finding: &Finding) -> Certainty {
    if is_denial(finding) { complement(finding.certainty) } else { finding.certainty }
}

/// Whether a certainty says the thing may be there.
const fn may_be(certainty: Certainty) -> bool {
    matches!(certainty, Certainty::Present | Certainty::Probable | Certainty::Indeterminate)
}

/// Whether the finding is stated as something that is or may be there.
pub(crate) fn speaks_for(finding: &Finding) -> bool {
    may_be(finding.certainty)
}

/// Whether the finding says that a disease is or may be there.
pub(crate) fn speaks_for_disease(finding: &Finding) -> bool {
    !finding.normal && speaks_for(finding)
}

/// Order of findings in the report: what is there, what may be, what is not; by name within.
pub(crate) fn rank(finding: &Finding) -> (u8, bool, String) {
    let class = match finding.certainty {
        Certainty::Present => 0,
        Certainty::Probable => 1,
        Certainty::Indeterminate => 2,
        Certainty::Unlikely => 3,
        Certainty::Absent => 4,
    };
    (class, finding.normal, finding.observation.name.clone())
}

fn measured(measurements: &[Measurement]) -> String {
    measurements.iter().map(|m| format!(", {} {}", m.name, quantity(&m.quantity))).collect()
}

/// The sentence of the findings section: all the finding says.
pub(crate) fn full(finding: &Finding) -> String {
    let (named, certainty, contrary) = subject(finding);
    let numbers = measured(&finding.measurements);
    let head = match certainty {
        Certainty::Present => format!("Appearance consistent with {named}{numbers}"),
        Certainty::Probable => format!("{} is probable{numbers}", capital(&named)),
        Certainty::Indeterminate => format!("The appearance is indeterminate for {named}{numbers}"),
        Certainty::Unlikely => format!("{} is unlikely{numbers}", capital(&named)),
        Certainty::Absent => format!("No evidence of {named}{numbers}"),
    };
    let of = if contrary { format!(" of {}", finding.observation.name.trim()) } else { String::new() };
    format!("{head}; estimated probability{of} {}.", probability(&finding.probability))
}

/// What became of a finding since an earlier examination.
pub(crate) fn change(finding: &Finding, change: Change, compared: Option<&Compared>) -> String {
    crate::ground::say_change(&subject(finding).0, change, compared)
}

/// Where the network looked, in the picture's own terms: it knows no anatomy.
pub(crate) fn place(finding: &Finding, place: ImageBox, flat: bool) -> String {
    let (named, ..) = subject(finding);
    let slice = if flat { String::new() } else { format!(" of slice {}", place.slice + 1) };
    format!(
        "The region that weighed most for {named} lies at columns {} to {} and rows {} to {}{slice} of the image; \
         it shows where the network looked and does not outline a lesion.",
        place.column + 1,
        place.column + place.columns,
        place.row + 1,
        place.row + place.rows
    )
}

/// The impression: sentences with the findings they speak of, most certain first.
pub(crate) fn impression(findings: &[Finding]) -> Vec<(String, Vec<&Finding>)> {
    let mut ordered: Vec<&Finding> = findings.iter().collect();
    ordered.sort_by_key(|finding| rank(finding));
    let healthy = ordered.iter().any(|f| f.normal && f.certainty.is_positive());
    let diseased = ordered.iter().any(|f| !f.normal && f.certainty.is_positive());
    let mut said = Vec::new();
    let mut unlikely = Vec::new();
    let mut absent = Vec::new();
    for finding in ordered {
        let (named, certainty, _) = subject(finding);
        if finding.normal && !finding.certainty.is_positive() && diseased {
            continue;
        }
        let numbers = measured(&finding.measurements);
        match certainty {
            Certainty::Present => said.push((format!("Consistent with {named}{numbers}."), vec![finding])),
            Certainty::Probable => said.push((format!("Probable {named}{numbers}."), vec![finding])),
            Certainty::Indeterminate => {
                said.push((format!("Indeterminate for {named}{numbers}."), vec![finding]));
            }
            Certainty::Unlikely if finding.normal => {
                said.push((format!("{} is unlikely.", capital(&named)), vec![finding]));
            }
            Certainty::Absent if finding.normal => {
                said.push((format!("No evidence of {named}."), vec![finding]));
            }
            Certainty::Unlikely => unlikely.push((named, finding)),
            Certainty::Absent => absent.push((named, finding)),
        }
    }
    if !unlikely.is_empty() {
        let verb = if unlikely.len() == 1 { "is" } else { "are" };
        let text = format!("{} {verb} unlikely.", capital(&list(&unlikely, "and")));
        said.push((text, unlikely.iter().map(|(_, finding)| *finding).collect()));
    }
    if !absent.is_empty() && !(healthy && said.iter().any(|(_, of)| of.iter().any(|f| f.normal))) {
        let text = format!("No evidence of {}.", list(&absent, "or"));
        said.push((text, absent.iter().map(|(_, finding)| *finding).collect()));
    }
    said
}

/// What an impression's sentence states of a finding: numbers only where it may be there.
pub(crate) fn impression_statement(finding: &Finding) -> Statement {
    if may_be(subject(finding).1) { Statement::measured(finding) } else { Statement::brief(finding) }
}

fn list(named: &[(String, &Finding)], last: &str) -> String {
    match named {
        [] => String::new(),
        [(one, _)] => one.clone(),
        [before @ .., (end, _)] => {
            let before: Vec<&str> = before.iter().map(|(name, _)| name.as_str()).collect();
            format!("{} {last} {end}", before.join(", "))
        }
    }
}

/// A sentence of a model's card in the report: what the card calls `It` is the model, or one of several by its name.
pub(crate) fn limit(text: &str, model: &str, is_one_of_several: bool) -> String {
    match (text.strip_prefix("It "), is_one_of_several) {
        (Some(rest), false) => format!("The model {rest}"),
        (Some(rest), true) => format!("Model {model} {rest}"),
        (None, _) => capital(text),
    }
}

/// The card's sentence behind one of [`limit`], and the model's name where it is one of several.
pub(crate) fn of_card(limit: &str) -> Option<(String, Option<&str>)> {
    if let Some(rest) = limit.strip_prefix("The model ") {
        return Some((format!("It {rest}"), None));
    }
    let (model, rest) = limit.strip_prefix("Model ")?.split_once(' ')?;
    Some((format!("It {rest}"), Some(model)))
}

/// The examination as a title: `Chest radiograph, posteroanterior view`.
pub(crate) fn title(exam: &Exam) -> String {
    let part = exam.body_part.as_deref().map(str::trim).filter(|part| !part.is_empty());
    let mut text = match (&exam.modality, part) {
        (Some(modality @ (Modality::Cr | Modality::Dx | Modality::Us)), Some(part)) => {
            format!("{part} {}", modality.spoken())
        }
        (Some(modality @ (Modality::Ct | Modality::Mr | Modality::Pt)), Some(part)) => {
            format!("{} of the {part}", modality.spoken())
        }
        (Some(other), Some(part)) => format!("{part} image ({})", other.term()),
        (Some(modality), None) => format!("{}, body part not stated", modality.spoken()),
        (None, Some(part)) => format!("{part} image, modality not stated"),
        (None, None) => "image, modality and body part not stated".to_owned(),
    };
    if let Some(view) = &exam.view {
        text.push_str(&format!(", {} view", view.spoken()));
    }
    capital(&text)
}

/// The sentence of the technique section.
pub(crate) fn technique(exam: &Exam) -> String {
    let [columns, rows, slices] = exam.size;
    let mut text = title(exam);
    if slices > 1 {
        text.push_str(&format!("; {slices} slices of {columns} x {rows} pixels"));
    } else {
        text.push_str(&format!("; 1 image of {columns} x {rows} pixels"));
    }
    if let Some([between_columns, between_rows, between_slices]) = exam.spacing_mm {
        text.push_str(&format!(", spacing {between_columns:.2} x {between_rows:.2}"));
        if slices > 1 {
            text.push_str(&format!(" x {between_slices:.2}"));
        }
        text.push_str(" mm");
    } else {
        text.push_str(", spacing not stated");
    }
    if exam.files != 1 {
        text.push_str(&format!(", from {} files", exam.files));
    }
    text.push('.');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    #[test]
    fn a_name_that_denies_is_supported_or_not_and_alarms_by_what_it_denies() {
        let check = |name: &str, normal: bool, probability: f64, said: [&str; 2], alarms: Certainty| {
            let mut finding = example::finding("F1", name, &[], probability, 0.02);
            finding.normal = normal;
            assert_eq!([class(&finding), chinese_class(&finding)], said, "{name}");
            assert_eq!(alarm(&finding), alarms, "{name}");
        };
        check("pneumonia", false, 0.04, ["no evidence", "未见征象"], Certainty::Absent);
        check("pneumonia", false, 0.96, ["present", "符合"], Certainty::Present);
        check("no breast lesion", true, 0.04, ["not supported", "不符合"], Certainty::Present);
        check("no breast lesion", true, 0.96, ["supported", "符合"], Certainty::Absent);
        check("No tumor", false, 0.2, ["unlikely", "可能性小"], Certainty::Probable);
        check("normal", true, 0.5, ["indeterminate", "不能确定"], Certainty::Indeterminate);
    }

    #[test]
    fn a_cards_sentence_names_the_model_and_is_found_again() {
        let card = "It must not be used on adults";
        assert_eq!(limit(card, "x", false), "The model must not be used on adults");
        assert_eq!(limit(card, "x", true), "Model x must not be used on adults");
        assert_eq!(limit("not for children", "x", true), "Not for children");
        assert_eq!(of_card("The model must not be used on adults"), Some((card.to_owned(), None)));
        assert_eq!(of_card("Model x must not be used on adults"), Some((card.to_owned(), Some("x"))));
        assert_eq!(of_card("Not for children"), None);
    }
}
