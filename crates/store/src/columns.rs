//! Which attributes each level of the catalog answers for, and how each is matched.

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;

/// A level of the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Patients: studies with the same Patient ID and issuer.
    Patient,
    /// Studies.
    Study,
    /// Series.
    Series,
    /// Composite objects.
    Instance,
}

/// How a key is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matching {
    /// One UID or a list of them.
    Uid,
    /// Text with wildcards.
    Text,
    /// A name without regard to case, in the folded column.
    Name(&'static str),
    /// A date or time, or a range of them.
    Range,
    /// A number.
    Number,
    /// Modalities in Study: a series of that modality is there.
    AnySeries,
    /// Counted, never matched.
    Never,
}

/// An attribute of the catalog.
pub(crate) struct Column {
    pub level: Level,
    pub tag: Tag,
    pub vr: VR,
    pub sql: &'static str,
    pub matching: Matching,
}

const fn column(level: Level, tag: Tag, vr: VR, sql: &'static str, matching: Matching) -> Column {
    Column { level, tag, vr, sql, matching }
}

/// In order of their tags within a level. Study columns come from `s`, series from `e`, instances from `i`.
pub(crate) const COLUMNS: [Column; 39] = {
    use Level::{Instance, Patient, Series, Study};
    use Matching::{AnySeries, Name, Never, Number, Range, Text, Uid};
    [
        column(Patient, tags::PATIENT_NAME, VR::PN, "s.patient_name", Name("s.patient_name_folded")),
        column(Patient, tags::PATIENT_ID, VR::LO, "s.patient_id", Text),
        column(Patient, tags::ISSUER_OF_PATIENT_ID, VR::LO, "s.issuer", Text),
        column(Patient, tags::PATIENT_BIRTH_DATE, VR::DA, "s.birth_date", Range),
        column(Patient, tags::PATIENT_SEX, VR::CS, "s.sex", Text),
        column(Study, tags::STUDY_DATE, VR::DA, "s.date", Range),
        column(Study, tags::STUDY_TIME, VR::TM, "s.time", Range),
        column(Study, tags::ACCESSION_NUMBER, VR::SH, "s.accession", Text),
        column(
            Study,
            tags::MODALITIES_IN_STUDY,
            VR::CS,
            "(SELECT group_concat(modality, '\\') FROM (SELECT DISTINCT modality FROM series WHERE study_key = s.key AND modality <> '' ORDER BY modality))",
            AnySeries,
        ),
        column(
            Study,
            tags::REFERRING_PHYSICIAN_NAME,
            VR::PN,
            "s.referring_physician",
            Name("s.referring_physician_folded"),
        ),
        column(Study, tags::STUDY_DESCRIPTION, VR::LO, "s.description", Text),
        column(Study, tags::STUDY_INSTANCE_UID, VR::UI, "s.uid", Uid),
        column(Study, tags::STUDY_ID, VR::SH, "s.study_id", Text),
        column(Study, tags::NUMBER_OF_STUDY_RELATED_SERIES, VR::IS, "s.series_count", Never),
        column(Study, tags::NUMBER_OF_STUDY_RELATED_INSTANCES, VR::IS, "s.instance_count", Never),
        column(Series, tags::SERIES_DATE, VR::DA, "e.date", Range),
        column(Series, tags::SERIES_TIME, VR::TM, "e.time", Range),
        column(Series, tags::MODALITY, VR::CS, "e.modality", Text),
        column(Series, tags::MANUFACTURER, VR::LO, "e.manufacturer", Text),
        column(Series, tags::STATION_NAME, VR::SH, "e.station", Text),
        column(Series, tags::SERIES_DESCRIPTION, VR::LO, "e.description", Text),
        column(Series, tags::BODY_PART_EXAMINED, VR::CS, "e.body_part", Text),
        column(Series, tags::SERIES_INSTANCE_UID, VR::UI, "e.uid", Uid),
        column(Series, tags::SERIES_NUMBER, VR::IS, "e.number", Number),
        column(Series, tags::NUMBER_OF_SERIES_RELATED_INSTANCES, VR::IS, "e.instance_count", Never),
        column(Series, tags::PERFORMED_PROCEDURE_STEP_START_DATE, VR::DA, "e.step_date", Range),
        column(Series, tags::PERFORMED_PROCEDURE_STEP_START_TIME, VR::TM, "e.step_time", Range),
        column(Instance, tags::SOP_CLASS_UID, VR::UI, "i.sop_class", Uid),
        column(Instance, tags::SOP_INSTANCE_UID, VR::UI, "i.uid", Uid),
        column(Instance, tags::CONTENT_DATE, VR::DA, "i.content_date", Range),
        column(Instance, tags::CONTENT_TIME, VR::TM, "i.content_time", Range),
        column(Instance, tags::AVAILABLE_TRANSFER_SYNTAX_UID, VR::UI, "i.transfer_syntax", Uid),
        column(Instance, tags::INSTANCE_NUMBER, VR::IS, "i.number", Number),
        column(Instance, tags::SAMPLES_PER_PIXEL, VR::US, "i.samples", Number),
        column(Instance, tags::NUMBER_OF_FRAMES, VR::IS, "i.frames", Number),
        column(Instance, tags::ROWS, VR::US, "i.rows", Number),
        column(Instance, tags::COLUMNS, VR::US, "i.columns", Number),
        column(Instance, tags::BITS_ALLOCATED, VR::US, "i.bits_allocated", Number),
        // Of a patient as a whole; the catalog adds its studies up.
        column(Patient, tags::NUMBER_OF_PATIENT_RELATED_STUDIES, VR::IS, "count(*)", Never),
    ]
};
