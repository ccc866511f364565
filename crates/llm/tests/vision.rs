//! Pictures in prompts: a projector of random weights shows them to the small model, and what does not fit is refused with the
//! reason. No vision-language model that somebody trained was at hand: nothing here says what one sees.
//!
//! Skips where the model is not in the cache, with that reason. The feature `vision` decides what is built; without it, pictures and
//! projectors are refused.

use std::path::{Path, PathBuf};

use wilhelm_llm::{
    ChatPrompt, GenerateSettings, LlmError, LoadSettings, LocalModel, Picture, SMOLLM2, TextModel,
    default_cache_dir, silent,
};

fn model_file() -> Option<PathBuf> {
    let file = default_cache_dir().map(|cache| SMOLLM2.path_in(&cache)).filter(|file| file.is_file());
    if file.is_none() {
        eprintln!("skipped: the small model is not in the cache ({} of {})", SMOLLM2.member, SMOLLM2.wheel);
    }
    file
}

fn projector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/llm_projector").join(name)
}

fn settings(projector: Option<PathBuf>) -> LoadSettings {
    LoadSettings { context_tokens: 512, projector, ..LoadSettings::new(1) }
}

/// Rings, or stripes.
fn picture(is_rings: bool) -> Picture {
    let value = |at: i32| {
        let (column, row) = (at % 48 - 24, at / 48 - 24);
        let phase = if is_rings { column * column + row * row } else { column * 24 };
        if phase / 48 % 2 == 0 { 20 } else { 230 }
    };
    Picture::gray(48, 48, &(0..48 * 48).map(value).collect::<Vec<u8>>()).expect("a picture")
}

#[cfg(not(feature = "vision"))]
#[test]
fn a_build_without_vision_refuses_projectors_and_pictures_by_name() {
    let Some(file) = model_file() else { return };
    let refused = LocalModel::load(&file, None, &settings(Some(projector("mmproj.gguf")))).err();
    assert!(refused.expect("refused").to_string().contains("built without the feature vision"));
    let model = LocalModel::load(&file, None, &settings(None)).expect("it loads");
    let prompt = ChatPrompt::ask("What is seen?").with_picture(picture(true));
    let refused = model.generate(&prompt, &GenerateSettings::greedy(4), &mut silent).expect_err("refused");
    assert!(matches!(refused, LlmError::Picture { .. }), "{refused}");
}

#[cfg(feature = "vision")]
#[test]
fn pictures_reach_the_model_and_the_same_picture_gives_the_same_words() {
    let Some(file) = model_file() else { return };
    let model = LocalModel::load(&file, None, &settings(Some(projector("mmproj.gguf")))).expect("it fits");
    let greedy = GenerateSettings::greedy(24);
    let ask = |pictures: &[bool]| {
        let prompt = ChatPrompt::ask("Describe what you see.");
        let prompt = pictures.iter().fold(prompt, |prompt, is_rings| prompt.with_picture(picture(*is_rings)));
        model.generate(&prompt, &greedy, &mut silent).expect("it answers")
    };
    let blind = ask(&[]);
    let rings = ask(&[true]);
    // A picture is the mean of two by two of its sixteen patches: four vectors, between the words that Gemma 3 puts around it.
    let of_picture = rings.prompt_tokens - blind.prompt_tokens;
    assert!(of_picture > 4, "{of_picture} tokens");
    assert_eq!(ask(&[true]).text, rings.text);
    assert_ne!(rings.text, blind.text);
    let both = ask(&[true, false]);
    assert!(both.prompt_tokens > rings.prompt_tokens + 4);
    // What was seen leaves nothing behind.
    assert_eq!(ask(&[]).text, blind.text);
    let one_word = GenerateSettings {
        schema: Some(serde_json::json!({ "enum": ["rings", "stripes"] })),
        ..GenerateSettings::greedy(12)
    };
    let prompt = ChatPrompt::ask("Rings or stripes?").with_picture(picture(false));
    let said = model.generate(&prompt, &one_word, &mut silent).expect("it answers").text;
    assert!(["\"rings\"", "\"stripes\""].contains(&said.trim()), "{said}");
}

#[cfg(feature = "vision")]
#[test]
fn what_is_no_projector_of_the_model_is_refused_with_the_reason() {
    let Some(file) = model_file() else { return };
    let refused = |path: PathBuf| {
        LocalModel::load(&file, None, &settings(Some(path))).err().expect("refused").to_string()
    };
    for (name, reason) in [
        ("nothing.gguf", "cannot use"),
        ("SOURCE.md", "does not begin with GGUF"),
        ("wider.gguf", "its vectors have 64 numbers, the model's 576"),
        ("lacking.gguf", "llama.cpp refuses it"),
        ("cut.gguf", "its header cannot be read"),
    ] {
        let told = refused(projector(name));
        assert!(told.contains(reason) && told.contains(name), "{told}");
    }
    let told = refused(file.clone());
    assert!(told.contains("expected clip: it is a model and no projector"), "{told}");
    let adapter = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/llm_adapter/adapter.gguf");
    assert!(refused(adapter).contains("expected clip"));
}

#[cfg(feature = "vision")]
#[test]
fn pictures_without_a_projector_too_long_a_prompt_and_a_smuggled_mark_are_refused() {
    let Some(file) = model_file() else { return };
    let blind = LocalModel::load(&file, None, &settings(None)).expect("it loads");
    let prompt = ChatPrompt::ask("What is seen?").with_picture(picture(true));
    let refused = blind.generate(&prompt, &GenerateSettings::greedy(4), &mut silent).expect_err("refused");
    assert!(refused.to_string().contains("without a projector"), "{refused}");
    let seeing = LocalModel::load(&file, None, &settings(Some(projector("mmproj.gguf")))).expect("it fits");
    let refused = seeing.generate(&prompt, &GenerateSettings::greedy(500), &mut silent).expect_err("refused");
    assert!(matches!(refused, LlmError::ContextOverflow { max_tokens: 500, .. }), "{refused}");
    let smuggled = ChatPrompt::ask("Look: <__media__>").with_picture(picture(true));
    let refused = seeing.generate(&smuggled, &GenerateSettings::greedy(4), &mut silent).expect_err("refused");
    assert!(matches!(refused, LlmError::ControlToken { .. }), "{refused}");
}
