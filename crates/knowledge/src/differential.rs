//! Diseases that findings speak for and against.
//!
//! The principal type is [`Differential`]: what it is made of is a table of [`Frequency`], how often a finding is there with a
//! disease and without it, and a prior for each disease. It is naive Bayes: findings count as independent once the disease is
//! known, the diseases as the only ones there are, and each finding as what its table says, so that figures of different studies
//! stand side by side. It ranks what it was told; it excludes nothing that it was not told.

mod from_graph;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;

/// How often a finding is there with a disease and without it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Frequency {
    /// Which finding.
    pub finding: String,
    /// Which disease.
    pub disease: String,
    /// Share of those with the disease who have the finding.
    pub sensitivity: f64,
    /// Share of those without the disease who have it.
    pub false_positive_rate: f64,
    /// Whose figures these are.
    pub source: String,
}

/// What is known of a case, and the diseases in question.
#[derive(Clone, Debug)]
pub struct Differential {
    /// Of each disease, finding by finding.
    table: BTreeMap<String, BTreeMap<String, Frequency>>,
    prior: BTreeMap<String, f64>,
}

/// A disease with what speaks for and against it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// Which; none is whatever else it may be.
    pub disease: Option<String>,
    /// Before the findings.
    pub prior: f64,
    /// With the findings.
    pub probability: f64,
    /// What speaks for it, the strongest first.
    pub for_it: Vec<Weighed>,
    /// What speaks against it, the strongest first.
    pub against_it: Vec<Weighed>,
    /// Findings of the case of which the table has no figure for this disease.
    pub unknown: Vec<String>,
}

/// A finding and how much it turns the odds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Weighed {
    /// Which.
    pub finding: String,
    /// Whether it is there.
    pub present: bool,
    /// How many times likelier with the disease than without it.
    pub likelihood_ratio: f64,
    /// Whose figures these are.
    pub source: String,
}

/// A finding to look for, and what is to be learned from it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NextTest {
    /// Which finding.
    pub finding: String,
    /// How probable it is.
    pub probability: f64,
    /// How much it is expected to take from the entropy of the diseases, in bits.
    pub expected_gain_bits: f64,
}

/// Why there is no differential diagnosis.
#[derive(Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DifferentialError {
    /// A share that is none, or leaves a ratio undefined.
    #[error("{finding} with {disease}: {what} is {found}, expected more than 0 and less than 1")]
    Share {
        /// Which finding.
        finding: String,
        /// Which disease.
        disease: String,
        /// Which share.
        what: &'static str,
        /// What it is.
        found: f64,
    },
    /// The priors.
    #[error("the priors sum to {sum}, expected more than 0 each and 1 at most together")]
    Prior {
        /// What they sum to.
        sum: f64,
    },
    /// A finding both present and absent.
    #[error("{finding} is said to be there and not to be there")]
    Contradiction {
        /// Which.
        finding: String,
    },
}

impl Differential {
    /// Diseases with their priors, and what is known of findings; figures of diseases without a prior are left out.
    ///
    /// # Errors
    /// [`DifferentialError::Share`], [`DifferentialError::Prior`].
    pub fn new(prior: BTreeMap<String, f64>, table: Vec<Frequency>) -> Result<Self, DifferentialError> {
        let sum: f64 = prior.values().sum();
        if prior.is_empty() || sum > 1.0 + 1e-9 || !prior.values().all(|prior| *prior > 0.0) {
            return Err(DifferentialError::Prior { sum });
        }
        let mut kept: BTreeMap<String, BTreeMap<String, Frequency>> = BTreeMap::new();
        for row in table.into_iter().filter(|row| prior.contains_key(&row.disease)) {
            for (what, found) in
                [("the sensitivity", row.sensitivity), ("the false positive rate", row.false_positive_rate)]
            {
                if !(found > 0.0 && found < 1.0) {
                    let (finding, disease) = (row.finding, row.disease);
                    return Err(DifferentialError::Share { finding, disease, what, found });
                }
            }
            kept.entry(row.disease.clone()).or_default().insert(row.finding.clone(), row);
        }
        Ok(Self { table: kept, prior })
    }

    /// The diseases by their probability, what is left for others among them.
    ///
    /// A finding multiplies the odds of each disease for which there are figures by its likelihood ratio and leaves the rest as
    /// they are; the products are then made to sum to 1.
    ///
    /// # Errors
    /// [`DifferentialError::Contradiction`].
    ///
    /// # Source
    /// Pauker and Kassirer 1980, doi:10.1056/NEJM198005153022003, for the odds; de Dombal et al. 1972, doi:10.1136/bmj.2.5804.9, for the method
    pub fn rank(&self, present: &[String], absent: &[String]) -> Result<Vec<Candidate>, DifferentialError> {
        if let Some(both) = present.iter().find(|finding| absent.contains(finding)) {
            return Err(DifferentialError::Contradiction { finding: both.clone() });
        }
        let mut case: Vec<(&String, bool)> = present
            .iter()
            .map(|finding| (finding, true))
            .chain(absent.iter().map(|finding| (finding, false)))
            .collect();
        case.sort();
        case.dedup();
        let posterior = self.posterior(&case);
        let rest = 1.0 - self.prior.values().sum::<f64>();
        let mut candidates = Vec::new();
        for (at, (disease, prior)) in self.prior.iter().enumerate() {
            let (mut for_it, mut against_it, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
            for (finding, present) in &case {
                match self.row(disease, finding) {
                    None => unknown.push((*finding).clone()),
                    Some(row) => {
                        let likelihood_ratio = ratio(row, *present);
                        let weighed = Weighed {
                            finding: (*finding).clone(),
                            present: *present,
                            likelihood_ratio,
                            source: row.source.clone(),
                        };
                        if likelihood_ratio >= 1.0 { &mut for_it } else { &mut against_it }.push(weighed);
                    }
                }
            }
            for_it.sort_by(|one, other| other.likelihood_ratio.total_cmp(&one.likelihood_ratio));
            against_it.sort_by(|one, other| one.likelihood_ratio.total_cmp(&other.likelihood_ratio));
            candidates.push(Candidate {
                disease: Some(disease.clone()),
                prior: *prior,
                probability: posterior[at],
                for_it,
                against_it,
                unknown,
            });
        }
        if rest > 1e-9 {
            candidates.push(Candidate {
                disease: None,
                prior: rest,
                probability: posterior[self.prior.len()],
                for_it: Vec::new(),
                against_it: Vec::new(),
                unknown: Vec::new(),
            });
        }
        candidates.sort_by(|one, other| other.probability.total_cmp(&one.probability));
        Ok(candidates)
    }

    /// What to look for next among the findings of the table that the case says nothing of, by expected information.
    ///
    /// # Errors
    /// [`DifferentialError::Contradiction`].
    ///
    /// # Source
    /// Lindley 1956, doi:10.1214/aoms/1177728069
    pub fn next_tests(
        &self,
        present: &[String],
        absent: &[String],
    ) -> Result<Vec<NextTest>, DifferentialError> {
        self.rank(present, absent)?;
        let case: Vec<(&String, bool)> = present
            .iter()
            .map(|finding| (finding, true))
            .chain(absent.iter().map(|finding| (finding, false)))
            .collect();
        let now = self.posterior(&case);
        let mut findings: Vec<&String> = self.table.values().flat_map(BTreeMap::keys).collect();
        findings.sort();
        findings.dedup();
        findings.retain(|finding| !present.contains(finding) && !absent.contains(finding));
        let mut tests = Vec::new();
        for finding in findings {
            // How probable the finding is with each disease: where there is no figure, as with the diseases that it is not of.
            let elsewhere = {
                let rows: Vec<&Frequency> =
                    self.table.values().filter_map(|rows| rows.get(finding)).collect();
                rows.iter().map(|row| row.false_positive_rate).sum::<f64>() / rows.len() as f64
            };
            let diseases = self
                .prior
                .keys()
                .map(|disease| self.row(disease, finding).map_or(elsewhere, |row| row.sensitivity));
            let shares: Vec<f64> = diseases.chain([elsewhere]).take(now.len()).collect();
            let probability: f64 = now.iter().zip(&shares).map(|(disease, share)| disease * share).sum();
            let after = |present: bool, of: f64| {
                let weights =
                    now.iter().zip(&shares).map(|(p, s)| p * if present { *s } else { 1.0 - s } / of);
                entropy(&weights.collect::<Vec<_>>())
            };
            let expected = probability * after(true, probability)
                + (1.0 - probability) * after(false, 1.0 - probability);
            tests.push(NextTest {
                finding: finding.clone(),
                probability,
                expected_gain_bits: (entropy(&now) - expected).max(0.0),
            });
        }
        tests.sort_by(|one, other| other.expected_gain_bits.total_cmp(&one.expected_gain_bits));
        Ok(tests)
    }

    fn row(&self, disease: &str, finding: &str) -> Option<&Frequency> {
        self.table.get(disease)?.get(finding)
    }

    /// Of each disease in order, then of all others together where there is room for them.
    fn posterior(&self, case: &[(&String, bool)]) -> Vec<f64> {
        let rest = 1.0 - self.prior.values().sum::<f64>();
        let mut weights: Vec<f64> = self
            .prior
            .iter()
            .map(|(disease, prior)| {
                let ratios = case
                    .iter()
                    .filter_map(|(finding, present)| Some(ratio(self.row(disease, finding)?, *present)));
                prior * ratios.product::<f64>()
            })
            .collect();
        if rest > 1e-9 {
            weights.push(rest);
        }
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / sum).collect()
    }
}

fn ratio(row: &Frequency, present: bool) -> f64 {
    if present {
        row.sensitivity / row.false_positive_rate
    } else {
        (1.0 - row.sensitivity) / (1.0 - row.false_positive_rate)
    }
}

/// In bits.
fn entropy(shares: &[f64]) -> f64 {
    shares.iter().filter(|share| **share > 0.0).map(|share| -share * share.log2()).sum()
}
