use std::path::{Path, PathBuf};
use std::time::Instant;

use wilhelm_learn::{
    EpochReport, Recipe, Run, RunMetrics, TrainProgress, Trained, divide, load, train_classifier,
};

use crate::args::{self, TrainClassifier, TrainVerb};
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text, write_folder};
use crate::progress::Line;
use crate::verbs::folds::Wanted;
use crate::verbs::models::figures;

pub struct Progress {
    line: Line,
    started: Instant,
}

impl Progress {
    pub fn new() -> Self {
        Self { line: Line::new("training"), started: Instant::now() }
    }
}

impl TrainProgress for Progress {
    fn step(&mut self, done: usize, total: usize) {
        self.line.at(done, total);
    }
    fn epoch(&mut self, report: EpochReport) {
        let score = report.score().map_or_else(String::new, |(name, value)| format!(", {name} {value:.3}"));
        self.line.above(&format!(
            "epoch {}/{}: loss {:.4}, validation loss {:.4}{score}, {:.0} s",
            report.epoch,
            report.epochs,
            report.training_loss,
            report.validation_loss,
            self.started.elapsed().as_secs_f64()
        ));
    }
    fn cancelled(&self) -> bool {
        false
    }
    fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }
}

/// A model's folder.
pub fn model_files(trained: &Trained) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let card = &trained.card;
    let validation: String = trained.held_out.cases.iter().map(|case| format!("{}\n", case.image)).collect();
    Ok(vec![
        ("card.toml".to_owned(), card.to_toml()?.into_bytes()),
        (card.weights.clone(), trained.weights.clone()),
        (card.outlier.file.clone(), trained.detector.clone()),
        ("validation.txt".to_owned(), validation.into_bytes()),
    ])
}

/// Files as [`write_folder`] takes them.
pub fn borrowed(files: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect()
}

/// `wilhelm train`
pub fn run(verb: &args::Train) -> anyhow::Result<Exit> {
    crate::memory::keep_freed();
    match &verb.verb {
        TrainVerb::Classifier(wanted) => classifier(wanted),
        TrainVerb::Segmenter(wanted) => super::train_segmenter::run(wanted),
    }
}

/// The folder beside a model's that keeps its run.
pub fn run_folder(out: &Path, named: Option<&Path>) -> PathBuf {
    let beside = || {
        let mut name = out.to_owned().into_os_string();
        name.push(".run");
        name.into()
    };
    named.map_or_else(beside, Path::to_path_buf)
}

fn classifier(verb: &TrainClassifier) -> anyhow::Result<Exit> {
    let TrainClassifier { recipe, data, out, folds, weights, run, resume, checkpoint_every, force, json } =
        verb;
    if !force && out.join("card.toml").exists() {
        return Err(Stop::usage(format!("{} holds a model: add --force to replace it", out.display())));
    }
    let text = read_text(recipe, "recipe")?;
    if let Some(count) = *folds {
        let checkpoint_every = checkpoint_every.max(0.0);
        let wanted = Wanted { count, recipe: &text, data, out, checkpoint_every, json: *json };
        return super::folds::run(&wanted);
    }
    let parsed = Recipe::from_toml(&text)?;
    let name = recipe.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let set = data.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let start_words = weights
        .as_ref()
        .map_or_else(String::new, |_| format!(" --weights models/{}/weights.safetensors", parsed.name));
    let command = format!(
        "wilhelm train classifier --recipe models/recipes/{name} --data {set}{start_words} --out models/{}",
        parsed.name
    );
    let start = match weights {
        Some(path) => {
            let fail = |error| Stop::input(format!("weights {} cannot be read: {error}", path.display()));
            Some(std::fs::read(path).map_err(fail)?)
        }
        None => None,
    };
    let mut progress = Progress::new();
    let examples = load(&parsed, data)?;
    // A split that is refused leaves no run behind.
    let division = divide(&parsed, &examples)?;
    let run = match &start {
        Some(_) => None,
        None => {
            let folder = run_folder(out, run.as_deref());
            Some(Run::open(&folder, &text, &examples.sha256, *resume, checkpoint_every.max(0.0))?)
        }
    };
    let trained = train_classifier(&division, start, run.as_ref(), &name, &command, &mut progress)?;
    drop(progress);
    let files = model_files(&trained)?;
    write_folder(out, &borrowed(&files), *force)?;
    if let Some(run) = run {
        run.finish(&RunMetrics::of(&trained))?;
    }
    if *json {
        print_json(&trained.card.validation)?;
    } else {
        print(&format!("{}\n", figures(&trained.card)))?;
        for label in &trained.card.validation.labels {
            print(&format!(
                "  {:12} AUC {:.3} ({:.3} to {:.3}), recall {:.3} ({:.3} to {:.3}), {} images\n",
                label.label,
                label.auc.estimate,
                label.auc.low,
                label.auc.high,
                label.recall.estimate,
                label.recall.low,
                label.recall.high,
                label.images
            ))?;
        }
    }
    Ok(Exit::Done)
}
