use crate::{ChatPrompt, FinishReason, GenerateSettings, Generation, LlmError, Progress, TextModel};
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A model that answers with given texts, in order.
///
/// Made for tests of what stands above a model. It takes no notice of grammars or token limits, so that
/// a test can see what happens when a model breaks the rules; it counts words as tokens.
#[derive(Debug)]
pub struct Scripted {
    name: String,
    answers: Vec<String>,
    prompts: Mutex<Vec<ChatPrompt>>,
}

impl Scripted {
    /// Answers with `answers`, one a call.
    pub fn new<T: Into<String>>(name: &str, answers: impl IntoIterator<Item = T>) -> Self {
        let answers = answers.into_iter().map(Into::into).collect();
        Self { name: name.to_string(), answers, prompts: Mutex::new(Vec::new()) }
    }

    /// The prompts it was asked so far.
    pub fn prompts(&self) -> Vec<ChatPrompt> {
        self.prompts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl TextModel for Scripted {
    fn name(&self) -> &str {
        &self.name
    }

    fn generate(
        &self,
        prompt: &ChatPrompt,
        settings: &GenerateSettings,
        on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Generation, LlmError> {
        prompt.check()?;
        settings.check()?;
        let call = {
            let mut prompts = self.prompts.lock().unwrap_or_else(PoisonError::into_inner);
            prompts.push(prompt.clone());
            prompts.len() - 1
        };
        let Some(text) = self.answers.get(call) else {
            return Err(LlmError::ScriptEnded { answers: self.answers.len() });
        };
        let words = |text: &str| text.split_whitespace().count();
        let system = prompt.system.as_deref().map_or(0, words);
        let mut answer = Generation {
            text: text.clone(),
            prompt_tokens: system + prompt.turns.iter().map(|turn| words(&turn.text)).sum::<usize>(),
            remembered_tokens: 0,
            generated_tokens: words(text),
            finish: FinishReason::EndOfText,
            prompt_elapsed: Duration::ZERO,
            elapsed: Duration::ZERO,
        };
        if on_progress(Progress::Text(text)).is_break() {
            answer.finish = FinishReason::Cancelled;
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::silent;

    #[test]
    fn answers_come_in_order_and_then_end() {
        let model = Scripted::new("script", ["one", "two words"]);
        let ask = |question: &str| {
            model.generate(&ChatPrompt::ask(question), &GenerateSettings::greedy(1), &mut silent)
        };
        assert_eq!(ask("first").expect("scripted").text, "one");
        assert_eq!(ask("the second").expect("scripted").generated_tokens, 2);
        assert!(matches!(ask("third"), Err(LlmError::ScriptEnded { answers: 2 })));
        let asked: Vec<String> =
            model.prompts().into_iter().map(|prompt| prompt.turns[0].text.clone()).collect();
        assert_eq!(asked, ["first", "the second", "third"]);
    }

    #[test]
    fn a_caller_can_break_off() {
        let model = Scripted::new("script", ["one"]);
        let mut seen = Vec::new();
        let answer = model
            .generate(&ChatPrompt::ask("q"), &GenerateSettings::greedy(1), &mut |progress| {
                seen.push(format!("{progress:?}"));
                ControlFlow::Break(())
            })
            .expect("scripted");
        assert_eq!(answer.finish, FinishReason::Cancelled);
        assert_eq!(seen, [r#"Text("one")"#]);
    }
}
