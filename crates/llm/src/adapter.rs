use std::path::{Path, PathBuf};

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::gguf::GgufContext;
use llama_cpp_2::model::{LlamaLoraAdapter, LlamaModel};

use crate::LlmError;
use crate::local::check_file;

/// A low-rank adapter (LoRA) in a GGUF file, laid over the weights of a model while it computes.
///
/// # Source
/// Hu et al. 2021, arXiv:2106.09685
#[derive(Clone, Debug, PartialEq)]
pub struct Adapter {
    /// The file.
    pub path: PathBuf,
    /// How much of it: 1 is as it was trained, 0 is the model without it.
    pub scale: f32,
}

impl Adapter {
    pub(crate) fn check(&self) -> Result<(), LlmError> {
        // Written so that a scale that is no number is refused, too.
        if (-10.0..=10.0).contains(&self.scale) {
            return Ok(());
        }
        Err(LlmError::Setting { name: "scale of the adapter", expected: "-10 to 10" })
    }
}

/// Numbers of GGUF's types of values: 32-bit float, text.
const FLOAT_32: u32 = 6;
const TEXT: u32 = 8;

/// Reads an adapter for a model.
///
/// What llama.cpp would only log is looked at before, and a value of another type, at which it would end the process,
/// is refused.
pub(crate) fn open(model: &mut LlamaModel, adapter: &Adapter) -> Result<LlamaLoraAdapter, LlmError> {
    let path = &adapter.path;
    check_file(path, None)?;
    let refuse = |reason: String| LlmError::Adapter { path: path.clone(), reason };
    let architecture = model.meta_val_str("general.architecture").unwrap_or_default();
    fits(path, &architecture).map_err(refuse)?;
    model.lora_adapter_init(path).map_err(|_| {
        refuse(
            "llama.cpp refuses it; its tensors may not be those of this model, or the file is cut".to_owned(),
        )
    })
}

/// Lays an adapter over the weights that a context computes with.
pub(crate) fn put(
    context: &mut LlamaContext<'_>,
    loaded: &mut LlamaLoraAdapter,
    adapter: &Adapter,
) -> Result<(), LlmError> {
    context
        .lora_adapter_set(loaded, adapter.scale)
        .map_err(|error| LlmError::Adapter { path: adapter.path.clone(), reason: error.to_string() })
}

/// That the file says to be a low-rank adapter for models of an architecture.
fn fits(path: &Path, architecture: &str) -> Result<(), String> {
    let file = GgufContext::from_file(path).ok_or("its header cannot be read")?;
    let text = |key: &str| match file.find_key(key) {
        at if at < 0 => Ok("nothing".to_owned()),
        at if file.kv_type(at) != TEXT => Err(format!("its {key} is no text")),
        at => Ok(file.val_str(at).unwrap_or_default().to_owned()),
    };
    for (key, expected) in [("general.type", "adapter"), ("adapter.type", "lora")] {
        let found = text(key)?;
        if found != expected {
            return Err(format!("its {key} is {found}, expected {expected}"));
        }
    }
    let found = text("general.architecture")?;
    if found != architecture {
        return Err(format!("it was made for the architecture {found}, the model's is {architecture}"));
    }
    let alpha = file.find_key("adapter.lora.alpha");
    if alpha < 0 || file.kv_type(alpha) != FLOAT_32 {
        return Err("its adapter.lora.alpha is no 32-bit float".to_owned());
    }
    if file.find_key("adapter.alora.invocation_tokens") >= 0 {
        return Err("it waits for words that call it (an activated LoRA), which is not supported".to_owned());
    }
    Ok(())
}
