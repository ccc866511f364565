//! The optimizers a recipe can name.

use burn::grad_clipping::GradientClippingConfig;
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdaGradConfig, AdamConfig, AdamWConfig, ModuleOptimizer, SgdConfig};
use serde::{Deserialize, Serialize};

use crate::Optimization;

/// How a step follows from the gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Optimizer {
    /// Adam with decoupled weight decay (Loshchilov, Hutter 2019, arXiv:1711.05101).
    #[default]
    Adamw,
    /// Adam (Kingma, Ba 2015, arXiv:1412.6980); weight decay is added to the gradient.
    Adam,
    /// Stochastic gradient descent with momentum (Sutskever et al. 2013), no dampening; weight decay is added
    /// to the gradient.
    Sgd {
        /// Share of the last step that is kept.
        momentum: f64,
        /// Looks ahead by the momentum (Nesterov).
        #[serde(default)]
        nesterov: bool,
    },
    /// Adagrad (Duchi, Hazan, Singer 2011); weight decay is added to the gradient.
    Adagrad,
}

impl Optimizer {
    /// What is wrong with its numbers.
    pub(crate) fn fault(self) -> Option<&'static str> {
        match self {
            Self::Sgd { momentum, .. } if !(0.0..1.0).contains(&momentum) => {
                Some("momentum must be at least 0 and below 1")
            }
            _ => None,
        }
    }
}

/// The optimizer of a recipe, before its first step.
pub(crate) fn optimizer<K>(settings: &Optimization<K>) -> ModuleOptimizer {
    let clip = (settings.clip_norm > 0.0).then_some(GradientClippingConfig::Norm(settings.clip_norm));
    let decay = (settings.weight_decay > 0.0).then(|| WeightDecayConfig::new(settings.weight_decay));
    match settings.optimizer {
        Optimizer::Adamw => {
            AdamWConfig::new().with_weight_decay(settings.weight_decay).with_grad_clipping(clip).init()
        }
        Optimizer::Adam => AdamConfig::new().with_weight_decay(decay).with_grad_clipping(clip).init(),
        Optimizer::Sgd { momentum, nesterov } => {
            let momentum = (momentum > 0.0).then(|| {
                MomentumConfig::new().with_momentum(momentum).with_dampening(0.0).with_nesterov(nesterov)
            });
            SgdConfig::new()
                .with_momentum(momentum)
                .with_weight_decay(decay)
                .with_gradient_clipping(clip)
                .init()
        }
        Optimizer::Adagrad => AdaGradConfig::new().with_weight_decay(decay).with_grad_clipping(clip).init(),
    }
}

#[cfg(test)]
mod tests {
    use burn::module::{Module, Param};
    use burn::optim::GradientsParams;
    use burn::tensor::{Device, Tensor};

    use super::*;

    #[derive(Module, Debug)]
    struct One {
        weights: Param<Tensor<1>>,
    }

    /// Weights after some steps of gradient `weights * [1, 4]`, that of `(w0 squared + 4 w1 squared) / 2`.
    fn after(settings: &Optimization, steps: usize) -> Vec<f32> {
        let device = Device::flex().autodiff();
        let mut network = One { weights: Param::from_tensor(Tensor::from_data([1.0_f32, -2.0], &device)) };
        let mut optimizer = optimizer(settings);
        for _ in 0..steps {
            let slopes = Tensor::<1>::from_data([1.0_f32, 4.0], &device);
            let loss = (network.weights.val().powf_scalar(2.0) * slopes).sum() / 2.0;
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            network = optimizer.step(settings.learning_rate, network, gradients);
        }
        network.weights.val().into_data().try_to_vec::<f32>().expect("floats")
    }

    fn check(optimizer: Optimizer, weight_decay: f32, clip_norm: f32, steps: usize, expected: [f32; 2]) {
        let settings = Optimization {
            optimizer,
            weight_decay,
            clip_norm,
            learning_rate: 0.1,
            ..crate::fit::tests::settings()
        };
        let found = after(&settings, steps);
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 2e-5, "{optimizer:?}: {found} for {expected}");
        }
    }

    #[test]
    fn steps_worked_on_paper() {
        let plain = Optimizer::Sgd { momentum: 0.0, nesterov: false };
        // 1 - 0.1 * 1 and -2 + 0.1 * 8.
        check(plain, 0.0, 0.0, 1, [0.9, -1.2]);
        // The decay adds half a weight to the gradient: 1 - 0.1 * 1.5 and -2 + 0.1 * 9.
        check(plain, 0.5, 0.0, 1, [0.85, -1.1]);
        // The gradient (1, -8) has a norm of the root of 65; clipped to 1 it is (0.124035, -0.992278).
        check(plain, 0.0, 1.0, 1, [1.0 - 0.012_403_5, -2.0 + 0.099_227_8]);
        let momentum = Optimizer::Sgd { momentum: 0.5, nesterov: false };
        // Second step: 0.5 * 1 + 0.9 = 1.4, and 0.5 * -8 - 4.8 = -8.8.
        check(momentum, 0.0, 0.0, 2, [0.9 - 0.14, -1.2 + 0.88]);
        let ahead = Optimizer::Sgd { momentum: 0.5, nesterov: true };
        // First step: 1 + 0.5 * 1 = 1.5, and -8 - 4 = -12.
        check(ahead, 0.0, 0.0, 1, [0.85, -0.8]);
        // First steps of Adam are the rate long, whatever the gradient.
        check(Optimizer::Adam, 0.0, 0.0, 1, [0.9, -1.9]);
        // Decoupled: the weight shrinks by 0.1 * 0.5 of itself beside.
        check(Optimizer::Adamw, 0.5, 0.0, 1, [0.95 - 0.1, -1.9 + 0.1]);
        // Adagrad's second step: 0.9 / root(1 + 0.81), and 7.6 / root(64 + 57.76), times the rate.
        check(Optimizer::Adagrad, 0.0, 0.0, 2, [0.9 - 0.066_896_5, -1.9 + 0.068_875_6]);
    }
}
