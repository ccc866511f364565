use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Affine, Metric, pyramid};
use crate::FilterError;

/// Which points of the fixed image are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// Every n-th voxel's center, so that there are at most `most`.
    Regular {
        /// Points at each level.
        most: usize,
    },
    /// About `most` voxels drawn by chance, each at a place by chance within its box. The same
    /// seed gives the same points.
    Random {
        /// Points at each level, about.
        most: usize,
        /// Start of the sequence of chance.
        seed: u64,
    },
}

impl Sampling {
    pub(super) const fn most(self) -> usize {
        match self {
            Self::Regular { most } | Self::Random { most, .. } => most,
        }
    }
}

/// Where the search begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Initialization {
    /// At the given start.
    Start,
    /// With the centers of the two grids on each other.
    Geometry,
    /// With the centers of mass of the two images on each other (values counted from the least).
    Mass,
    /// At the best of the three, by the measure on the coarsest level.
    Best,
}

/// How [`register_rigid`](super::register_rigid) and [`register_affine`](super::register_affine) search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RegisterSettings {
    /// What is compared.
    pub metric: Metric,
    /// Where it is compared.
    pub sampling: Sampling,
    /// The map that must not be made worse; the identity where none is given.
    pub start: Option<Affine>,
    /// Where the search begins.
    pub initialization: Initialization,
    /// Distance between voxels at each level in multiples of the finest distance of the coarser
    /// image, falling; 1 is both images as they are.
    pub shrink: Vec<usize>,
    /// Steps at each level, at most.
    pub iterations: usize,
    /// Root mean square shift of the last step on the finest level, mm: about the precision that
    /// is looked for.
    pub last_step_mm: f64,
    /// Share of the compared points that must lie in the moving image, more than 0 to 1.
    pub least_overlap: f64,
}

impl Default for RegisterSettings {
    /// Mutual information with 50 bins at about 200 000 points, levels 8, 4, 2 and 1.
    fn default() -> Self {
        Self {
            metric: Metric::MutualInformation { bins: 50 },
            sampling: Sampling::Random { most: 200_000, seed: 1 },
            start: None,
            initialization: Initialization::Best,
            shrink: vec![8, 4, 2, 1],
            iterations: 200,
            last_step_mm: 0.005,
            least_overlap: 0.1,
        }
    }
}

impl RegisterSettings {
    /// Refuses settings that lead nowhere.
    ///
    /// # Errors
    /// [`FilterError::Parameter`] with the setting.
    pub(super) fn check(&self) -> Result<(), FilterError> {
        if let Metric::MutualInformation { bins } = self.metric
            && !(8..=256).contains(&bins)
        {
            return Err(FilterError::parameter("bins", bins, "8 to 256"));
        }
        if self.sampling.most() < 100 {
            return Err(FilterError::parameter("points to compare", self.sampling.most(), "at least 100"));
        }
        pyramid::check(&self.shrink)?;
        if !(1..=10_000).contains(&self.iterations) {
            return Err(FilterError::parameter("iterations", self.iterations, "1 to 10000"));
        }
        if !(self.last_step_mm.is_finite() && self.last_step_mm > 0.0) {
            return Err(FilterError::parameter("last step", self.last_step_mm, "more than 0 mm"));
        }
        if !(self.least_overlap > 0.0 && self.least_overlap <= 1.0) {
            return Err(FilterError::parameter("least overlap", self.least_overlap, "more than 0 to 1"));
        }
        Ok(())
    }
}
