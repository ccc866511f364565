//! The moving average of the weights.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};

/// An exponential moving average of every number of a network, running statistics too.
///
/// # Source
/// Polyak, Juditsky 1992; the slower start of TensorFlow's `ExponentialMovingAverage`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Average {
    decay: f64,
    steps: u64,
    values: Vec<f32>,
}

impl Average {
    pub(crate) fn new(decay: f64, network: &impl Module) -> Self {
        Self { decay, steps: 0, values: numbers(network) }
    }

    pub(crate) fn decay(&self) -> f64 {
        self.decay
    }

    /// Takes in the weights after a step.
    pub(crate) fn add(&mut self, network: &impl Module) {
        self.steps += 1;
        let steps = self.steps as f64;
        let keep = self.decay.min((1.0 + steps) / (10.0 + steps)) as f32;
        for (average, new) in self.values.iter_mut().zip(numbers(network)) {
            *average = *average * keep + new * (1.0 - keep);
        }
    }

    /// The network with the average in place of its numbers.
    pub(crate) fn apply<M: Module>(&self, network: M) -> M {
        network.map(&mut Put { values: &self.values })
    }

    /// For a checkpoint: the count of steps, then the numbers.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.steps.to_le_bytes().to_vec();
        bytes.extend(self.values.iter().flat_map(|value| value.to_le_bytes()));
        bytes
    }

    /// From a checkpoint of the same network; `None` where the bytes are not as many as its numbers.
    pub(crate) fn from_bytes(decay: f64, network: &impl Module, bytes: &[u8]) -> Option<Self> {
        let (steps, values) = bytes.split_first_chunk::<8>()?;
        let (values, rest) = values.as_chunks::<4>();
        let values: Vec<f32> = values.iter().map(|value| f32::from_le_bytes(*value)).collect();
        let fits = rest.is_empty() && values.len() == numbers(network).len();
        fits.then(|| Self { decay, steps: u64::from_le_bytes(*steps), values })
    }
}

fn numbers(network: &impl Module) -> Vec<f32> {
    let mut take = Take { values: Vec::new() };
    // Running statistics take in their last update only when they are asked so, as `valid` does.
    network.valid().visit(&mut take);
    // All in one, since each transfer from another device takes its time.
    let values = Tensor::cat(take.values, 0).into_data().try_into_vec::<f32>();
    values.expect("networks compute in 32-bit floats")
}

struct Take {
    values: Vec<Tensor<1>>,
}

impl ModuleVisitor for Take {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.values.push(param.val().flatten::<1>(0, D - 1));
    }
}

struct Put<'a> {
    values: &'a [f32],
}

impl ModuleMapper for Put<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| {
            let (values, rest) = self.values.split_at(tensor.shape().num_elements());
            self.values = rest;
            Tensor::from_data(TensorData::new(values.to_vec(), tensor.shape()), &tensor.device())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::LinearConfig;
    use burn::tensor::Device;

    #[test]
    fn the_average_follows_the_weights_as_worked_on_paper_and_survives_a_checkpoint() {
        let device = Device::flex();
        let network = LinearConfig::new(2, 1).init(&device);
        let with =
            |value: f32| Average { decay: 0.9, steps: 0, values: vec![value; 3] }.apply(network.clone());
        let mut average = Average::new(0.9, &with(1.0));
        // The first step keeps 2/11, the second 3/12.
        average.add(&with(3.0));
        average.add(&with(0.0));
        let expected = (1.0 * 2.0 / 11.0 + 3.0 * 9.0 / 11.0) * 3.0 / 12.0;
        assert!(average.values.iter().all(|value| (value - expected).abs() < 1e-6), "{average:?}");
        let again = Average::from_bytes(0.9, &network, &average.to_bytes());
        assert_eq!(again.as_ref(), Some(&average));
        assert_eq!(Average::from_bytes(0.9, &network, &average.to_bytes()[..15]), None);
        assert_eq!(numbers(&average.apply(network)), average.values);
    }
}
