use serde::{Deserialize, Serialize};

/// One of the fourteen observations that CheXpert labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observation {
    /// Nothing but devices is present or in doubt.
    NoFinding,
    /// An enlarged outline of heart and mediastinum.
    EnlargedCardiomediastinum,
    /// An enlarged heart.
    Cardiomegaly,
    /// A nodule or mass.
    LungLesion,
    /// An opacity of the lung of any kind.
    LungOpacity,
    /// Edema of the lung.
    Edema,
    /// Consolidation.
    Consolidation,
    /// Pneumonia or another infection.
    Pneumonia,
    /// Atelectasis.
    Atelectasis,
    /// Pneumothorax.
    Pneumothorax,
    /// Pleural effusion.
    PleuralEffusion,
    /// Another disease of the pleura.
    PleuralOther,
    /// A fracture.
    Fracture,
    /// Tubes, lines, pacemakers and other devices.
    SupportDevices,
}

impl Observation {
    /// All of them, in the order of the columns of CheXpert's files.
    pub const ALL: [Self; 14] = [
        Self::NoFinding,
        Self::EnlargedCardiomediastinum,
        Self::Cardiomegaly,
        Self::LungLesion,
        Self::LungOpacity,
        Self::Edema,
        Self::Consolidation,
        Self::Pneumonia,
        Self::Atelectasis,
        Self::Pneumothorax,
        Self::PleuralEffusion,
        Self::PleuralOther,
        Self::Fracture,
        Self::SupportDevices,
    ];

    /// The name of its column in CheXpert's files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoFinding => "No Finding",
            Self::EnlargedCardiomediastinum => "Enlarged Cardiomediastinum",
            Self::Cardiomegaly => "Cardiomegaly",
            Self::LungLesion => "Lung Lesion",
            Self::LungOpacity => "Lung Opacity",
            Self::Edema => "Edema",
            Self::Consolidation => "Consolidation",
            Self::Pneumonia => "Pneumonia",
            Self::Atelectasis => "Atelectasis",
            Self::Pneumothorax => "Pneumothorax",
            Self::PleuralEffusion => "Pleural Effusion",
            Self::PleuralOther => "Pleural Other",
            Self::Fracture => "Fracture",
            Self::SupportDevices => "Support Devices",
        }
    }
}

/// What a report says of an observation that it mentions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is there.
    Present,
    /// It is not there.
    Absent,
    /// It may be there.
    Uncertain,
}

impl Status {
    /// As CheXpert's files have it: 1, 0 and -1; what is not mentioned is an empty cell.
    pub const fn cell(self) -> &'static str {
        match self {
            Self::Present => "1.0",
            Self::Absent => "0.0",
            Self::Uncertain => "-1.0",
        }
    }
}
