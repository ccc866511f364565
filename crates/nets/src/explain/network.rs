use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use super::ExplainError;

/// A network that can be explained: it gives logits of an image (`D` is 4) or a volume (`D` is 5).
///
/// # Shapes
/// Input: `[batch, channels, rows, columns]`, or `[batch, channels, slices, rows, columns]`; the last axis
/// varies fastest, as pixels and voxels do.
pub trait Explained<const D: usize>: Module {
    /// `[batch, labels]`
    fn logits(&self, input: Tensor<D>) -> Tensor<2>;
}

/// A network with feature maps between its input and its logits: what Grad-CAM reads.
pub trait Mapped<const D: usize>: Explained<D> {
    /// The feature maps of every layer that has them, shallowest (and finest) first.
    fn maps(&self, input: Tensor<D>) -> Vec<Tensor<D>>;

    /// The logits of a map that [`maps`](Self::maps) gave at this place of its list, counted from 0.
    fn logits_of_map(&self, map: Tensor<D>, layer: usize) -> Tensor<2>;
}

/// A network whose tokens attend to each other.
pub trait Attending<const D: usize>: Explained<D> {
    /// Who attended to whom.
    fn attention(&self, input: Tensor<D>) -> AttentionTrace;
}

/// The attention of one pass.
#[derive(Clone, Debug)]
pub struct AttentionTrace {
    /// Among the tokens, the first layer first: `[batch, heads, tokens, tokens]`, a row for each that reads.
    pub layers: Vec<Tensor<4>>,
    /// How the label queries read the tokens in each decoder layer, `[batch, heads, labels, tokens]`; empty where
    /// the first token alone is read.
    pub readings: Vec<Tensor<4>>,
    /// Tokens that stand for no place, before those that do.
    pub summaries: usize,
    /// Columns, rows and slices of the tokens that stand for places.
    pub places: [usize; 3],
}

/// Columns, rows and slices of a batch; flat images have one slice.
pub(super) fn size_of<const D: usize>(dims: [usize; D]) -> [usize; 3] {
    let mut size = [1; 3];
    for (axis, length) in dims[2..].iter().rev().enumerate() {
        size[axis] = *length;
    }
    size
}

/// The numbers of a tensor.
pub(super) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("the CPU backend computes in f32")
}

/// Several inputs of one shape as a batch.
pub(super) fn batch<const D: usize>(values: Vec<f32>, one: [usize; D], device: &Device) -> Tensor<D> {
    let mut dims = one;
    dims[0] = values.len() / one[1..].iter().product::<usize>();
    Tensor::from_data(TensorData::new(values, dims), device)
}

/// The network as it predicts (no dropout, stored statistics) on a device that follows gradients; the weights need none.
///
/// `valid` comes first: it alone copies the running statistics, which clones share.
pub(super) fn traced<N: Module>(network: &N, device: &Device) -> (N, Device) {
    let device = device.clone().autodiff();
    (network.valid().fork(&device).no_grad(), device)
}

/// One input that a network can take, with its numbers, and the logits of it.
pub(super) struct Case<const D: usize> {
    pub dims: [usize; D],
    pub values: Vec<f32>,
    pub logits: Vec<f32>,
    pub device: Device,
}

impl<const D: usize> Case<D> {
    /// Runs the network once, so that a label it does not have and numbers that are none end here.
    pub fn new<N: Explained<D>>(network: &N, input: &Tensor<D>, label: usize) -> Result<Self, ExplainError> {
        let dims = input.dims();
        if dims[0] != 1 || dims[1..].contains(&0) {
            return Err(ExplainError::parameter(
                "input",
                format!("of shape {dims:?}"),
                "one image or volume",
            ));
        }
        let device = input.device();
        let values = values(input.clone());
        if !values.iter().all(|value| value.is_finite()) {
            return Err(ExplainError::NotFinite("the input"));
        }
        let logits = self::values(network.logits(input.clone()));
        if label >= logits.len() {
            return Err(ExplainError::Logit { found: label, logits: logits.len() });
        }
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Err(ExplainError::NotFinite("the network's answer"));
        }
        Ok(Self { dims, values, logits, device })
    }

    /// Columns, rows, slices.
    pub fn size(&self) -> [usize; 3] {
        size_of(self.dims)
    }

    /// The logits of several inputs, `each` at a time: one row an input.
    pub fn logits_of<N: Explained<D>>(
        &self,
        network: &N,
        inputs: impl Iterator<Item = Vec<f32>>,
        each: usize,
    ) -> Vec<Vec<f32>> {
        let mut inputs = inputs.peekable();
        let mut rows = Vec::new();
        while inputs.peek().is_some() {
            let together: Vec<f32> = inputs.by_ref().take(each.max(1)).flatten().collect();
            let logits = values(network.logits(batch(together, self.dims, &self.device)));
            rows.extend(logits.chunks_exact(self.logits.len()).map(<[f32]>::to_vec));
        }
        rows
    }
}

/// The gradient of one logit for every number of a batch of inputs, on the network's traced copy.
pub(super) fn gradient<const D: usize, N: Explained<D>>(
    traced: &N,
    device: &Device,
    inputs: Vec<f32>,
    one: [usize; D],
    label: usize,
) -> Vec<f32> {
    let inputs = batch(inputs, one, device).require_grad();
    let logits = traced.logits(inputs.clone());
    let [count, _] = logits.dims();
    let score = logits.slice([0..count, label..label + 1]).sum();
    values(inputs.grad(&score.backward()).expect("the logit depends on the input"))
}
