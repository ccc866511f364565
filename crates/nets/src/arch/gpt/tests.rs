use std::path::Path;

use burn::module::{ModuleMapper, Param};
use burn::tensor::TensorData;
use safetensors::SafeTensors;
use serde::Deserialize;

use super::super::{golden, learning, load_torch, save_torch};
use super::*;
use crate::arch::golden::{close, numbers};
use crate::text::decoding::{Beams, Ended, Limits, NextTokens, Nucleus, beam, greedy, sample};

fn tiny() -> GptConfig {
    GptConfig {
        vocabulary: 9,
        positions: 12,
        width: 6,
        heads: 2,
        layers: 2,
        inner: 7,
        activation: Activation::Exact,
        epsilon: 1e-5,
        dropout: 0.0,
        tied: true,
    }
}

const PREFIX: PrefixConfig = PrefixConfig { features: 4, inner: 5, tokens: 2 };

fn noise<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, burn::tensor::Distribution::Normal(0.0, 1.0), device)
}

/// What `transformers` makes of `tests/golden/gpt2` (`tools/golden/nets_text.py`).
#[derive(Deserialize)]
struct Expected {
    ids: Vec<Vec<i64>>,
    logits: Vec<f32>,
    loss: f32,
    counted: Vec<Vec<i64>>,
    prefix: Vec<f32>,
    after_prefix: AfterPrefix,
    said: OfSpeaking,
}

#[derive(Deserialize)]
struct AfterPrefix {
    logits: Vec<f32>,
    loss: f32,
}

#[derive(Deserialize)]
struct OfSpeaking {
    start: Vec<i64>,
    most: usize,
    end: u32,
    greedy: Vec<u32>,
    beams: Vec<OfBeams>,
}

#[derive(Deserialize)]
struct OfBeams {
    beams: usize,
    penalty: f64,
    found: Vec<OfText>,
}

#[derive(Deserialize)]
struct OfText {
    tokens: Vec<u32>,
    score: f64,
}

struct Case {
    config: GptConfig,
    weights: Vec<u8>,
    expected: Expected,
}

fn case() -> Case {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/gpt2");
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a file of the repository");
    Case {
        config: GptConfig::from_hub(&text("config.json")).expect("a GPT-2's"),
        weights: std::fs::read(folder.join("model.safetensors")).expect("a file of the repository"),
        expected: serde_json::from_str(&text("expected.json")).expect("the form that the script writes"),
    }
}

fn whole(rows: &[Vec<i64>], device: &Device) -> Tensor<2, Int> {
    let flat: Vec<i64> = rows.iter().flatten().copied().collect();
    Tensor::from_data(TensorData::new(flat, [rows.len(), rows[0].len()]), device)
}

#[test]
fn scores_and_losses_agree_with_transformers() {
    let Case { config, weights, expected } = case();
    let device = Device::flex();
    let network = Gpt::load(&config, weights.clone(), &device).expect("they fit");
    assert_eq!(config.parameters(), golden::count(&network));
    let ids = whole(&expected.ids, &device);
    let scores = network.forward(network.vectors(ids.clone()));
    close("scores", &numbers(scores.clone()), &expected.logits, 1e-5);
    let loss = next_token_loss(scores, ids.clone(), Tensor::ones([3, 9], &device));
    close("loss", &numbers(loss), &[expected.loss], 1e-5);

    let prefix = Tensor::<3>::from_data(TensorData::new(expected.prefix, [3, 2, 16]), &device);
    let scores = network.forward(Tensor::cat(vec![prefix, network.vectors(ids.clone())], 1));
    close("scores after a prefix", &numbers(scores.clone()), &expected.after_prefix.logits, 1e-5);
    let counted = whole(&expected.counted, &device).float();
    let tokens = Tensor::cat(vec![Tensor::zeros([3, 2], &device), ids], 1);
    let counted = Tensor::cat(vec![Tensor::zeros([3, 2], &device), counted], 1);
    close(
        "loss after a prefix",
        &numbers(next_token_loss(scores, tokens, counted)),
        &[expected.after_prefix.loss],
        1e-5,
    );

    let again = save_torch(&network).expect("it can be written");
    let [before, after] = [&weights, &again].map(|file| SafeTensors::deserialize(file).expect("a file"));
    assert_eq!(before.len(), after.len());
    for (name, view) in after.tensors() {
        assert_eq!(before.tensor(&format!("transformer.{name}")).expect("the same names"), view, "{name}");
    }
}

#[test]
fn what_is_said_is_what_transformers_says() {
    let Case { config, weights, expected } = case();
    let device = Device::flex();
    let network = Gpt::load(&config, weights, &device).expect("they fit");
    let of = expected.said;
    let mut speaking = network.speak(network.vectors(whole(std::slice::from_ref(&of.start), &device)));
    assert_eq!(speaking.room(), 29);
    let said = greedy(&mut speaking, Limits { end: 22, most: of.most }).expect("a text");
    assert_eq!((said.tokens, said.ended), (of.greedy, Ended::Most));
    let limits = Limits { end: of.end, most: of.most };
    for OfBeams { beams, penalty, found } in of.beams {
        let said =
            beam(&mut speaking, limits, Beams { width: beams, length_penalty: penalty }).expect("texts");
        assert_eq!(said.len(), found.len());
        for (said, found) in said.iter().zip(&found) {
            let end = (said.ended == Ended::End).then_some(of.end);
            let tokens: Vec<u32> = said.tokens.iter().copied().chain(end).collect();
            assert_eq!(tokens, found.tokens, "{beams} beams, penalty {penalty}");
            let score = said.log_probability / (tokens.len() as f64).powf(penalty);
            assert!((score - found.score).abs() < 1e-5, "{score} for {}", found.score);
        }
    }
}

#[test]
fn token_by_token_gives_the_scores_of_the_whole_pass() {
    let Case { config, weights, expected } = case();
    let device = Device::flex();
    let network = Gpt::load(&config, weights, &device).expect("they fit");
    let vectors = network.vectors(whole(&expected.ids, &device));
    let all = network.forward(vectors.clone());
    let mut memory = GptMemory::default();
    let mut parts = vec![network.go_on(vectors.clone().narrow(1, 0, 4), &mut memory)];
    for at in 4..9 {
        assert_eq!(memory.tokens(), at);
        parts.push(network.go_on(vectors.clone().narrow(1, at, 1), &mut memory));
    }
    // Sums of as many numbers, in blocks of other sizes.
    close("scores", &numbers(Tensor::cat(parts, 1)), &numbers(all.clone()), 2e-6);
    // Texts chosen from the memory go on as they would have alone.
    let mut memory = GptMemory::default();
    network.go_on(vectors.clone().narrow(1, 0, 8), &mut memory);
    let chosen = [2, 0, 2];
    let last =
        Tensor::cat(chosen.iter().map(|at| vectors.clone().narrow(0, *at, 1).narrow(1, 8, 1)).collect(), 0);
    let scores = network.go_on(last, &mut memory.of(&chosen, &device));
    let expected =
        Tensor::cat(chosen.iter().map(|at| all.clone().narrow(0, *at, 1).narrow(1, 8, 1)).collect(), 0);
    close("chosen", &numbers(scores), &numbers(expected), 2e-6);
}

#[test]
fn no_token_reads_a_later_one() {
    let device = Device::flex();
    device.seed(61);
    let network = Gpt::new(&tiny(), &device);
    let scores = |last: [i64; 2]| {
        let ids = whole(&[[&[1, 2, 3][..], &last].concat()], &device);
        numbers(network.forward(network.vectors(ids)))
    };
    let (one, other) = (scores([4, 5]), scores([8, 7]));
    assert_eq!(one[..27], other[..27]);
    assert_ne!(one[27..36], other[27..36]);
}

#[test]
fn a_layer_worked_on_paper() {
    let device = Device::flex();
    let map = |rows: &[&[f32]], bias: &[f32]| Map {
        weight: Param::from_data(TensorData::new(rows.concat(), [rows.len(), bias.len()]), &device),
        bias: Param::from_data(TensorData::new(bias.to_vec(), [bias.len()]), &device),
    };
    let config = GptConfig { width: 2, heads: 1, inner: 1, epsilon: 0.0, ..tiny() };
    let mut layer = GptLayer::new(&config, &device);
    // What is normalized is (-1, 1) or (1, -1). Query: ln 3 times the root of the width. Key: half of one more than the
    // second number, 1 or 0. Value: 4 times the first number, and 2.
    let three = 3.0_f32.ln() * 2.0_f32.sqrt();
    let rows: [&[f32]; 2] = [&[0.0, 0.0, 0.0, 0.0, 4.0, 0.0], &[0.0, 0.0, 0.5, 0.0, 0.0, 0.0]];
    layer.queries_keys_values = map(&rows, &[three, 0.0, 0.5, 0.0, 0.0, 2.0]);
    layer.projection = map(&[&[1.0, 0.0], &[0.0, 1.0]], &[0.0, 1.0]);
    layer.widening = map(&[&[0.0], &[0.0]], &[1.0]);
    layer.narrowing = map(&[&[1.0, 0.0]], &[0.0, 10.0]);
    let tokens = Tensor::<3>::from_data([[[0.0, 2.0], [5.0, 3.0]]], &device);
    // The first reads itself: (-4, 2). The second weighs the first 3 to 1: -4 * 3/4 + 4 * 1/4 = -2, and 2. To both the
    // offset of 1 is added, then gelu(1) = 0.8413447 and 10.
    let expected = [-4.0 + 0.841_344_7, 2.0 + 3.0 + 10.0, 5.0 - 2.0 + 0.841_344_7, 3.0 + 3.0 + 10.0];
    close("layer", &numbers(layer.forward(tokens)), &expected, 1e-5);
    // By the tangent: gelu(1) = 0.5 * (1 + tanh(0.7978846 * 1.044715)) = 0.841192
    layer.activation = Activation::Tangent;
    close("perceived", &numbers(layer.perceive(Tensor::zeros([1, 1, 2], &device))), &[0.841_192, 10.0], 1e-6);
}

#[test]
fn the_loss_counts_text_alone_worked_on_paper() {
    let device = Device::flex();
    let three = 3.0_f32.ln();
    // After a prefix of one: the scores at the prefix are for token 0 of the text, and so on.
    let scores = [[0.0, three], [0.0, 0.0], [three, 0.0], [7.0, -7.0]];
    let scores = Tensor::<3>::from_data([scores], &device);
    let tokens = Tensor::<2, Int>::from_data([[0, 1, 1, 1]], &device);
    let loss = |counted: [f32; 4]| {
        numbers(next_token_loss(scores.clone(), tokens.clone(), Tensor::from_data([counted], &device)))[0]
    };
    // The shares of the right tokens: 3/4, 1/2 and 1/4.
    let (first, second, third) = ((4.0_f32 / 3.0).ln(), 2.0_f32.ln(), 4.0_f32.ln());
    close("all", &[loss([1.0; 4])], &[(first + second + third) / 3.0], 1e-6);
    close("without an indication", &[loss([0.0, 0.0, 1.0, 1.0])], &[(second + third) / 2.0], 1e-6);
    close("without padding", &[loss([0.0, 1.0, 1.0, 0.0])], &[(first + second) / 2.0], 1e-6);
}

#[test]
fn a_prefix_is_its_features_tokens_one_vector_after_another() {
    let device = Device::flex();
    let mut projector = Projector::new(&PrefixConfig { features: 1, inner: 1, tokens: 2 }, 2, 0.0, &device);
    let put = |values: &[f32], shape: [usize; 2]| {
        Param::from_data(TensorData::new(values.to_vec(), shape), &device)
    };
    projector.widening.weight = put(&[1.0], [1, 1]);
    projector.narrowing.weight = put(&[1.0, 2.0, 3.0, 4.0], [1, 4]);
    let found = projector.forward(Tensor::from_data([[[1.0], [0.0]]], &device));
    assert_eq!(found.dims(), [1, 4, 2]);
    let one = 0.841_344_7;
    close("prefix", &numbers(found), &[one, 2.0 * one, 3.0 * one, 4.0 * one, 0.0, 0.0, 0.0, 0.0], 1e-5);
}

#[test]
fn the_loss_of_images_is_that_of_their_texts_whatever_the_padding() {
    let device = Device::flex();
    device.seed(62);
    let network = PrefixedGpt::new(&tiny(), &PREFIX, &device);
    let features = noise([2, 1, 4], &device);
    let texts: [(&[u32], &[u32]); 2] = [(&[7], &[1, 2, 3]), (&[], &[4])];
    let room = 10;
    let both = TextBatch::new(&texts, 0, room, 9, &device).expect("they fit");
    assert_eq!(
        both.tokens.clone().into_data().convert::<i64>(),
        TensorData::from([[7_i64, 1, 2, 3, 0], [4, 0, 0, 0, 0]])
    );
    assert_eq!(numbers(both.counted.clone()), [0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    let loss = |at: usize| {
        let batch = TextBatch::new(&texts[at..=at], 0, room, 9, &device).expect("it fits");
        numbers(network.loss(features.clone().narrow(0, at, 1), &batch))[0]
    };
    // Four tokens of the first and two of the second count.
    let expected = (4.0 * loss(0) + 2.0 * loss(1)) / 6.0;
    close("loss", &numbers(network.loss(features.clone(), &both)), &[expected], 1e-6);
    // What is spoken is scored as what is learned: the likelihood of a text is the same on both ways.
    let mut speaking = network.speak(features.clone().narrow(0, 0, 1).squeeze_dim::<2>(0), &[7]);
    let mut scores = speaking.start();
    let mut sum = 0.0;
    for token in [1_u32, 2, 3, 0] {
        let logs = burn::tensor::activation::log_softmax(Tensor::<1>::from_data(&scores[..], &device), 0);
        sum -= numbers(logs)[token as usize];
        scores = speaking.go_on(&[0], &[token]).swap_remove(0);
    }
    close("spoken", &[sum / 4.0], &[loss(0)], 1e-5);
}

#[test]
fn texts_that_make_no_batch_are_named() {
    let device = Device::flex();
    let made = |texts: &[(&[u32], &[u32])]| {
        TextBatch::new(texts, 0, 4, 9, &device).expect_err("no batch").to_string()
    };
    assert_eq!(
        made(&[(&[1], &[2]), (&[3, 4], &[5, 6])]),
        "text 1 has 5 tokens with indication and end, expected at most 4 after the prefix"
    );
    assert_eq!(made(&[(&[], &[9])]), "text 0 has token 9, expected one below the vocabulary's 9");
}

#[test]
fn gradients_agree_with_finite_differences() {
    let device = Device::flex().autodiff();
    device.seed(63);
    for activation in [Activation::Exact, Activation::Tangent] {
        let layer = GptLayer::new(&GptConfig { activation, ..tiny() }, &device);
        learning::check_gradient([2, 4, 6], &device, |tokens| layer.forward(tokens));
    }
    let texts: [(&[u32], &[u32]); 2] = [(&[7], &[1, 2, 3]), (&[], &[4])];
    let batch = TextBatch::new(&texts, 0, 10, 9, &device).expect("they fit");
    let features = noise([2, 1, 4], &device);
    for tied in [true, false] {
        let network = PrefixedGpt::new(&GptConfig { tied, ..tiny() }, &PREFIX, &device);
        // Weights as first drawn leave the features next to no weight in the loss: its changes would drown in rounding.
        let strong = network.clone().map(&mut Stronger);
        learning::check_gradient([2, 1, 4], &device, |features| strong.projector.forward(features));
        learning::check_gradient([2, 1, 4], &device, |features| strong.loss(features, &batch));
        learning::check_gradient([9, 6], &device, |words| {
            let mut network = network.clone();
            network.gpt.words.weight = Param::from_tensor(words);
            network.loss(features.clone(), &batch)
        });
    }
}

/// Multiplies every matrix, as it is first drawn, to where a unit of input is about a unit of output.
struct Stronger;

impl ModuleMapper for Stronger {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        parameter.map(|tensor| if D == 2 { (tensor * 15.0).detach() } else { tensor })
    }
}

#[test]
fn what_to_say_about_four_images_is_learned_by_heart_and_said() {
    let device = Device::flex().autodiff();
    device.seed(64);
    let texts: [(&[u32], &[u32]); 4] =
        [(&[], &[1, 2, 3]), (&[], &[3, 2, 1, 4]), (&[8], &[5]), (&[7], &[5, 5, 6])];
    let features = noise([4, 1, 4], &device);
    let batch = TextBatch::new(&texts, 0, 10, 9, &device).expect("they fit");
    let network = PrefixedGpt::new(&tiny(), &PREFIX, &device);
    let network =
        learning::check_learning(network, 2e-2, 150, |network| network.loss(features.clone(), &batch));
    let limits = Limits { end: 0, most: 10 };
    for (at, (indication, said)) in texts.iter().enumerate() {
        let of_one = features.clone().narrow(0, at, 1).squeeze_dim::<2>(0);
        let mut speaking = network.speak(of_one, indication);
        let most = speaking.room();
        let found = greedy(&mut speaking, Limits { most, ..limits }).expect("a text");
        assert_eq!((&found.tokens[..], found.ended), (*said, Ended::End));
        let best = beam(&mut speaking, Limits { most: 6, ..limits }, Beams { width: 3, length_penalty: 1.0 });
        assert_eq!(best.expect("texts")[0].tokens, *said);
        let of = Nucleus { share: 0.5, temperature: 0.5, seed: 3 };
        assert_eq!(sample(&mut speaking, Limits { most: 6, ..limits }, of).expect("a text").tokens, *said);
    }
}

#[test]
fn the_same_seed_gives_the_same_weights_and_files_keep_them() {
    let plain = Device::flex();
    let config = GptConfig { tied: false, ..tiny() };
    let made = |seed: u64| {
        plain.seed(seed);
        save_torch(&PrefixedGpt::new(&config, &PREFIX, &plain)).expect("it can be written")
    };
    let first = made(3);
    assert!(first == made(3) && first != made(4));
    plain.seed(5);
    let read = load_torch(PrefixedGpt::new(&config, &PREFIX, &plain), first.clone()).expect("they fit");
    assert!(save_torch(&read).expect("it can be written") == first);
    assert_eq!(config.parameters(), golden::count(&read.gpt));
    let names: Vec<String> = names_in(&first).expect("a file");
    for name in ["projector.0.weight", "projector.2.bias", "gpt.lm_head.weight", "gpt.h.1.attn.c_attn.weight"]
    {
        assert!(names.iter().any(|found| found == name), "{name}");
    }
}

#[test]
fn a_config_or_file_of_another_network_is_refused_by_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a file of the repository");
    let check = |json: &str, expected: &str| {
        assert_eq!(GptConfig::from_hub(json).expect_err("another network").to_string(), expected);
    };
    check(&text("bert/config.json"), "model_type is \"bert\", expected gpt2");
    let gpt = text("gpt2/config.json");
    let other = |from: &str, to: &str| {
        assert!(gpt.contains(from), "{from}");
        gpt.replace(from, to)
    };
    check(
        &other("gelu_new", "relu"),
        "activation_function is \"relu\", expected gelu_new or gelu_pytorch_tanh or gelu",
    );
    check(&other("\"attn_pdrop\": 0.1", "\"attn_pdrop\": 0.2"), "attn_pdrop is 0.2, expected 0.1");
    check(&other("\"n_embd\": 16", "\"n_embd\": 18"), "n_embd is 18, expected a multiple of the 4 of n_head");
    check(
        &other("inverse_layer_idx\": false", "inverse_layer_idx\": true"),
        "scale_attn_by_inverse_layer_idx is true, expected false",
    );
    let Case { config, weights, .. } = case();
    let error = Gpt::load(&GptConfig { layers: 1, ..config.clone() }, weights.clone(), &Device::flex());
    let error = error.expect_err("a layer more").to_string();
    assert!(error.starts_with("weights are of another network: left over h.1.attn.c_attn.bias"), "{error}");
    let error = Gpt::load(&GptConfig { positions: 33, ..config }, weights, &Device::flex());
    assert_eq!(
        error.expect_err("other positions").to_string(),
        "weights are of another network: misshapen wpe.weight ([32, 16], expected [33, 16])"
    );
}
