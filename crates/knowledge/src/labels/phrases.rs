use std::ops::Range;

use super::Observation;

/// Phrases of edema that the CheXpert labeler's last rules always put in doubt.
pub(super) const DOUBTFUL: [&str; 4] =
    ["indistinctness", "pulmonary congestion", "vascular congestion", "vascular prominence"];

/// Words of heart and mediastinum of which "stable" says nothing.
pub(super) const HEARTS: [&str; 8] =
    ["cardiomediastin", "configuration", "contour", "heart", "mediastin", "shadow", "silhouette", "size"];

/// Phrases of the heart that are a mention over the heart too ("a nodule over the heart" speaks of a nodule, but
/// "cardiomegaly" is one wherever it stands).
const ALWAYS: [&str; 2] = ["cardiomegaly", "cardiac enlargement"];

/// Of each observation its phrases, and those around which a phrase is no mention.
pub(super) struct Phrases(Vec<(Observation, Vec<String>, Vec<String>)>);

macro_rules! list {
    ($file:literal) => {
        include_str!(concat!("../../data/chexpert/phrases/", $file, ".txt"))
    };
}

impl Phrases {
    /// The lists of the CheXpert labeler.
    pub(super) fn built_in() -> Self {
        use Observation::{
            Atelectasis, Cardiomegaly, Consolidation, Edema, EnlargedCardiomediastinum, Fracture, LungLesion,
            LungOpacity, NoFinding, PleuralEffusion, PleuralOther, Pneumonia, Pneumothorax, SupportDevices,
        };
        let lists = [
            (NoFinding, list!("mention/no_finding"), ""),
            (EnlargedCardiomediastinum, list!("mention/enlarged_cardiomediastinum"), ""),
            (Cardiomegaly, list!("mention/cardiomegaly"), ""),
            (LungLesion, list!("mention/lung_lesion"), list!("unmention/lung_lesion")),
            (LungOpacity, list!("mention/lung_opacity"), list!("unmention/lung_opacity")),
            (Edema, list!("mention/edema"), ""),
            (Consolidation, list!("mention/consolidation"), ""),
            (Pneumonia, list!("mention/pneumonia"), ""),
            (Atelectasis, list!("mention/atelectasis"), ""),
            (Pneumothorax, list!("mention/pneumothorax"), ""),
            (PleuralEffusion, list!("mention/pleural_effusion"), list!("unmention/pleural_effusion")),
            (PleuralOther, list!("mention/pleural_other"), ""),
            (Fracture, list!("mention/fracture"), ""),
            (SupportDevices, list!("mention/support_devices"), ""),
        ];
        let read = |list: &str| -> Vec<String> {
            let lines = list.lines().map(str::trim).filter(|line| !line.is_empty());
            lines.map(|line| line.replace('_', " ")).collect()
        };
        Self(
            lists
                .into_iter()
                .map(|(observation, mention, unmention)| {
                    let mention = read(mention);
                    let unmention = match observation {
                        Cardiomegaly | EnlargedCardiomediastinum => places(observation, &mention),
                        _ => read(unmention),
                    };
                    (observation, mention, unmention)
                })
                .collect(),
        )
    }

    /// Every mention in a sentence: of what, the phrase as the list has it, and its bytes without the space around it.
    pub(super) fn find<'a>(&'a self, sentence: &str) -> Vec<(Observation, &'a str, Range<usize>)> {
        let mut found = Vec::new();
        for (observation, mention, unmention) in &self.0 {
            let not: Vec<Range<usize>> = unmention.iter().flat_map(|phrase| of(sentence, phrase)).collect();
            for phrase in mention {
                for at in of(sentence, phrase) {
                    if not.iter().all(|not| at.start >= not.end || at.end <= not.start) {
                        let trimmed = phrase.trim_start();
                        let start = at.start + (phrase.len() - trimmed.len());
                        found.push((*observation, phrase.as_str(), start..start + trimmed.trim_end().len()));
                    }
                }
            }
        }
        found
    }
}

fn of(sentence: &str, phrase: &str) -> Vec<Range<usize>> {
    sentence.match_indices(phrase).map(|(start, found)| start..start + found.len()).collect()
}

/// What only says where something else lies: "over the left heart".
fn places(observation: Observation, mention: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    for before in ["over the", "overly the", "in the"] {
        for side in ["", " superior", " left", " right"] {
            for phrase in mention {
                if observation != Observation::Cardiomegaly {
                    all.push(format!("{before}{side} {phrase}"));
                } else if !ALWAYS.contains(&phrase.as_str()) {
                    all.push(format!("{before}{side} {}", phrase.replace("the ", "")));
                }
            }
        }
    }
    all
}
