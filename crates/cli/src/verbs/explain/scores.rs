//! `wilhelm explain scores`

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;
use wilhelm_nets::explain::{
    CaseScores, CasesSummary, Method, Pointing, PointingGame, middle_map, pointed, pointing,
};
use wilhelm_nets::{Interval, Model};

use super::data::{self, Labeled, stem};
use super::{mask, methods, with_layer};
use crate::args;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, write_folder};
use crate::progress::Line;
use crate::{shelf, table};

/// Endings that a mask may have.
const ENDINGS: [&str; 7] = ["png", "nii.gz", "nii", "nrrd", "mha", "tif", "dcm"];
/// What every output says.
const NOTES: [&str; 3] = [
    "A map shows what raised a number, not what causes disease.",
    "Inputs with holes are no images: deletion and insertion ask the network about pictures it never saw.",
    "A map that points into a lesion says that the network looked there, not that it was right.",
];

/// A method with what its maps are worth.
#[derive(Serialize)]
struct OfMethod {
    method: Method,
    #[serde(flatten)]
    summary: CasesSummary,
}

/// `wilhelm explain scores`
pub fn run(verb: &args::CaseScores, config: &Config) -> anyhow::Result<Exit> {
    let report = verb.out.join("scores.json");
    if !verb.force && report.exists() {
        return Err(Stop::usage(format!("{} is already there: add --force to replace it", report.display())));
    }
    let model = shelf::open(verb.models.as_deref(), config)?.get(&verb.model)?.load()?;
    let card = model.card();
    if let Some(label) = &verb.label
        && !card.labels.iter().any(|known| known.key == *label)
    {
        let known: Vec<&str> = card.labels.iter().map(|label| label.key.as_str()).collect();
        return Err(Stop::usage(format!(
            "--label {label}: model {} has the labels {}",
            card.name,
            known.join(", ")
        )));
    }
    let settings = with_layer(model.explain_settings(verb.seed), verb.layer, &model)?;
    let methods = methods(&verb.method, &model)?;
    let suffix = verb.masks.as_ref().map(|_| verb.suffix.as_str());
    let mut set = data::load_but(&verb.data, suffix, card, config)?;
    let line = Line::new("scoring");
    let mut scores: Vec<Vec<CaseScores>> = vec![Vec::new(); methods.len()];
    let mut by_middle: Vec<Pointing> = Vec::new();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut without = 0;
    for (done, image) in set.images.iter().enumerate() {
        line.at(done, set.images.len());
        let label = verb.label.as_deref().unwrap_or(&card.labels[image.label].key);
        let place = verb.masks.as_ref().and_then(|masks| mask_of(masks, &verb.suffix, &image.name));
        let inside = match &place {
            Some(path) => match mask(path, image.size, config) {
                // Nothing to point at: a healthy image.
                Ok(inside) => inside.contains(&true).then_some(inside),
                Err(error) => {
                    set.left_out.push((image.name.clone(), error.to_string()));
                    continue;
                }
            },
            None => None,
        };
        without += usize::from(inside.is_none());
        if let Some(inside) = &inside {
            by_middle.push(pointing(&middle_map(image.size)?, inside, image.size, verb.tolerance)?);
        }
        let random = model.random_orders(&image.prepared, label, &settings)?;
        for (method, scores) in methods.iter().zip(&mut scores) {
            let explanation = model.attribution(&image.prepared, label, *method, &settings)?;
            let faithfulness = model.faithfulness(&image.prepared, &explanation, &random, &settings)?;
            let native = match &inside {
                Some(_) => Some(explanation.map.onto(explanation.placement(image.size[2]), image.size)?),
                None => None,
            };
            let pointing = match (&native, &inside) {
                (Some(map), Some(inside)) => Some(pointing(map, inside, image.size, verb.tolerance)?),
                _ => None,
            };
            let one = CaseScores { faithfulness, pointing };
            rows.push(cells(image, label, *method, &one));
            scores.push(one);
        }
    }
    drop(line);
    if scores.first().is_none_or(Vec::is_empty) {
        let (name, why) = set.left_out.first().cloned().unwrap_or_default();
        return Err(Stop::input(format!("no case could be scored; {name}: {why}")));
    }
    let found: Vec<OfMethod> = methods
        .iter()
        .zip(&scores)
        .map(|(method, cases)| {
            let summary = CasesSummary::new(cases, verb.replicates, verb.seed)?;
            Ok(OfMethod { method: *method, summary })
        })
        .collect::<anyhow::Result<_>>()?;
    let (middle, middle_inside) = pointed(&by_middle, verb.replicates, verb.seed)?;
    let mut notes: Vec<String> = NOTES.map(str::to_owned).to_vec();
    if verb.masks.is_some() && without > 0 {
        notes.push(format!(
            "{without} images have no mask or an empty one, and count in deletion and insertion alone"
        ));
    }
    if verb.data.only.is_none() {
        notes.push("the images may be among those that the model was trained on".to_owned());
    }
    let summary = json!({
        "schema": 1,
        "model": { "name": card.name, "version": card.version, "weights_sha256": card.weights_sha256 },
        "data": verb.data.data.file_name().unwrap_or_default().to_string_lossy(),
        "label": verb.label,
        "seed": verb.seed,
        "replicates": verb.replicates,
        "tolerance_pixels": verb.tolerance,
        "layer": settings.layer,
        "methods": found,
        "middle_of_the_image": middle.map(|game| json!({ "pointing": game, "inside": middle_inside })),
        "left_out": set.left_out.iter().map(|(name, why)| json!({ "image": name, "reason": why })).collect::<Vec<_>>(),
        "notes": notes,
        "research_use_only": true,
    });
    let (header, lines) = lines(&found, middle.as_ref(), middle_inside.as_ref());
    let text = table::columns(&header, &lines);
    let page = markdown(&model, &header, &lines, &notes);
    let csv = table::csv(&CELLS, &rows);
    let json_text = format!("{}\n", serde_json::to_string_pretty(&summary)?);
    let files = [
        ("scores.json", json_text.as_bytes()),
        ("scores.csv", csv.as_bytes()),
        ("scores.md", page.as_bytes()),
    ];
    write_folder(&verb.out, &files, verb.force)?;
    if verb.json {
        print_json(&summary)?;
    } else {
        print(&text)?;
        for note in &notes {
            print(&format!("note: {note}\n"))?;
        }
        print(&format!("in {}: scores.json, scores.csv, scores.md\n", verb.out.display()))?;
    }
    for (name, why) in &set.left_out {
        eprintln!("wilhelm: {name} was left out: {why}");
    }
    Ok(if set.left_out.is_empty() { Exit::Done } else { Exit::Defects })
}

/// The mask of an image: of the same place below the folder of masks, with the suffix behind its name.
fn mask_of(masks: &Path, suffix: &str, name: &str) -> Option<PathBuf> {
    let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
    let beside = masks.join(folder);
    ENDINGS
        .iter()
        .map(|ending| beside.join(format!("{}{suffix}.{ending}", stem(file))))
        .find(|path| path.is_file())
}

/// Names of the columns of [`cells`].
const CELLS: [&str; 10] = [
    "image",
    "label",
    "method",
    "deletion",
    "deletion_random",
    "insertion",
    "insertion_random",
    "hit",
    "inside",
    "truth_share",
];

fn cells(image: &Labeled, label: &str, method: Method, one: &CaseScores) -> Vec<String> {
    let number = |value: f64| format!("{value:.6}");
    let CaseScores { faithfulness, pointing } = one;
    let areas = [
        faithfulness.deletion.area,
        faithfulness.deletion_random.mean,
        faithfulness.insertion.area,
        faithfulness.insertion_random.mean,
    ];
    let mut cells = vec![image.name.clone(), label.to_owned(), method.key().to_owned()];
    cells.extend(areas.map(number));
    match pointing {
        Some(found) => cells.extend([
            u8::from(found.hit).to_string(),
            found.inside.map_or_else(String::new, number),
            number(found.truth_share),
        ]),
        None => cells.extend([String::new(), String::new(), String::new()]),
    }
    cells
}

fn interval(found: &Interval) -> String {
    format!("{:.3} ({:.3} to {:.3})", found.estimate, found.low, found.high)
}

fn signed(found: &Interval) -> String {
    format!("{:+.3} ({:+.3} to {:+.3})", found.estimate, found.low, found.high)
}

fn game(found: &PointingGame) -> String {
    let PointingGame { hits, cases, share, low, high, .. } = found;
    format!("{share:.3} ({low:.3} to {high:.3}), {hits} of {cases}")
}

/// A line a method, and one of what no network made where there are masks.
fn lines(
    found: &[OfMethod],
    middle: Option<&PointingGame>,
    middle_inside: Option<&Interval>,
) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let mut header = vec!["map", "deletion", "less random", "better", "insertion", "less random", "better"];
    if middle.is_some() {
        header.extend(["points into the truth", "by chance", "share inside"]);
    }
    let mut lines: Vec<Vec<String>> = Vec::new();
    for OfMethod { method, summary } in found {
        let mut line = vec![method.name().to_owned()];
        for order in [&summary.deletion, &summary.insertion] {
            let better = format!("{} of {}", order.better.hits, summary.cases);
            line.extend([interval(&order.area), signed(&order.less_random), better]);
        }
        if let Some(played) = &summary.pointing {
            let inside = summary.inside.as_ref().map_or_else(|| "-".to_owned(), interval);
            line.extend([game(played), format!("{:.3}", played.by_chance), inside]);
        }
        lines.push(line);
    }
    if let Some(middle) = middle {
        let mut line = vec!["to compare: the middle of the image".to_owned()];
        line.extend(std::iter::repeat_n("-".to_owned(), 6));
        let inside = middle_inside.map_or_else(|| "-".to_owned(), interval);
        line.extend([game(middle), format!("{:.3}", middle.by_chance), inside]);
        lines.push(line);
    }
    (header, lines)
}

fn markdown(model: &Model, header: &[&str], lines: &[Vec<String>], notes: &[String]) -> String {
    let card = model.card();
    let mut text = format!("# What the maps of model {} {} are worth\n\n", card.name, card.version);
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    text += &row(&header.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    text += &format!("|{}\n", "---|".repeat(header.len()));
    lines.iter().for_each(|line| text += &row(line));
    text += "\nDeletion is good below that of random orders, insertion above it; better: cases beyond the middle 95 % of \
             random orders. Intervals hold 95 %.\n\n";
    notes.iter().for_each(|note| text += &format!("- {note}\n"));
    text + "\nFor research. Not a medical device.\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_found_by_the_name_of_its_image_whatever_its_form() {
        let place = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(place.path().join("benign")).expect("made");
        std::fs::write(place.path().join("benign/a (1)_mask.nii.gz"), "x").expect("written");
        let found = mask_of(place.path(), "_mask", "benign/a (1).nii.gz");
        assert_eq!(found, Some(place.path().join("benign/a (1)_mask.nii.gz")));
        assert_eq!(mask_of(place.path(), "_mask", "benign/b.png"), None);
    }
}
