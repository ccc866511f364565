//! Trains as `wilhelm train classifier` does, without the rest of the program: `train RECIPE DATA OUT`.

use std::path::PathBuf;
use std::time::Instant;

use wilhelm_learn::{EpochReport, Recipe, TrainProgress, load, train_classifier};

struct Printed(Instant);

impl TrainProgress for Printed {
    fn step(&mut self, done: usize, total: usize) {
        if done == 10 {
            eprintln!("{done} of {total} steps in {:.0} s", self.0.elapsed().as_secs_f64());
        }
    }
    fn epoch(&mut self, report: EpochReport) {
        eprintln!("{report:?} after {:.0} s", self.0.elapsed().as_secs_f64());
    }
    fn cancelled(&self) -> bool {
        false
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [recipe, data, out] = arguments.as_slice() else { return Err("usage: train RECIPE DATA OUT".into()) };
    let name = recipe.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let recipe = Recipe::from_toml(&std::fs::read_to_string(recipe)?)?;
    let set = data.file_name().unwrap_or_default().to_string_lossy();
    let command = format!(
        "wilhelm train classifier --recipe models/recipes/{name} --data {set} --out models/{}",
        recipe.name
    );
    let examples = load(&recipe, data)?;
    let trained = train_classifier(&recipe, &examples, &name, &command, &mut Printed(Instant::now()))?;
    std::fs::create_dir_all(out)?;
    std::fs::write(out.join("card.toml"), trained.card.to_toml()?)?;
    std::fs::write(out.join(&trained.card.weights), &trained.weights)?;
    std::fs::write(out.join(&trained.card.outlier.file), &trained.detector)?;
    std::fs::write(out.join("validation.txt"), trained.validation_sources.join("\n") + "\n")?;
    eprintln!("{:#?}", trained.card.validation);
    Ok(())
}
