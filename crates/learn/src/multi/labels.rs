use std::path::Path;

use wilhelm_nets::Label;

use crate::dataset::files::Entry;
use crate::dataset::table;
use crate::error::some;
use crate::evaluation::label_tables::LabelCell;
use crate::evaluation::{EvaluationError, Table};
use crate::{Example, LearnError, MultiLabel, Recipe, Split};

/// What a recipe says of its table with a column a label.
pub(crate) struct LabelColumns<'a> {
    /// The columns, in the order of the recipe's labels.
    pub labels: &'a [String],
    /// The column that says whose image it is.
    pub patient: Option<&'a str>,
    /// The column that says on which side it is.
    pub split: Option<&'a str>,
}

impl LabelColumns<'_> {
    /// The images that the table names, and what it says of their labels; a row of cells an image.
    ///
    /// # Errors
    /// [`EvaluationError`] with the line for a cell that is none of 1, 0, -1 and nothing.
    pub fn read(
        &self,
        folder: &Path,
        table: &Table,
    ) -> Result<(Vec<Entry>, Vec<Vec<LabelCell>>), EvaluationError> {
        let mut cells = vec![Vec::with_capacity(self.labels.len()); table.rows().len()];
        let mut entries = Vec::new();
        for column in self.labels {
            let found = table::listed(folder, table, column, self.patient, self.split, cell)?;
            for (row, entry) in cells.iter_mut().zip(&found) {
                row.push(entry.truth);
            }
            entries = found;
        }
        let bare = |entry: Entry<LabelCell>| Entry {
            source: entry.source,
            path: entry.path,
            beside: entry.beside,
            line: entry.line,
            patient: entry.patient,
            side: entry.side,
            truth: 0,
        };
        Ok((entries.into_iter().map(bare).collect(), cells))
    }
}

fn cell(text: &str) -> Result<LabelCell, String> {
    match text {
        "1" | "1.0" => Ok(LabelCell::Present),
        "0" | "0.0" => Ok(LabelCell::Absent),
        "-1" | "-1.0" => Ok(LabelCell::Uncertain),
        "" => Ok(LabelCell::Unmentioned),
        _ => Err("none of 1 (there), 0 (not there), -1 (in doubt) and nothing".to_owned()),
    }
}

/// Gives images what the table says of their labels, and each the number of its stratum: of its rarest label that is there,
/// from 1, or 0.
///
/// # Errors
/// [`LearnError::Data`] for an image of which more than one label of a group is there.
pub(crate) fn add_truths(
    recipe: &Recipe,
    examples: &mut [Example],
    cells: Vec<Vec<LabelCell>>,
) -> Result<(), LearnError> {
    let count = |label: usize| cells.iter().filter(|row| row[label] == LabelCell::Present).count();
    let counts: Vec<usize> = (0..recipe.labels.len()).map(count).collect();
    let groups = recipe.targets.groups(&recipe.labels);
    for (example, row) in examples.iter_mut().zip(cells) {
        for group in groups.iter().filter(|group| group.len() > 1) {
            let there: Vec<String> = group
                .iter()
                .filter(|label| row[**label] == LabelCell::Present)
                .map(|label| recipe.labels[*label].key.clone())
                .collect();
            if there.len() > 1 {
                return Err(LearnError::Data {
                    place: example.place(),
                    what: format!(
                        "{} are there together, but exactly one of a group is",
                        there.join(" and ")
                    ),
                });
            }
        }
        let there = (0..row.len()).filter(|label| row[*label] == LabelCell::Present);
        example.label = there.min_by_key(|label| counts[*label]).map_or(0, |label| label + 1);
        example.truths = row;
    }
    Ok(())
}

/// Whether each label, as the figures take it, is there and is not there on both sides.
///
/// # Errors
/// [`LearnError::Split`] with the labels of which that is not so.
pub(crate) fn check_sides(recipe: &Recipe, examples: &[Example], split: &Split) -> Result<(), LearnError> {
    let faults: Vec<String> = recipe
        .labels
        .iter()
        .enumerate()
        .flat_map(|(at, label)| {
            let has = |places: &[usize], wanted: bool| {
                places.iter().any(|place| truth(&recipe.multi_label, &examples[*place], at) == Some(wanted))
            };
            let lacks = |wanted: bool, words: &str| {
                let training = !has(&split.training, wanted);
                let validation = !has(&split.validation, wanted);
                let side = match (training, validation) {
                    (false, false) => return None,
                    (true, true) => "of either side",
                    (true, false) => "to train on",
                    (false, true) => "for validation",
                };
                Some(format!("no image {side} {words} {}", label.key))
            };
            [lacks(true, "has"), lacks(false, "is known to be without")]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
        })
        .collect();
    if faults.is_empty() {
        return Ok(());
    }
    Err(LearnError::Split(format!(
        "{}: add images, hold out another share, or take the label out",
        some(&faults, "; ")
    )))
}

/// Whether an image has a label, as the figures take it.
pub(super) fn truth(settings: &MultiLabel, example: &Example, label: usize) -> Option<bool> {
    settings.known(example.truths[label])
}

/// What training takes of an image's labels of a group: a number a label, `None` where the group takes no part.
///
/// Of a group of several exactly one must be there; where none is known to be, it takes no part.
pub(super) fn taught(
    settings: &MultiLabel,
    labels: &[Label],
    group: &[usize],
    example: &Example,
) -> Option<Vec<f32>> {
    let there = |label: &usize| settings.trained(&labels[*label].key, example.truths[*label]);
    match group {
        [only] => there(only).map(|there| vec![f32::from(u8::from(there))]),
        group => {
            let truths: Vec<f32> =
                group.iter().map(|label| f32::from(u8::from(there(label) == Some(true)))).collect();
            (truths.iter().sum::<f32>() == 1.0).then_some(truths)
        }
    }
}
