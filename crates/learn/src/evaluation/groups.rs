use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use wilhelm_stats::{GroupFinding, Resampling, audit_subgroups};

use super::cases::Grouping;
use super::figure::Sampler;
use super::headline::{Measure, measures};
use super::operating::choose;
use super::{Cases, EvaluationError, Figure, Method, Settings};

/// Most resamples of the audit: each group and each deal of a permutation is measured as often.
const REPLICATES: usize = 1000;

/// How a model does in the groups of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupFigures {
    /// The column.
    pub column: String,
    /// Groups with fewer cases are not measured.
    pub least_cases: usize,
    /// Each measure.
    pub measures: Vec<GroupMeasure>,
}

/// One measure in each group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupMeasure {
    /// Its name in files.
    pub key: String,
    /// Its name for people.
    pub name: String,
    /// The groups in order.
    pub groups: Vec<GroupValue>,
    /// The largest difference; `None` with fewer than two measured groups.
    pub gap: Option<GroupGap>,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupValue {
    /// Its name.
    pub group: String,
    /// Its cases.
    pub cases: usize,
    /// The measure, or why there is none.
    #[serde(flatten)]
    pub figure: Figure,
}

/// The largest difference between two groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupGap {
    /// The group with the highest value.
    pub highest: String,
    /// The group with the lowest value.
    pub lowest: String,
    /// Highest minus lowest. It is never below 0 and leans upward in small groups.
    #[serde(flatten)]
    pub figure: Figure,
    /// The chance of at least this gap if the groups were drawn at random.
    pub p: f64,
}

pub(super) fn group_figures(
    cases: &Cases,
    grouping: &Grouping,
    sampler: &Sampler,
    settings: &Settings,
) -> Result<GroupFigures, EvaluationError> {
    let wanted = ["roc_auc", "accuracy", "balanced_accuracy", "brier"];
    let mut of: Vec<Measure> = measures(cases, settings.bins)
        .into_iter()
        .filter(|measure| wanted.contains(&measure.key))
        .filter(|measure| cases.labels.len() > 2 || measure.key != "balanced_accuracy")
        .collect();
    of.extend(at_the_operating_point(cases, settings));
    let resampling =
        Resampling { replicates: settings.resampling.replicates.min(REPLICATES), ..settings.resampling };
    let measures = of
        .into_par_iter()
        .map(|measure| {
            let audit = audit_subgroups(&grouping.of, settings.least_cases, resampling, &measure.of)?;
            let groups = audit.groups.iter().map(|group| {
                let figure = match group.finding {
                    GroupFinding::TooSmall => {
                        let reason = format!("fewer than {} cases", settings.least_cases);
                        Figure::missing(sampler.method(), reason)
                    }
                    // Means of equal numbers differ in their last digit by how many are summed.
                    GroupFinding::Measured(found)
                        if !sampler.is_clustered() && found.high - found.low < 1e-12 =>
                    {
                        let reason = "the same in every resample: that is no certainty";
                        Figure::alone(found.estimate, sampler.method(), reason)
                    }
                    GroupFinding::Measured(found) if !sampler.is_clustered() => {
                        Figure::new(found.estimate, found.low, found.high, sampler.method())
                    }
                    // Whole patients are drawn where they have several cases.
                    _ => {
                        let places: Vec<usize> =
                            (0..cases.len()).filter(|case| grouping.of[*case] == group.group).collect();
                        sampler.of(&places).figure(|rows| {
                            let rows: Vec<usize> = rows.iter().map(|row| places[*row]).collect();
                            (measure.of)(&rows)
                        })
                    }
                };
                GroupValue { group: grouping.names[group.group].clone(), cases: group.cases, figure }
            });
            let groups = groups.collect();
            let gap = audit.gap.map(|gap| GroupGap {
                highest: grouping.names[gap.highest].clone(),
                lowest: grouping.names[gap.lowest].clone(),
                figure: Figure::new(gap.gap.estimate, gap.gap.low, gap.gap.high, Method::Bootstrap),
                p: gap.p,
            });
            Ok(GroupMeasure { key: measure.key.to_owned(), name: measure.name, groups, gap })
        })
        .collect::<Result<_, EvaluationError>>()?;
    Ok(GroupFigures { column: grouping.column.clone(), least_cases: settings.least_cases, measures })
}

/// Sensitivity and specificity of the positive label at the threshold of all cases.
fn at_the_operating_point(cases: &Cases, settings: &Settings) -> Vec<Measure> {
    let Some(positive) = cases.positive else { return Vec::new() };
    let (values, is_label) = (cases.of_label(positive), cases.is_label(positive));
    let Ok(threshold) = choose(&values, &is_label, settings.rule, settings.prevalence) else {
        return Vec::new();
    };
    let calls: Vec<bool> = values.iter().map(|value| *value >= threshold).collect();
    let share = |kind: bool| {
        let (calls, is_label) = (calls.clone(), is_label.clone());
        move |rows: &[usize]| {
            let own = || rows.iter().filter(|row| is_label[**row] == kind);
            let right = own().filter(|row| calls[**row] == kind).count();
            (own().count() > 0).then(|| right as f64 / own().count() as f64)
        }
    };
    let of = |key, name: &str, kind| Measure {
        key,
        name: name.to_owned(),
        higher_is_better: true,
        of: Box::new(share(kind)),
    };
    vec![
        of("sensitivity", "sensitivity at the operating point", true),
        of("specificity", "specificity at the operating point", false),
    ]
}
