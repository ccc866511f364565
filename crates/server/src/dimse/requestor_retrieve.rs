//! C-MOVE and C-GET as the asking side.
//!
//! Source: PS3.4 Sections C.4.2 and C.4.3.

use std::time::Duration;

use dicom_dictionary_std::uids;

use super::DimseError;
use super::command::{Command, field, kind, status};
use super::requestor::{Peer, Proposal, Requestor};
use super::requestor_query::Question;
use crate::transcode::file_meta;

/// How a retrieval ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Objects that arrived.
    pub completed: u16,
    /// Objects that did not.
    pub failed: u16,
    /// Objects that arrived with a warning.
    pub warning: u16,
    /// 0000, or B000 where not all arrived.
    pub status: u16,
}

impl Moved {
    fn read(&mut self, response: &Command) {
        for (number, held) in [
            (field::COMPLETED, &mut self.completed),
            (field::FAILED, &mut self.failed),
            (field::WARNING, &mut self.warning),
        ] {
            *held = response.u16(number).unwrap_or(*held);
        }
        self.status = response.u16(field::STATUS).unwrap_or(status::UNABLE_TO_PROCESS);
    }

    /// Whether it goes on, is over, or failed as a whole.
    fn is_over(&self) -> Result<bool, DimseError> {
        match self.status {
            status::PENDING => Ok(false),
            status::SUCCESS | status::SOME_FAILED => Ok(true),
            status => Err(DimseError::Status { status }),
        }
    }
}

/// An object that comes by C-GET, piece by piece.
pub trait Incoming {
    /// An object begins, with its preamble and File Meta Information.
    ///
    /// # Errors
    /// A sentence; the object is then answered as not taken.
    fn begin(&mut self, sop_class: &str, sop_uid: &str, head: &[u8]) -> Result<(), String>;

    /// More of its bytes.
    ///
    /// # Errors
    /// As above.
    fn write(&mut self, piece: &[u8]) -> Result<(), String>;

    /// It is whole, and is durable when this returns.
    ///
    /// # Errors
    /// As above.
    fn end(&mut self) -> Result<(), String>;
}

/// Classes that are asked for where nobody says which there are: those of images and what goes with them.
const USUAL: [&str; 40] = [
    uids::CT_IMAGE_STORAGE,
    uids::ENHANCED_CT_IMAGE_STORAGE,
    uids::MR_IMAGE_STORAGE,
    uids::ENHANCED_MR_IMAGE_STORAGE,
    uids::COMPUTED_RADIOGRAPHY_IMAGE_STORAGE,
    uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION,
    uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PROCESSING,
    uids::DIGITAL_MAMMOGRAPHY_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION,
    uids::DIGITAL_MAMMOGRAPHY_X_RAY_IMAGE_STORAGE_FOR_PROCESSING,
    uids::BREAST_TOMOSYNTHESIS_IMAGE_STORAGE,
    uids::X_RAY_ANGIOGRAPHIC_IMAGE_STORAGE,
    uids::ENHANCED_XA_IMAGE_STORAGE,
    uids::X_RAY_RADIOFLUOROSCOPIC_IMAGE_STORAGE,
    uids::ULTRASOUND_IMAGE_STORAGE,
    uids::ULTRASOUND_MULTI_FRAME_IMAGE_STORAGE,
    uids::NUCLEAR_MEDICINE_IMAGE_STORAGE,
    uids::POSITRON_EMISSION_TOMOGRAPHY_IMAGE_STORAGE,
    uids::ENHANCED_PET_IMAGE_STORAGE,
    uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::MULTI_FRAME_SINGLE_BIT_SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::MULTI_FRAME_GRAYSCALE_BYTE_SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::MULTI_FRAME_GRAYSCALE_WORD_SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::MULTI_FRAME_TRUE_COLOR_SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::VL_ENDOSCOPIC_IMAGE_STORAGE,
    uids::VL_MICROSCOPIC_IMAGE_STORAGE,
    uids::VL_PHOTOGRAPHIC_IMAGE_STORAGE,
    uids::OPHTHALMIC_PHOTOGRAPHY8_BIT_IMAGE_STORAGE,
    uids::OPHTHALMIC_TOMOGRAPHY_IMAGE_STORAGE,
    uids::SEGMENTATION_STORAGE,
    uids::PARAMETRIC_MAP_STORAGE,
    uids::GRAYSCALE_SOFTCOPY_PRESENTATION_STATE_STORAGE,
    uids::BASIC_TEXT_SR_STORAGE,
    uids::ENHANCED_SR_STORAGE,
    uids::COMPREHENSIVE_SR_STORAGE,
    uids::COMPREHENSIVE3_DSR_STORAGE,
    uids::KEY_OBJECT_SELECTION_DOCUMENT_STORAGE,
    uids::ENCAPSULATED_PDF_STORAGE,
    uids::RT_STRUCTURE_SET_STORAGE,
    uids::RT_DOSE_STORAGE,
    uids::RT_PLAN_STORAGE,
];

/// Transfer syntaxes of compressed objects, one of which the other side may choose for a class.
const COMPRESSED: [&str; 8] = [
    uids::JPEG2000_LOSSLESS,
    uids::JPEGLS_LOSSLESS,
    uids::JPEG_LOSSLESS_SV1,
    uids::RLE_LOSSLESS,
    uids::JPEG_BASELINE8_BIT,
    uids::JPEG_EXTENDED12_BIT,
    uids::JPEG2000,
    uids::JPEGLS_NEAR_LOSSLESS,
];

impl Requestor {
    /// Associates with a peer to have objects moved.
    ///
    /// # Errors
    /// [`DimseError::Connection`], [`DimseError::Rejected`], [`DimseError::Protocol`].
    pub fn to_move(
        peer: &Peer,
        our_title: &str,
        question: &Question,
        timeout: Duration,
    ) -> Result<Self, DimseError> {
        Self::propose(peer, our_title, &[Proposal::asking(question.class(1))], timeout)
    }

    /// Associates with a peer to be given objects of the usual classes on the same association.
    ///
    /// # Errors
    /// [`DimseError::Connection`], [`DimseError::Rejected`], [`DimseError::Protocol`].
    pub fn to_get(
        peer: &Peer,
        our_title: &str,
        question: &Question,
        timeout: Duration,
    ) -> Result<Self, DimseError> {
        let mut proposals = vec![Proposal::asking(question.class(2))];
        for class in USUAL {
            proposals.push(Proposal::answering(class));
            let transfer_syntaxes = COMPRESSED.map(str::to_owned).to_vec();
            proposals.push(Proposal { transfer_syntaxes, ..Proposal::answering(class) });
        }
        Self::propose(peer, our_title, &proposals, timeout)
    }

    /// Has the objects of a question sent to the application entity `destination`, which the other side has to know.
    ///
    /// # Errors
    /// [`DimseError::Status`] where nothing is moved: A801 for a destination that is not known; [`DimseError`].
    pub fn move_to(&mut self, question: &Question, destination: &str) -> Result<Moved, DimseError> {
        self.ask(question, 1, |command| command.text(field::MOVE_DESTINATION, destination))?;
        let mut moved = Moved::default();
        loop {
            let (on, response) = self.link.command()?.ok_or(DimseError::Released)?;
            if response.kind() != kind::C_MOVE | kind::RESPONSE {
                let found = format!("a command {:04X}", response.kind());
                return Err(DimseError::protocol(found, "an answer to a retrieval"));
            }
            self.pass_over(on, &response)?;
            moved.read(&response);
            if moved.is_over()? {
                return Ok(moved);
            }
        }
    }

    /// Takes the objects of a question over this association.
    ///
    /// # Errors
    /// [`DimseError::Status`] where nothing is given; [`DimseError`].
    pub fn get(&mut self, question: &Question, into: &mut impl Incoming) -> Result<Moved, DimseError> {
        self.ask(question, 2, |command| command)?;
        let mut moved = Moved::default();
        loop {
            let (on, command) = self.link.command()?.ok_or(DimseError::Released)?;
            if command.kind() == kind::C_STORE && command.has_data() {
                self.take(on, &command, into)?;
                continue;
            }
            if command.kind() != kind::C_GET | kind::RESPONSE {
                let found = format!("a command {:04X}", command.kind());
                return Err(DimseError::protocol(found, "an object, or an answer to a retrieval"));
            }
            self.pass_over(on, &command)?;
            moved.read(&command);
            if moved.is_over()? {
                return Ok(moved);
            }
        }
    }

    fn ask(
        &mut self,
        question: &Question,
        service: usize,
        with: impl FnOnce(Command) -> Command,
    ) -> Result<(), DimseError> {
        let context = self.context_of(question.class(service))?;
        let kind = if service == 1 { kind::C_MOVE } else { kind::C_GET };
        let command = Command::new(kind, true)
            .number(field::MESSAGE_ID, self.next_message())
            .number(field::PRIORITY, 0)
            .uid(field::AFFECTED_SOP_CLASS, &context.abstract_syntax);
        let identifier = question.data_set(&context.transfer_syntax);
        self.link.send(context.id, &with(command), Some(&mut identifier.as_slice()))
    }

    /// A list of failed objects behind a response.
    fn pass_over(&mut self, context: u8, response: &Command) -> Result<(), DimseError> {
        if response.has_data() {
            let _ = self.link.data_set(context, |_| Ok::<(), ()>(()))?;
        }
        Ok(())
    }

    fn take(&mut self, on: u8, command: &Command, into: &mut impl Incoming) -> Result<(), DimseError> {
        let context = self.accepted.iter().find(|context| context.id == on).cloned();
        let context = context.ok_or_else(|| {
            DimseError::protocol("an object on a context that was not accepted", "one that was")
        })?;
        let class = command.string(field::AFFECTED_SOP_CLASS).unwrap_or_default();
        let uid = command.string(field::AFFECTED_SOP_INSTANCE).unwrap_or_default();
        // A UID alone may become a file's name.
        let named =
            uid.len() <= 64 && !uid.is_empty() && uid.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let begun = if !named {
            Err("it has no SOP Instance UID of digits and dots".to_owned())
        } else if class != context.abstract_syntax {
            Err("its SOP class is not the one of its presentation context".to_owned())
        } else {
            into.begin(class, uid, &file_meta(class, uid, &context.transfer_syntax, None))
        };
        let mut taken = begun;
        let _ = self.link.data_set(on, |piece| {
            if taken.is_ok() {
                taken = into.write(piece);
            }
            Ok::<(), ()>(())
        })?;
        let status = match taken.and_then(|()| into.end()) {
            Ok(()) => status::SUCCESS,
            Err(why) => {
                tracing::warn!(%why, "an object was not taken");
                status::UNABLE_TO_PROCESS
            }
        };
        self.link.send(on, &command.response(status, false), None)
    }
}
