use wilhelm_nets::{BaselineMetric, FigureDifferences};

use super::{Baseline, Tried};
use crate::evaluate::{Draws, Scored, calibrate, crossed};
use crate::fewshot::largest;
use crate::{Division, LearnError};

/// What a baseline says of the images held out.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    name: &'static str,
    what: String,
    /// A row an image.
    probabilities: Vec<Vec<f64>>,
    /// Whether its probabilities are calibrated, as a network's are.
    calibrated: bool,
    tried: Vec<Tried>,
}

impl Measured {
    /// Of a baseline that looks at images.
    pub fn of_images(
        name: &'static str,
        what: String,
        probabilities: Vec<Vec<f64>>,
        tried: Vec<Tried>,
    ) -> Self {
        Self { name, what, probabilities, calibrated: true, tried }
    }

    /// The commonest label of the training images, with certainty.
    pub fn majority(division: &Division<'_>) -> Self {
        let shares = shares(division, &division.split.training);
        let commonest = largest(&shares);
        let row: Vec<f64> = (0..shares.len()).map(|label| f64::from(u8::from(label == commonest))).collect();
        let key = &division.recipe.labels[commonest].key;
        Self::constant(division, "majority", format!("{key}, the commonest label, for every image"), &row)
    }

    /// The shares of the labels among the training images.
    pub fn prevalence(division: &Division<'_>) -> Self {
        let shares = shares(division, &division.split.training);
        let what = "the labels' shares of the training images as probabilities for every image";
        Self::constant(division, "prevalence", what.to_owned(), &shares)
    }

    fn constant(division: &Division<'_>, name: &'static str, what: String, row: &[f64]) -> Self {
        let probabilities = vec![row.to_vec(); division.split.validation.len()];
        Self { name, what, probabilities, calibrated: false, tried: Vec::new() }
    }

    /// Its figures, and what should be known of them; `parts` as the network's own.
    pub fn figures(
        &self,
        labels: &[usize],
        parts: &[usize],
        draws: &Draws<'_>,
        network: Option<&Scored<'_>>,
    ) -> Result<(Baseline, Option<String>), LearnError> {
        let mut note = None;
        let probabilities = if self.calibrated {
            let logits = logarithms(&self.probabilities);
            match calibrate(&logits, labels) {
                Ok(_) => crossed(&logits, labels, parts),
                Err(LearnError::NoSignal { .. }) => {
                    note = Some(format!(
                        "{}: no better than chance, so that its probabilities stand as they are",
                        self.name
                    ));
                    self.probabilities.clone()
                }
                Err(error) => return Err(error),
            }
        } else {
            self.probabilities.clone()
        };
        let own = Scored::new(&probabilities, labels);
        let network_less = network.map(|network| -> Result<FigureDifferences, LearnError> {
            Ok(FigureDifferences {
                macro_auc: draws
                    .difference(|drawn| network.macro_auc(drawn), |drawn| own.macro_auc(drawn))?,
                accuracy: draws.difference(|drawn| network.accuracy(drawn), |drawn| own.accuracy(drawn))?,
                brier: draws.difference(|drawn| network.brier(drawn), |drawn| own.brier(drawn))?,
            })
        });
        let metric = BaselineMetric {
            name: self.name.to_owned(),
            what: self.what.clone(),
            macro_auc: draws.interval(|drawn| own.macro_auc(drawn))?,
            accuracy: draws.interval(|drawn| own.accuracy(drawn))?,
            brier: draws.interval(|drawn| own.brier(drawn))?,
            network_less: network_less.transpose()?,
        };
        Ok((Baseline { metric, tried: self.tried.clone() }, note))
    }
}

/// Shares of the labels among some images.
pub(super) fn shares(division: &Division<'_>, places: &[usize]) -> Vec<f64> {
    let mut shares = vec![0.0; division.recipe.labels.len()];
    for place in places {
        shares[division.data.examples[*place].label] += 1.0 / places.len() as f64;
    }
    shares
}

/// Logits of probabilities: a temperature and biases make of them what they make of those that the probabilities came from.
pub(super) fn logarithms(probabilities: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let row = |row: &Vec<f64>| row.iter().map(|p| p.max(f64::MIN_POSITIVE).ln()).collect();
    probabilities.iter().map(row).collect()
}

/// The setting of the least log loss, the first of equals, among those that have one.
pub(super) fn least(tried: &[Tried]) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (at, one) in tried.iter().enumerate() {
        if let Some(loss) = one.log_loss
            && best.is_none_or(|(_, least)| loss < least)
        {
            best = Some((at, loss));
        }
    }
    best.map(|(at, _)| at)
}
