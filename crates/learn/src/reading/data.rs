use std::collections::BTreeMap;
use std::path::Path;

use super::TextRecipe;
use crate::error::some;
use crate::evaluation::Table;
use crate::hash::sha256;
use crate::{LearnError, Split, split_by_group};

/// A labeled text.
#[derive(Clone, Debug, PartialEq)]
pub struct TextExample {
    /// The line of the table on which it begins.
    pub line: u64,
    /// The text.
    pub text: String,
    /// Its label's place in the recipe.
    pub label: usize,
    /// The numbers that come with it; none where the cell is empty.
    pub numbers: Vec<Option<f32>>,
    /// The first example of its group: copies, and texts of one group of the table.
    pub group: usize,
}

/// A table of labeled texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Texts {
    /// The texts in the order of the table.
    pub examples: Vec<TextExample>,
    /// SHA-256 of the table.
    pub sha256: String,
    /// The name of each text's group in the table, where the recipe names a column.
    pub groups: Option<Vec<String>>,
}

impl Texts {
    /// Most bytes of a table.
    pub const MOST_BYTES: u64 = 1 << 31;

    /// Reads the table that a recipe names, below a folder.
    ///
    /// # Errors
    /// [`LearnError::Data`] and [`LearnError::Evaluation`] naming file, line and column.
    pub fn load(recipe: &TextRecipe, folder: &Path) -> Result<Self, LearnError> {
        let path = folder.join(&recipe.data.table);
        let fail = |what: String| LearnError::Data { place: path.display().to_string(), what };
        let size = std::fs::metadata(&path).map_err(|error| fail(error.to_string()))?.len();
        if size > Self::MOST_BYTES {
            return Err(fail(format!("has {size} bytes, expected at most {}", Self::MOST_BYTES)));
        }
        let bytes = std::fs::read(&path).map_err(|error| fail(error.to_string()))?;
        Self::parse(recipe, &path.display().to_string(), &bytes)
    }

    /// Reads a table; `file` is its name in messages.
    ///
    /// # Errors
    /// As [`Texts::load`].
    pub fn parse(recipe: &TextRecipe, file: &str, bytes: &[u8]) -> Result<Self, LearnError> {
        let fail = |what: String| LearnError::Data { place: file.to_owned(), what };
        let table = Table::parse(file, bytes)?;
        let column = |name: &str| {
            let header = table.header().join(", ");
            table.column(name).ok_or_else(|| fail(format!("has no column {name}; its columns are {header}")))
        };
        let (text, label) = (column(&recipe.data.text)?, column(&recipe.data.label)?);
        let group = recipe.data.group.as_deref().map(column).transpose()?;
        let numbers = recipe.data.numbers.iter().map(|name| column(name)).collect::<Result<Vec<_>, _>>()?;
        let mut examples = Vec::with_capacity(table.rows().len());
        for row in table.rows() {
            let wrong = |what: String| fail(format!("line {}: {what}", row.line));
            let found = row.cells[label].as_str();
            let place = recipe.labels.iter().position(|label| label.found() == found).ok_or_else(|| {
                let known: Vec<&str> = recipe.labels.iter().map(super::TextLabel::found).collect();
                wrong(format!("the label is {found:?}, expected one of {}", known.join(", ")))
            })?;
            if row.cells[text].is_empty() {
                return Err(wrong("has no text: take the line out".to_owned()));
            }
            let of_row = numbers.iter().map(|column| match row.cells[*column].as_str() {
                "" => Ok(None),
                cell => match cell.parse::<f32>() {
                    Ok(value) if value.is_finite() => Ok(Some(value)),
                    _ => Err(wrong(format!(
                        "{} is {cell:?}, expected a number or nothing",
                        table.header()[*column]
                    ))),
                },
            });
            examples.push(TextExample {
                line: row.line,
                text: row.cells[text].clone(),
                label: place,
                numbers: of_row.collect::<Result<_, _>>()?,
                group: 0,
            });
        }
        let names = group.map(|column| -> Vec<String> {
            table.rows().iter().map(|row| row.cells[column].clone()).collect()
        });
        let together = together(&examples, names.as_deref());
        examples.iter_mut().zip(together).for_each(|(example, group)| example.group = group);
        Ok(Self { examples, sha256: sha256(bytes), groups: names })
    }

    /// Which texts train and which validate: copies, and texts of one group, on one side. Also says so in words.
    ///
    /// # Errors
    /// [`LearnError::Split`] where a label has no text on one side.
    pub fn divide(&self, recipe: &TextRecipe) -> Result<(Split, String), LearnError> {
        let groups: Vec<usize> = self.examples.iter().map(|example| example.group).collect();
        let labels: Vec<usize> = self.examples.iter().map(|example| example.label).collect();
        let split = split_by_group(&groups, &labels, recipe.validation_share, recipe.split_seed());
        for (place, label) in recipe.labels.iter().enumerate() {
            let lacks = |side: &[usize]| !side.iter().any(|example| labels[*example] == place);
            let side = match (lacks(&split.training), lacks(&split.validation)) {
                (false, false) => continue,
                (true, true) => "to train on and none for validation",
                (true, false) => "to train on",
                (false, true) => "for validation",
            };
            let lines: Vec<String> = (0..labels.len())
                .filter(|example| labels[*example] == place)
                .map(|example| self.examples[example].line.to_string())
                .collect();
            return Err(LearnError::Split(format!(
                "label {} has no text {side} (its lines: {}): add some, or hold out another share",
                label.key,
                if lines.is_empty() { "none".to_owned() } else { some(&lines, ", ") }
            )));
        }
        let count = groups.iter().enumerate().filter(|(place, group)| place == *group).count();
        let of = match &recipe.data.group {
            Some(column) => format!("copies and of the column {column}"),
            None => "copies; no column says what else belongs together".to_owned(),
        };
        let share = (recipe.validation_share * 100.0).round();
        let words = format!(
            "{} texts in {count} groups of {of}; {share} % of each label held out, whole groups at a time",
            self.examples.len()
        );
        Ok((split, words))
    }
}

/// The first example of each one's group: equal texts, whatever their case and spaces, and equal names of groups,
/// transitively.
fn together(examples: &[TextExample], names: Option<&[String]>) -> Vec<usize> {
    let mut group: Vec<usize> = (0..examples.len()).collect();
    let root = |group: &[usize], mut place: usize| {
        while group[place] != place {
            place = group[place];
        }
        place
    };
    let mut join = |one: usize, other: usize| {
        let (one, other) = (root(&group, one), root(&group, other));
        group[one.max(other)] = one.min(other);
    };
    let mut of_text: BTreeMap<String, usize> = BTreeMap::new();
    let mut of_name: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, example) in examples.iter().enumerate() {
        let folded = example.text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
        join(*of_text.entry(folded).or_insert(place), place);
        // A text whose cell is empty belongs to nothing.
        if let Some(name) = names.map(|names| names[place].as_str()).filter(|name| !name.is_empty()) {
            join(*of_name.entry(name).or_insert(place), place);
        }
    }
    (0..examples.len()).map(|place| root(&group, place)).collect()
}
