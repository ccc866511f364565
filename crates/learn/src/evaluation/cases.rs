use std::collections::{BTreeMap, BTreeSet};

use super::error::some;
use super::{EvaluationError, Table, TableRow};

mod join;

use join::Joined;

/// How far the probabilities of a case may be from adding up to 1: tables are often rounded to two or
/// three decimals. They are divided by their sum.
pub const SUM_TOLERANCE: f64 = 0.01;
/// Most values that a column of groups may have.
pub const MOST_GROUPS: usize = 20;

const ID: [&str; 4] = ["id", "image", "case", "file"];
const LABEL: [&str; 3] = ["label", "truth", "class"];
/// Columns that `wilhelm predict` writes beside its probabilities.
const ABSTAINED: &str = "abstained";
const BESIDE: [&str; 3] = [ABSTAINED, "outlier_score", "disagreement"];

/// Which columns of the tables play which part, and which cases count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    /// What tells cases apart; otherwise `id`, `image`, `case` or `file`, and without these the line where
    /// nothing is to be matched.
    pub id: Option<String>,
    /// The true label; otherwise `label`, `truth` or `class`.
    pub label: Option<String>,
    /// Whose case it is: intervals then draw patients.
    pub patient: Option<String>,
    /// Columns by which cases are parted into groups.
    pub groups: Vec<GroupColumn>,
    /// The columns of probabilities; otherwise those named by labels of the truth, and others that hold
    /// numbers from 0 to 1 alone.
    pub labels: Option<Vec<String>>,
    /// A column with a score that is no probability, higher for the positive label.
    pub score: Option<String>,
    /// The label that is looked for.
    pub positive: Option<String>,
    /// Take the cases that both tables have instead of refusing those that one lacks.
    pub partial: bool,
}

/// A column by which cases are parted into groups.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupColumn {
    /// Its name.
    pub name: String,
    /// Rising numbers at which a group begins; without them each value is a group.
    pub edges: Vec<f64>,
}

/// What the numbers of a case are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Probabilities that add up to 1.
    Probability,
    /// A score of the positive label; its negative for the other one.
    Score,
}

/// Cases to evaluate, sorted by their id.
#[derive(Clone, Debug, PartialEq)]
pub struct Cases {
    /// The file with the predictions.
    pub file: String,
    /// What tells them apart.
    pub ids: Vec<String>,
    /// All labels.
    pub labels: Vec<String>,
    /// The label that is looked for.
    pub positive: Option<usize>,
    /// The true label of each case.
    pub truth: Vec<usize>,
    /// One row a case, one number a label.
    pub values: Vec<f64>,
    /// What these numbers are.
    pub scale: Scale,
    /// The patient of each case, as a number.
    pub patients: Option<Vec<usize>>,
    /// Groups of the cases, a column each.
    pub groups: Vec<Grouping>,
    /// Whether the ids are those of lines, since no column tells cases apart.
    pub by_line: bool,
    /// Cases on which the model abstained: they are in no figure.
    pub abstained: usize,
    /// Ids that only the predictions have.
    pub without_truth: usize,
    /// Ids that only the truth has.
    pub without_prediction: usize,
    /// Columns that play no part.
    pub unused: Vec<String>,
    /// How far the sum of a case's probabilities was from 1 at the most, before they were divided by it.
    pub sum_off: f64,
    /// The columns of the predictions that hold their numbers: one a label, or one for two labels.
    pub columns: Vec<String>,
    /// Other numbers of each case: the outlier score that `wilhelm predict` writes.
    pub outlier_scores: Option<Vec<f64>>,
}

/// The groups of one column.
#[derive(Clone, Debug, PartialEq)]
pub struct Grouping {
    /// The column.
    pub column: String,
    /// The names of its groups, in order.
    pub names: Vec<String>,
    /// The group of each case.
    pub of: Vec<usize>,
}

impl Cases {
    /// Brings predictions and truth together.
    ///
    /// Without a table of the truth, the predictions hold the true label themselves. Ids are matched as
    /// they are, or by the name of the file at their end where that is unambiguous.
    ///
    /// # Errors
    /// [`EvaluationError`] naming file, line and column: a missing or doubled column, id or number, NaN,
    /// probabilities outside 0 to 1 or that do not add up to 1 within [`SUM_TOLERANCE`], a label without a
    /// column, one label only.
    pub fn read(
        predictions: &Table,
        truth: Option<&Table>,
        columns: &Columns,
    ) -> Result<Self, EvaluationError> {
        let joined = Joined::new(predictions, truth, columns)?;
        let abstained = predictions.column(ABSTAINED).filter(|column| !joined.claims(columns, *column));
        let (mut kept, mut left_out) = (Vec::new(), 0);
        for row in &joined.rows {
            if abstained.is_some_and(|column| !row.prediction.cells[column].is_empty()) {
                left_out += 1;
            } else {
                kept.push(row);
            }
        }
        if kept.is_empty() {
            return Err(predictions.fail(format!("no case is left: the model abstained on {left_out}")));
        }
        let rows: Vec<&join::JoinedRow<'_>> = kept;
        let found = Found { joined: &joined, rows: &rows, columns };
        let known = found.known()?;
        let truth_labels = found.truth(&known)?;
        let present: BTreeSet<usize> = truth_labels.iter().copied().collect();
        if present.len() < 2 {
            let what = format!(
                "all {} cases are of one label, expected at least two: nothing can be told apart",
                rows.len()
            );
            return Err(joined.label_table().fail(what));
        }
        let (values, sum_off) = found.values(&known)?;
        let positive = match &columns.positive {
            None => known.positive,
            Some(label) => Some(known.labels.iter().position(|known| known == label).ok_or_else(|| {
                predictions.fail(format!("--positive {label}: the labels are {}", known.labels.join(", ")))
            })?),
        };
        if known.labels.len() == 2 && positive.is_none() {
            return Err(predictions.fail(format!(
                "the labels are {} and {}: say with --positive which one is looked for",
                known.labels[0], known.labels[1]
            )));
        }
        let patients = columns.patient.as_deref().map(|name| found.patients(name)).transpose()?;
        let groups: Vec<Grouping> =
            columns.groups.iter().map(|column| found.grouping(column)).collect::<Result<_, _>>()?;
        let outlier_scores =
            predictions.column(BESIDE[1]).filter(|column| !known.columns.contains(column)).and_then(
                |column| rows.iter().map(|row| predictions.number(row.prediction, column).ok()).collect(),
            );
        Ok(Self {
            file: predictions.file().to_owned(),
            ids: rows.iter().map(|row| row.id.clone()).collect(),
            positive,
            truth: truth_labels,
            values,
            scale: known.scale,
            patients,
            groups,
            by_line: joined.id.is_none(),
            abstained: left_out,
            without_truth: joined.without_truth,
            without_prediction: joined.without_prediction,
            unused: known.unused,
            labels: known.labels,
            sum_off,
            columns: known.columns.iter().map(|column| predictions.header()[*column].clone()).collect(),
            outlier_scores,
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.truth.len()
    }
    /// Never: a table without a case is refused.
    pub fn is_empty(&self) -> bool {
        self.truth.is_empty()
    }
    /// The number of a label for each case.
    pub fn of_label(&self, label: usize) -> Vec<f64> {
        self.values.chunks_exact(self.labels.len()).map(|row| row[label]).collect()
    }
    /// Whether each case has a label.
    pub fn is_label(&self, label: usize) -> Vec<bool> {
        self.truth.iter().map(|truth| *truth == label).collect()
    }

    /// The numbers of each case as their columns hold them.
    pub(super) fn numbers(&self) -> Vec<Vec<f64>> {
        let width = self.labels.len();
        self.values.chunks_exact(width).map(|row| row[width - self.columns.len()..].to_vec()).collect()
    }

    /// Some of the cases, in the order given.
    pub(super) fn pick(&self, places: &[usize]) -> Self {
        let width = self.labels.len();
        Self {
            ids: places.iter().map(|place| self.ids[*place].clone()).collect(),
            truth: places.iter().map(|place| self.truth[*place]).collect(),
            values: places
                .iter()
                .flat_map(|place| self.values[place * width..][..width].iter().copied())
                .collect(),
            patients: self
                .patients
                .as_ref()
                .map(|patients| places.iter().map(|place| patients[*place]).collect()),
            groups: Vec::new(),
            outlier_scores: None,
            ..self.clone()
        }
    }
}

/// What the columns of probabilities are.
struct Known {
    labels: Vec<String>,
    positive: Option<usize>,
    scale: Scale,
    /// Of each label; a label whose column is missing has the rest of the only one.
    columns: Vec<usize>,
    unused: Vec<String>,
}

struct Found<'a, 'b> {
    joined: &'a Joined<'a>,
    rows: &'b [&'a join::JoinedRow<'a>],
    columns: &'a Columns,
}

impl Found<'_, '_> {
    fn known(&self) -> Result<Known, EvaluationError> {
        let table = self.joined.predictions;
        if let Some(row) = self.rows.iter().find(|row| self.joined.label(row).is_empty()) {
            return Err(self.joined.fail_label(row, "empty, expected the true label"));
        }
        let stated: BTreeSet<&str> = self.rows.iter().map(|row| self.joined.label(row)).collect();
        if let Some(score) = &self.columns.score {
            let column =
                table.column(score).ok_or_else(|| table.fail(format!("no column {score} (--score)")))?;
            return self.one_column(column, &stated, Scale::Score, Vec::new());
        }
        let candidates: Vec<usize> =
            (0..table.header().len()).filter(|column| !self.joined.claims(self.columns, *column)).collect();
        let mut unused = Vec::new();
        let chosen: Vec<usize> = if let Some(labels) = &self.columns.labels {
            let place = |label: &String| {
                table.column(label).ok_or_else(|| table.fail(format!("no column {label} (--labels)")))
            };
            labels.iter().map(place).collect::<Result<_, _>>()?
        } else {
            let is_share = |column: usize| {
                self.rows.iter().all(|row| {
                    table.number(row.prediction, column).is_ok_and(|value| (0.0..=1.0).contains(&value))
                })
            };
            let (chosen, rest): (Vec<usize>, Vec<usize>) = candidates.into_iter().partition(|column| {
                let name = &table.header()[*column];
                stated.contains(name.as_str()) || !BESIDE.contains(&name.as_str()) && is_share(*column)
            });
            unused = rest.iter().map(|column| table.header()[*column].clone()).collect();
            unused.retain(|name| !BESIDE.contains(&name.as_str()));
            chosen
        };
        match chosen[..] {
            [] => Err(table.fail(format!(
                "no column of probabilities: expected one named by each label; there are {}",
                table.header().join(", ")
            ))),
            [column] => self.one_column(column, &stated, Scale::Probability, unused),
            _ => Ok(Known {
                labels: chosen.iter().map(|column| table.header()[*column].clone()).collect(),
                positive: None,
                scale: Scale::Probability,
                columns: chosen,
                unused,
            }),
        }
    }

    /// One column of numbers for two labels.
    fn one_column(
        &self,
        column: usize,
        stated: &BTreeSet<&str>,
        scale: Scale,
        unused: Vec<String>,
    ) -> Result<Known, EvaluationError> {
        let table = self.joined.predictions;
        let name = &table.header()[column];
        if stated.len() > 2 {
            let what =
                format!("one column of numbers, {name}, for {} labels: expected two labels", stated.len());
            return Err(table.fail(what));
        }
        let wanted = self.columns.positive.as_ref().unwrap_or(name).as_str();
        let Some(positive) = stated.get(wanted) else {
            return Err(match &self.columns.positive {
                Some(label) => {
                    self.joined.label_table().fail(format!("no case has the label {label} (--positive)"))
                }
                None => table.fail(format!(
                    "one column of numbers, {name}: say with --positive of which label they are"
                )),
            });
        };
        let Some(other) = stated.iter().find(|label| *label != positive) else {
            let count = self.rows.len();
            let what = format!(
                "all {count} cases are of one label, expected at least two: nothing can be told apart"
            );
            return Err(self.joined.label_table().fail(what));
        };
        Ok(Known {
            labels: vec![(*other).to_owned(), (*positive).to_owned()],
            positive: Some(1),
            scale,
            columns: vec![column],
            unused,
        })
    }

    fn truth(&self, known: &Known) -> Result<Vec<usize>, EvaluationError> {
        let place = |row: &&join::JoinedRow<'_>| {
            let label = self.joined.label(row);
            known.labels.iter().position(|known| known == label).ok_or_else(|| {
                let labels = known.labels.join(", ");
                let what = if label.is_empty() { "empty" } else { "none of the labels" };
                self.joined.fail_label(row, &format!("{what}, expected one of {labels}"))
            })
        };
        self.rows.iter().map(place).collect()
    }

    /// The numbers of each case, and how far their sum was from 1 at the most.
    fn values(&self, known: &Known) -> Result<(Vec<f64>, f64), EvaluationError> {
        let table = self.joined.predictions;
        let mut values = Vec::with_capacity(self.rows.len() * known.labels.len());
        let mut farthest = 0.0_f64;
        for row in self.rows {
            let start = values.len();
            for column in &known.columns {
                let value = table.number(row.prediction, *column)?;
                if known.scale == Scale::Probability && !(0.0..=1.0).contains(&value) {
                    return Err(table.fail_cell(row.prediction, *column, "outside 0 to 1"));
                }
                values.push(value);
            }
            match (known.scale, known.columns.len()) {
                (Scale::Score, _) => values.insert(start, -values[start]),
                (Scale::Probability, 1) => values.insert(start, 1.0 - values[start]),
                _ => {
                    let sum: f64 = values[start..].iter().sum();
                    let off = (sum - 1.0).abs();
                    if off > SUM_TOLERANCE + 1e-9 {
                        let what = format!(
                            "the probabilities of {} add up to {sum:.4}, expected 1 within {SUM_TOLERANCE}; \
                             --labels names their columns",
                            known.labels.join(", ")
                        );
                        return Err(table.fail_line(row.prediction, what));
                    }
                    farthest = farthest.max(off);
                    // Six decimals of a table are kept as they are.
                    if off > 1e-9 {
                        values[start..].iter_mut().for_each(|value| *value /= sum);
                    }
                }
            }
        }
        Ok((values, farthest))
    }

    fn cell<'c>(
        &'c self,
        row: &'c join::JoinedRow<'_>,
        at: (bool, usize),
    ) -> (&'c Table, &'c TableRow, &'c str) {
        let (table, cells) = match (at.0, row.truth, self.joined.truth) {
            (true, Some(cells), Some(table)) => (table, cells),
            _ => (self.joined.predictions, row.prediction),
        };
        (table, cells, cells.cells[at.1].as_str())
    }

    fn patients(&self, name: &str) -> Result<Vec<usize>, EvaluationError> {
        let at = self.joined.place(name, "--patient")?;
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        for row in self.rows {
            let (table, cells, text) = self.cell(row, at);
            if text.is_empty() {
                return Err(table.fail_cell(cells, at.1, "empty, expected whose case it is"));
            }
            numbers.insert(text, 0);
        }
        numbers.values_mut().enumerate().for_each(|(number, value)| *value = number);
        Ok(self.rows.iter().map(|row| numbers[self.cell(row, at).2]).collect())
    }

    fn grouping(&self, column: &GroupColumn) -> Result<Grouping, EvaluationError> {
        let at = self.joined.place(&column.name, "--group")?;
        let edges = &column.edges;
        if edges.windows(2).any(|pair| pair[0] >= pair[1]) || edges.iter().any(|edge| !edge.is_finite()) {
            let what = format!("--group {}: edges must be rising numbers", column.name);
            return Err(EvaluationError::Pairs(what));
        }
        let mut keys: Vec<(usize, String)> = Vec::new();
        for row in self.rows {
            let (table, cells, text) = self.cell(row, at);
            keys.push(if text.is_empty() {
                (usize::MAX, "not stated".to_owned())
            } else if edges.is_empty() {
                (0, text.to_owned())
            } else {
                let value = table.number(cells, at.1)?;
                let bin = edges.partition_point(|edge| *edge <= value);
                let name = match (bin.checked_sub(1).map(|below| edges[below]), edges.get(bin)) {
                    (None, Some(high)) => format!("below {high}"),
                    (Some(low), Some(high)) => format!("{low} to below {high}"),
                    (Some(low), None) => format!("{low} or more"),
                    (None, None) => unreachable!("there is an edge"),
                };
                (bin, name)
            });
        }
        let names: Vec<&(usize, String)> = keys.iter().collect::<BTreeSet<_>>().into_iter().collect();
        if names.len() > MOST_GROUPS {
            return Err(EvaluationError::Pairs(format!(
                "--group {0}: the column has {1} values, expected at most {MOST_GROUPS}; numbers are parted by \
                 edges, for example --group {0}:40,65",
                column.name,
                names.len()
            )));
        }
        let of = keys.iter().map(|key| names.binary_search(&key).expect("each key is among them")).collect();
        Ok(Grouping {
            column: column.name.clone(),
            names: names.into_iter().map(|(_, name)| name.clone()).collect(),
            of,
        })
    }
}

/// The cases that two sets of predictions share, in one order, with the second's numbers in the order of
/// the first's labels.
///
/// # Errors
/// [`EvaluationError::Pairs`] for other labels, none shared, or a case whose truth differs (ids are named).
pub(super) fn shared(first: &Cases, second: &Cases) -> Result<(Cases, Cases), EvaluationError> {
    if let Some(cases) = [first, second].into_iter().find(|cases| cases.by_line) {
        let what =
            format!("{} has no column of ids, so its cases cannot be matched: name it with --id", cases.file);
        return Err(EvaluationError::Pairs(what));
    }
    let mut known = [&first.labels, &second.labels].map(|labels| labels.iter().collect::<Vec<_>>());
    known.iter_mut().for_each(|labels| labels.sort());
    if known[0] != known[1] || first.scale != second.scale {
        return Err(EvaluationError::Pairs(format!(
            "{} has the labels {}, {} has {}: expected the same",
            first.file,
            first.labels.join(", "),
            second.file,
            second.labels.join(", ")
        )));
    }
    let places: BTreeMap<&str, usize> =
        second.ids.iter().enumerate().map(|(place, id)| (id.as_str(), place)).collect();
    let pairs: Vec<(usize, usize)> = first
        .ids
        .iter()
        .enumerate()
        .filter_map(|(place, id)| Some((place, *places.get(id.as_str())?)))
        .collect();
    if pairs.is_empty() {
        return Err(EvaluationError::Pairs(format!("{} and {} share no case", first.file, second.file)));
    }
    let differing: Vec<String> = pairs
        .iter()
        .filter(|(a, b)| first.labels[first.truth[*a]] != second.labels[second.truth[*b]])
        .map(|(a, _)| first.ids[*a].clone())
        .collect();
    if !differing.is_empty() {
        return Err(EvaluationError::Pairs(format!(
            "{} and {} state different truths for {} cases: {}",
            first.file,
            second.file,
            differing.len(),
            some(&differing)
        )));
    }
    let (left, right): (Vec<usize>, Vec<usize>) = pairs.into_iter().unzip();
    let one = first.pick(&left);
    let mut other = second.pick(&right);
    let order: Vec<usize> = first
        .labels
        .iter()
        .map(|label| second.labels.iter().position(|other| other == label).expect("the same labels"))
        .collect();
    other.values = other
        .values
        .chunks_exact(order.len())
        .flat_map(|row| order.iter().map(|place| row[*place]).collect::<Vec<_>>())
        .collect();
    other.labels.clone_from(&first.labels);
    other.columns.clone_from(&first.columns);
    other.truth.clone_from(&one.truth);
    other.positive = one.positive;
    other.patients.clone_from(&one.patients);
    Ok((one, other))
}
