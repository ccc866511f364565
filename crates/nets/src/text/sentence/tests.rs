use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;
use wilhelm_study::Silent;

use super::*;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

#[derive(Deserialize)]
struct Pair {
    ids: Vec<u32>,
    kinds: Vec<u32>,
    whole: usize,
}

#[derive(Deserialize)]
struct Expected {
    texts: Vec<String>,
    ids: Vec<Vec<u32>>,
    pieces: Vec<Vec<String>>,
    whole: Vec<usize>,
    pair: Pair,
    sentences: Vec<Vec<f32>>,
}

fn expected() -> Expected {
    let text =
        std::fs::read_to_string(golden().join("bert/expected.json")).expect("a file of the repository");
    serde_json::from_str(&text).expect("the form that the script writes")
}

fn opened() -> SentenceEncoder {
    SentenceEncoder::open(&golden().join("bert")).expect("a whole folder")
}

fn close(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= tolerance, "off by {worst}");
}

#[test]
fn tokens_are_those_of_the_hubs_tokenizers_and_what_is_cut_is_counted() {
    let (expected, encoder) = (expected(), opened());
    for (at, text) in expected.texts.iter().enumerate() {
        let tokens = encoder.tokens(text).expect("any text has tokens");
        assert_eq!(tokens.ids, expected.ids[at], "{text}");
        assert_eq!(tokens.cut, expected.whole[at] - expected.ids[at].len(), "{text}");
        assert_eq!(tokens.places.len(), tokens.ids.len());
        let named: Vec<_> = expected.pieces[at].iter().map(|piece| encoder.tokenizer.number(piece)).collect();
        assert_eq!(named, tokens.ids.iter().map(|id| Some(*id)).collect::<Vec<_>>());
    }
    assert_eq!(expected.whole[4] - expected.ids[4].len(), 26, "the golden file has a text that is too long");
    let [first, second] = [&expected.texts[0], &expected.texts[1]];
    let pair = encoder.tokenizer.encode(first, Some(second), 24).expect("they have tokens");
    assert_eq!((pair.ids, pair.kinds), (expected.pair.ids, expected.pair.kinds));
    assert_eq!(pair.cut, expected.pair.whole - 24);
}

#[test]
fn tokens_know_where_they_stand_in_the_text_and_become_text_again() {
    let tokenizer = opened().tokenizer;
    let text = "Café: 12 mm";
    let tokens = tokenizer.encode(text, None, 24).expect("it has tokens");
    let read: Vec<&str> = tokens.places.iter().map(|[start, end]| &text[*start..*end]).collect();
    // The colon is no token of this vocabulary, and stands there as an unknown one.
    assert_eq!(read, ["", "Café", ":", "1", "2", "mm", ""]);
    assert_eq!(tokenizer.decode(&tokens.ids).expect("known numbers"), "cafe 12 mm");
    let error = tokenizer.encode(text, None, 2).expect_err("no room").to_string();
    assert_eq!(
        error,
        "the tokenizer (tokenizer.json) puts 2 tokens of its own to a text, which leaves none of 2 for it"
    );
    assert!(Tokenizer::from_json(b"{}").expect_err("none").to_string().contains("is not readable"));
}

#[test]
fn vectors_are_those_of_sentence_transformers() {
    let (expected, encoder) = (expected(), opened());
    assert_eq!((encoder.width(), encoder.most_tokens()), (32, 24));
    let texts: Vec<&str> = expected.texts.iter().map(String::as_str).collect();
    let vectors = encoder.embed(&texts, &Silent).expect("any text has a vector");
    for (at, vector) in vectors.iter().enumerate() {
        close(&vector.numbers, &expected.sentences[at], 2e-6);
        assert_eq!((vector.tokens, vector.cut), (expected.ids[at].len(), expected.whole[at] - vector.tokens));
    }
    assert!(encoder.embed(&[], &Silent).expect("nothing to do").is_empty());
}

#[test]
fn pooling_and_length_worked_on_paper() {
    let device = Device::flex();
    let tokens = Tensor::<3>::from_data([[[1.0, 2.0], [3.0, 6.0], [9.0, 9.0]]], &device);
    let counts = Tensor::<2>::from_data([[1.0, 1.0, 0.0]], &device);
    assert_eq!(crate::model::rows(mean(tokens, &counts)), [[2.0, 4.0]]);
    assert_eq!(unit(vec![3.0, -4.0]), [0.6, -0.8]);
    assert_eq!(unit(vec![0.0, 0.0]), [0.0, 0.0]);
    assert!((cosine(&[1.0, 0.0], &[2.0, 2.0]) - 0.5_f64.sqrt()).abs() < 1e-7);
    assert_eq!(cosine(&[1.0, 0.0], &[-3.0, 0.0]), -1.0);
    assert_eq!(cosine(&[0.0, 0.0], &[1.0, 0.0]), 0.0);
}

/// Stops when asked for the second time.
struct Once(AtomicUsize);

impl Progress for Once {
    fn step(&self, done: usize, total: usize) {
        assert_eq!((done, total), (32, 40));
    }
    fn cancelled(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) > 0
    }
}

#[test]
fn many_texts_keep_their_order_and_can_be_stopped() {
    let encoder = opened();
    let texts: Vec<String> = (0..40).map(|at| "no focal ".repeat(40 - at).trim_end().to_owned()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let all = encoder.embed(&texts, &Silent).expect("they have vectors");
    for (text, vector) in texts.iter().zip(&all) {
        let alone = &encoder.embed(&[*text], &Silent).expect("it has one")[0];
        close(&vector.numbers, &alone.numbers, 1e-6);
        assert_eq!((vector.tokens, vector.cut), (alone.tokens, alone.cut));
    }
    let stopped = encoder.embed(&texts, &Once(AtomicUsize::new(0)));
    assert!(matches!(stopped, Err(TextError::Cancelled)));
}

/// The folder with one file changed, or taken away.
fn opened_with(name: &str, change: impl Fn(String) -> Option<String>) -> String {
    let folder =
        std::env::temp_dir().join(format!("wilhelm-text-{}-{}", std::process::id(), name.replace('/', "-")));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("1_Pooling")).expect("a new folder");
    for file in [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "modules.json",
        "sentence_bert_config.json",
        "1_Pooling/config.json",
    ] {
        std::fs::copy(golden().join("bert").join(file), folder.join(file)).expect("copied");
    }
    let text = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    match change(text) {
        Some(text) => std::fs::write(folder.join(name), text).expect("written"),
        None => std::fs::remove_file(folder.join(name)).expect("removed"),
    }
    let found = SentenceEncoder::open(&folder).map(|encoder| {
        let vector = encoder.embed(&["No focal consolidation."], &Silent).expect("it has one").remove(0);
        format!("opened: {} tokens, first number {:.4}", vector.tokens, vector.numbers[0])
    });
    let place = format!("{}/", folder.display());
    let found = found.unwrap_or_else(|error| error.to_string()).replace(&place, "");
    std::fs::remove_dir_all(&folder).expect("removed");
    found
}

#[test]
fn a_folder_that_says_something_else_is_refused_by_name() {
    let put = |from: &'static str, to: &'static str| {
        move |text: String| {
            assert!(text.contains(from), "{from} is not in {text}");
            Some(text.replace(from, to))
        }
    };
    let checks = BTreeMap::from([
        ("a", (opened_with("modules.json", |_| None), "modules.json is not readable: ")),
        (
            "b",
            (
                opened_with("modules.json", put("models.Normalize", "models.Dense")),
                "modules.json: the list of steps is Transformer, Pooling, Dense, expected Transformer, Pooling and \
                 perhaps Normalize, one after another",
            ),
        ),
        (
            "c",
            (
                opened_with("modules.json", put("1_Pooling", "../elsewhere")),
                "modules.json: the path of Pooling is \"../elsewhere\", expected the name of a folder",
            ),
        ),
        (
            "d",
            (
                opened_with("1_Pooling/config.json", put("max_tokens\": false", "max_tokens\": true")),
                "1_Pooling/config.json: the way of pooling is pooling_mode_mean_tokens and pooling_mode_max_tokens, \
                 expected ",
            ),
        ),
        (
            "e",
            (
                opened_with("sentence_bert_config.json", put("24", "41")),
                "sentence_bert_config.json: max_seq_length is 41, expected a whole number from 1 to 40",
            ),
        ),
        (
            "f",
            (
                opened_with("config.json", put("\"vocab_size\": 98", "\"vocab_size\": 97")),
                "tokenizer.json has numbers of tokens up to 97, but the network has 97 tokens",
            ),
        ),
        (
            "g",
            (
                opened_with("config.json", put("\"bert\"", "\"roberta\"")),
                "config.json: model_type is \"roberta\", expected bert",
            ),
        ),
        (
            "h",
            (
                opened_with("config.json", put("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1")),
                "model.safetensors: weights are of another network: left over encoder.layer.1.",
            ),
        ),
        (
            "i",
            (
                opened_with("tokenizer.json", |_| Some("{}".to_owned())),
                "the tokenizer (tokenizer.json) is not",
            ),
        ),
        ("j", (opened_with("model.safetensors", |_| None), "model.safetensors is not readable: ")),
    ]);
    for (found, expected) in checks.values() {
        assert!(found.starts_with(expected), "{found}\nexpected\n{expected}");
    }
}

#[test]
fn a_tokenizer_that_asks_for_what_the_network_has_not_is_refused() {
    let change = |from: &'static str, to: &'static str| {
        move |text: String| {
            let text: String = text.chars().filter(|sign| !sign.is_whitespace()).collect();
            assert!(text.contains(from), "{from} is not in {text}");
            Some(text.replace(from, to))
        }
    };
    let asked = |change: &dyn Fn(String) -> Option<String>| {
        let text =
            std::fs::read_to_string(golden().join("bert/tokenizer.json")).expect("a file of the repository");
        let json = change(text).expect("a text");
        let encoder =
            SentenceEncoder { tokenizer: Tokenizer::from_json(json.as_bytes()).expect("one"), ..opened() };
        encoder.embed(&["", "no"], &Silent).expect_err("it does not fit").to_string()
    };
    let kinds = asked(&change(
        "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}",
        "{\"Sequence\":{\"id\":\"A\",\"type_id\":5}}",
    ));
    assert_eq!(
        kinds,
        "the tokenizer (tokenizer.json) gives tokens the kind 5, and the network knows 2 kinds"
    );
    let bare = |text: String| {
        let mut json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        json["post_processor"] = serde_json::Value::Null;
        Some(json.to_string())
    };
    assert!(asked(&bare).ends_with("gives a text that says nothing no tokens, so that it has no vector"));
}

#[test]
fn files_that_are_cut_off_end_in_a_sentence() {
    let folder = golden().join("bert");
    let whole = std::fs::read(folder.join("tokenizer.json")).expect("a file of the repository");
    for at in (0..whole.len()).step_by(7) {
        let error = Tokenizer::from_json(&whole[..at]).expect_err("it is cut off").to_string();
        assert!(error.starts_with("the tokenizer (tokenizer.json) is not readable"), "{error}");
    }
    let config = std::fs::read_to_string(folder.join("config.json")).expect("a file of the repository");
    let end = config.trim_end().len();
    for at in 0..end {
        assert!(crate::arch::BertConfig::from_hub(&config[..at]).is_err(), "{at}");
    }
}

#[test]
fn a_tokenizer_with_a_flipped_bit_is_refused_or_works() {
    let whole = std::fs::read(golden().join("bert/tokenizer.json")).expect("a file of the repository");
    let mut refused = 0;
    for at in (0..whole.len()).step_by(3) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at / 3 % 7);
        match Tokenizer::from_json(&flipped) {
            Ok(tokenizer) => {
                for second in [None, Some("Right effusion.")] {
                    // A sentence or tokens, and no panic.
                    let _ = tokenizer.encode("No pneumothorax, 3 cm.", second, 24);
                }
            }
            Err(error) => {
                assert!(error.to_string().starts_with("the tokenizer (tokenizer.json) "), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn a_template_that_asks_for_what_is_not_defined_is_refused_by_name() {
    let whole =
        std::fs::read_to_string(golden().join("bert/tokenizer.json")).expect("a file of the repository");
    let mut value: serde_json::Value = serde_json::from_str(&whole).expect("JSON");
    let plain = value.clone();
    let refusal = |value: &serde_json::Value| {
        Tokenizer::from_json(value.to_string().as_bytes()).expect_err("refused").to_string()
    };
    let pieces = value["post_processor"]["single"].as_array_mut().expect("pieces");
    pieces.push(serde_json::json!({ "SpecialToken": { "id": "[NONE]", "type_id": 0 } }));
    assert!(refusal(&value).contains("the special token \"[NONE]\", which it does not define"));
    let mut value = plain;
    let pieces = value["post_processor"]["single"].as_array_mut().expect("pieces");
    pieces.push(serde_json::json!({ "Sequence": { "id": "B", "type_id": 0 } }));
    assert!(refusal(&value).contains("a template single with a second text"));
}

#[test]
fn the_settings_of_a_folder_are_followed() {
    let mean = opened_with("sentence_bert_config.json", |_| None);
    let first = opened_with("1_Pooling/config.json", |_| Some("{\"pooling_mode\": \"cls\"}".to_owned()));
    let short = opened_with("sentence_bert_config.json", |text| Some(text.replace("24", "5")));
    assert!(mean.starts_with("opened: 16 tokens") && first.starts_with("opened: 16 tokens"));
    assert_ne!(mean, first);
    assert!(short.starts_with("opened: 5 tokens"), "{short}");
}

/// Where `wilhelm models fetch minilm` puts the real network.
fn fetched() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("WILHELM_CACHE").or_else(|| set("HOME").map(|home| home.join(".cache/wilhelm")))?;
    Some(cache.join("models/all-MiniLM-L6-v2")).filter(|folder| folder.is_dir())
}

#[test]
fn all_minilm_l6_v2_gives_the_vectors_of_sentence_transformers() {
    #[derive(Deserialize)]
    struct Golden {
        sentences: Vec<String>,
        whole: Vec<usize>,
        vectors: Vec<Vec<f32>>,
    }
    let Some(folder) = fetched() else {
        eprintln!("skipped: all-MiniLM-L6-v2 is not here; run `wilhelm models fetch minilm`");
        return;
    };
    let text = std::fs::read_to_string(golden().join("minilm.json")).expect("a file of the repository");
    let expected: Golden = serde_json::from_str(&text).expect("the form that the script writes");
    let encoder = SentenceEncoder::open(&folder).expect("a whole folder");
    let texts: Vec<&str> = expected.sentences.iter().map(String::as_str).collect();
    let vectors = encoder.embed(&texts, &Silent).expect("any text has a vector");
    for (at, vector) in vectors.iter().enumerate() {
        // Numbers of at most a fifth, in single precision through six layers.
        close(&vector.numbers, &expected.vectors[at], 1e-6);
        assert_eq!(
            (vector.tokens, vector.cut),
            (expected.whole[at].min(256), expected.whole[at].saturating_sub(256))
        );
    }
    // Two ways to say that a heart is large are nearer than either is to a meal.
    let near = |a: usize, b: usize| cosine(&vectors[a].numbers, &vectors[b].numbers);
    assert!(near(3, 4) > near(3, 5) + 0.2 && near(3, 4) > near(4, 5) + 0.2);
}
