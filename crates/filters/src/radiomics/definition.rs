use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::QuantityKind;

/// A group of radiomic features.
///
/// Names follow pyradiomics; the IBSI reference manual's family stands beside each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Intensity-based statistics (IBSI UHIW), with entropy and uniformity of the binned intensities.
    FirstOrder,
    /// Intensity histogram (IBSI ZVCW): statistics of the gray levels after discretization.
    IntensityHistogram,
    /// Morphology of the mask in space (IBSI HCUG).
    Shape,
    /// Morphology of a flat mask: a mask of one slice, or of a flat image.
    Shape2d,
    /// Gray level co-occurrence matrix (IBSI LFYI).
    Glcm,
    /// Gray level run length matrix (IBSI TP0I).
    Glrlm,
    /// Gray level size zone matrix (IBSI 9SAK).
    Glszm,
    /// Gray level dependence matrix (IBSI REK0, neighboring gray level dependence).
    Gldm,
    /// Neighborhood gray tone difference matrix (IBSI IPET).
    Ngtdm,
}

impl Family {
    /// Every family, in the order of the results.
    pub const ALL: [Self; 9] = [
        Self::FirstOrder,
        Self::IntensityHistogram,
        Self::Shape,
        Self::Shape2d,
        Self::Glcm,
        Self::Glrlm,
        Self::Glszm,
        Self::Gldm,
        Self::Ngtdm,
    ];

    /// The name that pyradiomics uses in its tables (`firstorder`, `glcm`, `shape2D`).
    pub const fn label(self) -> &'static str {
        match self {
            Self::FirstOrder => "firstorder",
            Self::IntensityHistogram => "histogram",
            Self::Shape => "shape",
            Self::Shape2d => "shape2D",
            Self::Glcm => "glcm",
            Self::Glrlm => "glrlm",
            Self::Glszm => "glszm",
            Self::Gldm => "gldm",
            Self::Ngtdm => "ngtdm",
        }
    }
}

/// What a feature is, apart from any image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Definition {
    /// Its family.
    pub family: Family,
    /// Its name, as pyradiomics has it.
    pub name: &'static str,
    /// Its four-character identifier in the IBSI reference manual, where it has one.
    pub ibsi: Option<&'static str>,
    /// Its formula in plain text.
    pub formula: &'static str,
}

/// One measured feature.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Feature {
    /// Its family.
    pub family: Family,
    /// Its name, as pyradiomics has it.
    pub name: &'static str,
    /// Its four-character identifier in the IBSI reference manual, where it has one.
    pub ibsi: Option<&'static str>,
    /// Its value; none where it is not defined, for example a co-occurrence in a mask of one voxel.
    pub value: Option<f64>,
    /// Its unit in UCUM; `1` for a pure number.
    pub unit: &'static str,
}

/// The dimension of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dimension {
    Number,
    Intensity,
    IntensitySquared,
    IntensitySquaredVolume,
    Length,
    Area,
    Volume,
    PerLength,
}

impl Dimension {
    /// The UCUM unit, for voxels of a quantity; `None` for an image without a unit.
    pub(super) const fn unit(self, quantity: Option<QuantityKind>) -> &'static str {
        match (self, quantity) {
            (Self::Length, _) => "mm",
            (Self::Area, _) => "mm2",
            (Self::Volume, _) => "mm3",
            (Self::PerLength, _) => "/mm",
            (Self::Intensity, Some(QuantityKind::Hounsfield)) => "[hnsf'U]",
            (Self::IntensitySquared, Some(QuantityKind::Hounsfield)) => "[hnsf'U]2",
            (Self::IntensitySquaredVolume, Some(QuantityKind::Hounsfield)) => "[hnsf'U]2.mm3",
            (Self::Intensity, Some(QuantityKind::SuvBodyWeight)) => "g/mL",
            (Self::IntensitySquared, Some(QuantityKind::SuvBodyWeight)) => "g2/mL2",
            (Self::IntensitySquaredVolume, Some(QuantityKind::SuvBodyWeight)) => "g2/mL2.mm3",
            (Self::IntensitySquaredVolume, _) => "mm3",
            (Self::Number | Self::Intensity | Self::IntensitySquared, _) => "1",
        }
    }
}

/// One row of a family's table: name, identifier, dimension, formula.
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) ibsi: Option<&'static str>,
    pub(super) dimension: Dimension,
    pub(super) formula: &'static str,
}

/// A row of a family's table; an empty identifier is none.
pub(super) const fn entry(
    name: &'static str,
    ibsi: &'static str,
    dimension: Dimension,
    formula: &'static str,
) -> Entry {
    Entry { name, ibsi: if ibsi.is_empty() { None } else { Some(ibsi) }, dimension, formula }
}
