//! What early, intermediate and late fusion learn of two made-up data sets of two inputs: the table of
//! docs/training.md, "Several inputs".
//!
//! `cargo run --release --example fusion -p wilhelm-learn [CASES]`
#![allow(clippy::print_stdout, reason = "a program of its own: it prints")]

mod phantom;

use std::time::Instant;

use phantom::{Truth, cases, recipe};
use wilhelm_learn::fusion::{FusionFigures, divide_cases, fit_fusion};
use wilhelm_learn::{EpochReport, TrainProgress};
use wilhelm_nets::Interval;

/// Cases of each data set, unless told otherwise: half of them train.
const CASES: usize = 800;

struct Quiet(Instant);

impl TrainProgress for Quiet {
    fn step(&mut self, _: usize, _: usize) {}
    fn epoch(&mut self, report: EpochReport) {
        if report.epoch == report.epochs {
            let seconds = self.0.elapsed().as_secs_f64();
            eprintln!("training loss {:.3}, {seconds:.0} s", report.training_loss);
        }
    }
    fn cancelled(&self) -> bool {
        false
    }
    fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

fn cell(interval: Option<Interval>) -> String {
    interval.map_or_else(
        || "none".to_owned(),
        |auc| format!("{:.3} ({:.3} to {:.3})", auc.estimate, auc.low, auc.high),
    )
}

fn row(words: &str, figures: &FusionFigures) -> String {
    let auc = |inputs: [bool; 2]| {
        let found = figures.subset(&inputs).and_then(|subset| subset.figures.as_ref());
        cell(found.map(|figures| figures.macro_auc))
    };
    format!("| {words} | {} | {} | {} |", auc([true, true]), auc([true, false]), auc([false, true]))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::args().nth(1).map_or(Ok(CASES), |text| text.parse())?;
    for (truth, words) in [
        (Truth::OneOfBoth, "a ball in one input and not in the other"),
        (Truth::Brightness, "a ball that is brighter in both"),
    ] {
        println!("\n| {words} | both inputs | a alone | b alone |\n|---|---|---|---|");
        for (name, fusion, drop_input, more) in [
            ("early", "early", 0.3, "baselines = false"),
            ("early, drop_input = 0", "early", 0.0, "baselines = false"),
            ("intermediate", "intermediate", 0.3, "baselines = false"),
            ("intermediate, one CNN", "intermediate", 0.3, "baselines = false\nshared = true"),
            ("late", "late", 0.0, ""),
        ] {
            let recipe = recipe(fusion, drop_input, more);
            let data = cases(&recipe, truth, count, 1);
            let division = divide_cases(&recipe, &data)?;
            let mut progress = Quiet(Instant::now());
            let fitted = fit_fusion(&recipe, &data, &division.split, None, &mut progress)?;
            println!("{}", row(name, &fitted.figures));
            if let [a, b] = &fitted.figures.baselines[..] {
                println!("| a network of one input | - | {} | {} |", cell(a.macro_auc), cell(b.macro_auc));
            }
        }
    }
    Ok(())
}
