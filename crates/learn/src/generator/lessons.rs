use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use wilhelm_filters::Preparation;
use wilhelm_nets::arch::{ImageWriter, TextBatch};

use super::ReportRecipe;
use crate::fit::{Lessons, Validated, device_of};
use crate::seed::generator;
use crate::train::EVALUATION_BATCH;
use crate::{Example, LearnError, Split};

/// Images and the texts about them.
pub(super) struct Written<'a> {
    pub recipe: &'a ReportRecipe,
    pub examples: &'a [Example],
    pub split: &'a Split,
    pub preparation: &'a Preparation,
    /// Of each example its text as numbers.
    pub texts: &'a [Vec<u32>],
    pub end: u32,
    pub vocabulary: usize,
}

impl Lessons for Written<'_> {
    type Network = ImageWriter;
    /// The values, and which examples they are of.
    type Inputs = (TensorData, Vec<usize>);

    fn training(&self) -> &[usize] {
        &self.split.training
    }

    fn batch(&self, epoch: usize, places: &[usize]) -> (Self::Inputs, TensorData) {
        let recipe = &self.recipe.recipe;
        let side = recipe.architecture.side;
        let pictures: Vec<Vec<f32>> = places
            .par_iter()
            .map(|place| {
                let mut random = generator(recipe.seed, 3 + epoch as u64, *place as u64);
                let pixels = recipe.augmentation.apply(&self.examples[*place].pixels, side, &mut random);
                self.normalized(&pixels)
            })
            .collect();
        let shape = [places.len(), recipe.architecture.slices, side, side];
        let values = TensorData::new(pictures.concat(), shape);
        // The texts are the targets, which are no numbers of one shape.
        ((values, places.to_vec()), TensorData::new(Vec::<f32>::new(), [0]))
    }

    fn loss(
        &self,
        network: &ImageWriter,
        (values, places): Self::Inputs,
        _: TensorData,
        device: &Device,
    ) -> Tensor<1> {
        network.loss(Tensor::from_data(values, device), &self.texts_of(&places, device))
    }

    fn validate(&self, network: &ImageWriter) -> Result<Validated, LearnError> {
        let device = device_of(network);
        let (mut sum, mut words) = (0.0, 0.0);
        for places in self.split.validation.chunks(EVALUATION_BATCH) {
            let loss = network.loss(
                Tensor::from_data(images(self.examples, places, self.preparation), &device),
                &self.texts_of(places, &device),
            );
            let loss = loss.into_data().try_to_vec::<f32>();
            let loss = loss.map_err(|error| LearnError::Weights(format!("{error:?}")))?[0];
            let count: usize = places.iter().map(|place| self.texts[*place].len() + 1).sum();
            sum += f64::from(loss) * count as f64;
            words += count as f64;
        }
        Ok(Validated { loss: (sum / words) as f32, accuracy: None, dice: None })
    }
}

impl Written<'_> {
    fn normalized(&self, pixels: &[f32]) -> Vec<f32> {
        normalized(pixels, self.preparation)
    }

    fn texts_of(&self, places: &[usize], device: &Device) -> TextBatch {
        let texts: Vec<(&[u32], &[u32])> =
            places.iter().map(|place| (&[][..], self.texts[*place].as_slice())).collect();
        let room = self.recipe.decoder.most_words;
        TextBatch::new(&texts, self.end, room, self.vocabulary, device)
            .expect("every text was checked to fit before the first step")
    }
}

/// Unvaried images as the network takes them.
pub(super) fn images(examples: &[Example], places: &[usize], preparation: &Preparation) -> TensorData {
    let side = preparation.columns;
    let values: Vec<f32> =
        places.iter().flat_map(|place| normalized(&examples[*place].pixels, preparation)).collect();
    let slices = values.len() / places.len().max(1) / (side * side).max(1);
    TensorData::new(values, [places.len(), slices, side, side])
}

fn normalized(pixels: &[f32], preparation: &Preparation) -> Vec<f32> {
    pixels.iter().map(|pixel| (pixel - preparation.mean) / preparation.deviation).collect()
}
