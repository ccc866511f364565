//! Exact Euclidean distances to a set and to its surface, on grids of unequal spacing.

use rayon::prelude::*;
use wilhelm_study::Progress;

use super::binary::BinaryRaster;
use super::bits::{Bits, Footprint};
use super::lines::across_slices;
use super::steps::Steps;
use crate::FilterError;

/// In what a distance is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Steps of the grid, as if every spacing were 1.
    Voxels,
    /// Millimeters in the patient's space.
    Millimeters,
}

impl Metric {
    pub(super) fn spacing(self, set: &impl BinaryRaster) -> Result<[f64; 3], FilterError> {
        match self {
            Self::Voxels => Ok([1.0; 3]),
            Self::Millimeters => set.spacing_mm().ok_or(FilterError::Spacing),
        }
    }
}

/// Distance from each voxel center to the nearest center in the set: 0 inside, infinite everywhere
/// for an empty set.
///
/// # Units
/// Those of `metric`.
///
/// # Errors
/// [`FilterError::Spacing`] for millimeters on a flat set without a spacing,
/// [`FilterError::Cancelled`].
///
/// # Source
/// Felzenszwalb, Huttenlocher 2012, doi:10.4086/toc.2012.v008a019; the result of scipy's
/// `distance_transform_edt` of the complement.
pub fn to_set<S: BinaryRaster>(
    set: &S,
    metric: Metric,
    progress: &dyn Progress,
) -> Result<S::Map, FilterError> {
    Ok(set.map(root(squared(set.size(), metric.spacing(set)?, set.inside(), true, progress)?))?)
}

/// Distance from each voxel center of the set to the nearest center outside: 0 outside, infinite
/// everywhere for a full grid. What lies beyond the grid is neither inside nor outside.
///
/// # Units
/// Those of `metric`.
///
/// # Errors
/// As [`to_set`].
///
/// # Source
/// As [`to_set`]; the result of scipy's `distance_transform_edt`.
pub fn to_outside<S: BinaryRaster>(
    set: &S,
    metric: Metric,
    progress: &dyn Progress,
) -> Result<S::Map, FilterError> {
    Ok(set.map(root(squared(set.size(), metric.spacing(set)?, set.inside(), false, progress)?))?)
}

/// Distance to the set's surface, negative inside.
///
/// The surface is the outermost layer of the set: voxels that share a face, an edge or a corner with
/// one outside it. They are 0. Infinite for an empty set, minus infinite for a full grid.
///
/// # Units
/// Those of `metric`.
///
/// # Errors
/// As [`to_set`].
///
/// # Source
/// Maurer, Qi, Raghavan 2003, doi:10.1109/TPAMI.2003.1177156; the convention of SimpleITK's
/// `SignedMaurerDistanceMap`.
pub fn signed<S: BinaryRaster>(
    set: &S,
    metric: Metric,
    progress: &dyn Progress,
) -> Result<S::Map, FilterError> {
    let inside = set.inside();
    let surface = surface(set.size(), inside);
    let mut distance = root(squared(set.size(), metric.spacing(set)?, &surface, true, progress)?);
    distance.par_iter_mut().zip(inside).with_min_len(1 << 14).for_each(|(distance, inside)| {
        if *inside {
            *distance = -*distance;
        }
    });
    Ok(set.map(distance)?)
}

/// The voxels of a set that share a face, an edge or a corner with a voxel of the grid outside it.
fn surface(size: [usize; 3], inside: &[bool]) -> Vec<bool> {
    let beside = |along: fn(isize) -> (isize, isize, usize)| Footprint((-1..=1).map(along).collect());
    let mut near = Bits::packed(size, inside, false)
        .dilated(&Footprint(vec![(0, 0, 1)]))
        .dilated(&beside(|step| (step, 0, 0)))
        .dilated(&beside(|step| (0, step, 0)))
        .unpacked(true);
    near.iter_mut().zip(inside).for_each(|(near, inside)| *near &= *inside);
    near
}

/// Squared distance to the nearest voxel that equals `wanted`, infinite where there is none.
pub(super) fn squared(
    size: [usize; 3],
    spacing: [f64; 3],
    inside: &[bool],
    wanted: bool,
    progress: &dyn Progress,
) -> Result<Vec<f32>, FilterError> {
    let [columns, rows, slices] = size;
    let plane = columns * rows;
    let steps = Steps::new(progress, if slices > 1 { slices + rows } else { slices });
    let mut distance = vec![0.0_f32; inside.len()];
    distance.par_chunks_mut(plane).zip(inside.par_chunks(plane)).try_for_each_init(
        || Scratch::new(rows),
        |scratch, (distance, inside)| {
            for (distance, inside) in distance.chunks_exact_mut(columns).zip(inside.chunks_exact(columns)) {
                along_row(distance, inside, wanted, spacing[0]);
            }
            if rows > 1 {
                let mut lines: Vec<&mut [f32]> = distance.chunks_exact_mut(columns).collect();
                scratch.down(&mut lines, columns, spacing[1]);
            }
            steps.made()
        },
    )?;
    if slices > 1 {
        across_slices(&mut distance, size).into_par_iter().try_for_each_init(
            || Scratch::new(slices),
            |scratch, mut lines| {
                scratch.down(&mut lines, columns, spacing[2]);
                steps.made()
            },
        )?;
    }
    Ok(distance)
}

fn root(mut squared: Vec<f32>) -> Vec<f32> {
    squared
        .par_chunks_mut(1 << 16)
        .for_each(|chunk| chunk.iter_mut().for_each(|value| *value = value.sqrt()));
    squared
}

/// Squared distance along one row: a sweep each way.
fn along_row(distance: &mut [f32], inside: &[bool], wanted: bool, spacing: f64) {
    let mut steps = f32::INFINITY;
    for (distance, inside) in distance.iter_mut().zip(inside) {
        steps = if *inside == wanted { 0.0 } else { steps + 1.0 };
        *distance = steps;
    }
    let spacing = spacing as f32;
    steps = f32::INFINITY;
    for distance in distance.iter_mut().rev() {
        steps = if *distance == 0.0 { 0.0 } else { steps + 1.0 };
        let length = steps.min(*distance) * spacing;
        *distance = length * length;
    }
}

/// Lines side by side that are worked on together, so that each cache line is read once.
const TILE: usize = 16;

/// A parabola of the lower envelope: its place, its height above the place's square, and where the
/// envelope begins to follow it.
#[derive(Clone, Copy, Default)]
struct Parabola {
    place: f64,
    raised: f64,
    height: f64,
    from: f64,
}

/// What one thread needs to work on lines across rows or slices.
struct Scratch {
    tile: Vec<f32>,
    envelope: Vec<Parabola>,
}

impl Scratch {
    fn new(length: usize) -> Self {
        Self { tile: vec![0.0; TILE * length], envelope: vec![Parabola::default(); length] }
    }

    /// Lowers each column of `lines` to the envelope of the parabolas that stand on it.
    fn down(&mut self, lines: &mut [&mut [f32]], columns: usize, spacing: f64) {
        let length = lines.len();
        for start in (0..columns).step_by(TILE) {
            let width = TILE.min(columns - start);
            for (at, line) in lines.iter().enumerate() {
                for (column, value) in line[start..start + width].iter().enumerate() {
                    self.tile[column * length + at] = *value;
                }
            }
            for line in self.tile.chunks_exact_mut(length).take(width) {
                lower(line, spacing * spacing, &mut self.envelope);
            }
            for (at, line) in lines.iter_mut().enumerate() {
                for (column, value) in line[start..start + width].iter_mut().enumerate() {
                    *value = self.tile[column * length + at];
                }
            }
        }
    }
}

/// The lower envelope of one line, in double precision: squares of places are large beside distances.
fn lower(line: &mut [f32], unit: f64, envelope: &mut [Parabola]) {
    let mut count = 0;
    for (at, value) in line.iter().enumerate() {
        if !value.is_finite() {
            continue;
        }
        let (place, height) = (at as f64, f64::from(*value));
        let raised = height / unit + place * place;
        let mut from = f64::NEG_INFINITY;
        while count > 0 {
            let last = &envelope[count - 1];
            from = (raised - last.raised) / (2.0 * (place - last.place));
            if from > last.from {
                break;
            }
            count -= 1;
            from = f64::NEG_INFINITY;
        }
        envelope[count] = Parabola { place, raised, height, from };
        count += 1;
    }
    if count == 0 {
        return;
    }
    let mut lowest = 0;
    for (at, value) in line.iter_mut().enumerate() {
        let at = at as f64;
        while lowest + 1 < count && envelope[lowest + 1].from < at {
            lowest += 1;
        }
        let apart = at - envelope[lowest].place;
        *value = (apart * apart * unit + envelope[lowest].height) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{FlatMask, Geometry, Mask, Mm, Silent, Spacing};

    fn mask(size: [usize; 3], spacing: [f64; 3], inside: Vec<bool>) -> Mask {
        let [x, y, z] = spacing.map(Mm);
        let grid = Geometry::axis_aligned(size, Spacing::new(x, y, z).expect("positive")).expect("a grid");
        Mask::new(grid, inside).expect("fits")
    }

    #[test]
    fn one_voxel_at_a_corner_gives_lengths_worked_on_paper() {
        let corner = mask([3, 2, 2], [1.0, 2.0, 5.0], (0..12).map(|at| at == 0).collect());
        let found = to_set(&corner, Metric::Millimeters, &Silent).expect("distances");
        let expected = [0.0, 1.0, 4.0, 4.0, 5.0, 8.0, 25.0, 26.0, 29.0, 29.0, 30.0, 33.0_f32];
        assert_eq!(found.voxels(), expected.map(f32::sqrt));
        let steps = to_set(&corner, Metric::Voxels, &Silent).expect("distances");
        assert_eq!(steps.voxels()[11], 6.0_f32.sqrt());
    }

    #[test]
    fn the_signed_distance_is_zero_on_the_outer_layer() {
        let bar = mask([7, 1, 1], [2.0, 1.0, 1.0], [0, 1, 1, 1, 1, 1, 0].map(|v| v == 1).to_vec());
        let found = signed(&bar, Metric::Millimeters, &Silent).expect("distances");
        assert_eq!(found.voxels(), [2.0, -0.0, -2.0, -4.0, -2.0, -0.0, 2.0]);
    }

    #[test]
    fn sets_without_a_surface_are_infinitely_far() {
        let empty = mask([2, 2, 2], [1.0; 3], vec![false; 8]);
        let full = mask([2, 2, 2], [1.0; 3], vec![true; 8]);
        let all = |found: Result<wilhelm_study::Volume<_>, _>, value: f32| {
            assert_eq!(found.expect("distances").voxels(), [value; 8]);
        };
        all(to_set(&empty, Metric::Voxels, &Silent), f32::INFINITY);
        all(to_outside(&empty, Metric::Voxels, &Silent), 0.0);
        all(to_outside(&full, Metric::Voxels, &Silent), f32::INFINITY);
        all(signed(&empty, Metric::Voxels, &Silent), f32::INFINITY);
        all(signed(&full, Metric::Voxels, &Silent), f32::NEG_INFINITY);
    }

    #[test]
    fn a_flat_set_without_spacing_has_steps_but_no_millimeters() {
        let flat = FlatMask::new(2, 1, vec![true, false], None).expect("fits");
        assert_eq!(to_set(&flat, Metric::Millimeters, &Silent), Err(FilterError::Spacing));
        assert_eq!(to_set(&flat, Metric::Voxels, &Silent).expect("distances").pixels(), [0.0, 1.0]);
    }
}
