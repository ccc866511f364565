use crate::error::{check_finite, check_labels, check_length};
use crate::{Rows, StatsError};
use serde::{Deserialize, Serialize};

/// How far a feature vector lies from those a model knows, in the metric of their own spread.
///
/// One mean a class and one covariance for all, shrunk toward a sphere so that it can be inverted even
/// with fewer cases than features. A single class is the ordinary Mahalanobis distance.
///
/// ```
/// use wilhelm_stats::{Mahalanobis, Rows};
///
/// let known = [0.0, 1.0, 2.0, -1.0, -2.0, 0.5, 1.0, -0.5, -1.0, 0.1];
/// let distance = Mahalanobis::fit(Rows::new(&known, 2)?)?;
/// assert!(distance.squared(&[9.0, 9.0])? > distance.squared(&[0.0, 0.0])?);
/// # Ok::<(), wilhelm_stats::StatsError>(())
/// ```
///
/// # Source
/// Mahalanobis 1936, doi:10.1007/s13171-019-00164-5 (reprint); Lee et al. 2018,
/// doi:10.48550/arXiv.1807.03888; shrinkage by Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Mahalanobis {
    means: Vec<Vec<f64>>,
    /// Lower triangle of the Cholesky factor, row after row.
    factor: Vec<f64>,
    shrinkage: f64,
}

impl Mahalanobis {
    /// Fits one mean and the shrunk covariance of all rows.
    ///
    /// # Shapes
    /// One row a case, one column a feature; at least two rows.
    ///
    /// # Errors
    /// [`StatsError::TooFew`] for one row; [`StatsError::NotPositiveDefinite`] if nothing varies.
    pub fn fit(features: Rows<'_>) -> Result<Self, StatsError> {
        Self::fit_by_class(features, &vec![0; features.len()], 1)
    }

    /// Fits one mean a class and one shrunk covariance of what remains.
    ///
    /// # Shapes
    /// As [`Mahalanobis::fit`]; `labels` the class of each row, each below `classes`.
    ///
    /// # Errors
    /// As [`Mahalanobis::fit`]; also [`StatsError::LonelyClass`] for a class without rows.
    pub fn fit_by_class(features: Rows<'_>, labels: &[usize], classes: usize) -> Result<Self, StatsError> {
        check_labels(labels, features.len(), classes)?;
        if features.len() < 2 {
            return Err(StatsError::TooFew { what: "rows", found: features.len(), expected: 2 });
        }
        let mut means = vec![vec![0.0; features.columns()]; classes];
        let mut counts = vec![0_usize; classes];
        for (row, &label) in features.iter().zip(labels) {
            counts[label] += 1;
            means[label].iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        if let Some(class) = counts.iter().position(|&count| count == 0) {
            return Err(StatsError::LonelyClass { class, cases: 0, total: labels.len() });
        }
        for (mean, &count) in means.iter_mut().zip(&counts) {
            mean.iter_mut().for_each(|sum| *sum /= count as f64);
        }
        let centered: Vec<Vec<f64>> = features
            .iter()
            .zip(labels)
            .map(|(row, &label)| row.iter().zip(&means[label]).map(|(value, mean)| value - mean).collect())
            .collect();
        let (covariance, shrinkage) = ledoit_wolf(&centered);
        Ok(Self { factor: cholesky(&covariance, features.columns())?, means, shrinkage })
    }

    /// Squared distance to the nearest class mean.
    ///
    /// # Units
    /// None. For normal features of one class it follows a chi-squared distribution with as many degrees
    /// of freedom as there are features.
    ///
    /// # Errors
    /// [`StatsError`] if the vector has another length than the fitted rows or is not finite.
    pub fn squared(&self, features: &[f64]) -> Result<f64, StatsError> {
        check_length("features", features.len(), self.features())?;
        check_finite("features", features)?;
        let to = |mean: &Vec<f64>| {
            let offset: Vec<f64> = features.iter().zip(mean).map(|(value, mean)| value - mean).collect();
            forward_substitute(&self.factor, offset).iter().map(|value| value * value).sum()
        };
        Ok(self.means.iter().map(to).fold(f64::INFINITY, f64::min))
    }

    /// The mean of one class.
    ///
    /// # Panics
    /// If there is no such class.
    pub fn mean(&self, class: usize) -> &[f64] {
        &self.means[class]
    }

    /// The matrix `W`, row after row, for which the squared distance to a mean is the squared norm of
    /// `W (x - mean)`: the inverse of the Cholesky factor.
    pub fn whitening(&self) -> Vec<f64> {
        let size = self.features();
        let mut whitening = vec![0.0; size * size];
        for column in 0..size {
            let mut unit = vec![0.0; size];
            unit[column] = 1.0;
            for (row, value) in forward_substitute(&self.factor, unit).into_iter().enumerate() {
                whitening[row * size + column] = value;
            }
        }
        whitening
    }

    /// How many features a vector has.
    pub fn features(&self) -> usize {
        self.means[0].len()
    }

    /// How much of the covariance was replaced by a sphere: 0 is nothing, 1 everything.
    pub const fn shrinkage(&self) -> f64 {
        self.shrinkage
    }
}

/// What [`Mahalanobis`] looks like in a file, before its parts are checked against each other.
#[derive(Deserialize)]
struct Stored {
    means: Vec<Vec<f64>>,
    factor: Vec<f64>,
    shrinkage: f64,
}

impl TryFrom<Stored> for Mahalanobis {
    type Error = StatsError;
    fn try_from(stored: Stored) -> Result<Self, StatsError> {
        let Some(features) = stored.means.first().map(Vec::len) else {
            return Err(StatsError::TooFew { what: "means", found: 0, expected: 1 });
        };
        for mean in &stored.means {
            check_length("numbers in a mean", mean.len(), features)?;
            check_finite("mean", mean)?;
        }
        check_length("numbers in the factor", stored.factor.len(), triangle(features))?;
        check_finite("factor", &stored.factor)?;
        match (0..features).find(|&column| stored.factor[triangle(column) + column] <= 0.0) {
            Some(column) => Err(StatsError::NotPositiveDefinite { column }),
            None => Ok(Self { means: stored.means, factor: stored.factor, shrinkage: stored.shrinkage }),
        }
    }
}

/// Shrunk covariance (lower triangle, row after row) of centered rows, and how far it was shrunk.
fn ledoit_wolf(centered: &[Vec<f64>]) -> (Vec<f64>, f64) {
    let (cases, features) = (centered.len() as f64, centered[0].len());
    let mut covariance = vec![0.0; triangle(features)];
    let mut fourth = 0.0;
    for row in centered {
        for (i, left) in row.iter().enumerate() {
            let line = &mut covariance[triangle(i)..triangle(i + 1)];
            line.iter_mut().zip(row).for_each(|(sum, right)| *sum += left * right);
        }
        fourth += row.iter().map(|value| value * value).sum::<f64>().powi(2);
    }
    covariance.iter_mut().for_each(|sum| *sum /= cases);
    let diagonal = |i: usize| triangle(i) + i;
    let trace: f64 = (0..features).map(|i| covariance[diagonal(i)]).sum();
    let sphere = trace / features as f64;
    let squares: f64 = (0..features)
        .map(|i| {
            let line = &covariance[triangle(i)..triangle(i + 1)];
            2.0 * line.iter().map(|c| c * c).sum::<f64>() - line[i] * line[i]
        })
        .sum();
    // Squared distance to the sphere, and the part of it that is noise (both over features).
    let distance = (squares - 2.0 * sphere * trace + features as f64 * sphere * sphere) / features as f64;
    let noise = ((fourth / cases - squares) / (cases * features as f64)).min(distance);
    let shrinkage = if noise <= 0.0 { 0.0 } else { noise / distance };
    covariance.iter_mut().for_each(|c| *c *= 1.0 - shrinkage);
    (0..features).for_each(|i| covariance[diagonal(i)] += shrinkage * sphere);
    (covariance, shrinkage)
}

/// How many numbers the first `rows` rows of a lower triangle hold.
pub(crate) const fn triangle(rows: usize) -> usize {
    rows * (rows + 1) / 2
}

/// Lower triangle `L` with `L L^T = matrix`.
pub(crate) fn cholesky(matrix: &[f64], size: usize) -> Result<Vec<f64>, StatsError> {
    let mut factor = vec![0.0; triangle(size)];
    // A pivot this far below its diagonal is rounding noise.
    let floor = |i: usize| f64::EPSILON * size as f64 * matrix[triangle(i) + i];
    for i in 0..size {
        for j in 0..=i {
            let (row_i, row_j) = (triangle(i), triangle(j));
            let dot: f64 = (0..j).map(|k| factor[row_i + k] * factor[row_j + k]).sum();
            let rest = matrix[row_i + j] - dot;
            if i == j {
                if rest.is_nan() || rest <= floor(i) {
                    return Err(StatsError::NotPositiveDefinite { column: i });
                }
                factor[row_i + i] = rest.sqrt();
            } else {
                factor[row_i + j] = rest / factor[row_j + j];
            }
        }
    }
    Ok(factor)
}

/// Solves `L x = b`.
pub(crate) fn forward_substitute(factor: &[f64], mut b: Vec<f64>) -> Vec<f64> {
    for i in 0..b.len() {
        let line = &factor[triangle(i)..triangle(i + 1)];
        let dot: f64 = line[..i].iter().zip(&b).map(|(l, x)| l * x).sum();
        b[i] = (b[i] - dot) / line[i];
    }
    b
}

/// Solves `L^T x = b`.
pub(crate) fn back_substitute(factor: &[f64], mut b: Vec<f64>) -> Vec<f64> {
    for i in (0..b.len()).rev() {
        let dot: f64 = (i + 1..b.len()).map(|k| factor[triangle(k) + i] * b[k]).sum();
        b[i] = (b[i] - dot) / factor[triangle(i) + i];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cholesky_factor_by_hand() {
        // [[4, 2], [2, 5]] = L L^T with L = [[2, 0], [1, 2]].
        assert_eq!(cholesky(&[4.0, 2.0, 5.0], 2), Ok(vec![2.0, 1.0, 2.0]));
        assert_eq!(forward_substitute(&[2.0, 1.0, 2.0], vec![2.0, 5.0]), [1.0, 2.0]);
        assert_eq!(back_substitute(&[2.0, 1.0, 2.0], vec![5.0, 2.0]), [2.0, 1.0]);
        // Rank one.
        assert_eq!(cholesky(&[1.0, 1.0, 1.0], 2), Err(StatsError::NotPositiveDefinite { column: 1 }));
    }

    #[test]
    fn one_feature_is_the_squared_standard_score() {
        // Mean 2, variance 2/3 (over n); a single feature is its own sphere.
        let fitted =
            Mahalanobis::fit(Rows::new(&[1.0, 2.0, 3.0], 1).expect("three rows")).expect("it varies");
        let found = fitted.squared(&[4.0]).expect("one feature");
        assert!((found - 4.0 / (2.0 / 3.0)).abs() < 1e-12, "found {found}");
    }

    #[test]
    fn the_whitening_matrix_gives_the_same_distance() {
        let values = [0.0, 1.0, 2.0, -1.0, -2.0, 0.5, 1.0, -0.5, -1.0, 0.1];
        let fitted = Mahalanobis::fit(Rows::new(&values, 2).expect("five rows")).expect("it varies");
        let (point, mean, whitening) = ([3.0, -4.0], fitted.mean(0), fitted.whitening());
        let norm: f64 = (0..2)
            .map(|row| (0..2).map(|c| whitening[row * 2 + c] * (point[c] - mean[c])).sum::<f64>().powi(2))
            .sum();
        assert!((norm - fitted.squared(&point).expect("two features")).abs() < 1e-9 * norm);
    }

    #[test]
    fn the_nearest_class_counts() {
        let values = [0.0, 0.2, 0.1, -0.1, 10.0, 10.1, 9.9, 10.2];
        let table = Rows::new(&values, 1).expect("eight rows");
        let labels = [0, 0, 0, 0, 1, 1, 1, 1];
        let by_class = Mahalanobis::fit_by_class(table, &labels, 2).expect("both classes have rows");
        let (near, between) =
            (by_class.squared(&[10.0]).expect("one"), by_class.squared(&[5.0]).expect("one"));
        assert!(near < 1.0 && between > 100.0, "found {near} and {between}");
        // Without labels the gap between the classes looks ordinary.
        assert!(Mahalanobis::fit(table).expect("it varies").squared(&[5.0]).expect("one") < 1.0);
    }

    #[test]
    fn fewer_cases_than_features_still_invert() {
        let values: Vec<f64> = (0..3 * 10).map(|i| f64::from(i * i % 11)).collect();
        let fitted = Mahalanobis::fit(Rows::new(&values, 10).expect("three rows")).expect("shrunk");
        assert!(fitted.shrinkage() > 0.0 && fitted.shrinkage() <= 1.0);
        assert!(fitted.squared(&[5.0; 10]).is_ok_and(|distance| distance.is_finite()));
    }

    #[test]
    fn features_that_never_vary_or_do_not_fit_are_refused() {
        let flat = Mahalanobis::fit(Rows::new(&[1.0; 6], 2).expect("three rows"));
        assert_eq!(flat, Err(StatsError::NotPositiveDefinite { column: 0 }));
        let table = Rows::new(&[1.0, 2.0], 2).expect("one row");
        assert!(matches!(Mahalanobis::fit(table), Err(StatsError::TooFew { .. })));
        let fitted =
            Mahalanobis::fit(Rows::new(&[1.0, 2.0, 4.0], 1).expect("three rows")).expect("it varies");
        assert!(fitted.squared(&[1.0, 2.0]).is_err() && fitted.squared(&[f64::NAN]).is_err());
    }

    #[test]
    fn a_stored_distance_is_checked_when_read() {
        let values = [1.0, 2.0, 4.0, 1.0, 0.0, 3.0];
        let fitted = Mahalanobis::fit(Rows::new(&values, 2).expect("three rows")).expect("it varies");
        let text = serde_json::to_string(&fitted).expect("plain numbers");
        assert_eq!(serde_json::from_str::<Mahalanobis>(&text).expect("its own text"), fitted);
        for wrong in [
            r#"{"means":[],"factor":[],"shrinkage":0}"#,
            r#"{"means":[[1.0,2.0]],"factor":[1.0],"shrinkage":0}"#,
            r#"{"means":[[1.0]],"factor":[-1.0],"shrinkage":0}"#,
        ] {
            assert!(serde_json::from_str::<Mahalanobis>(wrong).is_err(), "{wrong} was accepted");
        }
    }
}
