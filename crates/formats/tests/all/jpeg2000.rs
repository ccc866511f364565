//! Reversible JPEG 2000 against a picture made by rule, coded by OpenJPEG in every style of code blocks
//! (`tools/golden/formats_jpeg2000.py`).

use std::path::Path;

use wilhelm_formats::Limits;
use wilhelm_formats::dicom::decode;

/// The rule of the script.
fn picture(columns: usize, rows: usize) -> Vec<u16> {
    let value = |column: usize, row: usize| {
        let noise = (977 * column + 2411 * row * row + 55 * column * row) % 61;
        let value = match (column, row) {
            (25.., 17..) => 2048,
            (21.., 13..) => 3900 - 7 * noise,
            _ => 40 * column + 23 * row + noise,
        };
        (value % 4096) as u16
    };
    (0..rows).flat_map(|row| (0..columns).map(move |column| value(column, row))).collect()
}

#[test]
fn every_way_to_code_bit_planes_gives_the_picture_back() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/jpeg2000");
    let mut read = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "dcm") {
            continue;
        }
        let name = path.file_stem().unwrap().display().to_string();
        let pixels = decode(&std::fs::read(&path).unwrap(), &Limits::default())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let values: Vec<u16> =
            pixels.bytes.as_chunks().0.iter().map(|two| u16::from_le_bytes(*two)).collect();
        assert_eq!(values, picture(pixels.columns, pixels.rows), "{name}");
        read += 1;
    }
    assert_eq!(read, 17);
}
