use plotters::element::{Circle, PathElement, Text};
use plotters::prelude::{IntoDrawingArea, SVGBackend};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{GRID, INK, PlotError, SOFT, color, described, short, text};

/// Figures with intervals under each other.
#[derive(Clone, Debug, PartialEq)]
pub struct IntervalPlot {
    /// What it shows, for those who hear the page.
    pub what: String,
    /// What the axis counts.
    pub label: String,
    /// Each figure.
    pub rows: Vec<IntervalRow>,
    /// A value to compare with, drawn as a broken line.
    pub reference: Option<f64>,
}

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct IntervalRow {
    /// Its name.
    pub name: String,
    /// Its value and both ends; without one, the reason stands in its place.
    pub interval: Result<(f64, f64, f64), String>,
}

const WIDTH: i32 = 480;
const ROW: i32 = 30;
/// Where names end and the axis begins and ends.
const AXIS: (i32, i32) = (190, 462);
const TOP: i32 = 10;
/// Most characters of a name.
const NAME: usize = 24;

/// Figures with their intervals as SVG, a row each.
///
/// # Errors
/// [`PlotError`] if nothing is to be drawn.
pub fn interval_plot(plot: &IntervalPlot) -> Result<String, PlotError> {
    let ends = plot.rows.iter().filter_map(|row| row.interval.as_ref().ok());
    let ends = ends.flat_map(|(_, low, high)| [*low, *high]).chain(plot.reference);
    let (low, high) = ends
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return Err(PlotError("no figure has a value".to_owned()));
    }
    let step = step((high - low).max(1e-3));
    let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
    let high = if high > low { high } else { low + step };
    let x = |value: f64| AXIS.0 + ((value - low) / (high - low) * f64::from(AXIS.1 - AXIS.0)).round() as i32;
    let bottom = TOP + ROW * plot.rows.len() as i32;
    let mut svg = String::new();
    {
        let root =
            SVGBackend::with_string(&mut svg, (WIDTH as u32, (bottom + 52) as u32)).into_drawing_area();
        let line = |from: (i32, i32), to: (i32, i32), style| PathElement::new(vec![from, to], style);
        let write = |words: String, at: (i32, i32), size: i32, tone, side| {
            Text::new(words, at, text(size, tone).pos(Pos::new(side, VPos::Center)))
        };
        let ticks = ((high - low) / step).round() as i32;
        for tick in 0..=ticks {
            let value = low + f64::from(tick) * step;
            let at = x(value);
            root.draw(&line((at, TOP), (at, bottom), GRID.stroke_width(1))).map_err(PlotError::of)?;
            root.draw(&write(short(value), (at, bottom + 14), 14, &SOFT, HPos::Center))
                .map_err(PlotError::of)?;
        }
        if let Some(reference) = plot.reference {
            let at = x(reference);
            for start in (TOP..bottom).step_by(9) {
                let end = (start + 5).min(bottom);
                root.draw(&line((at, start), (at, end), SOFT.stroke_width(1))).map_err(PlotError::of)?;
            }
        }
        for (place, row) in plot.rows.iter().enumerate() {
            let y = TOP + ROW * place as i32 + ROW / 2;
            let name = cut(&row.name);
            root.draw(&write(name, (AXIS.0 - 12, y), 14, &INK, HPos::Right)).map_err(PlotError::of)?;
            match &row.interval {
                Ok((value, from, to)) => {
                    let tone = color(0);
                    root.draw(&line((x(*from), y), (x(*to), y), tone.stroke_width(3)))
                        .map_err(PlotError::of)?;
                    root.draw(&Circle::new((x(*value), y), 5, tone.filled())).map_err(PlotError::of)?;
                }
                Err(reason) => {
                    let at = (AXIS.0 + 8, y);
                    root.draw(&write(reason.clone(), at, 13, &SOFT, HPos::Left)).map_err(PlotError::of)?;
                }
            }
        }
        let middle = i32::midpoint(AXIS.0, AXIS.1);
        root.draw(&write(plot.label.clone(), (middle, bottom + 38), 15, &INK, HPos::Center))
            .map_err(PlotError::of)?;
        root.present().map_err(PlotError::of)?;
    }
    Ok(described(&svg, &plot.what))
}

/// 1, 2 or 5 times a power of ten, so that four to eight of them fill the range.
fn step(range: f64) -> f64 {
    let rough = range / 5.0;
    let power = 10.0_f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|step| *step >= rough)
        .unwrap_or(power)
}

/// A name that fits.
fn cut(name: &str) -> String {
    if name.chars().count() <= NAME {
        return name.to_owned();
    }
    let kept: String = name.chars().take(NAME - 1).collect();
    format!("{kept}\u{2026}")
}
