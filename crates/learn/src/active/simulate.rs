use rand::RngExt;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use serde::Serialize;

use super::{Pool, Strategy, choose};
use crate::fewshot::{Asked, Features, Known, MethodSettings, Probe, Standardized, figures};
use crate::seed::generator;
use crate::{Division, LearnError, RunMean};

/// Streams of randomness, apart from those of training and of draws.
const FIRST: u64 = 1 << 41;
const CHANCE: u64 = 1 << 42;
const COMMITTEE: u64 = 1 << 43;

/// How a labeling is played through.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SimulationSettings {
    /// Strategies beside chance.
    pub strategies: Vec<Strategy>,
    /// Cases of each label that have their labels at first.
    pub first: usize,
    /// Cases labeled at a time.
    pub step: usize,
    /// How often.
    pub rounds: usize,
    /// Beginnings, the same for each strategy.
    pub repeats: usize,
    /// Seed of the beginnings.
    pub seed: u64,
    /// Members of the committee, each a probe on cases drawn again.
    pub committee: usize,
    /// Strength of the probe.
    pub strength: f64,
}

impl Default for SimulationSettings {
    fn default() -> Self {
        Self {
            strategies: Strategy::ALL[1..].to_vec(),
            first: 2,
            step: 10,
            rounds: 8,
            repeats: 10,
            seed: 1,
            committee: 5,
            strength: MethodSettings::default().strength,
        }
    }
}

/// What is reached with so many labels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StrategyPoint {
    /// Labeled cases.
    pub labeled: usize,
    /// AUC over the beginnings.
    pub auc: RunMean,
    /// Accuracy over the beginnings.
    pub accuracy: RunMean,
    /// AUC less that of chance, beginning by beginning; none for chance.
    pub auc_difference: Option<RunMean>,
    /// The same of the accuracy.
    pub accuracy_difference: Option<RunMean>,
    /// AUC of each beginning.
    pub auc_of_repeats: Vec<f64>,
    /// Accuracy of each beginning.
    pub accuracy_of_repeats: Vec<f64>,
}

/// The curve of a strategy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StrategyCurve {
    /// The strategy.
    pub strategy: Strategy,
    /// Its points, by the number of labels.
    pub points: Vec<StrategyPoint>,
    /// The mean of the AUC over all points after the first, where strategies begin to differ.
    pub mean_auc: RunMean,
    /// That less the same of chance, beginning by beginning; none for chance.
    pub mean_auc_difference: Option<RunMean>,
}

/// Labeling played through on data whose labels are known.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Simulation {
    /// The number of this shape of file.
    pub schema: u32,
    /// The program's version.
    pub program: String,
    /// The data, in words.
    pub data: String,
    /// SHA-256 over them.
    pub data_sha256: String,
    /// How they were split.
    pub split: String,
    /// Where the features come from.
    pub source: String,
    /// What that is.
    pub source_words: String,
    /// Whether the labels of these very images took part in making the features.
    pub saw_labels: bool,
    /// Cases to choose from.
    pub pool: usize,
    /// Cases that the figures are measured on.
    pub held_out: usize,
    /// What was asked for.
    pub settings: SimulationSettings,
    /// Chance first, then each strategy.
    pub curves: Vec<StrategyCurve>,
}

/// Figures after each round: labeled cases, AUC, accuracy.
type Course = Vec<(usize, f64, f64)>;

/// Plays a labeling through: from the same few labeled cases each strategy chooses what is labeled next, by a linear probe on
/// frozen features that is fitted anew in each round.
///
/// The training side of the division is what is chosen from; its labels are read for chosen cases alone, and for the balanced
/// beginning. Figures are measured on the validation side.
///
/// # Errors
/// [`LearnError::Few`] for fewer cases than the rounds take, and settings out of range; as
/// [`learning_curves`](crate::fewshot::learning_curves) otherwise.
pub fn simulate(
    division: &Division<'_>,
    source: &Features,
    settings: &SimulationSettings,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Simulation, LearnError> {
    let Division { recipe, data, split, words, .. } = division;
    let classes = recipe.labels.len();
    check(settings, classes, split.training.len())?;
    let label_of: Vec<usize> = data.examples.iter().map(|example| example.label).collect();
    for (label, known) in recipe.labels.iter().enumerate() {
        let count = split.training.iter().filter(|place| label_of[**place] == label).count();
        if count < settings.first {
            return Err(LearnError::Few(format!(
                "label {} has {count} cases to begin with, {} were asked for: begin with fewer",
                known.key, settings.first
            )));
        }
    }
    let features = Standardized::new(source, data, &split.training)?;
    let game = Game {
        features: &features,
        label_of: &label_of,
        classes,
        training: &split.training,
        validation: &split.validation,
        settings,
    };
    let strategies: Vec<Strategy> = std::iter::once(Strategy::Random)
        .chain(settings.strategies.iter().copied().filter(|strategy| *strategy != Strategy::Random))
        .collect();
    let games: Vec<(Strategy, usize)> = strategies
        .iter()
        .flat_map(|strategy| (0..settings.repeats).map(move |repeat| (*strategy, repeat)))
        .collect();
    let done = std::sync::atomic::AtomicUsize::new(0);
    let courses = games
        .par_iter()
        .map(|(strategy, repeat)| {
            let course = game.play(*strategy, *repeat)?;
            progress(done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1, games.len());
            Ok(course)
        })
        .collect::<Result<Vec<Course>, LearnError>>()?;
    let (chance, _) = courses.split_at(settings.repeats);
    let curves = strategies
        .iter()
        .zip(courses.chunks_exact(settings.repeats))
        .map(|(strategy, own)| curve(*strategy, own, chance))
        .collect::<Result<_, _>>()?;
    Ok(Simulation {
        schema: 1,
        program: format!("wilhelm {}", env!("CARGO_PKG_VERSION")),
        data: recipe.data_words.clone(),
        data_sha256: data.sha256.clone(),
        split: words.clone(),
        source: source.name.clone(),
        source_words: source.words.clone(),
        saw_labels: source.saw_labels,
        pool: split.training.len(),
        held_out: split.validation.len(),
        settings: settings.clone(),
        curves,
    })
}

fn check(settings: &SimulationSettings, classes: usize, pool: usize) -> Result<(), LearnError> {
    let fail = |what: String| Err(LearnError::Few(what));
    if classes < 2 {
        return fail(format!("the recipe has {classes} label, expected at least 2"));
    }
    for (what, value) in [
        ("cases of each label at first", settings.first),
        ("cases at a time", settings.step),
        ("rounds", settings.rounds),
        ("beginnings", settings.repeats),
    ] {
        if value == 0 {
            return fail(format!("0 {what} were asked for, expected at least 1"));
        }
    }
    if settings.strategies.contains(&Strategy::Disagreement) && settings.committee < 2 {
        return fail(format!("a committee of {} cannot disagree, expected at least 2", settings.committee));
    }
    MethodSettings { strength: settings.strength, ..MethodSettings::default() }.check()?;
    let taken =
        settings.step.saturating_mul(settings.rounds).saturating_add(settings.first.saturating_mul(classes));
    if taken > pool {
        return fail(format!(
            "{} rounds of {} after {} cases of each label take {taken} cases, there are {pool}: ask for fewer",
            settings.rounds, settings.step, settings.first
        ));
    }
    Ok(())
}

struct Game<'a> {
    features: &'a Standardized,
    label_of: &'a [usize],
    classes: usize,
    training: &'a [usize],
    validation: &'a [usize],
    settings: &'a SimulationSettings,
}

impl Game<'_> {
    fn play(&self, strategy: Strategy, repeat: usize) -> Result<Course, LearnError> {
        let settings = self.settings;
        let truth: Vec<usize> = self.validation.iter().map(|place| self.label_of[*place]).collect();
        let mut labeled: Vec<usize> = (0..self.classes).flat_map(|label| self.first(label, repeat)).collect();
        let mut course = Vec::with_capacity(settings.rounds + 1);
        for round in 0..=settings.rounds {
            let probe = self.probe(&labeled)?;
            let asked = Asked::new(self.features, self.validation);
            let scores: Vec<Vec<f64>> = asked.rows().map(|row| probe.log_probabilities(row)).collect();
            let (auc, accuracy) = figures(&scores, &truth, self.classes)?;
            course.push((labeled.len(), auc, accuracy));
            if round == settings.rounds {
                break;
            }
            let free: Vec<usize> =
                self.training.iter().copied().filter(|place| !labeled.contains(place)).collect();
            let rows: Vec<&[f64]> = free.iter().map(|place| self.features.row(*place)).collect();
            let known: Vec<&[f64]> = labeled.iter().map(|place| self.features.row(*place)).collect();
            let needs_probabilities = !matches!(strategy, Strategy::Random | Strategy::CoreSet);
            let probabilities: Vec<Vec<f64>> = rows
                .iter()
                .map(|row| if needs_probabilities { exp(&probe.log_probabilities(row)) } else { Vec::new() })
                .collect();
            let members = if strategy == Strategy::Disagreement {
                self.members(&labeled, &rows, repeat, round)?
            } else {
                Vec::new()
            };
            let pool =
                Pool { features: &rows, probabilities: &probabilities, members: &members, known: &known };
            let mut random =
                generator(settings.seed, CHANCE + repeat as u64, (round as u64) << 8 | strategy as u64);
            let chosen = choose(strategy, &pool, settings.step, &mut random);
            labeled.extend(chosen.into_iter().map(|choice| free[choice.place]));
        }
        Ok(course)
    }

    /// What has its labels at first: the same for each strategy.
    fn first(&self, label: usize, repeat: usize) -> Vec<usize> {
        let mut places: Vec<usize> =
            self.training.iter().copied().filter(|place| self.label_of[*place] == label).collect();
        places.shuffle(&mut generator(self.settings.seed, FIRST + repeat as u64, label as u64));
        places.truncate(self.settings.first);
        places
    }

    fn probe(&self, labeled: &[usize]) -> Result<Probe, LearnError> {
        Probe::fit(&Known::new(self.features, labeled, self.label_of, self.classes), self.settings.strength)
    }

    /// For each case, what probes on cases drawn again say; each label keeps its number, so that none is lost.
    fn members(
        &self,
        labeled: &[usize],
        rows: &[&[f64]],
        repeat: usize,
        round: usize,
    ) -> Result<Vec<Vec<Vec<f64>>>, LearnError> {
        let mut of_cases = vec![Vec::with_capacity(self.settings.committee); rows.len()];
        for member in 0..self.settings.committee {
            let place = (round as u64) << 16 | member as u64;
            let mut random = generator(self.settings.seed, COMMITTEE + repeat as u64, place);
            let mut again = Vec::with_capacity(labeled.len());
            for label in 0..self.classes {
                let own: Vec<usize> =
                    labeled.iter().copied().filter(|place| self.label_of[*place] == label).collect();
                again.extend((0..own.len()).map(|_| own[random.random_range(0..own.len())]));
            }
            let probe = self.probe(&again)?;
            for (of_case, row) in of_cases.iter_mut().zip(rows) {
                of_case.push(exp(&probe.log_probabilities(row)));
            }
        }
        Ok(of_cases)
    }
}

fn exp(logs: &[f64]) -> Vec<f64> {
    logs.iter().map(|log| log.exp()).collect()
}

fn curve(strategy: Strategy, own: &[Course], chance: &[Course]) -> Result<StrategyCurve, LearnError> {
    let none = || LearnError::Few("there is no beginning".to_owned());
    let mean = |values: &[f64]| RunMean::of(values).ok_or_else(none);
    let less = |own: &[f64], other: &[f64]| -> Option<RunMean> {
        let differences: Vec<f64> = own.iter().zip(other).map(|(own, other)| own - other).collect();
        if strategy == Strategy::Random { None } else { RunMean::of(&differences) }
    };
    let column = |courses: &[Course], figure: &dyn Fn(&Course) -> f64| -> Vec<f64> {
        courses.iter().map(figure).collect()
    };
    let rounds = own.first().ok_or_else(none)?.len();
    let points = (0..rounds)
        .map(|round| {
            let (auc, accuracy) = (|course: &Course| course[round].1, |course: &Course| course[round].2);
            let (auc_of_repeats, accuracy_of_repeats) = (column(own, &auc), column(own, &accuracy));
            Ok(StrategyPoint {
                labeled: own[0][round].0,
                auc: mean(&auc_of_repeats)?,
                accuracy: mean(&accuracy_of_repeats)?,
                auc_difference: less(&auc_of_repeats, &column(chance, &auc)),
                accuracy_difference: less(&accuracy_of_repeats, &column(chance, &accuracy)),
                auc_of_repeats,
                accuracy_of_repeats,
            })
        })
        .collect::<Result<_, LearnError>>()?;
    let after = |course: &Course| {
        course[1..].iter().map(|(_, auc, _)| auc).sum::<f64>() / (course.len() - 1).max(1) as f64
    };
    let means = column(own, &after);
    Ok(StrategyCurve {
        strategy,
        points,
        mean_auc: mean(&means)?,
        mean_auc_difference: less(&means, &column(chance, &after)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::tests::recipe;
    use crate::divide;
    use crate::evaluation::document::{html, markdown};
    use crate::fewshot::tests::{data, features};

    fn settings() -> SimulationSettings {
        SimulationSettings { first: 1, step: 3, rounds: 3, repeats: 3, ..SimulationSettings::default() }
    }

    #[test]
    fn every_strategy_begins_alike_and_the_same_seed_plays_the_same() {
        let (recipe, data) = (recipe(&[]), data(120));
        let division = divide(&recipe, &data).expect("a split");
        let play = |settings: &SimulationSettings| {
            simulate(&division, &features("f", 120, 1.0), settings, &|_, _| ()).expect("played")
        };
        let found = play(&settings());
        assert_eq!(found.curves.len(), 6);
        let first = &found.curves[0];
        assert!(first.strategy == Strategy::Random && first.mean_auc_difference.is_none());
        for curve in &found.curves {
            assert_eq!(curve.points.iter().map(|point| point.labeled).collect::<Vec<_>>(), [2, 5, 8, 11]);
            assert_eq!(curve.points[0].auc_of_repeats, first.points[0].auc_of_repeats);
        }
        let by_hand: f64 = (1..4).map(|round| first.points[round].auc.mean / 3.0).sum();
        assert!((first.mean_auc.mean - by_hand).abs() < 1e-12);
        assert!(found.curves[1..].iter().any(|curve| curve.points[2] != first.points[2]));
        assert_eq!(found, play(&settings()));
        assert_ne!(found, play(&SimulationSettings { seed: 2, ..settings() }));

        let page = super::super::document(&found).expect("a page");
        assert!(markdown(&page).contains("core-set"));
        assert_eq!(html(&page).matches("<svg ").count(), 2);
    }

    #[test]
    fn a_game_that_cannot_be_played_is_refused_in_words() {
        let (recipe, data) = (recipe(&[]), data(120));
        let division = divide(&recipe, &data).expect("a split");
        let said = |settings: &SimulationSettings| {
            let refused = simulate(&division, &features("f", 120, 1.0), settings, &|_, _| ());
            refused.expect_err("refused").to_string()
        };
        let long = said(&SimulationSettings { rounds: 100, ..settings() });
        assert!(long.contains("100 rounds of 3 after 1 cases of each label take 302 cases"), "{long}");
        assert!(said(&SimulationSettings { first: 0, ..settings() }).contains("at first"));
        assert!(said(&SimulationSettings { step: 0, ..settings() }).contains("at a time"));
        assert!(said(&SimulationSettings { committee: 1, ..settings() }).contains("cannot disagree"));
        assert!(said(&SimulationSettings { strength: -1.0, ..settings() }).contains("strength is -1"));
        let rare = said(&SimulationSettings { first: 54, rounds: 1, step: 1, ..settings() });
        assert!(rare.contains("cases to begin with") || rare.contains("take"), "{rare}");
    }
}
