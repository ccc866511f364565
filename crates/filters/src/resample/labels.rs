use wilhelm_study::{Geometry, LabelMap, Mask};

use super::map::{IndexMap, snapped};
use super::{check_room, nearest, oblique};
use crate::FilterError;

/// How the label of a point between voxels is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelInterpolation {
    /// The nearest voxel's label; halfway between two, the one with the higher index.
    Nearest,
    /// The label that has the most of the eight voxels around, each weighted as by linear interpolation:
    /// smoother outlines on a finer grid. Of equals the smallest label wins, background before all.
    Linear,
}

/// Two shares that differ by less are equal.
const EQUAL_SHARES: f64 = 1e-6;

/// A label map on another grid: every point keeps its label, whatever lies outside is background.
///
/// The same grid gives the same map. A point counts as inside up to half a voxel beyond the outermost
/// centers, as in [`resample`](crate::resample).
///
/// # Errors
/// [`FilterError::Parameter`] for a target of more than 2^31 voxels.
///
/// # Source
/// [`LabelInterpolation::Linear`]: ITK's `LabelImageGenericInterpolateImageFunction` with linear
/// interpolation, Schaerer et al. 2014, doi:10.54294/nr6iii
pub fn resample_labels(
    map: &LabelMap,
    target: &Geometry,
    interpolation: LabelInterpolation,
) -> Result<LabelMap, FilterError> {
    let labels = onto(map.labels(), map.geometry(), target, interpolation)?;
    Ok(LabelMap::new(*target, labels, map.segments().clone())?)
}

/// A mask on another grid: see [`resample_labels`]. With [`LabelInterpolation::Linear`] a voxel is in the set
/// where the set has more than half of the weight.
///
/// # Errors
/// [`FilterError::Parameter`] for a target of more than 2^31 voxels.
pub fn resample_mask(
    mask: &Mask,
    target: &Geometry,
    interpolation: LabelInterpolation,
) -> Result<Mask, FilterError> {
    Ok(Mask::new(*target, onto(mask.voxels(), mask.geometry(), target, interpolation)?)?)
}

fn onto<T: Copy + Default + Ord + Send + Sync>(
    values: &[T],
    source: &Geometry,
    target: &Geometry,
    interpolation: LabelInterpolation,
) -> Result<Vec<T>, FilterError> {
    check_room(target)?;
    let map = IndexMap::new(source, target);
    let size = source.size();
    Ok(match interpolation {
        LabelInterpolation::Nearest => nearest(values, size, &map, target.size(), T::default()),
        LabelInterpolation::Linear => {
            oblique::by_place(size, &map, target.size(), T::default(), |at| strongest(values, size, at))
        }
    })
}

/// The label with the greatest share of the eight voxels around a place.
fn strongest<T: Copy + Ord>(values: &[T], size: [usize; 3], at: [f64; 3]) -> T {
    let taps: [[(usize, f64); 2]; 3] = std::array::from_fn(|axis| {
        let place = snapped(at[axis]).clamp(0.0, (size[axis] - 1) as f64);
        let first = place as usize;
        let part = place - first as f64;
        [(first, 1.0 - part), ((first + 1).min(size[axis] - 1), part)]
    });
    let corner = |corner: usize| {
        let [x, y, z] = std::array::from_fn(|axis| taps[axis][corner >> axis & 1]);
        (values[(z.0 * size[1] + y.0) * size[0] + x.0], x.1 * y.1 * z.1)
    };
    let corners: [(T, f64); 8] = std::array::from_fn(corner);
    if corners.iter().all(|(label, _)| *label == corners[0].0) {
        return corners[0].0;
    }
    let share =
        |label: T| -> f64 { corners.iter().filter(|(other, _)| *other == label).map(|(_, w)| w).sum() };
    let mut best = (corners[0].0, share(corners[0].0));
    for (label, _) in &corners[1..] {
        let found = share(*label);
        let equal = (found - best.1).abs() <= EQUAL_SHARES;
        if (!equal && found > best.1) || (equal && *label < best.0) {
            best = (*label, found);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_with_the_greatest_share_wins_and_of_equals_the_smallest() {
        // Two columns, 5 and 3; a quarter of the way 5 has three quarters, halfway both have half.
        assert_eq!(strongest(&[5_u16, 3], [2, 1, 1], [0.25, 0.0, 0.0]), 5);
        assert_eq!(strongest(&[5_u16, 3], [2, 1, 1], [0.5, 0.0, 0.0]), 3);
        // In the middle of 1 1 / 2 3 label 1 has half; further down 2 and 3 share, 3 the more to the right.
        assert_eq!(strongest(&[1_u16, 1, 2, 3], [2, 2, 1], [0.5, 0.5, 0.0]), 1);
        assert_eq!(strongest(&[1_u16, 1, 2, 3], [2, 2, 1], [0.6, 0.9, 0.0]), 3);
    }
}
