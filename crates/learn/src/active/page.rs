use super::{Simulation, StrategyCurve, StrategyPoint};
use crate::RunMean;
use crate::evaluation::document::{Block, Document, DocumentTable, Plot, Section};
use crate::plots::{Axis, Line, LinePlot, PlotError, line_plot};

/// A labeling that was played through, as Markdown and HTML can have it.
///
/// # Errors
/// [`PlotError`] if a plot cannot be drawn.
pub fn document(simulation: &Simulation) -> Result<Document, PlotError> {
    let settings = &simulation.settings;
    let mut lead = vec![
        format!("{}. {}.", simulation.data, simulation.split),
        format!(
            "A linear probe on the features of {} ({}). Each strategy begins with the same {} cases of each label, then chooses \
             {} of {} cases at a time. Figures on {} images held out; {} beginnings; intervals are Student's, 95 %, over the \
             beginnings, and differences to chance are taken beginning by beginning.",
            simulation.source,
            simulation.source_words,
            settings.first,
            settings.step,
            simulation.pool,
            simulation.held_out,
            settings.repeats
        ),
    ];
    if simulation.saw_labels {
        lead.push(
            "The features were made with the labels of these very images: this is no curve of few labels."
                .to_owned(),
        );
    }
    let rows = simulation
        .curves
        .iter()
        .map(|curve| {
            vec![curve.strategy.name().to_owned(), curve.mean_auc.words(3), signed(curve.mean_auc_difference)]
        })
        .collect();
    let header = ["strategy", "AUC, mean over the rounds", "less that of chance"].map(str::to_owned).to_vec();
    let sections = vec![
        Section {
            title: "In short".to_owned(),
            blocks: vec![
                Block::Table(DocumentTable { header, rows }),
                Block::Plots(vec![
                    plot(simulation, "AUC", |point| point.auc)?,
                    plot(simulation, "accuracy", |point| point.accuracy)?,
                ]),
            ],
        },
        section("AUC", simulation, |point| point.auc, |point| point.auc_difference),
        section("Accuracy", simulation, |point| point.accuracy, |point| point.accuracy_difference),
    ];
    Ok(Document { title: "Which cases to label next, played through".to_owned(), lead, sections })
}

fn section(
    title: &str,
    simulation: &Simulation,
    figure: impl Fn(&StrategyPoint) -> RunMean,
    difference: impl Fn(&StrategyPoint) -> Option<RunMean>,
) -> Section {
    let table = |curves: &[StrategyCurve], cell: &dyn Fn(&StrategyPoint) -> String| {
        let mut header = vec!["strategy".to_owned()];
        let points = curves.first().into_iter().flat_map(|curve| &curve.points);
        header.extend(points.map(|point| format!("{} labeled", point.labeled)));
        let row = |curve: &StrategyCurve| {
            std::iter::once(curve.strategy.name().to_owned()).chain(curve.points.iter().map(cell)).collect()
        };
        Block::Table(DocumentTable { header, rows: curves.iter().map(row).collect() })
    };
    let curves = simulation.curves.as_slice();
    Section {
        title: title.to_owned(),
        blocks: vec![
            table(curves, &|point| figure(point).words(3)),
            Block::Text("Less that of chance:".to_owned()),
            table(&curves[curves.len().min(1)..], &|point| signed(difference(point))),
        ],
    }
}

fn signed(figure: Option<RunMean>) -> String {
    match figure {
        Some(RunMean { mean, interval: Some([low, high]) }) => {
            format!("{mean:+.3} ({low:+.3} to {high:+.3})")
        }
        Some(RunMean { mean, interval: None }) => format!("{mean:+.3}"),
        None => "-".to_owned(),
    }
}

fn plot(
    simulation: &Simulation,
    what: &str,
    figure: impl Fn(&StrategyPoint) -> RunMean,
) -> Result<Plot, PlotError> {
    let all = || simulation.curves.iter().flat_map(|curve| &curve.points);
    let least = all().map(|point| figure(point).mean).fold(1.0, f64::min);
    let most = all().map(|point| point.labeled).max().unwrap_or(1) as f64;
    let lines = simulation
        .curves
        .iter()
        .map(|curve| {
            let points =
                curve.points.iter().map(|point| (point.labeled as f64, figure(point).mean)).collect();
            Line::solid(curve.strategy.name(), points)
        })
        .collect();
    let svg = line_plot(&LinePlot {
        what: format!("{what} over labeled cases by strategy"),
        x: Axis::new("labeled cases", 0.0, most),
        y: Axis::new(what, (least * 20.0).floor() / 20.0, 1.0),
        lines,
        marks: Vec::new(),
    })?;
    Ok(Plot { caption: format!("{what} over labeled cases"), svg })
}
