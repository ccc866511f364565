use crate::descent::{add, dot, least};
use crate::error::{check_labels, check_range};
use crate::{Rows, SparseRows, StatsError, softmax};

/// Greatest number of the gradient of the mean loss at which a fit is done.
const TOLERANCE: f64 = 1e-9;
/// What it may be where rounding allows no further step.
const ROUNDED: f64 = 1e-6;
/// Most steps of the search.
const STEPS: usize = 5000;

/// A linear classifier of two or more classes: logistic regression whose weights are held back (L2).
///
/// Two classes have one row of weights, whose log odds are those of the second; more classes a row each. Intercepts are not
/// held back.
#[derive(Clone, Debug, PartialEq)]
pub struct SoftmaxRegression {
    columns: usize,
    /// A row of weights after another.
    weights: Vec<f64>,
    /// One a row.
    intercepts: Vec<f64>,
}

impl SoftmaxRegression {
    /// The weights, a row after another: one row for two classes, a row each for more.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The intercept of each row.
    pub fn intercepts(&self) -> &[f64] {
        &self.intercepts
    }

    /// Probability of each class for one case; they add up to 1.
    ///
    /// # Panics
    /// If `features` are not as many as those it was fitted to.
    pub fn probabilities(&self, features: &[f64]) -> Vec<f64> {
        softmax(&self.logits(features), 1.0)
    }

    /// The same of a case of which only the numbers other than 0 are stated, each with its column.
    ///
    /// # Panics
    /// If a column is beyond those it was fitted to.
    pub fn sparse_probabilities(&self, features: &[(u32, f64)]) -> Vec<f64> {
        let rows = self.weights.chunks_exact(self.columns).zip(&self.intercepts);
        let logits = rows.map(|(weights, intercept)| features.times(weights) + intercept);
        softmax(&self.with_the_first(logits), 1.0)
    }

    /// A number for each class, of which the greatest is the likeliest's; of two classes the first has 0.
    ///
    /// # Panics
    /// If `features` are not as many as those it was fitted to.
    pub fn logits(&self, features: &[f64]) -> Vec<f64> {
        assert_eq!(features.len(), self.columns, "features of a case");
        let rows = self.weights.chunks_exact(self.columns).zip(&self.intercepts);
        let logits = rows.map(|(weights, intercept)| dot(weights, features) + intercept);
        self.with_the_first(logits)
    }

    /// Of two classes the first has 0, and no row of weights.
    fn with_the_first(&self, logits: impl Iterator<Item = f64>) -> Vec<f64> {
        if self.intercepts.len() == 1 { [0.0].into_iter().chain(logits).collect() } else { logits.collect() }
    }
}

/// A case's features, as the search for weights asks for them.
trait Features {
    /// The sum of the products with as many weights.
    fn times(&self, weights: &[f64]) -> f64;
    /// Adds `factor` times the features to as many numbers.
    fn add_to(&self, factor: f64, to: &mut [f64]);
}

impl Features for [f64] {
    fn times(&self, weights: &[f64]) -> f64 {
        dot(weights, self)
    }
    fn add_to(&self, factor: f64, to: &mut [f64]) {
        add(to, factor, self);
    }
}

impl Features for [(u32, f64)] {
    fn times(&self, weights: &[f64]) -> f64 {
        self.iter().map(|(column, value)| weights[*column as usize] * value).sum()
    }
    fn add_to(&self, factor: f64, to: &mut [f64]) {
        self.iter().for_each(|(column, value)| to[*column as usize] += factor * value);
    }
}

/// Fits a linear classifier: the least sum of the cases' log loss, `strength` times, and half the squared length of the
/// weights, which is scikit-learn's `LogisticRegression(C=strength)`.
///
/// # Shapes
/// `features` holds one row a case; `labels` the class of each case, from 0.
///
/// # Errors
/// [`StatsError::LonelyClass`] if a class has no case, [`StatsError::TooFew`] for fewer than two classes,
/// [`StatsError::NoValue`] if the search finds no end; [`StatsError`] for labels or a strength out of range.
///
/// # Source
/// Hastie, Tibshirani and Friedman 2009, section 18.3.2; doi:10.1007/978-0-387-84858-7
///
/// # Examples
/// ```
/// use wilhelm_stats::{Rows, fit_softmax_regression};
///
/// let fitted = fit_softmax_regression(Rows::new(&[-1.0, 1.0], 1)?, &[0, 1], 2, 1.0)?;
/// assert!((fitted.probabilities(&[0.0])[1] - 0.5).abs() < 1e-6);
/// # Ok::<(), wilhelm_stats::StatsError>(())
/// ```
pub fn fit_softmax_regression(
    features: Rows<'_>,
    labels: &[usize],
    classes: usize,
    strength: f64,
) -> Result<SoftmaxRegression, StatsError> {
    let cases: Vec<&[f64]> = features.iter().collect();
    fit(&cases, features.columns(), labels, classes, strength)
}

/// The same of cases of which most features are 0.
///
/// # Shapes
/// `features` holds one row a case; `labels` the class of each case, from 0.
///
/// # Errors
/// As [`fit_softmax_regression`].
pub fn fit_sparse_softmax_regression(
    features: &SparseRows,
    labels: &[usize],
    classes: usize,
    strength: f64,
) -> Result<SoftmaxRegression, StatsError> {
    let cases: Vec<&[(u32, f64)]> = features.iter().collect();
    fit(&cases, features.columns(), labels, classes, strength)
}

fn fit<F: Features + ?Sized>(
    features: &[&F],
    columns: usize,
    labels: &[usize],
    classes: usize,
    strength: f64,
) -> Result<SoftmaxRegression, StatsError> {
    let what = "a linear classifier";
    if classes < 2 {
        return Err(StatsError::TooFew { what: "classes", found: classes, expected: 2 });
    }
    check_labels(labels, features.len(), classes)?;
    check_range("strength", strength, 1e-12, 1e12)?;
    if let Some(class) = (0..classes).find(|class| !labels.contains(class)) {
        return Err(StatsError::LonelyClass { class, cases: 0, total: labels.len() });
    }
    let rows = if classes == 2 { 1 } else { classes };
    let cases = labels.len() as f64;
    let found = least(vec![0.0; rows * (columns + 1)], TOLERANCE, STEPS, |at, gradient| {
        let (weights, intercepts) = at.split_at(rows * columns);
        let held = 1.0 / (strength * cases);
        gradient.iter_mut().zip(at).for_each(|(gradient, at)| *gradient = held * at);
        gradient[rows * columns..].fill(0.0);
        let mut loss = held * dot(weights, weights) / 2.0;
        for (case, &label) in features.iter().zip(labels) {
            let mut logits: Vec<f64> = weights
                .chunks_exact(columns)
                .zip(intercepts)
                .map(|(weights, intercept)| case.times(weights) + intercept)
                .collect();
            if rows == 1 {
                logits.insert(0, 0.0);
            }
            let greatest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = logits.iter().map(|logit| (logit - greatest).exp()).sum();
            loss += (greatest + sum.ln() - logits[label]) / cases;
            for row in 0..rows {
                let class = if rows == 1 { 1 } else { row };
                let off = (logits[class] - greatest).exp() / sum - f64::from(u8::from(class == label));
                case.add_to(off / cases, &mut gradient[row * columns..][..columns]);
                gradient[rows * columns + row] += off / cases;
            }
        }
        loss
    });
    if found.gradient > ROUNDED || found.gradient.is_nan() {
        return Err(StatsError::NoValue { what, reason: "the search for its weights found no end" });
    }
    let mut weights = found.at;
    let mut intercepts = weights.split_off(rows * columns);
    if rows > 1 {
        // A number added to all intercepts changes nothing: their sum is 0, as scikit-learn's.
        let mean = intercepts.iter().sum::<f64>() / rows as f64;
        intercepts.iter_mut().for_each(|intercept| *intercept -= mean);
    }
    Ok(SoftmaxRegression { columns, weights, intercepts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_cases_on_a_line_worked_on_paper() {
        // Cases at -1 and 1: the loss is 2 ln(1 + exp(-w)) + w^2 / 2, least where w = 2 / (1 + exp(w)), at
        // 0.674832.
        let fitted = fit_softmax_regression(Rows::new(&[-1.0, 1.0], 1).expect("rows"), &[0, 1], 2, 1.0)
            .expect("both classes are there");
        let weight = fitted.weights()[0];
        assert!((weight - 0.674_831_6).abs() < 1e-6, "{weight}");
        assert!(fitted.intercepts()[0].abs() < 1e-7);
    }

    #[test]
    fn numbers_that_are_not_stated_are_0() {
        let dense = [2.0, 0.0, 0.0, 1.0, 0.0, -1.0, 0.5, 0.0, 0.0, 0.0, 3.0, 1.0];
        let labels = [0, 1, 2, 1];
        let of_rows =
            fit_softmax_regression(Rows::new(&dense, 3).expect("rows"), &labels, 3, 2.0).expect("a fit");
        let mut sparse = SparseRows::new(3);
        for row in dense.chunks_exact(3) {
            let stated = row.iter().enumerate().filter(|(_, value)| **value != 0.0);
            sparse.push(stated.map(|(column, value)| (column as u32, *value)).collect()).expect("a row");
        }
        let of_sparse = fit_sparse_softmax_regression(&sparse, &labels, 3, 2.0).expect("a fit");
        for (row, case) in dense.chunks_exact(3).zip(sparse.iter()) {
            let (one, other) = (of_rows.probabilities(row), of_sparse.sparse_probabilities(case));
            one.iter().zip(other).for_each(|(one, other)| assert!((one - other).abs() < 1e-6));
        }
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        let rows = Rows::new(&[0.0, 1.0, 2.0], 1).expect("rows");
        let said = |labels: &[usize], classes: usize, strength: f64| {
            fit_softmax_regression(rows, labels, classes, strength).expect_err("refused")
        };
        assert!(matches!(said(&[0, 0, 0], 2, 1.0), StatsError::LonelyClass { class: 1, .. }));
        assert!(matches!(said(&[0, 0, 0], 1, 1.0), StatsError::TooFew { .. }));
        assert!(matches!(said(&[0, 1], 2, 1.0), StatsError::Length { .. }));
        assert!(matches!(said(&[0, 1, 2], 2, 1.0), StatsError::Label { .. }));
        assert!(matches!(said(&[0, 1, 1], 2, 0.0), StatsError::Range { .. }));
        assert!(matches!(said(&[0, 1, 1], 2, f64::NAN), StatsError::Range { .. }));
    }
}
