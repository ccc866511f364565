//! Cross-validation of a segmenter: each image is outlined by the network that has not seen it.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;
use wilhelm_nets::{DistanceUnit, Interval, SegmentMetric};

use super::figures::metrics;
use super::spread::Spread;
use super::{OutlineSet, SegmenterCases, SegmenterMetrics, SegmenterRecipe};
use crate::evaluation::masks::{MaskCase, SegmentFigures};
use crate::folds::caution_of;
use crate::{LearnError, RunMean};

/// An image with the figures of the network that had not seen it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutlinedOutOfFold {
    /// The fold that it is in, from 1.
    pub fold: usize,
    /// Whose it is, as a running number.
    pub patient: Option<usize>,
    /// Its name and the figures of each segment; distances are in the data's unit, whatever their names say.
    pub figures: MaskCase,
}

/// Brings the folds' images together, in the order of the data.
///
/// # Errors
/// [`LearnError::Split`] where folds and data do not go together.
pub fn outlined_out_of_fold(
    data: &OutlineSet,
    folds: &[SegmenterCases],
) -> Result<Vec<OutlinedOutOfFold>, LearnError> {
    let mut found: BTreeMap<&str, (usize, &MaskCase)> = BTreeMap::new();
    for (fold, own) in (1..).zip(folds) {
        found.extend(own.cases.iter().map(|case| (case.case.as_str(), (fold, case))));
    }
    let examples = data.outlines.iter().map(|outline| &outline.example);
    examples
        .map(|example| {
            let (fold, figures) = found.get(example.source.as_str()).ok_or_else(|| {
                LearnError::Split(format!("{} is in no fold: begin in another folder", example.place()))
            })?;
            Ok(OutlinedOutOfFold { fold: *fold, patient: example.patient, figures: (*figures).clone() })
        })
        .collect()
}

/// One fold's line in the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutlineFold {
    /// Its number, from 1.
    pub fold: usize,
    /// Its images.
    pub images: usize,
    /// The figures of each segment, with intervals over images or patients.
    pub segments: Vec<SegmentMetric>,
    /// The pass that the weights are from.
    pub epoch: usize,
    /// Seconds of training.
    pub seconds: f64,
}

/// What is reached without a network, over the folds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutlineBaselineMean {
    /// What it is.
    pub name: String,
    /// Its mean Dice.
    pub dice: RunMean,
    /// The network's Dice less that, fold by fold.
    pub network_less: RunMean,
}

/// One segment over all folds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentFolds {
    /// The segment.
    pub segment: String,
    /// Mean over the folds that have a value.
    pub dice: Option<RunMean>,
    /// The same of the 95 % Hausdorff distance.
    pub hausdorff_95: Option<RunMean>,
    /// The same of the normalized surface distance.
    pub surface_dice: Option<RunMean>,
    /// All images together, with intervals over images or patients.
    pub together: SegmentMetric,
    /// How far the Dice lies apart from image to image.
    pub dice_spread: Option<Spread>,
    /// The same of the 95 % Hausdorff distance.
    pub hausdorff_95_spread: Option<Spread>,
    /// What is reached without a network.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<OutlineBaselineMean>,
}

/// What the folds gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutlineFolds {
    /// What distances are measured in.
    pub unit: DistanceUnit,
    /// Distance within which two surfaces count as the same.
    pub tolerance: f64,
    /// Whether intervals over all images draw whole patients.
    pub by_patient: bool,
    /// Fold by fold.
    pub folds: Vec<OutlineFold>,
    /// Segment by segment.
    pub segments: Vec<SegmentFolds>,
    /// What makes these figures better than those of new data, if anything.
    pub caution: Option<String>,
}

/// Measures the folds; `results` are what training without each of them gave.
///
/// # Errors
/// [`LearnError::Split`] for images that no fold has.
pub fn summarize_outline_folds(
    recipe: &SegmenterRecipe,
    unit: DistanceUnit,
    cases: &[OutlinedOutOfFold],
    results: &[SegmenterMetrics],
) -> Result<OutlineFolds, LearnError> {
    if let Some(lost) = cases.iter().find(|case| !(1..=results.len()).contains(&case.fold)) {
        return Err(LearnError::Split(format!(
            "{} is in fold {}, of {} that there are",
            lost.figures.case,
            lost.fold,
            results.len()
        )));
    }
    let folds: Vec<OutlineFold> = (1..)
        .zip(results)
        .map(|(fold, result)| OutlineFold {
            fold,
            images: result.validation.images,
            segments: result.validation.segments.clone(),
            epoch: result.epoch,
            seconds: result.seconds,
        })
        .collect();
    let all: Vec<MaskCase> = cases.iter().map(|case| case.figures.clone()).collect();
    let patients: Option<Vec<usize>> = cases.iter().map(|case| case.patient).collect();
    let together = metrics(recipe, &all, patients.as_deref());
    let of_segment = |(at, together): (usize, SegmentMetric)| {
        let label = u16::try_from(at + 1).unwrap_or(u16::MAX);
        let own = |fold: usize, value: fn(&SegmentFigures) -> Option<f64>| mean(cases, fold, label, value);
        let over = |value: fn(&SegmentFigures) -> Option<f64>| {
            RunMean::of(&(1..=folds.len()).filter_map(|fold| own(fold, value)).collect::<Vec<f64>>())
        };
        let spread = |value: fn(&SegmentFigures) -> Option<f64>| {
            let of = all.iter().filter_map(|case| case.segments.iter().find(|one| one.label == label));
            Spread::of(of.map(value))
        };
        SegmentFolds {
            segment: together.segment.clone(),
            dice: over(|one| one.dice),
            hausdorff_95: over(|one| one.hausdorff_95_mm),
            surface_dice: over(|one| one.surface_dice),
            dice_spread: spread(|one| one.dice),
            hausdorff_95_spread: spread(|one| one.hausdorff_95_mm),
            baselines: baselines(&together.segment, results, &|fold| own(fold, |one| one.dice)),
            together,
        }
    };
    Ok(OutlineFolds {
        unit,
        tolerance: recipe.tolerance,
        by_patient: patients.is_some(),
        segments: together.into_iter().enumerate().map(of_segment).collect(),
        folds,
        caution: caution_of(&recipe.optimization),
    })
}

/// The mean of one fold's images that have a value.
fn mean(
    cases: &[OutlinedOutOfFold],
    fold: usize,
    label: u16,
    value: fn(&SegmentFigures) -> Option<f64>,
) -> Option<f64> {
    let own = cases.iter().filter(|case| case.fold == fold);
    let figures = own.filter_map(|case| case.figures.segments.iter().find(|one| one.label == label));
    let values: Vec<f64> = figures.filter_map(value).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The baselines of a segment, over the folds that have them; `dice` is the network's of a fold.
fn baselines(
    segment: &str,
    results: &[SegmenterMetrics],
    dice: &dyn Fn(usize) -> Option<f64>,
) -> Vec<OutlineBaselineMean> {
    let mut names: Vec<&str> = Vec::new();
    let mut pairs: Vec<Vec<(f64, f64)>> = Vec::new();
    for (fold, result) in (1..).zip(results) {
        for baseline in result.validation.baselines.iter().filter(|baseline| baseline.segment == segment) {
            let (Some(own), Some(network)) = (&baseline.dice, dice(fold)) else { continue };
            let at = names.iter().position(|name| *name == baseline.name).unwrap_or_else(|| {
                names.push(&baseline.name);
                pairs.push(Vec::new());
                names.len() - 1
            });
            pairs[at].push((own.estimate, network - own.estimate));
        }
    }
    let of = |(name, pairs): (&str, Vec<(f64, f64)>)| {
        let (dice, less): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        Some(OutlineBaselineMean {
            name: name.to_owned(),
            dice: RunMean::of(&dice)?,
            network_less: RunMean::of(&less)?,
        })
    };
    names.into_iter().zip(pairs).filter_map(of).collect()
}

/// The table as Markdown.
pub fn outline_folds_table(found: &OutlineFolds) -> String {
    let OutlineFolds { unit, tolerance, by_patient, folds, segments, caution } = found;
    let (unit, drawn) = (unit.words(), if *by_patient { "patients" } else { "images" });
    let mut text = format!(
        "Each image was outlined by a network that had not seen it, on the image's own grid. Of a fold stand the means over \
         its images with 95 % intervals over {drawn}; the mean of the folds has Student's 95 % interval over the folds, which \
         share most of their training data, so it is narrower than one over new data would be. \"Together\" takes all images, \
         with the interval over {drawn}; the spread is mean ± standard deviation and median (quartiles) from image to image. \
         A missed segment has a Dice of 0 and no distance.\n"
    );
    let figure = |found: &Option<Interval>, digits: usize| {
        found.as_ref().map_or_else(
            || "-".to_owned(),
            |Interval { estimate, low, high }| {
                format!("{estimate:.digits$} ({low:.digits$} to {high:.digits$})")
            },
        )
    };
    let over =
        |mean: Option<RunMean>, digits: usize| mean.map_or_else(|| "-".to_owned(), |mean| mean.words(digits));
    for (at, segment) in segments.iter().enumerate() {
        let _ = write!(
            text,
            "\n**{}**\n\n\
             | fold | images | Dice | HD95, {unit} | NSD at {tolerance} {unit} | missed | false alarms | pass | seconds |\n\
             |---|---:|---|---|---|---:|---:|---:|---:|\n",
            segment.segment
        );
        for fold in folds {
            let Some(own) = fold.segments.get(at) else { continue };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {:.0} |",
                fold.fold,
                fold.images,
                figure(&own.dice, 4),
                figure(&own.hausdorff_95, 2),
                figure(&own.surface_dice, 4),
                own.missed,
                own.false_alarms,
                fold.epoch,
                fold.seconds
            );
        }
        let (all, together) = (folds.iter().map(|fold| fold.images).sum::<usize>(), &segment.together);
        let _ = writeln!(
            text,
            "| mean | {all} | {} | {} | {} | | | | |",
            over(segment.dice, 4),
            over(segment.hausdorff_95, 2),
            over(segment.surface_dice, 4)
        );
        let _ = writeln!(
            text,
            "| together | {all} | {} | {} | {} | {} | {} | | |",
            figure(&together.dice, 4),
            figure(&together.hausdorff_95, 2),
            figure(&together.surface_dice, 4),
            together.missed,
            together.false_alarms
        );
        let spread = |spread: Option<Spread>, digits: usize| {
            spread.map_or_else(|| "-".to_owned(), |spread| spread.words(digits))
        };
        let _ = writeln!(
            text,
            "| spread | | {} | {} | | | | | |",
            spread(segment.dice_spread, 4),
            spread(segment.hausdorff_95_spread, 2)
        );
        for baseline in &segment.baselines {
            let _ = writeln!(
                text,
                "\nto compare: {}, Dice {}; the networks' Dice less that, fold by fold: {}",
                baseline.name,
                baseline.dice.spread(4),
                baseline.network_less.signed(4)
            );
        }
    }
    if let Some(caution) = caution {
        let _ = writeln!(text, "\n{caution}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::tests::{metrics_of, recipe, segment_figures};

    /// Six images of three patients in two folds; the third is missed.
    fn cases() -> Vec<OutlinedOutOfFold> {
        let dice = [0.8, 0.9, 0.0, 0.6, 0.7, 0.8];
        let case = |(at, dice): (usize, f64)| OutlinedOutOfFold {
            fold: at / 3 + 1,
            patient: Some(at / 2 + 1),
            figures: MaskCase {
                case: format!("{at}.png"),
                segments: vec![segment_figures(dice, (dice > 0.0).then_some(2.0 + at as f64))],
            },
        };
        dice.into_iter().enumerate().map(case).collect()
    }

    #[test]
    fn folds_are_means_of_their_images_and_all_images_stand_beside_as_worked_on_paper() {
        let recipe = recipe(&[]).expect("a recipe");
        let results = [metrics_of(1, 3, 0.5, 0.4), metrics_of(2, 3, 0.6, 0.5)];
        let found =
            summarize_outline_folds(&recipe, DistanceUnit::Pixels, &cases(), &results).expect("figures");
        let segment = &found.segments[0];
        // Folds: (0.8 + 0.9 + 0) / 3 = 0.566667 and (0.6 + 0.7 + 0.8) / 3 = 0.7; half their difference times t of one
        // degree, 12.7062, is 0.847080.
        let dice = segment.dice.expect("two folds");
        let [low, high] = dice.interval.expect("two folds");
        assert!((dice.mean - 0.633_333).abs() < 1e-6, "{dice:?}");
        assert!((high - dice.mean - 0.847_080).abs() < 1e-5 && (low + high - 2.0 * dice.mean).abs() < 1e-9);
        // The missed image has no distance: (2 + 3) / 2 and (5 + 6 + 7) / 3.
        assert!((segment.hausdorff_95.expect("two folds").mean - 4.25).abs() < 1e-12);
        let together = segment.together.dice.expect("a mean");
        assert!((together.estimate - 3.8 / 6.0).abs() < 1e-12, "{together:?}");
        assert_eq!((segment.together.missed, segment.together.images), (1, 6));
        assert_eq!(segment.dice_spread.expect("six").images, 6);
        assert_eq!(segment.hausdorff_95_spread.expect("five").images, 5);
        // The baseline reached 0.4 and 0.5.
        let baseline = &segment.baselines[0];
        assert!((baseline.dice.mean - 0.45).abs() < 1e-12);
        assert!((baseline.network_less.mean - (0.633_333_333 - 0.45)).abs() < 1e-8, "{baseline:?}");
        assert!(found.by_patient);
        let text = outline_folds_table(&found);
        for words in [
            "95 % intervals over patients",
            "| fold | images | Dice | HD95, pixels | NSD at 1 pixels |",
            "| mean | 6 | 0.6333 (",
            "| together | 6 | 0.6333 (",
            "to compare: mean shape of the training masks, Dice 0.4500",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }

    #[test]
    fn an_image_of_no_fold_is_named() {
        let recipe = recipe(&[]).expect("a recipe");
        let said =
            summarize_outline_folds(&recipe, DistanceUnit::Pixels, &cases(), &[metrics_of(1, 3, 0.5, 0.4)])
                .expect_err("one fold is missing")
                .to_string();
        assert!(said.contains("3.png is in fold 2, of 1 that there are"), "{said}");
    }
}
