//! `wilhelm train classifier --folds` with a recipe of several inputs.

use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use wilhelm_learn::evaluation::Headline;
use wilhelm_learn::fusion::{
    FusionData, FusionMetrics, FusionRecipe, FusionRuns, InputsMean, divide_cases, fusion_out_of_fold,
    inputs_means, inputs_table, load_cases, train_fusion,
};
use wilhelm_learn::{
    FoldRun, FoldSummary, LearnError, Run, RunMetrics, fold_runs, folds_table, summarize_folds,
};

use super::{PREDICTIONS, Wanted, command, first, predictions, read_again, together};
use crate::exit::Exit;
use crate::output::{print, print_json, write_folder};
use crate::progress::Line;
use crate::verbs::train::{Progress, borrowed, keeping};
use crate::verbs::train_fusion::model_files;

#[derive(Serialize)]
struct Written<'a> {
    schema: u32,
    #[serde(flatten)]
    summary: &'a FoldSummary,
    together: &'a [Headline],
    inputs: &'a [InputsMean],
    /// Cases of whose inputs the networks say nothing.
    left_out: &'a [String],
}

pub fn run(wanted: &Wanted<'_>) -> anyhow::Result<Exit> {
    let runs: Vec<FoldRun<FusionRecipe>> = fold_runs(wanted.recipe, wanted.count)?;
    let recipe = first(&runs)?;
    let data = load_cases(recipe, wanted.data)?;
    // A fold that cannot be is refused before the first is trained.
    let divide = |run: &FoldRun<FusionRecipe>| {
        divide_cases(&run.recipe, &data)
            .with_context(|| format!("fold {} of {}", run.number, wanted.count))
            .map(drop)
    };
    runs.iter().try_for_each(divide)?;
    let (mut results, mut held_out) = (Vec::new(), Vec::new());
    for run in &runs {
        eprintln!("fold {} of {}", run.number, wanted.count);
        let folder = wanted.out.join(format!("fold-{}.run", run.number));
        results.push(one(run, &folder, &data, wanted)?);
        held_out.push(Run::held_out(&folder)?);
    }
    let found = fusion_out_of_fold(recipe, &data, &held_out)?;
    let plain: Vec<Result<RunMetrics, String>> = results
        .iter()
        .map(|result| result.as_ref().map(FusionMetrics::plain).map_err(Clone::clone))
        .collect();
    let summary = summarize_folds(&recipe.recipe, &found.cases, &plain)?;
    let inputs = inputs_means(&results.iter().flatten().collect::<Vec<_>>());
    let predictions = predictions(&recipe.recipe, &found.cases, Some(&found.inputs));
    let line = Line::new("resampling");
    let together = together(&recipe.recipe, &found.cases, &predictions)?;
    drop(line);
    let mut shown = folds_table(&summary, &together);
    if !found.left_out.is_empty() {
        shown += &format!(
            "\n{} cases, of whose inputs the networks say nothing, are in no figure (folds.json names them)\n",
            found.left_out.len()
        );
    }
    shown += &inputs_table("runs", &[("all folds", &inputs)]);
    let written = Written {
        schema: 1,
        summary: &summary,
        together: &together,
        inputs: &inputs,
        left_out: &found.left_out,
    };
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
        let command = command(&recipe.recipe, &found.cases, &wanted.out.join(PREDICTIONS));
        print(&format!("\nall figures: {command} --group inputs\n"))?;
    }
    let failed = summary.folds.iter().any(|line| line.failed.is_some());
    Ok(if failed || !found.left_out.is_empty() { Exit::Defects } else { Exit::Done })
}

/// Trains without one fold, or reads what that gave before; networks that learned nothing are a result.
fn one(
    fold: &FoldRun<FusionRecipe>,
    folder: &Path,
    data: &FusionData,
    wanted: &Wanted<'_>,
) -> anyhow::Result<Result<FusionMetrics, String>> {
    let FoldRun { number, text, recipe } = fold;
    let sha256 = &data.data.sha256;
    if let Some(metrics) = Run::finished(folder, text, sha256)? {
        return Ok(Ok(metrics));
    }
    let division = divide_cases(recipe, data)?;
    let runs = FusionRuns::open(
        folder,
        (recipe, text),
        sha256,
        &keeping(&wanted.computing, true, wanted.checkpoint_every)?,
    )?;
    let mut progress = Progress::new(wanted.computing)?;
    let command = format!("wilhelm train classifier --folds {}: fold {number}", wanted.count);
    let trained =
        train_fusion(recipe, data, &division, Some(&runs), ("recipe.toml", &command), &mut progress);
    drop(progress);
    let trained = match trained {
        Ok(trained) => trained,
        Err(error @ LearnError::NoSignal { .. }) => return Ok(Err(error.to_string())),
        Err(error) => return Err(anyhow::Error::from(error).context(format!("fold {number}"))),
    };
    let model = wanted.out.join(format!("fold-{number}"));
    write_folder(&model, &borrowed(&model_files(&trained)?), true)?;
    runs.finish(&trained)?;
    read_again(folder, text, sha256).map(Ok)
}
