use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AuditError, Reference};

/// Longest name of an actor, a detail or its value, in characters.
const LONGEST_TEXT: usize = 256;
/// Longest reason a person gives, in characters.
const LONGEST_REASON: usize = 1000;

/// One thing that happened, before it has its place in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: Action,
    /// On which object.
    pub object: Object,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, in the words of the person who did it; break-glass access has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What else there is to say; never a value of a patient.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}

impl Event {
    /// An event without a reason and without details.
    pub const fn new(actor: Actor, action: Action, object: Object, outcome: Outcome) -> Self {
        Self { actor, action, object, outcome, reason: None, details: BTreeMap::new() }
    }

    /// With the reason a person gave.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// With a detail: a number of images, a state, a version; never a value of a patient.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.details.insert(name.into(), value.into());
        self
    }

    /// Whether its texts have a length that a line may have.
    pub(super) fn check(&self) -> Result<(), AuditError> {
        let check = |field: &'static str, text: &str, expected: usize| match text.chars().count() {
            found if found > expected => Err(AuditError::TooLong { field, found, expected }),
            _ => Ok(()),
        };
        check("actor", &self.actor.name, LONGEST_TEXT)?;
        check("origin", self.actor.from.as_deref().unwrap_or_default(), LONGEST_TEXT)?;
        check("role", self.actor.role.as_deref().unwrap_or_default(), LONGEST_TEXT)?;
        check("reason", self.reason.as_deref().unwrap_or_default(), LONGEST_REASON)?;
        for (name, value) in &self.details {
            check("detail", name, LONGEST_TEXT)?;
            check("detail", value, LONGEST_TEXT)?;
        }
        check("details", &"x".repeat(self.details.len()), 64)
    }
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Name of the account, AE title of the peer, or the program itself.
    pub name: String,
    /// Whether a person acted.
    pub is_person: bool,
    /// In which role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// From which network address or terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

impl Actor {
    /// A person, by the name of the account.
    pub fn user(name: impl Into<String>) -> Self {
        Self { name: name.into(), is_person: true, role: None, from: None }
    }
    /// Another program, by its AE title or the label of its token.
    pub fn peer(name: impl Into<String>) -> Self {
        Self { name: name.into(), is_person: false, role: None, from: None }
    }
    /// This program, of its own.
    pub fn program() -> Self {
        Self::peer("wilhelm")
    }
    /// In a role.
    #[must_use]
    pub fn as_role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }
    /// From a network address or terminal.
    #[must_use]
    pub fn from(mut self, origin: impl Into<String>) -> Self {
        self.from = Some(origin.into());
        self
    }
}

/// What was acted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// Of which kind.
    pub kind: ObjectKind,
    /// Which one; none where it is all of them, or the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// The patient it belongs to, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<Reference>,
}

impl Object {
    /// One object.
    pub const fn new(kind: ObjectKind, reference: Reference) -> Self {
        Self { kind, reference: Some(reference), patient: None }
    }
    /// All of a kind, or the only one.
    pub const fn whole(kind: ObjectKind) -> Self {
        Self { kind, reference: None, patient: None }
    }
    /// Of a patient.
    #[must_use]
    pub fn of(mut self, patient: Reference) -> Self {
        self.patient = Some(patient);
        self
    }
}

/// A closed list with the names that the log holds.
macro_rules! named {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }
        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// The name in the log.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
            /// The one of that name.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }
    };
}

named! {
    /// What kind of thing was acted on.
    ObjectKind {
        /// A person who is examined.
        Patient = "patient",
        /// A study.
        Study = "study",
        /// A series.
        Series = "series",
        /// An image or another instance.
        Instance = "instance",
        /// A report.
        Report = "report",
        /// A finding of a report.
        Finding = "finding",
        /// A user's account.
        Account = "account",
        /// A session of a user.
        Session = "session",
        /// A token of a program.
        Token = "token",
        /// A key.
        Key = "key",
        /// A setting.
        Setting = "setting",
        /// A consultation.
        Consultation = "consultation",
        /// The log itself.
        Log = "log",
        /// The program.
        Program = "program",
    }
}

named! {
    /// What was done.
    Action {
        /// The log begins.
        LogBegun = "log.begun",
        /// What a killed writer left behind was set aside.
        LogTorn = "log.torn",
        /// The program began to serve.
        ProgramStarted = "program.started",
        /// The program stopped serving.
        ProgramStopped = "program.stopped",
        /// A setting was changed.
        SettingChanged = "setting.changed",
        /// Somebody signed in, or tried to.
        SessionBegun = "session.begun",
        /// Somebody signed out, or was.
        SessionEnded = "session.ended",
        /// An account was made.
        AccountMade = "account.made",
        /// Roles or access of an account were changed.
        AccountChanged = "account.changed",
        /// An account was closed or opened again.
        AccountDisabled = "account.disabled",
        /// The password of an account was set anew.
        PasswordSet = "account.password",
        /// A token was made.
        TokenMade = "token.made",
        /// A token was withdrawn.
        TokenRevoked = "token.revoked",
        /// Something was asked for that the role does not allow.
        AccessRefused = "access.refused",
        /// Access beyond the role, in an emergency and with a reason.
        AccessEmergency = "access.emergency",
        /// Something was searched for.
        Queried = "query",
        /// A study or a part of it arrived.
        StudyReceived = "study.received",
        /// A study or a part of it was looked at.
        StudySeen = "study.seen",
        /// A study or a part of it was sent elsewhere.
        StudySent = "study.sent",
        /// A study or a part of it was written to files.
        StudyExported = "study.exported",
        /// A study or a part of it was changed: merged, split, corrected.
        StudyChanged = "study.changed",
        /// A study or a part of it was deleted.
        StudyDeleted = "study.deleted",
        /// Identifying values were removed from a copy.
        StudyDeidentified = "study.deidentified",
        /// An examination was ordered.
        OrderMade = "order.made",
        /// An order was changed, or carried out.
        OrderChanged = "order.changed",
        /// An order was canceled.
        OrderCanceled = "order.canceled",
        /// A report was drafted by the program.
        ReportDrafted = "report.drafted",
        /// A report was looked at.
        ReportSeen = "report.seen",
        /// A report was signed.
        ReportSigned = "report.signed",
        /// Sentences of a report were changed.
        ReportAmended = "report.amended",
        /// Something was added to a signed report.
        ReportAdded = "report.added",
        /// A report was written in other forms or sent.
        ReportExported = "report.exported",
        /// A finding was accepted, edited or rejected.
        FindingDecided = "finding.decided",
        /// A project of annotation was made, ordered, opened or closed, or got items.
        AnnotationChanged = "annotation.changed",
        /// Items or answers of a project of annotation were looked at.
        AnnotationSeen = "annotation.seen",
        /// An item was answered or skipped.
        AnnotationMade = "annotation.made",
        /// The final answer to an item was decided.
        AnnotationDecided = "annotation.decided",
        /// Answers and images were written as a training set.
        AnnotationExported = "annotation.exported",
        /// Somebody was invited to a study by a link.
        ConsultationMade = "consultation.made",
        /// A link was opened, or somebody tried to.
        ConsultationOpened = "consultation.opened",
        /// A consultation was looked at, or taken part in.
        ConsultationSeen = "consultation.seen",
        /// A note was written into a consultation's thread.
        ConsultationNoted = "consultation.noted",
        /// A consultation was ended before its time, with its link and the sessions of its guests.
        ConsultationRevoked = "consultation.revoked",
        /// A second opinion was recorded.
        OpinionGiven = "opinion.given",
        /// A job was put into the queue by somebody.
        JobMade = "job.made",
        /// A job was cancelled by somebody.
        JobCancelled = "job.cancelled",
        /// A job that had ended was put back into the queue by somebody.
        JobRetried = "job.retried",
        /// A key was made.
        KeyMade = "key.made",
        /// A key took the place of another.
        KeyRotated = "key.rotated",
    }
}

named! {
    /// How it ended.
    Outcome {
        /// Done.
        Done = "done",
        /// The one who asked was at fault, or was not allowed to.
        Refused = "refused",
        /// The program or the machine was at fault.
        Failed = "failed",
    }
}
