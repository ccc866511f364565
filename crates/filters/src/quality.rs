//! The quality card: what an image is worth before a network sees it.
//!
//! [`quality`] measures saturation, blankness, noise, sharpness, entropy and the likeness of neighboring
//! pixels, and says in words what follows. An image of random noise and a blank image are [`Severity::Unfit`]:
//! no network is asked about them.
//!
//! [`volume_quality`] adds what only a volume shows: slices that differ from their neighbors, ghosting beside the
//! body (MR), anatomy cut off by the field of view (CT).
//!
//! The card knows no modality: it tells an image from a non-image. Whether it is the right kind of image is
//! the model card's question.

mod anatomy;
mod ghosting;
mod measure;
mod remark;
mod volume;

pub use volume::{StandingSlice, VolumeQuality, volume_quality};

use schemars::JsonSchema;
use serde::Serialize;

/// How grave a remark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; changes nothing.
    Note,
    /// Findings on this image deserve less trust.
    Warning,
    /// No network should be asked about this image.
    Unfit,
}

/// One observation about the quality of an image, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct QualityRemark {
    /// How grave it is.
    pub severity: Severity,
    /// What was measured and what it means, without a final period.
    pub text: String,
}

/// The interval of values that saturation, entropy and contrast are judged against.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ValueRange {
    /// Lowest value.
    pub low: f32,
    /// Highest value.
    pub high: f32,
    /// Whether the caller stated it (the range the file can hold) or it is the least and greatest value found.
    pub stated: bool,
}

/// Pearson correlation of pixels with their neighbors: near 1 in a picture of anything, near 0 in random noise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct NeighborCorrelation {
    /// Between neighbors in one row.
    pub along_rows: f64,
    /// Between neighbors in one column.
    pub along_columns: f64,
}

/// What was measured on one image (or on all slices of a volume together), and what follows.
///
/// A measurement that the image cannot support (too few pixels, one value throughout) is `None`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct QualityCard {
    /// Number of columns.
    pub columns: usize,
    /// Number of rows.
    pub rows: usize,
    /// Number of slices; 1 for a flat image.
    pub slices: usize,
    /// Fraction of values that are not finite numbers, 0 to 1. All else is measured without them.
    pub not_finite: f64,
    /// What saturation, entropy and contrast are judged against; `None` without any finite value.
    pub range: Option<ValueRange>,
    /// Fraction of values at or below the low end of the range, 0 to 1.
    pub saturated_low: f64,
    /// Fraction of values at or above the high end of the range, 0 to 1.
    pub saturated_high: f64,
    /// Mean, in the image's own unit.
    pub mean: f64,
    /// Standard deviation (population), in the image's own unit.
    pub standard_deviation: f64,
    /// Number of different levels, told apart in 65,536 steps from the least to the greatest value.
    pub distinct_levels: usize,
    /// Fraction of values in the most frequent of 256 steps of the range, 0 to 1.
    pub commonest_share: f64,
    /// Shannon entropy of 256 steps of the range, in bits, 0 to 8.
    pub entropy_bits: f64,
    /// Standard deviation of the noise, in the image's own unit.
    ///
    /// # Source
    /// Immerkaer 1996, doi:10.1006/cviu.1996.0060
    pub noise_sigma: Option<f64>,
    /// Spread of the image (1st to 99th percentile) over the noise; `None` if no noise was found.
    pub contrast_to_noise: Option<f64>,
    /// Variance of the Laplacian (four neighbors) at full size, in the image's own unit squared.
    pub laplacian_variance: Option<f64>,
    /// Variance of the Laplacian over the variance of the image, both on block means with at most 64 cells a
    /// side, so that images of different size compare. White noise has 20, real images 0.09 and more.
    pub sharpness: Option<f64>,
    /// Likeness of neighboring pixels at full size.
    pub pixel_correlation: Option<NeighborCorrelation>,
    /// Likeness of neighboring block means with at most 16 cells a side: tells enlarged or smoothed noise,
    /// whose pixels are alike, from a picture.
    pub structure_correlation: Option<NeighborCorrelation>,
    /// What follows, gravest first.
    pub remarks: Vec<QualityRemark>,
}

impl QualityCard {
    /// The gravest remark's severity; `None` if there is nothing to say.
    pub fn worst(&self) -> Option<Severity> {
        self.remarks.iter().map(|remark| remark.severity).max()
    }

    /// Whether a network may be asked about this image at all.
    pub fn is_fit(&self) -> bool {
        self.worst() != Some(Severity::Unfit)
    }
}

/// Measures the quality of a flat image, or of all slices of a volume together.
///
/// # Shapes
/// `values` holds `columns * rows` numbers a slice, columns fastest; more than one slice is a volume and is
/// measured slice by slice (neighbors are sought within a slice). An array that does not fit is unfit, in words.
///
/// # Units
/// `range` is the interval the values can take, such as 0 to 255; without it the least and the greatest value
/// found stand in, and saturation then only says how many values sit at the extremes.
///
/// # Source
/// Thresholds were set on 4,172 ultrasound, radiograph and MR images of 28 to 1024 pixels a side and on noise
/// images, plain, enlarged and smoothed; each is stated with its reason beside its constant. Noise enlarged so
/// much that its grain is more than 1/28 of a side is not told from a picture.
///
/// # Examples
/// ```
/// use wilhelm_filters::quality::{Severity, quality};
///
/// let blank = quality(&[7.0; 64 * 64], 64, 64, Some((0.0, 255.0)));
/// assert_eq!(blank.worst(), Some(Severity::Unfit));
/// assert!(blank.remarks[0].text.contains("blank"));
/// ```
pub fn quality(values: &[f32], columns: usize, rows: usize, range: Option<(f32, f32)>) -> QualityCard {
    let mut card = measure::measure(values, columns, rows, range);
    card.remarks = remark::remarks(&card, values.len());
    card
}

/// Standard deviation of the noise of one slice; `None` where it is too small to tell.
pub(crate) fn slice_noise(values: &[f32], columns: usize, rows: usize) -> Option<f64> {
    measure::stencils(values, columns, rows).0
}
