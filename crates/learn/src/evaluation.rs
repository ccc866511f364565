//! What a model's predictions are worth: every figure with its interval, from a table of predictions and
//! their truth.
//!
//! [`Cases::read`] brings tables together and refuses what does not fit, by file and line; [`evaluate`]
//! makes a [`Report`] of them, [`masks`] one of label maps, [`raters`] one of what raters said, [`detections`] one of
//! candidates for lesions, [`shift`] one of two tables of numbers, [`texts`] one of generated texts and [`signals`] one of reports on drugs. [`document`] turns each into pages. Nothing
//! here reads a file or a clock: the same tables, settings and seed give the same bytes.
//!
//! ```
//! use wilhelm_learn::evaluation::{Cases, Columns, Settings, Table, evaluate};
//!
//! let table = "id,label,sick\n1,healthy,0.2\n2,sick,0.9\n3,healthy,0.4\n4,sick,0.3\n5,sick,0.8\n6,healthy,0.1\n";
//! let table = Table::parse("a.csv", table.as_bytes())?;
//! let cases = Cases::read(&table, None, &Columns::default())?;
//! let report = evaluate(&cases, None, None, &Settings::default())?;
//! let area = &report.labels[0].roc_auc;
//! assert!(area.value.is_some_and(|auc| (auc - 8.0 / 9.0).abs() < 1e-12));
//! # Ok::<(), wilhelm_learn::evaluation::EvaluationError>(())
//! ```

mod baselines;
mod calls;
mod cases;
mod compare;
mod drift;
mod error;
mod figure;
mod groups;
mod headline;
mod label;
mod operating;
mod ranking;
mod recalibrated;
mod sets;
mod table;

pub mod detections;
pub mod document;
pub mod label_tables;
pub mod masks;
pub mod raters;
pub mod shift;
pub mod signals;
pub mod texts;

pub use baselines::Baseline;
pub use calls::{AverageCalls, CallFigures, LabelCalls};
pub use cases::{Cases, Columns, GroupColumn, Grouping, MOST_GROUPS, SUM_TOLERANCE, Scale};
pub use compare::{AreaDifference, Comparison, Difference};
pub use drift::{ColumnDrift, DriftFigures};
pub use error::EvaluationError;
pub use figure::{Figure, Method};
pub use groups::{GroupFigures, GroupGap, GroupMeasure, GroupValue};
pub use headline::Headline;
pub use label::{Benefit, Bin, LabelFigures, ProbabilityFigures};
pub use operating::{AtPrevalence, OperatingPoint, OperatingRule};
pub use recalibrated::{Fitted, MendedMeasure, Mending, RecalibrationFigures};
pub use sets::SetFigures;
pub use table::{Table, TableRow};
pub use wilhelm_stats::Resampling;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub(crate) use figure::Sampler;

/// How figures are made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Resamples, coverage and seed of the intervals.
    pub resampling: Resampling,
    /// Bins of the reliability diagram and the calibration error.
    pub bins: usize,
    /// How the threshold of a call is chosen.
    pub rule: OperatingRule,
    /// How common the positive label is where the model is to be used.
    pub prevalence: Option<f64>,
    /// The share of conformal sets that may lack the true label.
    pub miscoverage: f64,
    /// Groups with fewer cases are not measured.
    pub least_cases: usize,
    /// Whether ways to mend the probabilities are measured.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recalibrate: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            resampling: Resampling { replicates: 2000, level: 0.95, seed: 0 },
            bins: 10,
            rule: OperatingRule::Youden,
            prevalence: None,
            miscoverage: 0.1,
            least_cases: 20,
            recalibrate: false,
        }
    }
}

fn within(
    name: &'static str,
    found: f64,
    is_right: bool,
    expected: &'static str,
) -> Result<(), EvaluationError> {
    if is_right { Ok(()) } else { Err(EvaluationError::Setting { name, found, expected }) }
}

/// Tables and masks take the same intervals.
fn check_resampling(resampling: Resampling) -> Result<(), EvaluationError> {
    let Resampling { replicates, level, .. } = resampling;
    within("level", level, level > 0.0 && level < 1.0, "a share between 0 and 1")?;
    let draws = replicates as f64;
    within("replicates", draws, (100.0..=1e5).contains(&draws), "100 to 100000")
}

impl Settings {
    fn check(&self) -> Result<(), EvaluationError> {
        let open = "a share between 0 and 1";
        let between = |share: f64| share > 0.0 && share < 1.0;
        check_resampling(self.resampling)?;
        within("bins", self.bins as f64, (2..=100).contains(&self.bins), "2 to 100")?;
        within("miscoverage", self.miscoverage, between(self.miscoverage), open)?;
        if let Some(prevalence) = self.prevalence {
            within("prevalence", prevalence, between(prevalence), open)?;
        }
        match self.rule {
            OperatingRule::Youden => Ok(()),
            OperatingRule::Stated { threshold } => {
                within("operating point", threshold, threshold.is_finite(), "a finite number")
            }
            OperatingRule::Sensitivity { at_least } => {
                let fits = at_least > 0.0 && at_least <= 1.0;
                within("target sensitivity", at_least, fits, "a share above 0, up to 1")
            }
            OperatingRule::Costs { false_alarm, missed } => {
                let cost = |value: f64| value.is_finite() && value > 0.0;
                within("cost of a false alarm", false_alarm, cost(false_alarm), "above 0")?;
                within("cost of a missed case", missed, cost(missed), "above 0")
            }
        }
    }
}

/// What was evaluated and what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The number of this shape of file.
    pub schema: u32,
    /// What made it.
    pub program: String,
    /// Always true: nothing here is approved for patients.
    pub research_use_only: bool,
    /// The file with the predictions.
    pub predictions: String,
    /// How the figures were made.
    pub settings: Settings,
    /// Whether intervals draw patients with all of their cases, since some have several.
    pub by_patient: bool,
    /// All labels.
    pub label_names: Vec<String>,
    /// The label that is looked for.
    pub positive: Option<String>,
    /// Whether the numbers are probabilities, and not a score.
    pub is_probability: bool,
    /// Cases in the figures.
    pub cases: usize,
    /// Patients, where a column names them.
    pub patients: Option<usize>,
    /// The share of cases on which the model did not abstain.
    pub answered: Figure,
    /// The figures by which models are compared.
    pub headlines: Vec<Headline>,
    /// The same of models that do not look at the case.
    pub baselines: Vec<Baseline>,
    /// Calls of the likeliest label; `None` for scores.
    pub calls: Option<CallFigures>,
    /// Each label against all others; of two labels the positive one.
    pub labels: Vec<LabelFigures>,
    /// Split-conformal sets.
    pub sets: Vec<SetFigures>,
    /// What mending the probabilities would be worth, where it was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recalibration: Vec<RecalibrationFigures>,
    /// Groups of cases.
    pub groups: Vec<GroupFigures>,
    /// Against another model.
    pub comparison: Option<Comparison>,
    /// Against the numbers of a reference.
    pub drift: Option<DriftFigures>,
    /// What to know when reading the figures.
    pub notes: Vec<String>,
}

impl Report {
    /// The number of this shape of file.
    pub const SCHEMA: u32 = 1;
}

/// Makes every figure of some cases; `other` is a second model of the same cases, `reference` a table of
/// numbers that these are held against.
///
/// A figure that has no value for these cases says so in its place and stops none of the others.
///
/// # Errors
/// [`EvaluationError::Setting`] for a setting outside its range, [`EvaluationError::Pairs`] for a prevalence
/// or threshold that is of no label and for another model with other labels or truths, and what is wrong
/// with the reference.
pub fn evaluate(
    cases: &Cases,
    other: Option<&Cases>,
    reference: Option<&Table>,
    settings: &Settings,
) -> Result<Report, EvaluationError> {
    settings.check()?;
    let is_of_one_label =
        settings.prevalence.is_some() || matches!(settings.rule, OperatingRule::Stated { .. });
    if is_of_one_label && cases.positive.is_none() {
        let labels = cases.labels.join(", ");
        return Err(EvaluationError::Pairs(format!(
            "a prevalence or a threshold is that of one label: say with --positive which of {labels}"
        )));
    }
    let sampler = Sampler::new(cases.len(), cases.patients.as_deref(), settings.resampling);
    let wanted: Vec<usize> = match cases.positive.filter(|_| cases.labels.len() == 2) {
        Some(positive) => vec![positive],
        None => (0..cases.labels.len()).collect(),
    };
    let is_probability = cases.scale == Scale::Probability;
    let labels: Vec<LabelFigures> =
        wanted.par_iter().map(|label| label::label_figures(cases, *label, &sampler, settings)).collect();
    let mut headlines = headline::headlines(cases, &sampler, settings.bins);
    if let ([only], Some(area)) = (&labels[..], headlines.first_mut()) {
        // Of one label there is DeLong's interval.
        area.figure = only.roc_auc.clone();
    }
    let patients = cases.patients.as_ref().map(|patients| {
        let mut patients = patients.clone();
        patients.sort_unstable();
        patients.dedup();
        patients.len()
    });
    let answered = cases.len() as u64;
    let sets = if is_probability { sets::set_figures(cases, settings)? } else { Vec::new() };
    let mends = is_probability && settings.recalibrate;
    let recalibration =
        if mends { recalibrated::recalibration_figures(cases, &sampler, settings) } else { Vec::new() };
    let groups = cases
        .groups
        .iter()
        .map(|grouping| groups::group_figures(cases, grouping, &sampler, settings))
        .collect::<Result<_, _>>()?;
    let comparison = other.map(|other| compare::compare(cases, other, settings)).transpose()?;
    let drift = reference.map(|table| drift::drift_figures(cases, table, settings)).transpose()?;
    Ok(Report {
        schema: Report::SCHEMA,
        program: format!("wilhelm {}", env!("CARGO_PKG_VERSION")),
        research_use_only: true,
        predictions: cases.file.clone(),
        settings: settings.clone(),
        by_patient: sampler.is_clustered(),
        label_names: cases.labels.clone(),
        positive: cases.positive.map(|label| cases.labels[label].clone()),
        is_probability,
        cases: cases.len(),
        patients,
        answered: Figure::share(answered, answered + cases.abstained as u64, settings.resampling.level),
        headlines,
        baselines: baselines::baselines(cases, &sampler, settings.bins),
        calls: is_probability.then(|| calls::call_figures(cases, &sampler)).flatten(),
        labels,
        sets,
        recalibration,
        groups,
        comparison,
        drift,
        notes: notes(cases, &sampler),
    })
}

/// What to know when reading the figures.
fn notes(cases: &Cases, sampler: &Sampler) -> Vec<String> {
    let mut notes = Vec::new();
    let absent: Vec<&str> = (0..cases.labels.len())
        .filter(|label| !cases.truth.contains(label))
        .map(|label| cases.labels[label].as_str())
        .collect();
    if !absent.is_empty() {
        notes.push(format!(
            "No case has the label {}: figures of it are missing, and means over labels leave it out.",
            absent.join(", ")
        ));
    }
    if cases.abstained > 0 {
        notes.push(format!("The model abstained on {} cases; they are in no figure.", cases.abstained));
    }
    if cases.without_truth + cases.without_prediction > 0 {
        notes.push(format!(
            "{} predictions have no truth and {} truths have no prediction; they are in no figure.",
            cases.without_truth, cases.without_prediction
        ));
    }
    if cases.sum_off > 1e-4 {
        notes.push(format!(
            "The probabilities of a case were up to {:.4} away from adding up to 1, and were divided by their sum.",
            cases.sum_off
        ));
    }
    if sampler.is_clustered() {
        notes.push(
            "Some patients have several cases: intervals draw whole patients. DeLong's and McNemar's tests, the \
             gaps between groups and the coverage of sets take cases as independent, and are too sure."
                .to_owned(),
        );
    }
    if !cases.unused.is_empty() {
        notes.push(format!("Columns that play no part: {}.", cases.unused.join(", ")));
    }
    notes
}
