use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ask::{KbFind, KbIndex};
use super::graph::{KbDifferential, KbImport, KbLink, KbQuery, KbShow, KbStats};

#[derive(Debug, Args)]
pub struct Kb {
    #[command(subcommand)]
    pub verb: KbVerb,
}

#[derive(Debug, Subcommand)]
pub enum KbVerb {
    /// How mentions in a clinical text are meant: denied, in doubt, past, only conceivable, of somebody else
    Context(KbContext),
    /// The fourteen CheXpert labels of radiology reports, each with the words that it comes from
    Labels(KbLabels),
    /// Bring an ontology, a table or what comes with the program into the graph
    Import(KbImport),
    /// Index texts for `wilhelm ask`: PubMed, JATS, MedQuAD and PubMedQA, web pages, PDF, Markdown, plain text, signed reports
    Index(KbIndex),
    /// Passages of the indexed texts for a question
    Find(KbFind),
    /// Ask the graph in SPARQL
    Query(KbQuery),
    /// All that the graph knows of a concept, and whose statements they are
    Show(KbShow),
    /// The sources of the graph: title, license, version, hash and how much is theirs
    Stats(KbStats),
    /// Concepts of the graph in a text, how each is meant, measurements and sides
    Link(KbLink),
    /// Diseases that findings speak for and against, and what to look for next
    Differential(KbDifferential),
}

#[derive(Debug, Args)]
pub struct KbContext {
    /// Text file; `-` is stdin
    pub text: PathBuf,
    /// What to look for, in any case; can be repeated
    #[arg(long, value_name = "WORDS", required = true)]
    pub mention: Vec<String>,
    /// Rules of your own (TOML) instead of the English ones of the program
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct KbLabels {
    /// Report as text, or a table of reports (.csv); `-` is a text on stdin
    pub reports: PathBuf,
    /// By which words a mention is judged
    #[arg(long, value_name = "CUES", default_value = "patterns")]
    pub cues: Cues,
    /// Column of a table with the ids; otherwise `id`, `image`, `case` or `file`
    #[arg(long, value_name = "COLUMN")]
    pub id: Option<String>,
    /// Column of a table with the reports; otherwise `text`, `report`, `findings` or `impression`
    #[arg(long, value_name = "COLUMN")]
    pub text: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Cues {
    /// ConText's for denial and doubt
    Context,
    /// Those written after the patterns of the CheXpert labeler
    Patterns,
}
