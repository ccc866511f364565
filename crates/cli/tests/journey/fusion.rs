//! A classifier of several inputs: trained on a table with gaps, asked by single inputs and by a table, and refused where
//! it cannot be used.

use std::path::{Path, PathBuf};

use crate::training::RECIPE;
use crate::{code, gray_png, json, path, stderr, wilhelm};

const SIDE: u32 = 16;

/// A picture of noise with a bright middle, or with a bright rim.
fn picture(folder: &Path, name: &str, seed: u32, bright: bool) {
    let pixels: Vec<u8> = (0..SIDE * SIDE)
        .map(|at| {
            let (column, row) = (at % SIDE, at / SIDE);
            let inside = (5..11).contains(&column) && (5..11).contains(&row);
            let mut state = (seed * 7919 + at).wrapping_mul(2_654_435_761);
            state ^= state >> 15;
            let noise = (state.wrapping_mul(2_246_822_519) >> 26) as u8;
            90 + noise + if inside == bright { 60 } else { 0 }
        })
        .collect();
    gray_png(folder, name, SIDE, &pixels);
}

/// Cases of a first and a second picture; every fifth lacks the second, and every seventh the first.
fn pictures(folder: &Path) {
    let mut table = "case,class,t1,flair\n".to_owned();
    for number in 0..80_u32 {
        let bright = number % 2 == 0;
        let class = if bright { "bright" } else { "dark" };
        let mut cells = Vec::new();
        for (input, lacking) in [number % 7 == 3, number % 5 == 4 && number % 7 != 3].into_iter().enumerate()
        {
            if lacking {
                cells.push(String::new());
                continue;
            }
            let name = format!("{number}-{input}.png");
            picture(folder, &name, number * 2 + input as u32, bright);
            cells.push(name);
        }
        table += &format!("case {number},{class},{}\n", cells.join(","));
    }
    std::fs::write(folder.join("labels.csv"), table).expect("written");
}

/// The recipe of one input made into one of two.
fn recipe(fusion: &str, required: bool) -> String {
    let own = format!(
        "fusion = \"{fusion}\"\n{}\n[[inputs]]\nkey = \"t1\"\nmodalities = [\"MR\"]\nquantity = \"arbitrary\"\nrequired = \
         {required}\n[[inputs]]\nkey = \"flair\"\nmodalities = [\"MR\"]\nquantity = \"arbitrary\"\n[data]",
        if fusion == "late" { "" } else { "drop_input = 0.2" }
    );
    // Where an input is required, the other is said to be in Hounsfield units, which a picture cannot say itself.
    let own = if required { own.replace("arbitrary\"\n[data]", "hounsfield\"\n[data]") } else { own };
    let changes = [
        ("[data]", own.as_str()),
        ("modalities = [\"MR\"]\nbody_parts", "body_parts"),
        ("quantity = \"arbitrary\"\nleast_side", "least_side"),
        ("epochs = 40", "epochs = 15"),
        ("validation_share = 0.3", "validation_share = 0.4"),
    ];
    // From behind, since what comes in has the words that are looked for.
    changes.iter().rev().fold(RECIPE.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replacen(old, new, 1)
    })
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("data")).expect("made");
        pictures(&folder.path().join("data"));
        Self { folder }
    }
    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    fn train(&self, recipe: &str, out: &str, more: &[&str]) -> std::process::Output {
        std::fs::write(self.at("recipe.toml"), recipe).expect("written");
        let [recipe, data, out] = ["recipe.toml", "data", out].map(|name| path(&self.at(name)).to_owned());
        let fixed = ["train", "classifier", "--recipe", &recipe, "--data", &data, "--out", &out];
        wilhelm(&fixed.iter().chain(more).copied().collect::<Vec<_>>())
    }
    fn predict(&self, more: &[&str]) -> std::process::Output {
        let models = path(&self.at("models")).to_owned();
        let fixed = ["predict", "--model", "middle", "--models", &models, "--csv", "-"];
        wilhelm(&fixed.iter().chain(more).copied().collect::<Vec<_>>())
    }
}

/// The cells of a table's rows.
fn rows(output: &std::process::Output) -> Vec<Vec<String>> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn a_model_of_several_inputs_is_trained_with_gaps_and_reads_cases_with_gaps() {
    let place = Place::new();
    let trained = place.train(&recipe("intermediate", false), "models/middle", &["--json"]);
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    assert!(stderr(&trained).contains("network of all inputs, intermediate fusion"), "{}", stderr(&trained));
    let told = json(&trained.stdout);
    assert!(told["validation"]["macro_auc"]["estimate"].as_f64().expect("a figure") > 0.9, "{told}");
    let subsets: Vec<String> = told["subsets"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|subset| subset["inputs"].to_string())
        .collect();
    assert_eq!(subsets, ["[\"t1\"]", "[\"flair\"]", "[\"t1\",\"flair\"]"]);
    assert_eq!(told["baselines"].as_array().expect("a list").len(), 2);
    for file in ["outliers-t1.safetensors", "outliers-flair.safetensors", "validation.txt", "card.toml"] {
        assert!(place.at("models/middle").join(file).is_file(), "{file}");
    }
    for file in
        ["split.json", "held-out.json", "metrics.json", "alone-t1/metrics.json", "alone-flair/history.json"]
    {
        assert!(place.at("models/middle.run").join(file).is_file(), "{file}");
    }

    let [t1, flair] = ["0-0.png", "0-1.png"].map(|name| path(&place.at("data").join(name)).to_owned());
    let (t1, flair) = (format!("t1={t1}"), format!("flair={flair}"));
    let both = place.predict(&["--input", &flair, "--input", &t1]);
    assert_eq!(code(&both), 0, "{}", stderr(&both));
    let found = rows(&both);
    assert_eq!(found[0].join(","), "case,bright,dark,outlier_score,missing,abstained");
    assert!(found[1][1].parse::<f64>().expect("a probability") > 0.5, "{found:?}");
    assert_eq!(found[1][4], "");
    let alone = place.predict(&["--input", &t1]);
    assert_eq!(rows(&alone)[1][4], "flair");
    assert!(stderr(&alone).contains("1 rows, 0 abstained; missing: flair in 1"), "{}", stderr(&alone));
    // The table that it was trained on will do, and a case says the same in it.
    let table = path(&place.at("data/labels.csv")).to_owned();
    let all = rows(&place.predict(&["--table", &table]));
    assert_eq!(all.len(), 81);
    assert_eq!(all[1][1..5], found[1][1..5]);
    assert_eq!((all[4][4].as_str(), all[5][4].as_str(), all[6][4].as_str()), ("t1", "flair", ""));
    let right = all[1..].iter().enumerate().filter(|(number, row)| {
        row[1].parse::<f64>().is_ok_and(|bright| (bright > 0.5) == (number % 2 == 0))
    });
    assert!(right.count() > 65);

    let models = path(&place.at("models")).to_owned();
    let listed = wilhelm(&["models", "--models", &models, "list"]);
    assert!(
        String::from_utf8_lossy(&listed.stdout).contains("reads t1, flair of a case, intermediate fusion")
    );
    let shown = wilhelm(&["models", "--models", &models, "show", "middle"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("kind = \"fusion-classifier\""));
}

#[test]
fn what_a_model_of_several_inputs_cannot_do_is_said() {
    let place = Place::new();
    let trained = place.train(&recipe("late", true), "models/middle", &[]);
    // Every seventh case lacks the first picture, which this recipe requires.
    assert_eq!(code(&trained), 3);
    assert!(
        stderr(&trained).contains("11 of 80 cases cannot be used: case case 3 (line 5): input t1 is missing")
    );
    let table = std::fs::read_to_string(place.at("data/labels.csv")).expect("there");
    let whole: Vec<&str> =
        table.lines().filter(|line| !line.contains("bright,,") && !line.contains("dark,,")).collect();
    std::fs::write(place.at("data/labels.csv"), whole.join("\n")).expect("written");
    let trained = place.train(&recipe("late", true), "models/middle", &[]);
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    let said = String::from_utf8_lossy(&trained.stdout).into_owned();
    for words in ["all inputs", "t1 alone", "network of flair alone"] {
        assert!(said.contains(words), "{said}");
    }
    // Nothing is read without the input that is required.
    assert!(!said.contains("\nflair alone"), "{said}");

    let refused = |output: std::process::Output, exit: i32, words: &str| {
        let said = stderr(&output);
        assert_eq!(code(&output), exit, "{said}");
        assert!(said.contains(words), "{said}");
    };
    let file = |name: &str| path(&place.at("data").join(name)).to_owned();
    let [t1, flair] = [format!("t1={}", file("0-0.png")), format!("flair={}", file("0-1.png"))];
    refused(
        place.predict(&["--input", &flair]),
        2,
        "input t1 is missing: model middle reads no case without it",
    );
    let unknown = format!("t2={}", file("0-0.png"));
    refused(
        place.predict(&["--input", &unknown]),
        2,
        "model middle has no input t2; its inputs are t1, flair",
    );
    refused(place.predict(&["--input", &t1, "--input", &t1]), 2, "--input t1 is given twice");
    refused(place.predict(&["--input", "t1"]), 2, "--input t1: expected KEY=FILE");
    refused(place.predict(&[&file("0-0.png")]), 2, "give one as --input t1=FILE --input flair=FILE");
    refused(place.predict(&["--input", &t1, "--units", "t1=kg"]), 2, "expected KEY=hu or KEY=suv");
    std::fs::write(place.at("data/typo.csv"), "case,t1,flare\nx,0-0.png,0-1.png\n").expect("written");
    refused(
        place.predict(&["--table", &file("typo.csv")]),
        3,
        "typo.csv: has no column flair; there are case, t1, flare",
    );
    let pixels: Vec<u8> = (0..400_u32).map(|at| 60 + (at / 20 * 5) as u8).collect();
    gray_png(&place.at("data"), "large.png", 20, &pixels);
    let large = format!("flair={}", file("large.png"));
    let unknown_unit = rows(&place.predict(&["--input", &t1, "--input", &flair]));
    assert!(unknown_unit[1].join(",").contains("input flair: its unit of the values is"), "{unknown_unit:?}");
    let both = rows(&place.predict(&["--input", &t1, "--input", &flair, "--units", "flair=hu"]));
    assert!(both[1][1].parse::<f64>().is_ok_and(|bright| bright > 0.5), "{both:?}");
    let apart = place.predict(&["--input", &t1, "--input", &large, "--units", "flair=hu"]);
    let apart = rows(&apart);
    assert!(
        apart[1].join(",").contains("input flair: it has 20 x 20 x 1 voxels, not 16 x 16 x 1"),
        "{apart:?}"
    );
    std::fs::write(place.at("data/gaps.csv"), "case,t1,flair\nx,,0-1.png\ny,0-0.png,\nz,gone.png,\n")
        .expect("written");
    let gaps = place.predict(&["--table", &file("gaps.csv")]);
    assert_eq!(code(&gaps), 1, "{}", stderr(&gaps));
    let gaps = rows(&gaps);
    assert!(gaps[1].join(",").contains("input t1 is missing, and no case is read without it"), "{gaps:?}");
    assert!(gaps[2][1].parse::<f64>().is_ok(), "{gaps:?}");
    assert!(gaps[3].join(",").contains("input t1: "), "{gaps:?}");

    let models = path(&place.at("models")).to_owned();
    let out = path(&place.at("model.onnx")).to_owned();
    let export = |format: &str| {
        wilhelm(&[
            "models", "--models", &models, "export", "middle", "--format", format, "--out", &out, "--force",
        ])
    };
    refused(export("onnx"), 3, "reads several inputs, any of which may be missing");
    assert_eq!(code(&export("safetensors")), 0);
    let explain = wilhelm(&["explain", &file("0-0.png"), "--model", "middle", "--models", &models]);
    refused(
        explain,
        3,
        "model middle reads several inputs of a case (t1, flair): only predict reads with it",
    );
    let start = place.train(&recipe("late", true), "begun", &["--start", "encoder"]);
    refused(start, 2, "--start is of recipes of one input");
    let one = wilhelm(&["predict", "--model", "chest-pneumonia", "--csv", "-", "--input", &t1]);
    refused(one, 2, "model chest-pneumonia reads one input");
}

#[test]
fn a_recipe_of_several_inputs_has_folds_that_say_what_each_input_adds() {
    let place = Place::new();
    let recipe = recipe("intermediate", false).replace("validation_share = 0.4\n", "");
    let folds = || place.train(&recipe, "folds", &["--folds", "2", "--json"]);
    let found = folds();
    assert_eq!(code(&found), 0, "{}", stderr(&found));
    let told = json(&found.stdout);
    assert_eq!(told["folds"].as_array().expect("a list").len(), 2);
    assert_eq!(told["left_out"], serde_json::json!([]));
    assert!(told["macro_auc"]["mean"].as_f64().expect("a mean") > 0.9, "{told}");
    let inputs = told["inputs"].as_array().expect("a list");
    let names: Vec<String> =
        inputs.iter().map(|line| format!("{} {}", line["inputs"], line["own_network"])).collect();
    assert_eq!(names[0], "[\"t1\",\"flair\"] false");
    assert_eq!(names[3..], ["[\"t1\"] true", "[\"flair\"] true"]);
    // Some cases lack an input: no line is measured on the same cases as that of all inputs.
    assert!(inputs[1]["macro_auc"]["mean"].is_f64());
    assert!(inputs.iter().all(|line| line["all_inputs_less"].is_null()), "{told}");
    let table = std::fs::read_to_string(place.at("folds/out-of-fold.csv")).expect("written");
    assert_eq!(table.lines().next(), Some("image,label,fold,inputs,bright,dark"));
    assert_eq!(table.lines().count(), 81);
    assert!(table.contains(",t1+flair,") && table.contains(",flair,") && table.contains(",t1,"));
    let page = std::fs::read_to_string(place.at("folds/folds.md")).expect("written");
    assert!(page.contains("| all folds | network of flair alone | 2 |"), "{page}");
    // What is there already is read, and gives the same table.
    let again = folds();
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    assert!(!stderr(&again).contains("epoch"), "{}", stderr(&again));
    assert_eq!(json(&again.stdout), told);
    let predictions = path(&place.at("folds/out-of-fold.csv")).to_owned();
    let out = path(&place.at("evaluated")).to_owned();
    let least = ["--least-cases", "5"];
    let fixed =
        ["evaluate", &predictions, "--positive", "bright", "--group", "inputs", "--out", &out, "--json"];
    let evaluated = wilhelm(&fixed.iter().chain(&least).copied().collect::<Vec<_>>());
    assert_eq!(code(&evaluated), 0, "{}", stderr(&evaluated));
}

#[test]
fn a_recipe_of_several_inputs_is_swept_with_what_each_input_adds_by_arm() {
    let place = Place::new();
    let arms = "seeds = [1]\n[[arm]]\nname = \"early\"\nset = { fusion = \"early\" }\n[[arm]]\nname = \"late\"\nset = { \
                fusion = \"late\", drop_input = 0.0 }\n";
    std::fs::write(place.at("sweep.toml"), arms).expect("written");
    std::fs::write(place.at("recipe.toml"), recipe("intermediate", false)).expect("written");
    let [recipe, sweep, data, out] =
        ["recipe.toml", "sweep.toml", "data", "swept"].map(|name| path(&place.at(name)).to_owned());
    let swept = wilhelm(&["sweep", "--recipe", &recipe, "--sweep", &sweep, "--data", &data, "--out", &out]);
    assert_eq!(code(&swept), 0, "{}", stderr(&swept));
    let said = String::from_utf8_lossy(&swept.stdout).into_owned();
    for words in
        ["| early | 1 |", "| late | 1 |", "| early | t1, flair | 1 |", "| late | network of t1 alone | 1 |"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(std::fs::read_to_string(place.at("swept/sweep.md")).expect("written"), said);
    assert!(place.at("swept/late/seed-1/card.toml").is_file());
    let told = json(&std::fs::read(place.at("swept/sweep.json")).expect("written"));
    assert_eq!(told["runs"][1]["result"]["Ok"]["fusion"], "late");
}
