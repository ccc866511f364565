use plotters::element::{Rectangle, Text};
use plotters::prelude::{IntoDrawingArea, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontTransform};

use super::{INK, PlotError, SOFT, color, described, text};

/// Counts of a square table.
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixPlot {
    /// What it shows, for those who hear the page.
    pub what: String,
    /// What a row is.
    pub rows: String,
    /// What a column is.
    pub columns: String,
    /// Names of rows and columns.
    pub names: Vec<String>,
    /// One list a row.
    pub counts: Vec<Vec<u64>>,
}

/// Room for the names of rows, and for those of columns.
const LEFT: i32 = 150;
const TOP: i32 = 60;
const SIDE: i32 = 320;

/// A table of counts as SVG, each cell as dark as its share of its row.
///
/// # Errors
/// [`PlotError`] if the table is empty or not square.
pub fn matrix_plot(plot: &MatrixPlot) -> Result<String, PlotError> {
    let count = plot.names.len();
    if count == 0 || plot.counts.len() != count || plot.counts.iter().any(|row| row.len() != count) {
        return Err(PlotError(format!("a table of {count} names needs as many rows and columns")));
    }
    let cell = (SIDE / count as i32).max(1);
    let (right, bottom) = (LEFT + cell * count as i32, TOP + cell * count as i32);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, ((right + 12) as u32, (bottom + 12) as u32))
            .into_drawing_area();
        let write = |words: String, at: (i32, i32), style| Text::new(words, at, style);
        let centered = |size: i32, tone| text(size, tone).pos(Pos::new(HPos::Center, VPos::Center));
        let size = (cell / 4).clamp(9, 16);
        let longest = ((LEFT - 40) / 8) as usize;
        let fits = (cell / 8).max(2) as usize;
        for (row, counts) in plot.counts.iter().enumerate() {
            let all: u64 = counts.iter().sum();
            let top = TOP + cell * row as i32;
            for (column, found) in counts.iter().enumerate() {
                let left = LEFT + cell * column as i32;
                let share = if all == 0 { 0.0 } else { *found as f64 / all as f64 };
                let corners = [(left + 1, top + 1), (left + cell - 1, top + cell - 1)];
                let fill = color(usize::from(row != column)).mix(0.06 + 0.5 * share).filled();
                root.draw(&Rectangle::new(corners, fill)).map_err(PlotError::of)?;
                let middle = (left + cell / 2, top + cell / 2);
                if cell >= 20 {
                    root.draw(&write(found.to_string(), middle, centered(size, &INK)))
                        .map_err(PlotError::of)?;
                }
            }
            let at = (LEFT - 8, top + cell / 2);
            let style = text(14, &INK).pos(Pos::new(HPos::Right, VPos::Center));
            root.draw(&write(cut(&plot.names[row], longest), at, style)).map_err(PlotError::of)?;
            let at = (LEFT + cell * row as i32 + cell / 2, TOP - 14);
            root.draw(&write(cut(&plot.names[row], fits), at, centered(14, &INK))).map_err(PlotError::of)?;
        }
        let at = (i32::midpoint(LEFT, right), 18);
        root.draw(&write(plot.columns.clone(), at, centered(15, &SOFT))).map_err(PlotError::of)?;
        let turned = centered(15, &SOFT).transform(FontTransform::Rotate270);
        let at = (14, i32::midpoint(TOP, bottom));
        root.draw(&write(plot.rows.clone(), at, turned)).map_err(PlotError::of)?;
        root.present().map_err(PlotError::of)?;
    }
    Ok(described(&svg, &plot.what))
}

/// A name that fits.
fn cut(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    let kept: String = name.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}\u{2026}")
}
