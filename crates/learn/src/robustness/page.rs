use std::fmt::Write;

use super::{CorruptionFigures, Fall, Robustness};
use crate::evaluation::document::{Block, Document, DocumentTable, Plot, Section};
use crate::plots::{IntervalPlot, IntervalRow, PlotError, interval_plot};

/// Every severity of every corruption as CSV, the images as they are first.
pub fn csv(found: &Robustness) -> String {
    let mut text = "corruption,severity,auc,accuracy,abstained\n".to_owned();
    let mut line = |name: &str, level: &super::Level| {
        let name = name.replace(", ", " ");
        let _ = writeln!(
            text,
            "{name},{},{:.6},{:.6},{:.6}",
            level.severity, level.auc, level.accuracy, level.abstained
        );
    };
    line("none", &found.clean);
    for one in &found.corruptions {
        one.levels.iter().for_each(|level| line(one.corruption.name(), level));
    }
    text
}

/// The figures as Markdown and HTML can have them.
///
/// # Errors
/// [`PlotError`] if a plot cannot be drawn.
pub fn document(found: &Robustness) -> Result<Document, PlotError> {
    let clean = &found.clean;
    let mut lead = vec![
        format!(
            "{} on {} images of {}, as they are and corrupted in five severities.",
            found.model, found.images, found.data
        ),
        format!(
            "As they are: AUC {:.3}, accuracy {:.3}. Mean over corruptions and severities: AUC {:.3}, accuracy {:.3}.",
            clean.auc, clean.accuracy, found.mean_auc, found.mean_accuracy
        ),
    ];
    lead.extend(found.notes.iter().map(|note| format!("{note}.")));
    let plot = |what: &str, fall: &dyn Fn(&CorruptionFigures) -> Fall| -> Result<Plot, PlotError> {
        let rows = found
            .corruptions
            .iter()
            .map(|one| {
                let Fall { value, low, high } = fall(one);
                IntervalRow { name: one.corruption.name().to_owned(), interval: Ok((value, low, high)) }
            })
            .collect();
        let label = format!("fall of the {what}");
        let svg = interval_plot(&IntervalPlot {
            what: label.clone(),
            label: label.clone(),
            rows,
            reference: Some(0.0),
        })?;
        Ok(Plot { caption: format!("How far the {what} falls, mean over the severities"), svg })
    };
    let plots = if found.corruptions.is_empty() {
        Vec::new()
    } else {
        vec![plot("AUC", &|one| one.auc_fall)?, plot("accuracy", &|one| one.accuracy_fall)?]
    };
    let signed = |fall: Fall| format!("{:+.3} ({:+.3} to {:+.3})", fall.value, fall.low, fall.high);
    let rows = found
        .corruptions
        .iter()
        .map(|one| {
            vec![
                one.corruption.name().to_owned(),
                format!("{:.3}", one.mean_auc),
                signed(one.auc_fall),
                format!("{:.3}", one.mean_accuracy),
                signed(one.accuracy_fall),
            ]
        })
        .collect();
    let header = ["corruption", "mean AUC", "fall", "mean accuracy", "fall"].map(str::to_owned).to_vec();
    let figure = |title: &str, figure: &dyn Fn(&super::Level) -> f64| {
        let mut header = vec!["corruption".to_owned(), "as they are".to_owned()];
        header.extend((1..=super::SEVERITIES).map(|severity| format!("severity {severity}")));
        let rows = found
            .corruptions
            .iter()
            .map(|one| {
                let cells =
                    std::iter::once(clean).chain(&one.levels).map(|level| format!("{:.3}", figure(level)));
                std::iter::once(one.corruption.name().to_owned()).chain(cells).collect()
            })
            .collect();
        Section { title: title.to_owned(), blocks: vec![Block::Table(DocumentTable { header, rows })] }
    };
    let done = found
        .corruptions
        .iter()
        .flat_map(|one| {
            one.levels.iter().map(|level| {
                vec![one.corruption.name().to_owned(), level.severity.to_string(), level.what.clone()]
            })
        })
        .collect();
    let sections = vec![
        Section {
            title: "In short".to_owned(),
            blocks: vec![Block::Plots(plots), Block::Table(DocumentTable { header, rows })],
        },
        figure("AUC", &|level| level.auc),
        figure("Accuracy", &|level| level.accuracy),
        figure("Share of images on which the model abstains", &|level| level.abstained),
        Section {
            title: "What was done".to_owned(),
            blocks: vec![Block::Table(DocumentTable {
                header: ["corruption", "severity", "what"].map(str::to_owned).to_vec(),
                rows: done,
            })],
        },
    ];
    Ok(Document { title: "Robustness".to_owned(), lead, sections })
}
