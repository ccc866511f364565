//! `wilhelm train report`

use wilhelm_learn::generator::{ReportFigures, ReportRecipe, ReportRuns, TrainedReport, train_report};
use wilhelm_learn::summary::{Reports, SummaryFigures, SummaryRecipe, TrainedSummary, train_summary};
use wilhelm_learn::{Run, divide, load};

use crate::args::TrainReport;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text, write_folder};
use crate::table;
use crate::verbs::train::{Progress, borrowed, keeping, run_folder};

/// Trains, writes the model's folder and closes the run.
pub fn run(verb: &TrainReport) -> anyhow::Result<Exit> {
    let TrainReport { recipe, data, out, seed, run, resume, checkpoint_every, computing, force, json } = verb;
    if !force && out.join("card.toml").exists() {
        return Err(Stop::usage(format!("{} holds a model: add --force to replace it", out.display())));
    }
    let mut text = read_text(recipe, "recipe")?;
    if let Some(seed) = seed {
        text = with_seed(&text, *seed)?;
    }
    if SummaryRecipe::is_one(&text) {
        return texts(verb, &text);
    }
    let parsed = ReportRecipe::from_toml(&text)?;
    let name = recipe.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let set = data.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let with = seed.map_or_else(String::new, |seed| format!(" --seed {seed}"));
    let command = format!(
        "wilhelm train report --recipe models/recipes/{name} --data {set}{with} --out {}",
        parsed.recipe.name
    );
    let mut progress = Progress::new(*computing)?;
    let examples = load(&parsed.recipe, data)?;
    // A split that is refused leaves no run behind.
    let division = divide(&parsed.recipe, &examples)?;
    let folder = run_folder(out, run.as_deref());
    let runs =
        ReportRuns::open(&folder, &text, &examples.sha256, &keeping(computing, *resume, *checkpoint_every)?)?;
    let trained = train_report(&parsed, &text, &division, Some(&runs), (&name, &command), &mut progress)?;
    drop(progress);
    write_folder(out, &borrowed(&files(&trained, text)?), *force)?;
    runs.finish(&trained.metrics)?;
    if *json {
        print_json(&trained.metrics)?;
    } else {
        print(&words(&trained.metrics.figures))?;
    }
    Ok(Exit::Done)
}

/// The same for a recipe of texts out of texts.
fn texts(verb: &TrainReport, text: &str) -> anyhow::Result<Exit> {
    let TrainReport { recipe, data, out, seed, run, resume, checkpoint_every, computing, force, json } = verb;
    let parsed = SummaryRecipe::from_toml(text)?;
    let name = recipe.file_name().unwrap_or_default().to_string_lossy();
    let with = seed.map_or_else(String::new, |seed| format!(" --seed {seed}"));
    let command =
        format!("wilhelm train report --recipe models/recipes/{name} --data IU{with} --out {}", parsed.name);
    let mut progress = Progress::new(*computing)?;
    let reports = Reports::load(&parsed, data)?;
    let folder = run_folder(out, run.as_deref());
    let run = Run::open(&folder, text, &reports.sha256, &keeping(computing, *resume, *checkpoint_every)?)?;
    let trained = train_summary(&parsed, text, &reports, Some(&run), &command, &mut progress)?;
    drop(progress);
    let TrainedSummary { card, weights, tokenizer, metrics, .. } = trained;
    let files = [
        ("card.toml".to_owned(), toml::to_string(&card)?.into_bytes()),
        ("recipe.toml".to_owned(), text.as_bytes().to_vec()),
        ("tokenizer.json".to_owned(), tokenizer),
        ("weights.safetensors".to_owned(), weights),
    ];
    write_folder(out, &borrowed(&files), *force)?;
    run.finish(&metrics)?;
    if *json {
        print_json(&metrics)?;
    } else {
        print(&summary_words(&metrics.figures))?;
    }
    Ok(Exit::Done)
}

/// The figures of texts out of texts in a table, a line a system.
pub fn summary_words(figures: &SummaryFigures) -> String {
    use wilhelm_learn::evaluation::Figure;
    let shown = |figure: &Figure| match (figure.value, figure.low, figure.high) {
        (Some(value), Some(low), Some(high)) => format!("{value:.3} ({low:.3} to {high:.3})"),
        (Some(value), ..) => format!("{value:.3}"),
        _ => "none".to_owned(),
    };
    let scores: Vec<&str> = figures
        .systems
        .first()
        .map_or(Vec::new(), |system| system.scores.iter().map(|score| score.name.as_str()).collect());
    let mut header = vec!["texts", "label F1", "tag F1", "tag macro F1"];
    header.extend(&scores);
    header.extend(["distinct texts", "repetition-4"]);
    let share = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    let rows: Vec<Vec<String>> = figures
        .systems
        .iter()
        .map(|system| {
            let mut row = vec![
                system.name.clone(),
                system.label_f1.as_ref().map_or_else(|| "-".to_owned(), shown),
                shown(&system.tag_f1),
                shown(&system.tag_macro_f1),
            ];
            row.extend(system.scores.iter().map(|score| shown(&score.figure)));
            let varied = |place: usize| share(system.variety.get(place).and_then(|of| of.written));
            row.extend([varied(2), varied(3)]);
            row
        })
        .collect();
    let mut text = table::columns(&header, &rows);
    text.push_str(&format!(
        "{} reports held out; {} sources lost their end\n",
        figures.reports, figures.cut_sources
    ));
    for system in figures.systems.iter().filter(|system| system.unended > 0) {
        text.push_str(&format!("{}: {} texts did not end\n", system.name, system.unended));
    }
    figures.conventions.iter().for_each(|line| text.push_str(&format!("{line}\n")));
    text
}

/// A recipe with another seed; the split stays that of its own.
fn with_seed(text: &str, seed: u64) -> anyhow::Result<String> {
    let mut table: toml::Table = toml::from_str(text)
        .map_err(|error| Stop::input(format!("recipe is not readable: {}", error.message())))?;
    let own =
        table.get("seed").cloned().ok_or_else(|| Stop::input("recipe is not readable: it has no seed"))?;
    let seed = i64::try_from(seed).map_err(|_| Stop::usage("--seed must be below 2 to the power of 63"))?;
    table.entry("split_seed").or_insert(own);
    table.insert("seed".to_owned(), seed.into());
    Ok(toml::to_string(&table)?)
}

/// A model's folder.
fn files(trained: &TrainedReport, recipe: String) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let header = ["id", "label", "classifier", "text", "written"];
    let rows: Vec<Vec<String>> = trained.validation.iter().map(|row| row.to_vec()).collect();
    Ok(vec![
        ("card.toml".to_owned(), toml::to_string(&trained.card)?.into_bytes()),
        ("recipe.toml".to_owned(), recipe.into_bytes()),
        ("tokenizer.json".to_owned(), trained.tokenizer.clone()),
        ("weights.safetensors".to_owned(), trained.weights.clone()),
        ("validation.csv".to_owned(), table::csv(&header, &rows).into_bytes()),
    ])
}

/// The figures in a table, a line a source of texts.
pub fn words(figures: &ReportFigures) -> String {
    use wilhelm_learn::evaluation::Figure;
    let shown = |figure: &Figure| match (figure.value, figure.low, figure.high) {
        (Some(value), Some(low), Some(high)) => format!("{value:.3} ({low:.3} to {high:.3})"),
        (Some(value), ..) => format!("{value:.3}"),
        _ => "none".to_owned(),
    };
    let first = figures.systems.first();
    let scores = first.map_or(&[][..], |system| &system.scores);
    let variety = first.map_or(&[][..], |system| &system.variety);
    let mut header = vec!["texts", "label right", "less classifier", "by labeler", "all true"];
    header.extend(scores.iter().map(|score| score.name.as_str()));
    header.extend(["distinct texts", "repetition-4"]);
    let share = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    let rows: Vec<Vec<String>> = figures
        .systems
        .iter()
        .map(|system| {
            let mut row = vec![
                system.name.clone(),
                shown(&system.label_accuracy),
                shown(&system.less_classifier),
                system.label_accuracy_by_labeler.as_ref().map_or_else(|| "-".to_owned(), shown),
                shown(&system.all_true),
            ];
            row.extend(system.scores.iter().map(|score| shown(&score.figure)));
            row.extend(system.variety.iter().skip(2).map(|variety| share(variety.written)));
            row
        })
        .collect();
    let mut text = table::columns(&header, &rows);
    text.push_str(&format!(
        "{} validation images; classifier {}; of the references {} are distinct, repetition-4 {}\n",
        figures.images,
        shown(&figures.classifier),
        share(variety.get(2).and_then(|variety| variety.references)),
        share(variety.get(3).and_then(|variety| variety.references)),
    ));
    for system in &figures.systems {
        if system.contradictory + system.unread + system.unended > 0 {
            text.push_str(&format!(
                "{}: {} texts contradict themselves, {} sentences are not readable, {} texts did not end\n",
                system.name, system.contradictory, system.unread, system.unended
            ));
        }
    }
    figures.conventions.iter().for_each(|line| text.push_str(&format!("{line}\n")));
    text
}
