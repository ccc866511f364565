//! ONNX Runtime computes what burn computes, and what it cannot is told in one sentence.
//!
//! The library is the one that `ORT_DYLIB_PATH` names; where it names none these tests are skipped, with a word on
//! stderr.

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Distribution, Tensor};
use prost::Message;
use sha2::{Digest, Sha256};
use wilhelm_filters::{Prepared, Region};

use super::graph::{Graph, Setting, Value};
use super::layers::{mean_along, reshape};
use super::message::ModelProto;
use super::segmenter::tests::flat;
use super::session::Numbers;
use super::tests::{CARD, shipped};
use super::{
    Layout, OnnxCard, OnnxClassifier, OnnxNetwork, OnnxOutput, Runtime, engine_file, engine_rows, export,
};
use crate::ModelError;
use crate::arch::{
    Classifier, ClassifierConfig, DenseNet, DenseNetConfig, RecurrentCell, ResNet, ResNetConfig, ResNetDepth,
    SliceMemory, VisionTransformer, VisionTransformerConfig,
};
use crate::segmenter::outline::tests::deep;

const TOLERANCE: f32 = 1e-4;

fn runtime() -> Option<Runtime> {
    let Some(library) = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()) else {
        eprintln!("skipped: ORT_DYLIB_PATH names no library of ONNX Runtime");
        return None;
    };
    Some(Runtime::load(Path::new(&library), 2).expect("ORT_DYLIB_PATH names ONNX Runtime"))
}

fn numbers(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("floats")
}

fn close(name: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= TOLERANCE, "{name}: {found} for {expected}");
    }
}

fn picture(columns: usize, rows: usize, seed: usize) -> Prepared {
    let pixel =
        |at: usize| ((at % columns + 7 * seed) as f32 / 5.0).sin() * ((at / columns) as f32 / 3.0).cos();
    let region = Region { column: 0, row: 0, columns, rows };
    Prepared { pixels: (0..columns * rows).map(pixel).collect(), columns, rows, region }
}

#[test]
fn a_shipped_model_gives_the_same_by_either() {
    let Some(runtime) = runtime() else { return };
    for name in ["brain-mr-tumor", "breast-ultrasound", "chest-pneumonia"] {
        let model = shipped(name);
        let side = model.card().architecture.side;
        let images: Vec<Prepared> = (0..19).map(|seed| picture(side, side, seed)).collect();
        let images: Vec<&Prepared> = images.iter().collect();
        let expected = model.predict(&images).expect("burn computes it");
        let other = model.with_runtime(&runtime).expect("ONNX Runtime takes it");
        let found = other.predict(&images).expect("ONNX Runtime computes it");
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            let logits = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<_>>();
            close(name, &logits(&found.logits), &logits(&expected.logits));
            close(name, &found.features, &expected.features);
            for (found, expected) in found.taps.iter().zip(&expected.taps) {
                close(name, found, expected);
            }
            assert_eq!(found.taps.len(), expected.taps.len());
            assert_eq!(found.abstains, expected.abstains);
            let off = (found.outlier_score - expected.outlier_score).abs();
            assert!(off <= 1e-3 * expected.outlier_score, "{name}: outlier score is {off} off");
        }
    }
}

#[test]
fn every_architecture_gives_the_same_by_either() {
    let Some(runtime) = runtime() else { return };
    let device = Device::flex();
    device.seed(3);
    let check =
        |name: &str, network: OnnxNetwork, input: Tensor<4>, logits: Tensor<2>, features: Tensor<2>| {
            let [batch, channels, rows, columns] = input.dims();
            let file = export(network, [channels, rows, columns], name, &[]).expect("it is written");
            let session = runtime.session(&file).expect("ONNX Runtime takes it");
            let values = input.into_data().try_into_vec::<f32>().expect("floats");
            let input = Numbers { shape: vec![batch, channels, rows, columns], values };
            let port = session.inputs()[0].name.clone();
            let made = session.run(&port, input, &["logits", "features"]).expect("it runs");
            assert_eq!(made[0].shape, logits.dims());
            close(name, &made[0].values, &numbers(logits));
            close(name, &made[1].values, &numbers(features));
        };
    let noise = |shape: [usize; 4]| Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), &device);
    for depth in [ResNetDepth::Eighteen, ResNetDepth::Fifty] {
        let config = ResNetConfig { depth, channels: 3, small_stem: false, features: Some(20), classes: 5 };
        let network = ResNet::new(&config, &device).valid();
        let input = noise([2, 3, 64, 72]);
        let out = network.forward(input.clone());
        let features = out.features.expect("they are named");
        check("resnet", OnnxNetwork::ResNet(&network), input, out.logits, features);
    }
    let config = DenseNetConfig {
        channels: 1,
        stem: 6,
        small_stem: false,
        growth: 4,
        blocks: vec![2, 3, 2],
        features: None,
        classes: 2,
    };
    let network = DenseNet::new(&config, &device).valid();
    let input = noise([3, 1, 44, 37]);
    let out = network.forward(input.clone());
    check("densenet", OnnxNetwork::DenseNet(&network), input, out.logits, out.pooled);
    let config = VisionTransformerConfig {
        side: 24,
        patch: 8,
        channels: 3,
        width: 12,
        heads: 3,
        layers: 2,
        inner: 20,
        classes: 3,
    };
    let network = VisionTransformer::new(&config, &device).valid();
    let input = noise([3, 3, 24, 24]);
    let out = network.forward(input.clone());
    check("vit", OnnxNetwork::VisionTransformer(&network), input, out.logits, out.features);
}

#[test]
fn a_classifier_of_volumes_gives_the_same_by_either() {
    let Some(runtime) = runtime() else { return };
    let device = Device::flex();
    device.seed(5);
    let memory = |cell| Some(SliceMemory { cell, hidden: 9 });
    let read_one_by_one = [None, memory(RecurrentCell::Lstm), memory(RecurrentCell::Gru)];
    for (recurrent, volumetric) in
        read_one_by_one.map(|memory| (memory, false)).into_iter().chain([(None, true)])
    {
        let config = ClassifierConfig {
            widths: vec![4, 6],
            stem_stride: 1,
            side: 12,
            slices: 5,
            volumetric,
            recurrent,
            cnn: None,
            head: crate::arch::HeadKind::Transformer,
            features: 10,
            model_width: 8,
            heads: 2,
            encoder_layers: 1,
            decoder_layers: 0,
            labels: 3,
        };
        let mut card = shipped("chest-pneumonia").card().clone();
        card.architecture = config.clone();
        let network = Classifier::new(&config, &device).valid();
        let input = Tensor::<4>::random([4, 5, 12, 12], Distribution::Normal(0.0, 1.0), &device);
        let out = network.forward(input.clone());
        let session = runtime.session(&engine_file(&network, &card).expect("written")).expect("taken");
        let values = input.into_data().try_into_vec::<f32>().expect("floats");
        let (logits, features, taps) = engine_rows(&session, [4, 5, 12, 12], values, &card).expect("it runs");
        close("logits", &logits.concat(), &numbers(out.logits));
        close("features", &features.concat(), &numbers(out.features));
        assert_eq!(taps.len(), 2);
        for (tap, expected) in taps.iter().zip(out.taps) {
            close("taps", &tap.concat(), &numbers(expected));
        }
    }
}

#[test]
fn a_classifier_with_a_published_network_gives_the_same_by_either() {
    let Some(runtime) = runtime() else { return };
    let device = Device::flex();
    device.seed(6);
    for (name, config, _) in super::tests::published() {
        let mut card = shipped("chest-pneumonia").card().clone();
        card.architecture = config.clone();
        let network = Classifier::new(&config, &device).valid();
        let shape = [2, config.slices, config.side, config.side];
        let input = Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), &device);
        let out = network.forward(input.clone());
        let session = runtime.session(&engine_file(&network, &card).expect("written")).expect("taken");
        let values = input.into_data().try_into_vec::<f32>().expect("floats");
        let (logits, features, taps) = engine_rows(&session, shape, values, &card).expect("it runs");
        close(name, &logits.concat(), &numbers(out.logits));
        close(name, &features.concat(), &numbers(out.features));
        for (tap, expected) in taps.iter().zip(out.taps) {
            close(name, &tap.concat(), &numbers(expected));
        }
    }
}

#[test]
fn a_segmenter_gives_the_same_by_either() {
    let Some(runtime) = runtime() else { return };
    let device = Device::flex();
    let check = |file: Vec<u8>, shape: Vec<usize>, values: Vec<f32>, expected: [Vec<f32>; 2]| {
        let session = runtime.session(&file).expect("ONNX Runtime takes it");
        let port = session.inputs()[0].name.clone();
        let made =
            session.run(&port, Numbers { shape, values }, &["logits", "probabilities"]).expect("it runs");
        for (found, expected) in made.iter().zip(&expected) {
            close(&port, &found.values, expected);
        }
    };
    let (segmenter, network) = flat([1, 16, 24], vec![3, 4, 5]);
    let input = Tensor::<4>::random([2, 1, 16, 24], Distribution::Normal(0.0, 1.0), &device);
    let logits = network.forward(input.clone());
    let likely = burn::tensor::activation::sigmoid(logits.clone());
    let numbers = |tensor: Tensor<4>| tensor.into_data().try_into_vec::<f32>().expect("floats");
    let file = segmenter.to_onnx().expect("written");
    check(file, vec![2, 1, 16, 24], numbers(input), [numbers(logits), numbers(likely)]);

    let (segmenter, network) = deep([4, 6, 8]);
    let input = Tensor::<5>::random([3, 1, 4, 6, 8], Distribution::Normal(0.0, 1.0), &device);
    let logits = network.forward(input.clone());
    let likely = burn::tensor::activation::softmax(logits.clone(), 1);
    let numbers = |tensor: Tensor<5>| tensor.into_data().try_into_vec::<f32>().expect("floats");
    let file = segmenter.to_onnx().expect("written");
    check(file, vec![3, 1, 4, 6, 8], numbers(input), [numbers(logits), numbers(likely)]);
}

/// A network of the tests as a file: its input and output are as [`CARD`] says, but for what `make` changes.
fn file(axes: [usize; 3], make: impl Fn(&mut Graph, &Value) -> Value) -> Vec<u8> {
    let mut graph = Graph::default();
    let input = graph.input("x", &axes);
    let scores = make(&mut graph, &input);
    graph.output("y", &[2], "", &scores);
    graph.finish("test", "", &[]).expect("it is written")
}

/// Two scores of the channels' means: the first channel's, and twice the third's.
fn scores(graph: &mut Graph, input: &Value, places: [i64; 2]) -> Value {
    let means = mean_along(graph, "inner", input, places[1], false);
    let means = mean_along(graph, "outer", &means, places[0], false);
    let weights = graph.numbers("weights", &[3, 2], &[1.0, 0.0, 0.0, 0.0, 0.0, 2.0]);
    graph.node("scores", "MatMul", &[&means, &weights], &[])
}

fn card(file: &[u8], change: impl Fn(&mut OnnxCard)) -> OnnxCard {
    let mut card = OnnxCard::from_toml(CARD).expect("a card");
    card.weights_sha256 = Sha256::digest(file).iter().map(|byte| format!("{byte:02x}")).collect();
    change(&mut card);
    card
}

fn softmax_of_two(first: f32, second: f32) -> [f64; 2] {
    let share = 1.0 / (1.0 + f64::from(second - first).exp());
    [share, 1.0 - share]
}

#[test]
fn a_network_by_others_worked_on_paper_in_either_layout() {
    let Some(runtime) = runtime() else { return };
    // 24 columns and 16 rows; each channel is (pixel - mean) / deviation.
    let first = file([3, 16, 24], |graph, input| scores(graph, input, [2, 3]));
    let last = file([16, 24, 3], |graph, input| scores(graph, input, [1, 2]));
    let set = |card: &mut OnnxCard, layout| {
        card.network.layout = layout;
        card.network.channel_means = vec![0.5, 0.0, 0.25];
        card.network.channel_deviations = vec![0.5, 1.0, 2.0];
    };
    let pictures: Vec<Prepared> = (0..18).map(|seed| picture(24, 16, seed)).collect();
    let images: Vec<&Prepared> = pictures.iter().collect();
    for (file, layout) in [(&first, Layout::ChannelsFirst), (&last, Layout::ChannelsLast)] {
        let card = card(file, |card| set(card, layout));
        let model = OnnxClassifier::from_parts(card, file, &runtime).expect("it is taken");
        let found = model.predict(&images).expect("it runs");
        for (found, image) in found.iter().zip(&images) {
            let mean = image.pixels.iter().sum::<f32>() / image.pixels.len() as f32;
            let expected = softmax_of_two((mean - 0.5) / 0.5, 2.0 * (mean - 0.25) / 2.0);
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-5, "{layout:?}: {found} for {expected}");
            }
        }
        let small = picture(8, 8, 0);
        let error = model.predict(&[&small]).expect_err("another size").to_string();
        assert!(error.contains("8 columns and 8 rows, expected 24 and 16"), "{error}");
    }
}

#[test]
fn probabilities_are_taken_as_they_are_and_refused_where_they_are_none() {
    let Some(runtime) = runtime() else { return };
    let likely = file([3, 16, 24], |graph, input| {
        let scores = scores(graph, input, [2, 3]);
        graph.node("likely", "Softmax", &[&scores], &[("axis", Setting::Whole(1))])
    });
    let give = |card: &mut OnnxCard| card.network.gives = OnnxOutput::Probabilities;
    let image = picture(24, 16, 1);
    let model = OnnxClassifier::from_parts(card(&likely, give), &likely, &runtime).expect("it is taken");
    let found = model.predict(&[&image]).expect("it runs");
    assert!((found[0].iter().sum::<f64>() - 1.0).abs() < 1e-6);
    let logits = file([3, 16, 24], |graph, input| scores(graph, input, [2, 3]));
    let model = OnnxClassifier::from_parts(card(&logits, give), &logits, &runtime).expect("it is taken");
    let error = model.predict(&[&image]).expect_err("they are logits").to_string();
    assert!(error.starts_with("model other: a number of output \"y\" is "), "{error}");
    assert_eq!(error.lines().count(), 1);
}

#[test]
fn what_cannot_be_loaded_is_told_in_one_sentence() {
    let Some(runtime) = runtime() else { return };
    let good = file([3, 16, 24], |graph, input| scores(graph, input, [2, 3]));
    let check = |file: &[u8], expected: &str| {
        let error = OnnxClassifier::from_parts(card(file, |_| ()), file, &runtime).expect_err(expected);
        let sentence = error.to_string();
        assert!(sentence.starts_with("model other: ") && sentence.contains(expected), "{sentence}");
        assert_eq!(sentence.lines().count(), 1, "{sentence}");
        assert!(sentence.len() < 500, "{sentence}");
        let ModelError::Onnx { source, .. } = error else { panic!("{sentence}") };
        assert!(source.is_callers_fault());
    };
    // An operator that there is not.
    let lacking = file([3, 16, 24], |graph, input| {
        let scores = scores(graph, input, [2, 3]);
        graph.node("odd", "Divination", &[&scores], &[])
    });
    check(&lacking, "Divination");
    // Shapes that do not fit one another.
    let crooked = file([3, 16, 24], |graph, input| {
        let means = mean_along(graph, "inner", input, 3, false);
        let means = mean_along(graph, "outer", &means, 2, false);
        let weights = graph.numbers("weights", &[4, 2], &[1.0; 8]);
        graph.node("scores", "MatMul", &[&means, &weights], &[])
    });
    check(&crooked, "ONNX Runtime does not take the network");
    // Another input and other outputs than the card's.
    let flat = file([1, 16, 24], |graph, input| {
        let flat = reshape(graph, "flat", input, &[0, -1]);
        let weights = graph.numbers("weights", &[384, 2], &[0.0; 768]);
        graph.node("scores", "MatMul", &[&flat, &weights], &[])
    });
    check(&flat, "shape of input \"x\" is [?, 1, 16, 24], expected [?, 3, 16, 24]");
    let two = export_of_two_outputs();
    check(
        &two,
        "list of the network's outputs is \"first\", \"second\", expected the card's \"y\" among them",
    );
    // Bytes that end early, and bytes that are something else.
    check(&good[..good.len() / 2], "not an ONNX file, or cut off");
    check(b"", "it has no graph");
    check(b"\x89PNG\r\n\x1a\n", "not an ONNX file, or cut off");
    let error =
        OnnxClassifier::from_parts(card(&good, |_| ()), &lacking, &runtime).expect_err("another file");
    assert!(matches!(error, ModelError::Hash { .. }), "{error}");
}

fn export_of_two_outputs() -> Vec<u8> {
    let mut graph = Graph::default();
    let input = graph.input("x", &[3, 16, 24]);
    let made = scores(&mut graph, &input, [2, 3]);
    graph.output("first", &[2], "", &made);
    graph.output("second", &[2], "", &made);
    graph.finish("test", "", &[]).expect("it is written")
}

#[test]
fn nodes_changed_at_random_are_refused_or_run_and_never_a_panic() {
    let Some(runtime) = runtime() else { return };
    let good = file([3, 16, 24], |graph, input| scores(graph, input, [2, 3]));
    let whole = ModelProto::decode(good.as_slice()).expect("it is ONNX");
    let image = picture(24, 16, 0);
    let mut state = 11_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..200 {
        let mut model = whole.clone();
        let graph = model.graph.as_mut().expect("a graph");
        let at = random(graph.node.len());
        match random(5) {
            0 => graph.node[at].input.clear(),
            1 => graph.node[at].attribute.clear(),
            2 => graph.initializer[0].dims = vec![-1, i64::MAX],
            3 => graph.initializer[0].data_type = random(30) as i32,
            _ => graph.node[at].op_type = ["Softmax", "Conv", "Loop", "If", ""][random(5)].to_owned(),
        }
        let file = model.encode_to_vec();
        if let Ok(model) = OnnxClassifier::from_parts(card(&file, |_| ()), &file, &runtime) {
            let _ = model.predict(&[&image]);
        }
    }
}
