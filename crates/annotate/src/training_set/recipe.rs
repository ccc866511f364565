//! Tables and recipes of a training set.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::picture::{code_of, value_of};
use super::source::plain;
use super::{About, Confirmed, Facts, Row, TrainingSet};
use crate::{Choice, Question, Structure};

/// A text as TOML quotes it: as JSON does, where no character is a control one.
fn text(text: &str) -> String {
    serde_json::Value::String(plain(text)).to_string()
}

fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    format!("[{}]", texts.into_iter().map(text).collect::<Vec<_>>().join(", "))
}

/// Files, and what there is to say of them.
pub(super) fn files(set: &TrainingSet<'_>, about: &About) -> (Vec<(String, String)>, Vec<String>) {
    match set.question {
        Question::Labels { labels, multiple: false } => one_of(set, about, labels),
        Question::Labels { labels, .. } => each_of(set, about, labels),
        Question::Outline { structures } => outlines(set, about, structures),
    }
}

/// The images without labels.
pub(super) fn items(rows: &[Row]) -> String {
    let lines = rows.iter().map(|row| format!("{},{},{}\n", row.file, row.item, row.patient));
    format!("file,item,patient\n{}", lines.collect::<String>())
}

fn decided(row: &Row) -> &'static str {
    row.confirmed.map_or("", Confirmed::name)
}

fn table(rows: &[Row], column: &str, cell: impl Fn(&Row) -> String) -> String {
    let mut out = format!("file,{column},patient,item,confirmed\n");
    for row in rows {
        let _ = writeln!(out, "{},{},{},{},{}", row.file, cell(row), row.patient, row.item, decided(row));
    }
    out
}

fn one_of(set: &TrainingSet<'_>, about: &About, labels: &[Choice]) -> (Vec<(String, String)>, Vec<String>) {
    let of = |row: &Row| row.labels.first().cloned().unwrap_or_default();
    let mut files = vec![("labels.csv".to_owned(), table(&set.rows, "class", of))];
    let there: BTreeSet<&str> =
        set.rows.iter().filter_map(|row| Some(row.labels.first()?.as_str())).collect();
    let used: Vec<Choice> =
        labels.iter().filter(|label| there.contains(label.key.as_str())).cloned().collect();
    let mut notes = Vec::new();
    let absent: Vec<&str> =
        labels.iter().map(|label| label.key.as_str()).filter(|key| !there.contains(key)).collect();
    if !absent.is_empty() {
        notes.push(format!("No image has the label {}: the recipe leaves it out", absent.join(", ")));
    }
    if used.len() < 2 {
        notes.push("A classifier wants images of two labels at least: there is no recipe".to_owned());
    } else {
        let recipe = classifier(set, about, &about.title, "labels.csv", &used);
        files.push(("recipe.toml".to_owned(), recipe));
    }
    (files, notes)
}

/// A recipe for each label, absent or present.
fn each_of(set: &TrainingSet<'_>, about: &About, labels: &[Choice]) -> (Vec<(String, String)>, Vec<String>) {
    let keys: Vec<&str> = labels.iter().map(|label| label.key.as_str()).collect();
    let has = |row: &Row, key: &str| row.labels.iter().any(|one| one == key);
    let cells = |row: &Row| {
        keys.iter().map(|key| if has(row, key) { "1" } else { "0" }).collect::<Vec<_>>().join(",")
    };
    let mut files = vec![("labels.csv".to_owned(), table(&set.rows, &keys.join(","), cells))];
    let mut notes = vec![
        "One recipe a label: `wilhelm train classifier` tells classes apart of which one holds".to_owned(),
    ];
    for label in labels {
        let count = set.rows.iter().filter(|row| has(row, &label.key)).count();
        if count == 0 || count == set.rows.len() {
            notes.push(format!(
                "{} holds of {count} of {} images: it has no recipe",
                label.key,
                set.rows.len()
            ));
            continue;
        }
        let name = format!("labels-{}.csv", label.key);
        let class = |row: &Row| if has(row, &label.key) { "present" } else { "absent" }.to_owned();
        files.push((name.clone(), table(&set.rows, "class", class)));
        let absent =
            Choice { key: "absent".to_owned(), name: format!("no {}", label.name), normal: !label.normal };
        let present = Choice { key: "present".to_owned(), name: label.name.clone(), normal: label.normal };
        let title = format!("{}: {}", about.title, label.name);
        files.push((
            format!("recipe-{}.toml", label.key),
            classifier(set, about, &title, &name, &[absent, present]),
        ));
    }
    (files, notes)
}

fn outlines(
    set: &TrainingSet<'_>,
    about: &About,
    structures: &[Structure],
) -> (Vec<(String, String)>, Vec<String>) {
    let mask = |row: &Row| row.mask.clone().unwrap_or_default();
    let mut notes = Vec::new();
    if set.facts.mixed_units {
        notes.push("Some volumes are in Hounsfield units and some are not: train on one kind".to_owned());
    }
    let files = vec![
        ("masks.csv".to_owned(), table(&set.rows, "mask", mask)),
        ("recipe.toml".to_owned(), segmenter(set, about, structures)),
    ];
    (files, notes)
}

/// What a model may be called: the title's letters and digits, with hyphens between.
fn name_of(title: &str) -> String {
    let spaced: String = title
        .to_lowercase()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { ' ' })
        .collect();
    let name = spaced.split_whitespace().collect::<Vec<_>>().join("-");
    let name: String = name.chars().take(48).collect();
    if name.is_empty() { "annotated".to_owned() } else { name.trim_matches('-').to_owned() }
}

fn head(set: &TrainingSet<'_>, about: &About, title: &str) -> String {
    let words =
        format!("{} images of {} annotated by {}", set.rows.len(), plain(&about.title), about.truth());
    format!(
        "# Written from annotations, see SOURCE.md: a beginning. Sizes and passes are for a first try.\n\
         name = {}\nversion = \"0.1.0\"\ntitle = {}\nlicense = \"not stated\"\n\
         must_not = [\"It must not be used to treat or to rule out disease in a person.\"]\nseed = 1\n\
         validation_share = 0.2\nduplicates_above = 0.98\ndata_words = {}\ndata_license = \"not stated\"\n\
         citation = \"none\"\n",
        text(&name_of(title)),
        text(title),
        text(&words)
    )
}

fn input(facts: &Facts, is_volume: bool, is_classifier: bool) -> String {
    let quantity = if is_volume && facts.hounsfield { "hounsfield" } else { "arbitrary" };
    let words =
        if is_volume { "a volume as in the training data" } else { "a picture as in the training data" };
    let mut out = format!(
        "\n[input]\nmodalities = {}\nquantity = \"{quantity}\"\nwords = \"{words}\"\npopulation = \"those of the archive that were annotated\"\n",
        list(facts.modalities.iter().map(String::as_str))
    );
    if is_classifier {
        let aspect = (facts.aspect * 10.0).ceil() / 10.0;
        let _ = write!(
            out,
            "body_parts = {}\nleast_side = {}\ngreatest_aspect = {aspect:?}\ncolor = {}\n",
            list(facts.body_parts.iter().map(String::as_str)),
            facts.least_side,
            facts.color
        );
    }
    out
}

fn classifier(set: &TrainingSet<'_>, about: &About, title: &str, table: &str, labels: &[Choice]) -> String {
    let is_volume = set.is_volume == Some(true);
    let facts = &set.facts;
    let mut out = head(set, about, title);
    out.push_str("mirror = false\nfit = \"stretch\"\n");
    let keys = list(labels.iter().map(|label| label.key.as_str()));
    let _ = write!(
        out,
        "\n[data]\nkind = \"table\"\ntable = {}\nclasses = {keys}\npatient = \"patient\"\n",
        text(table)
    );
    out.push_str(&input(facts, is_volume, true));
    if is_volume {
        // A network takes volumes of up to four times its slices.
        let most = facts.sizes.iter().map(|size| size[2]).max().unwrap_or(1);
        let slices = most.div_ceil(4).clamp(28, 256);
        let _ = write!(
            out,
            "\n[architecture]\nwidths = [16, 32, 64]\nstem_stride = 2\nside = 48\nslices = {slices}\nvolumetric = true\n\
             features = 128\nmodel_width = 64\nheads = 4\nencoder_layers = 1\ndecoder_layers = 1\nlabels = {}\n",
            labels.len()
        );
    } else {
        let side = if facts.least_side >= 64 { 64 } else { 28 };
        let _ = write!(
            out,
            "\n[architecture]\nwidths = [16, 32, 64]\nstem_stride = {}\nside = {side}\nfeatures = 256\nmodel_width = 64\n\
             heads = 4\nencoder_layers = 1\ndecoder_layers = 1\nlabels = {}\n",
            if side == 64 { 2 } else { 1 },
            labels.len()
        );
    }
    for label in labels {
        let _ = write!(out, "\n[[labels]]\nkey = {}\nname = {}\n", text(&label.key), text(&label.name));
        if label.normal {
            out.push_str("normal = true\n");
        }
    }
    let batch = set.rows.len().div_ceil(4).clamp(2, 32);
    out.push_str(&variation(0.1));
    let _ = write!(
        out,
        "\n[optimization]\nepochs = 30\nwarm_up_epochs = 2\nbatch = {batch}\nlearning_rate = 0.001\nweight_decay = 0.05\n\
         clip_norm = 1.0\nlabel_smoothing = 0.05\nclass_balance = 0.5\n"
    );
    out
}

/// How images are varied: never mirrored, as sides may have a meaning.
fn variation(erase: f64) -> String {
    format!(
        "\n[augmentation]\nmirror = false\nrotation_degrees = 8.0\nscale = 0.1\nshift = 0.05\ncontrast = 0.2\n\
         brightness = 0.05\nlog_gamma = 0.2\nnoise = 0.02\nerase = {erase:?}\nmix = 0.0\n"
    )
}

fn segmenter(set: &TrainingSet<'_>, about: &About, structures: &[Structure]) -> String {
    let is_volume = set.is_volume == Some(true);
    let facts = &set.facts;
    let mut out = head(set, about, &about.title);
    let tolerance = if is_volume { 2.0 } else { 1.0 };
    let _ = write!(
        out,
        "widths = [8, 16, 32, 64]\ntolerance = {tolerance:?}\ntruth = {}\n\n[data]\nkind = \"table\"\ntable = \"masks.csv\"\npatient = \"patient\"\n",
        text(&about.truth())
    );
    out.push_str(&input(facts, is_volume, false));
    if is_volume {
        let least = |axis: usize| facts.sizes.iter().map(|size| size[axis]).min().unwrap_or(8);
        // Sides that four stages halve three times.
        let side = |count: usize, most: usize| (count / 8 * 8).clamp(8, most);
        let spacing = middle(&facts.spacings);
        let _ = write!(
            out,
            "\n[grid]\nwindow = [{}, {}, {}]\nspacing = [{:?}, {:?}, {:?}]\n",
            side(least(2), 32),
            side(least(1), 64),
            side(least(0), 64),
            spacing[0],
            spacing[1],
            spacing[2]
        );
    } else {
        out.push_str("\n[grid]\nwindow = [1, 64, 64]\n");
    }
    for (place, structure) in structures.iter().enumerate() {
        let code = code_of(structure);
        let _ = write!(
            out,
            "\n[[segments]]\nvalue = {}\nname = {}\ncode = {{ value = {}, scheme = {}, meaning = {} }}\nabnormal = {}\n",
            value_of(place, structures.len(), is_volume),
            text(&structure.name),
            text(&code.value),
            text(&code.scheme),
            text(&code.meaning),
            structure.abnormal
        );
    }
    let batch = if is_volume { 2 } else { set.rows.len().div_ceil(4).clamp(2, 16) };
    out.push_str(&variation(0.0));
    let _ = write!(
        out,
        "\n[optimization]\nepochs = 30\nwarm_up_epochs = 2\nbatch = {batch}\nlearning_rate = 0.002\nweight_decay = 0.01\n\
         clip_norm = 1.0\nloss = {{ output = \"softmax\", dice = 1.0, entropy = 1.0, over_batch = true }}\n\
         label_smoothing = 0.0\nclass_balance = 0.0\n"
    );
    out
}

/// The middle spacing along each axis, mm.
fn middle(spacings: &[[f64; 3]]) -> [f64; 3] {
    std::array::from_fn(|axis| {
        let mut values: Vec<f64> = spacings.iter().map(|spacing| spacing[axis]).collect();
        values.sort_unstable_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(1.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_called_by_letters_digits_and_hyphens() {
        for (title, expected) in [
            ("Breast lesions, round 2", "breast-lesions-round-2"),
            ("../../etc", "etc"),
            ("乳腺", "annotated"),
            ("", "annotated"),
        ] {
            assert_eq!(name_of(title), expected);
        }
        assert_eq!(text("a \"b\"\nc"), "\"a \\\"b\\\" c\"");
    }
}
