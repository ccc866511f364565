//! A report as pages: the same tables as Markdown and as one HTML file with plots.

mod charts;
mod detections;
mod masks;
mod page;
mod raters;
mod recalibrated;
mod shift;
mod signals;
mod tables;
mod texts;

pub use page::html;

use std::fmt::Write;

use crate::plots::PlotError;

use super::detections::DetectionReport;
use super::masks::MaskReport;
use super::raters::RaterReport;
use super::shift::ShiftReport;
use super::signals::SignalReport;
use super::texts::TextReport;
use super::{Figure, Report};

/// What every page says first.
pub const RESEARCH_USE: &str =
    "For research use only. Not a medical device: nothing here may be used to diagnose or to treat.";

/// Sections under a title.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The title.
    pub title: String,
    /// What was evaluated, in short.
    pub lead: Vec<String>,
    /// The sections in order.
    pub sections: Vec<Section>,
}

/// One section.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Its title.
    pub title: String,
    /// What it holds, in order.
    pub blocks: Vec<Block>,
}

/// A part of a section.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// Text.
    Text(String),
    /// A table.
    Table(DocumentTable),
    /// Plots beside each other.
    Plots(Vec<Plot>),
    /// Parts that are shown when asked for.
    Folded {
        /// What is inside.
        title: String,
        /// Whether it is open at first.
        open: bool,
        /// The parts.
        blocks: Vec<Block>,
    },
}

/// A table of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentTable {
    /// Names of the columns.
    pub header: Vec<String>,
    /// One list of cells a row.
    pub rows: Vec<Vec<String>>,
}

/// A plot with its caption.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// What it shows.
    pub caption: String,
    /// The plot.
    pub svg: String,
}

impl Document {
    /// The pages of a report on predictions.
    ///
    /// # Errors
    /// [`PlotError`] if a plot cannot be drawn.
    pub fn of_report(report: &Report) -> Result<Self, PlotError> {
        tables::report(report)
    }

    /// The pages of a report on masks.
    ///
    /// # Errors
    /// [`PlotError`] if a plot cannot be drawn.
    pub fn of_masks(report: &MaskReport) -> Result<Self, PlotError> {
        masks::report(report)
    }

    /// The pages of a report on raters.
    ///
    /// # Errors
    /// [`PlotError`] if a plot cannot be drawn.
    pub fn of_raters(report: &RaterReport) -> Result<Self, PlotError> {
        raters::report(report)
    }

    /// The page of a report on two tables of numbers.
    pub fn of_shift(report: &ShiftReport) -> Self {
        shift::report(report)
    }

    /// The pages of a report on detections.
    ///
    /// # Errors
    /// [`PlotError`] if a plot cannot be drawn.
    pub fn of_detections(report: &DetectionReport) -> Result<Self, PlotError> {
        detections::report(report)
    }

    /// The pages of a report on signals in a table of reports.
    ///
    /// # Errors
    /// [`PlotError`] if a plot cannot be drawn.
    pub fn of_signals(report: &SignalReport) -> Result<Self, PlotError> {
        signals::report(report)
    }

    /// The pages of a report on texts.
    ///
    /// # Errors
    /// [`PlotError`] if a plot cannot be drawn.
    pub fn of_texts(report: &TextReport) -> Result<Self, PlotError> {
        texts::report(report)
    }
}

/// The first pairs of a report on signals with their intervals as SVG; `None` without a pair.
///
/// # Errors
/// [`PlotError`] if it cannot be drawn.
pub fn forest(report: &SignalReport) -> Result<Option<String>, PlotError> {
    Ok(signals::forest(report)?.map(|plot| plot.svg))
}

impl DocumentTable {
    fn new(header: &[&str], rows: Vec<Vec<String>>) -> Self {
        Self { header: header.iter().map(|name| (*name).to_owned()).collect(), rows }
    }
}

/// A page as Markdown; its plots are in the HTML page alone.
pub fn markdown(document: &Document) -> String {
    let mut text = format!("# {}\n\n> {RESEARCH_USE}\n", plain(&document.title));
    for line in &document.lead {
        let _ = write!(text, "\n{}\n", plain(line));
    }
    for section in &document.sections {
        let _ = write!(text, "\n## {}\n", plain(&section.title));
        blocks(&section.blocks, &mut text);
    }
    text
}

fn blocks(parts: &[Block], text: &mut String) {
    for part in parts {
        match part {
            Block::Text(words) => {
                let _ = write!(text, "\n{}\n", plain(words));
            }
            Block::Table(table) => {
                let line = |cells: &[String]| {
                    format!("| {} |\n", cells.iter().map(|cell| plain(cell)).collect::<Vec<_>>().join(" | "))
                };
                let _ = write!(text, "\n{}|{}\n", line(&table.header), "---|".repeat(table.header.len()));
                table.rows.iter().for_each(|row| text.push_str(&line(row)));
            }
            Block::Plots(_) => {}
            Block::Folded { title, blocks: inner, .. } => {
                let _ = write!(text, "\n### {}\n", plain(title));
                blocks(inner, text);
            }
        }
    }
}

/// Text in which Markdown sees no sign of its own.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '|' | '*' | '_' | '`' | '<' | '[' | '\\' => plain.extend(['\\', letter]),
            '\n' | '\r' => plain.push(' '),
            _ => plain.push(letter),
        }
    }
    plain
}

/// A number of a figure: three decimals below 100, fewer above.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.1}"),
        // Below that, rounding alone is left.
        size if size > 1e-9 && size < 0.000_5 => format!("{value:.1e}"),
        _ => format!("{value:.3}"),
    }
}

/// A chance.
fn chance(p: f64) -> String {
    if p < 0.001 { "below 0.001".to_owned() } else { format!("{p:.3}") }
}

/// A figure with its interval, or what it lacks.
fn shown(figure: &Figure) -> String {
    match (figure.value, figure.low, figure.high) {
        (Some(value), Some(low), Some(high)) => {
            format!("{} ({} to {})", number(value), number(low), number(high))
        }
        (Some(value), _, _) => format!("{} (no interval)", number(value)),
        _ => "none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::Method;

    #[test]
    fn figures_are_shown_with_their_interval() {
        let figure = Figure::new(0.731_37, 0.630_1, 0.832_6, Method::Delong);
        assert_eq!(shown(&figure), "0.731 (0.630 to 0.833)");
        assert_eq!(shown(&Figure::alone(1.0, Method::Delong, "x")), "1.000 (no interval)");
        assert_eq!(shown(&Figure::missing(Method::Wald, "x")), "none");
        assert_eq!(
            (number(-1234.5), number(1.2e-5), number(2e-15)),
            ("-1234".into(), "1.2e-5".into(), "0.000".into())
        );
    }

    #[test]
    fn markdown_does_not_read_a_label_as_markup() {
        let table = DocumentTable::new(&["a|b"], vec![vec!["<x> *y*\nz".to_owned()]]);
        let section = Section { title: "One".to_owned(), blocks: vec![Block::Table(table)] };
        let document = Document { title: "T".to_owned(), lead: Vec::new(), sections: vec![section] };
        assert!(markdown(&document).ends_with("\n## One\n\n| a\\|b |\n|---|\n| \\<x> \\*y\\* z |\n"));
    }
}
