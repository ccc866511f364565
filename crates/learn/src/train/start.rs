use burn::tensor::Device;
use wilhelm_nets::EncoderCard;
use wilhelm_nets::arch::{Classifier, Encoder};

use crate::hash::sha256;
use crate::{LearnError, Recipe};

/// What a classifier's training begins with.
#[derive(Clone, Debug)]
pub enum Start {
    /// Random weights.
    Fresh,
    /// The CNN of an encoder that was trained without labels; the rest is random.
    Encoder {
        /// Its card.
        card: Box<EncoderCard>,
        /// Its weights.
        weights: Vec<u8>,
    },
    /// A network trained before by the same recipe on the same split, which is taken as it is: only calibration, outlier
    /// detector and figures are made anew.
    Trained(Vec<u8>),
}

impl Start {
    /// Refuses weights that are not those of the recipe's network, or not those that their card vouches for.
    ///
    /// # Errors
    /// [`LearnError::Start`].
    pub fn check(&self, recipe: &Recipe) -> Result<(), LearnError> {
        let fail = |what: String| Err(LearnError::Start { what });
        let Self::Encoder { card, weights } = self else {
            return match self {
                Self::Fresh if recipe.fixed_stages > 0 => fail(
                    "fixed_stages would leave random weights as they are: name an encoder by start, or take it out"
                        .to_owned(),
                ),
                _ => Ok(()),
            };
        };
        if let Some(what) = card.misfit(&recipe.architecture) {
            return fail(format!(
                "of encoder {} {what}; pre-train one by this recipe, or give the recipe its sizes",
                card.name
            ));
        }
        let stated = recipe.normalization.map(|stated| (stated.mean, stated.deviation));
        let own = (card.preparation.mean, card.preparation.deviation);
        if card.is_imported() && stated != Some(own) {
            return fail(format!(
                "encoder {} was trained by others on another scale of gray values: set normalization = {{ mean = {:?}, \
                 deviation = {:?} }} in the recipe",
                card.name, own.0, own.1
            ));
        }
        let found = sha256(weights);
        if found != card.weights_sha256 {
            return fail(format!(
                "SHA-256 of encoder {}'s weights is {found}, its card says {}; copy its folder anew",
                card.name, card.weights_sha256
            ));
        }
        match Encoder::load(&card.architecture, weights.clone(), &Device::flex()) {
            Ok(_) => Ok(()),
            Err(what) => fail(what),
        }
    }

    /// A network to begin with.
    pub(crate) fn network(&self, recipe: &Recipe, device: &Device) -> Classifier {
        let network = Classifier::new(&recipe.architecture, device);
        match self {
            Self::Encoder { card, weights } => {
                // Of another side than the recipe's where its convolutions read any.
                let encoder = Encoder::load(&card.architecture, weights.clone(), device);
                network
                    .with_encoder(encoder.expect("the same bytes were read when they were checked"))
                    .with_fixed_stages(recipe.fixed_stages)
            }
            _ => network,
        }
    }
}
