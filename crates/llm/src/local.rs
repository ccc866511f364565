use crate::worker::{Job, Message, Worker};
use crate::{Adapter, ChatPrompt, GenerateSettings, Generation, LlmError, Progress, TextModel, check_hash};
use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// How a model is loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadSettings {
    /// Threads to compute with; more than there are idle cores makes it slower.
    pub threads: usize,
    /// Tokens that prompt and answer share; memory grows with it.
    pub context_tokens: u32,
    /// Chat template to use instead of the file's own: the name of one that is built into llama.cpp, for
    /// example `chatml`.
    pub chat_template: Option<String>,
    /// Layers a GPU computes; more than 0 wants a build and a machine that have one.
    pub gpu_layers: u32,
    /// An adapter to lay over the weights.
    pub adapter: Option<Adapter>,
    /// A projector (`mmproj`), which lets a vision-language model see the pictures of a prompt; wants a build with the feature
    /// `vision`.
    pub projector: Option<PathBuf>,
}

impl LoadSettings {
    /// A context of 2048 tokens, the file's own template, no GPU.
    pub const fn new(threads: usize) -> Self {
        Self {
            threads,
            context_tokens: 2048,
            chat_template: None,
            gpu_layers: 0,
            adapter: None,
            projector: None,
        }
    }

    /// The name of a model file loaded so: with those of its adapter and its projector.
    pub fn name_of(&self, path: &Path) -> String {
        let beside = self.adapter.iter().map(|adapter| &adapter.path).chain(&self.projector);
        let names = beside.map(|path| format!("+{}", LocalModel::name_of(path)));
        LocalModel::name_of(path) + &names.collect::<String>()
    }

    pub(crate) fn check(&self) -> Result<(), LlmError> {
        if !(1..=512).contains(&self.threads) {
            return Err(LlmError::Setting { name: "threads", expected: "1 to 512" });
        }
        if self.context_tokens < 16 {
            return Err(LlmError::Setting { name: "context_tokens", expected: "at least 16" });
        }
        self.adapter.as_ref().map_or(Ok(()), Adapter::check)
    }
}

/// What a model file says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFacts {
    /// How many numbers it consists of.
    pub parameters: u64,
    /// Bytes of its weights in memory.
    pub bytes: u64,
    /// Tokens of context it was trained with.
    pub trained_context_tokens: u32,
    /// Its name in the file, if it has one.
    pub title: Option<String>,
    /// Its license in the file, if it states one.
    pub license: Option<String>,
}

/// A GGUF model in memory, run by llama.cpp on this machine.
///
/// One thread owns it and answers one prompt at a time; callers wait for their turn. Instructions and
/// examples at the beginning of a prompt are remembered for the next one. Dropping it ends the thread.
///
/// ```no_run
/// use std::path::Path;
/// use wilhelm_llm::{ChatPrompt, GenerateSettings, LoadSettings, LocalModel, SMOLLM2, TextModel, fetch, silent};
///
/// let file = fetch(&SMOLLM2, Path::new("cache"), &mut |_| ())?;
/// let model = LocalModel::load(&file, Some(&SMOLLM2.file_sha256), &LoadSettings::new(2))?;
/// let prompt = ChatPrompt::ask("What is a lung?");
/// println!("{}", model.generate(&prompt, &GenerateSettings::greedy(64), &mut silent)?.text);
/// # Ok::<(), wilhelm_llm::LlmError>(())
/// ```
pub struct LocalModel {
    name: String,
    sha256: Option<String>,
    facts: ModelFacts,
    context_tokens: u32,
    /// `None` only while dropping.
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl LocalModel {
    /// Loads a GGUF file, after checking its hash if one is expected.
    ///
    /// # Errors
    /// [`LlmError::Hash`] before anything of the file is interpreted; [`LlmError`] for a file that is no
    /// GGUF, settings that do not suit the model, or too little memory.
    pub fn load(
        path: &Path,
        expected_sha256: Option<&str>,
        settings: &LoadSettings,
    ) -> Result<Self, LlmError> {
        settings.check()?;
        let sha256 = check_file(path, expected_sha256)?;
        let (jobs, waiting) = channel::<Job>();
        let (ready, loaded) = channel();
        let (file, load_settings) = (path.to_path_buf(), settings.clone());
        let thread = std::thread::Builder::new()
            .name("llm".to_string())
            .spawn(move || Worker::run(&file, &load_settings, &ready, &waiting))
            .map_err(|source| LlmError::File { path: path.to_path_buf(), source })?;
        let facts = loaded.recv().map_err(|_| LlmError::Worker)??;
        let name = settings.name_of(path);
        let context_tokens = settings.context_tokens;
        Ok(Self { name, sha256, facts, context_tokens, jobs: Some(jobs), thread: Some(thread) })
    }

    /// The name of a model by its file: what stands before the extension.
    pub fn name_of(path: &Path) -> String {
        path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
    }

    /// SHA-256 of the file, if it was checked when loading.
    pub fn sha256(&self) -> Option<&str> {
        self.sha256.as_deref()
    }

    /// What the file says about itself.
    pub const fn facts(&self) -> &ModelFacts {
        &self.facts
    }

    /// Tokens that prompt and answer share.
    pub const fn context_tokens(&self) -> u32 {
        self.context_tokens
    }
}

/// That a file begins as GGUF does, and has the expected hash; returns the hash where one is expected.
pub(crate) fn check_file(path: &Path, expected_sha256: Option<&str>) -> Result<Option<String>, LlmError> {
    let mut magic = [0; 4];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut magic))
        .map_err(|source| LlmError::File { path: path.to_path_buf(), source })?;
    let sha256 = expected_sha256.map(|expected| check_hash(path, expected)).transpose()?;
    if &magic == b"GGUF" { Ok(sha256) } else { Err(LlmError::NotGguf { path: path.to_path_buf() }) }
}

impl TextModel for LocalModel {
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
        let (messages, received) = channel();
        let (verdicts, judged) = channel();
        let job = Job { prompt: prompt.clone(), settings: settings.clone(), messages, judged };
        let jobs = self.jobs.as_ref().ok_or(LlmError::Worker)?;
        jobs.send(job).map_err(|_| LlmError::Worker)?;
        relay(&received, &verdicts, on_progress)
    }
}

impl Drop for LocalModel {
    fn drop(&mut self) {
        // The thread ends when no more jobs can come.
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(model = self.name, "the thread that ran the model had panicked");
        }
    }
}

/// Passes what the thread tells to the caller, and the caller's verdict back.
fn relay(
    received: &Receiver<Message>,
    verdicts: &Sender<ControlFlow<()>>,
    on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<Generation, LlmError> {
    loop {
        let verdict = match received.recv().map_err(|_| LlmError::Worker)? {
            Message::Read { done, total } => on_progress(Progress::Prompt { done, total }),
            Message::Wrote(text) => on_progress(Progress::Text(&text)),
            Message::Done(result) => return *result,
        };
        verdicts.send(verdict).map_err(|_| LlmError::Worker)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn error_of(content: &[u8], expected: Option<&str>, settings: &LoadSettings) -> String {
        let mut file = tempfile::Builder::new().suffix(".gguf").tempfile().expect("a temporary file");
        file.write_all(content).expect("written");
        let error = LocalModel::load(file.path(), expected, settings).err().expect("it is no model");
        error.to_string().replace(&file.path().display().to_string(), "FILE")
    }

    #[test]
    fn a_file_that_is_no_model_is_refused_with_the_reason() {
        let settings = LoadSettings::new(1);
        assert_eq!(
            error_of(b"PK\x03\x04 and so on", None, &settings),
            "FILE does not begin with GGUF, expected a model in that format"
        );
        assert!(error_of(b"GG", None, &settings).starts_with("cannot use FILE: "));
        let cut = error_of(b"GGUF\x03\0\0\0", None, &settings);
        assert!(cut.starts_with("llama.cpp cannot load FILE"), "{cut}");
    }

    #[test]
    fn a_wrong_hash_is_found_before_the_file_is_interpreted() {
        // SHA-256 of "GGUF".
        let found = crate::hash::sha256_of_bytes(b"GGUF");
        assert_eq!(
            error_of(b"GGUF", Some("00ff"), &LoadSettings::new(1)),
            format!("FILE has SHA-256 {found}, expected 00ff; it was not loaded")
        );
    }

    #[test]
    fn senseless_settings_are_refused() {
        let error = error_of(b"GGUF", None, &LoadSettings::new(0));
        assert_eq!(error, "threads is refused, expected 1 to 512");
        let small = LoadSettings { context_tokens: 4, ..LoadSettings::new(1) };
        assert_eq!(error_of(b"GGUF", None, &small), "context_tokens is refused, expected at least 16");
    }
}
