mod observation;
mod phrases;
#[cfg(test)]
mod tests;
mod tidy;

pub use observation::{Observation, Status};

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::{ContextRules, Meaning};
use phrases::{DOUBTFUL, HEARTS, Phrases};
use tidy::sentences;

/// By which cues a mention is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelCues {
    /// Those written after the CheXpert labeler's patterns.
    #[default]
    Patterns,
    /// ConText's for denial and doubt, and of the others those of what is normal or only stable.
    Context,
}

/// What a sentence says of an observation, and by which words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelMention {
    /// What is mentioned.
    pub observation: Observation,
    /// The phrase of the list that was found.
    pub phrase: String,
    /// How it is meant.
    pub status: Status,
    /// The words that deny it or put it in doubt; none where it is stated.
    pub cue: Option<String>,
    /// The sentence, in lowercase and with one space between words.
    pub sentence: String,
}

/// The labels of a report and the mentions that they come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportLabels {
    /// The observations that the report says something of; the others are not mentioned.
    pub labels: BTreeMap<Observation, Status>,
    /// Each mention, in the order of the sentences.
    pub mentions: Vec<LabelMention>,
}

/// The rules beside ConText's.
struct Rules {
    phrases: Phrases,
    doubt_first: ContextRules,
    denied: ContextRules,
    normal: ContextRules,
    stable: ContextRules,
    doubt_last: ContextRules,
}

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let cues =
        |table: &str| ContextRules::parse(table).expect("the rules that come with the crate are tested");
    Rules {
        phrases: Phrases::built_in(),
        doubt_first: cues(include_str!("../data/chexpert/cues/doubt_first.toml")),
        denied: cues(include_str!("../data/chexpert/cues/denied.toml")),
        normal: cues(include_str!("../data/chexpert/cues/normal.toml")),
        stable: cues(include_str!("../data/chexpert/cues/stable.toml")),
        doubt_last: cues(include_str!("../data/chexpert/cues/doubt_last.toml")),
    }
});

/// Labels a radiograph's report (its impression, its findings or both) with the fourteen observations of CheXpert.
///
/// Mentions are found by the CheXpert labeler's phrase lists, which are sought within words as it does, and put together
/// by its rules: something both denied and in doubt is in doubt, whatever else is said of it; something stated and denied, or
/// stated and in doubt, is present; heart failure puts an enlarged heart in doubt; "no finding" is present where nothing but
/// devices is present or in doubt. How a mention is meant is judged by `cues`, since the original's patterns are of
/// dependency graphs.
///
/// # Source
/// Irvin et al. 2019, doi:10.1609/aaai.v33i01.3301590
pub fn label_report(text: &str, cues: LabelCues) -> ReportLabels {
    let rules = &*RULES;
    let mut mentions = Vec::new();
    for sentence in sentences(text) {
        for (observation, phrase, at) in rules.phrases.find(&sentence) {
            let Some((status, cue)) = rules.judge(observation, &sentence, at, cues) else { continue };
            let phrase = phrase.trim().to_owned();
            mentions.push(LabelMention { observation, phrase, status, cue, sentence: sentence.clone() });
        }
    }
    ReportLabels { labels: aggregate(&mentions), mentions }
}

/// What is said of each observation in all mentions together.
fn aggregate(mentions: &[LabelMention]) -> BTreeMap<Observation, Status> {
    let mut said: BTreeMap<Observation, Vec<Status>> = BTreeMap::new();
    let mut nothing_found = true;
    for mention in mentions {
        let found = mention.status != Status::Absent;
        nothing_found &= !found || mention.observation == Observation::SupportDevices;
        if mention.observation == Observation::NoFinding {
            continue;
        }
        if found && matches!(mention.phrase.as_str(), "chf" | "heart failure") {
            said.entry(Observation::Cardiomegaly).or_default().push(Status::Uncertain);
        }
        said.entry(mention.observation).or_default().push(mention.status);
    }
    let mut labels: BTreeMap<Observation, Status> =
        said.into_iter().map(|(observation, said)| (observation, together(&said))).collect();
    if nothing_found {
        labels.insert(Observation::NoFinding, Status::Present);
    }
    labels
}

fn together(said: &[Status]) -> Status {
    let has = |status: Status| said.contains(&status);
    match (has(Status::Present), has(Status::Uncertain), has(Status::Absent)) {
        (_, true, true) => Status::Uncertain,
        (true, ..) => Status::Present,
        (false, true, false) => Status::Uncertain,
        (false, false, _) => Status::Absent,
    }
}

impl Rules {
    /// How a mention is meant and by which words; none where the text only asks for it or speaks of somebody else.
    fn judge(
        &self,
        observation: Observation,
        sentence: &str,
        at: Range<usize>,
        cues: LabelCues,
    ) -> Option<(Status, Option<String>)> {
        let mention = &sentence[at.clone()];
        let said = |rules: &ContextRules| -> Meaning {
            rules.read(sentence).meaning(at.clone()).expect("a mention is a word of its sentence")
        };
        let phrase = |cue: Option<crate::Cue>| cue.map(|cue| cue.phrase);
        let denied = |cue| Some((Status::Absent, Some(cue)));
        let doubted = |cue| Some((Status::Uncertain, Some(cue)));
        let stable = || {
            let heart = HEARTS.iter().any(|word| mention.contains(word));
            let of_heart =
                matches!(observation, Observation::Cardiomegaly | Observation::EnlargedCardiomediastinum);
            (heart && of_heart).then(|| phrase(said(&self.stable).uncertain)).flatten()
        };
        let itself = DOUBTFUL.contains(&mention).then(|| mention.to_owned());
        match cues {
            LabelCues::Patterns => {
                if let Some(cue) = phrase(said(&self.doubt_first).uncertain) {
                    return doubted(cue);
                }
                let no = phrase(said(&self.denied).negated).or_else(|| phrase(said(&self.normal).negated));
                if let Some(cue) = no {
                    return denied(cue);
                }
                let last = said(&self.doubt_last);
                let doubt = stable().or(itself).or(phrase(last.uncertain)).or(phrase(last.hypothetical));
                doubt.map_or(Some((Status::Present, None)), doubted)
            }
            LabelCues::Context => {
                let meaning = said(ContextRules::built_in());
                if meaning.of_other.is_some() {
                    return None;
                }
                if let Some(cue) = phrase(meaning.negated).or_else(|| phrase(said(&self.normal).negated)) {
                    return denied(cue);
                }
                let doubt =
                    stable().or(itself).or(phrase(meaning.uncertain)).or(phrase(meaning.hypothetical));
                doubt.map_or(Some((Status::Present, None)), doubted)
            }
        }
    }
}
