use wilhelm_learn::active::{Simulation, SimulationSettings, Strategy, document, simulate};
use wilhelm_learn::evaluation::document::{html, markdown};
use wilhelm_learn::{Recipe, divide, load};

use super::Source;
use crate::args::FewshotSimulate;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text, write_folder};
use crate::progress::Line;
use crate::table;

/// `wilhelm fewshot simulate`
pub fn run(wanted: &FewshotSimulate, config: &Config) -> anyhow::Result<Exit> {
    crate::memory::keep_freed();
    let report = wanted.out.join("simulation.json");
    if !wanted.force && report.exists() {
        return Err(Stop::usage(format!("{} is already there: add --force to replace it", report.display())));
    }
    let recipe = Recipe::from_toml(&read_text(&wanted.set.recipe, "recipe")?)?;
    recipe.require_one_of("curves over few labels are")?;
    let data = load(&recipe, &wanted.set.data)?;
    let division = divide(&recipe, &data)?;
    let source = if wanted.source == "random" {
        Source::random(&division, recipe.seed)
    } else {
        Source::read(&wanted.source, wanted.set.models.as_deref(), &division, config)?
    };
    let features = source.features(&division, &wanted.out)?;
    let strategies = match &wanted.strategy {
        Some(named) => named.iter().map(|name| Strategy::from(*name)).collect(),
        None => Strategy::ALL[1..].to_vec(),
    };
    let settings = SimulationSettings {
        strategies,
        first: wanted.first,
        step: wanted.step,
        rounds: wanted.rounds,
        repeats: wanted.repeats,
        seed: wanted.seed,
        committee: wanted.committee,
        strength: wanted.strength,
    };
    let line = Line::new("labeling");
    let found = simulate(&division, &features, &settings, &|done, total| line.at(done, total))?;
    drop(line);
    let page = document(&found)?;
    let (json, text, html) = (serde_json::to_vec_pretty(&found)?, markdown(&page), html(&page));
    let files = [
        ("simulation.json", json.as_slice()),
        ("simulation.md", text.as_bytes()),
        ("simulation.html", html.as_bytes()),
    ];
    write_folder(&wanted.out, &files, wanted.force)?;
    if wanted.json {
        print_json(&found)?;
    } else {
        print(&summary(&found))?;
        print(&format!("{}\n", wanted.out.join("simulation.html").display()))?;
    }
    Ok(Exit::Done)
}

fn summary(found: &Simulation) -> String {
    let rows: Vec<Vec<String>> = found
        .curves
        .iter()
        .map(|curve| {
            let less = curve.mean_auc_difference.map_or_else(
                || "-".to_owned(),
                |less| match less.interval {
                    Some([low, high]) => format!("{:+.3} ({low:+.3} to {high:+.3})", less.mean),
                    None => format!("{:+.3}", less.mean),
                },
            );
            vec![curve.strategy.name().to_owned(), format!("{:.3}", curve.mean_auc.mean), less]
        })
        .collect();
    table::columns(&["strategy", "mean AUC", "less that of chance"], &rows)
}
