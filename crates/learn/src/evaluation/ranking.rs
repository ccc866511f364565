use wilhelm_stats::{StatsError, roc_auc};

/// Scores sorted once, so that the areas of every resample take one pass and no sort.
#[derive(Clone, Debug)]
pub(super) struct Ranked {
    /// Cases by rising score.
    order: Vec<usize>,
    /// Where each run of equal scores ends in `order`.
    ends: Vec<usize>,
    positives: Vec<bool>,
}

impl Ranked {
    /// # Errors
    /// As [`roc_auc`]: both kinds of cases are needed.
    pub fn new(scores: &[f64], positives: &[bool]) -> Result<Self, StatsError> {
        roc_auc(scores, positives)?;
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        let differs =
            |place: &usize| *place == order.len() || scores[order[*place]] != scores[order[*place - 1]];
        let ends = (1..=order.len()).filter(differs).collect();
        Ok(Self { order, ends, positives: positives.to_vec() })
    }

    /// How often each case is among `rows`.
    pub fn weigh(&self, rows: &[usize], weights: &mut Vec<f64>) {
        weights.clear();
        weights.resize(self.order.len(), 0.0);
        rows.iter().for_each(|row| weights[*row] += 1.0);
    }

    /// Positive and negative weight of each run of equal scores, by rising score.
    fn runs<'a>(&'a self, weights: &'a [f64]) -> impl DoubleEndedIterator<Item = (f64, f64)> + 'a {
        (0..self.ends.len()).map(move |run| {
            let start = run.checked_sub(1).map_or(0, |before| self.ends[before]);
            self.order[start..self.ends[run]].iter().fold((0.0, 0.0), |(positive, negative), &case| {
                if self.positives[case] {
                    (positive + weights[case], negative)
                } else {
                    (positive, negative + weights[case])
                }
            })
        })
    }

    /// Area under the receiver operating characteristic; `None` without both kinds.
    pub fn auc(&self, weights: &[f64]) -> Option<f64> {
        let (mut wins, mut positives, mut below) = (0.0, 0.0, 0.0);
        for (positive, negative) in self.runs(weights) {
            wins += positive * (below + negative / 2.0);
            positives += positive;
            below += negative;
        }
        (positives > 0.0 && below > 0.0).then(|| wins / (positives * below))
    }

    /// Average precision; `None` without both kinds.
    pub fn average_precision(&self, weights: &[f64]) -> Option<f64> {
        let (mut area, mut found, mut called) = (0.0, 0.0, 0.0);
        for (positive, negative) in self.runs(weights).rev() {
            found += positive;
            called += positive + negative;
            if positive > 0.0 {
                area += positive * found / called;
            }
        }
        (found > 0.0 && called > found).then(|| area / found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_stats::average_precision;

    #[test]
    fn areas_of_resamples_are_those_of_the_plain_functions() {
        let scores = [0.1, 0.4, 0.4, 0.35, 0.8, 0.8, 0.2, -0.0, 0.0, 0.9];
        let positives = [false, false, true, true, true, false, false, true, false, true];
        let ranked = Ranked::new(&scores, &positives).expect("both kinds");
        let mut weights = Vec::new();
        let mut state = 5_usize;
        for _ in 0..200 {
            let rows: Vec<usize> = (0..10)
                .map(|_| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 33) % 10
                })
                .collect();
            ranked.weigh(&rows, &mut weights);
            let drawn: Vec<f64> = rows.iter().map(|row| scores[*row]).collect();
            let kinds: Vec<bool> = rows.iter().map(|row| positives[*row]).collect();
            let near = |a: Option<f64>, b: Option<f64>| match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-12,
                (a, b) => a == b,
            };
            assert!(near(ranked.auc(&weights), roc_auc(&drawn, &kinds).ok()));
            assert!(near(ranked.average_precision(&weights), average_precision(&drawn, &kinds).ok()));
        }
    }
}
