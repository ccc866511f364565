mod folds;
mod labeled;
mod leak;

use std::collections::{BTreeMap, BTreeSet};

pub use folds::folds_by_group;

use rand::seq::SliceRandom;

use crate::error::some;
use crate::multi;
use crate::recipe::Holding;
use crate::relations::{copies, groups};
use crate::seed::generator;
use crate::{Dataset, Example, Fold, LearnError, Recipe, Side};

/// Which examples train and which validate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Indices trained on.
    pub training: Vec<usize>,
    /// Indices held out.
    pub validation: Vec<usize>,
}

/// Data parted as a recipe asks for: what a network is trained on and measured by.
#[derive(Clone, Debug, PartialEq)]
pub struct Division<'a> {
    /// The recipe.
    pub recipe: &'a Recipe,
    /// All data.
    pub data: &'a Dataset,
    /// Which examples are on which side.
    pub split: Split,
    /// The group of each example: the index of the first of its copies and of its patient's images.
    pub groups: Vec<usize>,
    /// Patients, where the data name them; then no patient is on both sides.
    pub patients: Option<usize>,
    /// How the split was made, for people.
    pub words: String,
}

/// Splits the data as the recipe says: copies of an image, and images of one patient, stay on one side.
///
/// The same recipe and data give the same split.
///
/// # Errors
/// [`LearnError::Split`] where a label has no image on one side, [`LearnError::Leak`] where the data state a split with
/// the same image or patient on two sides.
pub fn divide<'a>(recipe: &'a Recipe, data: &'a Dataset) -> Result<Division<'a>, LearnError> {
    divide_with(recipe, data, &copies(&data.examples, recipe.duplicates_above))
}

/// The same where the pairs of copies are known.
pub(crate) fn divide_with<'a>(
    recipe: &'a Recipe,
    data: &'a Dataset,
    copies: &[(usize, usize)],
) -> Result<Division<'a>, LearnError> {
    let several = !recipe.targets.is_one_of();
    let keys: Vec<&str> = recipe.labels.iter().map(|label| label.key.as_str()).collect();
    let rules = Rules {
        holding: recipe.holding()?,
        duplicates_above: recipe.duplicates_above,
        seed: recipe.split_seed(),
        kind: if several { "stratum (rarest label there)" } else { "label" },
        labels: if several { &[] } else { &keys },
    };
    let Parted { mut split, groups, patients, mut words } = part_with(&data.examples, copies, &rules)?;
    if several {
        multi::check_sides(recipe, &data.examples, &split)?;
    }
    if let Some(share) = recipe.labeled_share {
        let all = split.training.len();
        split.training = labeled::labeled(&split.training, &groups, &data.examples, share, recipe.seed);
        words = format!(
            "{words}; {} of {all} images to train on have a label ({} % of each label's, whole groups at a time)",
            split.training.len(),
            (share * 1000.0).round() / 10.0
        );
    }
    Ok(Division { recipe, data, split, groups, patients, words })
}

/// How a recipe asks for its data to be parted.
pub(crate) struct Rules<'a> {
    /// Which images are held out.
    pub holding: Holding<'a>,
    /// Correlation of two thumbnails above which they count as one source.
    pub duplicates_above: f64,
    /// Seed of the split.
    pub seed: u64,
    /// What a label stands for, for people.
    pub kind: &'a str,
    /// Keys of the labels that must be on both sides.
    pub labels: &'a [&'a str],
}

/// Images parted, and how.
pub(crate) struct Parted {
    /// Which examples are on which side.
    pub split: Split,
    /// The group of each example.
    pub groups: Vec<usize>,
    /// Patients, where the data name them.
    pub patients: Option<usize>,
    /// How the split was made, for people.
    pub words: String,
}

/// Parts images: copies of an image, and images of one patient, stay on one side.
pub(crate) fn part(examples: &[Example], rules: &Rules<'_>) -> Result<Parted, LearnError> {
    part_with(examples, &copies(examples, rules.duplicates_above), rules)
}

fn part_with(
    examples: &[Example],
    copies: &[(usize, usize)],
    rules: &Rules<'_>,
) -> Result<Parted, LearnError> {
    let Rules { duplicates_above, seed, kind, labels: keys, .. } = *rules;
    let groups = groups(examples, copies);
    let labels: Vec<usize> = examples.iter().map(|example| example.label).collect();
    let (split, held) = match rules.holding {
        Holding::Share(share) => {
            let split = split_by_group(&groups, &labels, share, seed);
            check_labels(keys, examples, &split, &groups, "add images, or hold out another share")?;
            (split, format!("{} % of each {kind} held out, whole groups at a time", (share * 100.0).round()))
        }
        Holding::Fold(Fold { number, of }) => {
            let folds = folds_by_group(&groups, &labels, of, seed);
            // All of them, before the first is trained.
            for fold in 1..=of {
                let hint = format!("that is fold {fold} of {of}: add images, or take fewer folds");
                check_labels(keys, examples, &without(&folds, fold), &groups, &hint)?;
            }
            let words =
                format!("fold {number} of {of} held out, labels spread evenly, whole groups at a time");
            (without(&folds, number), words)
        }
        Holding::Stated { key, name } => {
            leak::refuse_leaks(examples, copies)?;
            let split = stated(examples);
            check_labels(keys, examples, &split, &groups, "move some")?;
            (split, stated_words(examples, key, name))
        }
    };
    let distinct = |of: &mut dyn Iterator<Item = usize>| of.collect::<BTreeSet<usize>>().len();
    let patients = distinct(&mut examples.iter().filter_map(|example| example.patient));
    let patients = (patients > 0).then_some(patients);
    let alike = format!("near-duplicates (thumbnail correlation above {duplicates_above})");
    let (of, by) = match patients {
        Some(count) => (format!("{alike} and of patients"), format!("split by patient ({count} patients)")),
        None => (alike, "no patient identifiers were given, so a patient may be on both sides".to_owned()),
    };
    let count = distinct(&mut groups.iter().copied());
    let words = format!("{} images in {count} groups of {of}; {held}; {by}", examples.len());
    Ok(Parted { split, groups, patients, words })
}

/// All folds but one train.
fn without(folds: &[usize], fold: usize) -> Split {
    let (validation, training) = (0..folds.len()).partition(|place| folds[*place] == fold);
    Split { training, validation }
}

/// The split as the data state it.
fn stated(examples: &[Example]) -> Split {
    let of = |side: Side| {
        let is = |place: &usize| examples[*place].side == Some(side);
        (0..examples.len()).filter(is).collect()
    };
    Split { training: of(Side::Training), validation: of(Side::Validation) }
}

fn stated_words(examples: &[Example], key: &str, name: &str) -> String {
    let aside = examples.iter().filter(|example| example.side == Some(Side::Test)).count();
    let aside = if aside > 0 { format!("; {aside} test images were set aside") } else { String::new() };
    let what = if key == "split" { "column" } else { "list" };
    format!(
        "held out as the {what} {name} states, which was checked: no image or copy is on two sides{aside}"
    )
}

/// Each label must be learned and measured.
fn check_labels(
    keys: &[&str],
    examples: &[Example],
    split: &Split,
    groups: &[usize],
    hint: &str,
) -> Result<(), LearnError> {
    for (label, key) in keys.iter().enumerate() {
        let of_label = |places: &[usize]| -> Vec<usize> {
            places.iter().copied().filter(|place| examples[*place].label == label).collect()
        };
        let (training, validation) = (of_label(&split.training), of_label(&split.validation));
        let (lacks, other) = match (training.is_empty(), validation.is_empty()) {
            (false, false) => continue,
            (true, true) => {
                return Err(LearnError::Split(format!(
                    "label {key} has no image to train on and none for validation: add some, or take the label out of the recipe"
                )));
            }
            (true, false) => ("to train on", validation),
            (false, true) => ("for validation", training),
        };
        let names: Vec<String> = other.iter().map(|place| examples[*place].place()).collect();
        let together = other.iter().map(|place| groups[*place]).collect::<BTreeSet<_>>().len();
        return Err(LearnError::Split(format!(
            "label {key} has no image {lacks}: it has {} images in {together} groups of copies and patients, all on \
             the other side: {}; {hint}",
            other.len(),
            some(&names, ", ")
        )));
    }
    Ok(())
}

/// Holds out about `share` of each label's examples, whole groups at a time.
///
/// A group counts for the label of its first member. The same seed gives the same split.
pub fn split_by_group(groups: &[usize], labels: &[usize], share: f64, seed: u64) -> Split {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, group) in groups.iter().enumerate() {
        members.entry(*group).or_default().push(place);
    }
    let mut by_label: BTreeMap<usize, Vec<Vec<usize>>> = BTreeMap::new();
    for group in members.into_values() {
        by_label.entry(labels[group[0]]).or_default().push(group);
    }
    let mut split = Split { training: Vec::new(), validation: Vec::new() };
    for (label, mut groups) in by_label {
        groups.shuffle(&mut generator(seed, 1, label as u64));
        let examples: usize = groups.iter().map(Vec::len).sum();
        let wanted = (examples as f64 * share).round() as usize;
        let mut held = 0;
        for group in groups {
            if held + group.len() <= wanted {
                held += group.len();
                split.validation.extend(group);
            } else {
                split.training.extend(group);
            }
        }
    }
    split.training.sort_unstable();
    split.validation.sort_unstable();
    split
}

#[cfg(test)]
mod tests;
