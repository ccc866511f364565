use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use wilhelm_stats::{McNemar, delong_test, mcnemar_of_calls};

use super::cases::shared;
use super::figure::Sampler;
use super::headline::{likeliest, measures};
use super::{Cases, EvaluationError, Figure, Method, Scale, Settings};

/// Two models on the cases that both have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The file of the first model's predictions.
    pub first: String,
    /// The file of the second's.
    pub second: String,
    /// Cases that both have.
    pub cases: usize,
    /// Cases that the first alone has.
    pub only_first: usize,
    /// Cases that the second alone has.
    pub only_second: usize,
    /// Each headline of both on the same resamples.
    pub headlines: Vec<Difference>,
    /// DeLong's test of the areas of each label (of two labels the positive one). It takes cases as
    /// independent.
    pub delong: Vec<AreaDifference>,
    /// McNemar's test of which calls are right; `None` for scores.
    pub mcnemar: Option<McNemar>,
}

/// A headline of two models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Its name in files.
    pub key: String,
    /// Its name for people.
    pub name: String,
    /// Whether more of it is better.
    pub higher_is_better: bool,
    /// Of the first model.
    pub first: Option<f64>,
    /// Of the second model.
    pub second: Option<f64>,
    /// First minus second.
    pub difference: Figure,
    /// Two-sided: twice the share of resamples in which the difference is on the rarer side of 0.
    pub p: Option<f64>,
}

/// The areas of two models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AreaDifference {
    /// The label against all others.
    pub label: String,
    /// Of the first model.
    pub first: f64,
    /// Of the second model.
    pub second: f64,
    /// First minus second.
    pub difference: Figure,
    /// Two-sided chance of such a difference if there were none; `None` if both order the cases alike.
    pub p: Option<f64>,
}

pub(super) fn compare(
    first: &Cases,
    second: &Cases,
    settings: &Settings,
) -> Result<Comparison, EvaluationError> {
    let (one, other) = shared(first, second)?;
    let sampler = Sampler::new(one.len(), one.patients.as_deref(), settings.resampling);
    let pairs: Vec<_> =
        measures(&one, settings.bins).into_iter().zip(measures(&other, settings.bins)).collect();
    let headlines = pairs
        .into_par_iter()
        .map(|(a, b)| {
            let method = sampler.method();
            let all: Vec<usize> = (0..one.len()).collect();
            let (difference, p) = match sampler.difference(&a.of, &b.of) {
                Ok(found) => {
                    let interval = found.difference;
                    (Figure::new(interval.estimate, interval.low, interval.high, method), Some(found.p))
                }
                Err(error) => (Figure::missing(method, error.to_string()), None),
            };
            Difference {
                key: a.key.to_owned(),
                name: a.name,
                higher_is_better: a.higher_is_better,
                first: (a.of)(&all),
                second: (b.of)(&all),
                difference,
                p,
            }
        })
        .collect();
    let labels: Vec<usize> = match one.positive.filter(|_| one.labels.len() == 2) {
        Some(positive) => vec![positive],
        None => (0..one.labels.len()).collect(),
    };
    let delong = labels
        .into_iter()
        .filter_map(|label| {
            let level = settings.resampling.level;
            let found =
                delong_test(&one.of_label(label), &other.of_label(label), &one.is_label(label), level)
                    .ok()?;
            Some(AreaDifference {
                label: one.labels[label].clone(),
                first: found.first,
                second: found.second,
                difference: Figure::new(found.difference, found.low, found.high, Method::Delong),
                p: found.p,
            })
        })
        .collect();
    let right = |cases: &Cases| -> Vec<bool> {
        likeliest(cases).iter().zip(&cases.truth).map(|(called, truth)| called == truth).collect()
    };
    let mcnemar = match one.scale {
        Scale::Probability => Some(mcnemar_of_calls(&right(&one), &right(&other))?),
        Scale::Score => None,
    };
    Ok(Comparison {
        first: first.file.clone(),
        second: second.file.clone(),
        cases: one.len(),
        only_first: first.len() - one.len(),
        only_second: second.len() - one.len(),
        headlines,
        delong,
        mcnemar,
    })
}
