use std::path::Path;

use super::*;
use crate::{Dataset, EpochReport, Example, Keeping, LearnError, TrainProgress, divide};

fn text() -> String {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/recipes/chest-report.toml");
    std::fs::read_to_string(place).expect("the recipe of the project")
}

/// The project's recipe for a very small network.
fn small() -> String {
    let changes = [
        ("side = 28", "side = 8"),
        ("widths = [12, 24, 48]", "widths = [6, 8]"),
        ("features = 256", "features = 16"),
        ("model_width = 48", "model_width = 8"),
        ("heads = 4\nencoder_layers = 1", "heads = 2\nencoder_layers = 1"),
        ("[writing]\nstart = \"classifier\"\nepochs = 5", "[writing]\nstart = \"classifier\"\nepochs = 40"),
        ("[optimization]\nepochs = 5", "[optimization]\nepochs = 10"),
        ("batch = 64", "batch = 16"),
        ("learning_rate = 0.001\n", "learning_rate = 0.01\n"),
        ("prefix_inner = 128", "prefix_inner = 16"),
        ("width = 64\nheads = 4\nlayers = 2", "width = 24\nheads = 2\nlayers = 1"),
        ("dropout = 0.1", "dropout = 0.0"),
        ("validation_share = 0.12", "validation_share = 0.25"),
        ("rotation_degrees = 5.0", "rotation_degrees = 0.0"),
        ("scale = 0.05", "scale = 0.0"),
        ("shift = 0.05", "shift = 0.0"),
    ];
    changes.into_iter().fold(text(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

/// Noise with stripes: columns where the label is 1, rows where it is 0. The writer sees what is in a picture, not where.
fn pictures(count: usize) -> Dataset {
    use rand::RngExt;
    let examples = (0..count).map(|at| {
        let mut random = crate::seed::generator(5, 6, at as u64);
        let label = at % 2;
        let base = [0.3, 0.45, 0.6][at / 2 % 3];
        let pixels: Vec<f32> = (0..64)
            .map(|pixel| {
                let line = if label == 1 { pixel % 8 } else { pixel / 8 };
                let stripe = if line % 2 == 0 { 0.15 } else { -0.15 };
                base + 0.05 + stripe + random.random_range(-0.05..0.05_f32)
            })
            .collect();
        let thumbnail = (0..1024).map(|_| random.random_range(0.0..1.0_f32)).collect();
        Example {
            source: format!("{at}.png"),
            line: None,
            patient: None,
            side: None,
            pixels,
            thumbnail,
            label,
            truths: Vec::new(),
        }
    });
    Dataset::new(examples.collect())
}

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

#[test]
fn a_grammar_reads_back_what_it_writes_and_nothing_else() {
    let recipe = ReportRecipe::from_toml(&text()).expect("a recipe");
    let grammar = &recipe.grammar;
    let mut seen = std::collections::BTreeSet::new();
    for label in 0..2 {
        for brightness in [0.2, 0.58, 0.9] {
            let said = grammar.facts(label, &[brightness; 10]);
            for draw in 0..40 {
                let written = grammar.write(&said, &mut crate::seed::generator(1, 2, draw));
                let reading = grammar.read(&written.to_uppercase());
                let expected: Vec<Option<usize>> = said.iter().copied().map(Some).collect();
                assert_eq!(
                    (reading.said, reading.contradictions, reading.unread),
                    (expected, 0, 0),
                    "{written}"
                );
                seen.insert(written);
            }
        }
    }
    assert!(seen.len() > 60, "{}", seen.len());
    let read = |text: &str| grammar.read(text);
    let both = read("There is pneumonia. No evidence of pneumonia.");
    assert_eq!((both.said[1], both.contradictions), (None, 1));
    let strange = read("There is no pneumonia. The picture is dark overall.");
    assert_eq!((&strange.said[..], strange.unread), (&[None, None, Some(0)][..], 1));
    assert_eq!(read("").said, [None, None, None]);
    // At a cut the brighter range begins.
    assert_eq!(grammar.facts(1, &[0.54])[2], 1);
}

#[test]
fn a_recipe_that_contradicts_itself_is_refused_by_what_is_wrong() {
    let refused = |from: &str, to: &str, words: &str| {
        let text = text();
        assert!(text.contains(from), "{from}");
        let said = ReportRecipe::from_toml(&text.replacen(from, to, 1)).expect_err(words).to_string();
        assert!(said.contains(words), "{said}");
    };
    refused("about = \"label\"", "about = \"nothing\"", "expected one sentence about the label");
    refused("cuts = [0.54, 0.61]", "cuts = [0.61, 0.54]", "must rise from 0 to 1");
    refused("cuts = [0.54, 0.61]", "cuts = [0.54]", "sentence 3 has wordings of 3 things, expected 2");
    refused("\"There is pneumonia.\"", "\"Pneumonia is present.\"", "stands there twice");
    refused("\"There is pneumonia.\"", "\"There. Pneumonia.\"", "must be one sentence");
    refused("present = 1", "present = 2", "must name one of the labels");
    refused("mix = 0.0", "mix = 0.2", "two images have no text in common");
    refused("most_words = 40", "most_words = 0", "out of bounds");
    refused("most_words = 40", "most_words = 40\nmost_lines = 2", "unknown field `most_lines`");
    refused("mirror = ", "start = \"encoder\"\nmirror = ", "begins as start under [writing] says");
    refused("learning_rate = 0.001\n", "learning_rate = -1\n", "learning_rate must be above 0");
}

#[test]
fn what_is_seen_is_learned_and_a_run_that_was_killed_gives_the_same_weights() {
    let text = small();
    let recipe = ReportRecipe::from_toml(&text).expect("a recipe");
    let data = pictures(120);
    let division = divide(&recipe.recipe, &data).expect("a split");
    let place = tempfile::tempdir().expect("a folder");
    let train = |folder: &str, resume: bool, stop_after: usize| {
        let runs = ReportRuns::open(
            &place.path().join(folder),
            &text,
            &data.sha256,
            &Keeping::for_tests(resume, 0.5),
        )?;
        let mut steps = Steps { done: 0, stop_after };
        train_report(&recipe, &text, &division, Some(&runs), ("r.toml", "c"), &mut steps)
    };
    let whole = train("whole", false, usize::MAX).expect("trained");
    // Once within the classifier, once within the generator.
    for stop_after in [7, 60] {
        let resume = place.path().join("parts/run.json").exists();
        let stopped = train("parts", resume, stop_after).expect_err("stopped");
        assert!(matches!(stopped, LearnError::Cancelled), "{stopped}");
    }
    let parts = train("parts", true, usize::MAX).expect("went on");
    assert_eq!(parts.card.weights_sha256, whole.card.weights_sha256);
    assert_eq!(parts.metrics.figures, whole.metrics.figures);

    let figures = &whole.metrics.figures;
    let names: Vec<&str> = figures.systems.iter().map(|system| system.name.as_str()).collect();
    assert_eq!(
        names,
        ["generator", "generator, by chance", "constant", "nearest neighbor", "classifier + grammar"]
    );
    let value = |at: usize| figures.systems[at].label_accuracy.value.expect("a number");
    // Better than what does not look, and as easy for the labeler to read.
    assert!(value(0) > 0.9 && (value(2) - 0.5).abs() < 0.01, "{} {}", value(0), value(2));
    assert_eq!(figures.systems[0].label_accuracy_by_labeler, Some(figures.systems[0].label_accuracy.clone()));
    assert_eq!(figures.systems[0].unread + figures.systems[0].unended, 0);

    // The folder of a model gives the same figures.
    let model = place.path().join("model");
    std::fs::create_dir(&model).expect("made");
    let rows = whole.validation.iter().map(|row| format!("{},{},{}\n", row[0], row[1], row[2]));
    let table = format!("id,label,classifier\n{}", rows.collect::<String>());
    let card = toml::to_string(&whole.card).expect("TOML");
    for (name, bytes) in [
        ("card.toml", card.as_bytes()),
        ("recipe.toml", text.as_bytes()),
        ("tokenizer.json", &whole.tokenizer),
        ("weights.safetensors", &whole.weights),
        ("validation.csv", table.as_bytes()),
    ] {
        std::fs::write(model.join(name), bytes).expect("written");
    }
    let read = WriterModel::open(&model).expect("a model");
    let resampling = wilhelm_stats::Resampling { replicates: 1000, level: 0.95, seed: 1 };
    let (again, texts) =
        read.measure(&data, &division.split, Decoding::Greedy, resampling).expect("measured");
    assert_eq!(again.systems[0], figures.systems[0]);
    assert_eq!(texts.len(), whole.validation.len());
    let other = read.measure(&pictures(80), &division.split, Decoding::Greedy, resampling);
    assert!(other.expect_err("other data").to_string().contains("name that folder"));
    std::fs::write(model.join("weights.safetensors"), b"other").expect("written");
    let spoilt = WriterModel::open(&model).expect_err("other weights").to_string();
    assert!(spoilt.contains("its card says"), "{spoilt}");
}
