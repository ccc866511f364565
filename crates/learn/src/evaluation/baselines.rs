use serde::{Deserialize, Serialize};

use super::figure::Sampler;
use super::headline::{Headline, headlines};
use super::{Cases, Scale};

/// What a model without any look at the case reaches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Its name.
    pub name: String,
    /// What it does.
    pub what: String,
    /// Its headlines, as those of the model.
    pub headlines: Vec<Headline>,
}

/// The commonest label for every case, and the share of each label as its probability for every case.
pub(super) fn baselines(cases: &Cases, sampler: &Sampler, bins: usize) -> Vec<Baseline> {
    if cases.scale == Scale::Score {
        return Vec::new();
    }
    let shares: Vec<f64> = (0..cases.labels.len())
        .map(|label| cases.truth.iter().filter(|truth| **truth == label).count() as f64 / cases.len() as f64)
        .collect();
    let commonest =
        (1..shares.len()).fold(0, |best, label| if shares[label] > shares[best] { label } else { best });
    let certain: Vec<f64> = (0..shares.len()).map(|label| f64::from(u8::from(label == commonest))).collect();
    let constant = |name: &str, what: String, row: &[f64]| {
        let values = row.repeat(cases.len());
        let of = Cases { values, ..cases.clone() };
        Baseline { name: name.to_owned(), what, headlines: headlines(&of, sampler, bins) }
    };
    vec![
        constant("majority", format!("{} for every case, with certainty", cases.labels[commonest]), &certain),
        constant(
            "prevalence",
            "the shares of the labels among these cases as probabilities for every case".to_owned(),
            &shares,
        ),
    ]
}
