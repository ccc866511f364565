//! Many runs of one recipe with parts of it changed, each with several seeds, and the table that compares them.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::baselines::{BaselineMean, baseline_means, baseline_table};
use crate::{LearnError, Recipe, RunMean, RunMetrics, WrittenRecipe};

/// Most runs of a sweep: above, a grid was probably not meant.
const MOST_RUNS: usize = 10_000;

/// What a sweep changes: named arms, or all combinations of a grid, or both (each arm at each point of the grid).
///
/// ```toml
/// seeds = [1, 2, 3, 4, 5]
///
/// [[arm]]
/// name = "cnn"
/// set = { architecture = { encoder_layers = 0, decoder_layers = 0 } }
///
/// [[arm]]
/// name = "cnn-transformer"
///
/// [[grid]]
/// key = "optimization.learning_rate"
/// values = [0.001, 0.003]
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// Seeds of the weights, the order and the augmentation; the split is the same in every run.
    pub seeds: Vec<u64>,
    /// Named changes; the first is what the others are compared with.
    #[serde(default, rename = "arm")]
    pub arms: Vec<Arm>,
    /// Keys and the values each takes.
    #[serde(default)]
    pub grid: Vec<Axis>,
}

/// A named change of the recipe.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Its name: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// What it sets, as the recipe writes it.
    #[serde(default)]
    pub set: Table,
}

/// One key of a grid.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// The key with dots between its parts.
    pub key: String,
    /// Its values.
    pub values: Vec<Value>,
}

/// One run of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant<R = Recipe> {
    /// Name of the arm, with the grid's values.
    pub arm: String,
    /// The seed.
    pub seed: u64,
    /// The recipe as TOML.
    pub text: String,
    /// The recipe.
    pub recipe: R,
}

impl Sweep {
    /// Reads a sweep.
    ///
    /// # Errors
    /// [`LearnError::Sweep`].
    pub fn from_toml(text: &str) -> Result<Self, LearnError> {
        toml::from_str(text).map_err(|error| LearnError::Sweep(error.message().to_owned()))
    }

    /// All runs, seed after seed within each arm, so that a table of all arms is there as early as possible.
    ///
    /// # Errors
    /// [`LearnError::Sweep`] for no seeds, names that repeat or are no file names, or more than 10000 runs;
    /// [`LearnError::Recipe`] for a change that makes no recipe.
    pub fn variants<R: WrittenRecipe>(&self, recipe: &str) -> Result<Vec<Variant<R>>, LearnError> {
        let fail = |what: String| Err(LearnError::Sweep(what));
        let base: Table =
            toml::from_str(recipe).map_err(|error| LearnError::Recipe(error.message().to_owned()))?;
        let split = R::read(recipe)?.seed_of_split();
        if self.seeds.is_empty() {
            return fail(
                "seeds are missing: name at least one, and five for an interval worth its name".to_owned(),
            );
        }
        if let Some(axis) = self.grid.iter().find(|axis| axis.values.is_empty()) {
            return fail(format!("{} has no values", axis.key));
        }
        let arms = match self.arms.as_slice() {
            [] => vec![Arm { name: "base".to_owned(), set: Table::new() }],
            arms => arms.to_vec(),
        };
        let points: usize = self.grid.iter().map(|axis| axis.values.len()).fold(1, usize::saturating_mul);
        let runs = points.saturating_mul(arms.len()).saturating_mul(self.seeds.len());
        if runs > MOST_RUNS {
            return fail(format!("{runs} runs, expected at most {MOST_RUNS}"));
        }
        let mut changed = Vec::new();
        for arm in &arms {
            for point in 0..points {
                changed.push(self.point(&base, arm, point)?);
            }
        }
        let names: BTreeSet<&str> = changed.iter().map(|(name, _)| name.as_str()).collect();
        if names.len() < changed.len() {
            return fail("two arms have the same name".to_owned());
        }
        let mut variants = Vec::with_capacity(runs);
        for seed in self.seeds.iter().collect::<BTreeSet<_>>() {
            for (arm, table) in &changed {
                let mut table = table.clone();
                table.insert("seed".to_owned(), number(*seed)?);
                table.insert("split_seed".to_owned(), number(split)?);
                let text = toml::to_string(&table).map_err(|error| LearnError::Sweep(error.to_string()))?;
                let recipe =
                    R::read(&text).map_err(|error| LearnError::Sweep(format!("arm {arm}: {error}")))?;
                variants.push(Variant { arm: arm.clone(), seed: *seed, text, recipe });
            }
        }
        Ok(variants)
    }

    /// The recipe of an arm at one point of the grid, with its name.
    fn point(&self, base: &Table, arm: &Arm, mut point: usize) -> Result<(String, Table), LearnError> {
        let mut name = arm.name.clone();
        let mut table = base.clone();
        merge(&mut table, &arm.set);
        for axis in &self.grid {
            let value = &axis.values[point % axis.values.len()];
            point /= axis.values.len();
            let parts: Vec<&str> = axis.key.split('.').collect();
            let change = parts.iter().rev().fold(value.clone(), |inner, part| {
                Value::Table(Table::from_iter([((*part).to_owned(), inner)]))
            });
            if let Value::Table(change) = change {
                merge(&mut table, &change);
            }
            let last = parts.last().copied().unwrap_or_default();
            let shown: String = value.to_string().chars().filter(|letter| is_plain(*letter)).collect();
            name += &format!("_{last}-{shown}");
        }
        let plain = !name.is_empty() && !name.starts_with('.') && name.chars().all(is_plain);
        if !plain || name.len() > 120 {
            return Err(LearnError::Sweep(format!(
                "an arm's name has other characters than a-z 0-9 . _ - or more than 120: {name:.120}"
            )));
        }
        Ok((name, table))
    }
}

fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "._-".contains(letter)
}

fn number(value: u64) -> Result<Value, LearnError> {
    let value =
        i64::try_from(value).map_err(|_| LearnError::Sweep(format!("seed {value} is above {}", i64::MAX)))?;
    Ok(Value::Integer(value))
}

/// Sets in `table` what `change` has; tables are merged, all else is replaced.
fn merge(table: &mut Table, change: &Table) {
    for (key, value) in change {
        match (table.get_mut(key), value) {
            (Some(Value::Table(inner)), Value::Table(change)) => merge(inner, change),
            _ => {
                table.insert(key.clone(), value.clone());
            }
        }
    }
}

/// One run as the table takes it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome<M = RunMetrics> {
    /// Name of the arm.
    pub arm: String,
    /// The seed.
    pub seed: u64,
    /// What came out, or why nothing did.
    pub result: Result<M, String>,
}

/// An arm's line in the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArmSummary {
    /// Its name.
    pub arm: String,
    /// Seeds that gave a network.
    pub seeds: usize,
    /// Seeds that did not, with reasons.
    pub failed: Vec<String>,
    /// Numbers in the network.
    pub parameters: Option<usize>,
    /// Mean over labels of the area under the ROC curve.
    pub macro_auc: Option<RunMean>,
    /// Share of images whose likeliest label is right.
    pub accuracy: Option<RunMean>,
    /// Brier score.
    pub brier: Option<RunMean>,
    /// Macro AUC less that of the first arm, seed by seed.
    pub macro_auc_difference: Option<RunMean>,
    /// Accuracy less that of the first arm, seed by seed.
    pub accuracy_difference: Option<RunMean>,
    /// Seconds a run.
    pub seconds: Option<f64>,
    /// What is reached without a network on the same images.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<BaselineMean>,
}

/// The arms of a sweep, in the order in which they first appear.
pub(crate) fn arms<M>(outcomes: &[Outcome<M>]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for outcome in outcomes {
        if !names.contains(&outcome.arm.as_str()) {
            names.push(&outcome.arm);
        }
    }
    names
}

/// The runs of an arm that gave a network, with their seeds.
pub(crate) fn runs_of<'a, M>(outcomes: &'a [Outcome<M>], arm: &str) -> Vec<(u64, &'a M)> {
    let of = outcomes.iter().filter(|outcome| outcome.arm == arm);
    of.filter_map(|outcome| Some((outcome.seed, outcome.result.as_ref().ok()?))).collect()
}

/// The runs of an arm that gave none, with reasons.
pub(crate) fn failed_of<M>(outcomes: &[Outcome<M>], arm: &str) -> Vec<String> {
    let of = outcomes.iter().filter(|outcome| outcome.arm == arm);
    of.filter_map(|outcome| Some(format!("seed {}: {}", outcome.seed, outcome.result.as_ref().err()?)))
        .collect()
}

/// The mean of a figure over runs that have it.
pub(crate) fn mean_over<M>(runs: &[(u64, &M)], figure: &dyn Fn(&M) -> Option<f64>) -> Option<RunMean> {
    RunMean::of(&runs.iter().filter_map(|(_, metrics)| figure(metrics)).collect::<Vec<f64>>())
}

/// The mean of a figure less that of the first arm, seed by seed, over the seeds that both have it for.
pub(crate) fn difference_to<M>(
    first: &[(u64, &M)],
    runs: &[(u64, &M)],
    figure: &dyn Fn(&M) -> Option<f64>,
) -> Option<RunMean> {
    let pairs = runs.iter().filter_map(|(seed, metrics)| {
        let (_, other) = first.iter().find(|(other, _)| other == seed)?;
        Some(figure(metrics)? - figure(other)?)
    });
    RunMean::of(&pairs.collect::<Vec<f64>>())
}

/// The table of a sweep, in the order in which the arms first appear.
pub fn summarize(outcomes: &[Outcome]) -> Vec<ArmSummary> {
    let names = arms(outcomes);
    let runs = |arm: &str| runs_of(outcomes, arm);
    let first = names.first().map(|name| runs(name)).unwrap_or_default();
    let auc = |metrics: &RunMetrics| Some(metrics.validation.macro_auc.estimate);
    let accuracy = |metrics: &RunMetrics| Some(metrics.validation.accuracy.estimate);
    let summary = |(at, arm): (usize, &&str)| {
        let own = runs(arm);
        let mean = |figure: &dyn Fn(&RunMetrics) -> Option<f64>| mean_over(&own, figure);
        let difference = |figure: &dyn Fn(&RunMetrics) -> Option<f64>| {
            if at == 0 { None } else { difference_to(&first, &own, figure) }
        };
        let seconds: Vec<f64> = own.iter().filter_map(|(_, metrics)| metrics.seconds).collect();
        ArmSummary {
            arm: (*arm).to_owned(),
            seeds: own.len(),
            failed: failed_of(outcomes, arm),
            parameters: own.first().map(|(_, metrics)| metrics.parameters),
            macro_auc: mean(&auc),
            accuracy: mean(&accuracy),
            brier: mean(&|metrics| Some(metrics.validation.brier.estimate)),
            macro_auc_difference: difference(&auc),
            accuracy_difference: difference(&accuracy),
            seconds: (!seconds.is_empty()).then(|| seconds.iter().sum::<f64>() / seconds.len() as f64),
            baselines: baseline_means(own.iter().map(|(_, metrics)| &metrics.validation)),
        }
    };
    names.iter().enumerate().map(summary).collect()
}

/// What stands above every table of a sweep.
pub(crate) fn preamble(images: usize) -> String {
    format!(
        "Means over seeds with Student's 95 % interval; the split is the same in every run ({images} validation \
         images), so the intervals are those of the seed, not of the choice of patients. Differences are to the \
         first line, seed by seed.\n\n"
    )
}

/// The table as Markdown.
pub fn table(summaries: &[ArmSummary], images: usize) -> String {
    let mut text = preamble(images)
        + "| arm | seeds | parameters | macro AUC | difference | accuracy | difference | Brier | seconds |\n\
           |---|---:|---:|---|---|---|---|---|---:|\n";
    let words = |mean: Option<RunMean>| mean.map_or_else(|| "-".to_owned(), |mean| mean.words(4));
    for line in summaries {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            line.arm,
            line.seeds,
            line.parameters.map_or_else(|| "-".to_owned(), |count| count.to_string()),
            words(line.macro_auc),
            words(line.macro_auc_difference),
            words(line.accuracy),
            words(line.accuracy_difference),
            words(line.brier),
            line.seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.0}")),
        );
    }
    for line in summaries {
        for reason in &line.failed {
            let _ = writeln!(text, "\n{}: {reason}", line.arm);
        }
    }
    let kinds: Vec<(&str, &[BaselineMean])> =
        summaries.iter().map(|line| (line.arm.as_str(), line.baselines.as_slice())).collect();
    text + &baseline_table("arm", &kinds)
}

#[cfg(test)]
pub(crate) mod tests;
