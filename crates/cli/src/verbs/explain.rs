mod cases;
mod certificate;
mod concepts;
pub(super) mod data;
mod dicom;
mod page;
mod scores;
mod slices;

pub use certificate::rows as certificate_rows;

use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};
use wilhelm_filters::Prepared;
use wilhelm_filters::montage::ColorPicture;
use wilhelm_formats::{Compression, encode_nifti, encode_png_gray, encode_png_rgb};
use wilhelm_nets::explain::{
    Attribution, ExplainSettings, Explanation, Method, Metric, Pointing, SanityScores, StoredCases,
    contact_sheet, pointing,
};
use wilhelm_nets::{Model, Prediction};
use wilhelm_pipeline::{Candidate, Reading, predict_planes, prepared};
use wilhelm_study::{Arbitrary, Geometry, Image, Mm, Series, Spacing, Volume};

use crate::args::{self, CaseMetric, ExplainMethod, ExplainVerb};
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, write_folder};
use crate::progress::Line;
use crate::{pick, shelf, table};
use slices::Slices;

/// Pictures in a row of the overview.
const ACROSS: usize = 4;
/// What every output says of every map.
const WHAT_A_MAP_IS: &str = "A map shows what raised a number, not what causes disease.";
/// Similar cases listed of each kind.
const NEIGHBORS: usize = 5;

/// `wilhelm explain`
pub fn run(verb: &args::Explain, config: &Config) -> anyhow::Result<Exit> {
    match (&verb.verb, &verb.image) {
        (Some(ExplainVerb::Certificate(verb)), _) => certificate::run(verb, config),
        (Some(ExplainVerb::Scores(verb)), _) => scores::run(verb, config),
        (Some(ExplainVerb::Cases(verb)), _) => cases::run(verb, config),
        (Some(ExplainVerb::Concepts(verb)), _) => concepts::run(verb, config),
        (None, Some(verb)) => image(verb, config),
        (None, None) => Err(Stop::usage(
            "explain needs an IMAGE and a --model, or `certificate`, `scores`, `cases` or `concepts`",
        )),
    }
}

/// One map with what goes with it.
struct Shown {
    explanation: Explanation,
    /// Least and greatest value, and column, row and slice of the greatest on the image's own grid.
    range: (f32, f32),
    peak: [usize; 3],
    scores: Option<SanityScores>,
    pointing: Option<Pointing>,
    /// Over the image, of a volume over the slice of the greatest value.
    overlay: ColorPicture,
    /// The slices of a volume that stand side by side in a picture, from 0.
    sheet: Vec<usize>,
}

fn image(verb: &args::ExplainImage, config: &Config) -> anyhow::Result<Exit> {
    let model = shelf::open(verb.models.as_deref(), config)?.get(&verb.model)?.load()?;
    let settings = settings(verb, &model)?;
    let cases = verb.cases.as_deref().map(|path| stored_cases(path, &model, config)).transpose()?;
    let mut all = pick::series(std::slice::from_ref(&verb.image), config)?;
    let series = match all.len() {
        1 => all.remove(0),
        count => return Err(Stop::usage(format!("{count} series were found, expected one image"))),
    };
    let candidate = match model.card().architecture.slices {
        1 => Candidate::of_series(&series)?,
        _ => Candidate::of_volume(&series)?,
    };
    let flat = [candidate.plane.columns(), candidate.plane.rows(), 1];
    let size = candidate.volume.map_or(flat, |stack| stack.size);
    if verb.dicom {
        dicom::check(&series)?;
    }
    let truth = verb.mask.as_deref().map(|path| truth(path, size, config)).transpose()?;
    let (prediction, prepared, note) = read(&model, &candidate, &series)?;
    let label = label(verb.label.as_deref(), &model, &prediction)?;

    let line = Line::new("explaining");
    let methods = methods(&verb.method, &model)?;
    let random = if verb.no_scores { None } else { Some(model.random_orders(&prepared, &label, &settings)?) };
    let slices = Slices::new(&candidate)?;
    let shown_truth = truth.as_deref().map(|truth| slices.nearest(truth));
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut shown = Vec::with_capacity(methods.len());
    for (done, method) in methods.iter().enumerate() {
        line.at(done, methods.len());
        let explanation = model.attribution(&prepared, &label, *method, &settings)?;
        let scores = match &random {
            Some(random) => Some(model.sanity(&prepared, &explanation, random, &settings)?),
            None => None,
        };
        let native = explanation.map.onto(explanation.placement(size[2]), size)?;
        let pointing = match &truth {
            Some(truth) => Some(pointing(&native, truth, size, verb.tolerance)?),
            None => None,
        };
        let drawn = slices.drawn(&native, shown_truth.as_deref())?;
        let key = method.key();
        files.push((format!("overlay-{key}.png"), png(&drawn.overlay)?));
        if let Some(sheet) = &drawn.sheet {
            files.push((format!("slices-{key}.png"), png(sheet)?));
        }
        if verb.every_slice {
            for at in 0..size[2] {
                let over = slices.one(&drawn, at, shown_truth.as_deref())?;
                files.push((format!("overlay-{key}-slice-{:04}.png", at + 1), png(&over)?));
            }
        }
        let volume = map_volume(&native, &series)?;
        files.push((format!("map-{key}.nii.gz"), encode_nifti(&volume, Compression::Gzip)));
        if verb.dicom {
            files.push((format!("map-{key}.dcm"), dicom::map(&volume, &explanation, &series, config)?));
        }
        let range = range(native.values());
        let (overlay, sheet) = (drawn.overlay, drawn.places);
        shown.push(Shown { explanation, range, peak: native.peak(), scores, pointing, overlay, sheet });
    }
    drop(line);
    let similar = match &cases {
        Some(cases) => Some(cases.similar(&prediction.features, &label, metric(verb.metric), NEIGHBORS)?),
        None => None,
    };

    let mut summary = summary(&series, &model, &prediction, &label, &settings, &shown);
    if size[2] > 1 {
        summary["slices"] = json!(size[2]);
    }
    if verb.dicom {
        for map in summary["maps"].as_array_mut().into_iter().flatten() {
            map["dicom"] = json!(format!("map-{}.dcm", map["method"].as_str().unwrap_or_default()));
        }
    }
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
    let (columns, rows, gray) = slices.middle();
    files.extend([
        ("image.png".to_owned(), encode_png_gray(u32::try_from(columns)?, u32::try_from(rows)?, gray)?),
        (
            "explanation.json".to_owned(),
            format!("{}\n", serde_json::to_string_pretty(&summary)?).into_bytes(),
        ),
        ("explanation.html".to_owned(), html.into_bytes()),
    ]);
    let blank = slices.plain(shown_truth.as_deref())?;
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
        let single = |name: &&str| !name.contains("-slice-");
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).filter(single).collect();
        print(&format!("in {}: {}\n", verb.out.display(), names.join(", ")))?;
    }
    Ok(if series.defects.is_empty() && !prediction.abstains { Exit::Done } else { Exit::Defects })
}

/// Settings that fit the network, with what the command line asks for.
fn settings(verb: &args::ExplainImage, model: &Model) -> anyhow::Result<ExplainSettings> {
    let mut settings = with_layer(model.explain_settings(verb.seed), verb.layer, model)?;
    if let Some(window) = verb.window {
        settings.window.window = window;
        settings.window.stride = window.div_ceil(2);
    }
    settings.window.stride = verb.stride.unwrap_or(settings.window.stride);
    settings.path.steps = verb.steps.unwrap_or(settings.path.steps);
    settings.noise.samples = verb.samples.unwrap_or(settings.noise.samples);
    Ok(settings)
}

/// The same with the layer that was asked for.
fn with_layer(
    mut settings: ExplainSettings,
    layer: Option<usize>,
    model: &Model,
) -> anyhow::Result<ExplainSettings> {
    let layers = model.map_layers().len();
    if let Some(layer) = layer {
        if !(1..=layers).contains(&layer) {
            let known: Vec<String> = model
                .map_layers()
                .iter()
                .map(|layer| {
                    format!("{} ({})", layer.number, sides([layer.columns, layer.rows, layer.slices]))
                })
                .collect();
            return Err(Stop::usage(format!(
                "--layer {layer}: model {} has the layers {}",
                model.card().name,
                known.join(", ")
            )));
        }
        settings.layer = layer;
    }
    Ok(settings)
}

/// The methods that were asked for; of all, those that have something to say of the network.
fn methods(asked: &[ExplainMethod], model: &Model) -> anyhow::Result<Vec<Method>> {
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
    let chosen: Vec<Method> = Method::ALL.into_iter().filter(asks).collect();
    if asked.contains(&ExplainMethod::All) {
        return Ok(chosen.into_iter().filter(|method| model.check_method(*method).is_ok()).collect());
    }
    chosen.iter().try_for_each(|method| model.check_method(*method))?;
    Ok(chosen)
}

fn range(values: &[f32]) -> (f32, f32) {
    values
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)))
}

/// The sides of a grid; a flat one has two.
fn sides([columns, rows, slices]: [usize; 3]) -> String {
    if slices == 1 { format!("{columns} x {rows}") } else { format!("{columns} x {rows} x {slices}") }
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
    match predict_planes(model, std::slice::from_ref(candidate))?.pop() {
        Some(Reading::Read { prediction, prepared }) => Ok((prediction, prepared, None)),
        Some(Reading::Abstained { reason, prediction }) => {
            let note = format!("{name} abstains: {reason}; what raised its numbers is shown all the same.");
            Ok((prediction, prepared(candidate, model.card())?, Some(note)))
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

/// The pixels of a truth that has the image's size, and holds some.
fn truth(path: &Path, size: [usize; 3], config: &Config) -> anyhow::Result<Vec<bool>> {
    let inside = mask(path, size, config)?;
    if !inside.contains(&true) {
        return Err(Stop::input(format!("mask {} is empty: no pixel is above 0", path.display())));
    }
    Ok(inside)
}

/// The pixels of a mask that has the image's size.
fn mask(path: &Path, size: [usize; 3], config: &Config) -> anyhow::Result<Vec<bool>> {
    let mut all = pick::series(std::slice::from_ref(&path.to_owned()), config)?;
    let name = path.display();
    let series = match all.len() {
        1 => all.remove(0),
        count => return Err(Stop::input(format!("mask {name} holds {count} images, expected one"))),
    };
    let found = series.image.size();
    if found != size {
        let unit = if size[2] == 1 { "pixels" } else { "voxels" };
        return Err(Stop::input(format!(
            "mask {name} has {} {unit}, the image has {}",
            sides(found),
            sides(size)
        )));
    }
    Ok(series.image.values().iter().map(|value| *value > 0.0).collect())
}

/// A map as a volume, for files that hold volumes: in the space of the image's own slices where it has one, else on a grid
/// that only counts pixels.
fn map_volume(native: &Attribution, series: &Series) -> anyhow::Result<Volume<Arbitrary>> {
    let [columns, rows, slices] = native.size();
    let geometry = match (&series.image, series.image.geometry()) {
        (_, Some(geometry)) if geometry.size()[2] == slices => *geometry,
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
    let ([column, row, slice], (least, greatest)) = (one.peak, one.range);
    let deep = explanation.map.size()[2] > 1;
    // Pixels and places of a flat image have two numbers.
    let shown = if deep { 3 } else { 2 };
    let mut map = json!({
        "method": explanation.method,
        "name": explanation.method.name(),
        "a_bright_place_says": explanation.method.says(),
        "layer": explanation.layer,
        "computed_on": explanation.own_size[..shown],
        "region": explanation.region,
        "least": least,
        "greatest": greatest,
        "greatest_at": { "column": column, "row": row },
        "completeness": explanation.completeness,
        "attention_elsewhere": explanation.elsewhere,
        "sanity": one.scores,
        "pointing": one.pointing,
        "overlay": format!("overlay-{}.png", explanation.method.key()),
        "map": format!("map-{}.nii.gz", explanation.method.key()),
    });
    if deep {
        map["greatest_at"]["slice"] = json!(slice);
        map["slices"] = json!(format!("slices-{}.png", explanation.method.key()));
        map["slices_shown"] = json!(one.sheet);
    }
    map
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
    let grid = sides(explanation.own_size);
    match explanation.layer {
        Some(layer) => format!("layer {}: {grid}", layer.number),
        None => grid,
    }
}

fn score_table(shown: &[Shown]) -> String {
    table::columns(&SCORE_COLUMNS, &shown.iter().map(score_cells).collect::<Vec<_>>())
}
