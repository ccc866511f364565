use crate::hash::sha256_of_bytes;
use crate::{ChatPrompt, FinishReason, GenerateSettings, Generation, LlmError, Progress, TextModel};
use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

/// Answers kept at most; then the older half goes.
const MOST: usize = 1024;

/// A model whose answers are kept in a folder, and which is loaded only for a prompt it never answered.
///
/// An answer is found by the hash of the model's file, the prompt and all settings, the seed among them,
/// so that it is the one the model would give again. Prompts are not kept. An entry that cannot be read is
/// asked for anew, and a folder that cannot be written costs only the time.
pub struct Remembering<M> {
    name: String,
    sha256: String,
    folder: PathBuf,
    load: Box<dyn Fn() -> Result<M, LlmError> + Send + Sync>,
    model: OnceLock<M>,
    loading: Mutex<()>,
}

impl<M: TextModel> Remembering<M> {
    /// Keeps answers of the model with that name and file hash in `folder`; `load` gives the model.
    pub fn new(
        name: impl Into<String>,
        sha256: impl Into<String>,
        folder: &Path,
        load: impl Fn() -> Result<M, LlmError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            sha256: sha256.into(),
            folder: folder.to_path_buf(),
            load: Box::new(load),
            model: OnceLock::new(),
            loading: Mutex::new(()),
        }
    }

    fn model(&self) -> Result<&M, LlmError> {
        let _only = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = self.model.get() {
            return Ok(model);
        }
        let model = (self.load)()?;
        Ok(self.model.get_or_init(|| model))
    }

    fn path(&self, prompt: &ChatPrompt, settings: &GenerateSettings) -> Result<PathBuf, LlmError> {
        let key = sha256_of_bytes(&serde_json::to_vec(&(&self.name, &self.sha256, prompt, settings))?);
        Ok(self.folder.join(format!("{key}.json")))
    }

    fn keep(&self, path: &Path, answer: &Generation) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        serde_json::to_writer(&mut file, answer)?;
        file.flush()?;
        file.persist(path).map_err(|error| error.error)?;
        forget_the_older_half(&self.folder, MOST)
    }
}

/// Removes the older half of the answers where there are more than `most`.
fn forget_the_older_half(folder: &Path, most: usize) -> std::io::Result<()> {
    let mut answers: Vec<(SystemTime, PathBuf)> = fs::read_dir(folder)?
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "json"))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    if answers.len() <= most {
        return Ok(());
    }
    answers.sort();
    for (_, path) in answers.iter().take(answers.len() / 2) {
        fs::remove_file(path)?;
    }
    Ok(())
}

impl<M: TextModel> TextModel for Remembering<M> {
    fn name(&self) -> &str {
        &self.name
    }

    fn generate(
        &self,
        prompt: &ChatPrompt,
        settings: &GenerateSettings,
        on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Generation, LlmError> {
        let path = self.path(prompt, settings)?;
        let known = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Generation>(&bytes).ok());
        if let Some(mut answer) = known {
            if on_progress(Progress::Text(&answer.text)).is_break() {
                answer.finish = FinishReason::Cancelled;
            }
            return Ok(answer);
        }
        let answer = self.model()?.generate(prompt, settings, on_progress)?;
        if answer.finish != FinishReason::Cancelled
            && let Err(error) = self.keep(&path, &answer)
        {
            tracing::warn!(folder = %self.folder.display(), %error, "an answer could not be kept");
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scripted, silent};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn ask(model: &impl TextModel, question: &str, seed: u32) -> Result<String, LlmError> {
        let settings = GenerateSettings { seed, ..GenerateSettings::greedy(4) };
        Ok(model.generate(&ChatPrompt::ask(question), &settings, &mut silent)?.text)
    }

    #[test]
    fn what_was_answered_is_not_asked_again_and_other_seeds_and_files_are() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let loads = Arc::new(AtomicUsize::new(0));
        let open = |sha256: &str, answers: [&'static str; 2]| {
            let loads = Arc::clone(&loads);
            Remembering::new("model", sha256, folder.path(), move || {
                loads.fetch_add(1, Ordering::Relaxed);
                Ok(Scripted::new("model", answers))
            })
        };
        let first = open("aa", ["one", "two"]);
        assert_eq!(ask(&first, "q", 1).expect("scripted"), "one");
        assert_eq!(ask(&first, "q", 2).expect("scripted"), "two");
        assert_eq!(ask(&first, "q", 1).expect("kept"), "one");
        assert_eq!(loads.load(Ordering::Relaxed), 1);
        let again = open("aa", ["never", "never"]);
        assert_eq!(ask(&again, "q", 2).expect("kept"), "two");
        assert_eq!(loads.load(Ordering::Relaxed), 1, "a model that is not needed is not loaded");
        let other = open("bb", ["three", "four"]);
        assert_eq!(ask(&other, "q", 1).expect("scripted"), "three");
    }

    #[test]
    fn a_damaged_answer_is_asked_for_anew_and_prompts_are_not_kept() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let model = Remembering::new("model", "aa", folder.path(), || Ok(Scripted::new("model", ["a", "b"])));
        assert_eq!(ask(&model, "the question", 1).expect("scripted"), "a");
        let entry =
            fs::read_dir(folder.path()).expect("there").next().expect("one").expect("readable").path();
        assert!(!fs::read_to_string(&entry).expect("text").contains("question"));
        fs::write(&entry, "{").expect("written");
        assert_eq!(ask(&model, "the question", 1).expect("scripted"), "b");
    }

    #[test]
    fn the_older_half_goes_when_there_are_too_many() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for number in 0..5 {
            fs::write(folder.path().join(format!("{number}.json")), "{}").expect("written");
        }
        forget_the_older_half(folder.path(), 5).expect("enough room");
        assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 5);
        forget_the_older_half(folder.path(), 4).expect("removed");
        assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 3);
    }
}
