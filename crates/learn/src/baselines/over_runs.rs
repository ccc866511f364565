use std::fmt::Write;

use serde::Serialize;
use wilhelm_nets::{BaselineMetric, Validation};

use crate::RunMean;

/// One baseline beside several networks, over the runs that have it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BaselineMean {
    /// What it is called.
    pub name: String,
    /// Runs that have it.
    pub runs: usize,
    /// Its mean over labels of the area under the ROC curve.
    pub macro_auc: RunMean,
    /// Its share of images whose likeliest label is right.
    pub accuracy: RunMean,
    /// The network's macro AUC less that, run by run.
    pub network_less_macro_auc: Option<RunMean>,
    /// The network's accuracy less that, run by run.
    pub network_less_accuracy: Option<RunMean>,
}

/// The baselines of several runs, in the order in which they first appear.
pub fn baseline_means<'a>(runs: impl Iterator<Item = &'a Validation>) -> Vec<BaselineMean> {
    let all: Vec<&BaselineMetric> = runs.flat_map(|validation| &validation.baselines).collect();
    let mut names: Vec<&str> = Vec::new();
    for metric in &all {
        if !names.contains(&metric.name.as_str()) {
            names.push(&metric.name);
        }
    }
    let of_name = |name: &str| {
        let own: Vec<&BaselineMetric> = all.iter().copied().filter(|metric| metric.name == name).collect();
        let mean = |figure: fn(&BaselineMetric) -> Option<f64>| {
            RunMean::of(&own.iter().filter_map(|metric| figure(metric)).collect::<Vec<f64>>())
        };
        Some(BaselineMean {
            name: name.to_owned(),
            runs: own.len(),
            macro_auc: mean(|metric| Some(metric.macro_auc.estimate))?,
            accuracy: mean(|metric| Some(metric.accuracy.estimate))?,
            network_less_macro_auc: mean(|metric| Some(metric.network_less?.macro_auc.estimate)),
            network_less_accuracy: mean(|metric| Some(metric.network_less?.accuracy.estimate)),
        })
    };
    names.into_iter().filter_map(of_name).collect()
}

/// The baselines of several kinds of runs as Markdown, a line each; nothing where there are none. `of` is what the kinds are.
pub fn baseline_table(of: &str, kinds: &[(&str, &[BaselineMean])]) -> String {
    if kinds.iter().all(|(_, means)| means.is_empty()) {
        return String::new();
    }
    let mut text = format!(
        "\nWithout a network, fitted to the same training images and measured on the same validation images, all calibrated \
         alike. The differences are those of the networks less the baseline, run by run, with Student's 95 % interval over \
         the runs; each run's own, with intervals over images, stand in its metrics.json.\n\n\
         | {of} | baseline | macro AUC | networks less it | accuracy | networks less it |\n\
         |---|---|---|---|---|---|\n"
    );
    let signed = |mean: Option<RunMean>| mean.map_or_else(|| "-".to_owned(), |mean| mean.signed(4));
    for (kind, means) in kinds {
        for mean in *means {
            let _ = writeln!(
                text,
                "| {kind} | {} | {} | {} | {} | {} |",
                mean.name,
                mean.macro_auc.spread(4),
                signed(mean.network_less_macro_auc),
                mean.accuracy.spread(4),
                signed(mean.network_less_accuracy)
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_nets::{FigureDifferences, Interval};

    fn validation(auc: f64, baseline: f64) -> Validation {
        let interval = |estimate: f64| Interval { estimate, low: estimate, high: estimate };
        let less = interval(auc - baseline);
        let metric = BaselineMetric {
            name: "majority".to_owned(),
            what: String::new(),
            macro_auc: interval(baseline),
            accuracy: interval(0.75),
            brier: interval(0.25),
            network_less: Some(FigureDifferences { macro_auc: less, accuracy: less, brier: less }),
        };
        let metrics = crate::sweep::tests::metrics(1, auc);
        Validation { baselines: vec![metric], ..metrics.validation }
    }

    #[test]
    fn differences_are_taken_run_by_run_and_worked_on_paper() {
        let runs = [validation(0.875, 0.5), validation(0.625, 0.5), validation(0.75, 0.5)];
        let means = baseline_means(runs.iter());
        assert_eq!((means.len(), means[0].runs), (1, 3));
        let own = &means[0];
        // The same in each run: no spread.
        assert_eq!((own.macro_auc.mean, own.macro_auc.interval), (0.5, Some([0.5, 0.5])));
        // 0.375, 0.125, 0.25: mean 0.25, deviation 0.125, t of 2 degrees 4.302653, half width 0.310517.
        let less = own.network_less_macro_auc.expect("given");
        let [low, high] = less.interval.expect("three runs");
        assert!((less.mean - 0.25).abs() < 1e-12);
        assert!((high - 0.560_517).abs() < 1e-5 && (low + 0.060_517).abs() < 1e-5, "{low} {high}");
        let text = baseline_table("arm", &[("cnn", &means)]);
        assert!(
            text.contains("| cnn | majority | 0.5000 | +0.2500 (-0.0605 to +0.5605) | 0.7500 |"),
            "{text}"
        );
    }

    #[test]
    fn runs_without_baselines_have_no_table() {
        let runs = [crate::sweep::tests::metrics(1, 0.5).validation];
        let means = baseline_means(runs.iter());
        assert!(means.is_empty() && baseline_table("arm", &[("cnn", &means)]).is_empty());
    }
}
