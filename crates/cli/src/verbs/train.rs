use std::path::{Path, PathBuf};
use std::time::Instant;

use wilhelm_learn::fusion::FusionRecipe;
use wilhelm_learn::{
    EpochReport, Keeping, LearnError, Maker, Recipe, Resume, Room, Run, RunMetrics, Start, TrainProgress,
    Trained, baselines_of_labels, certify, divide, load, train_classifier,
};
use wilhelm_nets::{Processor, Validation};

use crate::args::{self, DeviceChoice, TrainClassifier, TrainVerb};
use crate::config::Config;
use crate::curve;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text, write_folder};
use crate::progress::Line;
use crate::verbs::baselines;
use crate::verbs::beginning::{Beginning, begin, refuse_what_it_saw};
use crate::verbs::folds::Wanted;
use crate::verbs::models::{figures, interval};
use crate::version::program;

pub struct Progress {
    line: Line,
    started: Instant,
    processor: Processor,
    /// Whether training that needs more memory than there is shall be refused.
    checks_memory: bool,
    /// Bytes that will be held at most, as far as the network's sizes tell.
    foretold: u64,
    stepped: bool,
    /// Training and validation loss of each pass of the network that is trained.
    losses: (Vec<f32>, Vec<f32>),
}

impl Progress {
    /// Fails where what shall compute is not there, and says on what the network learns where that is not plain.
    pub fn new(computing: args::Computing) -> anyhow::Result<Self> {
        let processor = processor(&computing);
        let name = processor.name().map_err(LearnError::Processor)?;
        if processor == Processor::Gpu {
            eprintln!("learning on {name}");
        }
        Ok(Self {
            line: Line::new("training"),
            started: Instant::now(),
            processor,
            checks_memory: !computing.no_memory_check,
            foretold: 0,
            stepped: false,
            losses: (Vec::new(), Vec::new()),
        })
    }
}

/// What computes the network.
const fn processor(computing: &args::Computing) -> Processor {
    match computing.device {
        DeviceChoice::Cpu => Processor::Cpu,
        DeviceChoice::Gpu => Processor::Gpu,
    }
}

/// How a run is kept by this build on the device that was asked for.
pub fn keeping(computing: &args::Computing, resume: bool, every: f64) -> anyhow::Result<Keeping> {
    let device = processor(computing).kind().map_err(LearnError::Processor)?;
    let resume = match (resume, computing.other_build) {
        (false, _) => Resume::No,
        (true, false) => Resume::Alike,
        (true, true) => Resume::ByOthers,
    };
    Ok(Keeping { resume, every: every.max(0.0), maker: Maker { program: program(), device } })
}

impl TrainProgress for Progress {
    fn network(&mut self, words: &str) {
        self.losses = (Vec::new(), Vec::new());
        self.line.above(&format!("network of {words}"));
    }
    fn step(&mut self, done: usize, total: usize) {
        self.stepped = true;
        self.line.at(done, total);
    }
    fn epoch(&mut self, report: EpochReport) {
        self.losses.0.push(report.training_loss);
        self.losses.1.push(report.validation_loss);
        let curves = curve::losses(&self.losses.0, &self.losses.1, curve::letters());
        self.line.behind(&format!("  {curves}"));
        let score = report.score().map_or_else(String::new, |(name, value)| format!(", {name} {value:.3}"));
        self.line.above(&format!(
            "epoch {}/{}: loss {:.4}, validation loss {:.4}{score}, {:.0} s",
            report.epoch,
            report.epochs,
            report.training_loss,
            report.validation_loss,
            self.started.elapsed().as_secs_f64()
        ));
    }
    fn cancelled(&self) -> bool {
        false
    }
    fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }
    fn memory(&mut self, needed_bytes: u64) -> Option<Room> {
        let held = crate::memory::held_bytes().unwrap_or(0);
        self.foretold = self.foretold.max(held + needed_bytes);
        if self.checks_memory { crate::room::room() } else { None }
    }
    fn processor(&self) -> Processor {
        self.processor
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let (true, Some(peak)) = (self.stepped && self.foretold > 0, crate::memory::peak_bytes()) {
            let [peak, foretold] = [peak, self.foretold].map(|bytes| bytes as f64 / 1e9);
            self.line
                .above(&format!("at most {peak:.3} GB of memory were held; {foretold:.3} GB were foretold"));
        }
    }
}

/// A model's folder.
pub fn model_files(trained: &Trained) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let card = &trained.card;
    let validation: String = trained.held_out.cases.iter().map(|case| format!("{}\n", case.image)).collect();
    Ok(vec![
        ("card.toml".to_owned(), card.to_toml()?.into_bytes()),
        (card.weights.clone(), trained.weights.clone()),
        (card.outlier.file.clone(), trained.detector.clone()),
        ("validation.txt".to_owned(), validation.into_bytes()),
    ])
}

/// Files as [`write_folder`] takes them.
pub fn borrowed(files: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect()
}

/// `wilhelm train`
pub fn run(verb: &args::Train, config: &Config) -> anyhow::Result<Exit> {
    crate::memory::keep_freed();
    match &verb.verb {
        TrainVerb::Classifier(wanted) => classifier(wanted),
        TrainVerb::Pretrain(wanted) => super::pretrain::run(wanted),
        TrainVerb::Segmenter(wanted) => super::train_segmenter::run(wanted),
        TrainVerb::Report(wanted) => super::train_report::run(wanted),
        TrainVerb::Text(wanted) => super::train_text::run(wanted, config),
    }
}

/// The folder beside a model's that keeps its run.
pub fn run_folder(out: &Path, named: Option<&Path>) -> PathBuf {
    let beside = || {
        let mut name = out.to_owned().into_os_string();
        name.push(".run");
        name.into()
    };
    named.map_or_else(beside, Path::to_path_buf)
}

fn classifier(verb: &TrainClassifier) -> anyhow::Result<Exit> {
    let TrainClassifier {
        recipe,
        data,
        out,
        folds,
        weights,
        start,
        run,
        resume,
        checkpoint_every,
        no_baselines,
        computing,
        force,
        json,
    } = verb;
    if !force && out.join("card.toml").exists() {
        return Err(Stop::usage(format!("{} holds a model: add --force to replace it", out.display())));
    }
    let text = read_text(recipe, "recipe")?;
    if FusionRecipe::is_meant(&text) {
        return super::train_fusion::run(verb, &text);
    }
    if let Some(count) = *folds {
        let checkpoint_every = checkpoint_every.max(0.0);
        let wanted = Wanted {
            count,
            recipe: &text,
            data,
            out,
            checkpoint_every,
            baselines: !no_baselines,
            computing: *computing,
            json: *json,
        };
        return super::folds::run(&wanted);
    }
    let parsed = Recipe::from_toml(&text)?;
    let name = recipe.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let set = data.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Beginning { start, words, encoder } = begin(weights.as_deref(), start.as_deref(), &parsed)?;
    // A start that is refused leaves no run behind.
    start.check(&parsed)?;
    let device = if computing.device == DeviceChoice::Gpu { " --device gpu" } else { "" };
    let command = format!(
        "wilhelm train classifier --recipe models/recipes/{name} --data {set}{}{device} --out models/{}",
        words.option, parsed.name
    );
    let name = name + &words.on_card;
    let mut progress = Progress::new(*computing)?;
    let examples = load(&parsed, data)?;
    // A split that is refused leaves no run behind.
    let division = divide(&parsed, &examples)?;
    if let Some(folder) = encoder {
        refuse_what_it_saw(&folder, &start, &division)?;
    }
    let run = match &start {
        Start::Trained(_) => None,
        _ => {
            let folder = run_folder(out, run.as_deref());
            // What a run began with decides it too.
            let text = text + &words.in_recipe;
            Some(Run::open(
                &folder,
                &text,
                &examples.sha256,
                &keeping(computing, *resume, *checkpoint_every)?,
            )?)
        }
    };
    let mut trained = train_classifier(&division, start, run.as_ref(), &name, &command, &mut progress)?;
    drop(progress);
    if run.is_some() {
        trained.card.training.program = program();
    }
    if parsed.targets.is_one_of() {
        let line = Line::new("certifying");
        let reads = certify(&trained, &division, &command, &mut |done, total| line.at(done, total))?;
        trained.card.reads_image = Some(reads);
    }
    let cache = run.as_ref().map(|run| run.folder().join("features"));
    if !no_baselines && !parsed.targets.is_one_of() {
        let line = Line::new("baselines");
        let progress = |what: &str, done: usize, total: usize| {
            line.say(what);
            line.at(done, total);
        };
        baselines_of_labels(&division, &mut trained, &command, cache.as_deref(), &progress)?;
    } else if !no_baselines {
        let found = baselines::beside(&division, &trained, &command, cache.as_deref())?;
        trained.card.validation.baselines = found.metrics();
    }
    let files = model_files(&trained)?;
    write_folder(out, &borrowed(&files), *force)?;
    if let Some(run) = run {
        run.finish(&RunMetrics::of(&trained))?;
    }
    if *json {
        print_json(&trained.card.validation)?;
    } else {
        print(&format!("{}\n", figures(&trained.card.validation)))?;
        print_labels(&trained.card.validation)?;
        if parsed.targets.is_one_of() {
            print(&baselines::table_of(None, &trained.card.validation.baselines))?;
        }
    }
    Ok(Exit::Done)
}

/// A line of figures for each label.
pub fn print_labels(validation: &Validation) -> anyhow::Result<()> {
    for label in &validation.each {
        print(&format!(
            "  {:12} AUC {}, at {:.3}: sensitivity {}, specificity {}; Brier {} (its share {:.3}), {} of {} images\n",
            label.label,
            interval(&label.auc),
            label.threshold,
            interval(&label.sensitivity),
            interval(&label.specificity),
            interval(&label.brier),
            label.brier_of_share,
            label.positives,
            label.known
        ))?;
        for baseline in &label.baselines {
            print(&format!("  {:12}   {}: AUC {}\n", "", baseline.name, interval(&baseline.macro_auc)))?;
        }
    }
    if !validation.each.is_empty() {
        return Ok(());
    }
    for label in &validation.labels {
        print(&format!(
            "  {:12} AUC {:.3} ({:.3} to {:.3}), recall {:.3} ({:.3} to {:.3}), {} images\n",
            label.label,
            label.auc.estimate,
            label.auc.low,
            label.auc.high,
            label.recall.estimate,
            label.recall.low,
            label.recall.high,
            label.images
        ))?;
    }
    Ok(())
}

/// The folder of a run, where none is named.
pub fn beside(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".run");
    name.into()
}
