use std::path::Path;

use wilhelm_nets::{Label, LabelFigures, Targets};

use super::labels::truth;
use crate::baselines::{NetworkAnswers, baselines};
use crate::{Dataset, Division, Example, LearnError, Recipe, Split, Trained};

/// Adds what is reached without a network to the figures of each label, the label against its absence, on the images that
/// say which.
///
/// Radiomics are kept in `cache` where it is named. `progress` is told what is done and how far.
///
/// # Errors
/// As [`baselines`] has them.
pub fn baselines_of_labels(
    division: &Division<'_>,
    trained: &mut Trained,
    command: &str,
    cache: Option<&Path>,
    progress: &(dyn Fn(&str, usize, usize) + Sync),
) -> Result<(), LearnError> {
    let model = format!("{} {}", trained.card.name, trained.card.version);
    let probabilities: Vec<Vec<f64>> = trained
        .held_out
        .cases
        .iter()
        .map(|case| trained.card.calibration.probabilities(&case.logits))
        .collect();
    for (label, figures) in trained.card.validation.each.iter_mut().enumerate() {
        let one = OneLabel::new(division, label);
        let said: Vec<Vec<f64>> = one
            .validation
            .iter()
            .map(|image| vec![1.0 - probabilities[*image][label], probabilities[*image][label]])
            .collect();
        let network = NetworkAnswers {
            model: &model,
            weights_sha256: &trained.card.weights_sha256,
            probabilities: &said,
        };
        let division = Division {
            recipe: &one.recipe,
            data: &one.data,
            split: one.split.clone(),
            groups: one.groups.clone(),
            patients: division.patients,
            words: division.words.clone(),
        };
        let found = baselines(&division, Some(network), command, cache, progress)?;
        *figures = LabelFigures { baselines: found.metrics(), ..figures.clone() };
    }
    Ok(())
}

/// A label against its absence, as a classifier of two labels has it.
struct OneLabel {
    recipe: Recipe,
    data: Dataset,
    split: Split,
    groups: Vec<usize>,
    /// The validation images of all, by their place there, that are among its.
    validation: Vec<usize>,
}

impl OneLabel {
    fn new(division: &Division<'_>, label: usize) -> Self {
        let Division { recipe, data, split, groups, .. } = division;
        let own = &recipe.labels[label];
        let absent = Label {
            key: format!("no-{}", own.key),
            name: format!("no {}", own.name),
            synonyms: Vec::new(),
            code: None,
            normal: true,
        };
        let mut of_one = (*recipe).clone();
        of_one.targets = Targets::OneOf;
        of_one.labels = vec![absent, own.clone()];
        of_one.architecture.labels = 2;
        let known: Vec<(usize, bool)> = (0..data.examples.len())
            .filter_map(|place| Some((place, truth(&recipe.multi_label, &data.examples[place], label)?)))
            .collect();
        let example = |(place, there): &(usize, bool)| Example {
            label: usize::from(*there),
            truths: Vec::new(),
            ..data.examples[*place].clone()
        };
        let at = |place: &usize| known.binary_search_by_key(place, |(known, _)| *known).ok();
        let validation = split
            .validation
            .iter()
            .enumerate()
            .filter(|(_, place)| at(place).is_some())
            .map(|(image, _)| image);
        Self {
            recipe: of_one,
            split: Split {
                training: split.training.iter().filter_map(at).collect(),
                validation: split.validation.iter().filter_map(at).collect(),
            },
            groups: known.iter().map(|(place, _)| groups[*place]).collect(),
            validation: validation.collect(),
            data: Dataset::new(known.iter().map(example).collect()),
        }
    }
}
