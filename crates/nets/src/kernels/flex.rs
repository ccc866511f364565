//! The kernels on burn's tensors in memory.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, Shape};

use super::attention::{Back, Vectors};
use super::batch_norm::{self, Channels};
use super::gelu;
use super::recurrent::Way;
use super::{Attention, ConvolutionShape, DepthwiseShape, Draw, Kernels, Steps};

/// A tensor whose numbers lie one after another.
struct Plain(FlexTensor);

impl Plain {
    fn of(tensor: &FlexTensor) -> Self {
        Self(tensor.to_contiguous())
    }

    fn numbers(&self) -> &[f32] {
        self.0.as_slice().expect("32-bit floats without gaps")
    }
}

fn zeros(shape: Shape) -> FlexTensor {
    FlexTensor::zeros(shape, DType::F32)
}

/// `[batch, channels, depth, height, width]` in as many dimensions as `like` has.
fn sized(like: &FlexTensor, batch: usize, channels: usize, size: [usize; 3]) -> Shape {
    let skipped = 5 - like.layout().shape().num_dims();
    let all: Vec<usize> = [batch, channels].into_iter().chain(size[skipped..].iter().copied()).collect();
    Shape::from(all)
}

/// A tensor that `write` fills, on a thread of the pool: what is dealt out from there wakes nobody who is awake.
fn written(shape: Shape, write: impl FnOnce(&mut [f32]) + Send) -> FlexTensor {
    let mut tensor = zeros(shape);
    let numbers = tensor.storage_mut();
    rayon::scope(|_| write(numbers));
    tensor
}

/// Batch, channels and places of a channel.
fn channels(tensor: &FlexTensor) -> Channels {
    let shape = tensor.layout().shape();
    let places = (2..shape.num_dims()).map(|axis| shape[axis]).product();
    Channels { batch: shape[0], channels: shape[1], places }
}

fn by_channel(numbers: Vec<f32>) -> FlexTensor {
    written(Shape::new([numbers.len()]), |out| out.copy_from_slice(&numbers))
}

fn normalized(
    input: &FlexTensor,
    [gamma, beta]: [&FlexTensor; 2],
    short: Option<&FlexTensor>,
    epsilon: f64,
    rectify: bool,
) -> (FlexTensor, FlexTensor, FlexTensor) {
    let of = channels(input);
    let (x, gamma, beta) = (Plain::of(input), Plain::of(gamma), Plain::of(beta));
    let short = short.map(Plain::of);
    let (mean, variance) = of.moments(x.numbers());
    let (scale, shift) = batch_norm::line(gamma.numbers(), beta.numbers(), &mean, &variance, epsilon);
    let output = written(input.layout().shape().clone(), |out| {
        of.affine(x.numbers(), &scale, &shift, short.as_ref().map(Plain::numbers), rectify, out);
    });
    (output, by_channel(mean), by_channel(variance))
}

fn affine(
    input: &FlexTensor,
    scale: &FlexTensor,
    shift: &FlexTensor,
    short: Option<&FlexTensor>,
    rectify: bool,
) -> FlexTensor {
    let (x, scale, shift) = (Plain::of(input), Plain::of(scale), Plain::of(shift));
    let short = short.map(Plain::of);
    let short = short.as_ref().map(Plain::numbers);
    written(input.layout().shape().clone(), |out| {
        channels(input).affine(x.numbers(), scale.numbers(), shift.numbers(), short, rectify, out);
    })
}

impl Kernels for Flex {
    fn convolve(
        input: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        shape: ConvolutionShape,
    ) -> FloatTensor<Self> {
        let (x, w) = (Plain::of(&input), Plain::of(&weights));
        written(sized(&input, shape.batch, shape.outputs, shape.output()), |out| {
            shape.forward(x.numbers(), w.numbers(), out);
        })
    }

    fn convolve_input_gradient(
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        shape: ConvolutionShape,
    ) -> FloatTensor<Self> {
        let (w, g) = (Plain::of(&weights), Plain::of(&gradient));
        written(sized(&gradient, shape.batch, shape.inputs, shape.size), |into| {
            shape.input_gradient(w.numbers(), g.numbers(), into);
        })
    }

    fn convolve_weight_gradient(
        input: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        shape: ConvolutionShape,
    ) -> FloatTensor<Self> {
        let (x, g) = (Plain::of(&input), Plain::of(&gradient));
        written(sized(&input, shape.outputs, shape.inputs, shape.kernel), |into| {
            shape.weight_gradient(x.numbers(), g.numbers(), into);
        })
    }

    fn convolve_depthwise(
        input: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        shape: DepthwiseShape,
    ) -> FloatTensor<Self> {
        let (x, w) = (Plain::of(&input), Plain::of(&weights));
        let [rows, columns] = shape.output;
        written(sized(&input, shape.batch, shape.channels, [1, rows, columns]), |out| {
            shape.forward(x.numbers(), w.numbers(), out);
        })
    }

    fn convolve_depthwise_gradient(
        input: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        shape: DepthwiseShape,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (x, w, g) = (Plain::of(&input), Plain::of(&weights), Plain::of(&gradient));
        let of_input = written(input.layout().shape().clone(), |into| {
            shape.input_gradient(w.numbers(), g.numbers(), into);
        });
        let of_weights = written(weights.layout().shape().clone(), |into| {
            shape.weight_gradient(x.numbers(), g.numbers(), into);
        });
        (of_input, of_weights)
    }

    fn normalize(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        rectify: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        normalized(&input, [&gamma, &beta], None, epsilon, rectify)
    }

    fn normalize_and_add(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        short: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        normalized(&input, [&gamma, &beta], Some(&short), epsilon, true)
    }

    fn normalize_gradient(
        input: FloatTensor<Self>,
        output: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        epsilon: f64,
        rectified: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let of = channels(&input);
        let (x, g) = (Plain::of(&input), Plain::of(&gradient));
        let output = rectified.then(|| Plain::of(&output));
        let batch = batch_norm::Batch {
            input: x.numbers(),
            output: output.as_ref().map(Plain::numbers),
            mean: Plain::of(&mean).numbers().to_vec(),
            deviation: batch_norm::deviation(Plain::of(&variance).numbers(), epsilon),
        };
        let (of_gamma, of_beta) = of.sums(&batch, g.numbers());
        let into = written(input.layout().shape().clone(), |into| {
            let gamma = Plain::of(&gamma);
            of.input_gradient(&batch, g.numbers(), gamma.numbers(), [&of_gamma, &of_beta], into);
        });
        (into, by_channel(of_gamma), by_channel(of_beta))
    }

    fn rectifier_gradient(output: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let (y, g) = (Plain::of(&output), Plain::of(&gradient));
        written(gradient.layout().shape().clone(), |into| {
            batch_norm::rectifier_gradient(y.numbers(), g.numbers(), into);
        })
    }

    fn affine(
        input: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        rectify: bool,
    ) -> FloatTensor<Self> {
        affine(&input, &scale, &shift, None, rectify)
    }

    fn affine_and_add(
        input: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        short: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        affine(&input, &scale, &shift, Some(&short), true)
    }

    fn remember(
        brought: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        valid: FloatTensor<Self>,
        steps: Steps,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let [x, w, b, v] = [&brought, &weights, &bias, &valid].map(Plain::of);
        let mut kept = zeros(Shape::new([steps.batch, steps.steps, steps.gates.kept() * steps.hidden]));
        let states = written(Shape::new([steps.batch, steps.steps, steps.hidden]), |states| {
            let kept = kept.storage_mut();
            steps.forward(x.numbers(), w.numbers(), b.numbers(), v.numbers(), states, kept);
        });
        (states, kept)
    }

    fn remember_gradient(
        weights: FloatTensor<Self>,
        valid: FloatTensor<Self>,
        kept: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        steps: Steps,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [w, v, k, g] = [&weights, &valid, &kept, &gradient].map(Plain::of);
        let way = Way { weights: w.numbers(), valid: v.numbers(), kept: k.numbers(), gradient: g.numbers() };
        let sized = |length: usize| zeros(Shape::new([steps.batch, steps.steps, length]));
        let (mut of_product, mut before) = (sized(steps.width()), sized(steps.hidden));
        let of_brought = written(Shape::new([steps.batch, steps.steps, steps.width()]), |of_brought| {
            steps.back(&way, of_brought, of_product.storage_mut(), before.storage_mut());
        });
        (of_brought, of_product, before)
    }

    fn dropout(input: FloatTensor<Self>, draw: Draw) -> FloatTensor<Self> {
        let x = Plain::of(&input);
        written(input.layout().shape().clone(), |out| draw.apply(x.numbers(), out))
    }

    fn error_linear(input: FloatTensor<Self>) -> FloatTensor<Self> {
        let x = Plain::of(&input);
        written(input.layout().shape().clone(), |out| gelu::forward(x.numbers(), out))
    }

    fn error_linear_gradient(input: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, g) = (Plain::of(&input), Plain::of(&gradient));
        written(input.layout().shape().clone(), |into| gelu::gradient(x.numbers(), g.numbers(), into))
    }

    fn attend(
        queries: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        valid: FloatTensor<Self>,
        of: Attention,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let [q, k, v, m] = [&queries, &keys, &values, &valid].map(Plain::of);
        let vectors =
            Vectors { queries: q.numbers(), keys: k.numbers(), values: v.numbers(), valid: m.numbers() };
        let mut log_sums = zeros(Shape::new([of.batch, of.heads, of.queries]));
        let context = written(queries.layout().shape().clone(), |context| {
            of.forward(vectors, context, log_sums.storage_mut());
        });
        (context, log_sums)
    }

    fn attend_gradient(
        queries: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        valid: FloatTensor<Self>,
        context: FloatTensor<Self>,
        log_sums: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        of: Attention,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [q, k, v, m] = [&queries, &keys, &values, &valid].map(Plain::of);
        let [c, l, g] = [&context, &log_sums, &gradient].map(Plain::of);
        let vectors =
            Vectors { queries: q.numbers(), keys: k.numbers(), values: v.numbers(), valid: m.numbers() };
        let back = Back { context: c.numbers(), log_sums: l.numbers(), gradient: g.numbers() };
        let like = |tensor: &FlexTensor| zeros(tensor.layout().shape().clone());
        let (mut of_keys, mut of_values) = (like(&keys), like(&values));
        let of_queries = written(queries.layout().shape().clone(), |of_queries| {
            of.back(vectors, back, [of_queries, of_keys.storage_mut(), of_values.storage_mut()]);
        });
        (of_queries, of_keys, of_values)
    }
}
