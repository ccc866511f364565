//! What an encoder and the language model make of a request, where `[fusion]` has them asked.

use std::collections::BTreeSet;
use std::path::Path;

use wilhelm_learn::evaluation::Table;
use wilhelm_learn::reading::TextModel;
use wilhelm_nets::Model;
use wilhelm_pipeline::{FusionMode, RequestReading, encoder_reading, language_model_reading};
use wilhelm_study::{Series, Silent};

use crate::config::Config;
use crate::exit::Stop;
use crate::language::Loaded;
use crate::output::read_text;

/// What they say of each finding that one of the models looks for; empty where nothing is put together, or nobody is asked.
pub fn readings(
    series: &Series,
    models: &[Model],
    loaded: Option<&Loaded>,
    request: &[String],
    config: &Config,
) -> anyhow::Result<Vec<RequestReading>> {
    let fusion = &config.values.fusion;
    let text = request.join("\n");
    if fusion.mode != FusionMode::Pool || text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let sought = sought(models);
    let mut readings = Vec::new();
    if !fusion.encoder.is_empty() {
        readings.push(by_encoder(Path::new(&fusion.encoder), fusion.encoder_weight, &sought, &text)?);
    }
    if fusion.language_model {
        let Some(loaded) = loaded else {
            eprintln!(
                "wilhelm: fusion.language_model is on and there is no language model to ask: it adds nothing"
            );
            return Ok(readings);
        };
        let patient = (text.as_str(), series.patient.age_years);
        let ask = |finding: &&str| {
            let of = (*finding, fusion.language_model_weight);
            language_model_reading(&*loaded.model, of, patient, loaded.seed)
        };
        readings.extend(sought.iter().filter_map(ask));
    }
    Ok(readings)
}

/// The diseases of the models that know one: no others are moved by a request.
fn sought(models: &[Model]) -> BTreeSet<&str> {
    let diseases = models.iter().map(|model| {
        let labels = model.card().labels.iter().filter(|label| !label.normal);
        labels.map(|label| label.key.as_str()).collect::<Vec<_>>()
    });
    diseases.filter(|keys| keys.len() == 1).flatten().collect()
}

/// What a classifier of texts says of a request, calibrated on its own texts held out.
fn by_encoder(
    folder: &Path,
    weight: f64,
    sought: &BTreeSet<&str>,
    request: &str,
) -> anyhow::Result<RequestReading> {
    let model = TextModel::open(folder)?;
    let card = &model.card;
    let wrong = |what: String| Stop::input(format!("fusion.encoder {}: {what}", folder.display()));
    if !card.numbers.is_empty() {
        return Err(wrong(
            "it reads numbers with each text, expected a classifier of texts alone".to_owned(),
        ));
    }
    let labels: Vec<&str> = card.labels.iter().map(|label| label.key.as_str()).collect();
    let Some((place, finding)) =
        labels.iter().enumerate().find(|(_, key)| sought.contains(*key)).map(|(at, key)| (at, *key))
    else {
        let findings: Vec<&str> = sought.iter().copied().collect();
        return Err(wrong(format!(
            "its labels are {}, expected one of the findings that a request may move: {}",
            labels.join(", "),
            findings.join(", ")
        )));
    };
    let (said, cut) = model.read(&[request], &[Vec::new()], &Silent)?.swap_remove(0);
    if cut > 0 {
        let most = card.most_tokens;
        eprintln!(
            "wilhelm: the request is long: encoder {} did not read {cut} tokens past the first {most}",
            card.name
        );
    }
    let file = folder.join("validation.csv");
    let table = Table::parse("validation.csv", read_text(&file, "fusion.encoder")?.as_bytes())?;
    let held_out = held_out(&table, finding).ok_or_else(|| {
        wrong(format!(
            "validation.csv is not what `wilhelm train text` writes: it has no label and {finding}"
        ))
    })?;
    encoder_reading((finding, &card.name, weight), said[place], &held_out).map_err(wrong)
}

/// The probability of a finding and the truth for each text held out; none for another table.
fn held_out(table: &Table, finding: &str) -> Option<Vec<(f64, bool)>> {
    let (label, probability) = (table.column("label")?, table.column(finding)?);
    let of = |cells: &[String]| {
        let value: f64 = cells[probability].parse().ok()?;
        (0.0..=1.0).contains(&value).then_some((value, cells[label] == finding))
    };
    table.rows().iter().map(|row| of(&row.cells)).collect()
}
