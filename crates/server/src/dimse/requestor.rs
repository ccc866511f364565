//! The asking side: verification, and objects sent to another application entity.

use std::collections::BTreeSet;
use std::io::{Cursor, Read};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use dicom_dictionary_std::uids;
use dicom_ul::Pdu;
use dicom_ul::pdu::{
    AssociationRQ, PresentationContextProposed, PresentationContextResultReason, RequestorRoles,
    UserVariableItem,
};
use wilhelm_store::Content;

use super::DimseError;
use super::command::{Command, field, kind, status};
use super::link::{Link, OUR_PDU};
use crate::transcode;

/// Another application entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its AE title.
    pub ae_title: String,
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl std::fmt::Display for Peer {
    /// `TITLE@HOST:PORT`, an IPv6 address in brackets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { ae_title, host, port } = self;
        if host.contains(':') {
            write!(formatter, "{ae_title}@[{host}]:{port}")
        } else {
            write!(formatter, "{ae_title}@{host}:{port}")
        }
    }
}

/// What is to be sent: a class and the transfer syntax that its object is kept in.
pub type Kind = (String, String);

/// A context that the other side accepted.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub id: u8,
    pub abstract_syntax: String,
    pub transfer_syntax: String,
}

/// An association in which we ask.
#[derive(Debug)]
pub struct Requestor {
    pub(crate) link: Link,
    pub(crate) accepted: Vec<Accepted>,
    message: u16,
    /// Whether we aborted it.
    pub(crate) aborted: bool,
}

/// A context that is proposed.
#[derive(Clone, Debug)]
pub(crate) struct Proposal {
    pub abstract_syntax: String,
    pub transfer_syntaxes: Vec<String>,
    /// Whether the other side is to ask, and we answer.
    pub answering: bool,
}

impl Proposal {
    /// A context of queries and commands, in which we ask.
    pub(crate) fn asking(class: &str) -> Self {
        let little = [uids::EXPLICIT_VR_LITTLE_ENDIAN, uids::IMPLICIT_VR_LITTLE_ENDIAN];
        Self {
            abstract_syntax: class.to_owned(),
            transfer_syntaxes: little.map(str::to_owned).to_vec(),
            answering: false,
        }
    }

    /// One in which we have the answering side's role.
    pub(crate) fn answering(class: &str) -> Self {
        Self { answering: true, ..Self::asking(class) }
    }
}

/// Most contexts of one association: odd numbers from 1 to 255.
const MOST_CONTEXTS: usize = 128;

impl Requestor {
    /// Associates with a peer for verification and for objects of these kinds.
    ///
    /// # Errors
    /// [`DimseError::Connection`], [`DimseError::Rejected`], [`DimseError::Protocol`].
    pub fn associate(
        peer: &Peer,
        our_title: &str,
        kinds: &BTreeSet<Kind>,
        timeout: Duration,
    ) -> Result<Self, DimseError> {
        Self::propose(peer, our_title, &proposals(kinds), timeout)
    }

    /// Associates with a peer for contexts, of which no more than an association has are proposed.
    pub(crate) fn propose(
        peer: &Peer,
        our_title: &str,
        proposals: &[Proposal],
        timeout: Duration,
    ) -> Result<Self, DimseError> {
        let addresses = (peer.host.as_str(), peer.port)
            .to_socket_addrs()
            .map_err(DimseError::io("finding the other side"))?;
        let mut last = None;
        let stream = addresses
            .into_iter()
            .find_map(|address| match TcpStream::connect_timeout(&address, timeout) {
                Ok(stream) => Some(stream),
                Err(error) => {
                    last = Some(error);
                    None
                }
            })
            .ok_or_else(|| last.unwrap_or_else(|| std::io::ErrorKind::NotFound.into()))
            .map_err(DimseError::io("reaching the other side"))?;
        let mut link = Link::new(stream, timeout)?;
        let proposed = numbered(proposals);
        let mut user_variables = vec![
            UserVariableItem::MaxLength(OUR_PDU),
            UserVariableItem::ImplementationClassUID(crate::IMPLEMENTATION_CLASS_UID.to_owned()),
            UserVariableItem::ImplementationVersionName(crate::IMPLEMENTATION_VERSION.to_owned()),
        ];
        let answering: BTreeSet<&String> =
            proposals.iter().filter(|one| one.answering).map(|one| &one.abstract_syntax).collect();
        user_variables.extend(answering.into_iter().map(|class| {
            let roles = RequestorRoles { scu: false, scp: true };
            UserVariableItem::ScuScpRoleSelectionSubItem(class.clone(), roles)
        }));
        link.write(&Pdu::AssociationRQ(AssociationRQ {
            protocol_version: 1,
            calling_ae_title: our_title.to_owned(),
            called_ae_title: peer.ae_title.clone(),
            application_context_name: crate::APPLICATION_CONTEXT.to_owned(),
            presentation_contexts: proposed.clone(),
            user_variables,
        }))?;
        match link.associate()? {
            Pdu::AssociationAC(answer) => {
                for item in &answer.user_variables {
                    if let UserVariableItem::MaxLength(longest) = item {
                        link.longest = *longest;
                    }
                }
                let accepted = answer
                    .presentation_contexts
                    .iter()
                    .filter(|context| context.reason == PresentationContextResultReason::Acceptance)
                    .filter_map(|context| {
                        let asked = proposed.iter().find(|asked| asked.id == context.id)?;
                        let transfer_syntax = context.transfer_syntax.trim_matches(['\0', ' ']).to_owned();
                        Some(Accepted {
                            id: context.id,
                            abstract_syntax: asked.abstract_syntax.clone(),
                            transfer_syntax,
                        })
                    })
                    .collect();
                Ok(Self { link, accepted, message: 0, aborted: false })
            }
            Pdu::AssociationRJ(answer) => Err(DimseError::Rejected { reason: answer.source.to_string() }),
            Pdu::AbortRQ { .. } => Err(DimseError::Aborted),
            other => Err(DimseError::protocol(
                other.short_description().to_string(),
                "an answer to an association",
            )),
        }
    }

    /// Verifies that the other side answers.
    ///
    /// # Errors
    /// [`DimseError`].
    pub fn echo(&mut self) -> Result<(), DimseError> {
        let context = self.context_of(uids::VERIFICATION)?.id;
        let command = Command::new(kind::C_ECHO, false)
            .number(field::MESSAGE_ID, self.next_message())
            .uid(field::AFFECTED_SOP_CLASS, uids::VERIFICATION);
        self.link.send(context, &command, None)?;
        match answer(&mut self.link)? {
            status::SUCCESS => Ok(()),
            status => Err(DimseError::Status { status }),
        }
    }

    /// Sends an object; gives the status: 0000, or a warning B000 to BFFF.
    ///
    /// # Errors
    /// [`DimseError::Status`] where the other side did not take it, [`DimseError::NotAccepted`] where it takes none of
    /// the kind, [`DimseError::Transcode`] where it wants it in a form that we cannot write; [`DimseError`].
    pub fn store(&mut self, object: &Outgoing, origin: Option<(&str, u16)>) -> Result<u16, DimseError> {
        let message = self.next_message();
        store(&mut self.link, &self.accepted, object, message, origin)
    }

    /// The context of a class of queries or commands.
    pub(crate) fn context_of(&self, class: &str) -> Result<Accepted, DimseError> {
        let found = self.accepted.iter().find(|context| context.abstract_syntax == class).cloned();
        found.ok_or_else(|| DimseError::NotAccepted {
            sop_class: class.to_owned(),
            transfer_syntax: uids::IMPLICIT_VR_LITTLE_ENDIAN.to_owned(),
        })
    }

    /// The number of the next message, never 0.
    pub(crate) fn next_message(&mut self) -> u16 {
        self.message = self.message.wrapping_add(1).max(1);
        self.message
    }

    /// Ends the association, if it was not aborted.
    ///
    /// # Errors
    /// [`DimseError`].
    pub fn release(mut self) -> Result<(), DimseError> {
        if self.aborted {
            return Ok(());
        }
        self.link.release()
    }

    /// Whether an error leaves the association usable.
    pub fn goes_on_after(error: &DimseError) -> bool {
        matches!(
            error,
            DimseError::Status { .. }
                | DimseError::NotAccepted { .. }
                | DimseError::Transcode(_)
                | DimseError::Store(_)
        )
    }
}

/// An object to be sent.
#[derive(Debug)]
pub struct Outgoing {
    /// SOP Class UID.
    pub sop_class: String,
    /// SOP Instance UID.
    pub sop_uid: String,
    /// Transfer Syntax UID.
    pub transfer_syntax: String,
    /// Where the data set begins, in bytes.
    pub data_set: u64,
    /// The file's bytes.
    pub content: Arc<Content>,
}

/// Reads content from a place on.
pub(crate) struct From {
    pub content: Arc<Content>,
    pub at: u64,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.content.read_at(self.at, buffer).map_err(std::io::Error::other)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Sends an object over a link and waits for the answer.
pub(crate) fn store(
    link: &mut Link,
    accepted: &[Accepted],
    object: &Outgoing,
    message: u16,
    origin: Option<(&str, u16)>,
) -> Result<u16, DimseError> {
    let of_class = || accepted.iter().filter(|context| context.abstract_syntax == object.sop_class);
    let context = of_class()
        .find(|context| context.transfer_syntax == object.transfer_syntax)
        .or_else(|| of_class().find(|context| context.transfer_syntax == uids::EXPLICIT_VR_LITTLE_ENDIAN))
        .or_else(|| of_class().find(|context| context.transfer_syntax == uids::IMPLICIT_VR_LITTLE_ENDIAN))
        .ok_or_else(|| DimseError::NotAccepted {
            sop_class: object.sop_class.clone(),
            transfer_syntax: object.transfer_syntax.clone(),
        })?;
    let mut command = Command::new(kind::C_STORE, true)
        .number(field::MESSAGE_ID, message)
        .number(field::PRIORITY, 0)
        .uid(field::AFFECTED_SOP_CLASS, &object.sop_class)
        .uid(field::AFFECTED_SOP_INSTANCE, &object.sop_uid);
    if let Some((title, moved_by)) = origin {
        command = command.text(field::MOVE_ORIGINATOR, title).number(field::MOVE_MESSAGE_ID, moved_by);
    }
    let mut data_set: Box<dyn Read> = if context.transfer_syntax == object.transfer_syntax {
        Box::new(From { content: Arc::clone(&object.content), at: object.data_set })
    } else {
        Box::new(Cursor::new(transcode::data_set(&object.content, &context.transfer_syntax)?))
    };
    link.send(context.id, &command, Some(&mut *data_set))?;
    match answer(link)? {
        done @ (status::SUCCESS | 0xB000..=0xBFFF) => Ok(done),
        status => Err(DimseError::Status { status }),
    }
}

/// The status of the next response.
fn answer(link: &mut Link) -> Result<u16, DimseError> {
    let (_, response) = link.command()?.ok_or(DimseError::Released)?;
    if response.kind() & kind::RESPONSE == 0 {
        return Err(DimseError::protocol(format!("a command {:04X}", response.kind()), "a response"));
    }
    response.u16(field::STATUS).ok_or_else(|| DimseError::protocol("a response without status", "a status"))
}

/// Verification, and for each class its objects' own transfer syntaxes and, apart from them, little endian.
fn proposals(kinds: &BTreeSet<Kind>) -> Vec<Proposal> {
    let little = [uids::EXPLICIT_VR_LITTLE_ENDIAN.to_owned(), uids::IMPLICIT_VR_LITTLE_ENDIAN.to_owned()];
    let one = |class: &str, syntax: &str| Proposal {
        abstract_syntax: class.to_owned(),
        transfer_syntaxes: vec![syntax.to_owned()],
        answering: false,
    };
    let mut proposed = vec![one(uids::VERIFICATION, uids::IMPLICIT_VR_LITTLE_ENDIAN)];
    let own = kinds.iter().filter(|(_, syntax)| !little.contains(syntax));
    proposed.extend(own.map(|(class, syntax)| one(class, syntax)));
    let classes: BTreeSet<&String> = kinds.iter().map(|(class, _)| class).collect();
    for class in classes {
        proposed.extend(little.iter().map(|syntax| one(class, syntax)));
    }
    proposed
}

/// Contexts with their numbers, as many as an association has.
fn numbered(proposals: &[Proposal]) -> Vec<PresentationContextProposed> {
    proposals
        .iter()
        .take(MOST_CONTEXTS)
        .enumerate()
        .map(|(number, proposal)| PresentationContextProposed {
            id: u8::try_from(number * 2 + 1).unwrap_or(u8::MAX),
            abstract_syntax: proposal.abstract_syntax.clone(),
            transfer_syntaxes: proposal.transfer_syntaxes.clone(),
        })
        .collect()
}
