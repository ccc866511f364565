use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub struct Embed {
    /// The texts; quote each of them
    #[arg(required_unless_present = "file")]
    pub texts: Vec<String>,
    /// File with a text a line, after those of the command line; `-` is stdin
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Folder of a BERT as sentence-transformers saves it [default: all-MiniLM-L6-v2, which `wilhelm models fetch
    /// minilm` brings]
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// Print how alike two texts are: the cosine of the angle between their vectors
    #[arg(long, conflicts_with = "csv")]
    pub compare: bool,
    /// Write the vectors to a table; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Replace the table if it is there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
