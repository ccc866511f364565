use std::time::Instant;

use wilhelm_learn::{EpochReport, Recipe, TrainProgress, load, train_classifier};

use crate::args::{self, TrainVerb};
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text, write_folder};
use crate::progress::Line;
use crate::verbs::models::figures;

struct Progress {
    line: Line,
    started: Instant,
}

impl TrainProgress for Progress {
    fn step(&mut self, done: usize, total: usize) {
        self.line.at(done, total);
    }
    fn epoch(&mut self, report: EpochReport) {
        let accuracy = report
            .validation_accuracy
            .map_or(String::new(), |accuracy| format!(", validation accuracy {accuracy:.3}"));
        self.line.above(&format!(
            "epoch {}/{}: loss {:.4}{accuracy}, {:.0} s",
            report.epoch,
            report.epochs,
            report.training_loss,
            self.started.elapsed().as_secs_f64()
        ));
    }
    fn cancelled(&self) -> bool {
        false
    }
}

/// `wilhelm train`
pub fn run(verb: &args::Train) -> anyhow::Result<Exit> {
    let TrainVerb::Classifier { recipe, data, out, weights, force, json } = &verb.verb;
    if !force && out.join("card.toml").exists() {
        return Err(Stop::usage(format!("{} holds a model: add --force to replace it", out.display())));
    }
    let text = read_text(recipe, "recipe")?;
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
    let mut progress = Progress { line: Line::new("training"), started: Instant::now() };
    let examples = load(&parsed, data)?;
    let trained = train_classifier(&parsed, &examples, start, &name, &command, &mut progress)?;
    drop(progress);
    let card = trained.card.to_toml()?;
    let sources = trained.validation_sources.join("\n") + "\n";
    let files: [(&str, &[u8]); 4] = [
        ("card.toml", card.as_bytes()),
        (&trained.card.weights, &trained.weights),
        (&trained.card.outlier.file, &trained.detector),
        ("validation.txt", sources.as_bytes()),
    ];
    write_folder(out, &files, *force)?;
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
