use super::*;
use crate::dataset::tests::{example, recipe};
use crate::evaluation::document::{html, markdown};
use crate::{Dataset, divide};

pub(crate) fn settings() -> CurveSettings {
    CurveSettings {
        cases: vec![1, 2],
        as_far_as_there_are: true,
        repeats: 4,
        seed: 3,
        method: MethodSettings::default(),
    }
}

/// Images of two labels in turn.
pub(crate) fn data(count: usize) -> Dataset {
    Dataset { examples: (0..count).map(|place| example(place, place % 2)).collect(), sha256: "d".to_owned() }
}

/// Features in which the labels lie `apart` deviations from each other.
pub(crate) fn features(name: &str, count: usize, apart: f32) -> Features {
    let rows = (0..count)
        .map(|place| {
            let noise = |axis: usize| ((place * 37 + axis * 101) % 97) as f32 / 48.0 - 1.0;
            let side = if place % 2 == 0 { -apart } else { apart };
            vec![noise(0) + side, noise(1), noise(2)]
        })
        .collect();
    Features { name: name.to_owned(), words: "made up".to_owned(), saw_labels: false, rows }
}

fn curves(settings: &CurveSettings) -> LearningCurves {
    let (recipe, data) = (recipe(&[]), data(120));
    let division = divide(&recipe, &data).expect("a split");
    let sources = [features("good", 120, 1.5), features("bad", 120, 0.0)];
    learning_curves(&division, &sources, settings, &|_, _| ()).expect("curves")
}

#[test]
fn good_features_learn_faster_than_bad_ones_and_the_same_seed_gives_the_same_curves() {
    let found = curves(&settings());
    assert_eq!(found.curves.len(), 8);
    for curve in &found.curves {
        assert_eq!(
            curve.points.iter().map(|point| point.cases).collect::<Vec<_>>(),
            [Some(1), Some(2), None]
        );
        let all = curve.points.last().expect("a point");
        assert_eq!((all.auc_of_draws.len(), all.auc.interval), (1, None));
        assert_eq!(all.images, found.labels.iter().map(|label| label.training).sum::<usize>());
        let good = curve.source == "good";
        assert_eq!(all.auc.mean > 0.9, good, "{curve:?}");
        assert_eq!(curve.points[0].auc_difference.is_none(), good);
        if !good {
            let first = found.curves.iter().find(|other| other.method == curve.method).expect("the good one");
            let by_hand: f64 = curve.points[1]
                .auc_of_draws
                .iter()
                .zip(&first.points[1].auc_of_draws)
                .map(|(own, other)| (own - other) / 4.0)
                .sum();
            let difference = curve.points[1].auc_difference.expect("a difference");
            assert!((difference.mean - by_hand).abs() < 1e-12 && difference.mean < 0.0);
        }
    }
    assert!((found.blind.majority_accuracy - 0.5).abs() < 0.1);
    assert_eq!(found, curves(&settings()));
    assert_ne!(found, curves(&CurveSettings { seed: 4, ..settings() }));
}

#[test]
fn blind_baselines_worked_on_paper() {
    let label = |label: &str, training: usize, held_out: usize| LabelCount {
        label: label.to_owned(),
        training,
        held_out,
    };
    // Three quarters of the training side are b; of ten held out six are.
    let found = blind(&[label("a", 10, 4), label("b", 30, 6)]);
    assert_eq!(found.majority, "b");
    assert!((found.majority_accuracy - 0.6).abs() < 1e-12);
    assert!((found.prevalence_accuracy - (0.25 * 0.4 + 0.75 * 0.6)).abs() < 1e-12);
}

#[test]
fn pages_name_every_source_and_say_which_saw_the_labels() {
    let mut found = curves(&settings());
    found.sources[0].saw_labels = true;
    let page = document(&found).expect("a page");
    let (text, html) = (markdown(&page), html(&page));
    assert!(text.contains("no curve of few labels") && text.contains("AUC less that of good, draw by draw"));
    assert_eq!(html.matches("<svg ").count(), 8);
    let table = csv(&found);
    // Two sources, four methods, two sizes of four draws and one of one.
    assert_eq!(table.lines().count(), 1 + 8 * 9);
    assert!(table.contains("good,linear probe,all,"), "{table}");
}

#[test]
fn what_cannot_be_compared_is_refused_in_words() {
    let (recipe, data) = (recipe(&[]), data(120));
    let division = divide(&recipe, &data).expect("a split");
    let said = |sources: &[Features], settings: &CurveSettings| {
        learning_curves(&division, sources, settings, &|_, _| ()).expect_err("refused").to_string()
    };
    assert!(said(&[], &settings()).contains("no source"));
    let twice = [features("f", 120, 1.0), features("f", 120, 1.0)];
    assert!(said(&twice, &settings()).contains("two sources of features are called f"));
    let strict = CurveSettings { cases: vec![1000], as_far_as_there_are: false, ..settings() };
    assert!(said(&twice[..1], &strict).contains("1000 were asked for"));
    assert!(said(&[features("f", 90, 1.0)], &settings()).contains("90 images"));
    let mut one = recipe.clone();
    one.labels.truncate(1);
    let lonely = crate::Division { recipe: &one, ..division.clone() };
    let refused = learning_curves(&lonely, &twice[..1], &settings(), &|_, _| ()).expect_err("one label");
    assert!(refused.to_string().contains("nothing to tell apart"), "{refused}");
}
