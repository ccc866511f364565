//! Bringing two images of one patient, or a patient and a template, onto each other.
//!
//! A [`Transform`] takes points of the *fixed* image to points of the *moving* image; [`warp()`]
//! uses it to bring the moving image onto the fixed grid. [`register_rigid`] and
//! [`register_affine`] look for the map under which the two images are most alike, [`demons()`]
//! for one displacement a voxel. None of them gives back a map that is worse than the one it
//! started from, and each says how alike the images were before and after.

mod demons;
mod field;
mod interpolate;
mod metric;
mod mutual;
mod pyramid;
mod samples;
mod search;
mod settings;
mod transform;
mod warp;

pub use demons::{Demons, DemonsLevel, DemonsSettings, DemonsUpdate, demons};
pub use field::{DisplacementField, Folding};
pub use metric::Metric;
pub use settings::{Initialization, RegisterSettings, Sampling};
pub use transform::{Affine, Rigid, Transform};
pub use warp::{warp, warp_labels};

pub(crate) use warp::warped_labels;

use nalgebra::{Matrix3, Vector3};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::{Geometry, Progress, Volume, VoxelQuantity};

use crate::FilterError;
use metric::{Comparison, Measured};
use mutual::Bins;
use pyramid::Level;
use samples::Samples;
use search::{Found, Freedom, Search, descend};

/// What happened on one level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RegistrationLevel {
    /// Multiple of the finest distance between voxels.
    pub shrink: usize,
    /// Points compared.
    pub points: usize,
    /// The measure after each step, on this level's smoothed images.
    pub values: Vec<f64>,
    /// Root mean square shift of the last step, mm.
    pub last_step_mm: f64,
}

/// The map that was found, with the measure before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Registration<T> {
    /// From points of the fixed image to points of the moving image.
    pub transform: T,
    /// What was measured.
    pub metric: Metric,
    /// The measure at the start, on the images as they are; `None` where the images do not overlap
    /// enough there to be compared.
    pub metric_before: Option<f64>,
    /// The measure at [`Self::transform`], at the same points.
    pub metric_after: Option<f64>,
    /// Share of the points that lay in the moving image at the start.
    pub overlap_before: f64,
    /// Share of the points that lie in the moving image now.
    pub overlap_after: f64,
    /// From coarse to fine.
    pub levels: Vec<RegistrationLevel>,
    /// Whether a better map than the start was found; otherwise the transform *is* the start.
    pub accepted: bool,
    /// Why, in words.
    pub reason: String,
}

/// Finds the rotation and translation under which two images are most alike.
///
/// The search goes from coarse to fine. The measure is then taken at the start and at the result,
/// on both images as they are, at points that the search did not use; where the result is not
/// better, the start is given back. Rotations are looked for downhill from the beginning only: a
/// patient who lies the other way round needs a start.
///
/// # Errors
/// [`FilterError::Parameter`] for settings out of range or a start that is no rotation,
/// [`FilterError::NotFinite`] and [`FilterError::Constant`] for images that cannot be compared,
/// [`FilterError::Cancelled`].
///
/// # Source
/// Mattes 2003, doi:10.1109/TMI.2003.809072; the steps as in ITK's regular step gradient descent
/// with scales from physical shift, then the quasi-Newton method of Broyden, Fletcher, Goldfarb and
/// Shanno.
pub fn register_rigid<F: VoxelQuantity, M: VoxelQuantity>(
    fixed: &Volume<F>,
    moving: &Volume<M>,
    settings: &RegisterSettings,
    progress: &dyn Progress,
) -> Result<Registration<Rigid>, FilterError> {
    if let Some(start) = settings.start {
        Rigid::try_from(start)?;
    }
    let found = register(fixed, moving, settings, Freedom::Rigid, progress)?;
    Ok(Registration {
        transform: Rigid::try_from(found.transform)?,
        metric: found.metric,
        metric_before: found.metric_before,
        metric_after: found.metric_after,
        overlap_before: found.overlap_before,
        overlap_after: found.overlap_after,
        levels: found.levels,
        accepted: found.accepted,
        reason: found.reason,
    })
}

/// Finds the affine map under which two images are most alike.
///
/// As [`register_rigid`], which it begins with on the coarsest level where the start is a rotation.
///
/// # Errors
/// As [`register_rigid`], but any affine start will do.
pub fn register_affine<F: VoxelQuantity, M: VoxelQuantity>(
    fixed: &Volume<F>,
    moving: &Volume<M>,
    settings: &RegisterSettings,
    progress: &dyn Progress,
) -> Result<Registration<Affine>, FilterError> {
    register(fixed, moving, settings, Freedom::Affine, progress)
}

fn register<F: VoxelQuantity, M: VoxelQuantity>(
    fixed: &Volume<F>,
    moving: &Volume<M>,
    settings: &RegisterSettings,
    freedom: Freedom,
    progress: &dyn Progress,
) -> Result<Registration<Affine>, FilterError> {
    settings.check()?;
    check_values(fixed.voxels())?;
    check_values(moving.voxels())?;
    let geometry = fixed.geometry();
    let last = geometry.size().map(|count| (count - 1) as f64 / 2.0);
    let center = geometry.point_at(last);
    let start = settings.start.unwrap_or_else(Affine::identity).about(center)?;
    let base = finest(geometry).max(finest(moving.geometry()));
    let mut map = start;
    let mut levels = Vec::new();
    let total = settings.shrink.len() * settings.iterations;
    for (place, shrink) in settings.shrink.iter().enumerate() {
        let fixed_level = level(fixed.voxels(), geometry, *shrink, base)?;
        let moving_level = level(moving.voxels(), moving.geometry(), *shrink, base)?;
        let samples = Samples::new(fixed_level.grid(), &fixed_level.geometry, map.center, settings.sampling);
        let comparison = compare(settings, &fixed_level, &moving_level, &samples)?;
        let mut done = place * settings.iterations;
        let mut tick = || {
            progress.step(done, total);
            done += 1;
        };
        if place == 0 {
            map = begin(settings, &comparison, &fixed_level, &moving_level, start);
        }
        let spacing = base * *shrink as f64;
        let finer = settings.shrink[place..].iter().fold(1.0, |product, _| product * 2.0) / 2.0;
        let search = Search {
            freedom,
            first_step: spacing.max(finest(geometry)),
            last_step: settings.last_step_mm * finer,
            iterations: settings.iterations,
        };
        let mut values = Vec::new();
        let mut last_step = search.first_step;
        let mut keep = |found: Option<Found>, map: &mut Affine| {
            if let Some(found) = found {
                *map = found.map;
                values.extend(found.values);
                last_step = found.last_step;
            }
        };
        if place == 0 && freedom == Freedom::Affine && Rigid::try_from(map).is_ok() {
            let rigid = Search { freedom: Freedom::Rigid, ..search };
            keep(descend(&comparison, map, rigid, progress, || {})?, &mut map);
        }
        keep(descend(&comparison, map, search, progress, &mut tick)?, &mut map);
        levels.push(RegistrationLevel {
            shrink: *shrink,
            points: samples.len(),
            values,
            last_step_mm: last_step,
        });
    }
    progress.step(total, total);
    judge(fixed, moving, settings, start, map, levels)
}

/// The start and the result at points that the search did not use, on the images as they are.
fn judge<F: VoxelQuantity, M: VoxelQuantity>(
    fixed: &Volume<F>,
    moving: &Volume<M>,
    settings: &RegisterSettings,
    start: Affine,
    found: Affine,
    levels: Vec<RegistrationLevel>,
) -> Result<Registration<Affine>, FilterError> {
    let as_is = |values, geometry: &Geometry| pyramid::reduced(values, geometry, [1; 3]);
    let fixed_level = as_is(fixed.voxels(), fixed.geometry())?;
    let moving_level = as_is(moving.voxels(), moving.geometry())?;
    let sampling = match settings.sampling {
        Sampling::Regular { most } => Sampling::Regular { most },
        Sampling::Random { most, seed } => Sampling::Random { most, seed: seed ^ 0x5DEE_CE66 },
    };
    let samples = Samples::new(fixed_level.grid(), fixed.geometry(), start.center, sampling);
    let comparison = compare(settings, &fixed_level, &moving_level, &samples)?;
    let mut room = Vec::new();
    let mut measure = |map: &Affine| comparison.measure(map, false, &mut room);
    let (before, after) = (measure(&start), measure(&found));
    let (accepted, reason) = match (before, after) {
        (None, None) => (false, "neither the start nor the result has enough overlap to be compared"),
        (None, Some(_)) => (true, "the images did not overlap enough at the start to be compared"),
        (Some(_), None) => (false, "the result has too little overlap; the start is kept"),
        (Some(before), Some(after)) if settings.metric.is_better(after.value, before.value) => {
            (true, "the measure is better than at the start")
        }
        _ => (false, "the measure is not better than at the start, which is kept"),
    };
    let after = if accepted { after } else { before };
    let overlap = |measured: Option<Measured>| measured.map_or(0.0, |measured| measured.overlap);
    Ok(Registration {
        transform: if accepted { found } else { start },
        metric: settings.metric,
        metric_before: before.map(|measured| measured.value),
        metric_after: after.map(|measured| measured.value),
        overlap_before: overlap(before),
        overlap_after: overlap(after),
        levels,
        accepted,
        reason: reason.to_owned(),
    })
}

/// The measure of two images under a map, on both images as they are.
///
/// `None` where fewer than [`RegisterSettings::least_overlap`] of the points lie in the moving image.
///
/// # Errors
/// As [`register_rigid`].
pub fn measure<F: VoxelQuantity, M: VoxelQuantity>(
    fixed: &Volume<F>,
    moving: &Volume<M>,
    map: &Affine,
    settings: &RegisterSettings,
) -> Result<Option<f64>, FilterError> {
    settings.check()?;
    check_values(fixed.voxels())?;
    check_values(moving.voxels())?;
    let fixed_level = pyramid::reduced(fixed.voxels(), fixed.geometry(), [1; 3])?;
    let moving_level = pyramid::reduced(moving.voxels(), moving.geometry(), [1; 3])?;
    let samples = Samples::new(fixed_level.grid(), fixed.geometry(), map.center, settings.sampling);
    let comparison = compare(settings, &fixed_level, &moving_level, &samples)?;
    Ok(comparison.measure(map, false, &mut Vec::new()).map(|measured| measured.value))
}

fn compare<'a>(
    settings: &RegisterSettings,
    fixed: &'a Level<'_>,
    moving: &'a Level<'_>,
    samples: &'a Samples,
) -> Result<Comparison<'a>, FilterError> {
    let bins = match settings.metric {
        Metric::MutualInformation { bins } => {
            let of =
                |values: &[f32]| Bins::new(values, bins).ok_or(FilterError::Constant { value: values[0] });
            Some((of(&fixed.values)?, of(&moving.values)?))
        }
        Metric::MeanSquares | Metric::Correlation => None,
    };
    Ok(Comparison {
        metric: settings.metric,
        samples,
        moving: moving.grid(),
        moving_geometry: &moving.geometry,
        bins,
        least_overlap: settings.least_overlap,
    })
}

fn level<'a>(
    values: &'a [f32],
    geometry: &Geometry,
    shrink: usize,
    base: f64,
) -> Result<Level<'a>, FilterError> {
    let factors = match shrink {
        1 => [1; 3],
        _ => pyramid::factors(geometry, base * shrink as f64),
    };
    Ok(pyramid::reduced(values, geometry, factors)?)
}

/// The first map of the search.
fn begin(
    settings: &RegisterSettings,
    comparison: &Comparison<'_>,
    fixed: &Level<'_>,
    moving: &Level<'_>,
    start: Affine,
) -> Affine {
    let onto = |from: Vector3<f64>, to: Vector3<f64>| {
        let matrix = Matrix3::identity();
        Affine { center: start.center, matrix, translation: to - from }
    };
    let geometry = onto(start.center, middle(&moving.geometry));
    let mass = onto(mass(fixed), mass(moving));
    match settings.initialization {
        Initialization::Start => start,
        Initialization::Geometry => geometry,
        Initialization::Mass => mass,
        Initialization::Best => {
            let mut room = Vec::new();
            let mut best: Option<(Affine, f64)> = None;
            for map in [start, geometry, mass] {
                let Some(measured) = comparison.measure(&map, false, &mut room) else { continue };
                if best.is_none_or(|(_, value)| settings.metric.is_better(measured.value, value)) {
                    best = Some((map, measured.value));
                }
            }
            best.map_or(geometry, |(map, _)| map)
        }
    }
}

fn middle(geometry: &Geometry) -> Vector3<f64> {
    geometry.point_at(geometry.size().map(|count| (count - 1) as f64 / 2.0)).components().into()
}

/// Center of the values, counted from the least one.
fn mass(level: &Level<'_>) -> Vector3<f64> {
    let [columns, rows, _] = level.geometry.size();
    let least = level.values.iter().copied().fold(f32::INFINITY, f32::min);
    let (mut total, mut sums) = (0.0, [0.0; 3]);
    for (line, values) in level.values.chunks_exact(columns).enumerate() {
        let (mut line_total, mut along) = (0.0, 0.0);
        for (column, value) in values.iter().enumerate() {
            let weight = f64::from(value - least);
            line_total += weight;
            along += weight * column as f64;
        }
        total += line_total;
        sums[0] += along;
        sums[1] += line_total * (line % rows) as f64;
        sums[2] += line_total * (line / rows) as f64;
    }
    if total > 0.0 {
        level.geometry.point_at(sums.map(|sum| sum / total)).components().into()
    } else {
        middle(&level.geometry)
    }
}

fn finest(geometry: &Geometry) -> f64 {
    geometry.spacing().millimeters().into_iter().fold(f64::INFINITY, f64::min)
}

/// Refuses an image that cannot be compared: it has to be finite and not all the same.
fn check_values(values: &[f32]) -> Result<(), FilterError> {
    let count = values.iter().filter(|value| !value.is_finite()).count();
    if count > 0 {
        return Err(FilterError::NotFinite { count });
    }
    match values.iter().all(|value| *value == values[0]) {
        true => Err(FilterError::Constant { value: values[0] }),
        false => Ok(()),
    }
}
