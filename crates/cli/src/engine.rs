//! Which network predicts, and what computes it.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};

use wilhelm_nets::onnx::Runtime;
use wilhelm_nets::{Label, Model, OnnxClassifier, OnnxError, Prediction};
use wilhelm_pipeline::{Candidate, ImportedReading, Reading, predict_imported, predict_planes};

use crate::args::{self, Engine};
use crate::config::Config;
use crate::exit::Stop;
use crate::shelf;

/// A classifier at work: one of this program's own, or one made by others.
pub enum Working {
    Own { model: Box<Model>, engine: Engine },
    Imported(Box<OnnxClassifier>),
}

/// What is said of one image.
#[derive(Debug, PartialEq)]
pub struct Row {
    /// A number for each label, where a network saw the image.
    pub probabilities: Option<Vec<f64>>,
    pub outlier_score: Option<f64>,
    /// Why the image was not read, or why the numbers mean nothing.
    pub reason: Option<String>,
}

impl Row {
    pub const fn refused(reason: String) -> Self {
        Self { probabilities: None, outlier_score: None, reason: Some(reason) }
    }

    fn predicted(prediction: &Prediction, reason: Option<String>) -> Self {
        let probabilities =
            prediction.labels.iter().map(|label| label.probability.estimate.value()).collect();
        Self { probabilities: Some(probabilities), outlier_score: Some(prediction.outlier_score), reason }
    }
}

impl Working {
    /// The classifier that `wilhelm predict` names, computed by what it names.
    pub fn load(verb: &args::Predict, config: &Config) -> anyhow::Result<Self> {
        let shelf = shelf::open(verb.models.as_deref(), config)?;
        let runtime = || runtime(verb.onnx_runtime.as_deref(), config);
        if let Some(entry) = shelf.imported_by_name(&verb.model) {
            if verb.engine == Some(Engine::BuiltIn) {
                return Err(Stop::usage(format!(
                    "model {} was made by others: only ONNX Runtime computes it, with --engine onnx-runtime",
                    verb.model
                )));
            }
            return Ok(Self::Imported(Box::new(entry.load(&runtime()?)?)));
        }
        let entry = shelf.get(&verb.model)?;
        let engine = verb.engine.unwrap_or(Engine::BuiltIn);
        let model = match engine {
            Engine::BuiltIn => entry.load()?,
            // A library that is not there is told before weights are read.
            Engine::OnnxRuntime => {
                let runtime = runtime()?;
                entry.load()?.with_runtime(&runtime)?
            }
        };
        Ok(Self::Own { model: Box::new(model), engine })
    }

    pub const fn is_imported(&self) -> bool {
        matches!(self, Self::Imported(_))
    }

    /// What computes it, as the command line calls it.
    pub const fn engine(&self) -> &'static str {
        match self {
            Self::Own { engine: Engine::BuiltIn, .. } => "built-in",
            Self::Own { engine: Engine::OnnxRuntime, .. } | Self::Imported(_) => "onnx-runtime",
        }
    }

    pub fn labels(&self) -> &[Label] {
        match self {
            Self::Own { model, .. } => &model.card().labels,
            Self::Imported(model) => &model.card().labels,
        }
    }

    pub fn reads_volumes(&self) -> bool {
        match self {
            Self::Own { model, .. } => model.card().architecture.slices > 1,
            Self::Imported(_) => false,
        }
    }

    /// What it says of images, one after the other.
    pub fn rows(&self, candidates: &[Candidate<'_>]) -> anyhow::Result<Vec<Row>> {
        Ok(match self {
            Self::Own { model, .. } => predict_planes(model, candidates)?.into_iter().map(row).collect(),
            Self::Imported(model) => {
                predict_imported(model, candidates)?.into_iter().map(imported_row).collect()
            }
        })
    }
}

fn row(reading: Reading) -> Row {
    match reading {
        Reading::Refused { reason } => Row::refused(reason),
        Reading::Abstained { reason, prediction } => Row::predicted(&prediction, Some(reason)),
        Reading::Read { prediction, .. } => Row::predicted(&prediction, None),
        _ => Row::refused("not read".to_owned()),
    }
}

fn imported_row(reading: ImportedReading) -> Row {
    match reading {
        ImportedReading::Refused { reason } => Row::refused(reason),
        ImportedReading::Read { probabilities } => {
            Row { probabilities: Some(probabilities), outlier_score: None, reason: None }
        }
        _ => Row::refused("not read".to_owned()),
    }
}

/// ONNX Runtime: what the command line names, then the configuration, then `ORT_DYLIB_PATH`, then where the system
/// looks for libraries.
fn runtime(named: Option<&Path>, config: &Config) -> anyhow::Result<Runtime> {
    let configured = config.values.models.onnx_runtime.as_str();
    let library = named
        .map(Path::to_path_buf)
        .or_else(|| (!configured.is_empty()).then(|| PathBuf::from(configured)))
        .or_else(|| std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()).map(PathBuf::from))
        .unwrap_or_else(|| PathBuf::from(format!("{}onnxruntime{}", DLL_PREFIX, DLL_SUFFIX)));
    Runtime::load(&library, rayon::current_num_threads()).map_err(|error| match error {
        OnnxError::NotBuilt => Stop::usage(error.to_string()),
        error => error.into(),
    })
}
