//! `wilhelm explain concepts`

mod page;

use std::path::Path;

use serde_json::json;
use wilhelm_filters::Prepared;
use wilhelm_learn::robustness::Corruption;
use wilhelm_nets::explain::{Concept, ConceptLayer, ConceptScore, ConceptSettings, concept_scores};
use wilhelm_nets::{Card, Model};

use super::data::{self, LabeledSet};
use crate::args::{Concepts, ConceptsLayer, MadeConcept};
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, write_folder};
use crate::progress::Line;
use crate::{shelf, table};

/// How strongly an image is changed, of five severities.
const SEVERITY: usize = 3;
/// What every output says of every score.
const WHAT_A_SCORE_IS: &str =
    "A score says which way a number goes with what these examples have in common, not what causes disease.";

/// `wilhelm explain concepts`
pub fn run(verb: &Concepts, config: &Config) -> anyhow::Result<Exit> {
    let report = verb.out.join("concepts.json");
    if !verb.force && report.exists() {
        return Err(Stop::usage(format!("{} is already there: add --force to replace it", report.display())));
    }
    let named = named(verb)?;
    let model = shelf::open(verb.models.as_deref(), config)?.get(&verb.model)?.load()?;
    model.require_flat()?;
    let card = model.card();
    if !card.labels.iter().any(|label| label.key == verb.label) {
        let known: Vec<&str> = card.labels.iter().map(|label| label.key.as_str()).collect();
        return Err(Stop::usage(format!(
            "--label {}: model {} has {}",
            verb.label,
            card.name,
            known.join(", ")
        )));
    }
    let mut left_out = Vec::new();
    let mut read = |folder: &Path| -> anyhow::Result<Vec<Prepared>> {
        let LabeledSet { images, left_out: failed } = data::unlabeled(folder, verb.limit, card, config)?;
        left_out.extend(failed);
        Ok(images.into_iter().map(|image| image.prepared).collect())
    };
    let shown: Vec<(String, Vec<Prepared>)> =
        named.into_iter().map(|(name, folder)| Ok((name, read(folder)?))).collect::<anyhow::Result<_>>()?;
    let images = read(&verb.images)?;
    let mut random = match &verb.random {
        Some(folder) => read(folder)?,
        None => images.clone(),
    };
    let before = random.len();
    random.retain(|image| {
        !shown.iter().any(|(_, concept)| concept.iter().any(|one| one.pixels == image.pixels))
    });

    let mut notes = vec![WHAT_A_SCORE_IS.to_owned()];
    notes.push(format!(
        "random sets are drawn from {} images and overlap: the fewer there are, the smaller the chances of error look",
        random.len()
    ));
    if verb.random.is_none() {
        notes.push("the random images are those that are explained".to_owned());
    }
    if before > random.len() {
        notes.push(format!("{} random images that show a concept were left out", before - random.len()));
    }
    let layer = match verb.layer {
        ConceptsLayer::Features => ConceptLayer::Features,
        ConceptsLayer::Map => ConceptLayer::Map,
    };
    let line = Line::new("concepts");
    let concepts = concepts(verb, &model, &shown, &random, layer)?;
    let rows = model.layer_numbers(&borrowed(&random), layer)?;
    let gradients = model.layer_gradients(&borrowed(&images), &verb.label, layer)?;
    let settings = ConceptSettings { sets: verb.sets, seed: verb.seed, ..ConceptSettings::default() };
    let found = concept_scores(&concepts, &rows, &gradients, &settings, &|done, total| line.at(done, total))?;
    drop(line);

    let sentences: Vec<String> = found.iter().map(|one| one.sentence(&verb.label)).collect();
    let summary = json!({
        "schema": 1,
        "model": { "name": card.name, "version": card.version, "weights_sha256": card.weights_sha256 },
        "label": verb.label,
        "layer": layer,
        "layer_words": layer.words(),
        "images": images.len(),
        "random_images": random.len(),
        "settings": settings,
        "concepts": found,
        "sentences": sentences,
        "left_out": left_out.iter().map(|(name, why)| json!({ "image": name, "reason": why })).collect::<Vec<_>>(),
        "notes": notes,
        "research_use_only": true,
    });
    let heading = heading(verb, card, layer, images.len());
    let html = page::page(&heading, &verb.label, &found, &notes)?;
    let text = format!("{}\n", serde_json::to_string_pretty(&summary)?);
    write_folder(
        &verb.out,
        &[("concepts.json", text.as_bytes()), ("concepts.html", html.as_bytes())],
        verb.force,
    )?;
    if verb.json {
        print_json(&summary)?;
    } else {
        print(&format!(
            "{heading}\n{}",
            table::columns(&COLUMNS, &found.iter().map(cells).collect::<Vec<_>>())
        ))?;
        for line in sentences.iter().chain(notes.iter()) {
            print(&format!("{line}\n"))?;
        }
        for (name, why) in &left_out {
            print(&format!("left out: {name}: {why}\n"))?;
        }
        print(&format!("{}\n", verb.out.join("concepts.html").display()))?;
    }
    Ok(if left_out.is_empty() { Exit::Done } else { Exit::Defects })
}

const COLUMNS: [&str; 6] = ["concept", "images", "told from random", "score", "random sets", "chance (Holm)"];

fn cells(one: &ConceptScore) -> Vec<String> {
    let told = one.accuracy;
    let between = |mean: f64, [low, high]: [f64; 2]| format!("{mean:.2} ({low:.2} to {high:.2})");
    vec![
        one.concept.clone(),
        one.images.to_string(),
        between(told.estimate, [told.low, told.high]),
        one.scores.as_ref().map_or_else(|| "none".to_owned(), |scores| between(scores.mean, scores.interval)),
        between(one.random.mean, one.random.interval),
        match one.adjusted_p {
            Some(p) if p < 0.001 => "below 0.001".to_owned(),
            Some(p) => format!("{p:.3}"),
            None => "-".to_owned(),
        },
    ]
}

fn heading(verb: &Concepts, card: &Card, layer: ConceptLayer, images: usize) -> String {
    format!(
        "Concepts in {} of model {}, version {}, and the logit of {} on {images} images",
        layer.words(),
        card.name,
        card.version,
        verb.label
    )
}

/// Names and folders of `--concept NAME=FOLDER`.
fn named(verb: &Concepts) -> anyhow::Result<Vec<(String, &Path)>> {
    let mut all: Vec<(String, &Path)> = Vec::new();
    for text in &verb.concept {
        let Some((name, folder)) =
            text.split_once('=').filter(|(name, folder)| !name.is_empty() && !folder.is_empty())
        else {
            return Err(Stop::usage(format!("--concept {text}: expected NAME=FOLDER")));
        };
        let made = verb.made.iter().any(|made| made.name() == name);
        if made || all.iter().any(|(other, _)| other == name) {
            return Err(Stop::usage(format!("--concept {text}: another concept is called {name} too")));
        }
        all.push((name.to_owned(), Path::new(folder)));
    }
    if all.is_empty() && verb.made.is_empty() {
        return Err(Stop::usage("no concept was named: add --concept NAME=FOLDER, or --made"));
    }
    Ok(all)
}

/// Every concept as the layer sees it.
fn concepts(
    verb: &Concepts,
    model: &Model,
    shown: &[(String, Vec<Prepared>)],
    random: &[Prepared],
    layer: ConceptLayer,
) -> anyhow::Result<Vec<Concept>> {
    let of_folders = shown.iter().map(|(name, images)| {
        let rows = model.layer_numbers(&borrowed(images), layer)?;
        Ok(Concept { name: name.clone(), rows, made: false })
    });
    let of_random = verb.made.iter().map(|made| {
        let images = random
            .iter()
            .enumerate()
            .map(|(place, image)| made.of(image, model.card(), verb.seed, place))
            .collect::<anyhow::Result<Vec<Prepared>>>()?;
        let rows = model.layer_numbers(&borrowed(&images), layer)?;
        Ok(Concept { name: made.name().to_owned(), rows, made: true })
    });
    of_folders.chain(of_random).collect()
}

fn borrowed(images: &[Prepared]) -> Vec<&Prepared> {
    images.iter().collect()
}

impl MadeConcept {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Brighter => "brighter",
            Self::Darker => "darker",
            Self::LessContrast => "less contrast",
            Self::Blurred => "blurred",
            Self::Pixelated => "pixelated",
            Self::Stripes => "stripes",
            Self::Marker => "marker",
        }
    }

    /// An image that shows it, made of one that does not.
    fn of(self, image: &Prepared, card: &Card, seed: u64, place: usize) -> anyhow::Result<Prepared> {
        let (preparation, side) = (card.preparation, image.columns);
        let mut gray: Vec<f32> =
            image.pixels.iter().map(|pixel| pixel * preparation.deviation + preparation.mean).collect();
        // An eighth of the side is wide enough for every network to see, and leaves most of the image as it is.
        let eighth = side.div_ceil(8);
        let corrupted =
            |corruption: Corruption, gray: &[f32]| corruption.apply(SEVERITY, gray, side, seed, place);
        match self {
            Self::Brighter => gray = corrupted(Corruption::Brighter, &gray)?,
            Self::Darker => gray = corrupted(Corruption::Darker, &gray)?,
            Self::LessContrast => gray = corrupted(Corruption::LessContrast, &gray)?,
            Self::Blurred => gray = corrupted(Corruption::GaussianBlur, &gray)?,
            Self::Pixelated => gray = corrupted(Corruption::Pixelate, &gray)?,
            Self::Stripes => {
                for (at, pixel) in gray.iter_mut().enumerate() {
                    let up = (at / side / eighth).is_multiple_of(2);
                    *pixel = (*pixel + if up { 0.15 } else { -0.15 }).clamp(0.0, 1.0);
                }
            }
            Self::Marker => {
                for (at, pixel) in gray.iter_mut().enumerate() {
                    if at % side < eighth && at / side < eighth {
                        *pixel = 1.0;
                    }
                }
            }
        }
        let pixels = gray.iter().map(|pixel| (pixel - preparation.mean) / preparation.deviation).collect();
        Ok(Prepared { pixels, ..image.clone() })
    }
}
