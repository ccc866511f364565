//! Blobs by the second derivatives of the image at several scales: candidates for nodules.

use rayon::prelude::*;
use wilhelm_study::{Index, Progress, Raster};

use super::binary::refuse_nan;
use super::distance::Metric;
use super::gray::Polarity;
use super::hessian::{Derivatives, each_row, eigenvalues, sigmas, steps};
use super::vesselness::metric_spacing;
use crate::FilterError;

/// What tells a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobMeasure {
    /// Minus the Laplacian of the Gaussian times the scale squared: largest at the center of a ball
    /// of the scale's size; answers to tubes and plates also.
    ///
    /// Lindeberg 1998, doi:10.1023/A:1008045108935.
    Laplacian,
    /// The smallest eigenvalue squared over the largest, where all have one sign: tubes and plates
    /// answer little.
    ///
    /// Li, Sone, Doi 2003, doi:10.1118/1.1581411.
    Dot,
}

/// What [`search`] looks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Blobs {
    /// Standard deviations of the Gaussian.
    pub scales: Vec<f64>,
    /// In what scales are counted.
    pub metric: Metric,
    /// Blobs brighter or darker than what surrounds them.
    pub polarity: Polarity,
    /// What tells a blob.
    pub measure: BlobMeasure,
    /// Answers below this are no candidates, in the unit of the image.
    pub least: f32,
}

/// A place where the answer is larger than all around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Blob {
    /// Its voxel.
    pub center: Index,
    /// The scale that answers most.
    pub scale: f64,
    /// Radius of the ball (3-D) or disk (2-D) that answers most at this scale, in the unit of the scale.
    pub radius: f64,
    /// The answer, in the unit of the image.
    pub answer: f32,
}

/// The largest answer over the scales, at each voxel.
///
/// # Units
/// Those of the image: answers are normalized by the scale squared.
///
/// # Errors
/// [`FilterError::Parameter`] for no scales or one below 0.3 or above 100 voxels,
/// [`FilterError::NotFinite`], [`FilterError::Spacing`] for millimeters on an image without a
/// spacing, [`FilterError::Cancelled`].
///
/// # Source
/// See [`BlobMeasure`]. Equal to scipy's `gaussian_laplace` times minus the scale squared.
pub fn blobness<R: Raster>(image: &R, blobs: &Blobs, progress: &dyn Progress) -> Result<R, FilterError> {
    let mut answer = vec![f32::NEG_INFINITY; image.values().len()];
    over_scales(image, blobs, progress, &mut answer, |target, found, _| {
        *target = if found > *target { found } else { *target };
    })?;
    Ok(image.with_values(answer)?)
}

/// Places that answer more than their 26 neighbors (8 in a flat image), the strongest first.
///
/// Of equal neighbors the first counts.
///
/// # Errors
/// As [`blobness`].
pub fn search(image: &impl Raster, blobs: &Blobs, progress: &dyn Progress) -> Result<Vec<Blob>, FilterError> {
    let [columns, rows, slices] = image.size();
    let mut answers = vec![[f32::NEG_INFINITY, 0.0]; image.values().len()];
    over_scales(image, blobs, progress, &mut answers, |target, found, scale| {
        *target = if found > target[0] { [found, scale] } else { *target };
    })?;
    let root = if slices == 1 { 2.0_f64.sqrt() } else { 3.0_f64.sqrt() };
    let around = |at: usize, count: usize| at.saturating_sub(1)..(at + 2).min(count);
    let peaks = |slice: usize| {
        let mut found = Vec::new();
        for row in 0..rows {
            for column in 0..columns {
                let here = (slice * rows + row) * columns + column;
                let [answer, scale] = answers[here];
                if !(answer >= blobs.least && answer > 0.0) {
                    continue;
                }
                let is_peak = around(slice, slices).all(|slice| {
                    around(row, rows).all(|row| {
                        around(column, columns).all(|column| {
                            let there = (slice * rows + row) * columns + column;
                            let other = answers[there][0];
                            other < answer || (other == answer && there >= here)
                        })
                    })
                });
                if is_peak {
                    let scale = blobs.scales[scale as usize];
                    let center = Index { column, row, slice };
                    found.push(Blob { center, scale, radius: scale * root, answer });
                }
            }
        }
        found
    };
    let mut found: Vec<Blob> = (0..slices).into_par_iter().flat_map_iter(peaks).collect();
    found.sort_by(|a, b| b.answer.total_cmp(&a.answer));
    Ok(found)
}

/// Calls `put(target, answer, number of the scale)` for each voxel and scale.
fn over_scales<R: Raster, T: Send>(
    image: &R,
    blobs: &Blobs,
    progress: &dyn Progress,
    target: &mut [T],
    put: impl Fn(&mut T, f32, f32) + Sync,
) -> Result<(), FilterError> {
    let size = image.size();
    let spacing = metric_spacing(image, blobs.metric)?;
    let all: Vec<[f64; 3]> =
        blobs.scales.iter().map(|scale| sigmas(*scale, spacing, size)).collect::<Result<_, _>>()?;
    if all.is_empty() || all.len() > 1000 {
        return Err(FilterError::parameter("scales", all.len(), "1 to 1000 of them"));
    }
    refuse_nan(image.values(), true)?;
    let steps = steps(progress, size, all.len());
    let sign = if blobs.polarity == Polarity::Bright { -1.0 } else { 1.0 };
    let flat = size[2] == 1;
    for (number, sigma) in all.into_iter().enumerate() {
        let number = number as f32;
        each_row(image.values(), size, sigma, target, &steps, |row, target| {
            for (at, target) in target.iter_mut().enumerate() {
                put(target, answer(blobs.measure, row, at, sign, flat), number);
            }
        })?;
    }
    Ok(())
}

#[inline]
fn answer(measure: BlobMeasure, row: &Derivatives, at: usize, sign: f32, flat: bool) -> f32 {
    let (xx, yy, zz) = (row.xx[at], row.yy[at], if flat { 0.0 } else { row.zz[at] });
    if measure == BlobMeasure::Laplacian {
        return sign * (xx + yy + zz);
    }
    let (least, most) = if flat {
        let (mean, half) = (0.5 * (xx + yy), 0.5 * (xx - yy));
        let apart = (half * half + row.xy[at] * row.xy[at]).sqrt();
        (sign * mean - apart, sign * mean + apart)
    } else {
        let [largest, _, smallest] = eigenvalues([xx, yy, zz, row.xy[at], row.xz[at], row.yz[at]]);
        let (a, b) = (sign * largest, sign * smallest);
        if a < b { (a, b) } else { (b, a) }
    };
    if least > 0.0 { least * least / most } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Geometry, Mm, Silent, Spacing, Volume};

    #[test]
    fn balls_are_found_at_their_centers_with_their_radii() {
        let spacing = Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0)).expect("positive");
        let size = [40, 30, 30];
        let grid = Geometry::axis_aligned(size, spacing).expect("a grid");
        let inside = |at: usize, [x, y, z]: [f64; 3], radius: f64| {
            let [c, r, s] = [at % 40, at / 40 % 30, at / 1200].map(|v| v as f64);
            (c - x).powi(2) + (r - y).powi(2) + (s - z).powi(2) <= radius * radius
        };
        let ball = |at| inside(at, [10.0, 14.0, 15.0], 3.0) || inside(at, [28.0, 15.0, 13.0], 6.0);
        let volume = Volume::<Arbitrary>::new(grid, (0..36_000).map(|at| f32::from(ball(at))).collect());
        let volume = volume.expect("fits");
        for measure in [BlobMeasure::Laplacian, BlobMeasure::Dot] {
            let scales = (4..=18).map(|quarter| f64::from(quarter) / 4.0).collect();
            let (metric, polarity) = (Metric::Millimeters, Polarity::Bright);
            let blobs = Blobs { scales, metric, polarity, measure, least: 0.1 };
            let found = search(&volume, &blobs, &Silent).expect("blobs");
            assert!(found.len() >= 2, "{measure:?}: {found:?}");
            for (center, radius) in [([10, 14, 15], 3.0), ([28, 15, 13], 6.0)] {
                let nearest = found[..2]
                    .iter()
                    .find(|blob| [blob.center.column, blob.center.row, blob.center.slice] == center);
                let nearest = nearest.unwrap_or_else(|| panic!("{measure:?} {center:?}: {found:?}"));
                // A ball of voxels is a little larger or smaller than its radius says.
                assert!((nearest.radius - radius).abs() < 0.5, "{measure:?}: {nearest:?}");
            }
            let none = Blobs { polarity: Polarity::Dark, least: 0.9, ..blobs };
            assert!(search(&volume, &none, &Silent).expect("none").is_empty());
        }
    }
}
