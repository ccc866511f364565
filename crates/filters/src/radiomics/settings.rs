use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aggregation, Discretization, Family};
use crate::FilterError;

/// How intensities of the whole image are brought to one scale before anything else.
///
/// `(x - mean) / standard deviation * scale`, the deviation that of a sample (`n - 1`).
///
/// # Source
/// pyradiomics `normalize`, `normalizeScale`, `removeOutliers`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Normalization {
    /// Standard deviation of the image afterward.
    pub scale: f64,
    /// Values further from the mean than this many standard deviations are brought that near.
    pub clip_sigmas: Option<f64>,
}

/// Which voxels of the mask take part in intensity and texture features (IBSI intensity mask).
///
/// Shape features always use the whole mask.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resegmentation {
    /// Intensities in a range, both ends included.
    Range {
        /// Lowest intensity that stays.
        low: f64,
        /// Highest intensity that stays.
        high: f64,
    },
    /// Intensities within so many standard deviations of the mask's mean.
    Sigmas(f64),
}

/// What is measured, and how.
///
/// A label is chosen beforehand, by [`LabelMap::mask`](wilhelm_study::LabelMap::mask).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RadiomicsSettings {
    /// Families to measure. [`Family::Shape`] is left out for flat images, [`Family::Shape2d`] for
    /// masks of several slices.
    pub families: BTreeSet<Family>,
    /// How intensities become gray levels.
    pub discretization: Discretization,
    /// Whether, and how, the whole image is normalized first.
    pub normalization: Option<Normalization>,
    /// Whether, and how, outlying voxels leave the mask.
    pub resegmentation: Option<Resegmentation>,
    /// Distances in voxels (longest component) between a voxel and its neighbors, from 1 to 8, for
    /// GLCM, GLDM and NGTDM.
    pub distances: Vec<usize>,
    /// How directions are combined in GLCM and GLRLM.
    pub aggregation: Aggregation,
    /// Whether neighbors are looked for in the same slice only (2.5-D: slices share one matrix).
    pub force_2d: bool,
    /// Added to each intensity in Energy, TotalEnergy and RootMeanSquared, so that none is negative.
    pub voxel_array_shift: f64,
    /// Gray levels by which a dependent neighbor may differ in GLDM (`alpha`).
    pub dependence_cutoff: u16,
}

impl Default for RadiomicsSettings {
    /// The defaults of pyradiomics: every family, bins of width 25, distance 1, directions averaged.
    fn default() -> Self {
        Self {
            families: Family::ALL.into(),
            discretization: Discretization::Width(25.0),
            normalization: None,
            resegmentation: None,
            distances: vec![1],
            aggregation: Aggregation::Averaged,
            force_2d: false,
            voxel_array_shift: 0.0,
            dependence_cutoff: 0,
        }
    }
}

impl RadiomicsSettings {
    /// Distances in ascending order, each once.
    pub(super) fn checked(&self) -> Result<Vec<usize>, FilterError> {
        let distances: BTreeSet<usize> = self.distances.iter().copied().collect();
        if let Some(wrong) = distances.iter().find(|distance| !(1..=8).contains(*distance)) {
            return Err(FilterError::parameter("distance", wrong, "1 to 8 voxels"));
        }
        if distances.is_empty() {
            return Err(FilterError::parameter("number of distances", 0, "at least 1"));
        }
        if !self.voxel_array_shift.is_finite() {
            return Err(FilterError::parameter(
                "voxel array shift",
                self.voxel_array_shift,
                "a finite number",
            ));
        }
        let positive = |value: f64| value.is_finite() && value > 0.0;
        if let Some(normalization) = self.normalization {
            let Normalization { scale, clip_sigmas } = normalization;
            if let Some(wrong) =
                [Some(scale), clip_sigmas].into_iter().flatten().find(|value| !positive(*value))
            {
                return Err(FilterError::parameter("normalization", wrong, "more than 0"));
            }
        }
        match self.resegmentation {
            Some(Resegmentation::Sigmas(sigmas)) if !positive(sigmas) => {
                Err(FilterError::parameter("resegmentation sigmas", sigmas, "more than 0"))
            }
            Some(Resegmentation::Range { low, high }) if low.is_nan() || high.is_nan() || low > high => {
                Err(FilterError::parameter(
                    "resegmentation range",
                    format!("{low} to {high}"),
                    "a low end no higher than the high end",
                ))
            }
            _ => Ok(distances.into_iter().collect()),
        }
    }
}
