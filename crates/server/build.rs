//! Makes a table of the built page (`web/dist`), so that the program holds it. An empty folder makes an empty table.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn files(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            found.push(path);
        }
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let variable = |name: &str| env::var(name).map_err(io::Error::other);
    let dist = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../../web/dist");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", dist.display());
    let mut found = Vec::new();
    if dist.is_dir() {
        files(&dist, &mut found)?;
    }
    found.sort();
    let mut table = String::from("const FILES: &[File] = &[\n");
    for path in found.iter().filter(|path| path.extension().is_none_or(|ending| ending != "br")) {
        let mut hasher = DefaultHasher::new();
        hasher.write(&fs::read(path)?);
        let name = path.strip_prefix(&dist).map_err(io::Error::other)?.to_string_lossy().replace('\\', "/");
        let small = PathBuf::from(format!("{}.br", path.display()));
        let small =
            if small.is_file() { format!("Some(include_bytes!({small:?}))") } else { "None".to_owned() };
        let tag = format!("\\\"{:016x}\\\"", hasher.finish());
        writeln!(
            table,
            "    File {{ path: {name:?}, tag: \"{tag}\", plain: include_bytes!({path:?}), brotli: {small} }},"
        )
        .map_err(io::Error::other)?;
    }
    table.push_str("];\n");
    fs::write(Path::new(&variable("OUT_DIR")?).join("built_page.rs"), table)
}
