mod cases;
mod certificate;
mod concepts;
pub(super) mod data;
mod page;

use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};
use wilhelm_filters::montage::ColorPicture;
use wilhelm_filters::{PrepareError, Prepared, prepare};
use wilhelm_formats::{Compression, encode_nifti, encode_png_gray, encode_png_rgb};
use wilhelm_nets::explain::{
    Attribution, ExplainSettings, Explanation, Method, Metric, Pointing, SanityScores, StoredCases,
    contact_sheet, display_weights, overlay, pointing,
};
use wilhelm_nets::{Model, Prediction};
use wilhelm_pipeline::{Candidate, Reading, picture, predict_planes};
use wilhelm_study::{Arbitrary, Geometry, Image, Mm, Series, Spacing, Volume};

use crate::args::{self, CaseMetric, ExplainMethod, ExplainVerb};
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, write_folder};
use crate::progress::Line;
use crate::{pick, shelf, table};

/// Pictures in a row of the overview.
const ACROSS: usize = 4;
/// What every output says of every map.
const WHAT_A_MAP_IS: &str = "A map shows what raised a number, not what causes disease.";
/// Similar cases listed of each kind.
const NEIGHBORS: usize = 5;
/// Pixels along the longer side of a picture, at least.
const LEAST_SIDE: usize = 320;

/// `wilhelm explain`
pub fn run(verb: &args::Explain, config: &Config) -> anyhow::Result<Exit> {
    match (&verb.verb, &verb.image) {
        (Some(ExplainVerb::Certificate(verb)), _) => certificate::run(verb, config),
        (Some(ExplainVerb::Cases(verb)), _) => cases::run(verb, config),
        (Some(ExplainVerb::Concepts(verb)), _) => concepts::run(verb, config),
        (None, Some(verb)) => image(verb, config),
        (None, None) => {
            Err(Stop::usage("explain needs an IMAGE and a --model, or `certificate`, `cases` or `concepts`"))
        }
    }
}

/// One map with what goes with it.
struct Shown {
    explanation: Explanation,
    native: Attribution,
    scores: Option<SanityScores>,
    pointing: Option<Pointing>,
    overlay: ColorPicture,
}

fn image(verb: &args::ExplainImage, config: &Config) -> anyhow::Result<Exit> {
    let model = shelf::open(verb.models.as_deref(), config)?.get(&verb.model)?.load()?;
    model.require_flat()?;
    let settings = settings(verb, &model)?;
    let cases = verb.cases.as_deref().map(|path| stored_cases(path, &model, config)).transpose()?;
    let mut all = pick::series(std::slice::from_ref(&verb.image), config)?;
    let series = match all.len() {
        1 => all.remove(0),
        count => return Err(Stop::usage(format!("{count} series were found, expected one image"))),
    };
    let candidate = Candidate::of_series(&series)?;
    let size = [candidate.plane.columns(), candidate.plane.rows()];
    let truth = verb.mask.as_deref().map(|path| truth(path, size, config)).transpose()?;
    let (prediction, prepared, note) = read(&model, &candidate, &series)?;
    let label = label(verb.label.as_deref(), &model, &prediction)?;

    let line = Line::new("explaining");
    let methods = methods(&verb.method);
    let random = if verb.no_scores { None } else { Some(model.random_orders(&prepared, &label, &settings)?) };
    let (gray, columns, rows) = picture(candidate.plane, candidate.bounds)?;
    let shown_truth = truth.as_deref().map(|truth| nearest(truth, size, [columns, rows]));
    let mut shown = Vec::with_capacity(methods.len());
    for (done, method) in methods.iter().enumerate() {
        line.at(done, methods.len());
        let explanation = model.attribution(&prepared, &label, *method, &settings)?;
        let scores = match &random {
            Some(random) => Some(model.sanity(&prepared, &explanation, random, &settings)?),
            None => None,
        };
        let native = explanation.map.onto(explanation.placement(), [size[0], size[1], 1])?;
        let pointing = match &truth {
            Some(truth) => Some(pointing(&native, truth, native.size(), verb.tolerance)?),
            None => None,
        };
        let weights = display_weights(native.resampled([columns, rows, 1])?.values());
        let overlay = overlay(&gray, &weights, shown_truth.as_deref(), [columns, rows], LEAST_SIDE)?;
        shown.push(Shown { explanation, native, scores, pointing, overlay });
    }
    drop(line);
    let similar = match &cases {
        Some(cases) => Some(cases.similar(&prediction.features, &label, metric(verb.metric), NEIGHBORS)?),
        None => None,
    };

    let mut summary = summary(&series, &model, &prediction, &label, &settings, &shown);
    if let Some(similar) = &similar {
        summary["similar_cases"] = json!(similar);
        summary["distance"] = json!(metric(verb.metric));
    }
    let mut notes = vec![WHAT_A_MAP_IS.to_owned()];
    notes.extend(note);
    notes.extend(page::remarks(&shown));
    summary["notes"] = json!(notes);
    summary["research_use_only"] = json!(true);
    let html = page::page(&summary, &shown, &notes);
    let mut files: Vec<(String, Vec<u8>)> = vec![
        ("image.png".to_owned(), encode_png_gray(u32::try_from(columns)?, u32::try_from(rows)?, &gray)?),
        (
            "explanation.json".to_owned(),
            format!("{}\n", serde_json::to_string_pretty(&summary)?).into_bytes(),
        ),
        ("explanation.html".to_owned(), html.into_bytes()),
    ];
    for one in &shown {
        let key = one.explanation.method.key();
        files.push((format!("overlay-{key}.png"), png(&one.overlay)?));
        let volume = map_volume(&one.native, &series)?;
        files.push((format!("map-{key}.nii.gz"), encode_nifti(&volume, Compression::Gzip)));
    }
    let blank = overlay(&gray, &vec![0.0; gray.len()], shown_truth.as_deref(), [columns, rows], LEAST_SIDE)?;
    let sheet: Vec<ColorPicture> =
        std::iter::once(blank).chain(shown.iter().map(|one| one.overlay.clone())).collect();
    files.push(("overview.png".to_owned(), png(&contact_sheet(&sheet, ACROSS))?));
    let borrowed: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    write_folder(&verb.out, &borrowed, verb.force)?;
    if verb.json {
        print_json(&summary)?;
    } else {
        print(&page::text(&summary, &shown, &notes))?;
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        print(&format!("in {}: {}\n", verb.out.display(), names.join(", ")))?;
    }
    Ok(if series.defects.is_empty() && !prediction.abstains { Exit::Done } else { Exit::Defects })
}

/// Settings that fit the network, with what the command line asks for.
fn settings(verb: &args::ExplainImage, model: &Model) -> anyhow::Result<ExplainSettings> {
    let mut settings = model.explain_settings(verb.seed);
    let layers = model.map_layers().len();
    if let Some(layer) = verb.layer {
        if !(1..=layers).contains(&layer) {
            let known: Vec<String> = model
                .map_layers()
                .iter()
                .map(|layer| format!("{} ({} x {})", layer.number, layer.columns, layer.rows))
                .collect();
            return Err(Stop::usage(format!(
                "--layer {layer}: model {} has the layers {}",
                model.card().name,
                known.join(", ")
            )));
        }
        settings.layer = layer;
    }
    if let Some(window) = verb.window {
        settings.window.window = window;
        settings.window.stride = window.div_ceil(2);
    }
    settings.window.stride = verb.stride.unwrap_or(settings.window.stride);
    settings.path.steps = verb.steps.unwrap_or(settings.path.steps);
    settings.noise.samples = verb.samples.unwrap_or(settings.noise.samples);
    Ok(settings)
}

fn methods(asked: &[ExplainMethod]) -> Vec<Method> {
    let asks = |method: &Method| {
        asked.iter().any(|asked| match asked {
            ExplainMethod::GradCam => *method == Method::GradCam,
            ExplainMethod::GradCamPlusPlus => *method == Method::GradCamPlusPlus,
            ExplainMethod::IntegratedGradients => *method == Method::IntegratedGradients,
            ExplainMethod::SmoothGrad => *method == Method::SmoothGrad,
            ExplainMethod::Occlusion => *method == Method::Occlusion,
            ExplainMethod::Rollout => *method == Method::Rollout,
            ExplainMethod::All => true,
        })
    };
    Method::ALL.into_iter().filter(asks).collect()
}

const fn metric(metric: CaseMetric) -> Metric {
    match metric {
        CaseMetric::Cosine => Metric::Cosine,
        CaseMetric::Euclid => Metric::Euclid,
    }
}

/// What the model says of the image; one that it abstains from is explained all the same, and the note says so.
fn read(
    model: &Model,
    candidate: &Candidate<'_>,
    series: &Series,
) -> anyhow::Result<(Prediction, Prepared, Option<String>)> {
    let name = &model.card().name;
    let prepared = || -> Result<Prepared, PrepareError> {
        prepare(candidate.plane, candidate.bounds, &model.card().preparation)
    };
    match predict_planes(model, std::slice::from_ref(candidate))?.pop() {
        Some(Reading::Read { prediction, prepared }) => Ok((prediction, prepared, None)),
        Some(Reading::Abstained { reason, prediction }) => {
            let note = format!("{name} abstains: {reason}; what raised its numbers is shown all the same.");
            Ok((prediction, prepared()?, Some(note)))
        }
        Some(Reading::Refused { reason }) => {
            Err(Stop::input(format!("{}: {name} does not read this image: {reason}", series.title)))
        }
        _ => Err(Stop::ours("an image was given and no reading came back")),
    }
}

/// The label asked for, or the likeliest that is a disease.
fn label(asked: Option<&str>, model: &Model, prediction: &Prediction) -> anyhow::Result<String> {
    let labels = &model.card().labels;
    if let Some(asked) = asked {
        if labels.iter().any(|label| label.key == asked) {
            return Ok(asked.to_owned());
        }
        let known: Vec<&str> = labels.iter().map(|label| label.key.as_str()).collect();
        return Err(Stop::usage(format!(
            "--label {asked}: model {} has the labels {}",
            model.card().name,
            known.join(", ")
        )));
    }
    let estimate = |at: &usize| prediction.labels[*at].probability.estimate.value();
    let disease = (0..labels.len()).filter(|at| !labels[*at].normal);
    let likeliest = disease.max_by(|a, b| estimate(a).total_cmp(&estimate(b))).unwrap_or(0);
    Ok(labels[likeliest].key.clone())
}

fn stored_cases(path: &Path, model: &Model, config: &Config) -> anyhow::Result<StoredCases> {
    let most = config.limits().file_bytes;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(most.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(|error| Stop::input(format!("stored cases {} are not readable: {error}", path.display())))?;
    if bytes.len() as u64 > most {
        return Err(Stop::input(format!("stored cases {} are larger than {most} bytes", path.display())));
    }
    let cases = StoredCases::from_bytes(&bytes)?;
    cases.check_model(&model.card().name, &model.card().weights_sha256)?;
    Ok(cases)
}

/// The pixels of a truth that has the image's size.
fn truth(path: &Path, size: [usize; 2], config: &Config) -> anyhow::Result<Vec<bool>> {
    let mut all = pick::series(std::slice::from_ref(&path.to_owned()), config)?;
    let name = path.display();
    let series = match all.len() {
        1 => all.remove(0),
        count => return Err(Stop::input(format!("mask {name} holds {count} images, expected one"))),
    };
    let [columns, rows, slices] = series.image.size();
    if [columns, rows, slices] != [size[0], size[1], 1] {
        return Err(Stop::input(format!(
            "mask {name} has {columns} x {rows} pixels, the image has {} x {}",
            size[0], size[1]
        )));
    }
    let inside: Vec<bool> = series.image.values().iter().map(|value| *value > 0.0).collect();
    if !inside.contains(&true) {
        return Err(Stop::input(format!("mask {name} is empty: no pixel is above 0")));
    }
    Ok(inside)
}

/// A truth at another size, as its nearest pixels.
fn nearest(truth: &[bool], [columns, rows]: [usize; 2], [to_columns, to_rows]: [usize; 2]) -> Vec<bool> {
    let at = |place: usize, to: usize, from: usize| ((2 * place + 1) * from / (2 * to)).min(from - 1);
    (0..to_columns * to_rows)
        .map(|place| {
            let (column, row) = (place % to_columns, place / to_columns);
            truth[at(row, to_rows, rows) * columns + at(column, to_columns, columns)]
        })
        .collect()
}

/// A map as a volume of one slice, for files that hold volumes: in the space of the image's own slice where it has one,
/// else on a grid that only counts pixels.
fn map_volume(native: &Attribution, series: &Series) -> anyhow::Result<Volume<Arbitrary>> {
    let [columns, rows, _] = native.size();
    let geometry = match (&series.image, series.image.geometry()) {
        (_, Some(geometry)) => geometry.cropped([0, 0, geometry.size()[2] / 2], [columns, rows, 1])?,
        (Image::Flat(image), None) => {
            let spacing = image.spacing().map(|spacing| [spacing.between_columns, spacing.between_rows]);
            let [x, y] = spacing.unwrap_or([Mm(1.0); 2]);
            Geometry::axis_aligned([columns, rows, 1], Spacing::new(x, y, Mm(1.0))?)?
        }
        _ => Geometry::axis_aligned([columns, rows, 1], Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0))?)?,
    };
    Ok(Volume::new(geometry, native.values().to_vec())?)
}

fn png(picture: &ColorPicture) -> anyhow::Result<Vec<u8>> {
    let (columns, rows) = (u32::try_from(picture.columns)?, u32::try_from(picture.rows)?);
    Ok(encode_png_rgb(columns, rows, &picture.pixels)?)
}

fn summary(
    series: &Series,
    model: &Model,
    prediction: &Prediction,
    label: &str,
    settings: &ExplainSettings,
    shown: &[Shown],
) -> Value {
    let card = model.card();
    let named =
        card.labels.iter().find(|known| known.key == label).map_or(label, |known| known.name.as_str());
    let probabilities: serde_json::Map<String, Value> = prediction
        .labels
        .iter()
        .map(|one| (one.label.clone(), json!(one.probability.estimate.value())))
        .collect();
    json!({
        "image": series.title,
        "sha256": series.sources.first().map(|source| source.sha256.as_str()),
        "model": { "name": card.name, "version": card.version, "weights_sha256": card.weights_sha256 },
        "label": label,
        "label_name": named,
        "probabilities": probabilities,
        "outlier_score": prediction.outlier_score,
        "abstains": prediction.abstains,
        "layers": model.map_layers(),
        "settings": {
            "seed": settings.seed,
            "baseline": settings.path.baseline,
            "steps": settings.path.steps,
            "samples": settings.noise.samples,
            "noise": settings.noise.noise,
            "window": settings.window.window,
            "stride": settings.window.stride,
        },
        "maps": shown.iter().map(map_json).collect::<Vec<_>>(),
    })
}

fn map_json(one: &Shown) -> Value {
    let explanation = &one.explanation;
    let [column, row, _] = one.native.peak();
    let range =
        one.native.values().iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
            (low.min(*value), high.max(*value))
        });
    json!({
        "method": explanation.method,
        "name": explanation.method.name(),
        "a_bright_place_says": explanation.method.says(),
        "layer": explanation.layer,
        "computed_on": explanation.own_size,
        "region": explanation.region,
        "least": range.0,
        "greatest": range.1,
        "greatest_at": { "column": column, "row": row },
        "completeness": explanation.completeness,
        "attention_elsewhere": explanation.elsewhere,
        "sanity": one.scores,
        "pointing": one.pointing,
        "overlay": format!("overlay-{}.png", explanation.method.key()),
        "map": format!("map-{}.nii.gz", explanation.method.key()),
    })
}

/// The scores of a map as a line of a table.
fn score_cells(one: &Shown) -> Vec<String> {
    let rounded = |value: f64| format!("{value:.2}");
    let mut cells = vec![one.explanation.method.name().to_owned(), grid_words(&one.explanation)];
    match &one.scores {
        Some(scores) => {
            let last = scores.randomization.steps.last();
            let correlation = last.and_then(|step| step.rank_correlation);
            cells.push(correlation.map_or_else(|| "-".to_owned(), rounded));
            cells.push(last.map_or_else(|| "-".to_owned(), |step| rounded(step.structural_similarity)));
            let random = |areas: &wilhelm_nets::explain::RandomAreas| {
                format!("{:.2} ({:.2} to {:.2})", areas.mean, areas.low, areas.high)
            };
            let found = &scores.faithfulness;
            cells.push(rounded(found.deletion.area));
            cells.push(random(&found.deletion_random));
            cells.push(rounded(found.insertion.area));
            cells.push(random(&found.insertion_random));
        }
        None => cells.extend(std::iter::repeat_n("-".to_owned(), 6)),
    }
    cells.push(match &one.pointing {
        Some(found) => {
            let inside =
                found.inside.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", 100.0 * share));
            let truth = 100.0 * found.truth_share;
            format!("{}, {inside} inside ({truth:.0} % by chance)", if found.hit { "hit" } else { "miss" })
        }
        None => "-".to_owned(),
    });
    cells
}

/// Names of the columns of [`score_cells`].
const SCORE_COLUMNS: [&str; 9] =
    ["map", "computed on", "rank corr.", "SSIM", "deletion", "random", "insertion", "random", "pointing"];

fn grid_words(explanation: &Explanation) -> String {
    let [columns, rows] = explanation.own_size;
    match explanation.layer {
        Some(layer) => format!("layer {}: {columns} x {rows}", layer.number),
        None => format!("{columns} x {rows}"),
    }
}

fn score_table(shown: &[Shown]) -> String {
    table::columns(&SCORE_COLUMNS, &shown.iter().map(score_cells).collect::<Vec<_>>())
}
