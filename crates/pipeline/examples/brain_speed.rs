//! Time and peak resident memory of the brain mask of one volume, and its overlap with the classical method's.
//!
//! The threads are those of `RAYON_NUM_THREADS`.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::path::PathBuf;
use std::time::Instant;

use wilhelm_filters::organs;
use wilhelm_formats::Limits;
use wilhelm_pipeline::built_in_shelf;
use wilhelm_study::{Image, Silent};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut asked = std::env::args().skip(1);
    let path = PathBuf::from(asked.next().ok_or("expected a volume, and perhaps a number of runs")?);
    let runs: usize = asked.next().map_or(Ok(1), |count| count.parse())?;
    let reading = wilhelm_formats::read(&[path], &Limits::default(), &Silent);
    let series = reading.series.into_iter().next().ok_or("no image was read")?;
    let Image::Arbitrary(volume) = series.image else {
        return Err("expected a volume without a unit".into());
    };
    let shelf = built_in_shelf()?;
    let start = Instant::now();
    let network = shelf.segmenter("brain-mask").ok_or("no network called brain-mask")?.load()?;
    println!("loaded and checked in {:.2} s", start.elapsed().as_secs_f64());
    for _ in 0..runs {
        let start = Instant::now();
        let mask = network.segment(&volume, &Silent)?;
        println!("network {:.1} mL in {:.2} s", mask.milliliters(), start.elapsed().as_secs_f64());
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    if let Some(peak) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
        println!("peak resident memory {}", peak.trim());
    }
    let mask = network.segment(&volume, &Silent)?;
    let start = Instant::now();
    let classical = organs::brain(&volume, &Silent)?;
    println!("classical {:.1} mL in {:.2} s", classical.milliliters(), start.elapsed().as_secs_f64());
    let common = mask.intersection(&classical)?.count();
    println!("Dice of the two {:.4}", 2.0 * common as f64 / (mask.count() + classical.count()) as f64);
    Ok(())
}
