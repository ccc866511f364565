//! Decodes files from memory on one thread and prints each one's median time, as a line of JSON.
//!
//! `codecs TIMES FILE...`; `tools/bench/codecs.py` runs it beside the peers.

use std::io::Write;
use std::time::Instant;

use wilhelm_formats::Limits;
use wilhelm_formats::dicom::decode;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [times, files @ ..] = &arguments[..] else { return Err("expected TIMES FILE...".into()) };
    let times: usize = times.parse::<usize>()?.max(1);
    // One thread: codecs that spread over a pool find a pool of one.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let limits = Limits { hash: false, ..Limits::default() };
    for file in files {
        let bytes = std::fs::read(file)?;
        let mut milliseconds = Vec::with_capacity(times);
        for _ in 0..times {
            let start = Instant::now();
            pool.install(|| decode(&bytes, &limits))?;
            milliseconds.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        milliseconds.sort_by(f64::total_cmp);
        writeln!(std::io::stdout(), "{{\"milliseconds\": {}}}", milliseconds[times / 2])?;
    }
    Ok(())
}
