//! Checks of what training needs: gradients that agree with finite differences, networks that learn four samples by
//! heart, and the same weights from the same seed.

use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Distribution, Tensor, TensorData};

use super::golden::by_rule;

/// Compares the gradient of a part for its input with finite differences, at places all over the input.
///
/// The score is the sum of the output, each number with its own weight: the plain sum of what is normalized never
/// changes. A step of a thousandth leaves the differences three digits of single precision, since they are added up in
/// double precision, and rarely meets the kink of an activation.
pub(super) fn check_gradient<const D: usize, const E: usize>(
    shape: [usize; D],
    device: &Device,
    part: impl Fn(Tensor<D>) -> Tensor<E>,
) {
    const STEP: f32 = 1e-3;
    let input = Tensor::<D>::random(shape, Distribution::Normal(0.0, 1.0), &Device::flex()).into_data();
    let traced = Tensor::<D>::from_data(input.clone(), device).require_grad();
    let output = part(traced.clone());
    let dims = output.dims();
    let weights: Vec<f32> = (0..dims.iter().product()).map(|at| by_rule("score", at) - 0.5).collect();
    let score = (output * Tensor::from_data(TensorData::new(weights.clone(), dims), device)).sum();
    let gradient = traced.grad(&score.backward()).expect("a gradient").into_data();
    let gradient = gradient.try_into_vec::<f32>().expect("floats");
    let values = input.try_into_vec::<f32>().expect("floats");
    let shifted = |place: usize, by: f32| {
        let mut moved = values.clone();
        moved[place] += by;
        let output = part(Tensor::from_data(TensorData::new(moved, shape), device)).into_data();
        let output = output.try_into_vec::<f32>().expect("floats");
        output.iter().zip(&weights).map(|(value, weight)| f64::from(*value) * f64::from(*weight)).sum::<f64>()
    };
    let places: Vec<usize> = (0..values.len()).step_by(values.len().div_ceil(12)).collect();
    let numeric = |place: usize| {
        let width = f64::from(values[place] + STEP) - f64::from(values[place] - STEP);
        (shifted(place, STEP) - shifted(place, -STEP)) / width
    };
    let numeric: Vec<f64> = places.iter().map(|place| numeric(*place)).collect();
    let greatest = numeric.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    assert!(greatest > 1e-4, "the score does not depend on the input");
    for (place, numeric) in places.into_iter().zip(numeric) {
        let traced = f64::from(gradient[place]);
        assert!(
            (numeric - traced).abs() < 0.01 * greatest + 0.02 * numeric.abs(),
            "place {place}: {numeric} by differences, {traced} by autodiff, {greatest} the greatest"
        );
    }
}

/// Trains a network by a loss and asks that it falls to less than a tenth; the network after that.
pub(super) fn check_learning<N: Module>(
    network: N,
    rate: f64,
    steps: usize,
    loss: impl Fn(&N) -> Tensor<1>,
) -> N {
    let mut network = network;
    let mut optimizer: ModuleOptimizer = AdamWConfig::new().with_weight_decay(0.0).init();
    let before = loss(&network).into_scalar::<f32>();
    for _ in 0..steps {
        let gradients = GradientsParams::from_grads(loss(&network).backward(), &network);
        network = optimizer.step(rate, network, gradients);
    }
    let after = loss(&network).into_scalar::<f32>();
    assert!(after < 0.1 * before, "loss was {before} and is {after}");
    network
}

mod tests {
    use burn::tensor::activation::log_softmax;

    use super::super::head::pooled;
    use super::super::*;
    use super::*;

    fn device(seed: u64) -> Device {
        let device = Device::flex();
        device.seed(seed);
        device.autodiff()
    }

    /// Four samples of noise, the first two of one class and the last two of another.
    fn samples<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
        Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
    }

    fn entropy(logits: Tensor<2>) -> Tensor<1> {
        let device = logits.device();
        let right = Tensor::<2>::from_data([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], &device);
        (log_softmax(logits, 1) * right).sum().neg()
    }

    #[derive(Module, Debug)]
    struct Short {
        blocks: Vec<ResNetBlock>,
        head: Head,
    }

    #[test]
    fn blocks_of_a_resnet_learn_four_images_by_heart() {
        let device = device(1);
        let block = |depth, input| ResNetBlock::new(depth, input, 4, 2, &device);
        let network = Short {
            blocks: vec![block(ResNetDepth::Eighteen, 1), block(ResNetDepth::Fifty, 4)],
            head: Head::new(16, Some(10), 2, &device),
        };
        let images = samples([4, 1, 8, 8], &device);
        check_learning(network, 1e-2, 40, |network| {
            let map = network.blocks.iter().fold(images.clone(), |map, block| block.forward(map));
            entropy(network.head.forward(pooled(map)).1)
        });
    }

    #[test]
    fn a_densenet_learns_four_images_by_heart() {
        let device = device(2);
        let config = DenseNetConfig {
            channels: 1,
            stem: 8,
            small_stem: false,
            growth: 6,
            blocks: vec![2, 2],
            features: None,
            classes: 2,
        };
        let images = samples([4, 1, 24, 24], &device);
        check_learning(DenseNet::new(&config, &device), 1e-2, 40, |network| {
            entropy(network.forward(images.clone()).logits)
        });
    }

    #[test]
    fn a_vision_transformer_learns_four_images_by_heart() {
        let device = device(3);
        let config = VisionTransformerConfig {
            side: 8,
            patch: 4,
            channels: 1,
            width: 16,
            heads: 2,
            layers: 2,
            inner: 32,
            classes: 2,
        };
        let images = samples([4, 1, 8, 8], &device);
        check_learning(VisionTransformer::new(&config, &device), 1e-2, 40, |network| {
            entropy(network.forward(images.clone()).logits)
        });
    }

    #[test]
    fn recurrent_networks_learn_four_sequences_of_different_lengths_by_heart() {
        let device = device(4);
        let sequences = samples([4, 5, 6], &device);
        for (cell, pooling) in [
            (RecurrentCell::Lstm, SequencePooling::Attention { width: 4 }),
            (RecurrentCell::Gru, SequencePooling::Mean),
        ] {
            let config = RecurrentConfig { cell, features: 6, hidden: 8, layers: 1, pooling, classes: 2 };
            check_learning(Recurrent::new(&config, &device), 3e-2, 60, |network| {
                entropy(network.forward(sequences.clone(), &[5, 2, 4, 3]).logits)
            });
        }
    }

    #[test]
    fn unets_learn_where_four_images_are_bright() {
        let device = device(5);
        let config = UNetConfig { channels: 1, widths: vec![6, 8], classes: 2 };
        let images = samples([4, 1, 6, 7], &device);
        let bright = images.clone().greater_elem(0.0).float();
        let right = Tensor::cat(vec![bright.clone(), bright.clone().neg() + 1.0], 1);
        check_learning(UNet::new(&config, &device), 2e-2, 50, |network| {
            (log_softmax(network.forward(images.clone()), 1) * right.clone()).sum().neg()
        });
        let volumes = images.reshape([4, 1, 1, 6, 7]);
        let right = right.reshape([4, 2, 1, 6, 7]);
        check_learning(UNet3d::new(&config, &device), 2e-2, 50, |network| {
            (log_softmax(network.forward(volumes.clone()), 1) * right.clone()).sum().neg()
        });
    }

    #[test]
    fn autoencoders_learn_to_make_four_images_again() {
        let device = device(6);
        let config = AutoencoderConfig { channels: 1, side: 8, widths: vec![8, 16], latent: 8 };
        let images = samples([4, 1, 8, 8], &device);
        check_learning(DenoisingAutoencoder::new(&config, &device), 1e-2, 120, |network| {
            network.loss(images.clone(), 0.02)
        });
        // The constant of the density is taken off, so that what is left can come near 0.
        let constant = 0.5 * 64.0 * std::f64::consts::TAU.ln();
        check_learning(VariationalAutoencoder::new(&config, &device), 1e-2, 200, |network| {
            let evidence = network.evidence(images.clone());
            (evidence.bound(1e-3).neg() - constant).mean()
        });
    }

    #[test]
    fn the_same_seed_gives_the_same_weights() {
        let plain = Device::flex();
        let densenet = DenseNetConfig { blocks: vec![2, 2], ..DenseNetConfig::densenet_121(1, 2) };
        let transformer =
            VisionTransformerConfig { layers: 1, ..VisionTransformerConfig::small_patch16_224(1, 2) };
        let unet = UNetConfig { channels: 1, widths: vec![3, 4], classes: 2 };
        let autoencoder = AutoencoderConfig { channels: 1, side: 8, widths: vec![3, 4], latent: 5 };
        let recurrent = RecurrentConfig {
            cell: RecurrentCell::Gru,
            features: 3,
            hidden: 4,
            layers: 2,
            pooling: SequencePooling::Attention { width: 3 },
            classes: 2,
        };
        let made = |seed: u64| {
            plain.seed(seed);
            [
                save_torch(&DenseNet::new(&densenet, &plain)),
                save_torch(&VisionTransformer::new(&transformer, &plain)),
                save_torch(&UNet::new(&unet, &plain)),
                save_torch(&UNet3d::new(&unet, &plain)),
                save_torch(&VariationalAutoencoder::new(&autoencoder, &plain)),
                save_torch(&Recurrent::new(&recurrent, &plain)),
            ]
            .map(|file| file.expect("it can be written"))
        };
        let first = made(8);
        assert!(first == made(8));
        for (first, other) in first.iter().zip(made(9)) {
            assert!(*first != other);
        }
    }
}
