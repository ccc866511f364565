use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub struct Rules {
    #[command(subcommand)]
    pub verb: RulesVerb,
}

#[derive(Debug, Subcommand)]
pub enum RulesVerb {
    /// List the rules that come with the program
    List(RulesList),
    /// Show what a rule asks for, its branches, its source and what it leaves out
    Show(RulesShow),
    /// Apply a rule to measurements: the category, the recommendation and the branch that fired, or what is missing
    Apply(RulesApply),
}

#[derive(Debug, Args)]
pub struct RulesList {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RulesShow {
    /// Name of the rule, for example fleischner-2017
    pub name: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Nothing is assumed: an input that is missing and could change the answer is named. \
Exit code 0 where the rule has an answer, 1 where it has none for lack of an input.")]
pub struct RulesApply {
    /// Name of the rule
    pub name: String,
    /// An input with its unit, for example mean_diameter=7mm; can be repeated
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "cases")]
    pub input: Vec<String>,
    /// A mask whose labels are measured: NIfTI, NRRD, MetaImage or DICOM SEG. Its axes become long_axis and short_axis; for
    /// recist-1.1 it is repeated in the order of time, and the sums of all labels become the sums
    #[arg(long, value_name = "FILE", conflicts_with = "cases")]
    pub mask: Vec<PathBuf>,
    /// The label of --mask to measure, where there are several and each is not wanted
    #[arg(long, value_name = "LABEL", requires = "mask")]
    pub label: Option<u16>,
    /// Many cases: a CSV table with a column for each input (`size [mm]` where the cells have no unit), or a JSON array
    /// of objects; `-` is stdin
    #[arg(long, value_name = "FILE")]
    pub cases: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
