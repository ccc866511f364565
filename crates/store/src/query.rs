//! Questions to the catalog, in the matching rules of the Standard.
//!
//! Source: PS3.4 Section C.2.2.2, PS3.18 Section 8.3.4.

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use rusqlite::types::Value;
use wilhelm_study::Phi;

use crate::StoreError;
use crate::columns::{COLUMNS, Column, Level, Matching};
use crate::json;
use crate::text::{folded, folded_group};

/// A question.
#[derive(Clone, Debug)]
pub struct Query {
    /// What is asked for.
    pub level: Level,
    /// Keys with the values they are matched with; an empty value matches all.
    pub keys: Vec<(Tag, Phi<String>)>,
    /// Whether names match word by word from each word's beginning.
    pub fuzzy: bool,
    /// Most answers; `None` is all.
    pub limit: Option<u64>,
    /// Answers passed over before the first.
    pub offset: u64,
}

impl Query {
    /// All of a level.
    pub fn new(level: Level) -> Self {
        Self { level, keys: Vec::new(), fuzzy: false, limit: None, offset: 0 }
    }

    /// The same question with one more key.
    #[must_use]
    pub fn with(mut self, tag: Tag, value: &str) -> Self {
        self.keys.push((tag, Phi::new(value.to_owned())));
        self
    }
}

/// One attribute of an answer.
#[derive(Clone, Debug)]
pub struct Answered {
    /// Which attribute.
    pub tag: Tag,
    /// Its VR.
    pub vr: VR,
    /// Its value as text, several with `\` between them; "" where the object has none.
    pub value: Phi<String>,
}

/// One answer: a patient, study, series or object.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The row in the table of its level; 0 for a patient.
    pub key: i64,
    /// What the catalog holds of it and of the levels above, in order of tags.
    pub attributes: Vec<Answered>,
}

impl Answer {
    /// The value of one attribute, "" where there is none.
    pub fn text(&self, tag: Tag) -> &str {
        self.attributes
            .iter()
            .find(|attribute| attribute.tag == tag)
            .map_or("", |attribute| attribute.value.expose())
    }
}

/// Writes one attribute in the DICOM JSON Model, key and value.
pub fn write_attribute(out: &mut String, tag: Tag, vr: VR, value: &str) {
    json::key(out, tag, vr);
    match vr {
        VR::US if !value.is_empty() => {
            out.push_str(",\"Value\":[");
            out.push_str(value);
            out.push(']');
        }
        _ if value.is_empty() => {}
        _ => json::text(out, vr, value),
    }
    out.push('}');
}

/// Whether the catalog can match `tag` when asked for `level`.
pub fn can_match(level: Level, tag: Tag) -> bool {
    find(level, tag).is_some_and(|column| column.matching != Matching::Never)
}

/// Whether the catalog's rows answer with `tag` when asked for `level`.
pub fn answers_with(level: Level, tag: Tag) -> bool {
    find(level, tag).is_some()
}

fn find(level: Level, tag: Tag) -> Option<&'static Column> {
    columns(level).find(|column| column.tag == tag)
}

fn columns(level: Level) -> impl Iterator<Item = &'static Column> {
    COLUMNS.iter().filter(move |column| {
        column.level <= level
            && (level == Level::Patient || column.tag != tags::NUMBER_OF_PATIENT_RELATED_STUDIES)
    })
}

/// A statement, its parameters, and the columns of its rows behind the key.
pub(crate) struct Statement {
    pub sql: String,
    pub parameters: Vec<Value>,
    pub columns: Vec<(Tag, VR)>,
}

/// Longest value of a key, in bytes.
pub(crate) const LONGEST_KEY: usize = 64 << 10;

pub(crate) fn statement(query: &Query) -> Result<Statement, StoreError> {
    let mut columns: Vec<&Column> = columns(query.level).collect();
    columns.sort_by_key(|column| column.tag);
    let selected: String = columns.iter().map(|column| format!(", CAST({} AS TEXT)", column.sql)).collect();
    let (key, from, order) = match query.level {
        Level::Patient => ("0", "study s", "s.patient_id, s.issuer"),
        Level::Study => ("s.key", "study s", "s.date DESC, s.key DESC"),
        Level::Series => (
            "e.key",
            "series e JOIN study s ON s.key = e.study_key",
            "e.study_key, CAST(e.number AS INTEGER), e.key",
        ),
        Level::Instance => (
            "i.key",
            "instance i JOIN series e ON e.key = i.series_key JOIN study s ON s.key = e.study_key",
            "i.series_key, i.sort, i.key",
        ),
    };
    let mut sql = format!("SELECT {key}{selected} FROM {from}");
    let mut parameters = Vec::new();
    let mut word = " WHERE ";
    for (tag, value) in &query.keys {
        let Some(column) = find(query.level, *tag) else { continue };
        let value = value.expose().trim_matches([' ', '\0']);
        if value.is_empty() || value == "*" || column.matching == Matching::Never {
            continue;
        }
        if value.len() > LONGEST_KEY {
            let message = format!("is longer than {LONGEST_KEY} bytes");
            return Err(StoreError::Query { key: tag.to_string(), message });
        }
        sql.push_str(word);
        word = " AND ";
        condition(&mut sql, &mut parameters, column, value, query.fuzzy)?;
    }
    if query.level == Level::Patient {
        sql.push_str(" GROUP BY s.patient_id, s.issuer");
    }
    sql.push_str(&format!(" ORDER BY {order} LIMIT ? OFFSET ?"));
    let bounded = |count: u64| Value::Integer(i64::try_from(count).unwrap_or(i64::MAX));
    parameters.push(query.limit.map_or(Value::Integer(-1), bounded));
    parameters.push(bounded(query.offset));
    let columns = columns.iter().map(|column| (column.tag, column.vr)).collect();
    Ok(Statement { sql, parameters, columns })
}

pub(crate) fn condition(
    sql: &mut String,
    parameters: &mut Vec<Value>,
    column: &Column,
    value: &str,
    fuzzy: bool,
) -> Result<(), StoreError> {
    let mut bind = |text: String| parameters.push(Value::Text(text));
    let name = column.sql;
    match column.matching {
        Matching::Never => {}
        Matching::Uid => {
            let uids: Vec<&str> =
                value.split(['\\', ',']).map(str::trim).filter(|uid| !uid.is_empty()).collect();
            let wild = uids.iter().any(|uid| uid.contains(['*', '?']));
            if wild {
                // Not in the Standard, and met: a wildcard in a UID is taken as one.
                let each = vec![format!("{name} GLOB ?"); uids.len()].join(" OR ");
                sql.push_str(&format!("({each})"));
                uids.into_iter().for_each(|uid| bind(glob(uid)));
            } else {
                sql.push_str(&format!("{name} IN ({})", vec!["?"; uids.len()].join(",")));
                uids.into_iter().for_each(|uid| bind(uid.to_owned()));
            }
        }
        Matching::Text | Matching::AnySeries => {
            let name = if column.matching == Matching::Text { name } else { "modality" };
            let each: Vec<String> = value
                .split('\\')
                .map(|one| {
                    let one = one.trim_matches(' ');
                    if one.contains(['*', '?']) {
                        bind(glob(one));
                        format!("{name} GLOB ?")
                    } else {
                        bind(one.to_owned());
                        format!("{name} = ?")
                    }
                })
                .collect();
            let each = each.join(" OR ");
            if column.matching == Matching::Text {
                sql.push_str(&format!("({each})"));
            } else {
                sql.push_str(&format!("EXISTS (SELECT 1 FROM series WHERE study_key = s.key AND ({each}))"));
            }
        }
        Matching::Name(folded_column) => {
            if fuzzy {
                let words = folded(&value.replace(['*', '?', '='], " "));
                let words: Vec<&str> = words.split([' ', '=']).filter(|word| !word.is_empty()).collect();
                let all = vec![format!("instr({folded_column}, ?) > 0"); words.len()].join(" AND ");
                sql.push_str(&format!("({})", if all.is_empty() { "1" } else { &all }));
                words.into_iter().for_each(|word| bind(format!(" {word}")));
            } else if value.contains('=') {
                sql.push_str(&format!("{folded_column} GLOB ?"));
                bind(glob(&folded(value)));
            } else {
                // A single group is compared with each of the three.
                sql.push_str(&format!("{folded_column} GLOB ?"));
                bind(format!("*={}=*", glob(&folded_group(value))));
            }
        }
        Matching::Range => {
            let refused = || StoreError::Query {
                key: column.tag.to_string(),
                message: "is no date or time, nor a range of them".to_owned(),
            };
            let plain: String = value.chars().filter(|character| *character != ':').collect();
            let plain = if column.vr == VR::DA { plain.replace('.', "") } else { plain };
            let form = plain.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '.' | ' '));
            if !form || plain.len() > 40 {
                return Err(refused());
            }
            match plain.split_once('-') {
                None => {
                    sql.push_str(&format!("{name} = ?"));
                    bind(plain);
                }
                Some((from, to)) => {
                    let (from, to) = (from.trim(), to.trim());
                    if to.contains('-') || (from.is_empty() && to.is_empty()) {
                        return Err(refused());
                    }
                    // "10" as an upper end takes in 10:59:59; any digit sorts before a colon.
                    sql.push_str(&format!("({name} <> '' AND {name} >= ? AND {name} <= ?)"));
                    bind(from.to_owned());
                    bind(if to.is_empty() { ":".to_owned() } else { format!("{to}:") });
                }
            }
        }
        Matching::Number => {
            let number: i64 = value.parse().map_err(|_| StoreError::Query {
                key: column.tag.to_string(),
                message: "is no whole number".to_owned(),
            })?;
            sql.push_str(&format!("({name} <> '' AND CAST({name} AS INTEGER) = ?)"));
            parameters.push(Value::Integer(number));
        }
    }
    Ok(())
}

/// A pattern of `*` and `?` as SQLite's GLOB takes it: nothing else is special. Runs of stars are one.
fn glob(pattern: &str) -> String {
    let mut glob = String::with_capacity(pattern.len());
    for character in pattern.chars() {
        match character {
            '[' => glob.push_str("[[]"),
            '*' if glob.ends_with('*') => {}
            other => glob.push(other),
        }
    }
    glob
}

#[cfg(test)]
mod tests;
