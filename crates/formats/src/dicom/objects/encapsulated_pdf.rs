//! A PDF in a DICOM file, so that it lies in the study it is about (PS3.3 Section A.45.1).

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use wilhelm_study::CodedConcept;

use super::common::{Draft, Imprint, Written, instances};
use super::reference::Reference;
use crate::FormatError;

/// A document in the study of the images it was made from, verified or not.
///
/// It says that its pages may show who the patient is, since pictures may hold burned-in words.
///
/// # Errors
/// [`FormatError::Malformed`] for bytes that are no PDF, and for more than 4 GiB of them.
pub fn encapsulated_pdf(
    pdf: &[u8],
    title: &str,
    concept: &CodedConcept,
    is_verified: bool,
    reference: &Reference,
    imprint: &Imprint,
) -> Result<Written, FormatError> {
    let refused = |message: &str| FormatError::malformed("document to encapsulate", message.to_owned());
    if !pdf.starts_with(b"%PDF-") {
        return Err(refused("no PDF file, expected one that begins with %PDF-"));
    }
    let length = u32::try_from(pdf.len()).map_err(|_| refused("more than 4 GiB"))?;
    let mut draft = Draft::new(uids::ENCAPSULATED_PDF_STORAGE, "DOC", reference, imprint)?;
    draft.content_date(imprint);
    let item = &mut draft.item;
    item.text(tags::CONVERSION_TYPE, VR::CS, "WSD");
    item.empty(tags::ACQUISITION_DATE_TIME, VR::DT);
    item.text(tags::BURNED_IN_ANNOTATION, VR::CS, "YES");
    item.text(tags::DOCUMENT_TITLE, VR::ST, title);
    item.code(tags::CONCEPT_NAME_CODE_SEQUENCE, concept);
    item.text(tags::VERIFICATION_FLAG, VR::CS, if is_verified { "VERIFIED" } else { "UNVERIFIED" });
    item.sequence(tags::SOURCE_INSTANCE_SEQUENCE, instances(reference.images()));
    item.text(tags::MIME_TYPE_OF_ENCAPSULATED_DOCUMENT, VR::LO, "application/pdf");
    item.longs(tags::ENCAPSULATED_DOCUMENT_LENGTH, &[length]);
    item.bytes(tags::ENCAPSULATED_DOCUMENT, pdf.to_vec());
    draft.finish()
}
