/// A sentence the program may say without having seen it on the image, and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name as evidence: `R-REVIEW`.
    pub id: &'static str,
    /// The sentence.
    pub text: &'static str,
    /// Where it comes from.
    pub citation: &'static str,
}

/// All rules. None of them is a clinical guideline: this program invents none.
///
/// A signature changes no word, so each sentence is as true of a signed report as of a draft.
pub const RULES: &[Rule] = &[
    Rule {
        id: "R-COMPARISON",
        text: "No prior examination was supplied; change over time was not assessed.",
        citation: "program rule: change is stated only where two examinations were compared",
    },
    Rule {
        id: "R-REVIEW",
        text: "Any use of this report requires review of the images by a radiologist.",
        citation: "program rule: a person reads the images and signs; the program only drafts",
    },
    Rule {
        id: "R-CORRELATE",
        text: "Clinical correlation is recommended.",
        citation: "program rule: a reading of images alone does not know the patient",
    },
    Rule {
        id: "R-INDETERMINATE",
        text: "Where the result is indeterminate, further imaging is at the discretion of the \
               radiologist.",
        citation: "program rule: an indeterminate reading decides nothing; no guideline is applied",
    },
    Rule {
        id: "R-SCOPE",
        text: "Only the findings named in this report were looked for; anything else on the images \
               was not assessed.",
        citation: "program rule: a network answers only the question it was trained on",
    },
    Rule {
        id: "R-NEGATIVE",
        text: "A negative automated reading does not exclude disease.",
        citation: "program rule: the sensitivity stated on a model's card is below 100 %",
    },
    Rule {
        id: "R-PROBABILITY",
        text: "Probabilities are calibrated on the model's validation data and hold only for images \
               like those.",
        citation: "program rule: calibration holds for the distribution it was measured on",
    },
    Rule {
        id: "R-LOWERED",
        text: "Certainty was lowered to indeterminate because of the cautions listed under \
               limitations; the model's number is stated for transparency only.",
        citation: "program rule: a caution outranks a model's number",
    },
    Rule {
        id: "R-NOT-READ",
        text: "No automated interpretation was made.",
        citation: "program rule: a model is never fed what its card refuses",
    },
    Rule {
        id: "R-UNREAD",
        text: "The images need to be read by a radiologist.",
        citation: "program rule: a person reads the images and signs; the program only drafts",
    },
    Rule {
        id: "R-DRAFT",
        text: "This report was drafted by research software, which is not a medical device.",
        citation: "program rule: every object the program writes says what it is",
    },
    Rule {
        id: "R-CHANGE-LENGTH",
        text: "A length is called larger where it grew by at least 20 % and 5 mm, and smaller where it shrank by at \
               least 30 %; otherwise it is called stable.",
        citation: "RECIST 1.1, Eisenhauer et al. 2009, doi:10.1016/j.ejca.2008.10.026",
    },
    Rule {
        id: "R-CHANGE-NODULE",
        text: "A lung nodule counts as larger or smaller where its mean diameter differs by more than 1.5 mm; what \
               differs by less is called stable.",
        citation: "growth in Lung-RADS v2022 (within 12 months), Christensen et al. 2024, \
                   doi:10.1016/j.jacr.2023.09.009; shrinkage by as much is a choice of this program",
    },
    Rule {
        id: "R-CHANGE-VOLUME",
        text: "A lung nodule counts as larger or smaller where its volume differs by 25 % or more; what differs by \
               less is called stable.",
        citation: "British Thoracic Society guidelines, Callister et al. 2015, doi:10.1136/thoraxjnl-2015-207168",
    },
    Rule {
        id: "R-SAME-PATIENT",
        text: "That both examinations are of the same patient was stated by whoever asked for the comparison; the \
               files do not prove it.",
        citation: "program rule: examinations are compared where their files name one patient, or somebody vouches for it",
    },
    Rule {
        id: "R-ASK",
        text: "Questions about this report go to the referring physician or a radiologist.",
        citation: "program rule: a report for a patient says whom to ask, and is no reason to wait",
    },
];

/// Sentences of rules as reports of earlier versions of this program have them.
const FORMER: &[(&str, &str)] = &[
    ("R-REVIEW", "Review of the images by a radiologist is required before any use of this draft."),
    ("R-ASK", "Questions about this draft go to the referring physician or a radiologist."),
    (
        "R-CHANGE-LENGTH",
        "A length counts as larger from 20 % and 5 mm on, and as smaller from 30 % on; what differs by less is called stable.",
    ),
    ("R-DRAFT", "This draft was made by research software, which is not a medical device."),
];

/// The rule that a sentence states, in its present words or in those of an earlier version of this program.
pub(crate) fn rule_of(text: &str) -> Option<&'static Rule> {
    let former = FORMER.iter().find(|(_, former)| *former == text).map(|(id, _)| rule(id));
    RULES.iter().find(|rule| rule.text == text).or(former)
}

/// The rule of an id.
///
/// # Panics
/// If no rule has that id: ids are written in this crate only.
pub(crate) fn rule(id: &str) -> &'static Rule {
    RULES.iter().find(|rule| rule.id == id).expect("ids of rules are written in this crate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rule_calls_the_report_a_draft_for_a_signature_changes_no_word() {
        for rule in RULES {
            assert!(
                !rule.text.to_lowercase().split(|c: char| !c.is_alphabetic()).any(|word| word == "draft")
            );
        }
    }

    #[test]
    fn the_words_of_earlier_reports_are_still_their_rules() {
        for (id, former) in FORMER {
            assert_eq!(rule_of(former).map(|rule| rule.id), Some(*id));
        }
        for rule in RULES {
            assert_eq!(rule_of(rule.text), Some(rule));
        }
        assert_eq!(rule_of("Take two tablets."), None);
    }
}
