//! What a detector is worth: candidates against lesions, as a free-response curve.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wilhelm_stats::{
    BootstrapInterval, Candidate, DetectedImage, FrocPoint, FrocReading, LUNA16_RATES, Resampling,
    froc_curve, froc_score,
};

use super::error::some;
use super::{EvaluationError, Figure, Method, Table};

/// How candidates meet lesions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DetectionSettings {
    /// Column that says which image a row is of; otherwise `image`, `case`, `seriesuid` or `file`.
    pub image: Option<String>,
    /// Column of the candidates' scores; otherwise `score`, `probability` or `confidence`.
    pub score: Option<String>,
    /// A candidate this close to a lesion's center hits it, in the tables' unit; otherwise each lesion's own radius.
    pub distance: Option<f64>,
    /// False positives an image at which the sensitivity is read; LUNA16's where none is named.
    pub rates: Vec<f64>,
    /// Resamples of images, coverage and seed of the intervals.
    pub resampling: Resampling,
}

impl Default for DetectionSettings {
    fn default() -> Self {
        let resampling = Resampling { replicates: 2000, level: 0.95, seed: 0 };
        Self { image: None, score: None, distance: None, rates: LUNA16_RATES.to_vec(), resampling }
    }
}

/// The figures of a detector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DetectionReport {
    /// The number of this shape of file.
    pub schema: u32,
    /// What made it.
    pub program: String,
    /// Always true: nothing here is approved for patients.
    pub research_use_only: bool,
    /// The table of candidates.
    pub candidates_file: String,
    /// The table of lesions.
    pub truth_file: String,
    /// How the figures were made.
    pub settings: DetectionSettings,
    /// Images, with or without lesions.
    pub images: usize,
    /// Lesions in them.
    pub lesions: usize,
    /// Candidates.
    pub candidates: usize,
    /// Lesions that no candidate hits, whatever its score.
    pub never_hit: usize,
    /// Sensitivity at each rate of false positives.
    pub sensitivities: Vec<RateFigure>,
    /// Their mean: with LUNA16's rates the competition performance metric.
    pub score: Figure,
    /// The free-response curve.
    pub curve: Vec<FrocPoint>,
    /// What to know when reading the figures.
    pub notes: Vec<String>,
}

/// The sensitivity at a rate of false positives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateFigure {
    /// False positives an image.
    pub false_positives_per_image: f64,
    /// Share of lesions that are hit.
    pub sensitivity: Figure,
}

/// A lesion's center and how close a candidate must come.
struct Lesion {
    center: Vec<f64>,
    reach: f64,
}

/// Meets candidates with lesions.
///
/// Both tables have a column of images and the coordinates `x`, `y` and, in volumes, `z`, in one unit; that of lesions
/// their `diameter` or `radius` unless a distance is given, that of candidates a score. `images` names every image that
/// was looked at, also those without lesions; without it they are those that the tables name.
///
/// A candidate hits the nearest lesion that it is close enough to. Of several on one lesion the surest counts; the others
/// are neither hits nor false positives.
///
/// # Errors
/// [`EvaluationError`] for a column that is not there, a cell that is no number, an image that `images` does not name,
/// tables that name no image in common, and tables without a lesion.
///
/// # Source
/// Setio et al. 2017, doi:10.1016/j.media.2017.06.015 (hits and rates)
pub fn meet(
    candidates: &Table,
    truth: &Table,
    images: Option<&Table>,
    settings: &DetectionSettings,
) -> Result<DetectionReport, EvaluationError> {
    super::check_resampling(settings.resampling)?;
    let rates = if settings.rates.is_empty() { LUNA16_RATES.to_vec() } else { settings.rates.clone() };
    if let Some(distance) = settings.distance {
        super::within("distance", distance, distance > 0.0 && distance.is_finite(), "more than 0")?;
    }
    if let Some(rate) = rates.iter().find(|rate| !(**rate >= 0.0 && rate.is_finite())) {
        return Err(EvaluationError::Setting { name: "rate", found: *rate, expected: "at least 0" });
    }
    let lesions = lesions(truth, settings)?;
    let dimensions = axes(truth).len();
    let found = candidates_of(candidates, settings, dimensions)?;
    let named = images.map(|table| names(table, settings)).transpose()?;
    let mut notes = Vec::new();
    let all: BTreeSet<&String> = match &named {
        Some(named) => {
            for (what, file, own) in [
                ("lesions", truth.file(), lesions.keys().collect::<Vec<_>>()),
                ("candidates", candidates.file(), found.keys().collect::<Vec<_>>()),
            ] {
                let unknown: Vec<String> =
                    own.into_iter().filter(|image| !named.contains(*image)).cloned().collect();
                if !unknown.is_empty() {
                    return Err(EvaluationError::Pairs(format!(
                        "{file} has {what} in images that the table of images does not name: {}",
                        some(&unknown)
                    )));
                }
            }
            named.iter().collect()
        }
        None => {
            // Names that are written in two ways would pass as a detector that finds nothing.
            if !lesions.keys().any(|image| found.contains_key(image)) {
                return Err(EvaluationError::Pairs(format!(
                    "{} and {} name no image in common: write images alike in both, or give a table of images where no \
                     image with lesions has a candidate",
                    candidates.file(),
                    truth.file()
                )));
            }
            notes.push(
                "Images are those that the two tables name: images without a lesion and without a candidate are not \
                 known, and false positives an image come out too many by them. A table of images names them all."
                    .to_owned(),
            );
            lesions.keys().chain(found.keys()).collect()
        }
    };
    let none = Vec::new();
    let detected: Vec<DetectedImage> = all
        .iter()
        .map(|image| {
            let lesions = lesions.get(*image).map_or(&[][..], Vec::as_slice);
            let candidates = found.get(*image).unwrap_or(&none).iter();
            let hit =
                |(score, at): &(f64, Vec<f64>)| Candidate { score: *score, lesion: nearest(lesions, at) };
            DetectedImage { lesions: lesions.len(), candidates: candidates.map(hit).collect() }
        })
        .collect();
    let curve = froc_curve(&detected)?;
    let score = froc_score(&detected, &rates, FrocReading::Linear, settings.resampling)?;
    let figure = |of: &BootstrapInterval| Figure::new(of.estimate, of.low, of.high, Method::Bootstrap);
    let sensitivities = rates
        .iter()
        .zip(&score.sensitivities)
        .map(|(rate, of)| RateFigure { false_positives_per_image: *rate, sensitivity: figure(of) });
    let hit = |image: &DetectedImage| {
        image.candidates.iter().filter_map(|candidate| candidate.lesion).collect::<BTreeSet<_>>().len()
    };
    let count: usize = detected.iter().map(|image| image.lesions).sum();
    let most = curve.last().map_or(0.0, |point| point.false_positives_per_image);
    if rates.iter().any(|rate| *rate > most) {
        notes.push(format!(
            "All candidates together are {most:.3} false positives an image: at greater rates the sensitivity is the \
             last that is reached."
        ));
    }
    Ok(DetectionReport {
        schema: super::Report::SCHEMA,
        program: format!("wilhelm {}", env!("CARGO_PKG_VERSION")),
        research_use_only: true,
        candidates_file: candidates.file().to_owned(),
        truth_file: truth.file().to_owned(),
        settings: DetectionSettings { rates: rates.clone(), ..settings.clone() },
        images: detected.len(),
        lesions: count,
        candidates: detected.iter().map(|image| image.candidates.len()).sum(),
        never_hit: count - detected.iter().map(hit).sum::<usize>(),
        sensitivities: sensitivities.collect(),
        score: figure(&score.score),
        curve,
        notes,
    })
}

/// The nearest lesion that a place is close enough to.
fn nearest(lesions: &[Lesion], at: &[f64]) -> Option<usize> {
    let distance =
        |lesion: &Lesion| lesion.center.iter().zip(at).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
    let near = lesions.iter().enumerate().map(|(nth, lesion)| (distance(lesion), nth, lesion.reach));
    let near = near.filter(|(distance, _, reach)| distance < reach);
    near.min_by(|(first, ..), (second, ..)| first.total_cmp(second)).map(|(_, nth, _)| nth)
}

/// The places of the coordinates' columns.
fn axes(table: &Table) -> Vec<usize> {
    let place = |axis: &str| {
        table.header().iter().position(|name| {
            let name = name.to_ascii_lowercase();
            name == axis || name == format!("coord{axis}") || name == format!("{axis}_mm")
        })
    };
    ["x", "y", "z"].into_iter().map_while(place).collect()
}

fn center(table: &Table, dimensions: usize) -> Result<Vec<usize>, EvaluationError> {
    let found = axes(table);
    if found.len() < 2 || found.len() != dimensions {
        let expected = if dimensions == 3 { "x, y and z" } else { "x and y" };
        let columns = table.header().join(", ");
        return Err(
            table.fail(format!("expected the coordinates {expected} as columns; there are {columns}"))
        );
    }
    Ok(found)
}

fn lesions(
    table: &Table,
    settings: &DetectionSettings,
) -> Result<BTreeMap<String, Vec<Lesion>>, EvaluationError> {
    let image = table.named_or(settings.image.as_deref(), &IMAGE, "--image")?;
    let places = center(table, axes(table).len().max(2))?;
    let column = |usual: &[&str]| {
        usual.iter().find_map(|name| table.header().iter().position(|own| own.eq_ignore_ascii_case(name)))
    };
    let reach =
        match (settings.distance, column(&["radius", "radius_mm"]), column(&["diameter", "diameter_mm"])) {
            (Some(_), ..) => None,
            (None, Some(radius), _) => Some((radius, 1.0)),
            (None, None, Some(diameter)) => Some((diameter, 0.5)),
            (None, None, None) => {
                let what =
                    "no column radius or diameter says how large a lesion is: add one, or name a --distance";
                return Err(table.fail(what.to_owned()));
            }
        };
    let mut lesions: BTreeMap<String, Vec<Lesion>> = BTreeMap::new();
    for row in table.rows() {
        let center = places.iter().map(|place| table.number(row, *place)).collect::<Result<_, _>>()?;
        let reach = match (reach, settings.distance) {
            (Some((place, factor)), _) => {
                let size = table.number(row, place)?;
                if size <= 0.0 {
                    return Err(table.fail_cell(row, place, "expected more than 0"));
                }
                size * factor
            }
            (None, distance) => distance.unwrap_or_default(),
        };
        lesions.entry(row.cells[image].clone()).or_default().push(Lesion { center, reach });
    }
    Ok(lesions)
}

/// Scores and places of each image's candidates.
type Found = BTreeMap<String, Vec<(f64, Vec<f64>)>>;

fn candidates_of(
    table: &Table,
    settings: &DetectionSettings,
    dimensions: usize,
) -> Result<Found, EvaluationError> {
    let image = table.named_or(settings.image.as_deref(), &IMAGE, "--image")?;
    let score =
        table.named_or(settings.score.as_deref(), &["score", "probability", "confidence"], "--score")?;
    let places = center(table, dimensions)?;
    let mut found = Found::new();
    for row in table.rows() {
        let at = places.iter().map(|place| table.number(row, *place)).collect::<Result<_, _>>()?;
        let score = table.number(row, score)?;
        found.entry(row.cells[image].clone()).or_default().push((score, at));
    }
    Ok(found)
}

fn names(table: &Table, settings: &DetectionSettings) -> Result<BTreeSet<String>, EvaluationError> {
    let image = table.named_or(settings.image.as_deref(), &IMAGE, "--image")?;
    Ok(table.rows().iter().map(|row| row.cells[image].clone()).collect())
}

/// Usual names of the column of images.
const IMAGE: [&str; 4] = ["image", "case", "seriesuid", "file"];

#[cfg(test)]
mod tests {
    use super::*;

    fn table(file: &str, text: &str) -> Table {
        Table::parse(file, text.as_bytes()).expect("a table")
    }

    fn truth() -> Table {
        table("truth.csv", "image,x,y,diameter\na,10,10,6\na,30,30,6\nb,5,5,4\n")
    }

    fn settings() -> DetectionSettings {
        let resampling = Resampling { replicates: 200, level: 0.95, seed: 1 };
        DetectionSettings { rates: vec![0.25, 0.5], resampling, ..DetectionSettings::default() }
    }

    #[test]
    fn a_curve_worked_on_paper() {
        // In falling score: a hit, its double, a false positive, a hit, a miss by the radius; image d has nothing.
        let found = table(
            "found.csv",
            "image,x,y,score\na,11,10,0.9\na,10,12,0.8\nc,1,1,0.7\nb,5,6,0.6\na,30,33,0.5\n",
        );
        let images = table("images.csv", "image\na\nb\nc\nd\n");
        let report = meet(&found, &truth(), Some(&images), &settings()).expect("a report");
        assert_eq!((report.images, report.lesions, report.candidates, report.never_hit), (4, 3, 5, 1));
        let points: Vec<(f64, f64)> =
            report.curve.iter().map(|point| (point.false_positives_per_image, point.sensitivity)).collect();
        // The double changes nothing.
        let third = 1.0 / 3.0;
        assert_eq!(
            points,
            [(0.0, 0.0), (0.0, third), (0.25, third), (0.25, 2.0 * third), (0.5, 2.0 * third)]
        );
        assert_eq!(report.sensitivities[1].sensitivity.value, Some(2.0 * third));
        assert!(report.notes.is_empty(), "{:?}", report.notes);
        let without = meet(&found, &truth(), None, &settings()).expect("a report");
        assert_eq!(without.images, 3);
        assert!(without.notes[0].contains("images without a lesion"));
        // By a distance instead of the radius the last candidate hits too.
        let wide = DetectionSettings { distance: Some(3.5), ..settings() };
        assert_eq!(meet(&found, &truth(), Some(&images), &wide).expect("a report").never_hit, 0);
    }

    #[test]
    fn tables_that_do_not_go_together_are_refused() {
        let refusal = |found: &str, truth: &Table, images: Option<&Table>| {
            meet(&table("found.csv", found), truth, images, &settings()).expect_err("refused").to_string()
        };
        let good = "image,x,y,score\na,1,2,0.5\n";
        let bare = table("truth.csv", "image,x,y\na,1,1\n");
        assert!(refusal(good, &bare, None).contains("name a --distance"));
        assert!(
            refusal("image,x,score\na,1,0.5\n", &truth(), None).contains("expected the coordinates x and y")
        );
        assert!(refusal("image,x,y\na,1,1\n", &truth(), None).contains("name it with --score"));
        assert!(
            refusal("image,x,y,score\na,1,q,0.5\n", &truth(), None)
                .contains("line 2, column y: not a number")
        );
        let some = table("images.csv", "image\nb\n");
        assert!(refusal(good, &truth(), Some(&some)).contains("does not name: a"));
        let apart = refusal("image,x,y,score\na.nii.gz,10,10,0.5\n", &truth(), None);
        assert!(apart.contains("found.csv and truth.csv name no image in common"), "{apart}");
        let flat = table("truth.csv", "image,x,y,radius\na,1,1,0\n");
        assert!(refusal(good, &flat, None).contains("line 2, column radius: expected more than 0"));
        let volumes = table("truth.csv", "image,coordX,coordY,coordZ,diameter_mm\na,1,1,1,4\n");
        assert!(refusal(good, &volumes, None).contains("x, y and z"));
    }
}
