//! What the kernels compute, by burn's own operations, for devices they do not run on.

use burn::nn::{Dropout, Linear};
use burn::tensor::activation::{sigmoid, softmax, tanh};
use burn::tensor::{Device, Tensor, TensorData};

use super::{Gates, Mask};

/// Far below any score, and finite.
const HIDDEN: f32 = -1e9;

/// Whether the kernels run on a device.
pub(super) fn has_kernels(device: &Device) -> bool {
    // Compared without regard to gradients.
    *device == Device::flex()
}

/// As [`super::remember`].
pub(crate) fn remember(
    module: &Linear,
    brought: Tensor<3>,
    valid: &Tensor<3>,
    gates: Gates,
    backward: bool,
) -> Tensor<3> {
    let [batch, steps, _] = brought.dims();
    let [hidden, _] = module.weight.dims();
    let device = brought.device();
    let mut state = Tensor::<2>::zeros([batch, hidden], &device);
    let mut memory = state.clone();
    let mut states: Vec<Tensor<3>> = Vec::with_capacity(steps);
    for step in 0..steps {
        let at = if backward { steps - 1 - step } else { step };
        let here = |tensor: Tensor<3>| tensor.narrow(1, at, 1).squeeze_dim::<2>(1);
        let (brought, keeps) = (here(brought.clone()), here(valid.clone()));
        let product = module.forward(state.clone());
        let new = match gates {
            Gates::LongShort => {
                let (new, remembered) = long_short(brought + product, memory.clone());
                memory = memory.clone() + keeps.clone() * (remembered - memory);
                new
            }
            Gates::Gated => gated(&brought, &product, state.clone()),
        };
        state = state.clone() + keeps.clone() * (new - state);
        states.push((state.clone() * keeps).unsqueeze_dim(1));
    }
    if backward {
        states.reverse();
    }
    Tensor::cat(states, 1)
}

/// State and memory of long short-term memory, from its gates: input, forget, candidate, output.
pub(crate) fn long_short(gates: Tensor<2>, memory: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let [_, hidden] = memory.dims();
    let gate = |at: usize| gates.clone().narrow(1, at * hidden, hidden);
    let memory = sigmoid(gate(1)) * memory + sigmoid(gate(0)) * tanh(gate(2));
    (sigmoid(gate(3)) * tanh(memory.clone()), memory)
}

/// State of a gated recurrent unit, from what the step brings and the product of the state: reset, update, candidate.
pub(crate) fn gated(brought: &Tensor<2>, product: &Tensor<2>, state: Tensor<2>) -> Tensor<2> {
    let [_, hidden] = state.dims();
    let part = |gates: &Tensor<2>, at: usize| gates.clone().narrow(1, at * hidden, hidden);
    let gate = |at: usize| sigmoid(part(brought, at) + part(product, at));
    let candidate = tanh(part(brought, 2) + gate(0) * part(product, 2));
    candidate.clone() + gate(1) * (state - candidate)
}

/// As [`super::attend_masked`].
pub(super) fn attend(
    queries: Tensor<3>,
    keys: Tensor<3>,
    values: Tensor<3>,
    heads: usize,
    dropout: Option<&Dropout>,
    mask: Mask,
) -> Tensor<3> {
    let [batch, count, width] = queries.dims();
    let [_, of_memory, _] = keys.dims();
    let device = queries.device();
    let by_head = |tensor: Tensor<3>| {
        let [batch, tokens, _] = tensor.dims();
        tensor.reshape([batch, tokens, heads, width / heads]).swap_dims(1, 2)
    };
    let scale = 1.0 / ((width / heads) as f64).sqrt();
    let mut scores = by_head(queries).matmul(by_head(keys).swap_dims(2, 3)) * scale;
    // 1 where a query reads a key.
    let mut reads: Option<Tensor<4>> = mask
        .valid
        .map(|valid| valid.clone().reshape([batch, 1, 1, of_memory]).expand([batch, 1, count, of_memory]));
    if mask.causal {
        let last = of_memory - count;
        let open = (0..count).flat_map(|query| (0..of_memory).map(move |key| f32::from(key <= query + last)));
        let open = TensorData::new(open.collect::<Vec<f32>>(), [1, 1, count, of_memory]);
        let open = Tensor::<4>::from_data(open, &device);
        reads = Some(match reads {
            Some(reads) => reads * open,
            None => open,
        });
    }
    if let Some(reads) = &reads {
        scores = scores + (reads.clone() * -1.0 + 1.0) * HIDDEN;
    }
    let mut weights = softmax(scores, 3);
    if let Some(reads) = reads {
        // A query that is left no key reads nothing.
        weights = weights * reads;
    }
    if let Some(dropout) = dropout {
        weights = dropout.forward(weights);
    }
    weights.matmul(by_head(values)).swap_dims(1, 2).reshape([batch, count, width])
}
