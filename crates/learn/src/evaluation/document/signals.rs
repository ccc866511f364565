use super::{Block, Document, DocumentTable, Plot, Section, number};
use crate::evaluation::signals::{Signal, SignalReport};
use crate::plots::{IntervalPlot, IntervalRow, PlotError, interval_plot};
use wilhelm_stats::disproportionality::SignalRatio;

/// Pairs that a page shows; the table beside it has all.
const SHOWN: usize = 50;
/// Pairs of the plot.
const DRAWN: usize = 20;

pub(super) fn report(report: &SignalReport) -> Result<Document, PlotError> {
    let mut lead = vec![
        format!(
            "{} cases with {} drugs and {} events: {} pairs, of which {} have at least {} cases. {} rows; {} said what \
             another row of the case had said, {} belonged to replaced versions; {} cases look like copies of another.",
            report.cases,
            report.drugs,
            report.events,
            report.pairs,
            report.signals.len(),
            report.settings.least,
            report.rows,
            report.repeated_rows,
            report.replaced_rows,
            report.suspected_duplicates
        ),
        "Spontaneous reports have no denominator: nobody knows how many took a drug. A ratio here is a reason to look at \
         the cases, never a risk, and a drug that is much talked about is reported more."
            .to_owned(),
    ];
    lead.extend(report.notes.iter().cloned());
    let mut sections = Vec::new();
    let mut blocks = Vec::new();
    if let Some(plot) = forest(report)? {
        blocks.push(Block::Plots(vec![plot]));
    }
    let header =
        ["drug", "event", "cases", "expected", "EBGM (EB05 to EB95)", "PRR", "ROR", "IC", "rules met"];
    let rows = report.signals.iter().take(SHOWN).map(row);
    blocks.push(Block::Table(DocumentTable::new(&header, rows.collect())));
    if report.signals.len() > SHOWN {
        blocks.push(Block::Text(format!("The first {SHOWN} of {} pairs.", report.signals.len())));
    }
    blocks.push(Block::Text(
        "Rules of thumb: PRR of 2 with a chi squared of 4 and three cases; the lower end of ROR above 1 with three cases; \
         the lower end of IC above 0; EB05 of 2. No p is corrected for the number of pairs."
            .to_owned(),
    ));
    sections.push(Section { title: "Pairs".to_owned(), blocks });
    let words = report.signals.iter().take(DRAWN).map(|signal| Block::Text(signal.words.clone())).collect();
    sections.push(Section {
        title: "In words".to_owned(),
        blocks: vec![Block::Folded { title: format!("The first {DRAWN} pairs"), open: false, blocks: words }],
    });
    if let Some(fit) = &report.fit {
        let prior = fit.prior;
        let text = format!(
            "EBGM's prior: a share of {} like gamma({}, {}), the others like gamma({}, {}); {} of {} searches agree, and the \
             best {}. Fitted on {} points that stand for {} pairs.",
            number(prior.share),
            number(prior.alpha1),
            number(prior.beta1),
            number(prior.alpha2),
            number(prior.beta2),
            fit.agreeing,
            fit.starts.len(),
            if fit.converged { "converged" } else { "did not converge" },
            report.points,
            report.pairs
        );
        sections.push(Section { title: "Prior".to_owned(), blocks: vec![Block::Text(text)] });
    }
    Ok(Document { title: format!("Signals in {}", report.file), lead, sections })
}

fn row(signal: &Signal) -> Vec<String> {
    let ratio = |ratio: &SignalRatio| match ratio {
        SignalRatio::Defined(ratio) => {
            format!("{} ({} to {})", number(ratio.value), number(ratio.low), number(ratio.high))
        }
        SignalRatio::Undefined { value: Some(value), .. } => format!("{} (no interval)", number(*value)),
        SignalRatio::Undefined { value: None, .. } => "no value".to_owned(),
    };
    let score = &signal.score;
    let information = score.information;
    let shrunken = score.shrunken.map_or("none".to_owned(), |ratio| {
        format!("{} ({} to {})", number(ratio.ebgm), number(ratio.low), number(ratio.high))
    });
    vec![
        signal.drug.clone(),
        signal.event.clone(),
        score.counts.both.to_string(),
        number(score.expected),
        shrunken,
        ratio(&score.prr),
        ratio(&score.ror),
        format!(
            "{} ({} to {})",
            number(information.value),
            number(information.low),
            number(information.high)
        ),
        signal.met.count().to_string(),
    ]
}

/// The first pairs with their intervals: of EBGM, or of the information component without a prior.
pub(super) fn forest(report: &SignalReport) -> Result<Option<Plot>, PlotError> {
    if report.signals.is_empty() {
        return Ok(None);
    }
    let has_prior = report.fit.is_some();
    let row = |signal: &Signal| IntervalRow {
        name: format!("{} / {}", short(&signal.drug), short(&signal.event)),
        interval: match signal.score.shrunken {
            Some(ratio) => Ok((ratio.ebgm.log2(), ratio.low.log2(), ratio.high.log2())),
            None => {
                let information = signal.score.information;
                Ok((information.value, information.low, information.high))
            }
        },
    };
    let (what, label) = if has_prior {
        ("EBGM of the first pairs, 5th to 95th percentile", "EBGM, powers of 2")
    } else {
        ("Information component of the first pairs", "information component")
    };
    let svg = interval_plot(&IntervalPlot {
        what: what.to_owned(),
        label: label.to_owned(),
        rows: report.signals.iter().take(DRAWN).map(row).collect(),
        reference: Some(0.0),
    })?;
    Ok(Some(Plot { caption: format!("{what}. 0 is as expected, 1 twice as many."), svg }))
}

/// A name that leaves room for another beside it.
fn short(name: &str) -> String {
    const ROOM: usize = 10;
    if name.chars().count() <= ROOM {
        return name.to_owned();
    }
    let kept: String = name.chars().take(ROOM - 1).collect();
    format!("{}\u{2026}", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_leave_room_for_each_other() {
        assert_eq!(
            (short("REUMOFAN PLUS"), short("RASH")),
            ("REUMOFAN\u{2026}".to_owned(), "RASH".to_owned())
        );
    }
}
