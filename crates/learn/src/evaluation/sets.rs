use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use wilhelm_stats::{ConformalFit, ConformalMethod, Rows, conformal_coverage};

use super::{Cases, EvaluationError, Figure, Method, Settings};

/// Split-conformal sets: found on one half of the cases, measured on the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetFigures {
    /// How strangeness is measured.
    pub method: ConformalMethod,
    /// The share of cases whose set may lack the true label.
    pub miscoverage: f64,
    /// Labels no stranger than this are in the set; `None` if there were too few cases for the promise.
    pub threshold: Option<f64>,
    /// Cases that the threshold was found on.
    pub calibration_cases: usize,
    /// Cases that the sets were measured on.
    pub measured_cases: usize,
    /// Sets that hold the true label.
    pub coverage: Figure,
    /// The same for the cases of each label, in the order of the labels.
    pub coverage_by_label: Vec<Figure>,
    /// Mean number of labels in a set.
    pub mean_size: f64,
    /// How many sets have 0, 1, 2 ... labels.
    pub sizes: Vec<u64>,
}

pub(super) fn set_figures(cases: &Cases, settings: &Settings) -> Result<Vec<SetFigures>, EvaluationError> {
    let (calibration, measured) = halves(cases, settings.resampling.seed);
    if calibration.is_empty() || measured.is_empty() {
        return Ok(Vec::new());
    }
    let (calibration, measured) = (cases.pick(&calibration), cases.pick(&measured));
    let classes = cases.labels.len();
    let (seed, level) = (settings.resampling.seed, settings.resampling.level);
    [ConformalMethod::LeastAmbiguous, ConformalMethod::AdaptiveRandomized]
        .into_iter()
        .map(|method| {
            let known = Rows::new(&calibration.values, classes)?;
            let fit = ConformalFit::new(known, &calibration.truth, settings.miscoverage, method, seed)?;
            // The randomized method must not draw the same shares again.
            let sets = fit.sets(Rows::new(&measured.values, classes)?, seed.wrapping_add(1))?;
            let found = conformal_coverage(&sets, &measured.truth, level)?;
            let of_label = |label: usize| {
                let own = || sets.iter().zip(&measured.truth).filter(move |(_, truth)| **truth == label);
                let hits = own().filter(|(set, truth)| set.contains(truth)).count();
                Figure::share(hits as u64, own().count() as u64, level)
            };
            Ok(SetFigures {
                method,
                miscoverage: settings.miscoverage,
                threshold: fit.threshold,
                calibration_cases: calibration.len(),
                measured_cases: measured.len(),
                coverage: Figure::new(found.coverage, found.low, found.high, Method::Wilson),
                coverage_by_label: (0..classes).map(of_label).collect(),
                mean_size: found.mean_size,
                sizes: found.sizes,
            })
        })
        .collect()
}

/// Two halves by chance, each patient on one side.
fn halves(cases: &Cases, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let own: Vec<usize> = (0..cases.len()).collect();
    let patient = cases.patients.as_ref().unwrap_or(&own);
    let mut patients = patient.clone();
    patients.sort_unstable();
    patients.dedup();
    patients.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let mut first = patients[..patients.len() / 2].to_vec();
    first.sort_unstable();
    own.iter().partition(|case| first.binary_search(&patient[**case]).is_ok())
}
