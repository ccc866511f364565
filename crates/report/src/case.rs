use crate::{Earlier, Prior};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::{Defect, Evidence, EvidenceId, Finding, Modality, View};

use crate::guideline::Decision;

/// Everything the writer is told: it knows nothing else.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Case {
    /// Name of the report to be.
    pub id: String,
    /// What was examined.
    pub exam: Exam,
    /// What was looked for, found or not.
    pub findings: Vec<Finding>,
    /// What bears the findings.
    pub evidence: Vec<Evidence>,
    /// Models that did not read the image, and why.
    pub abstentions: Vec<Abstention>,
    /// What was wrong with the files or the image.
    pub defects: Vec<Defect>,
    /// Lines the requester wrote; quoted, never believed.
    pub request: Vec<String>,
    /// What the image was compared with, in words; `None` where nothing was supplied.
    pub comparison: Option<String>,
    /// Findings of an earlier examination that were matched with those of this one.
    pub priors: Vec<Prior>,
    /// The earlier examinations that were compared, the latest first; their evidence is in `evidence`.
    pub earlier: Vec<Earlier>,
    /// Reasons to trust the reading less.
    pub cautions: Vec<Caution>,
    /// Models that read the image.
    pub models: Vec<ModelUse>,
    /// Pictures that go with the report.
    pub images: Vec<ImageRef>,
    /// Published rules that were applied, with their answers.
    pub decisions: Vec<Decision>,
}

/// What was examined.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exam {
    /// How the image was made, where known.
    pub modality: Option<Modality>,
    /// Body part in words, lower case, for example `chest`.
    pub body_part: Option<String>,
    /// The projection of a radiograph, where known.
    pub view: Option<View>,
    /// Columns, rows, slices (1 for a flat image).
    pub size: [usize; 3],
    /// Millimeters between columns, rows and slices, where known; 0 for slices of a flat image.
    pub spacing_mm: Option<[f64; 3]>,
    /// Files read.
    pub files: usize,
}

/// A model that did not read the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Abstention {
    /// Its name.
    pub model: String,
    /// Why, as a clause without a final period, for example `the image is not a chest radiograph`.
    pub reason: String,
}

/// A reason to trust the reading less.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Caution {
    /// A sentence without a final period.
    pub text: String,
    /// What bears it: evidence of the case. Where empty, the writer adds the caution itself as
    /// a rule, cited as `model card`.
    pub evidence: Vec<EvidenceId>,
}

/// A model that read the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelUse {
    /// Its name.
    pub name: String,
    /// Version on its card.
    pub version: String,
    /// Its validation in words, for example `AUC 0.94 (95 % interval 0.92 to 0.96) on 624 images`.
    pub validation: String,
    /// What it must not be used for, from its card: sentences without a final period.
    pub limits: Vec<String>,
}

/// A picture that goes with the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImageRef {
    /// A short name for people, without patient values.
    pub title: String,
    /// SHA-256 of the file it came from.
    pub sha256: String,
    /// File name of the heat map, where one was made.
    pub heatmap: Option<String>,
}
