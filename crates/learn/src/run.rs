//! The folder of a training run: what decides it, how it went, and the checkpoints to go on from.

mod identity;

pub use identity::{Keeping, Maker, Resume};

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::fit::Checkpoints;
use crate::{Division, EpochReport, LearnError, Split, curves};
use identity::Identity;

/// `split.json`
#[derive(Serialize)]
struct WrittenSplit<'a> {
    schema: u32,
    by_patient: bool,
    patients: Option<usize>,
    words: &'a str,
    training: Vec<&'a str>,
    validation: Vec<&'a str>,
}

/// A run's folder, locked against other processes as long as this lives.
///
/// It holds `recipe.toml`, `run.json` (program and device, hashes of recipe and data), `split.json` (which images train and
/// validate), `history.json` (figures of every pass), `curves.html`, `curves.svg`, `curves.png`, `checkpoints/` and `held-out.json` (outputs for the
/// validation images).
#[derive(Debug)]
pub struct Run {
    folder: PathBuf,
    identity: Identity,
    checkpoints: Checkpoints,
    every: f64,
    _lock: File,
}

impl Run {
    /// Seconds between checkpoints within a pass, unless told otherwise.
    pub const EVERY: f64 = 60.0;

    /// Opens a run's folder, or makes it.
    ///
    /// A folder with a run in it is only taken to go on with that run, as `keeping` says.
    ///
    /// # Errors
    /// [`LearnError::Run`] for a folder that is not writable, in which another process trains, that holds
    /// another run, a finished one, or one that `keeping` does not allow to go on with.
    pub fn open(
        folder: &Path,
        recipe: &str,
        data_sha256: &str,
        keeping: &Keeping,
    ) -> Result<Self, LearnError> {
        let fail = |error: std::io::Error| LearnError::run(folder, &error);
        let refuse = |what: String| LearnError::Run { place: folder.display().to_string(), what };
        fs::create_dir_all(folder).map_err(fail)?;
        let lock = File::create(folder.join("lock")).map_err(fail)?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => refuse("another process trains in it".to_owned()),
            fs::TryLockError::Error(error) => fail(error),
        })?;
        let mut identity = Identity::of(recipe, data_sha256, &keeping.maker);
        let place = folder.join("run.json");
        match fs::read(&place) {
            Ok(bytes) => {
                let found: Identity = serde_json::from_slice(&bytes)
                    .map_err(|error| refuse(format!("run.json is not readable: {error}")))?;
                if let Some(what) = found.differs(&identity) {
                    return Err(refuse(format!(
                        "holds another run: {what}; name another folder, or remove it"
                    )));
                }
                if found.finished {
                    return Err(refuse("holds a finished run; name another folder, or remove it".to_owned()));
                }
                if keeping.resume == Resume::No {
                    return Err(refuse(
                        "holds an unfinished run of this recipe; add --resume to go on with it".to_owned(),
                    ));
                }
                identity = found.taken_up(keeping).map_err(refuse)?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(fail(error)),
        }
        let checkpoints = Checkpoints::new(folder.join("checkpoints"));
        let run =
            Self { folder: folder.to_owned(), identity, checkpoints, every: keeping.every, _lock: lock };
        run.put("recipe.toml", recipe.as_bytes())?;
        run.put_identity()?;
        Ok(run)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What a run of this recipe gave that is over (its `metrics.json`); `None` for no run, an unfinished or another one. A
    /// run counts that any build of this version finished.
    ///
    /// # Errors
    /// [`LearnError::Run`] for metrics that are not readable.
    pub fn finished<M: DeserializeOwned>(
        folder: &Path,
        recipe: &str,
        data_sha256: &str,
    ) -> Result<Option<M>, LearnError> {
        let Ok(bytes) = fs::read(folder.join("run.json")) else { return Ok(None) };
        let program = format!("wilhelm {}", env!("CARGO_PKG_VERSION"));
        let wanted = Identity::of(recipe, data_sha256, &Maker { program, device: String::new() });
        let is_over = |found: &Identity| {
            found.finished && found.version() == wanted.version() && found.differs(&wanted).is_none()
        };
        if !serde_json::from_slice::<Identity>(&bytes).is_ok_and(|found| is_over(&found)) {
            return Ok(None);
        }
        let place = folder.join("metrics.json");
        let read = fs::read(&place).and_then(|bytes| Ok(serde_json::from_slice(&bytes)?));
        read.map(Some).map_err(|error| LearnError::run(&place, &error))
    }

    /// Writes what came out (`metrics.json`), and removes the checkpoints: the run is over.
    ///
    /// # Errors
    /// [`LearnError::Run`].
    pub fn finish(mut self, metrics: &impl Serialize) -> Result<(), LearnError> {
        self.put_json("metrics.json", metrics)?;
        self.identity.finished = true;
        self.put_identity()?;
        self.checkpoints.remove()
    }

    /// Writes which images train and validate (`split.json`).
    pub(crate) fn put_division(&self, division: &Division<'_>) -> Result<(), LearnError> {
        let Division { data, split, patients, words, .. } = division;
        self.put_split(&|place| data.examples[place].source.as_str(), split, *patients, words)
    }

    /// The same of images whose names `name` gives.
    pub(crate) fn put_split<'a>(
        &self,
        name: &dyn Fn(usize) -> &'a str,
        split: &Split,
        patients: Option<usize>,
        words: &str,
    ) -> Result<(), LearnError> {
        let names = |places: &[usize]| places.iter().map(|place| name(*place)).collect();
        let written = WrittenSplit {
            schema: 1,
            by_patient: patients.is_some(),
            patients,
            words,
            training: names(&split.training),
            validation: names(&split.validation),
        };
        self.put_json("split.json", &written)
    }

    /// Writes what the network says of the images held out (`held-out.json`).
    pub(crate) fn put_held_out(&self, held_out: &impl Serialize) -> Result<(), LearnError> {
        self.put_json("held-out.json", held_out)
    }

    /// What the network of a run says of the images that were held out ([`HeldOut`](crate::HeldOut) of a classifier).
    ///
    /// # Errors
    /// [`LearnError::Run`] if there is none, or it is not readable.
    pub fn held_out<H: DeserializeOwned>(folder: &Path) -> Result<H, LearnError> {
        let place = folder.join("held-out.json");
        let read = fs::read(&place).and_then(|bytes| Ok(serde_json::from_slice(&bytes)?));
        read.map_err(|error| LearnError::run(&place, &error))
    }

    pub(crate) fn checkpoints(&self) -> (&Checkpoints, f64) {
        (&self.checkpoints, self.every)
    }

    /// Writes the history of an unfinished run, or the whole of a finished one, as numbers and as curves.
    pub(crate) fn put_history(
        &self,
        name: &str,
        history: &[EpochReport],
        running: bool,
    ) -> Result<(), LearnError> {
        self.put("curves.html", curves::page(name, history, running)?.as_bytes())?;
        let (svg, picture) = curves::pictures(history)?;
        self.put("curves.svg", svg.as_bytes())?;
        self.put("curves.png", &picture)?;
        self.put_json("history.json", &history)
    }

    fn put_identity(&self) -> Result<(), LearnError> {
        self.put_json("run.json", &self.identity)
    }

    fn put_json(&self, name: &str, value: &impl Serialize) -> Result<(), LearnError> {
        let bytes =
            serde_json::to_vec_pretty(value).map_err(|error| LearnError::run(&self.folder, &error.into()))?;
        self.put(name, &bytes)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), LearnError> {
        Ok(wilhelm_formats::write_atomically(&self.folder.join(name), true, bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dataset, Example, HeldOut, HeldOutCase, RunMetrics, divide};

    #[test]
    fn a_folder_is_one_run_s_alone() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("run");
        let open = |recipe: &str, data: &str, resume: bool| {
            Run::open(&folder, recipe, data, &Keeping::for_tests(resume, 60.0))
        };
        let run = open("a = 1", "abc", false).expect("new");
        let said = |result: Result<Run, LearnError>| result.expect_err("refused").to_string();
        assert!(said(open("a = 1", "abc", true)).contains("another process trains in it"));
        drop(run);
        assert!(said(open("a = 1", "abc", false)).contains("add --resume"));
        assert!(said(open("a = 2", "abc", true)).contains("recipe.toml differs"));
        assert!(said(open("a = 1", "abd", true)).contains("other data"));
        let run = open("a = 1", "abc", true).expect("resumed");
        let finished = || Run::finished::<RunMetrics>(&folder, "a = 1", "abc").expect("readable");
        assert_eq!(finished(), None);
        let metrics = crate::sweep::tests::metrics(3, 0.75);
        run.finish(&metrics).expect("finished");
        assert!(said(open("a = 1", "abc", true)).contains("finished run"));
        assert_eq!(finished(), Some(metrics));
        assert_eq!(Run::finished::<RunMetrics>(&folder, "a = 2", "abc").expect("readable"), None);
        assert!(folder.join("metrics.json").exists() && !folder.join("checkpoints").exists());
    }

    #[test]
    fn another_build_or_device_goes_on_only_where_it_is_told_to_and_the_folder_says_so() {
        let place = tempfile::tempdir().expect("a folder");
        let by = |program: &str, device: &str, resume: Resume| {
            let maker = Maker { program: program.to_owned(), device: device.to_owned() };
            let found = Run::open(place.path(), "a = 1", "abc", &Keeping { resume, every: 60.0, maker });
            found.map(drop).map_err(|error| error.to_string())
        };
        let (own, other) = (concat!("wilhelm ", env!("CARGO_PKG_VERSION"), "+g1"), "wilhelm 0.1.0+g2");
        assert_eq!(by(own, "main processor", Resume::Alike), Ok(()));
        assert_eq!(by(own, "main processor", Resume::Alike), Ok(()));
        let said = by(other, "main processor", Resume::Alike).expect_err("another build");
        assert!(
            said.contains(&format!("was computed by {own} on main processor, and this is {other}")),
            "{said}"
        );
        assert!(said.contains("--other-build"), "{said}");
        let said = by(own, "a graphics processor", Resume::Alike).expect_err("another device");
        assert!(said.contains("this is wilhelm") && said.contains("on a graphics processor"), "{said}");
        let written = || {
            let bytes = fs::read(place.path().join("run.json")).expect("there");
            serde_json::from_slice::<serde_json::Value>(&bytes).expect("JSON")
        };
        assert!(written()["went_on"].is_null());
        assert_eq!(by(other, "main processor", Resume::ByOthers), Ok(()));
        assert_eq!(by(other, "main processor", Resume::ByOthers), Ok(()));
        assert_eq!(
            (&written()["program"], &written()["went_on"][0]["program"]),
            (&own.into(), &other.into())
        );
        assert_eq!(written()["went_on"].as_array().map(Vec::len), Some(1));
        // What the other build computed is in the weights, whoever goes on.
        assert!(by(own, "main processor", Resume::Alike).is_err());
        // A result is a result of any build of this version.
        let maker = Maker { program: own.to_owned(), device: "main processor".to_owned() };
        let keeping = Keeping { resume: Resume::ByOthers, every: 60.0, maker };
        let run = Run::open(place.path(), "a = 1", "abc", &keeping).expect("resumed");
        run.finish(&crate::sweep::tests::metrics(3, 0.75)).expect("finished");
        assert!(Run::finished::<RunMetrics>(place.path(), "a = 1", "abc").expect("readable").is_some());
    }

    #[test]
    fn a_run_says_whether_its_split_is_by_patient_and_keeps_what_was_held_out() {
        let place = tempfile::tempdir().expect("a folder");
        let recipe = crate::dataset::tests::recipe(&[]);
        let examples = (0..40)
            .map(|at| Example { patient: Some(at / 2 + 1), ..crate::dataset::tests::example(at, at % 2) })
            .collect();
        let data = Dataset { examples, sha256: String::new() };
        let division = divide(&recipe, &data).expect("a split");
        let run = Run::open(place.path(), "a = 1", "abc", &Keeping::for_tests(false, 60.0)).expect("new");
        run.put_division(&division).expect("written");
        let text = fs::read(place.path().join("split.json")).expect("there");
        let split: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        assert_eq!((split["by_patient"].as_bool(), split["patients"].as_u64()), (Some(true), Some(20)));
        assert!(
            split["words"].as_str().is_some_and(|words| words.ends_with("split by patient (20 patients)"))
        );
        let listed = |side: &str| split[side].as_array().expect("a list").len();
        assert_eq!(listed("training") + listed("validation"), 40);

        let none = Run::held_out::<HeldOut>(place.path()).expect_err("not there yet").to_string();
        assert!(none.contains("held-out.json"), "{none}");
        let case =
            HeldOutCase { image: "0.png".to_owned(), label: 1, known: Vec::new(), logits: vec![0.5, -0.25] };
        let held_out = HeldOut { schema: HeldOut::SCHEMA, cases: vec![case] };
        run.put_held_out(&held_out).expect("written");
        assert_eq!(Run::held_out::<HeldOut>(place.path()).expect("readable"), held_out);
    }
}
