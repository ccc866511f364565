//! Demons: one displacement a voxel, for two images of one modality and one scale.

use nalgebra::{Matrix3, Vector3};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::{Geometry, Progress, Volume, VoxelQuantity};

use super::field::{DisplacementField, Folding, vector_at};
use super::interpolate::Grid;
use super::pyramid::{self, Level};
use super::transform::Affine;
use super::{check_values, finest};
use crate::FilterError;

mod smooth;
use smooth::Smoother;

/// How an update joins the displacements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DemonsUpdate {
    /// Added, as in ITK's fast symmetric forces demons.
    Additive,
    /// Composed with the update's exponential, which does not fold by itself.
    Diffeomorphic,
}

/// How [`demons()`] searches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DemonsSettings {
    /// How an update joins the displacements.
    pub update: DemonsUpdate,
    /// Distance between voxels at each level in multiples of the finest, falling; 1 is the images
    /// as they are.
    pub shrink: Vec<usize>,
    /// Updates at each level, at most.
    pub iterations: usize,
    /// Standard deviation of the smoothing of the displacements after each update, in voxels of
    /// the level (0: none): how stiff the tissue is.
    pub sigma_voxels: f64,
    /// Standard deviation of the smoothing of each update, in voxels (0: none): how viscous it is.
    pub update_sigma_voxels: f64,
    /// Longest update in voxels, more than 0 to 2.
    pub longest_step_voxels: f64,
    /// A level ends where ten updates lower the mean squared difference by less than this share
    /// (0: never).
    pub tolerance: f64,
}

impl Default for DemonsSettings {
    /// Diffeomorphic, levels 4, 2 and 1 with 50 updates each, smoothing over one voxel, steps of
    /// half a voxel.
    fn default() -> Self {
        Self {
            update: DemonsUpdate::Diffeomorphic,
            shrink: vec![4, 2, 1],
            iterations: 50,
            sigma_voxels: 1.0,
            update_sigma_voxels: 0.0,
            longest_step_voxels: 0.5,
            tolerance: 1e-3,
        }
    }
}

/// What happened on one level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DemonsLevel {
    /// Multiple of the finest distance between voxels.
    pub shrink: usize,
    /// Mean squared difference before each update, on this level's smoothed images.
    pub mean_squares: Vec<f64>,
}

/// The displacements that were found, with the difference before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Demons {
    /// From points of the fixed image to points of the moving image, the start included.
    pub field: DisplacementField,
    /// Mean squared difference of the images as they are, at the start.
    pub mean_squares_before: f64,
    /// The same under [`Self::field`], over the voxels that both maps bring into the moving image.
    pub mean_squares_after: f64,
    /// Whether the map folds.
    pub folding: Folding,
    /// From coarse to fine.
    pub levels: Vec<DemonsLevel>,
    /// Whether the images are more alike than at the start; otherwise the field *is* the start.
    pub accepted: bool,
    /// Why, in words.
    pub reason: String,
}

/// Finds the displacement of each fixed voxel under which two images of one scale are alike.
///
/// The forces come from both images' slopes (symmetric forces); each round smooths the
/// displacements by a Gaussian. `start` is the map that a rigid or affine registration found.
/// Where the mean squared difference does not become less, the start is given back.
///
/// # Errors
/// [`FilterError::Parameter`] for settings out of range, [`FilterError::NotFinite`] and
/// [`FilterError::Constant`] for images that cannot be compared, [`FilterError::NotFound`] where
/// the images do not overlap at the start, [`FilterError::Cancelled`].
///
/// # Source
/// Thirion 1998, doi:10.1016/S1361-8415(98)80022-4; Vercauteren 2009,
/// doi:10.1016/j.neuroimage.2008.10.040
pub fn demons<F: VoxelQuantity, M: VoxelQuantity>(
    fixed: &Volume<F>,
    moving: &Volume<M>,
    start: Option<&Affine>,
    settings: &DemonsSettings,
    progress: &dyn Progress,
) -> Result<Demons, FilterError> {
    check(settings)?;
    check_values(fixed.voxels())?;
    check_values(moving.voxels())?;
    let start = start.copied().unwrap_or_else(Affine::identity);
    let geometry = *fixed.geometry();
    let base = finest(&geometry);
    let total = settings.shrink.len() * settings.iterations;
    let mut levels = Vec::new();
    let mut coarse: Option<(Geometry, Vec<f32>)> = None;
    for (place, shrink) in settings.shrink.iter().enumerate() {
        let factors = |geometry: &Geometry| match shrink {
            1 => [1; 3],
            _ => pyramid::factors(geometry, base * *shrink as f64),
        };
        let fixed_level = pyramid::reduced(fixed.voxels(), &geometry, factors(&geometry))?;
        let moving_level = pyramid::reduced(moving.voxels(), moving.geometry(), factors(moving.geometry()))?;
        let mut shifts = match coarse.take() {
            None => vec![0.0; fixed_level.geometry.voxels().saturating_mul(3)],
            Some((before, shifts)) => refined(&before, &shifts, &fixed_level.geometry),
        };
        let pair = Pair::new(&fixed_level, &moving_level, &start);
        let mut tick = |done: usize| {
            progress.step(place * settings.iterations + done, total);
            if progress.cancelled() { Err(FilterError::Cancelled) } else { Ok(()) }
        };
        let mean_squares = run(&pair, settings, &mut shifts, &mut tick)?;
        levels.push(DemonsLevel { shrink: *shrink, mean_squares });
        coarse = Some((fixed_level.geometry, shifts));
    }
    let (before, shifts) = coarse.expect("the settings name at least one level");
    let shifts = if before.is_same_grid(&geometry) { shifts } else { refined(&before, &shifts, &geometry) };
    progress.step(total, total);
    let whole_fixed = pyramid::reduced(fixed.voxels(), &geometry, [1; 3])?;
    let whole_moving = pyramid::reduced(moving.voxels(), moving.geometry(), [1; 3])?;
    let pair = Pair::new(&whole_fixed, &whole_moving, &start);
    let Some((squares_before, squares_after)) = pair.compare(&shifts) else {
        let reason = "no fixed voxel lies in the moving image at the start and at the end".to_owned();
        return Err(FilterError::NotFound { structure: "overlap", reason });
    };
    let accepted = squares_after < squares_before;
    let field = DisplacementField::new(geometry, pair.displacements(accepted.then_some(shifts), &start))?;
    Ok(Demons {
        folding: field.folding(),
        field,
        mean_squares_before: squares_before,
        mean_squares_after: if accepted { squares_after } else { squares_before },
        levels,
        accepted,
        reason: if accepted {
            "the mean squared difference is less than at the start".to_owned()
        } else {
            "the mean squared difference is not less than at the start, which is kept".to_owned()
        },
    })
}

/// One level's updates; the mean squared difference before each.
fn run(
    pair: &Pair<'_>,
    settings: &DemonsSettings,
    shifts: &mut Vec<f32>,
    tick: &mut dyn FnMut(usize) -> Result<(), FilterError>,
) -> Result<Vec<f64>, FilterError> {
    let size = pair.fixed.size;
    let mut warped = vec![0.0; pair.fixed.values.len()];
    let mut room = vec![0.0; shifts.len()];
    let composes = settings.update == DemonsUpdate::Diffeomorphic;
    let separate = composes || settings.update_sigma_voxels > 0.0;
    let mut update = vec![0.0; if separate { shifts.len() } else { 0 }];
    let stiff = Smoother::new(settings.sigma_voxels);
    let viscous = Smoother::new(settings.update_sigma_voxels);
    let mut history = Vec::new();
    for iteration in 0..settings.iterations {
        tick(iteration)?;
        pair.warp(shifts, &mut warped);
        let target = if separate { &mut update } else { &mut *shifts };
        let Some(squares) = pair.force(&warped, settings.longest_step_voxels, !separate, target) else {
            break;
        };
        history.push(squares);
        if separate {
            viscous.smooth(&mut update, &mut room, size);
            if composes {
                pair.exponential(&mut update, &mut room);
                pair.compose(shifts, &update, &mut room);
                std::mem::swap(shifts, &mut room);
            } else {
                shifts.par_iter_mut().zip(&update).for_each(|(shift, update)| *shift += update);
            }
        }
        stiff.smooth(shifts, &mut room, size);
        let long = history.len();
        if settings.tolerance > 0.0
            && long > 10
            && history[long - 11] - squares < settings.tolerance * history[long - 11]
        {
            break;
        }
    }
    Ok(history)
}

/// Two images on one level. Displacements are in mm along the fixed grid's own axes.
struct Pair<'a> {
    fixed: Grid<'a>,
    geometry: &'a Geometry,
    moving: Grid<'a>,
    spacing: [f32; 3],
    /// From mm along the fixed grid's axes, counted from its first voxel, to the moving index.
    to_index: [[f32; 3]; 3],
    first: [f32; 3],
}

impl<'a> Pair<'a> {
    fn new(fixed: &'a Level<'_>, moving: &'a Level<'_>, start: &Affine) -> Self {
        let axes = frame(&fixed.geometry);
        let spacing = moving.geometry.spacing().millimeters();
        let across = moving.geometry.direction().axes();
        let rows = Matrix3::from_fn(|row, column| across[row][column] / spacing[row]);
        let matrix = rows * start.matrix * axes;
        let first = moving.geometry.index_at(wilhelm_study::PointLps::from_components(
            start.apply(Vector3::from(fixed.geometry.origin().components())).into(),
        ));
        Self {
            fixed: fixed.grid(),
            geometry: &fixed.geometry,
            moving: moving.grid(),
            spacing: fixed.geometry.spacing().millimeters().map(|spacing| spacing as f32),
            to_index: std::array::from_fn(|row| std::array::from_fn(|column| matrix[(row, column)] as f32)),
            first: first.map(|index| index as f32),
        }
    }

    /// The moving value for a fixed voxel with its displacement.
    #[inline]
    fn moving_at(&self, voxel: [usize; 3], shift: &[f32]) -> Option<f32> {
        let at: [f32; 3] = std::array::from_fn(|axis| voxel[axis] as f32 * self.spacing[axis] + shift[axis]);
        self.moving.linear(std::array::from_fn(|axis| {
            let row = self.to_index[axis];
            self.first[axis] + row[0] * at[0] + row[1] * at[1] + row[2] * at[2]
        }))
    }

    /// The moving image on the fixed grid; NaN outside.
    fn warp(&self, shifts: &[f32], warped: &mut [f32]) {
        let [columns, rows, _] = self.fixed.size;
        warped.par_chunks_mut(columns).zip(shifts.par_chunks(3 * columns)).enumerate().for_each(
            |(line, (warped, shifts))| {
                for (column, (value, shift)) in warped.iter_mut().zip(shifts.chunks_exact(3)).enumerate() {
                    *value = self.moving_at([column, line % rows, line / rows], shift).unwrap_or(f32::NAN);
                }
            },
        );
    }

    /// Each voxel's update, put into `target` or added to it, and the mean squared difference;
    /// `None` where no voxel lies in the moving image.
    fn force(&self, warped: &[f32], longest: f64, add: bool, target: &mut [f32]) -> Option<f64> {
        let size = self.fixed.size;
        let [columns, rows, slices] = size;
        let plane = columns * rows;
        // The longest update is this root times a voxel's mean size.
        let squared = self.spacing.iter().map(|spacing| spacing * spacing).sum::<f32>() / 3.0;
        let normalizer = squared * (longest * longest) as f32;
        let steps: [f32; 3] = self.spacing.map(|spacing| 0.5 / spacing);
        let sums: Vec<(f64, usize)> = target
            .par_chunks_mut(3 * columns)
            .enumerate()
            .map(|(line, target)| {
                let (row, slice) = (line % rows, line / rows);
                let start = line * columns;
                let mut sum = (0.0, 0);
                // Neighbors of a whole row; a missing one is the row itself, with no slope.
                let rows_beside = if row == 0 || row + 1 == rows {
                    [start, start]
                } else {
                    [start - columns, start + columns]
                };
                let slices_beside = if slice == 0 || slice + 1 == slices {
                    [start, start]
                } else {
                    [start - plane, start + plane]
                };
                let row_of = |image: &'_ [f32], start: usize, column: usize| image[start + column];
                for (column, target) in target.chunks_exact_mut(3).enumerate() {
                    let value = warped[start + column];
                    let speed = self.fixed.values[start + column] - value;
                    let mut update = [0.0_f32; 3];
                    if speed.is_finite() {
                        sum.0 += f64::from(speed) * f64::from(speed);
                        sum.1 += 1;
                        let beside = if column == 0 || column + 1 == columns {
                            [column; 2]
                        } else {
                            [column - 1, column + 1]
                        };
                        let slope = |image: &[f32]| {
                            [
                                row_of(image, start, beside[1]) - row_of(image, start, beside[0]),
                                row_of(image, rows_beside[1], column) - row_of(image, rows_beside[0], column),
                                row_of(image, slices_beside[1], column)
                                    - row_of(image, slices_beside[0], column),
                            ]
                        };
                        let (fixed, moving) = (slope(self.fixed.values), slope(warped));
                        // A slope that reaches outside the moving image is unknown: the fixed one stands alone.
                        let both: [f32; 3] = std::array::from_fn(|axis| {
                            let other = if moving[axis].is_finite() { moving[axis] } else { fixed[axis] };
                            (fixed[axis] + other) * steps[axis]
                        });
                        let length = both[0] * both[0] + both[1] * both[1] + both[2] * both[2];
                        let denominator = speed * speed / normalizer + length;
                        if denominator > 1e-9 {
                            let scale = 2.0 * speed / denominator;
                            update = both.map(|slope| slope * scale);
                        }
                    }
                    for (target, update) in target.iter_mut().zip(update) {
                        *target = if add { *target + update } else { update };
                    }
                }
                sum
            })
            .collect();
        let (total, count) = sums.iter().fold((0.0, 0), |(total, count), (sum, n)| (total + sum, count + n));
        (count > 0).then(|| total / count as f64)
    }

    /// The flow of an update for one unit of time, by scaling and squaring once: updates are at
    /// most two voxels long.
    fn exponential(&self, update: &mut Vec<f32>, room: &mut Vec<f32>) {
        update.par_iter_mut().for_each(|part| *part /= 2.0);
        self.compose(update, update, room);
        std::mem::swap(update, room);
    }

    /// The displacements of a map after another: `first(x) + second(x + first(x))` where the outer
    /// map is `second`.
    fn compose(&self, second: &[f32], first: &[f32], composed: &mut [f32]) {
        let size = self.fixed.size;
        let [columns, rows, _] = size;
        composed.par_chunks_mut(3 * columns).zip(first.par_chunks(3 * columns)).enumerate().for_each(
            |(line, (composed, first))| {
                for (column, (target, step)) in
                    composed.chunks_exact_mut(3).zip(first.chunks_exact(3)).enumerate()
                {
                    let voxel = [column, line % rows, line / rows];
                    let at = std::array::from_fn(|axis| voxel[axis] as f32 + step[axis] / self.spacing[axis]);
                    let more = vector_at(second, size, at);
                    target.iter_mut().enumerate().for_each(|(axis, part)| *part = step[axis] + more[axis]);
                }
            },
        );
    }

    /// Mean squared differences without and with displacements, over voxels where both are known.
    fn compare(&self, shifts: &[f32]) -> Option<(f64, f64)> {
        let [columns, rows, _] = self.fixed.size;
        let lines = self.fixed.values.par_chunks(columns).zip(shifts.par_chunks(3 * columns));
        let sums: Vec<[f64; 3]> = lines
            .enumerate()
            .map(|(line, (fixed, shifts))| {
                let mut sums = [0.0; 3];
                for (column, (fixed, shift)) in fixed.iter().zip(shifts.chunks_exact(3)).enumerate() {
                    let voxel = [column, line % rows, line / rows];
                    let found = (self.moving_at(voxel, &[0.0; 3]), self.moving_at(voxel, shift));
                    if let (Some(before), Some(after)) = found {
                        sums[0] += f64::from(before - fixed).powi(2);
                        sums[1] += f64::from(after - fixed).powi(2);
                        sums[2] += 1.0;
                    }
                }
                sums
            })
            .collect();
        let total = sums.iter().fold([0.0; 3], |mut total, sums| {
            total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
            total
        });
        (total[2] > 0.0).then(|| (total[0] / total[2], total[1] / total[2]))
    }

    /// Displacements in LPS with the start's map behind them; those of the start alone for `None`.
    fn displacements(&self, shifts: Option<Vec<f32>>, start: &Affine) -> Vec<f32> {
        let [columns, rows, _] = self.fixed.size;
        let axes = frame(self.geometry);
        let mut field = shifts.unwrap_or_else(|| vec![0.0; self.fixed.values.len() * 3]);
        field.par_chunks_mut(3 * columns).enumerate().for_each(|(line, field)| {
            for (column, shift) in field.chunks_exact_mut(3).enumerate() {
                let at = [column, line % rows, line / rows].map(|index| index as f64);
                let point = Vector3::from(self.geometry.point_at(at).components());
                let along = Vector3::new(f64::from(shift[0]), f64::from(shift[1]), f64::from(shift[2]));
                let moved = start.apply(point + axes * along) - point;
                shift.iter_mut().zip(moved.iter()).for_each(|(shift, moved)| *shift = *moved as f32);
            }
        });
        field
    }
}

/// The grid's axes as the columns of a matrix.
fn frame(geometry: &Geometry) -> Matrix3<f64> {
    let axes = geometry.direction().axes();
    Matrix3::from_fn(|row, column| axes[column][row])
}

/// Displacements of a coarse grid at the voxels of a finer one with the same axes.
fn refined(coarse: &Geometry, shifts: &[f32], fine: &Geometry) -> Vec<f32> {
    let [columns, rows, _] = fine.size();
    let mut refined = vec![0.0; fine.voxels().saturating_mul(3)];
    refined.par_chunks_mut(3 * columns).enumerate().for_each(|(line, target)| {
        for (column, target) in target.chunks_exact_mut(3).enumerate() {
            let at = [column, line % rows, line / rows].map(|index| index as f64);
            let at = coarse.index_at(fine.point_at(at)).map(|index| index as f32);
            target.copy_from_slice(&vector_at(shifts, coarse.size(), at));
        }
    });
    refined
}

fn check(settings: &DemonsSettings) -> Result<(), FilterError> {
    let falling = settings.shrink.windows(2).all(|pair| pair[0] > pair[1]);
    let in_range = settings.shrink.iter().all(|shrink| (1..=64).contains(shrink));
    if settings.shrink.is_empty() || !falling || !in_range {
        let found = format!("{:?}", settings.shrink);
        return Err(FilterError::parameter("shrink factors", found, "falling numbers from 64 to 1"));
    }
    if !(1..=10_000).contains(&settings.iterations) {
        return Err(FilterError::parameter("iterations", settings.iterations, "1 to 10000"));
    }
    for (name, sigma) in
        [("sigma", settings.sigma_voxels), ("sigma of the update", settings.update_sigma_voxels)]
    {
        if !(0.0..=20.0).contains(&sigma) {
            return Err(FilterError::parameter(name, sigma, "0 to 20 voxels"));
        }
    }
    if !(settings.longest_step_voxels > 0.0 && settings.longest_step_voxels <= 2.0) {
        let found = settings.longest_step_voxels;
        return Err(FilterError::parameter("longest step", found, "more than 0 to 2 voxels"));
    }
    if !(0.0..=1.0).contains(&settings.tolerance) {
        return Err(FilterError::parameter("tolerance", settings.tolerance, "0 to 1"));
    }
    Ok(())
}
