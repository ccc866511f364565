//! What was explained as pictures, slice by slice.

use wilhelm_filters::Plane;
use wilhelm_filters::montage::ColorPicture;
use wilhelm_nets::explain::{Attribution, contact_sheet, display_weights, overlay};
use wilhelm_pipeline::{Candidate, picture};

/// Slices that stand side by side.
const SHEET: usize = 16;
/// In a row of them.
const ACROSS: usize = 4;
/// Pixels along the longer side of a picture, at least.
const LEAST_SIDE: usize = 320;
/// The same of slices that stand side by side.
const LEAST_SIDE_OF_MANY: usize = 160;

/// An image or the slices of a volume in gray, all as large.
pub struct Slices {
    gray: Vec<Vec<u8>>,
    columns: usize,
    rows: usize,
    /// Columns, rows and slices of the image itself.
    native: [usize; 3],
}

/// A map over the slices.
pub struct Drawn {
    /// Weights from 0 to 1 for the eye, on the grid of the pictures.
    weights: Vec<f32>,
    /// The slice of the greatest value.
    pub overlay: ColorPicture,
    /// Of a volume, slices evenly spread over it, and that of the greatest value.
    pub sheet: Option<ColorPicture>,
    /// Which they are, from 0.
    pub places: Vec<usize>,
}

impl Slices {
    /// In the shades that the network saw.
    pub fn new(candidate: &Candidate<'_>) -> anyhow::Result<Self> {
        let Some(stack) = candidate.volume else {
            let native = [candidate.plane.columns(), candidate.plane.rows(), 1];
            let (gray, columns, rows) = picture(candidate.plane, candidate.bounds)?;
            return Ok(Self { gray: vec![gray], columns, rows, native });
        };
        let [columns, rows, _] = stack.size;
        let mut slices = Self { gray: Vec::new(), columns, rows, native: stack.size };
        for values in stack.values.chunks_exact(columns * rows) {
            let (gray, columns, rows) = picture(Plane::new(values, columns, rows)?, stack.bounds)?;
            (slices.columns, slices.rows) = (columns, rows);
            slices.gray.push(gray);
        }
        Ok(slices)
    }

    /// Columns, rows and shades of the slice in the middle.
    pub fn middle(&self) -> (usize, usize, &[u8]) {
        (self.columns, self.rows, &self.gray[self.gray.len() / 2])
    }

    /// A truth on the image's own grid, as its nearest pixels in each picture.
    pub fn nearest(&self, truth: &[bool]) -> Vec<bool> {
        let [columns, rows, slices] = self.native;
        let at = |place: usize, to: usize, from: usize| ((2 * place + 1) * from / (2 * to)).min(from - 1);
        let plane = self.columns * self.rows;
        (0..plane * slices)
            .map(|place| {
                let (column, row) = (place % self.columns, place / self.columns % self.rows);
                let line = place / plane * rows + at(row, self.rows, rows);
                truth[line * columns + at(column, self.columns, columns)]
            })
            .collect()
    }

    /// A map on the image's own grid over the pictures; `truth` is on their grid.
    pub fn drawn(&self, map: &Attribution, truth: Option<&[bool]>) -> anyhow::Result<Drawn> {
        let [.., slices] = self.native;
        let weights = display_weights(map.resampled([self.columns, self.rows, slices])?.values());
        let [.., peak] = map.peak();
        let over = |at: usize, side: usize| self.over(&weights, at, truth, side);
        let overlay = over(peak, LEAST_SIDE)?;
        let places = spread(slices, peak);
        let sheet = if slices > 1 {
            let all: Vec<ColorPicture> =
                places.iter().map(|at| over(*at, LEAST_SIDE_OF_MANY)).collect::<anyhow::Result<_>>()?;
            Some(contact_sheet(&all, ACROSS))
        } else {
            None
        };
        Ok(Drawn { weights, overlay, sheet, places })
    }

    /// One slice with the map over it.
    pub fn one(&self, drawn: &Drawn, at: usize, truth: Option<&[bool]>) -> anyhow::Result<ColorPicture> {
        self.over(&drawn.weights, at, truth, LEAST_SIDE)
    }

    /// The slice in the middle without a map.
    pub fn plain(&self, truth: Option<&[bool]>) -> anyhow::Result<ColorPicture> {
        let nothing = vec![0.0; self.columns * self.rows * self.gray.len()];
        self.over(&nothing, self.gray.len() / 2, truth, LEAST_SIDE)
    }

    fn over(
        &self,
        weights: &[f32],
        at: usize,
        truth: Option<&[bool]>,
        side: usize,
    ) -> anyhow::Result<ColorPicture> {
        let plane = self.columns * self.rows;
        let own = at * plane..(at + 1) * plane;
        let truth = truth.map(|truth| &truth[own.clone()]);
        Ok(overlay(&self.gray[at], &weights[own], truth, [self.columns, self.rows], side)?)
    }
}

/// Slices evenly spread over so many, the one nearest to `peak` replaced by it, in order.
fn spread(slices: usize, peak: usize) -> Vec<usize> {
    let shown = slices.min(SHEET);
    let mut places: Vec<usize> = (0..shown).map(|nth| (2 * nth + 1) * slices / (2 * shown)).collect();
    if let Some(nearest) = places.iter_mut().min_by_key(|place| place.abs_diff(peak)) {
        *nearest = peak;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_spread_evenly_and_the_one_of_the_greatest_value_is_among_them() {
        assert_eq!(spread(1, 0), [0]);
        assert_eq!(spread(4, 2), [0, 1, 2, 3]);
        let many = spread(64, 63);
        assert_eq!((many.len(), many[0], many[1], many[15]), (16, 2, 6, 63));
        assert!(spread(64, 21).windows(2).all(|pair| pair[0] < pair[1]));
        assert!(spread(64, 21).contains(&21));
    }
}
