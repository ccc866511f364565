use rayon::prelude::*;

use super::definition::{Dimension, Entry, entry};
use super::discretize::Levels;

use Dimension::Number;

/// Tone difference features, in the order of [`ngtdm`].
#[rustfmt::skip]
pub(super) const NGTDM: [Entry; 5] = [
    entry("Busyness", "NQ30", Number, "sum p(i) s(i) / sum |i p(i) - j p(j)|; 0 for a flat region"),
    entry("Coarseness", "QCDE", Number, "1 / sum p(i) s(i); 1 000 000 for a flat region"),
    entry("Complexity", "HDEZ", Number, "sum |i - j| (p(i) s(i) + p(j) s(j)) / (p(i) + p(j)) / n"),
    entry("Contrast", "65HE", Number, "sum p(i) p(j) (i - j)^2 / (Ng (Ng - 1)) * sum s(i) / n; 0 for a flat region"),
    entry("Strength", "1X9X", Number, "sum (p(i) + p(j)) (i - j)^2 / sum s(i); 0 for a flat region"),
];

/// Tone difference features: how far each voxel is from the mean of its neighbors in the mask.
///
/// A voxel without a neighbor counts in no sum; where no voxel has one, the region is flat.
pub(super) fn ngtdm(levels: &Levels, neighbors: &[[i32; 3]]) -> [f64; NGTDM.len()] {
    let offsets: Vec<isize> = neighbors.iter().map(|step| levels.offset(*step)).collect();
    let sizes = offsets.len() + 1;
    let cells = (levels.highest + 1) * sizes;
    let bands = rayon::current_num_threads().clamp(1, levels.size[2]);
    // By gray level and number of neighbors: voxels, and the sum of |i * neighbors - their sum|,
    // both whole numbers, so that any order of adding gives the same.
    let (voxels, differences) = (0..bands)
        .into_par_iter()
        .map(|band| {
            let (mut voxels, mut differences) = (vec![0_u64; cells], vec![0_u64; cells]);
            let (mut counts, mut sums) = (vec![0_u32; levels.size[0]], vec![0_u32; levels.size[0]]);
            for slice in band * levels.size[2] / bands..(band + 1) * levels.size[2] / bands {
                for from in levels.rows_of(slice) {
                    counts.fill(0);
                    sums.fill(0);
                    for offset in &offsets {
                        let there = levels.row(from, *offset);
                        for ((count, sum), gray) in counts.iter_mut().zip(&mut sums).zip(there) {
                            *count += u32::from(*gray > 0);
                            *sum += u32::from(*gray);
                        }
                    }
                    for ((gray, count), sum) in levels.row(from, 0).iter().zip(&counts).zip(&sums) {
                        let cell = usize::from(*gray) * sizes + *count as usize;
                        voxels[cell] += 1;
                        differences[cell] += u64::from((u32::from(*gray) * count).abs_diff(*sum));
                    }
                }
            }
            (voxels, differences)
        })
        .reduce(
            || (vec![0; cells], vec![0; cells]),
            |mut sums, parts| {
                sums.0.iter_mut().zip(parts.0).for_each(|(sum, part)| *sum += part);
                sums.1.iter_mut().zip(parts.1).for_each(|(sum, part)| *sum += part);
                sums
            },
        );
    let rows: Vec<(f64, f64, f64)> = (1..=levels.highest)
        .filter_map(|gray| {
            let cells = (1..sizes).map(|count| (count, gray * sizes + count));
            let number: u64 = cells.clone().map(|(_, cell)| voxels[cell]).sum();
            let difference: f64 = cells.map(|(count, cell)| differences[cell] as f64 / count as f64).sum();
            (number > 0).then_some((gray as f64, number as f64, difference))
        })
        .collect();
    features_of(&rows)
}

/// Features of rows of gray level, voxels and summed difference.
fn features_of(rows: &[(f64, f64, f64)]) -> [f64; NGTDM.len()] {
    let total: f64 = rows.iter().map(|(_, number, _)| number).sum();
    let rows: Vec<(f64, f64, f64)> = rows.iter().map(|(i, number, s)| (*i, number / total, *s)).collect();
    let coarse: f64 = rows.iter().map(|(_, p, s)| p * s).sum();
    let differences: f64 = rows.iter().map(|(.., s)| s).sum();
    let [mut spread, mut contrast, mut complexity, mut strength] = [0.0; 4];
    for (i, p, s) in &rows {
        for (j, q, t) in &rows {
            let apart = (i - j) * (i - j);
            spread += (i * p - j * q).abs();
            contrast += p * q * apart;
            complexity += (i - j).abs() * (p * s + q * t) / (p + q);
            strength += (p + q) * apart;
        }
    }
    let levels = rows.len() as f64;
    let or_zero = |value: f64, by: f64| if by > 0.0 { value / by } else { 0.0 };
    [
        or_zero(coarse, spread),
        if coarse > 0.0 { 1.0 / coarse } else { 1e6 },
        or_zero(complexity, total),
        or_zero(contrast, levels * (levels - 1.0)) * or_zero(differences, total),
        or_zero(strength, differences),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_amadasun_and_king_as_ibsi_prints_it() {
        // A 4 by 4 image of the gray levels 1, 2, 3, 5: gray level, voxels, summed difference.
        let rows = [(1.0, 6.0, 13.35), (2.0, 2.0, 2.0), (3.0, 4.0, 2.63), (5.0, 4.0, 10.075)];
        let [busyness, coarseness, complexity, contrast, strength] = features_of(&rows);
        let close = |found: f64, expected: f64| {
            assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}")
        };
        close(coarseness, 1.0 / (0.375 * 13.35 + 0.125 * 2.0 + 0.25 * 2.63 + 0.25 * 10.075));
        // Twice the pairs 1-2, 1-3, 1-5, 2-3, 2-5, 3-5.
        let pairs = 2.0
            * (0.375 * 0.125
                + 0.375 * 0.25 * 4.0
                + 0.375 * 0.25 * 16.0
                + 0.125 * 0.25
                + 0.125 * 0.25 * 9.0
                + 0.25 * 0.25 * 4.0);
        close(contrast, pairs / 12.0 * (28.055 / 16.0));
        // i p: 0.375, 0.25, 0.75, 1.25.
        close(busyness, 8.4325 / (2.0 * (0.125 + 0.375 + 0.875 + 0.5 + 1.0 + 0.5)));
        close(strength, 2.0 * (0.5 + 2.5 + 10.0 + 0.375 + 3.375 + 2.0) / 28.055);
        let ps = [0.375 * 13.35, 0.25, 0.6575, 2.51875];
        let sum = (ps[0] + ps[1]) / 0.5
            + 2.0 * (ps[0] + ps[2]) / 0.625
            + 4.0 * (ps[0] + ps[3]) / 0.625
            + (ps[1] + ps[2]) / 0.375
            + 3.0 * (ps[1] + ps[3]) / 0.375
            + 2.0 * (ps[2] + ps[3]) / 0.5;
        close(complexity, 2.0 * sum / 16.0);
    }

    #[test]
    fn a_flat_region_has_the_documented_values() {
        assert_eq!(features_of(&[(1.0, 9.0, 0.0)]), [0.0, 1e6, 0.0, 0.0, 0.0]);
        assert_eq!(features_of(&[]), [0.0, 1e6, 0.0, 0.0, 0.0]);
    }
}
