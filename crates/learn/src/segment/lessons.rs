use std::marker::PhantomData;
use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, RngExt};
use rayon::prelude::*;
use wilhelm_nets::arch::DenseNetwork;
use wilhelm_nets::{OutputKind, WindowPreparation, Windows};

use super::masks::Outline;
use super::recipe::SegmenterRecipe;
use crate::fit::{Footprint, Lessons, Validated, device_of};
use crate::seed::generator;
use crate::{LearnError, Split};

/// Most places of each image that windows may be centered on.
const MOST_CENTERS: usize = 4096;

/// Windows of images and their masks.
pub(super) struct Windowed<'a, N> {
    recipe: &'a SegmenterRecipe,
    outlines: &'a [Outline],
    preparation: &'a WindowPreparation,
    validation: &'a [usize],
    /// Each image as often as windows of it are seen in a pass: its place, times that number, and which of them.
    training: Vec<usize>,
    /// Places within segments, for each image.
    centers: Vec<Vec<u32>>,
    weights: Vec<f32>,
    network: PhantomData<fn() -> N>,
}

impl<'a, N> Windowed<'a, N> {
    pub(super) fn new(
        recipe: &'a SegmenterRecipe,
        outlines: &'a [Outline],
        split: &'a Split,
        preparation: &'a WindowPreparation,
    ) -> Self {
        let copies = recipe.patches.per_image;
        let training =
            split.training.iter().flat_map(|place| (0..copies).map(move |copy| place * copies + copy));
        let centers = outlines
            .iter()
            .map(|outline| {
                let inside = |at: &usize| outline.labels[*at] > 0;
                let all: Vec<u32> = (0..outline.labels.len())
                    .filter(inside)
                    .filter_map(|at| u32::try_from(at).ok())
                    .collect();
                let step = all.len().div_ceil(MOST_CENTERS).max(1);
                all.into_iter().step_by(step).collect()
            })
            .collect();
        Self {
            recipe,
            outlines,
            preparation,
            validation: &split.validation,
            training: training.collect(),
            centers,
            weights: class_weights(recipe, outlines, split),
            network: PhantomData,
        }
    }

    /// A window of an image, and the same of its labels; what lies outside of the image is black and background.
    fn cut(&self, place: usize, random: &mut impl Rng) -> (Vec<f32>, Vec<u16>) {
        let outline = &self.outlines[place];
        let window = self.recipe.grid.window;
        if outline.size == window {
            return (outline.values.clone(), outline.labels.clone());
        }
        let centers = &self.centers[place];
        let centered = !centers.is_empty() && random.random_bool(self.recipe.patches.foreground);
        let middle = centered.then(|| {
            let at = centers[random.random_range(0..centers.len())] as usize;
            let [_, rows, columns] = outline.size;
            [at / (rows * columns), at / columns % rows, at % columns]
        });
        let first: [usize; 3] = std::array::from_fn(|axis| {
            let most = outline.size[axis].saturating_sub(window[axis]);
            match middle {
                Some(middle) => middle[axis].saturating_sub(window[axis] / 2).min(most),
                None => random.random_range(0..=most),
            }
        });
        let places = first_to(first, window);
        (
            windowed(&outline.values, outline.size, &places, 0.0),
            windowed(&outline.labels, outline.size, &places, 0),
        )
    }

    /// One number for each class at each place: 1 where it is that class's.
    fn targets(&self, labels: &[u16]) -> Vec<f32> {
        let output = self.recipe.optimization.loss.output;
        let classes = output.classes(self.recipe.segments.len());
        let smoothing = self.recipe.optimization.label_smoothing;
        let (inside, outside) = match output {
            OutputKind::Softmax => (1.0 - smoothing + smoothing / classes as f32, smoothing / classes as f32),
            OutputKind::Sigmoid => (1.0 - smoothing / 2.0, smoothing / 2.0),
        };
        let mut targets = vec![outside; classes * labels.len()];
        for (at, label) in labels.iter().enumerate() {
            let class = match output {
                OutputKind::Softmax => Some(usize::from(*label)),
                OutputKind::Sigmoid => usize::from(*label).checked_sub(1),
            };
            if let Some(class) = class {
                targets[class * labels.len() + at] = inside;
            }
        }
        targets
    }

    fn normalized(&self, values: &[f32]) -> Vec<f32> {
        let (mean, deviation) = (self.preparation.mean, self.preparation.deviation);
        values.iter().map(|value| (value - mean) / deviation).collect()
    }

    fn classes(&self) -> usize {
        self.weights.len()
    }
}

fn first_to(first: [usize; 3], window: [usize; 3]) -> [Range<usize>; 3] {
    std::array::from_fn(|axis| first[axis]..first[axis] + window[axis])
}

/// A part of a grid, filled where it leaves the grid.
fn windowed<T: Copy>(
    values: &[T],
    [slices, rows, columns]: [usize; 3],
    places: &[Range<usize>; 3],
    outside: T,
) -> Vec<T> {
    let mut part = Vec::with_capacity(places.iter().map(Range::len).product());
    let inner = places[2].start.min(columns)..places[2].end.min(columns);
    for slice in places[0].clone() {
        for row in places[1].clone() {
            let end = part.len() + places[2].len();
            if slice < slices && row < rows {
                let line = (slice * rows + row) * columns;
                part.extend_from_slice(&values[line + inner.start..line + inner.end]);
            }
            part.resize(end, outside);
        }
    }
    part
}

impl<N: DenseNetwork> Lessons for Windowed<'_, N> {
    type Network = N;
    type Inputs = TensorData;

    fn training(&self) -> &[usize] {
        &self.training
    }

    fn batch(&self, epoch: usize, places: &[usize]) -> (TensorData, TensorData) {
        let [slices, rows, columns] = self.recipe.grid.window;
        let pairs: Vec<(Vec<f32>, Vec<f32>)> = places
            .par_iter()
            .map(|place| {
                let mut random = generator(self.recipe.seed, 3 + epoch as u64, *place as u64);
                let (values, labels) = self.cut(place / self.recipe.patches.per_image, &mut random);
                let (values, labels) = self.recipe.augmentation.apply_with_labels(
                    &values,
                    &labels,
                    [columns, rows],
                    &mut random,
                );
                (self.normalized(&values), self.targets(&labels))
            })
            .collect();
        let (values, targets): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        (
            TensorData::new(values.concat(), [places.len(), 1, slices, rows, columns]),
            TensorData::new(targets.concat(), [places.len(), self.classes(), slices, rows, columns]),
        )
    }

    fn loss(&self, network: &N, inputs: TensorData, targets: TensorData, device: &Device) -> Tensor<1> {
        let loss = self.recipe.optimization.loss;
        let (inputs, targets) =
            (Tensor::<5>::from_data(inputs, device), Tensor::<5>::from_data(targets, device));
        if !self.recipe.deep_supervision {
            return loss.of(network.logits(inputs), targets, &self.weights);
        }
        let stages = network.logits_of_stages(inputs);
        let all: f32 = (0..stages.len()).map(|stage| 0.5_f32.powi(stage as i32)).sum();
        let mut sum = Tensor::<1>::zeros([1], device);
        for (stage, logits) in stages.into_iter().rev().enumerate() {
            let seen = thinned(targets.clone(), logits.dims());
            sum = sum + loss.of(logits, seen, &self.weights) * (0.5_f32.powi(stage as i32) / all);
        }
        sum
    }

    fn footprint(&self) -> Option<Footprint> {
        Some(Footprint {
            activations: self.recipe.architecture().activations(self.recipe.grid.window),
            at_once: if self.recipe.is_flat() { None } else { Some(1) },
            sizes: "window under [grid], or widths",
        })
    }

    /// Window beside window, without overlap; the last ones of an image may see some places again.
    fn validate(&self, network: &N) -> Result<Validated, LearnError> {
        let device = device_of(network);
        let loss = self.recipe.optimization.loss;
        let segments = self.recipe.segments.len();
        let (mut losses, mut count, mut dice) = (0.0_f64, 0.0_f64, Vec::new());
        let windows = Windows { overlap: 0.0, ..self.preparation.windows() };
        // Pictures are all of one size, and go in batches.
        let together = if self.recipe.is_flat() { self.recipe.optimization.batch } else { 1 };
        for places in self.validation.chunks(together) {
            let mut sizes = vec![vec![[0_u64; 3]; segments]; places.len()];
            for window in windows.all(self.outlines[places[0]].size) {
                let (mut inputs, mut targets, mut truths) = (Vec::new(), Vec::new(), Vec::new());
                for place in places {
                    let outline = &self.outlines[*place];
                    inputs.extend(self.normalized(&windowed(&outline.values, outline.size, &window, 0.0)));
                    let labels = windowed(&outline.labels, outline.size, &window, 0);
                    targets.extend(self.targets(&labels));
                    truths.push(labels);
                }
                let [slices, rows, columns] = [window[0].len(), window[1].len(), window[2].len()];
                let shape = |channels: usize| [places.len(), channels, slices, rows, columns];
                let logits = network.logits(Tensor::from_data(TensorData::new(inputs, shape(1)), &device));
                let truth = Tensor::from_data(TensorData::new(targets, shape(self.classes())), &device);
                let value = loss.of(logits.clone(), truth, &self.weights);
                let floats = |tensor: TensorData| {
                    tensor.try_into_vec::<f32>().map_err(|error| LearnError::Weights(format!("{error:?}")))
                };
                losses += f64::from(floats(value.into_data())?[0]) * places.len() as f64;
                count += places.len() as f64;
                let logits = floats(logits.into_data())?;
                let plane = slices * rows * columns;
                for ((logits, truth), sizes) in
                    logits.chunks_exact(self.classes() * plane).zip(&truths).zip(&mut sizes)
                {
                    for (at, truth) in truth.iter().enumerate() {
                        let seen =
                            loss.output.label((0..self.classes()).map(|class| logits[class * plane + at]));
                        for (label, counts) in (1_u16..).zip(sizes.iter_mut()) {
                            counts[0] += u64::from(seen == label);
                            counts[1] += u64::from(*truth == label);
                            counts[2] += u64::from(seen == label && *truth == label);
                        }
                    }
                }
            }
            dice.extend(
                sizes
                    .iter()
                    .flatten()
                    .filter(|[_, truth, _]| *truth > 0)
                    .map(|[seen, truth, both]| 2.0 * *both as f64 / (seen + truth) as f64),
            );
        }
        let mean = dice.iter().sum::<f64>() / dice.len().max(1) as f64;
        Ok(Validated { loss: (losses / count) as f32, accuracy: None, dice: Some(mean as f32) })
    }
}

/// Targets of a coarser stage: every so many places along each axis.
fn thinned(targets: Tensor<5>, wanted: [usize; 5]) -> Tensor<5> {
    let [batch, classes, slices, rows, columns] = targets.dims();
    let [_, _, to_slices, to_rows, to_columns] = wanted;
    if [slices, rows, columns] == [to_slices, to_rows, to_columns] {
        return targets;
    }
    let steps = [slices / to_slices, rows / to_rows, columns / to_columns];
    targets
        .reshape([batch * classes, to_slices, steps[0], to_rows, steps[1], to_columns, steps[2]])
        .narrow(2, 0, 1)
        .narrow(4, 0, 1)
        .narrow(6, 0, 1)
        .reshape([batch, classes, to_slices, to_rows, to_columns])
}

/// Weights of the classes in the cross-entropy: the inverse of how many places have them, to the recipe's power.
fn class_weights(recipe: &SegmenterRecipe, outlines: &[Outline], split: &Split) -> Vec<f32> {
    let mut counts = vec![0.0_f64; recipe.segments.len() + 1];
    for place in &split.training {
        for label in &outlines[*place].labels {
            counts[usize::from(*label)] += 1.0;
        }
    }
    let counts = match recipe.optimization.loss.output {
        OutputKind::Softmax => &counts[..],
        OutputKind::Sigmoid => &counts[1..],
    };
    let mean = counts.iter().sum::<f64>() / counts.len() as f64;
    let power = recipe.optimization.class_balance;
    counts.iter().map(|count| (mean / count.max(1.0)).powf(power) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_leave_the_image_are_filled() {
        let values: Vec<u16> = (0..12).collect();
        // Two slices of two rows and three columns.
        assert_eq!(windowed(&values, [2, 2, 3], &[0..1, 0..2, 1..3], 99), [1, 2, 4, 5]);
        assert_eq!(windowed(&values, [2, 2, 3], &[1..2, 1..3, 2..4], 99), [11, 99, 99, 99]);
    }

    #[test]
    fn targets_of_a_coarser_stage_are_every_second_place() {
        let device = Device::flex();
        let values: Vec<f32> = (0..32).map(|at| at as f32).collect();
        let targets = Tensor::<5>::from_data(TensorData::new(values, [1, 1, 2, 4, 4]), &device);
        let found = thinned(targets.clone(), [1, 1, 1, 2, 2]).into_data().try_to_vec::<f32>();
        assert_eq!(found.expect("floats"), [0.0, 2.0, 8.0, 10.0]);
        let same = thinned(targets.clone(), targets.dims());
        assert_eq!(same.into_data(), targets.into_data());
    }
}
