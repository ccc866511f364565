//! Erosion, dilation, opening and closing of sets with a ball or a box.
//!
//! What lies beyond the grid takes no part: a set that the border cuts is not eroded there, and
//! closing does not open it. That is scipy's `border_value=1` for erosion and 0 for dilation.

use rayon::prelude::*;
use wilhelm_study::Silent;

use super::binary::BinaryRaster;
use super::bits::{Bits, Footprint};
use super::distance::{Metric, squared};
use crate::FilterError;

/// What a set is eroded or dilated with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Element {
    /// All voxel centers within a distance, counted in steps of the grid.
    BallVoxels(f64),
    /// All voxel centers within a distance in millimeters.
    BallMm(f64),
    /// So many columns, rows and slices to either side.
    Box([usize; 3]),
}

/// Adds every voxel that the element reaches from a voxel of the set.
///
/// # Errors
/// [`FilterError::Parameter`] for a radius below 0 or not finite, [`FilterError::Spacing`] for
/// millimeters on a flat set without a spacing.
///
/// # Source
/// Serra 1982; scipy's `binary_dilation` with the element as structure. A ball is exact at any
/// size: small ones move rows of bits, large ones use the exact distance.
pub fn dilate<S: BinaryRaster>(set: &S, element: Element) -> Result<S, FilterError> {
    let kernel = Kernel::of(set, element)?;
    Ok(set.with_inside(kernel.dilated(set.size(), set.inside(), true)?)?)
}

/// Keeps the voxels from which the element reaches no voxel outside the set.
///
/// # Errors
/// As [`dilate`].
pub fn erode<S: BinaryRaster>(set: &S, element: Element) -> Result<S, FilterError> {
    let kernel = Kernel::of(set, element)?;
    Ok(set.with_inside(kernel.dilated(set.size(), set.inside(), false)?)?)
}

/// Erodes, then dilates: removes what is thinner than the element.
///
/// # Errors
/// As [`dilate`].
pub fn open<S: BinaryRaster>(set: &S, element: Element) -> Result<S, FilterError> {
    let kernel = Kernel::of(set, element)?;
    Ok(set.with_inside(kernel.twice(set.size(), set.inside(), false)?)?)
}

/// Dilates, then erodes: fills what is narrower than the element.
///
/// # Errors
/// As [`dilate`].
pub fn close<S: BinaryRaster>(set: &S, element: Element) -> Result<S, FilterError> {
    let kernel = Kernel::of(set, element)?;
    Ok(set.with_inside(kernel.twice(set.size(), set.inside(), true)?)?)
}

/// How an element is carried out.
enum Kernel {
    /// Footprints laid on one after the other, on rows of bits.
    Bits(Vec<Footprint>),
    /// A ball so large that the distance transform is quicker.
    Distance { spacing: [f64; 3], squared_radius: f64 },
}

/// Rows of a footprint up to which bits are quicker than the distance, and columns to either side.
const MOST_ROWS: usize = 1200;
const MOST_COLUMNS: usize = 48;

impl Kernel {
    fn of<S: BinaryRaster>(set: &S, element: Element) -> Result<Self, FilterError> {
        let (radius, spacing) = match element {
            Element::BallVoxels(radius) => (radius, [1.0; 3]),
            Element::BallMm(radius) => (radius, Metric::Millimeters.spacing(set)?),
            Element::Box(radii) => return Ok(Self::cuboid(radii, set.size())),
        };
        if !(radius.is_finite() && radius >= 0.0) {
            return Err(FilterError::parameter("radius", radius, "0 or more, and finite"));
        }
        // A voxel whose center is at the radius is in the ball, also where a product rounds up.
        let squared_radius = radius * radius * (1.0 + 1e-6);
        let size = set.size();
        let reach = |axis: usize| (radius / spacing[axis] + 1.0).min(size[axis] as f64) as usize;
        let (by_row, by_slice) = (reach(1), reach(2));
        let kernel = Self::Distance { spacing, squared_radius };
        if reach(0) > MOST_COLUMNS || (2 * by_row + 1).saturating_mul(2 * by_slice + 1) > 2 * MOST_ROWS {
            return Ok(kernel);
        }
        let mut footprint = Vec::new();
        let signed = |reach: usize| -(reach as isize)..=reach as isize;
        for slice in signed(by_slice) {
            for row in signed(by_row) {
                let across = (row as f64 * spacing[1]).powi(2) + (slice as f64 * spacing[2]).powi(2);
                let fits =
                    |columns: &usize| across + (*columns as f64 * spacing[0]).powi(2) <= squared_radius;
                if let Some(width) = (0..=reach(0)).take_while(fits).last() {
                    footprint.push((row, slice, width));
                }
            }
        }
        Ok(if footprint.len() > MOST_ROWS { kernel } else { Self::Bits(vec![Footprint(footprint)]) })
    }

    /// A box is three lines; a line of any length is a few of moderate length.
    fn cuboid(radii: [usize; 3], size: [usize; 3]) -> Self {
        let [columns, rows, slices] = std::array::from_fn(|axis| radii[axis].min(size[axis]));
        let line = |radius: usize, along: fn(isize) -> (isize, isize, usize)| {
            let mut left = radius;
            let mut parts = Vec::new();
            while left > 0 {
                let step = left.min(8) as isize;
                parts.push(Footprint((-step..=step).map(along).collect()));
                left -= step as usize;
            }
            parts
        };
        let mut parts = vec![Footprint(vec![(0, 0, columns)])];
        parts.extend(line(rows, |at| (at, 0, 0)));
        parts.extend(line(slices, |at| (0, at, 0)));
        Self::Bits(parts)
    }

    /// Dilates the voxels that equal `wanted`; what is left of the others when they are not.
    fn dilated(&self, size: [usize; 3], inside: &[bool], wanted: bool) -> Result<Vec<bool>, FilterError> {
        match self {
            Self::Bits(parts) => Ok(laid(parts, Bits::packed(size, inside, wanted)).unpacked(wanted)),
            Self::Distance { spacing, squared_radius } => {
                let distance = squared(size, *spacing, inside, wanted, &Silent)?;
                let near = |distance: &f32| f64::from(*distance) <= *squared_radius;
                Ok(distance.par_iter().with_min_len(1 << 14).map(|d| near(d) == wanted).collect())
            }
        }
    }

    /// Dilates the voxels that equal `wanted`, then the others.
    fn twice(&self, size: [usize; 3], inside: &[bool], wanted: bool) -> Result<Vec<bool>, FilterError> {
        match self {
            Self::Bits(parts) => {
                let once = laid(parts, Bits::packed(size, inside, wanted));
                Ok(laid(parts, once.complement()).unpacked(!wanted))
            }
            Self::Distance { .. } => {
                let once = self.dilated(size, inside, wanted)?;
                self.dilated(size, &once, !wanted)
            }
        }
    }
}

fn laid(parts: &[Footprint], bits: Bits) -> Bits {
    parts.iter().fold(bits, |bits, part| bits.dilated(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{FlatMask, Mm, PixelSpacing};

    fn picture(rows: &[&str], spacing: Option<PixelSpacing>) -> FlatMask {
        let pixels = rows.iter().flat_map(|row| row.bytes().map(|cell| cell == b'#')).collect();
        FlatMask::new(rows[0].len(), rows.len(), pixels, spacing).expect("fits")
    }

    #[test]
    fn balls_and_boxes_worked_on_paper() {
        let dot = picture(&[".....", ".....", "..#..", ".....", "....."], None);
        let plus = picture(&[".....", "..#..", ".###.", "..#..", "....."], None);
        let block = picture(&[".....", ".###.", ".###.", ".###.", "....."], None);
        assert_eq!(dilate(&dot, Element::BallVoxels(1.0)), Ok(plus.clone()));
        assert_eq!(dilate(&dot, Element::BallVoxels(1.5)), Ok(block.clone()));
        assert_eq!(dilate(&dot, Element::Box([1, 1, 1])), Ok(block.clone()));
        assert_eq!(erode(&block, Element::Box([1, 1, 0])), Ok(dot.clone()));
        assert_eq!(erode(&plus, Element::BallVoxels(1.0)), Ok(dot.clone()));
        assert_eq!(open(&plus, Element::Box([1, 1, 0])).expect("opened").count(), 0);
        let wide = PixelSpacing { between_columns: Mm(2.0), between_rows: Mm(0.5) };
        let dot = picture(&[".....", ".....", "..#..", ".....", "....."], Some(wide));
        let column = picture(&["..#..", "..#..", "..#..", "..#..", "..#.."], Some(wide));
        assert_eq!(dilate(&dot, Element::BallMm(1.0)), Ok(column));
    }

    #[test]
    fn a_gap_is_closed_and_a_set_at_the_border_is_not_eroded_there() {
        let gap = picture(&["##.##", "##.##"], None);
        assert_eq!(close(&gap, Element::BallVoxels(1.0)).expect("closed").count(), 10);
        assert_eq!(
            erode(&picture(&["###", "###"], None), Element::BallVoxels(2.0)).expect("kept").count(),
            6
        );
    }

    #[test]
    fn a_large_ball_by_distance_equals_the_same_ball_by_bits() {
        let inside: Vec<bool> = (0..60 * 50 * 4).map(|at| at % 997 == 3).collect();
        let set = FlatMask::new(60, 200, inside.clone(), None).expect("fits");
        let Ok(Kernel::Bits(parts)) = Kernel::of(&set, Element::BallVoxels(6.0)) else { panic!("bits") };
        let distance = Kernel::Distance { spacing: [1.0; 3], squared_radius: 36.0 * (1.0 + 1e-6) };
        let bits = Kernel::Bits(parts);
        let flat = [60, 200, 1];
        for wanted in [true, false] {
            assert_eq!(bits.dilated(flat, &inside, wanted), distance.dilated(flat, &inside, wanted));
            assert_eq!(bits.twice(flat, &inside, wanted), distance.twice(flat, &inside, wanted));
        }
    }

    #[test]
    fn absurd_radii_are_refused_or_fill_the_grid() {
        let dot = picture(&["#....", "....."], None);
        for radius in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(dilate(&dot, Element::BallVoxels(radius)).is_err());
        }
        assert_eq!(dilate(&dot, Element::BallMm(1.0)), Err(FilterError::Spacing));
        assert_eq!(dilate(&dot, Element::BallVoxels(1e300)).expect("full").count(), 10);
        assert_eq!(dilate(&dot, Element::Box([usize::MAX; 3])).expect("full").count(), 10);
        assert_eq!(close(&dot, Element::BallVoxels(0.0)), Ok(dot.clone()));
    }
}
