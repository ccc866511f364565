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
