//! Tells the program of which commit it was built.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// What git says, where there is one and it answers.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).current_dir(folder).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The commit that is checked out in this project's own repository; of sources that were unpacked inside another
/// repository nothing is said.
fn commit(root: &Path) -> Option<String> {
    let top = fs::canonicalize(git(root, &["rev-parse", "--show-toplevel"])?).ok()?;
    if top != fs::canonicalize(root).ok()? {
        return None;
    }
    Some(format!("g{}", git(root, &["rev-parse", "--short=12", "HEAD"])?))
}

fn main() -> io::Result<()> {
    let own = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let root = Path::new(&own).join("../..");
    println!("cargo::rerun-if-changed=build.rs");
    let commit = commit(&root);
    if commit.is_some() {
        // What moves with each commit and checkout; a file that is not there would have this run at every build.
        for name in ["HEAD", "logs/HEAD"] {
            let place = git(&root, &["rev-parse", "--git-path", name]).map(|place| root.join(place));
            if let Some(place) = place.filter(|place: &PathBuf| place.is_file()) {
                println!("cargo::rerun-if-changed={}", place.display());
            }
        }
    }
    println!("cargo::rustc-env=WILHELM_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    Ok(())
}
