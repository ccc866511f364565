//! Which network predicts, and what computes it.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};

use wilhelm_nets::onnx::Runtime;
use wilhelm_nets::{
    AdoptedClassifier, Label, Model, OnnxClassifier, OnnxError, Prediction, Shelf, Targets, Views,
};
use wilhelm_pipeline::{
    Candidate, ImportedReading, Reading, predict_adopted, predict_imported, predict_planes,
};

use crate::args::{self, Engine};
use crate::config::Config;
use crate::exit::Stop;
use crate::shelf;

/// A classifier at work: one of this program's own, or one made by others.
pub enum Working {
    Own { model: Box<Model>, engine: Engine },
    Imported(Box<OnnxClassifier>),
    Adopted(Box<AdoptedClassifier>),
}

/// What is said of one image.
#[derive(Debug, PartialEq)]
pub struct Row {
    /// A number for each label, where a network saw the image.
    pub probabilities: Option<Vec<f64>>,
    pub outlier_score: Option<f64>,
    /// Of several models: how far they contradict each other.
    pub disagreement: Option<f64>,
    /// Why the image was not read, or why the numbers mean nothing.
    pub reason: Option<String>,
}

impl Row {
    pub const fn refused(reason: String) -> Self {
        Self { probabilities: None, outlier_score: None, disagreement: None, reason: Some(reason) }
    }

    fn predicted(prediction: &Prediction, reason: Option<String>) -> Self {
        let probabilities =
            prediction.labels.iter().map(|label| label.probability.estimate.value()).collect();
        let outlier_score = Some(prediction.outlier_score);
        Self { probabilities: Some(probabilities), outlier_score, disagreement: None, reason }
    }
}

/// Classifiers that are asked together.
pub struct Ensemble {
    members: Vec<(String, Working)>,
}

impl Ensemble {
    /// The classifiers that `wilhelm predict` names, which must have the same labels.
    pub fn load(verb: &args::Predict, config: &Config) -> anyhow::Result<Self> {
        let shelf = shelf::open(verb.models.as_deref(), config)?;
        let mut members: Vec<(String, Working)> = Vec::with_capacity(verb.model.len());
        for name in &verb.model {
            if members.iter().any(|(other, _)| other == name) {
                return Err(Stop::usage(format!("model {name} is named twice")));
            }
            let member = Working::load(name, verb, &shelf, config)?;
            if let Some((first, other)) = members.first() {
                let keys =
                    |of: &Working| of.labels().iter().map(|label| label.key.clone()).collect::<Vec<_>>();
                let (own, others) = (keys(&member), keys(other));
                if own != others {
                    return Err(Stop::usage(format!(
                        "models {first} and {name} have other labels ({} and {}): their mean says nothing",
                        others.join(", "),
                        own.join(", ")
                    )));
                }
                if member.targets() != other.targets() {
                    return Err(Stop::usage(format!(
                        "of models {first} and {name} the labels go together in other ways: their mean says nothing"
                    )));
                }
                if member.reads_volumes() != other.reads_volumes() {
                    return Err(Stop::usage(format!(
                        "of models {first} and {name} one reads volumes and the other flat images"
                    )));
                }
            }
            members.push((name.clone(), member));
        }
        if members.is_empty() {
            return Err(Stop::usage("no model was named"));
        }
        Ok(Self { members })
    }

    fn first(&self) -> &Working {
        let (_, first) = self.members.first().expect("at least one was named");
        first
    }

    /// Those that were made by others.
    pub fn imported(&self) -> impl Iterator<Item = &str> {
        self.members.iter().filter(|(_, member)| member.is_imported()).map(|(name, _)| name.as_str())
    }

    /// What computes them, as the command line calls it.
    pub fn engine(&self) -> &'static str {
        let engine = self.first().engine();
        let is_shared = self.members.iter().all(|(_, member)| member.engine() == engine);
        if is_shared { engine } else { "built-in, onnx-runtime" }
    }

    pub fn labels(&self) -> &[Label] {
        self.first().labels()
    }

    pub fn reads_volumes(&self) -> bool {
        self.first().reads_volumes()
    }

    /// Whether there are several.
    pub fn is_several(&self) -> bool {
        self.members.len() > 1
    }

    /// What they say of images, one after the other.
    pub fn rows(&self, candidates: &[Candidate<'_>]) -> anyhow::Result<Vec<Row>> {
        if !self.is_several() {
            return self.first().rows(candidates);
        }
        let mut all = Vec::with_capacity(self.members.len());
        for (name, member) in &self.members {
            all.push((name.as_str(), member.rows(candidates)?.into_iter()));
        }
        let groups = self.first().targets().groups(self.labels());
        let together = |_| {
            let rows = all.iter_mut().map(|(name, rows)| (*name, rows.next().expect("a row for each image")));
            together(rows.collect(), &groups)
        };
        Ok((0..candidates.len()).map(together).collect())
    }
}

/// The mean of the probabilities, the greatest outlier score, and how far the models contradict each other; where one
/// abstains, so do all.
///
/// The disagreement is the mutual information between label and model in nats: the entropy of the mean less the mean of
/// the entropies, 0 where all say the same; where labels are not one of all, the sum of each group's (`groups`).
///
/// # Source
/// Lakshminarayanan et al. 2017, arXiv:1612.01474; Houlsby et al. 2011, arXiv:1112.5745
fn together(rows: Vec<(&str, Row)>, groups: &[Vec<usize>]) -> Row {
    let reason = rows.iter().find_map(|(name, row)| Some(format!("{name}: {}", row.reason.as_deref()?)));
    let scores = rows.iter().filter_map(|(_, row)| row.outlier_score);
    let outlier_score = scores.reduce(f64::max);
    let all: Option<Vec<&Vec<f64>>> = rows.iter().map(|(_, row)| row.probabilities.as_ref()).collect();
    let Some(all) = all else {
        return Row { probabilities: None, outlier_score, disagreement: None, reason };
    };
    let count = all.len() as f64;
    let mean: Vec<f64> = (0..all.first().map_or(0, |row| row.len()))
        .map(|label| all.iter().map(|row| row[label]).sum::<f64>() / count)
        .collect();
    let share = |p: f64| if p > 0.0 { -p * p.ln() } else { 0.0 };
    let entropy = |row: &[f64]| -> f64 {
        let of_group = |group: &Vec<usize>| match group[..] {
            [only] => share(row[only]) + share(1.0 - row[only]),
            ref labels => labels.iter().map(|label| share(row[*label])).sum(),
        };
        groups.iter().map(of_group).sum()
    };
    let disagreement = entropy(&mean) - all.iter().map(|row| entropy(row)).sum::<f64>() / count;
    Row { probabilities: Some(mean), outlier_score, disagreement: Some(disagreement.max(0.0)), reason }
}

impl Working {
    /// A classifier that `wilhelm predict` names, computed by what it names.
    fn load(name: &str, verb: &args::Predict, shelf: &Shelf, config: &Config) -> anyhow::Result<Self> {
        let runtime = || runtime(verb.onnx_runtime.as_deref(), config);
        if let Some(entry) = shelf.imported_by_name(name) {
            if verb.engine == Some(Engine::BuiltIn) {
                return Err(Stop::usage(format!(
                    "model {name} was made by others: only ONNX Runtime computes it, with --engine onnx-runtime"
                )));
            }
            if verb.views.is_some() {
                return Err(Stop::usage(format!(
                    "--views: model {name} was made by others, and sees an image once"
                )));
            }
            return Ok(Self::Imported(Box::new(entry.load(&runtime()?)?)));
        }
        if let Some(entry) = shelf.adopted_by_name(name) {
            if verb.engine == Some(Engine::OnnxRuntime) {
                return Err(Stop::usage(format!(
                    "model {name} was made by others and only this program's own engine computes it: leave --engine out"
                )));
            }
            if verb.views.is_some() {
                return Err(Stop::usage(format!(
                    "--views: model {name} was made by others, and sees an image once"
                )));
            }
            return Ok(Self::Adopted(Box::new(entry.load()?)));
        }
        let folder = Path::new(name);
        let named;
        let entry = if folder.join("card.toml").is_file() {
            named = Shelf::classifier_in(folder)?;
            &named
        } else {
            shelf.get(name)?
        };
        let engine = verb.engine.unwrap_or(Engine::BuiltIn);
        let model = match engine {
            Engine::BuiltIn => entry.load()?,
            // A library that is not there is told before weights are read.
            Engine::OnnxRuntime => {
                let runtime = runtime()?;
                entry.load()?.with_runtime(&runtime)?
            }
        };
        let views = verb.views.as_deref().map(views).transpose()?.unwrap_or_default();
        Ok(Self::Own { model: Box::new(model.with_views(views)), engine })
    }

    pub const fn is_imported(&self) -> bool {
        matches!(self, Self::Imported(_) | Self::Adopted(_))
    }

    /// What computes it, as the command line calls it.
    pub const fn engine(&self) -> &'static str {
        match self {
            Self::Own { engine: Engine::BuiltIn, .. } | Self::Adopted(_) => "built-in",
            Self::Own { engine: Engine::OnnxRuntime, .. } | Self::Imported(_) => "onnx-runtime",
        }
    }

    pub fn labels(&self) -> &[Label] {
        match self {
            Self::Own { model, .. } => &model.card().labels,
            Self::Imported(model) => &model.card().labels,
            Self::Adopted(model) => &model.card().labels,
        }
    }

    /// Which of its labels go together.
    fn targets(&self) -> Targets {
        match self {
            Self::Own { model, .. } => model.card().targets.clone(),
            Self::Imported(_) => Targets::OneOf,
            Self::Adopted(model) => model.card().targets.clone(),
        }
    }

    pub fn reads_volumes(&self) -> bool {
        match self {
            Self::Own { model, .. } => model.card().architecture.slices > 1,
            Self::Imported(_) | Self::Adopted(_) => false,
        }
    }

    /// What it says of images, one after the other.
    pub fn rows(&self, candidates: &[Candidate<'_>]) -> anyhow::Result<Vec<Row>> {
        Ok(match self {
            Self::Own { model, .. } => predict_planes(model, candidates)?.into_iter().map(row).collect(),
            Self::Imported(model) => {
                predict_imported(model, candidates)?.into_iter().map(imported_row).collect()
            }
            Self::Adopted(model) => {
                predict_adopted(model, candidates)?.into_iter().map(imported_row).collect()
            }
        })
    }
}

fn row(reading: Reading) -> Row {
    match reading {
        Reading::Refused { reason } => Row::refused(reason),
        Reading::Abstained { reason, prediction } => Row::predicted(&prediction, Some(reason)),
        Reading::Read { prediction, .. } => Row::predicted(&prediction, None),
        _ => Row::refused("not read".to_owned()),
    }
}

fn imported_row(reading: ImportedReading) -> Row {
    match reading {
        ImportedReading::Refused { reason } => Row::refused(reason),
        ImportedReading::Read { probabilities } => {
            Row { probabilities: Some(probabilities), outlier_score: None, disagreement: None, reason: None }
        }
        _ => Row::refused("not read".to_owned()),
    }
}

/// Views as the command line writes them: `rotate=10,shift=0.05,scale=0.1`.
pub fn views(text: &str) -> anyhow::Result<Views> {
    let refuse = |what: String| Stop::usage(format!("--views {text}: {what}"));
    let mut views = Views::default();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').ok_or_else(|| refuse(format!("{part} has no =")))?;
        let number: f32 =
            value.trim().parse().map_err(|_| refuse(format!("{value} of {key} is no number")))?;
        match key.trim() {
            "rotate" => views.rotation_degrees = number,
            "shift" => views.shift = number,
            "scale" => views.scale = number,
            other => return Err(refuse(format!("{other} is none of rotate, shift, scale"))),
        }
    }
    match views.fault() {
        Some(fault) => Err(refuse(fault.to_owned())),
        None if views.is_none() => Err(refuse("names no view".to_owned())),
        None => Ok(views),
    }
}

/// ONNX Runtime: what the command line names, then the configuration, then `ORT_DYLIB_PATH`, then where the system
/// looks for libraries.
fn runtime(named: Option<&Path>, config: &Config) -> anyhow::Result<Runtime> {
    let configured = config.values.models.onnx_runtime.as_str();
    let library = named
        .map(Path::to_path_buf)
        .or_else(|| (!configured.is_empty()).then(|| PathBuf::from(configured)))
        .or_else(|| std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()).map(PathBuf::from))
        .unwrap_or_else(|| PathBuf::from(format!("{}onnxruntime{}", DLL_PREFIX, DLL_SUFFIX)));
    Runtime::load(&library, rayon::current_num_threads()).map_err(|error| match error {
        OnnxError::NotBuilt => Stop::usage(error.to_string()),
        error => error.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_read_and_what_is_none_is_named() {
        let found = views("rotate=10, shift=0.05").expect("views");
        assert_eq!(found, Views { rotation_degrees: 10.0, shift: 0.05, scale: 0.0 });
        for (text, words) in [
            ("turn=10", "turn is none of rotate, shift, scale"),
            ("rotate", "rotate has no ="),
            ("shift=far", "far of shift is no number"),
            ("shift=0.9", "shift lies from 0 to a half"),
            ("rotate=0", "names no view"),
        ] {
            let said = views(text).expect_err(words).to_string();
            assert!(said.contains(words), "{said}");
        }
    }

    fn row(probabilities: [f64; 2], reason: Option<&str>) -> Row {
        let reason = reason.map(str::to_owned);
        Row {
            probabilities: Some(probabilities.to_vec()),
            outlier_score: Some(1.0),
            disagreement: None,
            reason,
        }
    }

    #[test]
    fn models_together_say_their_mean_and_how_far_they_contradict_each_other() {
        let same =
            together(vec![("a", row([0.25, 0.75], None)), ("b", row([0.25, 0.75], None))], &[vec![0, 1]]);
        assert_eq!((same.probabilities, same.disagreement), (Some(vec![0.25, 0.75]), Some(0.0)));
        // Each is sure, of another label: the mean knows nothing, ln 2, and each everything.
        let torn = together(vec![("a", row([1.0, 0.0], None)), ("b", row([0.0, 1.0], None))], &[vec![0, 1]]);
        assert_eq!(torn.probabilities, Some(vec![0.5, 0.5]));
        assert!((torn.disagreement.expect("of two") - std::f64::consts::LN_2).abs() < 1e-12);
        assert_eq!(torn.reason, None);
        // Each label for itself: ln 2 of either.
        let apart =
            together(vec![("a", row([1.0, 0.0], None)), ("b", row([0.0, 1.0], None))], &[vec![0], vec![1]]);
        assert!((apart.disagreement.expect("of two") - 2.0 * std::f64::consts::LN_2).abs() < 1e-12);
    }

    #[test]
    fn where_one_abstains_all_do_and_where_one_refuses_there_is_no_mean() {
        let shy = together(
            vec![("a", row([0.5, 0.5], None)), ("b", row([0.5, 0.5], Some("too far")))],
            &[vec![0, 1]],
        );
        assert_eq!(shy.reason.as_deref(), Some("b: too far"));
        assert!(shy.probabilities.is_some());
        let refused = Row::refused("a film".to_owned());
        let none = together(vec![("a", row([0.5, 0.5], None)), ("b", refused)], &[vec![0, 1]]);
        assert_eq!((none.probabilities, none.reason.as_deref()), (None, Some("b: a film")));
    }
}
