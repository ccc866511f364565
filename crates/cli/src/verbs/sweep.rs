mod fusion;
mod segmenter;

use std::path::{Path, PathBuf};

use serde::Serialize;
use wilhelm_learn::baselines::FittedBaselines;
use wilhelm_learn::{
    ArmSummary, Dataset, LearnError, Outcome, Recipe, RecipeKind, Run, RunMetrics, Sweep, Variant, divide,
    load, summarize, table, train_classifier,
};

use crate::args;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text, write_folder};
use crate::verbs::baselines;
use crate::verbs::beginning::{Beginning, begin, refuse_what_it_saw};
use crate::verbs::train::{Progress, borrowed, keeping, model_files};

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
    match RecipeKind::of(&text) {
        RecipeKind::Classifier => classifiers(verb, &text, &sweep),
        RecipeKind::Fusion => fusion::run(verb, &text, &sweep),
        RecipeKind::Segmenter => segmenter::run(verb, &text, &sweep),
        RecipeKind::Report => Err(Stop::usage(
            "a sweep is of classifiers and segmenters: this is a recipe of `train report`, which takes --seed; run it once a \
             seed",
        )),
        RecipeKind::Text => Err(Stop::usage(
            "a sweep is of classifiers and segmenters: this is a recipe of `train text`; train it once a change",
        )),
    }
}

fn classifiers(verb: &args::Sweep, text: &str, sweep: &Sweep) -> anyhow::Result<Exit> {
    let variants: Vec<Variant> = sweep.variants(text)?;
    // Arms mostly differ in what does not touch the data.
    let same = |one: &Recipe, other: &Recipe| {
        one.data == other.data
            && one.fit == other.fit
            && one.architecture.side == other.architecture.side
            && one.architecture.slices == other.architecture.slices
            && one.labels == other.labels
    };
    // Baselines know no seed: most arms share them.
    let mut fitted = Vec::new();
    let outcomes = each(
        &variants,
        same,
        |recipe| Ok(load(recipe, &verb.data)?),
        |variant, data| one(variant, data, verb, &mut fitted),
        |outcomes| write(&verb.out, outcomes),
    )?;
    let arms = summarize(&outcomes);
    if verb.json {
        print_json(&Written { schema: 1, arms: &arms, runs: &outcomes })?;
    } else {
        print(&table(&arms, images(&outcomes)))?;
    }
    Ok(Exit::Done)
}

/// Makes every run, one after the other, and writes the table after each; data are read again where a recipe asks for
/// others.
fn each<R: Clone, D, M>(
    variants: &[Variant<R>],
    same: impl Fn(&R, &R) -> bool,
    load: impl Fn(&R) -> anyhow::Result<D>,
    mut one: impl FnMut(&Variant<R>, &D) -> anyhow::Result<M>,
    write: impl Fn(&[Outcome<M>]) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Outcome<M>>> {
    let count = variants.len();
    let mut loaded: Option<(R, D)> = None;
    let mut outcomes = Vec::with_capacity(count);
    for (at, variant) in variants.iter().enumerate() {
        let data = match loaded.take() {
            Some((recipe, data)) if same(&recipe, &variant.recipe) => data,
            _ => load(&variant.recipe)?,
        };
        eprintln!("run {} of {count}: {}, seed {}", at + 1, variant.arm, variant.seed);
        let result = match one(variant, &data) {
            Err(error) => match error.downcast::<LearnError>() {
                // A network that does not learn is a result; a disk that is full is not.
                Ok(
                    error @ (LearnError::Diverged { .. }
                    | LearnError::Exploded { .. }
                    | LearnError::NoSignal { .. }),
                ) => Err(error.to_string()),
                Ok(error) => return Err(error.into()),
                Err(error) => return Err(error),
            },
            Ok(metrics) => Ok(metrics),
        };
        outcomes.push(Outcome { arm: variant.arm.clone(), seed: variant.seed, result });
        loaded = Some((variant.recipe.clone(), data));
        write(&outcomes)?;
    }
    Ok(outcomes)
}

/// Where one run of a sweep lies.
struct Places {
    /// The folder of the run.
    run: PathBuf,
    /// The folder of its model.
    model: PathBuf,
}

impl Places {
    fn of(verb: &args::Sweep, arm: &str, seed: u64) -> Self {
        let arm = verb.out.join(arm);
        Self { run: arm.join(format!("seed-{seed}.run")), model: arm.join(format!("seed-{seed}")) }
    }
}

/// Trains one variant, or reads what it gave before.
fn one(
    variant: &Variant,
    data: &Dataset,
    verb: &args::Sweep,
    fitted: &mut Vec<FittedBaselines>,
) -> anyhow::Result<RunMetrics> {
    let Places { run: folder, model } = Places::of(verb, &variant.arm, variant.seed);
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
    let run = Run::open(&folder, &text, &data.sha256, &keeping(&verb.computing, true, Run::EVERY)?)?;
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
