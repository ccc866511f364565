use crate::StatsError;
use crate::error::{check_at_least, check_length};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a case scores that has no label on either side.
///
/// Papers part here: RadGraph-F1 counts it as a failure, others as agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptySets {
    /// 1: nothing was to be said, and nothing was.
    Agree,
    /// 0, as RadGraph-F1 and scikit-learn have it.
    Disagree,
}

/// Precision, recall and F1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrecisionRecall {
    /// Share of the predicted labels that are true; `None` if none was predicted.
    pub precision: Option<f64>,
    /// Share of the true labels that were predicted; `None` if there is none.
    pub recall: Option<f64>,
    /// Their harmonic mean, `2 hits / (predicted + true)`; `None` if there is neither.
    pub f1: Option<f64>,
}

/// Hits, labels that were predicted, and labels that are true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    hits: u64,
    predicted: u64,
    truth: u64,
}

impl Tally {
    fn rates(self) -> PrecisionRecall {
        let share = |of: u64, all: u64| (all > 0).then(|| of as f64 / all as f64);
        PrecisionRecall {
            precision: share(self.hits, self.predicted),
            recall: share(self.hits, self.truth),
            f1: share(2 * self.hits, self.predicted + self.truth),
        }
    }
}

/// How well sets of labels (findings, graph entities) agree, case by case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelSetScores {
    /// Over all labels of all cases alike: common labels decide.
    pub micro: PrecisionRecall,
    /// Mean F1 of the labels, each alike; `None` if no case has a label.
    pub macro_f1: Option<f64>,
    /// Mean F1 of the cases, each alike.
    pub mean_of_cases: f64,
    /// Of each label.
    pub labels: BTreeMap<String, PrecisionRecall>,
}

/// Predicted and true labels of cases, in the same order.
#[derive(Clone, Copy, Debug)]
pub struct LabelSets<'sets> {
    predicted: &'sets [BTreeSet<String>],
    truth: &'sets [BTreeSet<String>],
}

impl<'sets> LabelSets<'sets> {
    /// Takes both sides.
    ///
    /// # Errors
    /// [`StatsError`] without a case, or if the sides differ in length.
    pub fn new(
        predicted: &'sets [BTreeSet<String>],
        truth: &'sets [BTreeSet<String>],
    ) -> Result<Self, StatsError> {
        check_at_least("cases", predicted.len(), 1)?;
        check_length("sets of true labels", truth.len(), predicted.len())?;
        Ok(Self { predicted, truth })
    }

    /// F1 of all cases.
    ///
    /// # Units
    /// None: 0 to 1.
    pub fn scores(&self, empty: EmptySets) -> LabelSetScores {
        let rows: Vec<usize> = (0..self.predicted.len()).collect();
        self.scores_of(&rows, empty)
    }

    /// F1 of some cases, which may repeat: what a bootstrap asks.
    ///
    /// A label that none of these cases has takes no part in the macro mean.
    ///
    /// # Units
    /// None: 0 to 1; the mean of no case is 0.
    ///
    /// # Panics
    /// If a row is not below the number of cases.
    ///
    /// # Source
    /// Sokolova and Lapalme 2009, doi:10.1016/j.ipm.2009.03.002
    pub fn scores_of(&self, rows: &[usize], empty: EmptySets) -> LabelSetScores {
        let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
        let mut of_cases = 0.0;
        for &row in rows {
            let (predicted, truth) = (&self.predicted[row], &self.truth[row]);
            let hits = predicted.intersection(truth).count() as u64;
            let case = Tally { hits, predicted: predicted.len() as u64, truth: truth.len() as u64 };
            of_cases += case.rates().f1.unwrap_or(if empty == EmptySets::Agree { 1.0 } else { 0.0 });
            for label in predicted.union(truth) {
                let tally = tallies.entry(label).or_default();
                let (called, is_true) = (predicted.contains(label), truth.contains(label));
                tally.hits += u64::from(called && is_true);
                tally.predicted += u64::from(called);
                tally.truth += u64::from(is_true);
            }
        }
        let mut all = Tally::default();
        for tally in tallies.values() {
            all.hits += tally.hits;
            all.predicted += tally.predicted;
            all.truth += tally.truth;
        }
        let labels: BTreeMap<String, PrecisionRecall> =
            tallies.iter().map(|(label, tally)| ((*label).to_owned(), tally.rates())).collect();
        let of_labels: Vec<f64> = labels.values().filter_map(|rates| rates.f1).collect();
        LabelSetScores {
            micro: all.rates(),
            macro_f1: (!of_labels.is_empty()).then(|| of_labels.iter().sum::<f64>() / of_labels.len() as f64),
            mean_of_cases: of_cases / (rows.len() as f64).max(1.0),
            labels,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(texts: &[&str]) -> Vec<BTreeSet<String>> {
        texts.iter().map(|text| text.split_whitespace().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn three_cases_worked_on_paper() {
        let (predicted, truth) = (sets(&["edema", "edema effusion", ""]), sets(&["edema", "effusion", ""]));
        let found = LabelSets::new(&predicted, &truth).expect("sound").scores(EmptySets::Disagree);
        // Two hits of three calls, of two truths: F1 is 4/5. Edema 1 of 2 and 1 of 1: 2/3. Effusion 1.
        assert_eq!(
            found.micro,
            PrecisionRecall { precision: Some(2.0 / 3.0), recall: Some(1.0), f1: Some(0.8) }
        );
        assert!(found.macro_f1.is_some_and(|f1| (f1 - 5.0 / 6.0).abs() < 1e-12));
        assert!((found.mean_of_cases - (1.0 + 2.0 / 3.0) / 3.0).abs() < 1e-12);
        let agree = LabelSets::new(&predicted, &truth).expect("sound").scores(EmptySets::Agree);
        assert!((agree.mean_of_cases - (2.0 + 2.0 / 3.0) / 3.0).abs() < 1e-12);
    }

    #[test]
    fn cases_without_labels_have_no_rates_and_lists_must_match() {
        let (none, two) = (sets(&[""]), sets(&["", ""]));
        let found = LabelSets::new(&none, &none).expect("sound").scores(EmptySets::Agree);
        assert_eq!((found.micro.f1, found.macro_f1, found.mean_of_cases), (None, None, 1.0));
        assert!(LabelSets::new(&none, &two).is_err());
        assert!(LabelSets::new(&[], &[]).is_err());
    }
}
