use std::collections::BTreeSet;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::EvaluationError;

/// A table of text as a file holds it: a header, and rows that know their line.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    file: String,
    header: Vec<String>,
    rows: Vec<TableRow>,
}

/// One row of a [`Table`].
#[derive(Clone, Debug, PartialEq)]
pub struct TableRow {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// One cell a column, without white space around.
    pub cells: Vec<String>,
}

impl Table {
    /// Reads a table with a header (RFC 4180: quotes, commas and line breaks within quotes).
    ///
    /// Where the header has no comma, semicolons or tabs part the cells. `file` is its name in messages.
    ///
    /// # Errors
    /// [`EvaluationError`] for text that is not UTF-8, no header, no row, a column without a name or with
    /// that of another, and a row with more or fewer cells than the header.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, EvaluationError> {
        let fail = |what: String| EvaluationError::Table { file: file.to_owned(), what };
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() as u64;
            let what = "not UTF-8 text: save the table as UTF-8".to_owned();
            EvaluationError::Line { file: file.to_owned(), line, what }
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut records = records(text);
        if records.is_empty() {
            return Err(fail("the table is empty, expected a header and one row a case".to_owned()));
        }
        let header = records.remove(0).cells;
        if let Some(place) = header.iter().position(String::is_empty) {
            return Err(fail(format!("column {} has no name in the header", place + 1)));
        }
        let mut seen = BTreeSet::new();
        if let Some(name) = header.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(fail(format!("two columns are named {name}")));
        }
        // A table without a header would have its first case shown wherever columns are named.
        if header.iter().any(|name| name.contains('.') && name.parse::<f64>().is_ok()) {
            return Err(fail("the first line holds numbers, expected the names of columns".to_owned()));
        }
        if records.is_empty() {
            return Err(fail("the table has a header and no row, expected one row a case".to_owned()));
        }
        for row in &records {
            if row.cells.len() != header.len() {
                let what = format!("{} cells, expected {} as in the header", row.cells.len(), header.len());
                return Err(EvaluationError::Line { file: file.to_owned(), line: row.line, what });
            }
        }
        Ok(Self { file: file.to_owned(), header, rows: records })
    }

    /// The name of the file, for messages.
    pub fn file(&self) -> &str {
        &self.file
    }
    /// The names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }
    /// All rows, at least one.
    pub fn rows(&self) -> &[TableRow] {
        &self.rows
    }
    /// The place of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    /// The place of the column that was named, or of the first of the usual names.
    pub(super) fn named_or(
        &self,
        named: Option<&str>,
        usual: &[&str],
        flag: &str,
    ) -> Result<usize, EvaluationError> {
        let columns = self.header.join(", ");
        if let Some(name) = named {
            return self
                .column(name)
                .ok_or_else(|| self.fail(format!("no column {name}; there are {columns}")));
        }
        let is = |wanted: &str| self.header.iter().position(|column| column.eq_ignore_ascii_case(wanted));
        usual.iter().find_map(|wanted| is(wanted)).ok_or_else(|| {
            let usual = usual.join(", ");
            self.fail(format!("no column named {usual}; there are {columns}: name it with {flag}"))
        })
    }

    pub(super) fn fail(&self, what: String) -> EvaluationError {
        EvaluationError::Table { file: self.file.clone(), what }
    }
    pub(super) fn fail_line(&self, row: &TableRow, what: String) -> EvaluationError {
        EvaluationError::Line { file: self.file.clone(), line: row.line, what }
    }
    pub(super) fn fail_cell(&self, row: &TableRow, column: usize, what: &str) -> EvaluationError {
        EvaluationError::Cell {
            file: self.file.clone(),
            line: row.line,
            column: self.header[column].clone(),
            what: what.to_owned(),
        }
    }

    /// The finite number in a cell.
    pub(super) fn number(&self, row: &TableRow, column: usize) -> Result<f64, EvaluationError> {
        let cell = &row.cells[column];
        if cell.is_empty() {
            return Err(self.fail_cell(row, column, "empty, expected a number"));
        }
        match cell.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) => Err(self.fail_cell(row, column, "not a finite number")),
            Err(_) => Err(self.fail_cell(row, column, "not a number")),
        }
    }
}

/// The records of a text; empty lines are none.
fn records(text: &str) -> Vec<TableRow> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let delimiter = [b',', b';', b'\t'].into_iter().find(|byte| first.as_bytes().contains(byte));
    let mut reader: Reader = ReaderBuilder::new().delimiter(delimiter.unwrap_or(b',')).build();
    let mut input = text.as_bytes();
    let (mut rows, mut output, mut ends) = (Vec::new(), vec![0; 1 << 10], vec![0; 1 << 5]);
    let (mut written, mut fields) = (0, 0);
    let mut line = 1;
    loop {
        if written == 0 && fields == 0 {
            // Empty lines before a record are passed over without a record.
            let skipped = input.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            line = reader.line() + input[..skipped].iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        let (result, read, wrote, ended) =
            reader.read_record(input, &mut output[written..], &mut ends[fields..]);
        input = &input[read..];
        written += wrote;
        fields += ended;
        match result {
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::OutputFull => output.resize(output.len() * 2, 0),
            ReadRecordResult::OutputEndsFull => ends.resize(ends.len() * 2, 0),
            ReadRecordResult::Record => {
                let mut start = 0;
                let cells: Vec<String> = ends[..fields]
                    .iter()
                    .map(|&end| {
                        let cell = String::from_utf8_lossy(&output[start..end]).trim().to_owned();
                        start = end;
                        cell
                    })
                    .collect();
                // A line of blanks alone is no row.
                if cells.len() > 1 || !cells[0].is_empty() {
                    rows.push(TableRow { line, cells });
                }
                (written, fields) = (0, 0);
            }
            ReadRecordResult::End => return rows,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<(u64, Vec<String>)> {
        let table = Table::parse("a.csv", text.as_bytes()).expect("a table");
        table.rows().iter().map(|row| (row.line, row.cells.clone())).collect()
    }

    fn refusal(bytes: &[u8]) -> String {
        Table::parse("a.csv", bytes).expect_err("refused").to_string()
    }

    #[test]
    fn quotes_commas_line_breaks_and_byte_order_marks_are_read() {
        let found = cells("\u{feff}id,name\r\n\n1,\"a, \"\"b\"\"\"\r\n2,\"two\nlines\"\n3, x \n");
        let row = |line: u64, cells: [&str; 2]| (line, cells.map(str::to_owned).to_vec());
        assert_eq!(found, [row(3, ["1", "a, \"b\""]), row(4, ["2", "two\nlines"]), row(6, ["3", "x"])]);
        assert_eq!(cells("id;p\n1;0.5\n"), [row(2, ["1", "0.5"])]);
        assert_eq!(cells("id\tp\n1\t0,5"), [row(2, ["1", "0,5"])]);
    }

    #[test]
    fn cells_longer_than_the_first_buffer_and_many_columns_are_read() {
        let long = "x".repeat(5000);
        let header: Vec<String> = (0..100).map(|column| format!("c{column}")).collect();
        let text = format!("{}\n{}\n", header.join(","), vec![long.as_str(); 100].join(","));
        let found = cells(&text);
        assert_eq!((found.len(), found[0].1.len(), found[0].1[99].len()), (1, 100, 5000));
    }

    #[test]
    fn a_crooked_table_is_refused_with_its_line() {
        for (text, expected) in [
            ("", "a.csv: the table is empty, expected a header and one row a case"),
            ("\n \n", "a.csv: the table is empty, expected a header and one row a case"),
            ("id,p\n", "a.csv: the table has a header and no row, expected one row a case"),
            ("id,p,p\n1,2,3\n", "a.csv: two columns are named p"),
            ("id,,p\n1,2,3\n", "a.csv: column 2 has no name in the header"),
            ("id,p\n1,2\n3\n", "a.csv, line 3: 1 cells, expected 2 as in the header"),
            ("id,p\n1,2,secret\n", "a.csv, line 2: 3 cells, expected 2 as in the header"),
        ] {
            assert_eq!(refusal(text.as_bytes()), expected);
        }
        assert_eq!(refusal(b"id,p\n1,\xff\n"), "a.csv, line 2: not UTF-8 text: save the table as UTF-8");
    }
}
