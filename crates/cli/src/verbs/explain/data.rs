//! Labeled images on a model's grid.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use wilhelm_filters::Prepared;
use wilhelm_formats::{Silent, read_npz};
use wilhelm_nets::Card;
use wilhelm_pipeline::{Candidate, prepared, refusal};

use crate::args::LabeledData;
use crate::config::Config;
use crate::exit::Stop;
use crate::output::read_text;
use crate::progress::Line;
use crate::verbs::predict::{flat_candidates, volume_candidates};

/// A labeled image or volume on the network's grid.
pub struct Labeled {
    /// The file's place below the folder, or `file.npz#index`.
    pub name: String,
    /// Index of its label on the card.
    pub label: usize,
    /// Columns, rows and slices of the image itself.
    pub size: [usize; 3],
    /// The network's input.
    pub prepared: Prepared,
}

/// Labeled images, and what was left out: the name and why.
pub struct LabeledSet {
    pub images: Vec<Labeled>,
    pub left_out: Vec<(String, String)>,
}

/// Reads what a command line names.
pub fn load(data: &LabeledData, card: &Card, config: &Config) -> anyhow::Result<LabeledSet> {
    load_but(data, None, card, config)
}

/// The same, passing over files of folders whose names end so before their extension: masks beside their images.
pub fn load_but(
    data: &LabeledData,
    suffix: Option<&str>,
    card: &Card,
    config: &Config,
) -> anyhow::Result<LabeledSet> {
    if data.limit == Some(0) {
        return Err(Stop::usage("--limit is 0, expected at least 1"));
    }
    let mut set = LabeledSet { images: Vec::new(), left_out: Vec::new() };
    let only = data.only.as_deref().map(Listed::read).transpose()?;
    let is_npz = data.data.extension().is_some_and(|end| end.eq_ignore_ascii_case("npz"));
    if is_npz {
        from_npz(data, only.as_ref(), card, config, &mut set)?;
    } else {
        from_folder(data, suffix, only.as_ref(), card, config, &mut set)?;
    }
    if let Some(only) = &only {
        only.check(&set)?;
    }
    if set.images.is_empty() {
        let why = set.left_out.first().map(|(name, why)| format!("; {name}: {why}")).unwrap_or_default();
        return Err(Stop::input(format!("no labeled image was found in {}{why}", data.data.display())));
    }
    Ok(set)
}

/// Reads all images of a folder and of the folders in it, whatever they are called; hidden files are passed over. They have
/// no labels: each counts as of the card's first.
pub fn unlabeled(
    folder: &Path,
    limit: Option<usize>,
    card: &Card,
    config: &Config,
) -> anyhow::Result<LabeledSet> {
    if limit == Some(0) {
        return Err(Stop::usage("--limit is 0, expected at least 1"));
    }
    let mut names = Vec::new();
    below(folder, folder, &mut names)?;
    let files = limited(names.into_iter().map(|name| (name, 0)).collect(), limit, 1);
    let mut set = LabeledSet { images: Vec::new(), left_out: Vec::new() };
    read_files(folder, &files, card, config, &mut set)?;
    if set.images.is_empty() {
        let why = set.left_out.first().map(|(name, why)| format!("; {name}: {why}")).unwrap_or_default();
        return Err(Stop::input(format!("no image was found in {}{why}", folder.display())));
    }
    Ok(set)
}

/// The files of a folder and of the folders in it, by their place below `root`, in the order of their names.
fn below(root: &Path, folder: &Path, names: &mut Vec<String>) -> anyhow::Result<()> {
    for path in entries(folder)? {
        if path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.')) {
            continue;
        }
        if path.is_dir() {
            below(root, &path, names)?;
        } else {
            names.push(path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned());
        }
    }
    Ok(())
}

/// What lies in a folder, in the order of its name.
fn entries(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let fail = |error: std::io::Error| Stop::input(format!("{} is not readable: {error}", path.display()));
    let listed = std::fs::read_dir(path).map_err(fail)?;
    let mut all: Vec<PathBuf> =
        listed.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().map_err(fail)?;
    all.sort();
    Ok(all)
}

/// The images that a list names.
struct Listed {
    place: PathBuf,
    names: BTreeSet<String>,
}

impl Listed {
    fn read(place: &Path) -> anyhow::Result<Self> {
        let text = read_text(place, "list")?;
        let names = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        Ok(Self { place: place.to_owned(), names })
    }

    /// Refuses a list of which something was not found: what is measured would be another set of images.
    fn check(&self, set: &LabeledSet) -> anyhow::Result<()> {
        let left_out = set.left_out.iter().map(|(name, _)| name);
        let found: BTreeSet<&String> = set.images.iter().map(|image| &image.name).chain(left_out).collect();
        let missing: Vec<&str> =
            self.names.iter().filter(|name| !found.contains(name)).map(String::as_str).collect();
        let Some(first) = missing.first() else { return Ok(()) };
        Err(Stop::input(format!(
            "{} names {} of {} images that are not in these data, such as {first}",
            self.place.display(),
            missing.len(),
            self.names.len()
        )))
    }
}

/// Those of some rows that a list names, where there is one.
fn named<T>(rows: Vec<(T, usize)>, only: Option<&Listed>, name: impl Fn(&T) -> String) -> Vec<(T, usize)> {
    match only {
        Some(only) => rows.into_iter().filter(|(row, _)| only.names.contains(&name(row))).collect(),
        None => rows,
    }
}

fn from_npz(
    data: &LabeledData,
    only: Option<&Listed>,
    card: &Card,
    config: &Config,
    set: &mut LabeledSet,
) -> anyhow::Result<()> {
    let npz = read_npz(&data.data, &config.limits())?;
    let file = data.data.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let known: Vec<&str> = npz.splits.iter().map(|split| split.name.as_str()).collect();
    if let Some(asked) = &data.split
        && !known.contains(&asked.as_str())
    {
        return Err(Stop::usage(format!("--split {asked}: {file} has {}", known.join(", "))));
    }
    let mut next = 0;
    for split in &npz.splits {
        let first = next;
        next += split.len();
        if data.split.as_ref().is_some_and(|asked| *asked != split.name) {
            continue;
        }
        let fail = |what: String| Stop::input(format!("{file}, split {}: {what}", split.name));
        let candidates = match (card.architecture.slices > 1, split.volumes.is_empty()) {
            (true, false) => volume_candidates(split)?,
            (false, true) => flat_candidates(split)?,
            (true, true) if split.is_empty() => Vec::new(),
            (true, true) => return Err(fail("holds flat images, expected volumes".to_owned())),
            (false, false) => return Err(fail("holds volumes, expected flat images".to_owned())),
        };
        let labels = split.labels.as_ref().ok_or_else(|| fail("has no labels".to_owned()))?;
        let mut rows = Vec::with_capacity(candidates.len());
        for place in 0..candidates.len() {
            let label = labels
                .get(place)
                .and_then(|row| if let [only] = row.as_slice() { Some(*only) } else { None });
            let label =
                label.and_then(|label| usize::try_from(label).ok()).filter(|at| *at < card.labels.len());
            let expected = card.labels.len() - 1;
            rows.push((
                place,
                label.ok_or_else(|| fail(format!("row {place} has no single label from 0 to {expected}")))?,
            ));
        }
        let name = |place: &usize| format!("{file}#{}", first + place);
        for (place, label) in limited(named(rows, only, name), data.limit, card.labels.len()) {
            set.add(&name(&place), label, &candidates[place], card);
        }
    }
    Ok(())
}

fn from_folder(
    data: &LabeledData,
    suffix: Option<&str>,
    only: Option<&Listed>,
    card: &Card,
    config: &Config,
    set: &mut LabeledSet,
) -> anyhow::Result<()> {
    let table = data.data.join("labels.csv");
    let listed = if table.is_file() { listed(&table, data, card)? } else { by_folder(data, suffix, card)? };
    let files = limited(named(listed, only, String::clone), data.limit, card.labels.len());
    read_files(&data.data, &files, card, config, set)
}

/// Reads files below a folder, with the index of each one's label.
fn read_files(
    folder: &Path,
    files: &[(String, usize)],
    card: &Card,
    config: &Config,
    set: &mut LabeledSet,
) -> anyhow::Result<()> {
    let line = Line::new("reading");
    for (done, (name, label)) in files.iter().enumerate() {
        line.at(done, files.len());
        let path: PathBuf = folder.join(name);
        let reading = wilhelm_formats::read(std::slice::from_ref(&path), &config.limits(), &Silent);
        match (reading.series.as_slice(), reading.failures.first()) {
            ([series], _) => set.add(name, *label, &Candidate::of_volume(series)?, card),
            (_, Some(failure)) => set.left_out.push((name.clone(), failure.error.to_string())),
            (other, None) => {
                set.left_out.push((name.clone(), format!("holds {} images, expected one", other.len())));
            }
        }
    }
    Ok(())
}

impl LabeledSet {
    /// Brings an image that the card accepts onto the network's grid.
    fn add(&mut self, name: &str, label: usize, candidate: &Candidate<'_>, card: &Card) {
        if let Some(reason) = refusal(card, &candidate.facts, &candidate.quality) {
            return self.left_out.push((name.to_owned(), reason));
        }
        match prepared(candidate, card) {
            Ok(prepared) => {
                let size = [candidate.facts.columns, candidate.facts.rows, candidate.facts.slices];
                self.images.push(Labeled { name: name.to_owned(), label, size, prepared });
            }
            Err(error) => self.left_out.push((name.to_owned(), error.to_string())),
        }
    }
}

/// The rows of a table with the columns `file` and `class`, and `split` where one is asked for.
fn listed(table: &Path, data: &LabeledData, card: &Card) -> anyhow::Result<Vec<(String, usize)>> {
    let fail = |what: String| Stop::input(format!("{}: {what}", table.display()));
    let text = std::fs::read_to_string(table).map_err(|error| fail(error.to_string()))?;
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').map(str::trim).collect();
    let column = |name: &str| {
        header.iter().position(|title| *title == name).ok_or_else(|| fail(format!("has no column {name}")))
    };
    let (file, class) = (column("file")?, column("class")?);
    let split = data.split.as_ref().map(|asked| column("split").map(|at| (at, asked))).transpose()?;
    let mut rows = Vec::new();
    for (number, line) in lines.enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let cell =
            |at: usize| cells.get(at).copied().ok_or_else(|| fail(format!("line {} is short", number + 2)));
        if let Some((at, asked)) = split
            && cell(at)? != asked.as_str()
        {
            continue;
        }
        let name = cell(class)?;
        let label = label_of(name, card)
            .ok_or_else(|| fail(format!("line {}: class {name} is none of {}", number + 2, known(card))))?;
        let file = cell(file)?;
        let is_below = Path::new(file).components().all(|part| matches!(part, Component::Normal(_)));
        if !is_below {
            return Err(fail(format!("line {}: {file} is not below the folder", number + 2)));
        }
        rows.push((file.to_owned(), label));
    }
    Ok(rows)
}

/// The files of folders that are called as labels are.
fn by_folder(data: &LabeledData, suffix: Option<&str>, card: &Card) -> anyhow::Result<Vec<(String, usize)>> {
    if data.split.is_some() {
        return Err(Stop::usage("--split needs a labels.csv with a column split, or an NPZ file"));
    }
    let mut rows = Vec::new();
    for folder in entries(&data.data)?.into_iter().filter(|path| path.is_dir()) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let label = label_of(&name, card).ok_or_else(|| {
            Stop::input(format!(
                "folder {} is called as none of the labels {}",
                folder.display(),
                known(card)
            ))
        })?;
        for file in entries(&folder)?.into_iter().filter(|path| path.is_file()) {
            let own = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if suffix.is_none_or(|suffix| suffix.is_empty() || !stem(&own).ends_with(suffix)) {
                rows.push((format!("{name}/{own}"), label));
            }
        }
    }
    Ok(rows)
}

/// A file's name without what says its format.
pub fn stem(name: &str) -> &str {
    let name = name.strip_suffix(".gz").unwrap_or(name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The label that a class is called by: its key, name or a synonym, whatever the case and the marks in between.
fn label_of(class: &str, card: &Card) -> Option<usize> {
    let plain = |text: &str| -> String {
        text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let class = plain(class);
    card.labels.iter().position(|label| {
        let own = [&label.key, &label.name];
        own.into_iter().chain(&label.synonyms).any(|known| plain(known) == class)
    })
}

fn known(card: &Card) -> String {
    card.labels.iter().map(|label| label.key.as_str()).collect::<Vec<_>>().join(", ")
}

/// At most so many rows of each label, spread evenly over them, in their order.
fn limited<T>(rows: Vec<(T, usize)>, limit: Option<usize>, labels: usize) -> Vec<(T, usize)> {
    let Some(limit) = limit else { return rows };
    let mut counts = vec![0_usize; labels];
    rows.iter().for_each(|(_, label)| counts[*label] += 1);
    let mut seen = vec![0_usize; labels];
    rows.into_iter()
        .filter(|(_, label)| {
            let (at, count) = (seen[*label], counts[*label]);
            seen[*label] += 1;
            // Kept where the even share grows by one.
            count <= limit || (at + 1) * limit / count > at * limit / count
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_takes_as_many_of_each_label_spread_evenly() {
        let rows: Vec<(usize, usize)> = (0..10).map(|at| (at, usize::from(at >= 7))).collect();
        let kept = limited(rows.clone(), Some(3), 2);
        assert_eq!(kept.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [2, 4, 6, 7, 8, 9]);
        assert_eq!(limited(rows.clone(), None, 2), rows);
        assert_eq!(limited(rows, Some(1), 2).len(), 2);
    }
}
