//! Learning curves as pages and as a table.

use std::fmt::Write;

use super::{Curve, LearningCurves, Method, Point};
use crate::RunMean;
use crate::evaluation::document::{Block, Document, DocumentTable, Plot, Section};
use crate::plots::{Axis, Line, LinePlot, PlotError, line_plot};

/// Every draw of every curve, a line each, as CSV.
pub fn csv(curves: &LearningCurves) -> String {
    let mut text = "source,method,cases_per_label,labeled,draw,auc,accuracy\n".to_owned();
    for Curve { source, method, points } in &curves.curves {
        for point in points {
            let cases = point.cases.map_or_else(|| "all".to_owned(), |cases| cases.to_string());
            for (draw, (auc, accuracy)) in point.auc_of_draws.iter().zip(&point.accuracy_of_draws).enumerate()
            {
                let method = method.name().replace(", ", " ");
                let _ = writeln!(
                    text,
                    "{},{method},{cases},{},{},{auc:.6},{accuracy:.6}",
                    quoted(source),
                    point.images,
                    draw + 1
                );
            }
        }
    }
    text
}

fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// The curves as Markdown and HTML can have them.
///
/// # Errors
/// [`PlotError`] if a plot cannot be drawn.
pub fn document(curves: &LearningCurves) -> Result<Document, PlotError> {
    let held_out: usize = curves.labels.iter().map(|label| label.held_out).sum();
    let settings = &curves.settings;
    let mut lead = vec![
        format!("{}. {}.", curves.data, curves.split),
        format!(
            "Figures on {held_out} images held out. {} draws of each number of labeled cases, the same for every source and \
             method; intervals are Student's, 95 %, over the draws: they say how much the choice of the labeled cases matters, \
             not how much the choice of patients does. All cases are one draw. Nothing was tuned: features have mean 0 and \
             deviation 1 over the training side, the linear probe's strength is {}, {} neighbors vote at most.",
            settings.repeats, settings.method.strength, settings.method.neighbors
        ),
    ];
    lead.extend(curves.notes.iter().map(|note| format!("{note}.")));
    let mut sections = vec![sources(curves)];
    for method in Method::ALL {
        let of_method: Vec<&Curve> = curves.curves.iter().filter(|curve| curve.method == method).collect();
        let auc = table(&of_method, |point| Some(point.auc));
        let accuracy = table(&of_method, |point| Some(point.accuracy));
        let difference = table(&of_method[1..], |point| point.auc_difference);
        let mut blocks = vec![
            Block::Plots(vec![
                plot(curves, &of_method, "AUC", |point| (point.auc, &point.auc_of_draws))?,
                plot(curves, &of_method, "accuracy", |point| (point.accuracy, &point.accuracy_of_draws))?,
            ]),
            Block::Text("AUC, the mean over the labels, each against the rest:".to_owned()),
            Block::Table(auc),
            Block::Text("Accuracy:".to_owned()),
            Block::Table(accuracy),
        ];
        if of_method.len() > 1 {
            blocks.push(Block::Text(format!("AUC less that of {}, draw by draw:", of_method[0].source)));
            blocks.push(Block::Table(difference));
        }
        sections.push(Section { title: capital(method.name()), blocks });
    }
    Ok(Document { title: "Learning curves over labeled cases".to_owned(), lead, sections })
}

fn sources(curves: &LearningCurves) -> Section {
    let text = |text: &str| text.to_owned();
    let rows = curves
        .sources
        .iter()
        .map(|source| {
            let saw = if source.saw_labels { "yes: no curve of few labels" } else { "no" };
            vec![source.name.clone(), source.words.clone(), source.width.to_string(), text(saw)]
        })
        .collect();
    let labels = curves
        .labels
        .iter()
        .map(|label| vec![label.label.clone(), label.training.to_string(), label.held_out.to_string()])
        .collect();
    let blind = &curves.blind;
    Section {
        title: "What is compared".to_owned(),
        blocks: vec![
            Block::Table(DocumentTable {
                header: ["source", "what it is", "features", "saw the labels of these images"]
                    .map(text)
                    .to_vec(),
                rows,
            }),
            Block::Text(format!(
                "Without a look at any image: calling {} always has accuracy {:.3}, calling labels by chance as often as they \
                 are {:.3}; the AUC of both is 0.5.",
                blind.majority, blind.majority_accuracy, blind.prevalence_accuracy
            )),
            Block::Table(DocumentTable {
                header: ["label", "images to draw from", "held out"].map(text).to_vec(),
                rows: labels,
            }),
        ],
    }
}

fn table(curves: &[&Curve], figure: impl Fn(&Point) -> Option<RunMean>) -> DocumentTable {
    let mut header = vec!["source".to_owned()];
    header.extend(curves.first().into_iter().flat_map(|curve| curve.points.iter().map(cases)));
    let rows = curves
        .iter()
        .map(|curve| {
            let cells = curve
                .points
                .iter()
                .map(|point| figure(point).map_or_else(|| "-".to_owned(), |figure| figure.words(3)));
            std::iter::once(curve.source.clone()).chain(cells).collect()
        })
        .collect();
    DocumentTable { header, rows }
}

fn cases(point: &Point) -> String {
    match point.cases {
        Some(1) => "1 a label".to_owned(),
        Some(cases) => format!("{cases} a label"),
        None => format!("all ({})", point.images),
    }
}

fn plot(
    curves: &LearningCurves,
    of_method: &[&Curve],
    what: &str,
    figure: impl for<'a> Fn(&'a Point) -> (RunMean, &'a Vec<f64>),
) -> Result<Plot, PlotError> {
    let labels = curves.labels.len().max(1) as f64;
    let x = |point: &Point| point.cases.map_or(point.images as f64 / labels, |cases| cases as f64);
    let all = || of_method.iter().flat_map(|curve| &curve.points);
    let highest = all().map(x).fold(2.0, f64::max);
    let least = all().map(|point| figure(point).0.mean).fold(0.5, f64::min);
    let lines = of_method
        .iter()
        .map(|curve| {
            let points = curve.points.iter().map(|point| (x(point), figure(point).0.mean)).collect();
            let band = curve
                .points
                .iter()
                .filter_map(|point| {
                    let [low, high] = figure(point).0.interval?;
                    Some((x(point), low.clamp(0.0, 1.0), high.clamp(0.0, 1.0)))
                })
                .collect();
            Line { band, ..Line::solid(&curve.source, points) }
        })
        .collect();
    let svg = line_plot(&LinePlot {
        what: format!("{what} over labeled cases of each label"),
        x: Axis::doubling("labeled cases of each label", 1.0, highest),
        // Below the lines is room for their names.
        y: Axis::new(what, ((least * 10.0).floor() / 10.0 - 0.2).max(0.0), 1.0),
        lines,
        marks: Vec::new(),
    })?;
    Ok(Plot { caption: format!("{} over labeled cases", capital(what)), svg })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
