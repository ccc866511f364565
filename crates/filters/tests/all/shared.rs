//! What several tests need: golden files, real data beside the repository, images made by rule.

use std::path::{Path, PathBuf};

use serde_json::Value;
use wilhelm_study::{Arbitrary, Geometry, Mm, Projection, Spacing, Volume};

/// A golden file of `tests/golden`, made by a script of `tools/golden`.
pub fn golden(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap()
}

/// A list of numbers in a golden file.
pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// A path in the folder of real data, or `None` with a stated reason.
pub fn data(path: &str) -> Option<PathBuf> {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(path);
    if full.exists() {
        return Some(full);
    }
    eprintln!("skipped: {} is not here", full.display());
    None
}

/// A grid at the origin with axes left, posterior, superior.
pub fn grid(size: [usize; 3], spacing: [f64; 3]) -> Geometry {
    let [columns, rows, slices] = spacing.map(Mm);
    Geometry::axis_aligned(size, Spacing::new(columns, rows, slices).unwrap()).unwrap()
}

/// A volume whose values come from a rule of column, row and slice.
pub fn volume(
    size: [usize; 3],
    spacing: [f64; 3],
    rule: impl Fn(usize, usize, usize) -> f32,
) -> Volume<Arbitrary> {
    let mut values = Vec::with_capacity(size.iter().product());
    for slice in 0..size[2] {
        for row in 0..size[1] {
            values.extend((0..size[0]).map(|column| rule(column, row, slice)));
        }
    }
    Volume::new(grid(size, spacing), values).unwrap()
}

/// A flat image whose values come from a rule of column and row.
pub fn flat(columns: usize, rows: usize, rule: impl Fn(usize, usize) -> f32) -> Projection<Arbitrary> {
    let pixels = (0..columns * rows).map(|at| rule(at % columns, at / columns)).collect();
    Projection::new(columns, rows, pixels, None).unwrap()
}

/// A number from 0 to below 1 that depends on its arguments alone: `tools/golden/rules.py` has the same.
pub fn hash(column: usize, row: usize, slice: usize) -> f32 {
    let mut state = (column as u32)
        .wrapping_mul(73_856_093)
        .wrapping_add((row as u32).wrapping_mul(19_349_663))
        .wrapping_add((slice as u32).wrapping_mul(83_492_791))
        .wrapping_add(0x9E37_79B9);
    state ^= state >> 16;
    state = state.wrapping_mul(0x7FEB_352D);
    state ^= state >> 15;
    state = state.wrapping_mul(0x846C_A68B);
    state ^= state >> 16;
    (state >> 8) as f32 / (1 << 24) as f32
}

/// Two lists are alike: no number further off than `tolerance`.
pub fn close(what: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    let worst = found.iter().zip(expected).map(|(f, e)| (f64::from(*f) - e).abs()).enumerate();
    let (at, off) = worst.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0));
    assert!(
        off <= tolerance,
        "{what}: value {at} is {}, expected {}, tolerance {tolerance}",
        found[at],
        expected[at]
    );
}

#[test]
fn the_rule_gives_the_numbers_that_the_golden_scripts_have() {
    let found: Vec<f32> = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [511, 300, 7]]
        .map(|[column, row, slice]| hash(column, row, slice))
        .to_vec();
    assert_eq!(found, RULE);
}

/// Printed by `python3 tools/golden/rules.py`.
const RULE: [f32; 5] = [0.007_765_114_3, 0.671_558_2, 0.958_539_37, 0.630_798_2, 0.621_793_03];
