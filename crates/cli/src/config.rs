use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wilhelm_formats::Limits;
use wilhelm_llm::Dialect;
use wilhelm_pipeline::{Freedom, FusionMode, FusionSettings, StackedWeights};

use crate::exit::Stop;
use crate::output::read_text;

/// The manual: every key with its unit and safe default.
const DEFAULTS: &str = include_str!("../../../config/default.toml");

/// All settings, validated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Values {
    pub read: ReadValues,
    pub models: ModelsValues,
    pub llm: LlmValues,
    pub fusion: FusionValues,
    pub knowledge: KnowledgeValues,
    pub cache: CacheValues,
    pub send: SendValues,
    pub server: ServerValues,
    pub archive: ArchiveValues,
    pub audit: AuditValues,
    pub accounts: AccountsValues,
    pub keys: KeysValues,
}

/// How much one reading may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadValues {
    pub file_bytes: u64,
    pub voxels: u64,
    pub expansion_bytes: u64,
    pub expansion_ratio: u64,
    pub archive_entries: usize,
}

/// Image models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelsValues {
    pub folder: String,
    pub onnx_runtime: String,
}

/// The language model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LlmValues {
    pub enabled: bool,
    pub model: String,
    pub threads: u32,
    pub context_tokens: u32,
    pub wording: Freedom,
    pub candidates: usize,
    pub temperature: f64,
    pub seed: u32,
    pub remember: bool,
    pub gpu_layers: u32,
    pub answer_seconds: u64,
    pub adapter: String,
    pub adapter_scale: f64,
    pub projector: String,
    pub examples_folder: String,
    pub examples: usize,
    pub endpoint: String,
    pub endpoint_hosts: Vec<String>,
    pub endpoint_model: String,
    pub endpoint_dialect: Dialect,
    pub endpoint_key_variable: String,
    pub endpoint_retries: u32,
    pub endpoint_per_minute: usize,
}

/// What moves a probability beside the image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FusionValues {
    pub mode: FusionMode,
    pub base_rates: BTreeMap<String, f64>,
    pub text_weight: f64,
    pub most_text_log_odds: f64,
    pub weights_file: String,
    pub encoder: String,
    pub encoder_weight: f64,
    pub language_model: bool,
    pub language_model_weight: f64,
}

/// General knowledge that goes with a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnowledgeValues {
    pub enabled: bool,
    pub graph: String,
    pub passages: String,
    pub definitions: bool,
}

/// Where fetched models are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheValues {
    pub folder: String,
}

/// Sending to other systems.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendValues {
    pub hosts: Vec<String>,
    pub timeout_seconds: u32,
    pub application: String,
    pub facility: String,
    pub receiving_application: String,
    pub receiving_facility: String,
}

/// The archive on the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerValues {
    pub folder: String,
    pub http: String,
    pub dimse: String,
    pub hosts: Vec<String>,
    pub ae_title: String,
    pub only_our_title: bool,
    pub peers: Vec<String>,
    pub only_peers: bool,
    pub only_peer_addresses: bool,
    pub associations: usize,
    pub hl7: String,
    pub hl7_peers: Vec<String>,
    pub timeout_seconds: u32,
    pub object_bytes: u64,
    pub upload_bytes: u64,
    pub tls_certificate: String,
    pub tls_key: String,
    pub duplicates: DuplicatesChoice,
    pub rules: String,
    pub notify: Vec<String>,
    pub web_peers: Vec<String>,
    pub web_tokens: String,
    pub web_authorities: String,
    pub workers: usize,
    pub quota_bytes: u64,
    pub bin_days: u32,
    pub ohif: String,
}

/// How objects lie on the disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveValues {
    pub sealed: bool,
}

/// What happens to an object whose identifier is there with other content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DuplicatesChoice {
    Keep,
    Replace,
}

/// The audit log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditValues {
    pub folder: String,
    pub key_file: String,
}

/// Who may sign in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountsValues {
    pub file: String,
}

/// What objects are sealed with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysValues {
    pub file: String,
    pub root_file: String,
    pub root_command: Vec<String>,
    pub root_seconds: u32,
}

/// The settings in force and where each came from.
#[derive(Clone, Debug)]
pub struct Config {
    pub values: Values,
    /// `section.key` to its origin.
    pub origins: BTreeMap<String, String>,
}

impl Config {
    /// Limits on what is read.
    pub fn limits(&self) -> Limits {
        let read = &self.values.read;
        Limits {
            file_bytes: read.file_bytes,
            voxels: read.voxels,
            expansion_bytes: read.expansion_bytes,
            expansion_ratio: read.expansion_ratio,
            archive_entries: read.archive_entries,
            ..Limits::default()
        }
    }

    /// How sources are put together, with the learned weights where a file of them is named.
    pub fn fusion(&self) -> anyhow::Result<FusionSettings> {
        let values = &self.values.fusion;
        let stacked = match values.weights_file.as_str() {
            "" => None,
            path => {
                let text = read_text(Path::new(path), "fusion.weights_file")?;
                let wrong = |error| Stop::input(format!("fusion.weights_file {path}: {error}"));
                Some(StackedWeights::from_toml(&text).map_err(wrong)?)
            }
        };
        Ok(FusionSettings { stacked, ..values.settings() })
    }

    /// Where fetched models are kept.
    pub fn cache(&self) -> PathBuf {
        match self.values.cache.folder.as_str() {
            "" => wilhelm_llm::default_cache_dir().unwrap_or_else(|| PathBuf::from(".wilhelm-cache")),
            folder => PathBuf::from(folder),
        }
    }
}

impl FusionValues {
    fn settings(&self) -> FusionSettings {
        FusionSettings {
            mode: self.mode,
            base_rates: self.base_rates.clone(),
            text_weight: self.text_weight,
            most_text_log_odds: self.most_text_log_odds,
            stacked: None,
        }
    }
}

/// A file of ours that a setting names, or one beside the configuration.
pub fn beside(setting: &str, name: &str) -> PathBuf {
    match setting {
        "" => home().map_or_else(|| PathBuf::from(name), |home| home.join("wilhelm").join(name)),
        path => PathBuf::from(path),
    }
}

/// Where configuration lies: `$XDG_CONFIG_HOME`, else `~/.config`.
fn home() -> Option<PathBuf> {
    std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")))
}

/// Defaults, then the file, then the environment (`WILHELM_LLM_THREADS` for `llm.threads`).
pub fn load(file: Option<&Path>) -> anyhow::Result<Config> {
    let path = file
        .map(Path::to_path_buf)
        .or_else(|| Some(home()?.join("wilhelm/config.toml")).filter(|path| path.is_file()));
    let text = match &path {
        Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
            Stop::usage(format!("configuration file {} is not readable: {error}", path.display()))
        })?),
        None => None,
    };
    let named =
        path.as_ref().zip(text.as_ref()).map(|(path, text)| (path.display().to_string(), text.as_str()));
    merge(named, |name| std::env::var(name).ok()).map_err(Stop::usage)
}

fn merge(
    file: Option<(String, &str)>,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Config, String> {
    let mut table: toml::Table = DEFAULTS.parse().expect("the defaults are compiled in and tested");
    let mut origins = BTreeMap::new();
    for (section, keys) in &table {
        for key in keys.as_table().into_iter().flat_map(toml::Table::keys) {
            origins.insert(format!("{section}.{key}"), "default".to_owned());
        }
    }
    if let Some((name, text)) = file {
        let own: toml::Table =
            text.parse().map_err(|error: toml::de::Error| format!("{name}: {}", error.message()))?;
        for (section, keys) in own {
            let keys = keys.as_table().cloned().ok_or(format!("{name}: {section} is no section"))?;
            for (key, value) in keys {
                let place = format!("{section}.{key}");
                let slot = table.get_mut(&section).and_then(|keys| keys.get_mut(&key));
                *slot.ok_or(format!("{name}: there is no setting {place}"))? = value;
                origins.insert(place, name.clone());
            }
        }
    }
    for place in origins.clone().into_keys() {
        let variable = format!("WILHELM_{}", place.replace('.', "_").to_uppercase());
        let Some(text) = environment(&variable) else { continue };
        let (section, key) = place.split_once('.').expect("places are made of two parts");
        let slot = table
            .get_mut(section)
            .and_then(|keys| keys.get_mut(key))
            .expect("origins are made from the table");
        *slot = match slot {
            toml::Value::String(_) => toml::Value::String(text),
            _ => format!("value = {text}")
                .parse::<toml::Table>()
                .ok()
                .and_then(|mut table| table.remove("value"))
                .ok_or(format!("{variable} is {text:?}, expected a value as in the configuration file"))?,
        };
        origins.insert(place, format!("environment {variable}"));
    }
    let values: Values = table.try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
    let llm = &values.llm;
    if !(1..=256).contains(&llm.threads) {
        return Err(format!("llm.threads is {}, expected 1 to 256", llm.threads));
    }
    if !(1..=16).contains(&llm.candidates) {
        return Err(format!("llm.candidates is {}, expected 1 to 16", llm.candidates));
    }
    if !(0.0..=2.0).contains(&llm.temperature) {
        return Err(format!("llm.temperature is {}, expected 0 to 2", llm.temperature));
    }
    if !(1..=3600).contains(&llm.answer_seconds) {
        return Err(format!("llm.answer_seconds is {}, expected 1 to 3600", llm.answer_seconds));
    }
    if !(-10.0..=10.0).contains(&llm.adapter_scale) {
        return Err(format!("llm.adapter_scale is {}, expected -10 to 10", llm.adapter_scale));
    }
    if llm.examples > 8 {
        return Err(format!("llm.examples is {}, expected 0 to 8", llm.examples));
    }
    if !llm.adapter.is_empty() && !llm.endpoint.is_empty() {
        return Err(
            "llm.adapter is set beside llm.endpoint, expected one of them: a server has adapters of its own"
                .to_owned(),
        );
    }
    if llm.endpoint_retries > 10 {
        return Err(format!("llm.endpoint_retries is {}, expected 0 to 10", llm.endpoint_retries));
    }
    if llm.endpoint_per_minute > 100_000 {
        return Err(format!(
            "llm.endpoint_per_minute is {}, expected 0 (any number) to 100000",
            llm.endpoint_per_minute
        ));
    }
    if llm.context_tokens < 512 {
        return Err(format!("llm.context_tokens is {}, expected at least 512", llm.context_tokens));
    }
    if !(1..=600).contains(&values.send.timeout_seconds) {
        return Err(format!("send.timeout_seconds is {}, expected 1 to 600", values.send.timeout_seconds));
    }
    let server = &values.server;
    if !(1..=16).contains(&server.ae_title.len()) || !server.ae_title.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(format!("server.ae_title is {:?}, expected 1 to 16 letters", server.ae_title));
    }
    if !(1..=1024).contains(&server.associations) {
        return Err(format!("server.associations is {}, expected 1 to 1024", server.associations));
    }
    if server.workers > 64 {
        return Err(format!("server.workers is {}, expected 0 to 64", server.workers));
    }
    if !(1..=36500).contains(&server.bin_days) {
        return Err(format!("server.bin_days is {}, expected 1 to 36500", server.bin_days));
    }
    if !(1..=3600).contains(&server.timeout_seconds) {
        return Err(format!("server.timeout_seconds is {}, expected 1 to 3600", server.timeout_seconds));
    }
    if server.tls_certificate.is_empty() != server.tls_key.is_empty() {
        return Err(
            "server.tls_certificate and server.tls_key go together: expected both, or none".to_owned()
        );
    }
    if values.fusion.mode == FusionMode::Stacked && values.fusion.weights_file.is_empty() {
        return Err("fusion.mode is stacked, expected a fusion.weights_file beside it".to_owned());
    }
    if values.fusion.mode == FusionMode::Stacked
        && (values.fusion.language_model || !values.fusion.encoder.is_empty())
    {
        return Err("fusion.encoder and fusion.language_model have no learned weight: expected fusion.mode pool beside \
                    them"
            .to_owned());
    }
    for (key, weight) in [
        ("encoder_weight", values.fusion.encoder_weight),
        ("language_model_weight", values.fusion.language_model_weight),
    ] {
        if !(0.0..=1.0).contains(&weight) {
            return Err(format!("fusion.{key} is {weight}, expected 0 to 1"));
        }
    }
    // A file of weights is read when it is used; all else is checked here.
    let fusion = FusionSettings { mode: FusionMode::Off, ..values.fusion.settings() };
    fusion.check().map_err(|error| format!("fusion: {error}"))?;
    if !(1..=600).contains(&values.keys.root_seconds) {
        return Err(format!("keys.root_seconds is {}, expected 1 to 600", values.keys.root_seconds));
    }
    Ok(Config { values, origins })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let refused = merge(Some(("c.toml".to_owned(), text)), |_| None).expect_err("a wrong setting");
        assert!(refused.contains(expected), "{refused}");
    }

    #[test]
    fn file_and_environment_override_in_that_order_and_say_so() {
        let config = merge(Some(("c.toml".to_owned(), "[llm]\nthreads = 3\nseed = 9\n")), |name| {
            (name == "WILHELM_LLM_THREADS").then(|| "4".to_owned())
        })
        .expect("valid");
        assert_eq!((config.values.llm.threads, config.values.llm.seed), (4, 9));
        assert_eq!(config.origins["llm.threads"], "environment WILHELM_LLM_THREADS");
        assert_eq!(config.origins["llm.seed"], "c.toml");
        assert_eq!(config.origins["read.voxels"], "default");
    }

    #[test]
    fn wrong_settings_are_named() {
        check("[llm]\nthread = 3\n", "no setting llm.thread");
        check("[llm]\nthreads = 0\n", "llm.threads is 0");
        check("[llm]\nthreads = \"many\"\n", "invalid type");
        check("[llm]\nanswer_seconds = 0\n", "llm.answer_seconds is 0");
        check("[llm]\nendpoint_retries = 99\n", "llm.endpoint_retries is 99");
        check("[llm]\nendpoint_per_minute = 200000\n", "llm.endpoint_per_minute is 200000");
        check("[llm]\nadapter_scale = 11.0\n", "llm.adapter_scale is 11");
        check("[llm]\nexamples = 9\n", "llm.examples is 9");
        check(
            "[llm]\nadapter = \"a.gguf\"\nendpoint = \"http://127.0.0.1:1/v1\"\n",
            "llm.adapter is set beside",
        );
        check("[llm]\nendpoint_dialect = \"smoke\"\n", "unknown variant");
        check("[fusion]\nmode = \"on\"\n", "unknown variant");
        check("[fusion]\nmode = \"stacked\"\n", "expected a fusion.weights_file");
        check("[fusion]\ntext_weight = 3.0\n", "text_weight is 3");
        check("[fusion]\nencoder_weight = 1.5\n", "fusion.encoder_weight is 1.5, expected 0 to 1");
        let stacked = "[fusion]\nmode = \"stacked\"\nweights_file = \"w.toml\"\nlanguage_model = true\n";
        check(stacked, "expected fusion.mode pool beside them");
        check("[fusion]\nbase_rates = { pneumonia = 15 }\n", "base rate of pneumonia is 15");
        check("[server]\ntls_key = \"key.pem\"\n", "go together");
        check("[keys]\nroot_seconds = 0\n", "keys.root_seconds is 0");
        check("[other]\nx = 1\n", "no setting other.x");
        check("[llm\n", "c.toml");
    }

    #[test]
    fn no_prompt_leaves_the_machine_unless_a_host_is_listed() {
        let llm = merge(None, |_| None).expect("defaults").values.llm;
        assert!(llm.endpoint.is_empty() && llm.endpoint_hosts.is_empty());
        let listed =
            merge(Some(("c.toml".to_owned(), "[llm]\nendpoint_hosts = [\"127.0.0.1\"]\n")), |_| None);
        assert_eq!(listed.expect("valid").values.llm.endpoint_hosts, ["127.0.0.1"]);
    }

    #[test]
    fn fusion_is_off_and_its_defaults_are_the_library_s() {
        let config = merge(None, |_| None).expect("defaults");
        assert_eq!(config.fusion().expect("no file is named"), FusionSettings::default());
    }

    #[test]
    fn the_defaults_are_the_limits_of_the_library() {
        let config = merge(None, |_| None).expect("defaults");
        assert_eq!(config.limits(), Limits::default());
    }
}
