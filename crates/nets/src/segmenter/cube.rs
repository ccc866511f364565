//! A volume as the cube that a network sees, number by number as deepbet makes it.
//!
//! # Shapes
//! Everything here runs from right to left, from back to front, from the feet up, the last fastest: the order of the
//! axes of an image that nibabel brought to its closest canonical orientation.
//!
//! # Source
//! `deepbet/bet.py` and `deepbet/utils.py` of deepbet 1.0.2 (MIT license); `nearest-exact` and `quantile` as PyTorch
//! computes them in single precision.

use std::ops::Range;

use rayon::prelude::*;

/// Which of `from` places each of `to` places is taken from (`nearest-exact`: centers meet centers).
pub fn nearest_exact(from: usize, to: usize) -> Vec<usize> {
    let scale = from as f32 / to as f32;
    (0..to)
        .map(|at| {
            let real = (scale * (at as f32 + 0.5) - 0.5).max(0.0);
            ((f64::from(real) + 0.5) as f32).floor() as usize
        })
        .map(|at| at.min(from - 1))
        .collect()
}

/// The part of an array within a box, at another size, by `nearest-exact`.
pub fn resized<T: Copy + Send + Sync>(
    values: &[T],
    size: [usize; 3],
    part: &[Range<usize>; 3],
    to: [usize; 3],
) -> Vec<T> {
    let [xs, ys, zs]: [Vec<usize>; 3] = std::array::from_fn(|axis| {
        nearest_exact(part[axis].len(), to[axis]).into_iter().map(|at| at + part[axis].start).collect()
    });
    xs.into_par_iter()
        .flat_map_iter(|x| {
            let zs = &zs;
            ys.iter().flat_map(move |y| {
                let line = (x * size[1] + y) * size[2];
                zs.iter().map(move |z| values[line + z])
            })
        })
        .collect()
}

/// Values at the quantiles, linear between neighbors in the sorted order; in single precision throughout.
///
/// # Panics
/// For no values.
pub fn quantiles(values: &[f32], shares: [f32; 2]) -> [f32; 2] {
    let mut sorted = values.to_vec();
    sorted.par_sort_unstable_by(f32::total_cmp);
    shares.map(|share| {
        let rank = share * (sorted.len() - 1) as f32;
        let (below, above) = (sorted[rank as usize], sorted[(rank.ceil() as usize).min(sorted.len() - 1)]);
        let weight = rank - rank.floor();
        if weight < 0.5 { below + weight * (above - below) } else { above - (above - below) * (1.0 - weight) }
    })
}

/// Values between two bounds brought to a mean and a standard deviation (of a sample: divided by one less than the
/// number of values).
pub fn normalize(values: &mut [f32], [low, high]: [f32; 2], mean: f32, deviation: f32) {
    values.par_iter_mut().for_each(|value| *value = ((*value - low) / (high - low)).clamp(0.0, 1.0));
    let count = values.len() as f64;
    // Sums of chunks of one size, so that the number of threads does not show.
    let sum = |term: &(dyn Fn(f64) -> f64 + Sync)| -> f64 {
        let parts: Vec<f64> = values
            .par_chunks(1 << 14)
            .map(|chunk| chunk.iter().map(|value| term(f64::from(*value))).sum())
            .collect();
        parts.iter().sum()
    };
    let found = sum(&|value| value) / count;
    let spread = (sum(&|value| (value - found).powi(2)) / (count - 1.0)).sqrt();
    let (found, spread) = (found as f32, spread as f32);
    values.par_iter_mut().for_each(|value| *value = deviation * ((*value - found) / spread) + mean);
}

/// The box around the foreground of a small cube, on the grid that the cube was made from.
///
/// A plane counts where more than `least_share` of it is foreground; `margin` of the extent is added on each side.
/// `None` where no plane counts along some axis.
pub fn box_with_margin(
    inside: &[bool],
    side: usize,
    size: [usize; 3],
    least_share: f32,
    margin: f32,
) -> Option<[Range<usize>; 3]> {
    let mut counts = [vec![0_u32; side], vec![0; side], vec![0; side]];
    for (at, _) in inside.iter().enumerate().filter(|(_, inside)| **inside) {
        counts[0][at / (side * side)] += 1;
        counts[1][at / side % side] += 1;
        counts[2][at % side] += 1;
    }
    let plane = (side * side) as f32;
    let mut found = [0..0, 0..0, 0..0];
    for axis in 0..3 {
        let counted = |count: &u32| *count as f32 / plane > least_share;
        let first = counts[axis].iter().position(counted)? as f32;
        let last = counts[axis].iter().rposition(counted)? as f32;
        let scale = size[axis] as f32 / side as f32;
        let center = (scale * ((last + 1.0 + first) / 2.0)).round_ties_even();
        let extent = ((1.0 + 2.0 * margin) * (scale * (last + 1.0 - first))).round_ties_even();
        let (start, end) = ((center - extent / 2.0).trunc(), (center + extent / 2.0).trunc());
        found[axis] = start.max(0.0) as usize..(end.max(0.0) as usize).min(size[axis]);
    }
    found.iter().all(|range| !range.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_exact_worked_on_paper() {
        assert_eq!(nearest_exact(4, 2), [1, 3]);
        assert_eq!(nearest_exact(2, 4), [0, 0, 1, 1]);
        assert_eq!(nearest_exact(3, 5), [0, 0, 1, 2, 2]);
        assert_eq!(nearest_exact(1, 3), [0, 0, 0]);
    }

    #[test]
    fn a_part_is_resized_from_its_own_places() {
        let values: Vec<usize> = (0..4 * 3 * 2).collect();
        let found = resized(&values, [4, 3, 2], &[1..3, 0..1, 0..2], [2, 2, 1]);
        assert_eq!(found, [7, 7, 13, 13]);
    }

    #[test]
    fn quantiles_and_normalization_worked_on_paper() {
        assert_eq!(quantiles(&[3.0, 1.0, 2.0, 5.0], [0.5, 1.0]), [2.5, 5.0]);
        assert_eq!(quantiles(&[7.0], [0.0, 1.0]), [7.0, 7.0]);
        let mut values = [-5.0, 2.0, 4.0, 9.0];
        normalize(&mut values, [2.0, 4.0], 10.0, 3.0_f32.sqrt());
        // 0, 0, 1, 1: mean a half, sum of squares 1, divided by 3.
        for (found, expected) in values.iter().zip([8.5, 8.5, 11.5, 11.5]) {
            assert!((found - expected).abs() < 1e-5, "{found} for {expected}");
        }
    }

    #[test]
    fn a_box_worked_on_paper() {
        // Foreground at 1 and 2 along x, 0 along y, 3 along z, on a grid twice, once and four times as fine.
        let inside: Vec<bool> =
            (0..64).map(|at| (1..3).contains(&(at / 16)) && at / 4 % 4 == 0 && at % 4 == 3).collect();
        let found = box_with_margin(&inside, 4, [8, 4, 16], 0.02, 0.25).expect("a box");
        // Centers 4, 0.5 (to even: 0), 14; extents 1.5 times 4, 1 (1.5 to even: 2), 4.
        assert_eq!(found, [1..7, 0..1, 11..16]);
        assert_eq!(box_with_margin(&inside, 4, [8, 4, 16], 0.13, 0.25), None);
    }
}
