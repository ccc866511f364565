//! Well-formed wordings of a sentence about findings, for a language model to choose from.

use wilhelm_study::{Certainty, Finding, Modality};

use crate::fluency::awkward;
use crate::write::words::{capital, probability, side};
use crate::{GroundContext, Report, Sentence, Statement, same_meaning};

impl Report {
    /// Other wordings of a sentence: each reads well and says the same by the gate's own judgment.
    ///
    /// Empty for sentences that are not about findings, state measurements, or speak of a state of health
    /// by its contrary: there the writer's words stand.
    pub fn wordings(&self, sentence: &Sentence) -> Vec<String> {
        let statements = sentence.claim.statements();
        let Some(findings) = statements
            .iter()
            .map(|statement| self.finding(&statement.finding).filter(|finding| plain(finding, statement)))
            .collect::<Option<Vec<&Finding>>>()
        else {
            return Vec::new();
        };
        let image = image_noun(self.exam.modality.as_ref());
        let heads = match findings.as_slice() {
            [] => Vec::new(),
            [one] => heads(&named(one), one.certainty, image),
            several => heads_of_several(several, image),
        };
        let tails = match statements {
            [Statement { probability: Some(interval), .. }] => tails(&probability(interval)),
            _ => vec![String::new()],
        };
        let context = GroundContext::of(self);
        let mut wordings: Vec<String> = heads
            .iter()
            .flat_map(|head| tails.iter().map(move |tail| format!("{head}{tail}.")))
            .filter(|wording| *wording != sentence.text && awkward(wording).is_none())
            .filter(|wording| same_meaning(&sentence.claim, wording, &context).accepted)
            .collect();
        wordings.dedup();
        wordings
    }
}

/// Whether a finding is stated by its own name, without measurements.
fn plain(finding: &Finding, statement: &Statement) -> bool {
    let name = finding.observation.name.trim().to_lowercase();
    !finding.normal && statement.quantities.is_empty() && !name.starts_with("no ") && name != "normal"
}

fn named(finding: &Finding) -> String {
    let name = finding.observation.name.trim();
    finding.laterality.map_or_else(|| name.to_owned(), |laterality| format!("{} {name}", side(laterality)))
}

const fn image_noun(modality: Option<&Modality>) -> &'static str {
    match modality {
        Some(Modality::Cr | Modality::Dx) => "radiograph",
        Some(Modality::Us) => "ultrasound image",
        Some(Modality::Ct) => "CT image",
        Some(Modality::Mr) => "MR image",
        _ => "image",
    }
}

fn heads(name: &str, certainty: Certainty, image: &str) -> Vec<String> {
    let first = capital(name);
    match certainty {
        Certainty::Present => vec![
            format!("Appearance consistent with {name}"),
            format!("Findings consistent with {name}"),
            format!("The findings are consistent with {name}"),
            format!("The appearance is consistent with {name}"),
            format!("The {image} is consistent with {name}"),
        ],
        Certainty::Probable => vec![
            format!("{first} is probable"),
            format!("{first} is likely"),
            format!("{first} is probably present"),
            format!("Probable {name}"),
            format!("Findings suspicious for {name}"),
        ],
        Certainty::Indeterminate => vec![
            format!("The appearance is indeterminate for {name}"),
            format!("The findings are indeterminate for {name}"),
            format!("The {image} is indeterminate for {name}"),
            format!("{first} is possible"),
            format!("{first} can be neither confirmed nor excluded"),
        ],
        Certainty::Unlikely => vec![
            format!("{first} is unlikely"),
            format!("{first} is considered unlikely"),
            format!("{first} appears unlikely"),
        ],
        Certainty::Absent => vec![
            format!("No evidence of {name}"),
            format!("There is no evidence of {name}"),
            format!("No {name} is seen"),
            format!("No {name} is identified"),
            format!("No sign of {name}"),
            format!("The {image} shows no evidence of {name}"),
        ],
    }
}

fn heads_of_several(findings: &[&Finding], image: &str) -> Vec<String> {
    let names: Vec<String> = findings.iter().map(|finding| named(finding)).collect();
    let list = |last: &str| {
        let (end, before) = names.split_last().expect("several findings");
        format!("{} {last} {end}", before.join(", "))
    };
    let all = |certainty| findings.iter().all(|finding| finding.certainty == certainty);
    if all(Certainty::Absent) {
        let list = list("or");
        vec![
            format!("There is no evidence of {list}"),
            format!("No {list} is seen"),
            format!("No {list} is identified"),
            format!("No sign of {list}"),
            format!("The {image} shows no evidence of {list}"),
        ]
    } else if all(Certainty::Unlikely) {
        let list = capital(&list("and"));
        vec![format!("{list} are considered unlikely"), format!("{list} appear unlikely")]
    } else {
        Vec::new()
    }
}

/// Ways to add a probability with its interval, given as `93 % (95 % interval 89 to 97 %)`.
fn tails(probability: &str) -> Vec<String> {
    let inside = probability.replacen(" (", ", ", 1);
    let inside = inside.trim_end_matches(')');
    vec![
        format!("; estimated probability {probability}"),
        format!("; the estimated probability is {probability}"),
        format!(", with an estimated probability of {probability}"),
        format!(" (estimated probability {inside})"),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Heading, example, write};

    #[test]
    fn every_class_has_several_wordings_and_the_gate_accepts_all_that_are_written() {
        for probability in [0.03, 0.2, 0.5, 0.8, 0.95] {
            let report = write(&example::pneumonia(probability));
            for (heading, least) in [(Heading::Findings, 8), (Heading::Impression, 2)] {
                let (_, sentence) = report
                    .sentences()
                    .find(|(found, sentence)| *found == heading && sentence.may_be_rephrased())
                    .expect("the finding is stated");
                let wordings = report.wordings(sentence);
                assert!(wordings.len() >= least, "{probability} {heading:?}: {wordings:?}");
                assert!(wordings.iter().all(|wording| *wording != sentence.text));
                let mut copy = report.clone();
                for wording in &wordings {
                    let verdict = copy.rephrase(&sentence.id, wording, "model").expect("a sentence");
                    assert!(verdict.accepted, "{wording}: {}", verdict.reason);
                }
            }
        }
    }

    #[test]
    fn no_written_wording_is_lost_to_the_gate() {
        // Each head with each tail, but for the sentence that stands already.
        for (probability, heads) in [(0.03, 6), (0.2, 3), (0.5, 5), (0.8, 5), (0.95, 5)] {
            let report = write(&example::pneumonia(probability));
            let (_, sentence) = report
                .sentences()
                .find(|(found, sentence)| *found == Heading::Findings && sentence.may_be_rephrased())
                .expect("the finding is stated");
            assert_eq!(report.wordings(sentence).len(), 4 * heads - 1, "{:?}", report.wordings(sentence));
        }
    }

    #[test]
    fn several_absent_findings_are_listed_and_health_keeps_the_writers_words() {
        let report = write(&example::brain(0.95, 0.02, 0.01));
        let of = |text: &str| {
            let (_, sentence) =
                report.sentences().find(|(_, sentence)| sentence.text.starts_with(text)).expect("stated");
            report.wordings(sentence)
        };
        let found = of("No evidence of meningioma or");
        assert!(
            found.contains(&"There is no evidence of meningioma or pituitary tumor.".to_owned()),
            "{found:?}"
        );
        assert!(of("Appearance consistent with tumor").is_empty());
        assert!(of("Clinical correlation").is_empty());
    }

    #[test]
    fn a_side_is_kept_and_a_measurement_leaves_the_writers_words() {
        let report = write(&example::abdomen());
        let mut sided = 0;
        for (_, sentence) in report.sentences().filter(|(_, sentence)| sentence.may_be_rephrased()) {
            for wording in report.wordings(sentence) {
                for side in ["left", "right"] {
                    let says = |text: &str| text.to_lowercase().contains(side);
                    assert_eq!(says(&wording), says(&sentence.text), "{wording}");
                    sided += usize::from(says(&wording));
                }
                assert!(!sentence.text.contains("mm"), "{wording}");
            }
        }
        assert!(sided > 0, "no sentence with a side was worded");
    }
}
