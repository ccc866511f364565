//! NPZ collections.

use std::io::{Cursor, Write};
use std::path::PathBuf;

use wilhelm_formats::{Limits, NpzImages, read_npz};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::shared::data;

/// An NPY array, version 1.0.
fn npy(descr: &str, shape: &str, content: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(content);
    bytes
}

fn npz(arrays: &[(&str, Vec<u8>)]) -> (tempfile::TempDir, PathBuf) {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in arrays {
        writer.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("images.npz");
    std::fs::write(&path, writer.finish().unwrap().into_inner()).unwrap();
    (folder, path)
}

fn read(arrays: &[(&str, Vec<u8>)]) -> Result<NpzImages, String> {
    let (_folder, path) = npz(arrays);
    read_npz(&path, &Limits::default()).map_err(|error| error.to_string())
}

#[test]
fn splits_keep_their_order_and_rows_are_counted_through_them() {
    let images = read(&[
        ("val_images", npy("|u1", "(1, 2, 2)", &[9, 8, 7, 6])),
        ("train_images", npy("|u1", "(2, 2, 2)", &[0, 1, 2, 3, 4, 5, 6, 7])),
        ("train_labels", npy("<i8", "(2, 1)", &[[1_u8, 0, 0, 0, 0, 0, 0, 0], [255; 8]].concat())),
        ("val_labels", npy("|u1", "(1, 1)", &[1])),
    ])
    .unwrap();
    let names: Vec<_> = images.splits.iter().map(|split| split.name.as_str()).collect();
    assert_eq!(names, ["val", "train"]);
    let (split, row) = images.locate(2).unwrap();
    assert_eq!((split.name.as_str(), row), ("train", 1));
    assert_eq!(split.images[1].pixels(), [4.0, 5.0, 6.0, 7.0]);
    assert_eq!(split.labels, Some(vec![vec![1], vec![-1]]));
    assert!(images.locate(3).is_none());
}

#[test]
fn color_arrays_become_luminance_and_four_axes_become_volumes() {
    let images = read(&[("arr_0", npy("|u1", "(1, 2, 2, 3)", &[255, 0, 0].repeat(4)))]).unwrap();
    assert!(images.splits[0].color);
    assert!((images.splits[0].images[0].pixels()[0] - 0.299 * 255.0).abs() < 1e-3);
    let images = read(&[("images", npy("|u1", "(1, 2, 1, 4)", &[0, 1, 2, 3, 4, 5, 6, 7]))]).unwrap();
    assert_eq!(images.splits[0].volumes[0].geometry().size(), [4, 1, 2]);
    assert_eq!(images.splits[0].volumes[0].slice(1), Some(&[4.0, 5.0, 6.0, 7.0][..]));
}

#[test]
fn arrays_that_lie_or_do_not_fit_are_refused_by_name() {
    let message = read(&[("images", npy("|u1", "(4000000000, 4000000000, 2)", &[1]))]).unwrap_err();
    assert!(message.starts_with("array images ends after 1 bytes"), "{message}");
    let message = read(&[("images", npy("<f8", "(1, 1, 1)", &[0; 8]))]).unwrap_err();
    assert!(message.contains("value type of array images is not supported"), "{message}");
    let message =
        read(&[("images", npy("|u1", "(2, 1, 1)", &[1, 2])), ("labels", npy("|u1", "(3,)", &[1, 2, 3]))])
            .unwrap_err();
    assert!(message.contains("3 rows of labels for 2 images"), "{message}");
    let endless = npy("|u1", "(9000000000000000000, 0)", &[]);
    let message = read(&[("images", npy("|u1", "(1, 1, 1)", &[1])), ("labels", endless)]).unwrap_err();
    assert!(message.contains("9000000000000000000 rows of labels for 1 images"), "{message}");
    let message = read(&[("weights", npy("|u1", "(2, 1, 1)", b"ab")), ("names", npy("|u1", "(2,)", b"ab"))]);
    assert!(message.unwrap_err().contains("without an array of images"));
}

#[test]
fn real_collections_are_read_whole() {
    let cases = [
        ("medmnist_pneumonia28/dev/pneumoniamnist_trainval.npz", [("train", 4708), ("val", 524)], false),
        ("medmnist_breast28/dev/breastmnist_trainval.npz", [("train", 546), ("val", 78)], false),
        ("medmnist_adrenal3d/dev/adrenalmnist3d_trainval.npz", [("train", 1188), ("val", 98)], true),
    ];
    for (path, expected, volumes) in cases {
        let Some(path) = data(path) else { continue };
        let images = read_npz(&path, &Limits::default()).unwrap();
        let mut found: Vec<_> =
            images.splits.iter().map(|split| (split.name.as_str(), split.len())).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{}", path.display());
        for split in &images.splits {
            assert_eq!(split.volumes.is_empty(), !volumes);
            assert_eq!(split.labels.as_ref().map(Vec::len), Some(split.len()));
        }
    }
}
