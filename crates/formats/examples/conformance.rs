//! Prints `docs/conformance.md`.
//!
//! `conformance FOLDER`, the folder of the collection with its INDEX.csv.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::Path;

#[path = "../tests/all/conformance/collection.rs"]
mod collection;
#[path = "../tests/all/conformance/page.rs"]
mod page;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("expected the folder of the collection")?;
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/lossy.json");
    let page = page::page(Path::new(&folder), &golden);
    for file in page.lossless_but_other.iter().chain(&page.nema_but_other) {
        writeln!(std::io::stderr(), "not as it must be: {file}")?;
    }
    writeln!(std::io::stderr(), "{} files decode to the reference's pixels", page.identical)?;
    std::io::stdout().write_all(page.text.as_bytes())?;
    Ok(())
}
