use std::path::Path;

use serde::Serialize;
use wilhelm_learn::baselines::FittedBaselines;
use wilhelm_learn::{
    ArmSummary, Dataset, LearnError, Outcome, Recipe, Run, RunMetrics, Sweep, Variant, divide, load,
    summarize, table, train_classifier,
};

use crate::args;
use crate::exit::Exit;
use crate::output::{print, print_json, read_text, write_folder};
use crate::verbs::baselines;
use crate::verbs::beginning::{Beginning, begin, refuse_what_it_saw};
use crate::verbs::train::{Progress, borrowed, model_files};

#[derive(Serialize)]
struct Written<'a> {
    schema: u32,
    arms: &'a [ArmSummary],
    runs: &'a [Outcome],
}

/// `wilhelm sweep`
pub fn run(verb: &args::Sweep) -> anyhow::Result<Exit> {
    crate::memory::keep_freed();
    let text = read_text(&verb.recipe, "recipe")?;
    let sweep = Sweep::from_toml(&read_text(&verb.sweep, "sweep")?)?;
    let variants = sweep.variants(&text)?;
    let count = variants.len();
    let mut loaded: Option<(Recipe, Dataset)> = None;
    let mut outcomes = Vec::with_capacity(count);
    // Baselines know no seed: most arms share them.
    let mut fitted = Vec::new();
    for (at, variant) in variants.iter().enumerate() {
        // Arms mostly differ in what does not touch the data.
        let same = |recipe: &Recipe| {
            let other = &variant.recipe;
            recipe.data == other.data
                && recipe.fit == other.fit
                && recipe.architecture.side == other.architecture.side
                && recipe.architecture.slices == other.architecture.slices
                && recipe.labels == other.labels
        };
        let data = match loaded.take() {
            Some((recipe, data)) if same(&recipe) => data,
            _ => load(&variant.recipe, &verb.data)?,
        };
        eprintln!("run {} of {count}: {}, seed {}", at + 1, variant.arm, variant.seed);
        let result = match one(variant, &data, verb, &mut fitted) {
            Err(error) => match error.downcast::<LearnError>() {
                // A network that does not learn is a result; a disk that is full is not.
                Ok(error @ (LearnError::Diverged { .. } | LearnError::NoSignal { .. })) => {
                    Err(error.to_string())
                }
                Ok(error) => return Err(error.into()),
                Err(error) => return Err(error),
            },
            Ok(metrics) => Ok(metrics),
        };
        outcomes.push(Outcome { arm: variant.arm.clone(), seed: variant.seed, result });
        loaded = Some((variant.recipe.clone(), data));
        write(&verb.out, &outcomes)?;
    }
    let arms = summarize(&outcomes);
    if verb.json {
        print_json(&Written { schema: 1, arms: &arms, runs: &outcomes })?;
    } else {
        print(&table(&arms, images(&outcomes)))?;
    }
    Ok(Exit::Done)
}

/// Trains one variant, or reads what it gave before.
fn one(
    variant: &Variant,
    data: &Dataset,
    verb: &args::Sweep,
    fitted: &mut Vec<FittedBaselines>,
) -> anyhow::Result<RunMetrics> {
    let folder = verb.out.join(&variant.arm).join(format!("seed-{}.run", variant.seed));
    let Beginning { start, words, encoder } = begin(None, None, &variant.recipe)?;
    // What a run began with decides it too.
    let text = variant.text.clone() + &words.in_recipe;
    if let Some(metrics) = Run::finished(&folder, &text, &data.sha256)? {
        return Ok(metrics);
    }
    let division = divide(&variant.recipe, data)?;
    if let Some(encoder) = encoder {
        refuse_what_it_saw(&encoder, &start, &division)?;
    }
    let run = Run::open(&folder, &text, &data.sha256, true, Run::EVERY)?;
    let mut progress = Progress::new(verb.computing)?;
    let command = format!("wilhelm sweep: arm {}, seed {}", variant.arm, variant.seed);
    let name = "recipe.toml".to_owned() + &words.on_card;
    let mut trained = train_classifier(&division, start, Some(&run), &name, &command, &mut progress)?;
    drop(progress);
    if !verb.no_baselines {
        let known = match fitted.iter().position(|known| known.are_of(&division)) {
            Some(known) => known,
            None => {
                fitted.push(baselines::fitted(&division, Some(&verb.out.join("features")))?);
                fitted.len() - 1
            }
        };
        let found = baselines::with(&fitted[known], &division, &trained, &command)?;
        trained.card.validation.baselines = found.metrics();
    }
    let model = verb.out.join(&variant.arm).join(format!("seed-{}", variant.seed));
    write_folder(&model, &borrowed(&model_files(&trained)?), true)?;
    let metrics = RunMetrics::of(&trained);
    run.finish(&metrics)?;
    Ok(metrics)
}

fn write(out: &Path, outcomes: &[Outcome]) -> anyhow::Result<()> {
    let arms = summarize(outcomes);
    let json = serde_json::to_vec_pretty(&Written { schema: 1, arms: &arms, runs: outcomes })?;
    let files = [
        ("sweep.json".to_owned(), json),
        ("sweep.md".to_owned(), table(&arms, images(outcomes)).into_bytes()),
    ];
    write_folder(out, &borrowed(&files), true)
}

fn images(outcomes: &[Outcome]) -> usize {
    outcomes.iter().find_map(|outcome| Some(outcome.result.as_ref().ok()?.validation.images)).unwrap_or(0)
}
