//! What is reached without a network, beside one.

use crate::training::{RECIPE, pictures};
use crate::{code, json, path, stderr, wilhelm};

#[test]
fn a_model_has_baselines_beside_it_and_is_refused_where_it_saw_what_is_held_out() {
    let place = tempfile::tempdir().expect("a folder");
    let at = |name: &str| place.path().join(name);
    std::fs::create_dir(at("data")).expect("made");
    pictures(&at("data"));
    std::fs::write(at("recipe.toml"), RECIPE.replace("epochs = 40", "epochs = 12")).expect("written");
    let [recipe, data, model] = ["recipe.toml", "data", "model"].map(at);
    let fixed = ["train", "classifier", "--recipe", path(&recipe), "--data", path(&data)];
    let trained = wilhelm(&[&fixed[..], &["--out", path(&model)]].concat());
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    let said = String::from_utf8_lossy(&trained.stdout).into_owned();
    for name in ["majority", "prevalence", "nearest neighbors", "logistic regression on radiomics"] {
        assert!(said.contains(name), "{said}");
    }
    let metrics = json(&std::fs::read(at("model.run/metrics.json")).expect("there"));
    let on_card = metrics["validation"]["baselines"].as_array().expect("baselines").clone();
    assert_eq!(on_card.len(), 4);
    let card = std::fs::read_to_string(model.join("card.toml")).expect("a card");
    assert!(card.contains("[[validation.baselines]]"), "{card}");

    // The same figures for the model that is there now.
    let out = at("out");
    let asked =
        ["evaluate", "baselines", "--recipe", path(&recipe), "--data", path(&data), "--out", path(&out)];
    let found = wilhelm(&[&asked[..], &["--model", path(&model), "--json"]].concat());
    assert_eq!(code(&found), 0, "{}", stderr(&found));
    let found = json(&found.stdout);
    let near = |one: &serde_json::Value, other: &serde_json::Value| {
        let [one, other] = [one, other].map(|value| value.as_f64().expect("a number"));
        assert!((one - other).abs() < 1e-9, "{one} {other}");
    };
    for (one, other) in found["baselines"].as_array().expect("a list").iter().zip(&on_card) {
        let one = &one["metric"];
        assert_eq!(one["name"], other["name"]);
        near(&one["macro_auc"]["estimate"], &other["macro_auc"]["estimate"]);
        near(&one["network_less"]["brier"]["high"], &other["network_less"]["brier"]["high"]);
    }
    near(&found["network"]["accuracy"]["estimate"], &metrics["validation"]["accuracy"]["estimate"]);
    assert!(out.join("features/radiomics-baseline.safetensors").is_file());
    let again = wilhelm(&asked);
    assert_eq!(code(&again), 2, "{}", stderr(&again));
    let alone = wilhelm(&[&asked[..], &["--force", "--json"]].concat());
    let alone = json(&alone.stdout);
    assert!(alone["network"].is_null() && alone["baselines"][3]["metric"]["network_less"].is_null());

    // By another seed the model has seen what is held out.
    std::fs::write(&recipe, RECIPE.replace("seed = 5", "seed = 6")).expect("written");
    let other = wilhelm(&[&asked[..], &["--force", "--model", path(&model)]].concat());
    assert_eq!(code(&other), 3, "{}", stderr(&other));
    assert!(stderr(&other).contains("by another split"), "{}", stderr(&other));
    let shipped = wilhelm(&[&asked[..], &["--force", "--model", "chest-pneumonia"]].concat());
    assert_eq!(code(&shipped), 3, "{}", stderr(&shipped));
    assert!(stderr(&shipped).contains("was not trained on these data"), "{}", stderr(&shipped));

    std::fs::write(&recipe, RECIPE.replace("epochs = 40", "epochs = 1")).expect("written");
    let without =
        wilhelm(&[&fixed[..], &["--out", path(&at("without")), "--no-baselines", "--json"]].concat());
    assert_eq!(code(&without), 0, "{}", stderr(&without));
    assert!(json(&without.stdout).get("baselines").is_none());
}
