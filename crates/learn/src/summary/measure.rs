use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use wilhelm_knowledge::{LabelCues, Observation, Status, label_report};
use wilhelm_nets::arch::Gpt;
use wilhelm_nets::text::decoding::{Beams, Ended, Limits, Nucleus, beam, greedy, sample};
use wilhelm_stats::Resampling;
use wilhelm_stats::text::{EmptySets, LabelSets};

use super::train::{Numbered, numbered};
use super::{Reports, SummaryCase, SummaryRecipe};
use crate::LearnError;
use crate::evaluation::texts::{TextScore, TextSettings, TextTokenizer, TextVariety, Texts, score_texts};
use crate::evaluation::{Figure, Sampler};
use crate::generator::{Decoding, Vocabulary};
use crate::sources::{Terms, WordModel, cosine};

/// Scores of overlap that are told, by their keys.
const SCORES: [&str; 6] = ["bleu_1", "bleu_4", "rouge_1_f", "rouge_l_f", "meteor", "cider_d"];

/// What is said of the reports held out, and how good it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SummaryFigures {
    /// Reports held out.
    pub reports: usize,
    /// What is written: a section, or `tags`.
    pub target: String,
    /// Sources of all reports that lost their end before the network.
    pub cut_sources: usize,
    /// Every system, the generator's ways of choosing words first.
    pub systems: Vec<SummarySystem>,
    /// How texts and labels were compared.
    pub conventions: Vec<String>,
}

/// What one system writes is worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SummarySystem {
    /// Its name.
    pub name: String,
    /// What it does.
    pub what: String,
    /// F1 of the labels that a rule labeler reads in its texts against those it reads in the references; of a system that writes
    /// tags, none.
    pub label_f1: Option<Figure>,
    /// F1 of its labels against those that people gave: all alike.
    pub tag_f1: Figure,
    /// The same, each label alike.
    pub tag_macro_f1: Figure,
    /// Texts that did not end.
    pub unended: usize,
    /// Overlap with the references; none for tags.
    pub scores: Vec<TextScore>,
    /// How varied the texts are.
    pub variety: Vec<TextVariety>,
}

/// Texts of a generator.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub texts: Vec<String>,
    pub unended: usize,
    pub cut: usize,
}

/// Writes about the reports held out.
pub(super) fn write(
    recipe: &SummaryRecipe,
    reports: &Reports,
    network: &Gpt,
    vocabulary: &Vocabulary,
    decoding: Decoding,
) -> Result<Written, LearnError> {
    let Numbered { sources, cut } = numbered(recipe, reports, vocabulary)?;
    let limits = Limits { end: vocabulary.end(), most: recipe.texts.most_target };
    let mut found = Written { texts: Vec::with_capacity(reports.test.len()), unended: 0, cut };
    for place in &reports.test {
        let numbers: Vec<i64> = sources[*place].iter().map(|number| i64::from(*number)).collect();
        let numbers = TensorData::new(numbers, [1, sources[*place].len()]);
        let mut speaking = network.speak(network.vectors(Tensor::from_data(numbers, &Device::flex())));
        let said = match decoding {
            Decoding::Greedy => greedy(&mut speaking, limits)?,
            Decoding::Beam => {
                let best = beam(&mut speaking, limits, Beams { width: 3, length_penalty: 1.0 })?;
                best.into_iter().next().expect("a beam that has room ends with a text")
            }
            Decoding::Nucleus => {
                let seed = recipe.seed.wrapping_add(*place as u64);
                sample(&mut speaking, limits, Nucleus { share: 0.9, temperature: 1.0, seed })?
            }
        };
        found.unended += usize::from(said.ended == Ended::Most);
        found.texts.push(vocabulary.decode(&said.tokens)?);
    }
    Ok(found)
}

/// A system with what it says: texts, or labels alone.
struct Saying {
    name: &'static str,
    what: &'static str,
    texts: Vec<String>,
    /// Where labels are said without a text.
    labels: Option<Vec<BTreeSet<String>>>,
    unended: usize,
}

/// Measures a generator beside what needs no network.
///
/// # Errors
/// [`LearnError`] where figures have no value.
pub(super) fn measure(
    recipe: &SummaryRecipe,
    reports: &Reports,
    written: &[(Decoding, Written)],
    resampling: Resampling,
) -> Result<SummaryFigures, LearnError> {
    let test: Vec<&SummaryCase> = reports.some(&reports.test).collect();
    let mut systems: Vec<Saying> = written
        .iter()
        .map(|(decoding, written)| {
            let (name, what) = match decoding {
                Decoding::Greedy => ("generator", "the likeliest word each time"),
                Decoding::Beam => ("generator, beam", "the best text of a beam of three"),
                Decoding::Nucleus => {
                    ("generator, by chance", "words drawn among the likeliest, 0.9 of the probability")
                }
            };
            Saying { name, what, texts: written.texts.clone(), labels: None, unended: written.unended }
        })
        .collect();
    systems.extend(others(recipe, reports, &test)?);
    let sampler = Sampler::new(test.len(), None, resampling);
    let tags: Vec<BTreeSet<String>> = test.iter().map(|case| case.tags.clone()).collect();
    let writes_tags = recipe.texts.writes_tags();
    let references: Vec<BTreeSet<String>> = test.iter().map(|case| labels_of(&case.target)).collect();
    let systems = systems
        .into_iter()
        .map(|saying| {
            let said: Vec<BTreeSet<String>> = match (&saying.labels, writes_tags) {
                (Some(labels), _) => labels.clone(),
                (None, true) => saying.texts.iter().map(|text| tags_of(text)).collect(),
                (None, false) => saying.texts.iter().map(|text| labels_of(text)).collect(),
            };
            let [tag_f1, tag_macro_f1] = f1(&sampler, &said, &tags)?;
            let label_f1 =
                if writes_tags { None } else { Some(f1(&sampler, &said, &references)?[0].clone()) };
            let (scores, variety) = if saying.labels.is_some() {
                (Vec::new(), Vec::new())
            } else {
                overlap(&saying, &test, resampling)?
            };
            Ok(SummarySystem {
                name: saying.name.to_owned(),
                what: saying.what.to_owned(),
                label_f1,
                tag_f1,
                tag_macro_f1,
                unended: saying.unended,
                scores: if writes_tags { Vec::new() } else { scores },
                variety,
            })
        })
        .collect::<Result<Vec<_>, LearnError>>()?;
    Ok(SummaryFigures {
        reports: test.len(),
        target: recipe.texts.target.clone(),
        cut_sources: written.first().map_or(0, |(_, written)| written.cut),
        systems,
        conventions: vec![
            "Labels are CheXpert's fourteen; in a text they are read by rules, and what is in doubt counts as there.".to_owned(),
            "Tags are the labels that follow from the MeSH tags that people gave, by tools/iu_reports.py.".to_owned(),
            "Reports whose last source section is the same stand on one side of the split.".to_owned(),
        ],
    })
}

/// What needs no network.
fn others(
    recipe: &SummaryRecipe,
    reports: &Reports,
    test: &[&SummaryCase],
) -> Result<Vec<Saying>, LearnError> {
    let training: Vec<&SummaryCase> = reports.some(&reports.training).collect();
    let plain = |name, what, texts: Vec<String>| Saying { name, what, texts, labels: None, unended: 0 };
    let commonest = commonest(training.iter().map(|case| case.target.as_str()));
    let terms = Terms::of(training.iter().map(|case| case.last.as_str()), 2, usize::MAX);
    let known: Vec<Vec<(usize, f64)>> = training.iter().map(|case| terms.vector(&case.last)).collect();
    let nearest: Vec<String> = test
        .par_iter()
        .map(|case| {
            let own = terms.vector(&case.last);
            let near = |a: &usize, b: &usize| {
                cosine(&own, &known[*a]).total_cmp(&cosine(&own, &known[*b])).then(b.cmp(a))
            };
            let best = (0..training.len()).max_by(near).expect("a split has training reports");
            training[best].target.clone()
        })
        .collect();
    let mut all = vec![
        plain("constant", "the commonest training text for every report", vec![commonest; test.len()]),
        plain(
            "nearest neighbor",
            "the text of the training report whose last source section is nearest, by the cosine of words and pairs of words",
            nearest,
        ),
    ];
    if recipe.texts.writes_tags() {
        let read = test.iter().map(|case| labels_of(&case.last)).collect();
        all.push(Saying {
            labels: Some(read),
            ..plain("rules", "the labels that a rule labeler reads in the last source section", Vec::new())
        });
        all.push(Saying {
            labels: Some(by_words(&training, test)?),
            ..plain("words", "logistic regression on words, a label at a time, at 0.5", Vec::new())
        });
    } else {
        let lead = test.iter().map(|case| lead(&case.last)).collect();
        all.push(plain("lead sentence", "the first sentence of the last source section", lead));
        let last = test.iter().map(|case| case.last.clone()).collect();
        all.push(plain("whole section", "the last source section as it is", last));
    }
    Ok(all)
}

/// Labels by logistic regression on words; a label that too few reports have is never said.
fn by_words(training: &[&SummaryCase], test: &[&SummaryCase]) -> Result<Vec<BTreeSet<String>>, LearnError> {
    let texts: Vec<&str> = training.iter().map(|case| case.last.as_str()).collect();
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    training.iter().flat_map(|case| &case.tags).for_each(|tag| *counts.entry(tag).or_default() += 1);
    let often: Vec<&String> =
        counts.into_iter().filter(|(_, count)| *count >= 5).map(|(tag, _)| tag).collect();
    let models = often.par_iter().map(|tag| {
        let has: Vec<bool> = training.iter().map(|case| case.tags.contains(*tag)).collect();
        Ok(((*tag).clone(), WordModel::fit(&texts, &has, 10.0)?))
    });
    let models = models.collect::<Result<Vec<_>, LearnError>>()?;
    let said = |case: &&SummaryCase| {
        models
            .iter()
            .filter(|(_, model)| model.log_odds(&case.last) > 0.0)
            .map(|(tag, _)| tag.clone())
            .collect()
    };
    Ok(test.iter().map(said).collect())
}

/// Micro and macro F1 with their intervals.
fn f1(
    sampler: &Sampler,
    said: &[BTreeSet<String>],
    truth: &[BTreeSet<String>],
) -> Result<[Figure; 2], LearnError> {
    let sets = LabelSets::new(said, truth)?;
    let mut found = sampler
        .figures(2, |rows, numbers| {
            let scores = sets.scores_of(rows, EmptySets::Agree);
            numbers[0] = scores.micro.f1.unwrap_or(f64::NAN);
            numbers[1] = scores.macro_f1.unwrap_or(f64::NAN);
        })
        .into_iter();
    let mut next = || found.next().expect("two were asked for");
    Ok([next(), next()])
}

fn overlap(
    saying: &Saying,
    test: &[&SummaryCase],
    resampling: Resampling,
) -> Result<(Vec<TextScore>, Vec<TextVariety>), LearnError> {
    let table = |file: &str, texts: Vec<String>| {
        let names = test.iter().map(|case| case.id.clone());
        let cases = names.zip(texts.into_iter().map(|text| vec![text])).collect();
        Texts { file: file.to_owned(), cases }
    };
    let truth = table("references", test.iter().map(|case| case.target.clone()).collect());
    let written = table(saying.name, saying.texts.clone());
    let settings = TextSettings { tokenizer: TextTokenizer::Report, stems: true, partial: false, resampling };
    let report = score_texts(&truth, &written, None, &settings)?;
    let scores = report.scores.into_iter().filter(|score| SCORES.contains(&score.key.as_str())).collect();
    Ok((scores, report.variety))
}

/// The labels that a rule labeler reads in a text, what is in doubt included.
pub(super) fn labels_of(text: &str) -> BTreeSet<String> {
    let found = label_report(text, LabelCues::default()).labels;
    found
        .into_iter()
        .filter(|(_, status)| *status != Status::Absent)
        .map(|(of, _)| of.name().to_owned())
        .collect()
}

/// The labels that a text names as targets have them, one after another with semicolons.
pub(super) fn tags_of(text: &str) -> BTreeSet<String> {
    let named = |part: &str| {
        let part = part.split_whitespace().collect::<Vec<_>>().join(" ");
        Observation::ALL.into_iter().find(|of| of.name().eq_ignore_ascii_case(&part))
    };
    text.split(';').filter_map(named).map(|of| of.name().to_owned()).collect()
}

/// The first sentence.
pub(super) fn lead(text: &str) -> String {
    let end = text.char_indices().find(|(at, character)| {
        let next = text[at + character.len_utf8()..].chars().next();
        matches!(character, '.' | '!' | '?') && next.is_none_or(char::is_whitespace)
    });
    end.map_or(text, |(at, mark)| &text[..at + mark.len_utf8()]).to_owned()
}

/// The text that most have; of several the first by the alphabet.
fn commonest<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    texts.for_each(|text| *counts.entry(text).or_default() += 1);
    let most = counts.values().max().copied();
    let found = counts.into_iter().find(|(_, count)| Some(*count) == most);
    found.map_or_else(String::new, |(text, _)| text.to_owned())
}
