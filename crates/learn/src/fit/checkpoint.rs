//! Checkpoints: everything a run needs to go on as if it had never stopped.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::hash::sha256;
use crate::{EpochReport, LearnError};

/// Checkpoints that stay: the newest, and the one before in case a disk ate the newest.
const KEPT: usize = 2;
const STATE: &str = "state.json";

/// Where a run stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Standing {
    /// Steps made.
    pub steps: usize,
    /// The pass that is under way, from 1.
    pub epoch: usize,
    /// Steps made in it.
    pub steps_in_epoch: usize,
    /// Bits of the sum of its losses: the same number, not one near it.
    pub losses: u64,
    /// Seconds spent before this checkpoint.
    pub seconds: f64,
    /// The passes that are over.
    pub history: Vec<EpochReport>,
    /// The pass with the least validation loss, and that loss.
    pub best: Option<(usize, f32)>,
    /// Loss of the first step; older checkpoints do not say it.
    #[serde(default)]
    pub first: Option<f32>,
}

/// Named bytes of a checkpoint.
pub(crate) type Parts = Vec<(String, Vec<u8>)>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    standing: Standing,
    /// Name and SHA-256 of each file beside this one.
    files: Vec<(String, String)>,
}

/// The folder of a run's checkpoints.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    folder: PathBuf,
}

impl Checkpoints {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Writes a checkpoint; it is there as a whole or not at all, whenever the program is killed.
    ///
    /// # Errors
    /// [`LearnError::Run`].
    pub(crate) fn save(&self, standing: &Standing, parts: &Parts) -> Result<(), LearnError> {
        self.written(standing, parts).map_err(|error| LearnError::run(&self.folder, &error))
    }

    fn written(&self, standing: &Standing, parts: &Parts) -> io::Result<()> {
        // The run's lock keeps other processes out, so what lies there was left by one that was killed.
        let staging = self.folder.join(".writing");
        let _ = fs::remove_dir_all(&staging);
        fs::create_dir_all(&staging)?;
        let files = parts.iter().map(|(name, bytes)| (name.clone(), sha256(bytes))).collect();
        for (name, bytes) in parts {
            written(&staging.join(name), bytes)?;
        }
        let state = State { standing: standing.clone(), files };
        written(&staging.join(STATE), &serde_json::to_vec_pretty(&state)?)?;
        let place = self.folder.join(format!("step-{:09}", standing.steps));
        // The same step again is the same checkpoint, unless the old one is damaged.
        let _ = fs::remove_dir_all(&place);
        fs::rename(&staging, &place)?;
        File::open(&self.folder)?.sync_all()?;
        let mut steps = self.steps()?;
        while steps.len() > KEPT {
            fs::remove_dir_all(steps.remove(0))?;
        }
        Ok(())
    }

    /// The newest checkpoint that is whole.
    ///
    /// # Errors
    /// [`LearnError::Run`] where there are checkpoints and none is whole.
    pub(crate) fn newest(&self) -> Result<Option<(Standing, Parts)>, LearnError> {
        let steps = match self.steps() {
            Ok(steps) => steps,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(LearnError::run(&self.folder, &error)),
        };
        let mut last = None;
        for place in steps.iter().rev() {
            match whole(place) {
                Ok(found) => return Ok(Some(found)),
                Err(error) => last = last.or(Some((place, error))),
            }
        }
        last.map_or(Ok(None), |(place, error)| Err(LearnError::run(place, &error)))
    }

    /// Removes all of them, when the run is over.
    ///
    /// # Errors
    /// [`LearnError::Run`].
    pub(crate) fn remove(&self) -> Result<(), LearnError> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(LearnError::run(&self.folder, &error))
            }
            _ => Ok(()),
        }
    }

    fn steps(&self) -> io::Result<Vec<PathBuf>> {
        let mut steps = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("step-") {
                steps.push(entry.path());
            }
        }
        steps.sort();
        Ok(steps)
    }
}

fn whole(place: &Path) -> io::Result<(Standing, Parts)> {
    let damaged = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let state: State = serde_json::from_slice(&fs::read(place.join(STATE))?)?;
    let mut parts = Parts::new();
    for (name, expected) in state.files {
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.') || name.starts_with('.') {
            return Err(damaged(format!("{STATE} names a file that is no name in this folder")));
        }
        let bytes = fs::read(place.join(&name))?;
        if sha256(&bytes) != expected {
            return Err(damaged(format!("{name} is not what {STATE} says")));
        }
        parts.push((name, bytes));
    }
    Ok((state.standing, parts))
}

/// A new file, on the disk when this returns.
fn written(place: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(place)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(steps: usize) -> Standing {
        Standing { steps, losses: 0.1_f64.to_bits(), best: Some((2, 0.25)), ..Standing::default() }
    }

    #[test]
    fn the_newest_whole_checkpoint_is_found_and_a_damaged_one_is_passed_over() {
        let place = tempfile::tempdir().expect("a folder");
        let checkpoints = Checkpoints::new(place.path().join("checkpoints"));
        assert_eq!(checkpoints.newest().expect("none"), None);
        for steps in [1, 2, 10] {
            let parts = vec![("network.bpk".to_owned(), vec![steps as u8; 100])];
            checkpoints.save(&standing(steps), &parts).expect("saved");
        }
        assert_eq!(checkpoints.steps().expect("listed").len(), KEPT);
        let (found, parts) = checkpoints.newest().expect("read").expect("one");
        assert_eq!((found, parts[0].1[0]), (standing(10), 10));
        let newest = checkpoints.folder.join("step-000000010/network.bpk");
        fs::write(&newest, [10; 99]).expect("damaged");
        assert_eq!(checkpoints.newest().expect("read").expect("one").0, standing(2));
        fs::remove_file(checkpoints.folder.join("step-000000002/state.json")).expect("removed");
        let error = checkpoints.newest().expect_err("none is whole").to_string();
        assert!(error.contains("network.bpk is not what state.json says"), "{error}");
        checkpoints.remove().expect("removed");
        checkpoints.remove().expect("nothing to remove");
    }
}
