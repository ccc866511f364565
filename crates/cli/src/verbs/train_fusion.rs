//! `wilhelm train classifier` with a recipe of several inputs.

use wilhelm_learn::fusion::{
    FusionRecipe, FusionRuns, FusionTrained, divide_cases, load_cases, train_fusion,
};
use wilhelm_nets::{FusionCard, Interval};

use crate::args::TrainClassifier;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, write_folder};
use crate::table::columns;
use crate::verbs::folds::Wanted;
use crate::verbs::models::{figures, interval};
use crate::verbs::train::{Progress, borrowed, keeping, print_labels, run_folder};

pub fn run(verb: &TrainClassifier, text: &str) -> anyhow::Result<Exit> {
    let other = [("--weights", verb.weights.is_some()), ("--start", verb.start.is_some())];
    if let Some((option, _)) = other.into_iter().find(|(_, given)| *given) {
        return Err(Stop::usage(format!("{option} is of recipes of one input: this recipe has several")));
    }
    if let Some(count) = verb.folds {
        return super::folds::fusion::run(&Wanted {
            count,
            recipe: text,
            data: &verb.data,
            out: &verb.out,
            checkpoint_every: verb.checkpoint_every.max(0.0),
            baselines: false,
            computing: verb.computing,
            json: verb.json,
        });
    }
    let recipe = FusionRecipe::from_toml(text)?;
    let name = verb.recipe.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let set = verb.data.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let command = format!(
        "wilhelm train classifier --recipe models/recipes/{name} --data {set} --out models/{}",
        recipe.recipe.name
    );
    let mut progress = Progress::new(verb.computing)?;
    let data = load_cases(&recipe, &verb.data)?;
    // A split that is refused leaves no run behind.
    let division = divide_cases(&recipe, &data)?;
    let folder = run_folder(&verb.out, verb.run.as_deref());
    let keeping = keeping(&verb.computing, verb.resume, verb.checkpoint_every)?;
    let runs = FusionRuns::open(&folder, (&recipe, text), &data.data.sha256, &keeping)?;
    let trained = train_fusion(&recipe, &data, &division, Some(&runs), (&name, &command), &mut progress)?;
    drop(progress);
    write_folder(&verb.out, &borrowed(&model_files(&trained)?), verb.force)?;
    runs.finish(&trained)?;
    let card = &trained.card;
    if verb.json {
        print_json(&serde_json::json!({
            "validation": card.validation, "subsets": card.subsets, "baselines": card.baselines
        }))?;
    } else {
        print(&format!("{}\n", figures(&card.validation)))?;
        print_labels(&card.validation)?;
        print(&by_inputs(card))?;
    }
    Ok(Exit::Done)
}

/// A model's folder.
pub fn model_files(trained: &FusionTrained) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let card = &trained.card;
    let validation: String = trained.held_out.cases.iter().map(|case| format!("{}\n", case.image)).collect();
    let mut files = vec![
        ("card.toml".to_owned(), card.to_toml()?.into_bytes()),
        (card.weights.clone(), trained.weights.clone()),
        ("validation.txt".to_owned(), validation.into_bytes()),
    ];
    let detectors = card.inputs.iter().zip(&trained.detectors);
    files.extend(detectors.map(|(input, detector)| (input.outlier.file.clone(), detector.clone())));
    Ok(files)
}

/// The figures with all inputs, each alone, each one missing, and of networks of one input.
pub fn by_inputs(card: &FusionCard) -> String {
    let count = card.inputs.len();
    let figure = |interval_of: Option<&Interval>| interval_of.map_or_else(|| "none".to_owned(), interval);
    let mut subsets: Vec<_> = card.subsets.iter().collect();
    subsets.sort_by_key(|subset| std::cmp::Reverse(subset.inputs.len()));
    let shown = subsets.into_iter().filter_map(|subset| {
        let words = match subset.inputs.len() {
            all if all == count => "all inputs".to_owned(),
            1 => format!("{} alone", subset.inputs.join(", ")),
            most if most + 1 == count => {
                let missing: Vec<&str> = card
                    .keys()
                    .into_iter()
                    .filter(|key| !subset.inputs.iter().any(|own| own == key))
                    .collect();
                format!("without {}", missing.join(", "))
            }
            _ => return None,
        };
        let note = subset.nothing.as_ref().map_or_else(String::new, |why| format!("abstains: {why}"));
        let cases = subset.cases.to_string();
        Some(vec![words, cases, figure(subset.macro_auc.as_ref()), figure(subset.accuracy.as_ref()), note])
    });
    let alone = card.baselines.iter().map(|baseline| {
        let words = format!("network of {} alone", baseline.input);
        let cases = baseline.cases.to_string();
        vec![
            words,
            cases,
            figure(baseline.macro_auc.as_ref()),
            figure(baseline.accuracy.as_ref()),
            String::new(),
        ]
    });
    let rows: Vec<Vec<String>> = shown.chain(alone).collect();
    columns(&["inputs", "cases", "AUC", "accuracy", ""], &rows)
}
