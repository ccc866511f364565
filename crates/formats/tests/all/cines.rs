//! Pictures of several frames, palettes and overlays.

use std::path::{Path, PathBuf};

use dicom_core::value::{DataSetSequence, PrimitiveValue};
use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use serde_json::Value;
use wilhelm_formats::dicom::{OverlayKind, decode, overlays};
use wilhelm_formats::phantom::{self, CtPhantom};
use wilhelm_formats::{Limits, Silent, read};
use wilhelm_study::{Cine, DefectKind, Image, Series};

use crate::shared::{data, kinds, only};

fn put(object: &mut InMemDicomObject, tag: Tag, vr: VR, value: &str) {
    object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
}

fn number(object: &mut InMemDicomObject, tag: Tag, value: u16) {
    object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
}

/// An ultrasound picture of 8 bits with `pixels`, 4 columns and 2 rows a frame.
fn ultrasound(frames: &str, pixels: &[u8]) -> InMemDicomObject {
    let phantom = CtPhantom { columns: 4, rows: 2, slices: 1, ..CtPhantom::default() };
    let mut object = phantom.slice_object(0);
    put(&mut object, tags::SOP_CLASS_UID, VR::UI, uids::ULTRASOUND_MULTI_FRAME_IMAGE_STORAGE);
    put(&mut object, tags::MODALITY, VR::CS, "US");
    put(&mut object, tags::NUMBER_OF_FRAMES, VR::IS, frames);
    for tag in [tags::RESCALE_SLOPE, tags::RESCALE_INTERCEPT, tags::WINDOW_CENTER, tags::WINDOW_WIDTH] {
        object.remove_element(tag);
    }
    for (tag, value) in [
        (tags::BITS_ALLOCATED, 8),
        (tags::BITS_STORED, 8),
        (tags::HIGH_BIT, 7),
        (tags::PIXEL_REPRESENTATION, 0),
    ] {
        number(&mut object, tag, value);
    }
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::from(pixels.to_vec())));
    object
}

fn written(object: InMemDicomObject) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cine.dcm");
    std::fs::write(&path, phantom::part_10(object).unwrap()).unwrap();
    (folder, path)
}

fn series(object: InMemDicomObject) -> Series {
    let (_folder, path) = written(object);
    only(&path)
}

fn cine(series: &Series) -> &Cine {
    let Image::Cine(cine) = &series.image else { panic!("{:?}", series.image.size()) };
    cine
}

#[test]
fn a_cine_has_all_its_frames_and_their_times() {
    let pixels: Vec<u8> = (0..24).collect();
    let mut object = ultrasound("3", &pixels);
    put(&mut object, tags::FRAME_TIME, VR::DS, "40.5");
    let read = series(object);
    assert!(read.defects.is_empty(), "{:?}", read.defects);
    assert_eq!(read.title, "series 3: US, 3 frames");
    assert_eq!(read.image.size(), [4, 2, 3]);
    assert_eq!(read.image.geometry(), None);
    assert_eq!(cine(&read).times_milliseconds(), Some(&[0.0, 40.5, 81.0][..]));
    assert_eq!(cine(&read).spacing().map(|spacing| spacing.between_rows.0), Some(0.7));
    let expected: Vec<f32> = pixels.iter().map(|pixel| f32::from(*pixel)).collect();
    assert_eq!(read.image.values(), expected);
    assert_eq!(read.stored_range, Some((0.0, 255.0)));
}

#[test]
fn frames_of_an_enhanced_cine_have_the_times_that_each_states() {
    let mut object = ultrasound("3", &[7; 24]);
    // Without a place in space, as an enhanced angiogram has none.
    object.remove_element(tags::IMAGE_POSITION_PATIENT);
    object.remove_element(tags::IMAGE_ORIENTATION_PATIENT);
    let frames =
        ["20240229235959.96+0100", "20240301000000.000+0100", "20240229230000.1+0000"].map(|moment| {
            let mut content = InMemDicomObject::new_empty();
            put(&mut content, tags::FRAME_ACQUISITION_DATE_TIME, VR::DT, moment);
            let mut frame = InMemDicomObject::new_empty();
            let content = DataSetSequence::from(vec![content]);
            frame.put(DataElement::new(tags::FRAME_CONTENT_SEQUENCE, VR::SQ, content));
            frame
        });
    let frames = DataSetSequence::from(frames.to_vec());
    object.put(DataElement::new(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, VR::SQ, frames));
    let read = series(object);
    let times = cine(&read).times_milliseconds().expect("times");
    assert!(times.iter().zip([0.0, 40.0, 140.0]).all(|(found, expected)| (found - expected).abs() < 1e-6));
}

#[test]
fn one_frame_stays_a_flat_image_and_an_inverted_cine_is_turned_over() {
    let one = series(ultrasound("1", &[7; 8]));
    assert!(matches!(one.image, Image::Flat(_)));
    let mut object = ultrasound("2", &[0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 255]);
    put(&mut object, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME1");
    let inverted = series(object);
    assert_eq!(inverted.image.values()[..2], [255.0, 245.0]);
    assert_eq!(inverted.image.values()[15], 0.0);
}

#[test]
fn frames_that_are_missing_are_counted_and_the_others_are_read() {
    let cut = series(ultrasound("3", &[5; 16]));
    assert_eq!(cut.image.size(), [4, 2, 2]);
    assert_eq!(kinds(&cut), [DefectKind::Truncated]);
    assert!(cut.defects[0].message.contains("2 of 3 frames are there"), "{:?}", cut.defects);
    // Half of the second frame: zeros stand for the rest.
    let cut = series(ultrasound("3", &[5; 12]));
    assert_eq!(cut.image.size(), [4, 2, 2]);
    assert_eq!(kinds(&cut), [DefectKind::Truncated; 2]);
    assert_eq!(cut.image.values()[8..], [5.0, 5.0, 5.0, 5.0, 0.0, 0.0, 0.0, 0.0]);
    // A number of frames that no memory holds costs nothing.
    let hostile = series(ultrasound("2147483647", &[5; 16]));
    assert_eq!(hostile.image.size(), [4, 2, 2]);
}

#[test]
fn more_pixels_than_the_limit_are_refused_before_they_are_decoded() {
    let (_folder, path) = written(ultrasound("3", &[5; 24]));
    let limits = Limits { voxels: 23, ..Limits::default() };
    let reading = read(&[path], &limits, &Silent);
    assert_eq!(reading.failures[0].error.to_string(), "number of samples is 24, the limit is 23");
}

#[test]
fn times_that_cannot_be_are_a_defect_and_not_a_guess() {
    let mut object = ultrasound("3", &[5; 24]);
    put(&mut object, tags::FRAME_TIME_VECTOR, VR::DS, "0\\33");
    let read = series(object);
    assert_eq!(cine(&read).times_milliseconds(), None);
    assert_eq!(kinds(&read), [DefectKind::Header]);
}

#[test]
fn a_real_cine_in_color_has_thirty_frames_a_second() {
    let Some(path) = data("dicom_conformance/pydicom/examples_ybr_color.dcm") else { return };
    let read = only(&path);
    assert_eq!(read.image.size(), [320, 240, 30]);
    assert!(read.color);
    let times = cine(&read).times_milliseconds().unwrap();
    assert!((times[29] - 29.0 * 33.333).abs() < 1e-9);
}

fn golden() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/palette.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
}

#[test]
fn segmented_palettes_have_the_colors_that_pydicom_gives() {
    for case in golden()["palettes"].as_array().unwrap() {
        let bits = case["bits"].as_u64().unwrap() as u16;
        let mut object = ultrasound("1", &(0..=255).collect::<Vec<u8>>());
        number(&mut object, tags::COLUMNS, 256);
        number(&mut object, tags::ROWS, 1);
        put(&mut object, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "PALETTE COLOR");
        let tables = [
            (
                "red",
                tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
                tags::SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
            ),
            (
                "green",
                tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
                tags::SEGMENTED_GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
            ),
            (
                "blue",
                tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
                tags::SEGMENTED_BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
            ),
        ];
        for (color, descriptor, segmented) in tables {
            let words = PrimitiveValue::U16([256, 0, bits][..].into());
            object.put(DataElement::new(descriptor, VR::US, words));
            let table = numbers(&case["tables"][color]);
            let bytes: Vec<u8> = match bits {
                8 => table.iter().map(|value| *value as u8).collect(),
                _ => table.iter().flat_map(|value| (*value as u16).to_le_bytes()).collect(),
            };
            object.put(DataElement::new(segmented, VR::OW, PrimitiveValue::from(bytes)));
        }
        let read = series(object);
        let colors = case["colors"].as_array().unwrap();
        for (found, color) in read.image.values().iter().zip(colors) {
            let [red, green, blue] = numbers(color)[..] else { panic!("three channels") };
            let expected = 0.299 * red as f64 + 0.587 * green as f64 + 0.114 * blue as f64;
            // Single precision of three products up to 65535.
            assert!((f64::from(*found) - expected).abs() < 1.02, "{bits}: {found}, expected {expected}");
        }
    }
}

#[test]
fn an_overlay_has_the_bits_that_pydicom_reads() {
    let golden = &golden()["overlay"];
    let file = format!("dicom_conformance/{}", golden["file"].as_str().unwrap());
    let Some(path) = data(&file) else { return };
    let overlays = overlays(&std::fs::read(path).unwrap(), &Limits::default()).unwrap();
    let [overlay] = &overlays[..] else { panic!("{} overlays", overlays.len()) };
    assert_eq!((overlay.group, overlay.kind), (0x6000, Some(OverlayKind::Graphics)));
    assert_eq!((overlay.first_row, overlay.first_column, overlay.first_frame), (0, 0, 0));
    let mask = &overlay.masks[0];
    assert_eq!(numbers(&golden["shape"]), [mask.rows() as u64, mask.columns() as u64]);
    assert_eq!(mask.count() as u64, golden["count"].as_u64().unwrap());
    for (row, expected) in numbers(&golden["rows"]).into_iter().zip(numbers(&golden["row_counts"])) {
        let line = &mask.pixels()[row as usize * mask.columns()..][..mask.columns()];
        assert_eq!(line.iter().filter(|bit| **bit).count() as u64, expected, "row {row}");
    }
}

#[test]
fn an_overlay_inside_the_pixels_is_read_and_is_no_part_of_the_values() {
    let phantom = CtPhantom { columns: 4, rows: 2, slices: 1, ..CtPhantom::default() };
    let mut object = phantom.slice_object(0);
    number(&mut object, tags::BITS_STORED, 12);
    number(&mut object, tags::HIGH_BIT, 11);
    number(&mut object, tags::PIXEL_REPRESENTATION, 0);
    let words: Vec<u16> = (0..8).map(|i| (100 + i) | if i % 3 == 0 { 0x2000 } else { 0 }).collect();
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(words.into())));
    for (element, value) in [(0x10, 2), (0x11, 4), (0x100, 16), (0x102, 13)] {
        number(&mut object, Tag(0x6000, element), value);
    }
    put(&mut object, Tag(0x6000, 0x40), VR::CS, "R");
    let origin = PrimitiveValue::I16([-1, 3][..].into());
    object.put(DataElement::new(Tag(0x6000, 0x50), VR::SS, origin));
    let bytes = phantom::part_10(object).unwrap();
    let found = overlays(&bytes, &Limits::default()).unwrap();
    assert_eq!(
        (found[0].kind, found[0].first_row, found[0].first_column),
        (Some(OverlayKind::Region), -2, 2)
    );
    assert_eq!(found[0].masks[0].pixels(), [true, false, false, true, false, false, true, false]);
    let pixels = decode(&bytes, &Limits::default()).unwrap();
    let values: Vec<u16> = pixels.bytes.as_chunks().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    assert_eq!(values, [100, 101, 102, 103, 104, 105, 106, 107]);
}

#[test]
fn an_overlay_that_lies_about_itself_is_an_error() {
    let spoiled = |change: &dyn Fn(&mut InMemDicomObject)| {
        let mut object = ultrasound("1", &[5; 8]);
        number(&mut object, Tag(0x6000, 0x10), 2);
        number(&mut object, Tag(0x6000, 0x11), 4);
        change(&mut object);
        overlays(&phantom::part_10(object).unwrap(), &Limits::default()).unwrap_err().to_string()
    };
    let data = |object: &mut InMemDicomObject, bytes: &[u8]| {
        object.put(DataElement::new(Tag(0x6000, 0x3000), VR::OB, PrimitiveValue::from(bytes.to_vec())));
    };
    let message = spoiled(&|object| {
        data(object, &[1, 2]);
        number(object, Tag(0x6000, 0x10), 40_000);
        number(object, Tag(0x6000, 0x11), 40_000);
    });
    assert!(message.contains("ends after 2 bytes, expected 200000000"), "{message}");
    assert!(spoiled(&|_| ()).contains("no bit position"));
    let message = spoiled(&|object| {
        number(object, Tag(0x6000, 0x100), 8);
        number(object, Tag(0x6000, 0x102), 3);
    });
    assert!(message.contains("one of the pixels' own"), "{message}");
    assert!(spoiled(&|object| number(object, Tag(0x6000, 0x10), 0)).contains("expected 1 to 65535"));
}
