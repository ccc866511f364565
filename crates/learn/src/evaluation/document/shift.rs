//! The page of two tables that are held against each other.

use super::{Block, Document, DocumentTable, Section, chance, number};
use crate::evaluation::shift::ShiftReport;

pub(super) fn report(report: &ShiftReport) -> Document {
    let mut lead = vec![format!(
        "{} rows of {} against {} rows of {}, column by column and together. No truth is looked at: numbers may move without a \
         model becoming worse, and a model may become worse while they stay.",
        report.rows[1], report.current, report.rows[0], report.reference
    )];
    lead.extend(report.notes.iter().cloned());
    let rows = report.columns.iter().map(|of| {
        let test = of.kolmogorov_smirnov;
        vec![
            of.column.clone(),
            number(of.means[0]),
            number(of.means[1]),
            format!("{} and {}", of.empty[0], of.empty[1]),
            number(test.statistic),
            number(test.location),
            chance(test.p),
            chance(of.adjusted_p),
            of.population_stability.map_or("none: the reference has one value".to_owned(), number),
        ]
    });
    let header = [
        "column",
        "mean before",
        "mean now",
        "empty cells",
        "Kolmogorov-Smirnov distance",
        "reached at",
        "p",
        "p by Holm's rule",
        "population stability index (PSI)",
    ];
    let mut blocks = vec![
        Block::Text(
            "With many rows the least shift is certain: read the distance beside its p. By custom a PSI below 0.1 is little and \
             above 0.25 much."
                .to_owned(),
        ),
        Block::Table(DocumentTable::new(&header, rows.collect())),
    ];
    blocks.push(Block::Text(match &report.discrepancy {
        Some(found) => format!(
            "All columns together: squared maximum mean discrepancy {} (Gaussian kernel of width {}, each column in units of the \
             reference's deviation), on {} and {} rows without empty cells; p {} by dealing the rows anew (seed {}).",
            number(found.squared),
            number(found.bandwidth),
            report.discrepancy_rows[0],
            report.discrepancy_rows[1],
            chance(found.p),
            report.seed
        ),
        None => "All columns together: these rows leave the mean discrepancy undefined.".to_owned(),
    }));
    Document {
        title: format!("Drift of {} from {}", report.current, report.reference),
        lead,
        sections: vec![Section { title: "Columns".to_owned(), blocks }],
    }
}
