use std::collections::BTreeMap;

use dicom_core::Tag;

use super::*;
use crate::Limits;
use crate::phantom::{CtPhantom, part_10};

/// What the Standard says to remove or replace, by another implementation.
fn profile() -> BTreeMap<Tag, &'static str> {
    let lines = include_str!("profile.txt").lines().filter(|line| !line.starts_with('#'));
    let parsed = lines.map(|line| {
        let (tag, action) = line.split_once(' ').expect("two columns");
        let (group, element) = tag.split_once(',').expect("two numbers");
        let number = |digits| u16::from_str_radix(digits, 16).expect("hexadecimal");
        (Tag(number(group), number(element)), action)
    });
    parsed.collect()
}

#[test]
fn nothing_that_the_standard_removes_or_replaces_is_kept_as_it_is() {
    let profile = profile();
    assert!(profile.len() > 500, "{}", profile.len());
    let kept: Vec<String> = KEPT
        .iter()
        .filter(|tag| profile.contains_key(tag))
        .map(|tag| format!("{tag} {}", profile[tag]))
        .collect();
    assert_eq!(kept, Vec::<String>::new());
    for tag in MAPPED {
        assert!(
            profile.get(&tag).is_some_and(|action| action.contains('U')),
            "{tag} is no identifier to replace"
        );
        assert!(!KEPT.contains(&tag));
    }
    // Curves, overlays and private attributes.
    assert!(
        KEPT.iter()
            .all(|tag| tag.group() % 2 == 0 && !matches!(tag.group(), 0x5000..=0x50FF | 0x6000..=0x60FF))
    );
}

fn renamed(uid: &str) -> String {
    format!(
        "2.25.{}",
        uid.bytes().fold(7_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)))
    )
}

#[test]
fn a_slice_keeps_its_pixels_and_place_and_loses_its_patient() {
    let phantom = CtPhantom { columns: 32, rows: 16, slices: 2, ..Default::default() };
    let mut object = phantom.slice_object(1);
    for (tag, vr, value) in [
        (tags::PATIENT_NAME, VR::PN, "Muster^Maria"),
        (tags::PATIENT_ID, VR::LO, "4711-0815"),
        (tags::PATIENT_ADDRESS, VR::LO, "Musterstrasse 1"),
        (tags::STUDY_DESCRIPTION, VR::LO, "CT of Maria Muster"),
        (tags::INSTITUTION_NAME, VR::LO, "Musterklinik"),
        (tags::STUDY_DATE, VR::DA, "20260131"),
        (tags::ACQUISITION_DATE, VR::DA, "20260131"),
        (tags::DEVICE_SERIAL_NUMBER, VR::LO, "SN-99123"),
        (Tag(0x0009, 0x0010), VR::LO, "MUSTER PRIVATE"),
        (Tag(0x0009, 0x1001), VR::LO, "Maria"),
        (Tag(0x6000, 0x4000), VR::LT, "Overlay of Maria"),
    ] {
        object.put(DataElement::new(tag, vr, value));
    }
    let bytes = part_10(object).expect("written");
    let pseudonyms = Pseudonyms { patient: "P-00ff", uid: &renamed };
    let out = deidentify(&bytes, &pseudonyms).expect("de-identified");
    assert_eq!(deidentify(&bytes, &pseudonyms).expect("again"), out, "the same bytes");
    let printed = String::from_utf8_lossy(&out);
    for gone in ["Maria", "Muster", "MUSTER", "4711", "2026", "SN-99123"] {
        assert!(!printed.contains(gone), "{gone}");
    }
    let before = dicom_object::from_reader(Cursor::new(&bytes)).expect("read");
    let after = dicom_object::from_reader(Cursor::new(&out)).expect("read");
    let text = |file: &dicom_object::DefaultDicomObject, tag| {
        file.element(tag).expect("there").to_str().expect("text").trim_end_matches(['\0', ' ']).to_owned()
    };
    for tag in [tags::SOP_INSTANCE_UID, tags::STUDY_INSTANCE_UID, tags::SERIES_INSTANCE_UID] {
        assert_eq!(text(&after, tag), renamed(&text(&before, tag)));
    }
    assert_eq!(
        after.meta().media_storage_sop_instance_uid.trim_end_matches('\0'),
        text(&after, tags::SOP_INSTANCE_UID)
    );
    for tag in [tags::IMAGE_POSITION_PATIENT, tags::PIXEL_SPACING, tags::RESCALE_INTERCEPT, tags::ROWS] {
        assert_eq!(text(&after, tag), text(&before, tag), "{tag}");
    }
    assert_eq!(
        (text(&after, tags::PATIENT_ID), text(&after, tags::PATIENT_IDENTITY_REMOVED)),
        ("P-00ff".to_owned(), "YES".to_owned())
    );
    let limits = Limits::default();
    let pixels = |bytes: &[u8]| crate::dicom::decode(bytes, &limits).expect("pixels");
    assert_eq!(pixels(&out), pixels(&bytes));
}

#[test]
fn what_may_show_the_patient_beyond_its_header_is_refused() {
    let with = |tag, vr, value: &str| {
        let mut object = CtPhantom { columns: 8, rows: 8, slices: 1, ..Default::default() }.slice_object(0);
        object.put(DataElement::new(tag, vr, value));
        part_10(object).expect("written")
    };
    let pseudonyms = Pseudonyms { patient: "P-1", uid: &renamed };
    for (bytes, expected) in [
        (with(tags::BURNED_IN_ANNOTATION, VR::CS, "YES"), "burned into its pixels"),
        (with(tags::IMAGE_TYPE, VR::CS, "DERIVED\\SECONDARY\\SCREEN SAVE"), "a picture of a screen"),
        (with(tags::SOP_CLASS_UID, VR::UI, uids::ULTRASOUND_IMAGE_STORAGE), "only CT, MR"),
        (with(tags::SOP_CLASS_UID, VR::UI, uids::BASIC_TEXT_SR_STORAGE), "only CT, MR"),
        (with(tags::STUDY_INSTANCE_UID, VR::UI, ""), "no Study Instance UID"),
        (b"no DICOM".to_vec(), "no DICOM file"),
    ] {
        let refused = deidentify(&bytes, &pseudonyms).expect_err(expected).to_string();
        assert!(refused.contains(expected), "{refused}");
    }
}
