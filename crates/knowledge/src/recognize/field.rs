/// A linear-chain conditional random field over sparse, binary features: the arithmetic alone.
///
/// # Source
/// Lafferty, McCallum and Pereira 2001, "Conditional Random Fields", ICML; Sutton and McCallum 2012, doi:10.1561/2200000013
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) labels: usize,
    /// `[feature][label]`, then `[label][label]` from one to the next, then `[label]` of the first.
    pub(super) weights: &'a [f64],
}

/// One sentence as the field sees it.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    /// Features that hold at each place.
    pub(super) features: Vec<Vec<u32>>,
    /// The true label of each place.
    pub(super) truth: Vec<usize>,
}

/// How many weights a field has.
pub(super) const fn size(features: usize, labels: usize) -> usize {
    (features + labels + 1) * labels
}

impl Field<'_> {
    const fn to(&self) -> usize {
        self.weights.len() - (self.labels + 1) * self.labels
    }

    const fn first(&self) -> usize {
        self.weights.len() - self.labels
    }

    /// `[place][label]`: the sum of the weights of the features that hold.
    pub(super) fn scores(&self, features: &[Vec<u32>]) -> Vec<f64> {
        let labels = self.labels;
        let mut scores = vec![0.0; features.len() * labels];
        for (place, features) in features.iter().enumerate() {
            let row = &mut scores[place * labels..(place + 1) * labels];
            for feature in features {
                let at = *feature as usize * labels;
                row.iter_mut().zip(&self.weights[at..at + labels]).for_each(|(sum, weight)| *sum += weight);
            }
        }
        scores
    }

    /// The negative log-likelihood of a sentence; its gradient is added to `gradient`.
    pub(super) fn loss(&self, sequence: &Sequence, gradient: &mut [f64]) -> f64 {
        let (labels, length) = (self.labels, sequence.truth.len());
        if length == 0 {
            return 0.0;
        }
        let scores = self.scores(&sequence.features);
        let (to, first) = (self.to(), self.first());
        let mut ahead = vec![0.0; length * labels];
        let mut behind = vec![0.0; length * labels];
        let mut terms = vec![0.0; labels];
        for label in 0..labels {
            ahead[label] = self.weights[first + label] + scores[label];
        }
        for place in 1..length {
            for label in 0..labels {
                for (before, term) in terms.iter_mut().enumerate() {
                    *term = ahead[(place - 1) * labels + before] + self.weights[to + before * labels + label];
                }
                ahead[place * labels + label] = log_sum(&terms) + scores[place * labels + label];
            }
        }
        for place in (0..length - 1).rev() {
            for label in 0..labels {
                for (next, term) in terms.iter_mut().enumerate() {
                    *term = self.weights[to + label * labels + next]
                        + scores[(place + 1) * labels + next]
                        + behind[(place + 1) * labels + next];
                }
                behind[place * labels + label] = log_sum(&terms);
            }
        }
        let total = log_sum(&ahead[(length - 1) * labels..]);
        let mut said = 0.0;
        for place in 0..length {
            let truth = sequence.truth[place];
            said += scores[place * labels + truth];
            if place == 0 {
                said += self.weights[first + truth];
            } else {
                said += self.weights[to + sequence.truth[place - 1] * labels + truth];
            }
            for label in 0..labels {
                let at = place * labels + label;
                let share = (ahead[at] + behind[at] - total).exp() - f64::from(u8::from(label == truth));
                for feature in &sequence.features[place] {
                    gradient[*feature as usize * labels + label] += share;
                }
                if place == 0 {
                    gradient[first + label] += share;
                    continue;
                }
                for before in 0..labels {
                    let edge = ahead[at - label - labels + before]
                        + self.weights[to + before * labels + label]
                        + scores[at]
                        + behind[at];
                    let is = label == truth && before == sequence.truth[place - 1];
                    gradient[to + before * labels + label] += (edge - total).exp() - f64::from(u8::from(is));
                }
            }
        }
        total - said
    }

    /// The likeliest labels; `may_follow(before, label)` rules out pairs, where nothing before the first counts as `None`, and
    /// `may_end(label)` rules out the last.
    pub(super) fn decode(
        &self,
        features: &[Vec<u32>],
        may_follow: impl Fn(Option<usize>, usize) -> bool,
        may_end: impl Fn(usize) -> bool,
    ) -> Vec<usize> {
        let (labels, length) = (self.labels, features.len());
        if length == 0 {
            return Vec::new();
        }
        let scores = self.scores(features);
        let (to, first) = (self.to(), self.first());
        let mut best = vec![f64::NEG_INFINITY; length * labels];
        let mut from = vec![0; length * labels];
        for label in 0..labels {
            if may_follow(None, label) {
                best[label] = self.weights[first + label] + scores[label];
            }
        }
        for place in 1..length {
            for label in 0..labels {
                let at = place * labels + label;
                for before in (0..labels).filter(|before| may_follow(Some(*before), label)) {
                    let score =
                        best[(place - 1) * labels + before] + self.weights[to + before * labels + label];
                    if score > best[at] {
                        (best[at], from[at]) = (score, before);
                    }
                }
                best[at] += scores[at];
            }
        }
        let last = &best[(length - 1) * labels..];
        let ends = (0..labels).filter(|label| may_end(*label));
        let mut label = ends.fold(0, |top, label| if last[label] > last[top] { label } else { top });
        let mut path = vec![label; length];
        for place in (1..length).rev() {
            label = from[place * labels + label];
            path[place - 1] = label;
        }
        path
    }
}

fn log_sum(terms: &[f64]) -> f64 {
    let top = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    top + terms.iter().map(|term| (term - top).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two features, two labels, three places: small enough to write out every labeling.
    fn small() -> (Vec<f64>, Sequence) {
        let weights = vec![0.5, -0.2, 0.1, 0.7, 0.3, -0.4, 0.2, 0.6, -0.1, 0.25];
        let sequence = Sequence { features: vec![vec![0], vec![0, 1], vec![1]], truth: vec![0, 1, 1] };
        (weights, sequence)
    }

    fn score(weights: &[f64], sequence: &Sequence, path: &[usize]) -> f64 {
        let mut sum = weights[8 + path[0]];
        for (place, label) in path.iter().enumerate() {
            sum += sequence.features[place].iter().map(|f| weights[*f as usize * 2 + label]).sum::<f64>();
            if place > 0 {
                sum += weights[4 + path[place - 1] * 2 + label];
            }
        }
        sum
    }

    #[test]
    fn the_loss_is_that_of_all_labelings_written_out() {
        let (weights, sequence) = small();
        let field = Field { labels: 2, weights: &weights };
        let paths: Vec<Vec<usize>> = (0..8).map(|bits| (0..3).map(|at| bits >> at & 1).collect()).collect();
        let total: f64 = paths.iter().map(|path| score(&weights, &sequence, path).exp()).sum();
        let expected = total.ln() - score(&weights, &sequence, &sequence.truth);
        let mut gradient = vec![0.0; weights.len()];
        assert!((field.loss(&sequence, &mut gradient) - expected).abs() < 1e-12);
        let best = paths.iter().max_by(|one, other| {
            score(&weights, &sequence, one).total_cmp(&score(&weights, &sequence, other))
        });
        assert_eq!(&field.decode(&sequence.features, |_, _| true, |_| true), best.expect("eight of them"));
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let (weights, sequence) = small();
        let mut gradient = vec![0.0; weights.len()];
        Field { labels: 2, weights: &weights }.loss(&sequence, &mut gradient);
        for at in 0..weights.len() {
            let loss = |change: f64| {
                let mut moved = weights.clone();
                moved[at] += change;
                Field { labels: 2, weights: &moved }.loss(&sequence, &mut vec![0.0; weights.len()])
            };
            let slope = (loss(1e-5) - loss(-1e-5)) / 2e-5;
            assert!((slope - gradient[at]).abs() < 1e-8, "weight {at}: {slope} and {}", gradient[at]);
        }
    }

    #[test]
    fn what_may_not_follow_never_does() {
        let (weights, sequence) = small();
        let field = Field { labels: 2, weights: &weights };
        let path =
            field.decode(&sequence.features, |before, label| label == 0 || before == Some(1), |_| true);
        assert_eq!(path, [0, 0, 0]);
        assert_eq!(field.decode(&sequence.features, |_, _| true, |label| label == 0)[2], 0);
    }
}
