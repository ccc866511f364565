use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;
use wilhelm_study::Silent;

use super::*;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bert")
}

fn expected() -> Value {
    serde_json::from_slice(&fs::read(golden().join("expected.json")).expect("a file of the repository"))
        .expect("JSON")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|value| value.as_f64().expect("a number")).collect()
}

/// The golden encoder with one of its heads as the model hub would have it.
fn folder(head: &str, architecture: &str, names: &[&str; 3]) -> tempfile::TempDir {
    let made = tempfile::tempdir().expect("a folder");
    let put = |name: &str, bytes: &[u8]| fs::write(made.path().join(name), bytes).expect("written");
    let read = |name: &str| fs::read(golden().join(name)).expect("a file of the repository");
    put("tokenizer.json", &read("tokenizer.json"));
    let mut config: Value = serde_json::from_slice(&read("config.json")).expect("JSON");
    config["architectures"] = Value::from(vec![architecture]);
    for (at, name) in names.iter().enumerate() {
        config["id2label"][at.to_string()] = Value::from(*name);
    }
    put("config.json", config.to_string().as_bytes());
    let weights = read("model.safetensors");
    let encoder = SafeTensors::deserialize(&weights).expect("weights");
    let mut views: BTreeMap<String, TensorView<'_>> = encoder
        .tensors()
        .into_iter()
        .filter(|(name, _)| head == "classifier" || !name.starts_with("pooler"))
        .map(|(name, view)| (format!("bert.{name}"), view))
        .collect();
    let of = &expected()[head];
    let bytes = |key: &str| -> Vec<u8> {
        numbers(&of[key]).into_iter().flat_map(|value| (value as f32).to_le_bytes()).collect()
    };
    let (weight, bias) = (bytes("weight"), bytes("bias"));
    for (name, shape, bytes) in [("weight", vec![3, 32], &weight), ("bias", vec![3], &bias)] {
        let view = TensorView::new(Dtype::F32, shape, bytes).expect("as long as its shape says");
        views.insert(format!("classifier.{name}"), view);
    }
    put("model.safetensors", &safetensors::serialize(views, None).expect("a file"));
    made
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
    logits.iter().map(|logit| logit.exp() / sum).collect()
}

#[test]
fn whole_texts_have_the_classes_that_transformers_gives_them() {
    let place = folder("classifier", "BertForSequenceClassification", &["absent", "present", "unclear"]);
    let reader = HubReader::open(place.path()).expect("a whole folder");
    assert_eq!(reader.classes(), ["absent", "present", "unclear"]);
    let expected = expected();
    let texts: Vec<&str> = (0..2).map(|at| expected["texts"][at].as_str().expect("a text")).collect();
    // The first two rows of the golden batch are these texts alone.
    let logits = numbers(&expected["classifier"]["logits"]);
    let said = reader.read(&texts, &Silent).expect("texts");
    for ((answer, cut), logits) in said.iter().zip(logits.chunks_exact(3)) {
        let HubAnswer::Text(shares) = answer else { panic!("{answer:?}") };
        for (found, expected) in shares.iter().zip(softmax(logits)) {
            assert!((found - expected).abs() < 1e-5, "{shares:?} for {logits:?}");
        }
        assert_eq!(*cut, 0);
    }
}

#[test]
fn labels_of_tokens_become_spans_of_whole_words() {
    let names = ["O", "B-finding", "I-finding"];
    let place = folder("labeler", "BertForTokenClassification", &names);
    let reader = HubReader::open(place.path()).expect("a whole folder");
    let expected = expected();
    let text = expected["texts"][1].as_str().expect("a text");
    let said = reader.read(&[text], &Silent).expect("a text");
    let HubAnswer::Spans(spans) = &said[0].0 else { panic!("{said:?}") };
    // The same by hand from the golden logits: of each word the class of its first piece.
    let longest = expected["batch"]["ids"][1].as_array().expect("a row").len();
    let all = numbers(&expected["labeler"]["logits"]);
    let rows: Vec<Vec<f64>> = all[longest * 3..2 * longest * 3].chunks_exact(3).map(softmax).collect();
    let tokens = reader.tokenizer.read(text, false, 24, 2).expect("tokens");
    let best = |row: &[f64]| (0..3).max_by(|a, b| row[*a].total_cmp(&row[*b])).expect("three classes");
    let mut by_hand: Vec<(usize, usize)> = Vec::new();
    let (mut end_before, mut inside) = (usize::MAX, false);
    for (row, [start, end]) in rows.iter().zip(&tokens.places) {
        if start == end {
            continue;
        }
        let is_piece = end_before == *start
            && text.as_bytes()[start - 1].is_ascii_alphanumeric()
            && text.as_bytes()[*start].is_ascii_alphanumeric();
        end_before = *end;
        match (is_piece, inside, best(row)) {
            (true, true, _) | (false, true, 2) => by_hand.last_mut().expect("a span").1 = *end,
            (false, _, 1) | (false, false, 2) => {
                by_hand.push((*start, *end));
                inside = true;
            }
            (true, false, _) => {}
            _ => inside = false,
        }
    }
    let found: Vec<(usize, usize)> = spans.iter().map(|span| (span.start, span.end)).collect();
    assert_eq!(found, by_hand);
    assert!(!found.is_empty() && spans.iter().all(|span| span.label == "finding"));
    for span in spans {
        assert!(text.is_char_boundary(span.start) && (1.0 / 3.0..=1.0).contains(&span.probability));
    }
}

#[test]
fn what_is_no_such_network_is_named() {
    let place = folder("classifier", "BertForMaskedLM", &["a", "b", "c"]);
    let error = HubReader::open(place.path()).expect_err("another head").to_string();
    let expected = "architectures is BertForMaskedLM, expected BertForSequenceClassification or BertForTokenClassification";
    assert!(error.ends_with(expected), "{error}");
    let place = folder("labeler", "BertForSequenceClassification", &["a", "b", "c"]);
    let error = HubReader::open(place.path()).expect_err("no pooled vector").to_string();
    assert!(error.contains("missing bert.pooler.dense"), "{error}");
}
