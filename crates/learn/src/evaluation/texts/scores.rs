use rayon::prelude::*;
use wilhelm_stats::StatsError;
use wilhelm_stats::text::{
    BLEU_ORDER, BleuCounts, BleuRule, CAPTION_BETA, CIDER_SIGMA, CiderDocuments, MeteorRule, RougeScore,
    TextTokenizer, count_bleu, meteor, rouge_l, rouge_l_caption, rouge_l_summary, rouge_n,
};

use super::TextSettings;

/// Scores that are the mean of the cases' scores.
const MEANS: usize = 15;
/// BLEU of four orders and sacrebleu's.
const CORPUS: usize = BLEU_ORDER + 1;

/// What a score is called, and how it is made.
pub(super) struct Name {
    pub key: String,
    pub name: String,
    pub convention: String,
}

/// The scores in the order in which [`Scored::of`] gives them.
pub(super) fn names(settings: &TextSettings) -> Vec<Name> {
    let words = match settings.tokenizer {
        TextTokenizer::Whitespace => "words between white space",
        TextTokenizer::Mteval13a => "mteval-13a tokens",
        TextTokenizer::Alphanumeric => "lower-case letters and digits",
        TextTokenizer::AlphanumericStemmed => "stems of lower-case letters and digits",
        TextTokenizer::Report => "lower-case words without punctuation",
    };
    let name = |key: &str, name: &str, convention: String| Name {
        key: key.to_owned(),
        name: name.to_owned(),
        convention,
    };
    let mut names: Vec<Name> = (1..=BLEU_ORDER)
        .map(|order| {
            let convention =
                format!("{words}; of all cases together; 1e-15 for no match, as pycocoevalcap; closest reference length");
            name(&format!("bleu_{order}"), &format!("BLEU-{order}"), convention)
        })
        .collect();
    names.push(name(
        "sacrebleu",
        "BLEU (sacrebleu)",
        "mteval-13a tokens, letters as they are; of all cases together; exponential smoothing; closest reference length"
            .to_owned(),
    ));
    let stems = if settings.stems { "Porter stems of words above three letters" } else { "no stems" };
    for (key, title, what) in [
        ("rouge_1", "ROUGE-1", ""),
        ("rouge_2", "ROUGE-2", ""),
        ("rouge_l", "ROUGE-L", ""),
        ("rouge_lsum", "ROUGE-Lsum", "; lines are sentences"),
    ] {
        for (ending, part) in [("f", "F"), ("precision", "precision"), ("recall", "recall")] {
            let convention = format!(
                "lower-case letters and digits, {stems}; mean of the cases; reference with the best F, as rouge-score{what}"
            );
            names.push(name(&format!("{key}_{ending}"), &format!("{title} {part}"), convention));
        }
    }
    names.push(name(
        "rouge_l_caption",
        "ROUGE-L (captions)",
        format!("{words}; mean of the cases; recall weighs 1.2 times, as pycocoevalcap"),
    ));
    names.push(name(
        "meteor",
        "METEOR (words and stems)",
        format!("{words}; mean of the cases; no synonyms and no paraphrases: not METEOR 1.5; alpha 0.9, beta 3, gamma 0.5"),
    ));
    names.push(name(
        "cider_d",
        "CIDEr-D",
        format!(
            "{words}; 0 to 10; mean of the cases; runs weighed by the references of these cases; sigma 6"
        ),
    ));
    names
}

/// The references of all cases, cut by every tokenizer that a score wants.
pub(super) struct CaseReferences {
    tokenizer: TextTokenizer,
    rouge: TextTokenizer,
    documents: CiderDocuments,
    cases: Vec<Cut>,
}

/// References of one case.
struct Cut {
    words: Vec<Vec<String>>,
    mteval: Vec<Vec<String>>,
    rouge: Vec<Vec<String>>,
    /// Of each reference its lines.
    lines: Vec<Vec<Vec<String>>>,
}

impl CaseReferences {
    pub(super) fn of(references: &[&Vec<String>], settings: &TextSettings) -> Result<Self, StatsError> {
        let rouge =
            if settings.stems { TextTokenizer::AlphanumericStemmed } else { TextTokenizer::Alphanumeric };
        let cut = |tokenizer: TextTokenizer, texts: &[String]| -> Vec<Vec<String>> {
            texts.iter().map(|text| tokenizer.tokens(text)).collect()
        };
        let cases: Vec<Cut> = references
            .par_iter()
            .map(|texts| Cut {
                words: cut(settings.tokenizer, texts),
                mteval: cut(TextTokenizer::Mteval13a, texts),
                rouge: cut(rouge, texts),
                lines: texts.iter().map(|text| lines(rouge, text)).collect(),
            })
            .collect();
        let words: Vec<Vec<Vec<String>>> = cases.iter().map(|case| case.words.clone()).collect();
        Ok(Self { tokenizer: settings.tokenizer, rouge, documents: CiderDocuments::of(&words)?, cases })
    }

    /// The first reference of each case.
    pub(super) fn first(&self) -> Vec<Vec<String>> {
        self.cases.iter().map(|case| case.words[0].clone()).collect()
    }

    /// One text a case, in the order of the cases.
    pub(super) fn score(&self, texts: &[&str]) -> Result<Scored, StatsError> {
        let cases = self.cases.par_iter().zip(texts);
        let scored = cases.map(|(case, text)| self.score_case(case, text)).collect::<Result<Vec<_>, _>>()?;
        Ok(Scored { cases: scored })
    }

    fn score_case(&self, case: &Cut, text: &str) -> Result<Case, StatsError> {
        let (words, own) = (self.tokenizer.tokens(text), self.rouge.tokens(text));
        let own_lines = lines(self.rouge, text);
        let grams = |length: usize| {
            let scores: Result<Vec<RougeScore>, StatsError> =
                case.rouge.iter().map(|reference| rouge_n(&own, reference, length)).collect();
            RougeScore::best(&scores?)
        };
        let longest: Vec<RougeScore> = case.rouge.iter().map(|reference| rouge_l(&own, reference)).collect();
        let summary: Vec<RougeScore> =
            case.lines.iter().map(|reference| rouge_l_summary(&own_lines, reference)).collect();
        let rouges = [grams(1)?, grams(2)?, RougeScore::best(&longest)?, RougeScore::best(&summary)?];
        let mut means = [0.0; MEANS];
        for (part, rouge) in means.chunks_mut(3).zip(rouges) {
            part.copy_from_slice(&[rouge.f, rouge.precision, rouge.recall]);
        }
        means[12] = rouge_l_caption(&words, &case.words, CAPTION_BETA)?;
        means[13] = meteor(&words, &case.words, MeteorRule::FIRST)?;
        means[14] = self.documents.score(&words, &case.words, CIDER_SIGMA)?;
        Ok(Case {
            caption: count_bleu(&words, &case.words)?,
            mteval: count_bleu(&TextTokenizer::Mteval13a.tokens(text), &case.mteval)?,
            means,
        })
    }
}

fn lines(tokenizer: TextTokenizer, text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| tokenizer.tokens(line)).collect()
}

struct Case {
    caption: BleuCounts,
    mteval: BleuCounts,
    means: [f64; MEANS],
}

/// What a system's texts score, case by case.
pub(super) struct Scored {
    cases: Vec<Case>,
}

impl Scored {
    /// All scores of some cases, which may repeat.
    pub(super) fn of(&self, rows: &[usize], numbers: &mut [f64]) {
        let (mut caption, mut mteval) = (BleuCounts::default(), BleuCounts::default());
        let mut sums = [0.0; MEANS];
        for &row in rows {
            let case = &self.cases[row];
            caption += case.caption;
            mteval += case.mteval;
            sums.iter_mut().zip(case.means).for_each(|(sum, value)| *sum += value);
        }
        let bleu = |counts: BleuCounts, rule: BleuRule| counts.score(rule).unwrap_or(f64::NAN);
        for (place, number) in numbers.iter_mut().enumerate() {
            *number = match place {
                ..BLEU_ORDER => bleu(caption, BleuRule { order: place + 1, ..BleuRule::CAPTION }),
                BLEU_ORDER => bleu(mteval, BleuRule::CORPUS),
                _ => sums[place - CORPUS] / rows.len() as f64,
            };
        }
    }

    /// One score of some cases.
    pub(super) fn one(&self, rows: &[usize], place: usize) -> Option<f64> {
        if place >= CORPUS {
            let sum: f64 = rows.iter().map(|&row| self.cases[row].means[place - CORPUS]).sum();
            return Some(sum / rows.len() as f64);
        }
        let mut numbers = [0.0; CORPUS];
        self.of(rows, &mut numbers);
        Some(numbers[place]).filter(|number| number.is_finite())
    }
}
