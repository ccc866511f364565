//! What a label stands for, where a file says less than DICOM asks.

use wilhelm_study::{CodedConcept, Segment, SegmentAlgorithm};

/// Name given where a file does not say which program drew a segment.
const NOT_STATED: &str = "not stated";

/// A segment of which a file gives no more than a name.
///
/// Category and property get a private code that says so, since nothing is known of them. Who drew
/// it is not known either: `Semiautomatic`, the middle of the three, stands for that, with the
/// program `not stated`.
pub(crate) fn unstated(name: &str) -> Segment {
    let not_stated = || CodedConcept::new("99WILHELM", "NOT-STATED", "Not stated");
    coded(name, not_stated(), not_stated())
}

/// A segment with its codes, drawn by nobody knows whom.
pub(crate) fn coded(name: &str, category: CodedConcept, property: CodedConcept) -> Segment {
    Segment {
        name: clean(name),
        category,
        property,
        algorithm: SegmentAlgorithm::Semiautomatic,
        algorithm_name: NOT_STATED.to_owned(),
        tracking_uid: None,
        tracking_id: None,
    }
}

/// One line of at most 200 characters, without control characters.
pub(crate) fn clean(name: &str) -> String {
    let line: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    line.trim().to_owned()
}

/// The name that a file is given for a segment: one line, never empty.
pub(crate) fn written_name(label: u16, segment: &Segment) -> String {
    let name = clean(&segment.name);
    if name.is_empty() { format!("label {label}") } else { name }
}

/// A color for people, by the label's number alone: red, green, blue from 0 to 1.
///
/// Hues step by the golden ratio, so that neighboring numbers are far apart.
pub(crate) fn color(label: u16) -> [f64; 3] {
    let hue = f64::from(label) * 0.618_033_988_749_895 % 1.0 * 6.0;
    [0.0, 4.0, 2.0].map(|shift| {
        let ramp = ((hue + shift) % 6.0 - 3.0).abs() - 1.0;
        0.25 + 0.75 * ramp.clamp(0.0, 1.0)
    })
}
