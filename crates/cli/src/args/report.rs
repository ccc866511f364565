use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use wilhelm_pipeline::Form;

/// A form by its name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FormArg(pub Form);

impl ValueEnum for FormArg {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [FormArg; Form::ALL.len()] = {
            let mut all = [FormArg(Form::Html); Form::ALL.len()];
            let mut place = 0;
            while place < all.len() {
                all[place] = FormArg(Form::ALL[place]);
                place += 1;
            }
            all
        };
        &ALL
    }
    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.0.name()))
    }
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(subcommand)]
    pub verb: ReportVerb,
}

#[derive(Debug, Subcommand)]
pub enum ReportVerb {
    /// Sign a report as preliminary or as final
    Sign(ReportSign),
    /// Change sentences; a final report becomes amended, and what stood is kept beside it
    Amend(ReportAmend),
    /// Add words to a final report, and change nothing
    Addendum(ReportAddendum),
    /// Who signed which version, when, and whether all of them are as they were written
    History(ReportHistory),
    /// What differs in the words of two versions
    Diff(ReportDiff),
    /// Print a version with the names of its sentences
    Show(ReportShow),
    /// Write a report in other forms: PDF, FHIR, HL7, DICOM SR, encapsulated PDF, HTML, JSON, text
    Export(Box<ReportExport>),
}

/// Who acts, and when.
#[derive(Debug, Args)]
pub struct Signing {
    /// The person who signs, as `Doe^Jane` or in any other form
    #[arg(long, value_name = "NAME")]
    pub by: String,
    /// The organization that answers for the person
    #[arg(long, value_name = "NAME")]
    pub organization: Option<String>,
    /// When, as 2026-01-31T14:05:00+01:00, instead of now
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SignAs {
    Preliminary,
    Final,
}

#[derive(Debug, Args)]
pub struct ReportSign {
    /// Folder of a report, as `wilhelm read --out` made it
    pub folder: PathBuf,
    /// What it becomes
    #[arg(long = "as", value_enum)]
    pub state: SignAs,
    #[command(flatten)]
    pub signing: Signing,
}

#[derive(Debug, Args)]
pub struct ReportAmend {
    /// Folder of a report
    pub folder: PathBuf,
    /// Other words for a sentence: S4="No pneumonia."; can be repeated
    #[arg(long, value_name = "ID=TEXT", required_unless_present = "remove")]
    pub replace: Vec<String>,
    /// A sentence to take out; can be repeated
    #[arg(long, value_name = "ID")]
    pub remove: Vec<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub signing: Signing,
}

#[derive(Debug, Args)]
pub struct ReportAddendum {
    /// Folder of a report
    pub folder: PathBuf,
    /// Text file with the words to add; `-` is stdin
    #[arg(long, value_name = "FILE")]
    pub text: PathBuf,
    #[command(flatten)]
    pub signing: Signing,
}

#[derive(Debug, Args)]
pub struct ReportHistory {
    /// Folder of a report
    pub folder: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ReportDiff {
    /// Folder of a report
    pub folder: PathBuf,
    /// The earlier version, instead of the one before the later
    #[arg(long, value_name = "NUMBER")]
    pub from: Option<usize>,
    /// The later version, instead of the last
    #[arg(long, value_name = "NUMBER")]
    pub to: Option<usize>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ReportShow {
    /// Folder of a report, or a report.json
    pub report: PathBuf,
    /// Which version, instead of the last
    #[arg(long, value_name = "NUMBER")]
    pub number: Option<usize>,
}

/// The forms to write, and what they say.
#[derive(Debug, Args)]
pub struct Forms {
    /// Name the patient in FHIR and HL7, with the study's date and accession number, as the DICOM source has them
    #[arg(long)]
    pub name_patient: bool,
    /// When the forms are made, as 2026-01-31T14:05:00+01:00, instead of now
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
}

#[derive(Debug, Args)]
pub struct ReportExport {
    /// Folder of a report, or a report.json
    pub report: PathBuf,
    /// Forms, with commas between them
    #[arg(long, value_enum, value_delimiter = ',', required = true)]
    pub format: Vec<FormArg>,
    /// Folder to write to, instead of a folder `v2` (of version 2) beside the report
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Which version, instead of the last
    #[arg(long, value_name = "NUMBER")]
    pub number: Option<usize>,
    /// The DICOM files that were read: files, folders or zip archives; sr and encapsulated-pdf need them
    #[arg(long, value_name = "PATH")]
    pub source: Vec<PathBuf>,
    #[command(flatten)]
    pub forms: Forms,
    /// Replace files that are already there
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct Send {
    #[command(subcommand)]
    pub verb: SendVerb,
}

#[derive(Debug, Subcommand)]
pub enum SendVerb {
    /// Send an HL7 message by MLLP and check the answer; to this machine only, unless the configuration lists the host
    Hl7(SendHl7),
    /// Send DICOM files to another archive or station, or verify that it answers; to this machine only, unless the configuration lists the host
    Dicom(super::SendDicom),
    /// Send studies by DICOMweb: what is there already is asked for, the rest is sent, however often the line breaks
    Web(super::SendWeb),
}

#[derive(Debug, Args)]
pub struct SendHl7 {
    /// File with one message, as `--format hl7` writes it
    pub message: PathBuf,
    /// Where to
    #[arg(long, value_name = "HOST:PORT")]
    pub to: String,
    /// Encrypt by TLS, and send only to a receiver whose certificate is made for HOST
    #[arg(long, requires = "ca")]
    pub tls: bool,
    /// The certificate authorities to trust, and no others: PEM
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub ca: Option<PathBuf>,
    /// Our own certificate with its chain, for a receiver that asks who sends: PEM
    #[arg(long, value_name = "FILE", requires_all = ["tls", "key"])]
    pub cert: Option<PathBuf>,
    /// The private key of --cert: PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Print the receiver's own words too: they may repeat what was sent
    #[arg(long)]
    pub answer: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
