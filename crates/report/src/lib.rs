//! Findings to claims to a checked report.
//!
//! The principal type is [`Report`]: sections of sentences, each with a [`Claim`] that says what it
//! asserts and the evidence that bears it. [`write`](write()) makes one from a [`Case`] without any
//! model; [`Report::rephrase`] lets a language model's wording in, and only through the gate of
//! [`ground`](ground()) and [`same_meaning`].
//!
//! Invariants held here: a sentence without evidence is an error ([`Report::check`]); a candidate
//! sentence is accepted only when every one of its words is accounted for and it says what the
//! findings say (closed vocabulary); the patient's own text is quoted and never believed. This
//! crate knows no files, clocks, network or models.
//!
//! ```
//! use wilhelm_report::{Case, GroundContext, example, ground, write};
//!
//! let case: Case = example::pneumonia(0.93);
//! let report = write(&case);
//! report.check()?;
//! let context = GroundContext::of(&report);
//! assert!(ground("The appearance is consistent with pneumonia.", &context).accepted);
//! assert!(!ground("There is no pneumonia.", &context).accepted);
//! assert!(!ground("Left lower lobe pneumonia with a small effusion.", &context).accepted);
//! # Ok::<(), wilhelm_report::ReportError>(())
//! ```

mod case;
mod change;
mod claim;
mod earlier;
pub mod example;
mod fallback;
pub mod fhir;
mod fluency;
mod ground;
pub mod guideline;
pub mod hl7;
mod html;
mod language;
mod lifecycle;
mod measured;
mod moment;
mod pdf;
mod reference;
mod report;
mod restate;
mod rule;
mod schema;
mod subject;
pub mod template;
mod text;
mod triage;
mod versions;
mod wording;
mod write;
mod yardstick;

pub use case::{Abstention, Case, Caution, Exam, ImageRef, ModelUse};
pub use change::{Change, Compared, Prior};
pub use claim::{Applied, Claim, StatedQuantity, Statement};
pub use earlier::{Earlier, Outcome, compare, examined};
pub use ground::{
    Contradiction, ContradictionKind, GroundContext, MAX_SENTENCE_CHARS, Remark, Review, Stance, Verdict,
    contradictions, ground, review, same_meaning,
};
pub use html::{HtmlImage, HtmlImages, html};
pub use language::{
    Audience, Edition, EditionSection, Language, Length, Line, LineOrigin, Voice, edition, edition_html,
    edition_text, flesch_kincaid_grade, syllables,
};
pub use lifecycle::{Edit, LifecycleError, Revision, Signature, Signer, addendum, amend, changes, sign};
pub use measured::Measured;
pub use moment::{Moment, MomentError};
pub use pdf::{PdfError, edition_pdf, pdf};
pub use reference::{
    AlternativeKind, Known, QuoteKind, Reference, RefusedReference, ToldBy, WeighedSign, link,
    short_citation, short_title,
};
pub use report::{
    Author, DISCLAIMER, Heading, Report, ReportError, SCHEMA_VERSION, SIGNED_DISCLAIMER, Section, Sentence,
    State, StruckSentence,
};
pub use restate::{Restated, Stated, stated, stated_in};
pub use rule::{RULES, Rule};
pub use schema::schema;
pub use subject::{InstanceRef, Issue, StudyRef, Subject};
pub use text::{TextReportError, read_text_report, text};
pub use triage::{Triage, Urgency, triage};
pub use versions::{ChainError, Version, verify, version_sha256};
pub use write::write;
