//! The desk's reader: studies of the archive by this program's models, and the forms that a report leaves in.

use std::sync::{Arc, Mutex, PoisonError};

use wilhelm_formats::dicom::objects::{Reference, references_of_bytes};
use wilhelm_formats::{Reading, Silent, read_bytes};
use wilhelm_nets::Model;
use wilhelm_pipeline::{
    Comparable, Drafting, Form, Given, Identity, OutputContext, PipelineError, ReadOptions, ReadOutcome,
    Readers, in_order, known_values, output, read_series,
};
use wilhelm_report::hl7;
use wilhelm_server::desk::{
    Drafted, EarlierReport, ReadFailure, ReadImage, StudyReader, StudyToRead, Wanted,
};
use wilhelm_study::{Patient, Series};

use crate::config::Config;
use crate::exit::of_error;
use crate::knowledge::Known;
use crate::verbs::read::draft_settings;
use crate::{language, shelf};

/// Bytes of objects, each with its place in the study.
type Opened = Vec<(usize, Arc<[u8]>)>;

/// Reads with the models and the language model of a configuration.
pub struct DeskReader {
    config: Config,
    /// Loaded with the first study, so that a server that reads none stays small; one study at a time takes all cores.
    models: Mutex<Option<Vec<Model>>>,
}

impl DeskReader {
    pub const fn new(config: Config) -> Self {
        Self { config, models: Mutex::new(None) }
    }

    /// The images of a study as series, and their bytes; refused where all of them together are beyond the limits.
    fn series(&self, study: &StudyToRead<'_>) -> Result<(Reading, Opened), ReadFailure> {
        let images: Vec<usize> =
            (0..study.objects.len()).filter(|place| study.objects[*place].has_pixels).collect();
        let total: u64 = images.iter().map(|place| study.objects[*place].length).sum();
        let limits = self.config.limits();
        if total > limits.expansion_bytes {
            return Err(ReadFailure::Study(format!(
                "the images of the study have {total} bytes, and read.expansion_bytes lets {} be read at once",
                limits.expansion_bytes
            )));
        }
        let mut bytes: Opened = Vec::with_capacity(images.len());
        for place in images {
            bytes.push((place, study.bytes(place)?.into()));
        }
        let named =
            bytes.iter().map(|(place, bytes)| (study.objects[*place].instance.clone(), Arc::clone(bytes)));
        Ok((read_bytes(named.collect(), &limits, &Silent), bytes))
    }
}

impl StudyReader for DeskReader {
    fn read(
        &self,
        study: &StudyToRead<'_>,
        progress: &mut dyn FnMut(&str, usize, usize) -> bool,
    ) -> Result<Vec<Drafted>, ReadFailure> {
        go(progress, "opening the images", 0, 1)?;
        let (reading, bytes) = self.series(study)?;
        if reading.series.is_empty() {
            let why = reading.failures.first().map(|failure| format!(": {}", failure.error));
            return Err(ReadFailure::Study(format!(
                "no image of the study can be read{}",
                why.unwrap_or_default()
            )));
        }
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if models.is_none() {
            go(progress, "opening the models", 0, 1)?;
            let loaded = shelf::open(None, &self.config).and_then(|shelf| shelf::load_all(&shelf));
            *models = Some(loaded.map_err(|error| program(&error))?);
        }
        let models = models.as_deref().unwrap_or_default();
        let patients: Vec<&Patient> =
            reading.series.iter().map(|series| &series.patient).chain([study.patient]).collect();
        let loaded =
            language::load(&self.config, None, known_values(&patients)).map_err(|error| program(&error))?;
        let rephraser = loaded.as_ref().map(language::Loaded::rephraser);
        let known = Known::open(&self.config, None).map_err(|error| program(&error))?;
        let readers = Readers {
            models,
            language_model: rephraser.as_ref().map(|model| model as &dyn Drafting),
            knowledge: known.as_ref().map(Known::base),
        };
        let count = reading.series.len();
        let mut drafts: Vec<Drafted> = Vec::new();
        for (number, series) in reading.series.iter().enumerate() {
            go(progress, "series", number, count)?;
            let outcome = one(series, readers, study, &self.config, progress)?;
            drafts.push(drafted(series, outcome, &drafts, &bytes, study, &self.config)?);
        }
        // Series that no model reads, such as localizers, are worth a draft only where there is no other.
        if drafts.iter().any(|draft| !draft.report.findings.is_empty()) {
            drafts.retain(|draft| !draft.report.findings.is_empty());
        } else {
            drafts.truncate(1);
        }
        Ok(drafts)
    }

    fn output(&self, wanted: &Wanted<'_>) -> Result<Vec<u8>, ReadFailure> {
        let form = Form::ALL.into_iter().find(|form| form.name() == wanted.form).ok_or_else(|| {
            let names: Vec<&str> = Form::ALL.iter().map(|form| form.name()).collect();
            ReadFailure::Study(format!("no form is called {:?}, expected {}", wanted.form, names.join(", ")))
        })?;
        let files: Vec<&[u8]> = wanted.objects.iter().map(Vec::as_slice).collect();
        let reference = match files.is_empty() {
            true => None,
            false => Some(reference(&files, &self.config)?),
        };
        let send = &self.config.values.send;
        let context = OutputContext {
            images: wanted.pictures,
            reference: reference.as_ref(),
            names_patient: wanted.names_patient,
            patient: Some(wanted.patient),
            at: wanted.at,
            program_version: env!("CARGO_PKG_VERSION"),
            parties: &hl7::Parties {
                application: send.application.clone(),
                facility: send.facility.clone(),
                receiving_application: send.receiving_application.clone(),
                receiving_facility: send.receiving_facility.clone(),
            },
        };
        output(wanted.report, form, &context).map_err(|error| ReadFailure::Study(error.to_string()))
    }
}

/// What reports how far a reading is, and answers whether to go on.
type Saying<'a> = dyn FnMut(&str, usize, usize) -> bool + 'a;

fn go(progress: &mut Saying<'_>, words: &str, done: usize, total: usize) -> Result<(), ReadFailure> {
    if progress(words, done, total) { Ok(()) } else { Err(ReadFailure::Cancelled) }
}

fn reference(files: &[&[u8]], config: &Config) -> Result<Reference, ReadFailure> {
    references_of_bytes(files, &config.limits()).map_err(|error| ReadFailure::Study(error.to_string()))
}

/// A failure of this program or this machine, by the sentence that its user gets.
fn program(error: &anyhow::Error) -> ReadFailure {
    ReadFailure::Program(of_error(error).1)
}

/// Reads one series, beside the earlier reports that are proven to be of the same patient and of the same kind.
fn one(
    series: &Series,
    readers: Readers<'_>,
    study: &StudyToRead<'_>,
    config: &Config,
    progress: &mut Saying<'_>,
) -> Result<ReadOutcome, ReadFailure> {
    let mut options = ReadOptions {
        request: Vec::new(),
        seed: u64::from(config.values.llm.seed),
        draft: draft_settings(config),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        decisions: Vec::new(),
        fusion: config.fusion().map_err(|error| program(&error))?,
        request_readings: Vec::new(),
        earlier: earlier(series, study),
    };
    let mut step = |words: &'static str, done: usize, total: usize| progress(words, done, total);
    let first = read_series(series, readers, &options, &mut step);
    let outcome = match first {
        // What was examined earlier is of another kind: the report stands alone.
        Err(PipelineError::Prior(error)) => {
            tracing::info!(%error, "an earlier report is not compared with");
            options.earlier.clear();
            read_series(series, readers, &options, &mut step)
        }
        first => first,
    };
    outcome.map_err(|error| match error {
        PipelineError::Cancelled => ReadFailure::Cancelled,
        PipelineError::Format(error) => ReadFailure::Study(error.to_string()),
        PipelineError::Prepare(error) => ReadFailure::Study(error.to_string()),
        other => ReadFailure::Program(other.to_string()),
    })
}

/// The latest earlier report whose patient is proven to be the same; one that cannot be compared is left out.
fn earlier(series: &Series, study: &StudyToRead<'_>) -> Vec<Comparable> {
    let now =
        Identity { patient: study.patient.clone(), date: study.date.cloned(), time: study.time.cloned() };
    let modality = series.modality.as_ref();
    let alike = |report: &&EarlierReport| report.report.exam.modality.as_ref() == modality;
    for one in study.earlier.iter().filter(alike) {
        let given = Given {
            identity: Identity {
                patient: one.patient.clone(),
                date: one.date.clone(),
                time: one.time.clone(),
            },
            findings: one.report.findings.clone(),
            exam: Some(one.report.exam.clone()),
            source: "the signed report of an earlier study in the archive".to_owned(),
        };
        match in_order(&now, vec![given], false) {
            Ok(found) => return found,
            Err(error) => tracing::info!(%error, "an earlier report is not compared with"),
        }
    }
    Vec::new()
}

fn drafted(
    series: &Series,
    outcome: ReadOutcome,
    before: &[Drafted],
    bytes: &[(usize, Arc<[u8]>)],
    study: &StudyToRead<'_>,
    config: &Config,
) -> Result<Drafted, ReadFailure> {
    for remark in &outcome.remarks {
        tracing::warn!(%remark, "language model");
    }
    let sources: Vec<&str> = series
        .sources
        .iter()
        .filter_map(|source| source.sop_instance_uid.as_ref())
        .map(|uid| uid.as_str())
        .collect();
    let files: Vec<&[u8]> = bytes
        .iter()
        .filter(|(place, _)| sources.contains(&study.objects[*place].instance.as_str()))
        .map(|(_, bytes)| &**bytes)
        .collect();
    let images = reference(&files, config)?;
    let images = images
        .images()
        .iter()
        .map(|image| ReadImage { instance: image.sop_instance.as_str().to_owned(), frame: image.frame });
    let uid = series.series.as_ref().map(|uid| uid.as_str().to_owned()).unwrap_or_default();
    let parts = before.iter().filter(|draft| draft.series == uid).count();
    Ok(Drafted {
        part: u32::try_from(parts).unwrap_or(u32::MAX),
        series: uid,
        images: images.collect(),
        report: outcome.report,
        pictures: outcome.images,
        provenance: serde_json::to_value(&outcome.provenance)
            .map_err(|error| ReadFailure::Program(error.to_string()))?,
        defects: series.defects.clone(),
    })
}
