//! Scheduled procedure steps: what is to be examined, as orders say, and as scanners ask for it.
//!
//! Source: PS3.4 Annex K.

mod columns;
mod orders;
mod search;

use std::collections::BTreeMap;

use dicom_core::{Tag, VR};
use wilhelm_study::Phi;

pub use orders::{OrderChange, OrderControl, Ordered};
pub use search::matches_worklist;

use columns::COLUMNS;

/// Its table; a step that was published is never edited.
pub(crate) const STEP: &str = "
CREATE TABLE worklist (
    key INTEGER PRIMARY KEY,
    state TEXT NOT NULL,
    changed INTEGER NOT NULL,
    patient_name TEXT NOT NULL,
    patient_name_folded TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    issuer TEXT NOT NULL,
    birth_date TEXT NOT NULL,
    sex TEXT NOT NULL,
    admission TEXT NOT NULL,
    patient_location TEXT NOT NULL,
    referring_physician TEXT NOT NULL,
    referring_physician_folded TEXT NOT NULL,
    accession TEXT NOT NULL,
    placer TEXT NOT NULL,
    filler TEXT NOT NULL,
    requesting_physician TEXT NOT NULL,
    requesting_physician_folded TEXT NOT NULL,
    procedure_id TEXT NOT NULL,
    procedure_description TEXT NOT NULL,
    procedure_code TEXT NOT NULL,
    procedure_scheme TEXT NOT NULL,
    procedure_meaning TEXT NOT NULL,
    study_uid TEXT NOT NULL,
    priority TEXT NOT NULL,
    station TEXT NOT NULL,
    station_name TEXT NOT NULL,
    modality TEXT NOT NULL,
    date TEXT NOT NULL,
    time TEXT NOT NULL,
    performing_physician TEXT NOT NULL,
    performing_physician_folded TEXT NOT NULL,
    step_description TEXT NOT NULL,
    step_id TEXT NOT NULL,
    step_location TEXT NOT NULL,
    protocol_code TEXT NOT NULL,
    protocol_scheme TEXT NOT NULL,
    protocol_meaning TEXT NOT NULL
) STRICT;
CREATE INDEX worklist_date ON worklist (state, date, time);
CREATE INDEX worklist_placer ON worklist (placer);
CREATE INDEX worklist_filler ON worklist (filler);
CREATE INDEX worklist_patient ON worklist (patient_id, issuer);
";

/// The namespaces of an order's numbers; a step that was published is never edited.
pub(crate) const NAMESPACES: &str = "
ALTER TABLE worklist ADD COLUMN placer_namespace TEXT NOT NULL DEFAULT '';
ALTER TABLE worklist ADD COLUMN filler_namespace TEXT NOT NULL DEFAULT '';
";

/// A scheduled procedure step: its attributes by their places in the information model.
///
/// A place is the tags on the way to an attribute, sequences first. What is not there was not said; "" was said to be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduledStep(BTreeMap<&'static [Tag], Phi<String>>);

impl ScheduledStep {
    /// The same step with one more attribute; one that the worklist does not hold is left out.
    #[must_use]
    pub fn with(mut self, place: &[Tag], value: impl Into<String>) -> Self {
        if let Some(column) = columns::of(place) {
            self.0.insert(column.place, Phi::new(value.into()));
        }
        self
    }

    /// The value at a place, "" where there is none.
    pub fn text(&self, place: &[Tag]) -> &str {
        self.0.get(place).map_or("", |value| value.expose())
    }

    /// What was said of a place.
    pub(crate) fn said(&self, place: &[Tag]) -> Option<&str> {
        self.0.get(place).map(|value| value.expose().as_str())
    }
}

/// Every place that the worklist answers with, in the order of the data set, with its VR.
pub fn worklist_places() -> impl Iterator<Item = (&'static [Tag], VR)> {
    COLUMNS.iter().map(|column| (column.place, column.vr))
}
