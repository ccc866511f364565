use serde::{Deserialize, Serialize};

/// What a reader of studies asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// What the study asks.
    Question,
    /// Who was studied.
    Population,
    /// What was done or looked at.
    Intervention,
    /// Against what.
    Comparison,
    /// What was found.
    Outcome,
    /// How the study was made.
    Design,
    /// Figures, with intervals where there are any.
    Numbers,
    /// What the study cannot say.
    Limits,
    /// What its authors conclude.
    Conclusion,
}

/// Words of a part: those of a section's label, and those of a sentence with a word of its own.
struct Cues {
    labels: &'static [&'static str],
    words: &'static [&'static str],
}

impl Part {
    /// All of them, in order.
    pub const ALL: [Self; 9] = [
        Self::Question,
        Self::Population,
        Self::Intervention,
        Self::Comparison,
        Self::Outcome,
        Self::Design,
        Self::Numbers,
        Self::Limits,
        Self::Conclusion,
    ];

    /// Its name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Question => "question",
            Self::Population => "population",
            Self::Intervention => "intervention",
            Self::Comparison => "comparison",
            Self::Outcome => "outcome",
            Self::Design => "design",
            Self::Numbers => "numbers",
            Self::Limits => "limits",
            Self::Conclusion => "conclusion",
        }
    }

    const fn cues(self) -> Cues {
        match self {
            Self::Question => Cues {
                labels: &["objective", "aim", "purpose", "question", "hypothesis"],
                words: &[
                    "aim of",
                    "aimed to",
                    "to determine",
                    "to evaluate",
                    "to assess",
                    "to investigate",
                    "to examine",
                    "to compare",
                    "objective",
                    "purpose",
                    "we sought",
                    "whether",
                    "hypothesi",
                ],
            },
            Self::Population => Cues {
                labels: &["patients", "participants", "subjects", "population", "setting", "sample"],
                words: &[
                    "patients",
                    "participants",
                    "subjects",
                    "women",
                    "men ",
                    "children",
                    "infants",
                    "adults",
                    "individuals",
                    "volunteers",
                    "were enrolled",
                    "were included",
                    "were recruited",
                    "aged",
                ],
            },
            Self::Intervention => Cues {
                labels: &["intervention", "exposure", "treatment"],
                words: &[
                    "received",
                    "underwent",
                    "were treated",
                    "treated with",
                    "were given",
                    "administered",
                    "assigned to",
                    "exposed to",
                    "performed",
                    "was measured",
                    "were measured",
                ],
            },
            Self::Comparison => Cues {
                labels: &["comparison", "control"],
                words: &[
                    "compared with",
                    "compared to",
                    "versus",
                    " vs",
                    "placebo",
                    "control group",
                    "controls",
                    "than ",
                    "standard care",
                    "usual care",
                ],
            },
            Self::Outcome => Cues {
                labels: &["result", "finding", "outcome"],
                words: &[
                    "significant",
                    "associated with",
                    "increased",
                    "decreased",
                    "reduced",
                    "improved",
                    "higher",
                    "lower",
                    "no difference",
                    "we found",
                    "showed",
                    "resulted in",
                    "correlat",
                    "was found",
                ],
            },
            Self::Design => Cues {
                labels: &["design", "method"],
                words: &[
                    "randomi",
                    "trial",
                    "cohort",
                    "case-control",
                    "cross-sectional",
                    "retrospective",
                    "prospective",
                    "meta-analysis",
                    "systematic review",
                    "double-blind",
                    "observational",
                    "survey",
                    "case report",
                ],
            },
            Self::Numbers => Cues {
                labels: &["result", "finding"],
                words: &[
                    "95%",
                    "ci ",
                    "confidence interval",
                    "p =",
                    "p=",
                    "p <",
                    "p<",
                    "odds ratio",
                    "hazard ratio",
                    "%",
                ],
            },
            Self::Limits => Cues {
                labels: &["limitation"],
                words: &[
                    "limitation",
                    "limited by",
                    "small sample",
                    "further studies",
                    "further research",
                    "caution",
                    "larger studies",
                    "not generaliz",
                    "remains unclear",
                    "could not be",
                    "more research",
                ],
            },
            Self::Conclusion => Cues {
                labels: &["conclusion", "interpretation", "implication"],
                words: &[
                    "conclude",
                    "in conclusion",
                    "our findings",
                    "these findings",
                    "our results",
                    "these results",
                    "suggest",
                ],
            },
        }
    }

    /// How much a sentence speaks of this part: at least 1 where its words or the label of its section say so. The numbers of
    /// a study are its sentences with digits alone, and limits are told by words alone.
    pub(super) fn score(self, sentence: &str, section: Option<&str>) -> f64 {
        let lower = format!(" {} ", sentence.to_lowercase());
        let section = section.unwrap_or_default().to_lowercase();
        let cues = self.cues();
        let labeled = cues.labels.iter().any(|label| section.contains(label));
        let words = cues.words.iter().filter(|word| lower.contains(**word)).count() as f64;
        let digits = sentence.chars().any(|c| c.is_ascii_digit());
        match self {
            Self::Numbers if !digits => 0.0,
            Self::Numbers => words + 2.0 * interval_texts(sentence).len() as f64,
            Self::Population => {
                let counted = if sample_size(sentence).is_some() { 2.0 } else { 0.0 };
                if labeled { words + 1.0 + counted } else { words.min(2.0) * 0.5 + counted }
            }
            Self::Question | Self::Conclusion | Self::Outcome if labeled => 2.0 + words,
            Self::Intervention | Self::Comparison | Self::Design if labeled => words.min(1.0) + words * 0.5,
            _ => words,
        }
    }
}

/// The kind of study that a text names, the most specific first.
#[must_use]
pub fn design(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let kinds: [(&str, &[&str]); 10] = [
        ("meta-analysis", &["meta-analysis", "meta analysis", "metaanalysis"]),
        ("systematic review", &["systematic review"]),
        ("randomized trial", &["randomized", "randomised"]),
        ("case-control study", &["case-control", "case control"]),
        ("cross-sectional study", &["cross-sectional", "cross sectional"]),
        ("cohort study", &["cohort"]),
        ("case report", &["case report", "case series"]),
        ("prospective study", &["prospective"]),
        ("retrospective study", &["retrospective"]),
        ("survey", &["survey", "questionnaire"]),
    ];
    // "Nonrandomized" is none.
    let names = |word: &&str| lower.match_indices(*word).any(|(at, _)| !lower[..at].ends_with(['n', '-']));
    kinds.iter().find(|(_, words)| words.iter().any(names)).map(|(kind, _)| *kind)
}

/// How many persons a sentence counts: a number before "patients" and their like, with at most two words between, or behind
/// "n =".
#[must_use]
pub fn sample_size(sentence: &str) -> Option<u64> {
    const WHO: [&str; 14] = [
        "patients",
        "participants",
        "subjects",
        "women",
        "men",
        "children",
        "infants",
        "adults",
        "individuals",
        "volunteers",
        "cases",
        "persons",
        "people",
        "respondents",
    ];
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let number = |word: &str| -> Option<u64> {
        let bare = word.trim_matches(|c: char| !c.is_ascii_digit() && c != '%');
        if bare.ends_with('%') || bare.contains('.') {
            return None;
        }
        bare.replace(',', "").parse().ok().filter(|number| *number > 0)
    };
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let bare = word.trim_matches(|c: char| !c.is_alphabetic()).to_lowercase();
        if WHO.contains(&bare.as_str()) {
            let before = words[at.saturating_sub(3)..at].iter().rev();
            found.extend(before.take_while(|word| !word.ends_with([',', ';'])).find_map(|word| number(word)));
        }
        if bare == "n" {
            let behind = words[at..].iter().take(3).filter(|word| word.chars().any(|c| c.is_ascii_digit()));
            found.extend(behind.take(1).filter_map(|word| number(word)));
        }
    }
    found.into_iter().max()
}

/// Confidence intervals and p values of a sentence, as they are written.
#[must_use]
pub fn interval_texts(sentence: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lower = sentence.to_ascii_lowercase();
    for mark in ["95% ci", "95% confidence interval", "95 % ci", "99% ci", "90% ci"] {
        for (at, _) in lower.match_indices(mark) {
            let rest = &sentence[at..];
            let behind = mark.len();
            let numeric = |c: char| c.is_ascii_digit() || " .,:;=-\u{2013}()[]%".contains(c);
            let mut end = behind;
            let mut tail = &rest[behind..];
            loop {
                let run: usize = tail.chars().take_while(|c| numeric(*c)).map(char::len_utf8).sum();
                end += run;
                tail = &tail[run..];
                match tail.strip_prefix("to ") {
                    Some(after)
                        if after.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit()) =>
                    {
                        end += 3;
                        tail = after;
                    }
                    _ => break,
                }
            }
            let text = rest[..end].trim_end_matches(|c: char| !c.is_ascii_digit() && c != '%');
            if text.len() > behind {
                found.push(text.to_owned());
            }
        }
    }
    let bytes = lower.as_bytes();
    for (at, _) in lower.match_indices('p') {
        let begins = at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
        let rest = lower[at + 1..].trim_start();
        let Some(sign) = rest.chars().next().filter(|c| "=<>\u{2264}".contains(*c)) else { continue };
        let number: String = rest[sign.len_utf8()..]
            .trim_start()
            .chars()
            .take_while(|c| c.is_ascii_digit() || *c == '.')
            .collect();
        let number = number.trim_end_matches('.');
        if begins && !number.is_empty() {
            found.push(format!("p {sign} {number}"));
        }
    }
    found
}
