use crate::error::{check_at_least, check_labels, check_length, check_probabilities, check_range};
use crate::order::sorted;
use crate::{Rows, StatsError, wilson_interval};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// How strange a class is for a case, from its probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConformalMethod {
    /// 1 minus the probability of the class (LAC): the smallest sets on average, which may be empty.
    LeastAmbiguous,
    /// The probability of the class and of all that are likelier (APS): sets grow where a case is hard;
    /// they hold too much rather than too little.
    Adaptive,
    /// As `Adaptive`, with a random share of the class itself: covers as often as promised and no more.
    AdaptiveRandomized,
}

/// A threshold that turns probabilities into sets of classes which hold the actual one as often as
/// promised.
///
/// ```
/// use wilhelm_stats::{ConformalFit, ConformalMethod, Rows};
///
/// let known = [0.9, 0.1, 0.2, 0.8, 0.6, 0.4, 0.7, 0.3];
/// let fit = ConformalFit::new(Rows::new(&known, 2)?, &[0, 1, 1, 0], 0.25, ConformalMethod::LeastAmbiguous, 0)?;
/// let sets = fit.sets(Rows::new(&[0.95, 0.05, 0.5, 0.5], 2)?, 0)?;
/// assert_eq!(sets, [vec![0], vec![0, 1]]);
/// # Ok::<(), wilhelm_stats::StatsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConformalFit {
    /// How strangeness is measured.
    pub method: ConformalMethod,
    /// The share of cases whose set may lack the actual class.
    pub miscoverage: f64,
    /// Classes no stranger than this are in the set; `None` if there were too few cases for the promise,
    /// so that every set holds all classes.
    pub threshold: Option<f64>,
    /// Cases the threshold was found on.
    pub cases: usize,
    /// Classes of a case.
    pub classes: usize,
}

/// How often sets hold the actual class, and how large they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConformalCoverage {
    /// Cases whose set holds their class.
    pub covered: u64,
    /// All cases.
    pub cases: u64,
    /// Their share.
    pub coverage: f64,
    /// Lower end of its Wilson interval.
    pub low: f64,
    /// Upper end of its Wilson interval.
    pub high: f64,
    /// Coverage of that interval.
    pub level: f64,
    /// Mean number of classes in a set.
    pub mean_size: f64,
    /// How many sets have 0, 1, 2 ... classes.
    pub sizes: Vec<u64>,
}

impl ConformalFit {
    /// Finds the threshold on cases that the model was not trained on.
    ///
    /// It is the strangeness of rank `ceil((cases + 1) * (1 - miscoverage))`: over cases drawn alike, sets
    /// then hold the actual class with at least the chance promised. The promise is for all cases together,
    /// not for each class or group. `seed` matters to [`ConformalMethod::AdaptiveRandomized`] alone.
    ///
    /// # Shapes
    /// One row a case, one column a class, each row adding up to 1; `labels` the class of each case.
    ///
    /// # Errors
    /// [`StatsError`] if a row is no distribution, a label names no class, or the miscoverage is outside 0
    /// to 1 (exclusive).
    ///
    /// # Source
    /// Angelopoulos and Bates 2023, doi:10.1561/2200000101; Sadinle, Lei and Wasserman 2019,
    /// doi:10.1080/01621459.2017.1395341 (least ambiguous); Romano, Sesia and Candes 2020,
    /// doi:10.48550/arXiv.2006.02544 (adaptive)
    pub fn new(
        probabilities: Rows<'_>,
        labels: &[usize],
        miscoverage: f64,
        method: ConformalMethod,
        seed: u64,
    ) -> Result<Self, StatsError> {
        probabilities.check_distributions()?;
        check_labels(labels, probabilities.len(), probabilities.columns())?;
        check_range("miscoverage", miscoverage, f64::MIN_POSITIVE, 1.0 - f64::EPSILON)?;
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let strangeness: Vec<f64> = probabilities
            .iter()
            .zip(labels)
            .map(|(row, &label)| strangeness(row, method, share_of_own(method, &mut generator))[label])
            .collect();
        let cases = labels.len();
        // A trifle off, so that 0.9 * 10 counts as 9 and not as 10 by rounding.
        let rank = ((cases as f64 + 1.0) * (1.0 - miscoverage) - 1e-9).ceil().max(1.0) as usize;
        Ok(Self {
            method,
            miscoverage,
            threshold: (rank <= cases).then(|| sorted(&strangeness)[rank - 1]),
            cases,
            classes: probabilities.columns(),
        })
    }

    /// The set of each case: its classes by rising number.
    ///
    /// An empty set says that every class is stranger than the promise allows. `seed` matters to
    /// [`ConformalMethod::AdaptiveRandomized`] alone, and should not be that of the fit.
    ///
    /// # Shapes
    /// As [`ConformalFit::new`].
    ///
    /// # Errors
    /// [`StatsError`] if a row is no distribution or has another number of classes.
    pub fn sets(&self, probabilities: Rows<'_>, seed: u64) -> Result<Vec<Vec<usize>>, StatsError> {
        probabilities.check_distributions()?;
        check_length("classes of a case", probabilities.columns(), self.classes)?;
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let set = |row: &[f64]| {
            let strangeness = strangeness(row, self.method, share_of_own(self.method, &mut generator));
            let inside =
                |class: &usize| self.threshold.is_none_or(|threshold| strangeness[*class] <= threshold);
            (0..row.len()).filter(inside).collect()
        };
        Ok(probabilities.iter().map(set).collect())
    }
}

/// Measures sets against the actual classes.
///
/// # Errors
/// [`StatsError`] if there is no case, the lists differ in length, or the level is outside 0 to 1
/// (exclusive).
///
/// # Source
/// As [`wilson_interval`].
pub fn conformal_coverage(
    sets: &[Vec<usize>],
    labels: &[usize],
    level: f64,
) -> Result<ConformalCoverage, StatsError> {
    check_at_least("sets", sets.len(), 1)?;
    check_length("labels", labels.len(), sets.len())?;
    let covered = sets.iter().zip(labels).filter(|(set, label)| set.contains(label)).count() as u64;
    let cases = sets.len() as u64;
    let (low, high) = wilson_interval(covered, cases, level)?;
    let largest = sets.iter().map(Vec::len).max().unwrap_or(0);
    let mut sizes = vec![0; largest + 1];
    sets.iter().for_each(|set| sizes[set.len()] += 1);
    Ok(ConformalCoverage {
        covered,
        cases,
        coverage: covered as f64 / cases as f64,
        low,
        high,
        level,
        mean_size: sets.iter().map(|set| set.len() as f64).sum::<f64>() / cases as f64,
        sizes,
    })
}

/// The rows of a table of two classes, no and yes, from probabilities of a yes.
///
/// # Errors
/// [`StatsError`] if there is none or one is outside 0 to 1.
pub fn two_class_rows(probabilities: &[f64]) -> Result<Vec<f64>, StatsError> {
    check_probabilities("probability", probabilities)?;
    Ok(probabilities.iter().flat_map(|&probability| [1.0 - probability, probability]).collect())
}

/// How much of the class itself counts.
fn share_of_own(method: ConformalMethod, generator: &mut ChaCha8Rng) -> f64 {
    match method {
        ConformalMethod::AdaptiveRandomized => generator.random_range(0.0..1.0),
        _ => 1.0,
    }
}

/// How strange each class of a row is.
fn strangeness(row: &[f64], method: ConformalMethod, share_of_own: f64) -> Vec<f64> {
    if method == ConformalMethod::LeastAmbiguous {
        return row.iter().map(|probability| 1.0 - probability).collect();
    }
    let mut order: Vec<usize> = (0..row.len()).collect();
    // Stable: of equal probabilities the first class comes first.
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
    let mut strangeness = vec![0.0; row.len()];
    let mut likelier = 0.0;
    for class in order {
        strangeness[class] = likelier + share_of_own * row[class];
        likelier += row[class];
    }
    strangeness
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [f64; 12] = [0.7, 0.2, 0.1, 0.1, 0.6, 0.3, 0.2, 0.3, 0.5, 0.5, 0.4, 0.1];
    const LABELS: [usize; 4] = [0, 1, 1, 1];

    fn fit(miscoverage: f64, method: ConformalMethod) -> ConformalFit {
        ConformalFit::new(Rows::new(&KNOWN, 3).expect("four rows"), &LABELS, miscoverage, method, 5)
            .expect("sound")
    }

    #[test]
    fn the_threshold_by_hand() {
        // Strangeness 0.3, 0.4, 0.7, 0.6; of rank ceil(5 * 0.6) = 3 is 0.6.
        let found = fit(0.4, ConformalMethod::LeastAmbiguous).threshold.expect("enough");
        assert!((found - 0.6).abs() < 1e-12);
        // Adaptive: 0.7, 0.6, 0.8, 0.9; of rank 3 is 0.8.
        let found = fit(0.4, ConformalMethod::Adaptive).threshold.expect("enough");
        assert!((found - 0.8).abs() < 1e-12);
        // 0.8 of five is the fourth, above that there is none.
        assert!(
            fit(0.2, ConformalMethod::Adaptive).threshold.is_some_and(|found| (found - 0.9).abs() < 1e-12)
        );
        assert_eq!(fit(0.1, ConformalMethod::Adaptive).threshold, None);
    }

    #[test]
    fn sets_hold_what_is_not_too_strange() {
        let cases = [0.45, 0.45, 0.1, 0.9, 0.05, 0.05, 0.35, 0.33, 0.32];
        let table = Rows::new(&cases, 3).expect("three rows");
        let least = fit(0.4, ConformalMethod::LeastAmbiguous).sets(table, 1).expect("three classes");
        assert_eq!(least, [vec![0, 1], vec![0], vec![]]);
        let adaptive = fit(0.4, ConformalMethod::Adaptive).sets(table, 1).expect("three classes");
        assert_eq!(adaptive, [vec![0], vec![], vec![0, 1]]);
        let all = fit(0.1, ConformalMethod::Adaptive).sets(table, 1).expect("three classes");
        assert_eq!(all, [vec![0, 1, 2], vec![0, 1, 2], vec![0, 1, 2]]);
    }

    #[test]
    fn a_random_share_keeps_its_seed_and_never_exceeds_the_whole() {
        assert_eq!(
            strangeness(&[0.2, 0.5, 0.3], ConformalMethod::AdaptiveRandomized, 0.5),
            [0.9, 0.25, 0.65]
        );
        let table = Rows::new(&KNOWN, 3).expect("four rows");
        let randomized = fit(0.2, ConformalMethod::AdaptiveRandomized);
        assert_eq!(randomized, fit(0.2, ConformalMethod::AdaptiveRandomized));
        assert!(randomized.threshold <= fit(0.2, ConformalMethod::Adaptive).threshold);
        assert_eq!(randomized.sets(table, 9), randomized.sets(table, 9));
    }

    #[test]
    fn coverage_by_hand() {
        let sets = [vec![0], vec![0, 1], vec![], vec![2]];
        let found = conformal_coverage(&sets, &[0, 1, 1, 1], 0.95).expect("four");
        assert_eq!((found.covered, found.cases, found.coverage, found.mean_size), (2, 4, 0.5, 1.0));
        assert_eq!(found.sizes, [1, 2, 1]);
        assert_eq!(Ok((found.low, found.high)), wilson_interval(2, 4, 0.95));
    }

    #[test]
    fn two_classes_and_tables_that_do_not_fit() {
        assert_eq!(two_class_rows(&[0.25, 1.0]), Ok(vec![0.75, 0.25, 0.0, 1.0]));
        assert!(two_class_rows(&[1.5]).is_err() && two_class_rows(&[]).is_err());
        let pair = Rows::new(&[0.5, 0.5], 2).expect("a row");
        assert!(fit(0.4, ConformalMethod::Adaptive).sets(pair, 0).is_err());
        assert!(ConformalFit::new(pair, &[2], 0.1, ConformalMethod::Adaptive, 0).is_err());
        assert!(ConformalFit::new(pair, &[1], 0.0, ConformalMethod::Adaptive, 0).is_err());
        let sum = Rows::new(&[0.5, 0.4], 2).expect("a row");
        assert!(ConformalFit::new(sum, &[1], 0.1, ConformalMethod::Adaptive, 0).is_err());
        assert!(conformal_coverage(&[], &[], 0.95).is_err());
    }
}
