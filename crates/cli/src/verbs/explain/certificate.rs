use serde_json::json;
use wilhelm_nets::Interval;
use wilhelm_nets::explain::{Certificate, CertificateSettings};

use super::data;
use crate::args;
use crate::config::Config;
use crate::exit::Exit;
use crate::output::{print, print_json};
use crate::progress::Line;
use crate::{shelf, table};

/// Resamples of each interval.
const REPLICATES: usize = 500;

/// `wilhelm explain certificate`
pub fn run(verb: &args::Certificate, config: &Config) -> anyhow::Result<Exit> {
    let model = shelf::open(verb.models.as_deref(), config)?.get(&verb.model)?.load()?;
    model.require_flat()?;
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
    let notes = [
        "Only the real images and, for most tasks, their mirror images can be read; on everything else a model that reads \
         the image is no better than chance.",
        "Images that the model was trained on make the first row too good; those that follow are compared with it.",
    ];
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
    let header = ["input", "AUC", "accuracy", "same label", "sure", "commonest", "refused"];
    let interval = |interval: &Interval| {
        format!("{:.3} ({:.3} to {:.3})", interval.estimate, interval.low, interval.high)
    };
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    let rows: Vec<Vec<String>> = certificate
        .rows
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
    text += &table::columns(&header, &rows);
    for sentence in certificate.sentences() {
        text += &format!("{sentence}\n");
    }
    text
}
