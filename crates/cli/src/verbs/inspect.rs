use std::fmt::Write;

use serde_json::{Value, json};
use wilhelm_study::Series;

use crate::args;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};
use crate::progress::Line;

/// `wilhelm inspect`
pub fn run(verb: &args::Inspect, config: &Config) -> anyhow::Result<Exit> {
    let reading = wilhelm_formats::read(&verb.paths, &config.limits(), &Line::new("reading"));
    let series: Vec<Value> = reading.series.iter().map(described).collect();
    if verb.json {
        let failures: Vec<Value> = reading
            .failures
            .iter()
            .map(|failure| json!({ "path": failure.path, "error": failure.error.to_string() }))
            .collect();
        let skipped: Vec<&str> = reading.skipped.iter().map(|skipped| skipped.path.as_str()).collect();
        print_json(&json!({ "series": series, "failures": failures, "skipped": skipped }))?;
    } else {
        let mut text = String::new();
        let mut study = None;
        for (series, value) in reading.series.iter().zip(&series) {
            if study != Some(&series.study) {
                let name = series.study.as_ref().map_or("without identifier", |uid| uid.as_str());
                writeln!(text, "study {name}")?;
                study = Some(&series.study);
            }
            lines(&mut text, series, value)?;
        }
        if !reading.skipped.is_empty() {
            writeln!(text, "{} other files skipped", reading.skipped.len())?;
        }
        print(&text)?;
        for failure in &reading.failures {
            eprintln!("wilhelm: {}: {}", failure.path, failure.error);
        }
    }
    if reading.series.is_empty() {
        if reading.failures.is_empty() {
            return Err(Stop::input("no image was found in what was given"));
        }
        return Ok(Exit::Input);
    }
    let defects =
        !reading.failures.is_empty() || reading.series.iter().any(|series| !series.defects.is_empty());
    Ok(if defects { Exit::Defects } else { Exit::Done })
}

fn described(series: &Series) -> Value {
    let [columns, rows, slices] = series.image.size();
    let mut value = json!({
        "study_instance_uid": series.study,
        "series_instance_uid": series.series,
        "title": series.title,
        "modality": series.modality,
        "body_part": series.body_part,
        "view": series.view,
        "quantity": series.image.quantity(),
        "color": series.color,
        "columns": columns,
        "rows": rows,
        "slices": slices,
        "files": series.sources.len(),
        "defects": series.defects,
    });
    if let Some(geometry) = series.image.geometry() {
        let spacing = geometry.spacing();
        value["spacing_mm"] =
            json!([spacing.between_columns().0, spacing.between_rows().0, spacing.between_slices().0]);
        value["origin_lps_mm"] = json!(geometry.origin().components());
        value["axes"] = json!(geometry.direction().letters());
        let direction = geometry.direction();
        value["direction_lps"] =
            json!([direction.along_row(), direction.down_column(), direction.through_slices()]);
    } else if let wilhelm_study::Image::Flat(image) = &series.image
        && let Some(spacing) = image.spacing()
    {
        value["spacing_mm"] = json!([spacing.between_columns.0, spacing.between_rows.0]);
    } else if let wilhelm_study::Image::Cine(cine) = &series.image {
        value["frames"] = json!(cine.frames());
        value["frame_times_ms"] = json!(cine.times_milliseconds());
        if let Some(spacing) = cine.spacing() {
            value["spacing_mm"] = json!([spacing.between_columns.0, spacing.between_rows.0]);
        }
    }
    value
}

fn lines(text: &mut String, series: &Series, value: &Value) -> std::fmt::Result {
    let [columns, rows, slices] = series.image.size();
    let word = |key: &str| value[key].as_str().unwrap_or("not stated").to_owned();
    writeln!(text, "  {}", series.title)?;
    writeln!(
        text,
        "    modality {}, body part {}, view {}",
        word("modality"),
        word("body_part"),
        word("view")
    )?;
    write!(text, "    {columns} x {rows}")?;
    if series.image.geometry().is_some() {
        write!(text, " x {slices}")?;
    } else if let wilhelm_study::Image::Cine(cine) = &series.image {
        let last = cine.times_milliseconds().and_then(|times| times.last());
        let seconds = last.map(|time| format!(" over {:.2} s", time / 1000.0)).unwrap_or_default();
        write!(text, ", {} frames{seconds}", cine.frames())?;
    }
    let numbers = |key: &str| -> Option<String> {
        let list = value[key].as_array()?;
        Some(list.iter().filter_map(Value::as_f64).map(|n| format!("{n:.3}")).collect::<Vec<_>>().join(" x "))
    };
    match numbers("spacing_mm") {
        Some(spacing) => write!(text, ", {spacing} mm")?,
        None => write!(text, ", spacing not stated")?,
    }
    if let Some(axes) = value["axes"].as_str() {
        write!(
            text,
            ", axes {axes}, origin ({}) mm",
            numbers("origin_lps_mm").unwrap_or_default().replace(" x ", ", ")
        )?;
    }
    let files = series.sources.len();
    writeln!(text, ", {}, {files} file{}", word("quantity"), if files == 1 { "" } else { "s" })?;
    for defect in &series.defects {
        writeln!(text, "    defect: {defect}")?;
    }
    Ok(())
}
