use wilhelm_nets::Interval;
use wilhelm_stats::{
    BootstrapInterval, Resampling, Rows, StatsError, accuracy, bootstrap_interval,
    bootstrap_interval_by_group, brier_score_multiclass, macro_one_vs_rest_auc, paired_bootstrap,
    paired_bootstrap_by_group, top_label_calibration_error,
};

/// Replicates behind each interval.
const REPLICATES: usize = 1000;

/// Probabilities of images whose labels are known; each figure is that of the images drawn, `None` where it has no value.
pub(crate) struct Scored<'a> {
    probabilities: &'a [Vec<f64>],
    labels: &'a [usize],
    predicted: Vec<usize>,
}

impl<'a> Scored<'a> {
    pub fn new(probabilities: &'a [Vec<f64>], labels: &'a [usize]) -> Self {
        let predicted = probabilities.iter().map(|row| likeliest(row)).collect();
        Self { probabilities, labels, predicted }
    }

    /// The label called for each image.
    pub fn predicted(&self) -> &[usize] {
        &self.predicted
    }

    /// Mean over the labels of the area under the ROC curve.
    pub fn macro_auc(&self, drawn: &[usize]) -> Option<f64> {
        let (values, classes) = self.table(drawn);
        macro_one_vs_rest_auc(Rows::new(&values, classes).ok()?, &pick(drawn, self.labels)).ok()
    }

    /// Share of images whose likeliest label is right.
    pub fn accuracy(&self, drawn: &[usize]) -> Option<f64> {
        accuracy(&pick(drawn, self.labels), &pick(drawn, &self.predicted)).ok()
    }

    /// Brier score, summed over the labels.
    pub fn brier(&self, drawn: &[usize]) -> Option<f64> {
        let (values, classes) = self.table(drawn);
        brier_score_multiclass(Rows::new(&values, classes).ok()?, &pick(drawn, self.labels)).ok()
    }

    /// Expected calibration error of the likeliest label, ten bins.
    pub fn calibration_error(&self, drawn: &[usize]) -> Option<f64> {
        let (values, classes) = self.table(drawn);
        top_label_calibration_error(Rows::new(&values, classes).ok()?, &pick(drawn, self.labels), 10).ok()
    }

    fn table(&self, drawn: &[usize]) -> (Vec<f64>, usize) {
        let values = drawn.iter().flat_map(|row| self.probabilities[*row].iter().copied()).collect();
        (values, self.probabilities.first().map_or(0, Vec::len))
    }
}

/// Draws of images again, behind intervals; of whole patients where they are known.
#[derive(Clone, Copy)]
pub(crate) struct Draws<'a> {
    pub images: usize,
    pub patients: Option<&'a [usize]>,
    pub seed: u64,
}

impl Draws<'_> {
    /// A figure with its interval.
    pub fn interval(&self, statistic: impl FnMut(&[usize]) -> Option<f64>) -> Result<Interval, StatsError> {
        Ok(interval(match self.patients {
            Some(of) => bootstrap_interval_by_group(of, REPLICATES, 0.95, self.seed, statistic)?,
            None => bootstrap_interval(self.images, REPLICATES, 0.95, self.seed, statistic)?,
        }))
    }

    /// The first figure less the second, both of the same draws.
    pub fn difference(
        &self,
        first: impl FnMut(&[usize]) -> Option<f64>,
        second: impl FnMut(&[usize]) -> Option<f64>,
    ) -> Result<Interval, StatsError> {
        let settings = Resampling { replicates: REPLICATES, level: 0.95, seed: self.seed };
        let found = match self.patients {
            Some(of) => paired_bootstrap_by_group(of, settings, first, second)?,
            None => paired_bootstrap(self.images, settings, first, second)?,
        };
        Ok(interval(found.difference))
    }
}

pub(crate) fn pick(drawn: &[usize], of: &[usize]) -> Vec<usize> {
    drawn.iter().map(|row| of[*row]).collect()
}

fn likeliest(row: &[f64]) -> usize {
    row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(label, _)| label)
}

fn interval(found: BootstrapInterval) -> Interval {
    Interval { estimate: found.estimate, low: found.low, high: found.high }
}
