use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wilhelm_study::CodedConcept;

use crate::AnnotateError;

/// Most labels or structures of a question.
const MOST: usize = 64;
/// Longest key and name in characters.
const LONGEST_KEY: usize = 40;
const LONGEST_NAME: usize = 80;

/// What is asked of each item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    /// Labels to choose.
    Labels {
        /// The labels.
        labels: Vec<Choice>,
        /// Whether none, one or several may hold; else exactly one does.
        #[serde(default)]
        multiple: bool,
    },
    /// Structures to outline; one that is not there is left out.
    Outline {
        /// The structures.
        structures: Vec<Structure>,
    },
}

/// A label to choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What files and programs call it: lower-case letters, digits and hyphens.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// Whether it says that nothing is there.
    #[serde(default)]
    pub normal: bool,
}

/// A structure to outline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Structure {
    /// What files and programs call it.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// Its code, where there is one.
    #[serde(default)]
    pub code: Option<CodedConcept>,
    /// Whether it is a disease's, not a healthy structure.
    #[serde(default)]
    pub abnormal: bool,
}

impl Question {
    /// One of some labels, whose names are their keys.
    pub fn labels(keys: &[&str]) -> Self {
        let choice =
            |key: &&str| Choice { key: (*key).to_owned(), name: (*key).to_owned(), normal: *key == "normal" };
        Self::Labels { labels: keys.iter().map(choice).collect(), multiple: false }
    }

    /// Itself, where it can be asked.
    ///
    /// # Errors
    /// [`AnnotateError::Question`] for no labels, too many, keys that are not their own, and names without characters.
    pub fn checked(self) -> Result<Self, AnnotateError> {
        let (place, least, names): (_, _, Vec<(&str, &str)>) = match &self {
            Self::Labels { labels, multiple } => {
                let least = if *multiple { 1 } else { 2 };
                ("labels", least, labels.iter().map(|one| (one.key.as_str(), one.name.as_str())).collect())
            }
            Self::Outline { structures } => {
                let names = structures.iter().map(|one| (one.key.as_str(), one.name.as_str())).collect();
                ("structures", 1, names)
            }
        };
        if !(least..=MOST).contains(&names.len()) {
            let what = format!("{} of them, expected {least} to {MOST}", names.len());
            return Err(AnnotateError::question(place, what));
        }
        let mut keys = BTreeSet::new();
        for (key, name) in names {
            let is_key = (1..=LONGEST_KEY).contains(&key.len())
                && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            if !is_key || !keys.insert(key) {
                let what = format!(
                    "{key:?} is no key of its own, expected 1 to {LONGEST_KEY} lower-case letters, digits and hyphens"
                );
                return Err(AnnotateError::question(place, what));
            }
            if !is_words(name, LONGEST_NAME) {
                let what = format!("the name of {key:?} has to have 1 to {LONGEST_NAME} characters");
                return Err(AnnotateError::question(place, what));
            }
        }
        Ok(self)
    }

    /// The keys of its labels or structures, in its order.
    pub fn keys(&self) -> Vec<&str> {
        match self {
            Self::Labels { labels, .. } => labels.iter().map(|one| one.key.as_str()).collect(),
            Self::Outline { structures } => structures.iter().map(|one| one.key.as_str()).collect(),
        }
    }
}

/// Whether a text has so many characters at most, at least one, and no control characters.
pub(crate) fn is_words(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.trim().chars().count()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_labels_of_its_own() {
        let of = |text: &str| serde_json::from_str::<Question>(text).map(Question::checked);
        let sound =
            r#"{"kind": "labels", "labels": [{"key": "a", "name": "A"}, {"key": "b-1", "name": "B"}]}"#;
        assert_eq!(of(sound).expect("its form").expect("sound").keys(), ["a", "b-1"]);
        let structure =
            r#"{"kind": "outline", "structures": [{"key": "lesion", "name": "Lesion", "abnormal": true}]}"#;
        assert!(of(structure).expect("its form").is_ok());
        for (text, expected) in [
            (
                r#"{"kind": "labels", "labels": [{"key": "a", "name": "A"}]}"#,
                "labels: 1 of them, expected 2 to 64",
            ),
            (r#"{"kind": "outline", "structures": []}"#, "structures: 0 of them, expected 1 to 64"),
            (
                r#"{"kind": "labels", "labels": [{"key": "a", "name": "A"}, {"key": "a", "name": "B"}]}"#,
                "labels: \"a\" is no key of its own, expected 1 to 40 lower-case letters, digits and hyphens",
            ),
            (
                r#"{"kind": "labels", "labels": [{"key": "../a", "name": "A"}, {"key": "b", "name": "B"}]}"#,
                "labels: \"../a\" is no key of its own, expected 1 to 40 lower-case letters, digits and hyphens",
            ),
            (
                r#"{"kind": "labels", "labels": [{"key": "a", "name": " "}, {"key": "b", "name": "B"}]}"#,
                "labels: the name of \"a\" has to have 1 to 80 characters",
            ),
        ] {
            assert_eq!(of(text).expect("its form").expect_err(text).to_string(), expected);
        }
        assert!(of(r#"{"kind": "labels", "labels": [], "more": 1}"#).is_err());
    }
}
