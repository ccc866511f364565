use serde::{Deserialize, Serialize};
use wilhelm_stats::{
    AucScale, CurvePoints, PrecisionRecallPoint, RocPoint, calibration_line, delong_interval, log_loss,
    precision_recall_curve, reliability, roc_curve,
};

use super::figure::Sampler;
use super::operating::{OperatingPoint, OperatingRule, operating_point};
use super::ranking::Ranked;
use super::{Cases, Figure, Method, Scale, Settings};

/// Probabilities nearer to 0 or 1 than this are held there before their log odds are taken: tables of six
/// decimals write smaller ones as 0.
const CERTAIN: f64 = 1e-6;

/// One label against all others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelFigures {
    /// The label.
    pub label: String,
    /// Cases of the label.
    pub positives: usize,
    /// Other cases.
    pub negatives: usize,
    /// Area under the receiver operating characteristic.
    pub roc_auc: Figure,
    /// DeLong's interval where `roc_auc` draws patients: it takes cases as independent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roc_auc_delong: Option<Figure>,
    /// Average precision, the area under the precision-recall curve.
    pub average_precision: Figure,
    /// What else is said of probabilities; `None` for a score.
    pub probabilities: Option<ProbabilityFigures>,
    /// Points of the receiver operating characteristic, corners alone.
    pub roc: Vec<RocPoint>,
    /// Points of the precision-recall curve, corners alone.
    pub precision_recall: Vec<PrecisionRecallPoint>,
    /// Calls at a threshold; `None` for a label without cases inside and outside it, and where the threshold
    /// was stated for another label.
    pub operating_point: Option<OperatingPoint>,
}

/// How far the probabilities of one label can be believed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbabilityFigures {
    /// Mean squared distance from what happened.
    pub brier: Figure,
    /// Mean negative logarithm of the probability of what happened.
    pub log_loss: Figure,
    /// Expected calibration error.
    pub calibration_error: Figure,
    /// What the promised log odds must be multiplied by.
    pub calibration_slope: Figure,
    /// What must be added after that.
    pub calibration_intercept: Figure,
    /// What must be added while the slope stays 1.
    pub calibration_in_the_large: Figure,
    /// Promise and outcome by probability.
    pub reliability: Vec<Bin>,
    /// Net benefit by threshold.
    pub decision_curve: Vec<Benefit>,
}

/// One bar of a reliability diagram.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Probabilities above this belong here.
    pub low: f64,
    /// Probabilities up to this belong here.
    pub high: f64,
    /// Cases in the bin.
    pub cases: usize,
    /// Mean of their probabilities.
    pub mean_probability: Option<f64>,
    /// Share of them that came true.
    pub observed: Figure,
}

/// The net benefit at one threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Benefit {
    /// The probability from which on one would treat.
    pub threshold: f64,
    /// Of treating those whose probability reaches the threshold.
    pub model: Figure,
    /// Of treating all.
    pub all: f64,
}

/// Everything that is said of one label against all others.
pub(super) fn label_figures(
    cases: &Cases,
    label: usize,
    sampler: &Sampler,
    settings: &Settings,
) -> LabelFigures {
    let (values, is_label) = (cases.of_label(label), cases.is_label(label));
    let positives = is_label.iter().filter(|positive| **positive).count();
    let negatives = is_label.len() - positives;
    let name = cases.labels[label].clone();
    let is_probability = cases.scale == Scale::Probability;
    let ranked = match Ranked::new(&values, &is_label) {
        Ok(ranked) => ranked,
        Err(error) => {
            let missing = || Figure::missing(sampler.method(), error.to_string());
            return LabelFigures {
                label: name,
                positives,
                negatives,
                roc_auc: missing(),
                roc_auc_delong: None,
                average_precision: missing(),
                probabilities: None,
                roc: Vec::new(),
                precision_recall: Vec::new(),
                operating_point: None,
            };
        }
    };
    let terms = is_probability.then(|| Terms::of(&values, &is_label, settings.bins));
    let count = 2 + terms.as_ref().map_or(0, |_| 3 + THRESHOLDS);
    let mut weights = Vec::new();
    let mut figures = sampler
        .figures(count, |rows, numbers| {
            ranked.weigh(rows, &mut weights);
            numbers[0] = ranked.auc(&weights).unwrap_or(f64::NAN);
            numbers[1] = ranked.average_precision(&weights).unwrap_or(f64::NAN);
            if let Some(terms) = &terms {
                terms.weigh(&weights, &mut numbers[2..]);
            }
        })
        .into_iter();
    let mut next = || figures.next().expect("as many figures as were asked for");
    let (drawn_auc, average_precision) = (next(), next());
    let delong = delong(&values, &is_label, settings.resampling.level);
    let probabilities = terms.map(|_| {
        let (brier, log_loss, calibration_error) = (next(), next(), next());
        let prevalence = positives as f64 / values.len() as f64;
        let decision_curve = (1..=THRESHOLDS)
            .map(|percent| {
                let threshold = percent as f64 / 100.0;
                let all = prevalence - (1.0 - prevalence) * threshold / (1.0 - threshold);
                Benefit { threshold, model: next(), all }
            })
            .collect();
        let [calibration_slope, calibration_intercept, calibration_in_the_large] =
            line(&values, &is_label, sampler);
        ProbabilityFigures {
            brier,
            log_loss,
            calibration_error,
            calibration_slope,
            calibration_intercept,
            calibration_in_the_large,
            reliability: bins(&values, &is_label, sampler, settings.bins),
            decision_curve,
        }
    });
    let roc = roc_curve(&values, &is_label, CurvePoints::Corners).unwrap_or_default();
    let precision_recall =
        precision_recall_curve(&values, &is_label, CurvePoints::Corners).unwrap_or_default();
    let (roc_auc, roc_auc_delong) =
        if sampler.is_clustered() { (drawn_auc, Some(delong)) } else { (delong, None) };
    LabelFigures {
        label: name,
        positives,
        negatives,
        roc_auc,
        roc_auc_delong,
        average_precision,
        probabilities,
        roc,
        precision_recall,
        operating_point: own_settings(cases, label, settings).and_then(|settings| {
            operating_point(&values, &is_label, is_probability, sampler, &settings).ok()
        }),
    }
}

/// The settings as they hold for a label: a prevalence and a stated threshold are those of the positive
/// label, and other labels are called at no threshold of another.
fn own_settings(cases: &Cases, label: usize, settings: &Settings) -> Option<Settings> {
    if cases.positive == Some(label) {
        return Some(settings.clone());
    }
    let stated = matches!(settings.rule, OperatingRule::Stated { .. });
    (!stated).then(|| Settings { prevalence: None, ..settings.clone() })
}

/// The area with DeLong's interval.
fn delong(values: &[f64], positives: &[bool], level: f64) -> Figure {
    match delong_interval(values, positives, level, AucScale::Plain) {
        Ok(found) if found.low == found.high => {
            let reason = "DeLong's variance is 0, so its interval has no width: that is no certainty";
            Figure::alone(found.auc, Method::Delong, reason)
        }
        Ok(found) => Figure::new(found.auc, found.low, found.high, Method::Delong),
        Err(error) => match wilhelm_stats::roc_auc(values, positives) {
            Ok(auc) => Figure::alone(auc, Method::Delong, error.to_string()),
            Err(error) => Figure::missing(Method::Delong, error.to_string()),
        },
    }
}

/// Thresholds of the decision curve: 1 % to this, by 1 %.
const THRESHOLDS: usize = 99;

/// What each case adds to the sums of a resample.
struct Terms {
    brier: Vec<f64>,
    log_loss: Vec<f64>,
    values: Vec<f64>,
    positives: Vec<bool>,
    /// Of the reliability diagram.
    bin: Vec<usize>,
    bins: usize,
    /// How many thresholds of the decision curve the probability reaches.
    reached: Vec<usize>,
}

impl Terms {
    fn of(values: &[f64], positives: &[bool], bins: usize) -> Self {
        let outcome = |positive: bool| f64::from(u8::from(positive));
        let pairs = || values.iter().zip(positives);
        let edges: Vec<f64> = (1..bins).map(|bin| bin as f64 / bins as f64).collect();
        let thresholds: Vec<f64> = (1..=THRESHOLDS).map(|percent| percent as f64 / 100.0).collect();
        Self {
            brier: pairs().map(|(value, positive)| (value - outcome(*positive)).powi(2)).collect(),
            log_loss: pairs()
                .map(|(value, positive)| {
                    log_loss(&[*value], &[*positive]).expect("probabilities were checked when they were read")
                })
                .collect(),
            values: values.to_vec(),
            positives: positives.to_vec(),
            bin: values.iter().map(|value| edges.partition_point(|edge| edge < value)).collect(),
            bins,
            reached: values
                .iter()
                .map(|value| thresholds.partition_point(|threshold| threshold <= value))
                .collect(),
        }
    }

    /// Brier score, log loss, calibration error, then the net benefit at each threshold.
    fn weigh(&self, weights: &[f64], numbers: &mut [f64]) {
        let all: f64 = weights.iter().sum();
        let mean =
            |terms: &[f64]| terms.iter().zip(weights).map(|(term, weight)| term * weight).sum::<f64>() / all;
        numbers[0] = mean(&self.brier);
        numbers[1] = mean(&self.log_loss);
        let mut gaps = vec![0.0; self.bins];
        let mut kinds = [[0.0; THRESHOLDS + 1]; 2];
        for (case, weight) in weights.iter().enumerate() {
            let positive = self.positives[case];
            gaps[self.bin[case]] += weight * (self.values[case] - f64::from(u8::from(positive)));
            kinds[usize::from(positive)][self.reached[case]] += weight;
        }
        numbers[2] = gaps.iter().map(|gap| gap.abs()).sum::<f64>() / all;
        let (mut alarms, mut hits) = (0.0, 0.0);
        for place in (1..=THRESHOLDS).rev() {
            alarms += kinds[0][place];
            hits += kinds[1][place];
            let threshold = place as f64 / 100.0;
            numbers[2 + place] = (hits - alarms * threshold / (1.0 - threshold)) / all;
        }
    }
}

/// Slope, intercept and calibration in the large.
fn line(values: &[f64], positives: &[bool], sampler: &Sampler) -> [Figure; 3] {
    let odds: Vec<f64> = values
        .iter()
        .map(|value| {
            let held = value.clamp(CERTAIN, 1.0 - CERTAIN);
            (held / (1.0 - held)).ln()
        })
        .collect();
    let level = sampler.settings.level;
    let own = match calibration_line(&odds, positives, level) {
        Ok(own) => own,
        Err(error) => return [(); 3].map(|()| Figure::missing(Method::Wald, error.to_string())),
    };
    if !sampler.is_clustered() {
        return [own.slope, own.intercept, own.in_the_large]
            .map(|estimate| Figure::of_estimate(Some(estimate), ""));
    }
    let drawn = sampler.figures(3, |rows, numbers| {
        let odds: Vec<f64> = rows.iter().map(|row| odds[*row]).collect();
        let kinds: Vec<bool> = rows.iter().map(|row| positives[*row]).collect();
        if let Ok(line) = calibration_line(&odds, &kinds, level) {
            numbers.copy_from_slice(&[line.slope.value, line.intercept.value, line.in_the_large.value]);
        }
    });
    drawn.try_into().expect("three were asked for")
}

fn bins(values: &[f64], positives: &[bool], sampler: &Sampler, bins: usize) -> Vec<Bin> {
    let Ok(found) = reliability(values, positives, bins) else { return Vec::new() };
    let edges: Vec<f64> = (1..bins).map(|bin| bin as f64 / bins as f64).collect();
    let place: Vec<usize> = values.iter().map(|value| edges.partition_point(|edge| edge < value)).collect();
    let bin = |(number, bin): (usize, wilhelm_stats::ReliabilityBin)| {
        let inside: Vec<bool> = place.iter().map(|place| *place == number).collect();
        Bin {
            low: bin.low,
            high: bin.high,
            cases: bin.cases,
            mean_probability: bin.mean_probability,
            observed: sampler.share(positives, &inside),
        }
    };
    found.into_iter().enumerate().map(bin).collect()
}
