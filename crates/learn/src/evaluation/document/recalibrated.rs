//! The section on mended probabilities.

use super::{Block, DocumentTable, Section, number, shown};
use crate::evaluation::{Fitted, RecalibrationFigures, Report};

pub(super) fn section(figures: &[RecalibrationFigures], report: &Report) -> Section {
    let patients = if report.patients.is_some() { ", patients kept together" } else { "" };
    let text = format!(
        "What mending the probabilities would be worth. Each way is fitted on four fifths of the cases and measured on the \
         rest, five times (seed {}){patients}. The difference is that of the mended probabilities less those as they are, on \
         the same resamples: below 0 is better, but for the ROC AUC. The last column is fitted to all cases, for use on \
         others.",
        report.settings.resampling.seed
    );
    let rows = figures.iter().flat_map(|own| {
        let name = own.mending.words().to_owned();
        let fitted = own.fitted.as_ref().map_or_else(|| "none".to_owned(), words);
        match &own.note {
            Some(note) => vec![vec![name, "none".to_owned(), note.clone(), String::new(), fitted]],
            None => own
                .measures
                .iter()
                .enumerate()
                .map(|(place, measure)| {
                    vec![
                        if place == 0 { name.clone() } else { String::new() },
                        measure.name.clone(),
                        shown(&measure.figure),
                        shown(&measure.less_as_they_are),
                        if place == 0 { fitted.clone() } else { String::new() },
                    ]
                })
                .collect(),
        }
    });
    let header = ["mended by", "figure", "mended", "less as they are", "fitted to all cases"];
    let table = Block::Table(DocumentTable::new(&header, rows.collect()));
    Section { title: "Recalibration".to_owned(), blocks: vec![Block::Text(text), table] }
}

fn words(fitted: &Fitted) -> String {
    match fitted {
        Fitted::Scaled { temperature, bias } if bias.iter().all(|bias| *bias == 0.0) => {
            format!("temperature {}", number(*temperature))
        }
        Fitted::Scaled { temperature, bias } => {
            let bias: Vec<String> = bias.iter().map(|bias| number(*bias)).collect();
            format!("temperature {}, biases {}", number(*temperature), bias.join(", "))
        }
        Fitted::Sigmoids(fits) => {
            let each = fits
                .iter()
                .map(|fit| format!("slope {}, intercept {}", number(fit.slope), number(fit.intercept)));
            each.collect::<Vec<_>>().join("; ")
        }
        Fitted::Curves(fits) => {
            let knots: Vec<String> = fits.iter().map(|fit| fit.scores().len().to_string()).collect();
            format!("curves with {} knots (evaluation.json has them)", knots.join(", "))
        }
    }
}
