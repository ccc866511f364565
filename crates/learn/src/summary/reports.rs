use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rand::seq::SliceRandom;

use super::{SummaryRecipe, TextSource};
use crate::LearnError;
use crate::evaluation::Table;
use crate::hash::sha256;
use crate::seed::generator;

/// A report as it is learned from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryCase {
    /// Its name.
    pub id: String,
    /// The sections that are read, with their names before them.
    pub source: String,
    /// The last of the sections that are read, as it is: what the baselines look at.
    pub last: String,
    /// What is to be written.
    pub target: String,
    /// The labels that people gave.
    pub tags: BTreeSet<String>,
}

/// Reports that have everything that is read and written, and who is learned from.
#[derive(Clone, Debug)]
pub struct Reports {
    /// In the order of the tables.
    pub cases: Vec<SummaryCase>,
    /// Learned from.
    pub training: Vec<usize>,
    /// By these the pass is chosen.
    pub stop: Vec<usize>,
    /// Held out.
    pub test: Vec<usize>,
    /// Reports without one of the sections.
    pub incomplete: usize,
    /// SHA-256 over names, sources and targets.
    pub sha256: String,
}

impl Reports {
    /// Reads the tables of a recipe and parts the reports. Reports with the same source stay on one side.
    ///
    /// # Errors
    /// [`LearnError::Data`] for tables or columns that are missing, or too few reports.
    pub fn load(recipe: &SummaryRecipe, folder: &Path) -> Result<Self, LearnError> {
        let texts = &recipe.texts;
        let table = |name: &String| -> Result<Table, LearnError> {
            let bytes = fs::read(folder.join(name)).map_err(|error| LearnError::Data {
                place: folder.join(name).display().to_string(),
                what: format!("is not readable: {error}; tools/iu_reports.py writes such tables"),
            })?;
            Ok(Table::parse(name, &bytes)?)
        };
        let reports = texts.reports.iter().map(table).collect::<Result<Vec<_>, _>>()?;
        let tags = texts.tags.iter().map(table).collect::<Result<Vec<_>, _>>()?;
        Self::of(texts, &reports, &tags, recipe.split_seed.unwrap_or(recipe.seed))
    }

    /// The same of tables that were read.
    pub(super) fn of(
        texts: &TextSource,
        reports: &[Table],
        tags: &[Table],
        seed: u64,
    ) -> Result<Self, LearnError> {
        let column = |table: &Table, name: &str| {
            table.column(name).ok_or_else(|| LearnError::Data {
                place: table.file().to_owned(),
                what: format!("no column {name}; there are {}", table.header().join(", ")),
            })
        };
        let mut labels: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for table in tags {
            let id = column(table, "id")?;
            for row in table.rows() {
                let has = |place: &usize| *place != id && matches!(row.cells[*place].as_str(), "1" | "1.0");
                let of = (0..row.cells.len()).filter(has).map(|place| table.header()[place].clone());
                labels.insert(row.cells[id].clone(), of.collect());
            }
        }
        let mut found = Self {
            cases: Vec::new(),
            training: Vec::new(),
            stop: Vec::new(),
            test: Vec::new(),
            incomplete: 0,
            sha256: String::new(),
        };
        let mut hashed = Vec::new();
        for table in reports {
            let id = column(table, "id")?;
            let read = texts.source.iter().map(|name| column(table, name)).collect::<Result<Vec<_>, _>>()?;
            let written = if texts.writes_tags() { None } else { Some(column(table, &texts.target)?) };
            for row in table.rows() {
                let (Some(tags), Some(last)) = (labels.get(&row.cells[id]), read.last()) else {
                    found.incomplete += 1;
                    continue;
                };
                let last = row.cells[*last].clone();
                let target = match written {
                    Some(place) => row.cells[place].clone(),
                    None if tags.is_empty() => "other".to_owned(),
                    None => tags.iter().map(|tag| tag.to_lowercase()).collect::<Vec<_>>().join(" ; "),
                };
                if last.is_empty() || target.is_empty() {
                    found.incomplete += 1;
                    continue;
                }
                let named = texts
                    .source
                    .iter()
                    .zip(&read)
                    .map(|(name, place)| format!("{name} : {}", row.cells[*place]));
                let source = named.collect::<Vec<_>>().join(" ");
                let tags = tags.clone();
                hashed.extend([row.cells[id].as_bytes(), source.as_bytes(), target.as_bytes()].join(&b'\n'));
                found.cases.push(SummaryCase { id: row.cells[id].clone(), source, last, target, tags });
            }
        }
        found.sha256 = sha256(&hashed);
        found.part(texts, seed);
        if found.test.len() < 10 || found.stop.is_empty() || found.training.len() < 20 {
            return Err(LearnError::Data {
                place: "the reports".to_owned(),
                what: format!(
                    "{} have all that is read and written, expected at least 100",
                    found.cases.len()
                ),
            });
        }
        Ok(found)
    }

    fn part(&mut self, texts: &TextSource, seed: u64) {
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, case) in self.cases.iter().enumerate() {
            groups.entry(case.last.to_lowercase()).or_default().push(place);
        }
        let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
        groups.shuffle(&mut generator(seed, 7201, 0));
        let all = self.cases.len() as f64;
        let test = (all * texts.held_out_share).round() as usize;
        let stop = ((all - test as f64) * texts.stop_share).round() as usize;
        for group in groups {
            let side = if self.test.len() + group.len() <= test {
                &mut self.test
            } else if self.stop.len() + group.len() <= stop {
                &mut self.stop
            } else {
                &mut self.training
            };
            side.extend(group);
        }
        for side in [&mut self.test, &mut self.stop, &mut self.training] {
            side.sort_unstable();
        }
    }

    /// The cases of some places.
    pub(super) fn some<'a>(&'a self, places: &'a [usize]) -> impl Iterator<Item = &'a SummaryCase> {
        places.iter().map(|place| &self.cases[*place])
    }
}
