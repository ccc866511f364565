//! Real volumes against SimpleITK, nibabel, pydicom and dcm2niix.
//!
//! Expected numbers are made by `tools/golden/formats_geometry.py`.

use std::path::Path;

use serde_json::Value;

use wilhelm_study::Series;

use crate::shared::{data, read_one, titles};

fn numbers<const N: usize>(value: &Value) -> [f64; N] {
    let list: Vec<f64> = value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect();
    list.try_into().unwrap()
}

/// Tolerances: spacing and origin 1e-4 mm, since headers carry 32-bit floats or six digits;
/// direction 1e-3, the study's own tolerance for cosines; values exact where they are whole.
fn check(case: &Value) {
    let name = case["path"].as_str().unwrap();
    let Some(path) = data(name) else { return };
    let series = series(&path, case);
    let geometry = series.image.geometry().unwrap();
    assert_eq!(geometry.size().map(|n| n as f64), numbers::<3>(&case["size"]), "{name}");
    let spacing = geometry.spacing();
    let found = [spacing.between_columns().0, spacing.between_rows().0, spacing.between_slices().0];
    close(name, "spacing", &found, &numbers::<3>(&case["spacing"]), 1e-4);
    close(name, "origin", &geometry.origin().components(), &numbers::<3>(&case["origin"]), 1e-4);
    let direction = geometry.direction();
    let axes = [direction.along_row(), direction.down_column(), direction.through_slices()];
    for (axis, expected) in axes.iter().zip(case["direction"].as_array().unwrap()) {
        close(name, "direction", axis, &numbers::<3>(expected), 1e-3);
    }
    let values = series.image.values();
    let [columns, rows, _] = geometry.size();
    for sample in case["samples"].as_array().unwrap() {
        let [column, row, slice, expected] = numbers::<4>(sample);
        let offset = (slice as usize * rows + row as usize) * columns + column as usize;
        close(name, "sample", &[f64::from(values[offset])], &[expected], 1e-5 * expected.abs().max(1.0));
    }
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
    let expected = case["mean"].as_f64().unwrap();
    close(name, "mean", &[mean], &[expected], 1e-5 * expected.abs().max(1.0));
    let low = values.iter().copied().fold(f32::INFINITY, f32::min);
    let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let extremes = [case["min"].as_f64().unwrap(), case["max"].as_f64().unwrap()];
    close(name, "extremes", &[f64::from(low), f64::from(high)], &extremes, 1e-5 * extremes[1].abs().max(1.0));
    let digest = digest(values);
    assert_eq!(digest, case["float32_sha256"].as_str().unwrap(), "{name}: every voxel");
}

/// The series of a case: the first volume of a file, or the one of a folder with a certain file in
/// it. The last volume of several is compared here.
fn series(path: &Path, case: &Value) -> Series {
    let mut reading = read_one(path);
    assert!(reading.failures.is_empty(), "{:?}", reading.failures);
    if let Some(file) = case["file"].as_str() {
        let holds = |series: &Series| series.sources.iter().any(|source| source.path.ends_with(file));
        let found = reading.series.iter().position(holds);
        return reading.series.swap_remove(found.unwrap_or_else(|| panic!("{file} is in no series")));
    }
    let volumes = case["volumes"].as_u64().unwrap_or(1);
    assert_eq!(reading.series.len() as u64, volumes, "{:?}", titles(&reading));
    if let Some(expected) = case["last_float32_sha256"].as_str() {
        assert_eq!(
            digest(reading.series[volumes as usize - 1].image.values()),
            expected,
            "{path:?}: the last"
        );
    }
    reading.series.swap_remove(0)
}

fn digest(values: &[f32]) -> String {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    for value in values {
        hasher.update(value.to_le_bytes());
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn close(name: &str, what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= tolerance, "{name} {what}: {found:?}, expected {expected:?}");
    }
}

#[test]
fn real_volumes_have_the_geometry_and_the_values_that_other_programs_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/geometry.json");
    let golden: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert!(cases.len() >= 50, "{}", cases.len());
    cases.iter().for_each(check);
}
