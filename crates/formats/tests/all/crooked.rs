//! DICOM series that are not what they should be, made from the phantom.

use std::path::{Path, PathBuf};

use dicom_core::value::PrimitiveValue;
use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use wilhelm_formats::phantom::{self, CtPhantom};
use wilhelm_formats::{Limits, Silent, read};
use wilhelm_study::{DefectKind, Image, Mm, Modality, QuantityKind, Series};

use crate::shared::{kinds, only, read_one, refusal};

fn small(slices: usize) -> CtPhantom {
    CtPhantom { columns: 32, rows: 24, slices, slice_step_mm: 2.0, noise_hu: 0.0, ..CtPhantom::default() }
}

fn set(object: &mut InMemDicomObject, tag: Tag, vr: VR, value: &str) {
    object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
}

fn write(folder: &Path, name: &str, object: InMemDicomObject) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, phantom::part_10(object).unwrap()).unwrap();
    path
}

/// Writes the slices of a phantom, each changed by `change`; none where it gives `false`.
fn series(phantom: &CtPhantom, change: impl Fn(usize, &mut InMemDicomObject) -> bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for slice in 0..phantom.slices {
        let mut object = phantom.slice_object(slice);
        if change(slice, &mut object) {
            write(folder.path(), &format!("{slice:04}.dcm"), object);
        }
    }
    folder
}

fn defects_of(series: &Series, kind: DefectKind) -> Vec<String> {
    series.defects.iter().filter(|defect| defect.kind == kind).map(ToString::to_string).collect()
}

#[test]
fn a_whole_series_is_read_in_hounsfield_units_at_its_place() {
    let phantom = CtPhantom { noise_hu: 0.0, ..small(7) };
    let folder = series(&phantom, |_, _| true);
    let read = only(folder.path());
    assert!(read.defects.is_empty(), "{:?}", read.defects);
    assert_eq!(read.title, "series 3: CT axial, 7 slices of 2 mm");
    assert_eq!(read.modality, Some(Modality::Ct));
    assert_eq!(read.body_part.as_deref(), Some("CHEST"));
    assert_eq!(read.window, Some((40.0, 400.0)));
    assert_eq!(read.stored_range, Some((-33792.0, 31743.0)));
    assert_eq!(read.patient.age_years, Some(50.0));
    assert_eq!(read.patient.id.as_ref().map(|id| id.expose().as_str()), Some("PHANTOM-1"));
    assert_eq!(read.sources.len(), 7);
    assert!(read.sources.iter().all(|source| source.sha256.len() == 64));
    let Image::Hounsfield(volume) = &read.image else { panic!("{:?}", read.image.quantity()) };
    let geometry = volume.geometry();
    assert_eq!(geometry.size(), [32, 24, 7]);
    assert_eq!(geometry.origin().components(), [-11.2, -8.4, 0.0]);
    assert_eq!(geometry.spacing().between_slices(), Mm(2.0));
    assert_eq!(geometry.direction().letters(), "LPS");
    for slice in 0..7 {
        for row in 0..24 {
            for column in 0..32 {
                let found = volume.voxels()[(slice * 24 + row) * 32 + column];
                assert_eq!(
                    f64::from(found),
                    phantom.hounsfield(column, row, slice),
                    "{column} {row} {slice}"
                );
            }
        }
    }
}

#[test]
fn shuffled_names_and_order_give_identical_bytes() {
    let phantom = CtPhantom { noise_hu: 9.0, ..small(9) };
    let folder = tempfile::tempdir().unwrap();
    let paths = phantom::write_ct_series(folder.path(), &phantom).unwrap();
    let expected = only(folder.path());
    let shuffled: Vec<PathBuf> = [4, 0, 8, 2, 6, 1, 7, 3, 5].map(|i: usize| paths[i].clone()).to_vec();
    let reading = read(&shuffled, &Limits::default(), &Silent);
    assert_eq!(reading.series, vec![expected.clone()]);
    // Other names, and Instance Number running the other way: the positions alone decide.
    let renamed = tempfile::tempdir().unwrap();
    for (i, path) in paths.iter().enumerate() {
        std::fs::copy(path, renamed.path().join(format!("{}", (i * 5) % 9))).unwrap();
    }
    let again = only(renamed.path());
    assert_eq!(again.image, expected.image);
    let digests = |series: &Series| -> Vec<String> {
        series.sources.iter().map(|source| source.sha256.clone()).collect()
    };
    assert_eq!(digests(&again), digests(&expected));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    phantom::write_ct_series(folder.path(), &small(6)).unwrap();
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| read_one(folder.path()).series)
    };
    assert_eq!(with(1), with(4));
}

#[test]
fn a_gap_between_slices_is_reported_with_its_position() {
    let folder = series(&small(8), |slice, _| slice != 3 && slice != 4);
    let read = only(folder.path());
    assert_eq!(kinds(&read), [DefectKind::MissingSlice]);
    let message = &read.defects[0].message;
    assert!(message.starts_with("2 missing between slices 3 and 4, at 4.00 mm to 10.00 mm"), "{message}");
    assert_eq!(read.image.size(), [32, 24, 6]);
    assert_eq!(read.sources.len(), 6);
    assert_eq!(read.image.geometry().unwrap().spacing().between_slices(), Mm(2.0));
}

#[test]
fn of_two_slices_at_one_position_the_lower_identifier_is_kept() {
    let phantom = small(5);
    let folder = series(&phantom, |_, _| true);
    let mut twin = phantom.slice_object(2);
    set(&mut twin, tags::SOP_INSTANCE_UID, VR::UI, "9.9.9");
    write(folder.path(), "0000-first-by-name.dcm", twin);
    let read = only(folder.path());
    assert_eq!(kinds(&read), [DefectKind::DuplicateSlice]);
    assert!(read.defects[0].message.contains("at 4.00 mm along the normal (slice 3)"), "{}", read.defects[0]);
    assert_eq!(read.image.size(), [32, 24, 5]);
    assert!(read.sources.iter().all(|source| source.sop_instance_uid.as_ref().unwrap().as_str() != "9.9.9"));
}

#[test]
fn a_tilted_gantry_is_named_with_its_angle() {
    let folder = series(&CtPhantom { tilt_degrees: 15.0, ..small(10) }, |_, _| true);
    let read = only(folder.path());
    assert_eq!(kinds(&read), [DefectKind::Tilt]);
    assert!(read.defects[0].message.contains("15.00 degrees"), "{}", read.defects[0]);
    assert_eq!(read.image.geometry().unwrap().direction().through_slices(), [0.0, 0.0, 1.0]);
}

#[test]
fn spacing_that_varies_is_named_with_the_worst_place() {
    let folder = series(&small(8), |slice, object| {
        let depth = [0.0, 2.0, 4.0, 6.0, 8.7, 10.7, 12.7, 14.7][slice];
        set(object, tags::IMAGE_POSITION_PATIENT, VR::DS, &format!("-11.2\\-8.4\\{depth}"));
        true
    });
    let read = only(folder.path());
    assert_eq!(kinds(&read), [DefectKind::IrregularSpacing]);
    assert!(read.defects[0].message.contains("2.700 mm, behind slice 4 at 6.00 mm"), "{}", read.defects[0]);
}

#[test]
fn a_localizer_among_axial_slices_becomes_a_series_of_its_own() {
    let phantom = small(6);
    let folder = series(&phantom, |slice, object| {
        if slice == 0 {
            set(object, tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\0\\-1");
            set(object, tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\LOCALIZER");
        }
        true
    });
    let reading = read_one(folder.path());
    assert!(reading.failures.is_empty(), "{:?}", reading.failures);
    let sizes: Vec<_> = reading.series.iter().map(|series| series.image.size()).collect();
    assert_eq!(sizes, [[32, 24, 5], [32, 24, 1]]);
    assert_eq!(reading.series[0].image.quantity(), QuantityKind::Hounsfield);
    assert_eq!(reading.series[1].image.quantity(), QuantityKind::Stored);
    for series in &reading.series {
        let mixed = defects_of(series, DefectKind::MixedOrientation);
        assert_eq!(mixed.len(), 1);
        assert!(mixed[0].contains("of 6 images"), "{mixed:?}");
    }
}

#[test]
fn slices_of_two_sizes_or_spacings_are_split_and_named() {
    let folder = series(&small(6), |slice, object| {
        if slice >= 4 {
            set(object, tags::PIXEL_SPACING, VR::DS, "0.5\\0.5");
        }
        true
    });
    let reading = read_one(folder.path());
    assert_eq!(reading.series.len(), 2);
    for series in &reading.series {
        assert_eq!(defects_of(series, DefectKind::MixedGrid).len(), 1, "{:?}", series.defects);
    }
}

#[test]
fn two_echoes_at_each_position_become_two_series() {
    let phantom = small(4);
    let folder = tempfile::tempdir().unwrap();
    for slice in 0..4 {
        for (echo, time) in ["20", "90"].iter().enumerate() {
            let mut object = phantom.slice_object(slice);
            set(&mut object, tags::MODALITY, VR::CS, "MR");
            set(&mut object, tags::ECHO_TIME, VR::DS, time);
            set(&mut object, tags::SOP_INSTANCE_UID, VR::UI, &format!("1.2.{slice}.{echo}"));
            write(folder.path(), &format!("{echo}-{slice}.dcm"), object);
        }
    }
    let reading = read_one(folder.path());
    let titles: Vec<_> = reading.series.iter().map(|series| series.title.as_str()).collect();
    assert_eq!(
        titles,
        [
            "series 3: MR axial, 4 slices of 2 mm, echo time 1 of 2",
            "series 3: MR axial, 4 slices of 2 mm, echo time 2 of 2"
        ]
    );
    for series in &reading.series {
        assert!(series.defects.is_empty(), "{:?}", series.defects);
        assert_eq!(series.image.quantity(), QuantityKind::Arbitrary);
    }
}

#[test]
fn without_rescale_ct_values_stay_as_stored_and_say_so() {
    let folder = series(&small(3), |_, object| {
        object.remove_element(tags::RESCALE_SLOPE);
        true
    });
    let read = only(folder.path());
    assert_eq!(read.image.quantity(), QuantityKind::Stored);
    assert_eq!(kinds(&read), [DefectKind::Uncalibrated]);
    // Air is stored as 24.
    assert_eq!(read.image.values()[0], 24.0);
}

#[test]
fn one_bad_slice_is_a_failure_and_a_gap_and_the_others_are_read() {
    let phantom = small(7);
    let folder = series(&phantom, |_, _| true);
    let path = folder.path().join("0003.dcm");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..600]).unwrap();
    let reading = read_one(folder.path());
    assert_eq!(reading.failures.len(), 1);
    assert!(reading.failures[0].path.ends_with("0003.dcm"));
    assert_eq!(reading.series.len(), 1);
    assert_eq!(reading.series[0].image.size(), [32, 24, 6]);
    assert_eq!(kinds(&reading.series[0]), [DefectKind::MissingSlice]);
}

#[test]
fn pixels_that_are_cut_are_read_as_far_as_they_go() {
    let phantom = small(3);
    let folder = series(&phantom, |_, _| true);
    let path = folder.path().join("0001.dcm");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 32 * 4 * 2]).unwrap();
    let read = only(folder.path());
    assert_eq!(kinds(&read), [DefectKind::Truncated]);
    let Image::Hounsfield(volume) = &read.image else { panic!("{:?}", read.image.quantity()) };
    let slice = volume.slice(1).unwrap();
    assert_eq!(f64::from(slice[19 * 32 + 16]), phantom.hounsfield(16, 19, 1));
    // Stored 0 stands for the last four rows.
    assert_eq!(slice[20 * 32], -1024.0);
}

#[test]
fn every_cut_of_a_file_is_read_or_refused_and_never_panics() {
    let phantom = small(1);
    let whole = phantom::part_10(phantom.slice_object(0)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.dcm");
    for cut in (0..whole.len()).step_by(7) {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let reading = read_one(&path);
        assert_eq!(reading.series.len() + reading.failures.len(), 1, "cut at {cut}");
    }
}

#[test]
fn a_file_without_preamble_and_meta_information_is_read_as_it_is_written() {
    let phantom = small(1);
    let whole = phantom::part_10(phantom.slice_object(0)).unwrap();
    let expected = only_bytes(&whole);
    // The data set begins at the first element of group 0008.
    let start = (132..whole.len()).find(|at| whole[*at..].starts_with(&[8, 0, 8, 0])).unwrap();
    let bare = only_bytes(&whole[start..]);
    assert_eq!(bare.image, expected.image);
    assert!(bare.defects.iter().all(|defect| defect.kind == DefectKind::Header) && bare.defects.len() == 2);
}

fn only_bytes(bytes: &[u8]) -> Series {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    only(&path)
}

#[test]
fn a_patients_values_are_in_no_message_and_no_title() {
    let phantom = small(1);
    let mut object = phantom.slice_object(0);
    // A crooked file: names in fields of identifiers, codes and numbers.
    for (tag, vr) in [
        (tags::SERIES_INSTANCE_UID, VR::UI),
        (tags::BODY_PART_EXAMINED, VR::CS),
        (tags::PIXEL_SPACING, VR::DS),
        (tags::RESCALE_TYPE, VR::LO),
        (tags::SERIES_NUMBER, VR::IS),
        (tags::MODALITY, VR::CS),
        (tags::SERIES_DESCRIPTION, VR::LO),
        (tags::PATIENT_AGE, VR::AS),
    ] {
        set(&mut object, tag, vr, "Sekret^Nomen");
    }
    let read = only_bytes(&phantom::part_10(object).unwrap());
    let shown = format!(
        "{} {:?} {:?} {:?} {:?}",
        read.title, read.defects, read.modality, read.body_part, read.patient
    );
    assert!(!shown.contains("Sekret"), "{shown}");
    assert!(!read.defects.is_empty());
    let mut unreadable = phantom.slice_object(0);
    set(&mut unreadable, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "Sekret^Nomen");
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "file", unreadable);
    let message = refusal(&path);
    assert!(!message.contains("Sekret"), "{message}");
}

#[test]
fn monochrome1_radiographs_are_turned_so_that_black_is_low() {
    let phantom = small(1);
    let mut object = phantom.slice_object(0);
    set(&mut object, tags::MODALITY, VR::CS, "DX");
    set(&mut object, tags::VIEW_POSITION, VR::CS, "PA");
    set(&mut object, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME1");
    set(&mut object, tags::RESCALE_INTERCEPT, VR::DS, "0");
    let read = only_bytes(&phantom::part_10(object).unwrap());
    let Image::Flat(image) = &read.image else { panic!("{:?}", read.image.quantity()) };
    assert_eq!(read.title, "series 3: DX posteroanterior");
    // Air is stored as 24 of -32768 to 32767: its mirror image is -25.
    assert_eq!(image.pixels()[0], -25.0);
    assert_eq!(read.stored_range, Some((-32768.0, 32767.0)));
    assert_eq!(read.window, Some((-41.0, 400.0)));
}

#[test]
fn an_unknown_transfer_syntax_is_named() {
    let phantom = small(1);
    let whole = phantom::part_10(phantom.slice_object(0)).unwrap();
    let patched = replace(&whole, b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, patched).unwrap();
    assert_eq!(refusal(&path), "transfer syntax unknown (1.2.840.10008.1.2.9) is not supported");
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[test]
fn a_declared_grid_far_beyond_the_file_is_a_bomb_refused_before_it_is_allocated() {
    let phantom = small(1);
    let mut object = phantom.slice_object(0);
    for tag in [tags::ROWS, tags::COLUMNS] {
        object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(65_535_u16)));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "bomb.dcm", object);
    let message = refusal(&path);
    assert!(message.contains("pixel bomb") || message.contains("limit"), "{message}");
}

#[test]
fn a_cancelled_reading_gives_nothing_and_says_so() {
    struct Stop;
    impl wilhelm_formats::Progress for Stop {
        fn step(&self, _done: usize, _total: usize) {}
        fn cancelled(&self) -> bool {
            true
        }
    }
    let folder = series(&small(3), |_, _| true);
    let reading = read(&[folder.path().to_owned()], &Limits::default(), &Stop);
    assert!(reading.series.is_empty());
    assert_eq!(reading.failures.len(), 1);
    assert_eq!(reading.failures[0].error.to_string(), "reading was cancelled");
}

#[test]
fn progress_reaches_the_number_of_files() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    #[derive(Default)]
    struct Count(AtomicUsize, AtomicUsize);
    impl wilhelm_formats::Progress for Count {
        fn step(&self, done: usize, total: usize) {
            self.0.fetch_max(done, Ordering::Relaxed);
            self.1.store(total, Ordering::Relaxed);
        }
        fn cancelled(&self) -> bool {
            false
        }
    }
    let folder = series(&small(5), |_, _| true);
    std::fs::write(folder.path().join("notes.txt"), "beside the images").unwrap();
    let count = Count::default();
    let reading = read(&[folder.path().to_owned()], &Limits::default(), &count);
    assert_eq!(reading.skipped.len(), 1);
    assert_eq!((count.0.into_inner(), count.1.into_inner()), (6, 6));
}

#[test]
fn colors_that_only_a_codec_can_undo_are_refused_where_there_is_none() {
    for (term, is_read) in [("RGB", true), ("YBR_ICT", false), ("YBR_RCT", false), ("XYB", false)] {
        let folder = series(&small(1), |_, object| {
            set(object, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, term);
            for (tag, value) in [
                (tags::SAMPLES_PER_PIXEL, 3_u16),
                (tags::PLANAR_CONFIGURATION, 0),
                (tags::BITS_ALLOCATED, 8),
                (tags::BITS_STORED, 8),
                (tags::HIGH_BIT, 7),
                (tags::PIXEL_REPRESENTATION, 0),
            ] {
                object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
            }
            let pixels = PrimitiveValue::from(vec![100_u8; 32 * 24 * 3]);
            object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, pixels));
            true
        });
        let reading = read_one(folder.path());
        assert_eq!(reading.failures.is_empty(), is_read, "{term}: {:?}", reading.failures);
        if !is_read {
            assert!(refusal(folder.path()).contains(term), "{term}");
        }
    }
}
