//! Coarser copies of a volume: Gaussian smoothing and decimation in one pass an axis.

use rayon::prelude::*;
use std::borrow::Cow;
use wilhelm_study::{Geometry, GeometryError, Mm, Spacing};

use super::interpolate::Grid;
use crate::FilterError;

/// Refuses shrink factors that do not lead from coarse to fine.
///
/// # Errors
/// [`FilterError::Parameter`] with the factors.
pub(super) fn check(shrink: &[usize]) -> Result<(), FilterError> {
    let falling = shrink.windows(2).all(|pair| pair[0] > pair[1]);
    let in_range = shrink.iter().all(|shrink| (1..=64).contains(shrink));
    if shrink.is_empty() || !falling || !in_range {
        let found = format!("{shrink:?}");
        return Err(FilterError::parameter("shrink factors", found, "falling numbers from 64 to 1"));
    }
    Ok(())
}

/// A volume at one level.
pub(super) struct Level<'a> {
    pub geometry: Geometry,
    pub values: Cow<'a, [f32]>,
}

impl Level<'_> {
    pub fn grid(&self) -> Grid<'_> {
        Grid::new(&self.values, &self.geometry)
    }
}

/// Voxels to merge along each axis so that the distance between voxels comes near `target` mm.
///
/// Thick slices are left as they are, and no axis falls below eight voxels.
pub(super) fn factors(geometry: &Geometry, target: f64) -> [usize; 3] {
    let (size, spacing) = (geometry.size(), geometry.spacing().millimeters());
    std::array::from_fn(|axis| {
        let wanted = (target / spacing[axis] + 1e-6).floor().max(1.0);
        let most = (size[axis] / 8).max(1);
        // A ratio beyond the grid's size saturates, and is cut here.
        (wanted as usize).min(most)
    })
}

/// The volume with `factors` voxels merged into one, smoothed by a Gaussian of half the new
/// distance between voxels; the merged voxels stay centered on what they merge.
pub(super) fn reduced<'a>(
    values: &'a [f32],
    geometry: &Geometry,
    factors: [usize; 3],
) -> Result<Level<'a>, GeometryError> {
    let mut level = Level { geometry: *geometry, values: Cow::Borrowed(values) };
    // Slices first: what follows is then smaller.
    for axis in [2, 1, 0] {
        if factors[axis] > 1 {
            let values = reduce_axis(&level.values, level.geometry.size(), axis, factors[axis]);
            level.geometry = reduced_geometry(&level.geometry, axis, factors[axis])?;
            level.values = Cow::Owned(values);
        }
    }
    Ok(level)
}

fn reduced_geometry(geometry: &Geometry, axis: usize, factor: usize) -> Result<Geometry, GeometryError> {
    let mut size = geometry.size();
    let mut spacing = geometry.spacing().millimeters();
    let mut first = [0.0; 3];
    first[axis] = (factor - 1) as f64 / 2.0;
    size[axis] /= factor;
    spacing[axis] *= factor as f64;
    let [columns, rows, slices] = spacing.map(Mm);
    let spacing = Spacing::new(columns, rows, slices)?;
    Geometry::new(size, spacing, geometry.point_at(first), geometry.direction())
}

/// For each new position the first old one and the weights from there on.
fn windows(count: usize, factor: usize) -> Vec<(usize, Vec<f32>)> {
    let sigma = factor as f64 / 2.0;
    let reach = (3.0 * sigma).ceil();
    (0..count / factor)
        .map(|new| {
            let center = (new * factor) as f64 + (factor - 1) as f64 / 2.0;
            let first = (center - reach).ceil().max(0.0) as usize;
            let last = ((center + reach).floor() as usize).min(count - 1);
            let weights: Vec<f64> =
                (first..=last).map(|at| (-((at as f64 - center) / sigma).powi(2) / 2.0).exp()).collect();
            let total: f64 = weights.iter().sum();
            (first, weights.iter().map(|weight| (weight / total) as f32).collect())
        })
        .collect()
}

fn reduce_axis(values: &[f32], size: [usize; 3], axis: usize, factor: usize) -> Vec<f32> {
    let [columns, rows, _] = size;
    let windows = windows(size[axis], factor);
    let mut new = size;
    new[axis] = windows.len();
    let mut reduced = vec![0.0_f32; new[0] * new[1] * new[2]];
    let plane = columns * rows;
    let add = |line: &mut [f32], source: &[f32], weight: f32| {
        line.iter_mut().zip(source).for_each(|(sum, value)| *sum += weight * value);
    };
    reduced.par_chunks_mut(new[0] * new[1]).enumerate().for_each(|(slice, target)| match axis {
        2 => {
            let (first, weights) = &windows[slice];
            for (step, weight) in weights.iter().enumerate() {
                add(target, &values[(first + step) * plane..][..plane], *weight);
            }
        }
        1 => {
            for (line, (first, weights)) in target.chunks_exact_mut(columns).zip(&windows) {
                for (step, weight) in weights.iter().enumerate() {
                    add(line, &values[slice * plane + (first + step) * columns..][..columns], *weight);
                }
            }
        }
        _ => {
            let source = values[slice * plane..][..plane].chunks_exact(columns);
            for (line, source) in target.chunks_exact_mut(new[0]).zip(source) {
                for (value, (first, weights)) in line.iter_mut().zip(&windows) {
                    *value = source[*first..].iter().zip(weights).map(|(value, weight)| value * weight).sum();
                }
            }
        }
    });
    reduced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_keeps_its_values_at_the_same_points() {
        let spacing = Spacing::new(Mm(0.5), Mm(1.0), Mm(5.0)).expect("positive");
        let geometry = Geometry::axis_aligned([64, 32, 9], spacing).expect("a grid");
        let rule = |at: [f64; 3]| at[0] + 2.0 * at[1] + 3.0 * at[2];
        let mut values = Vec::new();
        for slice in 0..9 {
            for row in 0..32 {
                values.extend((0..64).map(|column| {
                    rule(
                        geometry.point_at([f64::from(column), f64::from(row), f64::from(slice)]).components(),
                    ) as f32
                }));
            }
        }
        let factors = factors(&geometry, 2.0);
        assert_eq!(factors, [4, 2, 1], "thick slices stay");
        let level = reduced(&values, &geometry, factors).expect("a grid");
        assert_eq!(level.geometry.size(), [16, 16, 9]);
        assert_eq!(level.geometry.spacing().millimeters(), [2.0, 2.0, 5.0]);
        // Away from the border the smoothing is symmetric, and a straight line stays.
        let at = [7, 8, 4];
        let found = level.values[(at[2] * 16 + at[1]) * 16 + at[0]];
        let expected = rule(level.geometry.point_at(at.map(|index| index as f64)).components());
        assert!((f64::from(found) - expected).abs() < 1e-4, "{found} is not {expected}");
    }
}
