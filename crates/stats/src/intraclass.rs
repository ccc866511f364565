use crate::distribution::{fisher_above, fisher_upper};
use crate::error::{check_at_least, check_level};
use crate::{Rows, StatsError};
use serde::{Deserialize, Serialize};

/// Which variation counts against the raters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IccModel {
    /// Each subject has raters of its own: ICC(1).
    OneWay,
    /// The raters are drawn from many, and their levels must agree: ICC(2), agreement.
    TwoWayRandom,
    /// These raters alone matter, and their levels may differ: ICC(3), consistency.
    TwoWayMixed,
}

/// Whether one rating is used in practice or the mean of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IccUnit {
    /// One rating: ICC(1,1), ICC(2,1), ICC(3,1).
    Single,
    /// The mean over the raters: ICC(1,k), ICC(2,k), ICC(3,k).
    Average,
}

/// An intraclass correlation with its interval and its test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IccInterval {
    /// The share of variance that lies between subjects; an estimate may fall below 0.
    pub icc: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Coverage aimed at.
    pub level: f64,
    /// Mean square of subjects over that of error; `None` if the error is 0.
    pub f: Option<f64>,
    /// Degrees of freedom of the subjects.
    pub subject_freedom: usize,
    /// Degrees of freedom of the error.
    pub error_freedom: usize,
    /// Chance of at least this `f` if subjects did not differ; 0 if the error is 0.
    pub p: f64,
}

/// The intraclass correlation of continuous ratings, with its interval from Fisher's distribution.
///
/// # Shapes
/// One row a subject, one column a rater, none missing.
///
/// # Units
/// None: 1 is full agreement.
///
/// # Errors
/// [`StatsError::TooFew`] for fewer than two subjects or raters; [`StatsError::NoValue`] if no rating
/// differs from another where the formula needs it; [`StatsError::Range`] for a level outside 0 to 1
/// (exclusive).
///
/// # Source
/// Shrout and Fleiss 1979, doi:10.1037/0033-2909.86.2.420; McGraw and Wong 1996,
/// doi:10.1037/1082-989X.1.1.30
pub fn intraclass_correlation(
    ratings: Rows<'_>,
    model: IccModel,
    unit: IccUnit,
    level: f64,
) -> Result<IccInterval, StatsError> {
    check_at_least("subjects", ratings.len(), 2)?;
    check_at_least("raters", ratings.columns(), 2)?;
    check_level(level)?;
    let squares = MeanSquares::of(ratings);
    let (subjects, raters) = (ratings.len() as f64, ratings.columns() as f64);
    let subject_freedom = ratings.len() - 1;
    let (error, error_freedom) = match model {
        IccModel::OneWay => (squares.within, ratings.len() * (ratings.columns() - 1)),
        _ => (squares.error, subject_freedom * (ratings.columns() - 1)),
    };
    // Agreement also counts how far the raters' levels lie apart.
    let levels = if model == IccModel::TwoWayRandom { (squares.raters - error) / subjects } else { 0.0 };
    let extra = match unit {
        IccUnit::Single => (raters - 1.0) * error + raters * levels,
        IccUnit::Average => levels,
    };
    let whole = squares.subjects + extra;
    let what = "intraclass correlation";
    let icc = (squares.subjects - error) / whole;
    if !icc.is_finite() || squares.subjects + error + squares.raters <= 0.0 {
        return Err(StatsError::NoValue { what, reason: "the ratings do not vary" });
    }
    let (upper, own) = ((1.0 - level) / 2.0, (subject_freedom as f64, error_freedom as f64));
    let f = (error > 0.0).then(|| squares.subjects / error);
    let (low, high) = if model == IccModel::TwoWayRandom {
        let single =
            (squares.subjects - error) / (squares.subjects + (raters - 1.0) * error + raters * levels);
        squares.agreement_interval(single, subjects, raters, upper)
    } else {
        let step_down = |f: f64| (f - 1.0) / (f + raters - 1.0);
        // Without error both ends are at the limit for an endless f.
        f.map_or((1.0, 1.0), |f| {
            (
                step_down(f / fisher_upper(upper, own.0, own.1)),
                step_down(f * fisher_upper(upper, own.1, own.0)),
            )
        })
    };
    let step_up = |single: f64| match unit {
        IccUnit::Single => single,
        IccUnit::Average => single * raters / (1.0 + single * (raters - 1.0)),
    };
    let (low, high) = (step_up(low), step_up(high));
    if !(low.is_finite() && high.is_finite()) {
        return Err(StatsError::NoValue { what, reason: "its interval has no end for these ratings" });
    }
    Ok(IccInterval {
        icc,
        low,
        high,
        level,
        f,
        subject_freedom,
        error_freedom,
        p: f.map_or(0.0, |f| fisher_above(f, own.0, own.1)),
    })
}

/// The analysis of variance of a table of subjects and raters.
struct MeanSquares {
    subjects: f64,
    raters: f64,
    within: f64,
    error: f64,
}

impl MeanSquares {
    fn of(ratings: Rows<'_>) -> Self {
        let (subjects, raters) = (ratings.len() as f64, ratings.columns() as f64);
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let of_subjects: Vec<f64> = ratings.iter().map(mean).collect();
        let of_raters: Vec<f64> = (0..ratings.columns()).map(|rater| mean(&ratings.column(rater))).collect();
        let grand = mean(&of_subjects);
        let around = |means: &[f64]| means.iter().map(|mean| (mean - grand).powi(2)).sum::<f64>();
        let rows = || ratings.iter().zip(&of_subjects);
        let within: f64 =
            rows().flat_map(|(row, own)| row.iter().map(move |rating| (rating - own).powi(2))).sum();
        // Summed as such: subtracting sums of squares would lose small errors.
        let error: f64 = rows()
            .flat_map(|(row, own)| {
                row.iter().zip(&of_raters).map(move |(rating, rater)| (rating - own - rater + grand).powi(2))
            })
            .sum();
        Self {
            subjects: raters * around(&of_subjects) / (subjects - 1.0),
            raters: subjects * around(&of_raters) / (raters - 1.0),
            within: within / (subjects * (raters - 1.0)),
            error: error / ((subjects - 1.0) * (raters - 1.0)),
        }
    }

    /// The interval of a single rating's agreement; degrees of freedom after Satterthwaite.
    fn agreement_interval(&self, icc: f64, subjects: f64, raters: f64, upper: f64) -> (f64, f64) {
        let (n, k) = (subjects, raters);
        let (levels, rest) = (k * icc * self.raters, (n * (1.0 + (k - 1.0) * icc) - k * icc) * self.error);
        let squares = (n - 1.0) * levels * levels + rest * rest;
        if squares <= 0.0 {
            return (icc, icc);
        }
        let freedom = (k - 1.0) * (n - 1.0) * (levels + rest).powi(2) / squares;
        let others = k * self.raters + (k * n - k - n) * self.error;
        let below = fisher_upper(upper, n - 1.0, freedom);
        let above = fisher_upper(upper, freedom, n - 1.0);
        (
            n * (self.subjects - below * self.error) / (below * others + n * self.subjects),
            n * (above * self.subjects - self.error) / (others + n * above * self.subjects),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODELS: [IccModel; 3] = [IccModel::OneWay, IccModel::TwoWayRandom, IccModel::TwoWayMixed];

    fn icc(
        values: &[f64],
        columns: usize,
        model: IccModel,
        unit: IccUnit,
    ) -> Result<IccInterval, StatsError> {
        intraclass_correlation(Rows::new(values, columns).expect("full rows"), model, unit, 0.95)
    }

    #[test]
    fn the_six_correlations_of_the_founding_paper() {
        // Shrout and Fleiss, table 2: six subjects, four judges; the six values of their table 4.
        let ratings = [
            9.0, 2.0, 5.0, 8.0, 6.0, 1.0, 3.0, 2.0, 8.0, 4.0, 6.0, 8.0, 7.0, 1.0, 2.0, 6.0, 10.0, 5.0, 6.0,
            9.0, 6.0, 2.0, 4.0, 7.0,
        ];
        for (unit, expected) in
            [(IccUnit::Single, [0.17, 0.29, 0.71]), (IccUnit::Average, [0.44, 0.62, 0.91])]
        {
            for (model, expected) in MODELS.into_iter().zip(expected) {
                let found = icc(&ratings, 4, model, unit).expect("they vary");
                assert!((found.icc - expected).abs() < 0.005, "{model:?} {unit:?}: {found:?}");
                assert!(found.low < found.icc && found.icc < found.high, "{model:?} {unit:?}: {found:?}");
            }
        }
    }

    #[test]
    fn two_subjects_and_two_raters_by_hand() {
        // Rows 1 2 and 5 4: means 1.5 and 4.5; subjects 2 * 4.5 = 9, within (0.5 + 0.5) / 2 = 0.5,
        // raters 0 (means 3 and 3), error 1.
        let of = |model| icc(&[1.0, 2.0, 5.0, 4.0], 2, model, IccUnit::Single).expect("they vary");
        assert!((of(IccModel::OneWay).icc - 8.5 / 9.5).abs() < 1e-12);
        assert!((of(IccModel::TwoWayMixed).icc - 8.0 / 10.0).abs() < 1e-12);
        assert!((of(IccModel::TwoWayRandom).icc - 8.0 / (9.0 + 1.0 + 2.0 * (0.0 - 1.0) / 2.0)).abs() < 1e-12);
        assert_eq!(of(IccModel::OneWay).f, Some(18.0));
    }

    #[test]
    fn raters_that_differ_by_a_constant_are_consistent_but_do_not_agree() {
        let shifted = [1.0, 3.0, 2.0, 4.0, 4.0, 6.0, 7.0, 9.0];
        let mixed = icc(&shifted, 2, IccModel::TwoWayMixed, IccUnit::Single).expect("they vary");
        assert_eq!((mixed.icc, mixed.low, mixed.high, mixed.f, mixed.p), (1.0, 1.0, 1.0, None, 0.0));
        let random = icc(&shifted, 2, IccModel::TwoWayRandom, IccUnit::Single).expect("they vary");
        assert!(random.icc < 0.9 && random.low < random.icc && random.high <= 1.0, "{random:?}");
        let same = icc(&[1.0, 1.0, 2.0, 2.0, 5.0, 5.0], 2, IccModel::TwoWayRandom, IccUnit::Average);
        assert!(same.is_ok_and(|same| (same.icc, same.low, same.high) == (1.0, 1.0, 1.0)));
    }

    #[test]
    fn ratings_that_never_vary_or_are_too_few_are_refused() {
        for model in MODELS {
            let flat = icc(&[3.0; 6], 2, model, IccUnit::Single);
            assert!(matches!(flat, Err(StatsError::NoValue { .. })), "{model:?}: {flat:?}");
            assert!(icc(&[1.0, 2.0], 2, model, IccUnit::Single).is_err());
            assert!(icc(&[1.0, 2.0], 1, model, IccUnit::Single).is_err());
        }
    }
}
