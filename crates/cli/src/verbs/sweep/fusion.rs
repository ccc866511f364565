//! `wilhelm sweep` of classifiers of several inputs.

use serde::Serialize;
use wilhelm_learn::fusion::{
    FusionData, FusionMetrics, FusionRecipe, FusionRuns, InputsMean, divide_cases, inputs_means,
    inputs_table, load_cases, train_fusion,
};
use wilhelm_learn::{ArmSummary, Outcome, Run, Sweep, Variant, summarize, table};

use super::{Places, each};
use crate::args;
use crate::exit::Exit;
use crate::output::{print, print_json, write_folder};
use crate::verbs::folds::read_again;
use crate::verbs::train::{Progress, borrowed, keeping};
use crate::verbs::train_fusion::model_files;

/// An arm with what its inputs are worth.
#[derive(Serialize)]
struct Arm {
    #[serde(flatten)]
    summary: ArmSummary,
    inputs: Vec<InputsMean>,
}

#[derive(Serialize)]
struct Written<'a> {
    schema: u32,
    arms: &'a [Arm],
    runs: &'a [Outcome<FusionMetrics>],
}

pub fn run(verb: &args::Sweep, text: &str, sweep: &Sweep) -> anyhow::Result<Exit> {
    let variants: Vec<Variant<FusionRecipe>> = sweep.variants(text)?;
    let same = |one: &FusionRecipe, other: &FusionRecipe| {
        let (own, its) = (&one.recipe, &other.recipe);
        one.inputs == other.inputs
            && own.data == its.data
            && own.fit == its.fit
            && own.duplicates_above == its.duplicates_above
            && own.architecture.side == its.architecture.side
            && own.architecture.slices == its.architecture.slices
            && own.labels == its.labels
    };
    let outcomes = each(
        &variants,
        same,
        |recipe| Ok(load_cases(recipe, &verb.data)?),
        |variant, data| one(variant, data, verb),
        |outcomes| write(verb, outcomes),
    )?;
    let arms = arms(&outcomes);
    if verb.json {
        print_json(&Written { schema: 1, arms: &arms, runs: &outcomes })?;
    } else {
        print(&shown(&arms, &outcomes))?;
    }
    Ok(Exit::Done)
}

/// Trains one variant, or reads what it gave before.
fn one(
    variant: &Variant<FusionRecipe>,
    data: &FusionData,
    verb: &args::Sweep,
) -> anyhow::Result<FusionMetrics> {
    let Places { run: folder, model } = Places::of(verb, &variant.arm, variant.seed);
    let Variant { arm, seed, text, recipe } = variant;
    let sha256 = &data.data.sha256;
    if let Some(metrics) = Run::finished(&folder, text, sha256)? {
        return Ok(metrics);
    }
    let division = divide_cases(recipe, data)?;
    let runs =
        FusionRuns::open(&folder, (recipe, text), sha256, &keeping(&verb.computing, true, Run::EVERY)?)?;
    let mut progress = Progress::new(verb.computing)?;
    let command = format!("wilhelm sweep: arm {arm}, seed {seed}");
    let trained =
        train_fusion(recipe, data, &division, Some(&runs), ("recipe.toml", &command), &mut progress)?;
    drop(progress);
    write_folder(&model, &borrowed(&model_files(&trained)?), true)?;
    runs.finish(&trained)?;
    read_again(&folder, text, sha256)
}

fn arms(outcomes: &[Outcome<FusionMetrics>]) -> Vec<Arm> {
    let plain = |outcome: &Outcome<FusionMetrics>| Outcome {
        arm: outcome.arm.clone(),
        seed: outcome.seed,
        result: outcome.result.as_ref().map(FusionMetrics::plain).map_err(Clone::clone),
    };
    let summaries = summarize(&outcomes.iter().map(plain).collect::<Vec<_>>());
    let with_inputs = |summary: ArmSummary| {
        let own = outcomes.iter().filter(|outcome| outcome.arm == summary.arm);
        let runs: Vec<&FusionMetrics> = own.filter_map(|outcome| outcome.result.as_ref().ok()).collect();
        Arm { inputs: inputs_means(&runs), summary }
    };
    summaries.into_iter().map(with_inputs).collect()
}

fn write(verb: &args::Sweep, outcomes: &[Outcome<FusionMetrics>]) -> anyhow::Result<()> {
    let arms = arms(outcomes);
    let json = serde_json::to_vec_pretty(&Written { schema: 1, arms: &arms, runs: outcomes })?;
    let files =
        [("sweep.json".to_owned(), json), ("sweep.md".to_owned(), shown(&arms, outcomes).into_bytes())];
    write_folder(&verb.out, &borrowed(&files), true)
}

fn shown(arms: &[Arm], outcomes: &[Outcome<FusionMetrics>]) -> String {
    let first = outcomes.iter().find_map(|outcome| outcome.result.as_ref().ok());
    let images = first.map_or(0, |metrics| metrics.validation.images);
    let summaries: Vec<ArmSummary> = arms.iter().map(|arm| arm.summary.clone()).collect();
    let kinds: Vec<(&str, &[InputsMean])> =
        arms.iter().map(|arm| (arm.summary.arm.as_str(), arm.inputs.as_slice())).collect();
    table(&summaries, images) + &inputs_table("arm", &kinds)
}
