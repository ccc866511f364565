//! The closed vocabulary: every word a sentence may use, and what it does.
//!
//! # Source
//! The certainty words follow Panicek and Hricak 2016, doi:10.2214/AJR.15.15895 (five grades from
//! "consistent with" to "unlikely").

mod phrases;
mod refused;

pub(crate) use phrases::PHRASES;
pub(crate) use refused::refusal;
use wilhelm_study::{Certainty, Laterality, Modality};

/// What a word or phrase does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cue {
    /// Denies the name that follows: `no`, `without`.
    Neg,
    /// Denies the verb or name that follows: `not`.
    Not,
    /// Denies the name before it: `absent`.
    AbsentPredicate,
    /// Asserts: `seen`.
    Present,
    /// Asserts unless a grade says otherwise: `consistent with`.
    Weak,
    /// A grade of certainty.
    Hedge(Certainty),
    /// A grade that another grade overrides: `suggestive of`.
    Soft(Certainty),
    /// A side.
    Side(Laterality),
    /// `either lung`.
    EitherSide,
    /// `probability`.
    Probability,
    /// `probability of no`.
    ProbabilityOfNo,
    /// `interval`.
    Interval,
    /// `percent`.
    Percent,
    /// `to` between numbers; else nothing.
    To,
    /// `less than`.
    Less,
    /// `more than`.
    More,
    /// `and`.
    And,
    /// `or`.
    Or,
    /// `nor`.
    Nor,
    /// `but`.
    But,
    /// `with`.
    With,
    /// Stands for the finding before: `it`.
    Pronoun,
    /// Nothing.
    Plain,
    /// Nothing, and may stand between `no` and a name: `evidence`.
    Bridge,
    /// May stand between `no` and a name, and only there: `suspicion of`.
    NegBridge,
    /// Softens: needs a grade beside it.
    Seem,
    /// A low probability, where probability is spoken of.
    Low,
    /// A high probability, where probability is spoken of.
    High,
    /// Names who speaks; cannot assert anything alone.
    Speaker,
}

/// Words licensed by the modality of the examination.
pub(crate) fn modality_words(modality: Option<&Modality>) -> &'static [&'static str] {
    match modality {
        Some(Modality::Cr | Modality::Dx) => &[
            "radiograph",
            "radiographs",
            "radiographic",
            "radiographically",
            "x ray",
            "x rays",
            "xray",
            "film",
            "plain film",
            "radiography",
            "plain radiograph",
        ],
        Some(Modality::Us) => &[
            "ultrasound",
            "sonogram",
            "sonography",
            "sonographic",
            "sonographically",
            "ultrasonography",
            "us",
            "scan",
            "ultrasonographic",
            "ultrasonic",
        ],
        Some(Modality::Ct) => &["ct", "computed tomography", "scan", "slice", "tomographic", "tomogram"],
        Some(Modality::Mr) => &[
            "mr",
            "mri",
            "magnetic resonance",
            "magnetic resonance imaging",
            "scan",
            "slice",
            "mr imaging",
            "mr scan",
        ],
        Some(Modality::Pt) => &["pet", "positron emission tomography", "scan"],
        _ => &[],
    }
}

/// Words for the place a body part or a name of a finding already states.
pub(crate) fn place_words(word: &str) -> &'static [&'static str] {
    match word {
        "chest" | "thorax" => &["chest", "thorax", "thoracic"],
        "pneumonia" | "pulmonary" | "lung" => &["lung", "lungs", "pulmonary"],
        "pleural" => &["pleura", "pleural"],
        "pneumothorax" => &["lung", "lungs", "pleural"],
        "brain" | "head" => &["brain", "intracranial", "head", "cranial", "cerebral"],
        "glioma" | "meningioma" => &["brain", "intracranial"],
        "pituitary" => &["pituitary", "intracranial"],
        "breast" => &["breast", "breasts", "mammary"],
        "renal" | "kidney" => &["kidney", "kidneys", "renal"],
        "hydronephrosis" => &["kidney", "kidneys"],
        "hepatic" | "liver" => &["liver", "hepatic"],
        "adrenal" => &["adrenal", "gland"],
        "splenic" | "spleen" => &["spleen", "splenic"],
        "thyroid" => &["thyroid", "gland"],
        "abdomen" => &["abdomen", "abdominal"],
        "pelvis" => &["pelvis", "pelvic"],
        "hand" => &["hand"],
        _ => &[],
    }
}

/// Words that say which of several measurements is meant; one row are synonyms.
pub(crate) const ROLES: &[&[&str]] = &[
    &["greatest", "largest", "maximum", "maximal", "longest", "max"],
    &["smallest", "minimum", "minimal", "shortest", "least"],
    &["mean", "average"],
    &["median"],
    &["diameter"],
    &["radius"],
    &["volume"],
    &["attenuation", "density"],
    &["length"],
    &["width"],
    &["height"],
    &["thickness"],
    &["depth"],
    &["area"],
    &["circumference"],
    &["short"],
    &["long"],
    &["axis"],
    &["count", "number"],
];
