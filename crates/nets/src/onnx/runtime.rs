//! ONNX Runtime, loaded when it is asked for.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::LoadDynamicError;
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::value::{Outlet, Tensor, TensorElementType};

use super::OnnxError;
use super::session::{Numbers, Port};

/// The library that this process has loaded: there can be one, and it stays.
static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// ONNX Runtime, a library that is found when it is asked for.
#[derive(Clone, Debug)]
pub struct Runtime {
    environment: Environment,
    threads: usize,
}

/// A network that ONNX Runtime has loaded.
#[derive(Debug)]
pub(crate) struct Session {
    // Running one takes it whole: ONNX Runtime's own state is not safe to share.
    session: Mutex<ort::session::Session>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl Runtime {
    /// Loads the library; a bare file name is looked for where the system looks for libraries. Networks are computed on
    /// so many threads.
    ///
    /// # Errors
    /// [`OnnxError::Library`], [`OnnxError::OtherLibrary`], [`OnnxError::OldLibrary`], [`OnnxError::SecondLibrary`].
    pub fn load(library: &Path, threads: usize) -> Result<Self, OnnxError> {
        let shown = library.display().to_string();
        let place = if library.components().count() > 1 {
            // `ort` would look beside the program.
            let place = std::path::absolute(library)
                .map_err(|error| OnnxError::Library { library: shown.clone(), what: error.to_string() })?;
            if !place.is_file() {
                return Err(OnnxError::Library { library: shown, what: "there is no such file".to_owned() });
            }
            place
        } else {
            library.to_owned()
        };
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let environment = match &*loaded {
            Some((before, environment)) if *before == place => environment.clone(),
            Some((before, _)) => {
                let loaded = before.display().to_string();
                return Err(OnnxError::SecondLibrary { loaded, asked: shown });
            }
            None => {
                let builder = ort::init_from(&place).map_err(|error| unloadable(shown, error))?;
                let environment = builder
                    .with_name("wilhelm")
                    .with_telemetry(false)
                    .with_logger(Arc::new(|_: LogLevel, category: &str, _: &str, _: &str, message: &str| {
                        tracing::debug!(category, "ONNX Runtime: {message}");
                    }))
                    .build()
                    .map_err(|error| OnnxError::Failed { what: first_line(error.message()) })?;
                environment.set_log_level(LogLevel::Warning);
                loaded.insert((place, environment)).1.clone()
            }
        };
        Ok(Self { environment, threads: threads.max(1) })
    }

    /// Loads a network; the file is one that was written or checked here.
    pub(crate) fn session(&self, file: &[u8]) -> Result<Session, OnnxError> {
        let refused = |message: &str| OnnxError::Refused { what: first_line(message) };
        let mut builder = ort::session::Session::builder(&self.environment)
            .map_err(|error| refused(error.message()))?
            .with_intra_threads(self.threads)
            .map_err(|error| refused(error.message()))?
            .with_inter_threads(1)
            .map_err(|error| refused(error.message()))?
            .with_log_level(LogLevel::Warning)
            .map_err(|error| refused(error.message()))?;
        let session = builder.commit_from_memory(file).map_err(|error| refused(error.message()))?;
        let inputs = session.inputs().iter().map(port).collect();
        let outputs = session.outputs().iter().map(port).collect();
        Ok(Session { session: Mutex::new(session), inputs, outputs })
    }
}

impl Session {
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// Runs the network on one input and gives the outputs asked for.
    pub fn run(&self, input: &str, values: Numbers, outputs: &[&str]) -> Result<Vec<Numbers>, OnnxError> {
        let failed = |error: ort::Error| OnnxError::Failed { what: first_line(error.message()) };
        let values = Tensor::from_array((values.shape, values.values)).map_err(failed)?;
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let made = session.run(ort::inputs![input => values]).map_err(failed)?;
        outputs
            .iter()
            .map(|name| {
                let missing = || OnnxError::Failed { what: format!("it gave no output {name:?}") };
                let (shape, values) =
                    made.get(name).ok_or_else(missing)?.try_extract_tensor::<f32>().map_err(failed)?;
                let shape = shape.iter().map(|length| usize::try_from(*length).unwrap_or(0)).collect();
                Ok(Numbers { shape, values: values.to_vec() })
            })
            .collect()
    }
}

fn port(outlet: &Outlet) -> Port {
    let kind = outlet.dtype();
    let axes = match (kind.tensor_type(), kind.tensor_shape()) {
        (Some(TensorElementType::Float32), Some(shape)) => {
            Some(shape.iter().map(|length| usize::try_from(*length).ok()).collect())
        }
        _ => None,
    };
    Port { name: outlet.name().to_owned(), axes }
}

fn unloadable(library: String, error: LoadDynamicError) -> OnnxError {
    match error {
        LoadDynamicError::MissingApi { .. } => OnnxError::OtherLibrary { library },
        LoadDynamicError::BadVersion { version_str, .. } => {
            let least = format!("1.{}", ort::MINOR_VERSION);
            OnnxError::OldLibrary { library, found: version_str, least }
        }
        LoadDynamicError::Dlopen { error, .. } => {
            // What the system says lies below what was asked of it.
            let what = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            OnnxError::Library { library, what: first_line(&what) }
        }
        LoadDynamicError::InvalidVersionString => {
            OnnxError::Library { library, what: "its version is no text".to_owned() }
        }
    }
}

/// A library's words, short enough for one sentence.
fn first_line(words: &str) -> String {
    const MOST: usize = 300;
    let line = words.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it does not say why");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} ...", &line[..end]),
        None => line.trim_end_matches('.').to_owned(),
    }
}
