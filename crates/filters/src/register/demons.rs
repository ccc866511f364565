//! Demons: one displacement a voxel, for two images of one modality and one scale.

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::{Geometry, Progress, Volume, VoxelQuantity};

use super::field::{DisplacementField, Folding, vector_at};
use super::pyramid;
use super::transform::Affine;
use super::{check_values, finest};
use crate::FilterError;

mod pair;
mod smooth;
use pair::Pair;
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
    /// Times the mean squared difference that counts as noise: it keeps regions without structure
    /// still, where noise alone would drive them (0: none, as in ITK).
    pub damping: f64,
    /// Longest update in voxels, more than 0 to 2.
    pub longest_step_voxels: f64,
    /// A level ends where ten updates lower the mean squared difference by less than this share
    /// (0: never).
    pub tolerance: f64,
}

impl Default for DemonsSettings {
    /// Diffeomorphic, levels 4, 2 and 1 with 50 updates each, smoothing over one and a half voxels,
    /// steps of half a voxel.
    fn default() -> Self {
        Self {
            update: DemonsUpdate::Diffeomorphic,
            shrink: vec![4, 2, 1],
            iterations: 50,
            sigma_voxels: 1.5,
            update_sigma_voxels: 0.0,
            damping: 3.0,
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
    shifts: &mut [f32],
    tick: &mut dyn FnMut(usize) -> Result<(), FilterError>,
) -> Result<Vec<f64>, FilterError> {
    let size = pair.fixed.size;
    let composes = settings.update == DemonsUpdate::Diffeomorphic;
    let separate = composes || settings.update_sigma_voxels > 0.0;
    // Nothing asks for the mean difference before the first update is known: a few slices are enough.
    let at_once = !separate && settings.damping == 0.0;
    let mut warped = vec![0.0; if at_once { 0 } else { pair.fixed.values.len() }];
    let mut update = vec![0.0; if separate { shifts.len() } else { 0 }];
    let stiff = Smoother::new(settings.sigma_voxels);
    let viscous = Smoother::new(settings.update_sigma_voxels);
    let mut history = Vec::new();
    for iteration in 0..settings.iterations {
        tick(iteration)?;
        let longest = settings.longest_step_voxels;
        let squares = if at_once { pair.advance(shifts, longest) } else { pair.warp(shifts, &mut warped) };
        let Some(squares) = squares else { break };
        history.push(squares);
        let noise = settings.damping * squares;
        if separate {
            pair.force(&warped, longest, noise, false, &mut update);
            viscous.smooth(&mut update, size);
            if composes {
                pair.exponential(&mut update);
                pair.compose(shifts, Some(&update));
            } else {
                shifts.par_iter_mut().zip(&update).for_each(|(shift, update)| *shift += update);
            }
        } else if !at_once {
            pair.force(&warped, longest, noise, true, shifts);
        }
        stiff.smooth(shifts, size);
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
    pyramid::check(&settings.shrink)?;
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
    if !(0.0..=1e6).contains(&settings.damping) {
        return Err(FilterError::parameter("damping", settings.damping, "0 to 1000000"));
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
