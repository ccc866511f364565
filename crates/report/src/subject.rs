use sha2::{Digest, Sha256};
use wilhelm_study::{Modality, Patient, Phi, SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};

use crate::{Moment, Report};

/// Whom and what a report is about, for the forms that other systems file by: FHIR and HL7.
///
/// A patient's values come into those forms by [`Subject::patient`] and [`StudyRef`] alone, and only where the
/// caller put them there: by default there is no patient, and the forms say that the name is withheld.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subject {
    /// The patient, where the form is to name one.
    pub patient: Option<Patient>,
    /// The study that was read, where the source is DICOM.
    pub study: Option<StudyRef>,
}

/// The study that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyRef {
    /// Study Instance UID.
    pub study: StudyInstanceUid,
    /// Series Instance UID.
    pub series: SeriesInstanceUid,
    /// How the images were made.
    pub modality: Option<Modality>,
    /// The images.
    pub instances: Vec<InstanceRef>,
    /// Study Date, `YYYYMMDD`, where the form is to state it.
    pub date: Option<Phi<String>>,
    /// Accession Number, where the form is to state it.
    pub accession_number: Option<Phi<String>>,
}

/// One image of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceRef {
    /// SOP Class UID.
    pub sop_class: String,
    /// SOP Instance UID.
    pub sop_instance: SopInstanceUid,
}

/// What a form needs besides the report: whom it is about, what made it, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Issue {
    /// Whom and what it is about.
    pub subject: Subject,
    /// When the form is made.
    pub at: Moment,
    /// Version of the program.
    pub program_version: String,
}

/// The random part of a UUID from what it names: the same report, the same identifiers.
///
/// # Source
/// UUID version 8, RFC 9562 Section 5.8
pub(crate) fn uuid(report: &Report, role: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(report.id.as_bytes());
    for image in &report.images {
        hash.update(image.sha256.as_bytes());
    }
    hash.update([0]);
    hash.update(role.as_bytes());
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    bytes[6] = (bytes[6] & 0x0F) | 0x80;
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
