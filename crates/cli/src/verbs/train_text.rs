//! `wilhelm train text`

use std::path::PathBuf;

use wilhelm_learn::Run;
use wilhelm_learn::evaluation::{Figure, Report};
use wilhelm_learn::reading::{TextMetrics, TextRecipe, Texts, TrainedText, train_text};
use wilhelm_llm::MINILM;
use wilhelm_nets::text::TextBase;

use crate::args::TrainText;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text, write_folder};
use crate::table;
use crate::verbs::train::{Progress, borrowed, keeping, run_folder};

/// Trains, writes the model's folder and closes the run.
pub fn run(verb: &TrainText, config: &Config) -> anyhow::Result<Exit> {
    let TrainText { recipe, data, out, encoder, run, resume, checkpoint_every, computing, force, json } =
        verb;
    if !force && out.join("card.toml").exists() {
        return Err(Stop::usage(format!("{} holds a model: add --force to replace it", out.display())));
    }
    let text = read_text(recipe, "recipe")?;
    let parsed = TextRecipe::from_toml(&text)?;
    let last = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (name, set) = (last(recipe), last(data));
    let (folder, named) = match encoder {
        Some(folder) => (folder.clone(), last(folder)),
        None if MINILM.is_in(&config.cache()) => {
            (MINILM.path_in(&config.cache()), "all-MiniLM-L6-v2".to_owned())
        }
        None => {
            return Err(Stop::input(
                "the encoder minilm is not fetched: run `wilhelm models fetch minilm`, or name a folder with --encoder",
            ));
        }
    };
    let with = if encoder.is_some() { format!(" --encoder {named}") } else { String::new() };
    let command =
        format!("wilhelm train text --recipe models/recipes/{name} --data {set}{with} --out {}", parsed.name);
    let mut progress = Progress::new(*computing)?;
    let texts = Texts::load(&parsed, data)?;
    // A split that is refused leaves no run behind.
    texts.divide(&parsed)?;
    let base = TextBase::open(&folder)?;
    let folder = run_folder(out, run.as_deref());
    let runs = Run::open(&folder, &text, &texts.sha256, &keeping(computing, *resume, *checkpoint_every)?)?;
    let trained =
        train_text(&parsed, &texts, (&base, &named), Some(&runs), (&name, &command), &mut progress)?;
    drop(progress);
    write_folder(out, &borrowed(&files(&trained)?), *force)?;
    runs.finish(&trained.metrics)?;
    if *json {
        print_json(&trained.metrics)?;
    } else {
        print(&words(&trained.metrics))?;
    }
    Ok(Exit::Done)
}

/// A model's folder.
fn files(trained: &TrainedText) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    Ok(vec![
        ("card.toml".to_owned(), toml::to_string(&trained.card)?.into_bytes()),
        ("config.json".to_owned(), trained.config.clone().into_bytes()),
        ("tokenizer.json".to_owned(), trained.tokenizer.clone()),
        ("weights.safetensors".to_owned(), trained.weights.clone()),
        ("validation.csv".to_owned(), trained.predictions.clone().into_bytes()),
        ("validation-terms.csv".to_owned(), trained.terms_predictions.clone().into_bytes()),
    ])
}

/// The figures in a table: the network, weighted terms, and the difference.
fn words(metrics: &TextMetrics) -> String {
    let interval = |figure: &Figure| match (figure.value, figure.low, figure.high) {
        (Some(value), Some(low), Some(high)) => format!("{value:.3} ({low:.3} to {high:.3})"),
        (Some(value), ..) => format!("{value:.3}"),
        _ => "none".to_owned(),
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    let (network, terms) = (&metrics.figures, &metrics.terms_figures);
    for (headline, of_terms) in network.headlines.iter().zip(&terms.headlines) {
        let less = network.comparison.iter().flat_map(|comparison| &comparison.headlines);
        let less = less.filter(|less| less.key == headline.key).map(|less| interval(&less.difference)).next();
        rows.push(vec![
            headline.name.clone(),
            interval(&headline.figure),
            interval(&of_terms.figure),
            less.unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    let f1 = |report: &Report| {
        let calls = report.calls.as_ref()?;
        let of = calls.labels.iter().find(|label| Some(&label.label) == report.positive.as_ref())?;
        Some(interval(&of.f1))
    };
    if let (Some(network), Some(terms)) = (f1(network), f1(terms)) {
        let positive = metrics.figures.positive.clone().unwrap_or_default();
        rows.push(vec![format!("F1 of {positive}"), network, terms, "-".to_owned()]);
    }
    let header = ["figure", "network", "weighted terms", "network less them"];
    let mut text = table::columns(&header, &rows);
    text.push_str(&format!(
        "{} texts held out of {}; {}\nweighted terms: {}, {} terms\n",
        metrics.figures.cases,
        metrics.figures.cases + metrics.training_texts,
        metrics.split,
        metrics.terms.what,
        metrics.terms.terms
    ));
    if metrics.cut_texts > 0 {
        text.push_str(&format!(
            "{} texts are longer than what is read of them: raise most_tokens under [reader] to read more\n",
            metrics.cut_texts
        ));
    }
    text
}
