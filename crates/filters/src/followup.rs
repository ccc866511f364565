//! Lesions of two time points: which is which, and how each has changed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::{Geometry, Index, LabelMap, Mm, PointLps, VoxelError};

use crate::FilterError;
use crate::measure::diameters_of_labels;
use crate::register::{Transform, warped_labels};

mod assign;
mod overlap;
mod settings;

pub use settings::FollowUpSettings;

use overlap::Overlap;

/// What became of a lesion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LesionStatus {
    /// Not there before.
    New,
    /// Its long axis rose by the percentage *and* by the millimeters of growth.
    Grown,
    /// Neither grown nor shrunk.
    Stable,
    /// Its long axis fell by the percentage of shrinkage.
    Shrunk,
    /// Not there any more.
    Gone,
}

/// How a lesion was recognized.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LesionMatch {
    /// The two overlap after registration.
    Overlap {
        /// Dice coefficient, more than 0 to 1.
        dice: f64,
    },
    /// Their centers are near each other after registration.
    Distance {
        /// Between the centers.
        between: Mm,
    },
}

/// A lesion's size at one time point.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LesionSize {
    /// Longest diameter in an acquired plane, as [`crate::measure::in_plane_diameters`]; of several
    /// parts their sum.
    pub long_axis: Mm,
    /// Longest diameter across the long axis, in the same plane.
    pub short_axis: Mm,
    /// Volume.
    pub milliliters: f64,
    /// Center, in this time point's own space.
    pub center: PointLps,
}

/// One row of the table: a lesion at two time points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LesionChange {
    /// Its label in the prior label map; `None` for a new lesion.
    pub prior_label: Option<u16>,
    /// Its label in the current label map; `None` for one that is gone.
    pub current_label: Option<u16>,
    /// The prior lesion's Tracking UID, which it keeps; a new lesion's own.
    pub tracking_uid: Option<String>,
    /// The same for people.
    pub tracking_id: Option<String>,
    /// How it was recognized.
    pub matched_by: Option<LesionMatch>,
    /// Prior lesions that merged into this one, besides [`Self::prior_label`].
    pub merged_with: Vec<u16>,
    /// Current lesions that split off from this one, besides [`Self::current_label`].
    pub split_into: Vec<u16>,
    /// Before: of all that merged.
    pub prior: Option<LesionSize>,
    /// Now: of all that split off.
    pub current: Option<LesionSize>,
    /// Change of the long axis in percent of what it was.
    pub long_axis_percent: Option<f64>,
    /// Change of the volume in percent of what it was.
    pub volume_percent: Option<f64>,
    /// New, grown, stable, shrunk or gone.
    pub status: LesionStatus,
}

/// Lesions that a label map may hold: matching takes the cube of it.
const MOST_LESIONS: usize = 1000;

/// Matches the lesions of two time points and says how each has changed.
///
/// Each label is one lesion. `prior_to_current` is the map that a registration with the *prior*
/// image as the fixed and the *current* image as the moving one finds. The current labels are
/// brought onto the prior grid; lesions that overlap are paired one to one so that the sum of
/// their Dice coefficients is greatest, then those left over by the distance of their centers. A
/// prior lesion left over that lies mostly within a matched current one has merged into it; a
/// current lesion left over that lies mostly within a matched prior one has split off. Then the
/// sizes are summed: volumes, and for a split the long axes of the parts, as RECIST 1.1 asks; of
/// merged lesions the prior long axes are summed and compared with the one long axis now.
///
/// Rows come in the order of the prior labels, then of the new ones. The thresholds of RECIST 1.1
/// are for the sum of the target lesions against its nadir or baseline; here each lesion is
/// measured against the prior, and [`sum_of_long_axes`] gives the sums.
///
/// # Errors
/// [`FilterError::Parameter`] for settings out of range or more than 1000 lesions.
///
/// # Source
/// RECIST 1.1, Eisenhauer 2009, doi:10.1016/j.ejca.2008.10.026
pub fn follow_up(
    prior: &LabelMap,
    current: &LabelMap,
    prior_to_current: &impl Transform,
    settings: &FollowUpSettings,
) -> Result<Vec<LesionChange>, FilterError> {
    settings.check()?;
    let (before, now) = (lesions(prior)?, lesions(current)?);
    let moved = warped_labels(current, prior_to_current, prior.geometry());
    let overlap = Overlap::new(&before, &now, prior.labels(), &moved);
    let mut pairs = assign::greatest(before.len(), now.len(), |p, c| overlap.dice(p, c));
    let distance = |p: usize, c: usize| {
        let from = prior_to_current.map(before[p].size.center).components();
        let to = now[c].size.center.components();
        from.iter().zip(to).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    };
    // Who merged or split off is not free to be paired by distance.
    let (merged, split) = overlap.parts(&pairs, settings.part_share);
    let left = |taken: Vec<usize>, count| (0..count).filter(|at| !taken.contains(at)).collect::<Vec<_>>();
    let before_left =
        left(pairs.iter().map(|pair| pair.0).chain(merged.iter().map(|part| part.0)).collect(), before.len());
    let now_left =
        left(pairs.iter().map(|pair| pair.1).chain(split.iter().map(|part| part.0)).collect(), now.len());
    let near = assign::greatest(before_left.len(), now_left.len(), |p, c| {
        // A number that is none is no distance.
        let nearness = 1.0 - distance(before_left[p], now_left[c]) / settings.nearest_mm;
        if nearness >= 0.0 { nearness + f64::EPSILON } else { 0.0 }
    });
    pairs.extend(near.into_iter().map(|(p, c)| (before_left[p], now_left[c])));
    pairs.sort_unstable();

    let mut rows = Vec::new();
    for (place, lesion) in before.iter().enumerate() {
        if merged.iter().any(|part| part.0 == place) {
            continue;
        }
        let pair = pairs.iter().find(|pair| pair.0 == place);
        let Some((_, partner)) = pair else {
            rows.push(change(prior, current, settings, Some(lesion), None, &[], &[], None));
            continue;
        };
        let joined: Vec<&Lesion> =
            merged.iter().filter(|part| part.1 == place).map(|part| &before[part.0]).collect();
        let parts: Vec<&Lesion> =
            split.iter().filter(|part| part.1 == place).map(|part| &now[part.0]).collect();
        let dice = overlap.dice(place, *partner);
        let how = match dice > 0.0 {
            true => LesionMatch::Overlap { dice },
            false => LesionMatch::Distance { between: Mm(distance(place, *partner)) },
        };
        rows.push(change(
            prior,
            current,
            settings,
            Some(lesion),
            Some(&now[*partner]),
            &joined,
            &parts,
            Some(how),
        ));
    }
    for (place, lesion) in now.iter().enumerate() {
        let known = pairs.iter().any(|pair| pair.1 == place) || split.iter().any(|part| part.0 == place);
        if !known {
            rows.push(change(prior, current, settings, None, Some(lesion), &[], &[], None));
        }
    }
    Ok(rows)
}

/// The current label map with the tracking identifiers that its lesions keep.
///
/// A lesion that split off keeps its own.
///
/// # Errors
/// [`VoxelError`] where the labels do not fit the map, which does not happen: they are its own.
pub fn with_tracking(current: &LabelMap, changes: &[LesionChange]) -> Result<LabelMap, VoxelError> {
    let mut segments = current.segments().clone();
    for change in changes {
        if let Some(segment) = change.current_label.and_then(|label| segments.get_mut(&label)) {
            segment.tracking_uid.clone_from(&change.tracking_uid);
            segment.tracking_id.clone_from(&change.tracking_id);
        }
    }
    LabelMap::new(*current.geometry(), current.labels().to_vec(), segments)
}

/// Sums of the long axes before and now, and the change in percent (`None` from nothing).
///
/// # Source
/// RECIST 1.1, doi:10.1016/j.ejca.2008.10.026: the sum of the diameters of the target lesions.
pub fn sum_of_long_axes<'a>(changes: impl IntoIterator<Item = &'a LesionChange>) -> (Mm, Mm, Option<f64>) {
    let (mut before, mut now) = (0.0, 0.0);
    for change in changes {
        before += change.prior.map_or(0.0, |size| size.long_axis.0);
        now += change.current.map_or(0.0, |size| size.long_axis.0);
    }
    (Mm(before), Mm(now), percent(before, now))
}

/// A lesion of one time point.
struct Lesion {
    label: u16,
    voxels: usize,
    size: LesionSize,
}

/// Every label with at least one voxel, in the order of the labels.
fn lesions(map: &LabelMap) -> Result<Vec<Lesion>, FilterError> {
    let geometry = map.geometry();
    let voxels = by_label(map);
    if voxels.len() > MOST_LESIONS {
        return Err(FilterError::parameter("number of lesions", voxels.len(), "at most 1000"));
    }
    let sizes = diameters_of_labels(map);
    Ok(voxels
        .into_iter()
        .zip(sizes)
        .map(|((label, found), (_, diameters))| Lesion {
            label,
            voxels: found.count,
            size: LesionSize {
                long_axis: Mm(diameters.long_axis.value),
                short_axis: Mm(diameters.short_axis.value),
                milliliters: found.count as f64 * geometry.voxel_milliliters(),
                center: geometry.point_at(found.sums.map(|sum| sum / found.count as f64)),
            },
        })
        .collect())
}

#[derive(Default)]
struct Voxels {
    count: usize,
    sums: [f64; 3],
}

fn by_label(map: &LabelMap) -> BTreeMap<u16, Voxels> {
    let mut found: BTreeMap<u16, Voxels> = BTreeMap::new();
    each(map, |index, label| {
        let voxels = found.entry(label).or_default();
        voxels.count += 1;
        for (sum, at) in voxels.sums.iter_mut().zip([index.column, index.row, index.slice]) {
            *sum += at as f64;
        }
    });
    found
}

/// Calls `visit` with every voxel that is not background.
fn each(map: &LabelMap, mut visit: impl FnMut(Index, u16)) {
    let [columns, rows, _] = Geometry::size(map.geometry());
    for (line, labels) in map.labels().chunks_exact(columns).enumerate() {
        for (column, label) in labels.iter().enumerate().filter(|(_, label)| **label != 0) {
            visit(Index { column, row: line % rows, slice: line / rows }, *label);
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "the parts of one row, each of another kind")]
fn change(
    prior_map: &LabelMap,
    current_map: &LabelMap,
    settings: &FollowUpSettings,
    prior: Option<&Lesion>,
    current: Option<&Lesion>,
    merged: &[&Lesion],
    split: &[&Lesion],
    matched_by: Option<LesionMatch>,
) -> LesionChange {
    let labels = |lesions: &[&Lesion]| lesions.iter().map(|lesion| lesion.label).collect();
    let own = |map: &LabelMap, lesion: Option<&Lesion>| {
        let segment = lesion.and_then(|lesion| map.segments().get(&lesion.label));
        segment.map(|segment| (segment.tracking_uid.clone(), segment.tracking_id.clone())).unwrap_or_default()
    };
    let (kept, new) = (own(prior_map, prior), own(current_map, current));
    let (tracking_uid, tracking_id) = if kept == (None, None) { new } else { kept };
    let before = prior.map(|lesion| together(lesion, merged));
    let now = current.map(|lesion| together(lesion, split));
    let (axes, volumes) = match (before, now) {
        (Some(before), Some(now)) => {
            (percent(before.long_axis.0, now.long_axis.0), percent(before.milliliters, now.milliliters))
        }
        (Some(_), None) => (Some(-100.0), Some(-100.0)),
        _ => (None, None),
    };
    LesionChange {
        prior_label: prior.map(|lesion| lesion.label),
        current_label: current.map(|lesion| lesion.label),
        tracking_uid,
        tracking_id,
        matched_by,
        merged_with: labels(merged),
        split_into: labels(split),
        status: status(before, now, settings),
        prior: before,
        current: now,
        long_axis_percent: axes,
        volume_percent: volumes,
    }
}

/// A lesion with its other parts: axes and volumes added, the center weighed by volume.
fn together(lesion: &Lesion, parts: &[&Lesion]) -> LesionSize {
    let mut sum = lesion.size;
    let mut center = lesion.size.center.components().map(|part| part * lesion.size.milliliters);
    for part in parts {
        sum.long_axis.0 += part.size.long_axis.0;
        sum.short_axis.0 += part.size.short_axis.0;
        sum.milliliters += part.size.milliliters;
        center
            .iter_mut()
            .zip(part.size.center.components())
            .for_each(|(sum, at)| *sum += at * part.size.milliliters);
    }
    if !parts.is_empty() {
        sum.center = PointLps::from_components(center.map(|part| part / sum.milliliters));
    }
    sum
}

fn percent(before: f64, now: f64) -> Option<f64> {
    (before > 0.0).then(|| 100.0 * (now - before) / before)
}

fn status(before: Option<LesionSize>, now: Option<LesionSize>, settings: &FollowUpSettings) -> LesionStatus {
    let (before, now) = match (before, now) {
        (Some(before), Some(now)) => (before.long_axis.0, now.long_axis.0),
        (None, _) => return LesionStatus::New,
        (_, None) => return LesionStatus::Gone,
    };
    // A length that is exactly at a threshold must not fall short of it by rounding.
    let rounding = 1e-9 * before.max(now);
    let rise = now - before;
    if rise + rounding >= settings.growth_percent / 100.0 * before && rise + rounding >= settings.growth_mm {
        LesionStatus::Grown
    } else if -rise + rounding >= settings.shrinkage_percent / 100.0 * before {
        LesionStatus::Shrunk
    } else {
        LesionStatus::Stable
    }
}

#[cfg(test)]
mod tests;
