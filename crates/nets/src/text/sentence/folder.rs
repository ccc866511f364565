//! A folder as `sentence-transformers` saves it.

use std::path::Path;

use burn::tensor::Device;
use serde_json::Value;

use super::super::base::json;
use super::super::{TextBase, TextError};
use super::{Pooling, SentenceEncoder};

pub(super) fn open(folder: &Path) -> Result<SentenceEncoder, TextError> {
    let (pooling, normalizes) = steps(folder)?;
    let TextBase { config, tokenizer, encoder, most_tokens, lowers, .. } = TextBase::open(folder)?;
    Ok(SentenceEncoder {
        tokenizer,
        network: encoder,
        pooling,
        normalizes,
        lowers,
        most_tokens,
        kinds: config.kinds,
        width: config.width,
        device: Device::flex(),
    })
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
