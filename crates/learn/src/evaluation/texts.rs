//! What generated texts are worth against those that people wrote: every score with its interval, its tokenizer and its
//! smoothing, beside what a model reaches that does not look.

mod read;
mod scores;

pub use read::{TextColumns, Texts};
pub use wilhelm_stats::text::TextTokenizer;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wilhelm_stats::Resampling;
use wilhelm_stats::text::{distinct_ngrams, distinct_texts, repetition_rate};

use super::figure::Sampler;
use super::{EvaluationError, Figure, Method};
use scores::{CaseReferences, Scored};

/// How texts are scored.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextSettings {
    /// The tokenizer of BLEU, ROUGE-L, METEOR and CIDEr-D by pycocoevalcap's rules, and of variety.
    pub tokenizer: TextTokenizer,
    /// Whether ROUGE by rouge-score's rules compares stems.
    pub stems: bool,
    /// Take the cases that both sides have, instead of refusing those that one lacks.
    pub partial: bool,
    /// Resamples, coverage and seed of the intervals.
    pub resampling: Resampling,
}

/// What was compared and what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextReport {
    /// The number of this shape of file.
    pub schema: u32,
    /// What made it.
    pub program: String,
    /// Always true: nothing here is approved for patients.
    pub research_use_only: bool,
    /// The file with the references.
    pub truth: String,
    /// The file with the texts that are scored.
    pub written: String,
    /// The file of a second system, if there is one.
    pub compared: Option<String>,
    /// How texts were scored.
    pub settings: TextSettings,
    /// Cases.
    pub cases: usize,
    /// References of all cases.
    pub references: usize,
    /// Cases whose text is empty: they score 0.
    pub empty: usize,
    /// Each score.
    pub scores: Vec<TextScore>,
    /// How varied the texts are, beside the references.
    pub variety: Vec<TextVariety>,
    /// What to know when reading the figures.
    pub notes: Vec<String>,
}

/// One score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextScore {
    /// Its name in files.
    pub key: String,
    /// Its name for people.
    pub name: String,
    /// Tokenizer, smoothing and aggregation: without these the number means nothing.
    pub convention: String,
    /// Of the texts.
    pub figure: Figure,
    /// Of saying the commonest reference of every case.
    pub baseline: f64,
    /// Of the second system on the same cases.
    pub compared: Option<f64>,
    /// First minus second, on the same resamples.
    pub difference: Option<Figure>,
    /// Two-sided: twice the share of resamples in which the difference is on the rarer side of 0.
    pub p: Option<f64>,
}

/// One measure of variety: it has no interval, since a resample repeats texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextVariety {
    /// Its name.
    pub name: String,
    /// Of the texts.
    pub written: Option<f64>,
    /// Of the first reference of each case.
    pub references: Option<f64>,
    /// Of the second system.
    pub compared: Option<f64>,
}

/// Scores texts against their references, and a second system on the same cases if there is one.
///
/// # Errors
/// [`EvaluationError`] for cases that one side lacks (unless `partial`), several texts of one case, fewer than two
/// cases, and settings outside their range.
///
/// # Source
/// Of each score as in `wilhelm_stats::text`
pub fn score_texts(
    truth: &Texts,
    written: &Texts,
    compared: Option<&Texts>,
    settings: &TextSettings,
) -> Result<TextReport, EvaluationError> {
    super::check_resampling(settings.resampling)?;
    let mut notes = Vec::new();
    let mut sides = vec![written.single()?];
    if let Some(compared) = compared {
        sides.push(compared.single()?);
    }
    let files: Vec<&str> = [written].into_iter().chain(compared).map(|texts| texts.file.as_str()).collect();
    let ids = shared(truth, &sides, &files, settings.partial, &mut notes)?;
    if ids.len() < 2 {
        let what = format!("{} cases have a text and a reference, expected at least 2", ids.len());
        return Err(EvaluationError::Pairs(what));
    }
    let references: Vec<&Vec<String>> = ids.iter().map(|id| &truth.cases[*id]).collect();
    let commonest = commonest(&references);
    let cases = CaseReferences::of(&references, settings)?;
    let texts: Vec<Vec<&str>> =
        sides.iter().map(|side| ids.iter().map(|id| side[id.as_str()]).collect()).collect();
    let scored = texts.iter().map(|texts| cases.score(texts)).collect::<Result<Vec<Scored>, _>>()?;
    let baseline = cases.score(&vec![commonest; ids.len()])?;
    let empty = texts[0].iter().filter(|text| text.trim().is_empty()).count();
    if empty > 0 {
        notes.push(format!("{empty} texts are empty and score 0."));
    }
    let of_references = references.iter().filter(|of| of.iter().all(|text| text.trim().is_empty())).count();
    if of_references > 0 {
        notes.push(format!(
            "{of_references} cases have empty references alone: whatever is said of them scores 0."
        ));
    }
    let sampler = Sampler::new(ids.len(), None, settings.resampling);
    let all: Vec<usize> = (0..ids.len()).collect();
    let names = scores::names(settings);
    let figures = sampler.figures(names.len(), |rows, numbers| scored[0].of(rows, numbers));
    let mut of_baseline = vec![0.0; names.len()];
    baseline.of(&all, &mut of_baseline);
    let mut report = TextReport {
        schema: super::Report::SCHEMA,
        program: format!("wilhelm {}", env!("CARGO_PKG_VERSION")),
        research_use_only: true,
        truth: truth.file.clone(),
        written: written.file.clone(),
        compared: compared.map(|texts| texts.file.clone()),
        settings: *settings,
        cases: ids.len(),
        references: references.iter().map(|of| of.len()).sum(),
        empty,
        scores: Vec::new(),
        variety: variety(&cases, &texts, settings.tokenizer),
        notes,
    };
    for (place, (name, figure)) in names.into_iter().zip(figures).enumerate() {
        let mut score = TextScore {
            key: name.key,
            name: name.name,
            convention: name.convention,
            figure,
            baseline: of_baseline[place],
            compared: None,
            difference: None,
            p: None,
        };
        if let Some(other) = scored.get(1) {
            let found =
                sampler.difference(|rows| scored[0].one(rows, place), |rows| other.one(rows, place))?;
            let (low, high) = (found.difference.low, found.difference.high);
            score.compared = Some(found.second);
            score.difference = Some(Figure::new(found.difference.estimate, low, high, Method::Bootstrap));
            score.p = Some(found.p);
        }
        report.scores.push(score);
    }
    Ok(report)
}

/// The text that most cases have for a reference; of several the first by the alphabet.
fn commonest<'texts>(references: &[&'texts Vec<String>]) -> &'texts str {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for text in references.iter().flat_map(|of| of.iter()).filter(|text| !text.trim().is_empty()) {
        *counts.entry(text).or_default() += 1;
    }
    let most = counts.values().max().copied();
    counts.into_iter().find(|(_, count)| Some(*count) == most).map_or("", |(text, _)| text)
}

/// The cases that all sides have.
fn shared<'texts>(
    truth: &'texts Texts,
    sides: &[BTreeMap<&str, &str>],
    files: &[&str],
    partial: bool,
    notes: &mut Vec<String>,
) -> Result<Vec<&'texts String>, EvaluationError> {
    let mut lacks = Vec::new();
    for (side, file) in sides.iter().zip(files) {
        let missing: Vec<&str> =
            truth.cases.keys().map(String::as_str).filter(|id| !side.contains_key(id)).collect();
        let unknown: Vec<&str> = side.keys().copied().filter(|id| !truth.cases.contains_key(*id)).collect();
        for (file, of, ids) in [(*file, truth.file.as_str(), missing), (truth.file.as_str(), *file, unknown)]
        {
            if !ids.is_empty() {
                let shown = ids.iter().take(5).copied().collect::<Vec<_>>().join(", ");
                let more = if ids.len() > 5 { format!(" and {} more", ids.len() - 5) } else { String::new() };
                lacks.push(format!("{file} lacks {} cases of {of}: {shown}{more}", ids.len()));
            }
        }
    }
    match lacks.first() {
        Some(what) if !partial => {
            return Err(EvaluationError::Pairs(format!("{what}; --partial takes those that both have")));
        }
        _ => notes.extend(lacks.into_iter().map(|what| format!("{what}; they were left out."))),
    }
    let is_shared = |id: &&String| sides.iter().all(|side| side.contains_key(id.as_str()));
    Ok(truth.cases.keys().filter(is_shared).collect())
}

fn variety(cases: &CaseReferences, texts: &[Vec<&str>], tokenizer: TextTokenizer) -> Vec<TextVariety> {
    type Measure = fn(&[Vec<String>]) -> Option<f64>;
    let measures: [(&str, Measure); 4] = [
        ("distinct-1: share of the words that are distinct", |texts| distinct_ngrams(texts, 1)),
        ("distinct-2: share of the pairs of words that are distinct", |texts| distinct_ngrams(texts, 2)),
        ("share of the texts that are distinct", distinct_texts),
        ("repetition-4: share of the runs of four words that a text has said before", |texts| {
            let rates: Vec<f64> = texts.iter().filter_map(|text| repetition_rate(text, 4)).collect();
            (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64)
        }),
    ];
    let cut =
        |texts: &Vec<&str>| -> Vec<Vec<String>> { texts.iter().map(|text| tokenizer.tokens(text)).collect() };
    let sides: Vec<Vec<Vec<String>>> = texts.iter().map(cut).collect();
    let references = cases.first();
    measures
        .into_iter()
        .map(|(name, measure)| TextVariety {
            name: name.to_owned(),
            written: measure(&sides[0]),
            references: measure(&references),
            compared: sides.get(1).and_then(|texts| measure(texts)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> TextSettings {
        TextSettings {
            tokenizer: TextTokenizer::Report,
            stems: true,
            partial: false,
            resampling: Resampling { replicates: 200, level: 0.95, seed: 1 },
        }
    }

    fn texts(file: &str, text: &str) -> Texts {
        Texts::parse(file, text.as_bytes(), &TextColumns::default()).expect("texts")
    }

    const TRUTH: &str =
        "id,text\n1,no acute process\n2,small left effusion\n3,no acute process\n2,\"effusion, left\"\n";

    fn score<'report>(report: &'report TextReport, key: &str) -> &'report TextScore {
        report.scores.iter().find(|score| score.key == key).expect("a score")
    }

    #[test]
    fn the_references_themselves_score_1_and_a_constant_text_does_not() {
        let written = texts(
            "a.jsonl",
            "{\"id\":1,\"text\":\"No acute process.\"}\n{\"id\":2,\"text\":\"effusion left\"}\n{\"id\":3,\"text\":\"no acute process\"}\n",
        );
        let constant =
            texts("b.csv", "id,report\n1,no acute process\n2,no acute process\n3,no acute process\n");
        let truth = texts("t.csv", TRUTH);
        let report = score_texts(&truth, &written, Some(&constant), &settings()).expect("a report");
        assert_eq!((report.cases, report.references, report.empty), (3, 4, 0));
        let rouge = score(&report, "rouge_1_f");
        assert!(rouge.figure.value.is_some_and(|value| (value - 1.0).abs() < 1e-12), "{rouge:?}");
        // The constant text is the commonest reference, which the baseline says too.
        assert!((rouge.baseline - 2.0 / 3.0).abs() < 1e-12 && rouge.compared == Some(rouge.baseline));
        assert!(
            rouge
                .difference
                .as_ref()
                .and_then(|figure| figure.value)
                .is_some_and(|d| (d - 1.0 / 3.0).abs() < 1e-12)
        );
        assert_eq!(report.variety[2].compared, Some(1.0 / 3.0));
        assert!(report.scores.iter().all(|score| !score.convention.is_empty()));
    }

    #[test]
    fn cases_that_one_side_lacks_are_named_or_left_out() {
        let (truth, written) = (texts("t.csv", TRUTH), texts("a.csv", "id,text\n1,a\n3,b\n9,c\n"));
        let error = score_texts(&truth, &written, None, &settings()).expect_err("refused").to_string();
        assert_eq!(error, "a.csv lacks 1 cases of t.csv: 2; --partial takes those that both have");
        let partial = TextSettings { partial: true, ..settings() };
        let report = score_texts(&truth, &written, None, &partial).expect("a report");
        assert_eq!((report.cases, report.notes.len()), (2, 2));
        let twice = texts("a.csv", "id,text\n1,a\n1,b\n2,c\n3,d\n");
        let error = score_texts(&truth, &twice, None, &settings()).expect_err("refused").to_string();
        assert!(error.contains("a.csv: case 1 has 2 texts, expected one"), "{error}");
        let one = texts("a.csv", "id,text\n1,a\n");
        assert!(score_texts(&truth, &one, None, &partial).is_err());
    }
}
