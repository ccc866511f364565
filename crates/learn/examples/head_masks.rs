//! Outlines the head on exported MR slices by threshold and morphology: the masks from which the segmenter of
//! `models/recipes/head-outline.toml` learns. No person drew or checked them.
//!
//! Usage: `head_masks DATA OUT`. Reads the pictures in the folders of `DATA/train`, and writes `OUT/images` and
//! `OUT/masks`; a mask is white inside. Pictures in which nothing is found are left out and counted.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program of its own: it reads and writes files and prints"
)]

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use rayon::prelude::*;
use wilhelm_filters::segment::morphology::{Element, close, open};
use wilhelm_filters::segment::threshold::otsu;
use wilhelm_filters::segment::{Connectivity, components, holes};
use wilhelm_formats::{Limits, Silent, encode_png_gray, read, write_atomically};
use wilhelm_study::{FlatMask, Image};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, out] = &arguments[..] else {
        eprintln!("usage: head_masks DATA OUT");
        return ExitCode::from(2);
    };
    match outlined(Path::new(data), Path::new(out)) {
        Ok((done, left_out)) => {
            println!("{done} slices outlined, {left_out} left out");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("head_masks: {error}");
            ExitCode::FAILURE
        }
    }
}

fn outlined(data: &Path, out: &Path) -> Result<(usize, usize), Box<dyn Error>> {
    for part in ["images", "masks"] {
        std::fs::create_dir_all(out.join(part))?;
    }
    let mut files = Vec::new();
    for class in std::fs::read_dir(data.join("train"))? {
        for file in std::fs::read_dir(class?.path())? {
            files.push(file?.path());
        }
    }
    files.sort();
    let done: Vec<Option<()>> = files
        .par_iter()
        .map(|file| {
            let mask = head(file)?;
            let name = file.file_stem()?.to_string_lossy().into_owned();
            let ending = file.extension()?.to_string_lossy().into_owned();
            let pixels: Vec<u8> = mask.pixels().iter().map(|inside| if *inside { 255 } else { 0 }).collect();
            let png = encode_png_gray(mask.columns().try_into().ok()?, mask.rows().try_into().ok()?, &pixels)
                .ok()?;
            std::fs::copy(file, out.join("images").join(format!("{name}.{ending}"))).ok()?;
            write_atomically(&out.join("masks").join(format!("{name}.png")), true, &png).ok()
        })
        .collect();
    let count = done.iter().flatten().count();
    Ok((count, done.len() - count))
}

/// What is brighter than half of Otsu's threshold, in one piece, smooth and without holes; none of it where it is less
/// than a tenth of the picture or more than nine.
fn head(file: &Path) -> Option<FlatMask> {
    let mut reading = read(&[file.to_owned()], &Limits::default(), &Silent);
    let Image::Flat(image) = reading.series.pop()?.image else { return None };
    let threshold = otsu(&image, 256).ok()? / 2.0;
    let bright = image.pixels().iter().map(|value| *value > threshold).collect();
    let bright = FlatMask::new(image.columns(), image.rows(), bright, None).ok()?;
    let piece = components::largest(&open(&bright, Element::BallVoxels(1.0)).ok()?, Connectivity::Corners, 1);
    let smooth = close(&piece.ok()?, Element::BallVoxels(6.0)).ok()?;
    let whole = holes::fill(&smooth).ok()?;
    let share = whole.count() as f64 / image.pixels().len() as f64;
    (0.1..=0.9).contains(&share).then_some(whole)
}
