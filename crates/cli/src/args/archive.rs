use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{StoreBackup, StoreCheckBackup, StoreRestore};

#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    pub archive: ArchiveFolder,
    /// Where to listen for HTTP: DICOMweb and the page of studies [default: server.http of the configuration]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub http: Option<SocketAddr>,
    /// Where to listen for DIMSE [default: server.dimse of the configuration]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub dimse: Option<SocketAddr>,
    /// Let anyone on this machine do anything, without sign-in: for tests, and a machine that one person alone uses
    #[arg(long)]
    pub open: bool,
    /// Serve three sample studies that were read already, from an archive of their own, as with --open
    #[arg(long, conflicts_with = "data")]
    pub demo: bool,
    /// Print the addresses as JSON once they are listened at
    #[arg(long)]
    pub json: bool,
}

/// Which archive.
#[derive(Clone, Debug, Args)]
pub struct ArchiveFolder {
    /// Folder of the archive [default: server.folder of the configuration]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct StoreArgs {
    #[command(subcommand)]
    pub verb: StoreVerb,
}

#[derive(Debug, Subcommand)]
pub enum StoreVerb {
    /// Take DICOM files into the archive
    Import(StoreImport),
    /// List the studies of the archive
    List(StoreList),
    /// Compare every object with its checksum, and the catalog with the files
    Check(StoreCheck),
    /// Seal the objects that arrived before archive.sealed was set
    Seal(StoreSeal),
    /// Back up the archive into a folder, while it is served or not; what an earlier backup there holds is shared with it
    Backup(StoreBackup),
    /// Compare every file of a backup with its checksum
    CheckBackup(StoreCheckBackup),
    /// Make an archive of a backup, in an empty folder
    Restore(StoreRestore),
}

#[derive(Debug, Args)]
pub struct StoreImport {
    /// Files and folders; what is no DICOM file is passed over and counted
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub archive: ArchiveFolder,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct StoreList {
    #[command(flatten)]
    pub archive: ArchiveFolder,
    /// Most studies
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    pub limit: u64,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct StoreCheck {
    #[command(flatten)]
    pub archive: ArchiveFolder,
    /// Take what is broken out of the catalog and set it aside in `quarantine`; remove files that no row names
    #[arg(long)]
    pub repair: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct StoreSeal {
    #[command(flatten)]
    pub archive: ArchiveFolder,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct SendWeb {
    /// Where to: the base address of its DICOMweb services, https:// but for this machine
    #[arg(value_name = "ADDRESS")]
    pub to: String,
    /// Study Instance UIDs of the archive, which is not served meanwhile; or DICOM files and folders
    #[arg(value_name = "STUDY or PATH", required = true)]
    pub what: Vec<String>,
    #[command(flatten)]
    pub archive: ArchiveFolder,
    /// File with the token that the other side gave, its owner's alone (mode 600)
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The certificate authorities to trust, and no others: PEM
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct SendDicom {
    /// DICOM files and folders; none only verifies that the other side answers
    pub paths: Vec<PathBuf>,
    /// Where to: its AE title, host and port
    #[arg(long, value_name = "TITLE@HOST:PORT")]
    pub to: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
