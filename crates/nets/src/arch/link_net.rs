use burn::module::Module;
use burn::nn::PaddingConfig3d;
use burn::nn::conv::{Conv3d, Conv3dConfig, ConvTranspose3d, ConvTranspose3dConfig};
use burn::tensor::activation::relu;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{DType, Device, Tensor};
use burn_store::{FloatCastAdapter, ModuleSnapshot, SafetensorsStore};

use crate::kernels::{convolve_transposed_volume, convolve_volume};

/// Two 3x3x3 convolutions with a shortcut, each normalized within its image.
///
/// # Shapes
/// `[1, in, x, y, z]` to `[1, out, x, y, z]`, each side halved (rounded up) where the stride is 2.
#[derive(Module, Debug)]
pub struct ResidualBlock3d {
    first: Conv3d,
    second: Conv3d,
    shortcut: Option<Conv3d>,
}

impl ResidualBlock3d {
    fn new(channels: [usize; 2], stride: usize, device: &Device) -> Self {
        let [_, output] = channels;
        Self {
            first: convolution(channels, 3, stride, false, device),
            second: convolution([output, output], 3, 1, false, device),
            shortcut: (stride != 1).then(|| convolution(channels, 1, stride, false, device)),
        }
    }

    fn forward(&self, input: Tensor<5>) -> Tensor<5> {
        let inner = relu(normalized(convolve_volume(&self.first, input.clone())));
        let inner = normalized(convolve_volume(&self.second, inner));
        let short = match &self.shortcut {
            Some(shortcut) => normalized(convolve_volume(shortcut, input)),
            None => input,
        };
        relu(inner + short)
    }
}

/// Two residual blocks.
#[derive(Module, Debug)]
pub struct Down {
    first: ResidualBlock3d,
    second: ResidualBlock3d,
}

/// A 1x1x1 convolution to fewer channels, a transposed convolution, a 1x1x1 convolution to more.
///
/// # Shapes
/// `[1, in, x, y, z]` to `[1, out, x, y, z]`, each side doubled where the stride is 2.
#[derive(Module, Debug)]
pub struct Up {
    narrowing: Conv3d,
    doubling: ConvTranspose3d,
    widening: Conv3d,
}

impl Up {
    fn new(channels: [usize; 2], stride: usize, device: &Device) -> Self {
        let [input, output] = channels;
        let narrow = input / 4;
        Self {
            narrowing: convolution([input, narrow], 1, 1, false, device),
            doubling: transposed([narrow, narrow], 3, stride, false, device),
            widening: convolution([narrow, output], 1, 1, false, device),
        }
    }

    fn forward(&self, input: Tensor<5>) -> Tensor<5> {
        let narrow = relu(normalized(convolve_volume(&self.narrowing, input)));
        let doubled = relu(normalized(convolve_transposed_volume(&self.doubling, narrow)));
        relu(normalized(convolve_volume(&self.widening, doubled)))
    }
}

/// A fully convolutional encoder-decoder whose decoder adds what the encoder saw at the same size, with two classes.
///
/// # Shapes
/// `[1, 1, x, y, z]`, each side a multiple of 32, to logits `[1, 2, x, y, z]`: background, then foreground.
///
/// # Source
/// Chaurasia, Culurciello 2017, doi:10.1109/VCIP.2017.8305148, in the three-dimensional form of deepbet 1.0.2
/// (Fisch et al. 2024, doi:10.1016/j.compbiomed.2024.108845; MIT license).
#[derive(Module, Debug)]
pub struct LinkNet {
    stem: Conv3d,
    down: Vec<Down>,
    up: Vec<Up>,
    doubling: ConvTranspose3d,
    refining: Conv3d,
    classes: ConvTranspose3d,
}

impl LinkNet {
    /// Channels of the encoder's stages.
    const WIDTHS: [usize; 4] = [16, 32, 64, 128];

    /// A network with random weights.
    pub fn new(device: &Device) -> Self {
        let widths = Self::WIDTHS;
        let stride = |stage: usize| if stage == 0 { 1 } else { 2 };
        let before = |stage: usize| widths[stage.saturating_sub(1)];
        Self {
            stem: convolution([1, widths[0]], 7, 2, false, device),
            down: (0..widths.len())
                .map(|stage| Down {
                    first: ResidualBlock3d::new([before(stage), widths[stage]], stride(stage), device),
                    second: ResidualBlock3d::new([widths[stage]; 2], 1, device),
                })
                .collect(),
            up: (0..widths.len())
                .rev()
                .map(|stage| Up::new([widths[stage], before(stage)], stride(stage), device))
                .collect(),
            doubling: transposed([16, 8], 3, 2, true, device),
            refining: convolution([8, 8], 3, 1, true, device),
            classes: ConvTranspose3dConfig::new([8, 2], [2; 3]).with_stride([2; 3]).init(device),
        }
    }

    /// The whole pass.
    pub fn forward(&self, input: Tensor<5>) -> Tensor<5> {
        let mut current = halved(relu(normalized(convolve_volume(&self.stem, input))));
        let mut seen = Vec::with_capacity(self.down.len());
        for stage in &self.down {
            seen.push(current.clone());
            current = stage.second.forward(stage.first.forward(current));
        }
        for stage in &self.up {
            let same_size = seen.pop().expect("as many stages up as down");
            current = stage.forward(current) + same_size;
        }
        let doubled = relu(normalized(convolve_transposed_volume(&self.doubling, current)));
        let refined = relu(normalized(convolve_volume(&self.refining, doubled)));
        convolve_transposed_volume(&self.classes, refined)
    }
}

/// Two networks that work one after the other: `coarse` sees the whole image and finds the box, `fine` sees the box.
#[derive(Module, Debug)]
pub struct LinkNetPair {
    pub(crate) coarse: LinkNet,
    pub(crate) fine: LinkNet,
}

impl LinkNetPair {
    /// Both networks with the weights of one safetensors file; half precision is read as single.
    ///
    /// # Errors
    /// The first tensor that is missing or does not fit.
    pub fn load(weights: Vec<u8>, device: &Device) -> Result<Self, String> {
        let mut networks = Self { coarse: LinkNet::new(device), fine: LinkNet::new(device) };
        let mut store =
            SafetensorsStore::from_bytes(Some(weights)).with_from_adapter(FloatCastAdapter::to(DType::F32));
        let result = networks.load_from(&mut store).map_err(|error| error.to_string())?;
        if let Some(missing) = result.missing.first() {
            return Err(format!("{missing:?} is missing"));
        }
        if let Some(error) = result.errors.first() {
            return Err(error.to_string());
        }
        Ok(networks.valid())
    }
}

fn convolution(channels: [usize; 2], kernel: usize, stride: usize, bias: bool, device: &Device) -> Conv3d {
    let side = kernel / 2;
    Conv3dConfig::new(channels, [kernel; 3])
        .with_stride([stride; 3])
        .with_padding(PaddingConfig3d::Explicit(side, side, side))
        .with_bias(bias)
        .init(device)
}

/// A transposed convolution that multiplies each side by its stride.
fn transposed(
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
    bias: bool,
    device: &Device,
) -> ConvTranspose3d {
    ConvTranspose3dConfig::new(channels, [kernel; 3])
        .with_stride([stride; 3])
        .with_padding([kernel / 2; 3])
        .with_padding_out([stride - 1; 3])
        .with_bias(bias)
        .init(device)
}

/// Each channel of each image with mean 0 and standard deviation 1 (instance normalization, no learned scale).
fn normalized(input: Tensor<5>) -> Tensor<5> {
    let shape = input.dims();
    let [batch, channels, x, y, z] = shape;
    let flat = input.reshape([batch, channels, x * y * z]);
    let mean = flat.clone().mean_dim(2);
    let centered = flat - mean;
    let variance = (centered.clone() * centered.clone()).mean_dim(2);
    (centered / (variance + 1e-5).sqrt()).reshape(shape)
}

/// Maximum over 3x3x3 with stride 2, of values that are not negative: the planes first, then across them.
pub(super) fn halved(input: Tensor<5>) -> Tensor<5> {
    let [batch, channels, x, y, z] = input.dims();
    let options = |kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2]| {
        MaxPoolOptions::new(kernel).with_stride(stride).with_padding(padding)
    };
    let planes = max_pool2d(input.reshape([batch, channels * x, y, z]), options([3, 3], [2, 2], [1, 1]));
    let [_, _, rows, columns] = planes.dims();
    let stacks = planes.reshape([batch, channels, x, rows * columns]);
    let pooled = max_pool2d(stacks, options([3, 1], [2, 1], [1, 0]));
    let [_, _, slices, _] = pooled.dims();
    pooled.reshape([batch, channels, slices, rows, columns])
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::TensorData;
    use std::path::Path;

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_into_vec::<f32>().expect("floats")
    }

    #[test]
    fn normalization_worked_on_paper() {
        let input = Tensor::<5>::from_data([[[[[1.0, 3.0]]], [[[7.0, 7.0]]]]], &Device::flex());
        for (found, expected) in numbers(normalized(input)).iter().zip([-1.0, 1.0, 0.0, 0.0]) {
            assert!((found - expected).abs() < 1e-5, "{found} for {expected}");
        }
    }

    #[test]
    fn the_maximum_of_a_neighborhood_is_taken_along_all_three_axes() {
        let (x, y, z) = (5, 4, 6);
        let values: Vec<f32> = (0..2 * x * y * z).map(|at| (at * 37 % 101) as f32).collect();
        let input = Tensor::<5>::from_data(TensorData::new(values.clone(), [1, 2, x, y, z]), &Device::flex());
        let found = halved(input);
        assert_eq!(found.dims(), [1, 2, 3, 2, 3]);
        let mut expected = Vec::new();
        let near = |at: usize, size: usize| (2 * at).saturating_sub(1)..(2 * at + 2).min(size);
        for channel in 0..2 {
            for (i, j, k) in (0..18).map(|at| (at / 6, at / 3 % 2, at % 3)) {
                let greatest = near(i, x)
                    .flat_map(|a| near(j, y).flat_map(move |b| near(k, z).map(move |c| (a, b, c))))
                    .map(|(a, b, c)| values[((channel * x + a) * y + b) * z + c])
                    .fold(0.0, f32::max);
                expected.push(greatest);
            }
        }
        assert_eq!(numbers(found), expected);
    }

    /// Probabilities of PyTorch for a cube made by rule (`tools/golden/brain_mask.py`).
    #[test]
    fn the_networks_agree_with_pytorch() {
        const SIDE: usize = 64;
        const STEP: usize = 997;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let facts = std::fs::read_to_string(root.join("testdata/brain_mask/facts.json")).expect("facts");
        let facts: serde_json::Value = serde_json::from_str(&facts).expect("JSON");
        let weights = std::fs::read(root.join("models/brain-mask/weights.safetensors")).expect("weights");
        let device = Device::flex();
        let pair = LinkNetPair::load(weights, &device).expect("they fit");
        let values: Vec<f32> = (0..SIDE * SIDE * SIDE)
            .map(|at| {
                let place = [at / (SIDE * SIDE), at / SIDE % SIDE, at % SIDE];
                let square: i64 =
                    place.iter().zip([32, 30, 34]).map(|(at, center)| (*at as i64 - center).pow(2)).sum();
                if square < 400 { 1.5 } else { (square % 17) as f32 / 17.0 - 0.5 }
            })
            .collect();
        let input = Tensor::<5>::from_data(TensorData::new(values, [1, 1, SIDE, SIDE, SIDE]), &device);
        for (name, network) in [("coarse", &pair.coarse), ("fine", &pair.fine)] {
            let logits = numbers(network.forward(input.clone()));
            let (background, foreground) = logits.split_at(SIDE * SIDE * SIDE);
            let expected = facts["cube"][name].as_array().expect("a list");
            let found = background.iter().zip(foreground).step_by(STEP);
            assert_eq!(expected.len(), found.len());
            let mut worst = 0.0_f64;
            for (expected, (no, yes)) in expected.iter().zip(found) {
                let probability = 1.0 / (1.0 + f64::from(no - yes).exp());
                worst = worst.max((probability - expected.as_f64().expect("a number")).abs());
            }
            // Both sides add in single precision, in another order.
            assert!(worst < 1e-3, "{name}: off by {worst}");
        }
    }

    #[test]
    fn weights_that_do_not_fit_are_refused_with_a_reason() {
        assert!(LinkNetPair::load(b"no safetensors".to_vec(), &Device::flex()).is_err());
    }
}
