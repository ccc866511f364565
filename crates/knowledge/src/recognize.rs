//! Concepts in texts: a dictionary that finds them by their names, a tagger that learned what a mention looks like, and
//! the short forms that a text explains.
//!
//! The principal types are [`Lexicon`], names that lead to concepts, and [`Tagger`], a linear-chain conditional random field.

mod abbreviation;
mod descent;
mod document;
mod features;
mod field;
mod lexicon;
mod linked;
mod normal;
mod tagger;
mod token;

pub use abbreviation::{Abbreviation, abbreviations};
pub use document::{Document, hints};
pub use lexicon::{Lexicon, LexiconError, Match};
pub use linked::{LinkedMention, Measured, Side, link};
pub use normal::normal;
pub use tagger::{Labeled, TaggedSpan, Tagger, TaggerError, Training};
pub use token::{Token, sentences, tokens};
