//! MetaImage files made by program: fields, types, packing, and what is refused.

use std::io::Write;

use wilhelm_study::{DefectKind, Index, Series};

use crate::shared::{kinds, only, read_one, refusal, written};

const FIELDS: &str = "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n\
                      CompressedData = False\nTransformMatrix = 0 1 0 0 0 -1 -1 0 0\nOffset = 10 20 30\n\
                      CenterOfRotation = 0 0 0\nAnatomicalOrientation = ASL\nElementSpacing = 2 3 4\n\
                      DimSize = 2 3 4\nElementType = MET_SHORT\nElementDataFile = LOCAL\n";

fn shorts() -> Vec<u8> {
    (0..24_i16).flat_map(i16::to_le_bytes).collect()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn volume(header: &str, data: &[u8]) -> Series {
    let (_folder, path) = written("a.mha", &[header.as_bytes(), data].concat());
    only(&path)
}

#[test]
fn axes_are_rows_of_the_matrix_as_worked_on_paper() {
    let read = volume(FIELDS, &shorts());
    // (10, 20, 30) + 2 (0, 1, 0) + 2 x 3 (0, 0, -1) + 3 x 4 (-1, 0, 0) = (-2, 22, 24).
    let point = read.image.geometry().unwrap().point(Index { column: 1, row: 2, slice: 3 });
    assert_eq!(point.components(), [-2.0, 22.0, 24.0]);
    assert!(read.defects.is_empty(), "{:?}", read.defects);
    assert_eq!(read.image.values()[23], 23.0);
    let contradicting = volume(&FIELDS.replace("ASL", "RAI"), &shorts());
    assert_eq!(kinds(&contradicting), [DefectKind::Header]);
    assert_eq!(contradicting.image, read.image);
}

#[test]
fn packed_text_and_big_endian_voxels_are_the_same() {
    let plain = volume(FIELDS, &shorts());
    let packed = zlib(&shorts());
    let compressed = FIELDS.replace("CompressedData = False", "CompressedData = True");
    assert_eq!(volume(&compressed, &packed).image, plain.image);
    let sized = compressed.replace(
        "CompressedData = True",
        &format!("CompressedData = True\nCompressedDataSize = {}", packed.len()),
    );
    assert_eq!(volume(&sized, &[packed.as_slice(), b"behind"].concat()).image, plain.image);
    let text: Vec<String> = (0..24).map(|value| value.to_string()).collect();
    let read = volume(&FIELDS.replace("BinaryData = True", "BinaryData = False"), text.join(" ").as_bytes());
    assert_eq!(read.image, plain.image);
    let big: Vec<u8> = (0..24_i16).flat_map(i16::to_be_bytes).collect();
    let read = volume(&FIELDS.replace("MSB = False", "MSB = True"), &big);
    assert_eq!(read.image, plain.image);
}

#[test]
fn every_element_type_has_its_width() {
    let check = |name: &str, data: &[u8], expected: f32| {
        let header = FIELDS.replace("2 3 4\nElementType", "1 1 1\nElementType").replace("MET_SHORT", name);
        assert_eq!(volume(&header, data).image.values(), [expected], "{name}");
    };
    check("MET_CHAR", &[0xFF], -1.0);
    check("MET_UCHAR", &[0xFF], 255.0);
    check("MET_USHORT", &[0xFF, 0xFF], 65_535.0);
    check("MET_INT", &(-9_i32).to_le_bytes(), -9.0);
    check("MET_UINT", &9_u32.to_le_bytes(), 9.0);
    check("MET_LONG", &(-9_i32).to_le_bytes(), -9.0);
    check("MET_ULONG", &9_u32.to_le_bytes(), 9.0);
    check("MET_LONG_LONG", &(-9_i64).to_le_bytes(), -9.0);
    check("MET_ULONG_LONG", &9_u64.to_le_bytes(), 9.0);
    check("MET_FLOAT", &0.5_f32.to_le_bytes(), 0.5);
    check("MET_DOUBLE", &0.5_f64.to_le_bytes(), 0.5);
}

#[test]
fn a_fourth_dimension_and_channels_become_volumes() {
    let header = "ObjectType = Image\nNDims = 4\nTransformMatrix = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\n\
                  Offset = 1 2 3 0\nElementSpacing = 1 1 1 5\nDimSize = 2 1 1 3\nElementType = MET_UCHAR\n\
                  ElementDataFile = LOCAL\n";
    let (_folder, path) = written("a.mha", &[header.as_bytes(), &[1, 2, 3, 4, 5, 6]].concat());
    let reading = read_one(&path);
    assert_eq!(reading.series.len(), 3);
    assert_eq!(reading.series[1].title, "a.mha, volume 2 of 3");
    assert_eq!(reading.series[2].image.values(), [5.0, 6.0]);
    let mixed = header.replace("1 0 0 0 0 1 0 0", "1 0 0 1 0 1 0 0");
    let (_folder, path) = written("a.mha", &[mixed.as_bytes(), &[1, 2, 3, 4, 5, 6]].concat());
    assert!(refusal(&path).contains("TransformMatrix: mixes space"));
    let channels = FIELDS
        .replace("2 3 4\nElementType", "2 1 1\nElementNumberOfChannels = 2\nElementType")
        .replace("MET_SHORT", "MET_USHORT_ARRAY");
    let (_folder, path) = written("a.mha", &[channels.as_bytes(), &[1, 0, 2, 0, 3, 0, 4, 0]].concat());
    let reading = read_one(&path);
    assert_eq!(reading.series[0].image.values(), [1.0, 3.0]);
    assert_eq!(reading.series[1].image.values(), [2.0, 4.0]);
}

#[test]
fn a_header_with_its_data_beside_it_is_one_series() {
    let header = FIELDS.replace("= LOCAL", "= a.raw");
    let (folder, path) = written("a.mhd", header.as_bytes());
    std::fs::write(folder.path().join("a.raw"), shorts()).unwrap();
    let reading = read_one(folder.path());
    assert!(reading.failures.is_empty(), "{:?}", reading.failures);
    assert_eq!(reading.series.len(), 1);
    assert_eq!(reading.skipped.len(), 1);
    assert_eq!(reading.skipped[0].reason, "data of the header beside it");
    let at_end = header.replace("NDims = 3", "NDims = 3\nHeaderSize = -1");
    std::fs::write(&path, at_end).unwrap();
    std::fs::write(folder.path().join("a.raw"), [b"before", shorts().as_slice()].concat()).unwrap();
    assert_eq!(only(&path).image.values()[23], 23.0);
    std::fs::write(&path, header.replace("a.raw", "../a.raw")).unwrap();
    assert!(refusal(&path).contains("ElementDataFile: leads out of the folder"));
}

#[test]
fn fields_that_contradict_or_promise_too_much_are_refused_by_name() {
    let check = |from: &str, to: &str, expected: &str| {
        assert!(FIELDS.contains(from), "{from}");
        let (_folder, path) = written("a.mha", &[FIELDS.replace(from, to).as_bytes(), &shorts()].concat());
        let message = refusal(&path);
        assert!(message.contains(expected), "{message} for {expected}");
    };
    check("ElementSpacing = 2 3 4", "ElementSpacing = 2 0 4", "ElementSpacing: 0 along axis 1");
    check("ElementSpacing = 2 3 4", "ElementSpacing = 2 -3 4", "ElementSpacing: -3 along axis 1");
    check("ElementSpacing = 2 3 4", "ElementSpacing = nan 3 4", "ElementSpacing: NaN along axis 0");
    check("ElementSpacing = 2 3 4", "ElementSpacing = 2 3", "ElementSpacing: 2 numbers, expected 3");
    check("DimSize = 2 3 4", "DimSize = 2 3 0", "axis 2 has 0 places");
    check("DimSize = 2 3 4", "DimSize = 2 3 5", "voxels ends after 48 bytes, expected 60");
    check("DimSize = 2 3 4", "DimSize = 30000 30000 2", "pixel bomb");
    check("DimSize = 2 3 4", "DimSize = 4000000000 4000000000 4000000000", "number of voxels");
    check("0 1 0 0 0 -1 -1 0 0", "0 0 0 0 0 -1 -1 0 0", "spacing between columns is 0 mm");
    check("0 1 0 0 0 -1 -1 0 0", "0 0 1 0 0 -1 -1 0 0", "singular");
    check("0 1 0 0 0 -1 -1 0 0", "0 inf 0 0 0 -1 -1 0 0", "not finite");
    check("Offset = 10 20 30", "Offset = 10 20 nan", "the origin is not finite");
    check("NDims = 3", "NDims = 99", "NDims: 99, expected 2 to 10");
    check("MET_SHORT", "MET_STRING", "this ElementType is not supported");
    check("ObjectType = Image", "ObjectType = Tube", "MetaIO object of type Tube is not supported");
    check("= LOCAL", "= LIST", "a list of data files is not supported");
    check("= LOCAL", "= a%02d.raw 1 4 1", "a pattern of data files is not supported");
    check("CompressedData = False", "CompressedData = True", "broken or cut");
    check(
        "CompressedData = False",
        "CompressedData = True\nCompressedDataSize = 99",
        "voxels ends after 48 bytes, expected 99",
    );
    check("Offset = 10", "Offset = 1\nOffset = 10", "Offset: stated twice");
}

#[test]
fn what_is_not_stated_is_assumed_and_said() {
    let header = FIELDS
        .replace("TransformMatrix = 0 1 0 0 0 -1 -1 0 0\n", "")
        .replace("Offset = 10 20 30\n", "")
        .replace("AnatomicalOrientation = ASL\n", "");
    let read = volume(&header, &shorts());
    assert_eq!(kinds(&read), [DefectKind::Header, DefectKind::Header]);
    assert_eq!(read.image.geometry().unwrap().direction().letters(), "LPS");
}
