//! Files as they are written: their parts fit together, and the same network gives the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use burn::module::Module;
use burn::tensor::Device;
use prost::Message;

use super::check::check;
use super::message::{AttributeProto, EXTERNAL, GraphProto, ModelProto, TensorProto, kind};
use super::{MOST_BYTES, OnnxCard, OnnxError, OnnxNetwork, export};
use crate::arch::{
    Classifier, ClassifierConfig, Cnn, CnnName, DenseNet, DenseNetConfig, HeadKind, RecurrentCell, ResNet,
    ResNetConfig, ResNetDepth, SliceMemory, VisionTransformer, VisionTransformerConfig,
};
use crate::{Card, Model};

/// A card of a classifier made by others.
pub(super) const CARD: &str = r#"
schema = 1
kind = "onnx-classifier"
name = "other"
version = "1"
title = "A classifier of the tests"
license = "CC0-1.0"
must_not = ["It must not be used at all."]
weights = "network.onnx"
weights_sha256 = ""

[input]
modalities = ["DX"]
body_parts = ["CHEST"]
quantity = "arbitrary"
least_side = 16
greatest_aspect = 2.0
words = "a picture"
population = "nobody"

[preparation]
columns = 24
rows = 16
fit = "stretch"
mean = 0.0
deviation = 1.0

[network]
input = "x"
layout = "channels-first"
channels = 3
channel_means = [0.5, 0.5, 0.5]
channel_deviations = [0.25, 0.25, 0.25]
output = "y"
gives = "logits"

[[labels]]
key = "no"
name = "nothing"
normal = true

[[labels]]
key = "yes"
name = "something"

[source]
url = "none"
copyright = "none"
citation = "none"
data = "none"
figures = "none"
"#;

fn classifier() -> ClassifierConfig {
    ClassifierConfig {
        widths: vec![4, 8],
        stem_stride: 2,
        side: 16,
        slices: 1,
        volumetric: false,
        recurrent: None,
        cnn: None,
        head: HeadKind::Transformer,
        features: 10,
        model_width: 8,
        heads: 2,
        encoder_layers: 2,
        decoder_layers: 2,
        labels: 3,
    }
}

/// Classifiers whose images a published network reads, with the length of their feature vector.
pub(super) fn published() -> Vec<(&'static str, ClassifierConfig, i64)> {
    let with = |cnn: Cnn, side: usize| ClassifierConfig {
        widths: Vec::new(),
        stem_stride: 0,
        cnn: Some(cnn),
        side,
        features: 10,
        ..classifier()
    };
    let linear = |config: ClassifierConfig| {
        let features = config.last_width();
        ClassifierConfig {
            head: HeadKind::Linear,
            features,
            model_width: 0,
            heads: 0,
            encoder_layers: 0,
            decoder_layers: 0,
            ..config
        }
    };
    let small = |name| Cnn { small_stem: true, ..Cnn::new(name) };
    let vit = || Cnn { patch: Some(8), ..Cnn::new(CnnName::VitSmall) };
    let color = Cnn {
        channels: 3,
        channel_means: vec![0.5, 0.4, 0.3],
        channel_deviations: vec![0.2, 0.3, 0.4],
        ..small(CnnName::ResNet18)
    };
    let memory = Some(SliceMemory { cell: RecurrentCell::Lstm, hidden: 5 });
    let deep = ClassifierConfig { slices: 8, volumetric: true, ..with(small(CnnName::ResNet18), 8) };
    vec![
        ("resnet-18", with(small(CnnName::ResNet18), 16), 10),
        ("resnet-50, linear", linear(with(Cnn::new(CnnName::ResNet50), 32)), 2048),
        ("densenet-121", with(small(CnnName::DenseNet121), 16), 10),
        ("vit-small", with(vit(), 16), 10),
        ("vit-small, linear", linear(with(vit(), 16)), 384),
        ("resnet-18, linear, in color", linear(with(color, 16)), 512),
        (
            "resnet-18, slices",
            ClassifierConfig { slices: 3, recurrent: memory, ..with(small(CnnName::ResNet18), 8) },
            10,
        ),
        ("resnet-18, volumetric", deep.clone(), 10),
        ("resnet-18, volumetric, linear", linear(deep), 512),
    ]
}

/// Every architecture with random weights: its name, its file, and the widths of logits and features.
fn files() -> Vec<(String, Vec<u8>, [i64; 2])> {
    let device = Device::flex();
    device.seed(4);
    let memory = |cell| Some(SliceMemory { cell, hidden: 5 });
    let classifiers = [
        ("flat", classifier()),
        ("no decoder", ClassifierConfig { decoder_layers: 0, ..classifier() }),
        ("cnn alone", ClassifierConfig { encoder_layers: 0, decoder_layers: 0, ..classifier() }),
        ("slices", ClassifierConfig { slices: 4, ..classifier() }),
        ("volumetric", ClassifierConfig { slices: 6, volumetric: true, ..classifier() }),
        ("lstm", ClassifierConfig { slices: 4, recurrent: memory(RecurrentCell::Lstm), ..classifier() }),
        ("gru", ClassifierConfig { slices: 4, recurrent: memory(RecurrentCell::Gru), ..classifier() }),
    ];
    let mut files: Vec<(String, Vec<u8>, [i64; 2])> = classifiers
        .into_iter()
        .map(|(name, config)| {
            let network = Classifier::new(&config, &device).valid();
            let axes = [config.slices, config.side, config.side];
            let file = export(OnnxNetwork::Classifier(&network), axes, name, &[]).expect("it is written");
            (name.to_owned(), file, [3, 10])
        })
        .collect();
    for (name, config, length) in published() {
        let network = Classifier::new(&config, &device).valid();
        let axes = [config.slices, config.side, config.side];
        let file = export(OnnxNetwork::Classifier(&network), axes, name, &[]).expect("it is written");
        files.push((name.to_owned(), file, [3, length]));
    }
    for (depth, small_stem, features, width) in
        [(ResNetDepth::Eighteen, true, None, 512), (ResNetDepth::Fifty, false, Some(7), 7)]
    {
        let config = ResNetConfig { depth, channels: 3, small_stem, features, classes: 2 };
        let network = ResNet::new(&config, &device).valid();
        let file = export(OnnxNetwork::ResNet(&network), [3, 32, 32], "resnet", &[]).expect("it is written");
        files.push((format!("{depth:?}"), file, [2, width]));
    }
    let config = DenseNetConfig {
        channels: 1,
        stem: 6,
        small_stem: false,
        growth: 4,
        blocks: vec![2, 3],
        features: None,
        classes: 2,
    };
    let network = DenseNet::new(&config, &device).valid();
    let file = export(OnnxNetwork::DenseNet(&network), [1, 33, 32], "densenet", &[]).expect("it is written");
    files.push(("densenet".to_owned(), file, [2, 19]));
    let config = VisionTransformerConfig {
        side: 16,
        patch: 8,
        channels: 1,
        width: 6,
        heads: 2,
        layers: 2,
        inner: 7,
        classes: 3,
    };
    let network = VisionTransformer::new(&config, &device).valid();
    let file =
        export(OnnxNetwork::VisionTransformer(&network), [1, 16, 16], "vit", &[]).expect("it is written");
    files.push(("vit".to_owned(), file, [3, 6]));
    files
}

pub(super) fn decoded(file: &[u8]) -> ModelProto {
    check(file).expect("what is written is what is read");
    ModelProto::decode(file).expect("it is ONNX")
}

/// Everything that is read was made before, nothing is made twice or for nothing, and weights fill their shapes.
pub(super) fn fits_together(name: &str, graph: &GraphProto) {
    let mut made: BTreeSet<&str> = graph.input.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(made.len(), 1, "{name}");
    for tensor in &graph.initializer {
        assert!(made.insert(&tensor.name), "{name}: {} twice", tensor.name);
        let count: i64 = tensor.dims.iter().product();
        let each = if tensor.data_type == super::message::FLOAT { 4 } else { 8 };
        assert!(count > 0, "{name}: {} is empty", tensor.name);
        assert_eq!(tensor.raw_data.len() as i64, each * count, "{name}: {}", tensor.name);
    }
    let mut read = BTreeSet::new();
    let mut nodes = BTreeSet::new();
    for node in &graph.node {
        assert!(nodes.insert(&node.name), "{name}: node {} twice", node.name);
        for input in &node.input {
            assert!(made.contains(input.as_str()), "{name}: {} reads {input} before it is made", node.name);
            read.insert(input.as_str());
        }
        for output in &node.output {
            assert!(made.insert(output), "{name}: {output} made twice");
        }
        let settings: BTreeSet<&str> = node.attribute.iter().map(|setting| setting.name.as_str()).collect();
        assert_eq!(settings.len(), node.attribute.len(), "{name}: {}", node.name);
        for setting in &node.attribute {
            let AttributeProto { f, i, s, ints, .. } = setting;
            let filled = [f.is_some(), i.is_some(), s.is_some(), !ints.is_empty()]
                .map(usize::from)
                .iter()
                .sum::<usize>();
            assert_eq!(filled, 1, "{name}: {} {}", node.name, setting.name);
            assert!([kind::FLOAT, kind::INT, kind::STRING, kind::INTS].contains(&setting.kind));
        }
    }
    read.extend(graph.output.iter().map(|output| output.name.as_str()));
    let for_nothing: Vec<&&str> =
        made.iter().filter(|value| !read.contains(**value) && !value.ends_with(".1")).collect();
    assert!(for_nothing.is_empty(), "{name}: {for_nothing:?} is read by nothing");
}

/// Axes of the outputs after the first.
fn widths(graph: &GraphProto) -> BTreeMap<&str, i64> {
    graph
        .output
        .iter()
        .map(|output| {
            let kind = output.kind.as_ref().expect("a type");
            let axes = &kind.tensor.as_ref().expect("a tensor").shape.as_ref().expect("a shape").axes;
            assert_eq!(axes[0].name.as_deref(), Some("batch"));
            assert_eq!(axes.len(), 2);
            (output.name.as_str(), axes[1].length.expect("a length"))
        })
        .collect()
}

#[test]
fn networks_that_read_images_in_a_classifier_give_each_stage_to_the_outlier_detector() {
    let device = Device::flex();
    for (name, config, _) in published() {
        let network = Classifier::new(&config, &device).valid();
        let mut graph = super::graph::Graph::default();
        let axes = [config.slices, config.side, config.side];
        let input = graph.input("image", &axes);
        let traced = OnnxNetwork::Classifier(&network).trace(&mut graph, &input, axes, true);
        let widths: Vec<usize> = traced.taps.iter().map(|tap| tap.width / 2).collect();
        assert_eq!(widths, config.tap_widths(), "{name}");
    }
}

#[test]
fn the_parts_of_every_architectures_file_fit_together() {
    for (name, file, [logits, features]) in files() {
        let model = decoded(&file);
        assert_eq!((model.ir_version, model.opset_import[0].version), (8, 17));
        let graph = model.graph.as_ref().expect("a graph");
        fits_together(&name, graph);
        assert_eq!(widths(graph), [("logits", logits), ("features", features)].into(), "{name}");
        let operators: BTreeSet<&str> = graph.node.iter().map(|node| node.op_type.as_str()).collect();
        assert_eq!(operators.contains("LSTM"), ["lstm", "resnet-18, slices"].contains(&name.as_str()));
        assert_eq!(operators.contains("GRU"), name == "gru");
        assert!(!operators.contains("Dropout"));
    }
}

#[test]
fn the_same_network_gives_the_same_bytes() {
    for (first, second) in files().into_iter().zip(files()) {
        assert!(first.1 == second.1, "{} differs", first.0);
    }
}

/// A model that comes with the program.
pub(super) fn shipped(name: &str) -> Model {
    let folder = format!("{}/../../models/{name}/", env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read(format!("{folder}{name}")).expect("it comes with the program");
    let card = String::from_utf8(read("card.toml")).expect("text");
    let card = Card::from_toml(&card).expect("a card");
    Model::from_parts(card, read("weights.safetensors"), &read("outliers.safetensors")).expect("a model")
}

#[test]
fn a_models_file_says_what_its_card_says() {
    let model = shipped("brain-mr-tumor");
    let file = model.to_onnx().expect("it is written");
    assert!(file == model.to_onnx().expect("again"), "the same model gives the same bytes");
    let decoded = decoded(&file);
    let graph = decoded.graph.as_ref().expect("a graph");
    fits_together("brain-mr-tumor", graph);
    assert_eq!(widths(graph), [("logits", 4), ("features", 1000), ("probabilities", 4)].into());
    let said: BTreeMap<&str, &str> =
        decoded.metadata_props.iter().map(|entry| (entry.key.as_str(), entry.value.as_str())).collect();
    let card = model.card();
    assert_eq!(said["name"], card.name);
    assert_eq!(said["version"], card.version);
    assert_eq!(said["license"], card.license);
    assert_eq!(said["use"], "research use only; not a medical device");
    assert_eq!(said["labels"], r#"["glioma","meningioma","no_tumor","pituitary"]"#);
    assert_eq!(said["weights_sha256"], card.weights_sha256);
    assert_eq!(said["input"], card.input.words);
    assert!(said["preparation"].contains("128 columns and 128 rows"), "{}", said["preparation"]);
    assert!(said["calibration"].starts_with(r#"{"temperature":0.526"#), "{}", said["calibration"]);
    // The weights keep the names they have in the safetensors file.
    let names: BTreeSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    for name in
        ["backbone.stages.1.shortcut.weight", "encoder.layers.1.mha.query.weight", "scorer", "queries"]
    {
        assert!(names.contains(name), "{name}");
    }
}

#[test]
fn a_file_that_is_none_is_refused_by_name() {
    let (_, file, _) = files().swap_remove(0);
    let refused = |file: &[u8]| check(file).expect_err("it is none").to_string();
    assert!(refused(b"").contains("no graph"));
    assert!(refused(b"this is no network").contains("not an ONNX file, or cut off"));
    for share in 1..10 {
        let cut = &file[..file.len() * share / 10];
        assert!(refused(cut).contains("not an ONNX file, or cut off"), "{share}");
    }
    let mut model = decoded(&file);
    model.opset_import.clear();
    assert!(refused(&model.encode_to_vec()).contains("which operators"));
    assert_eq!(
        OnnxError::Large { bytes: MOST_BYTES + 1, most: MOST_BYTES }.to_string(),
        "an ONNX file of 1073741825 bytes, expected at most 1073741824"
    );
}

#[test]
fn bytes_changed_at_random_are_refused_or_parsed_and_never_a_panic() {
    let (_, file, _) = files().swap_remove(0);
    let mut state = 7_u64;
    for _ in 0..400 {
        let mut hostile = file.clone();
        for _ in 0..4 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Mostly the nodes, which come first.
            let place = (state >> 33) as usize % if state & 1 == 0 { 2000 } else { hostile.len() };
            hostile[place] = (state >> 25) as u8;
        }
        let _ = check(&hostile);
    }
}

#[test]
fn graphs_within_graphs_end_somewhere() {
    let mut graph = GraphProto::default();
    for _ in 0..200 {
        let attribute = AttributeProto { g: Some(graph), ..AttributeProto::default() };
        let node = super::message::NodeProto { attribute: vec![attribute], ..Default::default() };
        graph = GraphProto { node: vec![node], output: vec![Default::default()], ..GraphProto::default() };
    }
    let opset = super::message::OperatorSetProto { domain: String::new(), version: 17 };
    let model = ModelProto { graph: Some(graph), opset_import: vec![opset], ..ModelProto::default() };
    let error = check(&model.encode_to_vec()).expect_err("too deep").to_string();
    assert!(error.contains("recursion"), "{error}");
}

#[test]
fn weights_in_other_files_are_refused_wherever_they_are_named() {
    let (_, file, _) = files().swap_remove(0);
    let outside =
        || TensorProto { name: "far".to_owned(), data_location: EXTERNAL, ..TensorProto::default() };
    let whole = decoded(&file);
    let check_with = |change: &dyn Fn(&mut GraphProto)| {
        let mut model = whole.clone();
        change(model.graph.as_mut().expect("a graph"));
        let error = check(&model.encode_to_vec()).expect_err("it is outside");
        assert_eq!(error, OnnxError::Outside { tensor: "far".to_owned() });
    };
    check_with(&|graph| graph.initializer.push(outside()));
    check_with(&|graph| {
        let constant = AttributeProto { t: Some(outside()), ..AttributeProto::default() };
        graph.node[0].attribute.push(constant);
    });
    check_with(&|graph| {
        let within = GraphProto { initializer: vec![outside()], ..GraphProto::default() };
        graph.node[0].attribute.push(AttributeProto { g: Some(within), ..AttributeProto::default() });
    });
    check_with(&|graph| {
        let sparse = super::message::SparseProto { values: Some(outside()), indices: None };
        graph.sparse_initializer.push(sparse);
    });
}

#[test]
fn a_card_for_a_network_by_others_is_read_and_one_that_contradicts_itself_is_refused() {
    let card = OnnxCard::from_toml(CARD).expect("a card");
    assert_eq!(OnnxCard::from_toml(&card.to_toml().expect("TOML")).expect("a card"), card);
    let check = |from: &str, to: &str, expected: &str| {
        let text = CARD.replace(from, to);
        assert_ne!(text, CARD);
        let error = OnnxCard::from_toml(&text).expect_err("it is wrong").to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("channels = 3", "channels = 2", "channels must be 1 or 3");
    check("output = \"y\"", "output = \"\"", "must have names");
    check("columns = 24", "columns = 5000", "out of bounds");
    check("[0.25, 0.25, 0.25]", "[0.25, 0.0, 0.25]", "above 0");
    check("[0.5, 0.5, 0.5]", "[0.5]", "one for each channel");
    check("key = \"yes\"", "key = \"no\"", "key of its own");
    check("network.onnx", "../network.onnx", "other characters");
    check("gives = \"logits\"", "gives = \"scores\"", "unknown variant");
    check("kind = \"onnx-classifier\"", "kind = \"segmenter\"", "kind is \"segmenter\"");
}

#[cfg(not(feature = "ort"))]
#[test]
fn a_build_without_the_library_says_so() {
    let error =
        super::Runtime::load(std::path::Path::new("libonnxruntime.so"), 1).expect_err("there is none");
    assert_eq!(
        error.to_string(),
        "this program was built without ONNX Runtime: build it anew with --features ort"
    );
    assert!(error.is_callers_fault());
    let error = crate::ModelError::Onnx { model: "m".to_owned(), source: error };
    assert!(error.to_string().starts_with("model m: this program"));
}
