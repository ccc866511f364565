//! Reads a folder several times and prints the median time and the peak memory, as JSON.
//!
//! `read_series FOLDER [TIMES] [--no-hash]`, or `read_series --write-phantom FOLDER SLICES`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use wilhelm_formats::phantom::{CtPhantom, write_ct_series};
use wilhelm_formats::{Limits, Silent, read};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut out = std::io::stdout();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--write-phantom", folder, slices] => {
            let phantom = CtPhantom { slices: slices.parse()?, ..CtPhantom::default() };
            let files = write_ct_series(Path::new(folder), &phantom)?;
            writeln!(out, "{} files", files.len())?;
        }
        [folder, options @ ..] => {
            let hash = !options.contains(&"--no-hash");
            let times = options.first().and_then(|times| times.parse().ok()).unwrap_or(5_usize).max(1);
            let limits = Limits { hash, ..Limits::default() };
            let path = PathBuf::from(folder);
            let mut milliseconds = Vec::with_capacity(times);
            let mut voxels = 0;
            for _ in 0..times {
                let start = Instant::now();
                let reading = read(std::slice::from_ref(&path), &limits, &Silent);
                milliseconds.push(start.elapsed().as_secs_f64() * 1000.0);
                if let Some(failure) = reading.failures.first() {
                    return Err(failure.to_string().into());
                }
                voxels = reading.series.iter().map(|series| series.image.values().len()).sum();
            }
            milliseconds.sort_by(f64::total_cmp);
            let median = milliseconds[times / 2];
            writeln!(
                out,
                "{{\"median_ms\": {median:.1}, \"best_ms\": {:.1}, \"peak_rss_mb\": {}, \"voxels\": {voxels}, \"hash\": {hash}}}",
                milliseconds[0],
                peak_resident_megabytes().map_or("null".to_owned(), |megabytes| format!("{megabytes:.0}")),
            )?;
        }
        [] => return Err("usage: read_series FOLDER [TIMES] [--no-hash]".into()),
    }
    Ok(())
}

/// The process's largest resident set, where the system tells it.
fn peak_resident_megabytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kilobytes| kilobytes / 1024.0)
}
