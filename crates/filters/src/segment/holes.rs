//! Holes: background that a set encloses.

use rayon::prelude::*;

use super::binary::BinaryRaster;
use super::runs::{Connectivity, Runs};
use crate::FilterError;

/// Fills what a set encloses: background that no path through faces joins to the grid's border.
///
/// # Errors
/// [`FilterError::Parameter`] for a grid of more than 2^32 - 1 voxels.
///
/// # Source
/// The result of scipy's `binary_fill_holes` with its own structure.
pub fn fill<S: BinaryRaster>(set: &S) -> Result<S, FilterError> {
    Ok(set.with_inside(filled(set.size(), set.inside())?)?)
}

/// Fills what a set encloses within each slice, each on its own.
///
/// # Errors
/// As [`fill`].
pub fn fill_by_slice<S: BinaryRaster>(set: &S) -> Result<S, FilterError> {
    let [columns, rows, _] = set.size();
    let slices: Vec<Vec<bool>> = set
        .inside()
        .par_chunks(columns * rows)
        .map(|slice| filled([columns, rows, 1], slice))
        .collect::<Result<_, _>>()?;
    Ok(set.with_inside(slices.concat())?)
}

/// Fills enclosed background of at most `most_voxels` voxels, and leaves larger cavities.
///
/// # Errors
/// As [`fill`].
pub fn fill_small<S: BinaryRaster>(set: &S, most_voxels: usize) -> Result<S, FilterError> {
    let size = set.size();
    let background = Runs::of(size, set.inside(), false, Connectivity::Faces)?;
    let open = background.painted(|at| {
        let piece = &background.list[at];
        piece.voxels > most_voxels || piece.is_on_border(size)
    });
    Ok(set.with_inside(open.into_iter().map(|open| !open).collect())?)
}

fn filled(size: [usize; 3], inside: &[bool]) -> Result<Vec<bool>, FilterError> {
    let background = Runs::of(size, inside, false, Connectivity::Faces)?;
    let mut open = background.painted(|at| background.list[at].is_on_border(size));
    open.iter_mut().for_each(|open| *open = !*open);
    Ok(open)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{FlatMask, Geometry, Mask, Mm, Spacing};

    #[test]
    fn a_ring_is_filled_and_a_ring_open_at_the_border_is_not() {
        let ring =
            FlatMask::new(3, 3, [1, 1, 1, 1, 0, 1, 1, 1, 1].map(|v| v == 1).to_vec(), None).expect("fits");
        assert_eq!(fill(&ring).expect("filled").count(), 9);
        assert_eq!(fill_small(&ring, 0).expect("left").count(), 8);
        let open = FlatMask::new(3, 2, [1, 1, 1, 1, 0, 1].map(|v| v == 1).to_vec(), None).expect("fits");
        assert_eq!(fill(&open).expect("left"), open);
    }

    #[test]
    fn a_tube_is_open_in_space_and_closed_in_each_slice() {
        let spacing = Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0)).expect("positive");
        let grid = Geometry::axis_aligned([3, 3, 2], spacing).expect("a grid");
        let tube = Mask::new(grid, (0..18).map(|at| at % 9 != 4).collect()).expect("fits");
        assert_eq!(fill(&tube).expect("left").count(), 16);
        assert_eq!(fill_by_slice(&tube).expect("filled").count(), 18);
    }
}
