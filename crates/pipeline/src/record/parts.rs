use serde::{Deserialize, Serialize};

/// The parts of a record, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Why the patient came.
    ChiefComplaint,
    /// How it came about.
    History,
    /// Earlier diseases and operations.
    Past,
    /// What is taken.
    Medications,
    /// What is not borne.
    Allergies,
    /// Diseases of relatives.
    Family,
    /// Work, home, habits.
    Social,
    /// What was seen and felt.
    Examination,
    /// What was measured and pictured.
    Results,
    /// What is thought of it.
    Assessment,
    /// What is to be done.
    Plan,
    /// What reads like an instruction to a program: quoted, and part of nothing.
    Unplaced,
}

impl Part {
    /// All that a record should have, in order.
    pub const ALL: [Self; 11] = [
        Self::ChiefComplaint,
        Self::History,
        Self::Past,
        Self::Medications,
        Self::Allergies,
        Self::Family,
        Self::Social,
        Self::Examination,
        Self::Results,
        Self::Assessment,
        Self::Plan,
    ];

    /// The heading as printed.
    pub const fn title(self) -> &'static str {
        match self {
            Self::ChiefComplaint => "Chief complaint",
            Self::History => "History of present illness",
            Self::Past => "Past history",
            Self::Medications => "Medications",
            Self::Allergies => "Allergies",
            Self::Family => "Family history",
            Self::Social => "Social history",
            Self::Examination => "Examination",
            Self::Results => "Results",
            Self::Assessment => "Assessment",
            Self::Plan => "Plan",
            Self::Unplaced => "Addressed to programs",
        }
    }

    /// The part that a heading opens: "PMH", "Impression".
    pub(super) fn of_heading(heading: &str) -> Option<Self> {
        let heading = heading.trim().to_lowercase();
        HEADINGS.iter().find(|(_, names)| names.contains(&heading.as_str())).map(|(part, _)| *part)
    }

    /// The part that the first words of a sentence announce without a colon: "imp low risk", "bp 150/90".
    pub(super) fn of_beginning(sentence: &str) -> Option<Self> {
        let lower = sentence.to_lowercase();
        BEGINNINGS.iter().find_map(|(part, beginnings)| {
            let begins = |beginning: &&&str| {
                lower.strip_prefix(**beginning).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
            };
            beginnings.iter().find(begins).map(|_| *part)
        })
    }
}

const HEADINGS: [(Part, &[&str]); 11] = [
    (
        Part::ChiefComplaint,
        &[
            "chief complaint",
            "cc",
            "presenting complaint",
            "reason for visit",
            "reason for admission",
            "complaint",
            "indication",
            "clinical information",
        ],
    ),
    (
        Part::History,
        &[
            "history",
            "history of present illness",
            "hpi",
            "hopi",
            "present illness",
            "subjective",
            "clinical history",
            "course",
            "hospital course",
            "interval history",
            "history of presenting complaint",
        ],
    ),
    (
        Part::Past,
        &[
            "past history",
            "past medical history",
            "pmh",
            "pmhx",
            "past surgical history",
            "psh",
            "medical history",
            "surgical history",
            "comorbidities",
            "problems",
            "problem list",
        ],
    ),
    (
        Part::Medications,
        &[
            "medications",
            "medication",
            "meds",
            "current medications",
            "home medications",
            "drugs",
            "rx",
            "discharge medications",
        ],
    ),
    (Part::Allergies, &["allergies", "allergy", "nkda"]),
    (Part::Family, &["family history", "fh", "fhx"]),
    (Part::Social, &["social history", "sh", "shx", "social"]),
    (
        Part::Examination,
        &[
            "examination",
            "physical examination",
            "physical exam",
            "exam",
            "pe",
            "o/e",
            "objective",
            "vitals",
            "vital signs",
            "status",
        ],
    ),
    (
        Part::Results,
        &[
            "results",
            "labs",
            "laboratory",
            "laboratory results",
            "imaging",
            "radiology",
            "findings",
            "investigations",
            "studies",
            "data",
            "ecg",
            "ekg",
            "echo",
            "ct",
            "mri",
            "mr",
            "chest x-ray",
            "cxr",
            "x-ray",
            "ultrasound",
            "pathology",
            "microbiology",
            "technique",
            "comparison",
        ],
    ),
    (
        Part::Assessment,
        &[
            "assessment",
            "impression",
            "imp",
            "diagnosis",
            "diagnoses",
            "conclusion",
            "a",
            "dx",
            "opinion",
            "discharge diagnosis",
            "final diagnosis",
        ],
    ),
    (
        Part::Plan,
        &[
            "plan",
            "recommendation",
            "recommendations",
            "p",
            "follow-up",
            "follow up",
            "disposition",
            "treatment",
            "instructions",
            "assessment and plan",
            "a/p",
        ],
    ),
];

const BEGINNINGS: [(Part, &[&str]); 9] = [
    (Part::ChiefComplaint, &["c/o", "complains of", "presents with", "presented with", "came in with", "cc"]),
    (
        Part::Allergies,
        &["allergic to", "allergies", "allergy", "nkda", "no known drug allergies", "no known allergies"],
    ),
    (
        Part::Family,
        &[
            "mother",
            "father",
            "brother",
            "sister",
            "family history",
            "fhx",
            "parents",
            "grandmother",
            "grandfather",
        ],
    ),
    (
        Part::Social,
        &[
            "smokes",
            "smoker",
            "nonsmoker",
            "non-smoker",
            "ex-smoker",
            "drinks",
            "lives",
            "works",
            "retired",
            "alcohol",
            "never smoked",
        ],
    ),
    (
        Part::Past,
        &[
            "pmh",
            "pmhx",
            "hx",
            "h/o",
            "hx of",
            "history of",
            "past medical history",
            "known",
            "s/p",
            "status post",
        ],
    ),
    (
        Part::Medications,
        &["takes", "meds", "on metformin", "current medications", "home meds", "medications", "taking"],
    ),
    (
        Part::Examination,
        &[
            "o/e",
            "on examination",
            "exam",
            "bp",
            "hr",
            "rr",
            "temp",
            "spo2",
            "sats",
            "afebrile",
            "lungs",
            "heart sounds",
            "abdomen soft",
            "abdomen is",
            "chest clear",
            "pupils",
            "alert",
            "vitals",
            "gcs",
            "neuro",
            "heart",
            "weight",
            "blood pressure",
            "heart rate",
            "pulse",
            "temperature",
        ],
    ),
    (
        Part::Assessment,
        &[
            "imp",
            "impression",
            "assessment",
            "dx",
            "diagnosis",
            "likely",
            "most likely",
            "suspected",
            "consistent with",
            "conclusion",
        ],
    ),
    (
        Part::Plan,
        &[
            "plan",
            "follow up",
            "follow-up",
            "f/u",
            "start",
            "continue",
            "stop",
            "admit",
            "discharge",
            "refer",
            "repeat",
            "recommend",
            "will",
            "return",
            "advise",
            "order",
            "consult",
        ],
    ),
];

/// Beginnings of results: kept apart since they are many and short.
pub(super) const RESULTS: [&str; 40] = [
    "ct",
    "mri",
    "mr",
    "cxr",
    "x-ray",
    "xray",
    "ecg",
    "ekg",
    "echo",
    "trop",
    "troponin",
    "wbc",
    "hb",
    "hgb",
    "crp",
    "creatinine",
    "na",
    "k",
    "platelets",
    "d-dimer",
    "lactate",
    "labs",
    "ultrasound",
    "us",
    "pet",
    "chest x-ray",
    "chest radiograph",
    "urine",
    "urinalysis",
    "blood culture",
    "cultures",
    "glucose",
    "hba1c",
    "inr",
    "biopsy",
    "histology",
    "hemoglobin",
    "sodium",
    "potassium",
    "bnp",
];

/// Words at the beginning of a sentence that only announce its part.
const ANNOUNCING: [&str; 18] = [
    "allergies",
    "assessment",
    "cc",
    "conclusion",
    "current medications",
    "diagnosis",
    "dx",
    "family history",
    "fhx",
    "home meds",
    "imp",
    "impression",
    "medications",
    "meds",
    "past medical history",
    "plan",
    "pmh",
    "pmhx",
];

/// Words behind an announcement that make it the subject of its sentence: "plan was discussed".
const SUBJECT_OF: [&str; 37] = [
    "and",
    "are",
    "as",
    "at",
    "by",
    "changed",
    "continued",
    "discussed",
    "for",
    "given",
    "had",
    "has",
    "have",
    "in",
    "include",
    "includes",
    "including",
    "is",
    "made",
    "none",
    "not",
    "noted",
    "of",
    "on",
    "or",
    "per",
    "remain",
    "remains",
    "reviewed",
    "same",
    "stopped",
    "that",
    "to",
    "unchanged",
    "was",
    "were",
    "with",
];

/// Bytes of the words that only announce a part, with the space behind them; 0 where a sentence begins with none.
pub(super) fn announcement(sentence: &str) -> usize {
    let announced = ANNOUNCING.iter().filter_map(|words| {
        let begins = sentence.get(..words.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(words));
        let rest = sentence.get(words.len()..).filter(|_| begins)?;
        let behind = rest.trim_start();
        let word = behind.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_lowercase();
        let says = rest.len() > behind.len() && !word.is_empty() && !SUBJECT_OF.contains(&word.as_str());
        says.then(|| sentence.len() - behind.len())
    });
    announced.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_only_announce_a_part_are_told_from_subjects() {
        let check = |sentence: &str, rest: &str| assert_eq!(&sentence[announcement(sentence)..], rest);
        check("meds metformin 500 mg", "metformin 500 mg");
        check("Home meds  aspirin", "aspirin");
        check("IMP angina, low risk", "angina, low risk");
        check("Plan CT", "CT");
        for whole in
            ["Plan is to repeat CT", "Meds unchanged", "Impressive rash", "plan", "Plan: CT", "médecin"]
        {
            check(whole, whole);
        }
    }
}
