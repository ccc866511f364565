use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub struct Record {
    /// Notes and dictations as text, reports as report.json; `-` is stdin
    #[arg(required_unless_present = "fhir")]
    pub files: Vec<PathBuf>,
    /// FHIR R4 bundle (JSON); can be repeated
    #[arg(long, value_name = "BUNDLE.json")]
    pub fhir: Vec<PathBuf>,
    /// Folder for record.html and record.json
    #[arg(short, long, value_name = "DIR")]
    pub out: PathBuf,
    /// Earlier record.json of the same patient: what is new, changed, resolved
    #[arg(long, value_name = "RECORD.json")]
    pub prior: Option<PathBuf>,
    /// Day of the notes (YYYY-MM-DD): "3 days ago" then becomes a day
    #[arg(long, value_name = "DAY")]
    pub day: Option<String>,
    /// Let the configured language model put sentences otherwise; what its source does not bear out is refused
    #[arg(long)]
    pub reword: bool,
    /// A name or number that identifies the patient and that no model may see; can be repeated
    #[arg(long, value_name = "VALUE")]
    pub known: Vec<String>,
    /// Replace files that are there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
