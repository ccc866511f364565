use rayon::prelude::*;
use wilhelm_study::Mask;

use super::Measured;
use crate::FilterError;

/// Volume of a mask in milliliters.
///
/// The ends take half of each border voxel away, and add half of each voxel just outside: what
/// partial volume leaves open when a voxel is drawn where at least half of it is filled.
///
/// # Errors
/// [`FilterError::TooFew`] for an empty mask.
pub fn volume(mask: &Mask) -> Result<Measured, FilterError> {
    let count = mask.count();
    if count == 0 {
        return Err(FilterError::TooFew { what: "mask", found: 0, expected: 1 });
    }
    let voxel = mask.geometry().voxel_milliliters();
    let [inner, outer] = surface_voxels(mask);
    let (count, inner, outer) = (count as f64, inner as f64, outer as f64);
    Ok(Measured::new(count * voxel, (count - inner / 2.0) * voxel, (count + outer / 2.0) * voxel, "mL"))
}

/// Number of voxels inside a mask with a neighbor outside it, and outside with a neighbor inside.
///
/// Neighbors share a face; what lies beyond the grid counts as outside.
pub fn surface_voxels(mask: &Mask) -> [usize; 2] {
    let [columns, rows, slices] = mask.geometry().size();
    let plane = columns * rows;
    let voxels = mask.voxels();
    let counts = voxels.par_chunks(plane).enumerate().map(|(slice, here)| {
        let below = slice.checked_sub(1).map(|s| &voxels[s * plane..(s + 1) * plane]);
        let above = (slice + 1 < slices).then(|| &voxels[(slice + 1) * plane..(slice + 2) * plane]);
        let mut count = [0, 0];
        for at in 0..plane {
            let column = at % columns;
            let inside = here[at];
            // Beyond the grid nothing is inside.
            let neighbors = [
                column > 0 && here[at - 1],
                column + 1 < columns && here[at + 1],
                at >= columns && here[at - columns],
                at + columns < plane && here[at + columns],
                below.is_some_and(|below| below[at]),
                above.is_some_and(|above| above[at]),
            ];
            // A grid of one slice has no neighbors through it.
            let neighbors = if slices > 1 { &neighbors[..] } else { &neighbors[..4] };
            if inside && neighbors.contains(&false) {
                count[0] += 1;
            } else if !inside && neighbors.contains(&true) {
                count[1] += 1;
            }
        }
        count
    });
    counts.reduce(|| [0, 0], |a, b| [a[0] + b[0], a[1] + b[1]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Geometry, Mm, Spacing};

    fn geometry(side: usize, spacing: [f64; 3]) -> Geometry {
        let [x, y, z] = spacing.map(Mm);
        Geometry::axis_aligned([side; 3], Spacing::new(x, y, z).expect("positive")).expect("a grid")
    }

    #[test]
    fn a_cube_worked_on_paper() {
        // 3 x 3 x 3 voxels of 1 x 2 x 5 mm: 26 of 27 at the border, 54 just outside.
        let grid = geometry(7, [1.0, 2.0, 5.0]);
        let inside = |at: usize| [at % 7, at / 7 % 7, at / 49].iter().all(|i| (2..5).contains(i));
        let mask = Mask::new(grid, (0..343).map(inside).collect()).expect("fits");
        assert_eq!(surface_voxels(&mask), [26, 54]);
        let found = volume(&mask).expect("a volume");
        assert!((found.value - 0.27).abs() < 1e-12);
        assert!((found.low - 0.14).abs() < 1e-12 && (found.high - 0.54).abs() < 1e-12, "{found:?}");
        assert!(volume(&Mask::none(grid)).is_err());
    }

    #[test]
    fn a_mask_at_the_border_of_the_grid_has_its_border_there() {
        let grid = geometry(3, [1.0; 3]);
        assert_eq!(surface_voxels(&Mask::none(grid).complement()), [26, 0]);
    }

    #[test]
    fn the_true_volume_of_a_sphere_lies_between_the_ends() {
        for radius in [4.2, 7.9, 13.3] {
            let grid = geometry(32, [1.0, 1.0, 1.0]);
            let inside = |at: usize| {
                let square = |i: usize| (i as f64 - 15.6).powi(2);
                square(at % 32) + square(at / 32 % 32) + square(at / 1024) <= radius * radius
            };
            let mask = Mask::new(grid, (0..32 * 32 * 32).map(inside).collect()).expect("fits");
            let truth = 4.0 / 3.0 * std::f64::consts::PI * radius.powi(3) / 1000.0;
            let found = volume(&mask).expect("a volume");
            assert!(found.low < truth && truth < found.high, "{found:?}, true {truth}");
            assert!((found.value - truth).abs() < 0.03 * truth, "{found:?}, true {truth}");
        }
    }
}
