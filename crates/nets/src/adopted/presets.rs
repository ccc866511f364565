use serde::{Deserialize, Serialize};

use crate::{Label, Targets};

/// How networks of a well-known source want their input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Three channels, each less ImageNet's mean and over its deviation.
    Torchvision,
    /// One channel from -1024 to 1024, findings each for itself.
    Torchxrayvision,
    /// Three channels, each `(255 * gray - 127) / 128`, as EfficientNet's Lite form has them.
    EfficientnetLite,
    /// Three channels from -1 to 1, as timm's vision transformers with `augreg` weights have them.
    Timm,
}

/// The findings of TorchXRayVision's networks, in the order of `xrv.datasets.default_pathologies`.
const FINDINGS: [&str; 18] = [
    "Atelectasis",
    "Consolidation",
    "Infiltration",
    "Pneumothorax",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Effusion",
    "Pneumonia",
    "Pleural_Thickening",
    "Cardiomegaly",
    "Nodule",
    "Mass",
    "Hernia",
    "Lung Lesion",
    "Fracture",
    "Lung Opacity",
    "Enlarged Cardiomediastinum",
];

impl Preset {
    /// What is subtracted from gray values from 0 to 1, and what divides them.
    ///
    /// # Source
    /// `torchxrayvision.utils.normalize`: `(2 * (image / greatest) - 1) * 1024`; `timm`'s `IMAGENET_INCEPTION_MEAN`
    pub const fn normalization(self) -> (f32, f32) {
        match self {
            Self::Torchvision => (0.0, 1.0),
            Self::Torchxrayvision => (0.5, 1.0 / 2048.0),
            Self::EfficientnetLite => (127.0 / 255.0, 128.0 / 255.0),
            Self::Timm => (0.5, 0.5),
        }
    }

    /// What is subtracted from each channel after that, and what divides it.
    pub fn channels(self) -> (Vec<f32>, Vec<f32>) {
        match self {
            Self::Torchvision => (vec![0.485, 0.456, 0.406], vec![0.229, 0.224, 0.225]),
            Self::Torchxrayvision | Self::EfficientnetLite | Self::Timm => (Vec::new(), Vec::new()),
        }
    }

    /// Which labels go together.
    pub const fn targets(self) -> Targets {
        match self {
            Self::Torchxrayvision => Targets::MultiLabel,
            Self::Torchvision | Self::EfficientnetLite | Self::Timm => Targets::OneOf,
        }
    }

    /// The labels of so many scores, where its networks all have the same.
    pub fn labels(self, scores: usize) -> Vec<Label> {
        if self != Self::Torchxrayvision || scores != FINDINGS.len() {
            return Vec::new();
        }
        let label = |finding: &&str| Label {
            key: finding.to_lowercase().replace(' ', "_"),
            name: finding.to_lowercase().replace('_', " "),
            synonyms: Vec::new(),
            code: None,
            normal: false,
        };
        FINDINGS.iter().map(label).collect()
    }
}
