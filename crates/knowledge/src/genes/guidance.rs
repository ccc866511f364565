use serde::Serialize;

use super::GenesError;
use crate::rows::rows;

/// Statements of a guideline on drugs, as the user brought them.
#[derive(Clone, Debug, Default)]
pub struct Guidance {
    /// In the order of the file.
    pub statements: Vec<Statement>,
}

/// What a guideline says of a drug where a gene has a phenotype.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// Symbol of the gene.
    pub gene: String,
    /// In the words of the table.
    pub phenotype: String,
    /// Name of the drug.
    pub drug: String,
    /// What it says.
    pub statement: String,
    /// Level of evidence or strength, in the source's words.
    pub level: String,
    /// Where the statement comes from.
    pub source: String,
}

const COLUMNS: [&str; 6] = ["gene", "phenotype", "drug", "statement", "level", "source"];

impl Guidance {
    /// Reads a CSV with the columns gene, phenotype, drug, statement, level and source, in any order.
    ///
    /// # Errors
    /// [`GenesError::Guidance`] with the line and what is missing: a statement without level or source is refused.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, GenesError> {
        let wrong = |line: usize, what: String| GenesError::Guidance { file: file.to_owned(), line, what };
        let rows = rows(bytes).map_err(|not| wrong(not.line, "is not UTF-8".to_owned()))?;
        let Some((_, header)) = rows.first() else { return Err(wrong(1, "is empty".to_owned())) };
        let mut places = [0; 6];
        for (place, name) in places.iter_mut().zip(COLUMNS) {
            *place = header
                .iter()
                .position(|field| field.trim_start_matches('\u{feff}').trim().eq_ignore_ascii_case(name))
                .ok_or_else(|| wrong(1, format!("has no column {name}")))?;
        }
        let mut statements = Vec::new();
        for (line, row) in rows.iter().skip(1) {
            let mut fields = [const { String::new() }; 6];
            for ((field, &place), name) in fields.iter_mut().zip(&places).zip(COLUMNS) {
                *field = row.get(place).map(|text| text.trim().to_owned()).unwrap_or_default();
                if field.is_empty() {
                    return Err(wrong(*line, format!("has no {name}")));
                }
            }
            let [gene, phenotype, drug, statement, level, source] = fields;
            statements.push(Statement { gene, phenotype, drug, statement, level, source });
        }
        Ok(Self { statements })
    }

    /// Statements for the phenotypes that a gene may have, the farthest from normal first.
    pub fn of(&self, gene: &str, phenotypes: &[String]) -> Vec<&Statement> {
        let mut found: Vec<&Statement> = self
            .statements
            .iter()
            .filter(|one| {
                one.gene == gene && phenotypes.iter().any(|name| name.eq_ignore_ascii_case(&one.phenotype))
            })
            .collect();
        found.sort_by(|one, other| {
            one.drug
                .cmp(&other.drug)
                .then(concern(&one.phenotype).cmp(&concern(&other.phenotype)))
                .then_with(|| one.phenotype.cmp(&other.phenotype))
        });
        found
    }
}

/// Place of a phenotype in the order of concern: the farther from normal function, the earlier.
///
/// A choice, for which of several possible phenotypes is shown first; it says nothing of a drug.
pub fn concern(phenotype: &str) -> usize {
    let text = phenotype.to_ascii_lowercase();
    let order: [&[&str]; 6] = [
        &["deficient", "poor", "increased risk", "malignant", "susceptib"],
        &["ultrarapid"],
        &["likely poor", "likely intermediate", "intermediate", "decreased", "possible"],
        &["rapid", "increased"],
        &["indeterminate", "uncertain", "variable"],
        &["normal", "favorable"],
    ];
    if text.contains("likely poor") {
        return 0;
    }
    // "normal risk" is no risk, and "ultrarapid" contains "rapid": the first that fits counts.
    order.iter().position(|words| words.iter().any(|word| text.contains(word))).unwrap_or(4)
}
