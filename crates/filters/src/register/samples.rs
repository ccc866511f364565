//! Points of the fixed image at which two images are compared.

use nalgebra::{Matrix4, Vector3, Vector4};
use rayon::prelude::*;
use wilhelm_study::Geometry;

use super::Sampling;
use super::interpolate::Grid;

/// Points relative to a center, with the fixed image's values there.
pub(super) struct Samples {
    /// mm from the center, LPS.
    pub points: Vec<[f32; 3]>,
    pub values: Vec<f32>,
    /// Mean of `(x, 1) (x, 1)^T` over the sampled voxels' boxes.
    pub moments: Matrix4<f64>,
}

impl Samples {
    /// Samples a grid; the same arguments give the same points at any number of threads.
    pub fn new(fixed: Grid<'_>, geometry: &Geometry, center: Vector3<f64>, sampling: Sampling) -> Self {
        let [columns, rows, _] = fixed.size;
        let plane = columns * rows;
        let voxels = geometry.voxels();
        let (most, seed) = match sampling {
            Sampling::Regular { most } => (most, None),
            Sampling::Random { most, seed } => (most, Some(seed)),
        };
        let share = (most as f64 / voxels as f64).min(1.0);
        let stride = voxels.div_ceil(most.max(1)).max(1);
        // A voxel is drawn where its hash lies below this.
        let below = (share * 2.0_f64.powi(64)) as u64;
        let origin = Vector3::from(geometry.origin().components()) - center;
        let steps: [Vector3<f64>; 3] = std::array::from_fn(|axis| {
            Vector3::from(geometry.direction().axes()[axis]) * geometry.spacing().millimeters()[axis]
        });
        let place = |at: [f32; 3]| {
            let point = origin
                + steps[0] * f64::from(at[0])
                + steps[1] * f64::from(at[1])
                + steps[2] * f64::from(at[2]);
            [point.x as f32, point.y as f32, point.z as f32]
        };
        let by_slice: Vec<(Vec<[f32; 3]>, Vec<f32>)> = fixed
            .values
            .par_chunks(plane)
            .enumerate()
            .map(|(slice, plane_values)| {
                let (mut points, mut values) = (Vec::new(), Vec::new());
                let first = slice * plane;
                let mut take = |offset: usize, shift: [f32; 3], value: f32| {
                    let [column, row] = [offset % columns, offset / columns];
                    points.push(place([
                        column as f32 + shift[0],
                        row as f32 + shift[1],
                        slice as f32 + shift[2],
                    ]));
                    values.push(value);
                };
                match seed {
                    None => {
                        let start = (stride - first % stride) % stride;
                        for offset in (start..plane).step_by(stride) {
                            take(offset, [0.0; 3], plane_values[offset]);
                        }
                    }
                    Some(seed) => {
                        for offset in 0..plane {
                            let drawn = hash(seed, (first + offset) as u64);
                            if share < 1.0 && drawn >= below {
                                continue;
                            }
                            // A place within the voxel's box, so that the two grids never lie on each other:
                            // sampled at voxel centers, measures have false extremes where they do.
                            let mut state = drawn;
                            let shift = std::array::from_fn(|axis| {
                                state = hash(state, axis as u64);
                                if fixed.size[axis] == 1 {
                                    0.0
                                } else {
                                    (state >> 40) as f32 / 16_777_216.0 - 0.5
                                }
                            });
                            let (column, row) = (offset % columns, offset / columns);
                            let at =
                                [column as f32 + shift[0], row as f32 + shift[1], slice as f32 + shift[2]];
                            if let Some(value) = fixed.linear(at) {
                                take(offset, shift, value);
                            }
                        }
                    }
                }
                (points, values)
            })
            .collect();
        let count = by_slice.iter().map(|(_, values)| values.len()).sum();
        let (mut points, mut values) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for (more_points, more_values) in by_slice {
            points.extend(more_points);
            values.extend(more_values);
        }
        let moments = moments(&points, &steps);
        Self { points, values, moments }
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.values.len()
    }
}

fn moments(points: &[[f32; 3]], steps: &[Vector3<f64>; 3]) -> Matrix4<f64> {
    let mut sum = Matrix4::zeros();
    for point in points {
        let at = Vector4::new(f64::from(point[0]), f64::from(point[1]), f64::from(point[2]), 1.0);
        sum += at * at.transpose();
    }
    let mut mean = sum / points.len().max(1) as f64;
    // A voxel is a box, not a point: a single slice, too, has an extent through it.
    for step in steps {
        let spread = step * step.transpose() / 12.0;
        let inner = mean.fixed_view::<3, 3>(0, 0) + spread;
        mean.fixed_view_mut::<3, 3>(0, 0).copy_from(&inner);
    }
    mean[(3, 3)] = 1.0;
    mean
}

/// SplitMix64: a well mixed number from a seed and a place.
fn hash(seed: u64, place: u64) -> u64 {
    let mut state = seed.wrapping_add(place.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}
