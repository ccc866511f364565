use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, RngExt};
use rayon::prelude::*;
use wilhelm_filters::Preparation;
use wilhelm_nets::arch::FusedClassifier;

use super::{FusionData, FusionRecipe};
use crate::fit::{Footprint, Lessons, Validated, device_of};
use crate::seed::generator;
use crate::train::{EVALUATION_BATCH, loss_and_accuracy, rows, soft_target};
use crate::{LearnError, Split};

/// The cases of a classifier of several inputs.
pub(super) struct Cases<'a> {
    pub recipe: &'a FusionRecipe,
    pub data: &'a FusionData,
    pub split: &'a Split,
    /// One an input.
    pub preparations: &'a [Preparation],
    /// One a label.
    pub weights: Vec<f32>,
}

impl Lessons for Cases<'_> {
    type Network = FusedClassifier;
    /// The values, and which inputs each case has.
    type Inputs = (TensorData, Vec<Vec<bool>>);

    fn training(&self) -> &[usize] {
        &self.split.training
    }

    fn batch(&self, epoch: usize, places: &[usize]) -> (Self::Inputs, TensorData) {
        let varied: Vec<Varied> = (0..places.len())
            .into_par_iter()
            .map(|place| {
                let mut random = generator(self.recipe.recipe.seed, 3 + epoch as u64, places[place] as u64);
                self.varied(places[place], places[(place + 1) % places.len()], &mut random)
            })
            .collect();
        let (mut values, mut present, mut targets) = (Vec::new(), Vec::new(), Vec::new());
        for case in varied {
            values.extend(case.values);
            present.push(case.present);
            targets.extend(case.target);
        }
        let size = &self.recipe.recipe.architecture;
        let shape = [places.len(), self.recipe.inputs.len(), size.slices, size.side, size.side];
        let targets = TensorData::new(targets, [places.len(), size.labels]);
        ((TensorData::new(values, shape), present), targets)
    }

    fn loss(
        &self,
        network: &FusedClassifier,
        (values, present): Self::Inputs,
        targets: TensorData,
        device: &Device,
    ) -> Tensor<1> {
        let logits = network.forward(Tensor::from_data(values, device), &present);
        self.recipe.recipe.optimization.loss.of(logits, Tensor::from_data(targets, device))
    }

    fn footprint(&self) -> Option<Footprint> {
        let sizes = self.recipe.architecture();
        Some(Footprint {
            activations: sizes.activations(),
            at_once: Some(EVALUATION_BATCH.div_ceil(sizes.network.slices * sizes.inputs)),
            sizes: "side, slices or widths under [architecture]",
        })
    }

    fn validate(&self, network: &FusedClassifier) -> Result<Validated, LearnError> {
        let places = &self.split.validation;
        let present: Vec<Vec<bool>> = places.iter().map(|place| self.data.present[*place].clone()).collect();
        let logits = self.outputs(network, places, &present, false)?;
        let labels = places.iter().map(|place| self.data.data.examples[*place].label);
        let (loss, accuracy) = loss_and_accuracy(&logits, labels);
        Ok(Validated { loss, accuracy: Some(accuracy), dice: None })
    }
}

/// A case as the network learns it.
struct Varied {
    values: Vec<f32>,
    present: Vec<bool>,
    target: Vec<f32>,
}

impl Cases<'_> {
    /// A case with some inputs hidden, varied alike in all that are left, and perhaps mixed with another.
    fn varied(&self, case: usize, other: usize, random: &mut impl Rng) -> Varied {
        let recipe = &self.recipe.recipe;
        let label = |case: usize| self.data.data.examples[case].label;
        let mut present = self.hidden(&self.data.present[case], random);
        let mut values = self.augmented(case, &present, random);
        let mut mixed = 0.0;
        // Two cases are mixed input by input, so of no more than those that both have.
        let both: Vec<bool> =
            present.iter().zip(&self.data.present[other]).map(|(one, other)| *one && *other).collect();
        if recipe.augmentation.mix > 0.0 && both.contains(&true) {
            mixed = random.random_range(0.0..=recipe.augmentation.mix);
            let partner = self.augmented(other, &both, random);
            for (own, second) in values.iter_mut().zip(partner) {
                own.iter_mut()
                    .zip(second)
                    .for_each(|(value, other)| *value = *value * (1.0 - mixed) + other * mixed);
            }
            present = both;
        }
        let target = soft_target(recipe, label(case), (label(other), mixed), self.weights[label(case)]);
        let length = recipe.architecture.side * recipe.architecture.side * recipe.architecture.slices;
        let mut all = Vec::with_capacity(length * present.len());
        for ((own, there), preparation) in values.into_iter().zip(&present).zip(self.preparations) {
            if *there {
                all.extend(own.into_iter().map(|value| (value - preparation.mean) / preparation.deviation));
            } else {
                all.resize(all.len() + length, 0.0);
            }
        }
        Varied { values: all, present, target }
    }

    /// Which inputs are shown: each that may be missing is hidden with some probability, but never all.
    ///
    /// # Source
    /// Neverova et al. 2016, doi:10.1109/TPAMI.2015.2461544 (ModDrop)
    fn hidden(&self, present: &[bool], random: &mut impl Rng) -> Vec<bool> {
        let drop = self.recipe.drop_input;
        if drop == 0.0 {
            return present.to_vec();
        }
        let shown: Vec<bool> = present
            .iter()
            .zip(&self.recipe.inputs)
            // Each input draws, so that what one draws does not depend on what others have.
            .map(|(there, input)| (!random.random_bool(drop) || input.required) && *there)
            .collect();
        if shown.contains(&true) {
            return shown;
        }
        let there: Vec<usize> = (0..present.len()).filter(|input| present[*input]).collect();
        let kept = there[random.random_range(0..there.len())];
        (0..present.len()).map(|input| input == kept).collect()
    }

    /// The inputs of a case, moved alike; nothing of those that are not shown.
    fn augmented(&self, case: usize, shown: &[bool], random: &mut impl Rng) -> Vec<Vec<f32>> {
        let recipe = &self.recipe.recipe;
        let inputs: Vec<&[f32]> = (0..shown.len())
            .map(|input| if shown[input] { self.data.values(case, input, self.recipe) } else { &[] })
            .collect();
        recipe.augmentation.apply_together(&inputs, recipe.architecture.side, random)
    }

    /// What a network says of unvaried cases of which it is shown these inputs.
    pub(super) fn outputs(
        &self,
        network: &FusedClassifier,
        places: &[usize],
        present: &[Vec<bool>],
        mirror: bool,
    ) -> Result<Vec<Vec<f64>>, LearnError> {
        let size = &self.recipe.recipe.architecture;
        let inputs = self.recipe.inputs.len();
        let device = device_of(network);
        let mut all = Vec::with_capacity(places.len());
        let most = EVALUATION_BATCH.div_ceil(size.slices * inputs);
        for (places, present) in places.chunks(most).zip(present.chunks(most)) {
            let forward = |mirror: bool| {
                let mut values = Vec::new();
                for place in places {
                    for input in 0..inputs {
                        self.put(*place, input, mirror, &mut values);
                    }
                }
                let shape = [places.len(), inputs, size.slices, size.side, size.side];
                let values = Tensor::<5>::from_data(TensorData::new(values, shape), &device);
                rows(network.forward(values, present))
            };
            let mut outputs = forward(false)?;
            if mirror {
                for (row, other) in outputs.iter_mut().zip(forward(true)?) {
                    row.iter_mut().zip(other).for_each(|(output, second)| *output = (*output + second) / 2.0);
                }
            }
            all.extend(outputs.into_iter().map(|row| row.into_iter().map(f64::from).collect()));
        }
        Ok(all)
    }

    /// What the outlier detector of an input looks at, for each of some cases that have it.
    pub(super) fn taps(
        &self,
        network: &FusedClassifier,
        places: &[usize],
        input: usize,
    ) -> Result<Vec<Vec<Vec<f32>>>, LearnError> {
        let size = &self.recipe.recipe.architecture;
        let device = device_of(network);
        let mut all = Vec::with_capacity(places.len());
        for places in places.chunks(EVALUATION_BATCH.div_ceil(size.slices)) {
            let mut values = Vec::new();
            places.iter().for_each(|place| self.put(*place, input, false, &mut values));
            let shape = [places.len(), size.slices, size.side, size.side];
            let images = Tensor::<4>::from_data(TensorData::new(values, shape), &device);
            let taps = network.taps(input, self.recipe.inputs.len(), images);
            let taps = taps.into_iter().map(rows).collect::<Result<Vec<_>, _>>()?;
            for (at, place) in places.iter().enumerate() {
                let mut looks: Vec<Vec<f32>> = taps.iter().map(|tap| tap[at].clone()).collect();
                looks.push(wilhelm_nets::appearance(self.data.values(*place, input, self.recipe), size.side));
                all.push(looks);
            }
        }
        Ok(all)
    }

    /// Adds an input's normalized values.
    fn put(&self, case: usize, input: usize, mirror: bool, values: &mut Vec<f32>) {
        let preparation = &self.preparations[input];
        let normalize = |value: &f32| (value - preparation.mean) / preparation.deviation;
        for row in self.data.values(case, input, self.recipe).chunks_exact(preparation.columns) {
            if mirror {
                values.extend(row.iter().rev().map(normalize));
            } else {
                values.extend(row.iter().map(normalize));
            }
        }
    }
}
