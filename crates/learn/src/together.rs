//! Several models, or several views of each image, asked together: figures beside those of each alone.

use serde::Serialize;
use wilhelm_nets::Interval;
use wilhelm_stats::{
    Rows, StatsError, bootstrap_interval, brier_score_multiclass, log_loss_multiclass, macro_one_vs_rest_auc,
    top_label_calibration_error,
};

use crate::LearnError;

/// Bins of the calibration error.
const BINS: usize = 10;

/// What is said of every image.
#[derive(Clone, Debug, PartialEq)]
pub struct Voice {
    /// Who says it.
    pub name: String,
    /// Whether it is one model that sees each image as its card says: what the others are held against.
    pub single: bool,
    /// A probability for each label, an image after the other.
    pub probabilities: Vec<f64>,
}

/// Figures that go together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct VoiceFigures {
    /// Mean over the labels of the area under the ROC curve.
    pub macro_auc: Interval,
    /// Share of images whose likeliest label is right.
    pub accuracy: Interval,
    /// Brier score (sum over labels); less is better.
    pub brier: Interval,
    /// Mean negative logarithm of the right label's probability; less is better.
    pub log_loss: Interval,
}

/// One voice with its figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VoiceSummary {
    /// Who says it.
    pub name: String,
    /// Whether it is one model that sees each image as its card says.
    pub single: bool,
    /// Bootstrap intervals over the images.
    pub figures: VoiceFigures,
    /// Expected calibration error of the likeliest label, 10 bins.
    pub calibration_error: f64,
    /// The figures less the mean of those of the single models, on the same draws of images; not of a single model.
    pub less_singles: Option<VoiceFigures>,
}

/// The mean of several voices' probabilities.
///
/// # Panics
/// If they are not of the same images.
pub fn mean_voice(name: &str, voices: &[&Voice]) -> Voice {
    let length = voices.first().map_or(0, |voice| voice.probabilities.len());
    let mut sum = vec![0.0; length];
    for voice in voices {
        assert_eq!(voice.probabilities.len(), length, "voices of the same images");
        sum.iter_mut().zip(&voice.probabilities).for_each(|(sum, own)| *sum += own);
    }
    let count = voices.len().max(1) as f64;
    let probabilities = sum.into_iter().map(|sum| sum / count).collect();
    Voice { name: name.to_owned(), single: false, probabilities }
}

/// Figures of each voice, and of those that are not single how far they differ from the mean of the single ones.
///
/// # Errors
/// [`LearnError::Few`] where a label has no image or there is no single model; [`LearnError::Stats`].
pub fn summarize_voices(
    voices: &[Voice],
    truth: &[usize],
    labels: &[String],
    replicates: usize,
    seed: u64,
) -> Result<Vec<VoiceSummary>, LearnError> {
    for (label, key) in labels.iter().enumerate() {
        if !truth.contains(&label) {
            return Err(LearnError::Few(format!(
                "label {key} has no image to be measured on: add some, or its area under the curve has no value"
            )));
        }
    }
    let singles: Vec<&Voice> = voices.iter().filter(|voice| voice.single).collect();
    if singles.is_empty() {
        return Err(LearnError::Few("no single model is there to be compared with".to_owned()));
    }
    let columns = labels.len();
    let figures = |of: &dyn Fn(Measure, &[usize]) -> Option<f64>| -> Result<VoiceFigures, StatsError> {
        let interval = |measure: Measure| {
            let found = bootstrap_interval(truth.len(), replicates, 0.95, seed, |drawn: &[usize]| {
                of(measure, drawn)
            })?;
            Ok(Interval { estimate: found.estimate, low: found.low, high: found.high })
        };
        Ok(VoiceFigures {
            macro_auc: interval(Measure::MacroAuc)?,
            accuracy: interval(Measure::Accuracy)?,
            brier: interval(Measure::Brier)?,
            log_loss: interval(Measure::LogLoss)?,
        })
    };
    let of = |voice: &Voice, measure: Measure, drawn: &[usize]| {
        measure.of(&voice.probabilities, columns, truth, drawn)
    };
    let of_singles = |measure: Measure, drawn: &[usize]| -> Option<f64> {
        let all: Option<Vec<f64>> = singles.iter().map(|voice| of(voice, measure, drawn)).collect();
        all.map(|all| all.iter().sum::<f64>() / all.len() as f64)
    };
    voices
        .iter()
        .map(|voice| {
            let less = |measure: Measure, drawn: &[usize]| {
                Some(of(voice, measure, drawn)? - of_singles(measure, drawn)?)
            };
            let rows = Rows::new(&voice.probabilities, columns)?;
            Ok(VoiceSummary {
                name: voice.name.clone(),
                single: voice.single,
                figures: figures(&|measure, drawn| of(voice, measure, drawn))?,
                calibration_error: top_label_calibration_error(rows, truth, BINS)?,
                less_singles: if voice.single { None } else { Some(figures(&less)?) },
            })
        })
        .collect()
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    MacroAuc,
    Accuracy,
    Brier,
    LogLoss,
}

impl Measure {
    /// On some rows; nothing where it is not defined on them.
    fn of(self, probabilities: &[f64], columns: usize, truth: &[usize], drawn: &[usize]) -> Option<f64> {
        let values: Vec<f64> =
            drawn.iter().flat_map(|at| &probabilities[at * columns..(at + 1) * columns]).copied().collect();
        let labels: Vec<usize> = drawn.iter().map(|at| truth[*at]).collect();
        let rows = Rows::new(&values, columns).ok()?;
        match self {
            Self::MacroAuc => macro_one_vs_rest_auc(rows, &labels).ok(),
            Self::Brier => brier_score_multiclass(rows, &labels).ok(),
            Self::LogLoss => log_loss_multiclass(rows, &labels).ok(),
            Self::Accuracy => {
                let right = rows.iter().zip(&labels).filter(|(row, label)| {
                    // Of equals the first counts, as in the figures of a card.
                    let top = (0..columns).max_by(|a, b| row[*a].total_cmp(&row[*b]).then(b.cmp(a)));
                    top == Some(**label)
                });
                Some(right.count() as f64 / labels.len() as f64)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(name: &str, single: bool, sick: &[f64]) -> Voice {
        let probabilities = sick.iter().flat_map(|sick| [1.0 - sick, *sick]).collect();
        Voice { name: name.to_owned(), single, probabilities }
    }

    #[test]
    fn two_models_that_err_on_other_images_are_better_together() {
        // Worked on paper: each errs on one of four images, and the mean on none.
        let truth = [0, 0, 1, 1];
        let labels = ["well".to_owned(), "sick".to_owned()];
        let (a, b) = (voice("a", true, &[0.6, 0.1, 0.9, 0.9]), voice("b", true, &[0.1, 0.1, 0.4, 0.9]));
        let both = mean_voice("both", &[&a, &b]);
        let expected = [0.65, 0.35, 0.9, 0.1, 0.35, 0.65, 0.1, 0.9];
        assert!(
            both.probabilities.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12)
        );
        let found = summarize_voices(&[a, b, both], &truth, &labels, 300, 3).expect("figures");
        let estimates: Vec<[f64; 2]> =
            found.iter().map(|one| [one.figures.accuracy.estimate, one.figures.macro_auc.estimate]).collect();
        assert_eq!(estimates, [[0.75, 1.0], [0.75, 1.0], [1.0, 1.0]]);
        // Brier of a: 2 (0.36 + 0.01 + 0.01 + 0.01) / 4 = 0.195; of both 2 (2 * 0.1225 + 2 * 0.01) / 4 = 0.1325.
        let brier: Vec<f64> = found.iter().map(|one| one.figures.brier.estimate).collect();
        assert!((brier[0] - 0.195).abs() < 1e-12 && (brier[2] - 0.1325).abs() < 1e-12, "{brier:?}");
        assert_eq!(found[0].less_singles, None);
        let less = found[2].less_singles.expect("not a single one");
        assert!((less.accuracy.estimate - 0.25).abs() < 1e-12, "{less:?}");
        // A mean of probabilities is never worse by the Brier score than its members on average, whatever is drawn.
        assert!(less.brier.estimate < 0.0 && less.brier.high <= 1e-12, "{less:?}");
    }

    #[test]
    fn a_label_without_an_image_and_no_single_model_are_told() {
        let labels = ["well".to_owned(), "sick".to_owned()];
        let one = voice("a", true, &[0.6, 0.1]);
        let said = summarize_voices(&[one], &[0, 0], &labels, 100, 1).expect_err("no sick image").to_string();
        assert!(said.contains("label sick has no image"), "{said}");
        let both = voice("both", false, &[0.6, 0.1]);
        assert!(summarize_voices(&[both], &[0, 1], &labels, 100, 1).is_err());
    }
}
