//! The table of a sweep of segmenters.

use std::fmt::Write;

use serde::Serialize;
use wilhelm_nets::{Interval, SegmentMetric};

use super::SegmenterMetrics;
use crate::sweep::{arms, difference_to, failed_of, mean_over, preamble, runs_of};
use crate::{Outcome, RunMean};

/// One segment of an arm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentOfArm {
    /// The segment.
    pub segment: String,
    /// Mean Dice.
    pub dice: Option<RunMean>,
    /// Dice less that of the first arm, seed by seed.
    pub dice_difference: Option<RunMean>,
    /// Mean 95 % Hausdorff distance.
    pub hausdorff_95: Option<RunMean>,
    /// Distance less that of the first arm, seed by seed: below 0 is nearer.
    pub hausdorff_95_difference: Option<RunMean>,
    /// Mean normalized surface distance.
    pub surface_dice: Option<RunMean>,
    /// The best that is reached without a network on the same images, by its mean Dice.
    pub baseline: Option<(String, RunMean)>,
}

/// An arm's lines in the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutlineArm {
    /// Its name.
    pub arm: String,
    /// Seeds that gave a network.
    pub seeds: usize,
    /// Seeds that did not, with reasons.
    pub failed: Vec<String>,
    /// Numbers in the network.
    pub parameters: Option<usize>,
    /// Its segments.
    pub segments: Vec<SegmentOfArm>,
    /// Seconds a run.
    pub seconds: Option<RunMean>,
}

/// The table of a sweep, in the order in which the arms first appear.
pub fn summarize_outlines(outcomes: &[Outcome<SegmenterMetrics>]) -> Vec<OutlineArm> {
    let names = arms(outcomes);
    let first = names.first().map(|arm| runs_of(outcomes, arm)).unwrap_or_default();
    let of_arm = |(at, arm): (usize, &&str)| {
        let own = runs_of(outcomes, arm);
        let mut segments: Vec<&str> = Vec::new();
        for metric in own.iter().flat_map(|(_, metrics)| &metrics.validation.segments) {
            if !segments.contains(&metric.segment.as_str()) {
                segments.push(&metric.segment);
            }
        }
        let of_segment = |segment: &str| {
            let figure = |value: fn(&SegmentMetric) -> Option<Interval>| {
                let segment = segment.to_owned();
                move |metrics: &SegmenterMetrics| {
                    let all = &metrics.validation.segments;
                    let found = all.iter().find(|metric| metric.segment == segment)?;
                    value(found).map(|interval| interval.estimate)
                }
            };
            let (dice, distance) = (figure(|one| one.dice), figure(|one| one.hausdorff_95));
            let difference = |figure: &dyn Fn(&SegmenterMetrics) -> Option<f64>| {
                if at == 0 { None } else { difference_to(&first, &own, figure) }
            };
            SegmentOfArm {
                segment: segment.to_owned(),
                dice: mean_over(&own, &dice),
                dice_difference: difference(&dice),
                hausdorff_95: mean_over(&own, &distance),
                hausdorff_95_difference: difference(&distance),
                surface_dice: mean_over(&own, &figure(|one| one.surface_dice)),
                baseline: best_baseline(segment, &own),
            }
        };
        OutlineArm {
            arm: (*arm).to_owned(),
            seeds: own.len(),
            failed: failed_of(outcomes, arm),
            parameters: own.first().map(|(_, metrics)| metrics.parameters),
            segments: segments.into_iter().map(of_segment).collect(),
            seconds: mean_over(&own, &|metrics| Some(metrics.seconds)),
        }
    };
    names.iter().enumerate().map(of_arm).collect()
}

fn best_baseline(segment: &str, runs: &[(u64, &SegmenterMetrics)]) -> Option<(String, RunMean)> {
    let (_, first) = runs.first()?;
    let of_name = |name: &str| {
        mean_over(runs, &|metrics| {
            let all = &metrics.validation.baselines;
            let found = all.iter().find(|one| one.segment == segment && one.name == name)?;
            found.dice.as_ref().map(|interval| interval.estimate)
        })
    };
    let names = first.validation.baselines.iter().filter(|baseline| baseline.segment == segment);
    names
        .filter_map(|baseline| Some((baseline.name.clone(), of_name(&baseline.name)?)))
        .max_by(|one, other| one.1.mean.total_cmp(&other.1.mean))
}

/// The table as Markdown; distances are in `unit`.
pub fn outline_table(arms: &[OutlineArm], images: usize, unit: &str) -> String {
    let mut text = preamble(images)
        + &format!(
            "| arm | segment | seeds | parameters | Dice | difference | HD95, {unit} | difference | NSD | without a network: \
             Dice | seconds |\n|---|---|---:|---:|---|---|---|---|---|---|---:|\n"
        );
    let words =
        |mean: Option<RunMean>, digits: usize| mean.map_or_else(|| "-".to_owned(), |mean| mean.words(digits));
    let signed = |mean: Option<RunMean>, digits: usize| {
        mean.map_or_else(|| "-".to_owned(), |mean| mean.signed(digits))
    };
    for arm in arms {
        let parameters = arm.parameters.map_or_else(|| "-".to_owned(), |count| count.to_string());
        let seconds = arm.seconds.map_or_else(|| "-".to_owned(), |mean| format!("{:.0}", mean.mean));
        if arm.segments.is_empty() {
            let _ = writeln!(text, "| {} | - | 0 | - | - | - | - | - | - | - | - |", arm.arm);
        }
        for segment in &arm.segments {
            let baseline = segment.baseline.as_ref();
            let _ = writeln!(
                text,
                "| {} | {} | {} | {parameters} | {} | {} | {} | {} | {} | {} | {seconds} |",
                arm.arm,
                segment.segment,
                arm.seeds,
                words(segment.dice, 4),
                signed(segment.dice_difference, 4),
                words(segment.hausdorff_95, 2),
                signed(segment.hausdorff_95_difference, 2),
                words(segment.surface_dice, 4),
                baseline
                    .map_or_else(|| "-".to_owned(), |(name, mean)| format!("{} ({name})", mean.spread(4))),
            );
        }
    }
    for arm in arms {
        for reason in &arm.failed {
            let _ = writeln!(text, "\n{}: {reason}", arm.arm);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::tests::metrics_of;

    #[test]
    fn differences_of_dice_and_distance_are_taken_seed_by_seed_as_worked_on_paper() {
        let outcome = |arm: &str, seed: u64, dice: f64| Outcome {
            arm: arm.to_owned(),
            seed,
            result: Ok(metrics_of(seed, 9, dice, 0.25)),
        };
        let failed = Outcome { arm: "b".to_owned(), seed: 3, result: Err("loss is NaN".to_owned()) };
        let outcomes = [
            outcome("a", 1, 0.80),
            outcome("b", 1, 0.82),
            outcome("a", 2, 0.90),
            outcome("b", 2, 0.94),
            outcome("a", 3, 0.10),
            failed,
        ];
        let arms = summarize_outlines(&outcomes);
        assert_eq!(
            arms.iter().map(|arm| (arm.arm.as_str(), arm.seeds)).collect::<Vec<_>>(),
            [("a", 3), ("b", 2)]
        );
        let b = &arms[1].segments[0];
        // 0.02 and 0.04: mean 0.03, half width 12.7062 times 0.01.
        let difference = b.dice_difference.expect("two pairs");
        let [low, high] = difference.interval.expect("two seeds");
        assert!((difference.mean - 0.03).abs() < 1e-12 && (high - 0.157_062).abs() < 1e-5, "{low} {high}");
        // The distances are ten times what the Dice lacks: -0.2 and -0.4.
        assert!((b.hausdorff_95_difference.expect("two pairs").mean + 0.3).abs() < 1e-9);
        assert_eq!(arms[0].segments[0].dice_difference, None);
        assert_eq!(b.baseline.as_ref().map(|(_, mean)| mean.mean), Some(0.25));
        let text = outline_table(&arms, 9, "mm");
        assert!(text.contains("| b | square | 2 | 7 | 0.8800 ("), "{text}");
        assert!(text.contains("HD95, mm") && text.ends_with("\nb: seed 3: loss is NaN\n"), "{text}");
        let none = [Outcome { arm: "c".to_owned(), seed: 1, result: Err("loss is NaN".to_owned()) }];
        assert!(outline_table(&summarize_outlines(&none), 0, "mm").contains("| c | - | 0 |"));
    }
}
