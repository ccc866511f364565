//! Languages and readers: the same claims in other words.

pub(crate) mod glossary;
