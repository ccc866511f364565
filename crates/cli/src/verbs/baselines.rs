use std::path::Path;

use wilhelm_filters::{Prepared, Region};
use wilhelm_learn::baselines::{Baselines, FittedBaselines, NetworkAnswers, NetworkFigures, fit_baselines};
use wilhelm_learn::{Division, Recipe, Trained, divide, load};
use wilhelm_nets::{BaselineMetric, Interval, Model};

use crate::args::EvaluateBaselines;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text, write_folder};
use crate::progress::Line;
use crate::table;
use crate::verbs::fewshot::model_of;
use crate::verbs::models::interval;

/// `wilhelm evaluate baselines`
pub fn run(wanted: &EvaluateBaselines, config: &Config) -> anyhow::Result<Exit> {
    crate::memory::keep_freed();
    let report = wanted.out.join("baselines.json");
    if !wanted.force && report.exists() {
        return Err(Stop::usage(format!("{} is already there: add --force to replace it", report.display())));
    }
    let recipe = Recipe::from_toml(&read_text(&wanted.recipe, "recipe")?)?;
    recipe.require_one_of("evaluate baselines is")?;
    let data = load(&recipe, &wanted.data)?;
    let division = divide(&recipe, &data)?;
    let model = wanted
        .model
        .as_deref()
        .map(|named| match model_of(named, wanted.models.as_deref(), &division, config)? {
            (model, true) => Ok(model),
            (model, false) => Err(Stop::input(format!(
                "model {} was not trained on these data, or not brought to the same grid: name the recipe and the folder that it \
                 was trained by, so that what it is measured on is what it has not seen",
                model.card().name
            ))),
        })
        .transpose()?;
    let cache = wanted.out.join("features");
    let said = model.as_ref().map(|model| probabilities(model, &division)).transpose()?;
    let names = model.as_ref().map(|model| format!("{} {}", model.card().name, model.card().version));
    let network = match (&model, &names, &said) {
        (Some(model), Some(name), Some(said)) => Some(NetworkAnswers {
            model: name,
            weights_sha256: &model.card().weights_sha256,
            probabilities: said,
        }),
        _ => None,
    };
    let found = fitted(&division, Some(&cache))?.beside(&division, network, &command(wanted))?;
    let json = serde_json::to_vec_pretty(&found)?;
    write_folder(&wanted.out, &[("baselines.json", &json)], wanted.force)?;
    found.notes.iter().for_each(|note| eprintln!("wilhelm: {note}"));
    if wanted.json {
        print_json(&found)?;
    } else {
        print(&table_of(found.network.as_ref(), &found.metrics()))?;
        print(&format!("{} images held out; {}\n", found.images, report.display()))?;
    }
    Ok(Exit::Done)
}

/// The baselines beside a network that was just trained.
pub fn beside(
    division: &Division<'_>,
    trained: &Trained,
    command: &str,
    cache: Option<&Path>,
) -> anyhow::Result<Baselines> {
    with(&fitted(division, cache)?, division, trained, command)
}

/// The same where they were fitted to the division before.
pub fn with(
    fitted: &FittedBaselines,
    division: &Division<'_>,
    trained: &Trained,
    command: &str,
) -> anyhow::Result<Baselines> {
    let card = &trained.card;
    let cases = &trained.held_out.cases;
    let said: Vec<Vec<f64>> = cases.iter().map(|case| card.calibration.probabilities(&case.logits)).collect();
    let name = format!("{} {}", card.name, card.version);
    let network = NetworkAnswers { model: &name, weights_sha256: &card.weights_sha256, probabilities: &said };
    Ok(fitted.beside(division, Some(network), command)?)
}

/// The baselines fitted to the training side of a division; radiomics are kept in `cache`.
pub fn fitted(division: &Division<'_>, cache: Option<&Path>) -> anyhow::Result<FittedBaselines> {
    let line = Line::new("baselines");
    let progress = |what: &str, done: usize, total: usize| {
        line.say(what);
        line.at(done, total);
    };
    Ok(fit_baselines(division, cache, &progress)?)
}

/// Calibrated probabilities of the images held out, in the division's order.
fn probabilities(model: &Model, division: &Division<'_>) -> anyhow::Result<Vec<Vec<f64>>> {
    /// Images between two steps of progress.
    const BATCH: usize = 32;
    let card = model.card();
    let preparation = card.preparation;
    let (side, slices) = (card.architecture.side, card.architecture.slices);
    let places = &division.split.validation;
    let line = Line::new("reading");
    let mut all = Vec::with_capacity(places.len());
    for batch in places.chunks(BATCH) {
        line.at(all.len(), places.len());
        let images: Vec<Prepared> = batch
            .iter()
            .map(|place| {
                let pixels = &division.data.examples[*place].pixels;
                let normal = |pixel: &f32| (pixel - preparation.mean) / preparation.deviation;
                let region = Region { column: 0, row: 0, columns: side, rows: side };
                Prepared {
                    pixels: pixels.iter().map(normal).collect(),
                    columns: side,
                    rows: side * slices,
                    region,
                }
            })
            .collect();
        let said = model.predict(&images.iter().collect::<Vec<_>>())?;
        all.extend(said.iter().map(|prediction| card.calibration.probabilities(&prediction.logits)));
    }
    Ok(all)
}

/// The command as a page repeats it: files, not the folders of this machine.
fn command(wanted: &EvaluateBaselines) -> String {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let model = wanted.model.as_deref().map_or_else(String::new, |model| format!(" --model {model}"));
    let models =
        wanted.models.as_deref().map_or_else(String::new, |path| format!(" --models {}", name(path)));
    format!(
        "wilhelm evaluate baselines --recipe models/recipes/{} --data DATA/{}{models}{model} --out OUT",
        name(&wanted.recipe),
        name(&wanted.data)
    )
}

/// A line a baseline, below the network's where it is known; nothing without a baseline.
pub fn table_of(network: Option<&NetworkFigures>, baselines: &[BaselineMetric]) -> String {
    if baselines.is_empty() {
        return String::new();
    }
    let signed = |less: Option<Interval>| match less {
        Some(less) => format!("{:+.3} ({:+.3} to {:+.3})", less.estimate, less.low, less.high),
        None => "-".to_owned(),
    };
    let mut rows = Vec::new();
    if let Some(own) = network {
        let figures = [&own.macro_auc, &own.accuracy, &own.brier].map(interval);
        rows.push([vec![own.model.clone()], figures.to_vec(), vec!["-".to_owned(); 2]].concat());
    }
    for baseline in baselines {
        let figures = [&baseline.macro_auc, &baseline.accuracy, &baseline.brier].map(interval);
        let less = baseline.network_less;
        let less = [less.map(|less| less.macro_auc), less.map(|less| less.accuracy)].map(signed);
        rows.push([vec![baseline.name.clone()], figures.to_vec(), less.to_vec()].concat());
    }
    let header =
        ["classifier", "AUC", "accuracy", "Brier score", "network less it, AUC", "network less it, accuracy"];
    table::columns(&header, &rows)
}
