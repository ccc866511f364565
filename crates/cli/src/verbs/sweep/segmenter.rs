//! `wilhelm sweep` of segmenters.

use serde::Serialize;
use wilhelm_learn::segment::{
    OutlineArm, OutlineSet, SegmenterMetrics, SegmenterRecipe, divide_masks, load_masks, outline_table,
    summarize_outlines, train_segmenter,
};
use wilhelm_learn::{Outcome, Run, Sweep, Variant};

use super::{Places, each};
use crate::args;
use crate::exit::Exit;
use crate::output::{print, print_json, write_folder};
use crate::verbs::folds::read_again;
use crate::verbs::train::{Progress, borrowed, keeping};
use crate::verbs::train_segmenter::{metrics_of, model_files};

#[derive(Serialize)]
struct Written<'a> {
    schema: u32,
    arms: &'a [OutlineArm],
    runs: &'a [Outcome<SegmenterMetrics>],
}

pub fn run(verb: &args::Sweep, text: &str, sweep: &Sweep) -> anyhow::Result<Exit> {
    let variants: Vec<Variant<SegmenterRecipe>> = sweep.variants(text)?;
    // Masks are brought to the grid as they are read.
    let same = |one: &SegmenterRecipe, other: &SegmenterRecipe| {
        one.data == other.data
            && one.grid == other.grid
            && one.segments == other.segments
            && one.input == other.input
    };
    let outcomes = each(
        &variants,
        same,
        |recipe| Ok(load_masks(recipe, &verb.data)?),
        |variant, data| one(variant, data, verb),
        |outcomes| write(verb, outcomes),
    )?;
    let arms = summarize_outlines(&outcomes);
    if verb.json {
        print_json(&Written { schema: 1, arms: &arms, runs: &outcomes })?;
    } else {
        print(&shown(&arms, &outcomes))?;
    }
    Ok(Exit::Done)
}

/// Trains one variant, or reads what it gave before.
fn one(
    variant: &Variant<SegmenterRecipe>,
    data: &OutlineSet,
    verb: &args::Sweep,
) -> anyhow::Result<SegmenterMetrics> {
    let Places { run: folder, model } = Places::of(verb, &variant.arm, variant.seed);
    if let Some(metrics) = Run::finished(&folder, &variant.text, &data.sha256)? {
        return Ok(metrics);
    }
    let division = divide_masks(&variant.recipe, data)?;
    let run = Run::open(&folder, &variant.text, &data.sha256, &keeping(&verb.computing, true, Run::EVERY)?)?;
    let mut progress = Progress::new(verb.computing)?;
    let command = format!("wilhelm sweep: arm {}, seed {}", variant.arm, variant.seed);
    let trained = train_segmenter(&division, Some(&run), "recipe.toml", &command, &mut progress)?;
    drop(progress);
    write_folder(&model, &borrowed(&model_files(&trained)?), true)?;
    run.finish(&metrics_of(&trained)?)?;
    read_again(&folder, &variant.text, &data.sha256)
}

fn write(verb: &args::Sweep, outcomes: &[Outcome<SegmenterMetrics>]) -> anyhow::Result<()> {
    let arms = summarize_outlines(outcomes);
    let json = serde_json::to_vec_pretty(&Written { schema: 1, arms: &arms, runs: outcomes })?;
    let files =
        [("sweep.json".to_owned(), json), ("sweep.md".to_owned(), shown(&arms, outcomes).into_bytes())];
    write_folder(&verb.out, &borrowed(&files), true)
}

fn shown(arms: &[OutlineArm], outcomes: &[Outcome<SegmenterMetrics>]) -> String {
    let first = outcomes.iter().find_map(|outcome| outcome.result.as_ref().ok());
    let (images, unit) =
        first.map_or((0, "mm"), |metrics| (metrics.validation.images, metrics.validation.unit.words()));
    outline_table(arms, images, unit)
}
