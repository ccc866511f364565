use std::path::PathBuf;

use wilhelm_study::Series;

use crate::config::Config;
use crate::exit::Stop;
use crate::progress::Line;

/// The one volume among what `paths` hold, or the one that `number` names (as `inspect` lists them,
/// from 1).
///
/// What could not be read is said on stderr and does not stop the others.
pub fn volume(paths: &[PathBuf], number: Option<usize>, config: &Config) -> anyhow::Result<Series> {
    let mut all = series(paths, config)?;
    let chosen = match number {
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
    Ok(all.swap_remove(chosen))
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
