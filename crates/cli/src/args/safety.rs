use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub struct Safety {
    #[command(subcommand)]
    pub verb: SafetyVerb,
}

#[derive(Debug, Subcommand)]
pub enum SafetyVerb {
    /// PRR, ROR, information component and EBGM of every drug and event in a table of spontaneous reports
    Signals(SafetySignals),
}

#[derive(Debug, Args)]
pub struct SafetySignals {
    /// Table with a row for every drug and event of a case
    pub table: PathBuf,
    /// Column of cases
    #[arg(long, value_name = "COLUMN", default_value = "case")]
    pub case_column: String,
    /// Column of drugs
    #[arg(long, value_name = "COLUMN", default_value = "drug")]
    pub drug_column: String,
    /// Column of events
    #[arg(long, value_name = "COLUMN", default_value = "event")]
    pub event_column: String,
    /// Column that is held constant, such as sex or age group; can be repeated
    #[arg(long, value_name = "COLUMN")]
    pub stratum: Vec<String>,
    /// Column with the version of a case, a whole number: earlier versions are left out
    #[arg(long, value_name = "COLUMN")]
    pub version_column: Option<String>,
    /// Pairs with fewer cases are counted but not listed
    #[arg(long, value_name = "NUMBER", default_value_t = 3)]
    pub least: u64,
    /// Pairs that are printed
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub show: usize,
    /// Coverage of the intervals
    #[arg(long, value_name = "SHARE", default_value_t = 0.95)]
    pub level: f64,
    /// Folder for signals.csv, signals.json, signals.svg, signals.md and signals.html
    #[arg(long, value_name = "DIR", default_value = "wilhelm-signals")]
    pub out: PathBuf,
    /// Replace what is already there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
