//! Languages and readers: the same claims in other words.
//!
//! A report is written once, in English for clinicians. An [`Edition`] says each of its sentences again for another language
//! or another reader, from the sentence's claim and not from its words; the gate reads every sentence about findings and
//! lets it stand only where it says exactly that claim.

mod chinese;
mod edition;
mod fixed;
pub(crate) mod glossary;
mod originals;
mod page;
mod plain;
mod reading;
mod reference;
mod sayings;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use edition::{Edition, EditionSection, Line, LineOrigin, edition};
pub use page::{edition_html, edition_text};
pub use reading::{Length, flesch_kincaid_grade, syllables};

pub(crate) use fixed::fixed;
pub(crate) use page::{chinese_row, kind, overlay_caption, spoken, stands, state_title};
pub(crate) use plain::with_article;

/// The language of an edition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    En,
    /// Chinese, simplified characters.
    Zh,
}

impl Language {
    /// The tag of the language, for file names and `lang`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }
}

/// For whom an edition is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// A physician: the field's own wording.
    Clinician,
    /// The person who was examined: plain words, at about the reading level of eighth grade.
    Patient,
}

impl Audience {
    /// The word for file names.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Clinician => "clinician",
            Self::Patient => "patient",
        }
    }
}

/// A language and a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Voice {
    /// The language.
    pub language: Language,
    /// The reader.
    pub audience: Audience,
}

impl Voice {
    /// All voices; the first is the report's own.
    pub const ALL: [Self; 4] = [
        Self { language: Language::En, audience: Audience::Clinician },
        Self { language: Language::En, audience: Audience::Patient },
        Self { language: Language::Zh, audience: Audience::Clinician },
        Self { language: Language::Zh, audience: Audience::Patient },
    ];

    /// Whether this is the voice in which reports are written.
    pub fn is_own(self) -> bool {
        self == Self::ALL[0]
    }

    /// The one of four words (English and Chinese for clinicians, then for patients) that is this voice's.
    pub(crate) const fn pick(self, words: [&'static str; 4]) -> &'static str {
        let [clinician_en, clinician_zh, patient_en, patient_zh] = words;
        match (self.audience, self.language) {
            (Audience::Clinician, Language::En) => clinician_en,
            (Audience::Clinician, Language::Zh) => clinician_zh,
            (Audience::Patient, Language::En) => patient_en,
            (Audience::Patient, Language::Zh) => patient_zh,
        }
    }
}
