use std::borrow::Cow;

use serde_json::Value;
use tokenizers::tokenizer::{EncodeInput, Encoding};
use tokenizers::utils::truncation::{TruncationParams, truncate_encodings};
use tokenizers::{PostProcessor, Tokenizer as HubTokenizer};

use super::TextError;

/// A text as the numbers of a vocabulary's tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// The numbers, those that the network's author puts before and after the text included.
    pub ids: Vec<u32>,
    /// 0 for tokens of the first text, 1 for those of the second.
    pub kinds: Vec<u32>,
    /// First byte of what each token stands for and the one past its last, in its own text; twice the same for a
    /// token that stands for nothing.
    pub places: Vec<[usize; 2]>,
    /// Tokens that were cut off because there were too many.
    pub cut: usize,
}

/// What turns text into tokens, read from a `tokenizer.json`.
///
/// Truncation and padding that the file asks for are passed over: the caller says how many tokens there may be, and
/// is told how many were cut off.
#[derive(Clone, Debug)]
pub struct Tokenizer(HubTokenizer);

impl Tokenizer {
    /// # Errors
    /// [`TextError::Tokenizer`] if the file is not readable as one, or a template in it asks for what it does not have.
    pub fn from_json(json: &[u8]) -> Result<Self, TextError> {
        let unreadable = |error: String| wrong(format!("is not readable: {error}"));
        // First as JSON alone: the library panics at some texts that are none.
        let whole: Value = serde_json::from_slice(json).map_err(|error| unreadable(error.to_string()))?;
        let mut tokenizer = HubTokenizer::from_bytes(json).map_err(|error| unreadable(error.to_string()))?;
        tokenizer.with_truncation(None).map_err(|error| wrong(error.to_string()))?;
        tokenizer.with_padding(None);
        check_templates(&whole["post_processor"])?;
        Ok(Self(tokenizer))
    }

    /// The greatest number of a token; none where there are no tokens.
    pub fn greatest(&self) -> Option<usize> {
        self.0.get_vocab(true).into_values().max().map(|number| number as usize)
    }

    /// The number of a token.
    pub fn number(&self, token: &str) -> Option<u32> {
        self.0.token_to_id(token)
    }

    /// The tokens of a text, or of two that are read together, cut off at their ends where there are more than `most`:
    /// of two texts the longer one first.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`] if `most` leaves no room for a token of the text, or the tokenizer fails.
    pub fn encode(&self, text: &str, second: Option<&str>, most: usize) -> Result<Tokens, TextError> {
        let added =
            self.0.get_post_processor().map_or(0, |processor| processor.added_tokens(second.is_some()));
        let room = most.checked_sub(added).filter(|room| *room > 0).ok_or_else(|| {
            wrong(format!("puts {added} tokens of its own to a text, which leaves none of {most} for it"))
        })?;
        let (first, second) = (self.plain(text)?, second.map(|text| self.plain(text)).transpose()?);
        let whole = first.len() + second.as_ref().map_or(0, Encoding::len);
        let limit = TruncationParams { max_length: room, ..TruncationParams::default() };
        let (first, second) =
            truncate_encodings(first, second, &limit).map_err(|error| wrong(error.to_string()))?;
        let kept = first.len() + second.as_ref().map_or(0, Encoding::len);
        let done =
            self.0.post_process(first, second, true).map_err(|error| wrong(format!("fails: {error}")))?;
        Ok(Tokens {
            ids: done.get_ids().to_vec(),
            kinds: done.get_type_ids().to_vec(),
            places: done.get_offsets().iter().map(|(start, end)| [*start, *end]).collect(),
            cut: whole - kept,
        })
    }

    /// The tokens of a text for a network that knows so many `kinds` of them, in lower case first where it wants that.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`] as [`Tokenizer::encode`], for a text without tokens, and for a kind that the network
    /// does not know.
    pub(super) fn read(
        &self,
        text: &str,
        lowers: bool,
        most: usize,
        kinds: usize,
    ) -> Result<Tokens, TextError> {
        let text = if lowers { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) };
        let tokens = self.encode(&text, None, most)?;
        if tokens.ids.is_empty() {
            return Err(wrong(
                "gives a text that says nothing no tokens, so that it has no vector".to_owned(),
            ));
        }
        match tokens.kinds.iter().find(|kind| **kind as usize >= kinds) {
            Some(kind) => {
                Err(wrong(format!("gives tokens the kind {kind}, and the network knows {kinds} kinds")))
            }
            None => Ok(tokens),
        }
    }

    /// The text of tokens, without those that stand for nothing.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`] if the tokenizer fails.
    pub fn decode(&self, ids: &[u32]) -> Result<String, TextError> {
        self.0.decode(ids, true).map_err(|error| wrong(format!("fails: {error}")))
    }

    /// The tokens of a text alone.
    fn plain(&self, text: &str) -> Result<Encoding, TextError> {
        let input = EncodeInput::Single(text.into());
        self.0.encode(input, false).map_err(|error| wrong(format!("fails: {error}")))
    }
}

/// Whether the templates of a post-processor ask for nothing that is not there; the library takes that for granted.
fn check_templates(processor: &Value) -> Result<(), TextError> {
    for inner in processor["processors"].as_array().into_iter().flatten() {
        check_templates(inner)?;
    }
    if processor["type"] != "TemplateProcessing" {
        return Ok(());
    }
    for (template, may_have_second) in [("single", false), ("pair", true)] {
        for piece in processor[template].as_array().into_iter().flatten() {
            let special = &piece["SpecialToken"]["id"];
            if special.as_str().is_some_and(|name| processor["special_tokens"].get(name).is_none()) {
                return Err(wrong(format!(
                    "has a template {template} with the special token {special}, which it does not define"
                )));
            }
            if piece["Sequence"]["id"] == "B" && !may_have_second {
                return Err(wrong(format!("has a template {template} with a second text")));
            }
        }
    }
    Ok(())
}

fn wrong(reason: String) -> TextError {
    TextError::Tokenizer { reason }
}
