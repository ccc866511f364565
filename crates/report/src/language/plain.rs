//! English for the person who was examined.

use wilhelm_study::{Finding, Laterality, Measurement};

use crate::write::words;

/// Names that take no article end so.
const UNCOUNTED: [&str; 19] = [
    "pneumonia",
    "infection",
    "osis",
    "edema",
    "cancer",
    "malignancy",
    "atelectasis",
    "consolidation",
    "emphysema",
    "hemorrhage",
    "lymphadenopathy",
    "tissue",
    "ascites",
    "tuberculosis",
    "megaly",
    "thickening",
    "infiltration",
    "opacity",
    "mediastinum",
];

/// The name with its article and side: `a left renal cyst`, `pneumonia`.
pub(super) fn named(name: &str, finding: &Finding) -> String {
    let sided = finding
        .laterality
        .map_or_else(|| name.to_owned(), |laterality| format!("{} {name}", words::side(laterality)));
    if finding.laterality == Some(Laterality::Bilateral) || is_uncounted(name) {
        return sided;
    }
    format!("{}{sided}", article(&sided))
}

/// A name with its article: `a glioma`, `pneumonia`.
pub(crate) fn with_article(name: &str) -> String {
    if is_uncounted(name) { name.to_owned() } else { format!("{}{name}", article(name)) }
}

fn is_uncounted(name: &str) -> bool {
    UNCOUNTED.iter().any(|end| name.ends_with(end))
}

fn article(name: &str) -> &'static str {
    if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an " } else { "a " }
}

/// `, greatest diameter 23 mm`, for each measurement.
pub(super) fn measured(measurements: &[Measurement]) -> String {
    measurements.iter().map(|m| format!(", {} {}", m.name, words::quantity(&m.quantity))).collect()
}

/// Names with commas between and a last word.
pub(super) fn list(names: &[String], last: &str) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., end] => format!("{} {last} {end}", before.join(", ")),
    }
}
