use std::path::Path;

use super::*;
use crate::dataset::tests::recipe;
use crate::{Dataset, Example, Recipe, divide};

/// Pictures of 8 x 8: bright ones and dark ones, on noise; of every tenth the label is the other.
fn pictures(count: usize) -> Dataset {
    let one = |place: usize| {
        let label = place % 2;
        let pixel = |at: usize| {
            let mut state = (place * 7919 + at) as u32;
            state = state.wrapping_mul(2_654_435_761);
            state ^= state >> 15;
            let noise = (state.wrapping_mul(2_246_822_519) >> 24) as f32 / 255.0;
            0.5 * noise + if label == 1 { 0.4 } else { 0.1 }
        };
        let pixels: Vec<f32> = (0..64).map(pixel).collect();
        Example {
            source: format!("{place}.png"),
            line: None,
            patient: None,
            side: None,
            thumbnail: pixels.clone(),
            pixels,
            label: if place % 20 < 2 { 1 - label } else { label },
            truths: Vec::new(),
        }
    };
    Dataset { examples: (0..count).map(one).collect(), sha256: "abc".to_owned() }
}

fn small() -> Recipe {
    recipe(&[("\nside = 28", "\nside = 8"), ("validation_share = 0.12", "validation_share = 0.4")])
}

#[test]
fn baselines_that_look_find_what_brightness_tells_and_blind_ones_do_not() {
    let (recipe, data) = (small(), pictures(120));
    let division = divide(&recipe, &data).expect("parted");
    let truth: Vec<usize> =
        division.split.validation.iter().map(|place| data.examples[*place].label).collect();
    // A network that is always right, and as sure as can be.
    let answers: Vec<Vec<f64>> =
        truth.iter().map(|label| if *label == 0 { vec![1.0, 0.0] } else { vec![0.0, 1.0] }).collect();
    let network = NetworkAnswers { model: "oracle 1", weights_sha256: "0", probabilities: &answers };
    let of = |network, cache: Option<&Path>| {
        baselines(&division, network, "wilhelm", cache, &|_, _, _| ()).expect("measured")
    };
    let found = of(Some(network), None);
    let names: Vec<&str> = found.baselines.iter().map(|one| one.metric.name.as_str()).collect();
    assert_eq!(names, ["majority", "prevalence", "nearest neighbors", "logistic regression on radiomics"]);
    let share = truth.iter().filter(|label| **label == 0).count() as f64 / truth.len() as f64;
    for blind in &found.baselines[..2] {
        assert_eq!((blind.metric.macro_auc.estimate, blind.tried.len()), (0.5, 0), "{blind:?}");
        let right = blind.metric.accuracy.estimate;
        assert!((right - share).abs() < 1e-12 || (right - (1.0 - share)).abs() < 1e-12, "{blind:?}");
    }
    for looking in &found.baselines[2..] {
        let metric = &looking.metric;
        // A tenth of the labels are wrong, more or fewer of those held out.
        assert!(metric.macro_auc.estimate > 0.8 && metric.accuracy.estimate > 0.75, "{metric:?}");
        let less = metric.network_less.expect("a network was there");
        assert!((less.macro_auc.estimate - (1.0 - metric.macro_auc.estimate)).abs() < 1e-12);
        assert!((less.brier.estimate + metric.brier.estimate).abs() < 1e-12 && less.brier.high <= 0.0);
        let chosen = looking.tried.iter().filter_map(|one| one.log_loss).fold(f64::INFINITY, f64::min);
        assert!(chosen < std::f64::consts::LN_2, "{:?}", looking.tried);
    }
    assert_eq!((found.training, found.images), (division.split.training.len(), truth.len()));

    // Radiomics that were kept are read, and change nothing.
    let place = tempfile::tempdir().expect("a folder");
    let kept = of(None, Some(place.path()));
    assert!(place.path().join("radiomics-baseline.safetensors").is_file());
    let without = |mut found: Baselines| {
        found.network = None;
        found.baselines.iter_mut().for_each(|one| one.metric.network_less = None);
        found
    };
    assert_eq!(kept, without(found.clone()));
    assert_eq!(of(None, Some(place.path())), kept);
    let few = NetworkAnswers { model: "m", weights_sha256: "0", probabilities: &answers[1..] };
    let said = baselines(&division, Some(few), "", None, &|_, _, _| ()).expect_err("refused").to_string();
    assert!(said.contains(&format!("{} are held out", truth.len())), "{said}");
}

#[test]
fn copies_do_not_choose_the_number_of_neighbors() {
    // Every picture twice: by its own copy one neighbor would seem to be always right.
    let (recipe, single) = (small(), pictures(60));
    let examples = single.examples.iter().flat_map(|one| [one.clone(), one.clone()]).collect();
    let data = Dataset { examples, sha256: "twice".to_owned() };
    let division = divide(&recipe, &data).expect("parted");
    assert!(division.groups.iter().enumerate().all(|(place, group)| *group == place / 2 * 2));
    let found = baselines(&division, None, "", None, &|_, _, _| ()).expect("measured");
    let one = &found.baselines[2].tried[0];
    assert!(one.setting.starts_with("1 neighbor,"), "{one:?}");
    // A tenth of the labels are wrong, and one neighbor has no more than 3/4 for the label that it calls.
    assert!(one.log_loss.expect("a loss") > 0.34, "{one:?}");
}

#[test]
fn too_few_images_leave_the_strength_unchosen() {
    let recipe =
        recipe(&[("\nside = 28", "\nside = 8"), ("validation_share = 0.12", "validation_share = 0.5")]);
    let mut data = pictures(30);
    // Two images of the second label: one is held out, so that a part of the training images leaves none.
    data.examples.iter_mut().enumerate().for_each(|(place, one)| one.label = usize::from(place < 2));
    let division = divide(&recipe, &data).expect("parted");
    let found = baselines(&division, None, "", None, &|_, _, _| ()).expect("measured");
    let regression = &found.baselines[3];
    assert!(
        regression.tried.is_empty() && regression.metric.what.contains("too few images"),
        "{regression:?}"
    );
}
