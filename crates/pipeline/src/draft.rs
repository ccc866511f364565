use serde::{Deserialize, Serialize};
use wilhelm_llm::{RephraseSettings, TextModel, choose, rephrase};
use wilhelm_report::{Claim, Report, ReportError};

use crate::{CaseBase, LanguageModelUse};

/// Whoever proposes other words for a sentence; it sees that sentence and nothing of the patient.
pub trait Drafting {
    /// Its name.
    fn name(&self) -> &str;
    /// SHA-256 of its weights, where it has a file.
    fn sha256(&self) -> Option<&str>;
    /// The proposal of that number (from 0) for a sentence, or why there is none.
    ///
    /// # Errors
    /// The model's own words.
    fn propose(&self, sentence: &Asked, settings: DraftSettings, number: usize) -> Result<String, String>;
}

/// A sentence that a language model may put otherwise, and all it learns of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The sentence.
    pub text: String,
    /// Phrases that must stay as they are: names of findings, numbers with units.
    pub keep: Vec<String>,
    /// Wordings of the report's own that say the same and read well.
    pub wordings: Vec<String>,
}

/// How free a language model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freedom {
    /// It chooses among wordings that the report offers: what small models can do.
    Listed,
    /// It writes words of its own around what must stay; the gate refuses what is not the same.
    Free,
}

/// How a language model is asked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DraftSettings {
    /// How free it is.
    pub wording: Freedom,
    /// Proposals for each sentence; the gate keeps at most one.
    pub candidates: usize,
    /// Temperature of the draws.
    pub temperature: f32,
}

/// After so many failures one after the other a model is not asked again.
pub const FAILURES: usize = 3;

/// Lets a language model propose other words for each sentence about findings; the gate decides.
///
/// A model that fails leaves the writer's words standing and the failure in the list; after [`FAILURES`] failures one
/// after the other it is not asked again. Where it failed, or nothing of it was accepted, the report says so. `step` is
/// told how far it is and answers whether to go on.
///
/// # Errors
/// [`ReportError`] if the report is not consistent: a fault of this program.
pub fn draft(
    report: &mut Report,
    model: &dyn Drafting,
    settings: DraftSettings,
    step: &mut dyn FnMut(usize, usize) -> bool,
) -> Result<(LanguageModelUse, Vec<String>), ReportError> {
    let asked: Vec<(String, Asked)> = report
        .sentences()
        .filter(|(_, sentence)| sentence.may_be_rephrased())
        .map(|(_, sentence)| {
            let asked = Asked {
                text: sentence.text.clone(),
                keep: keep(report, &sentence.text, &sentence.claim),
                wordings: report.wordings(sentence),
            };
            (sentence.id.clone(), asked)
        })
        .filter(|(_, asked)| settings.wording == Freedom::Free || !asked.wordings.is_empty())
        .collect();
    let mut used = LanguageModelUse {
        name: model.name().to_owned(),
        sha256: model.sha256().map(str::to_owned),
        asked: asked.len(),
        accepted: 0,
        struck: 0,
    };
    let mut failures = Vec::new();
    let mut in_a_row = 0;
    for (done, (id, sentence)) in asked.iter().enumerate() {
        if in_a_row == FAILURES || !step(done, asked.len()) {
            break;
        }
        for number in 0..settings.candidates {
            match model.propose(sentence, settings, number) {
                Ok(candidate) if candidate.trim() == sentence.text => in_a_row = 0,
                Ok(candidate) => {
                    in_a_row = 0;
                    if report.rephrase(id, &candidate, model.name())?.accepted {
                        used.accepted += 1;
                        break;
                    }
                    used.struck += 1;
                }
                Err(reason) => {
                    in_a_row += 1;
                    failures.push(format!("{id}: {reason}"));
                    if in_a_row == FAILURES {
                        break;
                    }
                }
            }
        }
    }
    if !failures.is_empty() || (used.accepted == 0 && used.struck > 0) {
        report.note_fallback(model.name(), asked.len() - used.accepted, asked.len());
    }
    step(asked.len(), asked.len());
    Ok((used, failures))
}

/// A language model that rephrases within a grammar: wordings of the report, or its own words around what
/// must stay.
pub struct Rephraser<'a> {
    /// The model.
    pub model: &'a dyn TextModel,
    /// SHA-256 of its file.
    pub sha256: Option<String>,
    /// Seed of the first proposal; each further one takes the next.
    pub seed: u32,
    /// Signed wordings to show it, and how many at most; for its own words only, since among listed ones there is nothing to
    /// learn.
    pub examples: Option<(&'a CaseBase, usize)>,
}

impl Drafting for Rephraser<'_> {
    fn name(&self) -> &str {
        self.model.name()
    }
    fn sha256(&self) -> Option<&str> {
        self.sha256.as_deref()
    }
    fn propose(&self, sentence: &Asked, settings: DraftSettings, number: usize) -> Result<String, String> {
        let keep: Vec<&str> = sentence.keep.iter().map(String::as_str).collect();
        let seed = self.seed.wrapping_add(u32::try_from(number).unwrap_or(u32::MAX)) % u32::MAX;
        let examples = match self.examples {
            Some((base, most)) if settings.wording == Freedom::Free => base.nearest(&sentence.text, most),
            _ => Vec::new(),
        };
        let examples = examples.into_iter().map(|one| (one.sentence.clone(), one.signed.clone())).collect();
        let draws = RephraseSettings {
            temperature: settings.temperature,
            seed,
            examples,
            ..RephraseSettings::default()
        };
        match settings.wording {
            Freedom::Listed => choose(self.model, &sentence.text, &sentence.wordings, &draws),
            Freedom::Free => rephrase(self.model, &sentence.text, &keep, &draws),
        }
        .map_err(|error| error.to_string())
    }
}

/// What must stay as it is, in the order of the sentence: names of findings, and numbers with what
/// belongs to them.
fn keep(report: &Report, text: &str, claim: &Claim) -> Vec<String> {
    let mut found: Vec<(usize, String)> = numbers(text);
    if let Claim::Finding { statements } = claim {
        for statement in statements {
            let Some(finding) = report.finding(&statement.finding) else { continue };
            if let Some(at) = text.find(&finding.observation.name) {
                found.push((at, finding.observation.name.clone()));
            }
        }
    }
    found.sort();
    found.dedup();
    found.into_iter().map(|(_, phrase)| phrase).collect()
}

/// Runs of words with digits and the words between them, with their places.
fn numbers(text: &str) -> Vec<(usize, String)> {
    const BETWEEN: [&str; 4] = ["%", "interval", "to", "mm"];
    let has_digit = |word: &str| word.bytes().any(|byte| byte.is_ascii_digit());
    let bare = |word: &str| word.trim_matches(|c: char| "(),.;".contains(c)).to_owned();
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let mut open = false;
    for word in text.split(' ') {
        let start = word.as_ptr() as usize - text.as_ptr() as usize;
        let end = start + word.trim_end_matches(['.', ',', ';']).len();
        if has_digit(word) || (open && BETWEEN.contains(&bare(word).as_str())) {
            match runs.last_mut().filter(|_| open) {
                Some(run) => run.1 = end,
                None => runs.push((start, end)),
            }
            open = true;
        } else {
            open = false;
        }
    }
    runs.into_iter().map(|(start, end)| (start, text[start..end].to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_report::{Author, example, write};

    struct Scripted(Vec<Result<String, String>>);

    impl Drafting for Scripted {
        fn name(&self) -> &str {
            "scripted"
        }
        fn sha256(&self) -> Option<&str> {
            None
        }
        fn propose(&self, _: &Asked, _: DraftSettings, number: usize) -> Result<String, String> {
            self.0[number].clone()
        }
    }

    #[test]
    fn numbers_stay_together_with_their_interval() {
        let found = numbers("There is pneumonia; the probability is 93 % (95 % interval 89 to 97 %).");
        assert_eq!(
            found.into_iter().map(|(_, run)| run).collect::<Vec<_>>(),
            ["93 % (95 % interval 89 to 97 %)"]
        );
        assert!(numbers("No pneumonia is seen.").is_empty());
    }

    #[test]
    fn a_contradiction_is_struck_and_a_failure_leaves_the_writers_words() {
        let mut report = write(&example::pneumonia(0.03));
        let before = report.clone();
        let model = Scripted(vec![
            Ok("There is a large right pneumonia.".to_owned()),
            Err("out of memory".to_owned()),
        ]);
        let settings = DraftSettings { wording: Freedom::Free, candidates: 2, temperature: 0.0 };
        let (used, failures) = draft(&mut report, &model, settings, &mut |_, _| true).expect("consistent");
        assert!(used.asked > 0);
        assert_eq!((used.accepted, used.struck), (0, used.asked));
        assert_eq!(failures.len(), used.asked);
        assert_eq!(report.struck().count(), used.asked);
        assert!(report.sentences().all(|(_, sentence)| sentence.author == Author::Writer));
        let words = |report: &Report| report.sentences().map(|(_, s)| s.text.clone()).collect::<Vec<_>>();
        let (now, mut expected) = (words(&report), words(&before));
        assert!(now.last().expect("said").contains("The language model scripted gave no usable words"));
        expected.extend(now.last().cloned());
        assert_eq!(now, expected);
        report.check().expect("still consistent");
    }

    #[test]
    fn a_model_that_only_fails_is_soon_left_alone_and_the_report_says_so() {
        let mut report = write(&example::brain(0.95, 0.02, 0.01));
        let model = Scripted(vec![Err("no whole answer within 30 s".to_owned())]);
        let settings = DraftSettings { wording: Freedom::Free, candidates: 1, temperature: 0.0 };
        let (used, failures) = draft(&mut report, &model, settings, &mut |_, _| true).expect("consistent");
        assert!(used.asked > FAILURES);
        assert_eq!((failures.len(), used.accepted), (FAILURES, 0));
        assert!(report.sentences().any(|(_, s)| s.text.contains("the deterministic writer's words stand")));
        report.check().expect("consistent");
    }

    /// Says the first wording it is offered, and refuses to be asked without one.
    struct First;

    impl Drafting for First {
        fn name(&self) -> &str {
            "first"
        }
        fn sha256(&self) -> Option<&str> {
            None
        }
        fn propose(&self, sentence: &Asked, _: DraftSettings, _: usize) -> Result<String, String> {
            sentence.wordings.first().cloned().ok_or_else(|| sentence.text.clone())
        }
    }

    #[test]
    fn a_model_that_only_chooses_is_asked_only_where_there_is_a_choice() {
        let mut report = write(&example::brain(0.95, 0.02, 0.01));
        let settings = DraftSettings { wording: Freedom::Listed, candidates: 1, temperature: 0.0 };
        let (used, failures) = draft(&mut report, &First, settings, &mut |_, _| true).expect("consistent");
        assert_eq!(failures, Vec::<String>::new());
        assert!(used.asked > 0 && used.struck == 0, "{used:?}");
        assert_eq!(used.accepted, used.asked);
        let kept = report.sentences().find(|(_, s)| s.text.contains("probability of no tumor"));
        assert_eq!(kept.expect("stated").1.author, Author::Writer);
    }
}
