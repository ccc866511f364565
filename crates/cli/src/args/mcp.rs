use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::ArchiveFolder;

/// What a client may be let do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Allowed {
    /// Ask the indexed texts and the graph: nothing of a patient
    Knowledge,
    /// List studies of the archive, read their reports and measure in them, without what identifies a patient
    Studies,
    /// Have a study read: a draft report, which nobody has signed
    Draft,
}

#[derive(Debug, Args)]
pub struct Mcp {
    /// What the client may do
    #[arg(long, value_name = "WHAT", value_delimiter = ',', default_value = "knowledge")]
    pub allow: Vec<Allowed>,
    #[command(flatten)]
    pub archive: ArchiveFolder,
    /// Folder of the index; otherwise `index` in the cache folder
    #[arg(long, value_name = "FOLDER")]
    pub index: Option<PathBuf>,
    /// Folder of the graph; otherwise `graph` in the cache folder
    #[arg(long, value_name = "FOLDER")]
    pub graph: Option<PathBuf>,
    /// Folder with models (subfolders with card.json and weights) instead of those that come with the program
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// Print the tools that a client would see, and end
    #[arg(long)]
    pub list: bool,
    /// Print JSON
    #[arg(long, requires = "list")]
    pub json: bool,
}
