//! NRRD files made by program: fields, spaces, encodings, and what is refused.

use std::io::Write;

use wilhelm_study::{DefectKind, Image, Index};

use crate::shared::{kinds, only, read_one, refusal, written};

const FIELDS: &str = "NRRD0004\n# a comment\ntype: short\ndimension: 3\nsizes: 2 3 4\nendian: little\n";
const LPS: &str = "space: left-posterior-superior\nspace origin: (10,20,30)\n\
                   space directions: (0,2,0) (0,0,-3) (-4,0,0)\nkinds: domain domain domain\n";

fn shorts() -> Vec<u8> {
    (0..24_i16).flat_map(i16::to_le_bytes).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn file(header: &str, data: &[u8]) -> Vec<u8> {
    [header.as_bytes(), b"\n", data].concat()
}

fn check_point(bytes: &[u8], expected: [f64; 3]) {
    let (_folder, path) = written("a.nrrd", bytes);
    let read = only(&path);
    let geometry = *read.image.geometry().unwrap();
    let point = geometry.point(Index { column: 1, row: 2, slice: 3 }).components();
    for axis in 0..3 {
        assert!((point[axis] - expected[axis]).abs() < 1e-9, "{point:?} for {expected:?}");
    }
    assert_eq!(read.image.values()[23], 23.0);
}

#[test]
fn every_space_becomes_lps_as_worked_on_paper() {
    // (10, 20, 30) + (0, 2, 0) + 2 (0, 0, -3) + 3 (-4, 0, 0) = (-2, 22, 24).
    let raw = format!("{FIELDS}{LPS}encoding: raw\n");
    check_point(&file(&raw, &shorts()), [-2.0, 22.0, 24.0]);
    for (space, expected) in [
        ("right-anterior-superior", [2.0, -22.0, 24.0]),
        ("RAS", [2.0, -22.0, 24.0]),
        ("left-anterior-superior", [-2.0, -22.0, 24.0]),
        ("LPS", [-2.0, 22.0, 24.0]),
    ] {
        let header = raw.replace("left-posterior-superior", space);
        check_point(&file(&header, &shorts()), expected);
    }
    let header = format!("{raw}space units: \"um\" \"um\" \"um\"\n");
    check_point(&file(&header, &shorts()), [-0.002, 0.022, 0.024]);
}

#[test]
fn all_encodings_and_skips_give_the_same_voxels() {
    let text: Vec<String> = (0..24).map(|value| value.to_string()).collect();
    let hex: Vec<String> = shorts().iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = [-2.0, 22.0, 24.0];
    for (field, data) in [
        ("encoding: gzip", gzip(&shorts())),
        ("encoding: gz\nbyte skip: 5", gzip(&[&[9; 5], shorts().as_slice()].concat())),
        ("encoding: ascii", text.join(" ").into_bytes()),
        ("encoding: text", text.join(",\n").into_bytes()),
        ("encoding: hex", hex.concat().into_bytes()),
        ("encoding: hex", hex.join("\n").into_bytes()),
        ("encoding: raw\nline skip: 2", [b"one\ntwo\n", shorts().as_slice()].concat()),
        ("encoding: raw\nbyte skip: 3", [b"one", shorts().as_slice()].concat()),
        ("encoding: raw\nbyte skip: -1", [b"what is before", shorts().as_slice()].concat()),
    ] {
        check_point(&file(&format!("{FIELDS}{LPS}{field}\n"), &data), expected);
    }
}

#[test]
fn big_endian_and_every_type_are_read() {
    let check = |name: &str, data: &[u8], expected: [f32; 2]| {
        let header = format!(
            "NRRD0005\ntype: {name}\ndimension: 3\nsizes: 2 1 1\nendian: big\nencoding: raw\n\
             space: LPS\nspace directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\n"
        );
        let (_folder, path) = written("a.nrrd", &file(&header, data));
        assert_eq!(only(&path).image.values(), expected, "{name}");
    };
    check("signed char", &[0xFF, 1], [-1.0, 1.0]);
    check("uchar", &[0xFF, 1], [255.0, 1.0]);
    check("short", &[0xFF, 0xFE, 1, 0], [-2.0, 256.0]);
    check("unsigned short int", &[0xFF, 0xFE, 1, 0], [65_534.0, 256.0]);
    check("int", &[&(-5_i32).to_be_bytes()[..], &7_i32.to_be_bytes()].concat(), [-5.0, 7.0]);
    check("uint32_t", &[&5_u32.to_be_bytes()[..], &7_u32.to_be_bytes()].concat(), [5.0, 7.0]);
    check("long long", &[&(-5_i64).to_be_bytes()[..], &7_i64.to_be_bytes()].concat(), [-5.0, 7.0]);
    check("uint64", &[&5_u64.to_be_bytes()[..], &7_u64.to_be_bytes()].concat(), [5.0, 7.0]);
    check("float", &[&0.5_f32.to_be_bytes()[..], &7_f32.to_be_bytes()].concat(), [0.5, 7.0]);
    check("double", &[&0.5_f64.to_be_bytes()[..], &7_f64.to_be_bytes()].concat(), [0.5, 7.0]);
}

#[test]
fn lists_and_vectors_become_volumes_wherever_their_axis_stands() {
    let header = |directions: &str, sizes: &str, kinds: &str| {
        format!(
            "NRRD0004\ntype: uchar\ndimension: 4\nsizes: {sizes}\nencoding: raw\nspace: LPS\n\
             space directions: {directions}\nspace origin: (0,0,0)\nkinds: {kinds}\n"
        )
    };
    let bytes: Vec<u8> = (0..24).collect();
    let first = header("none (1,0,0) (0,1,0) (0,0,1)", "3 2 2 2", "vector domain domain domain");
    let (_folder, path) = written("first.nrrd", &file(&first, &bytes));
    let reading = read_one(&path);
    let titles = ["first.nrrd, volume 1 of 3", "first.nrrd, volume 2 of 3", "first.nrrd, volume 3 of 3"];
    assert_eq!(crate::shared::titles(&reading), titles);
    assert_eq!(reading.series[1].image.values(), [1.0, 4.0, 7.0, 10.0, 13.0, 16.0, 19.0, 22.0]);
    let last = header("(1,0,0) (0,1,0) (0,0,1) none", "2 2 2 3", "domain domain domain list");
    let (_folder, path) = written("last.nrrd", &file(&last, &bytes));
    let reading = read_one(&path);
    assert_eq!(reading.series.len(), 3);
    assert_eq!(reading.series[2].image.values()[0], 16.0);
    let color = header("none (1,0,0) (0,1,0) (0,0,1)", "3 2 2 2", "RGB-color domain domain domain");
    let (_folder, path) = written("color.nrrd", &file(&color, &bytes));
    let read = only(&path);
    assert!((read.image.values()[1] - (0.299 * 3.0 + 0.587 * 4.0 + 0.114 * 5.0)).abs() < 1e-4);
}

#[test]
fn what_is_not_stated_is_assumed_and_said() {
    let header = format!("{FIELDS}spacings: 0.5 0.5 2\naxis mins: 10 20 30\nencoding: raw\n");
    let (_folder, path) = written("a.nrrd", &file(&header, &shorts()));
    let read = only(&path);
    assert_eq!(kinds(&read), [DefectKind::Header]);
    assert!(read.defects[0].message.contains("left-posterior-superior is assumed"), "{}", read.defects[0]);
    let geometry = read.image.geometry().unwrap();
    assert_eq!(geometry.spacing().millimeters(), [0.5, 0.5, 2.0]);
    // The least place is the edge of the first voxel where nothing says that it is its node.
    assert_eq!(geometry.origin().components(), [10.25, 20.25, 31.0]);
    let flat = "NRRD0004\ntype: uchar\ndimension: 2\nsizes: 2 3\nspacings: 0.1 0.2\nencoding: raw\n";
    let (_folder, path) = written("flat.nrrd", &file(flat, &[1, 2, 3, 4, 5, 6]));
    let Image::Flat(flat) = only(&path).image else { panic!("a flat image") };
    assert_eq!((flat.columns(), flat.rows()), (2, 3));
    assert_eq!(flat.spacing().unwrap().between_rows.0, 0.2);
}

#[test]
fn fields_that_contradict_or_promise_too_much_are_refused_by_name() {
    let raw = format!("{FIELDS}{LPS}encoding: raw\n");
    let check = |from: &str, to: &str, expected: &str| {
        assert!(raw.contains(from), "{from}");
        let (_folder, path) = written("a.nrrd", &file(&raw.replace(from, to), &shorts()));
        let message = refusal(&path);
        assert!(message.contains(expected), "{message} for {expected}");
    };
    check("NRRD0004", "NRRD0009", "this version of NRRD is not supported");
    check("type: short\n", "", "type: missing from the header");
    check("type: short", "type: block", "type block is not supported");
    check("endian: little\n", "", "endian: missing");
    check("sizes: 2 3 4", "sizes: 2 3", "sizes: 2 entries, expected 3");
    check("sizes: 2 3 4", "sizes: 2 0 4", "axis 1 has 0 places");
    check("sizes: 2 3 4", "sizes: 2 -3 4", "sizes: no number");
    check("sizes: 2 3 4", "sizes: 2 3 5", "voxels ends after 48 bytes, expected 60");
    check("sizes: 2 3 4", "sizes: 30000 30000 2", "pixel bomb");
    check("sizes: 2 3 4", "sizes: 4000000000 4000000000 4000000000", "number of voxels");
    check("dimension: 3", "dimension: 99", "dimension: 99, expected 1 to 16");
    check("encoding: raw", "encoding: bzip2", "bzip2 encoding is not supported");
    check("encoding: raw", "encoding: gzip", "broken or cut");
    check("(0,2,0)", "(0,0,0)", "spacing between columns is 0 mm");
    check("(0,2,0)", "(0,nan,0)", "step between columns is not finite");
    check("(0,2,0)", "(4,0,0)", "singular");
    check("(0,2,0)", "(0,2,2)", "sheared by 45.0 degrees");
    check("(0,2,0)", "(0,2)", "vectors differ in length");
    check("left-posterior-superior", "left-up-down", "this space is not supported");
    check("endian: little\n", "endian: little\nendian: big\n", "endian: stated twice");
    check("encoding: raw", "encoding: raw\nbyte skip: 1", "voxels ends after 48 bytes, expected 49");
    check("encoding: raw", "encoding: raw\nline skip: 99", "line skip: 99");
    check("encoding: raw", "encoding: raw\ndata file: LIST", "a list of data files is not supported");
    check("encoding: raw", "encoding: raw\ndata file: a%03d.raw 1 9 1", "a pattern of data files");
    let header = format!("{FIELDS}spacings: 1 -1 1\nencoding: raw\n");
    let (_folder, path) = written("a.nrrd", &file(&header, &shorts()));
    assert_eq!(refusal(&path), "spacing of axis 1: -1, expected more than 0");
    let bomb = FIELDS.replace("2 3 4", "10000 10000 20") + "encoding: gzip\n";
    let (_folder, path) = written("a.nrrd", &file(&bomb, &gzip(&shorts())));
    assert!(refusal(&path).contains("pixel bomb"));
}

#[test]
fn a_detached_header_reads_the_file_beside_it_which_is_no_image_of_its_own() {
    let header = format!("{FIELDS}{LPS}encoding: gzip\ndata file: ./a.raw.gz\n");
    let (folder, path) = written("a.nhdr", header.as_bytes());
    let data = folder.path().join("a.raw.gz");
    std::fs::write(&data, gzip(&shorts())).unwrap();
    for given in [vec![path.clone()], vec![folder.path().to_owned()], vec![data.clone(), path.clone()]] {
        let reading =
            wilhelm_formats::read(&given, &wilhelm_formats::Limits::default(), &wilhelm_formats::Silent);
        assert!(reading.failures.is_empty(), "{:?}", reading.failures);
        assert_eq!(reading.series.len(), 1);
        assert_eq!(reading.series[0].image.values()[23], 23.0);
        assert_eq!(reading.series[0].sources.len(), 2);
        assert_eq!(reading.skipped.len(), usize::from(given[0] != path));
    }
}

#[test]
fn no_data_file_leads_out_of_the_folder() {
    let outer = tempfile::tempdir().unwrap();
    std::fs::write(outer.path().join("secret.raw"), shorts()).unwrap();
    let inner = outer.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let path = inner.join("a.nhdr");
    let refused = |name: &str| {
        std::fs::write(&path, format!("{FIELDS}{LPS}encoding: raw\ndata file: {name}\n")).unwrap();
        refusal(&path)
    };
    let absolute = outer.path().join("secret.raw").display().to_string();
    for name in ["../secret.raw", "..", ".", "/", &absolute, "x/../../secret.raw", "a\\b", "./../secret.raw"]
    {
        assert!(refused(name).contains("leads out of the folder"), "{name}: {}", refused(name));
    }
    assert!(refused("nowhere.raw").ends_with("nowhere.raw does not exist"));
    std::fs::create_dir(inner.join("folder")).unwrap();
    assert!(refused("folder").contains("names no file"));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../secret.raw", inner.join("link.raw")).unwrap();
        assert!(refused("link.raw").contains("leads out of the folder"));
        std::fs::write(inner.join("real.raw"), shorts()).unwrap();
        std::os::unix::fs::symlink("real.raw", inner.join("near.raw")).unwrap();
        std::fs::write(&path, format!("{FIELDS}{LPS}encoding: raw\ndata file: near.raw\n")).unwrap();
        assert_eq!(only(&path).image.values()[23], 23.0);
    }
}

#[test]
fn a_detached_header_in_an_archive_finds_its_data_there() {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, bytes) in [
        ("x/a.nhdr", format!("{FIELDS}{LPS}encoding: raw\ndata file: a.raw\n").into_bytes()),
        ("x/a.raw", shorts()),
        ("y/a.raw", vec![7; 48]),
    ] {
        zip.start_file(name, options).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    let (_folder, path) = written("a.zip", &zip.finish().unwrap().into_inner());
    let reading = read_one(&path);
    assert!(reading.failures.is_empty(), "{:?}", reading.failures);
    assert_eq!(reading.series[0].image.values()[23], 23.0);
    assert_eq!(reading.skipped.len(), 2);
}
