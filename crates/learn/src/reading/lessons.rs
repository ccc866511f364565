use burn::tensor::{Device, Tensor, TensorData};
use wilhelm_nets::arch::TextReader;
use wilhelm_nets::text::{Tokens, logits_of};

use super::{TextExample, TextRecipe};
use crate::fit::{Lessons, Validated, device_of};
use crate::train::EVALUATION_BATCH;
use crate::{LearnError, Split};

/// Texts as tokens, and what they are.
pub(super) struct Read<'a> {
    pub recipe: &'a TextRecipe,
    pub examples: &'a [TextExample],
    pub split: &'a Split,
    /// Of each example its text.
    pub tokens: &'a [Tokens],
    /// Of each example its numbers on the scale of training.
    pub numbers: &'a [Vec<f32>],
    /// How much each label counts.
    pub weights: Vec<f32>,
}

impl Read<'_> {
    fn logits(&self, network: &TextReader, places: &[usize], device: &Device) -> Tensor<2> {
        let rows: Vec<&Tokens> = places.iter().map(|place| &self.tokens[*place]).collect();
        let numbers: Vec<&[f32]> = places.iter().map(|place| self.numbers[*place].as_slice()).collect();
        logits_of(network, &rows, &numbers, self.recipe.data.numbers.len(), device)
    }
}

impl Lessons for Read<'_> {
    type Network = TextReader;
    type Inputs = Vec<usize>;

    fn training(&self) -> &[usize] {
        &self.split.training
    }

    fn batch(&self, _: usize, places: &[usize]) -> (Vec<usize>, TensorData) {
        let smoothing = self.recipe.optimization.label_smoothing;
        let classes = self.recipe.labels.len();
        let target = |place: &usize| {
            let label = self.examples[*place].label;
            let mut target = vec![smoothing / classes as f32; classes];
            target[label] += 1.0 - smoothing;
            target.iter_mut().for_each(|value| *value *= self.weights[label]);
            target
        };
        let targets: Vec<f32> = places.iter().flat_map(target).collect();
        (places.to_vec(), TensorData::new(targets, [places.len(), classes]))
    }

    fn loss(
        &self,
        network: &TextReader,
        places: Vec<usize>,
        targets: TensorData,
        device: &Device,
    ) -> Tensor<1> {
        let logits = self.logits(network, &places, device);
        self.recipe.optimization.loss.of(logits, Tensor::from_data(targets, device))
    }

    fn validate(&self, network: &TextReader) -> Result<Validated, LearnError> {
        let device = device_of(network);
        let (mut loss, mut right) = (0.0_f64, 0_usize);
        for places in self.split.validation.chunks(EVALUATION_BATCH) {
            let logits = self.logits(network, places, &device).into_data().try_into_vec::<f32>();
            let logits = logits.map_err(|error| LearnError::Weights(format!("{error:?}")))?;
            for (place, row) in places.iter().zip(logits.chunks_exact(self.recipe.labels.len())) {
                let label = self.examples[*place].label;
                let greatest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let sum: f64 = row.iter().map(|logit| f64::from(logit - greatest).exp()).sum();
                loss += sum.ln() - f64::from(row[label] - greatest);
                right += usize::from(row[label] == greatest);
            }
        }
        let count = self.split.validation.len() as f64;
        Ok(Validated {
            loss: (loss / count) as f32,
            accuracy: Some((right as f64 / count) as f32),
            dice: None,
        })
    }
}
