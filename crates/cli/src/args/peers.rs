use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::ArchiveFolder;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AskedLevel {
    Study,
    Series,
    Image,
}

#[derive(Debug, Args)]
pub struct PeerQuery {
    /// Whom to ask: its AE title, host and port
    #[arg(value_name = "TITLE@HOST:PORT")]
    pub peer: String,
    /// Studies, or the series of a study, or its images
    #[arg(long, value_enum, default_value_t = AskedLevel::Study)]
    pub level: AskedLevel,
    /// Patient ID
    #[arg(long, value_name = "ID")]
    pub patient: Option<String>,
    /// Patient's name, with `*` and `?`
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Study date, or a range: 20260101-20260131
    #[arg(long, value_name = "DATE")]
    pub date: Option<String>,
    /// Accession number
    #[arg(long, value_name = "NUMBER")]
    pub accession: Option<String>,
    /// Study Instance UID
    #[arg(long, value_name = "UID")]
    pub study: Option<String>,
    /// Series Instance UID
    #[arg(long, value_name = "UID")]
    pub series: Option<String>,
    /// Modality, as CT
    #[arg(long, value_name = "TERM")]
    pub modality: Option<String>,
    /// Most answers
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    pub most: usize,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct PeerRetrieve {
    /// Where from: its AE title, host and port
    #[arg(value_name = "TITLE@HOST:PORT")]
    pub peer: String,
    /// Study Instance UID
    #[arg(long, value_name = "UID")]
    pub study: String,
    /// Series Instance UID: that series alone
    #[arg(long, value_name = "UID")]
    pub series: Option<String>,
    /// Have it sent to this AE title, which the other side knows, by C-MOVE: ours while `wilhelm serve` runs
    #[arg(long, value_name = "TITLE", conflicts_with = "out")]
    pub to: Option<String>,
    /// Take it by C-GET into files of this folder; without it and --to, into the archive
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub archive: ArchiveFolder,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
