//! Times one filter on a raw volume of 32-bit floats, for `tools/bench/kernels.py`.
//!
//! Usage: `kernels OPERATION INPUT COLUMNS,ROWS,SLICES SPACING,SPACING,SPACING TIMES [OUTPUT]`.
//! Prints the seconds of each run and the peak memory as JSON; the result of the last run goes to OUTPUT.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a program of its own: it reads files, tells the time and prints"
)]

mod denoise;
mod radiomics;
mod register;
mod resample;
mod segment;

use std::process::ExitCode;
use std::time::Instant;

use wilhelm_filters::register::DisplacementField;
use wilhelm_study::{Arbitrary, Geometry, Mm, Spacing, Volume};

/// What an operation works on.
pub type Input = Volume<Arbitrary>;

/// What an operation gives, as it gives it.
pub enum Output {
    /// Numbers, of a picture or of their own.
    Values(Vec<f32>),
    /// A set of voxels.
    Set(Vec<bool>),
    /// A label a voxel.
    Labels(Vec<u32>),
    /// A displacement a voxel.
    Field(DisplacementField),
}

impl Output {
    /// As floats, for the file that the peers' results are compared with: not part of the operation.
    fn into_floats(self) -> Vec<f32> {
        match self {
            Self::Values(values) => values,
            Self::Set(inside) => inside.into_iter().map(f32::from).collect(),
            Self::Field(field) => field.displacements().to_vec(),
            Self::Labels(labels) => labels.into_iter().map(|label| label as f32).collect(),
        }
    }
}

/// Runs an operation once; `None` where no module knows its name.
fn run_once(operation: &str, input: &Input) -> Option<Output> {
    let filters = [denoise::run, radiomics::run, resample::run];
    let values = filters.iter().find_map(|run| run(operation, input)).map(Output::Values);
    values.or_else(|| register::run(operation, input)).or_else(|| segment::run(operation, input))
}

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<String, String> {
    let [operation, path, size, spacing, times, output @ ..] = arguments else {
        return Err("usage: kernels OPERATION INPUT C,R,S X,Y,Z TIMES [OUTPUT]".to_owned());
    };
    let size = three::<usize>(size)?;
    let [x, y, z] = three::<f64>(spacing)?.map(Mm);
    let spacing = Spacing::new(x, y, z).map_err(|error| error.to_string())?;
    let geometry = Geometry::axis_aligned(size, spacing).map_err(|error| error.to_string())?;
    let bytes = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
    let values = bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
    drop(bytes);
    let input = Input::new(geometry, values).map_err(|error| error.to_string())?;
    radiomics::prepare(operation, &input);
    register::prepare(operation, &input);
    // What reading and preparing took is not the operation's: time and peak count from here.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = peak_kib();
    let mut seconds = Vec::new();
    let mut result = None;
    for _ in 0..times.parse::<usize>().map_err(|error| error.to_string())? {
        let start = Instant::now();
        let found = run_once(operation, &input);
        seconds.push(start.elapsed().as_secs_f64());
        result = Some(found.ok_or_else(|| format!("no operation {operation}"))?);
    }
    let peak = peak_kib();
    if let ([output], Some(result)) = (output, result) {
        let bytes: Vec<u8> = result.into_floats().iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(output, bytes).map_err(|error| format!("{output}: {error}"))?;
    }
    Ok(format!(
        "{{\"operation\": \"{operation}\", \"seconds\": {seconds:?}, \"input_kib\": {before}, \"peak_kib\": {peak}}}"
    ))
}

fn three<T: std::str::FromStr + Copy>(text: &str) -> Result<[T; 3], String> {
    let numbers: Vec<T> = text.split(',').filter_map(|part| part.parse().ok()).collect();
    numbers.try_into().map_err(|_| format!("{text} is not three numbers"))
}

/// Peak resident memory of this process in KiB, 0 where the system does not tell.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or(0)
}
