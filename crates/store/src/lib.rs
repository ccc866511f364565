//! The archive: a catalog of studies in SQLite, and their objects as files.
//!
//! The principal type is [`Store`]. An object arrives through [`Store::arrive`] and [`Store::take`]; it is acknowledged by
//! [`Pending::wait`] only once its bytes, its name and its row are on the disk. What waits is committed together.
//!
//! Invariants held here: an object's file is named by the SHA-256 of its bytes, so that no name comes from outside and
//! every name is a checksum; a name in `objects` is of a whole file; the catalog has one writer; what is declared by an
//! object is judged before it is allocated; no message holds a patient's value.
//!
//! This crate knows no network, and nothing of what pixels mean.

mod activity;
mod annotations;
mod attributes;
pub mod backup;
mod bell;
mod bin;
mod check;
mod columns;
mod commitments;
mod consult;
mod content;
mod describe;
mod element;
mod error;
mod ingest;
mod json;
mod limits;
mod objects;
mod patients;
mod query;
pub mod queue;
mod reports;
mod schema;
mod sealed;
mod store;
mod text;
mod workitems;
mod worklist;

pub use activity::{Activity, Facts, Matched, Outcome, RuleState};
pub use annotations::{
    AnnotationFault, Annotations, ItemImage, ItemOrder, ItemRow, NewItem, NewProject, ProjectRow,
    StoredAnswer, TaskRow,
};
pub use attributes::{Attributes, InstanceAttributes, SeriesAttributes, StudyAttributes};
pub use bell::Bell;
pub use bin::{Binned, Deleted};
pub use check::{Checked, Fault};
pub use columns::Level;
pub use commitments::Commitment;
pub use consult::{
    Consultation, Consultations, Guest, GuestRole, NewConsultation, NewOpinion, Opened, StoredNote,
    StoredOpinion,
};
pub use content::Content;
pub use describe::{
    BULK_MARK, BulkPlace, Description, FileMeta, PixelPlace, bulk_place, data_set_json, describe, file_meta,
    inflated, read_metadata,
};
pub use error::StoreError;
pub use ingest::Receipt;
pub use json::quoted as write_quoted;
pub use limits::Limits;
pub use objects::Arriving;
pub use patients::{Demographics, PatientChange, PatientChanged, PatientKey};
pub use query::{Answer, Answered, Query, answers_with, can_match, write_attribute};
pub use reports::{
    Added, DecisionCount, NewDecision, NewReport, NewVersion, ReportFault, ReportRow, Reports, Seen,
    StoredDecision, StoredVersion, WorklistQuery, WorklistRow,
};
pub use workitems::{Workitem, WorkitemQuery};
pub use worklist::{OrderChange, OrderControl, Ordered, ScheduledStep, matches_worklist, worklist_places};

pub use store::{Count, Duplicates, Expected, Located, Pending, Place, Settings, Store, Taken};
