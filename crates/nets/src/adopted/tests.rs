use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};
use wilhelm_filters::{Fit, Preparation, Prepared, Region};
use wilhelm_study::{Modality, QuantityKind};

use super::*;
use crate::arch::golden::{Case, by_rule, case, file};
use crate::arch::{CnnName, Encoder};
use crate::onnx::OnnxSource;
use crate::{AcceptedInput, Label};

/// The weights of a golden network, taken over with its own head.
fn taken(case: &Case) -> Adopted {
    let side = *case.input.last().expect("an image");
    adopt(case.weights(), None, side, Default::default(), true).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn networks_taken_over_from_pytorch_answer_as_they_do_there() {
    let device = Device::flex();
    for (name, network, features) in [
        ("resnet18", CnnName::ResNet18, "pooled"),
        ("resnet18_small", CnnName::ResNet18, "features"),
        ("resnet50", CnnName::ResNet50, "pooled"),
        ("densenet121", CnnName::DenseNet121, "pooled"),
        ("densenet121_gray", CnnName::DenseNet121, "pooled"),
        ("vision_transformer", CnnName::VitSmall, "features"),
    ] {
        let case = case(name);
        let adopted = taken(&case);
        let cnn = adopted.architecture.cnn.clone().expect("it is named");
        assert_eq!((cnn.name, cnn.channels), (network, case.input[1]), "{name}");
        assert_eq!(adopted.scores, Some(adopted.architecture.labels), "{name}");
        let network =
            Classifier::load(&adopted.architecture, adopted.weights, &device).expect("its own file");
        let out = network.forward_channels(case.input::<4>(&device).unsqueeze_dim::<5>(2));
        case.check("logits", out.logits);
        // The vector that the network names, else the means of its last map or its class token.
        case.check(features, out.features);
    }
}

#[test]
fn an_encoder_taken_over_gives_what_the_head_would_read() {
    let device = Device::flex();
    for name in ["resnet18_small", "densenet121_gray"] {
        let case = case(name);
        let adopted = adopt(case.weights(), None, 32, Default::default(), false).expect("it is one");
        let encoder = Encoder::load(&adopted.architecture, adopted.weights, &device).expect("its own file");
        let features = encoder.forward(case.input::<4>(&device));
        assert_eq!(features.dims(), [case.input[0], adopted.architecture.last_width()]);
        if name == "densenet121_gray" {
            case.check("pooled", features);
        }
    }
}

#[test]
fn weights_with_the_thousand_classes_of_imagenet_become_an_encoder() {
    let mut tensors = case("resnet18").tensors;
    tensors.insert("fc.weight".to_owned(), vec![1000, 512]);
    tensors.insert("fc.bias".to_owned(), vec![1000]);
    let adopted = adopt(file(&tensors), None, 64, Default::default(), false).expect("it is one");
    assert_eq!((adopted.scores, adopted.architecture.labels), (Some(1000), 1));
    assert!(Encoder::load(&adopted.architecture, adopted.weights, &Device::flex()).is_ok());
    tensors.retain(|name, _| !name.starts_with("fc."));
    let adopted = adopt(file(&tensors), None, 64, Default::default(), false).expect("without a head");
    assert_eq!(adopted.scores, None);
}

#[test]
fn a_gray_image_becomes_channels_normalized_as_pytorch_has_them() {
    let mut case = case("resnet18");
    case.input = vec![1, 3, 32, 32];
    let device = Device::flex();
    let (means, deviations) = Preset::Torchvision.channels();
    let of = |channels: (Vec<f32>, Vec<f32>)| {
        let adopted = adopt(case.weights(), None, 32, channels, true).expect("it is one");
        Classifier::load(&adopted.architecture, adopted.weights, &device).expect("its own file")
    };
    let gray: Vec<f32> = (0..32 * 32).map(|at| by_rule("gray", at)).collect();
    let by_hand: Vec<f32> = (0..3)
        .flat_map(|channel| {
            let (mean, deviation) = (means[channel], deviations[channel]);
            gray.iter().map(move |value| (value - mean) / deviation)
        })
        .collect();
    let image = |values: &[f32], channels: usize| {
        let data = burn::tensor::TensorData::new(values.to_vec(), [1, channels, 1, 32, 32]);
        Tensor::<5>::from_data(data, &device)
    };
    let dressed = of((means.clone(), deviations.clone())).forward_channels(image(&gray, 1)).logits;
    let plain = of(Default::default()).forward_channels(image(&by_hand, 3)).logits;
    let far = (dressed - plain).abs().max().into_scalar::<f32>();
    assert!(far < 1e-5, "{far}");
}

fn refused(tensors: &BTreeMap<String, Vec<usize>>, stated: Option<CnnName>, side: usize) -> String {
    adopt(file(tensors), stated, side, Default::default(), true).expect_err("refused").to_string()
}

#[test]
fn weights_of_another_network_are_told_in_a_sentence() {
    let whole = case("resnet18").tensors;
    assert_eq!(
        refused(&whole, Some(CnnName::ResNet50), 224),
        "the weights are of resnet-18, resnet-50 was stated"
    );
    let mut lacking = whole.clone();
    lacking.remove("layer2.0.bn1.running_var");
    assert_eq!(
        refused(&lacking, None, 224),
        "weights are of another network: missing layer2.0.bn1.running_var"
    );
    let mut deeper = whole.clone();
    deeper.insert("layer3.5.conv1.weight".to_owned(), vec![256, 256, 3, 3]);
    assert!(refused(&deeper, None, 224).starts_with("the weights are of a ResNet-34; expected those of"));
    let mut other = BTreeMap::new();
    other.insert("encoder.weight".to_owned(), vec![2, 2]);
    assert!(refused(&other, None, 224).contains("whose tensors are called \"encoder.weight\""));
    let dense = case("densenet121").tensors;
    let shorter: BTreeMap<_, _> =
        dense.into_iter().filter(|(name, _)| !name.contains("denseblock3.denselayer24.")).collect();
    assert!(refused(&shorter, None, 224).contains("a DenseNet with 23 layers in its third block"));
    let vit = case("vision_transformer").tensors;
    assert!(refused(&vit, None, 999).contains("a side of 999 was stated"));
    let said =
        adopt(b"none".to_vec(), None, 224, Default::default(), true).expect_err("no weights").to_string();
    assert!(said.starts_with("weights are not readable as safetensors"), "{said}");
}

fn card(adopted: &Adopted, labels: &[&str], targets: Targets) -> AdoptedCard {
    let label = |key: &&str| Label {
        key: (*key).to_owned(),
        name: (*key).to_owned(),
        synonyms: Vec::new(),
        code: None,
        normal: false,
    };
    let text = String::new;
    let side = adopted.architecture.side;
    AdoptedCard {
        schema: AdoptedCard::SCHEMA,
        kind: AdoptedCard::KIND.to_owned(),
        name: "theirs".to_owned(),
        version: "1".to_owned(),
        title: text(),
        license: "MIT".to_owned(),
        must_not: Vec::new(),
        weights: "weights.safetensors".to_owned(),
        weights_sha256: {
            use sha2::{Digest, Sha256};
            Sha256::digest(&adopted.weights).iter().map(|byte| format!("{byte:02x}")).collect()
        },
        source_sha256: text(),
        targets,
        thresholds: adopted.thresholds.clone(),
        input: AcceptedInput {
            modalities: vec![Modality::Dx],
            body_parts: vec!["CHEST".to_owned()],
            views: Vec::new(),
            quantity: QuantityKind::Arbitrary,
            least_side: 16,
            greatest_aspect: 2.0,
            color: false,
            words: text(),
            age_years: None,
            population: text(),
        },
        preparation: Preparation {
            columns: side,
            rows: side,
            fit: Fit::Stretch,
            mean: 0.5,
            deviation: 1.0 / 2048.0,
        },
        architecture: adopted.architecture.clone(),
        labels: labels.iter().map(label).collect(),
        source: OnnxSource {
            url: text(),
            copyright: text(),
            citation: text(),
            data: text(),
            figures: text(),
        },
    }
}

#[test]
fn an_adopted_classifier_gives_sigmoids_and_its_card_is_read_as_it_was_written() {
    let case = case("densenet121_gray");
    let side = case.input[3];
    let adopted = taken(&case);
    let labels = Preset::Torchxrayvision.labels(18);
    let keys: Vec<&str> = labels.iter().map(|label| label.key.as_str()).collect();
    assert_eq!((keys.len(), keys[0], keys[17]), (18, "atelectasis", "enlarged_cardiomediastinum"));
    let card = card(&adopted, &keys, Targets::MultiLabel);
    let text = card.to_toml().expect("TOML");
    assert_eq!(AdoptedCard::from_toml(&text).expect("a card"), card);
    let fewer = AdoptedCard { labels: card.labels[..17].to_vec(), ..card.clone() };
    assert!(
        fewer.to_toml().expect_err("one too few").to_string().contains("17 labels, but a network for 18")
    );
    let device = Device::flex();
    let model = AdoptedClassifier::from_parts(card.clone(), adopted.weights.clone()).expect("a model");
    let pixels: Vec<f32> = case.input::<4>(&device).into_data().try_into_vec().expect("floats");
    let prepared = Prepared {
        columns: side,
        rows: side,
        pixels: pixels[..side * side].to_vec(),
        region: Region { column: 0, row: 0, columns: side, rows: side },
    };
    let found = model.predict(&[&prepared]).expect("probabilities");
    let network = Classifier::load(&card.architecture, adopted.weights, &device).expect("its own file");
    let logits = network.forward(case.input::<4>(&device).narrow(0, 0, 1)).logits;
    let logits: Vec<f32> = logits.into_data().try_into_vec().expect("floats");
    for (found, logit) in found[0].iter().zip(logits) {
        assert!((found - 1.0 / (1.0 + (-f64::from(logit)).exp())).abs() < 1e-9);
    }
    let small = Prepared { columns: side / 2, rows: side / 2, ..prepared };
    assert!(matches!(model.predict(&[&small]), Err(ModelError::Size { .. })));
    let other = AdoptedClassifier::from_parts(card, b"other".to_vec()).expect_err("another hash");
    assert!(matches!(other, ModelError::Hash { .. }));
}

#[test]
fn thresholds_that_stand_among_the_weights_go_on_the_card() {
    let mut tensors = case("densenet121_gray").tensors;
    tensors.insert("op_threshs".to_owned(), vec![18]);
    let adopted = adopt(file(&tensors), None, 64, Default::default(), true);
    // By rule some of them lie below 0, which is no probability: then none is taken.
    assert_eq!(adopted.expect("it is one").thresholds, Vec::<f64>::new());
    let softmax = probabilities(&[vec![0, 2], vec![1]], &[1.0, 0.0, 0.0]);
    assert!((softmax[0] - 0.731_058_578).abs() < 1e-8 && (softmax[0] + softmax[2] - 1.0).abs() < 1e-12);
    assert!((softmax[1] - 0.5).abs() < 1e-12);
}
