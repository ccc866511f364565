//! What was explained, as words and as a page.

use std::fmt::Write;

use serde_json::Value;
use wilhelm_nets::explain::SanityScores;

use super::{SCORE_COLUMNS, Shown, score_cells, score_table};

/// What the columns of scores mean.
const LEGEND: [&str; 4] = [
    "rank corr. and SSIM: how like the map stays when the weights of every layer are shuffled; near 0 is good, near 1 \
     means that it shows the image and not what was learned.",
    "deletion: area under the probability while the brightest places go first; below the interval of random orders is \
     good.",
    "insertion: the same while they come first into a blurred image; above the interval of random orders is good.",
    "pointing: whether the greatest value lies in the truth, and how much of the map does.",
];

/// What the scores of the maps warn of.
pub fn remarks(shown: &[Shown]) -> Vec<String> {
    let of = |one: &Shown| {
        let name = one.explanation.method.name();
        let warnings = one.scores.as_ref().map(SanityScores::warnings).unwrap_or_default();
        let mut said: Vec<String> =
            warnings.into_iter().map(|warning| format!("{name}: {warning}.")).collect();
        if let Some(completeness) = &one.explanation.completeness
            && completeness.error.is_some_and(|error| error > 0.05)
        {
            said.push(format!(
                "{name}: the map adds up to {:.3} where the logit rose by {:.3}; more --steps bring them together.",
                completeness.sum, completeness.difference
            ));
        }
        if let Some(share) = one.explanation.elsewhere {
            let percent = 100.0 * share;
            said.push(format!(
                "{name}: {percent:.0} % of the attention went to the summary of the whole image."
            ));
        }
        said
    };
    shown.iter().flat_map(of).collect()
}

/// The result for a terminal.
pub fn text(summary: &Value, shown: &[Shown], notes: &[String]) -> String {
    let mut text = format!("{}\n", heading(summary));
    let _ = writeln!(text, "{}", score_table(shown));
    for line in LEGEND {
        let _ = writeln!(text, "{line}");
    }
    for (title, neighbors) in neighbors(summary) {
        let _ = writeln!(text, "{title}: {}", neighbors.join("; "));
    }
    for note in notes {
        let _ = writeln!(text, "note: {note}");
    }
    text
}

/// The result as a page that loads nothing but the pictures beside it.
pub fn page(summary: &Value, shown: &[Shown], notes: &[String]) -> String {
    let mut html = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>What the model looked at</title>\n<style>\n\
         body { font: 15px/1.45 sans-serif; margin: 2em auto; max-width: 84em; padding: 0 1em; color: #111; background: #fff }\n\
         .maps { display: flex; flex-wrap: wrap; gap: 1.5em }\n\
         figure { margin: 0; width: 22em }\n\
         img { width: 100%; image-rendering: pixelated }\n\
         figcaption { margin-top: .4em }\n\
         table { border-collapse: collapse; margin: 1.5em 0 }\n\
         th, td { border-bottom: 1px solid #bbb; padding: .3em .7em; text-align: left }\n\
         .must { border: 2px solid #a00; padding: .6em 1em; font-weight: bold }\n</style>\n",
    );
    let _ = writeln!(html, "<h1>{}</h1>", escaped(&heading(summary)));
    let _ = writeln!(
        html,
        "<p class=\"must\">{} For research. Not a medical device.</p>",
        escaped(super::WHAT_A_MAP_IS)
    );
    html.push_str("<div class=\"maps\">\n");
    html.push_str(
        "<figure><img src=\"image.png\" alt=\"The image\"><figcaption><b>The image</b>, as the maps are drawn on \
         it.</figcaption></figure>\n",
    );
    for one in shown {
        let method = one.explanation.method;
        let _ = writeln!(
            html,
            "<figure><img src=\"overlay-{0}.png\" alt=\"{1}\"><figcaption><b>{1}</b> ({2}). A bright place says: {3}.\
             </figcaption></figure>",
            method.key(),
            escaped(method.name()),
            escaped(&super::grid_words(&one.explanation)),
            escaped(method.says())
        );
        if one.explanation.map.size()[2] > 1 {
            let numbers: Vec<String> = one.sheet.iter().map(|at| (at + 1).to_string()).collect();
            let _ = writeln!(
                html,
                "<figure><img src=\"slices-{0}.png\" alt=\"{1} on several slices\"><figcaption>{1} on slices {2}, in \
                 rows; the picture beside it is slice {3}, where it is greatest.</figcaption></figure>",
                method.key(),
                escaped(method.name()),
                numbers.join(", "),
                one.peak[2] + 1
            );
        }
    }
    html.push_str("</div>\n<p>The bar beside each map: 1 is the greatest value of this map (the brightest half percent \
         counts as one), 0 is nothing, or what lowered the number. Maps of different methods have different units.</p>\n");
    html.push_str("<table>\n<tr>");
    for name in SCORE_COLUMNS {
        let _ = write!(html, "<th>{}</th>", escaped(name));
    }
    html.push_str("</tr>\n");
    for one in shown {
        html.push_str("<tr>");
        for cell in score_cells(one) {
            let _ = write!(html, "<td>{}</td>", escaped(&cell));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>\n");
    list(&mut html, "ul", &LEGEND);
    for (title, neighbors) in neighbors(summary) {
        let _ = writeln!(html, "<h2>{}</h2>", escaped(&title));
        list(&mut html, "ol", &neighbors);
    }
    html.push_str("<h2>Notes</h2>\n");
    list(&mut html, "ul", notes);
    html.push_str("</html>\n");
    html
}

pub(super) fn list<T: AsRef<str>>(html: &mut String, tag: &str, lines: &[T]) {
    let _ = writeln!(html, "<{tag}>");
    for line in lines {
        let _ = writeln!(html, "<li>{}</li>", escaped(line.as_ref()));
    }
    let _ = writeln!(html, "</{tag}>");
}

fn heading(summary: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let label = text(&summary["label"]);
    let probability = summary["probabilities"][&label].as_f64().unwrap_or_default();
    format!(
        "{}: what raised the number of model {} for {} (estimated probability {:.0} %)",
        text(&summary["image"]),
        text(&summary["model"]["name"]),
        text(&summary["label_name"]),
        100.0 * probability
    )
}

/// The similar cases with their titles, where they were asked for.
fn neighbors(summary: &Value) -> Vec<(String, Vec<String>)> {
    let similar = &summary["similar_cases"];
    let label = similar["label"].as_str().unwrap_or_default();
    let list = |key: &str| -> Vec<String> {
        let all = similar[key].as_array().map(Vec::as_slice).unwrap_or_default();
        let said = |one: &Value| {
            let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
            format!(
                "{} ({}, distance {:.4})",
                text("name"),
                text("label"),
                one["distance"].as_f64().unwrap_or(0.0)
            )
        };
        all.iter().map(said).collect()
    };
    if similar.is_null() {
        return Vec::new();
    }
    vec![
        (format!("Nearest cases with the label {label}"), list("alike")),
        ("Nearest cases with another label".to_owned(), list("otherwise")),
    ]
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_become_markup() {
        assert_eq!(escaped("<b>\"a\" & b"), "&lt;b&gt;&quot;a&quot; &amp; b");
        let summary = serde_json::json!({ "image": "<script>", "label": "x", "model": { "name": "m" } });
        let html = page(&summary, &[], &["<i>".to_owned()]);
        assert!(!html.contains("<script") && !html.contains("<i>"), "{html}");
    }
}
