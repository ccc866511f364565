use rayon::prelude::*;
use wilhelm_study::{Geometry, Mask, Mm};

use crate::{FilterError, Gridded};

/// A box of voxels: where it starts (column, row, slice) and how many it has of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoxelBox {
    /// First column, row and slice.
    pub start: [usize; 3],
    /// Number of columns, rows and slices.
    pub size: [usize; 3],
}

/// What [`pad`] puts around.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Padding<T> {
    /// One value.
    Constant(T),
    /// The outermost voxel's value, carried on.
    Edge,
}

/// Most voxels of a padded grid.
const MOST_VOXELS: usize = 1 << 31;

/// The part of a volume, a mask or a label map within a box; every voxel stays at its physical point.
///
/// # Errors
/// [`FilterError::Geometry`] where the box is empty or reaches beyond the grid.
pub fn crop<G: Gridded>(grid: &G, part: VoxelBox) -> Result<G, FilterError> {
    let geometry = grid.grid().cropped(part.start, part.size)?;
    let (from, to) = (grid.grid().size(), part.size);
    let mut cells = vec![G::Voxel::default(); geometry.voxels()];
    cells.par_chunks_mut(to[0]).enumerate().for_each(|(line, cells)| {
        let (row, slice) = (part.start[1] + line % to[1], part.start[2] + line / to[1]);
        let first = (slice * from[1] + row) * from[0] + part.start[0];
        cells.copy_from_slice(&grid.cells()[first..first + to[0]]);
    });
    Ok(grid.on_grid(geometry, cells)?)
}

/// The least box that holds a mask and `margin` around it, cut at the border of the grid.
///
/// The margin is rounded up to whole voxels, each axis for itself.
///
/// # Errors
/// [`FilterError::TooFew`] for an empty mask, [`FilterError::Parameter`] for a margin that is negative or
/// not finite.
pub fn box_around(mask: &Mask, margin: Mm) -> Result<VoxelBox, FilterError> {
    if !(margin.0 >= 0.0 && margin.0.is_finite()) {
        return Err(FilterError::parameter("margin", margin, "0 mm or more"));
    }
    let [columns, rows, slices] = mask.geometry().size();
    let ends = mask
        .voxels()
        .par_chunks(columns)
        .enumerate()
        .filter_map(|(line, cells)| {
            let first = cells.iter().position(|inside| *inside)?;
            let last = cells.iter().rposition(|inside| *inside)?;
            let (row, slice) = (line % rows, line / rows);
            Some(([first, row, slice], [last, row, slice]))
        })
        .reduce_with(|(a, b), (c, d)| {
            (
                std::array::from_fn(|axis| a[axis].min(c[axis])),
                std::array::from_fn(|axis| b[axis].max(d[axis])),
            )
        });
    let Some((first, last)) = ends else {
        return Err(FilterError::TooFew { what: "mask", found: 0, expected: 1 });
    };
    let around = mask.geometry().spacing().millimeters().map(|step| (margin.0 / step).ceil() as usize);
    let counts = [columns, rows, slices];
    let start: [usize; 3] = std::array::from_fn(|axis| first[axis].saturating_sub(around[axis]));
    let size = std::array::from_fn(|axis| {
        last[axis].saturating_add(around[axis]).saturating_add(1).min(counts[axis]) - start[axis]
    });
    Ok(VoxelBox { start, size })
}

/// The part of a volume, a mask or a label map around a mask on the same grid: [`box_around`], then [`crop`].
///
/// # Errors
/// As those; [`FilterError::Voxels`] where the grids differ.
pub fn crop_to_mask<G: Gridded>(grid: &G, mask: &Mask, margin: Mm) -> Result<G, FilterError> {
    if !grid.grid().is_same_grid(mask.geometry()) {
        return Err(wilhelm_study::VoxelError::Grid.into());
    }
    crop(grid, box_around(mask, margin)?)
}

/// A volume, a mask or a label map with voxels added: `before` the first and `after` the last column, row
/// and slice. Every old voxel stays at its physical point.
///
/// # Errors
/// [`FilterError::Parameter`] where more than 2^31 voxels would be needed; [`FilterError::Voxels`] for a
/// constant label without a meaning.
pub fn pad<G: Gridded>(
    grid: &G,
    before: [usize; 3],
    after: [usize; 3],
    padding: Padding<G::Voxel>,
) -> Result<G, FilterError> {
    let from = grid.grid().size();
    let to: [usize; 3] =
        std::array::from_fn(|axis| from[axis].saturating_add(before[axis]).saturating_add(after[axis]));
    let count = to[0].saturating_mul(to[1]).saturating_mul(to[2]);
    if count > MOST_VOXELS {
        let found = format!("{} x {} x {}", to[0], to[1], to[2]);
        return Err(FilterError::parameter("padded grid", found, "at most 2147483648 voxels in all"));
    }
    let old = grid.grid();
    let origin = old.point_at(before.map(|count| -(count as f64)));
    let geometry = Geometry::new(to, old.spacing(), origin, old.direction())?;
    let mut cells = vec![G::Voxel::default(); count];
    cells.par_chunks_mut(to[0]).enumerate().for_each(|(line, cells)| {
        let place = [line % to[1], line / to[1]];
        let old_place: [usize; 2] =
            std::array::from_fn(|axis| place[axis].saturating_sub(before[axis + 1]).min(from[axis + 1] - 1));
        let beyond = (0..2).any(|axis| place[axis] != old_place[axis] + before[axis + 1]);
        let first = (old_place[1] * from[1] + old_place[0]) * from[0];
        let row = &grid.cells()[first..first + from[0]];
        let (left, right) = match padding {
            Padding::Constant(value) if beyond => return cells.fill(value),
            Padding::Constant(value) => (value, value),
            Padding::Edge => (row[0], row[from[0] - 1]),
        };
        cells[..before[0]].fill(left);
        cells[before[0]..before[0] + from[0]].copy_from_slice(row);
        cells[before[0] + from[0]..].fill(right);
    });
    Ok(grid.on_grid(geometry, cells)?)
}

/// Puts a part back where it belongs on a whole: `whole` with the voxels of `part` at their physical points.
///
/// What of the part lies beyond the whole is dropped. For label maps the meanings are the whole's: a label
/// of the part that the whole does not know is refused.
///
/// # Errors
/// [`FilterError::Voxels`] with [`VoxelError::Grid`](wilhelm_study::VoxelError::Grid) unless the part's voxels lie
/// on the whole's (a hundredth of a voxel apart at the most, up to the last): [`resample`](crate::resample) first;
/// or with `Label` for a label without a meaning.
pub fn paste<G: Gridded>(part: &G, whole: &G) -> Result<G, FilterError> {
    let start = offset(part.grid(), whole.grid())?;
    let (from, to) = (part.grid().size(), whole.grid().size());
    let mut cells = whole.cells().to_vec();
    // The columns that both have: from `skip` of the part, at `at` of the whole.
    let overlap = |axis: usize| {
        let skip = (-start[axis]).clamp(0, from[axis] as i64) as usize;
        let at = start[axis].clamp(0, to[axis] as i64) as usize;
        (skip, at, (from[axis] - skip).min(to[axis] - at))
    };
    let (skip, at, count) = overlap(0);
    let ((skip_rows, at_row, rows), (skip_slices, at_slice, slices)) = (overlap(1), overlap(2));
    for slice in 0..slices {
        for row in 0..rows {
            let source = ((skip_slices + slice) * from[1] + skip_rows + row) * from[0] + skip;
            let target = ((at_slice + slice) * to[1] + at_row + row) * to[0] + at;
            cells[target..target + count].copy_from_slice(&part.cells()[source..source + count]);
        }
    }
    Ok(whole.on_grid(*whole.grid(), cells)?)
}

/// The whole's index of the part's first voxel, which may lie beyond it.
fn offset(part: &Geometry, whole: &Geometry) -> Result<[i64; 3], FilterError> {
    let first = whole.index_at(part.origin());
    let rounded = first.map(f64::round);
    let last = part.size().map(|count| (count - 1) as f64);
    // Far beyond any whole, and far within what the indices below can hold.
    let near = rounded.iter().all(|index| index.abs() < 1e12);
    // Eight corners of the part: where they are, and where whole steps from the rounded start would be.
    let fits = (0..8).all(|corner| {
        let at: [f64; 3] = std::array::from_fn(|axis| if corner >> axis & 1 == 1 { last[axis] } else { 0.0 });
        let found = whole.index_at(part.point_at(at));
        (0..3).all(|axis| (found[axis] - rounded[axis] - at[axis]).abs() <= 0.01)
    });
    if near && fits {
        Ok(rounded.map(|index| index as i64))
    } else {
        Err(wilhelm_study::VoxelError::Grid.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wilhelm_study::{Arbitrary, Direction, Index, PointLps, Spacing, Volume};

    fn grid(size: [usize; 3]) -> Geometry {
        let (c, s) = (0.8, 0.6);
        let direction = Direction::new([c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, -1.0]).expect("orthonormal");
        let spacing = Spacing::new(Mm(0.5), Mm(1.0), Mm(3.0)).expect("positive");
        Geometry::new(size, spacing, PointLps::from_components([10.0, -20.0, 30.0]), direction)
            .expect("a grid")
    }

    fn numbered(size: [usize; 3]) -> Volume<Arbitrary> {
        let values = (0..size.iter().product::<usize>()).map(|at| at as f32).collect();
        Volume::new(grid(size), values).expect("fits")
    }

    #[test]
    fn a_margin_in_mm_is_rounded_up_to_voxels_and_cut_at_the_border() {
        let mut voxels = vec![false; 10 * 6 * 4];
        voxels[(2 * 6 + 3) * 10 + 5] = true;
        voxels[(2 * 6 + 4) * 10 + 6] = true;
        let mask = Mask::new(grid([10, 6, 4]), voxels).expect("fits");
        let check = |margin: f64, start: [usize; 3], size: [usize; 3]| {
            assert_eq!(box_around(&mask, Mm(margin)), Ok(VoxelBox { start, size }));
        };
        check(0.0, [5, 3, 2], [2, 2, 1]);
        // 1.2 mm: 3 columns of 0.5, 2 rows of 1 (one is there below), 1 slice of 3.
        check(1.2, [2, 1, 1], [8, 5, 3]);
        check(1e300, [0, 0, 0], [10, 6, 4]);
        assert!(box_around(&mask, Mm(-1.0)).is_err() && box_around(&mask, Mm(f64::NAN)).is_err());
        let none = Mask::none(grid([10, 6, 4]));
        assert_eq!(
            box_around(&none, Mm(1.0)),
            Err(FilterError::TooFew { what: "mask", found: 0, expected: 1 })
        );
        assert_eq!(crop_to_mask(&mask, &mask, Mm(0.0)).expect("a part").count(), 2);
        assert!(crop_to_mask(&numbered([10, 6, 3]), &mask, Mm(0.0)).is_err());
    }

    #[test]
    fn padding_worked_on_paper() {
        let volume = numbered([2, 2, 1]);
        let constant = pad(&volume, [1, 0, 0], [0, 1, 0], Padding::Constant(-1.0)).expect("padded");
        assert_eq!(constant.voxels(), [-1.0, 0.0, 1.0, -1.0, 2.0, 3.0, -1.0, -1.0, -1.0]);
        let edge = pad(&volume, [1, 0, 0], [0, 1, 0], Padding::Edge).expect("padded");
        assert_eq!(edge.voxels(), [0.0, 0.0, 1.0, 2.0, 2.0, 3.0, 2.0, 2.0, 3.0]);
        // Half a millimeter back along the rows.
        assert!((edge.geometry().origin().left - 9.6).abs() < 1e-12);
        assert!(pad(&volume, [usize::MAX, 0, 0], [0; 3], Padding::Edge).is_err());
        assert!(pad(&volume, [1 << 20; 3], [0; 3], Padding::Edge).is_err());
    }

    #[test]
    fn a_part_on_no_voxel_of_the_whole_is_refused() {
        let whole = numbered([6, 5, 4]);
        let step = Spacing::new(Mm(0.5), Mm(1.0), Mm(3.1)).expect("positive");
        let origin = whole.geometry().origin();
        let part = Geometry::new([2, 2, 2], step, origin, whole.geometry().direction()).expect("a grid");
        assert!(paste(&Volume::new(part, vec![0.0; 8]).expect("fits"), &whole).is_err());
        let half = whole.geometry().point_at([0.5, 0.0, 0.0]);
        let part = Geometry::new([2, 2, 2], whole.geometry().spacing(), half, whole.geometry().direction());
        assert!(paste(&Volume::new(part.expect("a grid"), vec![0.0; 8]).expect("fits"), &whole).is_err());
    }

    proptest! {
        #[test]
        fn padding_cropping_and_pasting_keep_every_voxel_at_its_point(
            size in [1_usize..6, 1..6, 1..5], before in [0_usize..3, 0..3, 0..3], after in [0_usize..3, 0..3, 0..3],
        ) {
            let volume = numbered(size);
            let padded = pad(&volume, before, after, Padding::Constant(-1.0)).expect("padded");
            for (at, value) in padded.voxels().iter().enumerate().filter(|(_, value)| **value >= 0.0) {
                let point = |grid: &Geometry, at: usize| {
                    let [columns, rows, _] = grid.size();
                    let slice = at / (columns * rows);
                    grid.point(Index { column: at % columns, row: at / columns % rows, slice }).components()
                };
                let (a, b) = (point(padded.geometry(), at), point(volume.geometry(), *value as usize));
                prop_assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9));
            }
            prop_assert_eq!(padded.voxels().iter().filter(|value| **value >= 0.0).count(), volume.voxels().len());
            let back = crop(&padded, VoxelBox { start: before, size }).expect("a part");
            prop_assert_eq!(back.voxels(), volume.voxels());
            prop_assert!(back.geometry().is_same_grid(volume.geometry()));
            let blank = padded.on_grid(*padded.geometry(), vec![-1.0; padded.voxels().len()]).expect("fits");
            let pasted = paste(&volume, &blank).expect("pasted");
            prop_assert_eq!(pasted.voxels(), padded.voxels());
            // The larger onto the smaller: what lies beyond is dropped.
            let cut = paste(&padded, &volume).expect("pasted");
            prop_assert_eq!(cut.voxels(), volume.voxels());
        }
    }
}
