//! The journeys: what a person asks for, as steps over the other crates.
//!
//! The principal function is [`read_series`]: a calibrated [`Series`](wilhelm_study::Series) becomes
//! a checked report, a picture with what the network looked at, and the [`Provenance`] of both.
//! [`predict_planes`] is the same path up to the prediction. Nothing here draws on a terminal,
//! speaks HTTP or looks at a clock.

mod asking;
mod built_in;
mod case_base;
mod draft;
mod error;
mod findings;
mod fuse;
mod fusion;
pub mod library;
mod measured;
mod outputs;
mod picture;
mod predict;
mod prior;
mod prompts;
mod provenance;
mod read;
mod record;
mod reference;
mod structures;

pub use asking::{Asking, ask};
pub use built_in::built_in_shelf;
pub use case_base::{CaseBase, SignedWording};
pub use draft::{Asked, DraftSettings, Drafting, FAILURES, Freedom, Rephraser, draft};
pub use error::PipelineError;
pub use fuse::{
    Fused, FusionError, FusionInput, FusionMode, FusionSettings, RequestReading, RequestSaid, SaidSign,
    StackedWeights, encoder_reading, fuse, language_model_reading,
};
pub use fusion::{CaseInput, CaseReading, predict_cases};
pub use measured::{MeasuredError, NamedMask, axes_of_labels, sums_of_targets};
pub use outputs::{Form, OutputContext, OutputError, output, restated};
pub use picture::{heat_map_overlay, picture};
pub use predict::{
    Candidate, ImportedReading, Reading, Stack, facts, predict_adopted, predict_imported, predict_planes,
    prepared, refusal, representative_plane,
};
pub use prior::{
    Comparable, Given, Identity, PriorError, ReadBack, SamePatient, in_order, read_back, same_kind,
    same_patient,
};
pub use prompts::{identifies, known_values, prompt_scrub};
pub use provenance::{LanguageModelUse, ModelVerdict, ModelVersion, Provenance, Settings};
pub use read::{ReadOptions, ReadOutcome, Readers, read_series};
pub use record::{
    Change, ChangeKind, Entry, ListedSource, Mention, Part, PatientRecord, RecordError, RecordSource,
    Refused, SourceKind, Span, Status, Unproven, Wording, compare, proven, record, record_html,
};
pub use reference::{KnowledgeBase, KnowledgeSource, KnowledgeUse, ReferenceSettings};
pub use structures::{Structure, StructureMeasurement, Structures, brain_by_network, structures};
pub use wilhelm_report::{ChainError, Version, verify, version_sha256};
