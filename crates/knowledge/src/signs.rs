mod age;
mod find;
mod table;
#[cfg(test)]
mod tests;

pub use age::age_years;
pub use find::{SignEvidence, SignMention, SignStatus};
pub use table::{LikelihoodRatio, Measure, Sign, SignTable, SignTableError};
