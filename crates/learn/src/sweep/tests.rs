use super::*;
use wilhelm_nets::{ClassMetric, Interval, Validation};

fn recipe() -> String {
    let place =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/recipes/chest-pneumonia.toml");
    std::fs::read_to_string(place).expect("the recipe of a shipped model")
}

#[test]
fn arms_and_a_grid_make_every_combination_on_one_split() {
    let sweep = Sweep::from_toml(
        r#"
        seeds = [3, 1]
        [[arm]]
        name = "cnn"
        set = { architecture = { encoder_layers = 0, decoder_layers = 0 } }
        [[arm]]
        name = "all"
        [[grid]]
        key = "optimization.learning_rate"
        values = [0.001, 0.01]
        [[grid]]
        key = "optimization.optimizer"
        values = ["adam", { sgd = { momentum = 0.9 } }]
        "#,
    )
    .expect("a sweep");
    let variants = sweep.variants::<Recipe>(&recipe()).expect("runs");
    assert_eq!(variants.len(), 2 * 2 * 2 * 2);
    let base = Recipe::from_toml(&recipe()).expect("a recipe");
    assert!(variants.iter().all(|variant| variant.recipe.split_seed() == base.split_seed()));
    // All arms of the least seed come first.
    assert_eq!(
        variants.iter().map(|variant| variant.seed).collect::<Vec<_>>()[..9],
        [1, 1, 1, 1, 1, 1, 1, 1, 3]
    );
    let first = &variants[0];
    assert_eq!(first.arm, "cnn_learning_rate-0.001_optimizer-adam");
    assert_eq!(
        (first.recipe.architecture.encoder_layers, first.recipe.optimization.learning_rate),
        (0, 0.001)
    );
    let last = &variants[15];
    assert_eq!(last.recipe.architecture, base.architecture);
    assert_eq!(last.recipe.optimization.optimizer, crate::Optimizer::Sgd { momentum: 0.9, nesterov: false });
    assert_eq!(Recipe::from_toml(&first.text).expect("reads itself").optimization, first.recipe.optimization);
}

#[test]
fn a_sweep_that_cannot_be_meant_is_refused_with_what_is_wrong() {
    let refused = |text: &str| {
        let sweep = Sweep::from_toml(text);
        sweep.and_then(|sweep| sweep.variants::<Recipe>(&recipe()).map(drop)).expect_err(text).to_string()
    };
    assert!(refused("seeds = []").contains("seeds are missing"));
    assert!(refused("seeds = [1]\nseed = 2").contains("unknown field"));
    assert!(refused("seeds = [1]\n[[arm]]\nname = \"../x\"").contains("other characters"));
    assert!(refused("seeds = [1]\n[[arm]]\nname = \"a\"\n[[arm]]\nname = \"a\"").contains("same name"));
    assert!(refused("seeds = [1]\n[[grid]]\nkey = \"optimization.rate\"\nvalues = [1]").contains("rate"));
    assert!(refused("seeds = [1]\n[[grid]]\nkey = \"seed\"\nvalues = []").contains("no values"));
    let values = (0..1000).map(|value| value.to_string()).collect::<Vec<_>>().join(",");
    let axis = |key: &str| format!("[[grid]]\nkey = \"{key}\"\nvalues = [{values}]\n");
    assert!(refused(&format!("seeds = [1]\n{}{}", axis("a"), axis("b"))).contains("1000000 runs"));
}

pub(crate) fn metrics(seed: u64, auc: f64) -> RunMetrics {
    let interval = |estimate: f64| Interval { estimate, low: estimate, high: estimate };
    let validation = Validation {
        split: String::new(),
        images: 10,
        macro_auc: interval(auc),
        accuracy: interval(auc / 2.0),
        accuracy_of_commonest: 0.5,
        brier: interval(0.25),
        calibration_error: interval(0.0),
        labels: Vec::<ClassMetric>::new(),
        command: String::new(),
        baselines: Vec::new(),
        each: Vec::new(),
    };
    RunMetrics {
        model: "m".to_owned(),
        version: "1".to_owned(),
        seed,
        parameters: 7,
        epoch: Some(3),
        seconds: Some(2.0 * seed as f64),
        weights_sha256: String::new(),
        data_sha256: String::new(),
        validation,
    }
}

fn outcome(arm: &str, seed: u64, auc: f64) -> Outcome {
    Outcome { arm: arm.to_owned(), seed, result: Ok(metrics(seed, auc)) }
}

#[test]
fn differences_are_taken_seed_by_seed_as_worked_on_paper() {
    let failed = Outcome { arm: "b".to_owned(), seed: 4, result: Err("loss is NaN".to_owned()) };
    let outcomes = [
        outcome("a", 1, 0.80),
        outcome("b", 1, 0.82),
        outcome("a", 2, 0.90),
        outcome("b", 2, 0.94),
        outcome("a", 4, 0.10),
        failed,
    ];
    let lines = summarize(&outcomes);
    assert_eq!(
        lines.iter().map(|line| (line.arm.as_str(), line.seeds)).collect::<Vec<_>>(),
        [("a", 3), ("b", 2)]
    );
    let difference = lines[1].macro_auc_difference.expect("two pairs");
    // 0.02 and 0.04: mean 0.03, standard error 0.01, t(0.975, 1) = 12.7062 (tables).
    assert!((difference.mean - 0.03).abs() < 1e-12);
    let [low, high] = difference.interval.expect("two seeds");
    assert!((high - 0.03 - 0.127_062).abs() < 1e-5 && (low + high - 0.06).abs() < 1e-12, "{low} {high}");
    assert_eq!(lines[0].macro_auc_difference, None);
    assert_eq!(lines[1].failed, ["seed 4: loss is NaN"]);
    assert_eq!(lines[1].seconds, Some(3.0));
    let text = table(&lines, 10);
    assert!(text.contains("| b | 2 | 7 | 0.8800 ("), "{text}");
    assert!(text.ends_with("\nb: seed 4: loss is NaN\n"), "{text}");
}
