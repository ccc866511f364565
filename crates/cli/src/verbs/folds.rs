//! `wilhelm train classifier --folds` and `train segmenter --folds`: cross-validation.

pub mod fusion;
pub mod segmenter;

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wilhelm_learn::evaluation::{Cases, Columns, Headline, Settings, Table, evaluate};
use wilhelm_learn::{
    Dataset, FoldRun, FoldSummary, LearnError, OutOfFold, Recipe, Run, RunMetrics, Start, divide, fold_runs,
    folds_table, load, out_of_fold, summarize_folds, train_classifier,
};

use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, write_folder};
use crate::progress::Line;
use crate::table;
use crate::verbs::baselines;
use crate::verbs::train::{Progress, borrowed, keeping, model_files};

/// The table of out-of-fold predictions.
pub const PREDICTIONS: &str = "out-of-fold.csv";

/// What was asked for.
pub struct Wanted<'a> {
    /// How many folds.
    pub count: usize,
    /// The recipe's text.
    pub recipe: &'a str,
    /// Folder with the data.
    pub data: &'a Path,
    /// Folder for folds, predictions and table.
    pub out: &'a Path,
    /// Seconds between checkpoints.
    pub checkpoint_every: f64,
    /// Whether classifiers without a network stand beside; segmenters have theirs anyway.
    pub baselines: bool,
    /// On what.
    pub computing: crate::args::Computing,
    /// Print JSON.
    pub json: bool,
}

#[derive(Serialize)]
struct Written<'a> {
    schema: u32,
    #[serde(flatten)]
    summary: &'a FoldSummary,
    together: &'a [Headline],
}

pub fn run(wanted: &Wanted<'_>) -> anyhow::Result<Exit> {
    let runs: Vec<FoldRun> = fold_runs(wanted.recipe, wanted.count)?;
    let recipe = first(&runs)?;
    let data = load(recipe, wanted.data)?;
    let (mut results, mut held_out) = (Vec::new(), Vec::new());
    for run in &runs {
        eprintln!("fold {} of {}", run.number, wanted.count);
        let folder = wanted.out.join(format!("fold-{}.run", run.number));
        results.push(one(run, &folder, &data, wanted)?);
        // Read again even where it was just written: a run that was stopped ends with the same bytes.
        held_out.push(Run::held_out(&folder)?);
    }
    let cases = out_of_fold(recipe, &data, &held_out)?;
    let summary = summarize_folds(recipe, &cases, &results)?;
    let predictions = predictions(recipe, &cases, None);
    let line = Line::new("resampling");
    let together = together(recipe, &cases, &predictions)?;
    drop(line);
    let shown = folds_table(&summary, &together);
    let written = Written { schema: 1, summary: &summary, together: &together };
    let files = [
        (PREDICTIONS.to_owned(), predictions.into_bytes()),
        ("folds.json".to_owned(), serde_json::to_vec_pretty(&written)?),
        ("folds.md".to_owned(), shown.clone().into_bytes()),
    ];
    write_folder(wanted.out, &borrowed(&files), true)?;
    if wanted.json {
        print_json(&written)?;
    } else {
        print(&shown)?;
        print(&format!("\nall figures: {}\n", command(recipe, &cases, &wanted.out.join(PREDICTIONS))))?;
    }
    let failed = summary.folds.iter().any(|line| line.failed.is_some());
    Ok(if failed { Exit::Defects } else { Exit::Done })
}

/// The recipe of the first fold.
pub fn first<R>(runs: &[FoldRun<R>]) -> anyhow::Result<&R> {
    Ok(&runs.first().ok_or_else(|| Stop::usage("--folds 0: expected 2 or more"))?.recipe)
}

/// What a run that was just finished gave, as its file has it: numbers lose their last digit there, and a command that goes on
/// where it was stopped ends with the same bytes.
pub fn read_again<M: DeserializeOwned>(folder: &Path, text: &str, data_sha256: &str) -> anyhow::Result<M> {
    let found = Run::finished(folder, text, data_sha256)?;
    found.ok_or_else(|| Stop::ours(format!("{} lost what was just written there", folder.display())))
}

/// Trains without one fold, or reads what that gave before; a network that learned nothing is a result.
fn one(
    fold: &FoldRun,
    folder: &Path,
    data: &Dataset,
    wanted: &Wanted<'_>,
) -> anyhow::Result<Result<RunMetrics, String>> {
    if let Some(metrics) = Run::finished(folder, &fold.text, &data.sha256)? {
        return Ok(Ok(metrics));
    }
    let division = divide(&fold.recipe, data)?;
    let run = Run::open(
        folder,
        &fold.text,
        &data.sha256,
        &keeping(&wanted.computing, true, wanted.checkpoint_every)?,
    )?;
    let mut progress = Progress::new(wanted.computing)?;
    let command = format!("wilhelm train classifier --folds {}: fold {}", wanted.count, fold.number);
    let trained =
        train_classifier(&division, Start::Fresh, Some(&run), "recipe.toml", &command, &mut progress);
    drop(progress);
    let mut trained = match trained {
        Ok(trained) => trained,
        Err(error @ LearnError::NoSignal { .. }) => return Ok(Err(error.to_string())),
        Err(error) => {
            return Err(anyhow::Error::from(error).context(format!("fold {}", fold.number)));
        }
    };
    if wanted.baselines {
        // All folds are of the same images, whose radiomics are computed once.
        let cache = wanted.out.join("features");
        let found = baselines::beside(&division, &trained, &command, Some(&cache))?;
        trained.card.validation.baselines = found.metrics();
    }
    let model = wanted.out.join(format!("fold-{}", fold.number));
    write_folder(&model, &borrowed(&model_files(&trained)?), true)?;
    let metrics = RunMetrics::of(&trained);
    run.finish(&metrics)?;
    Ok(Ok(metrics))
}

/// The table that `wilhelm evaluate` reads; of several inputs it says which each case has.
pub fn predictions(recipe: &Recipe, cases: &[OutOfFold], inputs: Option<&[String]>) -> String {
    let by_patient = is_by_patient(cases);
    let mut header = vec!["image", "label", "fold"];
    header.extend(by_patient.then_some("patient"));
    header.extend(inputs.is_some().then_some("inputs"));
    header.extend(recipe.labels.iter().map(|label| label.key.as_str()));
    let row = |(at, case): (usize, &OutOfFold)| {
        let mut row = vec![case.image.clone(), recipe.labels[case.label].key.clone(), case.fold.to_string()];
        row.extend(case.patient.map(|patient| patient.to_string()));
        row.extend(inputs.map(|inputs| inputs[at].clone()));
        row.extend(case.probabilities.iter().map(|probability| format!("{probability:.9}")));
        row
    };
    table::csv(&header, &cases.iter().enumerate().map(row).collect::<Vec<_>>())
}

fn is_by_patient(cases: &[OutOfFold]) -> bool {
    cases.iter().any(|case| case.patient.is_some())
}

/// Of two labels, the one that is looked for.
fn positive(recipe: &Recipe) -> Option<&str> {
    let [first, second] = recipe.labels.as_slice() else { return None };
    Some(if first.normal || !second.normal { &second.key } else { &first.key })
}

/// The figures of all predictions as `wilhelm evaluate` has them.
pub fn together(recipe: &Recipe, cases: &[OutOfFold], predictions: &str) -> anyhow::Result<Vec<Headline>> {
    let columns = Columns {
        id: Some("image".to_owned()),
        label: Some("label".to_owned()),
        patient: is_by_patient(cases).then(|| "patient".to_owned()),
        labels: Some(recipe.labels.iter().map(|label| label.key.clone()).collect()),
        positive: positive(recipe).map(str::to_owned),
        ..Columns::default()
    };
    let cases = Cases::read(&Table::parse(PREDICTIONS, predictions.as_bytes())?, None, &columns)?;
    Ok(evaluate(&cases, None, None, &Settings::default())?.headlines)
}

/// What makes all figures of the predictions.
pub fn command(recipe: &Recipe, cases: &[OutOfFold], place: &Path) -> String {
    let positive = positive(recipe).map_or_else(String::new, |label| format!(" --positive {label}"));
    let patient = if is_by_patient(cases) { " --patient patient" } else { "" };
    format!("wilhelm evaluate {}{positive}{patient}", place.display())
}
