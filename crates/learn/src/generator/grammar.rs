use std::collections::BTreeMap;

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use wilhelm_knowledge::Observation;

use super::words::split;
use crate::Example;

/// What a sentence of a report says something of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// Of nothing that differs: how the picture was taken.
    Nothing,
    /// The image's label.
    Label,
    /// The mean of its pixels on the network's grid, 0 (black) to 1.
    Brightness,
}

/// One sentence of a report: for each thing that it may say, several wordings of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// What it says something of.
    pub about: About,
    /// Rising values that part the brightness into one range more than there are values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<f32>,
    /// What the rule labeler finds in it, by which generated texts are read a second time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labeler: Option<SecondReader>,
    /// The wordings of each label, of each range of brightness, or of the one thing to say.
    pub wordings: Vec<Vec<String>>,
}

/// What the rule labeler (`wilhelm kb labels`), which knows nothing of a grammar, finds where a thing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondReader {
    /// The observation.
    pub observation: Observation,
    /// The thing, from 0, of which it says that it is present; of all others it does not.
    pub present: usize,
}

/// The sentences of a report in their order: what writes a text of what is known of an image, and reads it back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grammar {
    /// The sentences.
    pub slots: Vec<Slot>,
}

/// What a text says by a grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Of each slot what is said; none where nothing is, or two things that exclude each other.
    pub said: Vec<Option<usize>>,
    /// Slots of which two different things are said.
    pub contradictions: usize,
    /// Sentences that are none of the grammar's.
    pub unread: usize,
}

impl Slot {
    /// What is true of an image, as a place in the wordings.
    fn truth(&self, label: usize, pixels: &[f32]) -> usize {
        match self.about {
            About::Nothing => 0,
            About::Label => label,
            About::Brightness => {
                let mean =
                    pixels.iter().map(|pixel| f64::from(*pixel)).sum::<f64>() / pixels.len().max(1) as f64;
                self.cuts.iter().filter(|cut| mean >= f64::from(**cut)).count()
            }
        }
    }
}

impl Grammar {
    /// What is true of an image, slot by slot.
    pub fn truth(&self, example: &Example) -> Vec<usize> {
        self.facts(example.label, &example.pixels)
    }

    /// The same where the label is said by somebody else.
    pub fn facts(&self, label: usize, pixels: &[f32]) -> Vec<usize> {
        self.slots.iter().map(|slot| slot.truth(label, pixels)).collect()
    }

    /// A text that says it, in wordings drawn at random.
    pub fn write(&self, said: &[usize], random: &mut impl Rng) -> String {
        self.join(said, |wordings| random.random_range(0..wordings))
    }

    /// The text that says it in the first wording of each.
    pub fn write_plainly(&self, said: &[usize]) -> String {
        self.join(said, |_| 0)
    }

    fn join(&self, said: &[usize], mut choose: impl FnMut(usize) -> usize) -> String {
        let sentences = self.slots.iter().zip(said).map(|(slot, said)| {
            let wordings = &slot.wordings[*said];
            wordings[choose(wordings.len())].as_str()
        });
        sentences.collect::<Vec<_>>().join(" ")
    }

    /// Which slot is about the label.
    pub fn label_slot(&self) -> usize {
        self.slots
            .iter()
            .position(|slot| slot.about == About::Label)
            .expect("a grammar was checked to have one")
    }

    /// What a text says. Case, spacing and the order of the sentences do not matter; everything else does.
    pub fn read(&self, text: &str) -> Reading {
        let known = self.sentences();
        let mut said: Vec<Option<usize>> = vec![None; self.slots.len()];
        let mut contradicted = vec![false; self.slots.len()];
        let mut unread = 0;
        for sentence in text.split('.').map(split).filter(|words| !words.is_empty()) {
            match known.get(&sentence) {
                Some((slot, choice)) => match said[*slot] {
                    Some(before) if before != *choice => contradicted[*slot] = true,
                    _ => said[*slot] = Some(*choice),
                },
                None => unread += 1,
            }
        }
        for (said, contradicted) in said.iter_mut().zip(&contradicted) {
            if *contradicted {
                *said = None;
            }
        }
        Reading { said, contradictions: contradicted.iter().filter(|is| **is).count(), unread }
    }

    /// Every sentence as words, with the slot and what it says of it.
    fn sentences(&self) -> BTreeMap<Vec<String>, (usize, usize)> {
        let mut all = BTreeMap::new();
        for (place, slot) in self.slots.iter().enumerate() {
            for (choice, wordings) in slot.wordings.iter().enumerate() {
                for wording in wordings {
                    all.insert(split(wording.trim_end_matches('.')), (place, choice));
                }
            }
        }
        all
    }

    /// What keeps it from being one of `labels` labels.
    pub(super) fn fault(&self, labels: usize) -> Option<String> {
        let about = |about: About| self.slots.iter().filter(|slot| slot.about == about).count();
        if about(About::Label) != 1 || about(About::Brightness) > 1 {
            return Some(
                "grammar: expected one sentence about the label, and at most one about the brightness"
                    .to_owned(),
            );
        }
        let mut seen = BTreeMap::new();
        for (place, slot) in self.slots.iter().enumerate() {
            let number = place + 1;
            let expected = match slot.about {
                About::Nothing => 1,
                About::Label => labels,
                About::Brightness => slot.cuts.len() + 1,
            };
            if slot.about != About::Brightness && !slot.cuts.is_empty() {
                return Some(format!("grammar: sentence {number} has cuts, which are of the brightness"));
            }
            let rising = slot.cuts.windows(2).all(|pair| pair[0] < pair[1]);
            if !rising || slot.cuts.iter().any(|cut| !(0.0..=1.0).contains(cut)) {
                return Some(format!("grammar: the cuts of sentence {number} must rise from 0 to 1"));
            }
            if slot.labeler.is_some_and(|reader| slot.about != About::Label || reader.present >= labels) {
                return Some(format!(
                    "grammar: labeler of sentence {number} must name one of the labels, counted from 0, in the sentence \
                     about them"
                ));
            }
            if slot.wordings.len() != expected {
                return Some(format!(
                    "grammar: sentence {number} has wordings of {} things, expected {expected}",
                    slot.wordings.len()
                ));
            }
            for (choice, wordings) in slot.wordings.iter().enumerate() {
                if wordings.is_empty() {
                    return Some(format!(
                        "grammar: sentence {number} has no wording of thing {}",
                        choice + 1
                    ));
                }
                for wording in wordings {
                    let body = wording.trim_end_matches('.');
                    if body.contains('.') || !wording.ends_with('.') || split(body).is_empty() {
                        return Some(format!(
                            "grammar: wording {wording:?} must be one sentence with one point, at its end"
                        ));
                    }
                    if seen.insert(split(body), (place, choice)).is_some() {
                        return Some(format!("grammar: wording {wording:?} stands there twice"));
                    }
                }
            }
        }
        None
    }
}
