//! What mending the probabilities would be worth: each mending is fitted on four fifths of the cases and measured on the rest.

use serde::{Deserialize, Serialize};
use wilhelm_stats::{
    IsotonicFit, PlattFit, Rows, StatsError, fit_isotonic, fit_platt, fit_recalibration,
    fit_softmax_temperature, softmax,
};

use super::figure::Sampler;
use super::headline::{Measure, measures};
use super::{Cases, Figure, Method, Settings};
use crate::folds_by_group;

/// Parts of the cases; each is mended by what was fitted on the others.
const PARTS: usize = 5;
/// The least probability whose logarithm is taken.
const LEAST: f64 = 1e-12;
/// What is measured.
const MEASURES: [&str; 4] = ["brier", "log_loss", "calibration_error", "roc_auc"];

/// A way to mend probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mending {
    /// One number divides the logits (Guo et al. 2017).
    Temperature,
    /// One number divides them, and each label has a bias (Alexandari et al. 2020).
    TemperatureAndBiases,
    /// A sigmoid of the log odds of each label (Platt 1999).
    Platt,
    /// A rising curve for each label (Zadrozny and Elkan 2002).
    Isotonic,
}

impl Mending {
    /// All of them.
    const ALL: [Self; 4] = [Self::Temperature, Self::TemperatureAndBiases, Self::Platt, Self::Isotonic];

    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::TemperatureAndBiases => "temperature and biases",
            Self::Platt => "Platt's sigmoid",
            Self::Isotonic => "isotonic regression",
        }
    }
}

/// What was fitted, for whoever applies it to the same model's probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fitted {
    /// Softmax of `(ln p + bias) ...`: the logarithms of the probabilities divided by `temperature`, then `bias` added.
    Scaled {
        /// Divides the logarithms.
        temperature: f64,
        /// Added, one a label.
        bias: Vec<f64>,
    },
    /// Of each label, a sigmoid of its log odds; of more than two labels divided by their sum.
    Sigmoids(Vec<PlattFit>),
    /// Of each label, a rising curve over its probability; of more than two labels divided by their sum.
    Curves(Vec<IsotonicFit>),
}

impl Fitted {
    /// Fits it to cases, one row of probabilities each.
    ///
    /// # Errors
    /// [`StatsError`] for cases that do not determine it, such as a label that none has.
    pub fn new(mending: Mending, values: Rows<'_>, truth: &[usize]) -> Result<Self, StatsError> {
        let classes = values.columns();
        let rows = || (0..values.len()).map(|case| values.row(case));
        let logarithms: Vec<f64> = rows().flatten().map(|value| value.max(LEAST).ln()).collect();
        let logarithms = Rows::new(&logarithms, classes)?;
        // Of two labels the second says all.
        let labels = if classes == 2 { 1..2 } else { 0..classes };
        let is = |label: usize| truth.iter().map(|truth| *truth == label).collect::<Vec<bool>>();
        match mending {
            Mending::Temperature => {
                let fit = fit_softmax_temperature(logarithms, truth)?;
                Ok(Self::Scaled { temperature: fit.temperature, bias: vec![0.0; classes] })
            }
            Mending::TemperatureAndBiases => {
                let fit = fit_recalibration(logarithms, truth)?;
                if fit.slope <= 0.0 {
                    return Err(StatsError::NoValue {
                        what: "a temperature",
                        reason: "the probabilities say the opposite of what came true",
                    });
                }
                Ok(Self::Scaled { temperature: 1.0 / fit.slope, bias: fit.bias })
            }
            Mending::Platt => labels
                .map(|label| {
                    fit_platt(&rows().map(|row| log_odds(row[label])).collect::<Vec<_>>(), &is(label))
                })
                .collect::<Result<_, _>>()
                .map(Self::Sigmoids),
            Mending::Isotonic => labels
                .map(|label| fit_isotonic(&rows().map(|row| row[label]).collect::<Vec<_>>(), &is(label)))
                .collect::<Result<_, _>>()
                .map(Self::Curves),
        }
    }

    /// The probabilities of one case, mended.
    ///
    /// # Errors
    /// [`StatsError`] for a probability that is no finite number.
    pub fn apply(&self, row: &[f64]) -> Result<Vec<f64>, StatsError> {
        let each: Vec<f64> = match self {
            Self::Scaled { temperature, bias } => {
                let scaled =
                    row.iter().zip(bias).map(|(value, bias)| value.max(LEAST).ln() / temperature + bias);
                return Ok(softmax(&scaled.collect::<Vec<f64>>(), 1.0));
            }
            Self::Sigmoids(fits) => {
                let own = &row[row.len() - fits.len()..];
                fits.iter()
                    .zip(own)
                    .map(|(fit, value)| fit.probability(log_odds(*value)))
                    .collect::<Result<_, _>>()?
            }
            Self::Curves(fits) => {
                let own = &row[row.len() - fits.len()..];
                fits.iter().zip(own).map(|(fit, value)| fit.probability(*value)).collect::<Result<_, _>>()?
            }
        };
        if let [second] = each[..] {
            return Ok(vec![1.0 - second, second]);
        }
        let sum: f64 = each.iter().sum();
        let count = each.len() as f64;
        Ok(each.into_iter().map(|value| if sum > 0.0 { value / sum } else { 1.0 / count }).collect())
    }
}

fn log_odds(probability: f64) -> f64 {
    let held = probability.clamp(LEAST, 1.0 - LEAST);
    (held / (1.0 - held)).ln()
}

/// One figure of mended probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MendedMeasure {
    /// Its name in files.
    pub key: String,
    /// Its name for people.
    pub name: String,
    /// The figure of the cases, each mended by what was fitted on others.
    pub figure: Figure,
    /// That less the figure of the probabilities as they are, on the same resamples.
    pub less_as_they_are: Figure,
}

/// What one mending is worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecalibrationFigures {
    /// The way.
    pub mending: Mending,
    /// Each figure.
    pub measures: Vec<MendedMeasure>,
    /// What was fitted to all cases; `None` where they do not determine it.
    pub fitted: Option<Fitted>,
    /// Why there are no figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Every mending of probabilities, measured on cases that it was not fitted on; cases of a patient stay together.
pub(super) fn recalibration_figures(
    cases: &Cases,
    sampler: &Sampler,
    settings: &Settings,
) -> Vec<RecalibrationFigures> {
    let groups: Vec<usize> = cases.patients.clone().unwrap_or_else(|| (0..cases.len()).collect());
    let folds = folds_by_group(&groups, &cases.truth, PARTS, settings.resampling.seed);
    let plain = wanted(cases, settings);
    let of = |mending: Mending| {
        let fitted = Rows::new(&cases.values, cases.labels.len())
            .and_then(|rows| Fitted::new(mending, rows, &cases.truth))
            .ok();
        let mended = match mended(cases, mending, &folds) {
            Ok(values) => Cases { values, ..cases.clone() },
            Err(error) => {
                let note = format!("cannot be fitted on four fifths of these cases: {error}");
                return RecalibrationFigures { mending, measures: Vec::new(), fitted, note: Some(note) };
            }
        };
        let measures = wanted(&mended, settings)
            .into_iter()
            .zip(&plain)
            .map(|(own, plain)| {
                let mut both = sampler.figures(2, |rows, numbers| {
                    let (own, plain) = ((own.of)(rows), (plain.of)(rows));
                    numbers[0] = own.unwrap_or(f64::NAN);
                    numbers[1] = own.zip(plain).map_or(f64::NAN, |(own, plain)| own - plain);
                });
                let missing = || Figure::missing(Method::Bootstrap, "was not measured");
                let less_as_they_are = both.pop().unwrap_or_else(missing);
                let figure = both.pop().unwrap_or_else(missing);
                MendedMeasure { key: own.key.to_owned(), name: own.name, figure, less_as_they_are }
            })
            .collect();
        RecalibrationFigures { mending, measures, fitted, note: None }
    };
    Mending::ALL.into_iter().map(of).collect()
}

fn wanted(cases: &Cases, settings: &Settings) -> Vec<Measure> {
    let all = measures(cases, settings.bins);
    let mut own: Vec<Measure> = all.into_iter().filter(|measure| MEASURES.contains(&measure.key)).collect();
    own.sort_by_key(|measure| MEASURES.iter().position(|key| *key == measure.key));
    own
}

/// The probabilities of each case by what was fitted on the other parts.
fn mended(cases: &Cases, mending: Mending, folds: &[usize]) -> Result<Vec<f64>, StatsError> {
    let classes = cases.labels.len();
    let mut values = cases.values.clone();
    for part in 1..=PARTS {
        let places = |own: bool| (0..cases.len()).filter(move |case| (folds[*case] == part) == own);
        if places(true).next().is_none() {
            continue;
        }
        let others = cases.pick(&places(false).collect::<Vec<_>>());
        let fitted = Fitted::new(mending, Rows::new(&others.values, classes)?, &others.truth)?;
        for case in places(true) {
            let row = &mut values[case * classes..(case + 1) * classes];
            let better = fitted.apply(row)?;
            row.copy_from_slice(&better);
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::{Columns, Table, evaluate};

    /// A model that promises 0.99 and 0.01 where 0.75 and 0.25 come true, of so many cases.
    fn too_sure(count: usize) -> Cases {
        let mut text = "id,label,sick,patient\n".to_owned();
        for case in 0..count {
            let promised = if case % 2 == 0 { 0.99 } else { 0.01 };
            let sick = (case % 2 == 0) != (case / 2 % 4 == 0);
            let label = if sick { "sick" } else { "healthy" };
            text += &format!("{case},{label},{promised},{}\n", case / 2);
        }
        let table = Table::parse("a.csv", text.as_bytes()).expect("a table");
        let columns = Columns {
            positive: Some("sick".to_owned()),
            patient: Some("patient".to_owned()),
            labels: Some(vec!["sick".to_owned()]),
            ..Columns::default()
        };
        Cases::read(&table, None, &columns).expect("cases")
    }

    fn figures(cases: &Cases) -> Vec<RecalibrationFigures> {
        let settings = Settings { recalibrate: true, ..Settings::default() };
        evaluate(cases, None, None, &settings).expect("figures").recalibration
    }

    #[test]
    fn a_model_that_is_too_sure_is_mended_to_what_comes_true() {
        let cases = too_sure(400);
        let found = figures(&cases);
        assert_eq!(found.len(), 4);
        for own in &found {
            let measure =
                |key: &str| own.measures.iter().find(|measure| measure.key == key).expect("measured");
            // As they are: a quarter of the cases is 0.9801 off, the rest 0.0001. Mended: 0.75 * 0.0625 + 0.25 * 0.5625.
            let brier = measure("brier");
            assert!((brier.figure.value.expect("a value") - 0.1875).abs() < 2e-3, "{own:?}");
            let less = &brier.less_as_they_are;
            assert!((less.value.expect("a value") - (0.1875 - 0.2451)).abs() < 2e-3, "{own:?}");
            assert!(less.high.expect("an end") < 0.0 && less.method == Method::BootstrapByPatient, "{own:?}");
            // The order within a part stays; between parts equal promises become unequal.
            assert!(measure("roc_auc").less_as_they_are.value.expect("a value").abs() < 0.05);
        }
        // ln(0.99 / 0.01) / ln(3) = 4.1827.
        let Some(Fitted::Scaled { temperature, .. }) = &found[0].fitted else { panic!("{:?}", found[0]) };
        assert!((temperature - 99.0_f64.ln() / 3.0_f64.ln()).abs() < 1e-3, "{temperature}");
        let Some(curves @ Fitted::Curves(_)) = &found[3].fitted else { panic!("{:?}", found[3]) };
        let mended = curves.apply(&[0.01, 0.99]).expect("finite");
        assert!((mended[1] - 0.75).abs() < 1e-9 && (mended[0] - 0.25).abs() < 1e-9, "{mended:?}");
    }

    #[test]
    fn three_labels_are_mended_to_probabilities_that_add_up() {
        let mut text = "id,label,a,b,c\n".to_owned();
        for case in 0..90 {
            let own = case % 3;
            let told = if case % 5 == 0 { (own + 1) % 3 } else { own };
            let p = |label: usize| if label == told { 0.9 } else { 0.05 };
            text += &format!("{case},{},{},{},{}\n", ["a", "b", "c"][own], p(0), p(1), p(2));
        }
        let table = Table::parse("a.csv", text.as_bytes()).expect("a table");
        let cases = Cases::read(&table, None, &Columns::default()).expect("cases");
        for own in figures(&cases) {
            let fitted = own.fitted.expect("it is determined");
            for row in [[0.9, 0.05, 0.05], [0.0, 0.0, 1.0]] {
                let mended = fitted.apply(&row).expect("finite");
                assert!((mended.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{fitted:?}");
            }
            assert_eq!(own.measures.len(), 4);
        }
    }

    #[test]
    fn cases_that_do_not_determine_a_curve_say_so_and_nothing_is_mended_unasked() {
        let few = too_sure(4);
        let found = figures(&few);
        assert!(found.iter().any(|own| own.note.is_some() && own.measures.is_empty()), "{found:?}");
        let unasked = evaluate(&few, None, None, &Settings::default()).expect("figures");
        assert!(unasked.recalibration.is_empty());
    }
}
