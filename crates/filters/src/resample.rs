//! From one grid in the patient's space onto another: oblique, turned, flipped, finer or coarser.

mod aligned;
mod labels;
mod map;
mod oblique;
mod spline;

pub use labels::{LabelInterpolation, resample_labels, resample_mask};

use rayon::prelude::*;
use wilhelm_study::{Geometry, Mm, Spacing, Volume, VoxelQuantity};

use crate::FilterError;
use crate::orient::turned;
pub(crate) use map::IndexMap;
use map::mirrored_taps;

pub(crate) use spline::weights as cubic_weights;

/// How a value between voxels is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// The nearest voxel's value; halfway between two, the one with the higher index.
    Nearest,
    /// Along each axis a straight line between two voxels.
    Linear,
    /// The cubic B-spline through all values, smooth and sharper than [`Self::Linear`]; it can swing a
    /// little beyond the values at an edge.
    CubicBSpline,
}

/// Most voxels of a grid that is filled: 8 GiB of values. A header can ask for any number.
const MOST_VOXELS: usize = 1 << 31;

/// A volume on another grid: each voxel of `target` gets the value of its point in the patient's space.
///
/// A point counts as inside the volume up to half a voxel beyond the outermost centers; there
/// [`Interpolation::Linear`] continues the outermost value and [`Interpolation::CubicBSpline`] the values
/// mirrored about the outermost centers. Every point further out gets `outside`. A place less than a
/// millionth of a voxel from a center is that center, so that the same grid gives the same bits.
///
/// Nothing is smoothed first: onto a much coarser grid, filter before.
///
/// # Errors
/// [`FilterError::Parameter`] for a target of more than 2^31 voxels, [`FilterError::NotFinite`] for a cubic
/// B-spline through values that are not finite (each reaches along the whole line; the other two spread
/// them to neighbors at most).
///
/// # Source
/// The boundaries are those of ITK's `ResampleImageFilter`; B-spline: Unser 1999, doi:10.1109/79.799930
///
/// # Examples
/// ```
/// use wilhelm_filters::{Interpolation, resample, to_spacing};
/// use wilhelm_study::{Geometry, Hu, Mm, Spacing, Volume};
///
/// let grid = Geometry::axis_aligned([4, 4, 2], Spacing::new(Mm(0.5), Mm(0.5), Mm(2.0))?)?;
/// let ct = Volume::<Hu>::new(grid, vec![40.0; 32])?;
/// let isotropic = to_spacing(&grid, Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0))?)?;
/// let found = resample(&ct, &isotropic, Interpolation::Linear, -1024.0)?;
/// assert_eq!(found.geometry().size(), [2, 2, 4]);
/// assert!(found.voxels().iter().all(|value| *value == 40.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn resample<Q: VoxelQuantity>(
    volume: &Volume<Q>,
    target: &Geometry,
    interpolation: Interpolation,
    outside: f32,
) -> Result<Volume<Q>, FilterError> {
    check_room(target)?;
    let map = IndexMap::new(volume.geometry(), target);
    let (size, to) = (volume.geometry().size(), target.size());
    let values = volume.voxels();
    let found = match interpolation {
        Interpolation::Nearest => nearest(values, size, &map, to, outside),
        Interpolation::Linear => linear(values, size, &map, to, outside),
        Interpolation::CubicBSpline => {
            let count = values.par_iter().filter(|value| !value.is_finite()).count();
            if count > 0 {
                return Err(FilterError::NotFinite { count });
            }
            let coefficients = spline::coefficients(values, size);
            match map.aligned(to) {
                None => oblique::cubic(&coefficients, size, &map, to, outside),
                Some(lines) => weighted(&coefficients, size, &lines, to, outside, |at, count| {
                    let (index, weights) = mirrored_taps(at, count);
                    (index, weights.map(|weight| weight as f32))
                }),
            }
        }
    };
    Ok(Volume::new(*target, found)?)
}

/// The grid with other distances between its voxels that covers the same box about the same center.
///
/// The box reaches half a voxel beyond the outermost centers. The number of voxels an axis is the rounded
/// ratio of the box to the new distance (at least 1), so that the new box may be longer or shorter by up to
/// half a new voxel on each axis, half of that at each end; the directions and the center stay. (Keeping
/// the first voxel's center instead, as some programs do, moves the box toward the far end.)
///
/// # Errors
/// [`FilterError::Parameter`] where more than 2^31 voxels would be needed.
pub fn to_spacing(geometry: &Geometry, spacing: Spacing) -> Result<Geometry, FilterError> {
    let (old, new) = (geometry.spacing().millimeters(), spacing.millimeters());
    let counts: [f64; 3] =
        std::array::from_fn(|axis| (geometry.size()[axis] as f64 * old[axis] / new[axis]).round().max(1.0));
    if counts.iter().product::<f64>() > MOST_VOXELS as f64 {
        return Err(too_large(counts.map(|count| count as usize)));
    }
    // The first center on the old grid, in its voxels: half the old box minus half the new.
    let first = std::array::from_fn(|axis| {
        (geometry.size()[axis] as f64 - 1.0) / 2.0 - (counts[axis] - 1.0) / 2.0 * new[axis] / old[axis]
    });
    let size = counts.map(|count| count as usize);
    Ok(Geometry::new(size, spacing, geometry.point_at(first), geometry.direction())?)
}

/// The grid of cubes of 1 mm that covers the same box: [`to_spacing`] with 1 mm each.
///
/// # Errors
/// As [`to_spacing`].
pub fn isotropic(geometry: &Geometry) -> Result<Geometry, FilterError> {
    to_spacing(geometry, Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0))?)
}

fn too_large([columns, rows, slices]: [usize; 3]) -> FilterError {
    FilterError::parameter(
        "grid",
        format!("{columns} x {rows} x {slices}"),
        "at most 2147483648 voxels in all",
    )
}

fn check_room(target: &Geometry) -> Result<(), FilterError> {
    if target.voxels() > MOST_VOXELS { Err(too_large(target.size())) } else { Ok(()) }
}

/// Straight lines between voxels.
pub(crate) fn linear(
    values: &[f32],
    size: [usize; 3],
    map: &IndexMap,
    to: [usize; 3],
    outside: f32,
) -> Vec<f32> {
    let Some(lines) = map.aligned(to) else { return oblique::linear(values, size, map, to, outside) };
    let tap = |at: f64, count: usize| {
        let at = at.clamp(0.0, (count - 1) as f64);
        let first = at as usize;
        let part = (at - first as f64) as f32;
        // A weight of 0 must not bring in a neighbor that is no number.
        ([first, if part > 0.0 { first + 1 } else { first }], [1.0 - part, part])
    };
    weighted(values, size, &lines, to, outside, tap)
}

/// Nearest voxels of any kind of value.
fn nearest<T: Copy + Default + Send + Sync>(
    values: &[T],
    size: [usize; 3],
    map: &IndexMap,
    to: [usize; 3],
    outside: T,
) -> Vec<T> {
    match map.aligned(to) {
        None => oblique::nearest(values, size, map, to, outside),
        Some(lines) => aligned::nearest(values, size, &lines, to, outside),
    }
}

/// `K` weighted voxels along each axis, the axes being parallel.
fn weighted<const K: usize>(
    values: &[f32],
    size: [usize; 3],
    lines: &map::Aligned,
    to: [usize; 3],
    outside: f32,
    tap: impl Fn(f64, usize) -> ([usize; K], [f32; K]),
) -> Vec<f32> {
    let from = lines.order.map(|axis| size[axis]);
    let axes = std::array::from_fn(|axis| {
        aligned::Axis::new(lines.start[axis], lines.step[axis], to[axis], from[axis], &tap)
    });
    if lines.order == [0, 1, 2] {
        return aligned::weighted(values, from, &axes, to, outside);
    }
    let turned = turned(values, size, lines.order, [false; 3]);
    aligned::weighted(&turned, from, &axes, to, outside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Direction, PointLps};

    fn spacing(columns: f64, rows: f64, slices: f64) -> Spacing {
        Spacing::new(Mm(columns), Mm(rows), Mm(slices)).expect("positive")
    }

    fn line(values: &[f32], step: f64) -> Volume<Arbitrary> {
        let grid = Geometry::axis_aligned([values.len(), 1, 1], spacing(step, 1.0, 1.0)).expect("a grid");
        Volume::new(grid, values.to_vec()).expect("fits")
    }

    #[test]
    fn a_line_worked_on_paper() {
        // Centers at 0, 2, 4 mm; asked at -1.5, -0.5, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5 mm. The box is -1 to 5.
        let volume = line(&[0.0, 4.0, 2.0], 2.0);
        let origin = PointLps::from_components([-1.5, 0.0, 0.0]);
        let target =
            Geometry::new([8, 1, 1], spacing(1.0, 1.0, 1.0), origin, Direction::AXIAL).expect("a grid");
        let at = |how| resample(&volume, &target, how, -9.0).expect("resampled").into_voxels();
        assert_eq!(at(Interpolation::Nearest), [-9.0, 0.0, 0.0, 4.0, 4.0, 2.0, 2.0, -9.0]);
        assert_eq!(at(Interpolation::Linear), [-9.0, 0.0, 1.0, 3.0, 3.5, 2.5, 2.0, -9.0]);
        // The same line with its coefficients by hand: 4 c0 + 2 c1 = 0, c0 + 4 c1 + c2 = 24, 2 c1 + 4 c2 = 12
        // give c1 = 7, c0 = -7/2, c2 = -1/2; at 1/4: weights 27, 235, 121, 1 of 384 on c1, c0, c1, c2.
        let expected = (27.0 * 7.0 - 235.0 * 3.5 + 121.0 * 7.0 - 0.5) / 384.0;
        assert!((at(Interpolation::CubicBSpline)[2] - expected as f32).abs() < 1e-5);
    }

    #[test]
    fn halfway_between_two_voxels_the_higher_is_nearest_and_the_border_belongs_to_the_grid() {
        let volume = line(&[1.0, 2.0], 1.0);
        let origin = PointLps::from_components([-0.5, 0.0, 0.0]);
        let target =
            Geometry::new([3, 1, 1], spacing(1.0, 1.0, 1.0), origin, Direction::AXIAL).expect("a grid");
        let found = resample(&volume, &target, Interpolation::Nearest, 0.0).expect("resampled");
        assert_eq!(found.voxels(), [1.0, 2.0, 2.0]);
    }

    #[test]
    fn other_distances_keep_the_center_and_the_box() {
        let direction = Direction::new([0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]).expect("axes");
        let origin = PointLps::from_components([5.0, -7.0, 9.0]);
        let grid = Geometry::new([10, 3, 1], spacing(0.7, 2.0, 5.0), origin, direction).expect("a grid");
        let found = isotropic(&grid).expect("a grid");
        assert_eq!(found.size(), [7, 6, 5]);
        let middle = |grid: &Geometry| grid.point_at(grid.size().map(|count| (count - 1) as f64 / 2.0));
        let (a, b) = (middle(&grid).components(), middle(&found).components());
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9));
        // Along the columns the box is 7 mm in both: the first center lies half a voxel inside.
        assert!((found.origin().posterior - (-7.0 - 0.35 + 0.5)).abs() < 1e-9);
        assert_eq!(to_spacing(&grid, spacing(100.0, 100.0, 100.0)).expect("one voxel").size(), [1, 1, 1]);
        assert!(to_spacing(&grid, spacing(1e-9, 1e-9, 1e-9)).is_err());
    }

    #[test]
    fn an_absurd_target_is_refused_before_it_is_allocated() {
        let volume = line(&[1.0, 2.0], 1.0);
        let target = Geometry::axis_aligned([1 << 20, 1 << 20, 2], spacing(1.0, 1.0, 1.0)).expect("counted");
        let refused = resample(&volume, &target, Interpolation::Linear, 0.0).expect_err("too large");
        assert!(refused.to_string().contains("1048576 x 1048576 x 2"), "{refused}");
    }

    #[test]
    fn values_that_are_no_numbers_stay_where_they_are_and_stop_a_spline() {
        let volume = line(&[1.0, f32::NAN, 3.0, 4.0], 1.0);
        let found = resample(&volume, volume.geometry(), Interpolation::Linear, 0.0).expect("resampled");
        assert_eq!([found.voxels()[0], found.voxels()[2], found.voxels()[3]], [1.0, 3.0, 4.0]);
        assert!(found.voxels()[1].is_nan());
        let refused = resample(&volume, volume.geometry(), Interpolation::CubicBSpline, 0.0);
        assert_eq!(refused, Err(FilterError::NotFinite { count: 1 }));
    }
}
