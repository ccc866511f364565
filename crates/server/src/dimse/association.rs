//! The answering side's half of an association's making.
//!
//! Source: PS3.7 Annex D, PS3.8 Section 9.3.2 and 9.3.3.

use std::collections::BTreeMap;
use std::net::{IpAddr, ToSocketAddrs};

use dicom_dictionary_std::uids;
use dicom_transfer_syntax_registry::{TransferSyntaxIndex, TransferSyntaxRegistry};
use dicom_ul::Pdu;
use dicom_ul::pdu::{
    AssociationAC, AssociationRJ, AssociationRJResult, AssociationRJServiceProviderPresentationReason,
    AssociationRJServiceUserReason, AssociationRJSource, AssociationRQ, PresentationContextResult,
    PresentationContextResultReason, RequestorRoles, UserVariableItem,
};

use super::DimseError;
use super::link::{Link, OUR_PDU};
use super::requestor::{Accepted, Peer};
use super::service::Settings;

/// An association that was asked for and accepted.
pub(crate) struct Association {
    /// AE title of who asked.
    pub calling: String,
    pub contexts: BTreeMap<u8, Accepted>,
    /// Contexts on which the asking side also takes objects: for C-GET.
    pub takes: Vec<Accepted>,
}

const QUERY_CLASSES: [&str; 8] = [
    uids::MODALITY_WORKLIST_INFORMATION_MODEL_FIND,
    uids::STORAGE_COMMITMENT_PUSH_MODEL,
    uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_FIND,
    uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_MOVE,
    uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_GET,
    uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_FIND,
    uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_MOVE,
    uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_GET,
];

/// Whether objects of a class are kept: all storage classes of the Standard stand under these arcs.
pub(crate) fn is_storage(class: &str) -> bool {
    [
        "1.2.840.10008.5.1.4.1.1.",
        "1.2.840.10008.5.1.4.34.7",
        "1.2.840.10008.5.1.4.43.",
        "1.2.840.10008.5.1.4.44.",
    ]
    .iter()
    .any(|arc| class.starts_with(arc))
}

/// The transfer syntax of a context: the first that we know, for commands and queries little endian alone.
fn choose<'a>(class: &str, proposed: &'a [String]) -> Option<&'a str> {
    let trimmed = proposed.iter().map(|syntax| syntax.trim_matches(['\0', ' ']));
    trimmed.into_iter().find(|syntax| {
        if is_storage(class) {
            TransferSyntaxRegistry.get(syntax).is_some()
        } else {
            matches!(*syntax, uids::IMPLICIT_VR_LITTLE_ENDIAN | uids::EXPLICIT_VR_LITTLE_ENDIAN)
        }
    })
}

fn reject(link: &mut Link, result: AssociationRJResult, source: AssociationRJSource) {
    let _ = link.write(&Pdu::AssociationRJ(AssociationRJ { result, source }));
}

/// Refuses whoever is on the line because too many are.
pub(crate) fn reject_for_now(link: &mut Link) {
    let reason = AssociationRJServiceProviderPresentationReason::LocalLimitExceeded;
    if link.associate().is_ok() {
        let source = AssociationRJSource::ServiceProviderPresentation(reason);
        reject(link, AssociationRJResult::Transient, source);
    }
}

/// What became of the request of an association.
pub(crate) enum Asked {
    Accepted(Association),
    /// Refused: who asked, and why.
    Rejected {
        calling: String,
        why: &'static str,
    },
}

/// Whether a title may call from an address: it is that of a peer, and the address one of its own where that counts.
fn is_peer(settings: &Settings, calling: &str, from: IpAddr) -> bool {
    let is_from = |peer: &Peer| {
        if !settings.only_peer_addresses {
            return true;
        }
        let found = (peer.host.as_str(), peer.port).to_socket_addrs();
        found.is_ok_and(|mut found| found.any(|one| one.ip().to_canonical() == from.to_canonical()))
    };
    settings.peers.iter().any(|peer| peer.ae_title == calling && is_from(peer))
}

/// Reads the request of an association and answers it.
pub(crate) fn accept(link: &mut Link, settings: &Settings, from: IpAddr) -> Result<Asked, DimseError> {
    let request = match link.associate()? {
        Pdu::AssociationRQ(request) => request,
        other => {
            let found = other.short_description().to_string();
            return Err(DimseError::protocol(found, "a request for an association"));
        }
    };
    let calling = request.calling_ae_title.trim().to_owned();
    let called = request.called_ae_title.trim();
    let user = |reason| AssociationRJSource::ServiceUser(reason);
    let permanent = AssociationRJResult::Permanent;
    if request.application_context_name.trim_matches(['\0', ' ']) != crate::APPLICATION_CONTEXT {
        let reason = AssociationRJServiceUserReason::ApplicationContextNameNotSupported;
        reject(link, permanent, user(reason));
        return Ok(Asked::Rejected { calling, why: "another application context" });
    }
    if settings.only_our_title && called != settings.ae_title {
        tracing::warn!("an association was refused: it calls another AE title");
        reject(link, permanent, user(AssociationRJServiceUserReason::CalledAETitleNotRecognized));
        return Ok(Asked::Rejected { calling, why: "calls another title" });
    }
    if settings.only_peers && !is_peer(settings, &calling, from) {
        tracing::warn!(%from, "an association was refused: no peer calls so from there");
        reject(link, permanent, user(AssociationRJServiceUserReason::CallingAETitleNotRecognized));
        return Ok(Asked::Rejected { calling, why: "no peer calls so from there" });
    }
    let (answer, association) = negotiate(&request, calling);
    for item in &request.user_variables {
        if let UserVariableItem::MaxLength(longest) = item {
            link.longest = *longest;
        }
    }
    link.write(&Pdu::AssociationAC(answer))?;
    Ok(Asked::Accepted(association))
}

fn negotiate(request: &AssociationRQ, calling: String) -> (AssociationAC, Association) {
    let mut association = Association { calling, contexts: BTreeMap::new(), takes: Vec::new() };
    let roles: BTreeMap<&str, RequestorRoles> = request
        .user_variables
        .iter()
        .filter_map(|item| match item {
            UserVariableItem::ScuScpRoleSelectionSubItem(class, roles) => {
                Some((class.trim_matches(['\0', ' ']), *roles))
            }
            _ => None,
        })
        .collect();
    let mut results = Vec::new();
    for proposed in &request.presentation_contexts {
        let class = proposed.abstract_syntax.trim_matches(['\0', ' ']);
        let known = class == uids::VERIFICATION || QUERY_CLASSES.contains(&class) || is_storage(class);
        let chosen = choose(class, &proposed.transfer_syntaxes);
        let (reason, transfer_syntax) = match (known, chosen) {
            (false, _) => {
                (PresentationContextResultReason::AbstractSyntaxNotSupported, uids::IMPLICIT_VR_LITTLE_ENDIAN)
            }
            (true, None) => (
                PresentationContextResultReason::TransferSyntaxesNotSupported,
                uids::IMPLICIT_VR_LITTLE_ENDIAN,
            ),
            (true, Some(chosen)) => {
                let accepted = Accepted {
                    id: proposed.id,
                    abstract_syntax: class.to_owned(),
                    transfer_syntax: chosen.to_owned(),
                };
                if is_storage(class) && roles.get(class).is_some_and(|roles| roles.scp) {
                    association.takes.push(accepted.clone());
                }
                association.contexts.insert(proposed.id, accepted);
                (PresentationContextResultReason::Acceptance, chosen)
            }
        };
        let transfer_syntax = transfer_syntax.to_owned();
        results.push(PresentationContextResult { id: proposed.id, reason, transfer_syntax });
    }
    let mut user_variables = vec![
        UserVariableItem::MaxLength(OUR_PDU),
        UserVariableItem::ImplementationClassUID(crate::IMPLEMENTATION_CLASS_UID.to_owned()),
        UserVariableItem::ImplementationVersionName(crate::IMPLEMENTATION_VERSION.to_owned()),
    ];
    user_variables.extend(
        roles
            .into_iter()
            .filter(|(class, _)| is_storage(class))
            .map(|(class, roles)| UserVariableItem::ScuScpRoleSelectionSubItem(class.to_owned(), roles)),
    );
    let answer = AssociationAC {
        protocol_version: 1,
        calling_ae_title: request.calling_ae_title.clone(),
        called_ae_title: request.called_ae_title.clone(),
        application_context_name: crate::APPLICATION_CONTEXT.to_owned(),
        presentation_contexts: results,
        user_variables,
    };
    (answer, association)
}
