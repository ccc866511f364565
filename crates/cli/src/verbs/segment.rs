use serde_json::json;
use wilhelm_filters::montage::{ColorPicture, MontageSettings, montage};
use wilhelm_filters::reorient;
use wilhelm_nets::{ModelError, Segmenter};
use wilhelm_pipeline::{Structures, brain_by_network, structures};
use wilhelm_study::{Image, LabelMap, Series, Volume, VoxelQuantity};

use crate::args;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, write_folder};
use crate::progress::Line;
use crate::{labels, pick, shelf, table};

/// The name of the network that outlines brains.
const BRAIN_MASK: &str = "brain-mask";

/// `wilhelm segment`
pub fn run(verb: &args::Segment, config: &Config) -> anyhow::Result<Exit> {
    let structure = match verb.structure {
        args::Structure::Body => wilhelm_pipeline::Structure::Body,
        args::Structure::Lungs => wilhelm_pipeline::Structure::Lungs,
        args::Structure::Bones => wilhelm_pipeline::Structure::Bones,
        args::Structure::Brain => wilhelm_pipeline::Structure::Brain,
        args::Structure::Nodules => wilhelm_pipeline::Structure::Nodules,
        args::Structure::Breast => return super::segment_breast::run(verb, config),
        args::Structure::Model => return super::segment_model::run(verb, config),
    };
    let series = pick::volume(&verb.paths, verb.pick, config)?;
    let (network, why_not) = match structure {
        wilhelm_pipeline::Structure::Brain if !verb.classical => network(verb, &series, config)?,
        _ => (None, None),
    };
    let line = Line::new("segmenting");
    let mut found = match &network {
        Some(network) => brain_by_network(&series.image, network, &line)?,
        None => structures(&series.image, structure, &line)?,
    };
    drop(line);
    found.notes.extend(why_not);
    if verb.pick.units == Some(args::Units::Hu) {
        found.notes.push("the numbers were read as Hounsfield units because --units says so".to_owned());
    }
    let header = ["structure", "measurement", "value", "low", "high", "unit"];
    let rows = rows(&found);
    let picture = overview(&series, &found.labels)?;
    let summary = json!({
        "series": series.title,
        "segments": found.labels.segments(),
        "measurements": found.measurements,
        "candidates": found.candidates,
        "notes": found.notes,
        "research_use_only": true,
    });
    let mut files: Vec<(&str, Vec<u8>)> = labels::files(&found.labels, &series, config)?;
    files.push(("overview.png", picture));
    files.push(("measurements.csv", table::csv(&header, &rows).into_bytes()));
    files.push(("measurements.json", format!("{}\n", serde_json::to_string_pretty(&summary)?).into_bytes()));
    let borrowed: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    write_folder(&verb.out, &borrowed, verb.force)?;
    if verb.json {
        print_json(&summary)?;
    } else {
        print(&table::columns(&header, &rows))?;
        for note in &found.notes {
            print(&format!("note: {note}\n"))?;
        }
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        print(&format!("in {}: {}\n", verb.out.display(), names.join(", ")))?;
    }
    Ok(if series.defects.is_empty() { Exit::Done } else { Exit::Defects })
}

/// The network that outlines brains, or why there is none; weights that are not what their card says, and an image
/// that the card refuses, are errors.
fn network(
    verb: &args::Segment,
    series: &Series,
    config: &Config,
) -> anyhow::Result<(Option<Segmenter>, Option<String>)> {
    let without = |why: String| Ok((None, Some(format!("found by thresholds and morphology: {why}"))));
    let shelf = shelf::open(verb.models.as_deref(), config)?;
    let Some(entry) = shelf.segmenter(BRAIN_MASK) else {
        return without(format!("no network called {BRAIN_MASK} is among the models"));
    };
    let network = match entry.load() {
        Ok(network) => network,
        Err(error @ ModelError::File { .. }) => return without(error.to_string()),
        Err(error) => return Err(error.into()),
    };
    if let Err(refusal) = network.accepts(series.modality.as_ref()) {
        return Err(Stop::input(format!("{BRAIN_MASK}: {refusal}; --classical asks for no modality")));
    }
    Ok((Some(network), None))
}

fn rows(found: &Structures) -> Vec<Vec<String>> {
    found
        .measurements
        .iter()
        .map(|one| {
            let measured = one.measured;
            let number = table::number;
            vec![
                one.structure.clone(),
                one.name.to_owned(),
                number(measured.value),
                number(measured.low),
                number(measured.high),
                measured.unit.to_owned(),
            ]
        })
        .collect()
}

/// Slices side by side with the labels over them, as PNG.
pub fn overview(series: &Series, labels: &LabelMap) -> anyhow::Result<Vec<u8>> {
    let settings = window(series);
    let picture = drawn(&series.image, labels, &settings)?;
    let (columns, rows) = (u32::try_from(picture.columns)?, u32::try_from(picture.rows)?);
    Ok(wilhelm_formats::encode_png_rgb(columns, rows, &picture.pixels)?)
}

fn drawn(image: &Image, labels: &LabelMap, settings: &MontageSettings) -> anyhow::Result<ColorPicture> {
    Ok(match image {
        Image::Hounsfield(volume) => as_read(volume, labels, settings)?,
        Image::Uptake(volume) => as_read(volume, labels, settings)?,
        Image::Arbitrary(volume) => as_read(volume, labels, settings)?,
        Image::Stored(volume) => as_read(volume, labels, settings)?,
        Image::Flat(image) => montage(image, None, Some(labels), settings)?,
        _ => anyhow::bail!("this kind of image has no overview"),
    })
}

/// A volume in the orientation that its planes are read in, whatever order the file has: axial slices
/// with the front on top, coronal and sagittal ones with the head on top; the patient's right is on
/// the left. The planes stay the stored ones.
fn as_read<Q: VoxelQuantity>(
    volume: &Volume<Q>,
    labels: &LabelMap,
    settings: &MontageSettings,
) -> anyhow::Result<ColorPicture> {
    let letters = volume.geometry().direction().letters();
    let axes = match letters.chars().last() {
        Some('L' | 'R') => "PIL",
        Some('P' | 'A') => "LIP",
        _ => "LPS",
    };
    let (volume, labels) = (reorient(volume, axes)?, reorient(labels, axes)?);
    Ok(montage(&volume, Some(volume.geometry().direction()), Some(&labels), settings)?)
}

/// The file's window; CT without one is shown from -1000 to 400 HU, anything else between its percentiles.
pub fn window(series: &Series) -> MontageSettings {
    if let (Image::Hounsfield(_), None) = (&series.image, series.window) {
        return MontageSettings::window(-1000.0, 400.0);
    }
    if let Some((center, width)) = series.window
        && width > 0.0
    {
        return MontageSettings::window(center - width / 2.0, center + width / 2.0);
    }
    let mut values: Vec<f32> =
        series.image.values().iter().step_by(7).copied().filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f32::total_cmp);
    let at =
        |share: f64| values.get(((values.len().max(1) - 1) as f64 * share) as usize).copied().unwrap_or(0.0);
    let (low, high) = (at(0.01), at(0.995));
    MontageSettings::window(low, if high > low { high } else { low + 1.0 })
}
