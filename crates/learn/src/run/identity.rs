//! What decides a run: recipe and data, and who computes it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::hash::sha256;

/// What decides a run; it goes on only where all of it is the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Identity {
    pub schema: u32,
    program: String,
    /// What computed it; runs of an earlier program do not say it.
    #[serde(default)]
    device: String,
    recipe_sha256: String,
    data_sha256: String,
    pub finished: bool,
    /// Builds and devices that went on with it, where they were others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    went_on: Vec<Maker>,
}

/// What computes a run: the same build on the same kind of processor ends with the same weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maker {
    /// The program with its version and commit.
    pub program: String,
    /// What computes the network.
    pub device: String,
}

impl std::fmt::Display for Maker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let device = if self.device.is_empty() { "a device that it does not say" } else { &self.device };
        write!(formatter, "{} on {device}", self.program)
    }
}

/// Whether a folder with an unfinished run is taken to go on with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// It is refused.
    No,
    /// By the build and on the kind of device that began it: the result is that of an unbroken run.
    Alike,
    /// By any; the result may differ from that of an unbroken run, and the folder says who went on.
    ByOthers,
}

/// How a run is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Keeping {
    /// Whether to go on with what is there.
    pub resume: Resume,
    /// The least time between two checkpoints within a pass, in seconds; each pass ends with one anyway.
    pub every: f64,
    /// Who computes it.
    pub maker: Maker,
}

impl Keeping {
    /// The same for a folder within a run's, which may not have been begun when the run was stopped.
    pub(crate) fn within(&self, folder: &Path) -> Self {
        let began = folder.join("run.json").exists();
        Self { resume: if began { self.resume } else { Resume::No }, ..self.clone() }
    }
}

#[cfg(test)]
impl Keeping {
    /// By a program and on a device that nobody has.
    pub(crate) fn for_tests(resume: bool, every: f64) -> Self {
        let program = format!("wilhelm {}+test", env!("CARGO_PKG_VERSION"));
        let maker = Maker { program, device: "paper".to_owned() };
        Self { resume: if resume { Resume::Alike } else { Resume::No }, every, maker }
    }
}

impl Identity {
    /// Of a run that begins.
    pub fn of(recipe: &str, data_sha256: &str, maker: &Maker) -> Self {
        let Maker { program, device } = maker.clone();
        Self {
            schema: 1,
            program,
            device,
            recipe_sha256: sha256(recipe.as_bytes()),
            data_sha256: data_sha256.to_owned(),
            finished: false,
            went_on: Vec::new(),
        }
    }

    /// Name and version of the program, without the build.
    pub fn version(&self) -> &str {
        self.program.split('+').next().unwrap_or_default()
    }

    /// Itself, gone on with by whoever `keeping` names; an error is words.
    pub fn taken_up(mut self, keeping: &Keeping) -> Result<Self, String> {
        let maker = &keeping.maker;
        let began = Maker { program: self.program.clone(), device: self.device.clone() };
        let others: Vec<&Maker> =
            std::iter::once(&began).chain(&self.went_on).filter(|other| *other != maker).collect();
        if let Some(other) = others.last()
            && keeping.resume != Resume::ByOthers
        {
            return Err(format!(
                "was computed by {other}, and this is {maker}: the weights might differ from those of an unbroken run; go on \
                 with that build and device, name another folder, or add --other-build to go on all the same"
            ));
        }
        if began != *maker && self.went_on.last() != Some(maker) {
            self.went_on.push(maker.clone());
        }
        Ok(self)
    }

    /// In what the run that was found is another one.
    pub fn differs(&self, wanted: &Self) -> Option<String> {
        if self.schema != wanted.schema {
            return Some(format!("its form is {}, this program writes {}", self.schema, wanted.schema));
        }
        if self.recipe_sha256 != wanted.recipe_sha256 {
            return Some("its recipe.toml differs from this recipe".to_owned());
        }
        let other = self.data_sha256 != wanted.data_sha256;
        other.then(|| "it was trained on other data".to_owned())
    }
}
