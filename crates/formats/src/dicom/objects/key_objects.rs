//! Key Object Selection: which images matter, and why (PS3.16 TID 2010).

use dicom_dictionary_std::{tags, uids};
use wilhelm_study::CodedConcept;

use super::common::{Draft, Imprint, RESEARCH_USE, Written};
use super::content::{Content, Relation, evidence};
use super::measurement_report::dcm;
use super::reference::Reference;
use crate::FormatError;

/// Why images are selected: titles of Context Group 7010.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyObjectTitle {
    /// Of Interest (DCM 113000).
    OfInterest,
    /// For Referring Provider (DCM 113002).
    ForReferringProvider,
    /// For Teaching (DCM 113004).
    ForTeaching,
    /// For Conference (DCM 113005).
    ForConference,
    /// For Research (DCM 113009).
    ForResearch,
    /// For Printing (DCM 113018).
    ForPrinting,
    /// For Report Attachment (DCM 113020).
    ForReportAttachment,
}

impl KeyObjectTitle {
    fn concept(self) -> CodedConcept {
        match self {
            Self::OfInterest => dcm("113000", "Of Interest"),
            Self::ForReferringProvider => dcm("113002", "For Referring Provider"),
            Self::ForTeaching => dcm("113004", "For Teaching"),
            Self::ForConference => dcm("113005", "For Conference"),
            Self::ForResearch => dcm("113009", "For Research"),
            Self::ForPrinting => dcm("113018", "For Printing"),
            Self::ForReportAttachment => dcm("113020", "For Report Attachment"),
        }
    }
}

/// A selection of source images, by their numbers in [`Reference::images`].
///
/// # Errors
/// [`FormatError::Malformed`] where no image is selected or a number is beyond the last.
pub fn key_objects(
    title: KeyObjectTitle,
    description: &str,
    images: &[usize],
    reference: &Reference,
    imprint: &Imprint,
) -> Result<Written, FormatError> {
    let selected = reference.selected(images, "key objects")?;
    let mut draft = Draft::new(uids::KEY_OBJECT_SELECTION_DOCUMENT_STORAGE, "KO", reference, imprint)?;
    draft.content_date(imprint);
    let item = &mut draft.item;
    item.sequence(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, []);
    item.single(
        tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE,
        evidence(reference, selected.iter().copied(), &[]),
    );
    let description = match description.trim() {
        "" => RESEARCH_USE.to_owned(),
        text => format!("{text} ({RESEARCH_USE})"),
    };
    let root = Content::root(&title.concept(), "2010")
        .with(Content::text(Relation::Contains, &dcm("113012", "Key Object Description"), &description))
        .with_all(selected.iter().map(|image| Content::image(Relation::Contains, None, image)));
    root.into_document(item);
    draft.finish()
}
