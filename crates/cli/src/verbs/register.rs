use serde_json::{Value, json};
use wilhelm_filters::montage::{MontageSettings, montage};
use wilhelm_filters::register::{
    RegisterSettings, Registration, Sampling, Transform, register_affine, register_rigid, warp,
};
use wilhelm_formats::{Compression, encode_nifti};
use wilhelm_study::{Arbitrary, Geometry, Image, Series, Volume};

use super::segment::window;
use crate::args;
use crate::config::Config;
use crate::exit::Exit;
use crate::output::{print, print_json, write_folder};
use crate::pick;
use crate::progress::Line;

/// `wilhelm register`
pub fn run(verb: &args::Register, config: &Config) -> anyhow::Result<Exit> {
    let fixed = pick::volume(std::slice::from_ref(&verb.fixed), args::Pick::default(), config)?;
    let moving = pick::volume(std::slice::from_ref(&verb.moving), args::Pick::default(), config)?;
    let mut settings = RegisterSettings::default();
    if let (Sampling::Random { seed, .. }, Some(wanted)) = (&mut settings.sampling, verb.seed) {
        *seed = wanted;
    }
    let (still, other) = (unitless(&fixed)?, unitless(&moving)?);
    let line = Line::new("registering");
    let (told, moved) = match verb.motion {
        args::Motion::Rigid => {
            let found = register_rigid(&still, &other, &settings, &line)?;
            (summary(&found)?, warped(&other, &found.transform, still.geometry(), &moving))
        }
        args::Motion::Affine => {
            let found = register_affine(&still, &other, &settings, &line)?;
            (summary(&found)?, warped(&other, &found.transform, still.geometry(), &moving))
        }
    };
    drop(line);
    let accepted = told["accepted"] == json!(true);
    let whole = json!({
        "fixed": fixed.title,
        "moving": moving.title,
        "settings": settings,
        "registration": told,
        "research_use_only": true,
    });
    let files = [
        ("moved.nii.gz", encode_nifti(&moved, Compression::Gzip)),
        ("registration.json", format!("{}\n", serde_json::to_string_pretty(&whole)?).into_bytes()),
        ("checkerboard.png", checkerboard(&still, &window(&fixed), &moved, &window(&moving))?),
    ];
    let borrowed: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    write_folder(&verb.out, &borrowed, verb.force)?;
    if verb.json {
        print_json(&whole)?;
    } else {
        let number = |key: &str| told[key].as_f64().map_or("none".to_owned(), |value| format!("{value:.5}"));
        print(&format!(
            "{}\nmeasure before {}, after {}\nin {}: moved.nii.gz, registration.json, checkerboard.png\n",
            told["reason"].as_str().unwrap_or_default(),
            number("metric_before"),
            number("metric_after"),
            verb.out.display()
        ))?;
    }
    Ok(if accepted { Exit::Done } else { Exit::Defects })
}

fn summary<T: serde::Serialize>(found: &Registration<T>) -> anyhow::Result<Value> {
    Ok(serde_json::to_value(found)?)
}

/// A volume whatever its unit: registration compares patterns.
fn unitless(series: &Series) -> anyhow::Result<Volume<Arbitrary>> {
    let geometry = series.image.geometry().ok_or_else(|| anyhow::anyhow!("a flat picture has no grid"))?;
    Ok(Volume::new(*geometry, series.image.values().to_vec())?)
}

fn warped(
    moving: &Volume<Arbitrary>,
    transform: &impl Transform,
    fixed: &Geometry,
    series: &Series,
) -> Volume<Arbitrary> {
    // Outside the moving image there is air, or nothing.
    let outside = match series.image {
        Image::Hounsfield(_) => -1000.0,
        _ => series
            .image
            .values()
            .iter()
            .copied()
            .filter(|value| value.is_finite())
            .fold(f32::INFINITY, f32::min),
    };
    warp(moving, transform, fixed, if outside.is_finite() { outside } else { 0.0 })
}

/// Both volumes in alternating squares: where they fit, edges run on from square to square.
fn checkerboard(
    fixed: &Volume<Arbitrary>,
    fixed_window: &MontageSettings,
    moved: &Volume<Arbitrary>,
    moved_window: &MontageSettings,
) -> anyhow::Result<Vec<u8>> {
    const SQUARES: usize = 8;
    let [columns, rows, _] = fixed.geometry().size();
    let side = [columns.div_ceil(SQUARES), rows.div_ceil(SQUARES)];
    let scale = |value: f32, window: &MontageSettings| {
        ((value - window.black) / (window.white - window.black)).clamp(0.0, 1.0)
    };
    let values = fixed
        .voxels()
        .iter()
        .zip(moved.voxels())
        .enumerate()
        .map(|(at, (still, other))| {
            let (column, row) = (at % columns, at / columns % rows);
            if (column / side[0] + row / side[1]).is_multiple_of(2) {
                scale(*still, fixed_window)
            } else {
                scale(*other, moved_window)
            }
        })
        .collect();
    let board = Volume::<Arbitrary>::new(*fixed.geometry(), values)?;
    let picture =
        montage(&board, Some(fixed.geometry().direction()), None, &MontageSettings::window(0.0, 1.0))?;
    let (columns, rows) = (u32::try_from(picture.columns)?, u32::try_from(picture.rows)?);
    Ok(wilhelm_formats::encode_png_rgb(columns, rows, &picture.pixels)?)
}
