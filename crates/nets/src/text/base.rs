//! The encoder, the tokenizer and the settings of a folder from the model hub.

use std::path::Path;

use burn::tensor::Device;
use serde_json::Value;

use crate::arch::{Bert, BertConfig, HubConfigError};

use super::{TextError, Tokenizer};

/// A trained encoder of texts with what turns text into its tokens.
#[derive(Debug)]
pub struct TextBase {
    /// Its sizes.
    pub config: BertConfig,
    /// `config.json` as it stands in the folder.
    pub config_json: String,
    /// What turns text into tokens.
    pub tokenizer: Tokenizer,
    /// `tokenizer.json` as it stands in the folder.
    pub tokenizer_json: Vec<u8>,
    /// The network.
    pub encoder: Bert,
    /// Most tokens that are read of a text, those that the tokenizer adds included.
    pub most_tokens: usize,
    /// Whether texts are put in lower case before the tokenizer sees them.
    pub lowers: bool,
}

impl TextBase {
    /// Opens `config.json`, `tokenizer.json`, `model.safetensors` and, where it is there, `sentence_bert_config.json`.
    ///
    /// # Errors
    /// [`TextError`] naming the file and what in it is missing, does not fit or is not known here.
    pub fn open(folder: &Path) -> Result<Self, TextError> {
        let config_json = text(&folder.join("config.json"))?;
        let tokenizer_json = bytes(&folder.join("tokenizer.json"))?;
        let (config, tokenizer) = fitting(&folder.join("config.json"), &config_json, &tokenizer_json)?;
        let (most_tokens, lowers) = limits(folder, config.positions)?;
        let path = folder.join("model.safetensors");
        let encoder = Bert::load(&config, bytes(&path)?, &Device::flex())
            .map_err(|source| TextError::Weights { path, source })?;
        Ok(Self { config, config_json, tokenizer, tokenizer_json, encoder, most_tokens, lowers })
    }
}

/// Sizes and a tokenizer that were made for each other.
pub(super) fn fitting(
    path: &Path,
    config_json: &str,
    tokenizer_json: &[u8],
) -> Result<(BertConfig, Tokenizer), TextError> {
    let config = BertConfig::from_hub(config_json)
        .map_err(|source| TextError::Config { path: path.to_owned(), source })?;
    let tokenizer = Tokenizer::from_json(tokenizer_json)?;
    let greatest =
        tokenizer.greatest().ok_or_else(|| TextError::Tokenizer { reason: "has no tokens".into() })?;
    if greatest >= config.vocabulary {
        return Err(TextError::Vocabulary { greatest, vocabulary: config.vocabulary });
    }
    Ok((config, tokenizer))
}

/// How many tokens are read of a text, and whether it is put in lower case first, by `sentence_bert_config.json`.
/// Without that file as many as the network has positions, in the case they have.
pub(super) fn limits(folder: &Path, positions: usize) -> Result<(usize, bool), TextError> {
    let path = folder.join("sentence_bert_config.json");
    if !path.exists() {
        return Ok((positions, false));
    }
    let settings = json(&path)?;
    let most = match settings.get("max_seq_length").filter(|found| !found.is_null()) {
        None => positions,
        Some(found) => {
            let most = found.as_u64().and_then(|most| usize::try_from(most).ok());
            most.filter(|most| (1..=positions).contains(most)).ok_or_else(|| TextError::Config {
                path: path.clone(),
                source: HubConfigError::Value {
                    key: "max_seq_length",
                    found: found.to_string(),
                    expected: format!("a whole number from 1 to {positions}, the network's positions"),
                },
            })?
        }
    };
    Ok((most, settings.get("do_lower_case").and_then(Value::as_bool) == Some(true)))
}

pub(super) fn json(path: &Path) -> Result<Value, TextError> {
    serde_json::from_str(&text(path)?).map_err(|error| TextError::Config {
        path: path.to_owned(),
        source: HubConfigError::Form(error.to_string()),
    })
}

pub(super) fn text(path: &Path) -> Result<String, TextError> {
    std::fs::read_to_string(path).map_err(|source| TextError::File { path: path.to_owned(), source })
}

pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, TextError> {
    std::fs::read(path).map_err(|source| TextError::File { path: path.to_owned(), source })
}
