use serde::Serialize;
use serde_json::json;
use wilhelm_filters::measure::{self, Diameters, IntensityStatistics, Measured, Tube, Uptake};
use wilhelm_study::{Image, Mask};

use crate::args;
use crate::config::Config;
use crate::exit::Exit;
use crate::output::{print, print_json};
use crate::progress::Line;
use crate::{labels, pick, table};

/// What is measured of one label.
#[derive(Serialize)]
struct Row {
    label: u16,
    name: String,
    voxels: usize,
    volume: Measured,
    greatest_diameter: Measured,
    in_plane: Diameters,
    intensity: IntensityStatistics,
    intensity_unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uptake: Option<Uptake>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tube: Option<Tube>,
}

/// `wilhelm measure`
pub fn run(verb: &args::Measure, config: &Config) -> anyhow::Result<Exit> {
    let series = pick::volume(&verb.paths, verb.pick, config)?;
    let map = labels::read(&verb.labels, &series, config)?;
    labels::require(&map, &verb.tube, "--tube")?;
    let mut rows = Vec::new();
    let mut empty = Vec::new();
    for (label, segment) in map.segments() {
        let mask = map.mask(*label);
        if mask.is_empty() {
            empty.push(format!("{label} ({})", segment.name));
            continue;
        }
        let (intensity, intensity_unit, uptake) = intensity(&series.image, &mask)?;
        let tube = match verb.tube.contains(label) {
            true => Some(measure::tube_diameters(&mask, &Line::new("measuring along the center line"))?),
            false => None,
        };
        rows.push(Row {
            label: *label,
            name: segment.name.clone(),
            voxels: mask.count(),
            volume: measure::volume(&mask)?,
            greatest_diameter: measure::greatest_diameter(&mask)?,
            in_plane: measure::in_plane_diameters(&mask)?,
            intensity,
            intensity_unit,
            uptake,
            tube,
        });
    }
    let header = [
        "label",
        "name",
        "volume mL",
        "low",
        "high",
        "long axis mm",
        "short axis mm",
        "greatest mm",
        "mean",
        "sd",
        "median",
        "unit",
    ];
    let cells: Vec<Vec<String>> = rows.iter().map(cells).collect();
    if let Some(csv) = &verb.csv {
        labels::write_table(csv, &table::csv(&header, &cells), verb.force)?;
    }
    for label in &empty {
        eprintln!("wilhelm: label {label} has no voxel");
    }
    if verb.json {
        print_json(
            &json!({ "series": series.title, "labels": rows, "empty": empty, "research_use_only": true }),
        )?;
    } else if verb.csv.as_ref().is_none_or(|path| path.as_os_str() != "-") {
        print(&table::columns(&header, &cells))?;
        for row in &rows {
            if let Some(tube) = &row.tube {
                print(&along(&row.name, tube))?;
            }
        }
    }
    Ok(if empty.is_empty() && series.defects.is_empty() { Exit::Done } else { Exit::Defects })
}

/// A tube in words.
fn along(name: &str, tube: &Tube) -> String {
    let number = table::number;
    let cut = |what: &str, section: &measure::TubeSection| {
        let [left, posterior, superior] = section.center.components().map(|part| format!("{part:.1}"));
        format!(
            "  {what} {} mm ({} to {}; {} x {} mm), {} mm along, at L {left} P {posterior} S {superior}\n",
            number(section.diameter.value),
            number(section.diameter.low),
            number(section.diameter.high),
            number(section.long_axis.value),
            number(section.short_axis.value),
            number(section.along.0),
        )
    };
    format!(
        "{name} along its center line: {} mm, {} cuts\n{}{}",
        number(tube.length.value),
        tube.sections.len(),
        cut("widest", &tube.widest),
        cut("narrowest", &tube.narrowest)
    )
}

fn cells(row: &Row) -> Vec<String> {
    let number = table::number;
    vec![
        row.label.to_string(),
        row.name.clone(),
        number(row.volume.value),
        number(row.volume.low),
        number(row.volume.high),
        number(row.in_plane.long_axis.value),
        number(row.in_plane.short_axis.value),
        number(row.greatest_diameter.value),
        number(row.intensity.mean),
        number(row.intensity.standard_deviation),
        number(row.intensity.median),
        row.intensity_unit.to_owned(),
    ]
}

fn intensity(
    image: &Image,
    mask: &Mask,
) -> anyhow::Result<(IntensityStatistics, &'static str, Option<Uptake>)> {
    Ok(match image {
        Image::Hounsfield(ct) => (measure::intensity_statistics(ct, mask)?, "[hnsf'U]", None),
        Image::Uptake(pet) => {
            (measure::intensity_statistics(pet, mask)?, "g/mL", Some(measure::uptake(pet, mask)?))
        }
        Image::Arbitrary(volume) => (measure::intensity_statistics(volume, mask)?, "1", None),
        Image::Stored(volume) => (measure::intensity_statistics(volume, mask)?, "1", None),
        _ => anyhow::bail!("only volumes are measured"),
    })
}
