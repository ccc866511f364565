use crate::hash::sha256_of_bytes;
use crate::{ChatPrompt, GenerateSettings, Generation, LlmError, Progress, TextModel};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Prompts with the answers a model gave to them, as JSON that does not depend on when it was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// Name of the model that answered.
    pub model: String,
    /// Answers by the hash of model name, prompt and settings.
    pub answers: BTreeMap<String, Recorded>,
}

/// One prompt with its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// What was asked.
    pub prompt: ChatPrompt,
    /// How.
    pub settings: GenerateSettings,
    /// What was answered; its times are not kept.
    pub answer: Generation,
}

impl Recording {
    /// Reads a recording and checks that every key is the hash of its entry.
    ///
    /// # Errors
    /// [`LlmError::File`] or [`LlmError::Recording`] if the file cannot be read,
    /// [`LlmError::NotRecorded`] if an entry was changed without its key.
    pub fn load(path: &Path) -> Result<Self, LlmError> {
        let file = |source| LlmError::File { path: path.to_path_buf(), source };
        let recording: Self = serde_json::from_slice(&std::fs::read(path).map_err(file)?)?;
        for (key, entry) in &recording.answers {
            let expected = key_of(&recording.model, &entry.prompt, &entry.settings)?;
            if *key != expected {
                return Err(LlmError::NotRecorded { key: expected });
            }
        }
        Ok(recording)
    }

    /// Writes the recording.
    ///
    /// # Errors
    /// [`LlmError::File`] if it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), LlmError> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        std::fs::write(path, text).map_err(|source| LlmError::File { path: path.to_path_buf(), source })
    }
}

/// A model whose answers are written down as it gives them.
pub struct Recorder<M> {
    inner: M,
    answers: Mutex<BTreeMap<String, Recorded>>,
}

impl<M: TextModel> Recorder<M> {
    /// Listens to `inner`.
    pub const fn new(inner: M) -> Self {
        Self { inner, answers: Mutex::new(BTreeMap::new()) }
    }

    /// What was heard so far.
    pub fn recording(&self) -> Recording {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Recording { model: self.inner.name().to_string(), answers }
    }
}

impl<M: TextModel> TextModel for Recorder<M> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn generate(
        &self,
        prompt: &ChatPrompt,
        settings: &GenerateSettings,
        on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Generation, LlmError> {
        let answer = self.inner.generate(prompt, settings, on_progress)?;
        let key = key_of(self.inner.name(), prompt, settings)?;
        let recorded =
            Recorded { prompt: prompt.clone(), settings: settings.clone(), answer: answer.clone() };
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(key, recorded);
        Ok(answer)
    }
}

/// A model that knows only recorded answers, under the name of the model that gave them.
#[derive(Clone, Debug)]
pub struct Replay {
    recording: Recording,
}

impl Replay {
    /// Answers from `recording`.
    pub const fn new(recording: Recording) -> Self {
        Self { recording }
    }
}

impl TextModel for Replay {
    fn name(&self) -> &str {
        &self.recording.model
    }

    fn generate(
        &self,
        prompt: &ChatPrompt,
        settings: &GenerateSettings,
        on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Generation, LlmError> {
        let key = key_of(&self.recording.model, prompt, settings)?;
        let Some(entry) = self.recording.answers.get(&key) else {
            return Err(LlmError::NotRecorded { key });
        };
        let mut answer = entry.answer.clone();
        if on_progress(Progress::Text(&answer.text)).is_break() {
            answer.finish = crate::FinishReason::Cancelled;
        }
        Ok(answer)
    }
}

fn key_of(model: &str, prompt: &ChatPrompt, settings: &GenerateSettings) -> Result<String, LlmError> {
    Ok(sha256_of_bytes(&serde_json::to_vec(&(model, prompt, settings))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scripted, silent};

    #[test]
    fn a_recording_answers_what_was_asked_and_nothing_else() {
        let recorder = Recorder::new(Scripted::new("script", ["yes", "no"]));
        let settings = GenerateSettings::greedy(4);
        for question in ["is it?", "is it not?"] {
            recorder.generate(&ChatPrompt::ask(question), &settings, &mut silent).expect("scripted");
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("recording.json");
        recorder.recording().save(&path).expect("written");
        let replay = Replay::new(Recording::load(&path).expect("its own text"));
        assert_eq!(replay.name(), "script");
        let ask = |question, settings: &_| replay.generate(&ChatPrompt::ask(question), settings, &mut silent);
        assert_eq!(ask("is it not?", &settings).expect("recorded").text, "no");
        assert_eq!(ask("is it?", &settings).expect("recorded").text, "yes");
        assert!(matches!(ask("what?", &settings), Err(LlmError::NotRecorded { .. })));
        let other = GenerateSettings { seed: 1, ..settings };
        assert!(matches!(ask("is it?", &other), Err(LlmError::NotRecorded { .. })));
    }

    #[test]
    fn a_question_changed_by_hand_is_noticed() {
        let recorder = Recorder::new(Scripted::new("script", ["yes"]));
        let asked = recorder.generate(&ChatPrompt::ask("is it?"), &GenerateSettings::greedy(4), &mut silent);
        assert!(asked.is_ok());
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("recording.json");
        recorder.recording().save(&path).expect("written");
        let text = std::fs::read_to_string(&path).expect("readable");
        std::fs::write(&path, text.replace("is it?", "is it not?")).expect("written");
        assert!(matches!(Recording::load(&path), Err(LlmError::NotRecorded { .. })));
    }
}
