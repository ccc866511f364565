use wilhelm_stats::{Averaging, ConformalMethod};

use super::charts;
use super::{Block, Document, DocumentTable, Section, chance, number, shown};
use crate::evaluation::{
    CallFigures, Comparison, DriftFigures, Figure, GroupFigures, LabelFigures, Method, OperatingPoint,
    OperatingRule, Report, SetFigures,
};
use crate::plots::PlotError;

/// Labels whose own plots are open at first, where none is looked for.
const OPEN: usize = 2;

pub(super) fn report(report: &Report) -> Result<Document, PlotError> {
    let mut sections = vec![summary(report)];
    if let Some(comparison) = &report.comparison {
        sections.push(compared(comparison, report));
    }
    if let Some(calls) = &report.calls {
        sections.push(called(calls, report)?);
    }
    sections.push(labels(report)?);
    for group in &report.groups {
        sections.push(groups(group)?);
    }
    if !report.sets.is_empty() {
        sections.push(sets(&report.sets, report));
    }
    if !report.recalibration.is_empty() {
        sections.push(super::recalibrated::section(&report.recalibration, report));
    }
    if let Some(drift) = &report.drift {
        sections.push(drifted(drift, report));
    }
    sections.push(method(report));
    Ok(Document { title: format!("Evaluation of {}", report.predictions), lead: lead(report), sections })
}

fn percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

fn lead(report: &Report) -> Vec<String> {
    let patients = report.patients.map_or(String::new(), |patients| format!(" of {patients} patients"));
    let positive = report.positive.as_ref().map_or(String::new(), |label| format!("; looked for: {label}"));
    let mut lead = vec![format!(
        "{} cases{patients}; labels: {}{positive}. Each figure stands with its {} interval.",
        report.cases,
        report.label_names.join(", "),
        percent(report.settings.resampling.level)
    )];
    if report.answered.value.is_some_and(|share| share < 1.0) {
        lead.push(format!("Share of cases that the model answered: {}.", shown(&report.answered)));
    }
    lead.extend(report.notes.iter().cloned());
    lead
}

fn summary(report: &Report) -> Section {
    let mut header = vec!["figure".to_owned(), "model".to_owned()];
    header.extend(report.baselines.iter().map(|baseline| format!("baseline: {}", baseline.name)));
    header.push("better".to_owned());
    let rows = report.headlines.iter().enumerate().map(|(place, headline)| {
        let mut row = vec![headline.name.clone(), shown(&headline.figure)];
        row.extend(report.baselines.iter().map(|baseline| shown(&baseline.headlines[place].figure)));
        row.push(if headline.higher_is_better { "higher" } else { "lower" }.to_owned());
        row
    });
    let mut blocks = vec![Block::Table(DocumentTable { header, rows: rows.collect() })];
    if !report.baselines.is_empty() {
        let what = report.baselines.iter().map(|baseline| format!("{}: {}", baseline.name, baseline.what));
        blocks.push(Block::Text(format!(
            "Baselines do not look at the case. {}.",
            what.collect::<Vec<_>>().join("; ")
        )));
    }
    Section { title: "Figures".to_owned(), blocks }
}

fn compared(comparison: &Comparison, report: &Report) -> Section {
    let optional = |value: Option<f64>| value.map_or("none".to_owned(), number);
    let rows = comparison.headlines.iter().map(|of| {
        let p = of.p.map_or("none".to_owned(), chance);
        vec![of.name.clone(), optional(of.first), optional(of.second), shown(&of.difference), p]
    });
    let header = ["figure", "first", "second", "first minus second", "p"];
    let mut blocks = vec![
        Block::Text(format!(
            "First: {}; second: {}. {} cases are in both; {} are in the first alone, {} in the second alone. Both \
             are measured on the same {} resamples.",
            comparison.first,
            comparison.second,
            comparison.cases,
            comparison.only_first,
            comparison.only_second,
            report.settings.resampling.replicates
        )),
        Block::Table(DocumentTable::new(&header, rows.collect())),
    ];
    if !comparison.delong.is_empty() {
        let rows = comparison.delong.iter().map(|of| {
            let p = of.p.map_or("none: both order the cases alike".to_owned(), chance);
            vec![of.label.clone(), number(of.first), number(of.second), shown(&of.difference), p]
        });
        let header = ["ROC AUC of (DeLong's test)", "first", "second", "first minus second", "p"];
        blocks.push(Block::Table(DocumentTable::new(&header, rows.collect())));
    }
    if let Some(found) = &comparison.mcnemar {
        blocks.push(Block::Text(format!(
            "McNemar: {} cases only the first has right, {} only the second; exact p {}, mid-p {}.",
            found.only_first,
            found.only_second,
            chance(found.exact_p),
            chance(found.mid_p)
        )));
    }
    Section { title: "Compared with another model".to_owned(), blocks }
}

fn called(calls: &CallFigures, report: &Report) -> Result<Section, PlotError> {
    let mut rows: Vec<Vec<String>> = calls
        .labels
        .iter()
        .map(|of| {
            let mut row = vec![of.label.clone(), of.cases.to_string()];
            row.extend(
                [&of.precision, &of.sensitivity, &of.specificity, &of.f1, &of.matthews_correlation]
                    .map(shown),
            );
            row
        })
        .collect();
    rows.extend(calls.averages.iter().map(|of| {
        let name = match of.averaging {
            Averaging::Macro => "macro: each label alike",
            Averaging::Micro => "micro: each case alike",
            Averaging::Weighted => "weighted by cases",
        };
        let mut row = vec![name.to_owned(), report.cases.to_string()];
        row.extend([&of.precision, &of.sensitivity, &of.specificity, &of.f1].map(shown));
        row.push(String::new());
        row
    }));
    let header = ["label", "cases", "precision", "recall", "specificity", "F1", "Matthews correlation"];
    let text = format!(
        "Every case is called by its likeliest label. Cohen's kappa of truth and calls: {}.",
        shown(&calls.kappa)
    );
    let blocks = vec![
        Block::Text(text),
        Block::Plots(charts::confusion(calls, report)?),
        Block::Table(DocumentTable::new(&header, rows)),
    ];
    Ok(Section { title: "Calls of the likeliest label".to_owned(), blocks })
}

fn labels(report: &Report) -> Result<Section, PlotError> {
    let several = report.labels.len() > 1;
    let mut blocks = Vec::new();
    if several {
        let rows = report.labels.iter().map(|of| {
            vec![of.label.clone(), of.positives.to_string(), shown(&of.roc_auc), shown(&of.average_precision)]
        });
        let header = ["label against the rest", "cases", "ROC AUC", "average precision"];
        blocks.push(Block::Table(DocumentTable::new(&header, rows.collect())));
        blocks.push(Block::Plots(charts::all_labels(report)?));
    }
    for (place, label) in report.labels.iter().enumerate() {
        let inner = one_label(label, report)?;
        if several {
            let open = report.positive.as_ref().map_or(place < OPEN, |positive| *positive == label.label);
            blocks.push(Block::Folded {
                title: format!("{} against the rest", label.label),
                open,
                blocks: inner,
            });
        } else {
            blocks.extend(inner);
        }
    }
    let title = match &report.labels[..] {
        [only] => format!("Looking for {}", only.label),
        _ => "Each label against the rest".to_owned(),
    };
    Ok(Section { title, blocks })
}

fn one_label(of: &LabelFigures, report: &Report) -> Result<Vec<Block>, PlotError> {
    let mut rows = vec![
        vec!["cases with and without it".to_owned(), format!("{} and {}", of.positives, of.negatives)],
        vec!["ROC AUC".to_owned(), with_note(&of.roc_auc)],
    ];
    if let Some(delong) = &of.roc_auc_delong {
        rows.push(vec!["the same by DeLong, as if cases were independent".to_owned(), shown(delong)]);
    }
    rows.push(vec!["average precision (PR AUC)".to_owned(), with_note(&of.average_precision)]);
    if let Some(found) = &of.probabilities {
        let named = [
            ("Brier score", &found.brier),
            ("log loss", &found.log_loss),
            ("expected calibration error", &found.calibration_error),
            ("calibration slope (1 is right)", &found.calibration_slope),
            ("calibration intercept (0 is right)", &found.calibration_intercept),
            ("calibration in the large (0 is right)", &found.calibration_in_the_large),
        ];
        rows.extend(named.map(|(name, figure)| vec![name.to_owned(), with_note(figure)]));
    }
    let mut blocks = vec![Block::Table(DocumentTable::new(&["figure", "value"], rows))];
    if let Some(point) = &of.operating_point {
        blocks.push(Block::Text(chosen(point)));
        blocks.push(Block::Table(operating(point)));
    }
    blocks.push(Block::Plots(charts::one_label(of, report)?));
    Ok(blocks)
}

fn with_note(figure: &Figure) -> String {
    match (&figure.note, figure.value) {
        (Some(note), None) => format!("none: {note}"),
        (Some(note), Some(value)) if figure.low.is_none() => format!("{} ({note})", number(value)),
        _ => shown(figure),
    }
}

/// How a threshold came about, in a sentence.
fn chosen(point: &OperatingPoint) -> String {
    let how = match point.rule {
        OperatingRule::Youden => "sensitivity plus specificity are greatest (Youden)".to_owned(),
        OperatingRule::Sensitivity { at_least } => {
            format!("a sensitivity of at least {at_least} is reached first")
        }
        OperatingRule::Costs { false_alarm, missed } => {
            format!("mistakes cost least, if a false alarm costs {false_alarm} and a missed case {missed}")
        }
        OperatingRule::Stated { threshold } => {
            return format!(
                "Operating point: cases at or above {} are called. It was stated from elsewhere, so the figures \
                 below are honest ones.",
                number(threshold)
            );
        }
    };
    format!(
        "Operating point: where {how}. It was chosen on these very cases, so the figures below flatter: state one \
         from other cases with --operating-point."
    )
}

fn operating(point: &OperatingPoint) -> DocumentTable {
    let counts = point.counts;
    let mut rows = vec![
        vec!["threshold".to_owned(), with_note(&point.threshold)],
        vec![
            "found, missed, called wrongly, left alone".to_owned(),
            format!(
                "{}, {}, {}, {}",
                counts.true_positives, counts.false_negatives, counts.false_positives, counts.true_negatives
            ),
        ],
    ];
    let named = [
        ("share of cases called", &point.called),
        ("sensitivity", &point.sensitivity),
        ("specificity", &point.specificity),
        ("positive predictive value, here", &point.positive_predictive_value),
        ("negative predictive value, here", &point.negative_predictive_value),
        ("accuracy", &point.accuracy),
        ("likelihood ratio of a call", &point.positive_likelihood_ratio),
        ("likelihood ratio of a pass", &point.negative_likelihood_ratio),
    ];
    rows.extend(named.map(|(name, figure)| vec![name.to_owned(), with_note(figure)]));
    if let Some(there) = &point.at_prevalence {
        let at = percent(there.prevalence);
        rows.push(vec![format!("positive predictive value where {at} have it"), with_note(&there.positive)]);
        rows.push(vec![format!("negative predictive value where {at} have it"), with_note(&there.negative)]);
    }
    DocumentTable::new(&["at the operating point", "value"], rows)
}

fn groups(of: &GroupFigures) -> Result<Section, PlotError> {
    let mut header = vec![of.column.clone(), "cases".to_owned()];
    header.extend(of.measures.iter().map(|measure| measure.name.clone()));
    let names = of.measures.first().map_or(&[][..], |measure| &measure.groups);
    let rows = names.iter().enumerate().map(|(place, group)| {
        let mut row = vec![group.group.clone(), group.cases.to_string()];
        row.extend(of.measures.iter().map(|measure| with_note(&measure.groups[place].figure)));
        row
    });
    let gaps = of.measures.iter().map(|measure| match &measure.gap {
        Some(gap) => {
            let found = [gap.highest.clone(), gap.lowest.clone(), shown(&gap.figure), chance(gap.p)];
            [vec![measure.name.clone()], found.to_vec()].concat()
        }
        None => [vec![measure.name.clone()], vec!["none".to_owned(); 4]].concat(),
    });
    let blocks = vec![
        Block::Plots(charts::groups(of)?),
        Block::Table(DocumentTable { header, rows: rows.collect() }),
        Block::Table(DocumentTable::new(
            &["largest gap of", "highest", "lowest", "gap", "p"],
            gaps.collect(),
        )),
        Block::Text(format!(
            "Groups of fewer than {} cases are not measured. A gap is never below 0 and leans upward in small \
             groups; p is the chance of one at least as large if the groups had been drawn at random.",
            of.least_cases
        )),
    ];
    Ok(Section { title: format!("Groups by {}", of.column), blocks })
}

fn sets(sets: &[SetFigures], report: &Report) -> Section {
    let rows = sets.iter().map(|of| {
        let method = match of.method {
            ConformalMethod::LeastAmbiguous => "least ambiguous (LAC)",
            ConformalMethod::Adaptive => "adaptive (APS)",
            ConformalMethod::AdaptiveRandomized => "adaptive, randomized (APS)",
        };
        let sizes = of.sizes.iter().enumerate().map(|(size, count)| format!("{size}: {count}"));
        let labels = report.label_names.iter().zip(&of.coverage_by_label);
        vec![
            method.to_owned(),
            of.threshold.map_or("none: too few cases".to_owned(), number),
            shown(&of.coverage),
            labels.map(|(label, figure)| format!("{label} {}", shown(figure))).collect::<Vec<_>>().join("; "),
            number(of.mean_size),
            sizes.collect::<Vec<_>>().join(", "),
        ]
    });
    let header = ["method", "threshold", "coverage", "coverage by label", "mean size", "sets by size"];
    let first = &sets[0];
    let patients = if report.patients.is_some() { ", each patient on one side" } else { "" };
    let text = format!(
        "Sets of labels made to hold the true one in {} of cases. The threshold was found on {} cases drawn at \
         random (seed {}){patients}, the coverage measured on the other {}.",
        percent(1.0 - first.miscoverage),
        first.calibration_cases,
        report.settings.resampling.seed,
        first.measured_cases
    );
    let table = Block::Table(DocumentTable::new(&header, rows.collect()));
    Section { title: "Conformal sets".to_owned(), blocks: vec![Block::Text(text), table] }
}

fn drifted(drift: &DriftFigures, report: &Report) -> Section {
    let rows = drift.columns.iter().map(|of| {
        let test = of.kolmogorov_smirnov;
        vec![
            of.column.clone(),
            number(test.statistic),
            number(test.location),
            chance(test.p),
            of.population_stability.map_or("none: the reference has one value".to_owned(), number),
        ]
    });
    let header =
        ["column", "Kolmogorov-Smirnov distance", "reached at", "p", "population stability index (PSI)"];
    let mut blocks = vec![
        Block::Text(format!(
            "The numbers of these {} cases against {} rows of {}. With many cases the least shift is certain: read \
             the distance beside its p. By custom a PSI below 0.1 is little and above 0.25 much.",
            report.cases, drift.reference_rows, drift.reference
        )),
        Block::Table(DocumentTable::new(&header, rows.collect())),
    ];
    if let Some(found) = &drift.discrepancy {
        blocks.push(Block::Text(format!(
            "All columns of labels together: squared maximum mean discrepancy {} (p {}), on {} rows of the reference \
             and {} of these.",
            number(found.squared),
            chance(found.p),
            drift.discrepancy_rows[0],
            drift.discrepancy_rows[1]
        )));
    }
    Section { title: "Drift".to_owned(), blocks }
}

fn method(report: &Report) -> Section {
    let settings = &report.settings.resampling;
    let unit = if report.by_patient { "patients with all of their cases" } else { "cases" };
    let area = match report.labels.first().map(|label| label.roc_auc.method) {
        Some(Method::Delong) => "ROC AUC of one label: DeLong. Shares: Wilson. ",
        _ => "",
    };
    let text = format!(
        "Intervals at {}. {area}Calibration line, likelihood ratios, kappa and predictive values at a prevalence: \
         standard errors on their own scale, unless patients are drawn. All others: percentiles of {} resamples of \
         {unit}, seed {} (of groups at most 1000). Made by {}; how to read each figure: docs/evaluate.md.",
        percent(settings.level),
        settings.replicates,
        settings.seed,
        report.program
    );
    Section { title: "How the intervals were made".to_owned(), blocks: vec![Block::Text(text)] }
}
