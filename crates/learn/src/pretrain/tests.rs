use super::*;
use crate::dataset::tests::recipe;
use crate::{Dataset, Keeping, Run, divide};

/// A recipe for a network that learns in a second.
fn small() -> Recipe {
    let mut recipe = recipe(&[
        ("widths = [16, 32, 64, 96]", "widths = [8, 16]"),
        ("\nside = 28", "\nside = 12"),
        ("features = 1000", "features = 24"),
        ("validation_share = 0.12", "validation_share = 0.3"),
    ]);
    recipe.pretraining = Some(Pretraining {
        epochs: 12,
        warm_up_epochs: 1,
        batch: 16,
        learning_rate: 0.003,
        weight_decay: 0.0001,
        temperature: 0.5,
        projection: 16,
        augmentation: Augmentation {
            mirror: false,
            rotation_degrees: 5.0,
            scale: 0.05,
            shift: 0.05,
            contrast: 0.1,
            brightness: 0.05,
            log_gamma: 0.1,
            noise: 0.02,
            erase: 0.0,
            mix: 0.0,
            turn_slices: false,
            tilt_degrees: 0.0,
            elastic: None,
        },
    });
    recipe
}

/// Pictures of one bright bar each, no two alike.
fn data() -> Dataset {
    let examples = (0..96)
        .map(|place: usize| {
            let (row, column, tall) = (place % 8, place / 8 % 6, place % 5 + 2);
            let pixels: Vec<f32> = (0..144)
                .map(|at| {
                    let inside =
                        (row..row + tall).contains(&(at / 12)) && (column..column + 4).contains(&(at % 12));
                    0.2 + if inside { 0.7 } else { ((at * 7 + place * 31) % 11) as f32 / 60.0 }
                })
                .collect();
            let base = crate::dataset::tests::example(place, place % 2);
            Example { pixels, ..base }
        })
        .collect();
    Dataset { examples, sha256: "d".to_owned() }
}

/// Says nothing and stops when told.
struct Steps {
    left: usize,
}

impl TrainProgress for Steps {
    fn step(&mut self, _: usize, _: usize) {
        self.left = self.left.saturating_sub(1);
    }
    fn epoch(&mut self, _: EpochReport) {}
    fn cancelled(&self) -> bool {
        self.left == 0
    }
    fn seconds(&self) -> f64 {
        0.0
    }
}

#[test]
fn views_of_an_image_find_each_other_after_training_and_a_stopped_run_ends_with_the_same_bytes() {
    let (recipe, data) = (small(), data());
    let division = divide(&recipe, &data).expect("a split");
    let whole = pretrain(&division, None, "r.toml", &mut Steps { left: 100_000 }).expect("trained");
    let figures = whole.card.validation.expect("it was measured");
    assert!((figures.loss_of_chance - 31.0_f64.ln()).abs() < 1e-9);
    assert!(figures.loss < figures.loss_of_chance - 0.5, "{figures:?}");
    assert!(figures.accuracy > 4.0 / 31.0, "{figures:?}");
    assert!(whole.history.last().expect("passes").training_loss < whole.history[0].training_loss);
    assert_eq!(
        wilhelm_nets::FrozenEncoder::from_parts(&whole.card, whole.weights.clone()).expect("read").name(),
        "chest-pneumonia"
    );

    let place = tempfile::tempdir().expect("a folder");
    let open =
        |resume: bool| Run::open(place.path(), "r", "d", &Keeping::for_tests(resume, 60.0)).expect("a run");
    let run = open(false);
    let stopped = pretrain(&division, Some(&run), "r.toml", &mut Steps { left: 17 });
    assert!(matches!(stopped, Err(LearnError::Cancelled)));
    drop(run);
    let run = open(true);
    let resumed = pretrain(&division, Some(&run), "r.toml", &mut Steps { left: 100_000 }).expect("resumed");
    assert_eq!((resumed.weights, resumed.history), (whole.weights, whole.history));
}

#[test]
fn a_classifier_begins_with_the_encoder_or_refuses_another_s() {
    let (mut recipe, data) = (small(), data());
    if let Some(settings) = &mut recipe.pretraining {
        settings.epochs = 1;
    }
    recipe.optimization.epochs = 1;
    let division = divide(&recipe, &data).expect("a split");
    let trained = pretrain(&division, None, "r.toml", &mut Steps { left: 1000 }).expect("trained");
    let start = |card: EncoderCard, weights: Vec<u8>| crate::Start::Encoder { card: Box::new(card), weights };
    let train = |recipe: &Recipe, start: crate::Start| {
        let division = Division { recipe, ..division.clone() };
        crate::train_classifier(&division, start, None, "r.toml", "c", &mut Steps { left: 100_000 })
    };
    let begun = start(trained.card.clone(), trained.weights.clone()).network(&recipe, &Device::flex());
    assert_eq!(begun.encoder().to_bytes().expect("bytes"), trained.weights);
    match train(&recipe, start(trained.card.clone(), trained.weights.clone())) {
        Ok(_) | Err(LearnError::NoSignal { .. }) => {}
        Err(error) => panic!("{error}"),
    }
    let mut wider = recipe.clone();
    wider.architecture.widths = vec![8, 24];
    let said = train(&wider, start(trained.card.clone(), trained.weights.clone()))
        .expect_err("other sizes")
        .to_string();
    assert!(said.contains("widths is [8, 16] there, [8, 24] in the recipe"), "{said}");
    let mut bytes = trained.weights.clone();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    let said = train(&recipe, start(trained.card, bytes)).expect_err("a flipped bit").to_string();
    assert!(said.contains("its card says"), "{said}");
}

#[test]
fn what_cannot_be_pre_trained_is_refused_in_words() {
    let data = data();
    let said = |recipe: &Recipe, data: &Dataset| {
        let division = divide(recipe, data).expect("a split");
        pretrain(&division, None, "r.toml", &mut Steps { left: 1000 }).expect_err("refused").to_string()
    };
    assert!(said(&Recipe { pretraining: None, ..small() }, &data).contains("add [pretraining]"));
    let mut spoiled = data.clone();
    spoiled.examples[7].pixels[3] = f32::NAN;
    assert!(said(&small(), &spoiled).contains("7.png"));
    let text = toml::to_string(&small()).expect("TOML");
    for (old, new, words) in [
        ("batch = 16", "batch = 1", "at least 2"),
        ("temperature = 0.5", "temperature = 0.0", "temperature"),
        ("projection = 16", "projection = 0", "projection"),
    ] {
        assert!(text.contains(old), "{old} in {text}");
        let said = Recipe::from_toml(&text.replacen(old, new, 1)).expect_err("refused").to_string();
        assert!(said.contains(words), "{said}");
    }
}
