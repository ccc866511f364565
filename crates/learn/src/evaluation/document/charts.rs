use super::{Plot, shown};
use crate::evaluation::{CallFigures, Figure, GroupFigures, LabelFigures, Report};
use crate::plots::{
    Axis, IntervalPlot, IntervalRow, Line, LinePlot, Mark, MatrixPlot, PlotError, interval_plot, line_plot,
    matrix_plot,
};

/// Most labels whose curves are drawn into one plot.
const CURVES: usize = 6;
/// Most labels of a matrix that can be read.
const CELLS: usize = 30;

/// A point with its intervals sideways, and up and down.
type Measured = ((f64, f64), Option<(f64, f64)>, Option<(f64, f64)>);

fn plot(caption: impl Into<String>, svg: String) -> Plot {
    Plot { caption: caption.into(), svg }
}

fn ends(figure: &Figure) -> Option<(f64, f64)> {
    Some((figure.low?, figure.high?))
}

fn points_of_roc(of: &LabelFigures) -> Vec<(f64, f64)> {
    of.roc.iter().map(|point| (point.false_positive_rate, point.sensitivity)).collect()
}

/// Precision by recall as steps: from a recall on, the precision of the next point holds.
fn points_of_precision(of: &LabelFigures) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    let mut before = 0.0;
    for point in &of.precision_recall {
        points.push((before, point.precision));
        points.push((point.recall, point.precision));
        before = point.recall;
    }
    points
}

fn chance_line() -> Line {
    Line::reference("", vec![(0.0, 0.0), (1.0, 1.0)])
}

pub(super) fn confusion(calls: &CallFigures, report: &Report) -> Result<Vec<Plot>, PlotError> {
    if report.label_names.len() > CELLS {
        return Ok(Vec::new());
    }
    let svg = matrix_plot(&MatrixPlot {
        what: "Confusion matrix: true label by row, called label by column".to_owned(),
        rows: "true label".to_owned(),
        columns: "called label".to_owned(),
        names: report.label_names.clone(),
        counts: calls.confusion.counts().to_vec(),
    })?;
    Ok(vec![plot("Cases by true and called label; the darker, the larger its share of the row.", svg)])
}

/// The curves of all labels together.
pub(super) fn all_labels(report: &Report) -> Result<Vec<Plot>, PlotError> {
    let shown_labels = || report.labels.iter().filter(|label| !label.roc.is_empty()).take(CURVES);
    let lines = |points: fn(&LabelFigures) -> Vec<(f64, f64)>| {
        shown_labels().map(|of| Line::solid(&of.label, points(of))).collect::<Vec<_>>()
    };
    let mut roc = lines(points_of_roc);
    roc.push(chance_line());
    let of = |what: &str, x: &str, y: &str, lines: Vec<Line>| {
        line_plot(&LinePlot {
            what: what.to_owned(),
            x: Axis::share(x),
            y: Axis::share(y),
            lines,
            marks: Vec::new(),
        })
    };
    let cut = if report.labels.len() > CURVES { " (the first six labels)" } else { "" };
    Ok(vec![
        plot(
            format!("ROC of each label against the rest{cut}."),
            of("ROC curves", "1 - specificity", "sensitivity", roc)?,
        ),
        plot(
            format!("Precision and recall of each label against the rest{cut}."),
            of("Precision-recall curves", "recall", "precision", lines(points_of_precision))?,
        ),
    ])
}

pub(super) fn one_label(of: &LabelFigures, report: &Report) -> Result<Vec<Plot>, PlotError> {
    let mut plots = Vec::new();
    if of.roc.is_empty() {
        return Ok(plots);
    }
    let mark = |at: Option<Measured>| -> Vec<Mark> {
        let mark =
            |(at, across, along)| Mark { name: "operating point".to_owned(), at, across, along, line: 1 };
        at.map(mark).into_iter().collect()
    };
    let point = of.operating_point.as_ref();
    let svg = line_plot(&LinePlot {
        what: format!("ROC curve of {}: area {}", of.label, shown(&of.roc_auc)),
        x: Axis::share("1 - specificity"),
        y: Axis::share("sensitivity"),
        lines: vec![Line::solid("", points_of_roc(of)), chance_line()],
        marks: mark(point.and_then(|point| {
            let (sensitivity, specificity) = (&point.sensitivity, &point.specificity);
            let across = ends(specificity).map(|(low, high)| (1.0 - high, 1.0 - low));
            Some(((1.0 - specificity.value?, sensitivity.value?), across, ends(sensitivity)))
        })),
    })?;
    plots.push(plot(format!("ROC; area {}. The broken line is guessing.", shown(&of.roc_auc)), svg));
    let prevalence = of.positives as f64 / (of.positives + of.negatives) as f64;
    let svg = line_plot(&LinePlot {
        what: format!("Precision-recall curve of {}: {}", of.label, shown(&of.average_precision)),
        x: Axis::share("recall"),
        y: Axis::share("precision"),
        lines: vec![
            Line::solid("", points_of_precision(of)),
            Line::reference("", vec![(0.0, prevalence), (1.0, prevalence)]),
        ],
        marks: mark(point.and_then(|point| {
            let (recall, precision) = (&point.sensitivity, &point.positive_predictive_value);
            Some(((recall.value?, precision.value?), ends(recall), ends(precision)))
        })),
    })?;
    let caption = format!(
        "Precision and recall; average precision {}. The broken line is guessing.",
        shown(&of.average_precision)
    );
    plots.push(plot(caption, svg));
    let Some(found) = &of.probabilities else { return Ok(plots) };
    let marks = found.reliability.iter().filter_map(|bin| {
        let at = (bin.mean_probability?, bin.observed.value?);
        Some(Mark { name: String::new(), at, across: None, along: ends(&bin.observed), line: 0 })
    });
    let marks: Vec<Mark> = marks.collect();
    let svg = line_plot(&LinePlot {
        what: format!("Reliability diagram of {}", of.label),
        x: Axis::share("mean probability in the bin"),
        y: Axis::share("share that came true"),
        lines: vec![Line::solid("", marks.iter().map(|mark| mark.at).collect()), chance_line()],
        marks,
    })?;
    let caption = format!(
        "Reliability in {} bins; expected calibration error {}. On the broken line promises are kept.",
        report.settings.bins,
        shown(&found.calibration_error)
    );
    plots.push(plot(caption, svg));
    plots.push(decision(of, prevalence)?);
    Ok(plots)
}

/// Net benefit by threshold, cut where harm would need a longer axis.
fn decision(of: &LabelFigures, prevalence: f64) -> Result<Plot, PlotError> {
    let curve = of.probabilities.as_ref().map_or(&[][..], |found| &found.decision_curve);
    let floor = -0.25 * prevalence;
    let model = curve.iter().filter_map(|point| Some((point.threshold, point.model.value?.max(floor))));
    let band = curve.iter().filter_map(|point| {
        let (low, high) = ends(&point.model)?;
        Some((point.threshold, low.max(floor), high.max(floor)))
    });
    let all = curve.iter().map(|point| (point.threshold, point.all)).filter(|point| point.1 >= floor);
    let top = band.clone().map(|point| point.2).fold(prevalence, f64::max);
    let mut line = Line::solid("the model", model.collect());
    line.band = band.collect();
    let svg = line_plot(&LinePlot {
        what: format!("Decision curve of {}", of.label),
        x: Axis::share("threshold probability"),
        y: Axis::new("net benefit", floor, top * 1.05),
        lines: vec![
            line,
            Line::solid("all", all.collect()),
            Line::reference("none", vec![(0.0, 0.0), (1.0, 0.0)]),
        ],
        marks: Vec::new(),
    })?;
    let caption = "Net benefit of acting on the model, on all and on none; the band is the model's interval.";
    Ok(plot(caption, svg))
}

pub(super) fn groups(of: &GroupFigures) -> Result<Vec<Plot>, PlotError> {
    let mut plots = Vec::new();
    for measure in &of.measures {
        let rows: Vec<IntervalRow> = measure
            .groups
            .iter()
            .map(|group| {
                let interval = match (group.figure.value, ends(&group.figure)) {
                    (Some(value), Some((low, high))) => Ok((value, low, high)),
                    _ => Err(group.figure.note.as_deref().unwrap_or("no interval").to_owned()),
                };
                IntervalRow { name: format!("{} ({})", group.group, group.cases), interval }
            })
            .collect();
        if rows.iter().all(|row| row.interval.is_err()) {
            continue;
        }
        let svg = interval_plot(&IntervalPlot {
            what: format!("{} by {}", measure.name, of.column),
            label: measure.name.clone(),
            rows,
            reference: None,
        })?;
        plots.push(plot(format!("{} by {} (cases).", measure.name, of.column), svg));
    }
    Ok(plots)
}
