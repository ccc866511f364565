use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::TrainPretrain;

#[derive(Debug, Args)]
pub struct Train {
    #[command(subcommand)]
    pub verb: TrainVerb,
}

#[derive(Debug, Subcommand)]
pub enum TrainVerb {
    /// Train a classifier as a recipe says
    Classifier(TrainClassifier),
    /// Train the classifier's encoder from images alone, without their labels (SimCLR)
    Pretrain(TrainPretrain),
    /// Train a network that outlines something, from images and their masks
    Segmenter(TrainSegmenter),
    /// Train a research generator of reports: images to texts whose truth is known
    Report(TrainReport),
    /// Train a classifier of texts, alone or with the numbers that come with them
    Text(TrainText),
}

/// What computes a network while it learns.
#[derive(Clone, Copy, Debug, Args)]
pub struct Computing {
    /// What the network learns on; figures and cards are made on the main processor either way
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: DeviceChoice,
    /// Train even where about more memory would be needed than there is
    #[arg(long)]
    pub no_memory_check: bool,
    /// Go on with a run of another build or kind of processor too, whose weights may differ from those of an unbroken run
    #[arg(long)]
    pub other_build: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum DeviceChoice {
    /// The main processor: the same bytes on every run
    Cpu,
    /// A graphics processor through Vulkan, in a build with the feature `gpu`; runs do not repeat to the last digit
    Gpu,
}

#[derive(Debug, Args)]
pub struct TrainClassifier {
    /// The recipe (models/recipes holds those of the shipped models)
    #[arg(long, value_name = "FILE")]
    pub recipe: PathBuf,
    /// Folder with the data
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Folder for card and weights
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Cross-validate: cut the data into so many folds, train without each of them, and write what is said of the
    /// images left out; goes on where the same command was stopped
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["weights", "run"])]
    pub folds: Option<usize>,
    /// Keep these weights, trained before by the same recipe: only calibration, outlier detector and
    /// figures are made anew
    #[arg(long, value_name = "FILE", conflicts_with_all = ["run", "resume"])]
    pub weights: Option<PathBuf>,
    /// Begin with the encoder in this folder, which `train pretrain` made for a network of the same sizes
    #[arg(long, value_name = "DIR", conflicts_with_all = ["weights", "folds"])]
    pub start: Option<PathBuf>,
    /// Folder for checkpoints, history and metrics [default: OUT with .run at its end]
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,
    /// Go on with the unfinished run in that folder; the result is that of an unbroken run
    #[arg(long)]
    pub resume: bool,
    /// Seconds between checkpoints within a pass; each pass ends with one anyway
    #[arg(long, value_name = "SECONDS", default_value_t = wilhelm_learn::Run::EVERY)]
    pub checkpoint_every: f64,
    /// Leave out what classifiers without a network reach on the same images
    #[arg(long)]
    pub no_baselines: bool,
    /// Replace a model that is already there
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub computing: Computing,
    /// Print the validation figures as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct TrainSegmenter {
    /// The recipe (docs/training.md, "Segmenters")
    #[arg(long, value_name = "FILE")]
    pub recipe: PathBuf,
    /// Folder with the data
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Folder for card and weights
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Cross-validate: cut the data into so many folds, train without each of them, and measure the outlines of the
    /// images left out; goes on where the same command was stopped
    #[arg(long, value_name = "COUNT", conflicts_with = "run")]
    pub folds: Option<usize>,
    /// Folder for checkpoints, history and metrics [default: OUT with .run at its end]
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,
    /// Go on with the unfinished run in that folder; the result is that of an unbroken run
    #[arg(long)]
    pub resume: bool,
    /// Seconds between checkpoints within a pass; each pass ends with one anyway
    #[arg(long, value_name = "SECONDS", default_value_t = wilhelm_learn::Run::EVERY)]
    pub checkpoint_every: f64,
    /// Replace a model that is already there
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub computing: Computing,
    /// Print the validation figures as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct TrainReport {
    /// The recipe (docs/report-generator.md)
    #[arg(long, value_name = "FILE")]
    pub recipe: PathBuf,
    /// Folder with the data
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Folder for card, weights, tokenizer and the texts of the validation images
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Another seed than the recipe's; the split and the texts to learn stay as they are
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Folder for checkpoints, history and metrics [default: OUT with .run at its end]
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,
    /// Go on with the unfinished run in that folder; the result is that of an unbroken run
    #[arg(long)]
    pub resume: bool,
    /// Seconds between checkpoints within a pass; each pass ends with one anyway
    #[arg(long, value_name = "SECONDS", default_value_t = wilhelm_learn::Run::EVERY)]
    pub checkpoint_every: f64,
    /// Replace a model that is already there
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub computing: Computing,
    /// Print the run's metrics as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct TrainText {
    /// The recipe (docs/texts.md)
    #[arg(long, value_name = "FILE")]
    pub recipe: PathBuf,
    /// Folder with the data
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Folder for card, weights, tokenizer and the predictions of the texts held out
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Folder of the encoder to begin with, a BERT as the model hub has it [default: all-MiniLM-L6-v2, which `wilhelm
    /// models fetch minilm` brings]
    #[arg(long, value_name = "DIR")]
    pub encoder: Option<PathBuf>,
    /// Folder for checkpoints, history and metrics [default: OUT with .run at its end]
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,
    /// Go on with the unfinished run in that folder; the result is that of an unbroken run
    #[arg(long)]
    pub resume: bool,
    /// Seconds between checkpoints within a pass; each pass ends with one anyway
    #[arg(long, value_name = "SECONDS", default_value_t = wilhelm_learn::Run::EVERY)]
    pub checkpoint_every: f64,
    /// Replace a model that is already there
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub computing: Computing,
    /// Print the run's metrics as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Sweep {
    /// The recipe that the arms change
    #[arg(long, value_name = "FILE")]
    pub recipe: PathBuf,
    /// Seeds, arms and grid (docs/training.md)
    #[arg(long, value_name = "FILE")]
    pub sweep: PathBuf,
    /// Folder with the data
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Folder for the runs and the table; a sweep that was stopped goes on there
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Leave out what classifiers without a network reach on the same images
    #[arg(long)]
    pub no_baselines: bool,
    #[command(flatten)]
    pub computing: Computing,
    /// Print the table and every run as JSON
    #[arg(long)]
    pub json: bool,
}
