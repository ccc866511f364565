use std::path::PathBuf;

use clap::Args;
use clap::builder::RangedU64ValueParser;

/// Numbers of passages and sentences that may be asked for.
fn counts() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=1000)
}

/// Where the index of texts is kept.
#[derive(Clone, Debug, Args)]
pub struct IndexFolder {
    /// Folder of the index; otherwise `index` in the cache folder
    #[arg(long = "index", value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// Compare words alone, without vectors
    #[arg(long)]
    pub words_alone: bool,
}

#[derive(Debug, Args)]
pub struct KbIndex {
    /// Folders and files with texts: .xml, .nxml, .json, .jsonl, .html, .md, .txt, and .gz of them, and .pdf
    #[arg(required_unless_present = "reports")]
    pub places: Vec<PathBuf>,
    /// Folder of the index; one that is there is brought up to date
    #[arg(long, value_name = "FOLDER")]
    pub into: Option<PathBuf>,
    /// Folder of folders with signed reports, whose sentences are passages too; can be repeated
    #[arg(long, value_name = "FOLDER")]
    pub reports: Vec<PathBuf>,
    /// License of texts that say none themselves
    #[arg(long, value_name = "LICENSE")]
    pub license: Option<String>,
    /// Make no vectors: passages are found by words alone
    #[arg(long)]
    pub words_alone: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct KbFind {
    /// What to look for
    pub question: String,
    #[command(flatten)]
    pub index: IndexFolder,
    /// Passages to print
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = counts())]
    pub most: usize,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Ask {
    /// The question
    pub question: String,
    #[command(flatten)]
    pub index: IndexFolder,
    /// A report (its folder or report.json) whose sentences stand beside the passages; can be repeated
    #[arg(long, value_name = "REPORT")]
    pub study: Vec<PathBuf>,
    /// A language model that drafts the answer: a name `wilhelm models list` shows, a GGUF file, or `configured`
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Passages that are looked at
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = counts())]
    pub passages: usize,
    /// Sentences of the answer at most
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = counts())]
    pub sentences: usize,
    /// A name or number that identifies the patient and that no model may see; can be repeated
    #[arg(long, value_name = "VALUE")]
    pub known: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Summarize {
    /// Articles: PubMed or JATS XML, PubMedQA or other JSON, web pages, Markdown, PDF, plain text; `-` is plain text on stdin
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Print the table of studies alone
    #[arg(long)]
    pub table: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "table")]
    pub json: bool,
}
