use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};
use wilhelm_formats::{Limits, Silent};
use wilhelm_study::{QuantityKind, Series};

use super::{FusionRecipe, InputRecipe};
use crate::dataset::grid;
use crate::dataset::stated::apply_list;
use crate::dataset::table::{Columns, cases, parse};
use crate::error::some;
use crate::evaluation::EvaluationError;
use crate::relations::copies;
use crate::{DataSource, Dataset, Example, LearnError};

/// One labeled case on the network's grid.
#[derive(Clone, Debug, PartialEq)]
pub struct FusionCase {
    /// Its name.
    pub name: String,
    /// Whose it is, as a running number from 1.
    pub patient: Option<usize>,
    /// Values from 0 to 1 of each input, columns fastest; none of one that is missing.
    pub inputs: Vec<Option<Vec<f32>>>,
    /// Index of its label.
    pub label: usize,
}

/// Labeled cases of several inputs, in the order of their source.
#[derive(Clone, Debug, PartialEq)]
pub struct FusionData {
    /// The cases; the values of one's inputs stand one after another, 0 of those that are missing.
    pub data: Dataset,
    /// Which inputs each case has.
    pub present: Vec<Vec<bool>>,
    /// Pairs of cases an input of which shows the same.
    pub(super) copies: Vec<(usize, usize)>,
}

impl FusionData {
    /// Cases of `values` numbers an input.
    ///
    /// # Errors
    /// [`LearnError::Data`] for a case without any input, or with one of another length or with values that are no finite numbers.
    pub fn new(recipe: &FusionRecipe, cases: Vec<FusionCase>) -> Result<Self, LearnError> {
        let size = &recipe.recipe.architecture;
        let (values, inputs) = (size.side * size.side * size.slices, recipe.inputs.len());
        for case in &cases {
            let fits =
                |input: &Vec<f32>| input.len() == values && input.iter().all(|value| value.is_finite());
            let fail = |what: String| LearnError::Data { place: case.name.clone(), what };
            if case.inputs.len() != inputs || !case.inputs.iter().flatten().all(fits) {
                return Err(fail(format!("expected {inputs} inputs of {values} finite values each")));
            }
            if case.inputs.iter().all(Option::is_none) {
                return Err(fail("has no input".to_owned()));
            }
        }
        let example = |case: FusionCase| {
            let present: Vec<bool> = case.inputs.iter().map(Option::is_some).collect();
            let whole = |input: Option<Vec<f32>>| input.unwrap_or_else(|| vec![0.0; values]);
            let pixels: Vec<f32> = case.inputs.into_iter().flat_map(whole).collect();
            let example = Example {
                source: case.name,
                line: None,
                patient: case.patient,
                side: None,
                thumbnail: Vec::new(),
                pixels,
                label: case.label,
                truths: Vec::new(),
            };
            (example, present)
        };
        let (examples, present) = cases.into_iter().map(example).unzip();
        Ok(Self::of_examples(recipe, examples, present))
    }

    /// Finds copies input by input, and what decides a run.
    fn of_examples(recipe: &FusionRecipe, examples: Vec<Example>, present: Vec<Vec<bool>>) -> Self {
        let mut pairs = Vec::new();
        for input in 0..recipe.inputs.len() {
            let having = present.iter().enumerate().filter(|(_, case)| case[input]);
            let places: Vec<usize> = having.map(|(place, _)| place).collect();
            let alone: Vec<Example> = places
                .iter()
                .map(|place| {
                    let pixels = part(&examples[*place], input, recipe).to_vec();
                    Example { thumbnail: pixels.clone(), pixels, ..examples[*place].clone() }
                })
                .collect();
            let found = copies(&alone, recipe.recipe.duplicates_above);
            pairs.extend(found.into_iter().map(|(one, other)| (places[one], places[other])));
        }
        pairs.sort_unstable();
        pairs.dedup();
        let mut data = Dataset::new(examples);
        let mut hash = Sha256::new();
        hash.update(&data.sha256);
        present.iter().flatten().for_each(|there| hash.update([u8::from(*there)]));
        data.sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { data, present, copies: pairs }
    }

    /// The values of an input of a case, 0 where it is missing.
    pub(super) fn values(&self, case: usize, input: usize, recipe: &FusionRecipe) -> &[f32] {
        part(&self.data.examples[case], input, recipe)
    }

    /// The cases with one input alone, for a network of one input; those that lack it have no pixels.
    pub(super) fn alone(&self, input: usize, recipe: &FusionRecipe) -> Vec<Example> {
        let example = |(case, example): (usize, &Example)| Example {
            pixels: if self.present[case][input] {
                self.values(case, input, recipe).to_vec()
            } else {
                Vec::new()
            },
            thumbnail: Vec::new(),
            source: example.source.clone(),
            truths: Vec::new(),
            ..*example
        };
        self.data.examples.iter().enumerate().map(example).collect()
    }

    /// Those of some cases that have all of these inputs.
    pub(super) fn having(&self, cases: &[usize], inputs: &[bool]) -> Vec<usize> {
        let has =
            |case: &&usize| self.present[**case].iter().zip(inputs).all(|(there, wanted)| *there || !wanted);
        cases.iter().filter(has).copied().collect()
    }
}

fn part<'a>(example: &'a Example, input: usize, recipe: &FusionRecipe) -> &'a [f32] {
    let values = example.pixels.len() / recipe.inputs.len();
    &example.pixels[input * values..][..values]
}

/// Reads the cases that a recipe names below `folder` and brings them onto the network's grid.
///
/// The table has a column `case`, a column `class`, and a column an input with the file of a volume or picture; an empty
/// cell is an input that is missing.
///
/// # Errors
/// [`LearnError::Data`] and [`LearnError::Evaluation`] for a table or files that are not as the recipe says: a case
/// without any input or without one that is required, a file of another modality or unit, inputs of a case on different
/// grids.
pub fn load_cases(recipe: &FusionRecipe, folder: &Path) -> Result<FusionData, LearnError> {
    let DataSource::Table { table, classes, patient, split, validation } = &recipe.recipe.data else {
        unreachable!("checked with the recipe");
    };
    let parsed = parse(folder, table)?;
    let columns = Columns { classes, patient: patient.as_deref(), split: split.as_deref() };
    let entries = cases(folder, &parsed, &columns)?;
    let places = recipe.inputs.iter().map(|input| {
        parsed.column(&input.key).ok_or_else(|| EvaluationError::Table {
            file: table.clone(),
            what: format!("has no column {}; there are {}", input.key, parsed.header().join(", ")),
        })
    });
    let places = places.collect::<Result<Vec<usize>, _>>()?;
    let rows: Vec<Vec<Option<PathBuf>>> = parsed
        .rows()
        .iter()
        .map(|row| places.iter().map(|place| row.cells[*place].as_str()))
        .map(|cells| cells.map(|cell| (!cell.is_empty()).then(|| folder.join(cell))).collect())
        .collect();
    let count = entries.len();
    let read: Vec<Result<Vec<Option<grid::OnGrid>>, String>> = entries
        .par_iter()
        .zip(&rows)
        .map(|(entry, paths)| {
            let line = entry.line.unwrap_or(0);
            one(recipe, paths).map_err(|what| format!("case {} (line {line}): {what}", entry.source))
        })
        .collect();
    let (mut examples, mut present, mut faults) = (Vec::with_capacity(count), Vec::new(), Vec::new());
    for (entry, result) in entries.into_iter().zip(read) {
        match result {
            Ok(inputs) => {
                present.push(inputs.iter().map(Option::is_some).collect());
                examples.push(Example {
                    source: entry.source,
                    line: entry.line,
                    patient: entry.patient,
                    side: entry.side,
                    thumbnail: Vec::new(),
                    pixels: side_by_side(inputs),
                    label: entry.truth,
                    truths: Vec::new(),
                });
            }
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(LearnError::Data {
            place: folder.display().to_string(),
            what: format!(
                "{} of {count} cases cannot be used: {}; mend them or take them out",
                faults.len(),
                some(&faults, "; ")
            ),
        });
    }
    if let Some(list) = validation {
        apply_list(folder, list, &mut examples)?;
    }
    Ok(FusionData::of_examples(recipe, examples, present))
}

/// The inputs' values one after another, 0 of one that is missing.
fn side_by_side(inputs: Vec<Option<grid::OnGrid>>) -> Vec<f32> {
    let values = inputs.iter().flatten().next().map_or(0, |input| input.pixels.len());
    inputs
        .into_iter()
        .flat_map(|input| input.map_or_else(|| vec![0.0; values], |input| input.pixels))
        .collect()
}

/// The inputs of a case, where they lie on one grid.
fn one(recipe: &FusionRecipe, paths: &[Option<PathBuf>]) -> Result<Vec<Option<grid::OnGrid>>, String> {
    let mut first: Option<(&str, Series)> = None;
    let mut found = Vec::with_capacity(paths.len());
    for (input, path) in recipe.inputs.iter().zip(paths) {
        let Some(path) = path else {
            if input.required {
                return Err(format!(
                    "input {} is missing, which the recipe says no case is without",
                    input.key
                ));
            }
            found.push(None);
            continue;
        };
        let fault = |what: String| format!("input {}: {what}", input.key);
        let series = read(path).map_err(fault)?;
        expected(input, &series).map_err(fault)?;
        let bounds = input.bounds.map(|[low, high]| (low, high));
        found.push(Some(grid::of_series(&recipe.recipe, &series, bounds).map_err(fault)?));
        match &first {
            None => first = Some((&input.key, series)),
            Some((key, other)) => {
                if let Some(what) = other.grid_differs(&series) {
                    return Err(fault(format!("{what} than input {key}: {}", remedy(&series))));
                }
            }
        }
    }
    if first.is_none() {
        return Err(format!("has no input at all, expected at least one of {}", recipe.keys().join(", ")));
    }
    Ok(found)
}

/// What to do about an input on another grid.
const fn remedy(series: &Series) -> &'static str {
    match series.image.geometry() {
        Some(_) => {
            "bring it onto that grid first: `wilhelm register FIXED MOVING --out DIR` writes DIR/moved.nii.gz"
        }
        None => "pictures of a case have the same columns and rows",
    }
}

fn read(path: &Path) -> Result<Series, String> {
    let reading = wilhelm_formats::read(&[path.to_owned()], &Limits::default(), &Silent);
    if let Some(failure) = reading.failures.first() {
        return Err(failure.error.to_string());
    }
    let count = reading.series.len();
    match reading.series.into_iter().next() {
        Some(series) if count == 1 => Ok(series),
        _ => Err(format!("holds {count} images, expected one")),
    }
}

/// Refuses what a file says of itself where the recipe says otherwise: a column taken for another.
fn expected(input: &InputRecipe, series: &Series) -> Result<(), String> {
    if let Some(modality) = &series.modality
        && !input.modalities.contains(modality)
    {
        let wanted: Vec<&str> = input.modalities.iter().map(wilhelm_study::Modality::term).collect();
        return Err(format!("its modality is {modality}, expected {}", wanted.join(", ")));
    }
    let found = series.image.quantity();
    // A file without a modality cannot say what its values mean, so the recipe does.
    let silent = found == QuantityKind::Arbitrary && series.modality.is_none();
    if found != input.quantity && !silent {
        return Err(format!("its values are {found:?}, expected {:?}", input.quantity));
    }
    Ok(())
}
