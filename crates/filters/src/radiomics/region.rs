use std::borrow::Cow;

use rayon::prelude::*;

use crate::FilterError;
use crate::lanes::{moments, wide};

use super::{Normalization, Resegmentation};

/// The voxels of a mask, cropped to their bounding box.
#[derive(Clone)]
pub(super) struct Region {
    /// First column, row and slice of the box.
    pub(super) start: [usize; 3],
    /// Columns, rows, slices of the box.
    pub(super) size: [usize; 3],
    /// Which voxels of the box belong to the mask, columns fastest.
    pub(super) inside: Vec<bool>,
}

/// Intensities of a region, where the image has them.
pub(super) struct Intensities<'a> {
    image: &'a [f32],
    /// Columns and rows of the image.
    width: [usize; 2],
    pub(super) region: Cow<'a, Region>,
    scale: Option<Scale>,
    /// The lowest and the highest intensity.
    pub(super) range: [f64; 2],
}

impl Region {
    /// The box around the voxels of a mask.
    ///
    /// # Errors
    /// [`FilterError::TooFew`] for a mask without voxels.
    pub(super) fn around(inside: &[bool], size: [usize; 3]) -> Result<Self, FilterError> {
        let [columns, rows, _] = size;
        let mut low = size;
        let mut high = [0; 3];
        for (at, row) in inside.chunks_exact(columns).enumerate() {
            let Some(first) = row.iter().position(|inside| *inside) else { continue };
            let last = row.iter().rposition(|inside| *inside).unwrap_or(first);
            for (axis, (first, last)) in
                [(first, last), (at % rows, at % rows), (at / rows, at / rows)].into_iter().enumerate()
            {
                low[axis] = low[axis].min(first);
                high[axis] = high[axis].max(last + 1);
            }
        }
        if high[0] == 0 {
            return Err(FilterError::TooFew { what: "mask", found: 0, expected: 1 });
        }
        let cropped = std::array::from_fn(|axis| high[axis] - low[axis]);
        let mut voxels = Vec::with_capacity(cropped.iter().product());
        for_rows(size, low, cropped, |from| voxels.extend_from_slice(&inside[from..from + cropped[0]]));
        Ok(Self { start: low, size: cropped, inside: voxels })
    }

    /// Number of voxels of the mask.
    pub(super) fn count(&self) -> usize {
        self.inside.par_chunks(1 << 16).map(|part| part.iter().filter(|inside| **inside).count()).sum()
    }
}

impl<'a> Intensities<'a> {
    /// Finds the values under a region, normalizes them by the whole image and leaves out what
    /// resegmentation drops.
    ///
    /// # Errors
    /// [`FilterError::NotFinite`] for values that are not finite, [`FilterError::Constant`] for an
    /// image without a spread to normalize by, [`FilterError::TooFew`] where no voxel is left.
    pub(super) fn read(
        image: &'a [f32],
        size: [usize; 3],
        region: &'a Region,
        normalization: Option<Normalization>,
        resegmentation: Option<Resegmentation>,
    ) -> Result<Self, FilterError> {
        let scale = normalization.map(|wanted| Scale::of(image, wanted)).transpose()?;
        let width = [size[0], size[1]];
        let mut whole = Self { image, width, region: Cow::Borrowed(region), scale, range: [0.0; 2] };
        whole.find_range()?;
        match resegmentation {
            None => Ok(whole),
            Some(rule) => whole.resegmented(rule),
        }
    }

    fn find_range(&mut self) -> Result<(), FilterError> {
        let nothing = || (0, [f32::INFINITY, f32::NEG_INFINITY]);
        let together = |(a, c): Found, (b, d): Found| (a + b, [c[0].min(d[0]), c[1].max(d[1])]);
        let rows = (0..self.rows()).into_par_iter().with_min_len(ROWS);
        let found = rows.map(|row| {
            let (values, inside) = self.row(row);
            wide!(row_range(values, inside))
        });
        let (odd, range) = found.reduce(nothing, together);
        if odd > 0 {
            return Err(FilterError::NotFinite { count: odd });
        }
        // Normalization keeps the order.
        self.range = range.map(|value| self.value(value));
        Ok(())
    }

    /// An intensity as it is after normalization.
    pub(super) fn value(&self, value: f32) -> f64 {
        let value = f64::from(value);
        self.scale.as_ref().map_or(value, |scale| scale.apply(value))
    }

    /// Whether intensities are those of the image.
    pub(super) const fn is_raw(&self) -> bool {
        self.scale.is_none()
    }

    /// Rows of the box, slice after slice.
    pub(super) fn rows(&self) -> usize {
        self.region.size[1] * self.region.size[2]
    }

    /// The image under a row of the box, and which of its voxels belong to the mask.
    pub(super) fn row(&self, row: usize) -> (&[f32], &[bool]) {
        let Region { start, size, inside } = &*self.region;
        let [columns, rows] = self.width;
        let place = (row / size[1] + start[2]) * rows + row % size[1] + start[1];
        let from = place * columns + start[0];
        (&self.image[from..from + size[0]], &inside[row * size[0]..(row + 1) * size[0]])
    }

    /// Calls `see(column in the box, intensity)` for each voxel of the mask in a row of the box.
    fn each(&self, row: usize, mut see: impl FnMut(usize, f64)) {
        let (values, inside) = self.row(row);
        for (column, (value, _)) in values.iter().zip(inside).enumerate().filter(|(_, (_, inside))| **inside)
        {
            see(column, self.value(*value));
        }
    }

    /// All of them, in the order of the grid.
    pub(super) fn values(&self) -> Vec<f64> {
        let mut values = Vec::with_capacity(self.region.count());
        (0..self.rows()).for_each(|row| self.each(row, |_, value| values.push(value)));
        values
    }

    fn resegmented(mut self, rule: Resegmentation) -> Result<Self, FilterError> {
        let (low, high) = match rule {
            Resegmentation::Range { low, high } => (low, high),
            Resegmentation::Sigmas(sigmas) => {
                let values = self.values();
                let count = values.len() as f64;
                let mean = values.iter().sum::<f64>() / count;
                let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
                (mean - sigmas * variance.sqrt(), mean + sigmas * variance.sqrt())
            }
        };
        let Region { start, size, .. } = *self.region;
        let mut inside = vec![false; self.region.inside.len()];
        for row in 0..self.rows() {
            self.each(row, |column, value| inside[row * size[0] + column] = (low..=high).contains(&value));
        }
        let cropped = Region::around(&inside, size)?;
        let start = std::array::from_fn(|axis| start[axis] + cropped.start[axis]);
        self.region = Cow::Owned(Region { start, ..cropped });
        self.find_range()?;
        Ok(self)
    }
}

/// How many values are not finite, and the lowest and highest of the others.
type Found = (usize, [f32; 2]);

/// What the mask holds of a row.
#[inline(always)]
fn row_range(values: &[f32], inside: &[bool]) -> Found {
    let mut odd = 0_u32;
    let (mut low, mut high) = ([f32::INFINITY; 16], [f32::NEG_INFINITY; 16]);
    let (parts, rest) = values.as_chunks::<16>();
    let (masks, mask_rest) = inside.as_chunks::<16>();
    let mut see = |values: &[f32], inside: &[bool]| {
        for (((value, inside), low), high) in values.iter().zip(inside).zip(&mut low).zip(&mut high) {
            let taken = *inside & value.is_finite();
            odd += u32::from(*inside & !value.is_finite());
            *low = if taken & (*value < *low) { *value } else { *low };
            *high = if taken & (*value > *high) { *value } else { *high };
        }
    };
    parts.iter().zip(masks).for_each(|(values, inside)| see(values, inside));
    see(rest, mask_rest);
    let low = low.iter().copied().fold(f32::INFINITY, f32::min);
    let high = high.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    (odd as usize, [low, high])
}

/// Rows that a thread takes at least.
pub(super) const ROWS: usize = 64;

/// What normalization does to a value.
struct Scale {
    mean: f64,
    deviation: f64,
    wanted: Normalization,
}

impl Scale {
    /// Mean and sample standard deviation of the whole image.
    fn of(image: &[f32], wanted: Normalization) -> Result<Self, FilterError> {
        let count = image.par_iter().filter(|value| !value.is_finite()).count();
        if count > 0 {
            return Err(FilterError::NotFinite { count });
        }
        let (mean, squares) = moments(image);
        if squares == 0.0 {
            return Err(FilterError::Constant { value: image.first().copied().unwrap_or(0.0) });
        }
        let deviation = (squares / (image.len() - 1) as f64).sqrt();
        Ok(Self { mean, deviation, wanted })
    }

    fn apply(&self, value: f64) -> f64 {
        let score = (value - self.mean) / self.deviation;
        let kept = self.wanted.clip_sigmas.map_or(score, |sigmas| score.clamp(-sigmas, sigmas));
        kept * self.wanted.scale
    }
}

/// Calls `visit` with the place of the first voxel of each row of a box.
fn for_rows(size: [usize; 3], start: [usize; 3], cropped: [usize; 3], mut visit: impl FnMut(usize)) {
    for slice in start[2]..start[2] + cropped[2] {
        for row in start[1]..start[1] + cropped[1] {
            visit((slice * size[1] + row) * size[0] + start[0]);
        }
    }
}
