//! What a person wrote, as a Basic Text SR in the study of the images that it is about (PS3.3 Section A.35.1).

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use wilhelm_study::CodedConcept;

use super::common::{Draft, Imprint, Written};
use super::content::{Content, Relation, evidence};
use super::measurement_report::{RESEARCH_STATEMENT, dcm};
use super::reference::Reference;
use crate::FormatError;

/// A text of a person, under headings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextDocument {
    /// What kind of document it is.
    pub title: CodedConcept,
    /// Who wrote it.
    pub observer: String,
    /// Texts, each with what it is.
    pub sections: Vec<(CodedConcept, String)>,
    /// Which of the source images it points at, by their numbers in [`Reference::images`].
    pub images: Vec<usize>,
}

/// A text document as a Basic Text SR: complete, and verified by nobody.
///
/// It follows no template: texts of a person in any language, the person who observes (TID 1003), and the images.
///
/// # Errors
/// [`FormatError::Malformed`] where there is no text, or an image's number is beyond the last.
pub fn text_document(
    document: &TextDocument,
    reference: &Reference,
    imprint: &Imprint,
) -> Result<Written, FormatError> {
    if document.sections.iter().all(|(_, text)| text.trim().is_empty()) {
        return Err(FormatError::malformed("text document", "no text, expected at least one"));
    }
    let selected = match document.images.as_slice() {
        [] => Vec::new(),
        images => reference.selected(images, "text document")?,
    };
    let mut draft = Draft::new(uids::BASIC_TEXT_SR_STORAGE, "SR", reference, imprint)?;
    draft.content_date(imprint);
    let item = &mut draft.item;
    item.sequence(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, []);
    item.sequence(tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, []);
    item.text(tags::COMPLETION_FLAG, VR::CS, "COMPLETE");
    item.text(tags::VERIFICATION_FLAG, VR::CS, "UNVERIFIED");
    item.single(
        tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE,
        evidence(reference, reference.images(), &[]),
    );
    let context = Relation::HasObservationContext;
    let sections = document.sections.iter().filter(|(_, text)| !text.trim().is_empty());
    let statement = Content::text(Relation::Contains, &dcm("121106", "Comment"), RESEARCH_STATEMENT);
    Content::plain_root(&document.title)
        .with(Content::code(context, &dcm("121005", "Observer Type"), &dcm("121006", "Person")))
        .with(Content::person(context, &dcm("121008", "Person Observer Name"), &document.observer))
        .with(statement)
        .with_all(sections.map(|(name, text)| Content::text(Relation::Contains, name, text)))
        .with_all(selected.iter().map(|image| {
            let name = dcm("121080", "Best illustration of finding");
            Content::image(Relation::Contains, Some(&name), image)
        }))
        .into_document(item);
    draft.finish()
}
