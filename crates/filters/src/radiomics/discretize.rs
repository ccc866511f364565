use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::FilterError;
use crate::lanes::wide;

use super::region::{Intensities, ROWS};

/// How intensities become gray levels, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Discretization {
    /// Bins of a fixed width whose edges are multiples of that width; the lowest voxel is in bin 1.
    ///
    /// # Source
    /// pyradiomics `binWidth`: `floor(x / width) - floor(min(x) / width) + 1`.
    Width(f64),
    /// Bins of a fixed width that begin at a fixed intensity, for example -500 HU.
    ///
    /// # Source
    /// IBSI fixed bin size (Q3RU): `floor((x - start) / width) + 1`.
    WidthFrom {
        /// Width of a bin.
        width: f64,
        /// Lower edge of bin 1; no voxel may be below.
        start: f64,
    },
    /// A fixed number of bins between the lowest and the highest intensity of the mask.
    ///
    /// # Source
    /// IBSI fixed bin number (K15C), pyradiomics `binCount`.
    Count(u16),
}

/// More gray levels than this are refused: the matrices would be sparse beyond use.
pub(super) const MOST_LEVELS: usize = 4096;

/// Gray levels of a region in a frame of zeros, so that a neighbor can be read without a check.
pub(super) struct Levels {
    /// Columns, rows, slices of the box within the frame.
    pub(super) size: [usize; 3],
    /// Width of the frame.
    pub(super) frame: usize,
    /// Gray levels from 1, 0 outside the mask; columns fastest.
    pub(super) grays: Vec<u16>,
    /// The highest gray level, `Ng`.
    pub(super) highest: usize,
    /// Number of voxels of the mask.
    pub(super) voxels: usize,
}

impl Levels {
    /// Bins the intensities of a region.
    ///
    /// # Errors
    /// [`FilterError::Parameter`] for a bin width or number that is not above 0, a start above the
    /// lowest intensity, or more than 4096 gray levels.
    pub(super) fn new(
        intensities: &Intensities<'_>,
        rule: Discretization,
        frame: usize,
    ) -> Result<Self, FilterError> {
        let bins = Bins::new(intensities.range, rule)?;
        let size = intensities.region.size;
        let padded: [usize; 3] = std::array::from_fn(|axis| size[axis] + 2 * frame);
        let mut grays = vec![0_u16; padded.iter().product()];
        let [highest, voxels] = grays
            .par_chunks_mut(padded[0])
            .with_min_len(ROWS)
            .enumerate()
            .map(|(at, grays)| {
                let row = (at % padded[1]).checked_sub(frame).filter(|row| *row < size[1]);
                let slice = (at / padded[1]).checked_sub(frame).filter(|slice| *slice < size[2]);
                let (Some(row), Some(slice)) = (row, slice) else { return [0, 0] };
                let (values, inside) = intensities.row(slice * size[1] + row);
                let grays = &mut grays[frame..frame + size[0]];
                let highest = match intensities.is_raw() {
                    true => wide!(bins.levels(values, inside, f64::from, grays)),
                    false => bins.levels(values, inside, |value| intensities.value(value), grays),
                };
                [usize::from(highest), inside.iter().filter(|inside| **inside).count()]
            })
            .reduce(|| [0, 0], |a, b| [a[0].max(b[0]), a[1] + b[1]]);
        Ok(Self { size, frame, grays, highest, voxels })
    }

    /// Distance in the array between neighbors along each axis.
    pub(super) const fn strides(&self) -> [usize; 3] {
        let columns = self.size[0] + 2 * self.frame;
        [1, columns, columns * (self.size[1] + 2 * self.frame)]
    }

    /// How far a step of columns, rows and slices leads in the array.
    pub(super) fn offset(&self, step: [i32; 3]) -> isize {
        let strides = self.strides();
        (0..3).map(|axis| step[axis] as isize * strides[axis] as isize).sum()
    }

    /// Place of the first voxel of each row of one slice.
    pub(super) fn rows_of(&self, slice: usize) -> impl Iterator<Item = usize> + use<> {
        let [_, row, plane] = self.strides();
        let (frame, rows) = (self.frame, self.size[1]);
        (0..rows).map(move |at| (slice + frame) * plane + (at + frame) * row + frame)
    }

    /// Place of the first voxel of each row.
    pub(super) fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.size[2]).flat_map(|slice| self.rows_of(slice))
    }

    /// The row that begins at `from`, moved by `offset`.
    pub(super) fn row(&self, from: usize, offset: isize) -> &[u16] {
        let from = from.wrapping_add_signed(offset);
        &self.grays[from..from + self.size[0]]
    }

    /// Number of voxels of each gray level; index 0 counts nothing.
    pub(super) fn histogram(&self) -> Vec<u64> {
        let mut counts = vec![0; self.highest + 1];
        for from in self.rows() {
            self.row(from, 0).iter().for_each(|gray| counts[usize::from(*gray)] += 1);
        }
        counts[0] = 0;
        counts
    }
}

/// Edges of equal bins, as floating point numbers give them: `start + number * width`.
///
/// A quotient alone can put a value on the wrong side of an edge (0.3 / 0.1 is below 3); the
/// edges decide, as in `numpy.digitize`.
struct Bins {
    start: f64,
    width: f64,
    /// Bins in a unit of intensity.
    density: f64,
    /// The last bin, counted from 0.
    last: i32,
}

impl Bins {
    fn new([low, high]: [f64; 2], rule: Discretization) -> Result<Self, FilterError> {
        let (start, width) = match rule {
            Discretization::Count(0) => {
                return Err(FilterError::parameter("number of bins", 0, "at least 1"));
            }
            Discretization::Count(count) => (low, (high - low) / f64::from(count)),
            Discretization::Width(width) => (low - low.rem_euclid(width), width),
            Discretization::WidthFrom { width, start } if start.is_finite() && start <= low => (start, width),
            Discretization::WidthFrom { start, .. } => {
                return Err(FilterError::parameter(
                    "start of the first bin",
                    start,
                    "no more than the lowest intensity",
                ));
            }
        };
        if let Discretization::Count(count) = rule {
            let count = usize::from(count);
            if count > MOST_LEVELS {
                return Err(FilterError::parameter("number of bins", count, "at most 4096"));
            }
            return Ok(Self::of(start, width, count));
        }
        if !(width.is_finite() && width > 0.0) {
            return Err(FilterError::parameter("bin width", width, "more than 0"));
        }
        let levels = ((high - start) / width).floor() + 1.0;
        // A level more, since an edge and a quotient may disagree by one.
        if levels.is_nan() || levels >= MOST_LEVELS as f64 {
            return Err(FilterError::parameter(
                "number of gray levels",
                levels,
                "fewer than 4096: choose wider bins",
            ));
        }
        Ok(Self::of(start, width, levels as usize + 1))
    }

    fn of(start: f64, width: f64, count: usize) -> Self {
        // Intensities of one value are in one bin, whose edges are the same.
        let density = if width > 0.0 { width.recip() } else { 0.0 };
        let last = if width > 0.0 { count as i32 - 1 } else { 0 };
        Self { start, width, density, last }
    }

    /// Gray levels of a row, 0 outside the mask; gives the highest.
    #[inline(always)]
    fn levels(
        &self,
        values: &[f32],
        inside: &[bool],
        intensity: impl Fn(f32) -> f64,
        grays: &mut [u16],
    ) -> u16 {
        for ((gray, value), inside) in grays.iter_mut().zip(values).zip(inside) {
            *gray = self.level(intensity(*value)) * u16::from(*inside);
        }
        grays.iter().copied().fold(0, u16::max)
    }

    /// A gray level without a branch, so that a loop over a row fills the processor's lanes.
    #[inline(always)]
    fn level(&self, value: f64) -> u16 {
        // Rounding leads to the bin or to one beside it.
        let guess = ((value - self.start) * self.density).max(0.0).min(f64::from(self.last)) as i32;
        let below = (guess > 0) & (value < self.edge(guess));
        let above = (guess < self.last) & (value >= self.edge(guess + 1));
        (guess - i32::from(below) + i32::from(above)) as u16 + 1
    }

    #[inline(always)]
    fn edge(&self, bin: i32) -> f64 {
        self.start + f64::from(bin) * self.width
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(values: &[f64], rule: Discretization) -> Vec<u16> {
        let range = values.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| {
            [low.min(*value), high.max(*value)]
        });
        let bins = Bins::new(range, rule).expect("bins");
        values.iter().map(|value| bins.level(*value)).collect()
    }

    #[test]
    fn bins_of_a_width_begin_at_a_multiple_of_it() {
        assert_eq!(
            levels(&[-30.0, -26.0, -25.0, 0.0, 24.9, 25.0], Discretization::Width(25.0)),
            [1, 1, 2, 3, 3, 4]
        );
        let from = Discretization::WidthFrom { width: 25.0, start: -40.0 };
        assert_eq!(levels(&[-30.0, -15.0, 10.0], from), [1, 2, 3]);
    }

    #[test]
    fn a_number_of_bins_puts_the_highest_value_in_the_last() {
        assert_eq!(levels(&[0.0, 2.4, 2.5, 9.9, 10.0], Discretization::Count(4)), [1, 1, 2, 4, 4]);
        assert_eq!(levels(&[7.0, 7.0], Discretization::Count(64)), [1, 1]);
    }

    #[test]
    fn an_edge_that_no_binary_number_hits_still_decides() {
        assert_eq!(levels(&[0.0, 0.1, 0.2, 0.3, 0.7], Discretization::Width(0.1)), [1, 2, 3, 3, 7]);
    }

    #[test]
    fn absurd_bins_are_refused() {
        for rule in [
            Discretization::Width(0.0),
            Discretization::Width(f64::NAN),
            Discretization::Width(-1.0),
            Discretization::Width(1e-9),
            Discretization::Count(0),
            Discretization::Count(5000),
            Discretization::WidthFrom { width: 1.0, start: 2.0 },
        ] {
            assert!(Bins::new([1.0, 5.0], rule).is_err(), "{rule:?} was accepted");
        }
    }
}
