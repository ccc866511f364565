//! Reports, presentation states, key objects, captures and maps: what is refused, and what they say.
//!
//! That other programs read them is the business of `tools/interop/objects.sh` and `objects.py`.

use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use wilhelm_formats::dicom::objects::{
    Algorithm, CaptureColor, KeyObjectTitle, MapQuantity, Mark, MeasuredValue, MeasurementGroup,
    MeasurementReport, Placement, Presentation, RESEARCH_STATEMENT, Reference, Region, VerifyingObserver,
    Written, encapsulated_pdf, key_objects, measurement_report, parametric_map, presentation_state,
    read_measurement_report, secondary_capture,
};
use wilhelm_formats::{FormatError, Limits};
use wilhelm_study::{
    Arbitrary, Certainty, CodedConcept, EvidenceId, Finding, FindingId, ImageBox, Laterality, Measurement,
    Observation, ProbabilityInterval, Quantity, Volume,
};

use crate::objects::{imprint, oblique, referenced, slices, small};

fn reference() -> Reference {
    referenced(&slices(&small(), oblique(), 1.3, |_, _| {}))
}

fn object(written: &Written) -> InMemDicomObject {
    dicom_object::from_reader(&written.bytes[..]).unwrap().into_inner()
}

fn value(number: f64, interval: Option<(f64, f64)>) -> MeasuredValue {
    MeasuredValue {
        concept: CodedConcept::new("SCT", "118565006", "Volume"),
        quantity: Quantity { value: number, unit: "mL".to_owned(), decimals: 1 },
        interval,
        method: None,
        derivation: None,
    }
}

fn report(region: Region, measured: MeasuredValue) -> MeasurementReport {
    MeasurementReport {
        procedure: CodedConcept::new("LN", "24627-2", "CT Chest"),
        groups: vec![MeasurementGroup {
            tracking_id: "one".to_owned(),
            tracking_uid: None,
            finding: None,
            site: None,
            laterality: None,
            region,
            algorithm: None,
            measurements: vec![measured],
            evaluations: Vec::new(),
        }],
        findings: Vec::new(),
        impressions: Vec::new(),
        notes: Vec::new(),
        complete: false,
        completion_description: String::new(),
        verified_by: Vec::new(),
        predecessor: None,
    }
}

/// All texts of a document's content, depth first.
fn texts(item: &InMemDicomObject, found: &mut Vec<String>) {
    if let Ok(text) = item.element(tags::TEXT_VALUE) {
        found.push(text.to_str().unwrap().into_owned());
    }
    if let Ok(element) = item.element(tags::CONTENT_SEQUENCE) {
        element.items().unwrap().iter().for_each(|item| texts(item, found));
    }
}

#[test]
fn a_report_says_that_it_is_for_research_and_is_never_verified() {
    let written =
        measurement_report(&report(Region::Whole, value(1.5, None)), &reference(), &imprint()).unwrap();
    let object = object(&written);
    let text = |tag| object.element(tag).unwrap().to_str().unwrap().into_owned();
    assert_eq!(text(tags::VERIFICATION_FLAG), "UNVERIFIED");
    assert_eq!(text(tags::COMPLETION_FLAG), "PARTIAL");
    let mut found = Vec::new();
    texts(&object, &mut found);
    assert!(found.iter().any(|text| text == RESEARCH_STATEMENT), "{found:?}");
}

#[test]
fn numbers_intervals_and_boxes_that_cannot_be_are_refused() {
    let reference = reference();
    let refused = |region: Region, measured: MeasuredValue| {
        measurement_report(&report(region, measured), &reference, &imprint()).unwrap_err().to_string()
    };
    assert!(refused(Region::Whole, value(f64::NAN, None)).contains("not finite"));
    assert!(refused(Region::Whole, value(1.0, Some((1.1, 2.0)))).contains("does not enclose"));
    assert!(refused(Region::Whole, value(1.0, Some((f64::NEG_INFINITY, 2.0)))).contains("does not enclose"));
    let place = |column, columns, slice| Region::Box(ImageBox { column, row: 0, columns, rows: 2, slice });
    for outside in [place(6, 2, 0), place(0, 0, 0), place(0, 1, 6), place(usize::MAX, 1, 0)] {
        assert!(refused(outside, value(1.0, None)).contains("outside the source images"));
    }
    assert!(measurement_report(&report(place(0, 7, 5), value(1.0, None)), &reference, &imprint()).is_ok());
}

#[test]
fn a_finding_becomes_a_group_with_its_certainty_in_percent() {
    let finding = Finding {
        id: FindingId("F1".to_owned()),
        observation: Observation {
            key: "pneumonia".to_owned(),
            name: "pneumonia".to_owned(),
            synonyms: Vec::new(),
            code: Some(CodedConcept::new("SCT", "233604007", "Pneumonia")),
        },
        probability: ProbabilityInterval::new(0.5, 0.75, 0.875, 0.95).unwrap(),
        certainty: Certainty::Probable,
        laterality: Some(Laterality::Left),
        place: Some(ImageBox { column: 1, row: 1, columns: 2, rows: 2, slice: 0 }),
        measurements: vec![Measurement {
            name: "Greatest diameter".to_owned(),
            quantity: Quantity { value: 12.5, unit: "mm".to_owned(), decimals: 1 },
            evidence: EvidenceId("E1".to_owned()),
        }],
        normal: false,
        evidence: Vec::new(),
    };
    let group = MeasurementGroup::of_finding(&finding, None);
    assert_eq!(group.measurements[0].quantity.value, 75.0);
    assert_eq!(group.measurements[0].interval, Some((50.0, 87.5)));
    assert_eq!(group.measurements[1].concept, CodedConcept::new("SCT", "103339001", "Long Axis"));
    assert!(matches!(group.region, Region::Box(_)));
    let report = MeasurementReport { groups: vec![group], ..report(Region::Whole, value(1.0, None)) };
    measurement_report(&report, &reference(), &imprint()).unwrap();
}

#[test]
fn images_that_are_not_there_are_refused() {
    let reference = reference();
    for images in [&[][..], &[6]] {
        let title = KeyObjectTitle::OfInterest;
        assert!(key_objects(title, "", images, &reference, &imprint()).is_err());
        let pixels = [0; 6];
        assert!(
            secondary_capture([3, 2], CaptureColor::Gray, &pixels, images, &reference, &imprint()).is_err()
        );
        let presentation = Presentation { window: None, marks: Vec::new() };
        assert!(presentation_state(&presentation, images, &reference, &imprint()).is_err());
    }
    let wrong =
        secondary_capture([3, 2], CaptureColor::Rgb, &[0; 6], &[0], &reference, &imprint()).unwrap_err();
    assert_eq!(wrong.to_string(), "secondary capture: 6 bytes of pixels, expected 18 and more than 0");
    assert!(secondary_capture([0, 2], CaptureColor::Gray, &[], &[0], &reference, &imprint()).is_err());
}

#[test]
fn marks_and_windows_that_cannot_be_drawn_are_refused() {
    let reference = reference();
    let refused = |window, mark: Mark, on: usize| {
        let presentation = Presentation { window, marks: vec![(on, mark)] };
        assert!(presentation_state(&presentation, &[1], &reference, &imprint()).is_err());
    };
    let point = Mark::Text { at: [1.0, 2.0], words: "here".to_owned() };
    refused(None, point.clone(), 2);
    refused(Some((40.0, 0.5)), point.clone(), 1);
    refused(Some((f64::NAN, 400.0)), point, 1);
    refused(None, Mark::Ellipse { center: [1.0, 1.0], radius: [0.0, 1.0] }, 1);
    refused(None, Mark::Box { from: [f32::INFINITY, 1.0], to: [2.0, 2.0] }, 1);
}

#[test]
fn a_map_of_what_is_no_number_is_refused() {
    let reference = reference();
    let geometry = *reference.geometry().unwrap();
    let quantity = MapQuantity {
        quantity: CodedConcept::new("DCM", "122157", "Probability"),
        unit: CodedConcept::new("UCUM", "1", "no units"),
        label: "probability".to_owned(),
        derivation: CodedConcept::new("DCM", "113085", "Spatial resampling"),
    };
    let write = |values: Vec<f32>| {
        let volume = Volume::<Arbitrary>::new(geometry, values).unwrap();
        parametric_map(&volume, &quantity, Placement::OnSource, &reference, &imprint())
    };
    let mut values = vec![0.25; geometry.voxels()];
    assert!(write(values.clone()).is_ok(), "all equal");
    values[3] = f32::NAN;
    assert!(matches!(write(values), Err(FormatError::Malformed { .. })));
}

/// The same with the decimals of all numbers set to 0, which a file keeps only as digits.
fn undecimal(mut report: MeasurementReport) -> MeasurementReport {
    for group in &mut report.groups {
        group.measurements.iter_mut().for_each(|measured| measured.quantity.decimals = 0);
    }
    report
}

#[test]
fn a_report_read_back_says_what_was_written() {
    let reference = reference();
    let side = CodedConcept::new("SCT", "7771000", "Left");
    let place = ImageBox { column: 1, row: 0, columns: 3, rows: 2, slice: 2 };
    let mut whole = report(Region::Box(place), value(1.0 / 3.0, Some((0.25, 0.5))));
    whole.groups[0].tracking_uid = Some("1.2.3.4".to_owned());
    whole.groups[0].finding = Some(CodedConcept::new("99WILHELM", "LÄSION", "eine Läsion"));
    whole.groups[0].evaluations = vec![(CodedConcept::new("SCT", "272741003", "Laterality"), side)];
    whole.groups[0].laterality = Some(Laterality::Left);
    whole.groups[0].algorithm =
        Some(Algorithm { name: "a".to_owned(), version: "1".to_owned(), parameters: vec!["p".to_owned()] });
    whole.findings = vec!["Eine Läsion; 肺.".to_owned()];
    whole.impressions = vec!["One.".to_owned(), "Two.".to_owned()];
    whole.notes = vec![(CodedConcept::new("DCM", "121075", "Recommendation"), "Look again.".to_owned())];
    whole.complete = true;
    whole.completion_description = "amended".to_owned();
    whole.verified_by = vec![VerifyingObserver {
        name: "Doe^Jane".to_owned(),
        organization: "Clinic".to_owned(),
        date_time: "20261126220500+0100".to_owned(),
    }];
    let before = measurement_report(&whole, &reference, &imprint()).unwrap();
    whole.predecessor = Some(Written { bytes: Vec::new(), ..before });
    let written = measurement_report(&whole, &reference, &imprint()).unwrap();
    let object = object(&written);
    let text = |tag| object.element(tag).unwrap().to_str().unwrap().into_owned();
    assert_eq!(
        (text(tags::PRELIMINARY_FLAG), text(tags::VERIFICATION_FLAG)),
        ("FINAL".into(), "VERIFIED".into())
    );
    let back = read_measurement_report(&written.bytes, &Limits::default()).unwrap();
    let measured = &back.groups[0].measurements[0];
    let (low, high) = measured.interval.unwrap();
    assert!((low - 0.25).abs() < 1e-12 && (high - 0.5).abs() < 1e-12);
    assert_eq!(measured.quantity.value, 1.0 / 3.0);
    let mut back = undecimal(back);
    back.groups[0].measurements[0].interval = Some((0.25, 0.5));
    assert_eq!(back, undecimal(whole));
}

#[test]
fn another_object_is_no_measurement_report() {
    let reference = reference();
    let keys = key_objects(KeyObjectTitle::OfInterest, "", &[0], &reference, &imprint()).unwrap();
    let refused = read_measurement_report(&keys.bytes, &Limits::default()).unwrap_err().to_string();
    assert!(refused.contains("another kind of object"), "{refused}");
    assert!(read_measurement_report(b"%PDF-1.7", &Limits::default()).is_err());
}

#[test]
fn a_pdf_lies_in_the_study_of_its_images_and_anything_else_is_refused() {
    let reference = reference();
    let concept = CodedConcept::new("LN", "18748-4", "Diagnostic imaging report");
    let made =
        |bytes: &[u8]| encapsulated_pdf(bytes, "CT of the chest", &concept, false, &reference, &imprint());
    let written = made(b"%PDF-1.7\n%%EOF").unwrap();
    let object = object(&written);
    let text = |tag| object.element(tag).unwrap().to_str().unwrap().into_owned();
    assert_eq!(text(tags::STUDY_INSTANCE_UID), reference.study().as_str());
    assert_eq!(text(tags::MIME_TYPE_OF_ENCAPSULATED_DOCUMENT), "application/pdf");
    assert_eq!(text(tags::VERIFICATION_FLAG), "UNVERIFIED");
    let held = object.element(tags::ENCAPSULATED_DOCUMENT).unwrap().to_bytes().unwrap().into_owned();
    assert_eq!(held, b"%PDF-1.7\n%%EOF");
    assert!(made(b"<html>").unwrap_err().to_string().contains("no PDF file"));
}

#[test]
fn a_report_cut_or_changed_anywhere_is_read_or_refused_and_never_a_panic() {
    let place = ImageBox { column: 1, row: 0, columns: 3, rows: 2, slice: 2 };
    let whole = report(Region::Box(place), value(1.5, Some((1.0, 2.0))));
    let written = measurement_report(&whole, &reference(), &imprint()).unwrap().bytes;
    let mut read = 0;
    let mut judge =
        |bytes: &[u8]| read += usize::from(read_measurement_report(bytes, &Limits::default()).is_ok());
    for end in (0..written.len()).step_by(7) {
        judge(&written[..end]);
    }
    for at in 0..written.len() {
        for change in [0x01, 0x80, 0xFF] {
            let mut changed = written.clone();
            changed[at] ^= change;
            judge(&changed);
        }
    }
    assert!(read > written.len(), "most changes leave a report that can be read: {read}");
}
