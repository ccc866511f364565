use plotters::chart::{ChartBuilder, SeriesLabelPosition};
use plotters::element::{Circle, PathElement, Polygon};
use plotters::prelude::{DashedLineSeries, IntoDrawingArea, LineSeries, SVGBackend};
use plotters::style::{Color, ShapeStyle, TRANSPARENT};

use super::{GRID, INK, PAPER, PlotError, SOFT, color, described, short, text};

/// Width and height of a plot.
pub(crate) const SIZE: (u32, u32) = (480, 400);

/// One axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What it counts.
    pub label: String,
    /// Where it begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
    /// Whether equal steps double what it counts; then it begins above 0.
    pub doubles: bool,
}

impl Axis {
    /// An axis from `low` to `high`.
    pub fn new(label: &str, low: f64, high: f64) -> Self {
        Self { label: label.to_owned(), low, high, doubles: false }
    }
    /// An axis from `low` to `high`, both above 0, on which equal steps double what it counts.
    pub fn doubling(label: &str, low: f64, high: f64) -> Self {
        Self { doubles: true, ..Self::new(label, low, high) }
    }
    /// An axis of shares, 0 to 1.
    pub fn share(label: &str) -> Self {
        Self::new(label, 0.0, 1.0)
    }

    /// Both ends, apart from each other.
    fn range(&self) -> Result<std::ops::Range<f64>, PlotError> {
        if !(self.low.is_finite() && self.high.is_finite() && self.low <= self.high) {
            let (low, high) = (self.low, self.high);
            return Err(PlotError(format!("axis {} runs from {low} to {high}", self.label)));
        }
        let room = if self.low == self.high { 0.5 } else { 0.0 };
        Ok(self.low - room..self.high + room)
    }
}

/// A line through points.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name in the legend; empty for none.
    pub name: String,
    /// Its points.
    pub points: Vec<(f64, f64)>,
    /// Drawn thin and broken, as something to compare with.
    pub is_reference: bool,
    /// How far the truth may be, above and below: x, low, high.
    pub band: Vec<(f64, f64, f64)>,
}

impl Line {
    /// A plain line.
    pub fn solid(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.to_owned(), points, is_reference: false, band: Vec::new() }
    }
    /// A line to compare with.
    pub fn reference(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self { is_reference: true, ..Self::solid(name, points) }
    }
}

/// A point with its intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Its name in the legend; empty for none.
    pub name: String,
    /// Where it is.
    pub at: (f64, f64),
    /// How far it may be sideways.
    pub across: Option<(f64, f64)>,
    /// How far it may be up and down.
    pub along: Option<(f64, f64)>,
    /// The line whose color it has.
    pub line: usize,
}

/// Lines and points over two axes.
#[derive(Clone, Debug, PartialEq)]
pub struct LinePlot {
    /// What it shows, for those who hear the page.
    pub what: String,
    /// Sideways.
    pub x: Axis,
    /// Upward.
    pub y: Axis,
    /// The lines.
    pub lines: Vec<Line>,
    /// Points of their own.
    pub marks: Vec<Mark>,
}

/// A line plot as SVG. Points that are not finite numbers break nothing: they are left out.
///
/// # Errors
/// [`PlotError`] for an axis that has no extent.
pub fn line_plot(plot: &LinePlot) -> Result<String, PlotError> {
    let mut svg = String::new();
    if plot.x.doubles {
        draw(&in_doublings(plot), &mut svg)?;
    } else {
        draw(plot, &mut svg)?;
    }
    Ok(described(&svg, &plot.what))
}

/// The same plot with all that lies sideways as powers of two.
fn in_doublings(plot: &LinePlot) -> LinePlot {
    let mut plot = plot.clone();
    (plot.x.low, plot.x.high) = (plot.x.low.log2(), plot.x.high.log2());
    for line in &mut plot.lines {
        line.points.iter_mut().for_each(|(x, _)| *x = x.log2());
        line.band.iter_mut().for_each(|(x, ..)| *x = x.log2());
    }
    for mark in &mut plot.marks {
        mark.at.0 = mark.at.0.log2();
        mark.across = mark.across.map(|(low, high)| (low.log2(), high.log2()));
    }
    plot
}

fn draw(plot: &LinePlot, svg: &mut String) -> Result<(), PlotError> {
    let (x, y) = (plot.x.range()?, plot.y.range()?);
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .margin_right(18)
        .x_label_area_size(42)
        .y_label_area_size(54)
        .build_cartesian_2d(x, y)
        .map_err(PlotError::of)?;
    chart
        .configure_mesh()
        .x_desc(plot.x.label.as_str())
        .y_desc(plot.y.label.as_str())
        .x_labels(if plot.x.doubles { 9 } else { 6 })
        .y_labels(6)
        .x_label_formatter(&|value| short(if plot.x.doubles { value.exp2() } else { *value }))
        .y_label_formatter(&|value| short(*value))
        .label_style(text(14, &SOFT))
        .axis_desc_style(text(15, &INK))
        .axis_style(SOFT)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .draw()
        .map_err(PlotError::of)?;
    let finite = |point: &(f64, f64)| point.0.is_finite() && point.1.is_finite();
    for (place, line) in plot.lines.iter().enumerate() {
        let band: Vec<(f64, f64)> = line
            .band
            .iter()
            .map(|(x, _, high)| (*x, *high))
            .chain(line.band.iter().rev().map(|(x, low, _)| (*x, *low)))
            .filter(finite)
            .collect();
        if band.len() > 2 {
            let fill = Polygon::new(band, color(place).mix(0.18).filled());
            chart.draw_series([fill]).map_err(PlotError::of)?;
        }
    }
    let mut named = false;
    for (place, line) in plot.lines.iter().enumerate() {
        let points: Vec<(f64, f64)> = line.points.iter().copied().filter(finite).collect();
        let style: ShapeStyle =
            if line.is_reference { SOFT.stroke_width(1) } else { color(place).stroke_width(2) };
        let drawn = if line.is_reference {
            chart.draw_series(DashedLineSeries::new(points, 5, 4, style)).map_err(PlotError::of)?
        } else {
            chart.draw_series(LineSeries::new(points, style)).map_err(PlotError::of)?
        };
        if !line.name.is_empty() {
            named = true;
            drawn
                .label(line.name.as_str())
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        }
    }
    for mark in &plot.marks {
        let (tone, (x, y)) = (color(mark.line), mark.at);
        let bars = [
            mark.across.map(|(low, high)| vec![(low, y), (high, y)]),
            mark.along.map(|(low, high)| vec![(x, low), (x, high)]),
        ];
        let bars = bars.into_iter().flatten().map(|ends| PathElement::new(ends, tone.stroke_width(2)));
        chart.draw_series(bars).map_err(PlotError::of)?;
        let drawn = chart.draw_series([Circle::new(mark.at, 5, tone.filled())]).map_err(PlotError::of)?;
        name_mark(&mark.name, drawn, tone);
        named |= !mark.name.is_empty();
    }
    if named {
        chart
            .configure_series_labels()
            .position(legend_corner(plot))
            .margin(8)
            .legend_area_size(24)
            .background_style(PAPER.mix(0.85))
            .border_style(TRANSPARENT)
            .label_font(text(14, &INK))
            .draw()
            .map_err(PlotError::of)?;
    }
    root.present().map_err(PlotError::of)
}

/// Names a mark in the legend.
fn name_mark<'a>(
    name: &str,
    drawn: &mut plotters::chart::SeriesAnno<'a, SVGBackend<'a>>,
    tone: plotters::style::RGBColor,
) {
    if !name.is_empty() {
        drawn.label(name).legend(move |(x, y)| Circle::new((x + 9, y), 5, tone.filled()));
    }
}

/// The corner that the fewest points lie in.
fn legend_corner(plot: &LinePlot) -> SeriesLabelPosition {
    let corners = [
        (1.0, 0.0, SeriesLabelPosition::LowerRight),
        (1.0, 1.0, SeriesLabelPosition::UpperRight),
        (0.0, 1.0, SeriesLabelPosition::UpperLeft),
        (0.0, 0.0, SeriesLabelPosition::LowerLeft),
    ];
    let place = |(x, y): (f64, f64)| {
        let along =
            |value: f64, axis: &Axis| (value - axis.low) / (axis.high - axis.low).max(f64::MIN_POSITIVE);
        (along(x, &plot.x), along(y, &plot.y))
    };
    let points: Vec<(f64, f64)> = plot
        .lines
        .iter()
        .flat_map(|line| line.points.windows(2))
        .flat_map(|ends| {
            // Long straight parts have no points of their own inside.
            let (from, to) = (place(ends[0]), place(ends[1]));
            (0..=4).map(move |step| {
                let share = f64::from(step) / 4.0;
                (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1))
            })
        })
        .chain(plot.marks.iter().map(|mark| place(mark.at)))
        .collect();
    let crowd = |(x, y): (f64, f64)| {
        points.iter().filter(|point| (point.0 - x).abs() < 0.5 && (point.1 - y).abs() < 0.3).count()
    };
    let counted = corners.into_iter().map(|(x, y, corner)| (crowd((x, y)), corner));
    counted.min_by_key(|(count, _)| *count).map_or(SeriesLabelPosition::LowerRight, |(_, corner)| corner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_of_doublings_has_its_numbers_evenly_apart() {
        let plot = |x: Axis| {
            let lines = vec![Line::solid("a", vec![(1.0, 0.2), (8.0, 0.5), (64.0, 0.9)])];
            line_plot(&LinePlot { what: "w".to_owned(), x, y: Axis::share("y"), lines, marks: Vec::new() })
        };
        let svg = plot(Axis::doubling("cases", 1.0, 64.0)).expect("drawn");
        for label in ["1", "2", "4", "8", "16", "32", "64"] {
            assert!(svg.contains(&format!("\n{label}\n")), "{label} in {svg}");
        }
        assert!(plot(Axis::doubling("cases", 0.0, 64.0)).is_err(), "0 has no place there");
    }
}
