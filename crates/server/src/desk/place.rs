//! Where the evidence of a report is to be seen.

use serde_json::{Map, Value, json};
use wilhelm_report::Report;
use wilhelm_study::{Evidence, EvidenceSource, ImageBox};

use super::document::Meta;

/// The place of each evidence, by its name.
pub(crate) fn places(report: &Report, id: &str, series: &str, meta: &Meta) -> Map<String, Value> {
    let of = |evidence: &Evidence| (evidence.id.0.clone(), place(report, evidence, (id, series), meta));
    report.evidence.iter().map(of).collect()
}

fn place(report: &Report, evidence: &Evidence, (id, series): (&str, &str), meta: &Meta) -> Value {
    let kind = serde_json::to_value(&evidence.source).map(|source| source["kind"].clone());
    let on_image = matches!(
        evidence.source,
        EvidenceSource::Model { .. } | EvidenceSource::Measurement { .. } | EvidenceSource::Header { .. }
    );
    let found = boxed(report, evidence);
    let image = match found {
        _ if !on_image => None,
        Some(found) => meta.images.get(found.slice),
        // Of several slices none is meant more than another.
        None => meta.images.first().filter(|_| meta.images.len() == 1),
    };
    let has_overlay = matches!(&evidence.source, EvidenceSource::Model { heatmap: Some(_), .. })
        && meta.pictures.first().is_some_and(|picture| picture.has_overlay);
    json!({
        "kind": kind.unwrap_or_default(),
        "series": on_image.then_some(series),
        "instance": image.map(|image| &image.instance),
        "frame": image.and_then(|image| image.frame),
        "overlay": has_overlay.then(|| format!("/api/reports/{id}/overlays/0")),
        "region": found.filter(|_| image.is_some()).map(|found| json!({ "polygon": corners(found) })),
        "words": evidence.summary,
    })
}

/// Where the finding is that evidence bears.
fn boxed(report: &Report, evidence: &Evidence) -> Option<ImageBox> {
    report.findings.iter().find_map(|finding| {
        let bears = finding.evidence.contains(&evidence.id)
            || finding.measurements.iter().any(|measured| measured.evidence == evidence.id);
        finding.place.filter(|_| bears)
    })
}

/// The corners around a box's pixels, column and row, from the upper left clockwise; the center of a frame's first pixel is (0, 0).
fn corners(found: ImageBox) -> [[f64; 2]; 4] {
    let (left, top) = (found.column as f64 - 0.5, found.row as f64 - 0.5);
    let (right, bottom) = (left + found.columns as f64, top + found.rows as f64);
    [[left, top], [right, top], [right, bottom], [left, bottom]]
}
