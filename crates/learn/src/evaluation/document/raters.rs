use super::{Block, Document, DocumentTable, Plot, Section, shown};
use crate::evaluation::raters::{Agreement, RaterPair, RaterReport, RatingScale};
use crate::plots::{Axis, Line, LinePlot, Mark, PlotError, line_plot};

/// Most pairs of raters that are drawn.
const PAIRS: usize = 6;
/// Most points of a plot.
const POINTS: usize = 2000;

pub(super) fn report(report: &RaterReport) -> Result<Document, PlotError> {
    let scale = match report.scale {
        RatingScale::Nominal => format!("classes without an order ({})", report.classes.join(", ")),
        RatingScale::Ordinal => format!("grades ({})", report.classes.join(" < ")),
        RatingScale::Interval => "measurements".to_owned(),
    };
    let mut lead = vec![format!(
        "{} raters of {} cases: {}. Ratings are {scale}. Intervals at {} %.",
        report.raters.len(),
        report.cases,
        report.raters.join(", "),
        report.level * 100.0
    )];
    lead.extend(report.notes.iter().cloned());
    let mut sections = Vec::new();
    if !report.all.is_empty() {
        let rows = report.all.iter().map(|of| vec![of.name.clone(), shown(&of.figure)]).collect();
        let mut blocks = vec![Block::Table(DocumentTable::new(&["figure", "value (interval)"], rows))];
        if report.scale == RatingScale::Interval {
            blocks.push(Block::Text(
                "Intraclass correlations are shares of the variance that lie between cases: they are high where cases \
                 differ much, also if raters do. ICC(2,1) is that of another rater's single rating."
                    .to_owned(),
            ));
        }
        sections.push(Section { title: "All raters".to_owned(), blocks });
    }
    let names: Vec<&str> = report
        .pairs
        .first()
        .map_or(Vec::new(), |pair| pair.figures.iter().map(|of| of.name.as_str()).collect());
    let header: Vec<&str> = [vec!["first", "second"], names].concat();
    let rows = report.pairs.iter().map(|pair| {
        let figures = pair.figures.iter().map(|of| shown(&of.figure));
        [pair.first.clone(), pair.second.clone()].into_iter().chain(figures).collect()
    });
    let mut blocks = vec![Block::Table(DocumentTable::new(&header, rows.collect()))];
    if report.scale == RatingScale::Interval {
        blocks.push(Block::Text(
            "Bias is the mean of first minus second; between the limits of agreement lie 95 % of the differences, if they \
             are normal and do not grow with what is measured: the plots show whether they do."
                .to_owned(),
        ));
        let drawn: Result<Vec<Plot>, PlotError> =
            report.pairs.iter().take(PAIRS).map(|pair| differences(report, pair)).collect();
        blocks.push(Block::Text("In the plots: the bias as a line, the limits broken.".to_owned()));
        blocks.push(Block::Plots(drawn?));
        if report.pairs.len() > PAIRS {
            blocks.push(Block::Text(format!("The first {PAIRS} of {} pairs are drawn.", report.pairs.len())));
        }
    } else {
        blocks.push(Block::Text(
            "Kappa is the agreement beyond what chance gives: 1 is full agreement, 0 that of chance."
                .to_owned(),
        ));
    }
    sections.push(Section { title: "Pairs of raters".to_owned(), blocks });
    Ok(Document { title: format!("Agreement of raters: {}", report.file), lead, sections })
}

/// Differences over means (Bland and Altman).
fn differences(report: &RaterReport, pair: &RaterPair) -> Result<Plot, PlotError> {
    let place = |name: &String| report.raters.iter().position(|rater| rater == name).unwrap_or_default();
    let (first, second) = (place(&pair.first), place(&pair.second));
    let points: Vec<(f64, f64)> = report
        .measured
        .iter()
        .map(|row| ((row[first] + row[second]) / 2.0, row[first] - row[second]))
        .collect();
    let values: Vec<(&Agreement, f64)> =
        pair.figures.iter().filter_map(|of| Some((of, of.figure.value?))).collect();
    let ends = |of: &dyn Fn(&(f64, f64)) -> f64| {
        points
            .iter()
            .map(of)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    };
    let (x, y) = (ends(&|point| point.0), ends(&|point| point.1));
    let y = values.iter().fold(y, |(low, high), (_, value)| (low.min(*value), high.max(*value)));
    let room = 0.05 * (y.1 - y.0);
    let lines = values.iter().map(|(of, value)| Line {
        is_reference: of.name != "bias",
        // No legend: it would hide points, and the table has the numbers.
        ..Line::solid("", vec![(x.0, *value), (x.1, *value)])
    });
    let plot = LinePlot {
        what: format!("Differences of {} and {} over their means", pair.first, pair.second),
        x: Axis::new("mean of both", x.0, x.1),
        y: Axis::new("first minus second", y.0 - room, y.1 + room),
        lines: lines.collect(),
        marks: points
            .iter()
            .take(POINTS)
            .map(|at| Mark { name: String::new(), at: *at, across: None, along: None, line: 0 })
            .collect(),
    };
    let shown = if points.len() > POINTS { format!(" (the first {POINTS} cases)") } else { String::new() };
    Ok(Plot { caption: format!("{} minus {}{shown}.", pair.first, pair.second), svg: line_plot(&plot)? })
}
