//! Answers and their images as the folder that `wilhelm train` takes.

mod picture;
mod recipe;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use wilhelm_formats::{Compression, Limits, Silent, VolumeContent, encode_nifti, read_bytes};
use wilhelm_study::{Image, Series};

use crate::{AnnotateError, Answer, Canvas, ImageSize, Piece, Question};
pub use source::About;

/// Where the files of a training set go.
pub trait Sink {
    /// Takes a file; its name has `/` between folders.
    ///
    /// # Errors
    /// What the system says.
    fn put(&mut self, name: &str, bytes: &[u8]) -> std::io::Result<()>;
}

/// By what an answer became the label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirmed {
    /// An adjudicator decided.
    Adjudicated,
    /// Two people or more said the same.
    Agreed,
    /// One person was asked.
    Single,
    /// More than half of those who answered said so.
    Majority,
}

impl Confirmed {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Adjudicated => "adjudicated",
            Self::Agreed => "agreed",
            Self::Single => "single",
            Self::Majority => "majority",
        }
    }
}

/// An item with its label or its outlines.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// The item's number.
    pub item: u32,
    /// Whose images they are, as a number.
    pub patient: usize,
    /// Its images as [`Canvas::new`] has them.
    pub images: Vec<(&'a str, ImageSize, Option<[f64; 2]>)>,
    /// Their files, whole.
    pub files: Vec<Arc<[u8]>>,
    /// What was said; `None` puts the images in without.
    pub answer: Option<&'a Answer>,
    /// By what it became the label.
    pub confirmed: Confirmed,
}

/// An item that is not in the training set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its number.
    pub item: u32,
    /// Why.
    pub reason: String,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Written {
    /// Images, which may be several an item.
    pub images: usize,
    /// Items that are in it.
    pub items: usize,
    /// Patients.
    pub patients: usize,
    /// Images of each label or structure.
    pub counts: BTreeMap<String, usize>,
    /// Items of each way of confirmation.
    pub confirmed: BTreeMap<&'static str, usize>,
    /// Items that are not in it.
    pub left_out: Vec<LeftOut>,
    /// The recipes, each of which `wilhelm train` takes with this folder as its data.
    pub recipes: Vec<String>,
    /// Which `wilhelm train` takes them: `classifier` or `segmenter`.
    pub kind: &'static str,
    /// Why there is no recipe, or one fewer than there could be.
    pub notes: Vec<String>,
}

/// An image that was written.
struct Row {
    file: String,
    mask: Option<String>,
    item: u32,
    patient: usize,
    confirmed: Option<Confirmed>,
    labels: Vec<String>,
}

/// What the images have in common, for the recipe.
#[derive(Default)]
struct Facts {
    modalities: BTreeSet<String>,
    body_parts: BTreeSet<String>,
    color: bool,
    hounsfield: bool,
    mixed_units: bool,
    least_side: usize,
    aspect: f64,
    sizes: Vec<[usize; 3]>,
    spacings: Vec<[f64; 3]>,
}

/// A training set on its way into a sink.
///
/// Of the headers the modality and the body part go into the recipe, and nothing else anywhere: pictures are PNG of what the
/// reader sees in its window, volumes NIfTI in millimeters with their place in the scanner, patients and items numbers.
pub struct TrainingSet<'a> {
    question: &'a Question,
    sink: &'a mut dyn Sink,
    limits: Limits,
    rows: Vec<Row>,
    left_out: Vec<LeftOut>,
    is_volume: Option<bool>,
    facts: Facts,
}

impl std::fmt::Debug for TrainingSet<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TrainingSet").field("images", &self.rows.len()).finish_non_exhaustive()
    }
}

impl<'a> TrainingSet<'a> {
    /// An empty one.
    pub fn new(question: &'a Question, sink: &'a mut dyn Sink, limits: Limits) -> Self {
        let (rows, left_out) = (Vec::new(), Vec::new());
        Self { question, sink, limits, rows, left_out, is_volume: None, facts: Facts::default() }
    }

    /// Says that an item is not in it.
    pub fn leave_out(&mut self, item: u32, reason: impl Into<String>) {
        self.left_out.push(LeftOut { item, reason: reason.into() });
    }

    /// Writes an item's images; one that no training can take is left out with the reason.
    ///
    /// # Errors
    /// [`AnnotateError::Write`].
    pub fn add(&mut self, case: &Case<'_>) -> Result<(), AnnotateError> {
        match self.written(case) {
            Ok(()) => Ok(()),
            Err(error @ AnnotateError::Write { .. }) => Err(error),
            Err(error) => {
                self.leave_out(case.item, error.to_string());
                Ok(())
            }
        }
    }

    fn written(&mut self, case: &Case<'_>) -> Result<(), AnnotateError> {
        let named = case.images.iter().zip(&case.files);
        let files = named.map(|((uid, ..), bytes)| ((*uid).to_owned(), Arc::clone(bytes))).collect();
        let reading = read_bytes(files, &self.limits, &Silent);
        if let Some(failure) = reading.failures.first() {
            return Err(AnnotateError::Images(format!("an image cannot be read: {}", failure.error)));
        }
        if reading.series.is_empty() {
            return Err(AnnotateError::Images("there is no image in it".to_owned()));
        }
        let kind = matches!(reading.series[0].image, Image::Flat(_));
        for series in &reading.series {
            let is_flat = match &series.image {
                Image::Flat(_) => true,
                Image::Hounsfield(_) | Image::Uptake(_) | Image::Arbitrary(_) => false,
                Image::Cine(_) => {
                    let why = "it is a moving picture, which is neither a picture nor a volume to train on";
                    return Err(AnnotateError::Images(why.to_owned()));
                }
                _ => return Err(AnnotateError::Images("its values have no known unit".to_owned())),
            };
            if is_flat != kind || self.is_volume.is_some_and(|is_volume| is_volume == is_flat) {
                let why = "flat images and volumes are not trained on together: the first item decides";
                return Err(AnnotateError::Images(why.to_owned()));
            }
        }
        let masks = self.masks(case, &reading.series)?;
        self.is_volume = Some(!kind);
        for (number, (series, mask)) in (1..).zip(reading.series.iter().zip(masks)) {
            let name = match reading.series.len() {
                1 => format!("{:04}", case.item),
                _ => format!("{:04}-{number}", case.item),
            };
            self.put(case, series, &name, mask)?;
        }
        Ok(())
    }

    fn put(
        &mut self,
        case: &Case<'_>,
        series: &Series,
        name: &str,
        mask: Option<Vec<u8>>,
    ) -> Result<(), AnnotateError> {
        let (ending, bytes) = match &series.image {
            Image::Flat(image) => ("png", picture::windowed(series, image)?),
            image => ("nii.gz", encode_nifti(VolumeContent::try_from(image)?, Compression::Gzip)),
        };
        let file = format!("images/{name}.{ending}");
        self.write(&file, &bytes)?;
        let labels = case.answer.and_then(|answer| answer.labels.clone()).unwrap_or_default();
        let mut mask_file = None;
        if let Some(bytes) = mask {
            let file = format!("masks/{name}.{ending}");
            self.write(&file, &bytes)?;
            mask_file = Some(file);
        }
        self.facts.add(series);
        let confirmed = case.answer.is_some().then_some(case.confirmed);
        let (item, patient) = (case.item, case.patient);
        self.rows.push(Row { file, mask: mask_file, item, patient, confirmed, labels });
        Ok(())
    }

    /// The mask of each series; nothing where labels are asked for.
    fn masks(&self, case: &Case<'_>, series: &[Series]) -> Result<Vec<Option<Vec<u8>>>, AnnotateError> {
        let (Question::Outline { structures }, Some(answer)) = (self.question, case.answer) else {
            return Ok(vec![None; series.len()]);
        };
        let files: Vec<&[u8]> = case.files.iter().map(AsRef::as_ref).collect();
        let canvas = Canvas::new(&case.images, &files, &self.limits)?;
        let of = |series: &Series| -> Result<Option<Vec<u8>>, AnnotateError> {
            let piece = canvas.pieces.iter().find(|piece| is_of(piece, series, &case.images));
            let piece = piece.ok_or_else(|| {
                let why = "its images lie on another grid than the outlines";
                AnnotateError::Images(why.to_owned())
            })?;
            Ok(Some(picture::mask(piece, series.image.geometry(), answer, structures)?))
        };
        series.iter().map(of).collect()
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), AnnotateError> {
        let failed = |source| AnnotateError::Write { name: name.to_owned(), source };
        self.sink.put(name, bytes).map_err(failed)
    }

    /// Writes tables, recipes and notes.
    ///
    /// # Errors
    /// [`AnnotateError::Empty`] where no item is in it, [`AnnotateError::Write`].
    pub fn finish(mut self, about: &About) -> Result<Written, AnnotateError> {
        if self.rows.is_empty() {
            let first = self.left_out.first();
            let why = first.map_or_else(String::new, |one| format!(": item {}: {}", one.item, one.reason));
            let others = self.left_out.len().saturating_sub(1);
            let others = if others > 0 { format!(" (and {others} more)") } else { String::new() };
            return Err(AnnotateError::Empty(format!("no item has a label that is final{why}{others}")));
        }
        let mut written = self.summary();
        let has_answers = self.rows.iter().any(|row| row.confirmed.is_some());
        let files: Vec<(String, String)> = if has_answers {
            let (files, notes) = recipe::files(&self, about);
            written.notes = notes;
            files
        } else {
            vec![("items.csv".to_owned(), recipe::items(&self.rows))]
        };
        written.recipes =
            files.iter().map(|(name, _)| name).filter(|name| name.ends_with(".toml")).cloned().collect();
        for (name, text) in files {
            self.write(&name, text.as_bytes())?;
        }
        let left_out: String =
            self.left_out.iter().map(|one| format!("{},{}\n", one.item, quoted(&one.reason))).collect();
        if !left_out.is_empty() {
            self.write("left-out.csv", format!("item,reason\n{left_out}").as_bytes())?;
        }
        if let Some(agreement) = &about.agreement {
            let text = serde_json::to_string_pretty(agreement).expect("JSON is written as text");
            self.write("agreement.json", format!("{text}\n").as_bytes())?;
        }
        let text = source::text(about, self.question, &written);
        self.write("SOURCE.md", text.as_bytes())?;
        Ok(written)
    }

    fn summary(&self) -> Written {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut confirmed: BTreeMap<&'static str, usize> = BTreeMap::new();
        let mut items = BTreeSet::new();
        for row in &self.rows {
            for label in &row.labels {
                *counts.entry(label.clone()).or_default() += 1;
            }
            if let (true, Some(how)) = (items.insert(row.item), row.confirmed) {
                *confirmed.entry(how.name()).or_default() += 1;
            }
        }
        let patients: BTreeSet<usize> = self.rows.iter().map(|row| row.patient).collect();
        let kind = if matches!(self.question, Question::Labels { .. }) { "classifier" } else { "segmenter" };
        Written {
            images: self.rows.len(),
            items: items.len(),
            patients: patients.len(),
            counts,
            confirmed,
            left_out: self.left_out.clone(),
            recipes: Vec::new(),
            kind,
            notes: Vec::new(),
        }
    }
}

/// Whether a piece of a canvas is where a series lies.
fn is_of(piece: &Piece, series: &Series, images: &[(&str, ImageSize, Option<[f64; 2]>)]) -> bool {
    match series.image.geometry() {
        Some(geometry) if piece.is_volume => geometry.is_same_grid(&piece.geometry),
        Some(geometry) if geometry.size()[2] > 1 => false,
        _ => {
            let [image, _] = piece.planes[0];
            let uid = series.sources.first().and_then(|source| source.sop_instance_uid.as_ref());
            let size = series.image.size();
            !piece.is_volume
                && size == piece.geometry.size()
                && uid.is_some_and(|uid| {
                    images.get(image as usize - 1).is_some_and(|(own, ..)| *own == uid.as_str())
                })
        }
    }
}

/// A cell of a table.
pub(crate) fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

impl Facts {
    fn add(&mut self, series: &Series) {
        let [columns, rows, slices] = series.image.size();
        let (short, long) = (columns.min(rows), columns.max(rows));
        let is_first = self.sizes.is_empty();
        self.least_side = if is_first { short } else { self.least_side.min(short) };
        self.aspect = self.aspect.max(long as f64 / short.max(1) as f64);
        self.modalities.extend(series.modality.iter().map(|modality| modality.term().to_owned()));
        self.body_parts.extend(series.body_part.clone());
        self.color |= series.color;
        let hounsfield = matches!(series.image, Image::Hounsfield(_));
        self.mixed_units |= !is_first && hounsfield != self.hounsfield;
        self.hounsfield = hounsfield;
        self.sizes.push([columns, rows, slices]);
        self.spacings.extend(series.image.geometry().map(|geometry| geometry.spacing().millimeters()));
    }
}
