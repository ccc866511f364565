//! `wilhelm segment model`: what a trained segmenter outlines in a picture or volume.

use std::path::Path;

use serde_json::{Value, json};
use wilhelm_learn::Room;
use wilhelm_nets::{Segmenter, SegmenterArchitecture, SegmenterCard, Shelf};
use wilhelm_study::{LabelMap, Series};

use super::segment::overview;
use crate::args;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, write_folder};
use crate::progress::Line;
use crate::{labels, pick, shelf, table};

/// What is said where outlining would hold more memory than there is.
fn too_large(card: &SegmenterCard, needed: u64, room: &Room) -> String {
    let window = card.trained.as_ref().map_or([0; 3], |trained| trained.preparation.window);
    let [slices, rows, columns] = window;
    format!(
        "{} would need about {:.1} GB of memory for this image, seen in windows of {slices} x {rows} x {columns} (slices, rows, \
         columns), and {:.1} GB are there ({}): cut the image to what shall be outlined, or train a model of a smaller window \
         or widths; --no-memory-check tries all the same",
        card.name,
        needed as f64 / 1e9,
        room.bytes as f64 / 1e9,
        room.words
    )
}

/// Outlines, draws and measures.
pub fn run(verb: &args::Segment, config: &Config) -> anyhow::Result<Exit> {
    let Some(named) = &verb.model else {
        return Err(Stop::usage("--model says which model outlines: `wilhelm models list` has the names"));
    };
    let segmenter = segmenter(named, verb.models.as_deref(), config)?;
    let card = segmenter.card();
    let flat = match card.architecture {
        SegmenterArchitecture::UNet(_) => true,
        SegmenterArchitecture::UNet3d(_) => false,
        _ => {
            return Err(Stop::usage(format!(
                "{} was not trained here: `wilhelm segment brain` uses it",
                card.name
            )));
        }
    };
    let series = if flat {
        pick::flat(&verb.paths, verb.pick.series, config)?
    } else {
        pick::volume(&verb.paths, verb.pick, config)?
    };
    if let Err(refusal) = segmenter.accepts(series.modality.as_ref()) {
        return Err(Stop::input(format!("{}: {refusal}", card.name)));
    }
    let held = crate::memory::held_bytes();
    let needed = segmenter.bytes_to_outline(&series);
    let foretold = held.zip(needed).map(|(held, needed)| held + needed.max(to_draw(&series)));
    if let (Some(needed), Some(room)) = (needed, crate::room::room())
        && !verb.no_memory_check
        && needed > room.bytes
    {
        return Err(Stop::input(too_large(card, needed, &room)));
    }
    let line = Line::new("segmenting");
    let found = segmenter.outline(&series, &line)?;
    drop(line);
    let header = ["segment", "label", "measurement", "value", "unit"];
    let sizes = sizes(&found, &series);
    let rows: Vec<Vec<String>> = sizes
        .iter()
        .map(|size| {
            vec![
                size.name.clone(),
                size.label.to_string(),
                size.measurement.to_owned(),
                table::number(size.value),
                size.unit.to_owned(),
            ]
        })
        .collect();
    let mut notes: Vec<String> = card.must_not.clone();
    if let Some(trained) = &card.trained {
        notes.push(format!("the model learned from masks made by: {}", trained.truth));
        notes.push(super::models::outlines(&trained.validation));
    }
    if series.modality.is_none() {
        let accepted: Vec<&str> = card.input.modalities.iter().map(|modality| modality.term()).collect();
        notes.push(format!("the file says no modality; the model is for {}", accepted.join(", ")));
    }
    let summary = json!({
        "series": series.title,
        "model": card.name,
        "version": card.version,
        "weights_sha256": card.weights_sha256,
        "segments": found.segments(),
        "measurements": sizes.iter().map(Size::json).collect::<Vec<Value>>(),
        "notes": notes,
        "research_use_only": true,
    });
    let mut files = if flat { flat_files(&found)? } else { labels::files(&found, &series, config)? };
    files.push(("overview.png", overview(&series, &found)?));
    files.push(("measurements.csv", table::csv(&header, &rows).into_bytes()));
    files.push(("measurements.json", format!("{}\n", serde_json::to_string_pretty(&summary)?).into_bytes()));
    let borrowed: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    write_folder(&verb.out, &borrowed, verb.force)?;
    // Last of all: label files and pictures are memory too.
    if let (Some(peak), Some(foretold)) = (crate::memory::peak_bytes(), foretold) {
        let [peak, foretold] = [peak, foretold].map(|bytes| bytes as f64 / 1e9);
        eprintln!("wilhelm: at most {peak:.3} GB of memory were held; {foretold:.3} GB were foretold");
    }
    if verb.json {
        print_json(&summary)?;
    } else {
        print(&table::columns(&header, &rows))?;
        for note in &notes {
            print(&format!("note: {note}\n"))?;
        }
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        print(&format!("in {}: {}\n", verb.out.display(), names.join(", ")))?;
    }
    Ok(if series.defects.is_empty() { Exit::Done } else { Exit::Defects })
}

/// Bytes that the overview of a volume takes: values and labels once more, turned as they are read, beside the labels found.
fn to_draw(series: &Series) -> u64 {
    const VALUE: u64 = 4;
    const LABEL: u64 = 2;
    let voxels: usize = series.image.size().iter().product();
    voxels as u64 * (VALUE + 2 * LABEL)
}

/// A segmenter by its name among the models, or by its folder.
fn segmenter(named: &str, models: Option<&Path>, config: &Config) -> anyhow::Result<Segmenter> {
    let folder = Path::new(named);
    if models.is_none() && folder.join("card.toml").is_file() {
        return Ok(Shelf::segmenter_in(folder)?.load()?);
    }
    let shelf = shelf::open(models, config)?;
    match shelf.segmenter(named) {
        Some(entry) => Ok(entry.load()?),
        None => {
            let known: Vec<&str> = shelf.segmenters().iter().map(|entry| entry.card.name.as_str()).collect();
            Err(Stop::input(format!(
                "no segmenter is called {named}, and it is no folder with a card.toml; there are: {}",
                known.join(", ")
            )))
        }
    }
}

/// How large a segment is.
struct Size {
    name: String,
    label: u16,
    measurement: &'static str,
    value: f64,
    unit: &'static str,
}

impl Size {
    fn json(&self) -> Value {
        json!({ "segment": self.name, "label": self.label, "measurement": self.measurement,
            "value": self.value, "unit": self.unit })
    }
}

fn sizes(found: &LabelMap, series: &Series) -> Vec<Size> {
    let known = match &series.image {
        wilhelm_study::Image::Flat(image) => image.spacing().is_some(),
        _ => true,
    };
    let flat = series.image.geometry().is_none();
    let [x, y, _] = found.geometry().spacing().millimeters();
    found
        .segments()
        .iter()
        .map(|(label, segment)| {
            let count = found.labels().iter().filter(|own| *own == label).count() as f64;
            let (measurement, value, unit) = match (flat, known) {
                (false, _) => ("volume", count * found.geometry().voxel_milliliters(), "mL"),
                (true, true) => ("area", count * x * y, "mm2"),
                (true, false) => ("area", count, "pixels"),
            };
            Size { name: segment.name.clone(), label: *label, measurement, value, unit }
        })
        .collect()
}

/// A picture's labels as a gray picture of the same size; its numbers are the labels.
fn flat_files(found: &LabelMap) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
    let [columns, rows, _] = found.geometry().size();
    let pixels: Vec<u8> =
        found.labels().iter().map(|label| u8::try_from(*label)).collect::<Result<_, _>>()?;
    let picture = wilhelm_formats::encode_png_gray(u32::try_from(columns)?, u32::try_from(rows)?, &pixels)?;
    Ok(vec![("labels.png", picture)])
}
