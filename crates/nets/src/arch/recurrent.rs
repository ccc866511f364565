use burn::module::Module;
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::activation::{softmax, tanh};
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::torch::TorchNames;
use crate::kernels::{Gates, remember};

/// What remembers from step to step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecurrentCell {
    /// Long short-term memory (Hochreiter, Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735).
    Lstm,
    /// Gated recurrent unit (Cho et al. 2014, doi:10.3115/v1/D14-1179), the reset gate after the product.
    Gru,
}

impl RecurrentCell {
    pub(crate) fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru => 3,
        }
    }
}

/// How the states of all steps become one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum SequencePooling {
    /// Each step has the same share.
    Mean,
    /// The network decides each step's share.
    Attention {
        /// Width of the layer that decides.
        width: usize,
    },
}

/// Sizes of a [`Recurrent`] network; stands on a model's card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecurrentConfig {
    /// What remembers.
    pub cell: RecurrentCell,
    /// Length of each step's feature vector.
    pub features: usize,
    /// Length of the state in each direction.
    pub hidden: usize,
    /// Layers one above the other.
    pub layers: usize,
    /// How the states become one vector.
    pub pooling: SequencePooling,
    /// Classes, a logit each.
    pub classes: usize,
}

impl RecurrentConfig {
    /// Whether the sizes make a network, and one that a hostile card cannot blow up memory with.
    pub fn is_sound(&self) -> bool {
        let within = |value: usize, most: usize| (1..=most).contains(&value);
        within(self.features, 4096)
            && within(self.hidden, 1024)
            && within(self.layers, 4)
            && match self.pooling {
                SequencePooling::Mean => true,
                SequencePooling::Attention { width } => within(width, 1024),
            }
            && within(self.classes, 4096)
    }
}

/// What a [`Recurrent`] network gives of a batch.
#[derive(Debug)]
pub struct RecurrentForward {
    /// The states of both directions at every step, `[batch, steps, 2 * hidden]`; zero after a sequence's end.
    pub states: Tensor<3>,
    /// Each step's share in the pooled vector, `[batch, steps]`; they add up to 1, or to 0 in an empty sequence.
    pub shares: Tensor<2>,
    /// The states, each with its share, added up: `[batch, 2 * hidden]`.
    pub pooled: Tensor<2>,
    /// `[batch, classes]`
    pub logits: Tensor<2>,
}

/// One direction of a layer: what a step brings and what the state keeps, all gates in one product.
#[derive(Module, Debug)]
pub struct Direction {
    pub(crate) input: Linear,
    pub(crate) hidden: Linear,
    #[module(skip)]
    pub(crate) cell: RecurrentCell,
}

impl Direction {
    fn new(cell: RecurrentCell, features: usize, hidden: usize, device: &Device) -> Self {
        let bound = 1.0 / (hidden as f64).sqrt();
        let linear = |input: usize| {
            LinearConfig::new(input, cell.gates() * hidden)
                .with_initializer(Initializer::Uniform { min: -bound, max: bound })
                .init(device)
        };
        Self { input: linear(features), hidden: linear(hidden), cell }
    }

    /// The state at every step. Steps that are not valid (`[batch, steps, 1]`, 1 or 0) leave it as it is.
    fn forward(&self, sequence: Tensor<3>, valid: &Tensor<3>, backward: bool) -> Tensor<3> {
        let gates = match self.cell {
            RecurrentCell::Lstm => Gates::LongShort,
            RecurrentCell::Gru => Gates::Gated,
        };
        // What the steps bring does not depend on the state: one product for all of them.
        remember(&self.hidden, self.input.forward(sequence), valid, gates, backward)
    }
}

/// Both directions of a layer.
#[derive(Module, Debug)]
pub struct RecurrentLayer {
    pub(crate) forward: Direction,
    pub(crate) backward: Direction,
}

/// A recurrent network that reads sequences of feature vectors (the slices of a volume, the frames of a film) in both
/// directions and scores each sequence.
///
/// Sequences of a batch may differ in length: behind its end a sequence counts for nothing, as in PyTorch's packed
/// sequences.
///
/// # Shapes
/// `[batch, steps, features]` to [`RecurrentForward`].
#[derive(Module, Debug)]
pub struct Recurrent {
    pub(crate) layers: Vec<RecurrentLayer>,
    attention: Option<Linear>,
    attention_score: Option<Linear>,
    scorer: Linear,
}

impl Recurrent {
    /// A network with random weights; the device's seed decides them.
    pub fn new(config: &RecurrentConfig, device: &Device) -> Self {
        let both = 2 * config.hidden;
        let layers = (0..config.layers)
            .map(|layer| {
                let features = if layer == 0 { config.features } else { both };
                let direction = || Direction::new(config.cell, features, config.hidden, device);
                RecurrentLayer { forward: direction(), backward: direction() }
            })
            .collect();
        let width = match config.pooling {
            SequencePooling::Mean => None,
            SequencePooling::Attention { width } => Some(width),
        };
        Self {
            layers,
            attention: width.map(|width| LinearConfig::new(both, width).init(device)),
            attention_score: width.map(|width| LinearConfig::new(width, 1).init(device)),
            scorer: LinearConfig::new(both, config.classes).init(device),
        }
    }

    /// The whole pass; `lengths` says how many steps of each sequence count (all of them where it says more).
    ///
    /// # Panics
    /// If there are not as many lengths as sequences, or no steps at all.
    pub fn forward(&self, sequence: Tensor<3>, lengths: &[usize]) -> RecurrentForward {
        let [batch, steps, _] = sequence.dims();
        assert_eq!(lengths.len(), batch, "lengths of a batch");
        let valid = lengths.iter().flat_map(|length| (0..steps).map(move |at| f32::from(at < *length)));
        let valid = TensorData::new(valid.collect::<Vec<f32>>(), [batch, steps, 1]);
        let valid = Tensor::<3>::from_data(valid, &sequence.device());
        let states = self.layers.iter().fold(sequence, |current, layer| {
            let forward = layer.forward.forward(current.clone(), &valid, false);
            let backward = layer.backward.forward(current, &valid, true);
            Tensor::cat(vec![forward, backward], 2)
        });
        let valid = valid.reshape([batch, steps]);
        let shares = match (&self.attention, &self.attention_score) {
            (Some(attention), Some(score)) => {
                let scores = score.forward(tanh(attention.forward(states.clone()))).reshape([batch, steps]);
                shares(scores, valid)
            }
            _ => shares(valid.zeros_like(), valid),
        };
        let weighted = states.clone() * shares.clone().unsqueeze_dim::<3>(2);
        let pooled = weighted.sum_dim(1).squeeze_dim::<2>(1);
        let logits = self.scorer.forward(pooled.clone());
        RecurrentForward { states, shares, pooled, logits }
    }
}

/// The softmax of the scores of valid steps, 0 at the others.
fn shares(scores: Tensor<2>, valid: Tensor<2>) -> Tensor<2> {
    // Far below any score, and finite: an empty sequence has shares before they are multiplied by 0.
    let hidden = (valid.clone() - 1.0) * 1e9;
    softmax(scores + hidden, 1) * valid
}

impl TorchNames for Recurrent {
    /// `rnn` is `nn.LSTM` or `nn.GRU`, `attention` is `nn.Sequential(nn.Linear, nn.Tanh, nn.Linear)`.
    fn torch_name(&self, own: &str) -> String {
        match own.split('.').collect::<Vec<_>>()[..] {
            ["layers", layer, direction, part, leaf] => {
                let part = if part == "input" { "ih" } else { "hh" };
                let tail = if direction == "backward" { "_reverse" } else { "" };
                format!("rnn.{leaf}_{part}_l{layer}{tail}")
            }
            ["attention", leaf] => format!("attention.0.{leaf}"),
            ["attention_score", leaf] => format!("attention.2.{leaf}"),
            _ => own.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::learning;
    use super::*;
    use crate::kernels::plain::{self, gated, long_short};

    fn config() -> RecurrentConfig {
        RecurrentConfig {
            cell: RecurrentCell::Lstm,
            features: 3,
            hidden: 4,
            layers: 1,
            pooling: SequencePooling::Attention { width: 2 },
            classes: 2,
        }
    }

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_into_vec::<f32>().expect("floats")
    }

    fn close(found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
        }
    }

    #[test]
    fn states_and_their_gradients_are_those_of_the_plain_operations() {
        let device = Device::flex();
        device.seed(21);
        let device = device.autodiff();
        let normal = burn::tensor::Distribution::Normal(0.0, 1.0);
        for cell in [RecurrentCell::Lstm, RecurrentCell::Gru] {
            for (batch, steps, hidden, backward) in [(2, 5, 7, false), (11, 4, 40, true), (1, 1, 1, true)] {
                let direction = Direction::new(cell, 6, hidden, &device);
                let sequence = Tensor::<3>::random([batch, steps, 6], normal, &device).require_grad();
                let weights = Tensor::<3>::random([batch, steps, hidden], normal, &device);
                // Sequences end after 1, 2, ... steps.
                let valid = (0..batch * steps).map(|at| f32::from(at % steps <= at / steps));
                let valid = TensorData::new(valid.collect::<Vec<f32>>(), [batch, steps, 1]);
                let valid = Tensor::<3>::from_data(valid, &device);
                let found = direction.forward(sequence.clone(), &valid, backward);
                let gates = if cell == RecurrentCell::Lstm { Gates::LongShort } else { Gates::Gated };
                let brought = direction.input.forward(sequence.clone());
                let expected = plain::remember(&direction.hidden, brought, &valid, gates, backward);
                close(&numbers(found.clone()), &numbers(expected.clone()));
                let found = (found * weights.clone()).sum().backward();
                let expected = (expected * weights).sum().backward();
                let near = |found: Vec<f32>, expected: Vec<f32>| {
                    let greatest = expected.iter().fold(1e-3_f32, |most, value| most.max(value.abs()));
                    for (found, expected) in found.iter().zip(&expected) {
                        assert!(
                            (found - expected).abs() < 1e-5 * greatest,
                            "{cell:?}: {found} for {expected}"
                        );
                    }
                };
                let of_sequence = |gradients| numbers(sequence.grad(gradients).expect("a gradient"));
                near(of_sequence(&found), of_sequence(&expected));
                for layer in [&direction.input, &direction.hidden] {
                    let weight = |gradients| numbers(layer.weight.grad(gradients).expect("a gradient"));
                    near(weight(&found), weight(&expected));
                    let bias = layer.bias.as_ref().expect("a bias");
                    let of_bias = |gradients| numbers(bias.grad(gradients).expect("a gradient"));
                    near(of_bias(&found), of_bias(&expected));
                }
            }
        }
    }

    #[test]
    fn every_level_of_the_processor_computes_the_same_states() {
        let levels = crate::kernels::at_every_level(|_| {
            states_and_their_gradients_are_those_of_the_plain_operations();
        });
        assert_eq!(levels[0], "scalar");
    }

    #[test]
    fn shapes_of_every_output() {
        let device = Device::flex();
        let out = Recurrent::new(&config(), &device).forward(Tensor::zeros([2, 5, 3], &device), &[5, 2]);
        assert_eq!(out.states.dims(), [2, 5, 8]);
        assert_eq!(out.shares.dims(), [2, 5]);
        assert_eq!(out.pooled.dims(), [2, 8]);
        assert_eq!(out.logits.dims(), [2, 2]);
    }

    #[test]
    fn a_step_of_each_cell_worked_on_paper() {
        let device = Device::flex();
        // sigmoid(ln 3) = 3/4, sigmoid(-ln 3) = 1/4, tanh(ln 2) = 3/5, tanh(ln 3) = 4/5
        let (two, three) = (2.0_f32.ln(), 3.0_f32.ln());
        let gates = Tensor::<2>::from_data([[three, -three, two, 0.0]], &device);
        let (state, memory) = long_short(gates, Tensor::from_data([[2.0]], &device));
        // 1/4 * 2 + 3/4 * 3/5 = 0.95; 1/2 * tanh(0.95)
        close(&numbers(memory), &[0.95]);
        close(&numbers(state), &[0.5 * 0.95_f32.tanh()]);
        let brought = Tensor::<2>::from_data([[0.0, three, 0.0]], &device);
        let kept = Tensor::<2>::from_data([[0.0, 0.0, 2.0 * three]], &device);
        // reset 1/2, update 3/4, candidate tanh(1/2 * 2 ln 3) = 4/5; 1/4 * 4/5 + 3/4 * 2
        close(&numbers(gated(&brought, &kept, Tensor::from_data([[2.0]], &device))), &[1.7]);
    }

    #[test]
    fn shares_of_steps_worked_on_paper() {
        let device = Device::flex();
        let scores = Tensor::<2>::from_data([[0.0, 3.0_f32.ln(), 50.0], [1.0, 2.0, 3.0]], &device);
        let valid = Tensor::<2>::from_data([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]], &device);
        close(&numbers(shares(scores, valid)), &[0.25, 0.75, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn what_stands_behind_the_end_of_a_sequence_counts_for_nothing() {
        let device = Device::flex();
        device.seed(4);
        for cell in [RecurrentCell::Lstm, RecurrentCell::Gru] {
            let network = Recurrent::new(&RecurrentConfig { cell, layers: 2, ..config() }, &device);
            let short = Tensor::<3>::random([1, 3, 3], burn::tensor::Distribution::Default, &device);
            let long = Tensor::cat(vec![short.clone(), Tensor::<3>::full([1, 2, 3], 7.0, &device)], 1);
            let alone = network.forward(short, &[9]);
            let padded = network.forward(long.clone(), &[3]);
            close(&numbers(padded.logits), &numbers(alone.logits));
            close(&numbers(padded.states.narrow(1, 0, 3)), &numbers(alone.states));
            let empty = network.forward(long, &[0]);
            close(&numbers(empty.pooled), &[0.0; 8]);
        }
    }

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let device = Device::flex().autodiff();
        device.seed(13);
        for cell in [RecurrentCell::Lstm, RecurrentCell::Gru] {
            let network = Recurrent::new(&RecurrentConfig { cell, ..config() }, &device);
            learning::check_gradient([2, 4, 3], &device, |input| network.forward(input, &[4, 4]).states);
            learning::check_gradient([1, 4, 3], &device, |input| network.forward(input, &[4]).pooled);
        }
    }

    #[test]
    fn a_card_that_asks_for_too_much_is_not_sound() {
        assert!(config().is_sound());
        assert!(!RecurrentConfig { hidden: 1 << 40, ..config() }.is_sound());
        assert!(!RecurrentConfig { layers: 0, ..config() }.is_sound());
        let pooling = SequencePooling::Attention { width: 0 };
        assert!(!RecurrentConfig { pooling, ..config() }.is_sound());
    }

    #[test]
    fn a_card_says_the_cell_and_the_pooling_by_name() {
        let text = "cell = 'gru'\nfeatures = 3\nhidden = 4\nlayers = 1\npooling = 'mean'\nclasses = 2";
        let read: RecurrentConfig = toml::from_str(text).expect("it is one");
        let expected =
            RecurrentConfig { cell: RecurrentCell::Gru, pooling: SequencePooling::Mean, ..config() };
        assert_eq!(read, expected);
        let text = text.replace("'mean'", "{ attention = { width = 2 } }");
        let read: RecurrentConfig = toml::from_str(&text).expect("it is one");
        assert_eq!(read.pooling, SequencePooling::Attention { width: 2 });
    }
}
