use wilhelm_learn::evaluation::Figure;
use wilhelm_learn::evaluation::document::RESEARCH_USE;
use wilhelm_learn::sources::{SourceCases, SourceColumns, SourceFigures, SourceSettings, compare_sources};
use wilhelm_pipeline::StackedWeights;

use super::{name, read_table, resampling};
use crate::args::EvaluateFusion;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};
use crate::progress::Line;
use crate::table;

/// `wilhelm evaluate fusion`
pub(super) fn run(verb: &EvaluateFusion, config: &Config) -> anyhow::Result<Exit> {
    if let Some(path) = verb.weights.as_ref().filter(|path| !verb.force && path.exists()) {
        return Err(Stop::usage(format!("{} is already there: add --force to replace it", path.display())));
    }
    let cases = verb.cases.iter().map(|path| read_table(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let truth = verb.truth.iter().map(|path| read_table(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let columns = SourceColumns {
        id: verb.id.clone(),
        text: verb.text.clone(),
        label: verb.label.clone(),
        inverted: verb.inverted,
        image: verb.image.clone(),
    };
    let found = SourceCases::read(&cases, if truth.is_empty() { &cases } else { &truth }, &columns)?;
    let settings = SourceSettings {
        finding: verb.finding.clone(),
        folds: verb.folds,
        text_weight: config.values.fusion.text_weight,
        simulated_image: verb.simulate_image,
        simulated_share: verb.simulate_share,
        age_years: verb.age,
        resampling: resampling(verb.intervals),
        ..SourceSettings::default()
    };
    let label = if verb.inverted { format!("not {}", verb.label) } else { verb.label.clone() };
    let line = Line::new("learning");
    let figures = compare_sources(&label, &found, &settings, &mut |name, done, total| {
        line.say(name);
        line.at(done, total);
        true
    })?;
    drop(line);
    if let (Some(path), Some(finding), Some([intercept, image, text])) =
        (&verb.weights, &verb.finding, figures.stacked_signs)
    {
        let weights = StackedWeights {
            finding: finding.clone(),
            intercept,
            image,
            text,
            cases: figures.cases,
            learned_on: verb.cases.iter().map(|path| name(path)).collect::<Vec<_>>().join(", "),
        };
        std::fs::write(path, toml::to_string(&weights)?)
            .map_err(|error| Stop::input(format!("{} cannot be written: {error}", path.display())))?;
    }
    if verb.json {
        print_json(&figures)?;
    } else {
        print(&words(&figures))?;
        print(&format!("{RESEARCH_USE}\n"))?;
    }
    Ok(Exit::Done)
}

fn words(figures: &SourceFigures) -> String {
    let shown = |figure: &Figure, signed: bool| match (figure.value, figure.low, figure.high) {
        (Some(value), Some(low), Some(high)) if signed => format!("{value:+.3} ({low:+.3} to {high:+.3})"),
        (Some(value), Some(low), Some(high)) => format!("{value:.3} ({low:.3} to {high:.3})"),
        (Some(value), ..) => format!("{value:.3}"),
        _ => "none".to_owned(),
    };
    let less = format!("AUC less {}", figures.reference);
    let header = ["sources", "AUC", &less, "Brier", "log loss", "ECE", "slope", "learned weights"];
    let rows: Vec<Vec<String>> = figures
        .arms
        .iter()
        .map(|arm| {
            let weights: Vec<String> =
                arm.weights.iter().map(|(name, weight)| format!("{name} {weight:+.2}")).collect();
            vec![
                arm.name.clone(),
                shown(&arm.auc, false),
                arm.auc_difference.as_ref().map_or_else(|| "-".to_owned(), |figure| shown(figure, true)),
                shown(&arm.brier, false),
                shown(&arm.log_loss, false),
                format!("{:.3}", arm.calibration_error),
                arm.slope.map_or_else(|| "-".to_owned(), |slope| format!("{:.2}", slope.value)),
                weights.join(", "),
            ]
        })
        .collect();
    let mut text = table::columns(&header, &rows);
    text.push_str(&format!(
        "{} of {} cases have it{}\n",
        figures.positives,
        figures.cases,
        figures
            .with_signs
            .map_or_else(String::new, |with| format!("; {with} texts state or deny a sign that counts"))
    ));
    figures.notes.iter().for_each(|note| text.push_str(&format!("{note}\n")));
    text
}
