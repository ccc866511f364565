//! Segmentations written and read back: every voxel at its physical place, and what is refused.

use std::collections::BTreeMap;

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use wilhelm_formats::dicom::objects::{
    FractionKind, Imprint, LabelCoding, Placement, Reference, Segmentation, SegmentationContent, Stamp,
    fractional_segmentation, label_segmentation, read_segmentation, read_segmentation_on,
    references_of_bytes, segmentation,
};
use wilhelm_formats::phantom::{CtPhantom, part_10};
use wilhelm_formats::{FormatError, Limits};
use wilhelm_study::{
    Arbitrary, CodedConcept, DefectKind, Direction, Geometry, LabelMap, Mask, Mm, PointLps, Segment, Spacing,
    Volume, VoxelError,
};

use crate::shared::data;

/// A phantom's slices turned and moved anywhere, with Pixel Spacing that differs by direction.
pub fn slices(
    phantom: &CtPhantom,
    orientation: [f64; 6],
    between_rows: f64,
    change: impl Fn(usize, &mut InMemDicomObject),
) -> Vec<Vec<u8>> {
    let [a, b, c, d, e, f] = orientation;
    let normal = [b * f - c * e, c * d - a * f, a * e - b * d];
    (0..phantom.slices)
        .map(|slice| {
            let mut object = phantom.slice_object(slice);
            let depth = slice as f64 * phantom.slice_step_mm;
            let at = [-31.5, 12.25, 801.0];
            let position: Vec<String> = (0..3).map(|i| format!("{:.9}", at[i] + depth * normal[i])).collect();
            let cosines: Vec<String> = orientation.iter().map(|value| format!("{value:.12}")).collect();
            let mut put = |tag, text: String| {
                object.put(DataElement::new(tag, VR::DS, PrimitiveValue::from(text)));
            };
            put(tags::IMAGE_POSITION_PATIENT, position.join("\\"));
            put(tags::IMAGE_ORIENTATION_PATIENT, cosines.join("\\"));
            put(tags::PIXEL_SPACING, format!("{between_rows}\\{}", phantom.pixel_spacing_mm));
            change(slice, &mut object);
            part_10(object).unwrap()
        })
        .collect()
}

/// Three turns about three axes.
pub fn oblique() -> [f64; 6] {
    let rotate = |v: [f64; 3], axis: usize, degrees: f64| {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        let (i, j) = ((axis + 1) % 3, (axis + 2) % 3);
        let mut turned = v;
        turned[i] = cosine * v[i] - sine * v[j];
        turned[j] = sine * v[i] + cosine * v[j];
        turned
    };
    let turn = |v| rotate(rotate(rotate(v, 2, 17.0), 0, -23.0), 1, 31.0);
    let (row, column) = (turn([1.0, 0.0, 0.0]), turn([0.0, 1.0, 0.0]));
    [row[0], row[1], row[2], column[0], column[1], column[2]]
}

pub fn small() -> CtPhantom {
    CtPhantom {
        columns: 7,
        rows: 5,
        slices: 6,
        pixel_spacing_mm: 0.7,
        slice_step_mm: 2.5,
        ..CtPhantom::default()
    }
}

pub fn referenced(files: &[Vec<u8>]) -> Reference {
    let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    references_of_bytes(&files, &Limits::default()).unwrap()
}

fn oblique_reference() -> Reference {
    referenced(&slices(&small(), oblique(), 1.3, |_, _| {}))
}

pub fn imprint() -> Imprint {
    Imprint::new("organs", Stamp::new(11, "20260102", "030405").unwrap())
}

pub fn segment(name: &str) -> Segment {
    Segment::anatomy(name, CodedConcept::new("SCT", "39607008", "Lung"), "rule 1.0")
}

/// Labels 0 to 3 by rule, none in the first slice along each axis of slices.
fn labels(geometry: Geometry) -> LabelMap {
    let [columns, rows, _] = geometry.size();
    let labels = (0..geometry.voxels()).map(|i| {
        let (column, row, slice) = (i % columns, i / columns % rows, i / (columns * rows));
        match (column * 7 + row * 5 + slice * 3) % 11 {
            1 | 2 => 3,
            4 => 7,
            8 if column > row => 12,
            _ => 0,
        }
    });
    let segments = [3, 7, 12].map(|label| (label, segment(&format!("organ {label}"))));
    LabelMap::new(geometry, labels.collect(), BTreeMap::from(segments)).unwrap()
}

/// The labels of a read segmentation by the physical place of their voxels, in thousandths of a mm.
fn places(map: &LabelMap) -> Vec<([i64; 3], u16)> {
    let geometry = map.geometry();
    let [columns, rows, _] = geometry.size();
    let mut places: Vec<_> = map
        .labels()
        .iter()
        .enumerate()
        .filter(|(_, label)| **label != 0)
        .map(|(i, label)| {
            let at = [i % columns, i / columns % rows, i / (columns * rows)].map(|index| index as f64);
            (geometry.point_at(at).components().map(|mm| (mm * 1000.0).round() as i64), *label)
        })
        .collect();
    places.sort_unstable();
    places
}

/// Every label at the same point, to 1e-3 mm: the header's 16 characters hold 1e-9 mm and more.
fn same_places(found: &LabelMap, expected: &LabelMap, renumber: impl Fn(u16) -> u16, what: &str) {
    let found = places(found);
    let mut expected = places(expected);
    expected.iter_mut().for_each(|(_, label)| *label = renumber(*label));
    assert_eq!(found.len(), expected.len(), "{what}");
    // Rounding may part two neighbors: each place is looked for within one step.
    for (place, label) in &expected {
        let near = found
            .iter()
            .any(|(there, found)| found == label && there.iter().zip(place).all(|(a, b)| (a - b).abs() <= 1));
        assert!(near, "{what}: label {label} at {place:?} um");
    }
}

fn as_labels(read: Segmentation) -> LabelMap {
    assert!(read.defects.is_empty(), "{:?}", read.defects);
    match read.content {
        SegmentationContent::Labels(map) => map,
        other => panic!("{other:?}"),
    }
}

/// The six orders of axes, each with the eight flips.
fn turned(geometry: &Geometry) -> Vec<([usize; 3], usize, Geometry)> {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let mut all = Vec::new();
    for order in orders {
        for flips in 0..8 {
            let mut grid = geometry.permuted(order);
            for axis in (0..3).filter(|axis| flips >> axis & 1 == 1) {
                grid = grid.flipped(axis);
            }
            all.push((order, flips, grid));
        }
    }
    all
}

#[test]
fn a_label_stays_at_its_place_for_all_48_axis_orders_and_flips_of_an_oblique_stack() {
    let reference = oblique_reference();
    let grids = turned(reference.geometry().unwrap());
    assert_eq!(grids.len(), 48);
    for (order, flips, grid) in grids {
        let map = labels(grid);
        let what = format!("order {order:?}, flips {flips:03b}");
        let number = |label| match label {
            3 => 1,
            7 => 2,
            _ => 3,
        };
        for placement in [Placement::OnSource, Placement::OwnGrid] {
            for coding in [LabelCoding::Binary, LabelCoding::LabelMap] {
                let written = label_segmentation(&map, coding, placement, &reference, &imprint()).unwrap();
                let read = as_labels(read_segmentation(&written.bytes, &Limits::default()).unwrap());
                match coding {
                    LabelCoding::Binary => same_places(&read, &map, number, &what),
                    LabelCoding::LabelMap => same_places(&read, &map, |label| label, &what),
                }
                if placement == Placement::OnSource {
                    let on = read_segmentation_on(&written.bytes, &reference, &Limits::default()).unwrap();
                    let on = as_labels(on);
                    assert!(on.geometry().is_same_grid(reference.geometry().unwrap()), "{what}");
                    same_places(&on, &read, |label| label, &what);
                }
            }
        }
    }
}

#[test]
fn a_label_stays_at_its_place_at_any_angle_and_spacing() {
    // Angles and spacings by rule; the frames' planes are those of the source.
    for case in 0..24_u32 {
        let angle = f64::from(case) * 0.37 - 3.0;
        let lean = f64::from(case) * 0.11 - 1.2;
        let ((s, c), (t, d)) = (angle.sin_cos(), lean.sin_cos());
        let orientation = [c, s, 0.0, -s * d, c * d, t];
        let phantom = CtPhantom {
            pixel_spacing_mm: 0.3 + f64::from(case) * 0.05,
            slice_step_mm: 0.625 + f64::from(case % 5),
            ..small()
        };
        let between_rows = 0.4 + f64::from(case % 7) * 0.3;
        let reference = referenced(&slices(&phantom, orientation, between_rows, |_, _| {}));
        let map = labels(*reference.geometry().unwrap());
        let written =
            label_segmentation(&map, LabelCoding::LabelMap, Placement::OnSource, &reference, &imprint())
                .unwrap();
        let read = as_labels(read_segmentation(&written.bytes, &Limits::default()).unwrap());
        same_places(&read, &map, |label| label, &format!("case {case}"));
    }
}

#[test]
fn the_same_inputs_give_the_same_bytes_and_another_stamp_other_identifiers() {
    let reference = oblique_reference();
    let map = labels(*reference.geometry().unwrap());
    let write = |imprint: &Imprint| {
        label_segmentation(&map, LabelCoding::Binary, Placement::OnSource, &reference, imprint).unwrap()
    };
    let one = write(&imprint());
    assert_eq!(one, write(&imprint()));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(one, pool.install(|| write(&imprint())));
    let other = write(&Imprint { stamp: Stamp::new(12, "20260102", "030405").unwrap(), ..imprint() });
    assert_ne!(one.sop_instance, other.sop_instance);
    let second = write(&Imprint { instance_number: 2, ..imprint() });
    assert_eq!((one.series == second.series, one.sop_instance == second.sop_instance), (true, false));
}

#[test]
fn masks_that_overlap_come_back_as_masks_and_a_segment_without_a_voxel_as_an_empty_one() {
    let reference = oblique_reference();
    let geometry = *reference.geometry().unwrap();
    let mask = |keep: &dyn Fn(usize) -> bool| {
        Mask::new(geometry, (0..geometry.voxels()).map(keep).collect()).unwrap()
    };
    // Slices 1 to 4 only, so that the ends are left out.
    let plane = 35;
    let masks = vec![
        (mask(&|i| (plane..5 * plane).contains(&i) && i % 3 != 0), segment("a")),
        (mask(&|i| (2 * plane..4 * plane).contains(&i) && i % 2 == 0), segment("b")),
        (Mask::none(geometry), segment("c")),
    ];
    let written = segmentation(&masks, Placement::OnSource, &reference, &imprint()).unwrap();
    let read = read_segmentation_on(&written.bytes, &reference, &Limits::default()).unwrap();
    let SegmentationContent::Masks(found) = read.content else { panic!("expected masks") };
    assert_eq!(found.len(), 3);
    for ((number, found, described), (i, (expected, segment))) in found.iter().zip(masks.iter().enumerate()) {
        assert_eq!(usize::from(*number), i + 1);
        assert_eq!(found.voxels(), expected.voxels());
        assert_eq!(described, segment);
    }
    let own = read_segmentation(&written.bytes, &Limits::default()).unwrap();
    let SegmentationContent::Masks(own) = own.content else { panic!("expected masks") };
    assert_eq!(own[0].1.geometry().size(), [7, 5, 4], "from the first slice with a frame to the last");
}

#[test]
fn fractions_come_back_within_half_a_step() {
    let reference = oblique_reference();
    let geometry = *reference.geometry().unwrap();
    let values: Vec<f32> = (0..geometry.voxels()).map(|i| (i % 101) as f32 / 100.0).collect();
    let volume = |values: Vec<f32>| Volume::<Arbitrary>::new(geometry, values).unwrap();
    let write = |values| {
        fractional_segmentation(
            &[(volume(values), segment("a"))],
            Placement::OnSource,
            &reference,
            &imprint(),
        )
    };
    let written = write(values.clone()).unwrap();
    let read = read_segmentation(&written.bytes, &Limits::default()).unwrap();
    let SegmentationContent::Fractions { kind, segments } = read.content else { panic!("fractions") };
    assert_eq!(kind, FractionKind::Probability);
    for (found, expected) in segments[0].1.voxels().iter().zip(&values) {
        assert!((found - expected).abs() <= 0.5 / 255.0 + 1e-6, "{found} for {expected}");
    }
    for wrong in [f32::NAN, -0.01, 1.01] {
        let mut values = values.clone();
        values[8] = wrong;
        let refused = write(values).unwrap_err().to_string();
        assert_eq!(refused, format!("probability: value {wrong} at offset 8, expected 0 to 1"));
    }
}

#[test]
fn a_grid_that_is_not_the_sources_is_refused_unless_it_is_meant() {
    let reference = oblique_reference();
    let geometry = *reference.geometry().unwrap();
    let refused = |grid: Geometry| {
        let map = labels(grid);
        let written =
            label_segmentation(&map, LabelCoding::Binary, Placement::OnSource, &reference, &imprint());
        assert!(matches!(written, Err(FormatError::Voxels(VoxelError::Grid))), "{written:?}");
        label_segmentation(&map, LabelCoding::Binary, Placement::OwnGrid, &reference, &imprint()).unwrap();
    };
    let origin = geometry.origin().components();
    let moved = PointLps::from_components([origin[0] + 0.1, origin[1], origin[2]]);
    refused(Geometry::new(geometry.size(), geometry.spacing(), moved, geometry.direction()).unwrap());
    let coarse = Spacing::new(Mm(1.4), Mm(1.3), Mm(2.5)).unwrap();
    refused(Geometry::new(geometry.size(), coarse, geometry.origin(), geometry.direction()).unwrap());
    refused(Geometry::new(geometry.size(), geometry.spacing(), geometry.origin(), Direction::AXIAL).unwrap());
    refused(geometry.cropped([1, 0, 0], [6, 5, 6]).unwrap());
    // A run of the source's slices is on its slices.
    let run = labels(geometry.cropped([0, 0, 2], [7, 5, 3]).unwrap());
    let written =
        label_segmentation(&run, LabelCoding::LabelMap, Placement::OnSource, &reference, &imprint()).unwrap();
    let read = as_labels(read_segmentation(&written.bytes, &Limits::default()).unwrap());
    same_places(&read, &run, |label| label, "a run of slices");
}

#[test]
fn nothing_to_write_is_said() {
    let reference = oblique_reference();
    let geometry = *reference.geometry().unwrap();
    let empty = [(Mask::none(geometry), segment("a"))];
    let refused = segmentation(&empty, Placement::OnSource, &reference, &imprint()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "segmentation: no voxel is in any segment, expected at least one: an object without frames is not allowed"
    );
    assert!(segmentation(&[], Placement::OnSource, &reference, &imprint()).is_err());
    let nothing = LabelMap::new(geometry, vec![0; geometry.voxels()], BTreeMap::new()).unwrap();
    for coding in [LabelCoding::Binary, LabelCoding::LabelMap] {
        assert!(label_segmentation(&nothing, coding, Placement::OnSource, &reference, &imprint()).is_err());
    }
    let mut wrong = segment("a");
    wrong.tracking_uid = Some("Doe^Jane".to_owned());
    let all = Mask::none(geometry).complement();
    let refused = segmentation(&[(all, wrong)], Placement::OnSource, &reference, &imprint()).unwrap_err();
    assert!(!refused.to_string().contains("Doe"), "{refused}");
}

#[test]
fn frames_of_a_tilted_and_uneven_stack_lie_on_their_slices() {
    let tilted = CtPhantom { tilt_degrees: 20.0, ..small() };
    let files: Vec<Vec<u8>> = [0, 1, 2, 4, 5].map(|i| part_10(tilted.slice_object(i)).unwrap()).to_vec();
    let reference = referenced(&files);
    let geometry = *reference.geometry().unwrap();
    assert_eq!(geometry.size(), [7, 5, 5]);
    let mut voxels = vec![false; geometry.voxels()];
    // One voxel in the slice behind the gap.
    voxels[3 * 35 + 2] = true;
    let masks = [(Mask::new(geometry, voxels.clone()).unwrap(), segment("a"))];
    let written = segmentation(&masks, Placement::OnSource, &reference, &imprint()).unwrap();
    let read = as_labels(read_segmentation(&written.bytes, &Limits::default()).unwrap());
    // The slice's own position, tilt and gap included, not the straightened grid's.
    let expected = tilted.position_mm(4);
    let found = read.geometry().origin().components();
    for axis in 0..3 {
        assert!((found[axis] - expected[axis]).abs() < 1e-5, "{found:?} for {expected:?}");
    }
    let on = as_labels(read_segmentation_on(&written.bytes, &reference, &Limits::default()).unwrap());
    assert_eq!(on.labels().iter().map(|label| *label == 1).collect::<Vec<_>>(), voxels);
}

#[test]
fn a_tilted_stack_read_on_its_own_grid_says_that_it_was_straightened() {
    let tilted = CtPhantom { tilt_degrees: 20.0, ..small() };
    let files: Vec<Vec<u8>> = (0..6).map(|i| part_10(tilted.slice_object(i)).unwrap()).collect();
    let reference = referenced(&files);
    let all = Mask::none(*reference.geometry().unwrap()).complement();
    let written = segmentation(&[(all, segment("a"))], Placement::OnSource, &reference, &imprint()).unwrap();
    let read = read_segmentation(&written.bytes, &Limits::default()).unwrap();
    assert_eq!(read.defects.iter().map(|defect| defect.kind).collect::<Vec<_>>(), [DefectKind::Tilt]);
}

#[test]
fn long_and_foreign_names_are_carried_in_unicode_and_shown_nowhere() {
    let name = format!("Ξένη^{}=山田^太郎", "ά".repeat(80));
    let files = slices(&small(), oblique(), 1.3, |_, object| {
        let mut put = |tag, vr, text: &str| {
            object.put(DataElement::new(tag, vr, PrimitiveValue::from(text)));
        };
        put(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
        put(tags::PATIENT_NAME, VR::PN, &name);
        put(tags::PATIENT_ID, VR::LO, &"π".repeat(70));
        put(tags::PATIENT_BIRTH_DATE, VR::DA, "1.2.1950");
    });
    let reference = referenced(&files);
    assert!(!format!("{reference:?}").contains("Ξένη"));
    let all = Mask::none(*reference.geometry().unwrap()).complement();
    let written = segmentation(&[(all, segment("φ"))], Placement::OnSource, &reference, &imprint()).unwrap();
    let object = dicom_object::from_reader(&written.bytes[..]).unwrap();
    let text = |tag| object.element(tag).unwrap().to_str().unwrap().into_owned();
    assert_eq!(text(tags::SPECIFIC_CHARACTER_SET), "ISO_IR 192");
    assert_eq!(text(tags::PATIENT_NAME), format!("Ξένη^{}=山田^太郎", "ά".repeat(59)));
    assert_eq!(text(tags::PATIENT_ID), "π".repeat(64));
    assert_eq!(text(tags::PATIENT_BIRTH_DATE), "", "a date of no valid form is left out");
    let read = as_labels(read_segmentation(&written.bytes, &Limits::default()).unwrap());
    assert_eq!(read.segments()[&1].name, "φ");
}

#[test]
fn images_of_two_series_are_no_source() {
    let mut files = slices(&small(), oblique(), 1.3, |_, _| {});
    files.extend(slices(&CtPhantom { seed: 2, ..small() }, oblique(), 1.3, |_, _| {}));
    let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    let refused = references_of_bytes(&files, &Limits::default()).unwrap_err();
    assert_eq!(refused.to_string(), "source images: of several series, expected one");
    assert!(references_of_bytes(&[&b"text"[..]], &Limits::default()).is_err());
    assert!(references_of_bytes(&[], &Limits::default()).is_err());
}

#[test]
fn a_cut_or_changed_segmentation_is_refused_without_a_panic() {
    let reference = oblique_reference();
    let map = labels(*reference.geometry().unwrap());
    let whole = label_segmentation(&map, LabelCoding::Binary, Placement::OnSource, &reference, &imprint())
        .unwrap()
        .bytes;
    let limits = Limits::default();
    for cut in (0..whole.len() - 1).step_by(61) {
        assert!(read_segmentation(&whole[..cut], &limits).is_err(), "{cut} of {}", whole.len());
    }
    for (i, byte) in crate::shared::noise(5, 400).into_iter().enumerate() {
        let mut changed = whole.clone();
        let at = 132 + (i * 7919) % (changed.len() - 132);
        changed[at] = byte;
        let _ = read_segmentation(&changed, &limits);
        let _ = read_segmentation_on(&changed, &reference, &limits);
    }
    let few = Limits { voxels: 100, ..Limits::default() };
    assert!(matches!(read_segmentation(&whole, &few), Err(FormatError::TooLarge { .. })));
    let image = part_10(small().slice_object(0)).unwrap();
    let refused = read_segmentation(&image, &limits).unwrap_err();
    assert!(refused.to_string().contains("no segmentation"), "{refused}");
}

/// Counts of set voxels by segment as highdicom 0.28.2 and pydicom 3.0.2 give them.
#[test]
fn segmentations_of_another_program_are_read() {
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/segmentations.json");
    let golden: serde_json::Value = serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let name = case["path"].as_str().unwrap();
        let Some(path) = data(name) else { return };
        let read = read_segmentation(&std::fs::read(path).unwrap(), &Limits::default()).unwrap();
        let overlap = matches!(read.content, SegmentationContent::Masks(_));
        let (geometry, sums): (Geometry, Vec<f64>) = match &read.content {
            SegmentationContent::Labels(map) => (
                *map.geometry(),
                map.segments().keys().map(|label| map.mask(*label).count() as f64).collect(),
            ),
            SegmentationContent::Masks(masks) => {
                (*masks[0].1.geometry(), masks.iter().map(|(_, mask, _)| mask.count() as f64).collect())
            }
            SegmentationContent::Fractions { segments, .. } => (
                *segments[0].1.geometry(),
                segments.iter().map(|(_, v, _)| v.voxels().iter().map(|f| f64::from(*f)).sum()).collect(),
            ),
        };
        let numbers = |value: &serde_json::Value| -> Vec<f64> {
            value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
        };
        assert_eq!(overlap, case["overlap"].as_bool().unwrap(), "{name}");
        assert_eq!(geometry.size().map(|n| n as f64).to_vec(), numbers(&case["size"]), "{name}");
        // Fractions are sums of f32 quotients; counts are whole.
        for (found, expected) in sums.iter().zip(numbers(&case["sums"])) {
            assert!((found - expected).abs() <= 1e-5 * expected.max(1.0), "{name}: {sums:?}");
        }
        assert_eq!(sums.len(), case["sums"].as_array().unwrap().len(), "{name}");
        // Positions of 1e-4 mm: the headers of these files carry six digits.
        for (what, found) in [
            ("first", geometry.origin().components()),
            ("last", geometry.point_at(geometry.size().map(|n| (n - 1) as f64)).components()),
        ] {
            for (found, expected) in found.iter().zip(numbers(&case[what])) {
                assert!((found - expected).abs() <= 1e-4, "{name}: {what} voxel at {found}, {expected}");
            }
        }
    }
}
