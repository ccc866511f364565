//! Times one network's training step or pass, for `tools/bench/networks.py`, which has the same in PyTorch.
//!
//! Usage: `networks CASE TIMES [gpu]`. Prints the seconds of each run as JSON. The cases `..._by_onnx_runtime` want a build
//! with the feature `ort`, and the library where `ORT_DYLIB_PATH` says; `gpu` wants one with the feature `gpu`.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program of its own: it tells the time and prints"
)]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use burn::module::Module;
use burn::nn::transformer::{
    TransformerDecoder, TransformerDecoderConfig, TransformerEncoder, TransformerEncoderConfig,
};
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Distribution, Tensor};
use sha2::{Digest, Sha256};
use wilhelm_filters::{Fit, Preparation, Prepared, Region};
use wilhelm_nets::arch::{
    Backbone, Recurrent, RecurrentCell, RecurrentConfig, ResNet, ResNetBlock3d, ResNetConfig, ResNetDepth,
    SequencePooling, decode, encode,
};
use wilhelm_nets::onnx::{
    Layout, OnnxCard, OnnxClassifier, OnnxGraph, OnnxNetwork, OnnxOutput, OnnxSource, Runtime, export,
};
use wilhelm_nets::{AcceptedInput, Label, Processor};
use wilhelm_study::QuantityKind;

/// A CNN of three stages and a layer of two scores.
#[derive(Module, Debug)]
struct Small {
    backbone: Backbone,
    head: Linear,
}

/// Three residual blocks of volumes and a layer of two scores.
#[derive(Module, Debug)]
struct SmallVolumes {
    blocks: Vec<ResNetBlock3d>,
    head: Linear,
}

/// Two layers of encoder and of decoder, eight queries.
#[derive(Module, Debug)]
struct Translator {
    encoder: TransformerEncoder,
    decoder: TransformerDecoder,
    head: Linear,
}

fn noise<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

/// Negative log-likelihood of the first label.
fn loss(logits: Tensor<2>) -> Tensor<1> {
    let [batch, _] = logits.dims();
    log_softmax(logits, 1).slice([0..batch, 0..1]).mean().neg()
}

/// Seconds of each of several runs after some that are not counted; a graphics processor tries its kernels in them.
fn timed(device: &Device, times: usize, mut run: impl FnMut()) -> Vec<f64> {
    let first = if *device == Device::flex() { 1 } else { 10 };
    (0..first).for_each(|_| run());
    let mut once = || {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    };
    (0..times).map(|_| once()).collect()
}

/// Seconds of each training step: forward, backward, AdamW.
fn steps<N: Module>(device: &Device, network: N, times: usize, logits: impl Fn(&N) -> Tensor<2>) -> Vec<f64> {
    let mut optimizer: ModuleOptimizer = AdamWConfig::new().init();
    let mut network = Some(network);
    timed(device, times, || {
        let current = network.take().expect("put back after each step");
        let gradients = GradientsParams::from_grads(loss(logits(&current)).backward(), &current);
        network = Some(optimizer.step(1e-3, current, gradients));
        device.sync().expect("the device computes");
    })
}

fn small(device: &Device, side: usize, batch: usize, times: usize) -> Vec<f64> {
    let device = device.clone().autodiff();
    let network = Small {
        backbone: Backbone::new(&[32, 64, 128], 1, &device),
        head: LinearConfig::new(128, 2).init(&device),
    };
    let images = noise([batch, 1, side, side], &device);
    steps(&device, network, times, |network| {
        let map = network.backbone.forward(images.clone()).pop().expect("three stages");
        let [batch, width, rows, columns] = map.dims();
        let pooled = map.reshape([batch, width, rows * columns]).mean_dim(2).reshape([batch, width]);
        network.head.forward(pooled)
    })
}

fn volumes(device: &Device, times: usize) -> Vec<f64> {
    let device = device.clone().autodiff();
    let block =
        |input, output, stride| ResNetBlock3d::new(ResNetDepth::Eighteen, input, output, stride, &device);
    let network = SmallVolumes {
        blocks: vec![block(1, 16, 1), block(16, 32, 2), block(32, 64, 2)],
        head: LinearConfig::new(64, 2).init(&device),
    };
    let volumes = noise([32, 1, 28, 28, 28], &device);
    steps(&device, network, times, |network| {
        let map = network.blocks.iter().fold(volumes.clone(), |map, block| block.forward(map));
        let [batch, width, x, y, z] = map.dims();
        let pooled = map.reshape([batch, width, x * y * z]).mean_dim(2).reshape([batch, width]);
        network.head.forward(pooled)
    })
}

fn recurrent(device: &Device, times: usize) -> Vec<f64> {
    let device = device.clone().autodiff();
    let config = RecurrentConfig {
        cell: RecurrentCell::Lstm,
        features: 128,
        hidden: 128,
        layers: 1,
        pooling: SequencePooling::Mean,
        classes: 2,
    };
    let network = Recurrent::new(&config, &device);
    let slices = noise([64, 64, 128], &device);
    steps(&device, network, times, |network| network.forward(slices.clone(), &[64; 64]).logits)
}

fn transformer(device: &Device, times: usize) -> Vec<f64> {
    let device = device.clone().autodiff();
    let network = Translator {
        encoder: TransformerEncoderConfig::new(256, 1024, 8, 2).init(&device),
        decoder: TransformerDecoderConfig::new(256, 1024, 8, 2).init(&device),
        head: LinearConfig::new(256, 2).init(&device),
    };
    let (tokens, queries) = (noise([32, 64, 256], &device), noise([32, 8, 256], &device));
    steps(&device, network, times, |network| {
        let memory = encode(&network.encoder, tokens.clone());
        let read = decode(&network.decoder, queries.clone(), &memory);
        network.head.forward(read.mean_dim(1).reshape([32, 256]))
    })
}

const RESNET: ResNetConfig = ResNetConfig {
    depth: ResNetDepth::Eighteen,
    channels: 3,
    small_stem: false,
    features: None,
    classes: 1000,
};

/// The same network as our own export, computed as `wilhelm predict` computes a network by others.
fn resnet_by_onnx_runtime(batch: usize, times: usize) -> Result<Vec<f64>, Box<dyn Error>> {
    const SIDE: usize = 224;
    let library = std::env::var_os("ORT_DYLIB_PATH").ok_or("ORT_DYLIB_PATH names no library")?;
    let runtime = Runtime::load(&PathBuf::from(library), rayon::current_num_threads())?;
    let network = ResNet::new(&RESNET, &Device::flex()).valid();
    let file = export(OnnxNetwork::ResNet(&network), [3, SIDE, SIDE], "resnet", &[])?;
    let model = OnnxClassifier::from_parts(card(&file, SIDE), &file, &runtime)?;
    let pixels = noise([1, 1, SIDE, SIDE], &Device::flex()).into_data();
    let pixels = pixels.try_into_vec::<f32>().map_err(|error| format!("{error:?}"))?;
    let region = Region { column: 0, row: 0, columns: SIDE, rows: SIDE };
    let image = Prepared { pixels, columns: SIDE, rows: SIDE, region };
    let images = vec![&image; batch];
    model.predict(&images)?;
    Ok(timed(&Device::flex(), times, || {
        let _ = model.predict(&images);
    }))
}

fn card(file: &[u8], side: usize) -> OnnxCard {
    let label = |number: usize| Label {
        key: number.to_string(),
        name: number.to_string(),
        synonyms: Vec::new(),
        code: None,
        normal: false,
    };
    let none = String::new;
    OnnxCard {
        schema: OnnxCard::SCHEMA,
        kind: OnnxCard::KIND.to_owned(),
        name: "resnet-18".to_owned(),
        version: none(),
        title: none(),
        license: none(),
        must_not: Vec::new(),
        weights: "resnet-18.onnx".to_owned(),
        weights_sha256: Sha256::digest(file).iter().map(|byte| format!("{byte:02x}")).collect(),
        input: AcceptedInput {
            modalities: Vec::new(),
            body_parts: Vec::new(),
            views: Vec::new(),
            quantity: QuantityKind::Arbitrary,
            least_side: side,
            greatest_aspect: 1.0,
            color: false,
            words: none(),
            age_years: None,
            population: none(),
        },
        preparation: Preparation { columns: side, rows: side, fit: Fit::Stretch, mean: 0.0, deviation: 1.0 },
        network: OnnxGraph {
            input: "image".to_owned(),
            layout: Layout::ChannelsFirst,
            channels: 3,
            channel_means: Vec::new(),
            channel_deviations: Vec::new(),
            output: "logits".to_owned(),
            gives: OnnxOutput::Logits,
        },
        labels: (0..RESNET.classes).map(label).collect(),
        source: OnnxSource {
            url: none(),
            copyright: none(),
            citation: none(),
            data: none(),
            figures: none(),
        },
    }
}

fn resnet(device: &Device, batch: usize, times: usize) -> Vec<f64> {
    let network = ResNet::new(&RESNET, device);
    let images = noise([batch, 3, 224, 224], device);
    timed(device, times, || {
        let _ = network.forward(images.clone()).logits.into_data();
    })
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (case, times, processor) = match arguments.as_slice() {
        [case, times] => (case, times, Processor::Cpu),
        [case, times, gpu] if gpu == "gpu" => (case, times, Processor::Gpu),
        _ => {
            println!("usage: networks CASE TIMES [gpu]");
            return ExitCode::from(2);
        }
    };
    let device = match processor.device() {
        Ok(device) => device,
        Err(error) => {
            println!("{error}");
            return ExitCode::from(2);
        }
    };
    let times = times.parse().unwrap_or(5);
    let seconds = match case.as_str() {
        "small_cnn_28" => small(&device, 28, 128, times),
        "small_cnn_64" => small(&device, 64, 32, times),
        "cnn_of_volumes_28" => volumes(&device, times),
        "lstm" => recurrent(&device, times),
        "transformer" => transformer(&device, times),
        "resnet18_224" => resnet(&device, 1, times),
        "resnet18_224_of_16" => resnet(&device, 16, times),
        "resnet18_224_by_onnx_runtime" | "resnet18_224_of_16_by_onnx_runtime" => {
            let batch = if case.contains("of_16") { 16 } else { 1 };
            match resnet_by_onnx_runtime(batch, times) {
                Ok(seconds) => seconds,
                Err(error) => {
                    println!("{error}");
                    return ExitCode::from(2);
                }
            }
        }
        other => {
            println!("{other:?} is no case");
            return ExitCode::from(2);
        }
    };
    println!("{{\"seconds\": {seconds:?}}}");
    ExitCode::SUCCESS
}
