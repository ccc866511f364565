//! Regions that grow from seeds.

use wilhelm_study::Index;

use super::binary::{Maskable, offset, refuse_nan, where_value};
use super::runs::{Connectivity, Runs};
use crate::FilterError;

/// Voxels from `low` to `high` (both included) that hang together with a seed.
///
/// Seeds outside the range grow nothing.
///
/// # Units
/// Those of the image.
///
/// # Errors
/// [`FilterError::Parameter`] for a seed outside the grid, or a range whose low end is above its
/// high end; [`FilterError::TooFew`] for no seeds.
///
/// # Source
/// Adams, Bischof 1994, doi:10.1109/34.295913; the result of SimpleITK's `ConnectedThreshold`.
pub fn grow<I: Maskable>(
    image: &I,
    seeds: &[Index],
    low: f32,
    high: f32,
    connectivity: Connectivity,
) -> Result<I::Mask, FilterError> {
    if low.is_nan() || high.is_nan() || low > high {
        return Err(FilterError::parameter(
            "range",
            format!("{low} to {high}"),
            "a low end not above the high end",
        ));
    }
    let seeds = places(image, seeds)?;
    let (runs, keep) = reached(image, &seeds, low, high, connectivity)?;
    Ok(image.mask(runs.filled(keep))?)
}

/// Voxels no further than `tolerance` below the lowest and above the highest seed, that hang
/// together with a seed.
///
/// # Units
/// Those of the image.
///
/// # Errors
/// As [`grow`], and for a tolerance below 0 or a seed whose value is not a number.
pub fn grow_around<I: Maskable>(
    image: &I,
    seeds: &[Index],
    tolerance: f32,
    connectivity: Connectivity,
) -> Result<I::Mask, FilterError> {
    if !(tolerance.is_finite() && tolerance >= 0.0) {
        return Err(FilterError::parameter("tolerance", tolerance, "0 or more, and finite"));
    }
    let offsets = places(image, seeds)?;
    let (low, high) = seed_range(image.values(), &offsets)?;
    grow(image, seeds, low - tolerance, high + tolerance, connectivity)
}

/// How [`confidence`] decides what belongs to a region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confidence {
    /// Half width of the accepted range, in standard deviations of the region.
    pub multiplier: f64,
    /// How often mean and deviation are taken anew from the region.
    pub iterations: usize,
    /// Voxels to either side of a seed from which the first mean and deviation are taken.
    pub first_radius: usize,
}

/// A region whose range follows its own mean and standard deviation.
///
/// The first range comes from the seeds' surroundings (beyond the border a voxel repeats), and
/// always includes the seeds. Voxels hang together through faces.
///
/// # Units
/// Those of the image.
///
/// # Errors
/// As [`grow`]; [`FilterError::Parameter`] for a multiplier that is not above 0 or a first radius
/// above 64, [`FilterError::NotFinite`] for values that are not finite.
///
/// # Source
/// SimpleITK's `ConfidenceConnected` (ITK Software Guide, section 4.1.4).
pub fn confidence<I: Maskable>(
    image: &I,
    seeds: &[Index],
    rule: &Confidence,
) -> Result<I::Mask, FilterError> {
    if !(rule.multiplier.is_finite() && rule.multiplier > 0.0) {
        return Err(FilterError::parameter("multiplier", rule.multiplier, "more than 0, and finite"));
    }
    if rule.first_radius > 64 {
        return Err(FilterError::parameter("first radius", rule.first_radius, "at most 64 voxels"));
    }
    let offsets = places(image, seeds)?;
    refuse_nan(image.values(), true)?;
    let (lowest, highest) = seed_range(image.values(), &offsets)?;
    let range = |mean: f64, variance: f64| {
        let half = rule.multiplier * variance.max(0.0).sqrt();
        (((mean - half) as f32).min(lowest), ((mean + half) as f32).max(highest))
    };
    let (mean, variance) = first_statistics(image, seeds, rule.first_radius);
    let (mut low, mut high) = range(mean, variance);
    let (mut runs, mut keep) = reached(image, &offsets, low, high, Connectivity::Faces)?;
    for _ in 0..rule.iterations {
        let (mut count, mut sum, mut squares) = (0_usize, 0.0, 0.0);
        // Deviations from the first mean: squares of large values would swallow the variance.
        runs.each(|piece, from, to| {
            if keep[piece] {
                count += to - from;
                for value in &image.values()[from..to] {
                    let off = f64::from(*value) - mean;
                    sum += off;
                    squares += off * off;
                }
            }
        });
        let average = sum / count as f64;
        let variance = if count > 1 { (squares - sum * average) / (count - 1) as f64 } else { 0.0 };
        let next = range(mean + average, variance);
        if next == (low, high) {
            break;
        }
        (low, high) = next;
        (runs, keep) = reached(image, &offsets, low, high, Connectivity::Faces)?;
    }
    Ok(image.mask(runs.filled(keep))?)
}

fn places<I: Maskable>(image: &I, seeds: &[Index]) -> Result<Vec<usize>, FilterError> {
    if seeds.is_empty() {
        return Err(FilterError::TooFew { what: "the list of seeds", found: 0, expected: 1 });
    }
    seeds.iter().map(|seed| offset("seed", *seed, image.size())).collect()
}

fn seed_range(values: &[f32], seeds: &[usize]) -> Result<(f32, f32), FilterError> {
    let count = seeds.iter().filter(|seed| !values[**seed].is_finite()).count();
    if count > 0 {
        return Err(FilterError::NotFinite { count });
    }
    let ends = (f32::INFINITY, f32::NEG_INFINITY);
    Ok(seeds.iter().fold(ends, |(low, high), seed| (low.min(values[*seed]), high.max(values[*seed]))))
}

/// The pieces of a range, and which of them hold a seed.
fn reached<I: Maskable>(
    image: &I,
    seeds: &[usize],
    low: f32,
    high: f32,
    connectivity: Connectivity,
) -> Result<(Runs, Vec<bool>), FilterError> {
    let inside = where_value(image.values(), |value| value >= low && value <= high);
    let runs = Runs::of(image.size(), &inside, true, connectivity)?;
    let mut keep = vec![false; runs.list.len()];
    seeds.iter().filter_map(|seed| runs.at(*seed)).for_each(|piece| keep[piece] = true);
    Ok((runs, keep))
}

/// Mean and variance of all voxels of the boxes around the seeds, a voxel of two boxes twice.
fn first_statistics<I: Maskable>(image: &I, seeds: &[Index], radius: usize) -> (f64, f64) {
    let size = image.size();
    let [columns, rows, _] = size;
    let values = image.values();
    let axis = |at: usize, count: usize| {
        let reach = if count > 1 { radius as isize } else { 0 };
        (-reach..=reach).map(move |step| at.saturating_add_signed(step).min(count - 1))
    };
    // Deviations from the first seed: squares of large values would swallow the variance.
    let first = f64::from(values[(seeds[0].slice * rows + seeds[0].row) * columns + seeds[0].column]);
    let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for seed in seeds {
        for slice in axis(seed.slice, size[2]) {
            for row in axis(seed.row, rows) {
                for column in axis(seed.column, columns) {
                    let off = f64::from(values[(slice * rows + row) * columns + column]) - first;
                    count += 1.0;
                    sum += off;
                    squares += off * off;
                }
            }
        }
    }
    let variance = if count > 1.0 { (squares - sum * sum / count) / (count - 1.0) } else { 0.0 };
    (first + sum / count, variance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, FlatMask, Projection};

    fn row(values: &[f32]) -> Projection<Arbitrary> {
        Projection::new(values.len(), 1, values.to_vec(), None).expect("fits")
    }

    fn at(column: usize) -> Index {
        Index { column, row: 0, slice: 0 }
    }

    #[test]
    fn a_region_stops_where_the_range_does() {
        let image = row(&[5.0, 5.5, 6.0, 9.0, 5.0, 5.0]);
        let expect = |found: Result<FlatMask, FilterError>, expected: [u8; 6]| {
            assert_eq!(found.expect("a region").pixels(), expected.map(|cell| cell == 1));
        };
        expect(grow(&image, &[at(0)], 5.0, 6.0, Connectivity::Faces), [1, 1, 1, 0, 0, 0]);
        expect(grow(&image, &[at(3)], 5.0, 6.0, Connectivity::Faces), [0; 6]);
        expect(grow_around(&image, &[at(1)], 0.5, Connectivity::Faces), [1, 1, 1, 0, 0, 0]);
        expect(grow_around(&image, &[at(2), at(5)], 0.0, Connectivity::Faces), [1, 1, 1, 0, 1, 1]);
        let rule = Confidence { multiplier: 2.0, iterations: 2, first_radius: 1 };
        expect(confidence(&image, &[at(1)], &rule), [1, 1, 1, 0, 0, 0]);
    }

    #[test]
    fn seeds_that_cannot_grow_are_refused() {
        let image = row(&[5.0, f32::NAN]);
        assert!(grow(&image, &[], 0.0, 1.0, Connectivity::Faces).is_err());
        assert!(grow(&image, &[at(2)], 0.0, 1.0, Connectivity::Faces).is_err());
        assert!(grow_around(&image, &[at(1)], 0.0, Connectivity::Faces).is_err());
        let rule = Confidence { multiplier: 2.0, iterations: 2, first_radius: 1 };
        assert!(confidence(&image, &[at(0)], &rule).is_err());
    }
}
