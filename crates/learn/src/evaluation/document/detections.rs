use super::{Block, Document, DocumentTable, Plot, Section, number, shown};
use crate::evaluation::detections::DetectionReport;
use crate::plots::{Axis, Line, LinePlot, Mark, PlotError, line_plot};

pub(super) fn report(report: &DetectionReport) -> Result<Document, PlotError> {
    let settings = &report.settings;
    let reach = match settings.distance {
        Some(distance) => format!("{distance}"),
        None => "their radius".to_owned(),
    };
    let mut lead = vec![format!(
        "{} candidates ({}) against {} lesions ({}) in {} images; {} lesions are hit by no candidate at any score. A \
         candidate hits the nearest of the lesions whose center is closer than {reach}. Intervals at {} % over images.",
        report.candidates,
        report.candidates_file,
        report.lesions,
        report.truth_file,
        report.images,
        report.never_hit,
        settings.resampling.level * 100.0
    )];
    lead.extend(report.notes.iter().cloned());
    let mut rows: Vec<Vec<String>> = report
        .sensitivities
        .iter()
        .map(|of| vec![number(of.false_positives_per_image), shown(&of.sensitivity)])
        .collect();
    rows.push(vec!["mean of these".to_owned(), shown(&report.score)]);
    let header = ["false positives an image", "sensitivity (interval)"];
    let most = settings.rates.iter().copied().fold(0.0, f64::max).max(1e-9);
    // Steps: between two thresholds the sensitivity is the one before.
    let mut points: Vec<(f64, f64)> = Vec::with_capacity(2 * report.curve.len());
    for point in &report.curve {
        if point.false_positives_per_image > most {
            break;
        }
        if let Some((_, before)) = points.last().copied() {
            points.push((point.false_positives_per_image, before));
        }
        points.push((point.false_positives_per_image, point.sensitivity));
    }
    if let Some((_, last)) = points.last().copied() {
        points.push((most, last));
    }
    let marks = report.sensitivities.iter().filter_map(|of| {
        let (value, low, high) = (of.sensitivity.value?, of.sensitivity.low?, of.sensitivity.high?);
        let at = (of.false_positives_per_image, value);
        Some(Mark { name: String::new(), at, across: None, along: Some((low, high)), line: 0 })
    });
    let plot = LinePlot {
        what: "Sensitivity over false positives an image".to_owned(),
        x: Axis::new("false positives an image", 0.0, most),
        y: Axis::share("sensitivity"),
        lines: vec![Line::solid("", points)],
        marks: marks.collect(),
    };
    let caption = "Free-response curve, with the intervals of the rates that were asked for.".to_owned();
    let blocks = vec![
        Block::Table(DocumentTable::new(&header, rows)),
        Block::Plots(vec![Plot { caption, svg: line_plot(&plot)? }]),
        Block::Text(
            "Of several candidates on one lesion the surest counts, the others are neither hits nor false positives. \
             Sensitivities are read on the straight line between two points, as LUNA16 does."
                .to_owned(),
        ),
    ];
    Ok(Document {
        title: format!("Evaluation of detections: {}", report.candidates_file),
        lead,
        sections: vec![Section { title: "Free response".to_owned(), blocks }],
    })
}
