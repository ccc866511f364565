//! Simple classifiers of feature vectors.

use serde::Serialize;
use wilhelm_stats::{Rows, SoftmaxRegression, fit_softmax_regression};

use super::Standardized;
use crate::LearnError;

/// How labels follow from feature vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Logistic regression, held back by its weights' length (L2).
    LinearProbe,
    /// The nearest mean of a label's cases, by the angle.
    PrototypeCosine,
    /// The nearest mean of a label's cases, by the distance.
    PrototypeEuclid,
    /// The votes of the nearest cases, by the angle.
    NearestNeighbors,
}

/// What the methods are told; the same for every source and every number of cases.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MethodSettings {
    /// Weight of the cases' loss against the length of the linear probe's weights: scikit-learn's `C`.
    pub strength: f64,
    /// Cases that vote; never more than there are of a label on average.
    pub neighbors: usize,
}

impl Default for MethodSettings {
    fn default() -> Self {
        Self { strength: 1.0, neighbors: 5 }
    }
}

impl MethodSettings {
    pub(crate) fn check(&self) -> Result<(), LearnError> {
        if !(self.strength.is_finite() && self.strength > 0.0) {
            return Err(LearnError::Few(format!("strength is {}, expected above 0", self.strength)));
        }
        if self.neighbors == 0 {
            return Err(LearnError::Few("0 neighbors were asked for, expected at least 1".to_owned()));
        }
        Ok(())
    }
}

impl Method {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 4] =
        [Self::LinearProbe, Self::PrototypeCosine, Self::PrototypeEuclid, Self::NearestNeighbors];

    /// Its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LinearProbe => "linear probe",
            Self::PrototypeCosine => "prototypes, cosine",
            Self::PrototypeEuclid => "prototypes, Euclid",
            Self::NearestNeighbors => "nearest neighbors",
        }
    }

    /// A score of each label for each asked case; the greatest is the called label's.
    pub(crate) fn scores(
        self,
        known: &Known<'_>,
        asked: &Asked<'_>,
        settings: &MethodSettings,
    ) -> Result<Vec<Vec<f64>>, LearnError> {
        match self {
            Self::LinearProbe => {
                let probe = Probe::fit(known, settings.strength)?;
                Ok(asked.rows().map(|row| probe.log_probabilities(row)).collect())
            }
            Self::PrototypeCosine => {
                let prototypes = prototypes(known, true);
                Ok(asked
                    .rows()
                    .map(|row| lead(prototypes.iter().map(|one| cosine_distance(row, one))))
                    .collect())
            }
            Self::PrototypeEuclid => {
                let prototypes = prototypes(known, false);
                Ok(asked.rows().map(|row| lead(prototypes.iter().map(|one| euclid(row, one)))).collect())
            }
            Self::NearestNeighbors => {
                let mean = (known.places.len() / known.classes).max(1);
                let count = settings.neighbors.min(mean);
                Ok(asked.rows().map(|row| votes(known, row, count)).collect())
            }
        }
    }
}

/// Cases with their labels.
pub(crate) struct Known<'a> {
    features: &'a Standardized,
    places: &'a [usize],
    labels: Vec<usize>,
    classes: usize,
}

impl<'a> Known<'a> {
    pub fn new(features: &'a Standardized, places: &'a [usize], label_of: &[usize], classes: usize) -> Self {
        let labels = places.iter().map(|place| label_of[*place]).collect();
        Self { features, places, labels, classes }
    }

    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.places.iter().map(|place| self.features.row(*place))
    }
}

/// Cases whose labels are asked for.
pub(crate) struct Asked<'a> {
    features: &'a Standardized,
    places: &'a [usize],
}

impl<'a> Asked<'a> {
    pub const fn new(features: &'a Standardized, places: &'a [usize]) -> Self {
        Self { features, places }
    }

    pub fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.places.iter().map(|place| self.features.row(*place))
    }
}

/// A fitted linear probe.
#[derive(Clone, Debug)]
pub(crate) struct Probe(SoftmaxRegression);

impl Probe {
    /// Fits it to labeled cases; a label that has none is never called.
    pub fn fit(known: &Known<'_>, strength: f64) -> Result<Self, LearnError> {
        let flat: Vec<f64> = known.rows().flatten().copied().collect();
        let rows = Rows::new(&flat, known.features.width)?;
        Ok(Self(fit_softmax_regression(rows, &known.labels, known.classes, strength)?))
    }

    pub fn log_probabilities(&self, row: &[f64]) -> Vec<f64> {
        log_probabilities(&self.0.logits(row))
    }
}

/// Logarithms of the probabilities of logits: they keep apart what rounds to the same probability.
pub(crate) fn log_probabilities(logits: &[f64]) -> Vec<f64> {
    let greatest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum = greatest + logits.iter().map(|logit| (logit - greatest).exp()).sum::<f64>().ln();
    logits.iter().map(|logit| logit - sum).collect()
}

/// The mean of each label's cases; of their directions where only those count.
fn prototypes(known: &Known<'_>, directions: bool) -> Vec<Vec<f64>> {
    let mut sums = vec![vec![0.0; known.features.width]; known.classes];
    let mut counts = vec![0.0_f64; known.classes];
    for (row, label) in known.rows().zip(&known.labels) {
        let scale = if directions { 1.0 / length(row).max(f64::MIN_POSITIVE) } else { 1.0 };
        sums[*label].iter_mut().zip(row).for_each(|(sum, value)| *sum += scale * value);
        counts[*label] += 1.0;
    }
    for (sum, count) in sums.iter_mut().zip(counts) {
        sum.iter_mut().for_each(|value| *value /= count.max(1.0));
    }
    sums
}

/// By how much each label's prototype is nearer than the nearest other: above 0 for the called label alone.
fn lead(distances: impl Iterator<Item = f64>) -> Vec<f64> {
    let distances: Vec<f64> = distances.collect();
    let other = |label: usize| {
        let others = distances.iter().enumerate().filter(|(place, _)| *place != label);
        others.map(|(_, distance)| *distance).fold(f64::INFINITY, f64::min)
    };
    (0..distances.len()).map(|label| other(label) - distances[label]).collect()
}

/// The nearest cases' votes for each label as shares, each weighted by 1 over its distance.
fn votes(known: &Known<'_>, row: &[f64], count: usize) -> Vec<f64> {
    // So that a case that is the same has a vote that is a number.
    const LEAST: f64 = 1e-9;
    let mut near: Vec<(f64, usize)> =
        known.rows().map(|other| cosine_distance(row, other)).zip(known.labels.iter().copied()).collect();
    let count = count.min(near.len());
    near.select_nth_unstable_by(count.saturating_sub(1), |a, b| a.0.total_cmp(&b.0));
    let mut votes = vec![0.0; known.classes];
    near[..count].iter().for_each(|(distance, label)| votes[*label] += 1.0 / (distance + LEAST));
    let all: f64 = votes.iter().sum();
    votes.iter_mut().for_each(|vote| *vote /= all);
    votes
}

fn length(row: &[f64]) -> f64 {
    product(row, row).sqrt()
}

fn product(first: &[f64], second: &[f64]) -> f64 {
    // Eight sums side by side, which the processor adds up at once.
    let (ones, rest) = first.as_chunks::<8>();
    let (others, last) = second.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for (one, other) in ones.iter().zip(others) {
        lanes.iter_mut().zip(one.iter().zip(other)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    lanes.iter().sum::<f64>() + rest.iter().zip(last).map(|(a, b)| a * b).sum::<f64>()
}

/// 1 less the cosine; 1 where one of them has no direction.
pub(super) fn cosine_distance(first: &[f64], second: &[f64]) -> f64 {
    let lengths = length(first) * length(second);
    if lengths > 0.0 { (1.0 - product(first, second) / lengths).max(0.0) } else { 1.0 }
}

fn euclid(first: &[f64], second: &[f64]) -> f64 {
    first.iter().zip(second).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two labels on a plane; the features are taken as they are.
    fn plane(points: &[[f64; 2]]) -> Standardized {
        Standardized { width: 2, values: points.concat() }
    }

    fn near(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
        }
    }

    fn asked(
        method: Method,
        points: &[[f64; 2]],
        labels: &[usize],
        at: [f64; 2],
        neighbors: usize,
    ) -> Vec<f64> {
        let mut all = points.to_vec();
        all.push(at);
        let features = plane(&all);
        let known: Vec<usize> = (0..points.len()).collect();
        let classes = labels.iter().max().expect("labels") + 1;
        let known = Known::new(&features, &known, labels, classes);
        let settings = MethodSettings { neighbors, ..MethodSettings::default() };
        let last = [points.len()];
        method.scores(&known, &Asked::new(&features, &last), &settings).expect("scores").remove(0)
    }

    #[test]
    fn prototypes_worked_on_paper() {
        // Means (0, 1) and (4, 0); from (0, 0) the distances are 1 and 4.
        let points = [[0.0, 0.0], [0.0, 2.0], [3.0, 0.0], [5.0, 0.0]];
        near(&asked(Method::PrototypeEuclid, &points, &[0, 0, 1, 1], [0.0, 0.0], 5), &[3.0, -3.0]);
        // Directions (0, 1) twice, against (1, 0) and (0.6, 0.8), whose mean is (0.8, 0.4). Cosines with (1, 0) are 0 and
        // 2 / sqrt 5 = 0.894427.
        let points = [[0.0, 2.0], [0.0, 7.0], [9.0, 0.0], [3.0, 4.0]];
        let found = asked(Method::PrototypeCosine, &points, &[0, 0, 1, 1], [1.0, 0.0], 5);
        near(&found, &[-0.894_427_2, 0.894_427_2]);
        // Three labels: each score is the lead over the nearest other.
        let points = [[0.0, 0.0], [3.0, 0.0], [0.0, 10.0]];
        near(
            &asked(Method::PrototypeEuclid, &points, &[0, 1, 2], [1.0, 0.0], 5),
            &[1.0, -1.0, 1.0 - 101.0_f64.sqrt()],
        );
    }

    #[test]
    fn votes_worked_on_paper() {
        // Cosines with (1, 0): 1, 0.8, 0.6, 0, so distances 0, 0.2, 0.4, 1. Three vote (six cases, two labels): 1e9 of a case
        // that is the same drowns the others.
        let points = [[2.0, 0.0], [4.0, 3.0], [3.0, 4.0], [0.0, 1.0], [-1.0, 0.0], [-1.0, -1.0]];
        let labels = [1, 0, 0, 1, 1, 0];
        let found = asked(Method::NearestNeighbors, &points, &labels, [1.0, 0.0], 3);
        assert!(found[1] > 0.999_999, "{found:?}");
        // Distances 0.2, 0.4 and 1: 1 / 0.2 + 1 / 0.4 = 7.5 for the first label, 1 for the second.
        let four = [[4.0, 3.0], [3.0, 4.0], [0.0, 1.0], [-1.0, 0.0], [-1.0, -1.0], [-1.0, 0.1]];
        near(
            &asked(Method::NearestNeighbors, &four, &[0, 0, 1, 1, 0, 1], [1.0, 0.0], 3),
            &[7.5 / 8.5, 1.0 / 8.5],
        );
        // One case a label: the nearest alone is asked.
        near(
            &asked(Method::NearestNeighbors, &[[1.0, 0.1], [0.0, 1.0]], &[0, 1], [1.0, 0.0], 5),
            &[1.0, 0.0],
        );
    }

    #[test]
    fn the_probe_parts_what_a_line_parts() {
        let points = [[-1.0, 0.0], [-2.0, 1.0], [1.0, 0.0], [2.0, -1.0]];
        let found = asked(Method::LinearProbe, &points, &[0, 0, 1, 1], [1.5, 0.0], 5);
        assert!(found[1] > found[0]);
        assert!((found.iter().map(|log| log.exp()).sum::<f64>() - 1.0).abs() < 1e-12);
        near(&log_probabilities(&[1000.0, 1000.0]), &[-std::f64::consts::LN_2; 2]);
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        assert!(MethodSettings { strength: 0.0, neighbors: 5 }.check().is_err());
        assert!(MethodSettings { strength: f64::NAN, neighbors: 5 }.check().is_err());
        assert!(MethodSettings { strength: 1.0, neighbors: 0 }.check().is_err());
        assert!(MethodSettings::default().check().is_ok());
    }
}
