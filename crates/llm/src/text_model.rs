use crate::{Gbnf, LlmError, Picture};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::time::Duration;

/// Something that answers a chat in text.
pub trait TextModel: Send + Sync {
    /// A short name for provenance, for example the stem of the model's file.
    fn name(&self) -> &str;

    /// Answers `prompt`.
    ///
    /// `on_progress` is told of each part of the prompt that was read and each piece of text that was
    /// written; [`ControlFlow::Break`] ends the answer there with [`FinishReason::Cancelled`].
    ///
    /// # Errors
    /// [`LlmError`] if the prompt does not fit, the settings make no sense, or the model fails.
    fn generate(
        &self,
        prompt: &ChatPrompt,
        settings: &GenerateSettings,
        on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Generation, LlmError>;
}

/// The `on_progress` of a caller who only wants the answer.
pub fn silent(_: Progress<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The one who asks.
    User,
    /// The model; such turns in a prompt are examples of good answers.
    Assistant,
}

/// One utterance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub text: String,
}

/// A chat that waits for the model's answer: the last turn is the user's.
///
/// Everything before the last turn is read once and remembered by a [`LocalModel`](crate::LocalModel), so
/// prompts that share their beginning (instructions, examples) cost little more than their end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatPrompt {
    /// Standing instructions.
    pub system: Option<String>,
    /// The conversation so far.
    pub turns: Vec<Turn>,
    /// Pictures, which stand before the words of the last turn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<Picture>,
}

impl ChatPrompt {
    /// A single question without instructions.
    pub fn ask(question: impl Into<String>) -> Self {
        let turns = vec![Turn { role: Role::User, text: question.into() }];
        Self { system: None, turns, pictures: Vec::new() }
    }

    /// Adds standing instructions.
    #[must_use]
    pub fn with_system(mut self, system: impl Into<String>) -> Self {
        self.system = Some(system.into());
        self
    }

    /// Adds a picture before the words of the last turn.
    #[must_use]
    pub fn with_picture(mut self, picture: Picture) -> Self {
        self.pictures.push(picture);
        self
    }

    /// Puts an example of a question and its good answer before the last turn.
    #[must_use]
    pub fn with_example(mut self, question: impl Into<String>, answer: impl Into<String>) -> Self {
        let at = self.turns.len().saturating_sub(1);
        let pair = [(Role::User, question.into()), (Role::Assistant, answer.into())];
        self.turns.splice(at..at, pair.map(|(role, text)| Turn { role, text }));
        self
    }

    /// Refuses a chat that does not end with the user's turn.
    pub(crate) fn check(&self) -> Result<(), LlmError> {
        match self.turns.last() {
            Some(Turn { role: Role::User, .. }) => Ok(()),
            _ => Err(LlmError::Setting { name: "last turn of the prompt", expected: "the user's" }),
        }
    }
}

/// How an answer is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GenerateSettings {
    /// The answer ends after this many tokens at the latest; prompt and answer must fit the context.
    pub max_tokens: usize,
    /// 0 always takes the likeliest token; 1 draws from the model's own distribution.
    pub temperature: f32,
    /// Seeds the draws; without effect at temperature 0.
    pub seed: u32,
    /// What the answer must look like.
    pub grammar: Option<Gbnf>,
    /// JSON Schema of the answer, in place of a grammar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<serde_json::Value>,
    /// The answer ends before the first of these texts.
    pub stop: Vec<String>,
}

impl GenerateSettings {
    /// The likeliest answer of at most `max_tokens` tokens, unconstrained.
    pub const fn greedy(max_tokens: usize) -> Self {
        Self { max_tokens, temperature: 0.0, seed: 0, grammar: None, schema: None, stop: Vec::new() }
    }

    /// Refuses settings that no model can follow.
    pub(crate) fn check(&self) -> Result<(), LlmError> {
        let refuse = |name, expected| Err(LlmError::Setting { name, expected });
        if self.max_tokens == 0 {
            return refuse("max_tokens", "at least 1");
        }
        if !(0.0..=5.0).contains(&self.temperature) {
            return refuse("temperature", "0 to 5");
        }
        if self.seed == u32::MAX {
            return refuse("seed", "below 4294967295, which means a random seed to llama.cpp");
        }
        if self.grammar.is_some() && self.schema.is_some() {
            return refuse("grammar beside a schema", "one of the two");
        }
        if self.stop.iter().any(String::is_empty) {
            return refuse("stop text", "at least one character");
        }
        Ok(())
    }
}

/// What a model did since it last told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// So many tokens of the prompt are read.
    Prompt {
        /// Tokens read.
        done: usize,
        /// Tokens of the prompt.
        total: usize,
    },
    /// This text was added to the answer.
    Text(&'a str),
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model had said all.
    EndOfText,
    /// [`GenerateSettings::max_tokens`] were written; the answer may be cut.
    TokenLimit,
    /// A text of [`GenerateSettings::stop`] came next.
    StopText,
    /// The caller broke off.
    Cancelled,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    /// What the model wrote.
    pub text: String,
    /// Tokens of the prompt, remembered ones included.
    pub prompt_tokens: usize,
    /// Tokens of the prompt that were remembered from the last one and not read again.
    pub remembered_tokens: usize,
    /// Tokens written.
    pub generated_tokens: usize,
    /// Why it ended.
    pub finish: FinishReason,
    /// Time spent reading the prompt.
    #[serde(skip)]
    pub prompt_elapsed: Duration,
    /// Time spent in all.
    #[serde(skip)]
    pub elapsed: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_stand_before_the_question_in_the_order_they_were_added() {
        let prompt = ChatPrompt::ask("q").with_example("a", "b").with_example("c", "d").with_system("s");
        let texts: Vec<&str> = prompt.turns.iter().map(|turn| turn.text.as_str()).collect();
        assert_eq!(texts, ["a", "b", "c", "d", "q"]);
        assert_eq!(prompt.turns[3].role, Role::Assistant);
        assert!(prompt.check().is_ok());
    }

    #[test]
    fn a_prompt_without_a_question_is_refused() {
        let mut prompt = ChatPrompt::ask("q");
        prompt.turns[0].role = Role::Assistant;
        assert!(prompt.check().is_err());
        prompt.turns.clear();
        assert!(prompt.check().is_err());
    }

    #[test]
    fn senseless_settings_are_refused_by_name() {
        let good = GenerateSettings::greedy(8);
        assert!(good.check().is_ok());
        let name = |settings: GenerateSettings| match settings.check() {
            Err(LlmError::Setting { name, .. }) => name,
            other => panic!("found {other:?}"),
        };
        assert_eq!(name(GenerateSettings { max_tokens: 0, ..good.clone() }), "max_tokens");
        assert_eq!(name(GenerateSettings { temperature: -0.1, ..good.clone() }), "temperature");
        assert_eq!(name(GenerateSettings { temperature: f32::NAN, ..good.clone() }), "temperature");
        assert_eq!(name(GenerateSettings { seed: u32::MAX, ..good.clone() }), "seed");
        let both = GenerateSettings {
            grammar: Some(Gbnf::from_text("root ::= \"x\"")),
            schema: Some(serde_json::json!({})),
            ..good.clone()
        };
        assert_eq!(name(both), "grammar beside a schema");
        assert_eq!(name(GenerateSettings { stop: vec![String::new()], ..good }), "stop text");
    }
}
