//! What was measured and no finding carries, as groups of a structured report (TID 1501), and read again.

use wilhelm_formats::dicom::objects::{
    Algorithm, MeasuredValue, MeasurementGroup, MeasurementReport, Region,
};
use wilhelm_report::{Measured, Report};
use wilhelm_study::{EvidenceId, Quantity};

use super::OutputError;

/// The program in Algorithm Name; how it measured stands in Algorithm Parameters.
const PROGRAM: &str = "Wilhelm";

/// A group for what was measured on one thing in one way: the numbers under their concepts, each with its range.
///
/// The tracking identifier holds the names of the evidence, parted by commas, and behind a space the thing.
pub(super) fn groups(report: &Report, program_version: &str) -> Vec<MeasurementGroup> {
    let alike = |a: &Measured, b: &Measured| a.on == b.on && a.method == b.method;
    let group = |measured: &[Measured]| {
        let ids: Vec<&str> = measured.iter().map(|one| one.id.0.as_str()).collect();
        MeasurementGroup {
            tracking_id: format!("{} {}", ids.join(","), measured[0].on),
            tracking_uid: None,
            finding: None,
            site: None,
            laterality: None,
            region: Region::Whole,
            algorithm: Some(Algorithm {
                name: PROGRAM.to_owned(),
                version: program_version.to_owned(),
                parameters: vec![measured[0].method.clone()],
            }),
            measurements: measured
                .iter()
                .map(|one| MeasuredValue::named(&one.name, &one.quantity, Some((one.low, one.high))))
                .collect(),
            evaluations: Vec::new(),
        }
    };
    report.measured.chunk_by(alike).map(group).collect()
}

/// Whether a group is of numbers alone: findings have a name and a class of certainty.
pub(super) fn is_measured(group: &MeasurementGroup) -> bool {
    group.finding.is_none() && group.evaluations.is_empty()
}

/// What the groups of numbers alone say.
///
/// # Errors
/// [`OutputError::Foreign`] where a number has no name of evidence or no range.
pub(super) fn measured(document: &MeasurementReport) -> Result<Vec<Measured>, OutputError> {
    let mut found = Vec::new();
    for group in document.groups.iter().filter(|group| is_measured(group)) {
        let refused = |what: &str| OutputError::Foreign(format!("group {} {what}", group.tracking_id));
        let (ids, on) = group.tracking_id.split_once(' ').unwrap_or((group.tracking_id.as_str(), ""));
        let ids: Vec<&str> = ids.split(',').filter(|id| !id.is_empty()).collect();
        if ids.len() != group.measurements.len() {
            return Err(refused("has not as many names of evidence as numbers"));
        }
        let how = group.algorithm.as_ref().and_then(|algorithm| algorithm.parameters.first());
        for (id, one) in ids.into_iter().zip(&group.measurements) {
            let (low, high) = one.interval.ok_or_else(|| refused("has a number without its range"))?;
            found.push(Measured {
                id: EvidenceId(id.to_owned()),
                name: one.concept.meaning.to_lowercase(),
                quantity: Quantity { decimals: Measured::DECIMALS, ..one.quantity.clone() },
                low,
                high,
                method: how.cloned().unwrap_or_default(),
                on: on.to_owned(),
            });
        }
    }
    Ok(found)
}
