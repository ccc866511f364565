//! What training lowers.

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;
use serde::{Deserialize, Serialize};

/// How far logits are from their targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Loss {
    /// Cross-entropy with soft targets.
    #[default]
    CrossEntropy,
    /// Cross-entropy that counts less where the network is sure and right (Lin et al. 2017,
    /// arXiv:1708.02002).
    Focal {
        /// How much less: the power of what is missing to certainty; 2 in the paper, 0 is cross-entropy.
        gamma: f32,
    },
}

impl Loss {
    /// What is wrong with its numbers.
    pub(crate) fn fault(self) -> Option<&'static str> {
        match self {
            Self::Focal { gamma } if !(0.0..=10.0).contains(&gamma) => {
                Some("the focal loss's gamma must lie from 0 to 10")
            }
            _ => None,
        }
    }

    /// The mean over a batch.
    ///
    /// # Shapes
    /// `[batch, labels]` both; a row of targets adds up to its weight. Gives `[1]`.
    pub(crate) fn of(self, logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        let [batch, _] = logits.dims();
        let logs = log_softmax(logits, 1);
        let each = match self {
            Self::CrossEntropy => logs * targets,
            Self::Focal { gamma } => {
                let missing = logs.clone().exp().neg() + 1.0;
                // The power's derivative has no bound at 0 for a gamma below 1.
                logs * targets * missing.clamp_min(1e-6).powf_scalar(gamma)
            }
        };
        each.sum().neg() / batch as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn value(loss: Loss) -> f32 {
        let device = Device::flex();
        let logits = Tensor::<2>::from_data([[2.0, 0.0], [0.0, 0.0]], &device);
        let targets = Tensor::<2>::from_data([[1.0, 0.0], [0.0, 2.0]], &device);
        loss.of(logits, targets).into_data().try_to_vec::<f32>().expect("floats")[0]
    }

    #[test]
    fn losses_worked_on_paper() {
        // p = 1 / (1 + exp(-2)) = 0.880797 and 0.5, the second counts twice.
        let (sure, even) = (0.880_797_f32, 0.5_f32);
        let plain = (-sure.ln() - 2.0 * even.ln()) / 2.0;
        assert!((value(Loss::CrossEntropy) - plain).abs() < 1e-5);
        let focal = (-(1.0 - sure).powi(2) * sure.ln() - 2.0 * 0.25 * even.ln()) / 2.0;
        assert!((value(Loss::Focal { gamma: 2.0 }) - focal).abs() < 1e-5);
        assert!((value(Loss::Focal { gamma: 0.0 }) - plain).abs() < 1e-5);
    }

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let device = Device::flex().autodiff();
        let base = [1.5_f32, -0.5, 0.25, 0.0, 2.0, -1.0];
        let targets = [0.8_f32, 0.1, 0.1, 0.5, 0.0, 1.5];
        let tensor = |values: &[f32]| {
            Tensor::<2>::from_data(burn::tensor::TensorData::new(values.to_vec(), [2, 3]), &device)
        };
        for loss in [
            Loss::CrossEntropy,
            Loss::Focal { gamma: 0.5 },
            Loss::Focal { gamma: 1.0 },
            Loss::Focal { gamma: 3.0 },
        ] {
            let logits = tensor(&base).require_grad();
            let gradients = loss.of(logits.clone(), tensor(&targets)).backward();
            let found = logits.grad(&gradients).expect("a gradient").into_data();
            let found = found.try_to_vec::<f32>().expect("floats");
            let at = |place: usize, by: f32| {
                let mut moved = base;
                moved[place] += by;
                let value = loss.of(tensor(&moved), tensor(&targets)).into_data();
                value.try_to_vec::<f32>().expect("floats")[0]
            };
            for (place, found) in found.iter().enumerate() {
                let expected = (at(place, 1e-2) - at(place, -1e-2)) / 2e-2;
                assert!((found - expected).abs() < 1e-3, "{loss:?} at {place}: {found} for {expected}");
            }
        }
    }
}
