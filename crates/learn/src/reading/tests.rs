use wilhelm_nets::arch::BertConfig;
use wilhelm_nets::text::TextBase;
use wilhelm_study::Silent;

use super::*;
use crate::evaluation::Figure;
use crate::{EpochReport, Keeping, LearnError, Run, TrainProgress};

const RECIPE: &str = r#"
name = "agreement"
version = "1.0.0"
title = "Whether a sentence and a number agree"
license = "Apache-2.0"
must_not = ["It must not be used but in tests."]
seed = 7
validation_share = 0.25
positive = "agrees"
data_words = "sentences of a rule"
data_license = "none needed"
citation = "none"

[data]
table = "texts.csv"
text = "text"
label = "label"
group = "case"
numbers = ["probability"]

[[labels]]
key = "differs"
name = "differs"

[[labels]]
key = "agrees"
name = "agrees"
value = "yes"

[reader]
most_tokens = 16
hidden = 16

[optimization]
epochs = 60
warm_up_epochs = 2
batch = 8
learning_rate = 0.01
weight_decay = 0.0
clip_norm = 1.0
label_smoothing = 0.0
class_balance = 0.0
"#;

/// Counts time as steps, and stops after some.
struct Steps {
    done: usize,
    stop_after: usize,
}

impl TrainProgress for Steps {
    fn step(&mut self, _: usize, _: usize) {
        self.done += 1;
    }
    fn epoch(&mut self, _: EpochReport) {}
    fn cancelled(&self) -> bool {
        self.done >= self.stop_after
    }
    fn seconds(&self) -> f64 {
        self.done as f64
    }
}

fn to_the_end() -> Steps {
    Steps { done: 0, stop_after: usize::MAX }
}

fn golden() -> TextBase {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../nets/tests/golden/bert");
    TextBase::open(folder.as_ref()).expect("the folder of the golden encoder")
}

/// Sentences that say a lung is normal or not, with a number that says so too or the opposite: neither alone decides.
fn table(rows: usize) -> String {
    let mut table = "text,label,case,probability\n".to_owned();
    for row in 0..rows {
        let (normal, high) = (row % 2 == 0, row / 2 % 2 == 0);
        let text = if normal { "the lung is normal" } else { "no normal lung" };
        let agrees = if normal == high { "yes" } else { "differs" };
        let number = if high { 0.9 } else { 0.1 } + f64::from(row as u32 % 5) / 100.0;
        // Each sentence is worded anew, so that none is a copy.
        table.push_str(&format!("{text} {row} mm,{agrees},case {},{number}\n", row / 2));
    }
    table
}

fn headline<'a>(headlines: &'a [crate::evaluation::Headline], key: &str) -> &'a Figure {
    &headlines.iter().find(|headline| headline.key == key).expect("a headline").figure
}

#[test]
fn text_and_number_are_read_together_and_the_folder_reads_alike() {
    let recipe = TextRecipe::from_toml(RECIPE).expect("a recipe");
    let texts = Texts::parse(&recipe, "texts.csv", table(96).as_bytes()).expect("a table");
    let base = golden();
    let trained =
        train_text(&recipe, &texts, (&base, "golden"), None, ("recipe.toml", "test"), &mut to_the_end())
            .expect("a run");
    assert_eq!(trained.history.len(), 60);
    let metrics = &trained.metrics;
    assert_eq!(metrics.training_texts + metrics.figures.cases, 96);
    assert!(metrics.figures.by_patient);
    let auc =
        |figures: &crate::evaluation::Report| headline(&figures.headlines, "roc_auc").value.expect("a value");
    assert!(auc(&metrics.figures) > 0.95, "{}", auc(&metrics.figures));
    // Words alone cannot know.
    assert!(auc(&metrics.terms_figures) < 0.8, "{}", auc(&metrics.terms_figures));

    let folder = tempfile::tempdir().expect("a folder");
    let card = toml::to_string(&trained.card).expect("a card");
    for (name, bytes) in [
        ("card.toml", card.as_bytes()),
        ("config.json", trained.config.as_bytes()),
        ("tokenizer.json", &trained.tokenizer),
        ("weights.safetensors", &trained.weights),
    ] {
        std::fs::write(folder.path().join(name), bytes).expect("written");
    }
    let model = TextModel::open(folder.path()).expect("its own folder");
    assert_eq!(model.card, trained.card);
    let line = trained.predictions.lines().nth(1).expect("a prediction");
    let cells: Vec<&str> = line.split(',').collect();
    let at: u64 = cells[0].trim_start_matches("line-").parse().expect("a line");
    let example = texts.examples.iter().find(|example| example.line == at).expect("the text");
    let said = model.read(&[&example.text], std::slice::from_ref(&example.numbers), &Silent).expect("read");
    for (found, expected) in said[0].0.iter().zip(&cells[3..]) {
        assert!((found - expected.parse::<f64>().expect("a probability")).abs() < 1e-5, "{said:?} {line}");
    }
    assert!(matches!(model.read(&["a"], &[vec![]], &Silent), Err(LearnError::Data { .. })));
    std::fs::write(folder.path().join("weights.safetensors"), b"other").expect("written");
    let error = TextModel::open(folder.path()).expect_err("other weights");
    assert!(error.to_string().contains("copy the model's folder anew"), "{error}");
}

#[test]
fn a_run_that_was_stopped_ends_with_the_same_weights() {
    let text = RECIPE.replacen("epochs = 60", "epochs = 3", 1).replacen(
        "hidden = 16",
        "hidden = 16\nhold_layers = 1",
        1,
    );
    let recipe = TextRecipe::from_toml(&text).expect("a recipe");
    let texts = Texts::parse(&recipe, "texts.csv", table(48).as_bytes()).expect("a table");
    let base = golden();
    let train = |run: Option<&Run>, progress: &mut Steps| {
        train_text(&recipe, &texts, (&base, "golden"), run, ("recipe.toml", "test"), progress)
    };
    let whole = train(None, &mut to_the_end()).expect("a run");
    let folder = tempfile::tempdir().expect("a folder");
    let open = |resume: bool| {
        Run::open(folder.path(), &text, &texts.sha256, &Keeping::for_tests(resume, 0.0))
            .expect("a run's folder")
    };
    let stopped = train(Some(&open(false)), &mut Steps { done: 0, stop_after: 6 });
    assert!(matches!(stopped, Err(LearnError::Cancelled)));
    let run = open(true);
    let resumed = train(Some(&run), &mut to_the_end()).expect("the rest of the run");
    assert_eq!(resumed.card.weights_sha256, whole.card.weights_sha256);
    // What is held has not changed: the embeddings and the first layer are those of the encoder.
    let held = |bytes: &[u8]| {
        let read = safetensors::SafeTensors::deserialize(bytes).expect("weights");
        let of = |name: &str| read.tensor(name).expect(name).data().to_vec();
        [of("bert.words.weight"), of("bert.layers.0.query.weight"), of("bert.layers.1.query.weight")]
    };
    let short = TextRecipe::from_toml(&text.replacen("epochs = 3", "epochs = 1", 1)).expect("a recipe");
    let one =
        train_text(&short, &texts, (&base, "golden"), None, ("r", "t"), &mut to_the_end()).expect("a run");
    let (one, three) = (held(&one.weights), held(&whole.weights));
    assert!(one[..2] == three[..2], "what is held has changed");
    assert!(one[2] != three[2], "what is not held has not changed");
}

#[test]
fn copies_and_groups_stay_together() {
    let recipe = TextRecipe::from_toml(RECIPE).expect("a recipe");
    let table = "text,label,case,probability\n\
        No lung,yes,a,0.1\n\
        a heart,differs,b,\n\
        no  LUNG,differs,c,0.2\n\
        right,yes,b,0.4\n\
        left,yes,c,0.5\n\
        size,yes,,0.5\n\
        focal,differs,,0.5\n";
    let texts = Texts::parse(&recipe, "t", table.as_bytes()).expect("a table");
    let groups: Vec<usize> = texts.examples.iter().map(|example| example.group).collect();
    assert_eq!(groups, [0, 1, 0, 1, 0, 5, 6]);
    assert_eq!(texts.examples[1].numbers, [None]);
    assert_eq!(texts.examples[0].label, 1);
}

#[test]
fn bad_tables_and_recipes_are_refused_in_words() {
    let recipe = TextRecipe::from_toml(RECIPE).expect("a recipe");
    let said =
        |table: &str| Texts::parse(&recipe, "t.csv", table.as_bytes()).expect_err("refused").to_string();
    let header = "text,label,case,probability\n";
    assert_eq!(
        said("text,label,case\na,yes,b\n"),
        "data in t.csv: has no column probability; its columns are text, label, case"
    );
    assert_eq!(
        said(&format!("{header}a,perhaps,b,1\n")),
        "data in t.csv: line 2: the label is \"perhaps\", expected one of differs, yes"
    );
    assert_eq!(
        said(&format!("{header}a,yes,b,many\n")),
        "data in t.csv: line 2: probability is \"many\", expected a number or nothing"
    );
    assert_eq!(
        said(&format!("{header} ,yes,b,1\n")),
        "data in t.csv: line 2: has no text: take the line out"
    );
    let one_sided = Texts::parse(&recipe, "t.csv", format!("{header}a,yes,b,1\nc,yes,d,1\n").as_bytes());
    let error = one_sided.expect("a table").divide(&recipe).expect_err("one label").to_string();
    assert!(
        error.starts_with("split: label differs has no text to train on and none for validation"),
        "{error}"
    );

    let refused = |from: &str, to: &str| {
        let error = TextRecipe::from_toml(&RECIPE.replacen(from, to, 1)).expect_err("refused").to_string();
        error.strip_prefix("recipe is not readable: ").expect("of the recipe").to_owned()
    };
    assert!(refused("positive = \"agrees\"\n", "").starts_with("it has two labels: set positive"));
    assert_eq!(
        refused("positive = \"agrees\"", "positive = \"x\""),
        "positive is x, which is no label's key"
    );
    assert_eq!(refused("key = \"differs\"", "key = \"group\""), "no label may have the key group");
    assert!(refused("hidden = 16", "hidden = 0").contains("out of bounds"));
    assert!(refused("seed = 7", "seed = 7\nsprint = 1").contains("sprint"));
    assert!(refused("validation_share = 0.25", "validation_share = 0.95").contains("validation_share"));
    let long =
        TextRecipe::from_toml(&RECIPE.replacen("most_tokens = 16", "most_tokens = 41", 1)).expect("a recipe");
    let base = golden();
    let BertConfig { positions, layers, .. } = base.config;
    let texts = Texts::parse(&long, "t", table(24).as_bytes()).expect("a table");
    let error = train_text(&long, &texts, (&base, "golden"), None, ("r", "t"), &mut to_the_end());
    let error = error.expect_err("more than it takes").to_string();
    assert!(error.ends_with(&format!("takes {positions} tokens and has {layers} layers")), "{error}");
}
