//! Writes one of each object from a straight and from an oblique CT phantom, for other programs to check.
//!
//! `write_objects FOLDER`; `tools/interop/objects.sh` and `tools/interop/objects.py` judge what it
//! writes. Each case is a folder with its `source` slices, its objects, and `expected.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use serde_json::json;
use wilhelm_formats::dicom::objects::{
    self, Algorithm, CaptureColor, Imprint, KeyObjectTitle, LabelCoding, MapQuantity, Mark, MeasuredValue,
    MeasurementGroup, MeasurementReport, Placement, Presentation, Reference, Region, Stamp, Written,
};
use wilhelm_formats::phantom::{CtPhantom, part_10};
use wilhelm_formats::{Limits, write_atomically};
use wilhelm_study::{
    Arbitrary, CodedConcept, Geometry, ImageBox, LabelMap, Laterality, Mask, Quantity, Segment, Volume,
};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    write_all(Path::new(&std::env::args().nth(1).ok_or("usage: write_objects FOLDER")?))
}

fn write_all(folder: &Path) -> Outcome<()> {
    let straight = CtPhantom { columns: 64, rows: 48, slices: 9, slice_step_mm: 2.5, ..CtPhantom::default() };
    case(&folder.join("straight"), &straight, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0], 0.7)?;
    // A turn by 30 degrees about the long axis of the body, then one of 20 degrees about the row; 45
    // rows of 41 columns, so that no frame of bits ends on a byte.
    let ((s, c), (t, d)) = (30_f64.to_radians().sin_cos(), 20_f64.to_radians().sin_cos());
    let oblique = CtPhantom { columns: 41, rows: 45, slices: 7, slice_step_mm: 3.1, seed: 2, ..straight };
    case(&folder.join("oblique"), &oblique, [c, s, 0.0, -s * d, c * d, t], 0.9)
}

fn case(folder: &Path, phantom: &CtPhantom, orientation: [f64; 6], between_rows: f64) -> Outcome<()> {
    let source = folder.join("source");
    fs::create_dir_all(&source)?;
    let [a, b, c, d, e, f] = orientation;
    let normal = [b * f - c * e, c * d - a * f, a * e - b * d];
    let files: Outcome<Vec<PathBuf>> = (0..phantom.slices)
        .map(|slice| -> Outcome<PathBuf> {
            let mut object = phantom.slice_object(slice);
            let depth = slice as f64 * phantom.slice_step_mm;
            let position: Vec<String> = [-31.5, 12.25, 801.0]
                .iter()
                .zip(normal)
                .map(|(origin, along)| format!("{:.8}", origin + depth * along))
                .collect();
            let cosines: Vec<String> = orientation.iter().map(|value| format!("{value:.12}")).collect();
            let mut put = |tag, vr, text: String| {
                object.put(DataElement::new(tag, vr, PrimitiveValue::from(text)));
            };
            put(tags::IMAGE_POSITION_PATIENT, VR::DS, position.join("\\"));
            put(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, cosines.join("\\"));
            put(tags::PIXEL_SPACING, VR::DS, format!("{between_rows}\\{}", phantom.pixel_spacing_mm));
            put(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192".to_owned());
            put(tags::PATIENT_NAME, VR::PN, "Φάντασμα^Αναλυτικό=幻影^分析".to_owned());
            let path = source.join(format!("{:03}.dcm", slice + 1));
            write_atomically(&path, true, &part_10(object)?)?;
            Ok(path)
        })
        .collect();
    let reference = objects::references(&files?, &[], &Limits::default())?;
    objects_of(folder, &reference)
}

fn objects_of(folder: &Path, reference: &Reference) -> Outcome<()> {
    let geometry = *reference.geometry().ok_or("the phantom is a volume")?;
    let write = |name: &str, written: &Written| {
        write_atomically(&folder.join(format!("{name}.dcm")), true, &written.bytes)
    };
    let imprint = |number: u32, description: &str| -> Outcome<Imprint> {
        let stamp = Stamp::new(u128::from(number), "20260102", "030405")?;
        Ok(Imprint { series_number: 9000 + number, ..Imprint::new(description, stamp) })
    };
    let on = Placement::OnSource;
    let map = label_map(geometry)?;
    let binary =
        objects::label_segmentation(&map, LabelCoding::Binary, on, reference, &imprint(1, "organs")?)?;
    write("seg_binary", &binary)?;
    let labelled = objects::label_segmentation(
        &map,
        LabelCoding::LabelMap,
        on,
        reference,
        &imprint(2, "organ labels")?,
    )?;
    write("seg_labelmap", &labelled)?;
    // The same voxels in another order of axes: what a NIfTI program would hand over.
    let turned = label_map_turned(&map)?;
    let turned = objects::label_segmentation(
        &turned,
        LabelCoding::Binary,
        on,
        reference,
        &imprint(3, "organs turned")?,
    )?;
    write("seg_turned", &turned)?;
    let overlap = objects::segmentation(&overlapping(&map)?, on, reference, &imprint(4, "overlapping")?)?;
    write("seg_overlap", &overlap)?;
    let probability = probability(geometry)?;
    let fractional = [(probability.clone(), organ("lesion probability"))];
    let fractional =
        objects::fractional_segmentation(&fractional, on, reference, &imprint(5, "probability")?)?;
    write("seg_fractional", &fractional)?;
    let own = objects::label_segmentation(
        &map,
        LabelCoding::Binary,
        Placement::OwnGrid,
        reference,
        &imprint(6, "organs on their own grid")?,
    )?;
    write("seg_own_grid", &own)?;
    let milliliters = map.mask(3).milliliters();
    let report =
        objects::measurement_report(&report(&binary, milliliters), reference, &imprint(7, "measurements")?)?;
    write("sr_measurements", &report)?;
    let presentation = Presentation {
        window: Some((40.0, 400.0)),
        marks: vec![
            (1, Mark::Box { from: [4.0, 5.0], to: [14.0, 15.0] }),
            (1, Mark::Ellipse { center: [20.0, 22.0], radius: [3.0, 6.5] }),
            (2, Mark::Text { at: [8.0, 9.0], words: "nodule, research".to_owned() }),
        ],
    };
    let state = objects::presentation_state(&presentation, &[1, 2], reference, &imprint(8, "marks")?)?;
    write("pr_grayscale", &state)?;
    let keys = objects::key_objects(
        KeyObjectTitle::OfInterest,
        "slices with a finding",
        &[1, 3],
        reference,
        &imprint(9, "key images")?,
    )?;
    write("ko_of_interest", &keys)?;
    let picture: Vec<u8> = (0..30 * 20 * 3).map(|i| (i % 251) as u8).collect();
    for (name, color, bytes, number) in [
        ("sc_rgb", CaptureColor::Rgb, &picture[..], 10),
        ("sc_gray", CaptureColor::Gray, &picture[..600], 11),
    ] {
        let imprint = imprint(number, "picture")?;
        write(name, &objects::secondary_capture([30, 20], color, bytes, &[1], reference, &imprint)?)?;
    }
    let quantity = MapQuantity {
        quantity: CodedConcept::new("DCM", "122157", "Probability"),
        unit: CodedConcept::new("UCUM", "1", "no units"),
        label: "lesion probability".to_owned(),
        derivation: CodedConcept::new("DCM", "129104", "Perfusion image analysis"),
    };
    let parametric =
        objects::parametric_map(&probability, &quantity, on, reference, &imprint(12, "heat map")?)?;
    write("pm_probability", &parametric)?;
    let expected = expected(&map, &probability, milliliters);
    write_atomically(&folder.join("expected.json"), true, expected.to_string().as_bytes())?;
    Ok(())
}

/// What other programs must find: labels and probabilities with their physical points.
fn expected(map: &LabelMap, probability: &Volume<Arbitrary>, milliliters: f64) -> serde_json::Value {
    let geometry = map.geometry();
    let point = |i: usize| {
        let [columns, rows, _] = geometry.size();
        let at = [i % columns, i / columns % rows, i / (columns * rows)].map(|index| index as f64);
        geometry.point_at(at).components()
    };
    let labels: Vec<_> = (0..geometry.voxels())
        .filter(|i| map.labels()[*i] != 0)
        .map(|i| json!([point(i), map.labels()[i]]))
        .collect();
    let probabilities: Vec<_> =
        (0..geometry.voxels()).step_by(7).map(|i| json!([point(i), probability.voxels()[i]])).collect();
    json!({
        "labels": labels,
        "probabilities": probabilities,
        "volume_milliliters": milliliters,
        "patient_name": "Φάντασμα^Αναλυτικό=幻影^分析",
    })
}

fn organ(name: &str) -> Segment {
    Segment {
        tracking_id: Some(name.to_owned()),
        ..Segment::anatomy(name, CodedConcept::new("SCT", "39607008", "Lung"), "rule 1.0")
    }
}

/// Two blobs without symmetry, labels 3 and 7; the outer slices stay empty.
fn label_map(geometry: Geometry) -> Outcome<LabelMap> {
    let [columns, rows, slices] = geometry.size();
    let labels = (0..geometry.voxels()).map(|i| {
        let (column, row, slice) = (i % columns, i / columns % rows, i / (columns * rows));
        if slice == 0 || slice + 1 == slices {
            0
        } else if column < 9 + slice && row > 3 * slice && row < 30 {
            3
        } else if column > 25 && column < 38 && (row + column) % 5 < 2 && slice % 2 == 0 {
            7
        } else {
            0
        }
    });
    let segments = BTreeMap::from([(3, organ("left organ")), (7, organ("right organ"))]);
    Ok(LabelMap::new(geometry, labels.collect(), segments)?)
}

/// The same labels with slices first and columns reversed.
fn label_map_turned(map: &LabelMap) -> Outcome<LabelMap> {
    let geometry = map.geometry();
    let turned = geometry.permuted([2, 1, 0]).flipped(2);
    let [columns, rows, slices] = turned.size();
    let mut labels = Vec::with_capacity(turned.voxels());
    for slice in 0..slices {
        for row in 0..rows {
            for column in 0..columns {
                let index = wilhelm_study::Index { column: slices - 1 - slice, row, slice: column };
                labels.push(map.at(index).unwrap_or(0));
            }
        }
    }
    Ok(LabelMap::new(turned, labels, map.segments().clone())?)
}

fn overlapping(map: &LabelMap) -> Outcome<Vec<(Mask, Segment)>> {
    let all = map.mask(3).union(&map.mask(7))?;
    Ok(vec![(map.mask(3), organ("inner")), (all, organ("outer"))])
}

fn probability(geometry: Geometry) -> Outcome<Volume<Arbitrary>> {
    let values = (0..geometry.voxels()).map(|i| (i * 37 % 1009) as f32 / 1008.0).collect();
    Ok(Volume::new(geometry, values)?)
}

fn report(segmentation: &Written, milliliters: f64) -> MeasurementReport {
    let algorithm = Algorithm {
        name: "rule".to_owned(),
        version: "1.0".to_owned(),
        parameters: vec!["cut 0.5".to_owned()],
    };
    let value = |concept, value, unit: &str| MeasuredValue {
        concept,
        quantity: Quantity { value, unit: unit.to_owned(), decimals: 2 },
        interval: None,
        method: None,
        derivation: None,
    };
    let volume = MeasuredValue {
        interval: Some((milliliters * 0.9, milliliters * 1.1)),
        method: Some(CodedConcept::new("DCM", "126030", "Sum of segmented voxel volumes")),
        ..value(CodedConcept::new("SCT", "118565006", "Volume"), milliliters, "mL")
    };
    let attenuation = MeasuredValue {
        derivation: Some(CodedConcept::new("SCT", "373098007", "Mean")),
        ..value(
            CodedConcept::new("DCM", "112031", "Attenuation Coefficient"),
            -812.123_456_789_012_3,
            "[hnsf'U]",
        )
    };
    let nodule = CodedConcept::new("SCT", "27925004", "Nodule");
    let lung = CodedConcept::new("SCT", "39607008", "Lung");
    MeasurementReport {
        procedure: CodedConcept::new("LN", "24627-2", "CT Chest"),
        groups: vec![
            MeasurementGroup {
                tracking_id: "left organ".to_owned(),
                tracking_uid: None,
                finding: Some(nodule.clone()),
                site: Some(lung.clone()),
                laterality: Some(Laterality::Left),
                region: Region::Segment { object: segmentation.clone(), number: 1 },
                algorithm: Some(algorithm),
                measurements: vec![volume, attenuation],
                evaluations: vec![(
                    CodedConcept::new("RADLEX", "RID5741", "Solidity"),
                    CodedConcept::new("RADLEX", "RID5736", "Solid"),
                )],
            },
            MeasurementGroup {
                tracking_id: "box".to_owned(),
                tracking_uid: Some("2.25.99".to_owned()),
                finding: Some(nodule),
                site: None,
                laterality: None,
                region: Region::Box(ImageBox { column: 4, row: 5, columns: 10, rows: 10, slice: 1 }),
                algorithm: None,
                measurements: vec![value(CodedConcept::new("SCT", "103339001", "Long Axis"), 9.8, "mm")],
                evaluations: Vec::new(),
            },
            MeasurementGroup {
                tracking_id: "whole".to_owned(),
                tracking_uid: None,
                finding: None,
                site: Some(lung),
                laterality: Some(Laterality::Bilateral),
                region: Region::Whole,
                algorithm: None,
                measurements: vec![value(
                    CodedConcept::new("DCM", "111012", "Certainty of Finding"),
                    71.5,
                    "%",
                )],
                evaluations: Vec::new(),
            },
        ],
        findings: vec!["A solid nodule is in the left lung.".to_owned()],
        impressions: vec!["Nodule, to be read by a physician.".to_owned()],
        complete: true,
        notes: Vec::new(),
        completion_description: String::new(),
        verified_by: Vec::new(),
        predecessor: None,
    }
}
