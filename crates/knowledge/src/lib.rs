//! What is known of medicine, and what a text says: today how a mention in a clinical text is meant.
//!
//! The principal type is [`ContextRules`]: words and their reach, from which [`ReadText::meaning`] says whether something
//! that a text mentions is denied, in doubt, past, only conceivable, or of somebody else, each with the words that say so.
//!
//! Invariants held here: places are byte ranges of the text as it was given; a verdict always names its cue; the same text
//! gives the same verdict. This crate knows no images, files, clocks, networks or models.
//!
//! ```
//! use wilhelm_knowledge::ContextRules;
//!
//! let text = "No pneumothorax. Possible effusion; mother had asthma.";
//! let read = ContextRules::built_in().read(text);
//! let of = |word: &str| {
//!     let start = text.find(word).expect("in the text");
//!     read.meaning(start..start + word.len())
//! };
//! assert!(of("pneumothorax")?.negated.is_some_and(|cue| cue.phrase == "no"));
//! assert!(of("effusion")?.uncertain.is_some());
//! assert!(of("asthma")?.of_other.is_some());
//! # Ok::<(), wilhelm_knowledge::ContextError>(())
//! ```

pub mod ask;
mod context;
pub mod differential;
mod folded;
pub mod genes;
pub mod graph;
pub mod handbook;
mod labels;
pub mod passages;
pub mod recognize;
pub mod retrieve;
mod rows;
mod scrub;
mod signs;
pub mod summarize;

pub use context::{ContextError, ContextRules, Cue, Meaning, Property, ReadText};
pub use labels::{LabelCues, LabelMention, Observation, ReportLabels, Status, label_report};
pub use scrub::{Identifying, KnownValues, Removed, ScrubbedText, scrub};
pub use signs::{
    LikelihoodRatio, Measure, Sign, SignEvidence, SignMention, SignStatus, SignTable, SignTableError,
    age_years,
};
