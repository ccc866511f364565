use std::collections::BTreeMap;
use std::path::Path;

use burn::module::Param;
use burn::nn::LinearConfig;
use burn::tensor::TensorData;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;

use super::super::{counted_entropy, golden, learning, save_torch};
use super::*;
use crate::arch::golden::{close, numbers};

fn tiny() -> BertConfig {
    BertConfig {
        vocabulary: 11,
        positions: 8,
        kinds: 2,
        width: 6,
        heads: 2,
        layers: 2,
        inner: 7,
        epsilon: 1e-12,
        dropout: 0.0,
        attention_dropout: 0.0,
        classes: vec!["no".to_owned(), "yes".to_owned()],
    }
}

fn whole<const N: usize>(rows: [[i64; N]; 2], device: &Device) -> Tensor<2, Int> {
    Tensor::from_data(rows, device)
}

/// A case of `tests/golden/bert` (`tools/golden/nets_text.py`).
#[derive(Deserialize)]
struct Batch {
    ids: Vec<Vec<i64>>,
    kinds: Vec<Vec<i64>>,
    valid: Vec<Vec<i64>>,
}

#[derive(Deserialize)]
struct OfHead {
    weight: Vec<f32>,
    bias: Vec<f32>,
    logits: Vec<f32>,
    loss: f32,
    right: serde_json::Value,
}

#[derive(Deserialize)]
struct Expected {
    batch: Batch,
    tokens: Vec<f32>,
    pooled: Vec<f32>,
    classifier: OfHead,
    labeler: OfHead,
}

struct Case {
    config: BertConfig,
    weights: Vec<u8>,
    expected: Expected,
}

fn case() -> Case {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bert");
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a file of the repository");
    Case {
        config: BertConfig::from_hub(&text("config.json")).expect("a BERT's"),
        weights: std::fs::read(folder.join("model.safetensors")).expect("a file of the repository"),
        expected: serde_json::from_str(&text("expected.json")).expect("the form that the script writes"),
    }
}

impl Batch {
    fn tensor(rows: &[Vec<i64>], device: &Device) -> Tensor<2, Int> {
        let flat: Vec<i64> = rows.iter().flatten().copied().collect();
        Tensor::from_data(TensorData::new(flat, [rows.len(), rows[0].len()]), device)
    }

    fn given(&self, device: &Device) -> (Tensor<2, Int>, Tensor<2, Int>, Tensor<2>) {
        let valid = Self::tensor(&self.valid, device).float();
        (Self::tensor(&self.ids, device), Self::tensor(&self.kinds, device), valid)
    }
}

/// A file's tensors by other names, without some and with others.
fn renamed(
    file: &[u8],
    name: impl Fn(&str) -> Option<String>,
    more: &[(&str, Vec<usize>, &[f32])],
) -> Vec<u8> {
    let read = SafeTensors::deserialize(file).expect("a file");
    let added: Vec<Vec<u8>> = more
        .iter()
        .map(|(_, _, values)| values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let mut views = BTreeMap::new();
    for (found, view) in read.tensors() {
        if let Some(name) = name(&found) {
            views.insert(name, view);
        }
    }
    for ((name, shape, _), bytes) in more.iter().zip(&added) {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).expect("as long as its shape says");
        views.insert((*name).to_owned(), view);
    }
    safetensors::serialize(views, None).expect("a file")
}

#[test]
fn tokens_and_pooled_vector_agree_with_transformers() {
    let Case { config, weights, expected } = case();
    let device = Device::flex();
    let network = Bert::load(&config, weights.clone(), &device).expect("they fit");
    assert_eq!(config.parameters(), golden::count(&network));
    let (ids, kinds, valid) = expected.batch.given(&device);
    let out = network.forward(ids, kinds, Some(&valid));
    // Numbers of a few units, added up in another order.
    let tokens = out.tokens * valid.unsqueeze_dim::<3>(2);
    close("tokens", &numbers(tokens), &expected.tokens, 1e-5);
    close("pooled", &numbers(out.pooled.expect("the file has weights for it")), &expected.pooled, 1e-5);

    let again = save_torch(&network).expect("it can be written");
    let [before, after] = [&weights, &again].map(|file| SafeTensors::deserialize(file).expect("a file"));
    assert_eq!(before.len(), after.len());
    for (name, view) in after.tensors() {
        assert_eq!(before.tensor(&name).expect("the same names"), view, "{name}");
    }
}

#[test]
fn heads_and_their_losses_agree_with_transformers() {
    let Case { config, weights, expected } = case();
    let device = Device::flex();
    let (ids, kinds, valid) = expected.batch.given(&device);
    let head = |of: &OfHead, pools: bool| {
        let kept = |name: &str| (pools || !name.starts_with("pooler")).then(|| format!("bert.{name}"));
        let more =
            [("classifier.weight", vec![3, 32], &of.weight[..]), ("classifier.bias", vec![3], &of.bias)];
        renamed(&weights, kept, &more)
    };
    let of = &expected.classifier;
    let network = BertClassifier::load(&config, head(of, true), &device).expect("they fit");
    let logits = network.forward(ids.clone(), kinds.clone(), Some(&valid));
    close("logits of texts", &numbers(logits.clone()), &of.logits, 1e-5);
    let right: Vec<i64> = serde_json::from_value(of.right.clone()).expect("numbers");
    let right = Tensor::<1, Int>::from_data(&right[..], &device);
    let loss = counted_entropy(logits, right, Tensor::ones([3], &device));
    close("loss of texts", &numbers(loss), &[of.loss], 1e-5);

    let of = &expected.labeler;
    let network = BertLabeler::load(&config, head(of, false), &device).expect("they fit");
    let logits = network.forward(ids, kinds, Some(&valid));
    let [batch, count, classes] = logits.dims();
    let shown = logits.clone() * valid.clone().unsqueeze_dim::<3>(2);
    close("logits of tokens", &numbers(shown), &of.logits, 2e-5);
    let right: Vec<Vec<i64>> = serde_json::from_value(of.right.clone()).expect("numbers");
    let right = Batch::tensor(&right, &device).reshape([batch * count]);
    let counted = right.clone().greater_equal_elem(0).float();
    let loss = counted_entropy(logits.reshape([batch * count, classes]), right.clamp_min(0), counted);
    close("loss of tokens", &numbers(loss), &[of.loss], 1e-5);
}

#[test]
fn names_before_2019_a_prefix_and_weights_of_pre_training_are_read() {
    let Case { config, weights, expected } = case();
    let device = Device::flex();
    let old = |name: &str| {
        let name =
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
        (!name.starts_with("pooler")).then(|| format!("bert.{name}"))
    };
    let more = [("cls.predictions.bias", vec![2], &[1.0, 2.0][..])];
    let network = Bert::load(&config, renamed(&weights, old, &more), &device).expect("they fit");
    let (ids, kinds, valid) = expected.batch.given(&device);
    let out = network.forward(ids, kinds, Some(&valid));
    assert!(out.pooled.is_none());
    close("tokens", &numbers(out.tokens * valid.unsqueeze_dim::<3>(2)), &expected.tokens, 1e-5);
}

#[test]
fn what_does_not_fit_is_named() {
    let Case { config, weights, .. } = case();
    let device = Device::flex();
    let query = "encoder.layer.1.attention.self.query.weight";
    let other = |name: &str| match name {
        "embeddings.LayerNorm.bias" | "encoder.layer.1.attention.self.query.weight" => None,
        _ => Some(name.to_owned()),
    };
    let more = [("encoder.layer.2.output.dense.bias", vec![1], &[1.0][..]), (query, vec![1, 2], &[1.0, 2.0])];
    let error = Bert::load(&config, renamed(&weights, other, &more), &device).expect_err("another network");
    assert_eq!(
        error.to_string(),
        format!(
            "weights are of another network: missing embeddings.LayerNorm.bias; misshapen {query} ([1, 2], expected \
             [32, 32]); left over encoder.layer.2.output.dense.bias"
        )
    );
}

#[test]
fn a_config_of_another_network_is_refused_by_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a file of the repository");
    let check = |json: &str, expected: &str| {
        let error = BertConfig::from_hub(json).expect_err("another network").to_string();
        assert_eq!(error, expected);
    };
    check(&text("gpt2/config.json"), "model_type is \"gpt2\", expected bert");
    let bert = text("bert/config.json");
    let other = |from: &str, to: &str| {
        assert!(bert.contains(from), "{from}");
        bert.replace(from, to)
    };
    check(&other("\"gelu\"", "\"relu\""), "hidden_act is \"relu\", expected gelu");
    check(&other("\"is_decoder\": false", "\"is_decoder\": true"), "is_decoder is true, expected false");
    check(
        &other("\"use_cache\": true", "\"position_embedding_type\": \"relative_key\""),
        "position_embedding_type is \"relative_key\", expected \"absolute\"",
    );
    check(
        &other("\"hidden_size\": 32", "\"hidden_size\": 33"),
        "hidden_size is 33, expected a multiple of the 4 of num_attention_heads",
    );
    check(
        &other("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1e9"),
        "num_hidden_layers is 1000000000.0, expected a whole number from 0 to 96",
    );
    check(
        &other("\"type_vocab_size\": 2,", ""),
        "type_vocab_size is missing, expected a whole number from 1 to 16",
    );
    assert_eq!(BertConfig::from_hub(&bert).expect("it fits").classes, ["absent", "present", "unclear"]);
}

#[test]
fn a_layer_worked_on_paper() {
    let device = Device::flex();
    let linear = |weight: &[f32], bias: &[f32]| {
        let shape = [weight.len() / bias.len(), bias.len()];
        let mut made = LinearConfig::new(shape[0], shape[1]).init(&device);
        made.weight = Param::from_data(TensorData::new(weight.to_vec(), shape), &device);
        made.bias = Some(Param::from_data(TensorData::new(bias.to_vec(), [bias.len()]), &device));
        made
    };
    let config = BertConfig { width: 2, heads: 1, inner: 1, ..tiny() };
    let mut layer = BertLayer::new(&config, &device);
    let three = 3.0_f32.ln() * 2.0_f32.sqrt();
    // A query of ln 3 (the square root of the width taken back) for every token, a key of its second number.
    layer.query = linear(&[0.0; 4], &[0.0, three]);
    layer.key = linear(&[1.0, 0.0, 0.0, 1.0], &[0.0; 2]);
    layer.value = linear(&[4.0, 0.0, 0.0, 8.0], &[0.0; 2]);
    layer.projection = linear(&[1.0, 0.0, 0.0, 1.0], &[0.5, 0.0]);
    let tokens = Tensor::<3>::from_data([[[1.0, 0.0], [0.0, 1.0], [9.0, 9.0]]], &device);
    let valid = Tensor::<2>::from_data([[1.0, 1.0, 0.0]], &device);
    // The keys 0 and 1 weigh 1 to 3, the third does not count: 4/4 and 8 * 3/4.
    let read = numbers(layer.attend(tokens.clone(), Some(&valid)));
    close("read", &read, &[1.5, 6.0].repeat(3), 1e-5);
    // gelu(1) = 0.8413447, the normal distribution's share below 1.
    layer.widening = linear(&[1.0, 0.0], &[2.0]);
    layer.narrowing = linear(&[3.0, 0.0], &[0.0, 1.0]);
    let found = numbers(layer.perceive(Tensor::from_data([[[-1.0, 5.0]]], &device)));
    close("perceived", &found, &[3.0 * 0.841_344_7, 1.0], 1e-5);
    // Token 1 and what it read: (2.5, 6), normalized (-1, 1); with the perceptron's (2.524034, 1): (1.524, 2).
    close("layer", &numbers(layer.forward(tokens, Some(&valid)))[..2], &[-1.0, 1.0], 1e-5);
}

#[test]
fn embeddings_are_sums_that_are_normalized() {
    let device = Device::flex();
    let mut network = Bert::new(&BertConfig { width: 2, heads: 1, ..tiny() }, false, &device);
    let rows = |rows: Vec<f32>| Param::from_data(TensorData::new(rows.clone(), [rows.len() / 2, 2]), &device);
    network.words.weight = rows(vec![0.0, 0.0, 1.0, 0.0, 0.0, 3.0]);
    network.positions.weight = rows(vec![5.0, 0.0, 0.0, 5.0, 0.0, 0.0]);
    network.kinds.weight = rows(vec![0.0, 0.0, 10.0, 0.0]);
    let found = network.embed(whole([[1, 2], [0, 1]], &device), whole([[0, 0], [0, 1]], &device));
    // Sums (6, 0), (0, 8), (5, 0), (11, 5), each normalized to 1 and -1.
    close("embedded", &numbers(found), &[1.0, -1.0, -1.0, 1.0, 1.0, -1.0, 1.0, -1.0], 1e-5);
}

#[test]
fn padding_changes_nothing_of_what_counts() {
    let device = Device::flex();
    device.seed(51);
    let network = Bert::new(&tiny(), true, &device);
    let row = |tokens: &[i64]| {
        Tensor::<2, Int>::from_data(TensorData::new(tokens.to_vec(), [1, tokens.len()]), &device)
    };
    let (alone, kinds) = (row(&[3, 4, 5]), row(&[0, 0, 1]));
    let short = network.forward(alone, kinds, None);
    let valid = Tensor::<2>::from_data([[1.0, 1.0, 1.0, 0.0, 0.0]], &device);
    let long = network.forward(row(&[3, 4, 5, 9, 0]), row(&[0, 0, 1, 0, 0]), Some(&valid));
    let kept = numbers(long.tokens.narrow(1, 0, 3));
    close("tokens", &numbers(short.tokens), &kept, 1e-6);
    let [a, b] = [short.pooled, long.pooled].map(|pooled| numbers(pooled.expect("it pools")));
    close("pooled", &a, &b, 1e-6);
}

#[test]
fn gradients_agree_with_finite_differences() {
    let device = Device::flex().autodiff();
    device.seed(52);
    let layer = BertLayer::new(&tiny(), &device);
    let valid = Tensor::<2>::from_data([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]], &device);
    learning::check_gradient([2, 3, 6], &device, |tokens| layer.forward(tokens, Some(&valid)));
    // With respect to the vectors of words, through the whole network and either head.
    let (ids, kinds) = (whole([[1, 2, 3], [4, 1, 0]], &device), whole([[0, 0, 1], [0, 1, 0]], &device));
    let classifier = BertClassifier::new(&tiny(), &device);
    let labeler = BertLabeler::new(&tiny(), &device);
    learning::check_gradient([11, 6], &device, |words| {
        let mut network = classifier.clone();
        network.bert.words.weight = Param::from_tensor(words);
        network.forward(ids.clone(), kinds.clone(), Some(&valid))
    });
    learning::check_gradient([11, 6], &device, |words| {
        let mut network = labeler.clone();
        network.bert.words.weight = Param::from_tensor(words);
        network.forward(ids.clone(), kinds.clone(), Some(&valid))
    });
}

#[test]
fn four_texts_and_their_tokens_are_learned_by_heart() {
    let device = Device::flex().autodiff();
    device.seed(53);
    let rows = [[1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [1, 1, 6, 0, 0], [7, 8, 9, 10, 0]];
    let ids = Tensor::<2, Int>::from_data(rows, &device);
    let kinds = Tensor::<2, Int>::zeros([4, 5], &device);
    let valid = ids.clone().greater_elem(0).float();
    let right = Tensor::<1, Int>::from_data([0, 1, 1, 0], &device);
    let all = Tensor::<1>::ones([4], &device);
    learning::check_learning(BertClassifier::new(&tiny(), &device), 1e-2, 60, |network| {
        let logits = network.forward(ids.clone(), kinds.clone(), Some(&valid));
        counted_entropy(logits, right.clone(), all.clone())
    });
    // Which tokens are odd.
    let odd = ids.clone().remainder_scalar(2).reshape([20]);
    let counted = valid.clone().reshape([20]);
    learning::check_learning(BertLabeler::new(&tiny(), &device), 1e-2, 80, |network| {
        let logits = network.forward(ids.clone(), kinds.clone(), Some(&valid));
        counted_entropy(logits.reshape([20, 2]), odd.clone(), counted.clone())
    });
}

#[test]
fn the_same_seed_gives_the_same_weights_and_dropout_draws_in_training_alone() {
    let plain = Device::flex();
    let made = |seed: u64| {
        plain.seed(seed);
        save_torch(&BertClassifier::new(&tiny(), &plain)).expect("it can be written")
    };
    assert!(made(3) == made(3) && made(3) != made(4));
    let config = BertConfig { dropout: 0.5, attention_dropout: 0.5, ..tiny() };
    let asked = |device: &Device| {
        device.seed(5);
        let network = BertLabeler::new(&config, device);
        let (ids, kinds) = (whole([[1, 2, 3], [4, 5, 6]], device), whole([[0; 3], [0; 3]], device));
        let logits = || numbers(network.forward(ids.clone(), kinds.clone(), None));
        (logits(), logits())
    };
    let (first, second) = asked(&plain);
    assert_eq!(first, second);
    let (first, second) = asked(&plain.clone().autodiff());
    assert_ne!(first, second);
}
