//! Label maps out of volume files and into them.

use std::collections::BTreeMap;

use wilhelm_formats::{
    Compression, FormatError, Limits, VolumeContent, encode_mha, encode_nifti, encode_nrrd, read_label_map,
};
use wilhelm_study::{
    Arbitrary, CodedConcept, Geometry, Image, LabelMap, Mask, Mm, Projection, Segment, Spacing, Volume,
};

use crate::shared::{data, only, written};

fn geometry(size: [usize; 3]) -> Geometry {
    Geometry::axis_aligned(size, Spacing::new(Mm(0.5), Mm(1.0), Mm(2.0)).unwrap()).unwrap()
}

fn lungs(labels: [u16; 2]) -> LabelMap {
    let segment = |name: &str| Segment::anatomy(name, CodedConcept::new("SCT", "39607008", "Lung"), "test 1");
    let [left, right] = labels;
    let segments = BTreeMap::from([(left, segment("left lung")), (right, segment("right\nlung \u{e9}"))]);
    LabelMap::new(geometry([3, 2, 1]), vec![0, left, left, right, 0, 0], segments).unwrap()
}

fn read(name: &str, bytes: &[u8]) -> Result<LabelMap, FormatError> {
    let (_folder, path) = written(name, bytes);
    read_label_map(&path, &Limits::default())
}

fn refused(name: &str, bytes: &[u8]) -> String {
    read(name, bytes).unwrap_err().to_string()
}

#[test]
fn names_and_labels_come_back_from_each_format() {
    for labels in [[1, 2], [3, 255], [4, 256], [7, 65_535]] {
        let map = lungs(labels);
        for compression in [Compression::None, Compression::Gzip] {
            for (name, bytes) in [
                ("a.nii", encode_nifti(&map, compression)),
                ("a.seg.nrrd", encode_nrrd(&map, compression)),
                ("a.mha", encode_mha(&map, compression)),
            ] {
                let read = read(name, &bytes).unwrap();
                assert_eq!(read.labels(), map.labels(), "{name}");
                assert!(read.geometry().is_same_grid(map.geometry()), "{name}");
                let names: Vec<&str> =
                    read.segments().values().map(|segment| segment.name.as_str()).collect();
                assert_eq!(names, ["left lung", "right lung \u{e9}"], "{name}");
            }
        }
    }
}

#[test]
fn the_codes_of_a_segmentation_come_back_from_nrrd() {
    let read = read("a.seg.nrrd", &encode_nrrd(&lungs([1, 2]), Compression::Gzip)).unwrap();
    let segment = &read.segments()[&2];
    assert_eq!(segment.category, CodedConcept::new("SCT", "123037004", "Anatomical Structure"));
    assert_eq!(segment.property, CodedConcept::new("SCT", "39607008", "Lung"));
    assert_eq!(segment.algorithm_name, "not stated");
}

#[test]
fn a_mask_is_a_label_map_of_one_label_without_a_name() {
    let mask = Mask::new(geometry([3, 1, 1]), vec![false, true, true]).unwrap();
    for bytes in [
        encode_nifti(&mask, Compression::Gzip),
        encode_nrrd(&mask, Compression::None),
        encode_mha(&mask, Compression::Gzip),
    ] {
        let read = read("mask", &bytes).unwrap();
        assert_eq!(read.labels(), [0, 1, 1]);
        assert_eq!(read.segments()[&1].name, "label 1");
        assert_eq!(read.segments()[&1].category.value, "NOT-STATED");
    }
}

#[test]
fn an_empty_map_and_an_empty_mask_are_written_and_read() {
    let map = LabelMap::new(geometry([1, 1, 1]), vec![0], BTreeMap::new()).unwrap();
    for bytes in [
        encode_nifti(&map, Compression::None),
        encode_nrrd(&map, Compression::Gzip),
        encode_mha(&map, Compression::None),
    ] {
        assert!(read("empty", &bytes).unwrap().segments().is_empty());
    }
}

#[test]
fn what_is_no_label_map_is_refused_by_name() {
    let values = |values: Vec<f32>| {
        let volume = Volume::<Arbitrary>::new(geometry([2, 1, 1]), values).unwrap();
        encode_nrrd(&volume, Compression::None)
    };
    assert_eq!(
        refused("a.nrrd", &values(vec![1.0, 0.5])),
        "label map: value 0.5 at offset 1, expected whole numbers from 0 to 65535"
    );
    assert!(refused("a.nrrd", &values(vec![-1.0, 0.0])).contains("value -1 at offset 0"));
    assert!(refused("a.nrrd", &values(vec![0.0, 65_536.0])).contains("value 65536 at offset 1"));
    assert!(refused("a.nrrd", &values(vec![f32::NAN, 0.0])).contains("value NaN at offset 0"));
    assert_eq!(read("a.nrrd", &values(vec![0.0, 65_535.0])).unwrap().labels(), [0, 65_535]);
    let layers = b"NRRD0004\ntype: uchar\ndimension: 4\nsizes: 2 2 1 1\nencoding: raw\nspace: LPS\n\
        space origin: (0,0,0)\nspace directions: none (1,0,0) (0,1,0) (0,0,1)\n\n\x01\x00\x00\x01";
    assert!(refused("a.seg.nrrd", layers).contains("2 layers, expected one"));
    let nowhere =
        b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 1 1\nencoding: raw\nspacings: 1 1 1\n\n\x01\x00";
    assert!(refused("a.nrrd", nowhere).contains("no space directions, expected a place in space"));
    let flat = b"NRRD0004\ntype: uchar\ndimension: 2\nsizes: 2 1\nencoding: raw\n\n\x01\x00";
    assert!(refused("a.nrrd", flat).contains("a flat picture"));
    assert!(refused("a.txt", b"some text").contains("not an image: found text"));
    assert!(refused("a.png", b"\x89PNG\r\n\x1a\n....").contains("this format for volumes is not supported"));
    assert!(refused("a", b"").contains("file is empty"));
    let missing = std::path::Path::new("nowhere.nii");
    assert!(matches!(read_label_map(missing, &Limits::default()), Err(FormatError::NotFound { .. })));
}

#[test]
fn bytes_are_the_same_each_time_and_hold_no_clock() {
    let map = lungs([1, 2]);
    for compression in [Compression::None, Compression::Gzip] {
        assert_eq!(encode_nifti(&map, compression), encode_nifti(&map, compression));
        assert_eq!(encode_nrrd(&map, compression), encode_nrrd(&map, compression));
        assert_eq!(encode_mha(&map, compression), encode_mha(&map, compression));
    }
    // Bytes 4 to 7 of a gzip file are its time (RFC 1952).
    assert_eq!(encode_nifti(&map, Compression::Gzip)[4..8], [0; 4]);
}

#[test]
fn an_image_is_written_where_it_has_a_grid_and_values_come_back_exactly() {
    let values = vec![-1000.5, 0.0, 3.25e-7, f32::MAX, 1.0, 65_536.0];
    let image = Image::Hounsfield(Volume::new(geometry([1, 2, 3]), values.clone()).unwrap());
    for (name, bytes) in [
        ("a.nii.gz", encode_nifti(VolumeContent::try_from(&image).unwrap(), Compression::Gzip)),
        ("a.nrrd", encode_nrrd(VolumeContent::try_from(&image).unwrap(), Compression::Gzip)),
        ("a.mha", encode_mha(VolumeContent::try_from(&image).unwrap(), Compression::Gzip)),
    ] {
        let (_folder, path) = written(name, &bytes);
        let read = only(&path);
        assert_eq!(read.image.values(), values, "{name}");
        assert!(read.defects.is_empty(), "{name}: {:?}", read.defects);
    }
    let flat = Image::Flat(Projection::new(1, 1, vec![0.0], None).unwrap());
    let refused = VolumeContent::try_from(&flat).unwrap_err().to_string();
    assert_eq!(refused, "a flat image as a volume file is not supported, expected a volume");
}

#[test]
fn an_axis_beyond_16_bits_is_written_as_the_second_version_of_nifti() {
    let mut labels = vec![0; 40_000];
    labels[39_999] = 9;
    let segments = BTreeMap::from([(9, Segment::anatomy("end", CodedConcept::new("a", "b", "c"), ""))]);
    let map = LabelMap::new(geometry([40_000, 1, 1]), labels, segments).unwrap();
    let bytes = encode_nifti(&map, Compression::Gzip);
    let read = read("a.nii.gz", &bytes).unwrap();
    assert_eq!(read.labels(), map.labels());
    assert_eq!(read.geometry(), map.geometry());
    assert_eq!(read.segments()[&9].name, "end");
    assert_eq!(encode_nifti(&map, Compression::None)[..8], *b"\x1C\x02\0\0n+2\0");
    let at_most = LabelMap::new(geometry([32_767, 1, 1]), vec![0; 32_767], BTreeMap::new()).unwrap();
    assert_eq!(encode_nifti(&at_most, Compression::None)[..4], [0x5C, 1, 0, 0]);
}

#[test]
fn a_real_label_map_has_the_names_that_its_program_gave() {
    let Some(path) = data("volumes/totalsegmentator/example_seg.nii.gz") else { return };
    let map = read_label_map(&path, &Limits::default()).unwrap();
    assert_eq!(map.segments()[&1].name, "spleen");
    assert_eq!(map.segments()[&117].name, "costal_cartilages");
    let Some(path) = data("nifti_nrrd_samples/pyradiomics/brain1_label.nrrd") else { return };
    let map = read_label_map(&path, &Limits::default()).unwrap();
    assert_eq!(map.segments()[&1].name, "label 1");
}
