//! Writes networks as ONNX with what this program computes by them, for `tools/interop/networks.py` to compare.
//!
//! Usage: write_onnx FOLDER. Every shipped classifier on the sample images, the other architectures with random weights on
//! random numbers, and segmenters of pictures and of volumes. `expected.json` names for each file its input (little-endian 32-bit floats in a file) and
//! its outputs.

use std::error::Error;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::activation::{sigmoid, softmax};
use burn::tensor::{Device, Distribution, Tensor};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wilhelm_filters::{Plane, Prepared, intensity_bounds, prepare};
use wilhelm_formats::{Limits, Silent, read};
use wilhelm_nets::arch::{
    Classifier, ClassifierConfig, DenseNet, DenseNetConfig, RecurrentCell, ResNet, ResNetConfig, ResNetDepth,
    SliceMemory, UNet, UNet3d, UNetConfig, VisionTransformer, VisionTransformerConfig, load_torch,
    save_torch,
};
use wilhelm_nets::onnx::{OnnxNetwork, export};
use wilhelm_nets::{OutputKind, Segmenter, SegmenterArchitecture, SegmenterCard};
use wilhelm_pipeline::{built_in_shelf, representative_plane};
use wilhelm_study::Series;

const SAMPLES: [&str; 3] =
    ["chest_xray/chest_pa.dcm", "breast_ultrasound/breast_mass.png", "brain_mr/brain_axial_t1c.jpg"];

type Rows = Vec<Vec<f32>>;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: write_onnx FOLDER")?);
    std::fs::create_dir_all(&folder)?;
    let mut cases = shipped(&folder)?;
    cases.extend(random(&folder)?);
    cases.extend(segmenters(&folder)?);
    std::fs::write(folder.join("expected.json"), serde_json::to_vec(&cases)?)?;
    Ok(())
}

/// The models that come with the program, each on every sample image, whether its card would accept it or not.
fn shipped(folder: &Path) -> Result<Vec<Value>, Box<dyn Error>> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    let paths: Vec<PathBuf> = SAMPLES.iter().map(|sample| samples.join(sample)).collect();
    let series: Vec<Series> = paths
        .iter()
        .flat_map(|path| read(std::slice::from_ref(path), &Limits::default(), &Silent).series)
        .collect();
    if series.len() != SAMPLES.len() {
        return Err("not every sample image is read".into());
    }
    let mut cases = Vec::new();
    for entry in built_in_shelf()?.entries() {
        let model = entry.load()?;
        let recipe = &model.card().preparation;
        let image = |series: &Series| -> Result<Prepared, Box<dyn Error>> {
            let plane: Plane = representative_plane(series)?;
            let bounds = intensity_bounds(plane.values(), series.stored_range, series.window);
            Ok(prepare(plane, (bounds.low, bounds.high), recipe)?)
        };
        let images = series.iter().map(image).collect::<Result<Vec<_>, _>>()?;
        let predictions = model.predict(&images.iter().collect::<Vec<_>>())?;
        let row = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<f32>>();
        let logits: Rows = predictions.iter().map(|prediction| row(&prediction.logits)).collect();
        let probabilities: Rows = predictions
            .iter()
            .map(|prediction| {
                let labels = prediction.labels.iter();
                row(&labels.map(|label| label.probability.estimate.value()).collect::<Vec<_>>())
            })
            .collect();
        let features: Rows = predictions.iter().map(|prediction| prediction.features.clone()).collect();
        let numbers: Vec<f32> = images.iter().flat_map(|image| image.pixels.iter().copied()).collect();
        let shape = [images.len(), 1, recipe.rows, recipe.columns];
        let outputs = json!({ "logits": logits, "features": features, "probabilities": probabilities });
        let card = model.card();
        let mut case = case(folder, &card.name, &model.to_onnx()?, &shape, &numbers, &outputs)?;
        case["metadata"] = json!({ "name": card.name, "version": card.version, "license": card.license,
            "weights_sha256": card.weights_sha256, "use": "research use only; not a medical device" });
        cases.push(case);
    }
    Ok(cases)
}

/// The other architectures, and classifiers of volumes.
fn random(folder: &Path) -> Result<Vec<Value>, Box<dyn Error>> {
    let device = Device::flex();
    device.seed(8);
    let noise = |shape: [usize; 4]| Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), &device);
    let mut cases = Vec::new();
    let memory = |cell| Some(SliceMemory { cell, hidden: 24 });
    for (name, recurrent, volumetric) in [
        ("volumes", None, false),
        ("volumes-lstm", memory(RecurrentCell::Lstm), false),
        ("volumes-gru", memory(RecurrentCell::Gru), false),
        ("volumes-volumetric", None, true),
    ] {
        let config = ClassifierConfig {
            widths: vec![8, 16, 24],
            stem_stride: 1,
            side: 28,
            slices: 7,
            volumetric,
            recurrent,
            cnn: None,
            head: wilhelm_nets::arch::HeadKind::Transformer,
            features: 50,
            model_width: 32,
            heads: 4,
            encoder_layers: 1,
            decoder_layers: 1,
            labels: 2,
        };
        let network = Classifier::new(&config, &device).valid();
        let input = noise([3, 7, 28, 28]);
        let out = network.forward(input.clone());
        let file = export(OnnxNetwork::Classifier(&network), [7, 28, 28], name, &[])?;
        cases.push(of_tensors(folder, name, &file, input, out.logits, out.features)?);
    }
    for (name, depth, small_stem, features, side) in [
        ("resnet-18", ResNetDepth::Eighteen, false, None, 96),
        ("resnet-50", ResNetDepth::Fifty, true, Some(100), 32),
    ] {
        let config = ResNetConfig { depth, channels: 3, small_stem, features, classes: 10 };
        let network = ResNet::new(&config, &device).valid();
        let input = noise([2, 3, side, side]);
        let out = network.forward(input.clone());
        let file = export(OnnxNetwork::ResNet(&network), [3, side, side], name, &[])?;
        cases.push(of_tensors(folder, name, &file, input, out.logits, out.features.unwrap_or(out.pooled))?);
    }
    let network = DenseNet::new(&DenseNetConfig::densenet_121(1, 5), &device).valid();
    // An odd column is left out between blocks. Without statistics of any data, a hundred layers let numbers grow a
    // millionfold.
    let input = noise([2, 1, 96, 104]) * 1e-6;
    let out = network.forward(input.clone());
    let file = export(OnnxNetwork::DenseNet(&network), [1, 96, 104], "densenet-121", &[])?;
    cases.push(of_tensors(folder, "densenet-121", &file, input, out.logits, out.pooled)?);
    let config =
        VisionTransformerConfig { side: 64, layers: 4, ..VisionTransformerConfig::small_patch16_224(3, 6) };
    let network = VisionTransformer::new(&config, &device).valid();
    let input = noise([3, 3, 64, 64]);
    let out = network.forward(input.clone());
    let file = export(OnnxNetwork::VisionTransformer(&network), [3, 64, 64], "vit", &[])?;
    cases.push(of_tensors(folder, "vit", &file, input, out.logits, out.features)?);
    Ok(cases)
}

/// The segmenter of `models/runs` on random pictures, and one of volumes with random weights and the same card's words.
fn segmenters(folder: &Path) -> Result<Vec<Value>, Box<dyn Error>> {
    let device = Device::flex();
    device.seed(9);
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/runs/head-outline");
    let card = SegmenterCard::from_toml(&std::fs::read_to_string(place.join("card.toml"))?)?;
    let weights = std::fs::read(place.join(&card.weights))?;
    let SegmenterArchitecture::UNet(config) = &card.architecture else {
        return Err("head-outline is a network of pictures".into());
    };
    let network = load_torch(UNet::new(config, &device), weights.clone())?;
    let input = Tensor::<4>::random([3, 1, 64, 64], Distribution::Normal(0.0, 1.0), &device);
    let logits = network.forward(input.clone());
    let file = Segmenter::from_parts(card.clone(), weights)?.to_onnx()?;
    let outputs = [("logits", logits.clone()), ("probabilities", sigmoid(logits))];
    let mut cases = vec![of_places(folder, "segmenter", &file, input, outputs)?];

    let config = UNetConfig { channels: 1, widths: vec![6, 8, 12], classes: 2 };
    let network = UNet3d::new(&config, &device);
    let weights = save_torch(&network)?;
    let mut trained = card.trained.clone().ok_or("head-outline was trained here")?;
    (trained.output, trained.preparation.window) = (OutputKind::Softmax, [8, 12, 16]);
    let card = SegmenterCard {
        architecture: SegmenterArchitecture::UNet3d(config),
        weights_sha256: Sha256::digest(&weights).iter().map(|byte| format!("{byte:02x}")).collect(),
        trained: Some(trained),
        ..card
    };
    let input = Tensor::<5>::random([2, 1, 8, 12, 16], Distribution::Normal(0.0, 1.0), &device);
    let logits = network.forward(input.clone());
    let file = Segmenter::from_parts(card, weights)?.to_onnx()?;
    let outputs = [("logits", logits.clone()), ("probabilities", softmax(logits, 1))];
    cases.push(of_places(folder, "segmenter-of-volumes", &file, input, outputs)?);
    Ok(cases)
}

/// A network with numbers at each place.
fn of_places<const D: usize>(
    folder: &Path,
    name: &str,
    file: &[u8],
    input: Tensor<D>,
    outputs: [(&str, Tensor<D>); 2],
) -> Result<Value, Box<dyn Error>> {
    let (mut values, mut shapes) = (serde_json::Map::new(), serde_json::Map::new());
    for (name, tensor) in outputs {
        let shape = tensor.dims().to_vec();
        let numbers = tensor.into_data().try_into_vec::<f32>().map_err(|error| format!("{error:?}"))?;
        values.insert(name.to_owned(), json!(numbers));
        shapes.insert(name.to_owned(), json!(shape));
    }
    let shape = input.dims();
    let numbers = input.into_data().try_into_vec::<f32>().map_err(|error| format!("{error:?}"))?;
    let mut case = case(folder, name, file, &shape, &numbers, &Value::Object(values))?;
    case["output_shapes"] = Value::Object(shapes);
    Ok(case)
}

fn of_tensors(
    folder: &Path,
    name: &str,
    file: &[u8],
    input: Tensor<4>,
    logits: Tensor<2>,
    features: Tensor<2>,
) -> Result<Value, Box<dyn Error>> {
    let outputs = json!({ "logits": rows(logits)?, "features": rows(features)? });
    let shape = input.dims();
    let numbers = input.into_data().try_into_vec::<f32>().map_err(|error| format!("{error:?}"))?;
    case(folder, name, file, &shape, &numbers, &outputs)
}

fn rows(tensor: Tensor<2>) -> Result<Rows, Box<dyn Error>> {
    let [_, columns] = tensor.dims();
    let values = tensor.into_data().try_into_vec::<f32>().map_err(|error| format!("{error:?}"))?;
    Ok(values.chunks_exact(columns).map(<[f32]>::to_vec).collect())
}

fn case(
    folder: &Path,
    name: &str,
    file: &[u8],
    shape: &[usize],
    numbers: &[f32],
    outputs: &Value,
) -> Result<Value, Box<dyn Error>> {
    let (network, input) = (format!("{name}.onnx"), format!("{name}.input"));
    std::fs::write(folder.join(&network), file)?;
    std::fs::write(
        folder.join(&input),
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>(),
    )?;
    Ok(json!({ "file": network, "input": input, "shape": shape, "outputs": outputs }))
}
