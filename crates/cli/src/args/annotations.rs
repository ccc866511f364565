use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::ArchiveFolder;

#[derive(Debug, Args)]
pub struct AnnotationsArgs {
    #[command(subcommand)]
    pub verb: AnnotationsVerb,
}

/// Of an archive that is not being served; while it is, /api/annotations does the same.
#[derive(Debug, Subcommand)]
pub enum AnnotationsVerb {
    /// List the projects with how far they are
    List(AnnotationsList),
    /// How far the annotators of a project agree
    Agreement(AnnotationsAgreement),
    /// Write a project as a folder that `wilhelm train` takes, de-identified
    Export(AnnotationsExport),
    /// Write the images that nobody has answered yet, for `wilhelm fewshot rank`
    Images(AnnotationsImages),
    /// Say in which order items are answered
    Order(AnnotationsOrder),
}

#[derive(Debug, Args)]
pub struct AnnotationsList {
    #[command(flatten)]
    pub archive: ArchiveFolder,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct AnnotationsAgreement {
    /// The project's name, as `annotations list` prints it
    pub project: String,
    #[command(flatten)]
    pub archive: ArchiveFolder,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What becomes of items on which people differ and nobody decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum UnresolvedChoice {
    /// They are left out
    LeaveOut,
    /// What more than half of those who answered said
    Majority,
}

#[derive(Debug, Args)]
pub struct AnnotationsExport {
    /// The project's name, as `annotations list` prints it
    pub project: String,
    #[command(flatten)]
    pub archive: ArchiveFolder,
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// What becomes of items on which people differ and nobody decided
    #[arg(long, value_enum, default_value_t = UnresolvedChoice::LeaveOut)]
    pub unresolved: UnresolvedChoice,
    /// Take images too whose header says that text is burned into them
    #[arg(long)]
    pub burned_in: bool,
    /// Write, apart from the folder, which item is of which study: this names patients to whoever has the archive
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct AnnotationsImages {
    /// The project's name, as `annotations list` prints it
    pub project: String,
    #[command(flatten)]
    pub archive: ArchiveFolder,
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Take images too whose header says that text is burned into them
    #[arg(long)]
    pub burned_in: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct AnnotationsOrder {
    /// The project's name, as `annotations list` prints it
    pub project: String,
    #[command(flatten)]
    pub archive: ArchiveFolder,
    /// The table of `wilhelm fewshot rank`, or one with the column `item`
    #[arg(long, value_name = "FILE", conflicts_with = "random", required_unless_present = "random")]
    pub ranking: Option<PathBuf>,
    /// By chance, drawn from this seed
    #[arg(long, value_name = "SEED")]
    pub random: Option<u64>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
