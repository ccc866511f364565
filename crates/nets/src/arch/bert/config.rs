use serde_json::{Map, Value};

/// Why a network cannot be made from a `config.json`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HubConfigError {
    /// No JSON object.
    #[error("it is not readable as a JSON object: {0}")]
    Form(String),
    /// A key is not there.
    #[error("{key} is missing, expected {expected}")]
    Missing {
        /// The key.
        key: &'static str,
        /// What it should hold.
        expected: String,
    },
    /// A key holds something that this network is not.
    #[error("{key} is {found}, expected {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What it holds.
        found: String,
        /// What it should hold.
        expected: String,
    },
}

/// The keys of a `config.json` as the hub's library `transformers` writes it; keys that are not asked for are let be,
/// since the library writes those of training and of generation beside the network's.
pub(in crate::arch) struct HubConfig(Map<String, Value>);

impl HubConfig {
    /// # Errors
    /// [`HubConfigError`] if it is no JSON object, or of another kind of network.
    pub fn read(json: &str, model_type: &str) -> Result<Self, HubConfigError> {
        let read = serde_json::from_str(json).map_err(|error| HubConfigError::Form(error.to_string()))?;
        let config = Self(read);
        config.word("model_type", &[model_type])?;
        Ok(config)
    }

    /// A whole number between two bounds.
    pub fn whole(&self, key: &'static str, least: usize, most: usize) -> Result<usize, HubConfigError> {
        let expected = || format!("a whole number from {least} to {most}");
        let found = self.asked(key, expected)?;
        let number = found.as_u64().and_then(|number| usize::try_from(number).ok());
        number.filter(|number| (least..=most).contains(number)).ok_or_else(|| HubConfigError::Value {
            key,
            found: found.to_string(),
            expected: expected(),
        })
    }

    /// A number from `least` to below `below`.
    pub fn number(&self, key: &'static str, least: f64, below: f64) -> Result<f64, HubConfigError> {
        let expected = || format!("a number from {least} to below {below}");
        let found = self.asked(key, expected)?;
        let number = found.as_f64().filter(|number| (least..below).contains(number));
        number.ok_or_else(|| HubConfigError::Value { key, found: found.to_string(), expected: expected() })
    }

    /// One of some words: which.
    pub fn word(&self, key: &'static str, words: &[&str]) -> Result<usize, HubConfigError> {
        let expected = || words.join(" or ");
        let found = self.asked(key, expected)?;
        let at = words.iter().position(|word| found.as_str() == Some(word));
        at.ok_or_else(|| HubConfigError::Value { key, found: found.to_string(), expected: expected() })
    }

    /// Refuses a key that is there, says something, and says something else than it may.
    pub fn only(&self, key: &'static str, allowed: &Value) -> Result<(), HubConfigError> {
        match self.0.get(key).filter(|found| !found.is_null() && *found != allowed) {
            None => Ok(()),
            Some(found) => {
                Err(HubConfigError::Value { key, found: found.to_string(), expected: allowed.to_string() })
            }
        }
    }

    /// Whether a key is there and says something.
    pub fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|found| !found.is_null())
    }

    /// The names of the classes in the order of their numbers; none where the file names none.
    ///
    /// # Errors
    /// [`HubConfigError::Value`] if the numbers are not those from 0 on.
    pub fn classes(&self) -> Result<Vec<String>, HubConfigError> {
        let key = "id2label";
        let Some(found) = self.0.get(key).filter(|found| !found.is_null()) else { return Ok(Vec::new()) };
        let names = found.as_object().and_then(|map| {
            (0..map.len()).map(|at| Some(map.get(&at.to_string())?.as_str()?.to_owned())).collect()
        });
        names.ok_or_else(|| HubConfigError::Value {
            key,
            found: found.to_string(),
            expected: "a name for each number from 0 on".to_owned(),
        })
    }

    fn asked(&self, key: &'static str, expected: impl Fn() -> String) -> Result<&Value, HubConfigError> {
        self.0.get(key).ok_or_else(|| HubConfigError::Missing { key, expected: expected() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_asked_for_is_let_be_and_what_does_not_fit_is_named() {
        let read = |json: &str| HubConfig::read(json, "bert");
        let config = read(r#"{"model_type": "bert", "torch_dtype": "float32", "layers": 3, "gone": null}"#);
        let config = config.expect("it is an object");
        assert_eq!(config.whole("layers", 1, 3), Ok(3));
        let found = |result: Result<(), HubConfigError>| result.expect_err("it does not fit").to_string();
        let whole = |most| found(config.whole("layers", 1, most).map(|_| ()));
        assert_eq!(whole(2), "layers is 3, expected a whole number from 1 to 2");
        assert_eq!(
            found(config.whole("heads", 1, 9).map(|_| ())),
            "heads is missing, expected a whole number from 1 to 9"
        );
        assert_eq!(config.only("gone", &Value::from(1)), Ok(()));
        assert_eq!(found(config.only("layers", &Value::from(1))), "layers is 3, expected 1");
        assert!(config.has("layers") && !config.has("gone") && !config.has("heads"));
        assert_eq!(config.classes(), Ok(Vec::new()));
        assert_eq!(
            found(read(r#"{"model_type": "roberta"}"#).map(|_| ())),
            "model_type is \"roberta\", expected bert"
        );
        assert_eq!(found(read("{}").map(|_| ())), "model_type is missing, expected bert");
        assert!(found(read("[1]").map(|_| ())).starts_with("it is not readable as a JSON object"));
    }

    #[test]
    fn classes_stand_in_the_order_of_their_numbers() {
        let read = |labels: &str| {
            let json = format!(r#"{{"model_type": "bert", "id2label": {labels}}}"#);
            HubConfig::read(&json, "bert").expect("an object").classes()
        };
        assert_eq!(read(r#"{"1": "B", "0": "A"}"#), Ok(vec!["A".to_owned(), "B".to_owned()]));
        assert!(read(r#"{"1": "B", "2": "A"}"#).is_err());
    }
}
