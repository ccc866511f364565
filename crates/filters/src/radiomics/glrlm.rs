use rayon::prelude::*;

use super::definition::{Dimension, Entry, entry};
use super::directions::Aggregation;
use super::discretize::Levels;
use super::sized::{Sized, SizedFeatures};

use Dimension::Number;

/// Run length features, in the order of [`features_of`].
#[rustfmt::skip]
pub(super) const GLRLM: [Entry; 16] = [
    entry("GrayLevelNonUniformity", "R5YN", Number, "sum over i of (sum over j of P(i,j))^2 / Nr"),
    entry("GrayLevelNonUniformityNormalized", "OVBL", Number, "sum over i of (sum over j of P(i,j))^2 / Nr^2"),
    entry("GrayLevelVariance", "8CE5", Number, "sum p(i,j) (i - mean)^2"),
    entry("HighGrayLevelRunEmphasis", "G3QZ", Number, "sum p(i,j) i^2"),
    entry("LongRunEmphasis", "W4KF", Number, "sum p(i,j) j^2"),
    entry("LongRunHighGrayLevelEmphasis", "3KUM", Number, "sum p(i,j) i^2 j^2"),
    entry("LongRunLowGrayLevelEmphasis", "IVPO", Number, "sum p(i,j) j^2 / i^2"),
    entry("LowGrayLevelRunEmphasis", "V3SW", Number, "sum p(i,j) / i^2"),
    entry("RunEntropy", "HJ9O", Number, "-sum p(i,j) log2 p(i,j)"),
    entry("RunLengthNonUniformity", "W92Y", Number, "sum over j of (sum over i of P(i,j))^2 / Nr"),
    entry("RunLengthNonUniformityNormalized", "IC23", Number, "sum over j of (sum over i of P(i,j))^2 / Nr^2"),
    entry("RunPercentage", "9ZK5", Number, "Nr / Np, runs by voxels"),
    entry("RunVariance", "SXLW", Number, "sum p(i,j) (j - mean)^2"),
    entry("ShortRunEmphasis", "22OV", Number, "sum p(i,j) / j^2"),
    entry("ShortRunHighGrayLevelEmphasis", "GD3A", Number, "sum p(i,j) i^2 / j^2"),
    entry("ShortRunLowGrayLevelEmphasis", "HTZT", Number, "sum p(i,j) / (i^2 j^2)"),
];

/// Run length features over all steps; a mask of one voxel is one run.
pub(super) fn glrlm(
    levels: &Levels,
    steps: &[[i32; 3]],
    aggregation: Aggregation,
    spacing: [f64; 3],
) -> [f64; GLRLM.len()] {
    let alone = [[1, 0, 0]];
    let steps: &[[i32; 3]] = if steps.is_empty() { &alone } else { steps };
    let sizes = levels.size.into_iter().max().unwrap_or(1) + 1;
    let weights: Option<Vec<f64>> = steps.iter().map(|step| aggregation.weight(*step, spacing)).collect();
    let voxels = levels.voxels as f64;
    match weights {
        Some(weights) => {
            let mut merged = vec![0.0; (levels.highest + 1) * sizes];
            for (step, weight) in steps.iter().zip(&weights) {
                let counts = runs(levels, *step, sizes);
                merged.iter_mut().zip(counts).for_each(|(sum, count)| *sum += weight * f64::from(count));
            }
            let possible = voxels * weights.iter().sum::<f64>();
            features_of(&Sized::from_table(&merged, sizes, possible).features())
        }
        None => {
            let found: Vec<_> = steps
                .par_iter()
                .map(|step| Sized::from_table(&runs(levels, *step, sizes), sizes, voxels))
                .map(|sized| features_of(&sized.features()))
                .collect();
            super::mean_of(&found)
        }
    }
}

/// How many runs of gray level `i` have the length `j`, at `i * sizes + j`.
fn runs(levels: &Levels, step: [i32; 3], sizes: usize) -> Vec<u32> {
    let mut counts = vec![0_u32; (levels.highest + 1) * sizes];
    let offset = levels.offset(step);
    for from in levels.rows() {
        for (at, (gray, before)) in levels.row(from, 0).iter().zip(levels.row(from, -offset)).enumerate() {
            // A run is counted where it begins.
            if *gray == 0 || gray == before {
                continue;
            }
            let mut length = 1;
            let mut place = (from + at).wrapping_add_signed(offset);
            while levels.grays[place] == *gray {
                length += 1;
                place = place.wrapping_add_signed(offset);
            }
            counts[usize::from(*gray) * sizes + length] += 1;
        }
    }
    counts
}

fn features_of(found: &SizedFeatures) -> [f64; GLRLM.len()] {
    [
        found.gray_non_uniformity,
        found.gray_non_uniformity_normalized,
        found.gray_variance,
        found.high_gray,
        found.large,
        found.large_high_gray,
        found.large_low_gray,
        found.low_gray,
        found.entropy,
        found.size_non_uniformity,
        found.size_non_uniformity_normalized,
        found.percentage,
        found.size_variance,
        found.small,
        found.small_high_gray,
        found.small_low_gray,
    ]
}
