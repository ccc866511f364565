use rayon::prelude::*;
use wilhelm_stats::SurfaceDistances;
use wilhelm_study::{Geometry, Mask, Mm, Raster, Silent, Spacing, VoxelError};

use crate::segment::distance::{Metric, to_set};
use crate::{FilterError, box_around};

mod patches;

/// What the elements of a mask's surface are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SurfaceElement {
    /// Voxels of the mask with a face on the outside, at their centers; all count alike (as MONAI has it).
    BorderVoxels,
    /// Patches between the voxels, at the corners where voxels meet; each counts by its area, in a flat
    /// mask by its length (as DeepMind's surface-distance has it).
    Patches,
}

/// The distances between the surfaces of two masks.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskSurfaces {
    there: Surface,
    back: Surface,
}

/// The elements of one surface.
#[derive(Clone, Debug, PartialEq)]
struct Surface {
    /// To the nearest element of the other surface, mm.
    distances: Vec<f64>,
    /// What each element counts; `None` where all count alike.
    areas: Option<Vec<f64>>,
}

impl MaskSurfaces {
    /// From each surface element of the mask to the reference's nearest.
    ///
    /// # Units
    /// Millimeters; areas in square mm, of flat masks in mm.
    pub fn there(&self) -> SurfaceDistances<'_> {
        self.there.distances()
    }
    /// From each surface element of the reference to the mask's nearest.
    ///
    /// # Units
    /// As [`MaskSurfaces::there`].
    pub fn back(&self) -> SurfaceDistances<'_> {
        self.back.distances()
    }
}

impl Surface {
    fn distances(&self) -> SurfaceDistances<'_> {
        let proof = "a surface has elements, whose distances and areas are finite";
        match &self.areas {
            None => SurfaceDistances::new(&self.distances).expect(proof),
            Some(areas) => SurfaceDistances::weighted(&self.distances, areas).expect(proof),
        }
    }
}

/// Distances between the surfaces of two masks on one grid, both ways; spacings may differ by axis.
///
/// What lies beyond the grid is outside, so a mask that reaches the border of the grid has a surface there.
/// A dimension of size 1 takes no part: the surface of a flat mask is its outline.
///
/// # Errors
/// [`FilterError::Voxels`] where the grids differ, [`FilterError::TooFew`] for an empty mask or reference,
/// [`FilterError::Parameter`] for patches on a grid of a single line of voxels, and for spacings that no scanner
/// has (below 1e-9 or above 1e9 mm).
///
/// # Source
/// Border voxels: MONAI, `get_mask_edges`; patches: Nikolov et al. 2021, doi:10.2196/26151.
pub fn surface_distances(
    mask: &Mask,
    reference: &Mask,
    elements: SurfaceElement,
) -> Result<MaskSurfaces, FilterError> {
    if !mask.geometry().is_same_grid(reference.geometry()) {
        return Err(VoxelError::Grid.into());
    }
    for (what, mask) in [("mask", mask), ("reference", reference)] {
        if mask.is_empty() {
            return Err(FilterError::TooFew { what, found: 0, expected: 1 });
        }
    }
    // Distances are of single precision: beyond these they would be infinite, or nothing.
    let fits = |between: &f64| (1e-9..=1e9).contains(between);
    let between = mask.geometry().spacing().millimeters();
    if let Some(found) = between.iter().find(|between| !fits(between)) {
        return Err(FilterError::parameter("spacing", found, "1e-9 to 1e9 mm"));
    }
    let part = box_around(&mask.union(reference)?, Mm(0.0))?;
    let takes_part = mask.geometry().size().map(|count| count > 1);
    let spacing = mask.geometry().spacing().millimeters();
    let cut = |mask: &Mask| Cut::of(mask, part.start, part.size);
    let (mask, reference) = (cut(mask), cut(reference));
    let [first, second] = match elements {
        SurfaceElement::BorderVoxels => [mask.border(takes_part), reference.border(takes_part)],
        SurfaceElement::Patches => {
            let measures = patch_measures(spacing, takes_part)?;
            [mask.patches(&measures, takes_part), reference.patches(&measures, takes_part)]
        }
    };
    let [x, y, z] = spacing.map(Mm);
    let grid = Geometry::axis_aligned(first.size, Spacing::new(x, y, z)?)?;
    let to = |elements: &Elements| -> Result<Vec<f32>, FilterError> {
        let set = Mask::new(grid, elements.at.clone())?;
        Ok(to_set(&set, Metric::Millimeters, &Silent)?.values().to_vec())
    };
    Ok(MaskSurfaces { there: first.read(&to(&second)?), back: second.read(&to(&first)?) })
}

/// A mask cut to a box.
struct Cut {
    size: [usize; 3],
    inside: Vec<bool>,
}

/// The places of a surface's elements on a grid, and what each counts.
struct Elements {
    size: [usize; 3],
    at: Vec<bool>,
    areas: Option<Vec<f64>>,
}

impl Elements {
    /// What a map of distances has at the elements, in the grid's order.
    fn read(&self, map: &[f32]) -> Surface {
        let picked = self.at.iter().zip(map).filter(|(at, _)| **at);
        Surface {
            distances: picked.map(|(_, distance)| f64::from(*distance)).collect(),
            areas: self.areas.clone(),
        }
    }
}

impl Cut {
    fn of(mask: &Mask, [left, top, first]: [usize; 3], size: [usize; 3]) -> Self {
        let [columns, rows, _] = mask.geometry().size();
        let mut inside = vec![false; size.iter().product()];
        inside.par_chunks_mut(size[0]).enumerate().for_each(|(line, to)| {
            let (row, slice) = (top + line % size[1], first + line / size[1]);
            let from = (slice * rows + row) * columns + left;
            to.copy_from_slice(&mask.voxels()[from..from + size[0]]);
        });
        Self { size, inside }
    }

    /// Inside voxels with a face neighbor that is not, or that lies beyond the box.
    fn border(&self, takes_part: [bool; 3]) -> Elements {
        let [columns, rows, slices] = self.size;
        let plane = columns * rows;
        let mut at = vec![false; self.inside.len()];
        at.par_chunks_mut(columns).enumerate().for_each(|(line, to)| {
            let (row, slice) = (line % rows, line / rows);
            let start = line * columns;
            let beside = |exists: bool, at: usize| exists && self.inside[at];
            for (column, to) in to.iter_mut().enumerate() {
                let here = start + column;
                let hidden = |axis: usize| {
                    !takes_part[axis]
                        || match axis {
                            0 => {
                                beside(column > 0, here.wrapping_sub(1))
                                    && beside(column + 1 < columns, here + 1)
                            }
                            1 => {
                                beside(row > 0, here.wrapping_sub(columns))
                                    && beside(row + 1 < rows, here + columns)
                            }
                            _ => {
                                beside(slice > 0, here.wrapping_sub(plane))
                                    && beside(slice + 1 < slices, here + plane)
                            }
                        }
                };
                *to = self.inside[here] && !(hidden(0) && hidden(1) && hidden(2));
            }
        });
        Elements { size: self.size, at, areas: None }
    }

    /// Corners at which inside and outside meet, each with the measure of the surface around it.
    fn patches(&self, measures: &[f64; 256], takes_part: [bool; 3]) -> Elements {
        // One corner more than voxels along each axis that takes part.
        let size: [usize; 3] = std::array::from_fn(|axis| self.size[axis] + usize::from(takes_part[axis]));
        let mut codes = vec![0_u8; size.iter().product()];
        codes.par_chunks_mut(size[0]).enumerate().for_each(|(line, to)| {
            let (row, slice) = (line % size[1], line / size[1]);
            for (column, code) in to.iter_mut().enumerate() {
                *code = self.code([column, row, slice], takes_part);
            }
        });
        let is_surface = |code: u8| code != 0 && code != 255;
        let areas = codes.iter().copied().filter(|code| is_surface(*code));
        Elements {
            size,
            areas: Some(areas.map(|code| measures[usize::from(code)]).collect()),
            at: codes.iter().map(|code| is_surface(*code)).collect(),
        }
    }

    /// Which of the eight voxels around a corner are inside: column, row and slice before come first.
    fn code(&self, corner: [usize; 3], takes_part: [bool; 3]) -> u8 {
        let [columns, rows, _] = self.size;
        (0..8).fold(0, |code, bit: usize| {
            let voxel: [Option<usize>; 3] = std::array::from_fn(|axis| {
                // Along an axis that takes no part both neighbors are the one voxel there is.
                let after = !takes_part[axis] || bit >> (2 - axis) & 1 == 1;
                let place =
                    if takes_part[axis] && !after { corner[axis].checked_sub(1) } else { Some(corner[axis]) };
                place.filter(|place| *place < self.size[axis])
            });
            let inside = match voxel {
                [Some(column), Some(row), Some(slice)] => {
                    self.inside[(slice * rows + row) * columns + column]
                }
                _ => false,
            };
            code << 1 | u8::from(inside)
        })
    }
}

/// Area by neighborhood; of a flat mask the length of its outline.
fn patch_measures(spacing: [f64; 3], takes_part: [bool; 3]) -> Result<[f64; 256], FilterError> {
    let axes: Vec<usize> = (0..3).filter(|axis| takes_part[*axis]).collect();
    match axes[..] {
        [_, _, _] => Ok(patches::areas(spacing)),
        [first, second] => {
            let lengths = outline([spacing[first], spacing[second]]);
            // Of the eight bits the four matter in which the missing axis says "before".
            Ok(std::array::from_fn(|code| {
                let missing = 3 - first - second;
                let bits = (0..8).filter(|bit| bit >> (2 - missing) & 1 == 0);
                lengths[bits.fold(0, |flat, bit| flat << 1 | code >> (7 - bit) & 1)]
            }))
        }
        _ => Err(FilterError::parameter("grid", "a single line of voxels", "at least two rows and columns")),
    }
}

/// Length of the outline in each of the 16 neighborhoods of 2 x 2 pixels.
fn outline([first, second]: [f64; 2]) -> [f64; 16] {
    let corner = 0.5 * first.hypot(second);
    std::array::from_fn(|code| match code {
        0b0000 | 0b1111 => 0.0,
        0b0011 | 0b1100 => second,
        0b0101 | 0b1010 => first,
        0b0110 | 0b1001 => 2.0 * corner,
        _ => corner,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_stats::{average_surface_distance, hausdorff_95, robust_hausdorff, surface_dice};

    fn boxed(size: [usize; 3], spacing: [f64; 3], start: [usize; 3], end: [usize; 3]) -> Mask {
        let [x, y, z] = spacing.map(Mm);
        let grid = Geometry::axis_aligned(size, Spacing::new(x, y, z).expect("positive")).expect("a grid");
        let inside = |at: usize| {
            let place = [at % size[0], at / size[0] % size[1], at / (size[0] * size[1])];
            (0..3).all(|axis| (start[axis]..end[axis]).contains(&place[axis]))
        };
        Mask::new(grid, (0..grid.voxels()).map(inside).collect()).expect("fits")
    }

    #[test]
    fn two_voxels_apart_worked_on_paper() {
        // One voxel each, 3 columns of 2 mm and 4 slices of 5 mm apart.
        let (size, spacing) = ([9, 4, 9], [2.0, 1.0, 5.0]);
        let mask = boxed(size, spacing, [1, 1, 1], [2, 2, 2]);
        let reference = boxed(size, spacing, [4, 1, 5], [5, 2, 6]);
        let found = surface_distances(&mask, &reference, SurfaceElement::BorderVoxels).expect("surfaces");
        let expected = f64::hypot(6.0, 20.0);
        assert!((hausdorff_95(found.there(), found.back()) - expected).abs() < 1e-5);
        assert_eq!(surface_dice(found.there(), found.back(), 20.0), Ok(0.0));
        assert_eq!(surface_dice(found.there(), found.back(), 21.0), Ok(1.0));
    }

    #[test]
    fn a_cube_inside_a_cube_has_its_shell_one_layer_away() {
        // 5 x 5 x 5 in 7 x 7 x 7, that fills its grid: shells of 98 and 218 voxels.
        let (size, spacing) = ([7; 3], [1.0, 1.0, 2.0]);
        let mask = boxed(size, spacing, [1; 3], [6; 3]);
        let whole = boxed(size, spacing, [0; 3], [7; 3]);
        let found = surface_distances(&mask, &whole, SurfaceElement::BorderVoxels).expect("surfaces");
        // Nearest is the layer beside, but for the inner voxels of the two faces 2 mm away.
        assert_eq!(surface_dice(found.there(), found.back(), 0.5), Ok(0.0));
        let within_1 = surface_dice(found.there(), found.back(), 1.0).expect("a share");
        // Of 98, all but the 3 x 3 of both far faces; of 218 the sides between the far layers but for edges:
        // 5 layers of 4 x 5 voxels.
        assert!((within_1 - (98.0 - 18.0 + 100.0) / 316.0).abs() < 1e-12, "{within_1}");
        assert_eq!(robust_hausdorff(found.there(), found.back(), 1.0), Ok(f64::from(6.0_f32.sqrt())));
    }

    #[test]
    fn the_patches_of_a_box_have_its_area_but_for_cut_edges() {
        // 6 x 5 x 4 voxels of 1 x 2 x 3 mm: faces of 6 x 10, 6 x 12 and 10 x 12 mm.
        let (size, spacing) = ([9, 9, 9], [1.0, 2.0, 3.0]);
        let mask = boxed(size, spacing, [2, 2, 2], [8, 7, 6]);
        let found = surface_distances(&mask, &mask, SurfaceElement::Patches).expect("surfaces");
        let area: f64 = found.there.areas.as_ref().expect("areas").iter().sum();
        let exact = 2.0 * (6.0 * 10.0 + 6.0 * 12.0 + 10.0 * 12.0);
        assert!(area < exact && area > 0.85 * exact, "{area} of {exact}");
        assert_eq!(average_surface_distance(found.there(), found.back()), 0.0);
    }

    #[test]
    fn a_flat_mask_has_an_outline() {
        // A square of 4 x 4 pixels of 1 x 2 mm in each orientation of a single layer.
        for (size, spacing, end) in [
            ([8, 8, 1], [1.0, 2.0, 9.0], [5, 5, 1]),
            ([8, 1, 8], [1.0, 9.0, 2.0], [5, 1, 5]),
            ([1, 8, 8], [9.0, 1.0, 2.0], [1, 5, 5]),
        ] {
            let start = size.map(|count| usize::from(count > 1));
            let mask = boxed(size, spacing, start, end);
            let border = surface_distances(&mask, &mask, SurfaceElement::BorderVoxels).expect("surfaces");
            assert_eq!(border.there.distances.len(), 12);
            let patches = surface_distances(&mask, &mask, SurfaceElement::Patches).expect("surfaces");
            let length: f64 = patches.there.areas.as_ref().expect("lengths").iter().sum();
            // Three steps along each side, and four corners cut.
            assert!(
                (length - (2.0 * 3.0 + 2.0 * 6.0 + 4.0 * 0.5 * 5.0_f64.sqrt())).abs() < 1e-12,
                "{length}"
            );
        }
    }

    #[test]
    fn empty_masks_other_grids_and_lines_are_refused() {
        let mask = boxed([4; 3], [1.0; 3], [1; 3], [3; 3]);
        let none = Mask::none(*mask.geometry());
        let of = |a: &Mask, b: &Mask, e| surface_distances(a, b, e);
        assert!(matches!(
            of(&none, &mask, SurfaceElement::Patches),
            Err(FilterError::TooFew { what: "mask", .. })
        ));
        assert!(matches!(
            of(&mask, &none, SurfaceElement::BorderVoxels),
            Err(FilterError::TooFew { what: "reference", .. })
        ));
        let other = boxed([4; 3], [1.0, 1.0, 1.5], [1; 3], [3; 3]);
        assert!(of(&mask, &other, SurfaceElement::BorderVoxels).is_err());
        for far in [1e20, 1e-60] {
            let far = boxed([4; 3], [far; 3], [1; 3], [3; 3]);
            assert!(of(&far, &far, SurfaceElement::BorderVoxels).is_err());
            assert!(of(&far, &far, SurfaceElement::Patches).is_err());
        }
        let line = boxed([4, 1, 1], [1.0; 3], [1, 0, 0], [3, 1, 1]);
        assert!(of(&line, &line, SurfaceElement::Patches).is_err());
        assert!(of(&line, &line, SurfaceElement::BorderVoxels).is_ok());
    }
}
