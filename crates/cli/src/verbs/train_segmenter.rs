//! `wilhelm train segmenter`

use wilhelm_learn::Run;
use wilhelm_learn::segment::{
    SegmenterMetrics, SegmenterRecipe, TrainedOutlines, divide_masks, load_masks, train_segmenter,
};
use wilhelm_nets::SegmenterValidation;

use crate::args::TrainSegmenter;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text, write_folder};
use crate::verbs::folds::Wanted;
use crate::verbs::models::interval;
use crate::verbs::train::{Progress, borrowed, keeping, run_folder};

/// Trains, writes the model's folder and closes the run.
pub fn run(verb: &TrainSegmenter) -> anyhow::Result<Exit> {
    let TrainSegmenter { recipe, data, out, folds, run, resume, checkpoint_every, computing, force, json } =
        verb;
    if !force && out.join("card.toml").exists() {
        return Err(Stop::usage(format!("{} holds a model: add --force to replace it", out.display())));
    }
    let text = read_text(recipe, "recipe")?;
    if let Some(count) = *folds {
        return super::folds::segmenter::run(&Wanted {
            count,
            recipe: &text,
            data,
            out,
            checkpoint_every: checkpoint_every.max(0.0),
            baselines: true,
            computing: *computing,
            json: *json,
        });
    }
    let parsed = SegmenterRecipe::from_toml(&text)?;
    let name = recipe.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let set = data.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let command = format!(
        "wilhelm train segmenter --recipe models/recipes/{name} --data {set} --out models/{}",
        parsed.name
    );
    let mut progress = Progress::new(*computing)?;
    let outlines = load_masks(&parsed, data)?;
    if outlines.empty > 0 {
        eprintln!(
            "wilhelm: {} of {} masks are empty: nothing is outlined there",
            outlines.empty,
            outlines.outlines.len()
        );
    }
    // A split that is refused leaves no run behind.
    let division = divide_masks(&parsed, &outlines)?;
    let folder = run_folder(out, run.as_deref());
    let run = Run::open(&folder, &text, &outlines.sha256, &keeping(computing, *resume, *checkpoint_every)?)?;
    let trained = train_segmenter(&division, Some(&run), &name, &command, &mut progress)?;
    drop(progress);
    write_folder(out, &borrowed(&model_files(&trained)?), *force)?;
    let metrics = metrics_of(&trained)?;
    run.finish(&metrics)?;
    if *json {
        print_json(&metrics.validation)?;
    } else {
        print(&words(&metrics.validation))?;
    }
    Ok(Exit::Done)
}

/// What came out of a run.
pub fn metrics_of(trained: &TrainedOutlines) -> anyhow::Result<SegmenterMetrics> {
    SegmenterMetrics::of(trained).ok_or_else(|| anyhow::anyhow!("the card says nothing of its training"))
}

/// A model's folder.
pub fn model_files(trained: &TrainedOutlines) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let validation: String = trained.cases.cases.iter().map(|case| format!("{}\n", case.case)).collect();
    Ok(vec![
        ("card.toml".to_owned(), trained.card.to_toml()?.into_bytes()),
        (trained.card.weights.clone(), trained.weights.clone()),
        ("validation.txt".to_owned(), validation.into_bytes()),
    ])
}

/// The figures in lines.
fn words(validation: &SegmenterValidation) -> String {
    let figure = |found: &Option<wilhelm_nets::Interval>| found.as_ref().map_or("none".to_owned(), interval);
    let unit = validation.unit.words();
    let mut lines = format!(
        "validation: {} images, {} of them with an empty mask\n",
        validation.images, validation.empty
    );
    for metric in &validation.segments {
        lines.push_str(&format!(
            "  {}: Dice {}, HD95 {} {unit}, NSD at {} {unit} {}; {} images, {} missed, {} false alarms\n",
            metric.segment,
            figure(&metric.dice),
            figure(&metric.hausdorff_95),
            validation.tolerance,
            figure(&metric.surface_dice),
            metric.images,
            metric.missed,
            metric.false_alarms
        ));
        for baseline in validation.baselines.iter().filter(|baseline| baseline.segment == metric.segment) {
            lines.push_str(&format!("    to compare: {}, Dice {}\n", baseline.name, figure(&baseline.dice)));
        }
    }
    lines
}
