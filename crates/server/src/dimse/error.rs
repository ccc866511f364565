use std::io;

/// Why an association ended early, or could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DimseError {
    /// The connection failed.
    #[error("the connection: {action}: {source}")]
    Connection {
        /// What was being done.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The other side broke off.
    #[error("the other side aborted the association")]
    Aborted,
    /// The other side released.
    #[error("the other side released the association in the middle of an exchange")]
    Released,
    /// What came is not of the protocol.
    #[error("the other side sent {found}, expected {expected}")]
    Protocol {
        /// What came.
        found: String,
        /// What should have come.
        expected: &'static str,
    },
    /// The other side refused the association.
    #[error("the association was refused: {reason}")]
    Rejected {
        /// Its reason.
        reason: String,
    },
    /// The other side takes no such objects.
    #[error("the other side takes no objects of class {sop_class} in transfer syntax {transfer_syntax}")]
    NotAccepted {
        /// SOP Class UID.
        sop_class: String,
        /// Transfer Syntax UID.
        transfer_syntax: String,
    },
    /// The other side did not take an object.
    #[error("the other side answered with status {status:04X}")]
    Status {
        /// As PS3.7 Annex C names them.
        status: u16,
    },
    /// The archive failed.
    #[error(transparent)]
    Store(#[from] wilhelm_store::StoreError),
    /// An object could not be written in the other side's transfer syntax.
    #[error(transparent)]
    Transcode(#[from] crate::transcode::TranscodeError),
    /// What was done could not be written into the audit log.
    #[error(transparent)]
    Audit(#[from] wilhelm_privacy::audit::AuditError),
}

impl DimseError {
    pub(crate) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Connection { action, source }
    }

    pub(crate) fn protocol(found: impl Into<String>, expected: &'static str) -> Self {
        Self::Protocol { found: found.into(), expected }
    }
}
