use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use wilhelm_learn::active::Strategy;

#[derive(Debug, Args)]
pub struct Fewshot {
    #[command(subcommand)]
    pub verb: FewshotVerb,
}

#[derive(Debug, Subcommand)]
pub enum FewshotVerb {
    /// Learning curves: linear probe, prototypes and nearest neighbors on frozen features, over the number of labeled
    /// cases, with baselines beside
    Probe(FewshotProbe),
    /// Which of many unlabeled images to label next, and why
    Rank(FewshotRank),
    /// Play labeling through on data whose labels are known: does a strategy beat chance?
    Simulate(FewshotSimulate),
}

/// Labeled data on one split.
#[derive(Debug, Args)]
pub struct SplitData {
    /// The recipe that says where images and labels are, how they are prepared and which are held out
    #[arg(long, value_name = "FILE")]
    pub recipe: PathBuf,
    /// Folder with the data
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Folder with models instead of those that come with the program
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct FewshotProbe {
    #[command(flatten)]
    pub set: SplitData,
    /// Whose features: a model's name, or the folder of a model or of `train pretrain`; can be repeated, and the others are
    /// compared with the first
    #[arg(long = "model", value_name = "NAME|DIR")]
    pub sources: Vec<String>,
    /// Numbers of labeled cases of each label [default: 1,2,5,10,20,50,100, as far as there are]
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    pub cases: Option<Vec<usize>>,
    /// Draws of each number
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    pub repeats: usize,
    /// Seed of the draws
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Weight of the cases against the length of the linear probe's weights (scikit-learn's C)
    #[arg(long, value_name = "NUMBER", default_value_t = 1.0)]
    pub strength: f64,
    /// Cases that vote at most
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    pub neighbors: usize,
    /// Folder for fewshot.json, .csv, .md and .html, and for the features
    #[arg(long, value_name = "DIR", default_value = "wilhelm-fewshot")]
    pub out: PathBuf,
    /// Replace what is already there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct FewshotRank {
    /// Images, folders, zip archives, or NPZ files in MedMNIST's layout; labels are not read
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Name of the model; repeated, the models are a committee
    #[arg(long = "model", value_name = "NAME", required = true)]
    pub members: Vec<String>,
    /// By what cases are put in order
    #[arg(long, value_enum, default_value_t = StrategyName::Entropy)]
    pub strategy: StrategyName,
    /// How many cases to name
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    pub count: usize,
    /// A table of `explain cases` with images that have their labels: core-set keeps away from them
    #[arg(long, value_name = "FILE")]
    pub cases: Option<PathBuf>,
    /// Varied copies of each image, by which one model disagrees with itself
    #[arg(long, value_name = "NUMBER", default_value_t = 8)]
    pub copies: usize,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The table to write, in the order of labeling; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub csv: PathBuf,
    /// Folder with models instead of those that come with the program
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// Replace the table if it is there
    #[arg(long)]
    pub force: bool,
    /// Print the order as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct FewshotSimulate {
    #[command(flatten)]
    pub set: SplitData,
    /// Whose features: a model's name, or the folder of a model or of `train pretrain`
    #[arg(long = "model", value_name = "NAME|DIR")]
    pub source: String,
    /// Strategies beside chance [default: all]
    #[arg(long, value_enum, value_delimiter = ',')]
    pub strategy: Option<Vec<StrategyName>>,
    /// Cases of each label that have their labels at first
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    pub first: usize,
    /// Cases labeled at a time
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    pub step: usize,
    /// How often
    #[arg(long, value_name = "NUMBER", default_value_t = 8)]
    pub rounds: usize,
    /// Beginnings, the same for each strategy
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    pub repeats: usize,
    /// Probes of the committee that disagrees
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    pub committee: usize,
    /// Weight of the cases against the length of the linear probe's weights (scikit-learn's C)
    #[arg(long, value_name = "NUMBER", default_value_t = 1.0)]
    pub strength: f64,
    /// Seed of the beginnings
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Folder for simulation.json, .md and .html, and for the features
    #[arg(long, value_name = "DIR", default_value = "wilhelm-simulation")]
    pub out: PathBuf,
    /// Replace what is already there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// By what cases are put in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StrategyName {
    /// By chance
    Random,
    /// The entropy of the labels' probabilities
    Entropy,
    /// How little the likeliest label leads
    Margin,
    /// How far several models, or varied copies before one, are from one another
    Disagreement,
    /// The case farthest from all that are labeled or chosen
    CoreSet,
    /// Cases that would move a linear probe far, and in other directions than those chosen
    Badge,
}

impl From<StrategyName> for Strategy {
    fn from(name: StrategyName) -> Self {
        match name {
            StrategyName::Random => Self::Random,
            StrategyName::Entropy => Self::Entropy,
            StrategyName::Margin => Self::Margin,
            StrategyName::Disagreement => Self::Disagreement,
            StrategyName::CoreSet => Self::CoreSet,
            StrategyName::Badge => Self::Badge,
        }
    }
}

#[derive(Debug, Args)]
pub struct TrainPretrain {
    /// The recipe; its table `pretraining` says how (docs/few-labels.md)
    #[arg(long, value_name = "FILE")]
    pub recipe: PathBuf,
    /// Folder with the data; labels are read for the split alone
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Folder for the encoder's card and weights
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Folder for checkpoints, history and metrics [default: OUT with .run at its end]
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,
    /// Go on with the unfinished run in that folder; the result is that of an unbroken run
    #[arg(long)]
    pub resume: bool,
    /// Seconds between checkpoints within a pass; each pass ends with one anyway
    #[arg(long, value_name = "SECONDS", default_value_t = wilhelm_learn::Run::EVERY)]
    pub checkpoint_every: f64,
    /// Replace an encoder that is already there
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub computing: super::Computing,
    /// Print the figures as JSON
    #[arg(long)]
    pub json: bool,
}
