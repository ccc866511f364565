use rayon::prelude::*;
use wilhelm_study::Geometry;

use crate::{FilterError, Gridded};

/// Voxels a side of the tile that is turned at once: source and target of a tile stay in the first cache.
const TILE: usize = 16;
/// The orders of three axes.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// Turns a volume, a mask or a label map so that its axes run toward the named directions, without moving
/// a voxel: an exact exchange and reversal of axes, in the array and in its grid alike.
///
/// `axes` names what the columns, the rows and the slices run toward: `LPS` is DICOM's axial order, `RAS`
/// NIfTI's. An oblique grid stays oblique: each of its axes goes to the direction nearest to it (the
/// assignment of axes that has the greatest sum of cosines).
///
/// # Errors
/// [`FilterError::Parameter`] unless `axes` has one letter each of L/R, P/A and S/I.
///
/// # Examples
/// ```
/// use wilhelm_filters::reorient;
/// use wilhelm_study::{Arbitrary, Geometry, Mm, Spacing, Volume};
///
/// let grid = Geometry::axis_aligned([2, 1, 1], Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0))?)?;
/// let volume = Volume::<Arbitrary>::new(grid, vec![1.0, 2.0])?;
/// let turned = reorient(&volume, "RAS")?;
/// assert_eq!(turned.voxels(), [2.0, 1.0]);
/// assert_eq!(turned.geometry().origin().left, 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn reorient<G: Gridded>(grid: &G, axes: &str) -> Result<G, FilterError> {
    let wanted = directions(axes)?;
    let of_axis = nearest_directions(grid.grid());
    // Which axis of the old grid each new axis is.
    let order = wanted.map(|(component, _)| {
        of_axis.iter().position(|found| *found == component).expect("a permutation of three directions")
    });
    let old = grid.grid().direction().axes();
    let flip: [bool; 3] = std::array::from_fn(|axis| {
        let (component, negative) = wanted[axis];
        (old[order[axis]][component] < 0.0) != negative
    });
    let mut geometry = grid.grid().permuted(order);
    for axis in (0..3).filter(|axis| flip[*axis]) {
        geometry = geometry.flipped(axis);
    }
    let cells = turned(grid.cells(), grid.grid().size(), order, flip);
    Ok(grid.on_grid(geometry, cells)?)
}

/// Turns a volume, a mask or a label map onto a grid whose voxels are its own, in another order: what
/// [`reorient`] did to something on that grid is undone, whatever its axes are called.
///
/// # Errors
/// [`FilterError::Voxels`] with [`VoxelError::Grid`](wilhelm_study::VoxelError::Grid) unless the two grids have the
/// same voxels.
pub fn reorient_onto<G: Gridded>(grid: &G, onto: &Geometry) -> Result<G, FilterError> {
    for order in ORDERS {
        let permuted = grid.grid().permuted(order);
        if permuted.size() != onto.size() {
            continue;
        }
        for signs in 0..8_usize {
            let flip: [bool; 3] = std::array::from_fn(|axis| signs >> axis & 1 == 1);
            let geometry = (0..3).filter(|axis| flip[*axis]).fold(permuted, |grid, axis| grid.flipped(axis));
            if geometry.is_same_grid(onto) {
                let cells = turned(grid.cells(), grid.grid().size(), order, flip);
                return Ok(grid.on_grid(*onto, cells)?);
            }
        }
    }
    Err(wilhelm_study::VoxelError::Grid.into())
}

/// The component (0 left, 1 posterior, 2 superior) and whether it is run against, for three letters.
fn directions(axes: &str) -> Result<[(usize, bool); 3], FilterError> {
    let refused =
        || FilterError::parameter("axes", axes, "one letter each of L or R, P or A, and S or I, such as LPS");
    let letters: Vec<(usize, bool)> = axes
        .chars()
        .map_while(|letter| match letter.to_ascii_uppercase() {
            'L' => Some((0, false)),
            'R' => Some((0, true)),
            'P' => Some((1, false)),
            'A' => Some((1, true)),
            'S' => Some((2, false)),
            'I' => Some((2, true)),
            _ => None,
        })
        .collect();
    let found: [(usize, bool); 3] = letters.try_into().map_err(|_| refused())?;
    let mut components = found.map(|(component, _)| component);
    components.sort_unstable();
    if axes.chars().count() == 3 && components == [0, 1, 2] { Ok(found) } else { Err(refused()) }
}

/// For each axis of a grid the direction that it runs along, each direction once.
fn nearest_directions(geometry: &Geometry) -> [usize; 3] {
    let axes = geometry.direction().axes();
    let likeness = |order: &[usize; 3]| -> f64 { (0..3).map(|axis| axes[axis][order[axis]].abs()).sum() };
    // The last of equals wins in `max_by`, hence the reversal: LPS before every other.
    ORDERS
        .into_iter()
        .rev()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
        .expect("six orders of three axes")
}

/// An array with its axes in another order and some counted from the other end: new axis `i` is old axis
/// `order[i]`, reversed where `flip[i]`.
pub(crate) fn turned<T: Copy + Default + Send + Sync>(
    values: &[T],
    size: [usize; 3],
    order: [usize; 3],
    flip: [bool; 3],
) -> Vec<T> {
    let strides = [1, size[0], size[0] * size[1]];
    let to = order.map(|axis| size[axis]);
    // The old offset of a new place is a sum of three terms, one an axis.
    let offset = |axis: usize, at: usize| {
        let along = if flip[axis] { to[axis] - 1 - at } else { at };
        along * strides[order[axis]]
    };
    let columns: Vec<usize> = (0..to[0]).map(|column| offset(0, column)).collect();
    let plane = to[0] * to[1];
    let mut out = vec![T::default(); values.len()];
    out.par_chunks_mut(plane * TILE).enumerate().for_each(|(slab, out)| {
        let slices = out.len() / plane;
        if order[0] == 0 && !flip[0] {
            for (at, row) in out.chunks_exact_mut(to[0]).enumerate() {
                let start = offset(1, at % to[1]) + offset(2, slab * TILE + at / to[1]);
                row.copy_from_slice(&values[start..start + to[0]]);
            }
            return;
        }
        for first_row in (0..to[1]).step_by(TILE) {
            for first_column in (0..to[0]).step_by(TILE) {
                let tile = first_column..(first_column + TILE).min(to[0]);
                for slice in 0..slices {
                    let at_slice = offset(2, slab * TILE + slice);
                    for row in first_row..(first_row + TILE).min(to[1]) {
                        let start = at_slice + offset(1, row);
                        let line = slice * plane + row * to[0];
                        let target = &mut out[line + tile.start..line + tile.end];
                        for (value, column) in target.iter_mut().zip(&columns[tile.clone()]) {
                            *value = values[start + column];
                        }
                    }
                }
            }
        }
    });
    out
}

/// The inverse of a grid's direction matrix, row by row: header cosines are orthonormal to a thousandth only,
/// so that the transpose would not do.
pub(crate) fn inverse_direction(geometry: &Geometry) -> [[f64; 3]; 3] {
    let [a, b, c] = geometry.direction().axes();
    let volume = dot(a, cross(b, c));
    // Nearly orthonormal axes span a volume of about 1 or -1.
    [cross(b, c), cross(c, a), cross(a, b)].map(|row| row.map(|component| component / volume))
}

pub(crate) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use wilhelm_study::{
        Arbitrary, CodedConcept, Direction, Index, LabelMap, Mask, Mm, PointLps, Segment, Spacing, Volume,
    };

    fn oblique(size: [usize; 3], order: usize, signs: usize) -> Geometry {
        const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        // A turn of 20 degrees about one axis and 10 about another.
        let (c, s) = (20.0_f64.to_radians().cos(), 20.0_f64.to_radians().sin());
        let (d, t) = (10.0_f64.to_radians().cos(), 10.0_f64.to_radians().sin());
        let turned = [[c, s, 0.0], [-s * d, c * d, t], [s * t, -c * t, d]];
        let axes: [[f64; 3]; 3] = std::array::from_fn(|axis| {
            let sign = if signs >> axis & 1 == 1 { -1.0 } else { 1.0 };
            turned[ORDERS[order][axis]].map(|component| sign * component)
        });
        let direction = Direction::new(axes[0], axes[1], axes[2]).expect("orthonormal");
        let spacing = Spacing::new(Mm(0.7), Mm(1.1), Mm(2.5)).expect("positive");
        Geometry::new(size, spacing, PointLps::from_components([-31.0, 8.5, 120.0]), direction)
            .expect("a grid")
    }

    #[test]
    fn letters_that_name_no_three_directions_are_refused() {
        let volume = Volume::<Arbitrary>::new(oblique([2, 2, 2], 0, 0), vec![0.0; 8]).expect("fits");
        for wrong in ["", "LP", "LPSR", "LRS", "XPS", "LPPS", "lp\u{df}"] {
            assert!(reorient(&volume, wrong).is_err(), "{wrong} was accepted");
        }
        assert!(reorient(&volume, "lps").is_ok());
    }

    #[test]
    fn turning_a_small_array_worked_on_paper() {
        // 3 columns, 2 rows: 0 1 2 / 3 4 5; exchanged: 0 3 / 1 4 / 2 5; its new columns reversed: 3 0 / 4 1 / 5 2.
        let values: Vec<u16> = (0..6).collect();
        assert_eq!(turned(&values, [3, 2, 1], [1, 0, 2], [false; 3]), [0, 3, 1, 4, 2, 5]);
        assert_eq!(turned(&values, [3, 2, 1], [1, 0, 2], [true, false, false]), [3, 0, 4, 1, 5, 2]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn every_voxel_keeps_its_physical_point(
            order in 0_usize..6, signs in 0_usize..8, wanted in 0_usize..48, columns in 1_usize..40,
            rows in 1_usize..7, slices in 1_usize..20,
        ) {
            let geometry = oblique([columns, rows, slices], order, signs);
            let values: Vec<f32> = (0..geometry.voxels()).map(|at| at as f32).collect();
            let volume = Volume::<Arbitrary>::new(geometry, values).expect("fits");
            let letters: String = ORDERS[wanted % 6]
                .iter()
                .enumerate()
                .map(|(axis, pair)| ["LR", "PA", "SI"][*pair].as_bytes()[(wanted / 6) >> axis & 1] as char)
                .collect();
            let found = reorient(&volume, &letters).expect("three letters");
            prop_assert_eq!(found.geometry().direction().letters(), letters.clone());
            let [columns, rows, slices] = found.geometry().size();
            for slice in 0..slices {
                for row in 0..rows {
                    for column in 0..columns {
                        let index = Index { column, row, slice };
                        let old = found.voxels()[found.geometry().offset(index)] as usize;
                        let [c, r, _] = geometry.size();
                        let before = Index { column: old % c, row: old / c % r, slice: old / (c * r) };
                        let (a, b) = (found.geometry().point(index), geometry.point(before));
                        for (a, b) in a.components().iter().zip(b.components()) {
                            prop_assert!((a - b).abs() < 1e-9);
                        }
                    }
                }
            }
            let odd: Vec<bool> = (0..geometry.voxels()).map(|at| at % 3 == 1).collect();
            let mask = reorient(&Mask::new(geometry, odd).expect("fits"), &letters).expect("three letters");
            let labels = (0..geometry.voxels()).map(|at| u16::from(at % 3 == 1)).collect();
            let lung = Segment::anatomy("lung", CodedConcept::new("SCT", "39607008", "Lung"), "test");
            let map = LabelMap::new(geometry, labels, BTreeMap::from([(1, lung)])).expect("a map");
            prop_assert_eq!(&reorient(&map, &letters).expect("three letters").mask(1), &mask);
            let back = reorient(&found, &geometry.direction().letters()).expect("three letters");
            prop_assert_eq!(back.voxels(), volume.voxels());
            let onto = reorient_onto(&found, &geometry).expect("the same voxels");
            prop_assert_eq!(onto, volume);
        }
    }
}
