use crate::plots::{Axis, Line, LinePlot, Mark, PlotError, SIZE, STYLE, beside, line_plot, png};
use crate::{EpochReport, LearnError};

/// Curves of a run as a page that loads itself anew every five seconds while the run goes on, so that a browser
/// shows it live; nothing is loaded from elsewhere.
///
/// # Errors
/// [`LearnError::Plot`].
pub(crate) fn page(name: &str, history: &[EpochReport], running: bool) -> Result<String, LearnError> {
    let (losses, scores) = plots(history)?;
    let last = history.last().map_or_else(String::new, |last| {
        let score = last.score().map(|(name, value)| format!(", validation {name} {value:.3}"));
        format!(
            "epoch {} of {}: training loss {:.4}, validation loss {:.4}{}",
            last.epoch,
            last.epochs,
            last.training_loss,
            last.validation_loss,
            score.unwrap_or_default()
        )
    });
    let reload = if running { "<meta http-equiv=\"refresh\" content=\"5\">" } else { "" };
    let name = name.replace('&', "&amp;").replace('<', "&lt;");
    Ok(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">{reload}<meta name=\"viewport\" \
         content=\"width=device-width\"><title>{name}: training</title><style>body{{font-family:sans-serif;\
         max-width:52rem;margin:1.5rem auto;padding:0 1rem}}svg{{width:100%;height:auto}}{STYLE}</style></head>\
         <body><h1>{name}</h1><p>{last}</p>{losses}{scores}<p>Research use only.</p></body></html>\n"
    ))
}

/// Pixels for each unit of the curves as a picture.
const SCALE: f32 = 2.0;

/// The same curves side by side as one SVG and as PNG.
///
/// # Errors
/// [`LearnError::Plot`].
pub(crate) fn pictures(history: &[EpochReport]) -> Result<(String, Vec<u8>), LearnError> {
    let (losses, scores) = plots(history)?;
    let svg = beside(&[losses, scores], SIZE);
    let picture = png(&svg, SCALE)?;
    Ok((svg, picture))
}

fn plots(history: &[EpochReport]) -> Result<(String, String), PlotError> {
    let points = |figure: &dyn Fn(&EpochReport) -> f32| -> Vec<(f64, f64)> {
        history.iter().map(|report| (report.epoch as f64, f64::from(figure(report)))).collect()
    };
    let epochs = history.last().map_or(1, |last| last.epochs).max(2) as f64;
    let training = points(&|report| report.training_loss);
    let validation = points(&|report| report.validation_loss);
    let greatest = training.iter().chain(&validation).map(|(_, loss)| *loss).fold(0.1, f64::max);
    let best = validation.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1));
    let marks = best.map(|at| Mark {
        name: format!("least, epoch {}", at.0),
        at,
        across: None,
        along: None,
        line: 1,
    });
    let losses = line_plot(&LinePlot {
        what: "Loss by epoch".to_owned(),
        x: Axis::new("epoch", 1.0, epochs),
        y: Axis::new("loss", 0.0, 1.05 * greatest),
        lines: vec![Line::solid("training", training), Line::solid("validation", validation)],
        marks: marks.into_iter().collect(),
    })?;
    let name = history.last().and_then(EpochReport::score).map_or("accuracy", |(name, _)| name);
    let score = |report: &EpochReport| report.score().map_or(0.0, |(_, value)| value);
    let scores = line_plot(&LinePlot {
        what: format!("Validation {name} by epoch"),
        x: Axis::new("epoch", 1.0, epochs),
        y: Axis::share(name),
        lines: vec![Line::solid("validation", points(&score))],
        marks: Vec::new(),
    })?;
    Ok((losses, scores))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_the_curves_and_reloads_only_while_the_run_goes_on() {
        let report = |epoch: usize| EpochReport {
            epoch,
            epochs: 3,
            learning_rate: 0.1,
            training_loss: 1.0 / epoch as f32,
            validation_loss: 1.5 / epoch as f32,
            validation_accuracy: Some(0.5),
            validation_dice: None,
        };
        let running = page("a<b", &[report(1), report(2)], true).expect("drawn");
        assert!(running.contains("a&lt;b") && running.contains("http-equiv=\"refresh\""));
        assert_eq!(running.matches("<svg ").count(), 2);
        assert!(running.contains("epoch 2 of 3") && running.contains("least, epoch 2"), "{running}");
        assert!(running.contains("validation accuracy 0.500"));
        let of_masks = EpochReport { validation_accuracy: None, validation_dice: Some(0.75), ..report(3) };
        let page_of_masks = page("a", &[of_masks], false).expect("drawn");
        assert!(page_of_masks.contains("validation Dice 0.750"), "{page_of_masks}");
        assert!(!page("a", &[report(3)], false).expect("drawn").contains("refresh"));
        assert!(page("a", &[], true).is_ok());
        let (svg, picture) = pictures(&[report(1), report(2)]).expect("drawn");
        assert!(svg.matches("<svg ").count() == 3 && svg.contains("viewBox=\"0 0 960 400\""), "{svg}");
        // A PNG's header: 1920 columns and 800 rows.
        assert_eq!(picture[..8], *b"\x89PNG\r\n\x1a\n");
        assert_eq!(picture[16..24], [0, 0, 7, 128, 0, 0, 3, 32]);
    }
}
