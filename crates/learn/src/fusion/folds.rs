//! Cross-validation of classifiers of several inputs, and what each input is worth over several runs.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Write;

use serde::Serialize;
use wilhelm_nets::Calibration;

use super::{FusionData, FusionMetrics, FusionRecipe};
use crate::folds::{calibration, of_others};
use crate::{HeldOut, HeldOutCase, LearnError, OutOfFold, RunMean};

/// Cases of each label, with the same inputs, from which on these have a calibration of their own.
const LEAST_CASES: usize = 10;

/// What the networks said of the cases that they had not seen.
#[derive(Clone, Debug, PartialEq)]
pub struct FusionOutOfFold {
    /// The cases of whose inputs a network says something, in the order of the data.
    pub cases: Vec<OutOfFold>,
    /// The inputs that each of them has, as `ct+pet`.
    pub inputs: Vec<String>,
    /// Names of the others.
    pub left_out: Vec<String>,
}

/// Brings what the folds' networks said together, each case with the inputs that it has.
///
/// A case is calibrated on the other folds' cases with the same inputs, where there are at least ten of each label and
/// what is said of them holds; else on all cases of the other folds. Its own label takes no part.
///
/// # Errors
/// [`LearnError::NoSignal`] if the outputs of the other folds say nothing of their labels, [`LearnError::Split`] where
/// folds and data do not go together.
pub fn fusion_out_of_fold(
    recipe: &FusionRecipe,
    data: &FusionData,
    held_out: &[HeldOut],
) -> Result<FusionOutOfFold, LearnError> {
    let classes = recipe.recipe.labels.len();
    let examples = &data.data.examples;
    let places: BTreeMap<&str, usize> =
        examples.iter().enumerate().map(|(at, example)| (example.source.as_str(), at)).collect();
    let mut found: BTreeMap<usize, (usize, &[f64])> = BTreeMap::new();
    for (fold, own) in held_out.iter().enumerate() {
        for case in &own.cases {
            let at = places.get(case.image.as_str()).ok_or_else(|| {
                LearnError::Split(format!(
                    "fold {} has case {}, which the data lack: begin in another folder",
                    fold + 1,
                    case.image
                ))
            })?;
            found.insert(*at, (fold, &case.logits));
        }
    }
    let present = |case: &HeldOutCase| places.get(case.image.as_str()).map(|at| &data.present[*at]);
    let mut known: BTreeMap<(usize, &Vec<bool>), Calibration> = BTreeMap::new();
    let mut out = FusionOutOfFold { cases: Vec::new(), inputs: Vec::new(), left_out: Vec::new() };
    for (at, example) in examples.iter().enumerate() {
        let Some((fold, logits)) = found.get(&at) else {
            out.left_out.push(example.source.clone());
            continue;
        };
        let inputs = &data.present[at];
        let calibration = match known.entry((*fold, inputs)) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(place) => {
                let of_same = |case: &HeldOutCase| present(case) == Some(inputs);
                place.insert(of_same_or_all(held_out, *fold, classes, of_same)?)
            }
        };
        out.inputs.push(recipe.keys_of(inputs).join("+"));
        out.cases.push(OutOfFold {
            image: example.source.clone(),
            label: example.label,
            fold: fold + 1,
            patient: example.patient,
            probabilities: calibration.probabilities(logits),
        });
    }
    Ok(out)
}

/// The calibration of the other folds' cases with the same inputs, or of all of them.
fn of_same_or_all(
    held_out: &[HeldOut],
    fold: usize,
    classes: usize,
    is_same: impl Fn(&HeldOutCase) -> bool,
) -> Result<Calibration, LearnError> {
    let all: Vec<&HeldOutCase> = of_others(held_out, fold).collect();
    let same: Vec<&HeldOutCase> = all.iter().copied().filter(|case| is_same(case)).collect();
    let count = |label: usize| same.iter().filter(|case| case.label == label).count();
    if (0..classes).all(|label| count(label) >= LEAST_CASES)
        && let Ok(own) = calibration(&same, classes)
    {
        return Ok(own);
    }
    calibration(&all, classes)
}

/// What some of the inputs are worth, over runs that differ by their fold or seed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InputsMean {
    /// Which inputs.
    pub inputs: Vec<String>,
    /// Whether a network of this input alone was trained; else the network of all inputs reads them, the others hidden.
    pub own_network: bool,
    /// Runs that have a figure.
    pub runs: usize,
    /// Mean over labels of the area under the ROC curve.
    pub macro_auc: RunMean,
    /// Share of cases whose likeliest label is right.
    pub accuracy: Option<RunMean>,
    /// The macro AUC with all inputs less that, run by run.
    pub all_inputs_less: Option<RunMean>,
}

/// The subsets of the inputs and the networks of one input over some runs: most inputs first.
pub fn inputs_means(runs: &[&FusionMetrics]) -> Vec<InputsMean> {
    let Some(first) = runs.first() else { return Vec::new() };
    let count =
        first.baselines.len().max(first.subsets.iter().map(|one| one.inputs.len()).max().unwrap_or(0));
    let all_inputs = |run: &FusionMetrics| {
        let all = run.subsets.iter().find(|subset| subset.inputs.len() == count)?;
        Some((all.macro_auc.as_ref()?.estimate, all.cases))
    };
    /// AUC, accuracy and number of cases.
    type Figures = (Option<f64>, Option<f64>, usize);
    let line = |inputs: &[String], own_network: bool, figures: &dyn Fn(&FusionMetrics) -> Option<Figures>| {
        let found: Vec<(Figures, Option<(f64, usize)>)> =
            runs.iter().filter_map(|run| Some((figures(run)?, all_inputs(run)))).collect();
        let aucs: Vec<f64> = found.iter().filter_map(|((auc, ..), _)| *auc).collect();
        let accuracies: Vec<f64> = found.iter().filter_map(|((_, accuracy, _), _)| *accuracy).collect();
        // Of other cases a difference would say how hard those are, not what the inputs are worth.
        let less: Vec<f64> = found
            .iter()
            .filter_map(|((auc, _, cases), all)| {
                let (all, of_all) = (*all)?;
                (of_all == *cases).then_some(all - (*auc)?)
            })
            .collect();
        let whole = !own_network && inputs.len() == count;
        Some(InputsMean {
            inputs: inputs.to_vec(),
            own_network,
            runs: aucs.len(),
            macro_auc: RunMean::of(&aucs)?,
            accuracy: RunMean::of(&accuracies),
            all_inputs_less: if whole { None } else { RunMean::of(&less) },
        })
    };
    let mut subsets: Vec<&Vec<String>> = first.subsets.iter().map(|subset| &subset.inputs).collect();
    subsets.sort_by_key(|inputs| std::cmp::Reverse(inputs.len()));
    let of_subset = |inputs: &&Vec<String>| {
        line(inputs, false, &|run| {
            let subset = run.subsets.iter().find(|subset| subset.inputs == **inputs)?;
            Some((
                subset.macro_auc.as_ref().map(|auc| auc.estimate),
                subset.accuracy.as_ref().map(|accuracy| accuracy.estimate),
                subset.cases,
            ))
        })
    };
    let alone = first.baselines.iter().filter_map(|baseline| {
        line(std::slice::from_ref(&baseline.input), true, &|run| {
            let own = run.baselines.iter().find(|own| own.input == baseline.input)?;
            Some((
                own.macro_auc.as_ref().map(|auc| auc.estimate),
                own.accuracy.as_ref().map(|accuracy| accuracy.estimate),
                own.cases,
            ))
        })
    });
    subsets.iter().filter_map(of_subset).chain(alone).collect()
}

/// What the inputs are worth as Markdown; `kinds` are arms of a sweep, or all folds.
pub fn inputs_table(of: &str, kinds: &[(&str, &[InputsMean])]) -> String {
    if kinds.iter().all(|(_, means)| means.is_empty()) {
        return String::new();
    }
    let mut text = format!(
        "\nWith some of the inputs, on the validation cases of each run that have them, the others hidden; means over the runs \
         with Student's 95 % interval. The difference is that of all inputs less these, run by run, where both are \
         measured on the same cases, those that have all inputs: where its interval lies above 0, the inputs that are left out say something more.\n\n\
         | {of} | inputs | runs | macro AUC | all inputs less it | accuracy |\n|---|---|---:|---|---|---|\n"
    );
    for (kind, means) in kinds {
        for mean in *means {
            let inputs = mean.inputs.join(", ");
            let inputs = if mean.own_network { format!("network of {inputs} alone") } else { inputs };
            let _ = writeln!(
                text,
                "| {kind} | {inputs} | {} | {} | {} | {} |",
                mean.runs,
                mean.macro_auc.words(4),
                mean.all_inputs_less.map_or_else(|| "-".to_owned(), |less| less.signed(4)),
                mean.accuracy.map_or_else(|| "-".to_owned(), |mean| mean.words(4)),
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fusion::FusionCase;
    use crate::fusion::tests::{CT, MR, recipe};
    use wilhelm_nets::{InputBaseline, Interval, SubsetCard};

    /// Cases whose outputs are right but for every fifth; every third lacks the second input, and of those the network is
    /// twice as sure as it should be. The last is in no fold's file.
    fn folds(count: usize) -> (FusionRecipe, FusionData, Vec<HeldOut>) {
        let recipe = recipe("fusion = \"early\"", &[CT, MR]);
        let case = |at: usize| FusionCase {
            name: format!("{at}"),
            patient: Some(at + 1),
            inputs: (0..2)
                .map(|input| {
                    let value = |place: usize| ((place * 31 + at * 17 + input * 7) % 101) as f32 / 100.0;
                    (input == 0 || !at.is_multiple_of(3)).then(|| (0..108).map(value).collect())
                })
                .collect(),
            label: at % 2,
        };
        let data = FusionData::new(&recipe, (0..count).map(case).collect()).expect("cases");
        let of = |fold: usize| HeldOut {
            schema: HeldOut::SCHEMA,
            cases: (0..count - 1)
                .filter(|at| at % 7 % 2 == fold)
                .map(|at| {
                    let right = if at % 5 == 0 { -1.0 } else { 1.0 };
                    let sure = right * (1.0 + at as f64 / 100.0) * if at % 3 == 0 { 4.0 } else { 1.0 };
                    let logits = if at % 2 == 0 { vec![sure, 0.0] } else { vec![0.0, sure] };
                    HeldOutCase { image: format!("{at}"), label: at % 2, known: Vec::new(), logits }
                })
                .collect(),
        };
        (recipe, data, vec![of(0), of(1)])
    }

    #[test]
    fn a_case_is_calibrated_on_other_folds_cases_with_its_inputs_and_those_of_no_fold_are_named() {
        let (recipe, data, held_out) = folds(181);
        let found = fusion_out_of_fold(&recipe, &data, &held_out).expect("predictions");
        assert_eq!((found.cases.len(), found.left_out.as_slice()), (180, ["180".to_owned()].as_slice()));
        assert_eq!(found.inputs[..4], ["ct", "ct+t1", "ct+t1", "ct"]);
        // Case 3 lacks the second input: by hand, the calibration of the other fold's cases that lack it too.
        let other: Vec<&HeldOutCase> = held_out[0]
            .cases
            .iter()
            .filter(|case| case.image.parse::<usize>().is_ok_and(|at| at % 3 == 0))
            .collect();
        assert!(other.len() > 20);
        let by_hand = calibration(&other, 2).expect("it holds").probabilities(&held_out[1].cases[1].logits);
        let case = found.cases.iter().find(|case| case.image == held_out[1].cases[1].image).expect("there");
        assert_eq!((case.image.as_str(), case.fold), ("3", 2));
        assert_eq!(case.probabilities, by_hand);
    }

    #[test]
    fn few_cases_with_the_same_inputs_are_calibrated_on_all() {
        let (recipe, data, held_out) = folds(31);
        let found = fusion_out_of_fold(&recipe, &data, &held_out).expect("predictions");
        let all: Vec<&HeldOutCase> = held_out[0].cases.iter().collect();
        let by_hand = calibration(&all, 2).expect("it holds").probabilities(&held_out[1].cases[1].logits);
        let case = found.cases.iter().find(|case| case.image == "3").expect("there");
        assert_eq!(case.probabilities, by_hand);
        let mut other = held_out;
        other[0].cases[0].image = "999".to_owned();
        let said = fusion_out_of_fold(&recipe, &data, &other).expect_err("other data").to_string();
        assert!(said.contains("fold 1 has case 999, which the data lack"), "{said}");
    }

    #[test]
    fn what_an_input_adds_is_taken_run_by_run_as_worked_on_paper() {
        let interval = |estimate: f64| Some(Interval { estimate, low: estimate, high: estimate });
        let subset = |inputs: &[&str], auc: f64| SubsetCard {
            inputs: inputs.iter().map(|input| (*input).to_owned()).collect(),
            cases: 9,
            macro_auc: interval(auc),
            accuracy: interval(auc),
            nothing: None,
            stack: None,
            calibration: None,
        };
        let run = |both: f64, ct: f64, alone: f64| {
            let plain = crate::sweep::tests::metrics(1, both);
            FusionMetrics {
                model: plain.model,
                version: plain.version,
                fusion: "early".to_owned(),
                seed: 1,
                parameters: 7,
                epoch: Some(3),
                seconds: 2.0,
                weights_sha256: String::new(),
                data_sha256: String::new(),
                validation: plain.validation,
                subsets: vec![subset(&["ct"], ct), subset(&["ct", "t1"], both)],
                baselines: vec![InputBaseline {
                    input: "ct".to_owned(),
                    cases: 9,
                    macro_auc: interval(alone),
                    accuracy: interval(alone),
                }],
            }
        };
        let runs = [run(0.9, 0.8, 0.85), run(0.8, 0.74, 0.75)];
        let means = inputs_means(&runs.iter().collect::<Vec<_>>());
        assert_eq!(means.iter().map(|mean| mean.own_network).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!((means[0].inputs.len(), means[0].all_inputs_less), (2, None));
        // 0.1 and 0.06: mean 0.08, half width 12.7062 times 0.02.
        let less = means[1].all_inputs_less.expect("two runs");
        let [low, high] = less.interval.expect("two runs");
        assert!((less.mean - 0.08).abs() < 1e-12 && (high - 0.08 - 0.254_124).abs() < 1e-5, "{low} {high}");
        assert!((means[2].all_inputs_less.expect("two runs").mean - 0.05).abs() < 1e-12);
        // Where some cases lack the other input, more of them are measured with this one: there is no difference to take.
        let mut more = run(0.9, 0.8, 0.85);
        more.subsets[0].cases = 12;
        let means_of_others = inputs_means(&[&more, &more]);
        assert_eq!(means_of_others[1].all_inputs_less, None);
        assert!(means_of_others[2].all_inputs_less.is_some());
        let text = inputs_table("runs", &[("all folds", &means)]);
        assert!(text.contains("| all folds | ct, t1 | 2 | 0.8500 ("), "{text}");
        assert!(text.contains("| all folds | network of ct alone | 2 | 0.8000 ("), "{text}");
        assert!(inputs_table("arm", &[("cnn", &[])]).is_empty() && inputs_means(&[]).is_empty());
    }
}
