use std::collections::BTreeMap;
use std::path::Path;

use super::Side;
use super::files::Entry;
use crate::LearnError;
use crate::evaluation::{EvaluationError, Table};

/// What a recipe says of its table.
pub(crate) struct Columns<'a> {
    /// The classes' names, in the order of the recipe's labels.
    pub classes: &'a [String],
    /// The column that says whose image it is.
    pub patient: Option<&'a str>,
    /// The column that says on which side it is.
    pub split: Option<&'a str>,
}

/// The images that the table names, with their labels.
pub(super) fn read(folder: &Path, table: &str, columns: &Columns<'_>) -> Result<Vec<Entry>, LearnError> {
    Ok(entries(folder, &parse(folder, table)?, columns)?)
}

/// A table of the data.
pub(crate) fn parse(folder: &Path, table: &str) -> Result<Table, LearnError> {
    let place = folder.join(table);
    let bytes = std::fs::read(&place)
        .map_err(|error| LearnError::Data { place: place.display().to_string(), what: error.to_string() })?;
    Ok(Table::parse(table, &bytes)?)
}

/// The columns `file` and `class`, and those that the recipe names.
fn entries(folder: &Path, table: &Table, columns: &Columns<'_>) -> Result<Vec<Entry>, EvaluationError> {
    listed(folder, table, "class", columns.patient, columns.split, |cell| label(columns.classes, cell))
}

/// What names the rows of a table, each once.
#[derive(Clone, Copy)]
pub(crate) enum Naming<'a> {
    /// The column `file`.
    File,
    /// The column `case`.
    Case,
    /// A column of identifiers.
    Key(&'a str),
}

impl<'a> Naming<'a> {
    /// The column, what is expected there, and what it names.
    const fn words(self) -> (&'a str, &'static str, &'a str) {
        match self {
            Self::File => ("file", "the name of an image", "file"),
            Self::Case => ("case", "what tells the case apart", "case"),
            Self::Key(column) => (column, "the identifier of an image", "image"),
        }
    }
}

/// The files of the column `file`, with what `truth` makes of the cells of another column.
pub(crate) fn listed<T>(
    folder: &Path,
    table: &Table,
    column: &str,
    patient: Option<&str>,
    split: Option<&str>,
    truth: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<Entry<T>>, EvaluationError> {
    named(Naming::File, folder, table, &Columns { classes: &[], patient, split }, column, truth)
}

/// The cases of a table with their labels; what is in them is left to the caller.
pub(crate) fn cases(
    folder: &Path,
    table: &Table,
    columns: &Columns<'_>,
) -> Result<Vec<Entry>, EvaluationError> {
    named(Naming::Case, folder, table, columns, "class", |cell| label(columns.classes, cell))
}

/// The rows of a table that names images by an identifier, with their labels; the identifier stands in the place of the
/// name, and goes no further than to whoever looks for the files.
pub(super) fn keyed(
    folder: &Path,
    table: &Table,
    columns: &Columns<'_>,
    column: &str,
) -> Result<Vec<Entry>, EvaluationError> {
    named(Naming::Key(column), folder, table, columns, "class", |cell| label(columns.classes, cell))
}

/// Which of the classes a cell names.
fn label(classes: &[String], cell: &str) -> Result<usize, String> {
    let label = classes.iter().position(|class| class == cell);
    label.ok_or_else(|| format!("none of the recipe's classes {}", classes.join(", ")))
}

fn named<T>(
    naming: Naming<'_>,
    folder: &Path,
    table: &Table,
    columns: &Columns<'_>,
    column: &str,
    truth: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<Entry<T>>, EvaluationError> {
    let (named, words, kind) = naming.words();
    let place = |name: &str| {
        table.column(name).ok_or_else(|| EvaluationError::Table {
            file: table.file().to_owned(),
            what: format!("has no column {name}; there are {}", table.header().join(", ")),
        })
    };
    let (file, column) = (place(named)?, place(column)?);
    let patient = columns.patient.map(place).transpose()?;
    let split = columns.split.map(place).transpose()?;
    // Identifiers go no further than this map.
    let mut patients: BTreeMap<&str, usize> = BTreeMap::new();
    let mut lines: BTreeMap<&str, u64> = BTreeMap::new();
    let mut entries = Vec::with_capacity(table.rows().len());
    for row in table.rows() {
        let fail = |column: usize, what: String| EvaluationError::Cell {
            file: table.file().to_owned(),
            line: row.line,
            column: table.header()[column].clone(),
            what,
        };
        let source = row.cells[file].as_str();
        if source.is_empty() {
            return Err(fail(file, format!("empty, expected {words}")));
        }
        if let Some(first) = lines.insert(source, row.line) {
            return Err(fail(
                file,
                format!("names the {kind} of line {first} again, expected each {kind} once"),
            ));
        }
        let truth = truth(&row.cells[column]).map_err(|what| fail(column, what))?;
        let patient = match patient.map(|column| (column, row.cells[column].as_str())) {
            None => None,
            Some((column, "")) => {
                return Err(fail(column, "empty, expected whose image it is".to_owned()));
            }
            Some((_, identifier)) => {
                let next = patients.len() + 1;
                Some(*patients.entry(identifier).or_insert(next))
            }
        };
        let side = |column: usize| {
            Side::of(&row.cells[column]).ok_or_else(|| fail(column, format!("none of {}", Side::WORDS)))
        };
        let side = split.map(side).transpose()?;
        entries.push(Entry {
            source: source.to_owned(),
            path: folder.join(source),
            beside: Vec::new(),
            line: Some(row.line),
            patient,
            side,
            truth,
        });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, patient: Option<&str>) -> Result<Vec<Entry>, String> {
        let classes = ["a".to_owned(), "b".to_owned()];
        let table = Table::parse("t.csv", text.as_bytes()).map_err(|error| error.to_string())?;
        let columns = Columns { classes: &classes, patient, split: None };
        entries(Path::new("d"), &table, &columns).map_err(|error| error.to_string())
    }

    #[test]
    fn rows_become_files_with_their_lines_and_patients_become_numbers() {
        let text = "file,class,who\n1.png,b,Doe\n\"2,x.png\",a,Roe\n3.png,a,Doe\n";
        let rows = found(text, Some("who")).expect("entries");
        let seen: Vec<_> =
            rows.iter().map(|row| (row.source.as_str(), row.line, row.truth, row.patient)).collect();
        assert_eq!(
            seen,
            [
                ("1.png", Some(2), 1, Some(1)),
                ("2,x.png", Some(3), 0, Some(2)),
                ("3.png", Some(4), 0, Some(1))
            ]
        );
        assert_eq!(rows[0].path, Path::new("d").join("1.png"));
        assert!(found(text, None).expect("entries").iter().all(|row| row.patient.is_none()));
    }

    #[test]
    fn a_table_names_its_bad_line_and_shows_no_cell_of_it() {
        let refused = [
            ("file,kind\n1.png,a\n", "t.csv: has no column class; there are file, kind"),
            ("file,class\n1.png,c\n", "t.csv, line 2, column class: none of the recipe's classes a, b"),
            ("file,class\n1.png\n", "t.csv, line 2: 1 cells, expected 2 as in the header"),
            ("file,class\n", "t.csv: the table has a header and no row, expected one row a case"),
            ("file,class\n,a\n", "t.csv, line 2, column file: empty, expected the name of an image"),
            (
                "file,class\n1.png,a\n2.png,b\n1.png,b\n",
                "t.csv, line 4, column file: names the file of line 2 again, expected each file once",
            ),
        ];
        for (text, expected) in refused {
            assert_eq!(found(text, None), Err(expected.to_owned()));
        }
        let patients = [
            ("file,class\n1.png,a\n", "t.csv: has no column who; there are file, class"),
            (
                "file,class,who\n1.png,a,Doe\n2.png,a,\n",
                "t.csv, line 3, column who: empty, expected whose image it is",
            ),
        ];
        for (text, expected) in patients {
            assert_eq!(found(text, Some("who")), Err(expected.to_owned()));
        }
    }
}
