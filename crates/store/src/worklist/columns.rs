use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;

use crate::columns::Matching;

/// An attribute of the worklist: where it stands in the model, and its column.
pub(crate) struct WorklistColumn {
    pub place: &'static [Tag],
    pub vr: VR,
    pub sql: &'static str,
    pub matching: Matching,
    /// Its column of folded names, where it is one.
    pub folded: Option<&'static str>,
}

const STEP: Tag = tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE;
const PROCEDURE: Tag = tags::REQUESTED_PROCEDURE_CODE_SEQUENCE;
const PROTOCOL: Tag = tags::SCHEDULED_PROTOCOL_CODE_SEQUENCE;

const fn text(place: &'static [Tag], vr: VR, sql: &'static str) -> WorklistColumn {
    WorklistColumn { place, vr, sql, matching: Matching::Text, folded: None }
}

const fn name(place: &'static [Tag], sql: &'static str, folded: &'static str) -> WorklistColumn {
    WorklistColumn { place, vr: VR::PN, sql, matching: Matching::Name(folded), folded: Some(folded) }
}

const fn range(place: &'static [Tag], vr: VR, sql: &'static str) -> WorklistColumn {
    WorklistColumn { place, vr, sql, matching: Matching::Range, folded: None }
}

/// The columns of the table, each level in the order of its tags.
///
/// # Source
/// PS3.4 Table K.6-1
pub(crate) const COLUMNS: [WorklistColumn; 33] = [
    text(&[tags::ACCESSION_NUMBER], VR::SH, "accession"),
    name(&[tags::REFERRING_PHYSICIAN_NAME], "referring_physician", "referring_physician_folded"),
    name(&[tags::PATIENT_NAME], "patient_name", "patient_name_folded"),
    text(&[tags::PATIENT_ID], VR::LO, "patient_id"),
    text(&[tags::ISSUER_OF_PATIENT_ID], VR::LO, "issuer"),
    range(&[tags::PATIENT_BIRTH_DATE], VR::DA, "birth_date"),
    text(&[tags::PATIENT_SEX], VR::CS, "sex"),
    WorklistColumn {
        place: &[tags::STUDY_INSTANCE_UID],
        vr: VR::UI,
        sql: "study_uid",
        matching: Matching::Uid,
        folded: None,
    },
    name(&[tags::REQUESTING_PHYSICIAN], "requesting_physician", "requesting_physician_folded"),
    text(&[tags::REQUESTED_PROCEDURE_DESCRIPTION], VR::LO, "procedure_description"),
    text(&[PROCEDURE, tags::CODE_VALUE], VR::SH, "procedure_code"),
    text(&[PROCEDURE, tags::CODING_SCHEME_DESIGNATOR], VR::SH, "procedure_scheme"),
    text(&[PROCEDURE, tags::CODE_MEANING], VR::LO, "procedure_meaning"),
    text(&[tags::ADMISSION_ID], VR::LO, "admission"),
    text(&[tags::CURRENT_PATIENT_LOCATION], VR::LO, "patient_location"),
    text(&[STEP, tags::MODALITY], VR::CS, "modality"),
    text(&[STEP, tags::SCHEDULED_STATION_AE_TITLE], VR::AE, "station"),
    range(&[STEP, tags::SCHEDULED_PROCEDURE_STEP_START_DATE], VR::DA, "date"),
    range(&[STEP, tags::SCHEDULED_PROCEDURE_STEP_START_TIME], VR::TM, "time"),
    name(
        &[STEP, tags::SCHEDULED_PERFORMING_PHYSICIAN_NAME],
        "performing_physician",
        "performing_physician_folded",
    ),
    text(&[STEP, tags::SCHEDULED_PROCEDURE_STEP_DESCRIPTION], VR::LO, "step_description"),
    text(&[STEP, PROTOCOL, tags::CODE_VALUE], VR::SH, "protocol_code"),
    text(&[STEP, PROTOCOL, tags::CODING_SCHEME_DESIGNATOR], VR::SH, "protocol_scheme"),
    text(&[STEP, PROTOCOL, tags::CODE_MEANING], VR::LO, "protocol_meaning"),
    text(&[STEP, tags::SCHEDULED_PROCEDURE_STEP_ID], VR::SH, "step_id"),
    text(&[STEP, tags::SCHEDULED_STATION_NAME], VR::SH, "station_name"),
    text(&[STEP, tags::SCHEDULED_PROCEDURE_STEP_LOCATION], VR::SH, "step_location"),
    text(&[tags::REQUESTED_PROCEDURE_ID], VR::SH, "procedure_id"),
    text(
        &[tags::ORDER_PLACER_IDENTIFIER_SEQUENCE, tags::LOCAL_NAMESPACE_ENTITY_ID],
        VR::UT,
        "placer_namespace",
    ),
    text(
        &[tags::ORDER_FILLER_IDENTIFIER_SEQUENCE, tags::LOCAL_NAMESPACE_ENTITY_ID],
        VR::UT,
        "filler_namespace",
    ),
    text(&[tags::REQUESTED_PROCEDURE_PRIORITY], VR::SH, "priority"),
    text(&[tags::PLACER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST], VR::LO, "placer"),
    text(&[tags::FILLER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST], VR::LO, "filler"),
];

pub(crate) fn of(place: &[Tag]) -> Option<&'static WorklistColumn> {
    COLUMNS.iter().find(|column| column.place == place)
}
