//! Labels that a program read from reports against those that people gave: F1 of every label, micro and macro, with
//! intervals.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wilhelm_stats::Resampling;
use wilhelm_stats::text::{EmptySets, LabelSets, PrecisionRecall};

use super::figure::Sampler;
use super::{EvaluationError, Figure, Method, Table};

/// Usual names of the column that tells cases apart.
const IDS: [&str; 5] = ["id", "image", "case", "file", "reports"];

/// What a label that is in doubt counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// As there.
    #[default]
    Present,
    /// As not there.
    Absent,
    /// As neither: where one side is in doubt, the label takes no part in that case.
    LeftOut,
}

/// How labels are compared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelSettings {
    /// What doubt counts as.
    pub doubt: Doubt,
    /// Take the cases that both sides have, instead of refusing those that one lacks.
    pub partial: bool,
    /// Resamples, coverage and seed of the intervals.
    pub resampling: Resampling,
}

/// What a table says of a label of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LabelCell {
    /// 1
    Present,
    /// 0
    Absent,
    /// -1
    Uncertain,
    /// Empty.
    Unmentioned,
}

/// Labels by the case that they are of, as CheXpert's files have them: a column a label, with 1, 0, -1 or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelTable {
    /// The name of the file.
    pub file: String,
    /// The labels, in the order of the columns.
    pub labels: Vec<String>,
    /// Of each case one cell a label.
    pub cases: BTreeMap<String, Vec<LabelCell>>,
}

impl LabelTable {
    /// Reads a table; the column of ids is the named one, or `id`, `image`, `case`, `file` or `Reports`, and every other
    /// column is a label.
    ///
    /// # Errors
    /// [`EvaluationError`] with the line for a cell that is none of these, and a case that is there twice.
    pub fn parse(file: &str, bytes: &[u8], id: Option<&str>) -> Result<Self, EvaluationError> {
        let table = Table::parse(file, bytes)?;
        let id = table.named_or(id, &IDS, "--id")?;
        let columns: Vec<usize> = (0..table.header().len()).filter(|column| *column != id).collect();
        let labels = columns.iter().map(|column| table.header()[*column].clone()).collect();
        let mut cases = BTreeMap::new();
        for row in table.rows() {
            let cells = columns.iter().map(|column| match row.cells[*column].as_str() {
                "1" | "1.0" => Ok(LabelCell::Present),
                "0" | "0.0" => Ok(LabelCell::Absent),
                "-1" | "-1.0" => Ok(LabelCell::Uncertain),
                "" => Ok(LabelCell::Unmentioned),
                _ => Err(table.fail_cell(row, *column, "expected 1, 0, -1 or nothing")),
            });
            let cells = cells.collect::<Result<Vec<_>, _>>()?;
            if cases.insert(row.cells[id].clone(), cells).is_some() {
                return Err(table.fail_cell(row, id, "a case that was there before"));
            }
        }
        Ok(Self { file: file.to_owned(), labels, cases })
    }

    fn place(&self, label: &str) -> Result<usize, EvaluationError> {
        self.labels.iter().position(|own| own == label).ok_or_else(|| EvaluationError::Table {
            file: self.file.clone(),
            what: format!("no column {label}; there are {}", self.labels.join(", ")),
        })
    }
}

/// What was compared and what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelReport {
    /// The number of this shape of file.
    pub schema: u32,
    /// What made it.
    pub program: String,
    /// Always true: nothing here is approved for patients.
    pub research_use_only: bool,
    /// The file with the truth.
    pub truth: String,
    /// The file that is scored.
    pub written: String,
    /// How labels were compared.
    pub settings: LabelSettings,
    /// What counts as what, in words: without these the numbers mean nothing.
    pub conventions: Vec<String>,
    /// Cases.
    pub cases: usize,
    /// Of all labels of all cases alike.
    pub micro: LabelFigure,
    /// Mean F1 of the labels, each alike.
    pub macro_f1: Figure,
    /// Share of all cells that say the same on both sides, empty ones included.
    pub agreement: Figure,
    /// Each label.
    pub labels: Vec<LabelFigure>,
    /// What to know when reading the figures.
    pub notes: Vec<String>,
}

/// Figures of a label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelFigure {
    /// Its name.
    pub label: String,
    /// Cases that have it in truth.
    pub truths: usize,
    /// Cases for which it is called.
    pub called: usize,
    /// Share of the calls that are right.
    pub precision: Figure,
    /// Share of the truths that are called.
    pub recall: Figure,
    /// Their harmonic mean.
    pub f1: Figure,
}

/// Compares labels case by case, over the labels that the truth has.
///
/// # Errors
/// [`EvaluationError`] for cases that one side lacks (unless `partial`), a label that the other table lacks, and fewer
/// than two cases.
///
/// # Source
/// Sokolova and Lapalme 2009, doi:10.1016/j.ipm.2009.03.002
pub fn score_labels(
    truth: &LabelTable,
    written: &LabelTable,
    settings: &LabelSettings,
) -> Result<LabelReport, EvaluationError> {
    super::check_resampling(settings.resampling)?;
    let places = truth.labels.iter().map(|label| written.place(label)).collect::<Result<Vec<_>, _>>()?;
    let (ids, notes) = shared(truth, written, settings.partial)?;
    let (mut true_sets, mut called_sets, mut same) = (Vec::new(), Vec::new(), Vec::new());
    for id in &ids {
        let (of_truth, of_written) = (&truth.cases[*id], &written.cases[*id]);
        let (mut in_truth, mut in_call, mut agree) = (BTreeSet::new(), BTreeSet::new(), 0_usize);
        for (place, label) in truth.labels.iter().enumerate() {
            let (own, call) = (of_truth[place], of_written[places[place]]);
            agree += usize::from(own == call);
            let doubt = [own, call].contains(&LabelCell::Uncertain);
            if doubt && settings.doubt == Doubt::LeftOut {
                continue;
            }
            let is = |cell: LabelCell| {
                cell == LabelCell::Present
                    || (cell == LabelCell::Uncertain && settings.doubt == Doubt::Present)
            };
            if is(own) {
                in_truth.insert(label.clone());
            }
            if is(call) {
                in_call.insert(label.clone());
            }
        }
        true_sets.push(in_truth);
        called_sets.push(in_call);
        same.push(agree as f64 / truth.labels.len() as f64);
    }
    let sets = LabelSets::new(&called_sets, &true_sets)?;
    let labels = &truth.labels;
    let number = |value: Option<f64>| value.unwrap_or(f64::NAN);
    let put = |rates: &PrecisionRecall, numbers: &mut [f64]| {
        numbers.copy_from_slice(&[number(rates.precision), number(rates.recall), number(rates.f1)]);
    };
    let sampler = Sampler::new(ids.len(), None, settings.resampling);
    let figures = sampler.figures(5 + 3 * labels.len(), |rows, numbers| {
        let found = sets.scores_of(rows, EmptySets::Agree);
        put(&found.micro, &mut numbers[..3]);
        numbers[3] = number(found.macro_f1);
        numbers[4] = rows.iter().map(|row| same[*row]).sum::<f64>() / rows.len() as f64;
        for (label, numbers) in labels.iter().zip(numbers[5..].chunks_mut(3)) {
            if let Some(rates) = found.labels.get(label) {
                put(rates, numbers);
            }
        }
    });
    let count =
        |sets: &[BTreeSet<String>], label: &str| sets.iter().filter(|set| set.contains(label)).count();
    let figure = |label: &str, truths: usize, called: usize, of: &[Figure]| LabelFigure {
        label: label.to_owned(),
        truths,
        called,
        precision: of[0].clone(),
        recall: of[1].clone(),
        f1: of[2].clone(),
    };
    let all = |sets: &[BTreeSet<String>]| sets.iter().map(BTreeSet::len).sum::<usize>();
    let of_labels = labels
        .iter()
        .zip(figures[5..].chunks(3))
        .map(|(label, of)| figure(label, count(&true_sets, label), count(&called_sets, label), of));
    Ok(LabelReport {
        schema: super::Report::SCHEMA,
        program: format!("wilhelm {}", env!("CARGO_PKG_VERSION")),
        research_use_only: true,
        truth: truth.file.clone(),
        written: written.file.clone(),
        settings: *settings,
        conventions: conventions(settings),
        cases: ids.len(),
        micro: figure("all labels alike (micro)", all(&true_sets), all(&called_sets), &figures),
        macro_f1: figures[3].clone(),
        agreement: figures[4].clone(),
        labels: of_labels.collect(),
        notes,
    })
}

fn conventions(settings: &LabelSettings) -> Vec<String> {
    let doubt = match settings.doubt {
        Doubt::Present => "what is in doubt (-1) counts as there",
        Doubt::Absent => "what is in doubt (-1) counts as not there",
        Doubt::LeftOut => "where one side is in doubt (-1), the label takes no part in that case",
    };
    vec![
        "what is not mentioned counts as not there".to_owned(),
        doubt.to_owned(),
        "micro: hits, calls and truths of all labels are summed; macro: mean F1 of the labels that a side has".to_owned(),
        "agreement: cells that are equal, where absent, in doubt and not mentioned are three things".to_owned(),
        format!(
            "intervals: {} % percentiles of {} resamples of cases",
            settings.resampling.level * 100.0,
            settings.resampling.replicates
        ),
    ]
}

/// The cases that both sides have, and what was left out.
fn shared<'table>(
    truth: &'table LabelTable,
    written: &LabelTable,
    partial: bool,
) -> Result<(Vec<&'table String>, Vec<String>), EvaluationError> {
    let lacks = |one: &LabelTable, other: &LabelTable| -> Option<String> {
        let missing: Vec<String> =
            other.cases.keys().filter(|id| !one.cases.contains_key(*id)).cloned().collect();
        let what = format!("{} lacks {} cases of {}", one.file, missing.len(), other.file);
        (!missing.is_empty()).then(|| format!("{what}: {}", super::error::some(&missing)))
    };
    let lacking: Vec<String> = lacks(written, truth).into_iter().chain(lacks(truth, written)).collect();
    if let (Some(what), false) = (lacking.first(), partial) {
        return Err(EvaluationError::Pairs(format!("{what}; --partial takes those that both have")));
    }
    let ids: Vec<&String> = truth.cases.keys().filter(|id| written.cases.contains_key(*id)).collect();
    if ids.len() < 2 {
        let what = format!("{} cases are in both tables, expected at least 2", ids.len());
        return Err(EvaluationError::Pairs(what));
    }
    Ok((ids, lacking.into_iter().map(|what| format!("{what}; they were left out.")).collect()))
}

/// A line of the table: its name, what it counts where it is a label's, and three figures.
pub type LabelLine<'a> = (&'a str, Option<(usize, usize)>, [&'a Figure; 3]);

impl LabelReport {
    /// Label, cases that have it, calls, and three figures, a line a label: micro and macro last.
    pub fn lines(&self) -> Vec<LabelLine<'_>> {
        static NONE: Figure =
            Figure { value: None, low: None, high: None, method: Method::Bootstrap, note: None };
        let mut lines: Vec<LabelLine<'_>> = Vec::new();
        for of in self.labels.iter().chain([&self.micro]) {
            lines.push((&of.label, Some((of.truths, of.called)), [&of.precision, &of.recall, &of.f1]));
        }
        lines.push(("mean of the labels (macro)", None, [&NONE, &NONE, &self.macro_f1]));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(file: &str, text: &str) -> LabelTable {
        LabelTable::parse(file, text.as_bytes(), None).expect("a table")
    }

    fn settings(doubt: Doubt) -> LabelSettings {
        LabelSettings {
            doubt,
            partial: false,
            resampling: Resampling { replicates: 200, level: 0.95, seed: 1 },
        }
    }

    const TRUTH: &str = "id,Edema,Effusion\n1,1,0\n2,,1\n3,1,1\n4,0,\n";
    const WRITTEN: &str = "id,Effusion,Edema\n1,0.0,1.0\n2,-1,1\n3,1,-1\n4,,0\n";

    #[test]
    fn four_cases_worked_on_paper() {
        let (truth, written) = (table("t.csv", TRUTH), table("w.csv", WRITTEN));
        let found = score_labels(&truth, &written, &settings(Doubt::Present)).expect("a report");
        // Edema: called for 1, 2, 3, true in 1 and 3. Effusion: called for 2 and 3, which is the truth.
        let value = |figure: &Figure| figure.value.expect("a number");
        let (edema, effusion) = (&found.labels[0], &found.labels[1]);
        assert_eq!((edema.truths, edema.called, effusion.called), (2, 3, 2));
        assert!((value(&edema.f1) - 0.8).abs() < 1e-12 && (value(&effusion.f1) - 1.0).abs() < 1e-12);
        // Four hits of five calls and four truths.
        assert!((value(&found.micro.f1) - 8.0 / 9.0).abs() < 1e-12);
        assert!((value(&found.macro_f1) - 0.9).abs() < 1e-12);
        // Equal: both of 1 and 4, effusion of 3.
        assert!((value(&found.agreement) - 5.0 / 8.0).abs() < 1e-12);
        let absent = score_labels(&truth, &written, &settings(Doubt::Absent)).expect("a report");
        assert_eq!((absent.labels[0].called, absent.labels[1].called), (2, 1));
        assert!((value(&absent.labels[0].recall) - 0.5).abs() < 1e-12);
        let out = score_labels(&truth, &written, &settings(Doubt::LeftOut)).expect("a report");
        assert_eq!((out.labels[0].truths, out.labels[1].truths), (1, 1));
        assert!((value(&out.labels[1].f1) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_crooked_is_refused_by_line_and_case() {
        let refused =
            |text: &str| LabelTable::parse("a.csv", text.as_bytes(), None).expect_err("refused").to_string();
        assert_eq!(refused("id,Edema\n1,yes\n"), "a.csv, line 2, column Edema: expected 1, 0, -1 or nothing");
        assert_eq!(refused("id,Edema\n1,1\n1,0\n"), "a.csv, line 3, column id: a case that was there before");
        let (truth, written) = (table("t.csv", TRUTH), table("w.csv", "id,Edema,Effusion\n1,1,\n2,1,\n"));
        let error =
            score_labels(&truth, &written, &settings(Doubt::Present)).expect_err("refused").to_string();
        assert_eq!(error, "w.csv lacks 2 cases of t.csv: 3, 4; --partial takes those that both have");
        let other = table("o.csv", "id,Edema\n1,1\n2,1\n3,1\n4,1\n");
        let error = score_labels(&truth, &other, &settings(Doubt::Present)).expect_err("refused").to_string();
        assert_eq!(error, "o.csv: no column Effusion; there are Edema");
    }
}
