//! The kernels against burn's own layers: outputs and every gradient.

use burn::module::Module;
use burn::nn::attention::{MhaInput, MultiHeadAttention, MultiHeadAttentionConfig};
use burn::nn::conv::{
    Conv2d, Conv2dConfig, Conv3d, Conv3dConfig, ConvTranspose2d, ConvTranspose2dConfig, ConvTranspose3d,
    ConvTranspose3dConfig,
};
use burn::nn::transformer::{
    TransformerDecoderConfig, TransformerDecoderInput, TransformerEncoderConfig, TransformerEncoderInput,
};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d, PaddingConfig3d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Tensor};

use super::*;

fn device() -> Device {
    let device = Device::flex();
    device.seed(31);
    device.autodiff()
}

fn noise<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("floats")
}

/// Sums are added in another order: a few units in the last place of the greatest number.
fn assert_near(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let greatest = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    assert!(greatest > 0.0, "{what}: all numbers are 0");
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() < 1e-5 * greatest, "{what} at {place}: {found} for {expected}");
    }
}

/// Output and the gradients of a weighted sum of it: with respect to the input and what `of` names.
fn with_gradients<const D: usize>(
    input: &Tensor<D>,
    forward: impl Fn(Tensor<D>) -> Tensor<D>,
    of: impl Fn(&burn::tensor::Gradients) -> Vec<Vec<f32>>,
) -> Vec<Vec<f32>> {
    let input = input.clone().detach().require_grad();
    let output = forward(input.clone());
    let device = output.device();
    device.seed(32);
    let weights = noise(output.dims(), &device);
    let gradients = (output.clone() * weights).sum().backward();
    let mut found = vec![numbers(output), numbers(input.grad(&gradients).expect("a gradient"))];
    found.extend(of(&gradients));
    found
}

fn compare(name: &str, found: Vec<Vec<f32>>, expected: Vec<Vec<f32>>) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let what = ["output", "input's gradient"].get(place).copied().unwrap_or("a parameter's gradient");
        assert_near(&format!("{name}: {what}"), found, expected);
    }
}

macro_rules! parameters {
    ($module:expr, $gradients:expr) => {{
        let mut all = vec![numbers($module.weight.grad($gradients).expect("a gradient"))];
        all.extend($module.bias.as_ref().map(|bias| numbers(bias.grad($gradients).expect("a gradient"))));
        all
    }};
}

#[test]
fn convolutions_and_their_gradients_are_those_of_burn() {
    let device = device();
    // batch, in, out, height, width, kernel, stride, padding, bias
    let cases = [
        (3, 5, 11, 9, 7, [3, 3], [1, 1], [1, 1], false),
        (2, 3, 9, 13, 18, [5, 5], [2, 2], [2, 2], true),
        (2, 4, 6, 8, 8, [1, 1], [2, 2], [0, 0], false),
        (1, 60, 40, 30, 33, [3, 3], [1, 1], [1, 1], true),
        (5, 1, 24, 15, 16, [7, 7], [2, 2], [3, 3], false),
        (40, 50, 17, 3, 2, [3, 3], [1, 1], [1, 1], false),
        (2, 3, 4, 6, 9, [2, 3], [3, 1], [0, 2], false),
        (1, 1, 1, 1, 1, [1, 1], [1, 1], [0, 0], true),
        (2, 3, 10, 40, 50, [2, 3], [1, 1], [0, 2], false),
        (3, 4, 6, 61, 64, [3, 3], [2, 2], [1, 1], false),
        (1, 7, 33, 28, 28, [5, 5], [1, 1], [1, 0], true),
    ];
    for (batch, inputs, outputs, height, width, kernel, stride, [top, left], bias) in cases {
        let module: Conv2d = Conv2dConfig::new([inputs, outputs], kernel)
            .with_stride(stride)
            .with_padding(PaddingConfig2d::Explicit(top, left, top, left))
            .with_bias(bias)
            .init(&device);
        let input = noise([batch, inputs, height, width], &device);
        let found = with_gradients(&input, |x| convolve(&module, x), |g| parameters!(module, g));
        let expected = with_gradients(&input, |x| module.forward(x), |g| parameters!(module, g));
        compare(&format!("{inputs} to {outputs}, {height} x {width}, {kernel:?}"), found, expected);
    }
}

#[test]
fn convolutions_of_volumes_and_their_gradients_are_those_of_burn() {
    let device = device();
    let cases = [
        (2, 4, 6, [5, 6, 7], [3, 3, 3], [2, 2, 1], [1, 1, 1], true),
        (1, 20, 9, [6, 5, 8], [3, 3, 3], [1, 1, 1], [1, 1, 1], false),
        (3, 2, 3, [4, 7, 5], [1, 3, 2], [1, 2, 1], [0, 1, 0], false),
        (2, 3, 9, [7, 24, 28], [3, 3, 3], [1, 1, 1], [1, 1, 1], false),
        (1, 2, 5, [9, 40, 44], [3, 3, 3], [2, 2, 2], [1, 1, 1], true),
    ];
    for (batch, inputs, outputs, [x, y, z], kernel, stride, padding, bias) in cases {
        let module: Conv3d = Conv3dConfig::new([inputs, outputs], kernel)
            .with_stride(stride)
            .with_padding(PaddingConfig3d::Explicit(padding[0], padding[1], padding[2]))
            .with_bias(bias)
            .init(&device);
        let input = noise([batch, inputs, x, y, z], &device);
        let found = with_gradients(&input, |x| convolve_volume(&module, x), |g| parameters!(module, g));
        let expected = with_gradients(&input, |x| module.forward(x), |g| parameters!(module, g));
        compare(&format!("{inputs} to {outputs}, {x} x {y} x {z}"), found, expected);
    }
}

#[test]
fn transposed_convolutions_and_their_gradients_are_those_of_burn() {
    let device = device();
    for (kernel, stride, padding, out) in [(2, 2, 0, 0), (4, 2, 1, 0), (3, 2, 1, 1), (3, 1, 1, 0)] {
        let module: ConvTranspose2d = ConvTranspose2dConfig::new([5, 7], [kernel; 2])
            .with_stride([stride; 2])
            .with_padding([padding; 2])
            .with_padding_out([out; 2])
            .init(&device);
        let input = noise([2, 5, 6, 4], &device);
        let found = with_gradients(&input, |x| convolve_transposed(&module, x), |g| parameters!(module, g));
        let expected = with_gradients(&input, |x| module.forward(x), |g| parameters!(module, g));
        compare(&format!("kernel {kernel}, stride {stride}"), found, expected);

        let module: ConvTranspose3d = ConvTranspose3dConfig::new([3, 4], [kernel; 3])
            .with_stride([stride; 3])
            .with_padding([padding; 3])
            .with_padding_out([out; 3])
            .init(&device);
        let input = noise([2, 3, 3, 4, 2], &device);
        let forward = |x| convolve_transposed_volume(&module, x);
        let found = with_gradients(&input, forward, |g| parameters!(module, g));
        let expected = with_gradients(&input, |x| module.forward(x), |g| parameters!(module, g));
        compare(&format!("volume, kernel {kernel}, stride {stride}"), found, expected);
    }
}

#[test]
fn depthwise_convolutions_and_their_gradients_are_those_of_burn_at_every_level() {
    let seen = at_every_level(|level| {
        let device = device();
        for (kernel, stride) in [(3, 1), (3, 2), (5, 1), (5, 2), (1, 1)] {
            // Sides for which the odd zero falls behind, or there is none; and one narrower than the kernel.
            for [rows, columns] in [[8, 21], [7, 40], [2, 3], [1, 1]] {
                let module: Conv2d = Conv2dConfig::new([5, 5], [kernel; 2])
                    .with_groups(5)
                    .with_stride([stride; 2])
                    .with_padding(PaddingConfig2d::Valid)
                    .with_bias(false)
                    .init(&device);
                let zeros = |size: usize| (size.div_ceil(stride) - 1) * stride + kernel;
                let [of_rows, of_columns] = [rows, columns].map(|size| zeros(size).saturating_sub(size));
                let sides = [of_columns, of_rows].map(|zeros| (zeros / 2, zeros - zeros / 2));
                let [(left, right), (top, bottom)] = sides;
                let plain = |x: Tensor<4>| module.forward(x.pad((left, right, top, bottom), 0.0));
                let input = noise([3, 5, rows, columns], &device);
                let of = |gradients: &burn::tensor::Gradients| {
                    vec![numbers(module.weight.grad(gradients).expect("a gradient"))]
                };
                let name = format!("{level}: kernel {kernel}, stride {stride}, {rows} x {columns}");
                let found = with_gradients(&input, |x| convolve_same(&module, x), of);
                compare(&name, found, with_gradients(&input, plain, of));
            }
        }
    });
    assert!(!seen.is_empty());
}

#[test]
fn what_the_kernels_do_not_know_is_left_to_burn() {
    let device = device();
    let module: Conv2d = Conv2dConfig::new([4, 6], [3, 3]).with_groups(2).init(&device);
    let input = noise([2, 4, 6, 5], &device);
    assert_eq!(numbers(convolve(&module, input.clone())), numbers(module.forward(input.clone())));
    let module: Conv2d = Conv2dConfig::new([4, 6], [3, 3]).with_dilation([2, 1]).init(&device);
    assert_eq!(numbers(convolve(&module, input.clone())), numbers(module.forward(input.clone())));
    let uneven = PaddingConfig2d::Explicit(1, 0, 2, 1);
    let module: Conv2d = Conv2dConfig::new([4, 6], [3, 3]).with_padding(uneven).init(&device);
    assert_eq!(numbers(convolve(&module, input.clone())), numbers(module.forward(input)));
}

fn norm(channels: usize, device: &Device) -> BatchNorm {
    let mut norm = BatchNormConfig::new(channels).init(device);
    norm.gamma = norm.gamma.map(|gamma| (noise(gamma.dims(), device) * 0.2 + 1.0).detach().require_grad());
    norm.beta = norm.beta.map(|beta| (noise(beta.dims(), device) * 0.2).detach().require_grad());
    norm
}

fn of_norm(norm: &BatchNorm, gradients: &burn::tensor::Gradients) -> Vec<Vec<f32>> {
    [&norm.gamma, &norm.beta].map(|part| numbers(part.grad(gradients).expect("a gradient"))).into()
}

#[test]
fn normalization_its_gradients_and_its_statistics_are_those_of_burn() {
    let device = device();
    for shape in [[4, 3, 5, 7], [2, 20, 1, 3], [3, 2, 40, 33]] {
        let channels = shape[1];
        let input = noise(shape, &device) * 3.0 + 5.0;
        let short = noise(shape, &device);
        for then in 0..3 {
            let follow = |x: Tensor<4>| match then {
                0 => Then::Nothing,
                1 => Then::Rectify,
                _ => Then::AddAndRectify(short.clone() + x * 0.5),
            };
            device.seed(33);
            let ours = norm(channels, &device);
            device.seed(33);
            let theirs = norm(channels, &device);
            let found =
                with_gradients(&input, |x| normalize(&ours, x.clone(), follow(x)), |g| of_norm(&ours, g));
            let expected = with_gradients(
                &input,
                |x| match follow(x.clone()) {
                    Then::Nothing => theirs.forward(x),
                    Then::Rectify => relu(theirs.forward(x)),
                    Then::AddAndRectify(short) => relu(theirs.forward(x) + short),
                },
                |g| of_norm(&theirs, g),
            );
            // The gradient of a normalization is a difference of sums that nearly cancel.
            for (found, expected) in found.iter().zip(&expected) {
                let greatest = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
                for (found, expected) in found.iter().zip(expected) {
                    assert!(
                        (found - expected).abs() < 3e-5 * greatest.max(1.0),
                        "{shape:?}, {then}: {found} for {expected}"
                    );
                }
            }
            let (ours, theirs) = (ours.valid(), theirs.valid());
            assert_near(
                "running mean",
                &numbers(ours.running_mean.value()),
                &numbers(theirs.running_mean.value()),
            );
            assert_near(
                "running variance",
                &numbers(ours.running_var.value()),
                &numbers(theirs.running_var.value()),
            );
            // Without gradients: by the running statistics.
            let (x, short) = (input.clone().inner(), short.clone().inner());
            let expected = theirs.forward(x.clone());
            let (found, expected) = match then {
                0 => (normalize(&ours, x, Then::Nothing), expected),
                1 => (normalize(&ours, x, Then::Rectify), relu(expected)),
                _ => (normalize(&ours, x, Then::AddAndRectify(short.clone())), relu(expected + short)),
            };
            assert_near("by running statistics", &numbers(found), &numbers(expected));
        }
    }
}

#[test]
fn what_is_no_number_stays_so() {
    let device = Device::flex();
    let mut values = vec![1.0_f32; 12];
    values[3] = f32::NAN;
    let input = Tensor::<3>::from_data(burn::tensor::TensorData::new(values, [2, 2, 3]), &device);
    let norm = BatchNormConfig::new(2).init(&device);
    let found = numbers(normalize(&norm, input, Then::Rectify));
    assert_eq!(found.iter().filter(|value| value.is_nan()).count(), 1);
}

#[test]
fn every_level_of_the_processor_computes_what_burn_does() {
    let lanes = std::sync::Mutex::new(Vec::new());
    let levels = at_every_level(|_| {
        lanes.lock().expect("one at a time").push(tile::lanes());
        convolutions_and_their_gradients_are_those_of_burn();
        convolutions_of_volumes_and_their_gradients_are_those_of_burn();
        transposed_convolutions_and_their_gradients_are_those_of_burn();
        normalization_its_gradients_and_its_statistics_are_those_of_burn();
        attention_and_its_gradients_are_those_of_burn();
        masked_attention_and_its_gradients_are_those_of_plain_tensors();
        a_transformer_is_that_of_burn();
        the_error_linear_unit_and_its_gradient_are_those_of_burn();
        dropout_drops_its_share_keeps_the_mean_and_drops_the_same_on_the_way_back();
    });
    // Registers of 1, 8 and 16 numbers, as far as the processor has them.
    assert_eq!(lanes.into_inner().expect("one at a time"), [1, 8, 16][..levels.len()], "{levels:?}");
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let shape = ConvolutionShape {
        batch: 3,
        inputs: 10,
        outputs: 19,
        size: [1, 12, 11],
        kernel: [1, 3, 3],
        stride: [1, 2, 1],
        padding: [0, 1, 1],
    };
    let number = |at: usize| ((at * 7919 % 1013) as f32) / 1013.0 - 0.5;
    let input: Vec<f32> = (0..3 * 10 * 12 * 11).map(number).collect();
    let weights: Vec<f32> = (0..19 * 10 * 9).map(number).collect();
    let places: usize = shape.output().iter().product();
    let gradient: Vec<f32> = (0..3 * 19 * places).map(number).collect();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| {
            let mut all = [vec![0.0; gradient.len()], vec![0.0; input.len()], vec![0.0; weights.len()]];
            let [output, of_input, of_weights] = &mut all;
            shape.forward(&input, &weights, output);
            shape.input_gradient(&weights, &gradient, of_input);
            shape.weight_gradient(&input, &gradient, of_weights);
            all
        })
    };
    let one = run(1);
    assert!(one.iter().all(|numbers| numbers.iter().any(|number| *number != 0.0)));
    for threads in [2, 3, 7] {
        assert_eq!(one, run(threads), "{threads} threads");
    }
}

/// The gradients of an attention's weights.
fn of_attention(module: &MultiHeadAttention, gradients: &burn::tensor::Gradients) -> Vec<Vec<f32>> {
    [&module.query, &module.key, &module.value, &module.output]
        .into_iter()
        .flat_map(|linear| parameters!(linear, gradients))
        .collect()
}

#[test]
fn attention_and_its_gradients_are_those_of_burn() {
    let device = device();
    // Widths of a head below, at and above a register; queries that fill no block; keys that fill no register.
    for (batch, heads, width, queries, keys) in
        [(3, 2, 4, 5, 7), (2, 4, 16, 16, 16), (2, 3, 20, 9, 37), (1, 1, 1, 1, 1)]
    {
        let module = MultiHeadAttentionConfig::new(heads * width, heads).with_dropout(0.0).init(&device);
        let input = noise([batch, queries, heads * width], &device);
        let memory = noise([batch, keys, heads * width], &device);
        let of = |gradients: &burn::tensor::Gradients| of_attention(&module, gradients);
        let ours = |x: Tensor<3>| {
            let projected = |linear: &burn::nn::Linear, x: &Tensor<3>| linear.forward(x.clone());
            let [k, v] = [projected(&module.key, &memory), projected(&module.value, &memory)];
            module.output.forward(attend(module.query.forward(x), k, v, heads, None))
        };
        let theirs = |x: Tensor<3>| module.forward(MhaInput::new(x, memory.clone(), memory.clone())).context;
        let found = with_gradients(&input, ours, of);
        let expected = with_gradients(&input, theirs, of);
        // The gradient of the keys' bias is 0 on paper: what is left is rounding, and compared with nothing.
        let kept = |numbers: Vec<Vec<f32>>| {
            let all = numbers.into_iter().enumerate();
            all.filter(|(place, _)| *place != 5 && keys > 1 || *place == 0)
                .map(|(_, numbers)| numbers)
                .collect()
        };
        compare(&format!("{heads} heads of {width}, {queries} to {keys}"), kept(found), kept(expected));
    }
}

#[test]
fn a_transformer_is_that_of_burn() {
    let device = device();
    for norm_first in [true, false] {
        let encoder = TransformerEncoderConfig::new(12, 20, 3, 2)
            .with_dropout(0.0)
            .with_norm_first(norm_first)
            .init(&device);
        let decoder = TransformerDecoderConfig::new(12, 20, 3, 2)
            .with_dropout(0.0)
            .with_norm_first(norm_first)
            .init(&device);
        let (tokens, queries) = (noise([2, 7, 12], &device), noise([2, 3, 12], &device));
        let of = |gradients: &burn::tensor::Gradients| {
            let encoder = encoder.layers.iter().flat_map(|layer| {
                let mut all = parameters!(layer.pwff.linear_inner, gradients);
                all.extend(parameters!(layer.mha.value, gradients));
                all.push(numbers(layer.norm_1.gamma.grad(gradients).expect("a gradient")));
                all.push(numbers(layer.norm_2.gamma.grad(gradients).expect("a gradient")));
                all
            });
            let decoder = decoder.layers.iter().flat_map(|layer| {
                let mut all = parameters!(layer.cross_attn.output, gradients);
                all.extend(parameters!(layer.self_attn.query, gradients).into_iter().take(1));
                all.push(numbers(layer.norm_3.gamma.grad(gradients).expect("a gradient")));
                all
            });
            encoder.chain(decoder).collect()
        };
        let ours = |x: Tensor<3>| decode(&decoder, queries.clone(), &encode(&encoder, x));
        let theirs = |x: Tensor<3>| {
            let memory = encoder.forward(TransformerEncoderInput::new(x));
            decoder.forward(TransformerDecoderInput::new(queries.clone(), memory))
        };
        let found = with_gradients(&tokens, ours, of);
        compare("transformer", found, with_gradients(&tokens, theirs, of));
    }
}

#[test]
fn the_error_linear_unit_and_its_gradient_are_those_of_burn() {
    let device = device();
    let input = Tensor::<2>::from_data([[-30.0_f32, -4.1, -1.0, -1e-3, 0.0, 0.5, 3.9, 40.0]], &device);
    let input = Tensor::cat(vec![input, noise([3, 8], &device)], 0);
    let nothing = |_: &burn::tensor::Gradients| Vec::new();
    let expected = with_gradients(&input, burn::tensor::activation::gelu, nothing);
    compare("gelu", with_gradients(&input, gelu, nothing), expected);
    let absent = Tensor::<1>::from_data([f32::NAN], &device);
    assert!(numbers(gelu(absent))[0].is_nan(), "what is no number stays so");
}

#[test]
fn dropout_drops_its_share_keeps_the_mean_and_drops_the_same_on_the_way_back() {
    let device = device();
    let module = burn::nn::DropoutConfig::new(0.3).init();
    let input = Tensor::<2>::ones([200, 500], &device).require_grad();
    let output = super::transformer::drop(&module, input.clone());
    let gradients = output.clone().sum().backward();
    let (found, back) = (numbers(output), numbers(input.grad(&gradients).expect("a gradient")));
    assert_eq!(found, back, "of ones, output and gradient are the factors");
    let dropped = found.iter().filter(|value| **value == 0.0).count();
    // Four deviations of a binomial distribution of 100000 draws.
    assert!((f64::from(dropped as u32) - 30_000.0).abs() < 4.0 * (100_000.0 * 0.3 * 0.7_f64).sqrt());
    assert!(found.iter().all(|value| *value == 0.0 || (value - 1.0 / 0.7).abs() < 1e-6));
    // Neighbors, and rows, are dropped independently of each other.
    for apart in [1, 500, 1 << 14] {
        let both = found.iter().zip(&found[apart..]).filter(|(a, b)| **a == 0.0 && **b == 0.0).count();
        let pairs = (found.len() - apart) as f64;
        assert!((both as f64 / pairs - 0.09).abs() < 5.0 * (0.09 * 0.91 / pairs).sqrt(), "{apart}: {both}");
    }
    let again = numbers(super::transformer::drop(&module, Tensor::<2>::ones([200, 500], &device)));
    assert_ne!(found, again, "the next dropout draws anew");
    device.seed(31);
    let first = numbers(super::transformer::drop(&module, Tensor::<2>::ones([200, 500], &device)));
    device.seed(31);
    assert_eq!(first, numbers(super::transformer::drop(&module, Tensor::<2>::ones([200, 500], &device))));
    let plain = Tensor::<2>::ones([2, 3], &Device::flex());
    assert_eq!(
        numbers(super::transformer::drop(&module, plain)),
        [1.0; 6],
        "nothing is dropped in prediction"
    );
}

#[test]
fn attention_drops_weights_and_differentiates_what_is_left() {
    let device = device();
    let dropout = burn::nn::DropoutConfig::new(0.4).init();
    let [queries, keys, values] =
        [5, 9, 9].map(|count| noise([2, count, 8], &device).detach().require_grad());
    let score = |q: Tensor<3>, k: Tensor<3>, v: Tensor<3>| {
        device.seed(8);
        attend(q, k, v, 2, Some(&dropout)).powi_scalar(2).sum()
    };
    let gradients = score(queries.clone(), keys.clone(), values.clone()).backward();
    let inputs = [queries, keys, values];
    for which in 0..3 {
        let found = numbers(inputs[which].grad(&gradients).expect("a gradient"));
        let dims: [usize; 3] = inputs[which].dims();
        for place in [0, 7, 19, found.len() - 1] {
            let at =
                |by: f32| {
                    let mut moved = numbers(inputs[which].clone());
                    moved[place] += by;
                    let moved = Tensor::from_data(burn::tensor::TensorData::new(moved, dims), &device);
                    let [q, k, v] = std::array::from_fn(|other| {
                        if other == which { moved.clone() } else { inputs[other].clone() }
                    });
                    f64::from(numbers(score(q, k, v))[0])
                };
            let numeric = (at(1e-2) - at(-1e-2)) / 2e-2;
            let gap = (numeric - f64::from(found[place])).abs();
            assert!(
                gap < 0.02 + 0.02 * numeric.abs(),
                "{which} at {place}: {numeric}, found {}",
                found[place]
            );
        }
    }
}

#[test]
fn masked_attention_and_its_gradients_are_those_of_plain_tensors() {
    let device = device();
    // Three sequences of which the second is padded at its end and the third has nothing that counts.
    let counts = [[1.0, 1.0, 1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0, 0.0, 0.0], [0.0; 6]];
    let valid = Tensor::<2>::from_data(counts, &device);
    for (causal, padded, queries) in
        [(true, false, 6), (true, false, 2), (false, true, 6), (true, true, 6), (true, true, 3)]
    {
        let (heads, width, keys) = (2, 3, 6);
        let input = noise([3, queries, heads * width], &device);
        let memory = noise([3, keys, heads * width], &device);
        let mask = Mask { valid: padded.then_some(&valid), causal };
        let of = |_: &burn::tensor::Gradients| Vec::new();
        // Keys and values hang on the input too, so that their gradients are seen.
        let memories = |x: &Tensor<3>| {
            let moved = memory.clone() + x.clone().narrow(1, 0, 1).repeat_dim(1, keys) * 0.3;
            (moved.clone(), moved.powi_scalar(2))
        };
        let ours = |x: Tensor<3>| {
            let (k, v) = memories(&x);
            attend_masked(x, k, v, heads, None, mask)
        };
        let theirs = |x: Tensor<3>| {
            let (k, v) = memories(&x);
            let parted = |x: Tensor<3>| {
                let [batch, count, _] = x.dims();
                x.reshape([batch, count, heads, width]).swap_dims(1, 2)
            };
            let scores = parted(x).matmul(parted(k).swap_dims(2, 3)) / (width as f64).sqrt();
            let places: Vec<f32> = (0..queries * keys)
                .map(|at| f32::from(!causal || at % keys <= at / keys + keys - queries))
                .collect();
            let places = burn::tensor::TensorData::new(places, [1, 1, queries, keys]);
            let mut seen = Tensor::<4>::from_data(places, &device).repeat_dim(0, 3);
            if padded {
                seen = seen * valid.clone().reshape([3, 1, 1, keys]);
            }
            let weights = (scores.clone() - scores.max_dim(3)).exp() * seen;
            let sums = weights.clone().sum_dim(3).clamp_min(1e-30);
            let read = (weights / sums).matmul(parted(v));
            read.swap_dims(1, 2).reshape([3, queries, heads * width])
        };
        let elsewhere = |x: Tensor<3>| {
            let (k, v) = memories(&x);
            plain::attend(x, k, v, heads, None, mask)
        };
        let name = format!("causal {causal}, padded {padded}, {queries} queries");
        compare(&name, with_gradients(&input, ours, of), with_gradients(&input, theirs, of));
        compare(&name, with_gradients(&input, elsewhere, of), with_gradients(&input, theirs, of));
    }
}

#[test]
fn what_is_masked_changes_nothing() {
    let device = Device::flex();
    let (queries, keys) = (noise([1, 4, 6], &device), noise([1, 4, 6], &device));
    let values = noise([1, 4, 6], &device);
    let last = |scale: f64| {
        let other = Tensor::<3>::ones([1, 1, 6], &device) * scale;
        Tensor::cat(vec![values.clone().narrow(1, 0, 3), other], 1)
    };
    let valid = Tensor::<2>::from_data([[1.0, 1.0, 1.0, 0.0]], &device);
    let read = |values: Tensor<3>, mask: Mask| {
        numbers(attend_masked(queries.clone(), keys.clone(), values, 2, None, mask))
    };
    let padded = Mask { valid: Some(&valid), causal: false };
    assert_eq!(read(last(1e30), padded), read(last(0.0), padded));
    let causal = Mask { valid: None, causal: true };
    let (much, nothing) = (read(last(1e30), causal), read(last(0.0), causal));
    // The last query alone reads the last value.
    assert_eq!(much[..18], nothing[..18]);
    assert_ne!(much[18..], nothing[18..]);
    // The first query reads the first value and no other.
    assert_eq!(nothing[..6], numbers(values.narrow(1, 0, 1))[..]);
}

/// Wherever a graphics processor answers (a software renderer will do): outputs and gradients of a classifier that has
/// every layer, beside those of the main processor.
#[cfg(feature = "gpu")]
#[test]
fn a_graphics_processor_computes_what_the_main_processor_does() {
    use crate::Processor;
    use crate::arch::{Classifier, ClassifierConfig, HeadKind, RecurrentCell, SliceMemory};
    use burn_store::{ModuleSnapshot, SafetensorsStore};
    let Ok(graphics) = Processor::Gpu.device() else {
        eprintln!("skipped: no graphics processor answers through Vulkan");
        return;
    };
    let flat = ClassifierConfig {
        widths: vec![8, 16],
        stem_stride: 2,
        side: 16,
        slices: 4,
        volumetric: false,
        recurrent: None,
        cnn: None,
        head: HeadKind::Transformer,
        features: 12,
        model_width: 16,
        heads: 2,
        encoder_layers: 1,
        decoder_layers: 1,
        labels: 3,
    };
    let memory = |cell| ClassifierConfig { recurrent: Some(SliceMemory { cell, hidden: 6 }), ..flat.clone() };
    let volumes = ClassifierConfig { volumetric: true, ..flat.clone() };
    for config in [volumes, memory(RecurrentCell::Lstm), memory(RecurrentCell::Gru)] {
        let plain = Device::flex();
        plain.seed(5);
        let network = Classifier::new(&config, &plain);
        let mut store = SafetensorsStore::from_bytes(None);
        network.save_into(&mut store).expect("weights");
        let weights = store.get_bytes().expect("weights").to_vec();
        let input = noise([2, 4, 16, 16], &plain).into_data();
        let of = |device: &Device| {
            let network = Classifier::load(&config, weights.clone(), device).expect("the same sizes");
            let read = numbers(network.forward(Tensor::from_data(input.clone(), device)).logits);
            // Back through the CNN by the batch's statistics; what stands above it drops by chance.
            let traced = device.clone().autodiff();
            let network = Classifier::load(&config, weights.clone(), &traced).expect("the same sizes");
            let image = Tensor::<4>::from_data(input.clone(), &traced).require_grad();
            let map = network.feature_maps(image.clone()).pop().expect("stages");
            let gradients = map.powi_scalar(2).sum().backward();
            [read, numbers(image.grad(&gradients).expect("a gradient"))]
        };
        let (found, expected) = (of(&graphics), of(&plain));
        for (found, expected) in found.iter().zip(&expected) {
            let greatest = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
            assert!(greatest > 0.0);
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-3 * greatest, "{found} for {expected}");
            }
        }
    }
}
