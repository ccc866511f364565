//! The training loop with what a run's folder keeps of it.

use burn::tensor::Device;
use wilhelm_nets::Processor;

use crate::fit::{Fitted, Lessons, fit};
use crate::{EpochReport, LearnError, Optimization, Room, Run, TrainProgress};

/// Fits a network, and writes each pass to the run's folder where there is one.
pub(crate) fn recorded<L: Lessons, K>(
    name: &str,
    settings: &Optimization<K>,
    seed: u64,
    lessons: &L,
    fresh: impl FnOnce(&Device) -> L::Network,
    run: Option<&Run>,
    progress: &mut dyn TrainProgress,
) -> Result<Fitted<L::Network>, LearnError> {
    let mut recorder = Recorder { run, name, history: Vec::new(), fault: None, progress };
    let fitted = fit(settings, seed, lessons, fresh, run.map(Run::checkpoints), &mut recorder);
    if let Some(fault) = recorder.fault {
        return Err(fault);
    }
    let fitted = fitted?;
    if let Some(run) = run {
        run.put_history(name, &fitted.history, false)?;
    }
    Ok(fitted)
}

/// Writes each pass to the run's folder before it tells the caller.
struct Recorder<'a> {
    run: Option<&'a Run>,
    name: &'a str,
    history: Vec<EpochReport>,
    /// A folder that cannot be written stops the run.
    fault: Option<LearnError>,
    progress: &'a mut dyn TrainProgress,
}

impl TrainProgress for Recorder<'_> {
    fn step(&mut self, done: usize, total: usize) {
        self.progress.step(done, total);
    }
    fn epoch(&mut self, report: EpochReport) {
        self.history.push(report);
        if let (Some(run), None) = (self.run, &self.fault) {
            self.fault = run.put_history(self.name, &self.history, true).err();
        }
        self.progress.epoch(report);
    }
    fn cancelled(&self) -> bool {
        self.fault.is_some() || self.progress.cancelled()
    }
    fn seconds(&self) -> f64 {
        self.progress.seconds()
    }
    fn memory(&mut self, needed_bytes: u64) -> Option<Room> {
        self.progress.memory(needed_bytes)
    }
    fn processor(&self) -> Processor {
        self.progress.processor()
    }
}
