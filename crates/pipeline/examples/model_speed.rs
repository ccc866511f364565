//! Time of one image through each shipped model: medians in milliseconds, and the peak resident memory.
//!
//! The threads are those of `RAYON_NUM_THREADS`.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::time::Instant;

use wilhelm_filters::{Plane, prepare};
use wilhelm_pipeline::built_in_shelf;

const TIMES: usize = 21;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let threads = std::env::var("RAYON_NUM_THREADS").unwrap_or_else(|_| "all".to_owned());
    // A smooth picture of the usual size: the time does not depend on what it shows.
    let side = 256;
    let pixels: Vec<f32> = (0..side * side)
        .map(|at| ((at % side) as f32 / 40.0).sin() * ((at / side) as f32 / 30.0).cos())
        .collect();
    for entry in built_in_shelf()?.entries() {
        let start = Instant::now();
        let model = entry.load()?;
        let loaded = start.elapsed().as_secs_f64() * 1000.0;
        let image = prepare(Plane::new(&pixels, side, side)?, (-1.0, 1.0), &model.card().preparation)?;
        // The first run allocates.
        model.predict(&[&image])?;
        let mut times: Vec<f64> = Vec::new();
        for _ in 0..TIMES {
            let start = Instant::now();
            model.predict(&[&image])?;
            times.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        times.sort_by(f64::total_cmp);
        println!(
            "{:18} threads {threads}: {:6.1} ms ({:.1} to {:.1}, {TIMES} runs), loaded and checked in {loaded:.0} ms",
            model.card().name,
            times[TIMES / 2],
            times[0],
            times[TIMES - 1],
        );
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    if let Some(peak) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
        println!("peak resident memory {}", peak.trim());
    }
    Ok(())
}
