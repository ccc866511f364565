use std::path::PathBuf;

use clap::Args;

use super::ArchiveFolder;

#[derive(Debug, Args)]
pub struct StoreBackup {
    /// Folder that backups are kept in, each in one of its own
    #[arg(value_name = "FOLDER")]
    pub place: PathBuf,
    #[command(flatten)]
    pub archive: ArchiveFolder,
    /// Name of this one [default: the time, as 2026-11-27T103000Z]
    #[arg(long)]
    pub name: Option<String>,
    /// Take along the file of accounts, the audit log and the file of rules; keys are never taken along
    #[arg(long)]
    pub settings: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct StoreCheckBackup {
    /// Folder of one backup
    #[arg(value_name = "BACKUP")]
    pub backup: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct StoreRestore {
    /// Folder of one backup
    #[arg(value_name = "BACKUP")]
    pub backup: PathBuf,
    /// Folder of the new archive: empty, or not there
    #[arg(long, value_name = "FOLDER")]
    pub into: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
