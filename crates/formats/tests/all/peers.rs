//! Small files that SimpleITK, nibabel and others wrote, against what those programs read.
//!
//! Files and expected numbers are made by `tools/golden/formats_volumes.py`.

use std::path::Path;

use serde_json::Value;
use wilhelm_study::{Image, Index};

use crate::shared::read_one;

fn list(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// Points within 1e-4 mm, since some headers carry 32-bit floats; values within 1e-6 of their
/// size, since ours are 32-bit floats.
fn check(root: &Path, case: &Value) {
    let name = case["file"].as_str().unwrap();
    let reading = read_one(&root.join(name));
    assert!(reading.failures.is_empty(), "{name}: {:?}", reading.failures);
    let volumes = case["volumes"].as_array().unwrap();
    assert_eq!(reading.series.len(), volumes.len(), "{name}");
    for (series, expected) in reading.series.iter().zip(volumes) {
        let size: Vec<f64> = series.image.size().map(|count| count as f64).to_vec();
        assert_eq!(size, list(&case["size"]), "{name}");
        for (found, expected) in series.image.values().iter().zip(list(expected)) {
            let off = (f64::from(*found) - expected).abs();
            assert!(off <= 1e-6 * expected.abs().max(1.0), "{name}: {found}, expected {expected}");
        }
        for point in case["points"].as_array().unwrap() {
            let numbers = list(point);
            let [column, row, slice] = [0, 1, 2].map(|i| numbers[i] as usize);
            let geometry = series.image.geometry().unwrap();
            let found = geometry.point(Index { column, row, slice }).components();
            for (found, expected) in found.iter().zip(&numbers[3..]) {
                assert!((found - expected).abs() < 1e-4, "{name}: {found}, expected {expected}");
            }
        }
        assert_eq!(matches!(series.image, Image::Flat(_)), case["points"].as_array().unwrap().is_empty());
        let defects = case["defects"].as_u64().unwrap_or(0);
        assert_eq!(series.defects.len() as u64, defects, "{name}: {:?}", series.defects);
    }
}

#[test]
fn files_of_other_programs_have_the_points_and_values_that_those_read() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let golden = std::fs::read(here.join("tests/golden/volumes.json")).unwrap();
    let golden: Value = serde_json::from_slice(&golden).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert!(cases.len() >= 20, "{}", cases.len());
    cases.iter().for_each(|case| check(&here.join("../../testdata/formats"), case));
}
