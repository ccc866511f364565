//! Images of the moving grid brought onto the fixed grid.

use nalgebra::Vector3;
use rayon::prelude::*;
use wilhelm_study::{Geometry, LabelMap, Volume, VoxelQuantity};

use super::interpolate::{Grid, nearest};
use super::transform::Transform;
use crate::FilterError;
use crate::resample::{self, IndexMap};

/// The moving image on the fixed grid, by straight lines between voxels.
///
/// Fixed voxels whose place lies outside the moving image get `outside` (air for CT is -1000 HU).
///
/// # Examples
/// ```
/// use wilhelm_filters::register::{Rigid, warp};
/// use wilhelm_study::{Arbitrary, Geometry, Mm, PointLps, Spacing, Volume};
///
/// let geometry = Geometry::axis_aligned([4, 1, 1], Spacing::new(Mm(2.0), Mm(2.0), Mm(2.0))?)?;
/// let moving = Volume::<Arbitrary>::new(geometry, vec![0.0, 10.0, 20.0, 30.0])?;
/// let center = PointLps::from_components([0.0; 3]);
/// let shift = Rigid::from_euler(center, [0.0; 3], [1.5, 0.0, 0.0])?;
/// assert_eq!(warp(&moving, &shift, &geometry, -1.0).voxels(), [7.5, 17.5, 27.5, -1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn warp<Q: VoxelQuantity>(
    moving: &Volume<Q>,
    transform: &impl Transform,
    fixed: &Geometry,
    outside: f32,
) -> Volume<Q> {
    if let Some(affine) = transform.as_affine() {
        let map = IndexMap::agreeing(|at| moving.geometry().index_at(affine.map(fixed.point_at(at))));
        let size = moving.geometry().size();
        let warped = resample::linear(moving.voxels(), size, &map, fixed.size(), outside);
        return Volume::new(*fixed, warped).expect("one value a voxel");
    }
    let grid = Grid::new(moving.voxels(), moving.geometry());
    let mut warped = vec![outside; fixed.voxels()];
    each_row(moving.geometry(), transform, fixed, &mut warped, |at, value| {
        if let Some(found) = grid.linear(at) {
            *value = found;
        }
    });
    Volume::new(*fixed, warped).expect("one value a voxel")
}

/// The moving labels on the fixed grid: each voxel gets the label of the nearest moving voxel,
/// background outside.
///
/// # Errors
/// [`FilterError::Voxels`] where the labels do not fit the grid, which does not happen: they are
/// made for it, from labels that have their segments.
pub fn warp_labels(
    moving: &LabelMap,
    transform: &impl Transform,
    fixed: &Geometry,
) -> Result<LabelMap, FilterError> {
    let labels = warped_labels(moving, transform, fixed);
    Ok(LabelMap::new(*fixed, labels, moving.segments().clone())?)
}

/// The labels alone.
pub(crate) fn warped_labels(moving: &LabelMap, transform: &impl Transform, fixed: &Geometry) -> Vec<u16> {
    let [columns, rows, slices] = moving.geometry().size();
    let labels = moving.labels();
    let mut warped = vec![0_u16; fixed.voxels()];
    each_row(moving.geometry(), transform, fixed, &mut warped, |at, label| {
        let [column, row, slice] = at;
        if let (Some(column), Some(row), Some(slice)) =
            (nearest(column, columns), nearest(row, rows), nearest(slice, slices))
        {
            *label = labels[(slice * rows + row) * columns + column];
        }
    });
    warped
}

/// Calls `set` with each fixed voxel's continuous index in the moving grid.
pub(super) fn each_row<T: Send>(
    moving: &Geometry,
    transform: &impl Transform,
    fixed: &Geometry,
    target: &mut [T],
    set: impl Fn([f32; 3], &mut T) + Sync,
) {
    let [columns, rows, _] = fixed.size();
    let affine = transform.as_affine();
    target.par_chunks_mut(columns).enumerate().for_each(|(line, values)| {
        let (row, slice) = ((line % rows) as f64, (line / rows) as f64);
        if let Some(affine) = &affine {
            // Along a row the index moves by equal steps.
            let start = fixed.point_at([0.0, row, slice]);
            let first = moving.index_at(affine.map(start));
            let step = Vector3::from(fixed.point_at([1.0, row, slice]).components())
                - Vector3::from(start.components());
            let next: [f64; 3] = (affine.apply(Vector3::from(start.components()) + step)).into();
            let next = moving.index_at(wilhelm_study::PointLps::from_components(next));
            for (column, value) in values.iter_mut().enumerate() {
                let at = std::array::from_fn(|axis| {
                    (first[axis] + (next[axis] - first[axis]) * column as f64) as f32
                });
                set(at, value);
            }
        } else {
            for (column, value) in values.iter_mut().enumerate() {
                let point = fixed.point_at([column as f64, row, slice]);
                set(moving.index_at(transform.map(point)).map(|index| index as f32), value);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::{Affine, Rigid};
    use std::collections::BTreeMap;
    use wilhelm_study::{Arbitrary, CodedConcept, Mm, PointLps, Segment, Spacing};

    #[test]
    fn a_label_and_a_value_land_where_the_inverse_motion_puts_them() {
        let spacing = Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0)).expect("positive");
        let geometry = Geometry::axis_aligned([5, 4, 3], spacing).expect("a grid");
        let mut values = vec![0.0; 60];
        values[(20 + 5) + 3] = 7.0; // column 3, row 1, slice 1
        let moving = Volume::<Arbitrary>::new(geometry, values.clone()).expect("fits");
        // Fixed (1, 2, 1) shows moving (3, 1, 1): the map adds (2, -1, 0).
        let center = PointLps::from_components([0.0; 3]);
        let shift = Rigid::from_euler(center, [0.0; 3], [2.0, -1.0, 0.0]).expect("finite");
        let warped = warp(&moving, &shift, &geometry, -1.0);
        assert_eq!(warped.voxels()[20 + 10 + 1], 7.0);
        assert_eq!(warped.voxels()[0], -1.0, "row -1 is outside");
        let part = Segment::anatomy("part", CodedConcept::new("99T", "1", "Part"), "test");
        let labels = values.iter().map(|value| *value as u16).collect();
        let labels = LabelMap::new(geometry, labels, BTreeMap::from([(7, part)])).expect("labels");
        let moved = warp_labels(&labels, &Affine::from(shift), &geometry).expect("labels");
        assert_eq!(moved.labels().iter().position(|label| *label == 7), Some(31));
        assert_eq!(moved.mask(7).count(), 1);
    }
}
