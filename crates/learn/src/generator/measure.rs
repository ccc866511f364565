use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wilhelm_filters::Preparation;
use wilhelm_knowledge::{LabelCues, Status, label_report};
use wilhelm_nets::arch::ImageWriter;
use wilhelm_nets::text::decoding::{Beams, Ended, Limits, Nucleus, Said, beam, greedy, sample};
use wilhelm_stats::Resampling;

use super::lessons::images;
use super::{About, ReportRecipe, Vocabulary};
use crate::evaluation::texts::{TextScore, TextSettings, TextTokenizer, TextVariety, Texts, score_texts};
use crate::evaluation::{Figure, Sampler};
use crate::train::EVALUATION_BATCH;
use crate::{Example, LearnError, Split};

/// Scores of overlap that are told, by their keys.
const SCORES: [&str; 4] = ["bleu_4", "rouge_l_f", "meteor", "cider_d"];

/// How words are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decoding {
    /// The likeliest word each time.
    #[default]
    Greedy,
    /// The best text among three that are kept.
    Beam,
    /// By chance among the likeliest words that together have 0.9 of the probability; the recipe's seed decides.
    Nucleus,
}

impl Decoding {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Greedy => "the likeliest word each time",
            Self::Beam => "the best text of a beam of 3, by the mean of its words",
            Self::Nucleus => "by chance among the likeliest words that together have 0.9 of the probability",
        }
    }
}

/// What a generator's texts say, beside what simpler things say of the same images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportFigures {
    /// Validation images.
    pub images: usize,
    /// How texts and figures were made, in words: without these the numbers mean nothing.
    pub conventions: Vec<String>,
    /// Accuracy of the classifier on the same images.
    pub classifier: Figure,
    /// The generator first, then what it is compared with.
    pub systems: Vec<SystemFigures>,
}

/// Figures of one source of texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SystemFigures {
    /// Its name.
    pub name: String,
    /// What it does.
    pub what: String,
    /// Share of the texts that say the image's label, and no other.
    pub label_accuracy: Figure,
    /// That share less the classifier's accuracy, image by image.
    pub less_classifier: Figure,
    /// The same share where the rule labeler reads the texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_accuracy_by_labeler: Option<Figure>,
    /// Share of the texts that say what is true, sentence by sentence.
    pub sentences: Vec<SlotFigure>,
    /// Share of the texts in which every sentence is true and none is strange.
    pub all_true: Figure,
    /// Texts that say two things that exclude each other.
    pub contradictory: usize,
    /// Sentences that are none of the grammar's.
    pub unread: usize,
    /// Texts that were cut off because they did not end.
    pub unended: usize,
    /// Overlap with the image's own text.
    pub scores: Vec<TextScore>,
    /// Distinct words and texts, and repetition, beside the references'.
    pub variety: Vec<TextVariety>,
}

/// Of one sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlotFigure {
    /// What it says something of.
    pub about: About,
    /// Share of the texts that say what is true.
    pub accuracy: Figure,
}

/// All that figures are made of.
pub(super) struct Measured<'a> {
    pub recipe: &'a ReportRecipe,
    pub examples: &'a [Example],
    pub split: &'a Split,
    /// Of each example its text.
    pub texts: &'a [String],
    /// What the classifier says of each validation image.
    pub calls: &'a [usize],
    pub preparation: &'a Preparation,
}

/// Texts of the validation images, in their order, and how many of them did not end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Generated {
    pub texts: Vec<String>,
    pub unended: usize,
}

/// Writes about the validation images.
pub(super) fn generate(
    of: &Measured<'_>,
    network: &ImageWriter,
    vocabulary: &Vocabulary,
    decoding: Decoding,
) -> Result<Generated, LearnError> {
    let limits = Limits { end: vocabulary.end(), most: of.recipe.decoder.most_words };
    let mut found = Generated { texts: Vec::with_capacity(of.split.validation.len()), unended: 0 };
    for places in of.split.validation.chunks(EVALUATION_BATCH) {
        let features = network.features(images(of.examples, places, of.preparation));
        for (place, features) in places.iter().zip(features) {
            let mut speaking = network.speak(&features, &[]);
            let said: Said = match decoding {
                Decoding::Greedy => greedy(&mut speaking, limits)?,
                Decoding::Beam => {
                    let best = beam(&mut speaking, limits, Beams { width: 3, length_penalty: 1.0 })?;
                    best.into_iter().next().expect("a beam that has room ends with a text")
                }
                Decoding::Nucleus => {
                    let seed = of.recipe.recipe.seed.wrapping_add(*place as u64);
                    sample(&mut speaking, limits, Nucleus { share: 0.9, temperature: 1.0, seed })?
                }
            };
            found.unended += usize::from(said.ended == Ended::Most);
            found.texts.push(vocabulary.decode(&said.tokens)?);
        }
    }
    Ok(found)
}

/// Measures the texts of a generator and of what it is compared with: the commonest training text of every image, the text
/// of the nearest training image, and the classifier's call in the grammar's first words.
///
/// # Errors
/// [`LearnError`] where figures have no value.
pub(super) fn measure(
    generated: &[(Decoding, Generated)],
    of: &Measured<'_>,
    resampling: Resampling,
) -> Result<ReportFigures, LearnError> {
    let Measured { recipe, examples, split, texts, calls, .. } = of;
    let validation = &split.validation;
    let labels: Vec<usize> = validation.iter().map(|place| examples[*place].label).collect();
    let patients: Option<Vec<usize>> = validation.iter().map(|place| examples[*place].patient).collect();
    let sampler = Sampler::new(validation.len(), patients.as_deref(), resampling);
    let right: Vec<f64> =
        labels.iter().zip(*calls).map(|(label, call)| f64::from(u8::from(label == call))).collect();
    let mut systems = Vec::new();
    for (decoding, Generated { texts, unended }) in generated {
        let name = match decoding {
            Decoding::Greedy => "generator",
            Decoding::Beam => "generator, beam",
            Decoding::Nucleus => "generator, by chance",
        };
        systems.push((name, decoding.words().to_owned(), texts.clone(), *unended));
    }
    let constant = vec![commonest(split.training.iter().map(|place| texts[*place].as_str())); labels.len()];
    systems.push(("constant", "the commonest training text, of every image".to_owned(), constant, 0));
    let near = nearest(examples, split).into_iter().map(|place| texts[place].clone()).collect();
    systems.push((
        "nearest neighbor",
        "the text of the nearest training image, by its pixels".to_owned(),
        near,
        0,
    ));
    let plain = validation.iter().zip(*calls).map(|(place, call)| {
        recipe.grammar.write_plainly(&recipe.grammar.facts(*call, &examples[*place].pixels))
    });
    let what = "the classifier's label, and what is computed from the pixels, in the grammar's first words";
    systems.push(("classifier + grammar", what.to_owned(), plain.collect(), 0));
    let systems = systems
        .into_iter()
        .map(|(name, what, texts, unended)| {
            let system = System { name, what, texts: &texts, unended };
            system.figures(of, &sampler, &right)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let all = sampler.figures(1, |rows, numbers| numbers[0] = mean(&right, rows));
    Ok(ReportFigures {
        images: validation.len(),
        conventions: conventions(resampling),
        classifier: all.into_iter().next().expect("one was asked for"),
        systems,
    })
}

fn conventions(resampling: Resampling) -> Vec<String> {
    vec![
        "texts are read back by the grammar that made the references: a sentence that is none of its wordings is not read"
            .to_owned(),
        "a text that says two labels, or none, is wrong".to_owned(),
        "what is computed from the pixels is true by construction for \"classifier + grammar\"".to_owned(),
        "wordings of the references are drawn at random, so no text can overlap with all of them".to_owned(),
        format!(
            "intervals: {} % percentiles of {} resamples of validation images",
            resampling.level * 100.0,
            resampling.replicates
        ),
    ]
}

struct System<'a> {
    name: &'a str,
    what: String,
    texts: &'a [String],
    unended: usize,
}

impl System<'_> {
    fn figures(
        self,
        of: &Measured<'_>,
        sampler: &Sampler,
        classifier: &[f64],
    ) -> Result<SystemFigures, LearnError> {
        let grammar = &of.recipe.grammar;
        let slots = grammar.slots.len();
        let label = grammar.label_slot();
        let second = grammar.slots[label].labeler;
        // Of each text: every slot, all of them, and the second reader.
        let mut marks: Vec<Vec<f64>> = vec![Vec::with_capacity(self.texts.len()); slots + 2];
        let (mut contradictory, mut unread) = (0, 0);
        for (text, place) in self.texts.iter().zip(&of.split.validation) {
            let truth = grammar.truth(&of.examples[*place]);
            let reading = grammar.read(text);
            let mut all = reading.unread == 0;
            for (slot, truth) in truth.iter().enumerate() {
                let right = reading.said[slot] == Some(*truth);
                all &= right;
                marks[slot].push(f64::from(u8::from(right)));
            }
            marks[slots].push(f64::from(u8::from(all)));
            contradictory += usize::from(reading.contradictions > 0);
            unread += reading.unread;
            if let Some(second) = second {
                let found = label_report(text, LabelCues::default()).labels.get(&second.observation).copied();
                let right = (found == Some(Status::Present)) == (truth[label] == second.present);
                marks[slots + 1].push(f64::from(u8::from(right)));
            }
        }
        let mut figures = sampler
            .figures(slots + 3, |rows, numbers| {
                for (number, marks) in numbers.iter_mut().zip(&marks) {
                    if !marks.is_empty() {
                        *number = mean(marks, rows);
                    }
                }
                numbers[slots + 2] = mean(&marks[label], rows) - mean(classifier, rows);
            })
            .into_iter();
        let sentences: Vec<SlotFigure> = grammar
            .slots
            .iter()
            .zip(figures.by_ref().take(slots))
            .map(|(slot, accuracy)| SlotFigure { about: slot.about, accuracy })
            .collect();
        let mut next = || figures.next().expect("as many as were asked for");
        let (all_true, by_labeler, less_classifier) = (next(), next(), next());
        let (scores, variety) = self.overlap(of, sampler.settings)?;
        Ok(SystemFigures {
            name: self.name.to_owned(),
            label_accuracy: sentences[label].accuracy.clone(),
            less_classifier,
            label_accuracy_by_labeler: second.map(|_| by_labeler),
            sentences,
            all_true,
            contradictory,
            unread,
            unended: self.unended,
            scores,
            variety,
            what: self.what,
        })
    }

    /// Overlap of the texts with the images' own.
    fn overlap(
        &self,
        of: &Measured<'_>,
        resampling: Resampling,
    ) -> Result<(Vec<TextScore>, Vec<TextVariety>), LearnError> {
        let table = |file: &str, texts: Vec<String>| {
            let names = of.split.validation.iter().map(|place| of.examples[*place].source.clone());
            let cases = names.zip(texts.into_iter().map(|text| vec![text])).collect();
            Texts { file: file.to_owned(), cases }
        };
        let own = of.split.validation.iter().map(|place| of.texts[*place].clone()).collect();
        let (truth, written) = (table("references", own), table(self.name, self.texts.to_vec()));
        let settings =
            TextSettings { tokenizer: TextTokenizer::Report, stems: true, partial: false, resampling };
        let report = score_texts(&truth, &written, None, &settings)?;
        let scores = report.scores.into_iter().filter(|score| SCORES.contains(&score.key.as_str())).collect();
        Ok((scores, report.variety))
    }
}

fn mean(of: &[f64], rows: &[usize]) -> f64 {
    rows.iter().map(|row| of[*row]).sum::<f64>() / rows.len().max(1) as f64
}

/// The text that most have; of several the first by the alphabet.
fn commonest<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    texts.for_each(|text| *counts.entry(text).or_default() += 1);
    let most = counts.values().max().copied();
    let found = counts.into_iter().find(|(_, count)| Some(*count) == most);
    found.map_or_else(String::new, |(text, _)| text.to_owned())
}

/// Of each validation image the training image whose pixels are nearest.
fn nearest(examples: &[Example], split: &Split) -> Vec<usize> {
    use rayon::prelude::*;
    let distance = |a: &Example, b: &Example| -> f32 {
        a.pixels.iter().zip(&b.pixels).map(|(one, other)| (one - other) * (one - other)).sum()
    };
    split
        .validation
        .par_iter()
        .map(|place| {
            let own = &examples[*place];
            let near = split.training.iter().copied().min_by(|a, b| {
                distance(own, &examples[*a]).total_cmp(&distance(own, &examples[*b])).then(a.cmp(b))
            });
            near.expect("a split has training images")
        })
        .collect()
}
