use wilhelm_study::{Evidence, EvidenceId, EvidenceSource};

use crate::{Author, Claim, Heading, Report, Sentence};

/// Name of the evidence that bears the sentence on a language model that gave no words.
const EVIDENCE: &str = "R-WRITER";

impl Report {
    /// Says under limitations that a language model gave no usable words for so many of the sentences it was asked about,
    /// and that the deterministic writer's stand in their place. Says it once.
    pub fn note_fallback(&mut self, model: &str, unworded: usize, asked: usize) {
        if self.evidence.iter().any(|evidence| evidence.id.0 == EVIDENCE) {
            return;
        }
        let citation = "program rule: what a language model does not say well, the writer says".to_owned();
        let text = format!(
            "The language model {model} gave no usable words for {unworded} of {asked} sentences; the deterministic writer's \
             words stand."
        );
        self.evidence.push(Evidence {
            id: EvidenceId(EVIDENCE.to_owned()),
            source: EvidenceSource::rule(citation),
            summary: text.clone(),
        });
        let id = (1_usize..)
            .map(|number| format!("S{number}"))
            .find(|id| {
                self.sentence(id).is_none() && self.evidence.iter().all(|evidence| evidence.id.0 != *id)
            })
            .expect("numbers do not end");
        let sentence = Sentence {
            id,
            text,
            claim: Claim::Limitation { rule: EVIDENCE.to_owned() },
            bears: vec![EvidenceId(EVIDENCE.to_owned())],
            findings: Vec::new(),
            author: Author::Writer,
            replaced: None,
        };
        if let Some(section) =
            self.sections.iter_mut().find(|section| section.heading == Heading::Limitations)
        {
            section.sentences.push(sentence);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Heading, example, write};

    #[test]
    fn a_model_without_words_is_a_limitation_with_its_evidence_said_once() {
        let mut report = write(&example::pneumonia(0.93));
        report.note_fallback("small", 2, 3);
        report.note_fallback("small", 3, 3);
        report.check().expect("consistent");
        let said: Vec<_> =
            report.sentences().filter(|(_, s)| s.text.contains("language model small")).collect();
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].0, Heading::Limitations);
        assert!(said[0].1.text.contains("2 of 3 sentences"));
    }
}
