use wilhelm_stats::StatsError;

/// What is wrong with the tables or masks that an evaluation was asked of.
///
/// Messages name files, lines, columns and ids, never the content of another cell.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// A whole table.
    #[error("{file}: {what}")]
    Table {
        /// The file.
        file: String,
        /// What was found and expected.
        what: String,
    },
    /// One line of a table.
    #[error("{file}, line {line}: {what}")]
    Line {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What was found and expected.
        what: String,
    },
    /// One cell of a table.
    #[error("{file}, line {line}, column {column}: {what}")]
    Cell {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// The name of the column.
        column: String,
        /// What was found and expected.
        what: String,
    },
    /// Cases of two tables, or label maps of two folders, that do not go together.
    #[error("{0}")]
    Pairs(String),
    /// A setting outside its range.
    #[error("{name} is {found}, expected {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// The refused value.
        found: f64,
        /// What is accepted.
        expected: &'static str,
    },
    /// A figure that has no value for these cases.
    #[error(transparent)]
    Stats(#[from] StatsError),
    /// Surfaces that cannot be compared.
    #[error(transparent)]
    Masks(#[from] wilhelm_filters::FilterError),
}

impl EvaluationError {
    /// Whether the input is at fault: always, since nothing else comes in here.
    pub const fn is_callers_fault(&self) -> bool {
        true
    }
}

/// The first few of many names, for a message.
pub(super) fn some(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}
