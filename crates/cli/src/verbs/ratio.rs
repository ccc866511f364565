use std::path::Path;

use serde::Serialize;
use serde_json::json;
use wilhelm_filters::measure::{self, Measured};
use wilhelm_formats::FormatError;
use wilhelm_study::{FlatMask, LabelMap, Mask, Mm, PixelSpacing};

use crate::args::{AreaChange, Asymmetry, Cardiothoracic, Evans, Ratio, RatioKind};
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};
use crate::{labels, pick, table};

/// `wilhelm ratio`
pub fn run(verb: &Ratio, config: &Config) -> anyhow::Result<Exit> {
    match &verb.kind {
        RatioKind::Cardiothoracic(wanted) => cardiothoracic(wanted, config),
        RatioKind::Evans(wanted) => evans(wanted, config),
        RatioKind::Asymmetry(wanted) => asymmetry(wanted, config),
        RatioKind::AreaChange(wanted) => area_change(wanted, config),
    }
}

fn cardiothoracic(wanted: &Cardiothoracic, config: &Config) -> anyhow::Result<Exit> {
    let outlines = frames(&wanted.labels, config)?;
    let [outline] = &outlines[..] else {
        return Err(Stop::input(format!(
            "{} has {} slices, expected one picture",
            wanted.labels.display(),
            outlines.len()
        )));
    };
    let found = measure::cardiothoracic_ratio(
        &outline.of(&[wanted.heart], &wanted.labels)?,
        &outline.of(&wanted.lungs, &wanted.labels)?,
    )?;
    let [heart_first, heart_last] = found.heart_columns;
    let [chest_first, chest_last] = found.chest_columns;
    let lines = [
        format!("cardiothoracic ratio {}", ends(&found.ratio, "")),
        format!("heart: columns {heart_first} to {heart_last}"),
        format!("chest: columns {chest_first} to {chest_last} in row {}", found.chest_row),
    ];
    say(wanted.json, "cardiothoracic", &found, &lines)
}

fn evans(wanted: &Evans, config: &Config) -> anyhow::Result<Exit> {
    let map = labels::read_alone(&wanted.labels, config)?;
    let horns = mask(&map, &wanted.horns)?;
    let inside = horns.union(&mask(&map, &wanted.inside)?)?;
    let found = measure::evans_index(&horns, &inside)?;
    let lines = [
        format!("Evans index {}", ends(&found.ratio, "")),
        format!(
            "frontal horns {} mm, inside of the skull {} mm, in slice {} (from 0)",
            table::number(found.horns_mm),
            table::number(found.skull_mm),
            found.slice
        ),
    ];
    say(wanted.json, "evans", &found, &lines)
}

fn asymmetry(wanted: &Asymmetry, config: &Config) -> anyhow::Result<Exit> {
    let map = labels::read_alone(&wanted.labels, config)?;
    let found = measure::left_right_asymmetry(&mask(&map, &wanted.label)?)?;
    let lines = [
        format!("left less right, of their mean: {}", ends(&found.index, " %")),
        format!("left {}, right {}", ends(&found.left, " mL"), ends(&found.right, " mL")),
        format!("{:.1} % falls on itself in the mirror", 100.0 * found.symmetry),
    ];
    say(wanted.json, "asymmetry", &found, &lines)
}

fn area_change(wanted: &AreaChange, config: &Config) -> anyhow::Result<Exit> {
    let mut outlines = Vec::new();
    for path in &wanted.labels {
        for frame in frames(path, config)? {
            outlines.push(frame.of(&[wanted.chamber], path)?);
        }
    }
    let found = measure::area_change(&outlines)?;
    let unit = if found.unit == "mm2" { "mm\u{b2}" } else { "pixels" };
    let area = |frame: usize| table::number(found.areas[frame]);
    let lines = [
        format!("fractional area change {}", ends(&found.fractional_area_change, " %")),
        format!(
            "largest {} {unit} in frame {}, smallest {} {unit} in frame {}, of {} frames (from 0)",
            area(found.largest_frame),
            found.largest_frame,
            area(found.smallest_frame),
            found.smallest_frame,
            found.areas.len()
        ),
    ];
    say(wanted.json, "area_change", &found, &lines)
}

/// A value with its unit and its ends.
fn ends(value: &Measured, unit: &str) -> String {
    let number = table::number;
    format!("{}{unit} ({} to {})", number(value.value), number(value.low), number(value.high))
}

fn say(as_json: bool, kind: &str, found: &impl Serialize, lines: &[String]) -> anyhow::Result<Exit> {
    if as_json {
        print_json(&json!({ kind: found, "research_use_only": true }))?;
    } else {
        print(&format!("{}\n", lines.join("\n")))?;
    }
    Ok(Exit::Done)
}

fn mask(map: &LabelMap, wanted: &[u16]) -> anyhow::Result<Mask> {
    labels::require(map, wanted, "label")?;
    let inside = map.labels().iter().map(|label| wanted.contains(label)).collect();
    Ok(Mask::new(*map.geometry(), inside)?)
}

/// Labels of a flat picture, or of one slice.
struct Frame {
    columns: usize,
    rows: usize,
    labels: Vec<u16>,
    spacing: Option<PixelSpacing>,
}

impl Frame {
    fn of(&self, wanted: &[u16], path: &Path) -> anyhow::Result<FlatMask> {
        if let Some(label) = wanted.iter().find(|label| !self.labels.contains(label)) {
            let known: std::collections::BTreeSet<u16> = self.labels.iter().copied().collect();
            let known: Vec<String> =
                known.iter().filter(|label| **label > 0).take(20).map(u16::to_string).collect();
            return Err(Stop::usage(format!(
                "{}: no pixel of label {label}; there are {}",
                path.display(),
                if known.is_empty() { "none".to_owned() } else { known.join(", ") }
            )));
        }
        let inside = self.labels.iter().map(|label| wanted.contains(label)).collect();
        Ok(FlatMask::new(self.columns, self.rows, inside, self.spacing)?)
    }
}

/// The slices of a label map, or a gray picture whose values are labels.
fn frames(path: &Path, config: &Config) -> anyhow::Result<Vec<Frame>> {
    let map = match labels::read_alone(path, config) {
        Ok(map) => map,
        Err(error) if matches!(error.downcast_ref(), Some(FormatError::Unsupported { .. })) => {
            return Ok(vec![picture(path, config)?]);
        }
        Err(error) => return Err(error),
    };
    let [columns, rows, _] = map.geometry().size();
    let [between_columns, between_rows, _] = map.geometry().spacing().millimeters();
    let spacing = Some(PixelSpacing { between_columns: Mm(between_columns), between_rows: Mm(between_rows) });
    let slices = map.labels().chunks_exact(columns * rows);
    Ok(slices.map(|labels| Frame { columns, rows, labels: labels.to_vec(), spacing }).collect())
}

fn picture(path: &Path, config: &Config) -> anyhow::Result<Frame> {
    let series = pick::flat(&[path.to_owned()], None, config)?;
    let wilhelm_study::Image::Flat(flat) = &series.image else {
        return Err(Stop::input(format!("{} is a cine, expected outlines", path.display())));
    };
    let labels: Option<Vec<u16>> = flat
        .pixels()
        .iter()
        .map(|value| (value.fract() == 0.0 && (0.0..=65535.0).contains(value)).then_some(*value as u16))
        .collect();
    let labels = labels.ok_or_else(|| {
        Stop::input(format!(
            "{} is no picture of labels: its values are no whole numbers from 0",
            path.display()
        ))
    })?;
    Ok(Frame { columns: flat.columns(), rows: flat.rows(), labels, spacing: flat.spacing() })
}
