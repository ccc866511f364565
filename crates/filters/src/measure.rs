//! Measurements of what was segmented, each with the range that the grid allows.
//!
//! [`Measured`] is the result of all of them: a number, its unit in UCUM, and a lower and an upper
//! value. The two ends say what the number would be if the drawn border ran half a voxel further in
//! or out (or one pixel at each edge, for a width): the least that the spacing leaves open, and not
//! the error of whoever drew the border.

mod brain;
mod cine;
mod diameter;
mod extent;
mod heart;
mod intensity;
mod lungs;
pub(crate) mod outline;
mod surface;
mod tube;
mod volume;

pub use brain::{Asymmetry, EvansIndex, evans_index, left_right_asymmetry};
pub use cine::{AreaChange, area_change};
pub use diameter::{Diameters, diameters_of_labels, greatest_diameter, in_plane_diameters};
pub use heart::{CardiothoracicRatio, cardiothoracic_ratio};
pub use intensity::{IntensityStatistics, Uptake, intensity_statistics, uptake};
pub use lungs::{Emphysema, emphysema};
pub use surface::{MaskSurfaces, SurfaceElement, surface_distances};
pub use tube::{Tube, TubeSection, tube_diameters};
pub use volume::{surface_voxels, volume};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A measured number with its unit and the range that the grid leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// The number.
    pub value: f64,
    /// Lower end of what the grid leaves open, in the same unit.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// UCUM unit, for example `mm`, `mL`, `[hnsf'U]`, `1` for a ratio.
    #[serde(skip_deserializing)]
    pub unit: &'static str,
}

impl Measured {
    /// A number between its ends.
    pub(crate) fn new(value: f64, low: f64, high: f64, unit: &'static str) -> Self {
        Self { value, low: low.min(value), high: high.max(value), unit }
    }
}
