//! The backward steps.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend};
use burn::tensor::Shape;

use super::{Attention, ConvolutionShape, DepthwiseShape, Draw, Kernels, Steps};

const TWICE: &str = "gradients of gradients are not computed";

#[derive(Debug)]
struct Convolve;

impl<B: Kernels> Backward<B, 2> for Convolve {
    /// Input and weights.
    type State = (NodeId, NodeId, ConvolutionShape);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let [of_input, of_weights] = ops.parents;
        let gradient = grads.consume::<B>(&ops.node);
        let (input, weights, shape) = ops.state;
        let mut saved = |node: NodeId| checkpointer.retrieve_node_output::<FloatTensor<B>>(node);
        if let Some(node) = of_input {
            let found = B::convolve_input_gradient(saved(weights), gradient.clone(), shape);
            grads.register::<B>(node.id, found);
        }
        if let Some(node) = of_weights {
            grads.register::<B>(node.id, B::convolve_weight_gradient(saved(input), gradient, shape));
        }
    }
}

#[derive(Debug)]
struct ConvolveDepthwise;

impl<B: Kernels> Backward<B, 2> for ConvolveDepthwise {
    /// Input and weights.
    type State = (NodeId, NodeId, DepthwiseShape);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let (input, weights, shape) = ops.state;
        let mut saved = |node: NodeId| checkpointer.retrieve_node_output::<FloatTensor<B>>(node);
        let (x, w) = B::convolve_depthwise_gradient(saved(input), saved(weights), gradient, shape);
        for (node, found) in ops.parents.into_iter().zip([x, w]) {
            if let Some(node) = node {
                grads.register::<B>(node.id, found);
            }
        }
    }
}

/// A transposed convolution: the gradient with respect to the input, as a layer of its own.
#[derive(Debug)]
struct ConvolveTransposed;

impl<B: Kernels> Backward<B, 2> for ConvolveTransposed {
    /// Weights and what they were applied to.
    type State = (NodeId, NodeId, ConvolutionShape);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let [of_weights, of_input] = ops.parents;
        let gradient = grads.consume::<B>(&ops.node);
        let (weights, input, shape) = ops.state;
        let mut saved = |node: NodeId| checkpointer.retrieve_node_output::<FloatTensor<B>>(node);
        if let Some(node) = of_input {
            let found = B::convolve(gradient.clone(), saved(weights), shape);
            grads.register::<B>(node.id, found);
        }
        if let Some(node) = of_weights {
            grads.register::<B>(node.id, B::convolve_weight_gradient(gradient, saved(input), shape));
        }
    }
}

/// What the backward step of a normalization needs.
type Normalized<B> = ([FloatTensor<B>; 5], f64, bool);

#[derive(Debug)]
struct Normalize;

impl<B: Kernels> Backward<B, 3> for Normalize {
    type State = Normalized<B>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let ([input, output, gamma, mean, variance], epsilon, rectified) = ops.state;
        let (x, g, b) =
            B::normalize_gradient(input, output, gamma, mean, variance, gradient, epsilon, rectified);
        for (node, found) in ops.parents.into_iter().zip([x, g, b]) {
            if let Some(node) = node {
                grads.register::<B>(node.id, found);
            }
        }
    }
}

#[derive(Debug)]
struct NormalizeAndAdd;

impl<B: Kernels> Backward<B, 4> for NormalizeAndAdd {
    type State = Normalized<B>;

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let ([input, output, gamma, mean, variance], epsilon, _) = ops.state;
        let gradient = B::rectifier_gradient(output.clone(), grads.consume::<B>(&ops.node));
        let short = gradient.clone();
        let (x, g, b) = B::normalize_gradient(input, output, gamma, mean, variance, gradient, epsilon, false);
        for (node, found) in ops.parents.into_iter().zip([x, g, b, short]) {
            if let Some(node) = node {
                grads.register::<B>(node.id, found);
            }
        }
    }
}

#[derive(Debug)]
struct Remember;

impl<B: Kernels> Backward<B, 3> for Remember {
    /// Weights, which steps count, what was kept.
    type State = ([FloatTensor<B>; 3], Steps);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let ([weights, valid, kept], steps) = ops.state;
        let (of_brought, of_product, before) = B::remember_gradient(weights, valid, kept, gradient, steps);
        let [brought, weights, bias] = ops.parents;
        if let Some(node) = brought {
            grads.register::<B>(node.id, of_brought);
        }
        let rows = steps.batch * steps.steps;
        let of_product = B::float_reshape(of_product, Shape::new([rows, steps.width()]));
        if let Some(node) = weights {
            let before = B::float_reshape(before, Shape::new([rows, steps.hidden]));
            grads.register::<B>(node.id, B::float_matmul(B::float_transpose(before), of_product.clone()));
        }
        if let Some(node) = bias {
            let sums = B::float_sum_dim(of_product, 0);
            grads.register::<B>(node.id, B::float_reshape(sums, Shape::new([steps.width()])));
        }
    }
}

#[derive(Debug)]
struct Dropped;

impl<B: Kernels> Backward<B, 1> for Dropped {
    type State = Draw;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            grads.register::<B>(node.id, B::dropout(gradient, ops.state));
        }
    }
}

#[derive(Debug)]
struct Curved;

impl<B: Kernels> Backward<B, 1> for Curved {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            grads.register::<B>(node.id, B::error_linear_gradient(ops.state, gradient));
        }
    }
}

#[derive(Debug)]
struct Attend;

impl<B: Kernels> Backward<B, 3> for Attend {
    /// Queries, keys, values, which keys count, what was read, and the logarithms of the sums.
    type State = ([FloatTensor<B>; 6], Attention);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let ([queries, keys, values, valid, context, log_sums], of) = ops.state;
        let (q, k, v) = B::attend_gradient(queries, keys, values, valid, context, log_sums, gradient, of);
        for (node, found) in ops.parents.into_iter().zip([q, k, v]) {
            if let Some(node) = node {
                grads.register::<B>(node.id, found);
            }
        }
    }
}

impl<B: Backend + Kernels, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
    fn convolve(
        input: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        shape: ConvolutionShape,
    ) -> FloatTensor<Self> {
        let (of_input, of_weights) = (input.node(), weights.node());
        match Convolve.prepare::<C>([of_input, of_weights]).compute_bound().stateful() {
            OpsKind::Tracked(mut preparation) => {
                let state = (preparation.checkpoint(&input), preparation.checkpoint(&weights), shape);
                let output = B::convolve(input.into_primitive(), weights.into_primitive(), shape);
                preparation.finish(state, output)
            }
            OpsKind::UnTracked(preparation) => {
                preparation.finish(B::convolve(input.into_primitive(), weights.into_primitive(), shape))
            }
        }
    }

    fn convolve_input_gradient(
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        shape: ConvolutionShape,
    ) -> FloatTensor<Self> {
        let nodes = [weights.node(), gradient.node()];
        match ConvolveTransposed.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut preparation) => {
                let state = (preparation.checkpoint(&weights), preparation.checkpoint(&gradient), shape);
                let (w, g) = (weights.into_primitive(), gradient.into_primitive());
                preparation.finish(state, B::convolve_input_gradient(w, g, shape))
            }
            OpsKind::UnTracked(preparation) => {
                let (w, g) = (weights.into_primitive(), gradient.into_primitive());
                preparation.finish(B::convolve_input_gradient(w, g, shape))
            }
        }
    }

    fn convolve_weight_gradient(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: ConvolutionShape,
    ) -> FloatTensor<Self> {
        unreachable!("{TWICE}")
    }

    fn convolve_depthwise(
        input: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        shape: DepthwiseShape,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), weights.node()];
        match ConvolveDepthwise.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut preparation) => {
                let state = (preparation.checkpoint(&input), preparation.checkpoint(&weights), shape);
                let output = B::convolve_depthwise(input.into_primitive(), weights.into_primitive(), shape);
                preparation.finish(state, output)
            }
            OpsKind::UnTracked(preparation) => {
                let (x, w) = (input.into_primitive(), weights.into_primitive());
                preparation.finish(B::convolve_depthwise(x, w, shape))
            }
        }
    }

    fn convolve_depthwise_gradient(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: DepthwiseShape,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("{TWICE}")
    }

    fn normalize(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        rectify: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [input.node(), gamma.node(), beta.node()];
        let (x, g, b) = (input.into_primitive(), gamma.into_primitive(), beta.into_primitive());
        let (output, mean, variance) = B::normalize(x.clone(), g.clone(), b, epsilon, rectify);
        let output_with_step = match Normalize.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => {
                let kept = [x, output.clone(), g, mean.clone(), variance.clone()];
                preparation.finish((kept, epsilon, rectify), output)
            }
            OpsKind::UnTracked(preparation) => preparation.finish(output),
        };
        (output_with_step, Self::from_inner(mean), Self::from_inner(variance))
    }

    fn normalize_and_add(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        short: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [input.node(), gamma.node(), beta.node(), short.node()];
        let (x, g, b) = (input.into_primitive(), gamma.into_primitive(), beta.into_primitive());
        let (output, mean, variance) =
            B::normalize_and_add(x.clone(), g.clone(), b, short.into_primitive(), epsilon);
        let output_with_step = match NormalizeAndAdd.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => {
                let kept = [x, output.clone(), g, mean.clone(), variance.clone()];
                preparation.finish((kept, epsilon, true), output)
            }
            OpsKind::UnTracked(preparation) => preparation.finish(output),
        };
        (output_with_step, Self::from_inner(mean), Self::from_inner(variance))
    }

    fn normalize_gradient(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: f64,
        _: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("{TWICE}")
    }

    fn rectifier_gradient(_: FloatTensor<Self>, _: FloatTensor<Self>) -> FloatTensor<Self> {
        unreachable!("{TWICE}")
    }

    fn affine(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: bool,
    ) -> FloatTensor<Self> {
        unreachable!("a normalization by running statistics has no backward step here")
    }

    fn affine_and_add(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        unreachable!("a normalization by running statistics has no backward step here")
    }

    fn remember(
        brought: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        valid: FloatTensor<Self>,
        steps: Steps,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [brought.node(), weights.node(), bias.node()];
        let (x, w, b) = (brought.into_primitive(), weights.into_primitive(), bias.into_primitive());
        let valid = valid.into_primitive();
        let (states, kept) = B::remember(x, w.clone(), b, valid.clone(), steps);
        let states = match Remember.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish(([w, valid, kept.clone()], steps), states),
            OpsKind::UnTracked(preparation) => preparation.finish(states),
        };
        (states, Self::from_inner(kept))
    }

    fn remember_gradient(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: Steps,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("{TWICE}")
    }

    fn dropout(input: FloatTensor<Self>, draw: Draw) -> FloatTensor<Self> {
        let node = input.node();
        let output = B::dropout(input.into_primitive(), draw);
        match Dropped.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish(draw, output),
            OpsKind::UnTracked(preparation) => preparation.finish(output),
        }
    }

    fn error_linear(input: FloatTensor<Self>) -> FloatTensor<Self> {
        let node = input.node();
        let input = input.into_primitive();
        let output = B::error_linear(input.clone());
        match Curved.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish(input, output),
            OpsKind::UnTracked(preparation) => preparation.finish(output),
        }
    }

    fn error_linear_gradient(_: FloatTensor<Self>, _: FloatTensor<Self>) -> FloatTensor<Self> {
        unreachable!("{TWICE}")
    }

    fn attend(
        queries: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        valid: FloatTensor<Self>,
        of: Attention,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [queries.node(), keys.node(), values.node()];
        let (q, k, v) = (queries.into_primitive(), keys.into_primitive(), values.into_primitive());
        let valid = valid.into_primitive();
        let (context, log_sums) = B::attend(q.clone(), k.clone(), v.clone(), valid.clone(), of);
        let context = match Attend.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => {
                preparation.finish(([q, k, v, valid, context.clone(), log_sums.clone()], of), context)
            }
            OpsKind::UnTracked(preparation) => preparation.finish(context),
        };
        (context, Self::from_inner(log_sums))
    }

    fn attend_gradient(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: Attention,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("{TWICE}")
    }
}
