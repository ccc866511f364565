use std::collections::BTreeMap;

use super::super::error::some;
use super::super::{EvaluationError, Table, TableRow};
use super::{Columns, ID, LABEL};

/// Predictions with the row of the truth that belongs to each.
pub(super) struct Joined<'a> {
    pub predictions: &'a Table,
    pub truth: Option<&'a Table>,
    /// Sorted by id.
    pub rows: Vec<JoinedRow<'a>>,
    pub without_truth: usize,
    pub without_prediction: usize,
    /// `None` where lines are counted instead.
    pub id: Option<usize>,
    label: usize,
}

pub(super) struct JoinedRow<'a> {
    pub id: String,
    pub prediction: &'a TableRow,
    pub truth: Option<&'a TableRow>,
}

impl<'a> Joined<'a> {
    pub fn new(
        predictions: &'a Table,
        truth: Option<&'a Table>,
        columns: &Columns,
    ) -> Result<Self, EvaluationError> {
        let of_predictions = columns.id.as_deref().filter(|name| {
            // Where the tables name their ids differently, the option may speak of either.
            truth.is_none_or(|truth| truth.column(name).is_none()) || predictions.column(name).is_some()
        });
        let id = match predictions.named_or(of_predictions, &ID, "--id") {
            Ok(id) => Some(id),
            // Alone, a table needs nothing to be matched by.
            Err(_) if truth.is_none() && columns.id.is_none() => None,
            Err(error) => return Err(error),
        };
        let mut rows = match id {
            Some(id) => ids(predictions, id)?,
            None => predictions.rows().iter().map(|row| (format!("line {:09}", row.line), row)).collect(),
        };
        let label_of = |table: &Table| table.named_or(columns.label.as_deref(), &LABEL, "--label");
        let Some(truth) = truth else {
            let label = label_of(predictions)?;
            let rows =
                rows.into_iter().map(|(id, prediction)| JoinedRow { id, prediction, truth: None }).collect();
            let (without_truth, without_prediction) = (0, 0);
            return Ok(Self { predictions, truth: None, rows, without_truth, without_prediction, id, label });
        };
        let named = columns.id.as_deref().filter(|name| truth.column(name).is_some());
        let truth_id = truth.named_or(named, &ID, "--id")?;
        let label = label_of(truth)?;
        let mut known = ids(truth, truth_id)?;
        if !rows.keys().any(|id| known.contains_key(id)) {
            rows = by_name(predictions, rows)?;
            known = by_name(truth, known)?;
        }
        let only = |one: &BTreeMap<String, &TableRow>, other: &BTreeMap<String, &TableRow>| -> Vec<String> {
            one.keys().filter(|id| !other.contains_key(*id)).cloned().collect()
        };
        let (without_truth, without_prediction) = (only(&rows, &known), only(&known, &rows));
        if without_truth.len() == rows.len() {
            let what = format!(
                "no id of {} is there; ids here are {}",
                predictions.file(),
                some(&without_prediction)
            );
            return Err(truth.fail(what));
        }
        if !columns.partial {
            let hint = "--partial takes the cases that both have";
            if !without_truth.is_empty() {
                let (count, names) = (without_truth.len(), some(&without_truth));
                let what = format!("no truth for {count} cases of {}: {names}; {hint}", predictions.file());
                return Err(truth.fail(what));
            }
            if !without_prediction.is_empty() {
                let (count, names) = (without_prediction.len(), some(&without_prediction));
                let what = format!("no prediction for {count} cases of {}: {names}; {hint}", truth.file());
                return Err(predictions.fail(what));
            }
        }
        let rows = rows
            .into_iter()
            .filter_map(|(id, prediction)| {
                let truth = Some(*known.get(&id)?);
                Some(JoinedRow { id, prediction, truth })
            })
            .collect();
        Ok(Self {
            predictions,
            truth: Some(truth),
            rows,
            without_truth: without_truth.len(),
            without_prediction: without_prediction.len(),
            id,
            label,
        })
    }

    /// The table that holds the true labels.
    pub fn label_table(&self) -> &'a Table {
        self.truth.unwrap_or(self.predictions)
    }

    /// The true label of a row, as it is written.
    pub fn label(&self, row: &JoinedRow<'a>) -> &'a str {
        &row.truth.unwrap_or(row.prediction).cells[self.label]
    }

    pub fn fail_label(&self, row: &JoinedRow<'_>, what: &str) -> EvaluationError {
        self.label_table().fail_cell(row.truth.unwrap_or(row.prediction), self.label, what)
    }

    /// Whether a column of the predictions plays a part that an option gives it.
    pub fn claims(&self, columns: &Columns, column: usize) -> bool {
        let name = &self.predictions.header()[column];
        Some(column) == self.id
            || self.truth.is_none() && column == self.label
            || columns.patient.as_ref() == Some(name)
            || columns.groups.iter().any(|group| group.name == *name)
    }

    /// Where a column is: whether in the truth, and its place there.
    pub fn place(&self, name: &str, flag: &str) -> Result<(bool, usize), EvaluationError> {
        if let Some(place) = self.truth.and_then(|truth| truth.column(name)) {
            return Ok((true, place));
        }
        let columns: Vec<&str> = [Some(self.predictions), self.truth]
            .into_iter()
            .flatten()
            .flat_map(|table| table.header().iter().map(String::as_str))
            .collect();
        self.predictions.column(name).map(|place| (false, place)).ok_or_else(|| {
            let what = format!("no column {name} ({flag}); there are {}", columns.join(", "));
            self.predictions.fail(what)
        })
    }
}

/// Rows by their id.
fn ids(table: &Table, column: usize) -> Result<BTreeMap<String, &TableRow>, EvaluationError> {
    let mut rows: BTreeMap<String, &TableRow> = BTreeMap::new();
    for row in table.rows() {
        let text = &row.cells[column];
        // `wilhelm predict` puts an apostrophe before what a spreadsheet would read as a formula.
        let id = match text.strip_prefix('\'') {
            Some(rest) if rest.starts_with(['=', '+', '@', '-']) => rest,
            _ => text,
        };
        if id.is_empty() {
            return Err(table.fail_cell(row, column, "empty, expected an id"));
        }
        if let Some(first) = rows.get(id) {
            let what = format!("the id {id} is there already, in line {}", first.line);
            return Err(table.fail_line(row, what));
        }
        rows.insert(id.to_owned(), row);
    }
    Ok(rows)
}

/// The same rows by the name of the file that their id ends in.
fn by_name<'a>(
    table: &Table,
    rows: BTreeMap<String, &'a TableRow>,
) -> Result<BTreeMap<String, &'a TableRow>, EvaluationError> {
    let mut named: BTreeMap<String, &TableRow> = BTreeMap::new();
    for (id, row) in rows {
        let name = id.rsplit(['/', '\\', '!']).next().unwrap_or(&id).to_owned();
        if let Some(first) = named.insert(name, row) {
            let what = format!(
                "the id {id} ends in the same file name as that of line {}: state whole paths",
                first.line
            );
            return Err(table.fail_line(row, what));
        }
    }
    Ok(named)
}
