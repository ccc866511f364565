use rayon::prelude::*;

use crate::FilterError;

use super::{Normalization, Resegmentation};

/// The voxels of a mask, cropped to their bounding box.
pub(super) struct Region {
    /// First column, row and slice of the box.
    pub(super) start: [usize; 3],
    /// Columns, rows, slices of the box.
    pub(super) size: [usize; 3],
    /// Which voxels of the box belong to the mask, columns fastest.
    pub(super) inside: Vec<bool>,
}

/// Intensities of a region: those of its voxels alone, in the order of the grid.
pub(super) struct Intensities {
    pub(super) region: Region,
    pub(super) values: Vec<f64>,
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
        self.inside.iter().filter(|inside| **inside).count()
    }
}

impl Intensities {
    /// Reads the values under a region, normalizes them by the whole image and leaves out what
    /// resegmentation drops.
    ///
    /// # Errors
    /// [`FilterError::NotFinite`] for values that are not finite, [`FilterError::Constant`] for an
    /// image without a spread to normalize by, [`FilterError::TooFew`] where no voxel is left.
    pub(super) fn read(
        image: &[f32],
        size: [usize; 3],
        region: &Region,
        normalization: Option<Normalization>,
        resegmentation: Option<Resegmentation>,
    ) -> Result<Self, FilterError> {
        let scale = normalization.map(|wanted| Scale::of(image, wanted)).transpose()?;
        let mut values = Vec::with_capacity(region.count());
        let mut row_of_box = region.inside.chunks_exact(region.size[0]);
        for_rows(size, region.start, region.size, |from| {
            let row = &image[from..from + region.size[0]];
            let inside = row_of_box.next().unwrap_or_default();
            values.extend(row.iter().zip(inside).filter(|(_, i)| **i).map(|(value, _)| f64::from(*value)));
        });
        let count = values.iter().filter(|value| !value.is_finite()).count();
        if count > 0 {
            return Err(FilterError::NotFinite { count });
        }
        if let Some(scale) = scale {
            values.iter_mut().for_each(|value| *value = scale.apply(*value));
        }
        let whole = Region { start: region.start, size: region.size, inside: region.inside.clone() };
        match resegmentation {
            None => Ok(Self { region: whole, values }),
            Some(rule) => Self::resegmented(whole, values, rule),
        }
    }

    fn resegmented(mut region: Region, values: Vec<f64>, rule: Resegmentation) -> Result<Self, FilterError> {
        let (low, high) = match rule {
            Resegmentation::Range { low, high } => (low, high),
            Resegmentation::Sigmas(sigmas) => {
                let count = values.len() as f64;
                let mean = values.iter().sum::<f64>() / count;
                let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
                (mean - sigmas * variance.sqrt(), mean + sigmas * variance.sqrt())
            }
        };
        let mut next = values.iter();
        for inside in region.inside.iter_mut().filter(|inside| **inside) {
            *inside = next.next().is_some_and(|value| (low..=high).contains(value));
        }
        let values = values.into_iter().filter(|value| (low..=high).contains(value)).collect();
        let cropped = Region::around(&region.inside, region.size)?;
        let start = std::array::from_fn(|axis| region.start[axis] + cropped.start[axis]);
        Ok(Self { region: Region { start, ..cropped }, values })
    }
}

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
        // Chunks are summed in their order, so the number of threads changes nothing.
        let sum = |term: &(dyn Fn(f64) -> f64 + Sync)| -> f64 {
            let parts: Vec<f64> = image
                .par_chunks(1 << 16)
                .map(|chunk| chunk.iter().map(|value| term(f64::from(*value))).sum())
                .collect();
            parts.iter().sum()
        };
        let mean = sum(&|value| value) / image.len() as f64;
        let squares = sum(&|value| (value - mean).powi(2));
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
