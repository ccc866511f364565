use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use wilhelm_stats::disproportionality::{ReportRow, latest_versions};

use crate::evaluation::{EvaluationError, Table, TableRow};

/// Which columns of a table of reports are what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignalColumns {
    /// The case.
    pub case: String,
    /// The drug.
    pub drug: String,
    /// The event.
    pub event: String,
    /// What is held constant, such as sex or age group; none if nothing is.
    pub strata: Vec<String>,
    /// The version of the case, a whole number: the greatest counts.
    pub version: Option<String>,
}

/// A table of reports, its words as numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Reports {
    /// The name of the file.
    pub file: String,
    /// The rows that count.
    pub rows: Vec<ReportRow>,
    /// The word of each drug.
    pub drugs: Vec<String>,
    /// The word of each event.
    pub events: Vec<String>,
    /// The stratum of each case.
    pub strata: Option<Strata>,
    /// Rows of versions that a later version replaces.
    pub replaced_rows: usize,
    /// What to know when reading figures of them.
    pub notes: Vec<String>,
    cases: usize,
}

/// What is held constant.
#[derive(Clone, Debug, PartialEq)]
pub struct Strata {
    /// The words of each stratum.
    pub names: Vec<String>,
    /// The stratum of each case.
    pub of_cases: Vec<u32>,
}

/// Words as numbers, in the order of first sight.
#[derive(Default)]
struct Numbers<'table> {
    // Its order is never asked for: numbers are those of first sight.
    numbers: HashMap<&'table str, u32>,
    words: Vec<&'table str>,
}

impl<'table> Numbers<'table> {
    fn of(&mut self, word: &'table str) -> u32 {
        let next = self.words.len() as u32;
        *self.numbers.entry(word).or_insert_with(|| {
            self.words.push(word);
            next
        })
    }

    fn words(&self) -> Vec<String> {
        self.words.iter().map(|word| (*word).to_owned()).collect()
    }
}

impl Reports {
    /// Reads a table with a row for every drug and event of a case.
    ///
    /// Words that differ are different drugs: `Aspirin` and `ASPIRIN` are two, and a note says where letters are all
    /// that tells words apart. Rows of versions of a case other than its greatest are left out.
    ///
    /// # Errors
    /// [`EvaluationError`] with line and column for what is no table, a column that is not there, an empty case, drug or
    /// event, a version that is no whole number, and a case in two strata.
    pub fn parse(file: &str, bytes: &[u8], columns: &SignalColumns) -> Result<Self, EvaluationError> {
        let table = Table::parse(file, bytes)?;
        let place = |name: &str| table.named_or(Some(name), &[], "");
        let [case, drug, event] = [place(&columns.case)?, place(&columns.drug)?, place(&columns.event)?];
        let strata = columns.strata.iter().map(|name| place(name)).collect::<Result<Vec<usize>, _>>()?;
        let version = columns.version.as_deref().map(place).transpose()?;
        for row in table.rows() {
            for (column, what) in [(case, "a case"), (drug, "a drug"), (event, "an event")] {
                if row.cells[column].is_empty() {
                    return Err(table.fail_cell(row, column, &format!("empty, expected {what}")));
                }
            }
        }
        let kept = kept(&table, case, version)?;
        let (mut cases, mut drugs, mut events) = (Numbers::default(), Numbers::default(), Numbers::default());
        let rows: Vec<ReportRow> = kept
            .iter()
            .map(|row| ReportRow {
                case: cases.of(&row.cells[case]),
                drug: drugs.of(&row.cells[drug]),
                event: events.of(&row.cells[event]),
            })
            .collect();
        let mut notes = Vec::new();
        for (what, words) in [("drugs", &drugs.words), ("events", &events.words)] {
            let mut folded: BTreeMap<String, usize> = BTreeMap::new();
            words.iter().for_each(|word| *folded.entry(word.to_lowercase()).or_default() += 1);
            let alike = folded.values().filter(|count| **count > 1).count();
            if alike > 0 {
                notes.push(format!("{alike} {what} are written with large and small letters in several ways: each way counts alone."));
            }
        }
        let strata = if strata.is_empty() { None } else { Some(of_cases(&table, &kept, &rows, &strata)?) };
        Ok(Self {
            file: file.to_owned(),
            replaced_rows: table.rows().len() - kept.len(),
            drugs: drugs.words(),
            events: events.words(),
            cases: cases.words.len(),
            rows,
            strata,
            notes,
        })
    }

    /// What else is known of each case, for telling copies: its stratum.
    pub(super) fn particulars(&self) -> Vec<u32> {
        self.strata.as_ref().map_or_else(|| vec![0; self.cases], |strata| strata.of_cases.clone())
    }
}

/// The rows of the last version of each case.
fn kept(table: &Table, case: usize, version: Option<usize>) -> Result<Vec<&TableRow>, EvaluationError> {
    let Some(version) = version else { return Ok(table.rows().iter().collect()) };
    let number = |row: &TableRow| {
        row.cells[version].parse::<i64>().map_err(|_| table.fail_cell(row, version, "not a whole number"))
    };
    let versions: Vec<(&str, i64)> = table
        .rows()
        .iter()
        .map(|row| Ok((row.cells[case].as_str(), number(row)?)))
        .collect::<Result<_, EvaluationError>>()?;
    let latest: HashMap<&str, i64> =
        latest_versions(&versions).into_iter().map(|place| versions[place]).collect();
    let is_latest = |(case, version): &(&str, i64)| latest.get(case) == Some(version);
    Ok(table.rows().iter().zip(&versions).filter(|(_, of)| is_latest(of)).map(|(row, _)| row).collect())
}

/// The stratum of each case; an empty cell is a stratum of its own.
fn of_cases(
    table: &Table,
    kept: &[&TableRow],
    rows: &[ReportRow],
    columns: &[usize],
) -> Result<Strata, EvaluationError> {
    let mut names: BTreeMap<String, u32> = BTreeMap::new();
    let mut strata: Vec<Option<u32>> = Vec::new();
    for (row, report) in kept.iter().zip(rows) {
        let words: Vec<&str> = columns.iter().map(|&column| row.cells[column].as_str()).collect();
        let next = names.len() as u32;
        let stratum = *names.entry(words.join(", ")).or_insert(next);
        let case = report.case as usize;
        if case >= strata.len() {
            strata.resize(case + 1, None);
        }
        match strata[case] {
            Some(known) if known != stratum => {
                return Err(table.fail_cell(
                    row,
                    columns[0],
                    "the case is in another stratum on an earlier line",
                ));
            }
            _ => strata[case] = Some(stratum),
        }
    }
    let mut words = vec![String::new(); names.len()];
    names.into_iter().for_each(|(name, place)| words[place as usize] = name);
    Ok(Strata { names: words, of_cases: strata.into_iter().map(Option::unwrap_or_default).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(strata: &[&str], version: Option<&str>) -> SignalColumns {
        SignalColumns {
            case: "case".to_owned(),
            drug: "drug".to_owned(),
            event: "event".to_owned(),
            strata: strata.iter().map(|name| (*name).to_owned()).collect(),
            version: version.map(str::to_owned),
        }
    }

    #[test]
    fn words_become_numbers_in_the_order_of_sight() {
        let text = "case,drug,event,sex\nB,aspirin,rash,f\nA,Aspirin,pain,\nB,aspirin,pain,f\n";
        let found = Reports::parse("a.csv", text.as_bytes(), &columns(&["sex"], None)).expect("a table");
        let row = |case, drug, event| ReportRow { case, drug, event };
        assert_eq!(found.rows, [row(0, 0, 0), row(1, 1, 1), row(0, 0, 1)]);
        assert_eq!(
            (&found.drugs[..], found.notes.len()),
            (&["aspirin".to_owned(), "Aspirin".to_owned()][..], 1)
        );
        let strata = found.strata.expect("strata");
        assert_eq!(
            (&strata.of_cases[..], &strata.names[..]),
            (&[0, 1][..], &["f".to_owned(), String::new()][..])
        );
    }

    #[test]
    fn what_is_crooked_is_refused_with_line_and_column() {
        for (text, strata, version, expected) in [
            ("case,drug,event\n1,,x\n", &[][..], None, "a.csv, line 2, column drug: empty, expected a drug"),
            ("case,drug,event\n1,a\n", &[], None, "a.csv, line 2: 2 cells, expected 3 as in the header"),
            (
                "case,drug,reaction\n1,a,x\n",
                &[],
                None,
                "a.csv: no column event; there are case, drug, reaction",
            ),
            ("case,drug,event,v\n1,a,x,two\n", &[], Some("v"), "a.csv, line 2, column v: not a whole number"),
            (
                "case,drug,event,sex\n1,a,x,f\n1,a,y,m\n",
                &["sex"],
                None,
                "a.csv, line 3, column sex: the case is in another stratum on an earlier line",
            ),
        ] {
            let error =
                Reports::parse("a.csv", text.as_bytes(), &columns(strata, version)).expect_err("refused");
            assert_eq!(error.to_string(), expected);
        }
    }
}
