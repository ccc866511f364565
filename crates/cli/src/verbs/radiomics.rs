use serde_json::json;
use wilhelm_filters::radiomics::{Discretization, Radiomics, RadiomicsSettings, radiomics};
use wilhelm_study::{Image, Mask, Silent};

use crate::args;
use crate::config::Config;
use crate::exit::Exit;
use crate::output::{print, print_json};
use crate::progress::Line;
use crate::{labels, pick, table};

/// `wilhelm radiomics`
pub fn run(verb: &args::Radiomics, config: &Config) -> anyhow::Result<Exit> {
    let series = pick::volume(&verb.paths, verb.pick, config)?;
    let map = labels::read(&verb.labels, &series, config)?;
    let mut settings = RadiomicsSettings::default();
    if let Some(width) = verb.bin_width {
        settings.discretization = Discretization::Width(width);
    }
    if let Some(count) = verb.bins {
        settings.discretization = Discretization::Count(count);
    }
    let line = Line::new("radiomics");
    let count = map.segments().len();
    let mut found = Vec::new();
    let mut empty = Vec::new();
    for (place, (label, segment)) in map.segments().iter().enumerate() {
        line.at(place, count);
        let mask = map.mask(*label);
        if mask.is_empty() {
            empty.push(format!("{label} ({})", segment.name));
        } else {
            found.push((*label, segment.name.clone(), of_image(&series.image, &mask, &settings)?));
        }
    }
    drop(line);
    let header = ["label", "name", "family", "feature", "ibsi", "value", "unit"];
    let mut rows = Vec::new();
    for (label, name, radiomics) in &found {
        for feature in &radiomics.features {
            rows.push(vec![
                label.to_string(),
                name.clone(),
                feature.family.label().to_owned(),
                feature.name.to_owned(),
                feature.ibsi.unwrap_or_default().to_owned(),
                feature.value.map(|value| value.to_string()).unwrap_or_default(),
                feature.unit.to_owned(),
            ]);
        }
    }
    if let Some(csv) = &verb.csv {
        labels::write_table(csv, &table::csv(&header, &rows), verb.force)?;
    }
    for label in &empty {
        eprintln!("wilhelm: label {label} has no voxel");
    }
    if verb.json {
        let values: Vec<_> = found
            .iter()
            .map(|(label, name, radiomics)| json!({ "label": label, "name": name, "radiomics": radiomics }))
            .collect();
        print_json(
            &json!({ "series": series.title, "settings": settings, "labels": values, "empty": empty }),
        )?;
    } else if verb.csv.as_ref().is_none_or(|path| path.as_os_str() != "-") {
        print(&table::columns(&header, &rows))?;
    }
    Ok(if empty.is_empty() && series.defects.is_empty() { Exit::Done } else { Exit::Defects })
}

fn of_image(image: &Image, mask: &Mask, settings: &RadiomicsSettings) -> anyhow::Result<Radiomics> {
    Ok(match image {
        Image::Hounsfield(volume) => radiomics(volume, mask, settings, &Silent)?,
        Image::Uptake(volume) => radiomics(volume, mask, settings, &Silent)?,
        Image::Arbitrary(volume) => radiomics(volume, mask, settings, &Silent)?,
        Image::Stored(volume) => radiomics(volume, mask, settings, &Silent)?,
        _ => anyhow::bail!("only volumes are measured"),
    })
}
