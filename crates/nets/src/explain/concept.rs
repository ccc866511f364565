//! Whether what people name (a concept, shown by examples) raises or lowers a label's logit: testing with concept
//! activation vectors.

mod layer;
mod vector;

pub use layer::{ConceptLayer, pooled_gradients, pooled_maps};
pub use vector::{concept_share, concept_vector};

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rayon::prelude::*;
use serde::Serialize;
use wilhelm_stats::{holm_adjusted, mean_interval, welch_test, wilson_interval};

use super::ExplainError;
use super::draw::Draw;
use crate::Interval;
use vector::right_when_left_out;

/// Least images of a set: with fewer, no vector can be told from chance.
pub const LEAST_IMAGES: usize = 10;

/// How concepts are tested.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ConceptSettings {
    /// Random sets that stand against each concept, and as many pairs of random sets that stand against each other.
    pub sets: usize,
    /// Weight of the images' loss against the length of a vector: scikit-learn's `C`.
    pub strength: f64,
    /// Chance of error at which a score is called different from those of random sets, all concepts together.
    pub level: f64,
    /// Start of all draws.
    pub seed: u64,
}

impl Default for ConceptSettings {
    fn default() -> Self {
        Self { sets: 20, strength: 1.0, level: 0.05, seed: 1 }
    }
}

/// Examples of a concept, as a layer sees them.
#[derive(Clone, Debug, PartialEq)]
pub struct Concept {
    /// What it is called.
    pub name: String,
    /// A layer's numbers, a row an image.
    pub rows: Vec<Vec<f32>>,
    /// Whether each row is of the random image at the same place, changed: then no image stands on both sides.
    pub made: bool,
}

/// The scores of one concept, or of random sets.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scores {
    /// Their mean: the share of images whose logit rises in the concept's direction.
    pub mean: f64,
    /// Student's 95 % interval of the mean, cut at 0 and 1.
    pub interval: [f64; 2],
    /// One of each set.
    pub of_sets: Vec<f64>,
}

impl Scores {
    fn of(of_sets: Vec<f64>) -> Result<Self, ExplainError> {
        let found = mean_interval(&of_sets, 0.95)?;
        Ok(Self { mean: found.value, interval: [found.low.max(0.0), found.high.min(1.0)], of_sets })
    }
}

/// What was found of one concept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConceptScore {
    /// What it is called.
    pub concept: String,
    /// Images that show it.
    pub images: usize,
    /// Images of it, and of random ones, behind each vector.
    pub in_each_set: usize,
    /// Share of images called rightly by a vector that was made without them, mean over the sets; Wilson's 95 % interval of
    /// the images of one set.
    pub accuracy: Interval,
    /// Whether that interval is above a half: otherwise the layer cannot tell the concept, and it has no score.
    pub tellable: bool,
    /// Its scores.
    pub scores: Option<Scores>,
    /// The scores of random sets against random sets.
    pub random: Scores,
    /// Two-sided chance of so different scores by Welch's test; none without scores, or where none of them vary.
    pub p: Option<f64>,
    /// The same after Holm's rule over all concepts.
    pub adjusted_p: Option<f64>,
    /// Whether that is below the level.
    pub differs: bool,
}

impl ConceptScore {
    /// What it says, in a sentence.
    pub fn sentence(&self, label: &str) -> String {
        let Self { concept, accuracy, random, .. } = self;
        let Some(scores) = &self.scores else {
            return format!(
                "{concept}: the layer cannot tell it from random images (accuracy {:.2}, {:.2} to {:.2}), so it has no score.",
                accuracy.estimate, accuracy.low, accuracy.high
            );
        };
        let found = format!("score {:.2}, random sets {:.2}", scores.mean, random.mean);
        if !self.differs {
            return format!("{concept}: not shown to matter to {label} ({found}).");
        }
        let more = if scores.mean > random.mean { "more" } else { "fewer" };
        format!(
            "{concept}: the logit of {label} rises along it in {more} images than along random directions ({found})."
        )
    }
}

/// Tests concepts on one layer and one label.
///
/// For each of several random sets, a linear classifier parts images of the concept from random ones; its direction is the
/// concept's vector, and the score is the share of `gradients` (of the label's logit for the layer's numbers, a row an
/// image) that have a positive part along it. Scores of random sets against other random sets say what chance gives.
/// Random sets are drawn from one pool, so that they overlap: the chances are as optimistic as the pool is small.
///
/// # Errors
/// [`ExplainError`] for too few images, no gradients, rows of different lengths, or settings out of range.
///
/// # Source
/// Kim et al. 2018, arXiv:1711.11279
pub fn concept_scores(
    concepts: &[Concept],
    random: &[Vec<f32>],
    gradients: &[Vec<f32>],
    settings: &ConceptSettings,
    done: &(dyn Fn(usize, usize) + Sync),
) -> Result<Vec<ConceptScore>, ExplainError> {
    settings.check()?;
    let width = gradients.first().map_or(0, Vec::len);
    if width == 0 {
        return Err(ExplainError::Empty("the list of images to explain"));
    }
    let all = || concepts.iter().flat_map(|concept| &concept.rows).chain(random).chain(gradients);
    if let Some(row) = all().find(|row| row.len() != width) {
        return Err(ExplainError::parameter("numbers of a layer", row.len(), width));
    }
    if !all().flatten().all(|value| value.is_finite()) {
        return Err(ExplainError::NotFinite("the layer"));
    }
    let total = concepts.len() * settings.sets;
    let at = std::sync::atomic::AtomicUsize::new(0);
    let mut by_chance: BTreeMap<usize, Scores> = BTreeMap::new();
    let mut found = Vec::with_capacity(concepts.len());
    for concept in concepts {
        let size = concept.size(random)?;
        let random_scores = match by_chance.entry(size) {
            Entry::Occupied(entry) => entry.get().clone(),
            Entry::Vacant(entry) => entry.insert(chance(random, size, gradients, settings)?).clone(),
        };
        let sets = (0..settings.sets)
            .into_par_iter()
            .map(|set| {
                let (shown, others) = concept.draw(random, size, set, settings.seed);
                let right = right_when_left_out(&shown, &others, settings.strength)?;
                let vector = concept_vector(&shown, &others, settings.strength)?;
                done(at.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1, total);
                Ok((right, concept_share(gradients, &vector)))
            })
            .collect::<Result<Vec<(usize, f64)>, ExplainError>>()?;
        let right: usize = sets.iter().map(|(right, _)| right).sum();
        let accuracy = accuracy(right, 2 * size, settings.sets)?;
        let tellable = accuracy.low > 0.5;
        let scores = Scores::of(sets.into_iter().map(|(_, share)| share).collect())?;
        let p = if tellable {
            welch_test(&scores.of_sets, &random_scores.of_sets).ok().map(|test| test.p)
        } else {
            None
        };
        found.push(ConceptScore {
            concept: concept.name.clone(),
            images: concept.rows.len(),
            in_each_set: size,
            accuracy,
            tellable,
            scores: tellable.then_some(scores),
            random: random_scores,
            p,
            adjusted_p: None,
            differs: false,
        });
    }
    let tested: Vec<usize> = (0..found.len()).filter(|place| found[*place].p.is_some()).collect();
    let chances: Vec<f64> = tested.iter().filter_map(|place| found[*place].p).collect();
    if !chances.is_empty() {
        for (place, adjusted) in tested.into_iter().zip(holm_adjusted(&chances)?) {
            found[place].adjusted_p = Some(adjusted);
            found[place].differs = adjusted < settings.level;
        }
    }
    Ok(found)
}

impl ConceptSettings {
    fn check(&self) -> Result<(), ExplainError> {
        if !(2..=1000).contains(&self.sets) {
            return Err(ExplainError::parameter("sets", self.sets, "2 to 1000"));
        }
        if !(self.strength.is_finite() && self.strength > 0.0) {
            return Err(ExplainError::parameter("strength", self.strength, "more than 0"));
        }
        if !(self.level > 0.0 && self.level < 1.0) {
            return Err(ExplainError::parameter("level", self.level, "more than 0 and less than 1"));
        }
        Ok(())
    }
}

impl Concept {
    /// Images of each set: as many as the concept has, unless half of the random ones are fewer.
    fn size(&self, random: &[Vec<f32>]) -> Result<usize, ExplainError> {
        if self.made && self.rows.len() != random.len() {
            return Err(ExplainError::parameter("images of a made concept", self.rows.len(), random.len()));
        }
        let size = self.rows.len().min(random.len() / 2);
        if size < LEAST_IMAGES {
            return Err(ExplainError::parameter(
                "number of images",
                format!("{} of {} and {} random ones", self.rows.len(), self.name, random.len()),
                format!("at least {LEAST_IMAGES} of the concept and {} random ones", 2 * LEAST_IMAGES),
            ));
        }
        Ok(size)
    }

    /// Images of the concept and random ones for one set.
    fn draw<'a>(
        &'a self,
        random: &'a [Vec<f32>],
        size: usize,
        set: usize,
        seed: u64,
    ) -> (Vec<&'a [f32]>, Vec<&'a [f32]>) {
        let mut others = drawn(random.len(), seed, &format!("random set {set}"));
        let shown = if self.made {
            others.split_off(random.len() - size)
        } else {
            drawn(self.rows.len(), seed, &format!("set {set} of {}", self.name))
        };
        (rows(&self.rows, &shown[..size]), rows(random, &others[..size]))
    }
}

/// Scores of random sets against random sets that share no image with them.
fn chance(
    random: &[Vec<f32>],
    size: usize,
    gradients: &[Vec<f32>],
    settings: &ConceptSettings,
) -> Result<Scores, ExplainError> {
    let one = |set: usize| {
        let order = drawn(random.len(), settings.seed, &format!("pair {set} of random sets"));
        let (shown, others) = (rows(random, &order[..size]), rows(random, &order[size..2 * size]));
        Ok(concept_share(gradients, &concept_vector(&shown, &others, settings.strength)?))
    };
    Scores::of((0..settings.sets).into_par_iter().map(one).collect::<Result<Vec<f64>, ExplainError>>()?)
}

fn drawn(count: usize, seed: u64, purpose: &str) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    Draw::new(seed, purpose).shuffle(&mut order);
    order
}

fn rows<'a>(of: &'a [Vec<f32>], places: &[usize]) -> Vec<&'a [f32]> {
    places.iter().map(|place| of[*place].as_slice()).collect()
}

/// Mean over the sets, with the interval of the images of one of them: those of another are mostly the same.
fn accuracy(right: usize, images: usize, sets: usize) -> Result<Interval, ExplainError> {
    let estimate = right as f64 / (images * sets) as f64;
    let (low, high) = wilson_interval((estimate * images as f64).round() as u64, images as u64, 0.95)?;
    Ok(Interval { estimate, low: low.min(estimate), high: high.max(estimate) })
}

#[cfg(test)]
mod tests;
