//! Second derivatives of a smoothed image, slice by slice, and their eigenvalues.
//!
//! A thread holds three smoothed copies of one slice and six rows, never a whole volume.

use rayon::prelude::*;
use wilhelm_study::Progress;

use super::steps::Steps;
use crate::FilterError;

/// Rows of second derivatives: along columns, rows, slices, and the three mixed ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Derivatives {
    pub(super) xx: Vec<f32>,
    pub(super) yy: Vec<f32>,
    pub(super) zz: Vec<f32>,
    pub(super) xy: Vec<f32>,
    pub(super) xz: Vec<f32>,
    pub(super) yz: Vec<f32>,
}

/// A Gaussian and its derivatives, cut off at 5 standard deviations; only the right half is kept.
struct Kernels {
    value: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
}

impl Kernels {
    /// The kernels of scipy's `gaussian_filter` of order 0, 1 and 2; the second sums to exactly 0, so
    /// that a constant (the -1000 HU of air) leaves nothing behind.
    fn new(sigma: f64) -> Self {
        let radius = (5.0 * sigma + 0.5) as usize;
        let square = sigma * sigma;
        let bell: Vec<f64> = (0..=radius).map(|at| (-0.5 * (at * at) as f64 / square).exp()).collect();
        let sum = bell[0] + 2.0 * bell[1..].iter().sum::<f64>();
        let of = |factor: &dyn Fn(f64) -> f64| -> Vec<f32> {
            bell.iter().enumerate().map(|(at, bell)| (bell / sum * factor(at as f64)) as f32).collect()
        };
        let mut second = of(&|at| (at * at / square - 1.0) / square);
        second[0] = -2.0 * second[1..].iter().map(|tap| f64::from(*tap)).sum::<f64>() as f32;
        Self { value: of(&|_| 1.0), first: of(&|at| at / square), second }
    }
}

/// Largest standard deviation in voxels: a kernel of 1001 taps.
const MOST_SIGMA: f64 = 100.0;

/// Standard deviations in voxels of a scale, refused where the method is not defined.
///
/// A flat image has no third axis: its sigma there is 1 and means nothing.
pub(super) fn sigmas(scale: f64, spacing: [f64; 3], size: [usize; 3]) -> Result<[f64; 3], FilterError> {
    let sigmas =
        std::array::from_fn(|axis| if axis == 2 && size[2] == 1 { 1.0 } else { scale / spacing[axis] });
    if !sigmas.iter().all(|sigma| (0.3..=MOST_SIGMA).contains(sigma)) {
        return Err(FilterError::parameter("scale", scale, "0.3 to 100 voxels along every axis"));
    }
    Ok(sigmas)
}

/// Calls `use_row(row's second derivatives, row of the target)` for each row.
///
/// Beyond the border the nearest voxel repeats. Derivatives by voxel are multiplied by the sigma of
/// both axes in voxels: that is the derivative by length times the scale squared, which can be
/// compared between scales.
///
/// # Source
/// Lindeberg 1998, doi:10.1023/A:1008045108935 (the normalization).
pub(super) fn each_row<T: Send>(
    values: &[f32],
    size: [usize; 3],
    sigma: [f64; 3],
    target: &mut [T],
    progress: &Steps,
    use_row: impl Fn(&Derivatives, &mut [T]) + Sync,
) -> Result<(), FilterError> {
    let [columns, rows, slices] = size;
    let plane = columns * rows;
    let [across, down, through] = sigma.map(Kernels::new);
    let flat = slices == 1;
    let norm = |a: usize, b: usize| (sigma[a] * sigma[b]) as f32;
    let norms = [norm(0, 0), norm(1, 1), norm(2, 2), norm(0, 1), norm(0, 2), norm(1, 2)];
    target.par_chunks_mut(plane).enumerate().try_for_each_init(
        || Scratch::new(columns, rows, across.value.len() - 1),
        |scratch, (slice, target)| {
            let at = |step: isize| {
                let from = slice.saturating_add_signed(step).min(slices - 1);
                &values[from * plane..(from + 1) * plane]
            };
            let Scratch { value, first, second, lines, padded, row: found } = scratch;
            if flat {
                value.copy_from_slice(values);
            } else {
                // Both sides of the slice at once: each plane is read for all three kernels.
                let here = at(0);
                value.iter_mut().zip(here).for_each(|(v, here)| *v = through.value[0] * here);
                second.iter_mut().zip(here).for_each(|(v, here)| *v = through.second[0] * here);
                first.fill(0.0);
                for step in 1..through.value.len() {
                    let (before, after) = (at(-(step as isize)), at(step as isize));
                    let (g0, g1, g2) = (through.value[step], through.first[step], through.second[step]);
                    let targets = value.iter_mut().zip(first.iter_mut()).zip(second.iter_mut());
                    for (((v, d), dd), (b, a)) in targets.zip(before.iter().zip(after)) {
                        let sum = a + b;
                        *v += g0 * sum;
                        *d += g1 * (a - b);
                        *dd += g2 * sum;
                    }
                }
            }
            for (row, target) in target.chunks_exact_mut(columns).enumerate() {
                down_rows(value, row, rows, &down, lines, true, true);
                along(&lines[0], &across.second, true, norms[0], padded, &mut found.xx);
                along(&lines[2], &across.value, true, norms[1], padded, &mut found.yy);
                along(&lines[1], &across.first, false, norms[3], padded, &mut found.xy);
                if !flat {
                    down_rows(first, row, rows, &down, lines, true, false);
                    along(&lines[0], &across.first, false, norms[4], padded, &mut found.xz);
                    along(&lines[1], &across.value, true, norms[5], padded, &mut found.yz);
                    down_rows(second, row, rows, &down, lines, false, false);
                    along(&lines[0], &across.value, true, norms[2], padded, &mut found.zz);
                }
                use_row(found, target);
            }
            progress.made()
        },
    )
}

/// What one thread holds.
struct Scratch {
    value: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
    lines: [Vec<f32>; 3],
    padded: Vec<f32>,
    row: Derivatives,
}

impl Scratch {
    fn new(columns: usize, rows: usize, radius: usize) -> Self {
        let plane = || vec![0.0; columns * rows];
        let line = || vec![0.0; columns];
        Self {
            value: plane(),
            first: plane(),
            second: plane(),
            lines: [line(), line(), line()],
            padded: vec![0.0; columns + 2 * radius],
            row: Derivatives { xx: line(), yy: line(), zz: line(), xy: line(), xz: line(), yz: line() },
        }
    }
}

/// One row, smoothed down the columns, and its first and second derivative there, as `wanted`.
fn down_rows(
    plane: &[f32],
    row: usize,
    rows: usize,
    kernels: &Kernels,
    [value, first, second]: &mut [Vec<f32>; 3],
    want_first: bool,
    want_second: bool,
) {
    let columns = value.len();
    let at = |step: isize| {
        let from = row.saturating_add_signed(step).min(rows - 1);
        &plane[from * columns..(from + 1) * columns]
    };
    let here = at(0);
    value.iter_mut().zip(here).for_each(|(v, here)| *v = kernels.value[0] * here);
    if want_first {
        first.fill(0.0);
    }
    if want_second {
        second.iter_mut().zip(here).for_each(|(v, here)| *v = kernels.second[0] * here);
    }
    for step in 1..kernels.value.len() {
        let (before, after) = (at(-(step as isize)), at(step as isize));
        let (g0, g1, g2) = (kernels.value[step], kernels.first[step], kernels.second[step]);
        let sides = before.iter().zip(after);
        if want_second {
            let targets = value.iter_mut().zip(first.iter_mut()).zip(second.iter_mut());
            for (((v, d), dd), (b, a)) in targets.zip(sides) {
                *v += g0 * (a + b);
                *d += g1 * (a - b);
                *dd += g2 * (a + b);
            }
        } else if want_first {
            for ((v, d), (b, a)) in value.iter_mut().zip(first.iter_mut()).zip(sides) {
                *v += g0 * (a + b);
                *d += g1 * (a - b);
            }
        } else {
            value.iter_mut().zip(sides).for_each(|(v, (b, a))| *v += g0 * (a + b));
        }
    }
}

/// A row under an even or odd kernel, times `norm`.
fn along(line: &[f32], kernel: &[f32], even: bool, norm: f32, padded: &mut [f32], target: &mut [f32]) {
    let (radius, columns) = (kernel.len() - 1, line.len());
    padded[..radius].fill(line[0]);
    padded[radius..radius + columns].copy_from_slice(line);
    padded[radius + columns..].fill(line[columns - 1]);
    let center = if even { kernel[0] } else { 0.0 };
    target.iter_mut().zip(line).for_each(|(target, value)| *target = center * value);
    for (step, weight) in kernel.iter().enumerate().skip(1) {
        let before = &padded[radius - step..radius - step + columns];
        let after = &padded[radius + step..radius + step + columns];
        let sides = target.iter_mut().zip(after.iter().zip(before));
        if even {
            sides.for_each(|(target, (a, b))| *target += weight * (a + b));
        } else {
            sides.for_each(|(target, (a, b))| *target += weight * (a - b));
        }
    }
    target.iter_mut().for_each(|value| *value *= norm);
}

/// Eigenvalues of a symmetric matrix, from the largest to the smallest.
///
/// Without branches, so that a row of them is computed side by side; off by at most a few units in
/// the last place of the largest.
///
/// # Source
/// Smith 1961, doi:10.1145/355578.366316; arc cosine: Abramowitz, Stegun 1964, 4.4.46.
#[inline]
pub(super) fn eigenvalues([xx, yy, zz, xy, xz, yz]: [f32; 6]) -> [f32; 3] {
    let mean = (xx + yy + zz) * (1.0 / 3.0);
    let (a, b, c) = (xx - mean, yy - mean, zz - mean);
    let off = xy * xy + xz * xz + yz * yz;
    let spread = ((a * a + b * b + c * c + 2.0 * off) * (1.0 / 6.0)).sqrt();
    let inverse = if spread > 0.0 { 1.0 / spread } else { 0.0 };
    let (a, b, c) = (a * inverse, b * inverse, c * inverse);
    let (xy, xz, yz) = (xy * inverse, xz * inverse, yz * inverse);
    let determinant = a * (b * c - yz * yz) - xy * (xy * c - yz * xz) + xz * (xy * yz - b * xz);
    let half = (0.5 * determinant).clamp(-1.0, 1.0);
    let size = half.abs();
    let polynomial = ((((((-0.001_262_491_1 * size + 0.006_670_09) * size - 0.017_088_126) * size
        + 0.030_891_88)
        * size
        - 0.050_174_305)
        * size
        + 0.088_978_99)
        * size
        - 0.214_598_8)
        * size
        + std::f32::consts::FRAC_PI_2;
    let acute = (1.0 - size).sqrt() * polynomial;
    let angle = if half < 0.0 { std::f32::consts::PI - acute } else { acute } * (1.0 / 3.0);
    let largest = mean + 2.0 * spread * cosine(angle);
    let smallest = mean - 2.0 * spread * cosine(std::f32::consts::FRAC_PI_3 - angle);
    [largest, 3.0 * mean - largest - smallest, smallest]
}

/// Cosine of 0 to a third of pi.
#[inline]
fn cosine(angle: f32) -> f32 {
    let square = angle * angle;
    1.0 + square
        * (-0.5
            + square
                * (1.0 / 24.0 + square * (-1.0 / 720.0 + square * (1.0 / 40_320.0 - square / 3_628_800.0))))
}

/// `exp(-x)` for `x` of 0 or more, in single precision and without branches.
#[inline(always)]
pub(super) fn exp_minus(x: f32) -> f32 {
    // 2^whole * 2^part, the whole number read off the bits of a sum with 1.5 * 2^23.
    const ROUND: f32 = 12_582_912.0;
    let power = (-x * std::f32::consts::LOG2_E).max(-126.0);
    let rounded = power + ROUND;
    let part = (power - (rounded - ROUND)) * std::f32::consts::LN_2;
    let scale = f32::from_bits((rounded.to_bits() << 23).wrapping_add(0x3F80_0000));
    let series = 1.0
        + part
            * (1.0
                + part
                    * (0.5 + part * (1.0 / 6.0 + part * (1.0 / 24.0 + part * (1.0 / 120.0 + part / 720.0)))));
    scale * series
}

/// How many steps [`each_row`] makes.
pub(super) fn steps<'a>(progress: &'a dyn Progress, size: [usize; 3], scales: usize) -> Steps<'a> {
    Steps::new(progress, size[2] * scales)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::Silent;

    #[test]
    fn eigenvalues_worked_on_paper_and_by_their_polynomial() {
        assert_eq!(eigenvalues([2.0, 2.0, 2.0, 0.0, 0.0, 0.0]), [2.0; 3]);
        assert_eq!(eigenvalues([0.0; 6]), [0.0; 3]);
        // [[2, 1], [1, 2]] has 3 and 1.
        let [a, b, c] = eigenvalues([2.0, 2.0, -5.0, 1.0, 0.0, 0.0]);
        assert!((a - 3.0).abs() < 1e-5 && (b - 1.0).abs() < 1e-5 && (c + 5.0).abs() < 1e-5);
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        for _ in 0..2000 {
            let six: [f32; 6] = std::array::from_fn(|_| next());
            let [xx, yy, zz, xy, xz, yz] = six.map(f64::from);
            let found = eigenvalues(six).map(f64::from);
            assert!(found[0] >= found[1] && found[1] >= found[2]);
            // Each is a root of the characteristic polynomial, and together they have the trace and
            // the sum of squares of the matrix: there are no other such three numbers.
            for value in found {
                let (a, b, c) = (xx - value, yy - value, zz - value);
                let root = a * (b * c - yz * yz) - xy * (xy * c - yz * xz) + xz * (xy * yz - b * xz);
                assert!(root.abs() < 2e-5, "{six:?}: {value} leaves {root}");
            }
            let squares = xx * xx + yy * yy + zz * zz + 2.0 * (xy * xy + xz * xz + yz * yz);
            assert!((found.iter().sum::<f64>() - (xx + yy + zz)).abs() < 2e-6);
            assert!((found.iter().map(|value| value * value).sum::<f64>() - squares).abs() < 2e-5);
        }
    }

    #[test]
    fn the_exponential_has_six_digits() {
        for at in 0..2000 {
            let x = at as f32 * 0.043;
            let expected = f64::from(-x).exp();
            // The exponent itself is rounded: a unit in its last place is as much of the result.
            assert!(
                (f64::from(exp_minus(x)) - expected).abs()
                    <= (1e-6 + 1.2e-7 * f64::from(x)) * expected + 2e-38,
                "{x}"
            );
        }
        assert!(exp_minus(f32::INFINITY) < 1e-37 && exp_minus(0.0) == 1.0);
    }

    #[test]
    fn a_parabola_has_the_second_derivative_of_the_paper() {
        // x^2 + 3 y z: derivatives 2, 0, 0, 0, 0, 3; sigma 1 voxel, away from the border.
        let size = [21, 21, 21];
        let values: Vec<f32> = (0..21 * 21 * 21)
            .map(|at| {
                let [x, y, z] = [at % 21, at / 21 % 21, at / 441].map(|v| v as f32 - 10.0);
                x * x + 3.0 * y * z
            })
            .collect();
        let mut found = vec![[0.0_f32; 6]; values.len()];
        let counted = steps(&Silent, size, 1);
        each_row(&values, size, [1.0; 3], &mut found, &counted, |row, target| {
            for (at, target) in target.iter_mut().enumerate() {
                *target = [row.xx[at], row.yy[at], row.zz[at], row.xy[at], row.xz[at], row.yz[at]];
            }
        })
        .expect("derivatives");
        let center = found[10 * 441 + 10 * 21 + 10];
        let expected = [2.0, 0.0, 0.0, 0.0, 0.0, 3.0];
        // Sampled at one deviation a voxel and cut off at 5: 1e-4 of the moments is missing.
        assert!(center.iter().zip(expected).all(|(f, e)| (f - e).abs() < 2e-3), "{center:?}");
    }
}
