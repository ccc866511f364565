//! A voxel that is written lies where it was when it is read: over all axis orders and flips,
//! oblique turns and unequal spacing, in each format.

use std::collections::BTreeMap;
use std::path::Path;

use wilhelm_formats::{Compression, Limits, encode_mha, encode_nifti, encode_nrrd, read_label_map};
use wilhelm_study::{
    Arbitrary, CodedConcept, Direction, Geometry, Index, LabelMap, Mm, PointLps, Segment, Spacing, Volume,
};

use crate::shared::{noise, only};

const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// NIfTI-1 keeps 32-bit floats, and headers of text keep all digits.
const TOLERANCE_MM: f64 = 1e-3;

/// The three axes after a turn by a quaternion that is not zero.
fn turned([a, b, c, d]: [f64; 4]) -> [[f64; 3]; 3] {
    let norm = (a * a + b * b + c * c + d * d).sqrt();
    let [a, b, c, d] = [a / norm, b / norm, c / norm, d / norm];
    [
        [a * a + b * b - c * c - d * d, 2.0 * (b * c + a * d), 2.0 * (b * d - a * c)],
        [2.0 * (b * c - a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d + a * b)],
        [2.0 * (b * d + a * c), 2.0 * (c * d - a * b), a * a + d * d - b * b - c * c],
    ]
}

fn grid(size: [usize; 3], spacing: [f64; 3], origin: [f64; 3], quaternion: [f64; 4]) -> Geometry {
    let [columns, rows, slices] = spacing.map(Mm);
    let [along_row, down_column, through_slices] = turned(quaternion);
    Geometry::new(
        size,
        Spacing::new(columns, rows, slices).unwrap(),
        PointLps::from_components(origin),
        Direction::new(along_row, down_column, through_slices).unwrap(),
    )
    .unwrap()
}

/// All 48 grids with the same voxels: every order of the axes, each end first.
fn turned_and_mirrored(geometry: &Geometry) -> Vec<Geometry> {
    let mut grids = Vec::new();
    for order in ORDERS {
        for flips in 0..8 {
            let axes = (0..3).filter(|axis| flips >> axis & 1 == 1);
            grids.push(axes.fold(geometry.permuted(order), |grid, axis| grid.flipped(axis)));
        }
    }
    grids
}

/// A few labels at places that no symmetry of the grid maps to each other.
fn labels(geometry: &Geometry) -> LabelMap {
    let count = geometry.voxels();
    let labels: Vec<u16> =
        (0..count).map(|i| if i % 5 == 3 || i == 0 { i as u16 % 300 + 1 } else { 0 }).collect();
    let code = CodedConcept::new("SCT", "39607008", "Lung");
    let segments: BTreeMap<u16, Segment> = labels
        .iter()
        .filter(|label| **label > 0)
        .map(|label| (*label, Segment::anatomy("x", code.clone(), "t")))
        .collect();
    LabelMap::new(*geometry, labels, segments).unwrap()
}

fn indices(geometry: &Geometry) -> impl Iterator<Item = Index> {
    let [columns, rows, slices] = geometry.size();
    (0..slices).flat_map(move |slice| {
        (0..rows).flat_map(move |row| (0..columns).map(move |column| Index { column, row, slice }))
    })
}

/// The voxel of `grid` whose center is at a point, which is one within the tolerance.
fn voxel_at(grid: &Geometry, point: PointLps, tolerance_mm: f64) -> Index {
    let [column, row, slice] = grid.index_at(point).map(|place| place.round() as usize);
    let index = Index { column, row, slice };
    let found = grid.point(index).components();
    let off = (0..3).map(|i| (found[i] - point.components()[i]).powi(2)).sum::<f64>().sqrt();
    assert!(off <= tolerance_mm, "{off} mm off at {index:?} of {grid:?}");
    index
}

fn check_labels(path: &Path, bytes: &[u8], map: &LabelMap) {
    check_labels_within(path, bytes, map, TOLERANCE_MM);
}

fn check_labels_within(path: &Path, bytes: &[u8], map: &LabelMap, tolerance_mm: f64) {
    std::fs::write(path, bytes).unwrap();
    let read = read_label_map(path, &Limits::default()).unwrap();
    let count = |map: &LabelMap| map.labels().iter().filter(|label| **label > 0).count();
    assert_eq!(count(&read), count(map));
    for index in indices(map.geometry()).filter(|index| map.at(*index) != Some(0)) {
        let found = voxel_at(read.geometry(), map.geometry().point(index), tolerance_mm);
        assert_eq!(read.at(found), map.at(index), "{}", path.display());
    }
}

fn check_values(path: &Path, bytes: &[u8], volume: &Volume<Arbitrary>) {
    std::fs::write(path, bytes).unwrap();
    let series = only(path);
    assert!(series.defects.is_empty(), "{:?}", series.defects);
    let (read, values) = (series.image.geometry().unwrap(), series.image.values());
    assert_eq!(values.len(), volume.voxels().len());
    for index in indices(volume.geometry()) {
        let found = voxel_at(read, volume.geometry().point(index), TOLERANCE_MM);
        assert_eq!(values[read.offset(found)], volume.voxels()[volume.geometry().offset(index)]);
    }
}

/// Numbers from 0 to below 1 that depend on the seed alone.
fn numbers<const N: usize>(seed: u64) -> [f64; N] {
    let bytes = noise(seed, 4 * N);
    std::array::from_fn(|i| {
        let word: [u8; 4] = std::array::from_fn(|k| bytes[4 * i + k]);
        f64::from(u32::from_le_bytes(word)) / 4_294_967_296.0
    })
}

/// Twenty grids of sizes 1 to 5, spacing 0.05 to 8 mm, origins up to 900 mm away and any turn, each
/// in its 48 orders and flips. The seeds are fixed, so that a failure can be looked at again.
#[test]
fn written_voxels_are_read_at_the_same_points() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for seed in 1..=20 {
        let all: [f64; 13] = numbers(seed);
        let size = std::array::from_fn(|i| 1 + (all[i] * 5.0) as usize);
        let spacing = std::array::from_fn(|i| 0.05 + 7.95 * all[3 + i]);
        let origin = std::array::from_fn(|i| 1800.0 * (all[6 + i] - 0.5));
        let oblique = std::array::from_fn(|i| 2.0 * all[9 + i] - 1.0);
        let quaternion = if seed % 4 == 0 { [1.0, 0.0, 0.0, 0.0] } else { oblique };
        let compression = if seed % 2 == 0 { Compression::Gzip } else { Compression::None };
        for geometry in turned_and_mirrored(&grid(size, spacing, origin, quaternion)) {
            let map = labels(&geometry);
            check_labels(&path("a.nii"), &encode_nifti(&map, compression), &map);
            check_labels(&path("a.nrrd"), &encode_nrrd(&map, compression), &map);
            check_labels(&path("a.mha"), &encode_mha(&map, compression), &map);
            let values = (0..geometry.voxels()).map(|i| i as f32 * 1.5 - 7.0).collect();
            let volume = Volume::<Arbitrary>::new(geometry, values).unwrap();
            check_values(&path("v.nii"), &encode_nifti(&volume, compression), &volume);
            check_values(&path("v.nrrd"), &encode_nrrd(&volume, compression), &volume);
            check_values(&path("v.mha"), &encode_mha(&volume, compression), &volume);
        }
    }
}

/// Where a reader takes the q-form, it finds what the s-form says.
#[test]
fn s_form_and_q_form_put_voxels_at_the_same_points() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii");
    for quaternion in
        [[1.0, 0.0, 0.0, 0.0], [0.3, -0.5, 0.7, 0.2], [0.01, 0.9, -0.4, 0.1], [0.0, 0.0, 1.0, 1.0]]
    {
        for geometry in
            turned_and_mirrored(&grid([3, 4, 5], [0.7, 1.1, 3.0], [-90.0, 12.0, 400.0], quaternion))
        {
            let map = labels(&geometry);
            let mut bytes = encode_nifti(&map, Compression::None);
            bytes[254..256].copy_from_slice(&[0, 0]);
            // A quaternion near a half turn keeps its angle to 3e-4, on a grid of 20 mm.
            check_labels_within(&path, &bytes, &map, 6e-3);
        }
    }
}
