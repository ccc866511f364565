use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::LabeledData;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Evaluate {
    #[command(subcommand)]
    pub verb: Option<EvaluateVerb>,
    #[command(flatten)]
    pub predictions: EvaluatePredictions,
}

#[derive(Debug, Subcommand)]
pub enum EvaluateVerb {
    /// Label maps against their truth: Dice, IoU, HD95, ASSD and NSD of every segment
    Masks(EvaluateMasks),
    /// Raters of the same cases: kappas, intraclass correlations, limits of agreement
    Raters(EvaluateRaters),
    /// Candidates against lesions: the free-response curve and its sensitivities
    Detections(EvaluateDetections),
    /// Generated texts against their references: BLEU, ROUGE, METEOR, CIDEr-D, variety
    Text(EvaluateText),
    /// Image, request and base rate as sources of a diagnosis: what each is worth alone and put together
    Fusion(EvaluateFusion),
    /// A report generator on the images that its recipe holds out: what its texts say, beside a classifier's labels
    Report(EvaluateReport),
    /// Labels read from reports against those that people gave: F1 of every label, micro and macro
    Labels(EvaluateLabels),
    /// A model on corrupted images: noise, blur, contrast, brightness, pixelation, JPEG, motion, in five severities
    Robustness(EvaluateRobustness),
    /// What classifiers without a network reach on the images that a recipe holds out, beside a model
    Baselines(EvaluateBaselines),
    /// Several models together, such as the seeds of a sweep, and several views of each image, beside each model alone
    Ensemble(EvaluateEnsemble),
    /// Two tables of numbers, without truth: Kolmogorov-Smirnov, population stability and mean discrepancy
    Drift(EvaluateDrift),
}

#[derive(Debug, Args)]
pub struct EvaluateEnsemble {
    /// Folder of a model, or one whose subfolders `seed-N` are models (an arm of a sweep); can be repeated
    #[arg(long, value_name = "DIR", required = true)]
    pub member: Vec<PathBuf>,
    #[command(flatten)]
    pub data: LabeledData,
    /// Show each image in other ways too and average the logits: `rotate=10,shift=0.05,scale=0.1`, degrees and shares of
    /// the side, each to both sides
    #[arg(long, value_name = "VIEWS")]
    pub views: Option<String>,
    /// Resamples behind the intervals
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    pub replicates: usize,
    /// Seed of the draws
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Folder for ensemble.json, ensemble.md and ensemble.csv (the mean's probabilities, for `wilhelm evaluate`)
    #[arg(long, value_name = "DIR", default_value = "wilhelm-ensemble")]
    pub out: PathBuf,
    /// Replace what is already there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct EvaluateDrift {
    /// Table with a row a case: predictions, radiomics or any other numbers, as they were
    pub reference: PathBuf,
    /// Table with such columns that is held against it
    pub current: PathBuf,
    /// Columns of numbers; otherwise all that both tables have
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Seed of the rows that are drawn for the discrepancy, and of its test
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Folder for evaluation.json, evaluation.md and evaluation.html
    #[arg(long, value_name = "DIR", default_value = "wilhelm-evaluation")]
    pub out: PathBuf,
    /// Replace what is already there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct EvaluateRaters {
    /// Table with a row a case and a column a rater
    pub ratings: PathBuf,
    /// The raters' columns, at least two
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', required = true)]
    pub raters: Vec<String>,
    /// What the ratings are; words are nominal and numbers with fractions interval where nothing is said
    #[arg(long, value_name = "SCALE")]
    pub scale: Option<Scale>,
    /// Grades from least to greatest, for an ordinal scale of words
    #[arg(long, value_name = "CLASSES", value_delimiter = ',')]
    pub order: Vec<String>,
    /// Coverage of the intervals
    #[arg(long, value_name = "SHARE", default_value_t = 0.95)]
    pub level: f64,
    /// Folder for evaluation.json, evaluation.md and evaluation.html
    #[arg(long, value_name = "DIR", default_value = "wilhelm-evaluation")]
    pub out: PathBuf,
    /// Replace what is already there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Scale {
    /// Classes without an order
    Nominal,
    /// Classes with an order, such as grades
    Ordinal,
    /// Measurements
    Interval,
}

#[derive(Debug, Args)]
pub struct EvaluateDetections {
    /// Table with a row a candidate: its image, x, y (and z) and a score
    pub candidates: PathBuf,
    /// Table with a row a lesion: its image, x, y (and z) and its diameter or radius
    #[arg(long, value_name = "FILE")]
    pub truth: PathBuf,
    /// Table that names every image that was looked at, also those without lesions
    #[arg(long, value_name = "FILE")]
    pub images: Option<PathBuf>,
    /// A candidate closer than this to a lesion's center hits it, in the tables' unit; otherwise its radius counts
    #[arg(long, value_name = "LENGTH")]
    pub distance: Option<f64>,
    /// False positives an image at which the sensitivity is read
    #[arg(long, value_name = "RATES", value_delimiter = ',', default_values_t = [0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0])]
    pub rates: Vec<f64>,
    /// Column of images; otherwise `image`, `case`, `seriesuid` or `file`
    #[arg(long, value_name = "COLUMN")]
    pub image: Option<String>,
    /// Column of scores; otherwise `score`, `probability` or `confidence`
    #[arg(long, value_name = "COLUMN")]
    pub score: Option<String>,
    /// Folder for evaluation.json, evaluation.md and evaluation.html
    #[arg(long, value_name = "DIR", default_value = "wilhelm-evaluation")]
    pub out: PathBuf,
    #[command(flatten)]
    pub intervals: Intervals,
    /// Replace what is already there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct EvaluateText {
    /// References: a table with an id and a text (an id again has another reference), JSON lines (.jsonl), or lines (.txt)
    #[arg(long, value_name = "FILE")]
    pub truth: PathBuf,
    /// The texts that are scored, one a case
    #[arg(long, value_name = "FILE")]
    pub written: PathBuf,
    /// Texts of another system on the same cases
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
    /// Column of ids; otherwise `id`, `image`, `case` or `file`
    #[arg(long, value_name = "COLUMN")]
    pub id: Option<String>,
    /// Column of texts; otherwise `text`, `report`, `findings` or `impression`
    #[arg(long, value_name = "COLUMN")]
    pub text: Option<String>,
    /// How texts are cut into words
    #[arg(long, value_name = "RULE", default_value = "report")]
    pub tokens: Tokens,
    /// ROUGE of words as they are, not of their stems
    #[arg(long)]
    pub no_stems: bool,
    /// Take the cases that both files have, instead of refusing those that one lacks
    #[arg(long)]
    pub partial: bool,
    /// Folder for evaluation.json, evaluation.md and evaluation.html
    #[arg(long, value_name = "DIR", default_value = "wilhelm-evaluation")]
    pub out: PathBuf,
    #[command(flatten)]
    pub intervals: Intervals,
    /// Replace what is already there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Tokens {
    /// Lower case, without punctuation at the ends of words
    Report,
    /// Lower-case letters and digits, all else parts words
    Alphanumeric,
    /// Of mteval-v13a, as sacrebleu
    Mteval13a,
    /// Between white space, for texts that were tokenized before
    Whitespace,
}

#[derive(Debug, Args)]
pub struct EvaluatePredictions {
    /// Table with a row a case: an id and a probability a label, as `predict` writes it
    #[arg(required = true)]
    pub predictions: Option<PathBuf>,
    /// Table with an id and the true label of each case, where the predictions do not hold it
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,
    /// Folder for evaluation.json, evaluation.md and evaluation.html
    #[arg(long, value_name = "DIR", default_value = "wilhelm-evaluation")]
    pub out: PathBuf,
    /// Predictions of another model on the same cases
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
    /// Table of earlier predictions, to see whether these have drifted away from them
    #[arg(long, value_name = "FILE")]
    pub reference: Option<PathBuf>,
    /// Column that parts the cases into groups; numbers by edges, as in `age:40,65`; can be repeated
    #[arg(long, value_name = "COLUMN")]
    pub group: Vec<String>,
    /// Column that says whose case it is: intervals then draw patients
    #[arg(long, value_name = "COLUMN")]
    pub patient: Option<String>,
    /// The label that is looked for
    #[arg(long, value_name = "LABEL")]
    pub positive: Option<String>,
    /// Choose the threshold that finds at least this share of positive cases
    #[arg(long, value_name = "SHARE", conflicts_with_all = ["cost_fp", "cost_fn", "operating_point"])]
    pub target_sensitivity: Option<f64>,
    /// Choose the threshold at which mistakes cost least: what a false alarm costs
    #[arg(long, value_name = "COST", requires = "cost_fn", conflicts_with = "operating_point")]
    pub cost_fp: Option<f64>,
    /// What a missed case costs
    #[arg(long, value_name = "COST", requires = "cost_fp", conflicts_with = "operating_point")]
    pub cost_fn: Option<f64>,
    /// A threshold that was chosen on other cases
    #[arg(long, value_name = "THRESHOLD", allow_negative_numbers = true)]
    pub operating_point: Option<f64>,
    /// Share of cases that are positive where the model is to be used
    #[arg(long, value_name = "SHARE")]
    pub prevalence: Option<f64>,
    /// Column of ids; otherwise `id`, `image`, `case` or `file`
    #[arg(long, value_name = "COLUMN")]
    pub id: Option<String>,
    /// Column of the true label; otherwise `label`, `truth` or `class`
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,
    /// Columns of probabilities, where they cannot be told by their names
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', conflicts_with = "score")]
    pub labels: Option<Vec<String>>,
    /// Column with a score that is no probability, such as a laboratory value
    #[arg(long, value_name = "COLUMN", requires = "positive")]
    pub score: Option<String>,
    /// Take the cases that both tables have, instead of refusing those that one lacks
    #[arg(long)]
    pub partial: bool,
    /// Groups with fewer cases are not measured
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub least_cases: usize,
    /// Bins of the reliability diagram
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    pub bins: usize,
    /// Measure what mending the probabilities by temperature, Platt's sigmoid or isotonic regression would be worth
    #[arg(long, conflicts_with = "score")]
    pub recalibrate: bool,
    /// Share of conformal sets that may lack the true label
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    pub miscoverage: f64,
    #[command(flatten)]
    pub intervals: Intervals,
    /// Replace what is already there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct EvaluateMasks {
    /// Label map, or a folder of them: NIfTI, NRRD, MetaImage or DICOM SEG
    pub predicted: PathBuf,
    /// Its truth, or a folder with files of the same names
    pub truth: PathBuf,
    /// Folder for evaluation.json, evaluation.md and evaluation.html
    #[arg(long, value_name = "DIR", default_value = "wilhelm-evaluation")]
    pub out: PathBuf,
    /// Distance within which a surface counts as met
    #[arg(long, value_name = "MM", default_value_t = 1.0)]
    pub tolerance: f64,
    /// Measure surfaces as patches with areas (DeepMind), not as border voxels (MONAI)
    #[arg(long)]
    pub patches: bool,
    /// Take the cases that both folders have, instead of refusing those that one lacks
    #[arg(long)]
    pub partial: bool,
    #[command(flatten)]
    pub intervals: Intervals,
    /// Replace what is already there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct EvaluateBaselines {
    /// The recipe, whose images to train on the baselines are fitted to
    #[arg(long, value_name = "FILE")]
    pub recipe: PathBuf,
    /// Folder with the data
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// The model beside them, trained by this recipe: its name, or its folder
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Folder with models instead of those that come with the program
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// Folder for baselines.json and the radiomics of the images
    #[arg(long, value_name = "DIR", default_value = "wilhelm-baselines")]
    pub out: PathBuf,
    /// Replace what is already there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct EvaluateRobustness {
    /// Name of the model
    #[arg(long)]
    pub model: String,
    #[command(flatten)]
    pub data: LabeledData,
    /// Folder for robustness.json, .csv, .md and .html
    #[arg(long, value_name = "DIR", default_value = "wilhelm-robustness")]
    pub out: PathBuf,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Resamples behind the intervals of the AUC
    #[arg(long, value_name = "NUMBER", default_value_t = 500)]
    pub replicates: usize,
    /// Folder with models instead of those that come with the program
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// Replace what is already there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// How intervals are made.
#[derive(Clone, Copy, Debug, Args)]
pub struct Intervals {
    /// Seed of everything random
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Resamples behind an interval
    #[arg(long, value_name = "NUMBER", default_value_t = 2000)]
    pub replicates: usize,
    /// Coverage of the intervals
    #[arg(long, value_name = "SHARE", default_value_t = 0.95)]
    pub level: f64,
}

#[derive(Debug, Args)]
pub struct EvaluateLabels {
    /// Labels that people gave: a column a label with 1, 0, -1 (in doubt) or nothing, as CheXpert's files have them
    #[arg(long, value_name = "FILE")]
    pub truth: PathBuf,
    /// The labels that are scored, as `wilhelm kb labels` prints them
    #[arg(long, value_name = "FILE")]
    pub written: PathBuf,
    /// What a label in doubt counts as
    #[arg(long, value_name = "AS", default_value = "present")]
    pub doubt: DoubtAs,
    /// Column of ids; otherwise `id`, `image`, `case`, `file` or `Reports`
    #[arg(long, value_name = "COLUMN")]
    pub id: Option<String>,
    /// Take the cases that both files have, instead of refusing those that one lacks
    #[arg(long)]
    pub partial: bool,
    #[command(flatten)]
    pub intervals: Intervals,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum DoubtAs {
    /// As there
    Present,
    /// As not there
    Absent,
    /// The label takes no part in that case
    LeftOut,
}

#[derive(Debug, Args)]
pub struct EvaluateReport {
    /// Folder of a generator, as `wilhelm train report` writes it
    pub model: PathBuf,
    /// Folder with the data that it was trained and measured on
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// How words are chosen
    #[arg(long, value_name = "BY", default_value = "greedy")]
    pub decoding: WordsBy,
    /// Folder for generated.csv, the texts
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub intervals: Intervals,
    /// Replace what is already there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum WordsBy {
    /// The likeliest word each time
    Greedy,
    /// The best text of a beam of three
    Beam,
    /// By chance among the likeliest words that together have 0.9 of the probability
    Nucleus,
}

#[derive(Debug, Args)]
pub struct EvaluateFusion {
    /// Tables with a row a case: an id, the request's text, and where there is one the image's probability
    #[arg(required = true)]
    pub cases: Vec<PathBuf>,
    /// Tables with an id and the truth of each case, where the cases' own do not hold it
    #[arg(long, value_name = "FILE")]
    pub truth: Vec<PathBuf>,
    /// Column of the truth: 1 is there, 0 or nothing is not, -1 (in doubt) leaves the case out
    #[arg(long, value_name = "COLUMN")]
    pub label: String,
    /// What is looked for is what the label denies, as "No Finding"
    #[arg(long)]
    pub inverted: bool,
    /// Column of the request's text
    #[arg(long, value_name = "COLUMN", default_value = "indication")]
    pub text: String,
    /// Column of ids
    #[arg(long, value_name = "COLUMN", default_value = "id")]
    pub id: String,
    /// Column of the image's calibrated probability
    #[arg(long, value_name = "COLUMN", conflicts_with = "simulate_image")]
    pub image: Option<String>,
    /// No image is there: draw its probabilities with this area under the curve, and say so
    #[arg(long, value_name = "AUC")]
    pub simulate_image: Option<f64>,
    /// Share of the simulated image's chance that is the text's: 0 is independent given the truth
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, requires = "simulate_image")]
    pub simulate_share: f64,
    /// Ask the table of signs of this finding, such as pneumonia
    #[arg(long, value_name = "KEY")]
    pub finding: Option<String>,
    /// Age in years of cases whose text states none, by which a table of signs is chosen
    #[arg(long, value_name = "YEARS")]
    pub age: Option<f64>,
    /// Parts of the cross-validation
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    pub folds: usize,
    /// Write the weights of image and signs, learned on all cases, for `fusion.weights_file`
    #[arg(long, value_name = "FILE", requires_all = ["image", "finding"])]
    pub weights: Option<PathBuf>,
    #[command(flatten)]
    pub intervals: Intervals,
    /// Replace a file of weights that is already there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
