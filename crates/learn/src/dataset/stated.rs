use std::collections::BTreeMap;
use std::path::Path;

use super::Example;
use crate::LearnError;
use crate::evaluation::EvaluationError;

/// On which side the data say that an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Trained on.
    Training,
    /// Held out to measure the model.
    Validation,
    /// Set aside: neither trained on nor measured, but held against both.
    Test,
}

impl Side {
    /// What a table may call the sides.
    pub(super) const WORDS: &'static str = "train, training, val, valid, validation, test";

    /// The side that a word means.
    pub(super) fn of(word: &str) -> Option<Self> {
        match word.to_lowercase().as_str() {
            "train" | "training" => Some(Self::Training),
            "val" | "valid" | "validation" => Some(Self::Validation),
            "test" => Some(Self::Test),
            _ => None,
        }
    }

    /// Its name for people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// Holds out the images that a list names, one a line, and trains on all others.
pub(crate) fn apply_list(folder: &Path, list: &str, examples: &mut [Example]) -> Result<(), LearnError> {
    let place = folder.join(list);
    let text = std::fs::read_to_string(&place).map_err(|error| LearnError::Data {
        place: place.display().to_string(),
        what: format!("the list of validation images is not readable: {error}"),
    })?;
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (place, example) in examples.iter_mut().enumerate() {
        example.side = Some(Side::Training);
        places.insert(example.source.clone(), place);
    }
    for (line, name) in (1_u64..).zip(text.lines().map(str::trim)).filter(|(_, name)| !name.is_empty()) {
        let Some(place) = places.get(name) else {
            let known = examples.first().map_or("", |example| example.source.as_str());
            return Err(EvaluationError::Line {
                file: list.to_owned(),
                line,
                what: format!("no image of these data; expected names like {known}"),
            }
            .into());
        };
        examples[*place].side = Some(Side::Validation);
    }
    Ok(())
}
