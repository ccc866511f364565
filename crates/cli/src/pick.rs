use std::path::PathBuf;

use wilhelm_study::{Modality, QuantityKind, Series};

use crate::args::{Pick, Units};
use crate::config::Config;
use crate::exit::Stop;
use crate::progress::Line;

/// The one volume among what `paths` hold, or the one that `pick` names (as `inspect` lists them,
/// from 1).
///
/// What could not be read is said on stderr and does not stop the others.
pub fn volume(paths: &[PathBuf], pick: Pick, config: &Config) -> anyhow::Result<Series> {
    let mut all = series(paths, config)?;
    let chosen = match pick.series {
        Some(number) => {
            let count = all.len();
            let place = number.checked_sub(1).filter(|place| *place < count);
            place.ok_or_else(|| Stop::usage(format!("--series is {number}, expected 1 to {count}")))?
        }
        None => {
            let volumes: Vec<usize> =
                (0..all.len()).filter(|place| all[*place].image.geometry().is_some()).collect();
            match volumes[..] {
                [only] => only,
                [] => return Err(Stop::input("no volume was found in what was given, only flat pictures")),
                _ => {
                    let listed: Vec<String> = volumes
                        .iter()
                        .map(|place| format!("  {}: {}", place + 1, all[*place].title))
                        .collect();
                    return Err(Stop::usage(format!(
                        "{} volumes were found: choose one with --series\n{}",
                        volumes.len(),
                        listed.join("\n")
                    )));
                }
            }
        }
    };
    let chosen = all.swap_remove(chosen);
    match pick.units {
        None => Ok(chosen),
        Some(Units::Hu) => in_hounsfield(chosen),
    }
}

/// A volume without a unit as CT, because the user says so; what the file itself says is not overruled.
fn in_hounsfield(mut series: Series) -> anyhow::Result<Series> {
    if series.modality.as_ref().is_some_and(|modality| *modality != Modality::Ct) {
        return Err(Stop::usage(format!("--units hu: {} is not CT, as its own header says", series.title)));
    }
    series.image = match series.image.declared_hounsfield() {
        Ok(ct) => ct,
        Err(image) if image.quantity() == QuantityKind::Hounsfield => *image,
        Err(_) => {
            return Err(Stop::usage(format!(
                "--units hu: {} has a unit of its own, or is flat",
                series.title
            )));
        }
    };
    // Air around or inside a body is near -1000 HU; a scale that starts at 0 has lost its intercept.
    let least = series.image.values().iter().copied().fold(f32::INFINITY, f32::min);
    if least > -200.0 {
        eprintln!(
            "wilhelm: {}: the smallest value is {least}, so there is no air in it: is this in Hounsfield units?",
            series.title
        );
    }
    Ok(series)
}

/// The one flat picture among what `paths` hold, or the one that `number` names.
pub fn flat(paths: &[PathBuf], number: Option<usize>, config: &Config) -> anyhow::Result<Series> {
    let mut all = series(paths, config)?;
    let count = all.len();
    let place = match number {
        Some(number) => number.checked_sub(1).filter(|place| *place < count),
        None => (count == 1).then_some(0),
    };
    let place = place
        .ok_or_else(|| Stop::usage(format!("the input has {count} series: choose one with --series")))?;
    let chosen = all.swap_remove(place);
    match chosen.image.geometry() {
        None => Ok(chosen),
        Some(_) => Err(Stop::input(format!("{} is a volume, expected a flat picture", chosen.title))),
    }
}

/// All series of `paths`, in the order in which `inspect` lists them.
pub fn series(paths: &[PathBuf], config: &Config) -> anyhow::Result<Vec<Series>> {
    let reading = wilhelm_formats::read(paths, &config.limits(), &Line::new("reading"));
    for failure in &reading.failures {
        eprintln!("wilhelm: {}: {}", failure.path, failure.error);
    }
    if reading.series.is_empty() {
        return Err(Stop::input("no image was found in what was given"));
    }
    Ok(reading.series)
}
