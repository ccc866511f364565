//! The closed vocabulary: every word a sentence may use, and what it does.
//!
//! # Source
//! The certainty words follow Panicek and Hricak 2016, doi:10.2214/AJR.15.15895 (five grades from
//! "consistent with" to "unlikely").

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

use Certainty::{Indeterminate, Present, Probable, Unlikely};

/// Phrases and what they do; the longest that fits wins.
pub(crate) const PHRASES: &[(Cue, &[&str])] = &[
    (
        Cue::Neg,
        &[
            "no", "without", "negative for", "free of", "free from", "absence of", "lack of", "lacks", "lacking",
            "devoid of", "neither", "nothing to suggest", "nothing to indicate", "nothing suggestive of", "fails to show",
            "fail to show", "failed to show", "fails to demonstrate", "fails to reveal", "failed to demonstrate",
            "failed to reveal", "nothing that suggests", "nothing suggesting",
        ],
    ),
    (
        Cue::Not,
        &["not", "can not be", "could not be", "not to be", "can not", "could not"],
    ),
    (
        Cue::AbsentPredicate,
        &["absent", "ruled out", "excluded", "negative", "nonexistent", "not there", "not existent"],
    ),
    (
        Cue::Present,
        &[
            "present", "seen", "visible", "visualized", "identified", "noted", "demonstrated", "detected", "found",
            "evident", "apparent", "observed", "shown", "recognized", "appreciated", "discernible", "detectable",
            "depicted", "revealed", "positive for", "positive", "shows", "show", "showing", "demonstrates",
            "demonstrate", "demonstrating", "reveals", "reveal", "depicts", "depict", "contains", "contain", "indicates",
            "indicate", "indicating", "detects", "detect", "identifies", "identify", "finds", "find", "exists", "exist",
            "visualised", "recognised", "see", "sees", "presence of", "displays", "display", "exhibits", "exhibit",
            "discerned", "perceived", "can be seen", "can be identified", "can be detected", "can be demonstrated",
            "can be visualized", "can be appreciated", "can be found", "could be seen", "could be identified",
            "could be detected", "could be demonstrated", "could be visualized", "could be found", "demonstrable",
        ],
    ),
    (
        Cue::Weak,
        &[
            "consistent with", "in keeping with", "compatible with", "indicative of", "represents", "represent",
            "representing", "corresponds to", "correspond to", "corresponding to", "in line with", "fits with", "fit with", "points to", "point to",
        ],
    ),
    (Cue::Hedge(Present), &["definite", "definitely", "certain", "certainly"]),
    (
        Cue::Hedge(Probable),
        &[
            "probable", "probably", "likely", "presumably", "presumptive", "favored", "favors", "favor", "favoring",
            "favoured", "favours", "most likely", "most probably", "high probability", "high likelihood",
            "in all probability", "in all likelihood", "high suspicion", "presumed",
        ],
    ),
    (
        Cue::Soft(Probable),
        &[
            "suggestive of", "suggests", "suggest", "suggesting", "suspicious for", "suggestive", "suspicious of",
            "concerning for",
        ],
    ),
    (
        Cue::Hedge(Indeterminate),
        &[
            "possible", "possibly", "may", "might", "could", "perhaps", "maybe", "indeterminate", "uncertain", "equivocal",
            "inconclusive", "undetermined", "undecided", "unclear", "questionable", "not certain", "not conclusive",
            "possibility of", "a possibility", "raises the possibility of", "raise the possibility of",
            "intermediate probability", "intermediate likelihood", "moderate probability",
            "can not be excluded", "could not be excluded", "can not be ruled out", "could not be ruled out",
            "not excluded", "not ruled out", "can not exclude", "can not rule out", "does not exclude",
            "neither confirmed nor excluded", "neither confirmed nor ruled out", "neither excluded nor confirmed",
            "neither be confirmed nor excluded", "neither be confirmed nor ruled out", "neither be excluded nor confirmed",
            "neither be ruled in nor ruled out", "neither be diagnosed nor excluded", "not confirmed or excluded",
            "can not be confirmed or excluded", "can not be confirmed or ruled out", "not be confirmed or excluded",
            "can not be confirmed nor excluded", "can not confirm or exclude", "can not confirm or rule out",
            "can be neither confirmed nor excluded", "can be neither confirmed nor ruled out",
            "can neither be confirmed nor excluded", "can neither be confirmed nor ruled out",
            "neither confirms nor excludes", "neither proves nor excludes", "neither established nor excluded",
            "neither confirm nor exclude", "neither confirms nor rules out", "neither confirm nor rule out",
            "not possible to confirm or exclude", "not be decided", "can not be decided", "not possible to say whether",
            "can not be determined", "can not be determined whether", "not determined", "remains open", "is open", "remains possible", "remains uncertain", "remains indeterminate",
            "remains a possibility", "remains equivocal", "remains unclear",
            "non diagnostic for", "nondiagnostic for", "does not settle whether", "can not settle whether",
            "can not be settled", "may or may not be", "might or might not be", "undecided whether", "uncertain whether",
            "unclear whether", "open whether", "uncertainty about", "whether or not",
        ],
    ),
    (
        Cue::Hedge(Unlikely),
        &[
            "unlikely", "improbable", "doubtful", "less likely", "low probability", "low likelihood", "not likely",
            "not probable", "low suspicion", "small likelihood", "little likelihood", "improbably", "not thought likely",
            "not considered likely", "not felt to be likely", "not thought to be likely", "not favored", "disfavored",
        ],
    ),
    (
        Cue::Side(Laterality::Left),
        &["left", "left sided", "on the left side", "left hand side"],
    ),
    (Cue::Side(Laterality::Right), &["right", "right sided", "on the right side", "right hand side"]),
    (
        Cue::Side(Laterality::Bilateral),
        &["bilateral", "bilaterally", "both", "both sides", "on both sides", "left and right", "right and left"],
    ),
    (Cue::EitherSide, &["either"]),
    (
        Cue::Probability,
        &["probability", "probabilities", "likelihood", "chance", "probability of", "probability for", "likelihood of"],
    ),
    (Cue::ProbabilityOfNo, &["probability of no", "likelihood of no", "probability for no", "chance of no"]),
    (
        Cue::Interval,
        &["interval", "confidence interval", "ci", "confidence limits", "uncertainty interval", "range"],
    ),
    (Cue::Percent, &["percent", "per cent", "pct"]),
    (Cue::To, &["to"]),
    (Cue::Less, &["less than", "below", "under", "fewer than"]),
    (Cue::More, &["more than", "above", "over", "greater than", "greater", "exceeding"]),
    (Cue::And, &["and", "as well as", "and also", "plus"]),
    (Cue::Or, &["or"]),
    (Cue::Nor, &["nor"]),
    (Cue::But, &["but", "while", "whereas", "although", "though", "however"] ),
    (Cue::With, &["with", "together with"]),
    (Cue::Pronoun, &["it", "its", "this", "which", "that", "this finding", "the finding"]),
    (
        Cue::Plain,
        &[
            "a", "an", "the", "this", "these", "there", "here", "is", "are", "was", "were", "be", "been", "being", "has",
            "have", "does", "do", "did", "of", "in", "on", "at", "for", "by", "as", "within", "image", "images", "study",
            "examination", "exam", "picture", "view", "projection", "current", "submitted", "supplied",
            "diagnosis", "patient", "side", "sides", "sided", "imaging",
            "radiologic", "radiological", "radiologically", "i", "we", "measuring",
            "measures", "measured", "measure", "size", "sized", "across", "dimension", "therefore", "overall",
            "conclusion", "impression", "summary", "case", "about", "between", "from",
            "having", "any", "also", "approximately", "ranging", "ranges", "type", "which makes it", "making it",
        ],
    ),
    (
        Cue::Bridge,
        &[
            "evidence", "sign", "signs", "feature", "features", "finding", "findings",
            "appearance", "appearances",
        ],
    ),
    (
        Cue::NegBridge,
        &[
            "suggestion", "suspicion", "hint", "trace of", "indication", "indications", "manifestation", "manifestations",
            "suspicion for",
        ],
    ),
    (Cue::Seem, &["appears", "appear", "appearing", "seems", "seem", "looks", "look"]),
    (Cue::Low, &["low", "small"]),
    (Cue::High, &["high"]),
    (
        Cue::Speaker,
        &[
            "model", "network", "algorithm", "software", "classifier", "system", "analysis", "assessment", "reading",
            "interpretation", "result", "results", "estimate", "estimates", "estimated", "calculated", "computed",
            "calibrated", "output", "automated", "automatic", "according", "reported", "read", "classified", "rated",
            "assessed", "predicted", "calculates", "gives", "reads", "program", "confidence", "answer", "decision",
            "value", "score", "puts", "considered", "thought", "felt", "judged", "deemed", "regarded", "believed",
            "diagnosed", "located", "stated", "quoted", "assigned", "given", "stands", "put", "carries", "visually", "lies",
            "amounts", "equals", "assigns",
        ],
    ),
];

/// Words licensed by the modality of the examination.
pub(crate) fn modality_words(modality: Option<&Modality>) -> &'static [&'static str] {
    match modality {
        Some(Modality::Cr | Modality::Dx) => &[
            "radiograph", "radiographs", "radiographic", "radiographically", "x ray", "x rays", "xray", "film", "plain film",
            "radiography", "plain radiograph",
        ],
        Some(Modality::Us) => &[
            "ultrasound", "sonogram", "sonography", "sonographic", "sonographically", "ultrasonography", "us", "scan",
            "ultrasonographic", "ultrasonic",
        ],
        Some(Modality::Ct) => &["ct", "computed tomography", "scan", "tomographic", "tomogram"],
        Some(Modality::Mr) => {
            &["mr", "mri", "magnetic resonance", "magnetic resonance imaging", "scan", "mr imaging", "mr scan"]
        }
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
];

/// Why a word that is not in the vocabulary is refused.
pub(crate) fn refusal(word: &str) -> String {
    let base = super::name::base(word).0;
    let any = |list: &[&str]| list.contains(&word) || list.contains(&base.as_str());
    if any(PATHOLOGY) {
        format!("names \"{word}\", which is no finding of this report")
    } else if any(ANATOMY) {
        format!("adds the place \"{word}\", which no finding of this report states")
    } else if any(SEVERITY) {
        format!("adds \"{word}\", a degree that no finding of this report states")
    } else if any(CHANGE) {
        format!("speaks of change (\"{word}\"), and nothing was compared")
    } else if any(HISTORY) {
        format!("speaks of the patient's history or symptoms (\"{word}\"), which the image does not show")
    } else if any(OTHERS) {
        format!("speaks of someone else (\"{word}\")")
    } else if any(DEVICES) {
        format!("names the device \"{word}\", which is no finding of this report")
    } else if any(ADVICE) {
        format!("adds advice (\"{word}\") that no rule of this report gives")
    } else if any(EMPHASIS) {
        format!("changes how sure the statement is (\"{word}\")")
    } else if any(CONDITION) {
        format!("makes the statement depend on something (\"{word}\")")
    } else {
        format!("the word \"{word}\" is not accounted for")
    }
}

const PATHOLOGY: &[&str] = &[
    "abnormality", "abnormal", "abscess", "adenocarcinoma", "adenoma", "adenopathy", "airspace", "aneurysm", "angioma",
    "appendicitis", "arthritis", "ascites", "aspiration", "asthma", "astrocytoma", "atelectasis", "atrophy", "bleed",
    "bleeding", "bronchiectasis", "bronchitis", "bulla", "calcification", "calculus", "cancer", "carcinoma",
    "cardiomegaly", "cavitation", "cavity", "cholecystitis", "cirrhosis", "collapse", "collection", "congestion",
    "consolidation", "contusion", "covid", "cyst", "deformity", "degeneration", "demyelination", "dilatation",
    "dilation", "disease", "dislocation", "dissection", "diverticulitis", "diverticulum", "edema", "effusion",
    "embolism", "embolus", "emphysema", "empyema", "encephalitis", "enlargement", "enhancement", "fibroadenoma",
    "fibrosis", "fluid", "fracture", "gallstone", "glioblastoma", "glioma", "goiter", "granuloma", "hamartoma",
    "hemangioma", "hematoma", "hemorrhage", "hernia", "herniation", "hydrocephalus", "hydronephrosis", "hyperplasia",
    "hypertrophy", "infarct", "infarction", "infection", "infiltrate", "inflammation", "injury", "invasion", "ischemia",
    "lesion", "leukemia", "lipoma", "lymphadenopathy", "lymphoma", "malignancy", "malignant", "benign", "mass",
    "mastitis", "melanoma", "meningioma", "meningitis", "metastasis", "metastatic", "myeloma", "necrosis", "neoplasm",
    "nephritis", "nodule", "obstruction", "opacification", "opacity", "osteoarthritis", "osteomyelitis", "osteoporosis",
    "pancreatitis", "perforation", "pneumomediastinum", "pneumonia", "pneumonitis", "pneumothorax", "polyp",
    "prolapse", "rupture", "sarcoidosis", "sarcoma", "schwannoma", "sclerosis", "scoliosis", "sepsis", "sinusitis",
    "spondylosis", "stenosis", "stone", "stroke", "swelling", "tear", "thickening", "thrombosis", "thrombus",
    "tuberculosis", "tumor", "ulcer", "vasculitis", "viral", "bacterial", "fungal", "shadowing", "normal",
    "unremarkable", "clear", "healthy", "cystic", "solid", "spiculated", "infected",
];
const ANATOMY: &[&str] = &[
    "abdomen", "abdominal", "adrenal", "anterior", "aorta", "aortic", "apex", "apical", "arm", "artery", "axilla",
    "axillary", "base", "basal", "basilar", "bladder", "bone", "bowel", "brain", "brainstem", "breast", "bronchus",
    "cardiac", "central", "cerebellar", "cerebellum", "cerebral", "cervical", "chest", "colon", "cortex", "cortical",
    "costophrenic", "diaphragm", "distal", "duct", "esophagus", "femur", "frontal", "gallbladder", "gland", "head",
    "heart", "hemisphere", "hemithorax", "hepatic", "hilar", "hilum", "hip", "humerus", "inferior", "intracranial",
    "joint", "kidney", "knee", "lateral", "leg", "liver", "lobe", "lobar", "lower", "lumbar", "lung", "lymph", "medial",
    "mediastinal", "mediastinum", "middle", "muscle", "neck", "nipple", "node", "occipital", "ovary", "pancreas",
    "paracardiac", "parietal", "pelvis", "perihilar", "peripheral", "pituitary", "pleura", "pleural", "posterior",
    "prostate", "proximal", "pulmonary", "quadrant", "quarter", "renal", "retroareolar", "rib", "sella", "sellar",
    "shoulder", "sinus", "skin", "skull", "spine", "spinal", "spleen", "stomach", "superior", "suprasellar", "temporal",
    "thoracic", "thorax", "thyroid", "trachea", "upper", "ureter", "uterus", "vein", "ventricle", "vertebra", "zone",
    "ipsilateral", "contralateral", "unilateral", "opposite", "midline", "lobule", "segment", "field",
];
const SEVERITY: &[&str] = &[
    "acute", "advanced", "aggressive", "big", "chronic", "considerable", "critical", "diffuse", "early", "enormous",
    "extensive", "focal", "giant", "gross", "huge", "large", "localized", "marked", "massive", "mild", "mildly",
    "minimal", "minor", "moderate", "moderately", "multifocal", "multiple", "numerous", "patchy", "profound", "pronounced",
    "scattered", "serious", "severe", "severely", "significant", "slight", "small", "subacute", "subtle", "tiny",
    "trace", "several", "solitary", "single", "many", "few", "widespread", "complicated", "urgent", "fatal", "grade",
    "stage",
];
const CHANGE: &[&str] = &[
    "again", "another", "change", "changed", "decrease", "decreased", "decreasing", "developed", "developing", "enlarged",
    "enlarging", "grown", "grew", "growing", "healed", "improved", "improvement", "improving", "increase", "increased",
    "increasing", "interval", "longer", "new", "newly", "old", "persistent", "persists", "progressed", "progression",
    "progressive", "reappeared", "recurred", "recurrence", "recurrent", "reduced", "regressed", "regression", "resolved",
    "resolving", "resolution", "shrunk", "since", "stable", "still", "unchanged", "worse", "worsened", "worsening",
    "cleared", "disappeared", "evolving", "residual", "remaining", "compared", "comparison",
];
const HISTORY: &[&str] = &[
    "ago", "before", "complains", "cough", "coughing", "days", "denied", "denies", "diabetes", "dyspnea", "earlier",
    "episode", "fever", "had", "history", "hypertension", "known", "last", "month", "months", "operated", "pain",
    "past", "post", "presented", "presents", "previous", "previously", "prior", "reports", "smoker", "smoking", "status",
    "surgery", "surgical", "symptom", "symptoms", "trauma", "underwent", "week", "weeks", "year", "years", "yesterday",
    "recent", "recently", "treated", "age", "aged",
];
const OTHERS: &[&str] = &[
    "brother", "daughter", "families", "family", "familial", "father", "husband", "maternal", "mother", "paternal",
    "sibling", "sister", "son", "wife", "child", "infant", "neighbor", "donor", "another",
];
const DEVICES: &[&str] = &[
    "cable", "cannula", "catheter", "clip", "coil", "device", "drain", "electrode", "graft", "implant", "lead", "line",
    "pacemaker", "picc", "plate", "port", "prosthesis", "screw", "shunt", "stent", "suture", "tube", "valve", "wire",
];
const ADVICE: &[&str] = &[
    "admit", "advise", "advised", "antibiotic", "antibiotics", "biopsy", "consider", "consult", "consultation",
    "correlate", "correlation", "discharge", "emergency", "followup", "follow", "hospital", "immediate", "immediately",
    "mammography", "must", "need", "needed", "needs", "operate", "prescribe", "recommend", "recommended", "refer",
    "referral", "repeat", "resection", "should", "start", "suggested", "surgeon", "therapy", "treat", "treatment",
    "urgently", "warranted", "workup", "require", "required", "requires", "exclude", "rule", "ignore",
];
const EMPHASIS: &[&str] = &[
    "absolutely", "almost", "barely", "clearly", "completely", "confirm", "confirmed", "confirms", "convincing",
    "convincingly", "entirely", "extremely", "fairly", "frank", "hardly", "highly", "impossible", "indeed", "mostly",
    "nearly", "obvious", "obviously", "partially", "partly", "proven", "quite", "rather", "scarcely", "somewhat",
    "strongly", "surely", "suspect", "suspected", "totally", "truly", "undeniable", "undoubtedly", "unequivocal",
    "unequivocally", "unmistakable", "very", "virtually", "weakly", "classic", "typical", "doubt", "really", "simply",
    "just", "only", "reliably", "safely", "proves", "sure", "guaranteed",
];
const CONDITION: &[&str] = &[
    "apart", "assuming", "because", "besides", "caused", "causing", "despite", "due", "except", "if", "instead", "other",
    "otherwise", "provided", "risk", "secondary", "than", "unless", "until", "when", "would", "predisposes", "after",
    "during", "else", "next", "than", "more", "most", "less",
];
