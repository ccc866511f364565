use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::FilterError;

/// How lesions are matched, and what counts as a change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FollowUpSettings {
    /// Lesions that do not overlap are the same one where their centers are no further apart
    /// after registration, mm.
    pub nearest_mm: f64,
    /// Share of a lesion's volume that has to lie within another for a merge or a split, 0 to 1.
    pub part_share: f64,
    /// Rise of the long axis that counts as growth, percent (RECIST 1.1: 20).
    pub growth_percent: f64,
    /// Rise of the long axis that counts as growth, mm: both are needed (RECIST 1.1: 5).
    pub growth_mm: f64,
    /// Fall of the long axis that counts as shrinkage, percent (RECIST 1.1: 30).
    pub shrinkage_percent: f64,
}

impl Default for FollowUpSettings {
    /// RECIST 1.1; centers within 10 mm, parts of half their volume.
    fn default() -> Self {
        Self {
            nearest_mm: 10.0,
            part_share: 0.5,
            growth_percent: 20.0,
            growth_mm: 5.0,
            shrinkage_percent: 30.0,
        }
    }
}

impl FollowUpSettings {
    /// Refuses settings under which nothing could be told.
    ///
    /// # Errors
    /// [`FilterError::Parameter`] with the setting.
    pub(super) fn check(&self) -> Result<(), FilterError> {
        for (name, found) in [
            ("nearest distance", self.nearest_mm),
            ("growth", self.growth_percent),
            ("growth in length", self.growth_mm),
            ("shrinkage", self.shrinkage_percent),
        ] {
            if !(found.is_finite() && found > 0.0) {
                return Err(FilterError::parameter(name, found, "more than 0"));
            }
        }
        if !(self.part_share > 0.0 && self.part_share <= 1.0) {
            return Err(FilterError::parameter("share of a part", self.part_share, "more than 0 to 1"));
        }
        Ok(())
    }
}
