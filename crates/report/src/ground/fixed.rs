//! Sentences with a fixed wording (technique, rules, limits): the same words are the same meaning.

use super::token::{Raw, number_words, tokens};
use super::{GroundContext, Known, name};
use crate::Claim;

/// Words that carry no meaning of their own in a fixed sentence.
const EMPTY: &[&str] = &[
    "a", "an", "the", "is", "are", "was", "were", "be", "been", "this", "these", "of", "there", "has",
    "have", "here",
];

/// Other wordings of a rule's sentence, by hand.
const WORDINGS: &[(&str, &[&str])] = &[
    (
        "R-CORRELATE",
        &[
            "recommend clinical correlation",
            "clinical correlation is advised",
            "clinical correlation is suggested",
            "correlate clinically",
            "please correlate clinically",
            "correlation with clinical findings is recommended",
            "correlation with the clinical findings is advised",
            "correlate with clinical findings",
            "we recommend clinical correlation",
            "correlate with the clinical findings",
            "recommend correlating clinically",
            "clinical correlation recommended",
            "clinical correlation advised",
        ],
    ),
    (
        "R-REVIEW",
        &[
            "any use of this report requires that a radiologist review the images",
            "use of this report requires review of the images by a radiologist",
            "review of the images by a radiologist is required for any use of this report",
            "review of the images by a radiologist is required before any use of this report",
            "review by a radiologist is required before any use of this report",
            "a radiologist must review the images before any use of this report",
            "the images must be reviewed by a radiologist before any use of this report",
            "a radiologist must review the images before this report is used",
            "the images must be reviewed by a radiologist before this report is used",
            "review of the images by a radiologist is required before this report is used",
            "this report must not be used without review of the images by a radiologist",
        ],
    ),
    (
        "R-COMPARISON",
        &[
            "no prior examination was supplied for comparison",
            "no prior study was supplied",
            "no prior examination was supplied",
            "no prior examination was available for comparison",
            "no prior imaging was supplied",
            "change over time was not assessed",
            "change over time can not be assessed",
            "no comparison was supplied",
            "comparison none supplied",
        ],
    ),
    (
        "R-NOT-READ",
        &[
            "no automated interpretation",
            "no automated interpretation is available",
            "there is no automated interpretation",
            "the images were not interpreted automatically",
            "no automated reading was made",
        ],
    ),
    (
        "R-UNREAD",
        &[
            "the images must be read by a radiologist",
            "a radiologist needs to read the images",
            "a radiologist must read the images",
            "reading by a radiologist is needed",
        ],
    ),
    (
        "R-NEGATIVE",
        &[
            "disease is not excluded by a negative automated reading",
            "a negative automated reading can not exclude disease",
        ],
    ),
    (
        "R-DRAFT",
        &[
            "this report was drafted by research software and not by a medical device",
            "research software, which is not a medical device, drafted this report",
            "the software that drafted this report is not a medical device",
            "research software, not a medical device",
            "this is research software, not a medical device",
            "the software is not a medical device",
            "this software is not a medical device",
        ],
    ),
    (
        "R-SCOPE",
        &[
            "only the findings named in this report were looked for",
            "anything else on the images was not assessed",
            "nothing else on the images was assessed",
            "no other findings were looked for",
        ],
    ),
];

/// The content of a line: words in base form, numbers and the marks between them.
fn content(line: &str) -> Option<Vec<String>> {
    let raw = number_words(tokens(line).ok()?);
    let words = raw
        .iter()
        .filter_map(|r| match r {
            Raw::Word(word) if EMPTY.contains(&word.as_str()) => None,
            Raw::Word(word) => Some(name::base(word).0),
            Raw::Number { value, .. } => Some(format!("{value}")),
            Raw::Percent => Some("%".to_owned()),
            Raw::Slash => Some("/".to_owned()),
            Raw::Less => Some("<".to_owned()),
            Raw::More => Some(">".to_owned()),
            _ => None,
        })
        .collect();
    Some(words)
}

/// Whether two lines have the same content in the same order.
fn same(candidate: &[String], text: &str) -> bool {
    // Text from outside (a quotation) may hold what the gate does not read; it then equals nothing.
    content(text).is_some_and(|content| !content.is_empty() && content == candidate)
}

fn says(candidate: &[String], known: &Known) -> bool {
    if !known.claim.statements().is_empty() || matches!(known.claim, Claim::Indication) {
        return false;
    }
    if same(candidate, &known.text) {
        return true;
    }
    crate::rule::rule_of(&known.text)
        .and_then(|rule| WORDINGS.iter().find(|(id, _)| *id == rule.id))
        .is_some_and(|(_, wordings)| wordings.iter().any(|wording| same(candidate, wording)))
}

/// The sentence with a fixed wording that a candidate repeats.
pub(crate) fn find<'a>(candidate: &str, context: &'a GroundContext) -> Option<&'a Known> {
    let candidate = content(candidate)?;
    context.sentences.iter().find(|known| says(&candidate, known))
}

/// The same among the sentences of one claim.
pub(crate) fn find_claim<'a>(
    candidate: &str,
    claim: &Claim,
    context: &'a GroundContext,
) -> Option<&'a Known> {
    if let Some(known) = context.sentences.iter().find(|k| &k.claim == claim && k.text == candidate.trim()) {
        return Some(known);
    }
    let content = content(candidate)?;
    context.sentences.iter().filter(|known| &known.claim == claim).find(|known| says(&content, known))
}

/// A line cut at semicolons and at full stops before a space.
pub(crate) fn parts(line: &str) -> Vec<&str> {
    line.split(';')
        .flat_map(|part| part.split(". "))
        .map(|part| part.trim().trim_end_matches('.').trim())
        .filter(|part| !part.is_empty())
        .collect()
}
