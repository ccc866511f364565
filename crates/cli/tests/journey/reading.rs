//! A classifier of texts is trained, asked and refused, on top of the tiny encoder of `crates/nets/tests/golden/bert`.

use super::{code, json, path, stderr, wilhelm};

const ENCODER: &str = "crates/nets/tests/golden/bert";
const RECIPE: &str = r#"
name = "lungs"
version = "1.0.0"
title = "Whether a sentence says that a lung is normal"
license = "Apache-2.0"
must_not = ["It must not be used but in tests."]
seed = 7
validation_share = 0.25
positive = "normal"
data_words = "sentences of a rule"
data_license = "none needed"
citation = "none"
data = { table = "texts.csv", text = "text", label = "label", numbers = ["age"] }
labels = [{ key = "other", name = "something else" }, { key = "normal", name = "a normal lung" }]
reader = { most_tokens = 12, hidden = 8, hold_layers = 1 }

[optimization]
epochs = 12
warm_up_epochs = 1
batch = 8
learning_rate = 0.005
weight_decay = 0.0
clip_norm = 1.0
label_smoothing = 0.0
class_balance = 0.0
"#;

#[test]
fn a_classifier_of_texts_is_trained_and_says_what_texts_are() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| place.path().join(name);
    let mut table = "text,label,age\n".to_owned();
    for row in 0..48 {
        let (text, label) =
            if row % 2 == 0 { ("the lung is normal", "normal") } else { ("no left heart", "other") };
        table.push_str(&format!("\"{text}, {row} mm\",{label},{}\n", 40 + row % 7));
    }
    std::fs::write(at("texts.csv"), &table).expect("written");
    std::fs::write(at("recipe.toml"), RECIPE).expect("written");
    let (recipe, data, out) = (at("recipe.toml"), place.path().to_owned(), at("model"));
    let train = ["train", "text", "--recipe", path(&recipe), "--data", path(&data), "--out", path(&out)];
    let output = wilhelm(&train);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("wilhelm models fetch minilm"), "{}", stderr(&output));
    let train = [&train[..], &["--encoder", ENCODER]].concat();
    let output = wilhelm(&[&train[..], &["--json"]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let metrics = json(&output.stdout);
    assert_eq!(metrics["training_texts"], 36);
    assert_eq!(metrics["figures"]["cases"], 12);
    assert_eq!(metrics["figures"]["headlines"][0]["value"], 1.0);
    // The words decide: weighted terms know as well.
    assert_eq!(metrics["terms_figures"]["headlines"][0]["value"], 1.0);
    let output = wilhelm(&train);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("holds a model: add --force"), "{}", stderr(&output));

    let (predictions, page) = (out.join("validation.csv"), at("page"));
    let output = wilhelm(&["evaluate", path(&predictions), "--positive", "normal", "--out", path(&page)]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));

    let asked = at("asked.csv");
    std::fs::write(&asked, "id,text,age\na,the lung is normal,\nb,no left heart,41\n").expect("written");
    let output = wilhelm(&["classify", "--model", path(&out), "--table", path(&asked), "--json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let said = json(&output.stdout);
    assert_eq!(said["research_use_only"], true);
    for (at, label) in [(0, "normal"), (1, "other")] {
        assert_eq!(said["texts"][at]["label"], label, "{said}");
        assert!(said["texts"][at]["probabilities"][label].as_f64().expect("a share") > 0.5);
    }
    let output = wilhelm(&["classify", "--model", path(&out), "the lung is normal"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("the model reads age with each text"), "{}", stderr(&output));
    std::fs::write(&asked, "id,text,age\na,the lung is normal,old\n").expect("written");
    let output = wilhelm(&["classify", "--model", path(&out), "--table", path(&asked)]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("line 2: age is no number"), "{}", stderr(&output));
    let output = wilhelm(&["classify", "--model", ENCODER, "the lung is normal"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("architectures is BertModel"), "{}", stderr(&output));
}
