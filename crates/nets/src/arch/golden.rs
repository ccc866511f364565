//! Comparisons with PyTorch: weights and inputs are made by rule on both sides, and what PyTorch answered stands in
//! `tests/golden/architectures.json` (`tools/golden/nets_architectures.py`).

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;

use super::torch::declared;
use super::{TorchNames, load_torch, save_torch};

/// One network in the golden file.
#[derive(Deserialize)]
pub(crate) struct Case {
    /// Names and shapes of the state dict.
    pub tensors: BTreeMap<String, Vec<usize>>,
    /// Shape of the input.
    pub input: Vec<usize>,
    /// What PyTorch gave, by name.
    pub outputs: BTreeMap<String, Output>,
}

/// Every `step`th number of an output.
#[derive(Deserialize)]
pub(crate) struct Output {
    shape: Vec<usize>,
    step: usize,
    values: Vec<f32>,
}

#[derive(Deserialize)]
struct Golden {
    cases: BTreeMap<String, Case>,
}

/// A network of the golden file.
pub(crate) fn case(name: &str) -> Case {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/architectures.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut golden: Golden = serde_json::from_str(&text).expect("the form that the script writes");
    golden.cases.remove(name).unwrap_or_else(|| panic!("no network {name}"))
}

impl Case {
    /// The state dict as a safetensors file.
    pub fn weights(&self) -> Vec<u8> {
        file(&self.tensors)
    }

    /// The input, between -1 and 1.
    pub fn input<const D: usize>(&self, device: &Device) -> Tensor<D> {
        let count = self.input.iter().product();
        let values: Vec<f32> = (0..count).map(|at| 2.0 * by_rule("input", at) - 1.0).collect();
        Tensor::from_data(TensorData::new(values, self.input.clone()), device)
    }

    /// Compares an output with PyTorch's.
    ///
    /// Both sides add in single precision in another order, so that numbers differ by a few roundings of the greatest
    /// of them (4e-6 of it at most, measured): five times that is allowed, far below what any mistake makes.
    pub fn check<const D: usize>(&self, name: &str, found: Tensor<D>) {
        let expected = &self.outputs[name];
        assert_eq!(found.dims().to_vec(), expected.shape, "shape of {name}");
        let found = found.into_data().try_into_vec::<f32>().expect("floats");
        let sampled: Vec<f32> = found.into_iter().step_by(expected.step).collect();
        assert_eq!(sampled.len(), expected.values.len(), "count of {name}");
        let greatest = expected.values.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        assert!(greatest > 1e-3, "{name} says nothing");
        let worst = sampled
            .iter()
            .zip(&expected.values)
            .map(|(found, expected)| (found - expected).abs())
            .fold(0.0, f32::max);
        eprintln!("{name}: off by {:.1e} of {greatest}", worst / greatest);
        assert!(worst <= 2e-5 * greatest, "{name}: off by {worst}, greatest is {greatest}");
    }

    /// The network with the weights of this case, after it was shown that they come out again as they went in.
    pub fn loaded<N: TorchNames>(&self, network: N) -> N {
        let weights = self.weights();
        let loaded = load_torch(network, weights.clone()).unwrap_or_else(|error| panic!("{error}"));
        let again = save_torch(&loaded).expect("it can be written");
        let [before, after] =
            [&weights, &again].map(|file| safetensors::SafeTensors::deserialize(file).expect("a file"));
        for (name, view) in after.tensors() {
            assert_eq!(before.tensor(&name).expect("PyTorch has it too"), view, "{name}");
        }
        let needed = before.names().into_iter().filter(|name| loaded.current_name(name).is_some()).count();
        assert_eq!(after.len(), needed);
        loaded.valid()
    }
}

/// A number from 0 to below 1 for an element of a named tensor.
pub(crate) fn by_rule(name: &str, at: usize) -> f32 {
    let seed =
        name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let place = u32::try_from(at).expect("no tensor is that big");
    let mut state = seed ^ place.wrapping_mul(0x9e37_79b9);
    state = (state ^ (state >> 16)).wrapping_mul(0x7feb_352d);
    state = (state ^ (state >> 15)).wrapping_mul(0x846c_a68b);
    state ^= state >> 16;
    (state >> 8) as f32 / (1 << 24) as f32
}

/// The elements of a state dict's tensor: matrices and kernels scaled to keep what goes through them, scales of
/// normalization and variances about 1, offsets and means about 0.
pub(crate) fn values(name: &str, shape: &[usize]) -> Vec<f32> {
    let count: usize = shape.iter().product();
    let leaf = name.rsplit('.').next().unwrap_or(name);
    let about_one = leaf == "running_var" || (shape.len() == 1 && leaf == "weight");
    let scale = match shape {
        [_, inner @ ..] if !inner.is_empty() => (6.0 / inner.iter().product::<usize>() as f64).sqrt() as f32,
        _ => 0.1,
    };
    (0..count)
        .map(|at| by_rule(name, at))
        .map(|value| if about_one { 0.5 + value } else { (2.0 * value - 1.0) * scale })
        .collect()
}

/// How many weights a network has; running means and variances are none.
pub(super) fn count<N: TorchNames>(network: &N) -> usize {
    let weights = declared(network).into_iter().filter(|(name, _)| !name.contains(".running_"));
    weights.map(|(_, shape)| shape.iter().product::<usize>()).sum()
}

/// A safetensors file of tensors by rule; counters are whole numbers as PyTorch writes them.
pub(crate) fn file(tensors: &BTreeMap<String, Vec<usize>>) -> Vec<u8> {
    let bytes: Vec<(&String, &Vec<usize>, Dtype, Vec<u8>)> = tensors
        .iter()
        .map(|(name, shape)| {
            if name.ends_with("num_batches_tracked") {
                return (name, shape, Dtype::I64, 7_i64.to_le_bytes().to_vec());
            }
            let values = values(name, shape);
            let mut bytes = Vec::with_capacity(4 * values.len());
            values.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
            (name, shape, Dtype::F32, bytes)
        })
        .collect();
    let views = bytes.iter().map(|(name, shape, kind, bytes)| {
        (name.as_str(), TensorView::new(*kind, shape.to_vec(), bytes).expect("as long as its shape says"))
    });
    safetensors::serialize(views, None).expect("a file")
}

mod tests {
    use super::super::*;
    use super::*;

    #[test]
    fn resnet_18_agrees_with_torchvision() {
        let case = case("resnet18");
        let device = Device::flex();
        let config = ResNetConfig {
            depth: ResNetDepth::Eighteen,
            channels: 3,
            small_stem: false,
            features: None,
            classes: 10,
        };
        let out = case.loaded(ResNet::new(&config, &device)).forward(case.input(&device));
        for (name, map) in ["layer1", "layer2", "layer3", "layer4"].into_iter().zip(out.stages) {
            case.check(name, map);
        }
        case.check("pooled", out.pooled);
        case.check("logits", out.logits);
    }

    #[test]
    fn resnet_18_with_a_small_stem_and_a_named_vector_agrees_with_torchvision() {
        let case = case("resnet18_small");
        let device = Device::flex();
        let config = ResNetConfig {
            depth: ResNetDepth::Eighteen,
            channels: 1,
            small_stem: true,
            features: Some(1000),
            classes: 4,
        };
        let out = case.loaded(ResNet::new(&config, &device)).forward(case.input(&device));
        case.check("features", out.features.expect("it is named"));
        case.check("logits", out.logits);
    }

    #[test]
    fn resnet_50_agrees_with_torchvision() {
        let case = case("resnet50");
        let device = Device::flex();
        let config = ResNetConfig {
            depth: ResNetDepth::Fifty,
            channels: 3,
            small_stem: false,
            features: None,
            classes: 5,
        };
        let out = case.loaded(ResNet::new(&config, &device)).forward(case.input(&device));
        case.check("layer4", out.stages[3].clone());
        case.check("pooled", out.pooled);
        case.check("logits", out.logits);
    }

    #[test]
    fn densenet_121_agrees_with_torchvision() {
        for (name, channels, classes) in [("densenet121", 3, 7), ("densenet121_gray", 1, 18)] {
            let case = case(name);
            let device = Device::flex();
            let config = DenseNetConfig::densenet_121(channels, classes);
            let out = case.loaded(DenseNet::new(&config, &device)).forward(case.input(&device));
            for (name, map) in
                ["transition1", "transition2", "transition3", "last"].into_iter().zip(out.stages)
            {
                case.check(name, map);
            }
            case.check("pooled", out.pooled);
            case.check("logits", out.logits);
        }
    }

    #[test]
    fn recurrent_networks_agree_with_pytorch() {
        for (name, cell, pooling) in [
            ("lstm_attention", RecurrentCell::Lstm, SequencePooling::Attention { width: 4 }),
            ("gru_mean", RecurrentCell::Gru, SequencePooling::Mean),
        ] {
            let case = case(name);
            let device = Device::flex();
            let config = RecurrentConfig { cell, features: 5, hidden: 6, layers: 2, pooling, classes: 3 };
            let network = case.loaded(Recurrent::new(&config, &device));
            let out = network.forward(case.input(&device), &[7, 4, 1]);
            case.check("states", out.states);
            case.check("shares", out.shares);
            case.check("pooled", out.pooled);
            case.check("logits", out.logits);
        }
    }

    #[test]
    fn unets_agree_with_nnu_nets() {
        let device = Device::flex();
        let config = UNetConfig { channels: 2, widths: vec![6, 8, 10], classes: 3 };
        let flat = case("unet");
        let network = flat.loaded(UNet::new(&config, &device));
        flat.check("deepest", network.feature_maps(flat.input(&device))[2].clone());
        flat.check("logits", network.forward(flat.input(&device)));
        let deep = case("unet_3d");
        let network = deep.loaded(UNet3d::new(&config, &device));
        deep.check("deepest", network.feature_maps(deep.input(&device))[2].clone());
        deep.check("logits", network.forward(deep.input(&device)));
    }

    #[test]
    fn the_small_vision_transformer_agrees_with_timm() {
        let case = case("vision_transformer");
        let device = Device::flex();
        let config = VisionTransformerConfig { side: 48, ..VisionTransformerConfig::small_patch16_224(3, 6) };
        let network = case.loaded(VisionTransformer::new(&config, &device));
        let out = network.forward(case.input(&device));
        case.check("tokens", out.tokens);
        case.check("features", out.features);
        case.check("logits", out.logits);
    }

    #[test]
    fn resnet_18_of_volumes_agrees_with_pytorch() {
        let case = case("resnet18_3d");
        let device = Device::flex();
        let config = ResNetConfig {
            depth: ResNetDepth::Eighteen,
            channels: 1,
            small_stem: false,
            features: None,
            classes: 3,
        };
        let out = case.loaded(ResNet3d::new(&config, &device)).forward(case.input(&device));
        for (at, name) in [(0, "layer1"), (1, "layer2"), (3, "layer4")] {
            case.check(name, out.stages[at].clone());
        }
        case.check("pooled", out.pooled);
        case.check("logits", out.logits);
    }

    #[test]
    fn autoencoders_agree_with_pytorch() {
        let device = Device::flex();
        let config = AutoencoderConfig { channels: 1, side: 16, widths: vec![4, 6], latent: 5 };
        let plain = case("autoencoder");
        let network = plain.loaded(DenoisingAutoencoder::new(&config, &device));
        let image = plain.input(&device);
        plain.check("mean", network.encode(image.clone()));
        plain.check("reconstruction", network.forward(image.clone()));
        plain.check("error", network.errors(image));
        let spread = case("variational");
        let network = spread.loaded(VariationalAutoencoder::new(&config, &device));
        let image = spread.input(&device);
        let latent = network.encode(image.clone());
        spread.check("mean", latent.mean.clone());
        spread.check("log_variance", latent.log_variance.clone());
        spread.check("divergence", latent.divergence());
        let again = network.decode(latent.mean.clone());
        spread.check("reconstruction", again.clone());
        spread.check("log_likelihood", log_likelihood(again, image));
    }

    #[test]
    fn misfits_are_named() {
        let mut case = case("resnet18");
        let shape = case.tensors.remove("layer2.0.bn1.running_var").expect("it has one");
        case.tensors.insert("layer2.0.bn9.running_var".to_owned(), shape);
        case.tensors.insert("bn1.weight".to_owned(), vec![65]);
        let device = Device::flex();
        let config = ResNetConfig {
            depth: ResNetDepth::Eighteen,
            channels: 3,
            small_stem: false,
            features: None,
            classes: 10,
        };
        let weights = case.weights();
        let cut = weights[..9000].to_vec();
        let Err(WeightsError::Misfit(misfit)) = load_torch(ResNet::new(&config, &device), weights) else {
            panic!("they do not fit");
        };
        assert_eq!(misfit.missing, ["layer2.0.bn1.running_var"]);
        assert_eq!(misfit.left_over, ["layer2.0.bn9.running_var"]);
        assert_eq!(misfit.misshapen, [("bn1.weight".to_owned(), vec![65], vec![64])]);
        assert_eq!(
            WeightsError::Misfit(misfit).to_string(),
            "weights are of another network: missing layer2.0.bn1.running_var; misshapen bn1.weight ([65], \
             expected [64]); left over layer2.0.bn9.running_var"
        );
        let none = load_torch(ResNet::new(&config, &device), b"no safetensors".to_vec());
        assert!(matches!(none, Err(WeightsError::Form(_))));
        assert!(matches!(load_torch(ResNet::new(&config, &device), cut), Err(WeightsError::Form(_))));
    }

    #[test]
    fn half_precision_is_read_as_single() {
        let device = Device::flex();
        let head = Head::new(2, None, 1, &device);
        #[derive(burn::module::Module, Debug)]
        struct Only {
            head: Head,
        }
        impl TorchNames for Only {
            fn torch_name(&self, own: &str) -> String {
                own.replace("head.scorer", "fc")
            }
        }
        // 1.5 and -2 as half precision; the weight of PyTorch is [out, in].
        let bytes: Vec<u8> = [0x3e00_u16, 0xc000].into_iter().flat_map(u16::to_le_bytes).collect();
        let bias = 0x3800_u16.to_le_bytes();
        let views = [
            ("fc.weight", TensorView::new(Dtype::F16, vec![1, 2], &bytes).expect("it fits")),
            ("fc.bias", TensorView::new(Dtype::F16, vec![1], &bias).expect("it fits")),
        ];
        let file = safetensors::serialize(views, None).expect("a file");
        let only = load_torch(Only { head }, file).expect("it fits");
        let (_, logits) = only.head.forward(Tensor::from_data([[2.0, 1.0]], &device));
        // 2 * 1.5 + 1 * -2 + 0.5
        assert_eq!(logits.into_data().try_to_vec::<f32>().expect("floats"), [1.5]);
        let integers = [
            ("fc.weight", TensorView::new(Dtype::I16, vec![1, 2], &bytes).expect("it fits")),
            ("fc.bias", TensorView::new(Dtype::F16, vec![1], &bias).expect("it fits")),
        ];
        let file = safetensors::serialize(integers, None).expect("a file");
        let error = load_torch(only, file).expect_err("whole numbers are no weights");
        assert_eq!(error.to_string(), "tensor fc.weight holds I16, expected F16, BF16, F32 or F64");
    }
}

/// The numbers of a tensor, the last axis fastest.
pub(super) fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("floats")
}

/// Asks that no number is further from what is expected than `tolerance`, and prints how far the worst is.
pub(super) fn close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let apart = |(found, expected): (&f32, &f32)| (found - expected).abs();
    let worst = found.iter().zip(expected).map(apart).fold(0.0_f32, f32::max);
    eprintln!("{what}: off by {worst:.1e} at most");
    assert!(worst <= tolerance, "{what}: off by {worst}");
}
