use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How the image was made: the Defined Terms of Modality (0008,0060) that this program knows.
///
/// # Source
/// PS3.3 Section C.7.3.1.1.1
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
#[non_exhaustive]
pub enum Modality {
    /// Computed tomography, `CT`.
    Ct,
    /// Magnetic resonance, `MR`.
    Mr,
    /// Computed radiography, `CR`.
    Cr,
    /// Digital radiography, `DX`.
    Dx,
    /// Ultrasound, `US`.
    Us,
    /// Positron emission tomography, `PT`.
    Pt,
    /// Any other term, as written.
    Other(String),
}

impl Modality {
    /// The Defined Term as DICOM writes it.
    pub fn term(&self) -> &str {
        match self {
            Self::Ct => "CT",
            Self::Mr => "MR",
            Self::Cr => "CR",
            Self::Dx => "DX",
            Self::Us => "US",
            Self::Pt => "PT",
            Self::Other(term) => term,
        }
    }

    /// The name a reader would say.
    pub fn spoken(&self) -> &str {
        match self {
            Self::Ct => "computed tomography",
            Self::Mr => "magnetic resonance",
            Self::Cr | Self::Dx => "radiograph",
            Self::Us => "ultrasound",
            Self::Pt => "positron emission tomography",
            Self::Other(term) => term,
        }
    }
}

impl From<String> for Modality {
    fn from(term: String) -> Self {
        match term.trim() {
            "CT" => Self::Ct,
            "MR" => Self::Mr,
            "CR" => Self::Cr,
            "DX" => Self::Dx,
            "US" => Self::Us,
            "PT" => Self::Pt,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl From<Modality> for String {
    fn from(modality: Modality) -> String {
        modality.term().to_owned()
    }
}

impl fmt::Display for Modality {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.term())
    }
}

/// The projection of a radiograph: Defined Terms of View Position (0018,5101).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum View {
    /// Posterior to anterior.
    Pa,
    /// Anterior to posterior.
    Ap,
    /// Left or right lateral.
    Lateral,
}

impl View {
    /// Reads the Defined Term; an unknown term is no view.
    pub fn from_term(term: &str) -> Option<Self> {
        match term.trim() {
            "PA" => Some(Self::Pa),
            "AP" => Some(Self::Ap),
            "LL" | "RL" | "LATERAL" | "LAT" => Some(Self::Lateral),
            _ => None,
        }
    }

    /// The view as a report names it.
    pub const fn spoken(&self) -> &'static str {
        match self {
            Self::Pa => "posteroanterior",
            Self::Ap => "anteroposterior",
            Self::Lateral => "lateral",
        }
    }
}
