use wilhelm_learn::evaluation::detections::{DetectionSettings, meet};
use wilhelm_learn::evaluation::document::Document;
use wilhelm_learn::evaluation::raters::{Agreement, RaterColumns, RatingScale, compare_raters};

use super::{cells, read_table, refuse_overwriting, resampling, write, written};
use crate::args::{EvaluateDetections, EvaluateRaters, Scale};
use crate::exit::Exit;
use crate::output::{print, print_json};
use crate::progress::Line;
use crate::table;

/// `wilhelm evaluate raters`
pub(super) fn raters(verb: &EvaluateRaters) -> anyhow::Result<Exit> {
    refuse_overwriting(&verb.out, verb.force)?;
    let columns = RaterColumns {
        raters: verb.raters.clone(),
        scale: verb.scale.map(|scale| match scale {
            Scale::Nominal => RatingScale::Nominal,
            Scale::Ordinal => RatingScale::Ordinal,
            Scale::Interval => RatingScale::Interval,
        }),
        order: verb.order.clone(),
    };
    let mut report = compare_raters(&read_table(&verb.ratings)?, &columns, verb.level)?;
    // A page is passed on: it names files, not the folders of this machine.
    report.file = super::name(&verb.ratings);
    write(&verb.out, &report, &Document::of_raters(&report)?, verb.force)?;
    report.notes.iter().for_each(|note| eprintln!("wilhelm: {note}"));
    if verb.json {
        print_json(&report)?;
    } else {
        let row = |of: &Agreement, who: &str| cells(&format!("{}{who}", of.name), &of.figure);
        let mut rows: Vec<Vec<String>> = report.all.iter().map(|of| row(of, "")).collect();
        for pair in &report.pairs {
            let who = format!(" ({}, {})", pair.first, pair.second);
            rows.extend(pair.figures.iter().map(|of| row(of, &who)));
        }
        let level = format!("{} % interval", report.level * 100.0);
        print(&table::columns(&["figure", "value", &level], &rows))?;
        print(&format!(
            "{} raters of {} cases; {}\n",
            report.raters.len(),
            report.cases,
            written(&verb.out)
        ))?;
    }
    Ok(Exit::Done)
}

/// `wilhelm evaluate detections`
pub(super) fn detections(verb: &EvaluateDetections) -> anyhow::Result<Exit> {
    refuse_overwriting(&verb.out, verb.force)?;
    let settings = DetectionSettings {
        image: verb.image.clone(),
        score: verb.score.clone(),
        distance: verb.distance,
        rates: verb.rates.clone(),
        resampling: resampling(verb.intervals),
    };
    let (candidates, truth) = (read_table(&verb.candidates)?, read_table(&verb.truth)?);
    let images = verb.images.as_deref().map(read_table).transpose()?;
    let line = Line::new("resampling");
    let mut report = meet(&candidates, &truth, images.as_ref(), &settings)?;
    drop(line);
    report.candidates_file = super::name(&verb.candidates);
    report.truth_file = super::name(&verb.truth);
    write(&verb.out, &report, &Document::of_detections(&report)?, verb.force)?;
    report.notes.iter().for_each(|note| eprintln!("wilhelm: {note}"));
    if verb.json {
        print_json(&report)?;
    } else {
        let at = |rate: f64| format!("sensitivity at {rate} false positives an image");
        let rows =
            report.sensitivities.iter().map(|of| cells(&at(of.false_positives_per_image), &of.sensitivity));
        let mut rows: Vec<Vec<String>> = rows.collect();
        rows.push(cells("mean of these", &report.score));
        let level = format!("{} % interval", report.settings.resampling.level * 100.0);
        print(&table::columns(&["figure", "value", &level], &rows))?;
        let (lesions, images) = (report.lesions, report.images);
        print(&format!("{lesions} lesions in {images} images; {}\n", written(&verb.out)))?;
    }
    Ok(Exit::Done)
}
