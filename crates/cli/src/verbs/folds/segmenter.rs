//! `wilhelm train segmenter --folds`: cross-validation of a network that outlines something.

use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use wilhelm_learn::segment::{
    OutlineFolds, OutlineSet, OutlinedOutOfFold, SegmenterCases, SegmenterMetrics, SegmenterRecipe,
    divide_masks, load_masks, outline_folds_table, outlined_out_of_fold, summarize_outline_folds,
    train_segmenter,
};
use wilhelm_learn::{FoldRun, Run, fold_runs};

use super::{PREDICTIONS, Wanted, first, read_again};
use crate::exit::Exit;
use crate::output::{print, print_json, write_folder};
use crate::table;
use crate::verbs::train::{Progress, borrowed, keeping};
use crate::verbs::train_segmenter::{metrics_of, model_files};

#[derive(Serialize)]
struct Written<'a> {
    schema: u32,
    #[serde(flatten)]
    summary: &'a OutlineFolds,
}

pub fn run(wanted: &Wanted<'_>) -> anyhow::Result<Exit> {
    let runs: Vec<FoldRun<SegmenterRecipe>> = fold_runs(wanted.recipe, wanted.count)?;
    let recipe = first(&runs)?;
    let data = load_masks(recipe, wanted.data)?;
    // A fold that cannot be is refused before the first is trained.
    let divide = |run: &FoldRun<SegmenterRecipe>| {
        divide_masks(&run.recipe, &data)
            .with_context(|| format!("fold {} of {}", run.number, wanted.count))
            .map(drop)
    };
    runs.iter().try_for_each(divide)?;
    let (mut results, mut held_out): (Vec<SegmenterMetrics>, Vec<SegmenterCases>) = (Vec::new(), Vec::new());
    for run in &runs {
        eprintln!("fold {} of {}", run.number, wanted.count);
        let folder = wanted.out.join(format!("fold-{}.run", run.number));
        results.push(one(run, &folder, &data, wanted)?);
        held_out.push(Run::held_out(&folder)?);
    }
    let cases = outlined_out_of_fold(&data, &held_out)?;
    let summary = summarize_outline_folds(recipe, data.unit, &cases, &results)?;
    let shown = outline_folds_table(&summary);
    let written = Written { schema: 1, summary: &summary };
    let files = [
        (PREDICTIONS.to_owned(), figures(&cases).into_bytes()),
        ("folds.json".to_owned(), serde_json::to_vec_pretty(&written)?),
        ("folds.md".to_owned(), shown.clone().into_bytes()),
    ];
    write_folder(wanted.out, &borrowed(&files), true)?;
    if wanted.json {
        print_json(&written)?;
    } else {
        print(&shown)?;
    }
    Ok(Exit::Done)
}

/// Trains without one fold, or reads what that gave before.
fn one(
    fold: &FoldRun<SegmenterRecipe>,
    folder: &Path,
    data: &OutlineSet,
    wanted: &Wanted<'_>,
) -> anyhow::Result<SegmenterMetrics> {
    let FoldRun { number, text, recipe } = fold;
    if let Some(metrics) = Run::finished(folder, text, &data.sha256)? {
        return Ok(metrics);
    }
    let division = divide_masks(recipe, data)?;
    let run =
        Run::open(folder, text, &data.sha256, &keeping(&wanted.computing, true, wanted.checkpoint_every)?)?;
    let mut progress = Progress::new(wanted.computing)?;
    let command = format!("wilhelm train segmenter --folds {}: fold {number}", wanted.count);
    let trained = train_segmenter(&division, Some(&run), "recipe.toml", &command, &mut progress)
        .with_context(|| format!("fold {number}"))?;
    drop(progress);
    let model = wanted.out.join(format!("fold-{number}"));
    write_folder(&model, &borrowed(&model_files(&trained)?), true)?;
    run.finish(&metrics_of(&trained)?)?;
    read_again(folder, text, &data.sha256)
}

/// The figures of every image and segment as a table; a cell without a value is empty, and the last one says why.
fn figures(cases: &[OutlinedOutOfFold]) -> String {
    let by_patient = cases.iter().any(|case| case.patient.is_some());
    let mut header = vec!["image", "fold"];
    header.extend(by_patient.then_some("patient"));
    header.extend([
        "segment",
        "dice",
        "iou",
        "hausdorff_95",
        "average_surface_distance",
        "surface_dice",
        "note",
    ]);
    let value = |figure: Option<f64>| figure.map_or_else(String::new, |figure| format!("{figure:.6}"));
    let rows = cases.iter().flat_map(|case| {
        case.figures.segments.iter().map(move |own| {
            let mut row = vec![case.figures.case.clone(), case.fold.to_string()];
            row.extend(case.patient.map(|patient| patient.to_string()));
            let note = match (own.true_ml > 0.0, own.predicted_ml > 0.0) {
                (true, true) => "",
                (true, false) => "missed",
                (false, true) => "false alarm",
                (false, false) => "empty in both",
            };
            row.push(own.name.clone());
            row.extend([own.dice, own.iou, own.hausdorff_95_mm, own.average_surface_distance_mm].map(value));
            row.extend([value(own.surface_dice), note.to_owned()]);
            row
        })
    });
    table::csv(&header, &rows.collect::<Vec<_>>())
}
