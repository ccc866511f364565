use oxigraph::model::{Literal, NamedNode, Term, Triple};
use serde::Deserialize;

use super::ReadError;
use super::vocabulary::whole;
use crate::rows::rows;

/// How the rows of a table become statements.
///
/// ```toml
/// id = "https://example.org/drug/{code}"   # what a row speaks of
///
/// [[statement]]
/// is = "rdfs:label"
/// text = "{name}"
///
/// [[statement]]
/// is = "is:treats"
/// to = "DOID:{disease}"
/// split = "|"                              # several in a cell
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableMapping {
    /// What a row speaks of, with columns in braces.
    id: String,
    /// What it says, a statement each.
    statement: Vec<MappedStatement>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MappedStatement {
    is: String,
    text: Option<String>,
    to: Option<String>,
    number: Option<String>,
    split: Option<String>,
}

impl TableMapping {
    /// Reads a mapping.
    ///
    /// # Errors
    /// [`ReadError::Mapping`] for TOML that is none, an unknown key, or a statement that has not exactly one of `text`, `to`
    /// and `number`.
    pub fn parse(toml: &str) -> Result<Self, ReadError> {
        let mapping: Self = toml::from_str(toml).map_err(|error| {
            let line =
                error.span().map_or(1, |span| 1 + toml[..span.start.min(toml.len())].matches('\n').count());
            ReadError::Mapping { what: format!("line {line}: {}", error.message()) }
        })?;
        for (at, statement) in mapping.statement.iter().enumerate() {
            let kinds = [&statement.text, &statement.to, &statement.number];
            if kinds.iter().filter(|kind| kind.is_some()).count() != 1 {
                return Err(ReadError::Mapping {
                    what: format!("statement {} needs one of text, to and number", at + 1),
                });
            }
        }
        if mapping.statement.is_empty() {
            return Err(ReadError::Mapping { what: "no statement in it".to_owned() });
        }
        Ok(mapping)
    }
}

/// Text with columns in braces.
struct Template {
    /// Text before a column, and the column's place; the last has none.
    parts: Vec<(String, Option<usize>)>,
}

impl Template {
    fn new(text: &str, header: &[String]) -> Result<Self, ReadError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            let Some((name, after)) = behind.split_once('}') else {
                return Err(ReadError::Mapping { what: format!("\"{text}\" has a brace that does not end") });
            };
            let column = header.iter().position(|known| known == name).ok_or_else(|| ReadError::Mapping {
                what: format!("\"{text}\" asks for the column {name}, the table has {}", header.join(", ")),
            })?;
            parts.push((before.to_owned(), Some(column)));
            rest = after;
        }
        parts.push((rest.to_owned(), None));
        Ok(Self { parts })
    }

    /// The text with a row's cells in it; none where a cell is empty. An error names the empty cell's column.
    fn filled(&self, row: &[String], piece: Option<&str>, in_address: bool) -> Result<String, usize> {
        let mut text = String::new();
        for (before, column) in &self.parts {
            text.push_str(before);
            let Some(column) = *column else { continue };
            let cell = piece.unwrap_or(&row[column]).trim();
            if cell.is_empty() {
                return Err(column);
            }
            if in_address {
                cell.bytes().for_each(|byte| {
                    if byte.is_ascii_alphanumeric() || b"-._~:/#".contains(&byte) {
                        text.push(char::from(byte));
                    } else {
                        text.push_str(&format!("%{byte:02X}"));
                    }
                });
            } else {
                text.push_str(cell);
            }
        }
        Ok(text)
    }

    fn first_column(&self) -> Option<usize> {
        self.parts.iter().find_map(|(_, column)| *column)
    }
}

/// Reads a table by a mapping: an empty cell says nothing, but a row must say what it speaks of.
pub(super) fn read(bytes: &[u8], mapping: &TableMapping) -> Result<Vec<Triple>, ReadError> {
    let rows = rows(bytes).map_err(|wrong| ReadError::Line {
        line: wrong.line,
        field: format!("field {}", wrong.field),
        what: "is not UTF-8".to_owned(),
    })?;
    let mut rows = rows.into_iter();
    let Some((_, header)) = rows.next() else { return Err(ReadError::Empty { what: "no header in it" }) };
    let id = Template::new(&mapping.id, &header)?;
    let mut wanted = Vec::new();
    for statement in &mapping.statement {
        let is = address(&statement.is).ok_or_else(|| ReadError::Mapping {
            what: format!("\"{}\" is no address and no known prefix", statement.is),
        })?;
        let text = statement.text.as_ref().or(statement.to.as_ref()).or(statement.number.as_ref());
        wanted.push((statement, is, Template::new(text.expect("checked when it was parsed"), &header)?));
    }
    let mut statements = Vec::new();
    for (line, row) in rows {
        let fail = |column: Option<usize>, what: String| ReadError::Line {
            line,
            field: column.map_or_else(|| "row".to_owned(), |column| header[column].clone()),
            what,
        };
        if row.len() != header.len() {
            return Err(fail(None, format!("has {} fields, expected {}", row.len(), header.len())));
        }
        let subject =
            id.filled(&row, None, true).map_err(|column| fail(Some(column), "is empty".to_owned()))?;
        let subject = address(&subject)
            .ok_or_else(|| fail(id.first_column(), format!("\"{subject}\" is no address")))?;
        for (statement, is, template) in &wanted {
            let column = template.first_column();
            let pieces: Vec<Option<&str>> = match (&statement.split, column) {
                (Some(split), Some(column)) => row[column].split(split.as_str()).map(Some).collect(),
                _ => vec![None],
            };
            for piece in pieces {
                let Ok(filled) = template.filled(&row, piece, statement.to.is_some()) else { continue };
                let object: Term = if statement.to.is_some() {
                    address(&filled)
                        .ok_or_else(|| fail(column, format!("\"{filled}\" is no address")))?
                        .into()
                } else if statement.number.is_some() {
                    let number: f64 =
                        filled.parse().map_err(|_| fail(column, format!("\"{filled}\" is no number")))?;
                    Literal::from(number).into()
                } else {
                    Literal::new_simple_literal(filled).into()
                };
                statements.push(Triple::new(subject.clone(), is.clone(), object));
            }
        }
    }
    if statements.is_empty() {
        return Err(ReadError::Empty { what: "no statement in it" });
    }
    Ok(statements)
}

fn address(name: &str) -> Option<NamedNode> {
    NamedNode::new(whole(name)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPPING: &str = "id = \"https://x.org/drug/{code}\"\n[[statement]]\nis = \"rdfs:label\"\ntext = \"{name}\"\n\
        [[statement]]\nis = \"is:treats\"\nto = \"DOID:{disease}\"\nsplit = \"|\"\n\
        [[statement]]\nis = \"is:share\"\nnumber = \"{share}\"\n";

    fn said(table: &str) -> Result<Vec<String>, ReadError> {
        let mapping = TableMapping::parse(MAPPING)?;
        Ok(read(table.as_bytes(), &mapping)?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn rows_become_statements_and_empty_cells_say_nothing() {
        let found = said("code,name,disease,share\na b,\"x, y\",1|2,0.5\nc,,,\nd,z,,\n").expect("a table");
        assert_eq!(
            found,
            [
                "<https://x.org/drug/a%20b> <http://www.w3.org/2000/01/rdf-schema#label> \"x, y\"",
                "<https://x.org/drug/a%20b> <https://wilhelm.invalid/is/treats> <http://purl.obolibrary.org/obo/DOID_1>",
                "<https://x.org/drug/a%20b> <https://wilhelm.invalid/is/treats> <http://purl.obolibrary.org/obo/DOID_2>",
                "<https://x.org/drug/a%20b> <https://wilhelm.invalid/is/share> \"0.5\"^^<http://www.w3.org/2001/XMLSchema#double>",
                "<https://x.org/drug/d> <http://www.w3.org/2000/01/rdf-schema#label> \"z\"",
            ]
        );
    }

    #[test]
    fn a_malformed_table_names_line_and_column() {
        for (table, sentence) in [
            ("code,name,disease,share\n,x,,\n", "line 2, code: is empty"),
            ("code,name,disease,share\na,\"x\ny\",,\nb,x\n", "line 4, row: has 2 fields, expected 4"),
            ("code,name,disease,share\na,x,,half\n", "line 2, share: \"half\" is no number"),
            (
                "code,name\na,x\n",
                "mapping: \"DOID:{disease}\" asks for the column disease, the table has code, name",
            ),
            ("", "no header in it"),
            ("code,name,disease,share\n", "no statement in it"),
        ] {
            assert_eq!(said(table).expect_err("refused").to_string(), sentence);
        }
    }

    #[test]
    fn a_malformed_mapping_says_where() {
        for (mapping, sentence) in [
            ("id = 1", "mapping: line 1: "),
            ("id = \"a\"\nstatement = []", "mapping: no statement in it"),
            (
                "id = \"a\"\n[[statement]]\nis = \"x:y\"",
                "mapping: statement 1 needs one of text, to and number",
            ),
        ] {
            let error = TableMapping::parse(mapping).expect_err("refused").to_string();
            assert!(error.starts_with(sentence), "{error}");
        }
    }
}
