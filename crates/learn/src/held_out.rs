use serde::{Deserialize, Serialize};

/// What a network said of the images that it did not learn from: a run's `held-out.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOut {
    /// The number of this shape of file.
    pub schema: u32,
    /// The images, in the order of the data.
    pub cases: Vec<HeldOutCase>,
}

/// One image that was held out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOutCase {
    /// Its name.
    pub image: String,
    /// Index of its label; where labels are not one of all, of its stratum.
    pub label: usize,
    /// Of each label whether it is known to be there or not, where labels are not one of all; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<Option<bool>>,
    /// The network's outputs before any calibration, one a label.
    pub logits: Vec<f64>,
}

impl HeldOut {
    /// The present [`HeldOut::schema`].
    pub const SCHEMA: u32 = 1;
}
