use wilhelm_filters::Prepared;
use wilhelm_learn::evaluation::document::{html, markdown};
use wilhelm_learn::robustness::{Answers, Corruption, Reading, SEVERITIES, csv, document, summarize};
use wilhelm_nets::Model;

use crate::args::EvaluateRobustness;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, write_folder};
use crate::progress::Line;
use crate::verbs::explain::data;
use crate::{shelf, table};

/// `wilhelm evaluate robustness`
pub fn run(wanted: &EvaluateRobustness, config: &Config) -> anyhow::Result<Exit> {
    let report = wanted.out.join("robustness.json");
    if !wanted.force && report.exists() {
        return Err(Stop::usage(format!("{} is already there: add --force to replace it", report.display())));
    }
    let model = shelf::open(wanted.models.as_deref(), config)?.get(&wanted.model)?.load()?;
    let card = model.card();
    if card.architecture.slices > 1 {
        return Err(Stop::input(format!(
            "model {} reads volumes, only flat images are corrupted",
            card.name
        )));
    }
    model.require_one_of("robustness")?;
    let set = data::load(&wanted.data, card, config)?;
    let truth: Vec<usize> = set.images.iter().map(|image| image.label).collect();
    let labels: Vec<String> = card.labels.iter().map(|label| label.key.clone()).collect();
    let images: Vec<&Prepared> = set.images.iter().map(|image| &image.prepared).collect();
    let corruptions = Corruption::of_modalities(&card.input.modalities);
    let line = Line::new("reading");
    let total = 1 + corruptions.len() * SEVERITIES;
    let clean = answers(&model, &images)?;
    let mut corrupted = Vec::with_capacity(corruptions.len());
    for (at, corruption) in corruptions.iter().enumerate() {
        let mut levels = Vec::with_capacity(SEVERITIES);
        for severity in 1..=SEVERITIES {
            line.at(at * SEVERITIES + severity, total);
            let worse = worsened(&model, &images, *corruption, severity, wanted.seed)?;
            levels.push(answers(&model, &worse.iter().collect::<Vec<_>>())?);
        }
        corrupted.push((*corruption, levels));
    }
    drop(line);
    let reading = Reading {
        model: format!("{} {}", card.name, card.version),
        weights_sha256: card.weights_sha256.clone(),
        data: wanted.data.data.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        labels: &labels,
        truth: &truth,
        seed: wanted.seed,
        replicates: wanted.replicates,
    };
    let mut found = summarize(&reading, &clean, &corrupted)?;
    if wanted.data.only.is_none() {
        found.notes.push("the images may be among those that the model was trained on".to_owned());
    }
    let page = document(&found)?;
    let (json, csv, text, html) =
        (serde_json::to_vec_pretty(&found)?, csv(&found), markdown(&page), html(&page));
    let files = [
        ("robustness.json", json.as_slice()),
        ("robustness.csv", csv.as_bytes()),
        ("robustness.md", text.as_bytes()),
        ("robustness.html", html.as_bytes()),
    ];
    write_folder(&wanted.out, &files, wanted.force)?;
    for (name, why) in &set.left_out {
        eprintln!("wilhelm: {name} was left out: {why}");
    }
    if wanted.json {
        print_json(&found)?;
    } else {
        let row = |name: &str, auc: f64, accuracy: f64, fall: String| {
            vec![name.to_owned(), format!("{auc:.3}"), format!("{accuracy:.3}"), fall]
        };
        let mut rows = vec![row("none", found.clean.auc, found.clean.accuracy, "-".to_owned())];
        rows.extend(found.corruptions.iter().map(|one| {
            let fall = one.auc_fall;
            let words = format!("{:+.3} ({:+.3} to {:+.3})", fall.value, fall.low, fall.high);
            row(one.corruption.name(), one.mean_auc, one.mean_accuracy, words)
        }));
        rows.push(row("mean", found.mean_auc, found.mean_accuracy, "-".to_owned()));
        print(&table::columns(&["corruption", "AUC", "accuracy", "AUC falls by"], &rows))?;
        print(&format!("{} images; {}\n", found.images, wanted.out.join("robustness.html").display()))?;
    }
    Ok(if set.left_out.is_empty() { Exit::Done } else { Exit::Defects })
}

fn answers(model: &Model, images: &[&Prepared]) -> anyhow::Result<Answers> {
    let said = model.predict(images)?;
    Ok(Answers {
        abstained: said.iter().filter(|prediction| prediction.abstains).count(),
        probabilities: said
            .iter()
            .map(|prediction| {
                prediction.labels.iter().map(|label| label.probability.estimate.value()).collect()
            })
            .collect(),
    })
}

/// The images on the network's grid, made worse before they are normalized.
fn worsened(
    model: &Model,
    images: &[&Prepared],
    corruption: Corruption,
    severity: usize,
    seed: u64,
) -> anyhow::Result<Vec<Prepared>> {
    let preparation = model.card().preparation;
    images
        .iter()
        .enumerate()
        .map(|(place, image)| {
            let gray: Vec<f32> =
                image.pixels.iter().map(|pixel| pixel * preparation.deviation + preparation.mean).collect();
            let worse = corruption.apply(severity, &gray, preparation.columns, seed, place)?;
            let pixels =
                worse.into_iter().map(|pixel| (pixel - preparation.mean) / preparation.deviation).collect();
            Ok(Prepared { pixels, ..(*image).clone() })
        })
        .collect()
}
