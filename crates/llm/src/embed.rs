use crate::adapter;
use crate::local::check_file;
use crate::worker::{backend, load};
use crate::{LlmError, LoadSettings};
use llama_cpp_2::context::params::{LlamaContextParams, LlamaPoolingType};
use llama_cpp_2::llama_batch::LlamaBatch;
use std::num::NonZeroU32;
use std::path::Path;

/// Vectors of texts by a GGUF model, each of length 1: the means of its last layer over the text's tokens.
///
/// Texts that mean much the same have a scalar product near 1 if the model was trained for that; a chat model was not.
///
/// # Shapes
/// One vector a text, in their order, each as wide as the model.
///
/// # Errors
/// [`LlmError::ContextOverflow`] for a text that does not fit the context: nothing is cut. [`LlmError`] for a file that
/// is no model.
pub fn embed(
    path: &Path,
    expected_sha256: Option<&str>,
    settings: &LoadSettings,
    texts: &[&str],
) -> Result<Vec<Vec<f32>>, LlmError> {
    settings.check()?;
    check_file(path, expected_sha256)?;
    let backend = backend()?;
    let mut model = load(backend, path, settings.gpu_layers)?;
    let (found, trained) = (settings.context_tokens, model.n_ctx_train());
    if found > trained {
        return Err(LlmError::ContextTooLarge { found, trained });
    }
    let mut loaded =
        settings.adapter.as_ref().map(|adapter| adapter::open(&mut model, adapter)).transpose()?;
    let threads = i32::try_from(settings.threads).expect("checked to be at most 512");
    let parameters = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(found))
        .with_n_batch(found)
        .with_n_ubatch(found)
        .with_n_threads(threads)
        .with_n_threads_batch(threads)
        .with_embeddings(true)
        .with_pooling_type(LlamaPoolingType::Mean);
    let mut context =
        model.new_context(backend, parameters).map_err(|_| LlmError::Context { context_tokens: found })?;
    if let (Some(loaded), Some(adapter)) = (&mut loaded, &settings.adapter) {
        adapter::put(&mut context, loaded, adapter)?;
    }
    let failed = |reason: String| LlmError::Decode { reason };
    let mut vectors = Vec::with_capacity(texts.len());
    for text in texts {
        let tokens = model.vocab().tokenize(text.as_bytes(), true, false);
        if tokens.len() > found as usize {
            let (prompt_tokens, context_tokens) = (tokens.len(), found as usize);
            return Err(LlmError::ContextOverflow { prompt_tokens, max_tokens: 0, context_tokens });
        }
        if tokens.is_empty() {
            return Err(LlmError::Setting { name: "text to embed", expected: "at least one token" });
        }
        context.clear_kv_cache();
        let mut batch = LlamaBatch::new(tokens.len(), 1);
        for (place, &token) in (0..).zip(&tokens) {
            batch.add(token, place, &[0], true).map_err(|error| failed(error.to_string()))?;
        }
        context.decode(&mut batch).map_err(|error| failed(error.to_string()))?;
        let vector = context.embeddings_seq_ith(0).map_err(|error| failed(error.to_string()))?;
        let length = vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        if !length.is_finite() || length == 0.0 {
            return Err(failed("a vector without length".to_owned()));
        }
        vectors.push(vector.iter().map(|x| (f64::from(*x) / length) as f32).collect());
    }
    Ok(vectors)
}
