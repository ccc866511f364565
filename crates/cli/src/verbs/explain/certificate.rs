use std::path::Path;

use serde_json::json;
use wilhelm_nets::explain::{Certificate, CertificateRow, CertificateSettings};
use wilhelm_nets::{Card, Interval};

use super::data;
use crate::args;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text};
use crate::progress::Line;
use crate::{shelf, table};

/// Resamples of each interval.
const REPLICATES: usize = 500;

/// `wilhelm explain certificate`
pub fn run(verb: &args::Certificate, config: &Config) -> anyhow::Result<Exit> {
    let model = shelf::open(verb.models.as_deref(), config)?.get(&verb.model)?.load()?;
    model.require_one_of("the certificate")?;
    let set = data::load(&verb.data, model.card(), config)?;
    let images: Vec<_> = set.images.into_iter().map(|one| (one.prepared, one.label)).collect();
    let settings = CertificateSettings {
        patch: verb.patch.unwrap_or(model.card().architecture.side.div_ceil(8)),
        replicates: REPLICATES,
        seed: verb.seed,
    };
    let line = Line::new("certifying");
    let certificate = model.certificate(&images, &settings, &mut |done, total| line.at(done, total))?;
    drop(line);
    if verb.on_card {
        put_on_card(&certificate, verb)?;
    }
    let mut notes = vec![
        "Only the real images and, for most tasks, their mirror images can be read; on everything else a model that reads \
         the image is no better than chance.",
    ];
    if verb.data.only.is_none() {
        notes.push(
            "Images that the model was trained on make the first row too good; those that follow are compared with it.",
        );
    }
    if verb.json {
        let left_out: Vec<_> =
            set.left_out.iter().map(|(name, why)| json!({ "image": name, "reason": why })).collect();
        print_json(&json!({
            "certificate": certificate,
            "sentences": certificate.sentences(),
            "left_out": left_out,
            "notes": notes,
            "research_use_only": true,
        }))?;
    } else {
        print(&text(&certificate))?;
        for (name, why) in &set.left_out {
            print(&format!("left out: {name}: {why}\n"))?;
        }
        for note in notes {
            print(&format!("note: {note}\n"))?;
        }
    }
    Ok(if set.left_out.is_empty() { Exit::Done } else { Exit::Defects })
}

fn text(certificate: &Certificate) -> String {
    let counts: Vec<String> =
        certificate.images.iter().map(|(label, count)| format!("{count} {label}")).collect();
    let mut text = format!(
        "Does model {}, version {}, read the image? On {}:\n",
        certificate.model,
        certificate.version,
        counts.join(", ")
    );
    text += &rows(&certificate.rows);
    for sentence in certificate.sentences() {
        text += &format!("{sentence}\n");
    }
    text
}

/// The figures in a table, a line an input.
pub fn rows(rows: &[CertificateRow]) -> String {
    let header = ["input", "AUC", "accuracy", "same label", "sure", "commonest", "refused"];
    let interval = |interval: &Interval| {
        format!("{:.3} ({:.3} to {:.3})", interval.estimate, interval.low, interval.high)
    };
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                row.input.words().to_owned(),
                row.macro_auc.as_ref().map_or_else(|| "-".to_owned(), interval),
                interval(&row.accuracy),
                percent(row.same_label),
                percent(row.confidence),
                percent(row.commonest),
                percent(row.refused),
            ]
        })
        .collect();
    table::columns(&header, &rows)
}

/// Writes a certificate into the card beside the weights that it is of.
fn put_on_card(certificate: &Certificate, verb: &args::Certificate) -> anyhow::Result<()> {
    let (Some(models), Some(only)) = (&verb.models, &verb.data.only) else {
        return Err(Stop::usage("--on-card needs --models and --only"));
    };
    let place = models.join(&verb.model).join("card.toml");
    let mut card = Card::from_toml(&read_text(&place, "card")?)?;
    if card.weights_sha256 != certificate.weights_sha256 {
        return Err(Stop::input(format!(
            "{} is the card of other weights than those that were measured",
            place.display()
        )));
    }
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (list, data) = (name(only), name(&verb.data.data));
    let words = format!("the images of {data} that {list} names: held out");
    let patch = verb.patch.map_or_else(String::new, |patch| format!(" --patch {patch}"));
    let command = format!(
        "wilhelm explain certificate --models models --model {} --data {data} --only models/{}/{list}{patch} --seed {} --on-card",
        verb.model, verb.model, verb.seed
    );
    card.reads_image = Some(certificate.on_card(words, command));
    Ok(wilhelm_formats::write_atomically(&place, true, card.to_toml()?.as_bytes())?)
}
