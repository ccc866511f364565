//! burn's layers, computed by the kernels.

use burn::backend::Dispatch;
use burn::nn::conv::{Conv2d, Conv3d, ConvTranspose2d, ConvTranspose3d};
use burn::nn::{BatchNorm, Linear, PaddingConfig2d, PaddingConfig3d};
use burn::tensor::activation::relu;
use burn::tensor::{DType, Tensor};

use super::plain::{self, has_kernels};
use super::{ConvolutionShape, DepthwiseShape, Gates, Kernels, Steps};

/// The convolution of a module.
///
/// # Shapes
/// `[batch, in, h, w]` to `[batch, out, h', w']`
pub(crate) fn convolve(module: &Conv2d, input: Tensor<4>) -> Tensor<4> {
    let padding = match &module.padding {
        PaddingConfig2d::Valid => Some([0, 0]),
        PaddingConfig2d::Explicit(top, left, bottom, right) if top == bottom && left == right => {
            Some([*top, *left])
        }
        _ => None,
    };
    let (Some([top, left]), 1, [1, 1], true) =
        (padding, module.groups, module.dilation, is_for_kernels(&input))
    else {
        return module.forward(input);
    };
    let [batch, inputs, height, width] = input.dims();
    let weights = module.weight.val();
    let [outputs, _, rows, columns] = weights.dims();
    let shape = ConvolutionShape {
        batch,
        inputs,
        outputs,
        size: [1, height, width],
        kernel: [1, rows, columns],
        stride: [1, module.stride[0], module.stride[1]],
        padding: [0, top, left],
    };
    if !shape.has_output() {
        return module.forward(input);
    }
    let output = Dispatch::convolve(input.into_dispatch(), weights.into_dispatch(), shape);
    let output = Tensor::<4>::from_dispatch(output);
    match &module.bias {
        Some(bias) => output + bias.val().reshape([1, outputs, 1, 1]),
        None => output,
    }
}

/// The convolution of a module without padding of its own, with as many zeros around the input as make
/// `ceil(size / stride)` places along each axis; an odd zero stands behind.
///
/// # Shapes
/// `[batch, in, h, w]` to `[batch, out, ceil(h / stride), ceil(w / stride)]`
///
/// # Source
/// TensorFlow's padding "SAME"
pub(crate) fn convolve_same(module: &Conv2d, input: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = input.dims();
    let [outputs, of_each, rows, columns] = module.weight.dims();
    let (size, kernel) = ([height, width], [rows, columns]);
    let output: [usize; 2] = std::array::from_fn(|axis| size[axis].div_ceil(module.stride[axis]));
    let zeros: [usize; 2] = std::array::from_fn(|axis| {
        let read = output[axis].saturating_sub(1) * module.stride[axis] + kernel[axis];
        read.saturating_sub(size[axis])
    });
    let before = zeros.map(|zeros| zeros / 2);
    let is_depthwise = of_each == 1 && module.groups == channels && outputs == channels;
    if is_depthwise && module.bias.is_none() && module.dilation == [1, 1] && is_for_kernels(&input) {
        let shape = DepthwiseShape { batch, channels, size, kernel, stride: module.stride, before, output };
        let weights = module.weight.val().into_dispatch();
        return Tensor::from_dispatch(Dispatch::convolve_depthwise(input.into_dispatch(), weights, shape));
    }
    let [[top, left], [bottom, right]] = [before, std::array::from_fn(|axis| zeros[axis] - before[axis])];
    let padded = if zeros == [0, 0] { input } else { input.pad((left, right, top, bottom), 0.0) };
    convolve(module, padded)
}

/// The convolution of a module.
///
/// # Shapes
/// `[batch, in, d, h, w]` to `[batch, out, d', h', w']`
pub(crate) fn convolve_volume(module: &Conv3d, input: Tensor<5>) -> Tensor<5> {
    let padding = match &module.padding {
        PaddingConfig3d::Valid => Some([0; 3]),
        PaddingConfig3d::Explicit(depth, height, width) => Some([*depth, *height, *width]),
        _ => None,
    };
    let (Some(padding), 1, [1, 1, 1], true) =
        (padding, module.groups, module.dilation, is_for_kernels(&input))
    else {
        return module.forward(input);
    };
    let [batch, inputs, depth, height, width] = input.dims();
    let weights = module.weight.val();
    let [outputs, _, slices, rows, columns] = weights.dims();
    let shape = ConvolutionShape {
        batch,
        inputs,
        outputs,
        size: [depth, height, width],
        kernel: [slices, rows, columns],
        stride: module.stride,
        padding,
    };
    if !shape.has_output() {
        return module.forward(input);
    }
    let output = Dispatch::convolve(input.into_dispatch(), weights.into_dispatch(), shape);
    let output = Tensor::<5>::from_dispatch(output);
    match &module.bias {
        Some(bias) => output + bias.val().reshape([1, outputs, 1, 1, 1]),
        None => output,
    }
}

/// The transposed convolution of a module.
///
/// # Shapes
/// `[batch, in, h, w]` to `[batch, out, h', w']`
pub(crate) fn convolve_transposed(module: &ConvTranspose2d, input: Tensor<4>) -> Tensor<4> {
    let [batch, outputs, height, width] = input.dims();
    let weights = module.weight.val();
    let [_, inputs, rows, columns] = weights.dims();
    let sized = |axis: usize, from: usize, kernel: usize| {
        let whole = (from - 1) * module.stride[axis] + kernel + module.padding_out[axis];
        whole.saturating_sub(2 * module.padding[axis])
    };
    let plain = module.groups == 1 && module.dilation == [1, 1] && is_for_kernels(&input);
    if !plain || height == 0 || width == 0 {
        return module.forward(input);
    }
    let shape = ConvolutionShape {
        batch,
        inputs,
        outputs,
        size: [1, sized(0, height, rows), sized(1, width, columns)],
        kernel: [1, rows, columns],
        stride: [1, module.stride[0], module.stride[1]],
        padding: [0, module.padding[0], module.padding[1]],
    };
    if !shape.has_output() || shape.output() != [1, height, width] {
        return module.forward(input);
    }
    let output = Dispatch::convolve_input_gradient(weights.into_dispatch(), input.into_dispatch(), shape);
    let output = Tensor::<4>::from_dispatch(output);
    match &module.bias {
        Some(bias) => output + bias.val().reshape([1, inputs, 1, 1]),
        None => output,
    }
}

/// The transposed convolution of a module.
///
/// # Shapes
/// `[batch, in, d, h, w]` to `[batch, out, d', h', w']`
pub(crate) fn convolve_transposed_volume(module: &ConvTranspose3d, input: Tensor<5>) -> Tensor<5> {
    let [batch, outputs, depth, height, width] = input.dims();
    let weights = module.weight.val();
    let [_, inputs, slices, rows, columns] = weights.dims();
    let (from, kernel) = ([depth, height, width], [slices, rows, columns]);
    let plain = module.groups == 1 && module.dilation == [1; 3] && is_for_kernels(&input);
    if !plain || from.contains(&0) {
        return module.forward(input);
    }
    let size = std::array::from_fn(|axis| {
        let whole = (from[axis] - 1) * module.stride[axis] + kernel[axis] + module.padding_out[axis];
        whole.saturating_sub(2 * module.padding[axis])
    });
    let (stride, padding) = (module.stride, module.padding);
    let shape = ConvolutionShape { batch, inputs, outputs, size, kernel, stride, padding };
    if !shape.has_output() || shape.output() != from {
        return module.forward(input);
    }
    let output = Dispatch::convolve_input_gradient(weights.into_dispatch(), input.into_dispatch(), shape);
    let output = Tensor::<5>::from_dispatch(output);
    match &module.bias {
        Some(bias) => output + bias.val().reshape([1, inputs, 1, 1, 1]),
        None => output,
    }
}

/// What follows a normalization.
#[expect(clippy::large_enum_variant, reason = "made in a call and taken apart in it")]
pub(crate) enum Then<const D: usize> {
    /// Nothing.
    Nothing,
    /// A rectifier.
    Rectify,
    /// A shortcut is added, then a rectifier.
    AddAndRectify(Tensor<D>),
}

/// Batch normalization and what follows it, in one pass over the output.
///
/// As burn's module: by the batch's statistics, which the running ones follow, on a device with gradients, unless the
/// module is frozen; by the running ones elsewhere.
///
/// # Shapes
/// `[batch, channels, ...]` to the same
pub(crate) fn normalize<const D: usize>(module: &BatchNorm, input: Tensor<D>, then: Then<D>) -> Tensor<D> {
    let differentiates = input.device().is_autodiff();
    if !is_for_kernels(&input) || (differentiates && !module.training.is_enabled()) {
        return apply(module.forward(input), then);
    }
    if differentiates { by_batch(module, input, then) } else { by_running(module, input, then) }
}

/// The states of a direction of a recurrent network: `module` has the weights of the state.
///
/// # Shapes
/// `[batch, steps, gates * hidden]` and `[batch, steps, 1]`, 1 where a step counts and 0 elsewhere, to
/// `[batch, steps, hidden]`
pub(crate) fn remember(
    module: &Linear,
    brought: Tensor<3>,
    valid: &Tensor<3>,
    gates: Gates,
    backward: bool,
) -> Tensor<3> {
    let [batch, steps, width] = brought.dims();
    let [hidden, _] = module.weight.dims();
    let device = brought.device();
    if !has_kernels(&device) {
        return plain::remember(module, brought, valid, gates, backward);
    }
    let bias = module.bias.as_ref().map_or_else(|| Tensor::zeros([width], &device), |bias| bias.val());
    let (states, _) = Dispatch::remember(
        brought.into_dispatch(),
        module.weight.val().into_dispatch(),
        bias.into_dispatch(),
        valid.clone().reshape([batch, steps]).into_dispatch(),
        Steps { batch, steps, hidden, gates, backward },
    );
    Tensor::from_dispatch(states)
}

fn is_for_kernels<const D: usize>(input: &Tensor<D>) -> bool {
    input.dtype() == DType::F32 && has_kernels(&input.device())
}

fn apply<const D: usize>(output: Tensor<D>, then: Then<D>) -> Tensor<D> {
    match then {
        Then::Nothing => output,
        Then::Rectify => relu(output),
        Then::AddAndRectify(short) => relu(output + short),
    }
}

fn by_batch<const D: usize>(module: &BatchNorm, input: Tensor<D>, then: Then<D>) -> Tensor<D> {
    let device = input.device();
    let (input, epsilon) = (input.into_dispatch(), module.epsilon);
    let (gamma, beta) = (module.gamma.val().into_dispatch(), module.beta.val().into_dispatch());
    let (output, mean, variance) = match then {
        Then::Nothing => Dispatch::normalize(input, gamma, beta, epsilon, false),
        Then::Rectify => Dispatch::normalize(input, gamma, beta, epsilon, true),
        Then::AddAndRectify(short) => {
            Dispatch::normalize_and_add(input, gamma, beta, short.into_dispatch(), epsilon)
        }
    };
    for (running, of_batch) in [(&module.running_mean, mean), (&module.running_var, variance)] {
        let of_batch = Tensor::<1>::from_dispatch(of_batch).detach();
        let before = running.value_sync().to_device(&device);
        let after = before.mul_scalar(1.0 - module.momentum).add(of_batch.mul_scalar(module.momentum));
        running.update(after.detach());
    }
    Tensor::from_dispatch(output)
}

fn by_running<const D: usize>(module: &BatchNorm, input: Tensor<D>, then: Then<D>) -> Tensor<D> {
    let device = input.device();
    let mean = module.running_mean.value().to_device(&device);
    let variance = module.running_var.value().to_device(&device);
    let scale = module.gamma.val() / (variance + module.epsilon).sqrt();
    let shift = module.beta.val() - mean * scale.clone();
    let (input, scale, shift) = (input.into_dispatch(), scale.into_dispatch(), shift.into_dispatch());
    Tensor::from_dispatch(match then {
        Then::Nothing => Dispatch::affine(input, scale, shift, false),
        Then::Rectify => Dispatch::affine(input, scale, shift, true),
        Then::AddAndRectify(short) => Dispatch::affine_and_add(input, scale, shift, short.into_dispatch()),
    })
}
