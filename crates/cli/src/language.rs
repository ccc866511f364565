//! The configured language model: a file on this machine, or an endpoint on the list of allowed hosts.

use std::time::Duration;

use wilhelm_knowledge::KnownValues;
use wilhelm_llm::{
    Adapter, Address, ApiKey, Endpoint, EndpointSettings, Limited, LlmError, LoadSettings, LocalModel,
    Remembering, Scrubbed, TextModel,
};
use wilhelm_pipeline::{CaseBase, Rephraser, prompt_scrub};

use crate::config::{Config, LlmValues};
use crate::exit::Stop;
use crate::verbs::read::language_model_file;
use crate::verbs::report::chain;

/// A model that gets scrubbed prompts only and has so much time for each answer.
pub struct Loaded {
    pub model: Box<dyn TextModel>,
    pub sha256: Option<String>,
    pub seed: u32,
    /// Signed wordings, and how many of them to show for a sentence.
    pub examples: (CaseBase, usize),
}

impl Loaded {
    pub fn rephraser(&self) -> Rephraser<'_> {
        self.rephraser_by(&*self.model)
    }

    /// With a model that wraps this one.
    pub fn rephraser_by<'a>(&'a self, model: &'a dyn TextModel) -> Rephraser<'a> {
        let (base, most) = &self.examples;
        let examples = (!base.is_empty() && *most > 0).then_some((base, *most));
        Rephraser { model, sha256: self.sha256.clone(), seed: self.seed, examples }
    }
}

/// The configured language model; where it was never fetched the writer speaks alone.
pub fn load(config: &Config, seed: Option<u64>, known: KnownValues) -> anyhow::Result<Option<Loaded>> {
    let llm = &config.values.llm;
    if !llm.enabled {
        return Ok(None);
    }
    let seed = seed.map_or(llm.seed, |seed| u32::try_from(seed % u64::from(u32::MAX)).unwrap_or(0));
    let limit = Duration::from_secs(llm.answer_seconds);
    let scrub = prompt_scrub(known);
    let examples = (case_base(&llm.examples_folder)?, llm.examples);
    if !llm.endpoint.is_empty() {
        if !llm.projector.is_empty() {
            return Err(Stop::usage(
                "llm.projector is of a model on this machine, and llm.endpoint asks another: no picture is sent; empty one of them",
            ));
        }
        let model = Endpoint::open(endpoint(llm, limit)?, scrub.clone())
            .map_err(|error| Stop::usage(error.to_string()))?;
        let model = Box::new(Scrubbed::new(Limited::new(model, limit), scrub));
        return Ok(Some(Loaded { model, sha256: None, seed, examples }));
    }
    let Some((model, sha256)) = local(config)? else { return Ok(None) };
    let model = Box::new(Scrubbed::new(Limited::new(model, limit), scrub));
    Ok(Some(Loaded { model, sha256, seed, examples }))
}

/// The signed reports in the folders of a folder.
fn case_base(folder: &str) -> anyhow::Result<CaseBase> {
    if folder.is_empty() {
        return Ok(CaseBase::default());
    }
    let wrong = |error: std::io::Error| {
        Stop::usage(format!("llm.examples_folder names {folder}, which cannot be read: {error}"))
    };
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    let reports = folders.iter().map(|folder| Ok(chain(folder)?.1)).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(CaseBase::of(&reports))
}

fn endpoint(llm: &LlmValues, limit: Duration) -> anyhow::Result<EndpointSettings> {
    let usage = |error: wilhelm_llm::EndpointError| Stop::usage(error.to_string());
    let address = Address::new(&llm.endpoint, &llm.endpoint_hosts).map_err(usage)?;
    let key = match llm.endpoint_key_variable.as_str() {
        "" => None,
        variable => Some(ApiKey::new(std::env::var(variable).map_err(|_| {
            Stop::usage(format!(
                "llm.endpoint_key_variable names {variable}, which the environment does not have"
            ))
        })?)),
    };
    Ok(EndpointSettings {
        key,
        answer: limit,
        stall: limit,
        retries: llm.endpoint_retries,
        per_minute: llm.endpoint_per_minute,
        ..EndpointSettings::new(address, llm.endpoint_model.clone(), llm.endpoint_dialect)
    })
}

/// A model on this machine, and the hash of its file where one is pinned.
type Local = (Box<dyn TextModel>, Option<String>);

fn local(config: &Config) -> anyhow::Result<Option<Local>> {
    let llm = &config.values.llm;
    let Some(path) = language_model_file(config) else { return Ok(None) };
    let shipped = llm.model == "smollm2";
    if shipped && !path.is_file() {
        eprintln!(
            "wilhelm: the language model smollm2 is not fetched, so the deterministic writer speaks alone \
             (`wilhelm models fetch smollm2` brings it, --no-llm says that this is meant)"
        );
        return Ok(None);
    }
    let adapter = (!llm.adapter.is_empty())
        .then(|| Adapter { path: llm.adapter.clone().into(), scale: llm.adapter_scale as f32 });
    let projector = (!llm.projector.is_empty()).then(|| llm.projector.clone().into());
    let settings = LoadSettings {
        adapter,
        projector,
        context_tokens: llm.context_tokens,
        gpu_layers: llm.gpu_layers,
        ..LoadSettings::new(llm.threads as usize)
    };
    let sha256 = shipped.then(|| wilhelm_llm::SMOLLM2.file_sha256.to_string());
    let model: Box<dyn TextModel> = match &sha256 {
        // A projector is looked at before anything is read, not when the first answer is missing.
        Some(sha256) if llm.remember && llm.projector.is_empty() => {
            let name = settings.name_of(&path);
            let key = remembered_as(sha256, &settings)?;
            let folder = config.cache().join("wordings");
            let expected = sha256.clone();
            wilhelm_llm::check_hash(&path, sha256)?;
            let load = move || LocalModel::load(&path, Some(&expected), &settings);
            Box::new(Remembering::new(name, key, &folder, load))
        }
        expected => Box::new(LocalModel::load(&path, expected.as_deref(), &settings)?),
    };
    Ok(Some((model, sha256)))
}

/// What kept answers are found by: the model's hash, and those of its adapter with its scale and of its projector.
fn remembered_as(sha256: &str, settings: &LoadSettings) -> Result<String, LlmError> {
    let mut key = sha256.to_owned();
    if let Some(adapter) = &settings.adapter {
        let of_adapter = wilhelm_llm::sha256_of_file(&adapter.path)?;
        key.push_str(&format!("+{of_adapter}*{}", adapter.scale));
    }
    if let Some(projector) = &settings.projector {
        key.push_str(&format!("+{}", wilhelm_llm::sha256_of_file(projector)?));
    }
    Ok(key)
}
