use super::definition::{Dimension, Entry, entry};
use super::discretize::Levels;
use super::sized::Sized;

use Dimension::Number;

/// Size zone features, in the order of [`glszm`].
#[rustfmt::skip]
pub(super) const GLSZM: [Entry; 16] = [
    entry("GrayLevelNonUniformity", "JNSA", Number, "sum over i of (sum over j of P(i,j))^2 / Nz"),
    entry("GrayLevelNonUniformityNormalized", "Y1RO", Number, "sum over i of (sum over j of P(i,j))^2 / Nz^2"),
    entry("GrayLevelVariance", "BYLV", Number, "sum p(i,j) (i - mean)^2"),
    entry("HighGrayLevelZoneEmphasis", "5GN9", Number, "sum p(i,j) i^2"),
    entry("LargeAreaEmphasis", "48P8", Number, "sum p(i,j) j^2"),
    entry("LargeAreaHighGrayLevelEmphasis", "J17V", Number, "sum p(i,j) i^2 j^2"),
    entry("LargeAreaLowGrayLevelEmphasis", "YH51", Number, "sum p(i,j) j^2 / i^2"),
    entry("LowGrayLevelZoneEmphasis", "XMSY", Number, "sum p(i,j) / i^2"),
    entry("SizeZoneNonUniformity", "4JP3", Number, "sum over j of (sum over i of P(i,j))^2 / Nz"),
    entry("SizeZoneNonUniformityNormalized", "VB3A", Number, "sum over j of (sum over i of P(i,j))^2 / Nz^2"),
    entry("SmallAreaEmphasis", "5QRC", Number, "sum p(i,j) / j^2"),
    entry("SmallAreaHighGrayLevelEmphasis", "HW1V", Number, "sum p(i,j) i^2 / j^2"),
    entry("SmallAreaLowGrayLevelEmphasis", "5RAI", Number, "sum p(i,j) / (i^2 j^2)"),
    entry("ZoneEntropy", "GU8N", Number, "-sum p(i,j) log2 p(i,j)"),
    entry("ZonePercentage", "P30P", Number, "Nz / Np, zones by voxels"),
    entry("ZoneVariance", "3NSA", Number, "sum p(i,j) (j - mean)^2"),
];

/// Size zone features: connected voxels of one gray level, 26 neighbors in space, 8 in a slice.
pub(super) fn glszm(levels: &Levels, flat: bool) -> [f64; GLSZM.len()] {
    let sized = Sized { cells: zones(levels, flat), voxels: levels.voxels as f64 };
    let found = sized.features();
    [
        found.gray_non_uniformity,
        found.gray_non_uniformity_normalized,
        found.gray_variance,
        found.high_gray,
        found.large,
        found.large_high_gray,
        found.large_low_gray,
        found.low_gray,
        found.size_non_uniformity,
        found.size_non_uniformity_normalized,
        found.small,
        found.small_high_gray,
        found.small_low_gray,
        found.entropy,
        found.percentage,
        found.size_variance,
    ]
}

/// Gray level, voxels and number of the zones, by filling each from its first voxel.
fn zones(levels: &Levels, flat: bool) -> Vec<(u32, u32, f64)> {
    let deep: &[i32] = if flat { &[0] } else { &[-1, 0, 1] };
    let mut around = Vec::new();
    for slice in deep {
        for row in -1..=1 {
            for column in -1..=1 {
                if [column, row, *slice] != [0, 0, 0] {
                    around.push(levels.offset([column, row, *slice]));
                }
            }
        }
    }
    // A voxel whose zone is known becomes 0, as what lies outside the mask.
    let mut left = levels.grays.clone();
    let mut stack = Vec::new();
    let mut zones = Vec::new();
    for from in levels.rows() {
        for seed in from..from + levels.size[0] {
            let gray = left[seed];
            if gray == 0 {
                continue;
            }
            left[seed] = 0;
            stack.push(seed);
            let mut voxels = 0_u32;
            while let Some(place) = stack.pop() {
                voxels += 1;
                for offset in &around {
                    let neighbor = place.wrapping_add_signed(*offset);
                    if left[neighbor] == gray {
                        left[neighbor] = 0;
                        stack.push(neighbor);
                    }
                }
            }
            zones.push((u32::from(gray), voxels));
        }
    }
    zones.sort_unstable();
    zones.chunk_by(|a, b| a == b).map(|same| (same[0].0, same[0].1, same.len() as f64)).collect()
}
