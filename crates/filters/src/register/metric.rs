//! How alike two images are under an affine map, with the derivative by the map.

use nalgebra::{Matrix3, Matrix3x4, Vector3};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::Geometry;

use super::interpolate::{Grid, Local};
use super::mutual::Bins;
use super::samples::Samples;
use super::transform::Affine;

/// How alike two images are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Mutual information in nats after Mattes: higher is better. For images of two modalities.
    ///
    /// # Source
    /// Mattes 2003, doi:10.1109/TMI.2003.809072
    MutualInformation {
        /// Bins an image, 8 to 256; 32 to 50 are usual.
        bins: usize,
    },
    /// Mean squared difference: lower is better. For images of one scale.
    MeanSquares,
    /// Squared correlation coefficient, 0 to 1: higher is better. For images of one modality.
    Correlation,
}

impl Metric {
    /// Whether `a` says that the images are more alike than `b` does.
    pub fn is_better(self, a: f64, b: f64) -> bool {
        match self {
            Self::MeanSquares => a < b,
            Self::MutualInformation { .. } | Self::Correlation => a > b,
        }
    }

    /// The measure turned so that less is better.
    pub(super) const fn cost(self, value: f64) -> f64 {
        match self {
            Self::MeanSquares => value,
            Self::MutualInformation { .. } | Self::Correlation => -value,
        }
    }
}

/// The measure at one map; `None` where too few points lie in the moving image.
#[derive(Clone, Copy)]
pub(super) struct Measured {
    /// In the metric's own units and direction.
    pub value: f64,
    /// Share of the points that lie in the moving image.
    pub overlap: f64,
    /// Derivative of the cost (lower is better) by the entries of the matrix and the translation.
    pub slope: Matrix3x4<f64>,
}

/// Two images to compare at fixed points.
pub(super) struct Comparison<'a> {
    pub metric: Metric,
    pub samples: &'a Samples,
    pub moving: Grid<'a>,
    pub moving_geometry: &'a Geometry,
    /// Bins of mutual information: the fixed image's and the moving image's.
    pub bins: Option<(Bins, Bins)>,
    /// Points that have to lie in the moving image, as a share.
    pub least_overlap: f64,
}

/// Parts that the work is cut into, whatever the number of threads: sums are then always added in
/// the same order.
const PARTS: usize = 64;

/// Sums over one part.
#[derive(Default)]
struct Sums {
    inside: usize,
    fixed: f64,
    moving: f64,
    fixed_squared: f64,
    moving_squared: f64,
    product: f64,
    /// Fixed bins times moving bins.
    joint: Vec<f64>,
}

impl<'a> Comparison<'a> {
    /// The measure at a map about the samples' center.
    ///
    /// `locals` is room for what is read at each point, kept from one call to the next.
    pub fn measure(&self, map: &Affine, with_slope: bool, locals: &mut Vec<Local>) -> Option<Measured> {
        locals.resize(self.samples.len(), Local::OUTSIDE);
        let sums = self.gather(map, locals);
        let overlap = sums.inside as f64 / self.samples.len().max(1) as f64;
        if sums.inside < 8 || overlap < self.least_overlap {
            return None;
        }
        let count = sums.inside as f64;
        let mut measured = Measured { value: 0.0, overlap, slope: Matrix3x4::zeros() };
        match (self.metric, &self.bins) {
            (Metric::MutualInformation { .. }, Some((fixed, moving))) => {
                let (value, table) = super::mutual::information(&sums.joint, fixed.count);
                measured.value = value;
                if with_slope {
                    let scale = -1.0 / (count * moving.width);
                    measured.slope = self.slope(locals, |f, m| {
                        let row = &table[fixed.index(f) * moving.count..][..moving.count];
                        moving.derivative(m, row) * scale
                    });
                }
            }
            (Metric::MeanSquares, _) => {
                // The sums of squares lose digits that the squares of differences keep.
                measured.value = sums.product / count;
                if with_slope {
                    measured.slope = self.slope(locals, |f, m| 2.0 * f64::from(m - f) / count);
                }
            }
            _ => {
                let (mean_f, mean_m) = (sums.fixed / count, sums.moving / count);
                let ff = sums.fixed_squared / count - mean_f * mean_f;
                let mm = sums.moving_squared / count - mean_m * mean_m;
                let fm = sums.product / count - mean_f * mean_m;
                if !(ff > 0.0 && mm > 0.0) {
                    return None;
                }
                measured.value = fm * fm / (ff * mm);
                if with_slope {
                    let by_fixed = -2.0 * fm / (ff * mm) / count;
                    let by_moving = 2.0 * fm * fm / (ff * mm * mm) / count;
                    measured.slope = self.slope(locals, |f, m| {
                        by_fixed * (f64::from(f) - mean_f) + by_moving * (f64::from(m) - mean_m)
                    });
                }
            }
        }
        measured.value.is_finite().then_some(measured)
    }

    fn part(&self) -> usize {
        self.samples.len().div_ceil(PARTS).max(1)
    }

    /// Reads the moving image at every point and adds up what the measure needs.
    fn gather(&self, map: &Affine, locals: &mut [Local]) -> Sums {
        let (to_index, first) = self.to_index(map);
        let part = self.part();
        let parts: Vec<Sums> = locals
            .par_chunks_mut(part)
            .zip(self.samples.points.par_chunks(part).zip(self.samples.values.par_chunks(part)))
            .map(|(locals, (points, values))| {
                let mut sums = Sums::default();
                if let Some((fixed, moving)) = &self.bins {
                    sums.joint = vec![0.0; fixed.count * moving.count];
                }
                for (local, (point, fixed)) in locals.iter_mut().zip(points.iter().zip(values)) {
                    let at = std::array::from_fn(|axis| {
                        first[axis]
                            + to_index[axis][0] * point[0]
                            + to_index[axis][1] * point[1]
                            + to_index[axis][2] * point[2]
                    });
                    let Some(found) = self.moving.local(at) else {
                        *local = Local::OUTSIDE;
                        continue;
                    };
                    *local = found;
                    sums.inside += 1;
                    match (&self.bins, self.metric) {
                        (Some((fixed_bins, moving_bins)), _) => {
                            let row = fixed_bins.index(*fixed) * moving_bins.count;
                            moving_bins.add(found.value, &mut sums.joint[row..row + moving_bins.count]);
                        }
                        (None, Metric::MeanSquares) => {
                            sums.product += f64::from(found.value - fixed).powi(2);
                        }
                        (None, _) => {
                            let (f, m) = (f64::from(*fixed), f64::from(found.value));
                            sums.fixed += f;
                            sums.moving += m;
                            sums.fixed_squared += f * f;
                            sums.moving_squared += m * m;
                            sums.product += f * m;
                        }
                    }
                }
                sums
            })
            .collect();
        parts.into_iter().fold(Sums::default(), Sums::plus)
    }

    /// From a point relative to the center to a continuous index of the moving image.
    fn to_index(&self, map: &Affine) -> ([[f32; 3]; 3], [f32; 3]) {
        let rows = self.index_rows();
        let offset = map.center + map.translation - Vector3::from(self.moving_geometry.origin().components());
        let (matrix, first) = (rows * map.matrix, rows * offset);
        let matrix = std::array::from_fn(|row| std::array::from_fn(|column| matrix[(row, column)] as f32));
        (matrix, std::array::from_fn(|axis| first[axis] as f32))
    }

    /// What takes a vector in mm to steps between voxels of the moving image.
    fn index_rows(&self) -> Matrix3<f64> {
        let axes = self.moving_geometry.direction().axes();
        let spacing = self.moving_geometry.spacing().millimeters();
        Matrix3::from_fn(|row, column| axes[row][column] / spacing[row])
    }

    /// The derivative of the cost by the map, from that by each moving value.
    fn slope(&self, locals: &[Local], weight: impl Fn(f32, f32) -> f64 + Sync) -> Matrix3x4<f64> {
        let part = self.part();
        let parts: Vec<[f64; 12]> = locals
            .par_chunks(part)
            .zip(self.samples.points.par_chunks(part).zip(self.samples.values.par_chunks(part)))
            .map(|(locals, (points, values))| {
                let mut sums = [0.0; 12];
                for (local, (point, fixed)) in locals.iter().zip(points.iter().zip(values)) {
                    if local.value.is_nan() {
                        continue;
                    }
                    let weight = weight(*fixed, local.value);
                    for (row, slope) in local.slope.iter().enumerate() {
                        let force = weight * f64::from(*slope);
                        sums[4 * row] += force * f64::from(point[0]);
                        sums[4 * row + 1] += force * f64::from(point[1]);
                        sums[4 * row + 2] += force * f64::from(point[2]);
                        sums[4 * row + 3] += force;
                    }
                }
                sums
            })
            .collect();
        let mut total = [0.0; 12];
        for part in &parts {
            total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
        }
        self.index_rows().transpose() * Matrix3x4::from_row_slice(&total)
    }
}

impl Sums {
    fn plus(mut self, other: Self) -> Self {
        self.inside += other.inside;
        self.fixed += other.fixed;
        self.moving += other.moving;
        self.fixed_squared += other.fixed_squared;
        self.moving_squared += other.moving_squared;
        self.product += other.product;
        if self.joint.is_empty() {
            self.joint = other.joint;
        } else {
            self.joint.iter_mut().zip(&other.joint).for_each(|(sum, more)| *sum += more);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::Sampling;
    use wilhelm_study::{Direction, Mm, PointLps, Spacing};

    fn blobs(geometry: &Geometry, sign: f64) -> Vec<f32> {
        let [columns, rows, slices] = geometry.size();
        (0..columns * rows * slices)
            .map(|at| {
                let index =
                    [at % columns, at / columns % rows, at / columns / rows].map(|index| index as f64);
                let [x, y, z] = geometry.point_at(index).components();
                let near = |a: f64, b: f64, c: f64| {
                    (-((x - a).powi(2) + (y - b).powi(2) + (z - c).powi(2)) / 200.0).exp()
                };
                (100.0 * (sign * near(20.0, 22.0, 18.0) + 0.5 * near(28.0, 14.0, 24.0))) as f32
            })
            .collect()
    }

    /// Interpolation has kinks at voxels, and a few points leave the image: two parts in a hundred.
    #[test]
    fn the_slope_of_each_measure_is_its_difference() {
        let spacing = Spacing::new(Mm(1.3), Mm(1.5), Mm(1.9)).expect("positive");
        let fixed = Geometry::axis_aligned([32, 28, 22], spacing).expect("a grid");
        let axes = Direction::new([0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]).expect("orthonormal");
        let origin = PointLps::from_components([50.0, -6.0, 52.0]);
        let other = Geometry::new([40, 36, 36], spacing, origin, axes).expect("a grid");
        let (f, m) = (blobs(&fixed, 1.0), blobs(&other, -1.0));
        let rows = [[1.02, 0.03, 0.0], [-0.02, 0.97, 0.01], [0.02, 0.0, 1.01]];
        let center = PointLps::from_components([20.0, 20.0, 20.0]);
        let map = Affine::new(center, rows, [1.0, -0.7, 0.4]).expect("invertible");
        let samples = Samples::new(
            Grid::new(&f, &fixed),
            &fixed,
            map.center,
            Sampling::Random { most: 1_000_000, seed: 5 },
        );
        for metric in [Metric::MutualInformation { bins: 32 }, Metric::MeanSquares, Metric::Correlation] {
            let bins = match metric {
                Metric::MutualInformation { bins } => {
                    Some((Bins::new(&f, bins).expect("a spread"), Bins::new(&m, bins).expect("a spread")))
                }
                _ => None,
            };
            let comparison = Comparison {
                metric,
                samples: &samples,
                moving: Grid::new(&m, &other),
                moving_geometry: &other,
                bins,
                least_overlap: 0.1,
            };
            let at = |map: &Affine| comparison.measure(map, true, &mut Vec::new()).expect("overlap");
            let found = at(&map);
            assert!(found.overlap > 0.99, "{}", found.overlap);
            let sign = if metric == Metric::MeanSquares { 1.0 } else { -1.0 };
            let greatest = found.slope.amax();
            for place in 0..12 {
                let (row, column) = (place / 4, place % 4);
                let step = if column == 3 { 2e-2 } else { 1e-3 };
                let shifted = |by: f64| {
                    let mut moved = map;
                    match column {
                        3 => moved.translation[row] += by,
                        _ => moved.matrix[(row, column)] += by,
                    }
                    sign * at(&moved).value
                };
                let expected = (shifted(step) - shifted(-step)) / (2.0 * step);
                let off = (found.slope[(row, column)] - expected).abs();
                let scale = if column == 3 { found.slope.column(3).amax() } else { greatest };
                assert!(
                    off < 0.02 * scale,
                    "{metric:?} at {row}, {column}: {} is not {expected}",
                    found.slope[(row, column)]
                );
            }
        }
    }
}
