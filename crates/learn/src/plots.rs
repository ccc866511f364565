//! Curves, intervals and matrices as SVG, for pages and for run folders, and as PNG ([`png`]).
//!
//! Colors are few and fixed, so that a style sheet can exchange them ([`STYLE`] does where the reader's
//! screen is dark). The same numbers give the same bytes.
//!
//! ```
//! use wilhelm_learn::plots::{Axis, Line, LinePlot, line_plot};
//!
//! let losses = [1.2, 0.7, 0.5, 0.45];
//! let points = losses.iter().enumerate().map(|(epoch, loss)| (epoch as f64 + 1.0, *loss)).collect();
//! let svg = line_plot(&LinePlot {
//!     what: "Training loss by epoch".to_owned(),
//!     x: Axis::new("epoch", 1.0, 4.0),
//!     y: Axis::new("loss", 0.0, 1.5),
//!     lines: vec![Line::solid("training", points)],
//!     marks: Vec::new(),
//! })?;
//! assert!(svg.starts_with("<svg ") && svg.contains("epoch"));
//! # Ok::<(), wilhelm_learn::plots::PlotError>(())
//! ```

mod intervals;
mod lines;
mod matrix;
mod raster;

pub use intervals::{IntervalPlot, IntervalRow, interval_plot};
pub use lines::{Axis, Line, LinePlot, Mark, line_plot};
pub use matrix::{MatrixPlot, matrix_plot};
pub use raster::png;

pub(crate) use lines::SIZE;
pub(crate) use raster::beside;

use std::fmt::Display;

use plotters::style::{IntoFont, IntoTextStyle};
use plotters::style::{RGBColor, TextStyle};

/// A plot that could not be drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("plot not drawn: {0}")]
pub struct PlotError(String);

impl PlotError {
    fn of(error: impl Display) -> Self {
        Self(error.to_string())
    }
}

/// What exchanges the colors of plots inside a page where the screen is dark.
pub const STYLE: &str = include_str!("plots/style.css");

const INK: RGBColor = RGBColor(0x1b, 0x24, 0x30);
const SOFT: RGBColor = RGBColor(0x5b, 0x67, 0x76);
const GRID: RGBColor = RGBColor(0xdd, 0xe3, 0xea);
const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
/// Of lines and marks in order; told apart by the color-blind too.
const COLORS: [RGBColor; 6] = [
    RGBColor(0x1f, 0x66, 0xb0),
    RGBColor(0xd4, 0x6a, 0x12),
    RGBColor(0x1b, 0x84, 0x6b),
    RGBColor(0x8b, 0x4a, 0xb8),
    RGBColor(0xb8, 0x32, 0x4f),
    RGBColor(0x7a, 0x6a, 0x14),
];

const FONT: &str = "sans-serif";

fn color(place: usize) -> RGBColor {
    COLORS[place % COLORS.len()]
}

fn text(size: i32, color: &RGBColor) -> TextStyle<'_> {
    (FONT, size).into_font().into_text_style(&(1, 1)).color(color)
}

/// Tells readers of the screen what a finished plot shows.
fn described(svg: &str, what: &str) -> String {
    let escaped = what.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    svg.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{escaped}\" "), 1)
}

/// A number with as few digits as its size needs.
fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
