use std::collections::{BTreeMap, BTreeSet};

use crate::passages::Passage;
use crate::recognize::sentences;

use super::terms::content_terms;
use super::{Answer, AnsweredSentence, Cited};

/// A sentence that may be part of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Which passage, in their order.
    pub passage: usize,
    /// Its words.
    pub text: String,
    /// Cosine of its vector with the question's, where there is an encoder.
    pub cosine: Option<f64>,
}

impl Candidate {
    /// The sentences of passages: three words at least, no question, and no aim, which asks without a mark.
    #[must_use]
    pub fn of_passages(passages: &[&Passage]) -> Vec<Self> {
        let mut found = Vec::new();
        for (passage, one) in passages.iter().enumerate() {
            for place in sentences(&one.text) {
                let text = &one.text[place];
                if text.split_whitespace().count() >= 3 && !text.ends_with('?') && !is_aim(text) {
                    found.push(Self { passage, text: text.to_owned(), cosine: None });
                }
            }
        }
        found
    }
}

/// "To determine whether...", "The aim of this study was...".
fn is_aim(sentence: &str) -> bool {
    let begin: String = sentence.chars().take(40).collect::<String>().to_lowercase();
    let aims = ["aim of", "aims of", "aimed to", "aim was", "objective", "purpose of", "we sought"];
    let verbs =
        ["determine", "evaluate", "assess", "investigate", "examine", "compare", "study", "test", "explore"];
    let infinitive =
        begin.strip_prefix("to ").is_some_and(|rest| verbs.iter().any(|verb| rest.starts_with(verb)));
    infinitive || aims.iter().any(|aim| begin.contains(aim))
}

/// A question with all that [`extract`] needs of its terms.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The question.
    pub question: String,
    /// How rare each of its content terms is: what the index says of the words that have it.
    pub rarity: BTreeMap<String, f64>,
}

/// Share of the question's content, weighed by rarity, that a sentence and its passage must have between them.
const LEAST_SHARE: f64 = 0.5;
/// Cosine that a sentence must have where there is an encoder.
const LEAST_COSINE: f64 = 0.35;
/// The rarest term of the question weighs so much of the whole that a passage without it speaks of something else.
const DECISIVE: f64 = 0.5;

/// Answers with the sentences of passages that fit a question best, each with its source; none where none fits: the question
/// is not answerable from these passages then.
///
/// A sentence's fit is the share of the question's content that it has, weighed by rarity, and its cosine; passages that come
/// first in the order weigh a little more. Of sentences that say nearly the same the first stays.
#[must_use]
pub fn extract(asked: &Asked, passages: &[&Passage], candidates: &[Candidate], most: usize) -> Answer {
    let total: f64 = asked.rarity.values().sum();
    let mut notes = Vec::new();
    let share = |terms: &BTreeSet<String>| -> f64 {
        if total <= 0.0 {
            return 0.0;
        }
        asked.rarity.iter().filter(|(term, _)| terms.contains(*term)).map(|(_, rarity)| rarity).sum::<f64>()
            / total
    };
    let of_passage: Vec<BTreeSet<String>> =
        passages.iter().map(|passage| content_terms(&passage.found_by()).into_iter().collect()).collect();
    let mut fitting: Vec<(f64, BTreeSet<String>, &Candidate)> = Vec::new();
    for candidate in candidates {
        let own: BTreeSet<String> = content_terms(&candidate.text).into_iter().collect();
        let (in_sentence, in_passage) = (share(&own), share(&of_passage[candidate.passage]));
        let lexical = 0.5 * in_sentence + 0.5 * in_passage;
        let is_near = candidate.cosine.is_none_or(|cosine| cosine >= LEAST_COSINE);
        let decisive = asked.rarity.iter().filter(|(_, rarity)| **rarity >= DECISIVE * total);
        let has_decisive = decisive.into_iter().all(|(term, _)| of_passage[candidate.passage].contains(term));
        if in_passage < LEAST_SHARE || !is_near || !has_decisive || in_sentence == 0.0 {
            continue;
        }
        let fit = candidate.cosine.map_or(lexical, |cosine| 0.5 * lexical + 0.5 * cosine.clamp(0.0, 1.0));
        let place = 0.05 / (1.0 + candidate.passage as f64);
        fitting.push((fit + place, own, candidate));
    }
    fitting.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.2.passage.cmp(&b.2.passage)));
    let mut taken: Vec<(f64, BTreeSet<String>, &Candidate)> = Vec::new();
    for (fit, own, candidate) in fitting {
        if taken.len() == most {
            break;
        }
        let again = taken.iter().any(|(_, before, _)| {
            let both = before.intersection(&own).count() as f64;
            both >= 0.8 * before.len().min(own.len()) as f64
        });
        if !again {
            taken.push((fit, own, candidate));
        }
    }
    if taken.is_empty() {
        notes.push("not answerable from the sources: no passage speaks of what is asked".to_owned());
    }
    let sentences = taken.into_iter().map(|(fit, _, candidate)| AnsweredSentence {
        text: candidate.text.clone(),
        sources: vec![cited(passages[candidate.passage], &candidate.text)],
        fit: fit.min(1.0),
    });
    let sentences: Vec<AnsweredSentence> = sentences.collect();
    Answer {
        question: asked.question.clone(),
        answered: !sentences.is_empty(),
        wording: "passages".to_owned(),
        sentences,
        refused: Vec::new(),
        notes,
    }
}

/// A passage as it is cited.
pub(crate) fn cited(passage: &Passage, quote: &str) -> Cited {
    Cited {
        passage: passage.id.clone(),
        quote: quote.to_owned(),
        source: passage.source.clone(),
        license: passage.license.clone(),
    }
}
