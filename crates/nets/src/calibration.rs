use serde::{Deserialize, Serialize};
use wilhelm_study::{ProbabilityInterval, UnitError};

/// Validation images that were given about the same probability of one label, and how many of
/// them had it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReliabilityBin {
    /// Largest calibrated probability in the bin; the last bin's is 1.
    pub upto: f64,
    /// Validation images in the bin.
    pub images: u32,
    /// How many had the label.
    pub with_label: u32,
}

/// From logits to probabilities: softmax at a temperature fitted on the validation split, and the
/// reliability found there, which gives each probability its interval.
///
/// # Source
/// Guo et al. 2017, arXiv:1706.04599
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Divides the logits; above 1 the network was too sure.
    pub temperature: f64,
    /// For each label, bins in rising order.
    pub reliability: Vec<Vec<ReliabilityBin>>,
}

impl Calibration {
    /// Calibrated probabilities of labels of which exactly one is right.
    pub fn probabilities(&self, logits: &[f64]) -> Vec<f64> {
        softmax(logits, self.temperature)
    }

    /// A calibrated probability with the interval that validation images of the same score give:
    /// the Wilson 95 % interval of the share that had the label, widened to hold the estimate.
    ///
    /// # Errors
    /// [`UnitError`] if `probability` is none.
    ///
    /// # Source
    /// Wilson 1927, doi:10.1080/01621459.1927.10502953
    pub fn interval(&self, label: usize, probability: f64) -> Result<ProbabilityInterval, UnitError> {
        let bin = self
            .reliability
            .get(label)
            .and_then(|bins| bins.iter().find(|bin| probability <= bin.upto).or_else(|| bins.last()));
        let (low, high) = bin.map_or((0.0, 1.0), |bin| wilson(bin.with_label, bin.images));
        ProbabilityInterval::new(low.min(probability), probability, high.max(probability), 0.95)
    }

    /// Cuts validation probabilities of one label into bins of about equal count.
    pub fn bins(scores: &[(f64, bool)], bins: usize) -> Vec<ReliabilityBin> {
        let mut sorted = scores.to_vec();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut cut: Vec<ReliabilityBin> = Vec::new();
        for place in 0..bins {
            let range = place * sorted.len() / bins..(place + 1) * sorted.len() / bins;
            let Some(part) = sorted.get(range).filter(|part| !part.is_empty()) else { continue };
            let bin = ReliabilityBin {
                upto: part.last().map_or(1.0, |last| last.0),
                images: u32::try_from(part.len()).unwrap_or(u32::MAX),
                with_label: part.iter().map(|(_, has)| u32::from(*has)).sum(),
            };
            match cut.last_mut() {
                // Ties must not straddle a cut.
                Some(last) if last.upto >= bin.upto => {
                    last.images += bin.images;
                    last.with_label += bin.with_label;
                }
                _ => cut.push(bin),
            }
        }
        if let Some(last) = cut.last_mut() {
            last.upto = 1.0;
        }
        cut
    }
}

fn softmax(logits: &[f64], temperature: f64) -> Vec<f64> {
    let greatest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let parts: Vec<f64> = logits.iter().map(|logit| ((logit - greatest) / temperature).exp()).collect();
    let sum: f64 = parts.iter().sum();
    parts.iter().map(|part| part / sum).collect()
}

/// Wilson's 95 % interval of a share.
fn wilson(successes: u32, trials: u32) -> (f64, f64) {
    if trials == 0 {
        return (0.0, 1.0);
    }
    const Z: f64 = 1.959_963_984_540_054;
    let n = f64::from(trials);
    let share = f64::from(successes) / n;
    let middle = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    (((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temperature_two_on_paper() {
        let calibration = Calibration { temperature: 2.0, reliability: vec![vec![]; 2] };
        let found = calibration.probabilities(&[2.0, 0.0]);
        assert!((found[0] - 1.0 / (1.0 + (-1.0_f64).exp())).abs() < 1e-12);
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn wilson_agrees_with_statsmodels() {
        // statsmodels 0.14 proportion_confint(8, 10, method="wilson")
        let (low, high) = wilson(8, 10);
        assert!((low - 0.490_162_5).abs() < 1e-6 && (high - 0.943_317_8).abs() < 1e-6, "{low} {high}");
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }

    #[test]
    fn an_interval_comes_from_the_bin_and_encloses_its_estimate() {
        let scores: Vec<(f64, bool)> = (0..100).map(|n| (f64::from(n) / 100.0, n >= 50)).collect();
        let bins = Calibration::bins(&scores, 4);
        assert_eq!(bins.iter().map(|bin| bin.with_label).collect::<Vec<_>>(), [0, 0, 25, 25]);
        let calibration = Calibration { temperature: 1.0, reliability: vec![bins] };
        let interval = calibration.interval(0, 0.1).expect("a probability");
        assert!(interval.low.value() < 1e-12);
        assert!((interval.high.value() - 0.133_192).abs() < 1e-5, "{interval:?}");
        let outside = calibration.interval(0, 0.49).expect("a probability");
        assert!(outside.high.value() >= 0.49);
    }

    #[test]
    fn equal_scores_share_a_bin() {
        let bins = Calibration::bins(&[(0.5, true), (0.5, false), (0.5, true), (0.9, true)], 4);
        assert_eq!(bins.len(), 2);
        assert_eq!((bins[0].images, bins[0].with_label), (3, 2));
    }
}
