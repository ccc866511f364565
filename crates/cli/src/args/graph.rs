use std::path::PathBuf;

use clap::Args;

/// Where the graph is kept.
#[derive(Debug, Args)]
pub struct GraphFolder {
    /// Folder of the graph; otherwise `graph` in the cache folder
    #[arg(long = "graph", value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct KbImport {
    /// OBO, Turtle, N-Triples, RDF/XML (OWL), or a table with `--mapping`; as it is or with .gz
    #[arg(value_name = "FILE", required_unless_present = "default", conflicts_with = "default")]
    pub file: Option<PathBuf>,
    /// What comes with the program: imaging, findings and contrast media, and the Disease Ontology
    #[arg(long)]
    pub default: bool,
    /// What the columns of a table say (TOML)
    #[arg(long, value_name = "FILE", requires = "file")]
    pub mapping: Option<PathBuf>,
    /// Name to keep the source under; otherwise that of the file
    #[arg(long, requires = "file")]
    pub name: Option<String>,
    /// Title of the source, for people; otherwise its name
    #[arg(long, requires = "file")]
    pub title: Option<String>,
    /// License of the source; otherwise what the file says, and "not stated" where it says nothing
    #[arg(long, requires = "file")]
    pub license: Option<String>,
    /// Release of the source; otherwise what the file says
    #[arg(long, value_name = "VERSION", requires = "file")]
    pub release: Option<String>,
    #[command(flatten)]
    pub graph: GraphFolder,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct KbQuery {
    /// Query in SPARQL; prefixes of the program need not be written down
    #[arg(value_name = "SPARQL", required_unless_present = "file", conflicts_with = "file")]
    pub query: Option<String>,
    /// File with the query; `-` is stdin
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Seconds after which the query is stopped
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub timeout: u64,
    /// The most rows to print
    #[arg(long, value_name = "ROWS", default_value_t = 1000)]
    pub rows: usize,
    #[command(flatten)]
    pub graph: GraphFolder,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct KbShow {
    /// Identifier (`DOID:6000`) or name (`heart failure`)
    pub term: String,
    #[command(flatten)]
    pub graph: GraphFolder,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct KbStats {
    #[command(flatten)]
    pub graph: GraphFolder,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct KbLink {
    /// Text file; `-` is stdin
    pub text: PathBuf,
    #[command(flatten)]
    pub graph: GraphFolder,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct KbDifferential {
    /// Finding that is there, by identifier or name; can be repeated
    #[arg(long, value_name = "FINDING")]
    pub present: Vec<String>,
    /// Finding that was looked for and is not there; can be repeated
    #[arg(long, value_name = "FINDING")]
    pub absent: Vec<String>,
    /// Probability of a disease before the findings, as `DISEASE=0.2`; can be repeated
    #[arg(long, value_name = "DISEASE=P", required = true)]
    pub prior: Vec<String>,
    #[command(flatten)]
    pub graph: GraphFolder,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
