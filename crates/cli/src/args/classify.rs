use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub struct Classify {
    /// The texts; quote each of them
    #[arg(required_unless_present = "table")]
    pub texts: Vec<String>,
    /// Folder of a classifier of texts as `wilhelm train text` writes it, or of a BERT of the model hub that labels texts or
    /// their tokens
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Table with a text a row, and the numbers that the model reads with each; `-` is stdin
    #[arg(long, value_name = "FILE", conflicts_with = "texts")]
    pub table: Option<PathBuf>,
    /// The table's column of texts
    #[arg(long, value_name = "COLUMN", default_value = "text")]
    pub column: String,
    /// Write the probabilities to a table, without the texts; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Replace the table if it is there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
