use std::collections::BTreeMap;

use crate::LearnError;
use crate::evaluation::Table;

/// Which columns hold what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceColumns {
    /// What names a case in both tables.
    pub id: String,
    /// The request's text.
    pub text: String,
    /// The truth: 1 or true is there, 0, false or nothing is not, -1 (in doubt) leaves the case out.
    pub label: String,
    /// Whether the label is turned around: what is 0 there is looked for.
    pub inverted: bool,
    /// The image's probability.
    pub image: Option<String>,
}

/// Cases with a text each, their truth, and where there is one the image's probability.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceCases {
    /// Their names, in order.
    pub ids: Vec<String>,
    /// The request of each.
    pub texts: Vec<String>,
    /// Whether each has the finding.
    pub positives: Vec<bool>,
    /// The image's probability of each.
    pub image: Option<Vec<f64>>,
    /// Cases whose truth is in doubt: left out.
    pub doubtful: usize,
}

impl SourceCases {
    /// Brings tables of cases and of truths together, which may be the same ones.
    ///
    /// # Errors
    /// [`LearnError::Data`] for a column or a case that is missing, a case named twice, a truth or a probability that is none.
    pub fn read(cases: &[Table], truth: &[Table], columns: &SourceColumns) -> Result<Self, LearnError> {
        let wrong = |table: &Table, what: String| LearnError::Data { place: table.file().to_owned(), what };
        let column = |table: &Table, name: &str| {
            table.column(name).ok_or_else(|| {
                wrong(table, format!("no column {name}; there are {}", table.header().join(", ")))
            })
        };
        let mut truths: BTreeMap<String, Option<bool>> = BTreeMap::new();
        for table in truth {
            let (id, label) = (column(table, &columns.id)?, column(table, &columns.label)?);
            for row in table.rows() {
                let cell = row.cells[label].to_lowercase();
                let is = match cell.as_str() {
                    "1" | "1.0" | "true" | "yes" => Some(true),
                    "" | "0" | "0.0" | "false" | "no" => Some(false),
                    "-1" | "-1.0" => None,
                    _ => {
                        let what =
                            format!("line {}: {} is neither 1, 0, -1 nor nothing", row.line, columns.label);
                        return Err(wrong(table, what));
                    }
                };
                truths.insert(row.cells[id].clone(), is.map(|is| is != columns.inverted));
            }
        }
        let mut found = Self {
            ids: Vec::new(),
            texts: Vec::new(),
            positives: Vec::new(),
            image: columns.image.as_ref().map(|_| Vec::new()),
            doubtful: 0,
        };
        let mut seen = std::collections::BTreeSet::new();
        for table in cases {
            let (id, text) = (column(table, &columns.id)?, column(table, &columns.text)?);
            let image = columns.image.as_deref().map(|name| column(table, name)).transpose()?;
            for row in table.rows() {
                let name = &row.cells[id];
                if !seen.insert(name.clone()) {
                    return Err(wrong(table, format!("line {}: case {name} stands there twice", row.line)));
                }
                let Some(truth) = truths.get(name) else {
                    return Err(wrong(table, format!("line {}: case {name} has no truth", row.line)));
                };
                let Some(positive) = *truth else {
                    found.doubtful += 1;
                    continue;
                };
                if let (Some(place), Some(values)) = (image, &mut found.image) {
                    let value =
                        row.cells[place].parse::<f64>().ok().filter(|value| (0.0..=1.0).contains(value));
                    let value = value.ok_or_else(|| {
                        wrong(table, format!("line {}: the image's probability is not from 0 to 1", row.line))
                    })?;
                    values.push(value);
                }
                found.ids.push(name.clone());
                found.texts.push(row.cells[text].clone());
                found.positives.push(positive);
            }
        }
        Ok(found)
    }
}
