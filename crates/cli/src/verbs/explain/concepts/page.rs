use std::fmt::Write;

use wilhelm_learn::plots::{IntervalPlot, IntervalRow, interval_plot};
use wilhelm_nets::explain::ConceptScore;

use super::super::page::{escaped, list};
use super::{COLUMNS, WHAT_A_SCORE_IS, cells};

/// What the columns mean.
const LEGEND: [&str; 4] = [
    "told from random: share of images called rightly by a vector that was made without them, 95 % interval; where it is not \
     above a half the layer cannot tell the concept, and there is no score.",
    "score: share of images whose logit rises in the concept's direction, mean over the random sets, 95 % interval.",
    "random sets: the same of random images against random images, which is what no concept gives.",
    "chance: of scores so different from those of random sets, both ways (Welch), raised by Holm's rule for all concepts.",
];

/// The result as a page that loads nothing.
pub fn page(heading: &str, label: &str, found: &[ConceptScore], notes: &[String]) -> anyhow::Result<String> {
    let row = |one: &ConceptScore| IntervalRow {
        name: one.concept.clone(),
        interval: match &one.scores {
            Some(scores) => Ok((scores.mean, scores.interval[0], scores.interval[1])),
            None => Err("cannot be told".to_owned()),
        },
    };
    let mut rows: Vec<IntervalRow> = found.iter().map(row).collect();
    if let Some(first) = found.first() {
        let random = &first.random;
        rows.push(IntervalRow {
            name: "random sets".to_owned(),
            interval: Ok((random.mean, random.interval[0], random.interval[1])),
        });
    }
    let plot = interval_plot(&IntervalPlot {
        what: format!("Concept scores for {label}"),
        label: "share of images whose logit rises".to_owned(),
        rows,
        reference: found.first().map(|one| one.random.mean),
    })?;
    let mut html = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Concepts</title>\n<style>\n\
         body { font: 15px/1.45 sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #111; background: #fff }\n\
         table { border-collapse: collapse; margin: 1.5em 0 }\n\
         th, td { border-bottom: 1px solid #bbb; padding: .3em .7em; text-align: left }\n\
         .must { border: 2px solid #a00; padding: .6em 1em; font-weight: bold }\n</style>\n",
    );
    let _ = writeln!(html, "<h1>{}</h1>", escaped(heading));
    let _ = writeln!(
        html,
        "<p class=\"must\">{} For research. Not a medical device.</p>\n{plot}",
        escaped(WHAT_A_SCORE_IS)
    );
    html.push_str("<table>\n<tr>");
    for name in COLUMNS {
        let _ = write!(html, "<th>{}</th>", escaped(name));
    }
    html.push_str("</tr>\n");
    for one in found {
        html.push_str("<tr>");
        for cell in cells(one) {
            let _ = write!(html, "<td>{}</td>", escaped(&cell));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>\n");
    list(&mut html, "ul", &LEGEND);
    let sentences: Vec<String> = found.iter().map(|one| one.sentence(label)).collect();
    list(&mut html, "ul", &sentences);
    html.push_str("<h2>Notes</h2>\n");
    list(&mut html, "ul", notes);
    html.push_str("</html>\n");
    Ok(html)
}
