use std::fmt::Write;

use serde_json::json;
use wilhelm_filters::quality::quality;
use wilhelm_filters::{Plane, volume_bounds};
use wilhelm_formats::{NpzSplit, read_npz};
use wilhelm_nets::{InputFacts, Label};
use wilhelm_pipeline::{Candidate, Stack};
use wilhelm_study::{Arbitrary, Projection, QuantityKind, Volume};

use super::predict_cases;
use crate::args;
use crate::config::Config;
use crate::engine::{Ensemble, Row};
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};
use crate::progress::Line;
use crate::table::field;

/// Images in one go: enough to keep both cores busy.
const BATCH: usize = 64;

/// `wilhelm predict`
pub fn run(verb: &args::Predict, config: &Config) -> anyhow::Result<Exit> {
    let to_stdout = verb.csv.as_os_str() == "-";
    if !to_stdout && !verb.force && verb.csv.exists() {
        return Err(Stop::usage(format!(
            "{} is already there: add --force to replace it",
            verb.csv.display()
        )));
    }
    let shelf = crate::shelf::open(verb.models.as_deref(), config)?;
    if let Some(entry) = predict_cases::wanted(verb, &shelf)? {
        return predict_cases::run(verb, entry, config);
    }
    let model = Ensemble::load(verb, config)?;
    for name in model.imported() {
        eprintln!(
            "wilhelm: model {name} was made by others: its probabilities are not calibrated here, and it abstains from \
             nothing that its card accepts"
        );
    }
    let (archives, images): (Vec<_>, Vec<_>) =
        verb.paths.iter().cloned().partition(|path| {
            path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npz"))
        });
    let mut table = Table::new(model.labels(), model.is_several());
    let line = Line::new("predicting");
    for archive in &archives {
        let name = archive.display().to_string();
        for (first, split) in numbered(read_npz(archive, &config.limits())?.splits) {
            npz_rows(&model, &name, first, &split, &mut table, &line)?;
        }
    }
    let mut failed = false;
    if !images.is_empty() {
        let reading = wilhelm_formats::read(&images, &config.limits(), &Line::new("reading"));
        for failure in &reading.failures {
            failed = true;
            line.above(&format!("wilhelm: {}: {}", failure.path, failure.error));
            table.row(&failure.path, &Row::refused(failure.error.to_string()));
        }
        for (done, chunk) in reading.series.chunks(BATCH).enumerate() {
            line.at(done * BATCH, reading.series.len());
            let of = if model.reads_volumes() { Candidate::of_volume } else { Candidate::of_series };
            let candidates = chunk.iter().map(of).collect::<Result<Vec<_>, _>>()?;
            for (series, row) in chunk.iter().zip(model.rows(&candidates)?) {
                let name =
                    series.sources.first().map_or(series.title.as_str(), |source| source.path.as_str());
                table.row(name, &row);
            }
        }
    }
    drop(line);
    if table.rows == 0 {
        return Err(Stop::input("no image was found in what was given"));
    }
    if to_stdout {
        print(&table.text)?;
    } else {
        wilhelm_formats::write_atomically(&verb.csv, verb.force, table.text.as_bytes())?;
    }
    if verb.json {
        print_json(
            &json!({ "model": verb.model.join(", "), "engine": model.engine(), "rows": table.rows, "abstained": table.abstained,
                "csv": verb.csv }),
        )?;
    } else if !to_stdout {
        print(&format!("{} rows, {} abstained, in {}\n", table.rows, table.abstained, verb.csv.display()))?;
    }
    Ok(if failed { Exit::Defects } else { Exit::Done })
}

/// The splits of an archive with the number of each one's first image in the whole file.
pub(super) fn numbered(splits: Vec<NpzSplit>) -> impl Iterator<Item = (usize, NpzSplit)> {
    let mut next = 0;
    splits.into_iter().map(move |split| {
        let first = next;
        next += split.len();
        (first, split)
    })
}

fn npz_rows(
    model: &Ensemble,
    name: &str,
    first: usize,
    split: &NpzSplit,
    table: &mut Table,
    line: &Line,
) -> anyhow::Result<()> {
    let candidates =
        if split.volumes.is_empty() { flat_candidates(split)? } else { volume_candidates(split)? };
    for (chunk_number, chunk) in candidates.chunks(BATCH).enumerate() {
        line.at(chunk_number * BATCH, candidates.len());
        for (place, row) in model.rows(chunk)?.iter().enumerate() {
            table.row(&format!("{name}#{}", first + chunk_number * BATCH + place), row);
        }
    }
    Ok(())
}

/// What is known of a picture in an archive: nothing but its numbers.
fn facts([columns, rows, slices]: [usize; 3], color: bool) -> InputFacts {
    InputFacts {
        modality: None,
        body_part: None,
        view: None,
        quantity: QuantityKind::Arbitrary,
        columns,
        rows,
        slices,
        color,
    }
}

pub(super) fn flat_candidates<'a>(split: &'a NpzSplit) -> anyhow::Result<Vec<Candidate<'a>>> {
    let candidate = |image: &'a Projection<Arbitrary>| -> anyhow::Result<Candidate<'a>> {
        let (columns, rows) = (image.columns(), image.rows());
        Ok(Candidate {
            facts: facts([columns, rows, 1], split.color),
            plane: Plane::new(image.pixels(), columns, rows)?,
            bounds: split.stored_range,
            quality: quality(image.pixels(), columns, rows, Some(split.stored_range)),
            volume: None,
        })
    };
    split.images.iter().map(candidate).collect()
}

pub(super) fn volume_candidates<'a>(split: &'a NpzSplit) -> anyhow::Result<Vec<Candidate<'a>>> {
    let candidate = |volume: &'a Volume<Arbitrary>| -> anyhow::Result<Candidate<'a>> {
        let size @ [columns, rows, slices] = volume.geometry().size();
        let bounds = volume_bounds(volume.voxels(), Some(split.stored_range), None);
        let middle = &volume.voxels()[slices / 2 * columns * rows..][..columns * rows];
        Ok(Candidate {
            facts: facts(size, split.color),
            plane: Plane::new(middle, columns, rows)?,
            bounds: split.stored_range,
            quality: quality(middle, columns, rows, Some(split.stored_range)),
            volume: Some(Stack { values: volume.voxels(), size, bounds }),
        })
    };
    split.volumes.iter().map(candidate).collect()
}

struct Table {
    text: String,
    labels: usize,
    /// Whether several models speak, who may contradict each other.
    several: bool,
    rows: usize,
    abstained: usize,
}

impl Table {
    fn new(labels: &[Label], several: bool) -> Self {
        let keys: Vec<String> = labels.iter().map(|label| field(&label.key)).collect();
        let beside = if several { "outlier_score,disagreement" } else { "outlier_score" };
        let text = format!("image,{},{beside},abstained\n", keys.join(","));
        Self { text, labels: labels.len(), several, rows: 0, abstained: 0 }
    }

    fn row(&mut self, name: &str, row: &Row) {
        self.rows += 1;
        self.abstained += usize::from(row.reason.is_some());
        self.text.push_str(&field(name));
        match &row.probabilities {
            Some(probabilities) => {
                for probability in probabilities {
                    let _ = write!(self.text, ",{probability:.6}");
                }
            }
            None => self.text.push_str(&",".repeat(self.labels)),
        }
        self.text.push(',');
        if let Some(score) = row.outlier_score {
            let _ = write!(self.text, "{score:.4}");
        }
        if self.several {
            self.text.push(',');
            if let Some(disagreement) = row.disagreement {
                let _ = write!(self.text, "{disagreement:.6}");
            }
        }
        self.text.push(',');
        self.text.push_str(&field(row.reason.as_deref().unwrap_or_default()));
        self.text.push('\n');
    }
}
