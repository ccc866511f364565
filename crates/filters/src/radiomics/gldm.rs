use rayon::prelude::*;

use super::definition::{Dimension, Entry, entry};
use super::discretize::Levels;
use super::sized::Sized;

use Dimension::Number;

/// Dependence features, in the order of [`gldm`].
#[rustfmt::skip]
pub(super) const GLDM: [Entry; 17] = [
    entry("DependenceEntropy", "FCBV", Number, "-sum p(i,j) log2 p(i,j)"),
    entry("DependenceNonUniformity", "Z87G", Number, "sum over j of (sum over i of P(i,j))^2 / Nz"),
    entry("DependenceNonUniformityNormalized", "OKJI", Number, "sum over j of (sum over i of P(i,j))^2 / Nz^2"),
    entry("DependenceVariance", "DNX2", Number, "sum p(i,j) (j - mean)^2"),
    entry("GrayLevelNonUniformity", "FP8K", Number, "sum over i of (sum over j of P(i,j))^2 / Nz"),
    entry("GrayLevelVariance", "1PFV", Number, "sum p(i,j) (i - mean)^2"),
    entry("HighGrayLevelEmphasis", "OAE7", Number, "sum p(i,j) i^2"),
    entry("LargeDependenceEmphasis", "IMOQ", Number, "sum p(i,j) j^2"),
    entry("LargeDependenceHighGrayLevelEmphasis", "9QMG", Number, "sum p(i,j) i^2 j^2"),
    entry("LargeDependenceLowGrayLevelEmphasis", "NBZI", Number, "sum p(i,j) j^2 / i^2"),
    entry("LowGrayLevelEmphasis", "TL9H", Number, "sum p(i,j) / i^2"),
    entry("SmallDependenceEmphasis", "SODN", Number, "sum p(i,j) / j^2"),
    entry("SmallDependenceHighGrayLevelEmphasis", "JA6D", Number, "sum p(i,j) i^2 / j^2"),
    entry("SmallDependenceLowGrayLevelEmphasis", "EQ3F", Number, "sum p(i,j) / (i^2 j^2)"),
    entry("GrayLevelNonUniformityNormalized", "5SPA", Number, "sum over i of (sum over j of P(i,j))^2 / Nz^2 (IBSI)"),
    entry("DependenceEnergy", "CAS9", Number, "sum p(i,j)^2 (IBSI)"),
    entry("DependencePercentage", "6XV8", Number, "Nz / Np, 1 by definition (IBSI)"),
];

/// Dependence features: how many neighbors differ by no more than `cutoff`, the voxel itself
/// counted too.
pub(super) fn gldm(levels: &Levels, neighbors: &[[i32; 3]], cutoff: u16) -> [f64; GLDM.len()] {
    let sizes = neighbors.len() + 2;
    let offsets: Vec<isize> = neighbors.iter().map(|step| levels.offset(*step)).collect();
    let cells = (levels.highest + 1) * sizes;
    // One table a band of slices, not one a slice: integers add up to the same in any order.
    let bands = rayon::current_num_threads().clamp(1, levels.size[2]);
    let table = (0..bands)
        .into_par_iter()
        .map(|band| {
            let mut table = vec![0_u32; cells];
            let mut alike = vec![0_u16; levels.size[0]];
            for slice in band * levels.size[2] / bands..(band + 1) * levels.size[2] / bands {
                for from in levels.rows_of(slice) {
                    count_row(levels, from, &offsets, cutoff, &mut alike);
                    for (gray, alike) in levels.row(from, 0).iter().zip(&alike) {
                        table[usize::from(*gray) * sizes + usize::from(*alike)] += 1;
                    }
                }
            }
            table
        })
        .reduce(
            || vec![0; cells],
            |mut sum, part| {
                sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
                sum
            },
        );
    let found = Sized::from_table(&table, sizes, levels.voxels as f64).features();
    [
        found.entropy,
        found.size_non_uniformity,
        found.size_non_uniformity_normalized,
        found.size_variance,
        found.gray_non_uniformity,
        found.gray_variance,
        found.high_gray,
        found.large,
        found.large_high_gray,
        found.large_low_gray,
        found.low_gray,
        found.small,
        found.small_high_gray,
        found.small_low_gray,
        found.gray_non_uniformity_normalized,
        found.energy,
        found.percentage,
    ]
}

fn count_row(levels: &Levels, from: usize, offsets: &[isize], cutoff: u16, alike: &mut [u16]) {
    alike.fill(1);
    let here = levels.row(from, 0);
    for offset in offsets {
        let there = levels.row(from, *offset);
        if cutoff == 0 {
            // Outside the mask is 0, which no voxel of the mask has.
            for (alike, (a, b)) in alike.iter_mut().zip(here.iter().zip(there)) {
                *alike += u16::from(a == b);
            }
        } else {
            for (alike, (a, b)) in alike.iter_mut().zip(here.iter().zip(there)) {
                *alike += u16::from(a.abs_diff(*b) <= cutoff) & u16::from(*b > 0);
            }
        }
    }
}
