use sha2::{Digest, Sha256};
use wilhelm_filters::quality::{QualityCard, Severity};
use wilhelm_formats::{encode_png_gray, encode_png_rgb};
use wilhelm_nets::{HeatMap, Model, Prediction};
use wilhelm_report::guideline::Decision;
use wilhelm_report::{
    Abstention, Case, Exam, HtmlImage, HtmlImages, ImageRef, Outcome, Report, compare, html, text, write,
};
use wilhelm_study::{Defect, DefectKind, Image, Modality, Series};

use crate::findings::{Found, findings, model_use};
use crate::fuse::fuse_found;
use crate::picture::{heat_map_overlay, picture};
use crate::predict::{Candidate, Reading, bounds, predict_planes};
use crate::prior::{self, Comparable, same_kind};
use crate::provenance::{ModelVerdict, ModelVersion, Provenance, Settings};
use crate::reference::{Asked, KnowledgeBase, KnowledgeUse, references};
use crate::{DraftSettings, Drafting, FusionMode, FusionSettings, PipelineError, RequestReading, draft};

/// File name of the picture with what the network looked at.
const HEATMAP: &str = "heatmap.png";

/// Who reads.
#[derive(Clone, Copy)]
pub struct Readers<'a> {
    /// The models on the shelf.
    pub models: &'a [Model],
    /// The language model, where one is asked.
    pub language_model: Option<&'a dyn Drafting>,
    /// Where general knowledge is taken from; none where the report is to have none.
    pub knowledge: Option<KnowledgeBase<'a>>,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadOptions {
    /// Lines of the request: indication, history, laboratory results. They are quoted in the report
    /// and shown to no model that writes; what signs they state moves a probability only where `fusion` says so.
    pub request: Vec<String>,
    /// Seed of everything random.
    pub seed: u64,
    /// How the language model is asked.
    pub draft: DraftSettings,
    /// Version of the program, for the provenance.
    pub program_version: String,
    /// What published rules said of measurements that were given to them.
    pub decisions: Vec<Decision>,
    /// Whether and how request and base rates move probabilities.
    pub fusion: FusionSettings,
    /// What an encoder and a language model say of the request, where `fusion` has them asked.
    pub request_readings: Vec<RequestReading>,
    /// Earlier examinations to compare with, the latest first, as [`crate::in_order`] gives them.
    pub earlier: Vec<Comparable>,
}

/// A report and everything that goes with it.
#[derive(Clone, Debug)]
pub struct ReadOutcome {
    /// The report.
    pub report: Report,
    /// `report.html`
    pub html: String,
    /// `report.json`
    pub json: String,
    /// The report for a terminal.
    pub text: String,
    /// `heatmap.png`; where no model read the image, the picture alone.
    pub heatmap_png: Vec<u8>,
    /// The pictures of the report.
    pub images: HtmlImages,
    /// `provenance.json`
    pub provenance: Provenance,
    /// What became of each finding since the earlier examinations; empty where none was given.
    pub comparison: Vec<Outcome>,
    /// What went wrong without stopping the reading: a language model that failed.
    pub remarks: Vec<String>,
}

/// Walks one calibrated series down the path of a pixel to a checked report.
///
/// `step` is told the name of each step with how far it is, and answers whether to go on.
///
/// # Errors
/// [`PipelineError`]; an image that no model accepts is no error but a report that says so.
pub fn read_series(
    series: &Series,
    readers: Readers<'_>,
    options: &ReadOptions,
    step: &mut dyn FnMut(&'static str, usize, usize) -> bool,
) -> Result<ReadOutcome, PipelineError> {
    let mut go = |name: &'static str, done: usize, total: usize| {
        if step(name, done, total) { Ok(()) } else { Err(PipelineError::Cancelled) }
    };
    go("check", 0, 1)?;
    let candidate = Candidate::of_series(series)?;
    let (plane, span) = (candidate.plane, candidate.bounds);
    let intensity = bounds(plane, series);

    let read = choose(&candidate, readers.models, &mut go)?;
    let quality = candidate.quality;
    go("explain", 0, 1)?;
    let (gray, columns, rows) = picture(plane, span)?;
    let picture_png = encode_png_gray(columns as u32, rows as u32, &gray)?;
    let heat_map = match &read.chosen {
        Some(chosen) => Some(explained(&readers.models[chosen.model], chosen)?),
        None => None,
    };
    let overlay = heat_map
        .as_ref()
        .map(|map| {
            let native = [plane.columns(), plane.rows()];
            let rgb = heat_map_overlay(&gray, columns, rows, native, map);
            // A picture is at most 1024 pixels a side.
            encode_png_rgb(columns as u32, rows as u32, &rgb)
        })
        .transpose()?;

    go("state", 0, 1)?;
    let mut case = case(series, readers, &read, heat_map.as_ref(), &quality, options)?;
    let comparison = compared(&mut case, &options.earlier)?;
    let mut report = write(&case);
    let knowledge = match &readers.knowledge {
        None => None,
        Some(knowledge) => {
            go("look up what is known", 0, 1)?;
            let asked = Asked {
                exam: &case.exam,
                findings: &case.findings,
                request: &options.request,
                age_years: series.patient.age_years,
                decisions: &options.decisions,
            };
            let composed = references(&asked, knowledge)?;
            let refused = report.refer(&composed.references, &composed.rules);
            Some(KnowledgeUse::of(knowledge, refused))
        }
    };
    // Models that another fits better are listed, not spoken of.
    report.abstentions = read.abstentions(readers.models);
    let mut remarks = Vec::new();
    let mut language_model = None;
    if let Some(model) = readers.language_model {
        let mut on_sentence = |done: usize, total: usize| go("draft", done, total).is_ok();
        let (used, failures) = draft(&mut report, model, options.draft, &mut on_sentence)?;
        remarks = failures;
        language_model = Some(used);
    }
    go("check the report", 0, 1)?;
    report.check()?;

    let json = to_json(&report);
    let request = options.request.join("\n");
    let provenance = Provenance {
        schema_version: "1".to_owned(),
        program: "wilhelm".to_owned(),
        program_version: options.program_version.clone(),
        inputs: series.sources.clone(),
        settings: Settings {
            seed: options.seed,
            language_model: readers.language_model.map(|_| options.draft),
            request_sha256: (!request.is_empty()).then(|| sha256(request.as_bytes())),
            fusion: (options.fusion.mode != FusionMode::Off).then(|| options.fusion.clone()),
            request_readings: options.request_readings.clone(),
            knowledge,
        },
        defects: series.defects.clone(),
        quality,
        intensity,
        models: read.verdicts(readers.models),
        language_model,
        report_sha256: sha256(json.as_bytes()),
    };
    let images = HtmlImages {
        pictures: vec![page_picture(
            series,
            (&picture_png, overlay.as_ref()),
            &read,
            readers.models,
            options.fusion.mode,
        )],
    };
    Ok(ReadOutcome {
        html: html(&report, &images),
        text: text(&report),
        json,
        report,
        images,
        heatmap_png: overlay.unwrap_or(picture_png),
        provenance,
        comparison,
        remarks,
    })
}

/// The model whose findings the report states.
struct Chosen {
    model: usize,
    prediction: Prediction,
    prepared: wilhelm_filters::Prepared,
}

/// What every model made of the image.
struct Verdicts {
    chosen: Option<Chosen>,
    /// For each model but the chosen: why not, and the outlier score where a network saw it.
    others: Vec<Option<(String, Option<f64>)>>,
}

impl Verdicts {
    fn abstentions(&self, models: &[Model]) -> Vec<Abstention> {
        models
            .iter()
            .zip(&self.others)
            .filter_map(|(model, other)| {
                let (reason, _) = other.as_ref()?;
                Some(Abstention { model: model.card().name.clone(), reason: reason.clone() })
            })
            .collect()
    }

    fn verdicts(&self, models: &[Model]) -> Vec<ModelVerdict> {
        models
            .iter()
            .zip(&self.others)
            .enumerate()
            .map(|(index, (model, other))| {
                let card = model.card();
                let chosen = self.chosen.as_ref().filter(|chosen| chosen.model == index);
                ModelVerdict {
                    model: ModelVersion {
                        name: card.name.clone(),
                        version: card.version.clone(),
                        weights_sha256: card.weights_sha256.clone(),
                    },
                    read: chosen.is_some(),
                    reason: other.as_ref().map(|(reason, _)| reason.clone()),
                    outlier_score: chosen
                        .map(|chosen| chosen.prediction.outlier_score)
                        .or_else(|| other.as_ref().and_then(|(_, score)| *score)),
                    preparation: chosen.map(|_| card.preparation),
                    region: chosen.map(|chosen| chosen.prepared.region),
                }
            })
            .collect()
    }
}

/// Asks every model whose card accepts the image; where several read it (a picture file states no
/// modality), the one whose training data lie nearest speaks.
fn choose(
    candidate: &Candidate<'_>,
    models: &[Model],
    go: &mut dyn FnMut(&'static str, usize, usize) -> Result<(), PipelineError>,
) -> Result<Verdicts, PipelineError> {
    let mut verdicts = Verdicts { chosen: None, others: Vec::new() };
    for (index, model) in models.iter().enumerate() {
        go("predict", index, models.len())?;
        let reading = if model.card().architecture.slices > 1 {
            // The report shows one picture, and the evidence is a place in it.
            Reading::Refused { reason: "it reads whole volumes, which only `predict` does".to_owned() }
        } else if !model.card().targets.is_one_of() {
            // A report weighs labels of which one is right against each other.
            Reading::Refused {
                reason: "it gives several labels at once, which only `predict` does".to_owned(),
            }
        } else {
            let reading = predict_planes(model, std::slice::from_ref(candidate))?.pop();
            reading.expect("one image gives one reading")
        };
        let other = match reading {
            Reading::Refused { reason } => Some((reason, None)),
            Reading::Abstained { reason, prediction } => Some((reason, Some(prediction.outlier_score))),
            Reading::Read { prediction, prepared } => {
                let nearer = |other: &Chosen| prediction.outlier_score < other.prediction.outlier_score;
                let better =
                    |name: &str| format!("the image lies nearer to what model {name} was trained on");
                match &verdicts.chosen {
                    Some(other) if !nearer(other) => {
                        Some((better(&models[other.model].card().name), Some(prediction.outlier_score)))
                    }
                    before => {
                        if let Some(before) = before {
                            verdicts.others[before.model] =
                                Some((better(&model.card().name), Some(before.prediction.outlier_score)));
                        }
                        verdicts.chosen = Some(Chosen { model: index, prediction, prepared });
                        None
                    }
                }
            }
        };
        verdicts.others.push(other);
    }
    Ok(verdicts)
}

/// The heat map of the likeliest disease.
fn explained(model: &Model, chosen: &Chosen) -> Result<HeatMap, PipelineError> {
    let label = spoken_label(model, &chosen.prediction);
    Ok(model.explain(&chosen.prepared, &model.card().labels[label].key)?)
}

/// Index of the likeliest label that is a disease.
fn spoken_label(model: &Model, prediction: &Prediction) -> usize {
    let estimate = |index: &usize| prediction.labels[*index].probability.estimate.value();
    (0..prediction.labels.len())
        .filter(|index| !model.card().labels[*index].normal)
        .max_by(|a, b| estimate(a).total_cmp(&estimate(b)))
        .unwrap_or(0)
}

/// A defect as it may leave this machine: folders say who works where, and sometimes on whom.
fn without_folder(defect: &Defect) -> Defect {
    let place = defect.place.rsplit(['/', '\\']).next().unwrap_or_default();
    Defect::new(defect.kind, place, defect.message.clone())
}

fn case(
    series: &Series,
    readers: Readers<'_>,
    read: &Verdicts,
    heat_map: Option<&HeatMap>,
    quality: &QualityCard,
    options: &ReadOptions,
) -> Result<Case, PipelineError> {
    let models = readers.models;
    let input_sha256 = series.sources.first().map_or("", |source| source.sha256.as_str());
    let found = read.chosen.as_ref().map(|chosen| {
        let card = models[chosen.model].card();
        let heat_map = heat_map.map(|map| (map, HEATMAP));
        let mut found = findings(card, &chosen.prediction, &series.patient, heat_map, input_sha256);
        let patient = (options.request.as_slice(), series.patient.age_years);
        fuse_found(&mut found, card, patient, (&options.fusion, &options.request_readings)).map(|()| found)
    });
    let found = found.transpose()?;
    let abstentions = if found.is_some() { Vec::new() } else { read.abstentions(models) };
    let Found { findings, evidence, cautions } =
        found.unwrap_or_else(|| Found { findings: Vec::new(), evidence: Vec::new(), cautions: Vec::new() });
    let mut defects: Vec<Defect> = series.defects.iter().map(without_folder).collect();
    let worth_saying = quality.remarks.iter().filter(|remark| remark.severity == Severity::Warning);
    defects.extend(worth_saying.map(|remark| Defect::new(DefectKind::Quality, "image", remark.text.clone())));
    if let Image::Cine(cine) = &series.image {
        let frames = cine.frames();
        let message = format!("a cine of {frames} frames: only frame {} is read", frames / 2 + 1);
        defects.push(Defect::new(DefectKind::Unsupported, "image", message));
    }
    Ok(Case {
        id: report_id(series, readers, options),
        exam: exam(series, read.chosen.as_ref().map(|chosen| &models[chosen.model])),
        findings,
        evidence,
        abstentions,
        defects,
        request: options.request.clone(),
        comparison: None,
        priors: Vec::new(),
        earlier: Vec::new(),
        cautions,
        models: read.chosen.iter().map(|chosen| model_use(models[chosen.model].card())).collect(),
        images: vec![ImageRef {
            title: series.title.clone(),
            sha256: input_sha256.to_owned(),
            heatmap: heat_map.map(|_| HEATMAP.to_owned()),
        }],
        decisions: options.decisions.clone(),
    })
}

/// Compares the findings of a case with earlier examinations, which must be of its kind.
fn compared(case: &mut Case, earlier: &[Comparable]) -> Result<Vec<Outcome>, PipelineError> {
    if earlier.is_empty() {
        return Ok(Vec::new());
    }
    for comparable in earlier {
        same_kind(&case.exam, comparable.exam.as_ref())?;
    }
    for (place, comparable) in earlier.iter().enumerate() {
        let (evidence, earlier) = prior::earlier(place, comparable);
        case.evidence.push(evidence);
        case.earlier.push(earlier);
    }
    let (priors, outcomes) = compare(&case.findings, &case.earlier);
    case.priors = priors;
    Ok(outcomes)
}

/// What was examined; where a picture file states no modality, the model that recognized it does.
fn exam(series: &Series, model: Option<&Model>) -> Exam {
    let [columns, rows, slices] = series.image.size();
    let spacing_mm = match (&series.image, series.image.geometry()) {
        (Image::Flat(image), _) => {
            image.spacing().map(|spacing| [spacing.between_columns.0, spacing.between_rows.0, 0.0])
        }
        (Image::Cine(cine), _) => {
            cine.spacing().map(|spacing| [spacing.between_columns.0, spacing.between_rows.0, 0.0])
        }
        (_, Some(geometry)) => {
            let spacing = geometry.spacing();
            Some([spacing.between_columns().0, spacing.between_rows().0, spacing.between_slices().0])
        }
        (_, None) => None,
    };
    let input = model.map(|model| &model.card().input);
    let recognized: Option<Modality> = input.and_then(|input| input.modalities.first().cloned());
    let body_part =
        series.body_part.clone().or_else(|| input.and_then(|input| input.body_parts.first().cloned()));
    Exam {
        modality: series.modality.clone().or(recognized),
        body_part: body_part.map(|part| part.to_lowercase()),
        view: series.view.clone(),
        size: [columns, rows, slices],
        spacing_mm,
        files: series.sources.len(),
    }
}

/// Decided by what was read, by whom and how, so that the same reading has the same name.
fn report_id(series: &Series, readers: Readers<'_>, options: &ReadOptions) -> String {
    let mut hash = Sha256::new();
    for source in &series.sources {
        hash.update(source.sha256.as_bytes());
    }
    for model in readers.models {
        hash.update(model.card().weights_sha256.as_bytes());
    }
    hash.update(options.seed.to_le_bytes());
    hash.update(options.request.join("\n").as_bytes());
    hash.update(options.program_version.as_bytes());
    for decision in &options.decisions {
        hash.update(decision.text().as_bytes());
    }
    if options.fusion.mode != FusionMode::Off {
        hash.update(to_json(&options.fusion).as_bytes());
        for reading in &options.request_readings {
            hash.update(to_json(reading).as_bytes());
        }
    }
    if let Some(knowledge) = &readers.knowledge {
        hash.update(to_json(&KnowledgeUse::of(knowledge, Vec::new())).as_bytes());
        let generation = knowledge.passages.and_then(|passages| passages.manifest());
        hash.update(generation.map_or("", |manifest| manifest.generation.as_str()).as_bytes());
    }
    for comparable in &options.earlier {
        hash.update(comparable.source.as_bytes());
        // Another earlier report is compared with in other words.
        hash.update(to_json(&comparable.findings).as_bytes());
    }
    hex(&hash.finalize())[..12].to_owned()
}

fn page_picture(
    series: &Series,
    (png, overlay): (&[u8], Option<&Vec<u8>>),
    read: &Verdicts,
    models: &[Model],
    fusion: FusionMode,
) -> HtmlImage {
    // The network's own number, which is not the finding's where others moved that.
    let by = if fusion == FusionMode::Off { "" } else { " by the image alone" };
    let overlay_caption = read.chosen.as_ref().map_or(String::new(), |chosen| {
        let model = &models[chosen.model];
        let label = spoken_label(model, &chosen.prediction);
        let estimate = chosen.prediction.labels[label].probability.estimate.value();
        format!(
            "What raised the score for {} (Grad-CAM; estimated probability{by} {:.0} %). It shows where the network \
             looked, not where disease is.",
            model.card().labels[label].name,
            estimate * 100.0
        )
    });
    HtmlImage {
        caption: series.title.clone(),
        png: png.to_vec(),
        overlay_png: overlay.cloned(),
        overlay_caption,
    }
}

pub(crate) fn to_json(value: &impl serde::Serialize) -> String {
    let mut json =
        serde_json::to_string_pretty(value).expect("a report holds no map with other keys than text");
    json.push('\n');
    json
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_leaves_without_the_folders_of_its_file() {
        let defect =
            Defect::new(DefectKind::Header, "/home/jane/Doe John/scan.nii affine", "unit is not known");
        assert_eq!(without_folder(&defect).place, "scan.nii affine");
        let slice = Defect::new(DefectKind::MissingSlice, "slice 4", "is missing");
        assert_eq!(without_folder(&slice), slice);
    }
}
