use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use wilhelm_knowledge::{SignTable, age_years};
use wilhelm_stats::{
    Estimate, Rows, Stacking, brier_score, calibration_line, expected_calibration_error, fit_stacking,
    log_loss, log_odds, roc_auc, sigmoid,
};

use super::{SourceCases, SourceSettings, WordModel, simulated};
use crate::LearnError;
use crate::evaluation::Figure;
use crate::evaluation::Sampler;
use crate::seed::generator;

/// Nearest to 0 and to 1 that a probability is taken to be.
const LEAST: f64 = 1e-6;
/// Bins of the calibration error.
const BINS: usize = 10;
/// Fewest cases of each kind in a part.
const FEWEST: usize = 2;

/// What was compared and what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceFigures {
    /// The number of this shape of file.
    pub schema: u32,
    /// Always true: nothing here is approved for patients.
    pub research_use_only: bool,
    /// The label.
    pub label: String,
    /// Cases.
    pub cases: usize,
    /// Of them with the finding.
    pub positives: usize,
    /// Cases left out since their truth is in doubt.
    pub doubtful: usize,
    /// Cases of whose signs the text says something that counts; none without a table.
    pub with_signs: Option<usize>,
    /// Whether the image's probabilities were drawn, not made by a network from pictures.
    pub image_is_simulated: bool,
    /// How it was done.
    pub settings: SourceSettings,
    /// The arm that the others are compared with.
    pub reference: String,
    /// Each way of putting sources together.
    pub arms: Vec<Arm>,
    /// Learned on all cases: intercept, weight of the image, weight of the signs; where both are there.
    pub stacked_signs: Option<[f64; 3]>,
    /// What to know when reading the figures.
    pub notes: Vec<String>,
}

/// One way of putting sources together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// Its name.
    pub name: String,
    /// What it does.
    pub what: String,
    /// Area under the ROC curve.
    pub auc: Figure,
    /// Brier score; less is better.
    pub brier: Figure,
    /// Mean log loss, nats; less is better.
    pub log_loss: Figure,
    /// Expected calibration error in ten bins.
    pub calibration_error: f64,
    /// Calibration slope; none where it has no value.
    pub slope: Option<Estimate>,
    /// Calibration in the large, log odds; none where it has no value.
    pub in_the_large: Option<Estimate>,
    /// Its area less the reference's.
    pub auc_difference: Option<Figure>,
    /// Its Brier score less the reference's.
    pub brier_difference: Option<Figure>,
    /// Its log loss less the reference's.
    pub log_loss_difference: Option<Figure>,
    /// Mean over the parts of what each source's log odds are multiplied by, where that was learned.
    pub weights: Vec<(String, f64)>,
}

/// Log odds of every case by one arm.
struct Told {
    name: &'static str,
    what: String,
    log_odds: Vec<f64>,
    weights: Vec<(String, f64)>,
}

/// Asks every arm for each case, by what was learned on the other parts, and measures it.
///
/// # Errors
/// [`LearnError`] for too few cases of a kind, settings out of range, and a table of signs that is not there.
pub fn compare_sources(
    label: &str,
    cases: &SourceCases,
    settings: &SourceSettings,
    step: &mut dyn FnMut(&'static str, usize, usize) -> bool,
) -> Result<SourceFigures, LearnError> {
    let wrong = |what: String| LearnError::Data { place: "the cases".to_owned(), what };
    let positives = &cases.positives;
    let count = positives.iter().filter(|positive| **positive).count();
    if !(2..=20).contains(&settings.folds) {
        return Err(wrong(format!("{} folds, expected 2 to 20", settings.folds)));
    }
    let least = settings.folds * settings.folds * FEWEST / 2;
    if count < least || positives.len() - count < least {
        return Err(wrong(format!(
            "{count} of {} have {label}: expected at least {least} with and {least} without for {} folds",
            positives.len(),
            settings.folds
        )));
    }
    let mut go = |name: &'static str, done: usize, total: usize| {
        if step(name, done, total) { Ok(()) } else { Err(LearnError::Cancelled) }
    };
    let folds = cut(positives, settings.folds, settings.resampling.seed);
    let signs = signs(cases, settings)?;
    let words = Words::learn(cases, &folds, settings, &mut go)?;
    let (image, simulated) = match (&cases.image, settings.simulated_image) {
        (Some(_), Some(_)) => {
            return Err(wrong("they have an image's probability, beside which none is simulated".to_owned()));
        }
        (Some(image), None) => (Some(image.clone()), false),
        (None, Some(area)) => {
            let seed = settings.resampling.seed;
            (Some(simulated::image(positives, area, settings.simulated_share, &words.outer, seed)?), true)
        }
        (None, None) => (None, false),
    };
    let image = image
        .map(|image| {
            image.into_iter().map(|p| log_odds(p.clamp(LEAST, 1.0 - LEAST))).collect::<Result<Vec<f64>, _>>()
        })
        .transpose()?;
    go("measure", 0, 1)?;
    let base: Vec<f64> =
        (0..positives.len()).map(|case| share_of_others(positives, &folds, folds[case])).collect();
    let base: Vec<f64> = base.into_iter().map(log_odds).collect::<Result<_, _>>()?;
    let told = told(cases, settings, &folds, &base, &signs, &words, image.as_deref())?;
    let sampler = Sampler::new(positives.len(), None, settings.resampling);
    let reference = usize::from(image.is_some());
    let reference = told.iter().position(|of| of.name == [BASE, IMAGE][reference]).unwrap_or(0);
    let arms = told.iter().enumerate().map(|(place, of)| {
        let other = (place != reference).then_some(told[reference].log_odds.as_slice());
        measured(of, other, positives, &sampler)
    });
    let arms = arms.collect::<Result<Vec<Arm>, LearnError>>()?;
    let stacked_signs = match (&image, &signs) {
        (Some(image), Some(signs)) => {
            let both: Vec<f64> = image.iter().zip(signs).flat_map(|(image, sign)| [*image, *sign]).collect();
            let found = fit_stacking(Rows::new(&both, 2)?, positives, settings.strength)?;
            Some([found.intercept, found.weights[0], found.weights[1]])
        }
        _ => None,
    };
    Ok(SourceFigures {
        schema: 1,
        research_use_only: true,
        label: label.to_owned(),
        cases: positives.len(),
        positives: count,
        doubtful: cases.doubtful,
        with_signs: signs.as_ref().map(|signs| signs.iter().filter(|sign| **sign != 0.0).count()),
        image_is_simulated: simulated,
        settings: settings.clone(),
        reference: told[reference].name.to_owned(),
        arms,
        stacked_signs,
        notes: notes(simulated, image.is_some(), settings),
    })
}

const BASE: &str = "base rate";
const IMAGE: &str = "image";

fn notes(simulated: bool, image: bool, settings: &SourceSettings) -> Vec<String> {
    let mut notes = vec![format!(
        "Every case is told of by what was learned on the other of {} parts; cases count as independent.",
        settings.folds
    )];
    if simulated {
        notes.push(format!(
            "The image is a simulation: no picture was read. Its probabilities were drawn from the truth as a calibrated binormal \
             score, {} of whose chance is that of the text's words; what a network would have in common with the request is not \
             known.",
            settings.simulated_share
        ));
    } else if !image {
        notes.push("There is no image: the figures are of the text alone.".to_owned());
    }
    notes
}

/// The part of each case: each kind is dealt out evenly, in an order that the seed draws.
fn cut(positives: &[bool], folds: usize, seed: u64) -> Vec<usize> {
    let mut part = vec![0; positives.len()];
    for (stream, kind) in [false, true].into_iter().enumerate() {
        let mut of: Vec<usize> = (0..positives.len()).filter(|case| positives[*case] == kind).collect();
        of.shuffle(&mut generator(seed, 7001, stream as u64));
        of.into_iter().enumerate().for_each(|(place, case)| part[case] = place % folds);
    }
    part
}

fn share_of_others(positives: &[bool], folds: &[usize], fold: usize) -> f64 {
    let others = || positives.iter().zip(folds).filter(|(_, of)| **of != fold);
    others().filter(|(positive, _)| **positive).count() as f64 / others().count() as f64
}

/// Log odds of the signs of each text; none without a table.
fn signs(cases: &SourceCases, settings: &SourceSettings) -> Result<Option<Vec<f64>>, LearnError> {
    let Some(finding) = &settings.finding else { return Ok(None) };
    let tables: Vec<SignTable> =
        SignTable::built_in().into_iter().filter(|table| table.finding == *finding).collect();
    if tables.is_empty() {
        let what = format!("there is no table of signs of {finding}");
        return Err(LearnError::Data { place: "the finding".to_owned(), what });
    }
    let of = |text: &String| {
        let age = age_years(text).or(settings.age_years);
        let table = age.and_then(|age| tables.iter().find(|table| table.holds_for(age)));
        table.map_or(0.0, |table| table.find(text).iter().map(|sign| sign.log_odds()).sum())
    };
    Ok(Some(cases.texts.iter().map(of).collect()))
}

/// What the words say of each case, by models that did not learn from it.
struct Words {
    /// By a model of the other parts.
    outer: Vec<f64>,
    /// Of each part left out: of each case of the other parts, by a model that saw neither.
    inner: Vec<Vec<f64>>,
}

impl Words {
    fn learn(
        cases: &SourceCases,
        folds: &[usize],
        settings: &SourceSettings,
        go: &mut dyn FnMut(&'static str, usize, usize) -> Result<(), LearnError>,
    ) -> Result<Self, LearnError> {
        let parts = settings.folds;
        let mut outer = vec![0.0; folds.len()];
        let mut inner = vec![vec![0.0; folds.len()]; parts];
        // Two parts are left out at once, each pair once: its model serves both.
        let pairs = parts * (parts + 1) / 2;
        let mut done = 0;
        for one in 0..parts {
            for other in one..parts {
                go("words", done, pairs)?;
                done += 1;
                let seen: Vec<usize> =
                    (0..folds.len()).filter(|case| folds[*case] != one && folds[*case] != other).collect();
                let texts: Vec<&str> = seen.iter().map(|case| cases.texts[*case].as_str()).collect();
                let truths: Vec<bool> = seen.iter().map(|case| cases.positives[*case]).collect();
                let model = WordModel::fit(&texts, &truths, settings.strength)?;
                for case in 0..folds.len() {
                    if folds[case] != one && folds[case] != other {
                        continue;
                    }
                    let said = model.log_odds(&cases.texts[case]);
                    if one == other {
                        outer[case] = said;
                    } else if folds[case] == other {
                        inner[one][case] = said;
                    } else {
                        inner[other][case] = said;
                    }
                }
            }
        }
        Ok(Self { outer, inner })
    }
}

/// A source to be stacked: its name, its log odds of a case while a part is left out, and those of every case by which is told.
type Stacked<'a> = (&'static str, &'a dyn Fn(usize, usize) -> f64, &'a [f64]);

/// Learned on the other parts, told of each part in turn.
fn stacked(
    name: &'static str,
    what: &str,
    positives: &[bool],
    folds: &[usize],
    settings: &SourceSettings,
    sources: &[Stacked<'_>],
) -> Result<Told, LearnError> {
    let mut told = vec![0.0; folds.len()];
    let mut sums = vec![0.0; sources.len() + 1];
    for part in 0..settings.folds {
        let seen: Vec<usize> = (0..folds.len()).filter(|case| folds[*case] != part).collect();
        let values: Vec<f64> =
            seen.iter().flat_map(|case| sources.iter().map(|(_, inner, _)| inner(part, *case))).collect();
        let truths: Vec<bool> = seen.iter().map(|case| positives[*case]).collect();
        let found: Stacking = fit_stacking(Rows::new(&values, sources.len())?, &truths, settings.strength)?;
        sums[0] += found.intercept;
        sums[1..].iter_mut().zip(&found.weights).for_each(|(sum, weight)| *sum += weight);
        for case in (0..folds.len()).filter(|case| folds[*case] == part) {
            let said: Vec<f64> = sources.iter().map(|(_, _, outer)| outer[case]).collect();
            told[case] = found.log_odds(&said);
        }
    }
    let names = ["intercept"].into_iter().chain(sources.iter().map(|(name, ..)| *name));
    let weights = names.zip(sums).map(|(name, sum)| (name.to_owned(), sum / settings.folds as f64)).collect();
    Ok(Told { name, what: what.to_owned(), log_odds: told, weights })
}

fn told(
    cases: &SourceCases,
    settings: &SourceSettings,
    folds: &[usize],
    base: &[f64],
    signs: &Option<Vec<f64>>,
    words: &Words,
    image: Option<&[f64]>,
) -> Result<Vec<Told>, LearnError> {
    let plain = |name, what: String, log_odds: Vec<f64>| Told { name, what, log_odds, weights: Vec::new() };
    let sum = |one: &[f64], other: &[f64], weight: f64| -> Vec<f64> {
        one.iter().zip(other).map(|(one, other)| one + weight * other).collect()
    };
    let mut all =
        vec![plain(BASE, "the share of the finding among the other parts".to_owned(), base.to_vec())];
    let half = settings.text_weight;
    if let Some(signs) = signs {
        let what = format!("base rate and the published likelihood ratios of the text's signs, times {half}");
        all.push(plain("signs", what, sum(base, signs, half)));
    }
    all.push(plain("words", "logistic regression on the text's words".to_owned(), words.outer.clone()));
    let Some(image) = image else { return Ok(all) };
    all.push(plain(IMAGE, "the image's probability as it is".to_owned(), image.to_vec()));
    let of_image = |_: usize, case: usize| image[case];
    if let Some(signs) = signs {
        let of_signs = |_: usize, case: usize| signs[case];
        let what = format!("logarithmic pooling: the image and the signs' ratios, times {half}");
        all.push(plain("image + signs, pooled", what, sum(image, signs, half)));
        all.push(stacked(
            "image + signs, stacked",
            "weights of image and signs learned on the other parts",
            &cases.positives,
            folds,
            settings,
            &[("image", &of_image, image), ("signs", &of_signs, signs)],
        )?);
    }
    let moved: Vec<f64> = words.outer.iter().zip(base).map(|(words, base)| words - base).collect();
    let what = "logarithmic pooling: the image and what the words move the base rate by, each taken whole"
        .to_owned();
    all.push(plain("image + words, pooled", what, sum(image, &moved, 1.0)));
    let of_words = |part: usize, case: usize| words.inner[part][case];
    all.push(stacked(
        "image + words, stacked",
        "weights of image and words learned on the other parts",
        &cases.positives,
        folds,
        settings,
        &[("image", &of_image, image), ("words", &of_words, &words.outer)],
    )?);
    Ok(all)
}

fn measured(
    of: &Told,
    reference: Option<&[f64]>,
    positives: &[bool],
    sampler: &Sampler,
) -> Result<Arm, LearnError> {
    let probabilities = |log_odds: &[f64]| -> Vec<f64> {
        log_odds.iter().map(|value| sigmoid(*value, 1.0).clamp(LEAST, 1.0 - LEAST)).collect()
    };
    let own = probabilities(&of.log_odds);
    let other = reference.map(probabilities);
    let chosen =
        |values: &[f64], rows: &[usize]| -> Vec<f64> { rows.iter().map(|row| values[*row]).collect() };
    let three = |values: &[f64], truths: &[bool]| -> [f64; 3] {
        [roc_auc(values, truths), brier_score(values, truths), log_loss(values, truths)]
            .map(|found| found.unwrap_or(f64::NAN))
    };
    let mut figures = sampler
        .figures(6, |rows, numbers| {
            let truths: Vec<bool> = rows.iter().map(|row| positives[*row]).collect();
            let here = three(&chosen(&own, rows), &truths);
            numbers[..3].copy_from_slice(&here);
            if let Some(other) = &other {
                let there = three(&chosen(other, rows), &truths);
                (0..3).for_each(|place| numbers[3 + place] = here[place] - there[place]);
            }
        })
        .into_iter();
    let mut next = || figures.next().expect("six were asked for");
    let (auc, brier, log_loss) = (next(), next(), next());
    let mut differences = || Some(next()).filter(|_| other.is_some());
    let (auc_difference, brier_difference, log_loss_difference) =
        (differences(), differences(), differences());
    let line = calibration_line(&of.log_odds, positives, sampler.settings.level).ok();
    Ok(Arm {
        name: of.name.to_owned(),
        what: of.what.clone(),
        auc,
        brier,
        log_loss,
        calibration_error: expected_calibration_error(&own, positives, BINS)?,
        slope: line.map(|line| line.slope),
        in_the_large: line.map(|line| line.in_the_large),
        auc_difference,
        brier_difference,
        log_loss_difference,
        weights: of.weights.clone(),
    })
}
