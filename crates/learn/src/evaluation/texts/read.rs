use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::evaluation::{EvaluationError, Table};

/// Names of the columns, or of the fields of JSON lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TextColumns {
    /// What tells cases apart; otherwise `id`, `image`, `case` or `file`.
    pub id: Option<String>,
    /// The text; otherwise `text`, `report`, `findings` or `impression`.
    pub text: Option<String>,
}

/// Texts by the case that they are of.
#[derive(Clone, Debug, PartialEq)]
pub struct Texts {
    /// The name of the file.
    pub file: String,
    /// Of each case one text or several.
    pub cases: BTreeMap<String, Vec<String>>,
}

const IDS: [&str; 4] = ["id", "image", "case", "file"];
const TEXTS: [&str; 4] = ["text", "report", "findings", "impression"];

impl Texts {
    /// Reads texts: JSON lines where the name of the file ends in `.jsonl` or `.ndjson`, a text a line where it ends in
    /// `.txt` (the cases are then the numbers of the lines), and a table of columns otherwise.
    ///
    /// A case that is named again has another text. In JSON the text may be a list of texts.
    ///
    /// # Errors
    /// [`EvaluationError`] with the line for what is no table or no JSON, a column or field that is not there, and a
    /// case without a name.
    pub fn parse(file: &str, bytes: &[u8], columns: &TextColumns) -> Result<Self, EvaluationError> {
        let lower = file.to_ascii_lowercase();
        let mut cases: BTreeMap<String, Vec<String>> = BTreeMap::new();
        if lower.ends_with(".jsonl") || lower.ends_with(".ndjson") {
            for (line, text) in lines(file, bytes)?.filter(|(_, text)| !text.trim().is_empty()) {
                let fail = |what: String| EvaluationError::Line { file: file.to_owned(), line, what };
                let (id, texts) = json_line(text, columns).map_err(fail)?;
                cases.entry(id).or_default().extend(texts);
            }
        } else if lower.ends_with(".txt") {
            for (line, text) in lines(file, bytes)? {
                cases.insert(line.to_string(), vec![text.to_owned()]);
            }
        } else {
            let table = Table::parse(file, bytes)?;
            let id = table.named_or(columns.id.as_deref(), &IDS, "--id")?;
            let text = table.named_or(columns.text.as_deref(), &TEXTS, "--text")?;
            for row in table.rows() {
                if row.cells[id].is_empty() {
                    return Err(table.fail_cell(row, id, "empty, expected the name of a case"));
                }
                cases.entry(row.cells[id].clone()).or_default().push(row.cells[text].clone());
            }
        }
        if cases.is_empty() {
            let what = "no text, expected a case a line".to_owned();
            return Err(EvaluationError::Table { file: file.to_owned(), what });
        }
        Ok(Self { file: file.to_owned(), cases })
    }

    /// The one text of each case.
    pub(super) fn single(&self) -> Result<BTreeMap<&str, &str>, EvaluationError> {
        self.cases
            .iter()
            .map(|(id, texts)| match &texts[..] {
                [text] => Ok((id.as_str(), text.as_str())),
                _ => {
                    let what = format!("case {id} has {} texts, expected one", texts.len());
                    Err(EvaluationError::Table { file: self.file.clone(), what })
                }
            })
            .collect()
    }
}

/// Lines with their numbers, from 1.
fn lines<'bytes>(
    file: &str,
    bytes: &'bytes [u8],
) -> Result<impl Iterator<Item = (u64, &'bytes str)>, EvaluationError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() as u64;
        let what = "not UTF-8 text: save the file as UTF-8".to_owned();
        EvaluationError::Line { file: file.to_owned(), line, what }
    })?;
    Ok((1..).zip(text.strip_prefix('\u{feff}').unwrap_or(text).lines()))
}

fn json_line(line: &str, columns: &TextColumns) -> Result<(String, Vec<String>), String> {
    let value: Value = serde_json::from_str(line).map_err(|error| format!("not JSON: {error}"))?;
    let Value::Object(fields) = value else {
        return Err("not a JSON object with an id and a text".to_owned());
    };
    let field = |named: &Option<String>, usual: &[&str]| {
        let found = match named {
            Some(name) => fields.get(name),
            None => usual.iter().find_map(|name| fields.get(*name)),
        };
        found.ok_or_else(|| match named {
            Some(name) => format!("no field {name}"),
            None => format!("no field named {}", usual.join(", ")),
        })
    };
    let id = match field(&columns.id, &IDS)? {
        Value::String(id) if !id.trim().is_empty() => id.trim().to_owned(),
        Value::Number(id) => id.to_string(),
        _ => return Err("the id is neither a text nor a number".to_owned()),
    };
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        _ => Err("the text is neither a text nor a list of texts".to_owned()),
    };
    let texts = match field(&columns.text, &TEXTS)? {
        Value::Array(texts) if texts.is_empty() => return Err("the list of texts is empty".to_owned()),
        Value::Array(texts) => texts.iter().map(text).collect::<Result<_, _>>()?,
        one => vec![text(one)?],
    };
    Ok((id, texts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(file: &str, text: &str) -> Result<Texts, EvaluationError> {
        Texts::parse(file, text.as_bytes(), &TextColumns::default())
    }

    #[test]
    fn tables_json_lines_and_plain_lines_are_read() {
        let table = parse("a.csv", "Case,Report\n7,\"one,\ntwo\"\n7,three\n").expect("a table");
        assert_eq!(table.cases["7"], ["one,\ntwo", "three"]);
        let json =
            parse("a.jsonl", "{\"id\":7,\"text\":[\"one\",\"\"]}\n\n{\"case\":\"x\",\"report\":\"\"}\n")
                .expect("JSON");
        assert_eq!(
            (&json.cases["7"][..], &json.cases["x"][..]),
            (&["one".to_owned(), String::new()][..], &[String::new()][..])
        );
        let plain = parse("a.txt", "one\n\nthree\n").expect("lines");
        assert_eq!((plain.cases.len(), plain.cases["2"][0].as_str()), (3, ""));
    }

    #[test]
    fn what_is_crooked_is_refused_with_its_line() {
        for (file, text, expected) in [
            (
                "a.jsonl",
                "{\"id\":1,\"text\":\"a\"}\nsecret\n",
                "a.jsonl, line 2: not JSON: expected value at line 1 column 1",
            ),
            ("a.jsonl", "{\"id\":1}\n", "a.jsonl, line 1: no field named text, report, findings, impression"),
            ("a.jsonl", "[1]\n", "a.jsonl, line 1: not a JSON object with an id and a text"),
            (
                "a.jsonl",
                "{\"id\":true,\"text\":\"a\"}\n",
                "a.jsonl, line 1: the id is neither a text nor a number",
            ),
            ("a.jsonl", "{\"id\":1,\"text\":[]}\n", "a.jsonl, line 1: the list of texts is empty"),
            ("a.csv", "id,text\n,a\n", "a.csv, line 2, column id: empty, expected the name of a case"),
            (
                "a.csv",
                "id,words\n1,a\n",
                "a.csv: no column named text, report, findings, impression; there are id, words: name it with --text",
            ),
            ("a.txt", "", "a.txt: no text, expected a case a line"),
        ] {
            assert_eq!(parse(file, text).expect_err("refused").to_string(), expected);
        }
        let error = Texts::parse("a.txt", b"a\n\xff\n", &TextColumns::default()).expect_err("refused");
        assert_eq!(error.to_string(), "a.txt, line 2: not UTF-8 text: save the file as UTF-8");
    }
}
