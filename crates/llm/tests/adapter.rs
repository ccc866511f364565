//! An adapter over the small model does what it does in llama-cpp-python, and one that does not fit is refused with the reason.
//!
//! Skips where the model is not in the cache, with that reason.

use serde_json::Value;
use std::path::{Path, PathBuf};
use wilhelm_llm::{
    Adapter, ChatPrompt, GenerateSettings, LlmError, LoadSettings, LocalModel, SMOLLM2, TextModel,
    default_cache_dir, embed, silent,
};

fn model_file() -> Option<PathBuf> {
    let file = default_cache_dir().map(|cache| SMOLLM2.path_in(&cache)).filter(|file| file.is_file());
    if file.is_none() {
        eprintln!("skipped: the small model is not in the cache ({} of {})", SMOLLM2.member, SMOLLM2.wheel);
    }
    file
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/llm_adapter")
}

fn settings(file: &Path, scale: f64) -> LoadSettings {
    let adapter = Some(Adapter { path: file.to_path_buf(), scale: scale as f32 });
    LoadSettings { context_tokens: 512, adapter, ..LoadSettings::new(1) }
}

fn refusal(settings: &LoadSettings) -> Option<String> {
    let error = LocalModel::load(&model_file()?, None, settings).err().expect("it does not fit");
    Some(error.to_string().replace(&folder().display().to_string(), "FOLDER"))
}

#[test]
fn vectors_and_words_under_an_adapter_are_those_of_llama_cpp_python() {
    let Some(file) = model_file() else { return };
    let golden: Value =
        serde_json::from_str(include_str!("../../../testdata/llm_adapter/expected.json")).expect("JSON");
    let texts: Vec<&str> =
        golden["texts"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let scales = golden["scales"].as_array().expect("a list");
    let number =
        |scale: &Value, row: usize, column: usize| scale["first"][row][column].as_f64().expect("a number");
    for expected in scales {
        let scale = expected["scale"].as_f64().expect("a number");
        let settings = settings(&folder().join("adapter.gguf"), scale);
        let vectors = embed(&file, None, &settings, &texts).expect("texts fit");
        for (row, vector) in vectors.iter().enumerate() {
            for (column, found) in vector.iter().take(16).enumerate() {
                let wanted = number(expected, row, column);
                // As without an adapter: weights of 4 bits, and each build multiplies them in its own order.
                assert!(
                    (f64::from(*found) - wanted).abs() < 4e-3,
                    "scale {scale}: {found}, expected {wanted}"
                );
            }
        }
        let model = LocalModel::load(&file, None, &settings).expect("the adapter fits");
        assert_eq!(model.name(), format!("{}+adapter", LocalModel::name_of(&file)));
        // At the whole scale the words of the two builds part after the first, though the vectors agree.
        if scale < 1.0 {
            let prompt = ChatPrompt::ask("Describe a winter evening.");
            let answer = model.generate(&prompt, &GenerateSettings::greedy(16), &mut silent);
            let said = answer.expect("it answers").text;
            assert_eq!(said, expected["says"].as_str().expect("text"), "scale {scale}");
        }
    }
    // What is compared above is more than the tolerance: the adapter moves the vectors.
    let moved = (0..16).map(|column| (number(&scales[0], 0, column) - number(&scales[2], 0, column)).abs());
    assert!(moved.fold(0.0, f64::max) > 8e-3);
}

#[test]
fn a_scale_of_zero_is_the_model_without_the_adapter() {
    let Some(file) = model_file() else { return };
    let without = LoadSettings { adapter: None, ..settings(Path::new("x"), 0.0) };
    let texts = ["The heart is enlarged."];
    let zero = embed(&file, None, &settings(&folder().join("adapter.gguf"), 0.0), &texts).expect("it fits");
    assert_eq!(zero, embed(&file, None, &without, &texts).expect("it fits"));
}

#[test]
fn an_adapter_that_does_not_fit_is_refused_with_the_reason() {
    let Some(file) = model_file() else { return };
    let of = |name: &str| refusal(&settings(&folder().join(name), 1.0)).expect("the model is there");
    assert_eq!(
        of("other.gguf"),
        "adapter FOLDER/other.gguf cannot be used: it was made for the architecture qwen2, the model's is llama"
    );
    assert_eq!(
        of("strange.gguf"),
        "adapter FOLDER/strange.gguf cannot be used: llama.cpp refuses it; its tensors may not be those of this model, or the file is cut"
    );
    assert!(of("none.gguf").starts_with("cannot use FOLDER/none.gguf: No such file"), "{}", of("none.gguf"));
    assert_eq!(of("SOURCE.md"), "FOLDER/SOURCE.md does not begin with GGUF, expected a model in that format");
    let weights = refusal(&settings(&file, 1.0)).expect("the model is there");
    assert!(weights.ends_with("cannot be used: its general.type is model, expected adapter"), "{weights}");
    let error = LocalModel::load(&file, None, &settings(&folder().join("adapter.gguf"), f64::NAN)).err();
    assert!(matches!(error, Some(LlmError::Setting { name: "scale of the adapter", .. })), "{error:?}");
}

#[test]
fn a_file_that_is_cut_or_has_values_of_another_type_ends_no_process() {
    let Some(file) = model_file() else { return };
    let whole = std::fs::read(folder().join("adapter.gguf")).expect("it is there");
    let mut alpha = whole.clone();
    let key = b"adapter.lora.alpha";
    let at = alpha.windows(key.len()).position(|bytes| bytes == key).expect("it says so") + key.len();
    // 4 is an unsigned 32-bit integer, 6 a 32-bit float.
    assert_eq!(alpha[at], 6);
    alpha[at] = 4;
    for bytes in [&whole[..5], &whole[..40], &whole[..900], &whole[..whole.len() - 100], &alpha] {
        let mut adapter = tempfile::NamedTempFile::new().expect("a temporary file");
        std::io::Write::write_all(&mut adapter, bytes).expect("written");
        let error = embed(&file, None, &settings(adapter.path(), 1.0), &["a"]).expect_err("it is none");
        assert!(matches!(error, LlmError::Adapter { .. }), "{} bytes: {error}", bytes.len());
    }
}
