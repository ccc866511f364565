use super::*;
use crate::dataset::tests::{example, recipe};
use crate::sweep::tests::metrics;
use crate::{Example, Fold, HeldOutCase};

const SHARE: &str = "validation_share = 0.12\n";

fn text() -> String {
    let place =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/recipes/chest-pneumonia.toml");
    std::fs::read_to_string(place).expect("the recipe of a shipped model")
}

#[test]
fn each_fold_has_a_recipe_that_says_which_it_is() {
    let runs = fold_runs::<Recipe>(&text(), 3).expect("folds");
    assert_eq!(runs.iter().map(|run| run.number).collect::<Vec<_>>(), [1, 2, 3]);
    for run in &runs {
        assert_eq!(run.recipe.fold, Some(Fold { number: run.number, of: 3 }));
        assert_eq!(run.recipe.validation_share, None);
        assert_eq!(Recipe::from_toml(&run.text).expect("reads itself"), run.recipe);
        assert_eq!(run.recipe.optimization, recipe(&[]).optimization);
    }
    let without = fold_runs(&text().replace(SHARE, ""), 3).expect("a recipe may leave out the share");
    assert_eq!(without, runs);
}

#[test]
fn folds_that_cannot_be_meant_are_refused() {
    let refused =
        |text: &str, count: usize| fold_runs::<Recipe>(text, count).expect_err("refused").to_string();
    assert!(refused(&text(), 1).contains("fold is 1 of 1, expected"), "{}", refused(&text(), 1));
    assert!(refused(&text(), 1000).contains("expected"), "{}", refused(&text(), 1000));
    let one = text().replace(SHARE, "fold = { number = 1, of = 2 }\n");
    assert!(refused(&one, 2).contains("of one fold already"));
    let file = "file = \"dev/pneumoniamnist_trainval.npz\"";
    let stated = text().replace(file, &format!("{file}\nvalidation = \"v.txt\""));
    assert!(
        refused(&stated, 2).contains("fold and validation under [data] both say"),
        "{}",
        refused(&stated, 2)
    );
    let named = text().replace("key = \"normal\"", "key = \"fold\"");
    assert!(refused(&named, 2).contains("label fold is named as another column"), "{}", refused(&named, 2));
}

/// Two folds of ten images, alternating labels, whose outputs are right but for every fifth; the second network is
/// three times as sure.
fn folds() -> (Dataset, Vec<HeldOut>) {
    let examples: Vec<Example> =
        (0..20).map(|place| Example { patient: Some(place + 1), ..example(place, place % 2) }).collect();
    let of = |fold: usize| HeldOut {
        schema: HeldOut::SCHEMA,
        cases: (fold * 10..fold * 10 + 10)
            .map(|place| {
                let right = if place % 5 == 0 { -1.0 } else { 1.0 };
                let sure = right * (1.0 + place as f64 / 50.0) * if fold == 0 { 1.0 } else { 3.0 };
                let logits = if place % 2 == 0 { vec![sure, 0.0] } else { vec![0.0, sure] };
                HeldOutCase { image: format!("{place}.png"), label: place % 2, known: Vec::new(), logits }
            })
            .collect(),
    };
    (Dataset { examples, sha256: String::new() }, vec![of(0), of(1)])
}

#[test]
fn a_fold_is_calibrated_on_the_others_and_no_own_label_takes_part() {
    let (data, held_out) = folds();
    let recipe = recipe(&[]);
    let cases = out_of_fold(&recipe, &data, &held_out).expect("predictions");
    assert_eq!(cases.len(), 20);
    assert!(
        cases
            .iter()
            .zip(&data.examples)
            .all(|(case, example)| { case.image == example.source && case.patient == example.patient })
    );
    assert_eq!((cases[3].fold, cases[13].fold), (1, 2));
    // By hand: the slope and bias of the second fold applied to an image of the first.
    let logits: Vec<f64> = held_out[1].cases.iter().flat_map(|case| case.logits.clone()).collect();
    let labels: Vec<usize> = held_out[1].cases.iter().map(|case| case.label).collect();
    let fit = fit_recalibration(Rows::new(&logits, 2).expect("rows"), &labels).expect("a fit");
    let own = &held_out[0].cases[3].logits;
    let odds = fit.slope * (own[1] - own[0]) + fit.bias[1] - fit.bias[0];
    assert!((cases[3].probabilities[1] - 1.0 / (1.0 + (-odds).exp())).abs() < 1e-9);
    // Turning a label of the first fold round changes the probabilities of the second alone.
    let mut turned = held_out.clone();
    for case in &mut turned[0].cases[9..] {
        case.label = 1 - case.label;
    }
    let other = out_of_fold(&recipe, &data, &turned).unwrap_or_else(|error| panic!("{error}"));
    let same = |fold: usize| {
        cases.iter().zip(&other).filter(|(case, _)| case.fold == fold).all(|(one, two)| one == two)
    };
    assert!(same(1) && !same(2));
    let mut lost = held_out;
    lost[1].cases.pop();
    let said = out_of_fold(&recipe, &data, &lost).expect_err("one is missing").to_string();
    assert!(said.contains("19.png (line 21) is in no fold"), "{said}");
}

#[test]
fn the_table_has_the_mean_with_its_interval_and_a_fold_without_a_model_counts() {
    let (data, held_out) = folds();
    let recipe = recipe(&[]);
    let cases = out_of_fold(&recipe, &data, &held_out).expect("predictions");
    let results = [Ok(metrics(5, 0.9)), Err("calibration slope is -1".to_owned())];
    let summary = summarize_folds(&recipe, &cases, &results).expect("figures");
    // Eight of ten are right in each fold (every fifth is wrong), so the mean has no width.
    assert_eq!(summary.folds.iter().map(|line| line.accuracy).collect::<Vec<_>>(), [0.8, 0.8]);
    assert_eq!(summary.accuracy, RunMean { mean: 0.8, interval: Some([0.8, 0.8]) });
    let by_hand: f64 = cases
        .iter()
        .filter(|case| case.fold == 1)
        .map(|case| (case.probabilities[1] - case.label as f64).powi(2) / 10.0)
        .sum();
    assert!((summary.folds[0].brier - by_hand).abs() < 1e-12);
    assert_eq!((summary.folds[0].seconds, summary.folds[1].seconds), (Some(10.0), None));
    let text = folds_table(&summary, &[]);
    assert!(text.contains("| 1 | 10 | ") && text.contains("| mean | 20 | "), "{text}");
    assert!(text.contains("0.8000 (0.8000 to 0.8000)"), "{text}");
    assert!(
        text.contains("fold 2 made no model, its predictions count all the same: calibration slope"),
        "{text}"
    );
    assert_eq!(summary.caution, None);
}
