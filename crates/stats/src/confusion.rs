use crate::StatsError;
use crate::error::{check_labels, check_length, check_range};
use serde::{Deserialize, Serialize};

mod averages;

pub use averages::{AverageRates, Averaging, ClassIntervals};

/// Share of cases whose predicted class is the actual one.
///
/// # Units
/// None: 0 to 1.
///
/// # Errors
/// [`StatsError`] if there is no case or the lists differ in length.
pub fn accuracy(actual: &[usize], predicted: &[usize]) -> Result<f64, StatsError> {
    if actual.is_empty() {
        return Err(StatsError::TooFew { what: "cases", found: 0, expected: 1 });
    }
    check_length("predicted labels", predicted.len(), actual.len())?;
    let right = actual.iter().zip(predicted).filter(|(a, p)| a == p).count();
    Ok(right as f64 / actual.len() as f64)
}

/// How often each actual class was taken for each predicted one.
///
/// ```
/// let matrix = wilhelm_stats::ConfusionMatrix::new(2, &[0, 0, 1, 1], &[0, 1, 1, 1])?;
/// assert_eq!(matrix.count(0, 1), 1);
/// assert_eq!(matrix.rates(1).sensitivity, Some(1.0));
/// # Ok::<(), wilhelm_stats::StatsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Vec<u64>>", into = "Vec<Vec<u64>>")]
pub struct ConfusionMatrix {
    /// Row: actual class. Column: predicted class.
    counts: Vec<Vec<u64>>,
}

/// What a confusion matrix says about one class against all others.
///
/// A rate whose denominator is 0 is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassRates {
    /// Cases of the class.
    pub cases: u64,
    /// Cases of the class that were found (recall): true positives of all actual positives.
    pub sensitivity: Option<f64>,
    /// Other cases that were left alone: true negatives of all actual negatives.
    pub specificity: Option<f64>,
    /// Cases taken for the class that are of it (positive predictive value).
    pub precision: Option<f64>,
    /// Other calls that were right (negative predictive value).
    pub negative_predictive_value: Option<f64>,
    /// Harmonic mean of sensitivity and precision.
    pub f1: Option<f64>,
}

impl ConfusionMatrix {
    /// Counts the pairs of `actual` and `predicted` labels of `classes` classes.
    ///
    /// # Errors
    /// [`StatsError`] if there is no case, the lists differ in length, or a label names no class.
    pub fn new(classes: usize, actual: &[usize], predicted: &[usize]) -> Result<Self, StatsError> {
        if actual.is_empty() {
            return Err(StatsError::TooFew { what: "cases", found: 0, expected: 1 });
        }
        check_labels(actual, actual.len(), classes)?;
        check_labels(predicted, actual.len(), classes)?;
        let mut counts = vec![vec![0; classes]; classes];
        for (&actual, &predicted) in actual.iter().zip(predicted) {
            counts[actual][predicted] += 1;
        }
        Ok(Self { counts })
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.counts.len()
    }

    /// Cases of class `actual` that were taken for `predicted`.
    ///
    /// # Panics
    /// If either is not below [`ConfusionMatrix::classes`].
    pub fn count(&self, actual: usize, predicted: usize) -> u64 {
        self.counts[actual][predicted]
    }

    /// The counts, one row an actual class, one column a predicted one.
    pub fn counts(&self) -> &[Vec<u64>] {
        &self.counts
    }

    /// All cases.
    pub fn total(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Share of cases on the diagonal.
    pub fn accuracy(&self) -> f64 {
        let right: u64 = (0..self.classes()).map(|class| self.counts[class][class]).sum();
        right as f64 / self.total() as f64
    }

    /// The rates of one class against all others.
    ///
    /// # Panics
    /// If `class` is not below [`ConfusionMatrix::classes`].
    ///
    /// # Source
    /// Powers 2011, doi:10.48550/arXiv.2010.16061
    pub fn rates(&self, class: usize) -> ClassRates {
        let true_positive = self.counts[class][class];
        let cases: u64 = self.counts[class].iter().sum();
        let called: u64 = self.counts.iter().map(|row| row[class]).sum();
        let (false_negative, false_positive) = (cases - true_positive, called - true_positive);
        let true_negative = self.total() - true_positive - false_negative - false_positive;
        ClassRates {
            cases,
            sensitivity: share(true_positive, cases),
            specificity: share(true_negative, true_negative + false_positive),
            precision: share(true_positive, called),
            negative_predictive_value: share(true_negative, true_negative + false_negative),
            f1: share(2 * true_positive, 2 * true_positive + false_positive + false_negative),
        }
    }

    /// The unweighted mean sensitivity of the classes that have cases.
    ///
    /// # Source
    /// Brodersen et al. 2010, doi:10.1109/ICPR.2010.764
    pub fn balanced_accuracy(&self) -> f64 {
        mean((0..self.classes()).filter_map(|class| self.rates(class).sensitivity))
    }

    /// The unweighted mean F1 of the classes that have one.
    pub fn macro_f1(&self) -> f64 {
        mean((0..self.classes()).filter_map(|class| self.rates(class).f1))
    }
}

impl TryFrom<Vec<Vec<u64>>> for ConfusionMatrix {
    type Error = StatsError;
    fn try_from(counts: Vec<Vec<u64>>) -> Result<Self, StatsError> {
        for row in &counts {
            check_length("columns of the confusion matrix", row.len(), counts.len())?;
        }
        let total: u128 = counts.iter().flatten().map(|&count| u128::from(count)).sum();
        if total == 0 {
            return Err(StatsError::TooFew { what: "cases", found: 0, expected: 1 });
        }
        // As many as a float counts one by one, so that no sum below wraps.
        check_range("cases", total as f64, 1.0, (1_u64 << f64::MANTISSA_DIGITS) as f64)?;
        Ok(Self { counts })
    }
}

impl From<ConfusionMatrix> for Vec<Vec<u64>> {
    fn from(matrix: ConfusionMatrix) -> Self {
        matrix.counts
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Never empty here: a matrix has at least one case, so at least one class has both rates.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Actual a: 3 right, 1 taken for b. Actual b: 2 right, 2 taken for a, 1 for c. No actual c.
    fn matrix() -> ConfusionMatrix {
        let actual = [0, 0, 0, 0, 1, 1, 1, 1, 1];
        let predicted = [0, 0, 0, 1, 1, 1, 0, 0, 2];
        ConfusionMatrix::new(3, &actual, &predicted).expect("labels are below 3")
    }

    #[test]
    fn rates_by_hand() {
        let rates = matrix().rates(0);
        assert_eq!(rates.cases, 4);
        assert_eq!(rates.sensitivity, Some(3.0 / 4.0));
        assert_eq!(rates.specificity, Some(3.0 / 5.0));
        assert_eq!(rates.precision, Some(3.0 / 5.0));
        assert_eq!(rates.negative_predictive_value, Some(3.0 / 4.0));
        assert_eq!(rates.f1, Some(6.0 / 9.0));
        assert_eq!(matrix().accuracy(), 5.0 / 9.0);
        assert!((matrix().balanced_accuracy() - (0.75 + 0.4) / 2.0).abs() < 1e-12);
        // F1 of c is 0, since it was called once and wrongly.
        assert!((matrix().macro_f1() - (2.0 / 3.0 + 0.5 + 0.0) / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_rate_without_a_denominator_is_none() {
        assert_eq!(matrix().rates(2).sensitivity, None);
        let one = ConfusionMatrix::new(2, &[0], &[0]).expect("one case");
        assert_eq!(one.rates(0).specificity, None);
        assert_eq!(one.rates(1).precision, None);
        assert_eq!(one.rates(1).f1, None);
    }

    #[test]
    fn labels_that_name_no_class_are_refused() {
        let expected = StatsError::Label { position: 1, found: 2, classes: 2 };
        assert_eq!(ConfusionMatrix::new(2, &[0, 1], &[0, 2]), Err(expected));
        assert!(ConfusionMatrix::new(2, &[], &[]).is_err());
        assert!(accuracy(&[0, 1], &[0]).is_err());
        assert_eq!(accuracy(&[0, 1, 2], &[0, 1, 1]), Ok(2.0 / 3.0));
    }

    #[test]
    fn a_stored_matrix_is_checked_when_read() {
        let text = serde_json::to_string(&matrix()).expect("plain numbers");
        assert_eq!(text, "[[3,1,0],[2,2,1],[0,0,0]]");
        assert_eq!(serde_json::from_str::<ConfusionMatrix>(&text).expect("its own text"), matrix());
        assert!(serde_json::from_str::<ConfusionMatrix>("[[1,2],[3]]").is_err());
        assert!(serde_json::from_str::<ConfusionMatrix>("[[0,0],[0,0]]").is_err());
        let endless = format!("[[{},0],[{},0]]", u64::MAX, u64::MAX);
        assert!(serde_json::from_str::<ConfusionMatrix>(&endless).is_err());
    }
}
