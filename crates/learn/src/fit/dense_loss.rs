//! What training of segmenters lowers.

use burn::tensor::Tensor;
use burn::tensor::activation::{log_sigmoid, log_softmax, sigmoid, softmax};
use serde::{Deserialize, Serialize};
use wilhelm_nets::OutputKind;

/// Keeps a Dice of nothing and nothing at 1, and its gradient finite.
const SMOOTH: f32 = 1e-5;

/// How far the logits of every place are from their targets: soft Dice and cross-entropy, each by its weight.
///
/// With `sigmoid` the cross-entropy is the binary one of each class. The Dice leaves out the background.
///
/// # Source
/// Milletari et al. 2016, doi:10.1109/3DV.2016.79; the sum of both as in Isensee et al. 2021,
/// doi:10.1038/s41592-020-01008-z; numbers as MONAI's `DiceLoss` and `DiceCELoss` give them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SegmentationLoss {
    /// How logits become probabilities.
    pub output: OutputKind,
    /// Weight of the soft Dice.
    pub dice: f32,
    /// Weight of the cross-entropy.
    pub entropy: f32,
    /// Whether the Dice is that of all places of a batch together, not the mean of the images': images without a segment
    /// then do no harm.
    pub over_batch: bool,
}

impl Default for SegmentationLoss {
    fn default() -> Self {
        Self { output: OutputKind::Softmax, dice: 1.0, entropy: 1.0, over_batch: true }
    }
}

impl SegmentationLoss {
    /// What is wrong with its numbers.
    pub(crate) fn fault(self) -> Option<&'static str> {
        let weight = |value: f32| (0.0..=100.0).contains(&value);
        let sound = weight(self.dice) && weight(self.entropy) && self.dice + self.entropy > 0.0;
        (!sound).then_some("the loss's dice and entropy must be from 0 to 100, and one of them above 0")
    }

    /// The mean over a batch; `weights` are those of the classes in the cross-entropy.
    ///
    /// # Shapes
    /// `[batch, classes, slices, rows, columns]` both. Gives `[1]`.
    pub(crate) fn of(self, logits: Tensor<5>, targets: Tensor<5>, weights: &[f32]) -> Tensor<1> {
        let [batch, classes, slices, rows, columns] = logits.dims();
        let shape = [batch, classes, slices * rows * columns];
        let (logits, targets) = (logits.reshape(shape), targets.reshape(shape));
        let device = logits.device();
        let mut loss = Tensor::<1>::zeros([1], &device);
        if self.entropy > 0.0 {
            let each = match self.output {
                OutputKind::Softmax => log_softmax(logits.clone(), 1) * targets.clone(),
                OutputKind::Sigmoid => {
                    let rest = targets.clone().neg() + 1.0;
                    log_sigmoid(logits.clone()) * targets.clone() + log_sigmoid(logits.clone().neg()) * rest
                }
            };
            let weighted = each * Tensor::<1>::from_floats(weights, &device).reshape([1, classes, 1]);
            let count = match self.output {
                OutputKind::Softmax => batch * shape[2],
                OutputKind::Sigmoid => batch * classes * shape[2],
            };
            loss = loss + weighted.sum().neg() * (self.entropy / count as f32);
        }
        if self.dice > 0.0 {
            let (likely, truth) = match self.output {
                OutputKind::Softmax => {
                    let inner = classes - 1;
                    (softmax(logits, 1).narrow(1, 1, inner), targets.narrow(1, 1, inner))
                }
                OutputKind::Sigmoid => (sigmoid(logits), targets),
            };
            let sum = |values: Tensor<3>| {
                let sums = values.sum_dim(2);
                if self.over_batch { sums.sum_dim(0) } else { sums }
            };
            let both = sum(likely.clone() * truth.clone());
            let dice = (both * 2.0 + SMOOTH) / (sum(likely) + sum(truth) + SMOOTH);
            loss = loss + (dice.neg() + 1.0).mean() * self.dice;
        }
        loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    fn tensor(values: &[f32], shape: [usize; 5], device: &Device) -> Tensor<5> {
        Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
    }

    fn value(loss: SegmentationLoss, logits: &[f32], targets: &[f32], shape: [usize; 5]) -> f32 {
        let device = Device::flex();
        let weights = vec![1.0; shape[1]];
        let loss = loss.of(tensor(logits, shape, &device), tensor(targets, shape, &device), &weights);
        loss.into_data().try_to_vec::<f32>().expect("floats")[0]
    }

    fn near(found: f32, expected: f32) {
        assert!((found - expected).abs() < 2e-5, "{found} for {expected}");
    }

    const SIGMOID: SegmentationLoss =
        SegmentationLoss { output: OutputKind::Sigmoid, dice: 0.0, entropy: 1.0, over_batch: false };

    #[test]
    fn losses_worked_on_paper() {
        // Probabilities 0.880797 (inside), 0.5 (inside) and 0.119203 (outside).
        let (logits, targets, shape) = ([2.0, 0.0, -2.0], [1.0, 1.0, 0.0], [1, 1, 1, 1, 3]);
        let (high, low) = (0.880_797_f32, 0.119_203_f32);
        let entropy = -(high.ln() + 0.5_f32.ln() + (1.0 - low).ln()) / 3.0;
        near(value(SIGMOID, &logits, &targets, shape), entropy);
        let only_dice = SegmentationLoss { dice: 1.0, entropy: 0.0, ..SIGMOID };
        let dice = 1.0 - 2.0 * (high + 0.5) / (high + 0.5 + low + 2.0);
        near(value(only_dice, &logits, &targets, shape), dice);
        let both = SegmentationLoss { dice: 1.0, ..SIGMOID };
        near(value(both, &logits, &targets, shape), entropy + dice);
        let weighted = SegmentationLoss { dice: 2.0, entropy: 0.5, ..SIGMOID };
        near(value(weighted, &logits, &targets, shape), 0.5 * entropy + 2.0 * dice);

        // The same as a softmax over background and segment, whose logits differ by twice as much as needed.
        let of_two = [0.0, 0.0, 0.0, 2.0, 0.0, -2.0];
        let hot = [0.0, 0.0, 1.0, 1.0, 1.0, 0.0];
        let softmax = SegmentationLoss { output: OutputKind::Softmax, dice: 1.0, ..SIGMOID };
        near(value(softmax, &of_two, &hot, [1, 2, 1, 1, 3]), entropy + dice);
    }

    #[test]
    fn an_empty_image_is_harmless_in_a_batch_and_costs_a_whole_alone() {
        // One image half right, one without the segment in which nearly nothing is seen.
        let (logits, targets, shape) = ([0.0, -9.0], [1.0, 0.0], [2, 1, 1, 1, 1]);
        let alone = SegmentationLoss { dice: 1.0, entropy: 0.0, ..SIGMOID };
        let together = SegmentationLoss { over_batch: true, ..alone };
        let seen = 1.0 / (1.0 + 9.0_f32.exp());
        near(value(together, &logits, &targets, shape), 1.0 - 1.0 / (1.5 + seen));
        let empty = 1.0 - SMOOTH / (seen + SMOOTH);
        near(value(alone, &logits, &targets, shape), (1.0 - 1.0 / 1.5 + empty) / 2.0);
    }

    #[test]
    fn weights_of_classes_count_in_the_entropy_alone() {
        let device = Device::flex();
        let shape = [1, 2, 1, 1, 2];
        let (logits, targets) = ([0.0_f32; 4], [1.0, 0.0, 0.0, 1.0]);
        let of = |weights: &[f32], loss: SegmentationLoss| {
            let loss = loss.of(tensor(&logits, shape, &device), tensor(&targets, shape, &device), weights);
            loss.into_data().try_to_vec::<f32>().expect("floats")[0]
        };
        let entropy = SegmentationLoss { output: OutputKind::Softmax, ..SIGMOID };
        near(of(&[1.0, 3.0], entropy), 2.0 * std::f32::consts::LN_2);
        let dice = SegmentationLoss { output: OutputKind::Softmax, dice: 1.0, entropy: 0.0, ..SIGMOID };
        near(of(&[1.0, 3.0], dice), of(&[1.0, 1.0], dice));
    }

    /// Numbers between -2 and 2 by a rule.
    fn by_rule(count: usize) -> Vec<f32> {
        (0..count).map(|at| ((at * 37 + 11) % 101) as f32 / 25.0 - 2.0).collect()
    }

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let traced = Device::flex().autodiff();
        let shape = [2, 3, 2, 2, 3];
        let count = shape.iter().product();
        let values = by_rule(count);
        let places = count / 6;
        for output in [OutputKind::Softmax, OutputKind::Sigmoid] {
            let targets: Vec<f32> = (0..count)
                .map(|at| f32::from(u8::from((at % places * 7 + at / (3 * places)) % 3 == at / places % 3)))
                .collect();
            for (dice, entropy, over_batch) in [(1.0, 0.0, false), (0.0, 1.0, true), (1.0, 0.5, true)] {
                let loss = SegmentationLoss { output, dice, entropy, over_batch };
                let weights = [1.0, 2.0, 0.5];
                let input = tensor(&values, shape, &traced).require_grad();
                let score = loss.of(input.clone(), tensor(&targets, shape, &traced), &weights);
                let gradient = input.grad(&score.backward()).expect("a gradient").into_data();
                let gradient = gradient.try_into_vec::<f32>().expect("floats");
                let plain = Device::flex();
                let at = |place: usize, by: f32| {
                    let mut moved = values.clone();
                    moved[place] += by;
                    let loss =
                        loss.of(tensor(&moved, shape, &plain), tensor(&targets, shape, &plain), &weights);
                    f64::from(loss.into_data().try_to_vec::<f32>().expect("floats")[0])
                };
                for place in (0..count).step_by(5) {
                    let numeric = (at(place, 0.05) - at(place, -0.05)) / 0.1;
                    let found = f64::from(gradient[place]);
                    assert!((numeric - found).abs() < 1e-4, "{loss:?} at {place}: {numeric} for {found}");
                }
            }
        }
    }

    #[test]
    fn losses_agree_with_monai() {
        #[derive(Deserialize)]
        struct Case {
            name: String,
            shape: [usize; 5],
            output: OutputKind,
            dice: f32,
            entropy: f32,
            over_batch: bool,
            logits: Vec<f32>,
            targets: Vec<f32>,
            loss: f32,
        }
        #[derive(Deserialize)]
        struct Golden {
            cases: Vec<Case>,
        }
        let Golden { cases } =
            serde_json::from_str(include_str!("../../tests/golden/losses.json")).expect("golden losses");
        assert_eq!(cases.len(), 13);
        for case in cases {
            let loss = SegmentationLoss {
                output: case.output,
                dice: case.dice,
                entropy: case.entropy,
                over_batch: case.over_batch,
            };
            let found = value(loss, &case.logits, &case.targets, case.shape);
            // Sums of a hundred numbers of single precision.
            assert!(
                (found - case.loss).abs() < 2e-6 * (1.0 + case.loss.abs()),
                "{}: {found} for {}",
                case.name,
                case.loss
            );
        }
    }
}
