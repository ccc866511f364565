use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub struct Audit {
    #[command(subcommand)]
    pub verb: AuditVerb,
}

#[derive(Debug, Subcommand)]
pub enum AuditVerb {
    /// Follow the chain, and name each line that was changed, removed, moved, inserted or cut
    Verify(AuditVerify),
    /// Print entries
    Show(AuditShow),
    /// Write entries as FHIR R4 AuditEvents
    Export(AuditExport),
}

#[derive(Debug, Args)]
pub struct AuditVerify {
    /// Folder of the log, instead of the configured one
    pub folder: Option<PathBuf>,
    /// The log's key, instead of the configured one
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Follow the hashes alone, without the key: whoever can write the folder could make them anew
    #[arg(long, conflicts_with = "key")]
    pub no_key: bool,
    /// An entry that was noted elsewhere, as `verify` prints its last one; can be repeated
    #[arg(long, value_name = "NUMBER:SHA256")]
    pub anchor: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Which entries.
#[derive(Debug, Args)]
pub struct Entries {
    /// Folder of the log, instead of the configured one
    pub folder: Option<PathBuf>,
    /// Who did it
    #[arg(long, value_name = "NAME")]
    pub actor: Option<String>,
    /// What was done, as report.signed
    #[arg(long, value_name = "NAME")]
    pub action: Option<String>,
    /// To which kind of object, as report
    #[arg(long, value_name = "NAME")]
    pub kind: Option<String>,
    /// To which object, or of which patient, by the reference that the log shows
    #[arg(long, value_name = "DIGITS", conflicts_with = "patient")]
    pub reference: Option<String>,
    /// Of which patient, by Patient ID; wants the log's key
    #[arg(long, value_name = "ID")]
    pub patient: Option<String>,
    /// How it ended: done, refused or failed
    #[arg(long, value_name = "NAME")]
    pub outcome: Option<String>,
    /// From this time on, as 2026-01-31T14:05:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// From this entry on
    #[arg(long, value_name = "NUMBER")]
    pub from: Option<u64>,
}

#[derive(Debug, Args)]
pub struct AuditShow {
    #[command(flatten)]
    pub entries: Entries,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct AuditExport {
    #[command(flatten)]
    pub entries: Entries,
    /// The file to write; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct Users {
    #[command(subcommand)]
    pub verb: UsersVerb,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// Whose data an account may act on.
#[derive(Clone, Debug, Args)]
pub struct AccessTo {
    /// All projects and patients
    #[arg(long)]
    pub all: bool,
    /// A project; can be repeated
    #[arg(long, value_name = "NAME")]
    pub project: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub enum UsersVerb {
    /// Make the first account, an administrator, and print its password once
    Init,
    /// Make an account, and print its password once
    Add {
        /// Its name
        name: String,
        /// viewer, technologist, radiologist, researcher or administrator; can be repeated
        #[arg(long, required = true)]
        role: Vec<String>,
        #[command(flatten)]
        access: AccessTo,
    },
    /// List accounts and tokens
    List,
    /// Give an account other roles, and access to other data
    Role {
        /// Its name
        name: String,
        /// What it becomes; can be repeated
        #[arg(long, required = true)]
        role: Vec<String>,
        /// Replace its access by what follows
        #[arg(long)]
        access: bool,
        #[command(flatten)]
        to: AccessTo,
    },
    /// Close an account and end its sessions
    Disable {
        /// Its name
        name: String,
        /// Open it again instead
        #[arg(long)]
        enable: bool,
    },
    /// Give an account a new password, print it once, and end its sessions
    Reset {
        /// Its name
        name: String,
    },
    /// Set a password: the old one and the new one, a line each, on stdin
    Password {
        /// Name of the account
        name: String,
    },
    /// Make a token for a program that acts for an account, and print it once; or withdraw one
    Token {
        /// Name of the account
        #[arg(required_unless_present = "revoke")]
        name: Option<String>,
        /// What it may do, as study.see; can be repeated
        #[arg(long, value_name = "PERMISSION", required_unless_present = "revoke")]
        scope: Vec<String>,
        /// What it is for
        #[arg(long, default_value = "")]
        label: String,
        /// How long it is good, in days
        #[arg(long, default_value_t = 90)]
        days: u32,
        /// Withdraw the token of this name, as `list` shows it
        #[arg(long, value_name = "TOKEN", conflicts_with_all = ["scope", "name"])]
        revoke: Option<String>,
    },
}

#[derive(Debug, Args)]
pub struct Keys {
    #[command(subcommand)]
    pub verb: KeysVerb,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum KeysVerb {
    /// Make a keyring, and the root key it lies under where none is configured or there
    New,
    /// Add a key that new objects are sealed with; what was sealed before stays as it is and opens as before
    Rotate {
        /// Put the keyring under another root key, in this file, which is made where it is not there
        #[arg(long, value_name = "FILE")]
        new_root: Option<PathBuf>,
    },
    /// Whether every key opens
    Check,
}

#[derive(Debug, Args)]
pub struct Sealing {
    /// The file; `-` is stdin
    pub file: PathBuf,
    /// The file to write; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Which object it is, such as its UID: opening wants the same words, and so no object stands in another's place
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub context: String,
    /// Replace the file if it is there
    #[arg(long)]
    pub force: bool,
}
