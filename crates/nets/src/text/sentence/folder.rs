//! A folder as `sentence-transformers` saves it.

use std::path::Path;

use burn::tensor::Device;
use serde_json::Value;

use crate::arch::{Bert, BertConfig, HubConfigError};

use super::super::{TextError, Tokenizer};
use super::{Pooling, SentenceEncoder};

pub(super) fn open(folder: &Path) -> Result<SentenceEncoder, TextError> {
    let (pooling, normalizes) = steps(folder)?;
    let path = folder.join("config.json");
    let config = BertConfig::from_hub(&text(&path)?).map_err(|source| TextError::Config { path, source })?;
    let tokenizer = Tokenizer::from_json(&bytes(&folder.join("tokenizer.json"))?)?;
    let greatest =
        tokenizer.greatest().ok_or_else(|| TextError::Tokenizer { reason: "has no tokens".into() })?;
    if greatest >= config.vocabulary {
        return Err(TextError::Vocabulary { greatest, vocabulary: config.vocabulary });
    }
    let (most_tokens, lowers) = limits(folder, config.positions)?;
    let path = folder.join("model.safetensors");
    let device = Device::flex();
    let network =
        Bert::load(&config, bytes(&path)?, &device).map_err(|source| TextError::Weights { path, source })?;
    let (kinds, width) = (config.kinds, config.width);
    Ok(SentenceEncoder { tokenizer, network, pooling, normalizes, lowers, most_tokens, kinds, width, device })
}

/// What follows the network by `modules.json`: how vectors of tokens become one, and whether its length becomes 1.
fn steps(folder: &Path) -> Result<(Pooling, bool), TextError> {
    let path = folder.join("modules.json");
    let listed = json(&path)?;
    let unknown = |what: &str, found: String, expected: &str| TextError::Step {
        path: path.clone(),
        what: what.to_owned(),
        found,
        expected: expected.to_owned(),
    };
    let order = "Transformer, Pooling and perhaps Normalize, one after another";
    let word = |module: &Value, key: &str| module.get(key)?.as_str().map(str::to_owned);
    let modules: Option<Vec<(String, String)>> = listed.as_array().and_then(|modules| {
        modules.iter().map(|module| Some((word(module, "type")?, word(module, "path")?))).collect()
    });
    let modules = modules.ok_or_else(|| unknown("the list of steps", listed.to_string(), order))?;
    let kinds: Vec<&str> = modules.iter().map(|(kind, _)| kind.rsplit('.').next().unwrap_or(kind)).collect();
    let (at, normalizes) = match kinds[..] {
        ["Transformer", "Pooling"] => (&modules[1].1, false),
        ["Transformer", "Pooling", "Normalize"] => (&modules[1].1, true),
        _ => return Err(unknown("the list of steps", kinds.join(", "), order)),
    };
    let plain = !at.is_empty() && at.chars().all(|sign| sign.is_ascii_alphanumeric() || "_-".contains(sign));
    if !plain {
        return Err(unknown("the path of Pooling", format!("{at:?}"), "the name of a folder"));
    }
    Ok((pooling(&folder.join(at).join("config.json"))?, normalizes))
}

/// The one way of pooling that a file switches on.
fn pooling(path: &Path) -> Result<Pooling, TextError> {
    let settings = json(path)?;
    let on = settings
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, value)| key.starts_with("pooling_mode_") && value.as_bool() == Some(true));
    let mut found: Vec<&str> = on.map(|(key, _)| key.as_str()).collect();
    // Later versions of the library write one word.
    found.extend(settings.get("pooling_mode").and_then(Value::as_str));
    match found[..] {
        ["pooling_mode_mean_tokens" | "mean"] => Ok(Pooling::Mean),
        ["pooling_mode_cls_token" | "cls"] => Ok(Pooling::First),
        _ => Err(TextError::Step {
            path: path.to_owned(),
            what: "the way of pooling".to_owned(),
            found: if found.is_empty() { "none".to_owned() } else { found.join(" and ") },
            expected: "pooling_mode_mean_tokens or pooling_mode_cls_token, one of them".to_owned(),
        }),
    }
}

/// How many tokens are read of a text, and whether it is put in lower case first, by `sentence_bert_config.json`.
/// Without that file as many as the network has positions, in the case they have.
fn limits(folder: &Path, positions: usize) -> Result<(usize, bool), TextError> {
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

fn json(path: &Path) -> Result<Value, TextError> {
    serde_json::from_str(&text(path)?).map_err(|error| TextError::Config {
        path: path.to_owned(),
        source: HubConfigError::Form(error.to_string()),
    })
}

fn text(path: &Path) -> Result<String, TextError> {
    std::fs::read_to_string(path).map_err(|source| TextError::File { path: path.to_owned(), source })
}

fn bytes(path: &Path) -> Result<Vec<u8>, TextError> {
    std::fs::read(path).map_err(|source| TextError::File { path: path.to_owned(), source })
}
