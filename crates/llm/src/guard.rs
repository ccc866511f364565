use crate::{ChatPrompt, FinishReason, GenerateSettings, Generation, LlmError, Progress, TextModel};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is done to every text before a model gets it: identifying values go out.
///
/// This crate does not know what identifies a patient; whoever asks a model hands that knowledge in.
#[derive(Clone)]
pub struct Scrub(Arc<dyn Fn(&str) -> String + Send + Sync>);

impl Scrub {
    /// Replaces a text by what `scrub` makes of it.
    pub fn new(scrub: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(scrub))
    }

    /// The text as a model may see it.
    pub fn text(&self, text: &str) -> String {
        (self.0)(text)
    }

    /// The prompt as a model may see it: instructions and every turn.
    pub fn prompt(&self, prompt: &ChatPrompt) -> ChatPrompt {
        let mut scrubbed = prompt.clone();
        scrubbed.system = prompt.system.as_deref().map(|text| self.text(text));
        for turn in &mut scrubbed.turns {
            turn.text = self.text(&turn.text);
        }
        scrubbed
    }
}

impl fmt::Debug for Scrub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Scrub")
    }
}

/// A model that sees scrubbed prompts only.
#[derive(Debug)]
pub struct Scrubbed<M> {
    inner: M,
    scrub: Scrub,
}

impl<M: TextModel> Scrubbed<M> {
    /// Puts `scrub` before `inner`.
    pub const fn new(inner: M, scrub: Scrub) -> Self {
        Self { inner, scrub }
    }
}

impl<M: TextModel> TextModel for Scrubbed<M> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn generate(
        &self,
        prompt: &ChatPrompt,
        settings: &GenerateSettings,
        on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Generation, LlmError> {
        self.inner.generate(&self.scrub.prompt(prompt), settings, on_progress)
    }
}

/// A model whose answers may take so long and no longer.
///
/// The time is looked at whenever the model tells of its progress, which a [`LocalModel`](crate::LocalModel)
/// does at every token and an [`Endpoint`](crate::Endpoint) several times a second.
#[derive(Debug)]
pub struct Limited<M> {
    inner: M,
    limit: Duration,
}

impl<M: TextModel> Limited<M> {
    /// Gives `inner` at most `limit` for each answer.
    pub const fn new(inner: M, limit: Duration) -> Self {
        Self { inner, limit }
    }
}

impl<M: TextModel> TextModel for Limited<M> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    /// # Errors
    /// [`LlmError::TimeLimit`] for an answer that is not whole by then, and what the model itself says.
    fn generate(
        &self,
        prompt: &ChatPrompt,
        settings: &GenerateSettings,
        on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Generation, LlmError> {
        let started = Instant::now();
        let mut over = false;
        let answer = self.inner.generate(prompt, settings, &mut |progress| {
            over = started.elapsed() >= self.limit;
            if over { ControlFlow::Break(()) } else { on_progress(progress) }
        })?;
        if over && answer.finish == FinishReason::Cancelled {
            return Err(LlmError::TimeLimit { seconds: self.limit.as_secs_f64() });
        }
        Ok(answer)
    }
}

impl<M: TextModel + ?Sized> TextModel for Box<M> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn generate(
        &self,
        prompt: &ChatPrompt,
        settings: &GenerateSettings,
        on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Generation, LlmError> {
        (**self).generate(prompt, settings, on_progress)
    }
}

impl<M: TextModel + ?Sized> TextModel for &M {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn generate(
        &self,
        prompt: &ChatPrompt,
        settings: &GenerateSettings,
        on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Generation, LlmError> {
        (**self).generate(prompt, settings, on_progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Recorder, Scripted, silent};

    #[test]
    fn instructions_examples_and_questions_are_all_scrubbed() {
        let scrub = Scrub::new(|text| text.replace("Doe", "[name]"));
        let recorder = Recorder::new(Scripted::new("script", ["Doe is not touched in an answer"]));
        let model = Scrubbed::new(recorder, scrub);
        let prompt = ChatPrompt::ask("Doe?").with_system("Of Doe.").with_example("Doe!", "Doe.");
        let answer = model.generate(&prompt, &GenerateSettings::greedy(9), &mut silent).expect("scripted");
        assert!(answer.text.starts_with("Doe"));
        let seen = serde_json::to_string(&model.inner.recording()).expect("JSON");
        assert_eq!(seen.matches("Doe").count(), 1, "{seen}");
        assert_eq!(seen.matches("[name]").count(), 4, "{seen}");
    }

    /// Writes one word over and over until it is told to stop.
    struct Endless;

    impl TextModel for Endless {
        fn name(&self) -> &str {
            "endless"
        }
        fn generate(
            &self,
            _: &ChatPrompt,
            _: &GenerateSettings,
            on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
        ) -> Result<Generation, LlmError> {
            let mut text = String::new();
            while on_progress(Progress::Text("again ")).is_continue() {
                text.push_str("again ");
            }
            Ok(Generation {
                text,
                prompt_tokens: 1,
                remembered_tokens: 0,
                generated_tokens: 1,
                finish: FinishReason::Cancelled,
                prompt_elapsed: Duration::ZERO,
                elapsed: Duration::ZERO,
            })
        }
    }

    #[test]
    fn an_endless_answer_ends_at_its_limit_and_a_callers_break_is_no_limit() {
        let model = Limited::new(Endless, Duration::from_millis(5));
        let ask = |on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>| {
            model.generate(&ChatPrompt::ask("q"), &GenerateSettings::greedy(1), on_progress)
        };
        assert!(matches!(ask(&mut silent), Err(LlmError::TimeLimit { seconds }) if seconds == 0.005));
        let patient = Limited::new(Endless, Duration::from_secs(3600));
        let cancelled = patient
            .generate(&ChatPrompt::ask("q"), &GenerateSettings::greedy(1), &mut |_| ControlFlow::Break(()))
            .expect("the caller broke off");
        assert_eq!(cancelled.finish, FinishReason::Cancelled);
    }
}
