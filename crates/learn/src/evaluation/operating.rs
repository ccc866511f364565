use serde::{Deserialize, Serialize};
use wilhelm_stats::{
    BinaryCounts, MistakeCosts, StatsError, threshold_for_costs, threshold_for_sensitivity,
    threshold_for_youden,
};

use super::figure::Sampler;
use super::{Figure, Method, Settings};

/// How the threshold of a call is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "rule")]
pub enum OperatingRule {
    /// Where sensitivity plus specificity is greatest.
    Youden,
    /// The greatest threshold with at least this sensitivity.
    Sensitivity {
        /// The share of positive cases to find.
        at_least: f64,
    },
    /// Where mistakes cost least.
    Costs {
        /// A negative case that is called.
        false_alarm: f64,
        /// A positive case that is not called.
        missed: f64,
    },
    /// Stated, from elsewhere.
    Stated {
        /// The threshold.
        threshold: f64,
    },
}

/// Calls at one threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatingPoint {
    /// How the threshold was chosen.
    pub rule: OperatingRule,
    /// Whether it was chosen on the very cases it is measured on, so that it flatters.
    pub chosen_on_these_cases: bool,
    /// Numbers at or above it are called; no value where it is cheapest to call nothing.
    pub threshold: Figure,
    /// What the calls get right and wrong.
    pub counts: BinaryCounts,
    /// Share of cases that are called.
    pub called: Figure,
    /// Positive cases that are called.
    pub sensitivity: Figure,
    /// Negative cases that are not called.
    pub specificity: Figure,
    /// Calls that are right.
    pub positive_predictive_value: Figure,
    /// Passes that are right.
    pub negative_predictive_value: Figure,
    /// Cases that are right.
    pub accuracy: Figure,
    /// How much a call shifts the odds.
    pub positive_likelihood_ratio: Figure,
    /// How much a pass shifts the odds.
    pub negative_likelihood_ratio: Figure,
    /// Predictive values where the condition is as common as stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_prevalence: Option<AtPrevalence>,
}

/// Predictive values where a stated share of cases is positive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AtPrevalence {
    /// The share.
    pub prevalence: f64,
    /// Calls that are right there.
    pub positive: Figure,
    /// Passes that are right there.
    pub negative: Figure,
}

/// The threshold that a rule chooses; infinite where it is cheapest to call nothing.
pub(super) fn choose(
    values: &[f64],
    positives: &[bool],
    rule: OperatingRule,
    prevalence: Option<f64>,
) -> Result<f64, StatsError> {
    match rule {
        OperatingRule::Stated { threshold } => Ok(threshold),
        OperatingRule::Youden => threshold_for_youden(values, positives),
        OperatingRule::Sensitivity { at_least } => threshold_for_sensitivity(values, positives, at_least),
        OperatingRule::Costs { false_alarm, missed } => {
            let here = positives.iter().filter(|positive| **positive).count() as f64 / positives.len() as f64;
            let costs = MistakeCosts { missed, false_alarm };
            let point = threshold_for_costs(values, positives, costs, prevalence.unwrap_or(here))?;
            Ok(point.threshold.unwrap_or(f64::INFINITY))
        }
    }
}

pub(super) fn operating_point(
    values: &[f64],
    positives: &[bool],
    is_probability: bool,
    sampler: &Sampler,
    settings: &Settings,
) -> Result<OperatingPoint, StatsError> {
    let rule = settings.rule;
    let threshold = choose(values, positives, rule, settings.prevalence)?;
    let stated = matches!(rule, OperatingRule::Stated { .. });
    let threshold_figure = if stated {
        Figure::new(threshold, threshold, threshold, Method::Exact)
    } else if threshold.is_finite() {
        sampler.figure(|rows| {
            let values: Vec<f64> = rows.iter().map(|row| values[*row]).collect();
            let kinds: Vec<bool> = rows.iter().map(|row| positives[*row]).collect();
            // Calling nothing is a threshold above all that a probability can be.
            let above = if is_probability { 1.0 } else { f64::NAN };
            let found = choose(&values, &kinds, rule, settings.prevalence).ok()?;
            Some(if found.is_finite() { found } else { above })
        })
    } else {
        Figure::missing(sampler.method(), "it is cheapest to call nothing")
    };
    let calls: Vec<bool> = values.iter().map(|value| *value >= threshold).collect();
    let counts = BinaryCounts::of_calls(&calls, positives)?;
    let not = |list: &[bool]| list.iter().map(|value| !value).collect::<Vec<bool>>();
    let (passes, negatives) = (not(&calls), not(positives));
    let right: Vec<bool> = calls.iter().zip(positives).map(|(call, positive)| call == positive).collect();
    let all = vec![true; calls.len()];
    let prevalence = settings.prevalence;
    let [positive_ratio, negative_ratio, positive_there, negative_there] = if sampler.is_clustered() {
        let drawn = sampler.figures(4, |rows, numbers| {
            let calls: Vec<bool> = rows.iter().map(|row| calls[*row]).collect();
            let kinds: Vec<bool> = rows.iter().map(|row| positives[*row]).collect();
            if let Ok(counts) = BinaryCounts::of_calls(&calls, &kinds) {
                let found = shifts(&counts, prevalence, 0.95);
                numbers.iter_mut().zip(found).for_each(|(number, found)| {
                    *number = found.value.unwrap_or(f64::NAN);
                });
            }
        });
        drawn.try_into().expect("four were asked for")
    } else {
        shifts(&counts, prevalence, settings.resampling.level)
    };
    Ok(OperatingPoint {
        rule,
        chosen_on_these_cases: !stated,
        threshold: threshold_figure,
        counts,
        called: sampler.share(&calls, &all),
        sensitivity: sampler.share(&calls, positives),
        specificity: sampler.share(&passes, &negatives),
        positive_predictive_value: sampler.share(positives, &calls),
        negative_predictive_value: sampler.share(&negatives, &passes),
        accuracy: sampler.share(&right, &all),
        positive_likelihood_ratio: positive_ratio,
        negative_likelihood_ratio: negative_ratio,
        at_prevalence: prevalence.map(|prevalence| AtPrevalence {
            prevalence,
            positive: positive_there,
            negative: negative_there,
        }),
    })
}

/// Both likelihood ratios, and both predictive values at a prevalence.
fn shifts(counts: &BinaryCounts, prevalence: Option<f64>, level: f64) -> [Figure; 4] {
    let none = "a count that it needs is 0";
    let ratios = counts.likelihood_ratios(level).ok();
    let there = prevalence.and_then(|prevalence| counts.predictive_values(prevalence, level).ok());
    [
        Figure::of_estimate(ratios.and_then(|found| found.positive), none),
        Figure::of_estimate(ratios.and_then(|found| found.negative), none),
        Figure::of_estimate(there.and_then(|found| found.positive), none),
        Figure::of_estimate(there.and_then(|found| found.negative), none),
    ]
}
