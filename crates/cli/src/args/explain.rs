use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(after_help = "A map shows what raised a number, not what causes disease.")]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Explain {
    #[command(subcommand)]
    pub verb: Option<ExplainVerb>,
    #[command(flatten)]
    pub image: Option<ExplainImage>,
}

#[derive(Debug, Args)]
pub struct ExplainImage {
    /// The image or volume: a file, folder or zip archive with one series
    pub image: PathBuf,
    /// Name of the model
    #[arg(long)]
    pub model: String,
    /// How the map is made; several with commas between
    #[arg(long, value_enum, value_delimiter = ',', default_value = "all")]
    pub method: Vec<ExplainMethod>,
    /// Key of the label whose logit is explained; without it, the likeliest that is a disease
    #[arg(long, value_name = "KEY")]
    pub label: Option<String>,
    /// Layer of Grad-CAM and Grad-CAM++, from 1 (the finest); without it, the deepest of at least 7 x 7 places
    #[arg(long, value_name = "NUMBER")]
    pub layer: Option<usize>,
    /// Where the truth lies: a gray picture or a volume of the image's size, above 0 inside
    #[arg(long, value_name = "FILE")]
    pub mask: Option<PathBuf>,
    /// How far from the truth the greatest value may lie to count as a hit, in pixels of the image
    #[arg(long, value_name = "PIXELS", default_value_t = 0.0, requires = "mask")]
    pub tolerance: f64,
    /// Side of the window of occlusion, in pixels of the network's input
    #[arg(long, value_name = "PIXELS")]
    pub window: Option<usize>,
    /// How far the window of occlusion moves
    #[arg(long, value_name = "PIXELS")]
    pub stride: Option<usize>,
    /// Steps of integrated gradients
    #[arg(long, value_name = "NUMBER")]
    pub steps: Option<usize>,
    /// Noisy copies of SmoothGrad
    #[arg(long, value_name = "NUMBER")]
    pub samples: Option<usize>,
    /// A table of `explain cases`: the nearest cases of the label and of others are listed too
    #[arg(long, value_name = "FILE")]
    pub cases: Option<PathBuf>,
    /// How far two cases lie apart
    #[arg(long, value_enum, default_value_t = CaseMetric::Cosine)]
    pub metric: CaseMetric,
    /// Leave out the sanity scores, which take most of the time
    #[arg(long)]
    pub no_scores: bool,
    /// Seed of everything random
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Write each map as a DICOM parametric map too, in the study of the image, which must have come as DICOM
    #[arg(long)]
    pub dicom: bool,
    /// Of a volume, write a picture of every slice with each map over it
    #[arg(long)]
    pub every_slice: bool,
    /// Folder for maps, pictures, scores and the page
    #[arg(long, value_name = "DIR", default_value = "wilhelm-explain")]
    pub out: PathBuf,
    /// Replace what is already there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Folder with models instead of those that come with the program
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
}

/// How a map is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ExplainMethod {
    /// What features of a layer raised the logit where
    GradCam,
    /// The same, several places seen alike
    GradCamPlusPlus,
    /// What each pixel added to the logit, against an even gray; adds up to the whole
    IntegratedGradients,
    /// Where a small change would change the logit most
    SmoothGrad,
    /// How much the logit falls when a window is covered
    Occlusion,
    /// Where the Transformer fetched from
    Rollout,
    /// Every one of them
    All,
}

/// How far two feature vectors lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CaseMetric {
    /// By the angle between them
    Cosine,
    /// By the length of their difference
    Euclid,
}

#[derive(Debug, Subcommand)]
pub enum ExplainVerb {
    /// What a model makes of shuffled, blank, noisy and flipped images or volumes: whether it reads them
    Certificate(Certificate),
    /// What maps are worth over many cases: deletion, insertion and, with masks, the pointing game, with intervals
    Scores(CaseScores),
    /// Store the features of labeled images, so that the nearest of them can be shown beside others
    Cases(Cases),
    /// Which way a label's number goes with what examples of yours have in common (concept activation vectors)
    Concepts(Concepts),
}

// A doc comment here would take the place of the verb's own.
#[derive(Clone, Debug, Args)]
pub struct LabeledData {
    /// Labeled images: folders by label, a folder with labels.csv, or an NPZ file in MedMNIST's layout
    #[arg(long, value_name = "PATH")]
    pub data: PathBuf,
    /// Only this split: val, train, test
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// Only the images that this list names, one a line: a model's validation.txt
    #[arg(long, value_name = "FILE")]
    pub only: Option<PathBuf>,
    /// At most so many images of each label, spread evenly over what is there
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<usize>,
}

#[derive(Debug, Args)]
pub struct Certificate {
    /// Name of the model
    #[arg(long)]
    pub model: String,
    #[command(flatten)]
    pub data: LabeledData,
    /// Side of the patches that are shuffled, in pixels of the network's input; without it, an eighth of the side
    #[arg(long, value_name = "PIXELS")]
    pub patch: Option<usize>,
    /// Write the figures into the model's card, in its folder below --models; they must be of images held out (--only)
    #[arg(long, requires = "models", requires = "only", conflicts_with = "limit")]
    pub on_card: bool,
    /// Seed of everything random
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Folder with models instead of those that come with the program
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct CaseScores {
    /// Name of the model
    #[arg(long)]
    pub model: String,
    #[command(flatten)]
    pub data: LabeledData,
    /// Folder of masks in the layout of the images, above 0 inside; may be the folder of the images
    #[arg(long, value_name = "DIR")]
    pub masks: Option<PathBuf>,
    /// What the name of a mask has behind that of its image: `scan.png` has `scan_mask.png`
    #[arg(long, value_name = "TEXT", default_value = "_mask", requires = "masks")]
    pub suffix: String,
    /// How maps are made; several with commas between
    #[arg(long, value_enum, value_delimiter = ',', default_value = "all")]
    pub method: Vec<ExplainMethod>,
    /// Key of the label whose logit is explained; without it, each image's own
    #[arg(long, value_name = "KEY")]
    pub label: Option<String>,
    /// Layer of Grad-CAM and Grad-CAM++, from 1 (the finest); without it, the deepest of at least 7 x 7 places
    #[arg(long, value_name = "NUMBER")]
    pub layer: Option<usize>,
    /// How far from the truth the greatest value may lie to count as a hit, in pixels of the image
    #[arg(long, value_name = "PIXELS", default_value_t = 0.0, requires = "masks")]
    pub tolerance: f64,
    /// Resamples behind the intervals
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    pub replicates: usize,
    /// Seed of everything random
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Folder for scores.json, scores.csv and scores.md
    #[arg(long, value_name = "DIR", default_value = "wilhelm-scores")]
    pub out: PathBuf,
    /// Replace what is already there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Folder with models instead of those that come with the program
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Concepts {
    /// Name of the model
    #[arg(long)]
    pub model: String,
    /// A concept, and the folder of images that show it; can be repeated
    #[arg(long, value_name = "NAME=FOLDER")]
    pub concept: Vec<String>,
    /// Concepts that are made of the random images; several with commas between
    #[arg(long, value_enum, value_name = "CONCEPT", value_delimiter = ',')]
    pub made: Vec<MadeConcept>,
    /// Folder of the random images that concepts stand against; without it, those of --images
    #[arg(long, value_name = "FOLDER")]
    pub random: Option<PathBuf>,
    /// Folder of the images whose number is asked
    #[arg(long, value_name = "FOLDER")]
    pub images: PathBuf,
    /// Key of the label whose logit is asked
    #[arg(long, value_name = "KEY")]
    pub label: String,
    /// The layer whose directions are looked at
    #[arg(long, value_enum, default_value_t = ConceptsLayer::Features)]
    pub layer: ConceptsLayer,
    /// Random sets that stand against each concept
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub sets: usize,
    /// At most so many images of each folder, spread evenly over what is there
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<usize>,
    /// Seed of everything random
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Folder for concepts.json and concepts.html
    #[arg(long, value_name = "DIR", default_value = "wilhelm-concepts")]
    pub out: PathBuf,
    /// Replace what is already there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Folder with models instead of those that come with the program
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
}

/// A layer whose directions are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ConceptsLayer {
    /// The feature vector
    Features,
    /// The means of the last feature map's channels
    Map,
}

/// A concept that is made of images that do not show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum MadeConcept {
    /// Brighter
    Brighter,
    /// Darker
    Darker,
    /// With less contrast
    LessContrast,
    /// Out of focus
    Blurred,
    /// Of larger pixels
    Pixelated,
    /// With even stripes across it
    Stripes,
    /// With a white square in its upper left corner, as side markers are
    Marker,
}

#[derive(Debug, Args)]
pub struct Cases {
    /// Name of the model
    #[arg(long)]
    pub model: String,
    #[command(flatten)]
    pub data: LabeledData,
    /// The table to write, a safetensors file
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Replace the table if it is there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Folder with models instead of those that come with the program
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
}
