use burn::tensor::Tensor;
use burn::tensor::activation::{log_sigmoid, log_softmax};
use wilhelm_nets::Label;

use super::labels::taught;
use crate::{Example, Loss, MultiLabel, Recipe, Split};

/// How much a label's presence counts against its absence.
pub(crate) struct Weights(Vec<f32>);

impl Weights {
    /// Those that a recipe names, or that follow from how many training images have each label.
    pub fn of(recipe: &Recipe, examples: &[Example], split: &Split) -> Self {
        let settings = &recipe.multi_label;
        if !settings.positive_weights.is_empty() {
            return Self(settings.positive_weights.clone());
        }
        let power = recipe.optimization.class_balance;
        let mut weights = vec![1.0_f32; recipe.labels.len()];
        for group in recipe.targets.groups(&recipe.labels) {
            let rows: Vec<Vec<f32>> = split
                .training
                .iter()
                .filter_map(|place| taught(settings, &recipe.labels, &group, &examples[*place]))
                .collect();
            for (place, label) in group.iter().enumerate() {
                let with: f64 = rows.iter().map(|row| f64::from(row[place])).sum();
                // A class among several counts by its share of an even one, a label by itself against its absence.
                let against = match group.len() {
                    1 => rows.len() as f64 - with,
                    classes => rows.len() as f64 / classes as f64,
                };
                weights[*label] = (against.max(1.0) / with.max(1.0)).powf(power) as f32;
            }
        }
        Self(weights)
    }
}

/// What a batch asks of the network's scores: of each label a weight of the log of its probability, then of each the weight
/// of the log of what is missing to certainty. Weights are divided by how many groups of how many images take part.
///
/// An image may be mixed with another by a share, `mixed`.
///
/// # Shapes
/// A row of `2 * labels` numbers an image.
pub(crate) fn goals(
    recipe: &Recipe,
    weights: &Weights,
    batch: &[(&Example, &Example, f32)],
) -> Vec<Vec<f32>> {
    let groups = recipe.targets.groups(&recipe.labels);
    let (settings, smoothing) = (&recipe.multi_label, recipe.optimization.label_smoothing);
    let mut part = 0.0_f32;
    let mut rows = Vec::with_capacity(batch.len());
    for (own, other, mixed) in batch {
        let mut row = vec![0.0_f32; 2 * recipe.labels.len()];
        for (example, share) in [(own, 1.0 - mixed), (other, *mixed)] {
            if share <= 0.0 {
                continue;
            }
            for group in &groups {
                part +=
                    add(&mut row, (settings, &recipe.labels), (group, example), share, (smoothing, weights));
            }
        }
        rows.push(row);
    }
    if part > 0.0 {
        rows.iter_mut().flatten().for_each(|value| *value /= part);
    }
    rows
}

/// Adds what an image asks of a group; gives the share of the image that takes part.
fn add(
    row: &mut [f32],
    (settings, labels): (&MultiLabel, &[Label]),
    (group, example): (&[usize], &Example),
    share: f32,
    (smoothing, weights): (f32, &Weights),
) -> f32 {
    let Some(truths) = taught(settings, labels, group, example) else { return 0.0 };
    if let [only] = group {
        let there = truths[0] * (1.0 - smoothing) + smoothing / 2.0;
        row[*only] += share * weights.0[*only] * there;
        row[labels.len() + only] += share * (1.0 - there);
        return share;
    }
    // As with labels of which one is right: the weight is that of the class that the image has.
    let weight: f32 = group.iter().zip(&truths).map(|(label, truth)| weights.0[*label] * truth).sum();
    for (label, truth) in group.iter().zip(&truths) {
        row[*label] += share * weight * (truth * (1.0 - smoothing) + smoothing / group.len() as f32);
    }
    share
}

/// What is lowered: cross-entropy of each group, binary where a label is its group alone; the focal one counts each part less
/// where the network is sure and right.
///
/// # Shapes
/// `[batch, labels]` and `[batch, 2 * labels]` of [`goals`]. Gives `[1]`.
///
/// # Source
/// Lin et al. 2017, arXiv:1708.02002
pub(crate) fn loss_of(loss: Loss, groups: &[Vec<usize>], logits: Tensor<2>, goals: Tensor<2>) -> Tensor<1> {
    let [_, labels] = logits.dims();
    let column = |of: &Tensor<2>, at: usize| of.clone().narrow(1, at, 1);
    let less = |logs: &Tensor<2>| match loss {
        Loss::CrossEntropy => None,
        Loss::Focal { gamma } => {
            let missing = logs.clone().exp().neg() + 1.0;
            // The power's derivative has no bound at 0 for a gamma below 1.
            Some(missing.clamp_min(1e-6).powf_scalar(gamma))
        }
    };
    let scaled = |logs: Tensor<2>, weight: Tensor<2>| {
        let factor = less(&logs);
        let each = logs * weight;
        factor.map_or(each.clone(), |factor| each * factor).sum()
    };
    let mut sum = Tensor::<1>::zeros([1], &logits.device());
    for group in groups {
        if let [only] = group[..] {
            let score = column(&logits, only);
            sum = sum + scaled(log_sigmoid(score.clone()), column(&goals, only));
            sum = sum + scaled(log_sigmoid(score.neg()), column(&goals, labels + only));
        } else {
            let of = |all: &Tensor<2>| {
                Tensor::cat(group.iter().map(|label| column(all, *label)).collect::<Vec<_>>(), 1)
            };
            sum = sum + scaled(log_softmax(of(&logits), 1), of(&goals));
        }
    }
    sum.neg()
}
