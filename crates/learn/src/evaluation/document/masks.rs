use super::{Block, Document, DocumentTable, Plot, Section, number, shown};
use crate::evaluation::masks::MaskReport;
use crate::plots::{IntervalPlot, IntervalRow, PlotError, interval_plot};

/// Most rows of single cases on a page.
const ROWS: usize = 500;

pub(super) fn report(report: &MaskReport) -> Result<Document, PlotError> {
    let settings = &report.settings;
    let percent = settings.resampling.level * 100.0;
    let mut lead = vec![format!(
        "{} cases: {} against {}. Intervals at {percent} % over cases. Mean Dice of a case over its segments: {}.",
        report.cases.len(),
        report.predicted,
        report.truth,
        shown(&report.mean_dice)
    )];
    lead.extend(report.notes.iter().cloned());
    let header = [
        "segment",
        "cases",
        "missed",
        "false alarms",
        "Dice",
        "IoU",
        "HD95 mm",
        "median HD95 mm",
        "ASSD mm",
        &format!("NSD at {} mm", settings.tolerance_mm),
    ];
    let rows = report.segments.iter().map(|of| {
        let mut row = vec![
            format!("{} ({})", of.name, of.label),
            of.cases.to_string(),
            of.missed.to_string(),
            of.false_alarms.to_string(),
        ];
        let figures = [
            &of.dice,
            &of.iou,
            &of.hausdorff_95_mm,
            &of.median_hausdorff_95_mm,
            &of.average_surface_distance_mm,
            &of.surface_dice,
        ];
        row.extend(figures.map(shown));
        row
    });
    let mut blocks = vec![Block::Table(DocumentTable::new(&header, rows.collect()))];
    blocks.extend(plots(report)?);
    let surface = if settings.patches {
        "Surfaces are patches with areas, as DeepMind's surface-distance has them."
    } else {
        "Surfaces are border voxels that count alike, as MONAI has them."
    };
    blocks.push(Block::Text(format!(
        "{surface} A segment that the truth lacks has no Dice and counts as a false alarm where it was predicted; one \
         that the prediction lacks has a Dice of 0. HD95: distance within which 95 % of each surface lie of the \
         other; ASSD: mean distance of both surfaces; NSD: share of both surfaces within the tolerance."
    )));
    let optional = |value: Option<f64>| value.map_or("none".to_owned(), number);
    let mut cells: Vec<Vec<String>> = report
        .cases
        .iter()
        .flat_map(|case| case.segments.iter().map(move |of| (case, of)))
        .map(|(case, of)| {
            vec![
                case.case.clone(),
                format!("{} ({})", of.name, of.label),
                number(of.true_ml),
                number(of.predicted_ml),
                optional(of.dice),
                optional(of.hausdorff_95_mm),
                optional(of.average_surface_distance_mm),
                optional(of.surface_dice),
            ]
        })
        .collect();
    let all = cells.len();
    cells.truncate(ROWS);
    let header = ["case", "segment", "true mL", "predicted mL", "Dice", "HD95 mm", "ASSD mm", "NSD"];
    let mut inner = vec![Block::Table(DocumentTable::new(&header, cells))];
    if all > ROWS {
        inner.push(Block::Text(format!("The first {ROWS} of {all} rows; all are in evaluation.json.")));
    }
    let title = "Every case and segment".to_owned();
    let cases = vec![Block::Folded { title, open: all <= 40, blocks: inner }];
    Ok(Document {
        title: format!("Evaluation of masks: {}", report.predicted),
        lead,
        sections: vec![
            Section { title: "Segments".to_owned(), blocks },
            Section { title: "Cases".to_owned(), blocks: cases },
        ],
    })
}

fn plots(report: &MaskReport) -> Result<Option<Block>, PlotError> {
    let rows: Vec<IntervalRow> = report
        .segments
        .iter()
        .filter_map(|of| {
            let interval = match (of.dice.value?, of.dice.low, of.dice.high) {
                (value, Some(low), Some(high)) => Ok((value, low, high)),
                (value, ..) => Ok((value, value, value)),
            };
            Some(IntervalRow { name: of.name.clone(), interval })
        })
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let what = "Mean Dice of each segment with its interval over cases".to_owned();
    let svg = interval_plot(&IntervalPlot { what, label: "Dice".to_owned(), rows, reference: Some(1.0) })?;
    Ok(Some(Block::Plots(vec![Plot { caption: "Mean Dice of each segment.".to_owned(), svg }])))
}
