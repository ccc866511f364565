use std::fmt;

use serde_json::Value;
use wilhelm_report::{HtmlImages, Moment, Report};
use wilhelm_study::{Defect, Patient, Phi};

/// What reads studies and makes the forms that need DICOM: the one door behind which models are.
///
/// `server` knows no model; who has some implements this and hands it to [`Desk::new`](super::Desk::new). Both functions are
/// called on threads that may wait, several at once.
pub trait StudyReader: Send + Sync {
    /// Reads a study: one draft a series that could be read, or a part of one where its images are of several sizes.
    ///
    /// The objects come in the order of their series and numbers, from [`StudyToRead::bytes`], which opens what lies sealed;
    /// nothing of them may be written to a disk. `formats::read_bytes` makes series of them under the names given to it (the SOP
    /// Instance UID serves), `formats::dicom::objects::references_of_bytes` what [`Drafted::images`] is. Objects without
    /// pixels, such as reports of this desk, are among them and are to be passed over.
    ///
    /// `progress` is told what is done, how far, and of how much; where it answers `false`, the reading ends with
    /// [`ReadFailure::Cancelled`].
    ///
    /// # Errors
    /// [`ReadFailure`]; a series that no model accepts is none, but a draft that says so.
    fn read(
        &self,
        study: &StudyToRead<'_>,
        progress: &mut dyn FnMut(&str, usize, usize) -> bool,
    ) -> Result<Vec<Drafted>, ReadFailure>;

    /// A report in a form that lies in its study or speaks of it: `fhir`, `hl7`, `sr`, `encapsulated-pdf`.
    ///
    /// # Errors
    /// [`ReadFailure`].
    fn output(&self, wanted: &Wanted<'_>) -> Result<Vec<u8>, ReadFailure>;
}

/// A form that is wanted of a report.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// The version, without the findings that a person rejected.
    pub report: &'a Report,
    /// Its pictures.
    pub pictures: &'a HtmlImages,
    /// `fhir`, `hl7`, `sr` or `encapsulated-pdf`, as `pipeline::Form::name` says it.
    pub form: &'a str,
    /// Whether FHIR and HL7 name the patient.
    pub names_patient: bool,
    /// Whose study it is, as the catalog says: where patients were merged or renamed, the headers still say who it was.
    pub patient: &'a Patient,
    /// The bytes of the objects that the report was made from up to their pixels, each once, in the order of [`Drafted::images`]: what
    /// `formats::dicom::objects::references_of_bytes` takes.
    pub objects: &'a [Vec<u8>],
    /// When the form is made. Of a signed report in the archive it is the time of its last signature, so that the same version
    /// gives the same bytes whenever it is made.
    pub at: &'a Moment,
}

/// A study of the archive that is to be read.
pub struct StudyToRead<'a> {
    /// Study Instance UID.
    pub study: &'a str,
    /// Whose it is, as the catalog says.
    pub patient: &'a Patient,
    /// Study Date, `YYYYMMDD`.
    pub date: Option<&'a Phi<String>>,
    /// Study Time, `HHMMSS` with a fraction.
    pub time: Option<&'a Phi<String>>,
    /// Its objects, in the order of their series and numbers.
    pub objects: &'a [ObjectToRead],
    /// Signed reports of earlier studies of the same Patient ID and issuer, the latest first. What proves that the patient is
    /// the same beyond those numbers is for `pipeline::in_order` to judge.
    pub earlier: &'a [EarlierReport],
    pub(super) open: &'a dyn Fn(usize) -> Result<Vec<u8>, ReadFailure>,
}

impl StudyToRead<'_> {
    /// The bytes of an object's file, by its place in [`objects`](Self::objects): whole and unsealed, in memory.
    ///
    /// # Errors
    /// [`ReadFailure::Archive`]; a place beyond the last object.
    pub fn bytes(&self, place: usize) -> Result<Vec<u8>, ReadFailure> {
        (self.open)(place)
    }
}

/// An object of a study that is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectToRead {
    /// Series Instance UID.
    pub series: String,
    /// SOP Instance UID.
    pub instance: String,
    /// SOP Class UID.
    pub class: String,
    /// Length of its file in bytes.
    pub length: u64,
    /// Whether it has pixels.
    pub has_pixels: bool,
}

/// A signed report of an earlier study of the same patient.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlierReport {
    /// Study Instance UID.
    pub study: String,
    /// Whose study it is, as the catalog says.
    pub patient: Patient,
    /// Study Date, `YYYYMMDD`.
    pub date: Option<Phi<String>>,
    /// Study Time, `HHMMSS` with a fraction.
    pub time: Option<Phi<String>>,
    /// Its latest version, without the findings that a person rejected.
    pub report: Report,
}

/// What was made of one series.
#[derive(Clone, Debug)]
pub struct Drafted {
    /// Series Instance UID.
    pub series: String,
    /// Which part of the series, where its images are of several sizes; 0 is the first.
    pub part: u32,
    /// The images that were read, in the order of the report's slices.
    pub images: Vec<ReadImage>,
    /// The draft.
    pub report: Report,
    /// Its pictures, in the order of [`Report::images`].
    pub pictures: HtmlImages,
    /// `provenance.json`
    pub provenance: Value,
    /// What was wrong with the series without stopping the reading.
    pub defects: Vec<Defect>,
}

/// One image that a report was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadImage {
    /// SOP Instance UID.
    pub instance: String,
    /// Frame number from 1 in a multi-frame object.
    pub frame: Option<u32>,
}

/// Why a study was not read, or a form not made. No message holds a patient's value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadFailure {
    /// Whoever asked wanted no more.
    #[error("the reading was canceled")]
    Cancelled,
    /// The objects are not what can be read: the same objects will not be read another time either.
    #[error("{0}")]
    Study(String),
    /// The archive gives the objects not out.
    #[error("the archive: {0}")]
    Archive(String),
    /// The program or the machine is at fault; another time it may go.
    #[error("{0}")]
    Program(String),
}

impl ReadFailure {
    /// Whether another try may go better.
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Archive(_) | Self::Program(_))
    }
}

impl fmt::Debug for StudyToRead<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StudyToRead").field("objects", &self.objects.len()).finish_non_exhaustive()
    }
}
