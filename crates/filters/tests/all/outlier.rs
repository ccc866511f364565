//! Outlier scores beside scikit-learn and SciPy.

use wilhelm_filters::outlier::{local_outlier_factors, robust_scores};

use crate::shared::{golden, hash, numbers};

fn rows() -> Vec<Vec<f64>> {
    (0..120)
        .map(|row| {
            let moved = if row % 17 == 0 { [9.0, 0.2, 150.0, 0.0] } else { [0.0; 4] };
            let scale = [10.0, 1.0, 200.0, 5.0];
            (0..4).map(|feature| f64::from(hash(feature, row, 0)) * scale[feature] + moved[feature]).collect()
        })
        .collect()
}

#[test]
fn local_outlier_factors_agree_with_scikit_learn() {
    let golden = golden("outlier.json");
    for neighbors in [5, 20] {
        let found = local_outlier_factors(&rows(), neighbors).unwrap();
        for (row, (found, expected)) in
            found.iter().zip(numbers(&golden["factors"][neighbors.to_string()])).enumerate()
        {
            // 64-bit floats; scikit-learn computes distances by the expanded square.
            assert!((found - expected).abs() < 1e-7, "{neighbors} neighbors, row {row}: {found}, {expected}");
        }
    }
}

#[test]
fn robust_scores_agree_with_scipys_median_absolute_deviation() {
    let golden = golden("outlier.json");
    let rows = rows();
    for feature in 0..4 {
        let found = robust_scores(&rows.iter().map(|row| row[feature]).collect::<Vec<_>>());
        for (found, expected) in found.iter().zip(numbers(&golden["robust_scores"][feature])) {
            assert!((found - expected).abs() < 1e-9, "{found}, {expected}");
        }
    }
}
