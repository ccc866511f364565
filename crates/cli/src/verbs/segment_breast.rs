//! `wilhelm segment breast`: candidates in flat ultrasound pictures.

use std::collections::BTreeMap;

use serde_json::json;
use wilhelm_filters::organs::{BreastCandidate, BreastSettings, breast_candidates};
use wilhelm_study::{CodedConcept, Geometry, Image, LabelMap, Mm, Modality, Projection, Segment, Spacing};

use super::segment::overview;
use crate::args;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, write_folder};
use crate::progress::Line;
use crate::{pick, table};

/// Finds, draws and lists the candidates of the one flat picture among what was given.
pub fn run(verb: &args::Segment, config: &Config) -> anyhow::Result<Exit> {
    let series = pick::flat(&verb.paths, verb.pick.series, config)?;
    if series.modality.as_ref().is_some_and(|modality| *modality != Modality::Us) {
        return Err(Stop::usage(format!("{} is not ultrasound, as its own header says", series.title)));
    }
    let Image::Flat(image) = &series.image else {
        return Err(Stop::input("expected one flat ultrasound picture, not a moving one"));
    };
    let line = Line::new("segmenting");
    let candidates = breast_candidates(image, &BreastSettings::default(), &line)?;
    drop(line);
    let labels = label_map(image, &candidates)?;
    let notes = [
        "candidates are places to look at: normal breasts have them too",
        "sizes are in pixels or shares of the image unless the file says how large a pixel is",
    ];
    let summary = json!({
        "series": series.title,
        "candidates": candidates,
        "pixel_mm": image.spacing().map(|spacing| [spacing.between_columns.0, spacing.between_rows.0]),
        "notes": notes,
        "research_use_only": true,
    });
    let header = ["candidate", "column", "row", "share", "contrast", "solidity", "height/width", "score"];
    let rows: Vec<Vec<String>> =
        candidates.iter().enumerate().map(|(place, candidate)| cells(place + 1, candidate)).collect();
    let picture: Vec<u8> =
        labels.labels().iter().map(|label| u8::try_from(*label).unwrap_or(u8::MAX)).collect();
    let (columns, lines) = (u32::try_from(image.columns())?, u32::try_from(image.rows())?);
    let files: [(&str, Vec<u8>); 4] = [
        ("overview.png", overview(&series, &labels)?),
        ("labels.png", wilhelm_formats::encode_png_gray(columns, lines, &picture)?),
        ("candidates.csv", table::csv(&header, &rows).into_bytes()),
        ("candidates.json", format!("{}\n", serde_json::to_string_pretty(&summary)?).into_bytes()),
    ];
    let borrowed: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    write_folder(&verb.out, &borrowed, verb.force)?;
    if verb.json {
        print_json(&summary)?;
    } else {
        print(&table::columns(&header, &rows))?;
        for note in notes {
            print(&format!("note: {note}\n"))?;
        }
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        print(&format!("in {}: {}\n", verb.out.display(), names.join(", ")))?;
    }
    Ok(if series.defects.is_empty() { Exit::Done } else { Exit::Defects })
}

fn cells(number: usize, candidate: &BreastCandidate) -> Vec<String> {
    let number_of = table::number;
    vec![
        number.to_string(),
        number_of(candidate.center[0]),
        number_of(candidate.center[1]),
        number_of(candidate.share),
        number_of(candidate.contrast),
        number_of(candidate.solidity),
        number_of(candidate.height_over_width),
        number_of(candidate.score),
    ]
}

/// Label `i + 1` is candidate `i`. The grid only counts pixels: a flat picture has no place in space.
fn label_map<Q: wilhelm_study::VoxelQuantity>(
    image: &Projection<Q>,
    candidates: &[BreastCandidate],
) -> anyhow::Result<LabelMap> {
    let [x, y] =
        image.spacing().map_or([1.0; 2], |spacing| [spacing.between_columns.0, spacing.between_rows.0]);
    let grid =
        Geometry::axis_aligned([image.columns(), image.rows(), 1], Spacing::new(Mm(x), Mm(y), Mm(1.0))?)?;
    let mut labels = vec![0; grid.voxels()];
    let mut segments = BTreeMap::new();
    for (place, candidate) in candidates.iter().enumerate() {
        let label = u16::try_from(place + 1)?;
        labels
            .iter_mut()
            .zip(candidate.mask.pixels())
            .filter(|(_, inside)| **inside)
            .for_each(|(at, _)| *at = label);
        let code = CodedConcept::new("SCT", "4147007", "Mass");
        segments.insert(label, Segment::abnormality(&format!("breast candidate {label}"), code, "breast"));
    }
    Ok(LabelMap::new(grid, labels, segments)?)
}
