use serde_json::json;
use wilhelm_filters::{Prepared, prepare};
use wilhelm_formats::read_npz;
use wilhelm_learn::active::{Ranked, Strategy, Unlabeled, rank, varied_copies};
use wilhelm_nets::explain::StoredCases;
use wilhelm_nets::{Model, Prediction};
use wilhelm_pipeline::{Candidate, refusal};

use crate::args::FewshotRank;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};
use crate::progress::Line;
use crate::verbs::predict::{flat_candidates, numbered};
use crate::{shelf, table};

/// Images in one go.
const BATCH: usize = 64;

/// `wilhelm fewshot rank`
pub fn run(wanted: &FewshotRank, config: &Config) -> anyhow::Result<Exit> {
    let to_stdout = wanted.csv.as_os_str() == "-";
    if !to_stdout && !wanted.force && wanted.csv.exists() {
        return Err(Stop::usage(format!(
            "{} is already there: add --force to replace it",
            wanted.csv.display()
        )));
    }
    if wanted.count == 0 {
        return Err(Stop::usage("--count 0: expected at least 1"));
    }
    let strategy = Strategy::from(wanted.strategy);
    let shelf = shelf::open(wanted.models.as_deref(), config)?;
    let models = wanted
        .members
        .iter()
        .map(|name| Ok(shelf.get(name)?.load()?))
        .collect::<anyhow::Result<Vec<Model>>>()?;
    check_committee(&models)?;
    if strategy == Strategy::Disagreement && models.len() == 1 && wanted.copies < 2 {
        return Err(Stop::usage(
            "one model and --copies below 2: nothing can disagree; name more models or more copies",
        ));
    }
    let known = known(wanted, &models[0])?;
    let mut pool = Reader { models: &models, wanted, strategy, images: Vec::new(), left_out: Vec::new() };
    pool.read(config)?;
    let Reader { images, left_out, .. } = pool;
    for (name, why) in &left_out {
        eprintln!("wilhelm: {name} was left out: {why}");
    }
    if images.is_empty() {
        return Err(Stop::input("no image that the model reads was found in what was given"));
    }
    let labels: Vec<String> = models[0].card().labels.iter().map(|label| label.key.clone()).collect();
    let order = rank(strategy, &labels, &images, &known, wanted.count, wanted.seed);
    let text = csv(&order);
    if to_stdout && !wanted.json {
        print(&text)?;
    } else if !to_stdout {
        wilhelm_formats::write_atomically(&wanted.csv, wanted.force, text.as_bytes())?;
    }
    if wanted.json {
        let left_out: Vec<_> =
            left_out.iter().map(|(name, why)| json!({ "image": name, "reason": why })).collect();
        print_json(&json!({
            "schema": 1, "strategy": strategy, "models": wanted.members, "images": images.len(), "order": order,
            "left_out": left_out,
        }))?;
    } else if !to_stdout {
        print(&format!(
            "{} of {} images in the order of labeling, in {}\n",
            order.len(),
            images.len(),
            wanted.csv.display()
        ))?;
    }
    Ok(if left_out.is_empty() { Exit::Done } else { Exit::Defects })
}

/// Models that can be one committee: flat images, the same labels.
fn check_committee(models: &[Model]) -> anyhow::Result<()> {
    let keys = |model: &Model| -> Vec<String> {
        model.card().labels.iter().map(|label| label.key.clone()).collect()
    };
    let first = keys(&models[0]);
    for model in models {
        let card = model.card();
        if card.architecture.slices > 1 {
            return Err(Stop::input(format!(
                "model {} reads volumes, only flat images are ranked",
                card.name
            )));
        }
        model.require_one_of("ranking")?;
        if keys(model) != first {
            return Err(Stop::input(format!(
                "model {} has the labels {}, model {} has {}: a committee has the same ones",
                card.name,
                keys(model).join(", "),
                models[0].card().name,
                first.join(", ")
            )));
        }
    }
    Ok(())
}

fn known(wanted: &FewshotRank, model: &Model) -> anyhow::Result<Vec<Vec<f32>>> {
    let Some(place) = &wanted.cases else { return Ok(Vec::new()) };
    let fail = |error| Stop::input(format!("cases {} cannot be read: {error}", place.display()));
    let stored = StoredCases::from_bytes(&std::fs::read(place).map_err(fail)?)?;
    stored.check_model(&model.card().name, &model.card().weights_sha256)?;
    Ok(stored.iter().map(|(.., row)| row.to_vec()).collect())
}

struct Reader<'a> {
    models: &'a [Model],
    wanted: &'a FewshotRank,
    strategy: Strategy,
    images: Vec<Unlabeled>,
    left_out: Vec<(String, String)>,
}

impl Reader<'_> {
    fn read(&mut self, config: &Config) -> anyhow::Result<()> {
        let is_archive =
            |path: &&std::path::PathBuf| path.extension().is_some_and(|end| end.eq_ignore_ascii_case("npz"));
        let (archives, files): (Vec<_>, Vec<_>) = self.wanted.paths.iter().partition(is_archive);
        let line = Line::new("reading");
        for archive in archives {
            let name = archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
            for (first, split) in numbered(read_npz(archive, &config.limits())?.splits) {
                if !split.volumes.is_empty() {
                    return Err(Stop::input(format!("{name} holds volumes, only flat images are ranked")));
                }
                let candidates = flat_candidates(&split)?;
                for (at, chunk) in candidates.chunks(BATCH).enumerate() {
                    line.at(at * BATCH, candidates.len());
                    let names: Vec<String> = (0..chunk.len())
                        .map(|place| format!("{name}#{}", first + at * BATCH + place))
                        .collect();
                    self.add(&names, chunk)?;
                }
            }
        }
        if !files.is_empty() {
            let files: Vec<_> = files.into_iter().cloned().collect();
            let reading = wilhelm_formats::read(&files, &config.limits(), &Line::new("reading"));
            for failure in &reading.failures {
                self.left_out.push((failure.path.clone(), failure.error.to_string()));
            }
            for (at, chunk) in reading.series.chunks(BATCH).enumerate() {
                line.at(at * BATCH, reading.series.len());
                let names: Vec<String> = chunk
                    .iter()
                    .map(|series| {
                        series
                            .sources
                            .first()
                            .map_or(series.title.as_str(), |source| source.path.as_str())
                            .to_owned()
                    })
                    .collect();
                let candidates = chunk.iter().map(Candidate::of_series).collect::<Result<Vec<_>, _>>()?;
                self.add(&names, &candidates)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, names: &[String], candidates: &[Candidate<'_>]) -> anyhow::Result<()> {
        let first = &self.models[0];
        let mut accepted: Vec<(usize, Prepared)> = Vec::new();
        for (place, candidate) in candidates.iter().enumerate() {
            match self.prepared(candidate) {
                Ok(prepared) => accepted.push((place, prepared)),
                Err(reason) => self.left_out.push((names[place].clone(), reason)),
            }
        }
        let prepared: Vec<&Prepared> = accepted.iter().map(|(_, prepared)| prepared).collect();
        let own = first.predict(&prepared)?;
        let mut images: Vec<Unlabeled> = accepted
            .iter()
            .zip(own)
            .map(|((place, _), prediction)| Unlabeled {
                name: names[*place].clone(),
                members: vec![probabilities(&prediction)],
                features: prediction.features,
                abstains: prediction.abstains,
            })
            .collect();
        for model in &self.models[1..] {
            let prepared = accepted
                .iter()
                .map(|(place, _)| {
                    prepare(candidates[*place].plane, candidates[*place].bounds, &model.card().preparation)
                })
                .collect::<Result<Vec<_>, _>>()?;
            let said = model.predict(&prepared.iter().collect::<Vec<_>>())?;
            images.iter_mut().zip(said).for_each(|(image, said)| image.members.push(probabilities(&said)));
        }
        if self.models.len() == 1 && self.strategy == Strategy::Disagreement {
            let card = first.card();
            for ((_, prepared), image) in accepted.iter().zip(&mut images) {
                let place = self.images.len();
                let copies = varied_copies(
                    &prepared.pixels,
                    &card.preparation,
                    card.mirror,
                    self.wanted.copies,
                    self.wanted.seed,
                    place,
                );
                let copies: Vec<Prepared> = copies
                    .into_iter()
                    .skip(1)
                    .map(|pixels| Prepared { pixels, ..prepared.clone() })
                    .collect();
                let said = first.predict(&copies.iter().collect::<Vec<_>>())?;
                image.members.extend(said.iter().map(probabilities));
                self.images.push(image.clone());
            }
            return Ok(());
        }
        self.images.extend(images);
        Ok(())
    }

    /// On the grid of the first model, if all of them accept it.
    fn prepared(&self, candidate: &Candidate<'_>) -> Result<Prepared, String> {
        if candidate.facts.slices > 1 {
            return Err("it is a volume, only flat images are ranked".to_owned());
        }
        for model in self.models {
            if let Some(reason) = refusal(model.card(), &candidate.facts, &candidate.quality) {
                return Err(reason);
            }
        }
        prepare(candidate.plane, candidate.bounds, &self.models[0].card().preparation)
            .map_err(|error| error.to_string())
    }
}

fn probabilities(prediction: &Prediction) -> Vec<f64> {
    prediction.labels.iter().map(|label| label.probability.estimate.value()).collect()
}

fn csv(order: &[Ranked]) -> String {
    let optional = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.6}"));
    let rows: Vec<Vec<String>> = order
        .iter()
        .map(|case| {
            vec![
                case.order.to_string(),
                case.image.clone(),
                case.reason.clone(),
                case.likeliest.clone(),
                format!("{:.6}", case.probability),
                format!("{:.6}", case.entropy),
                format!("{:.6}", case.margin),
                optional(case.disagreement),
                optional(case.score),
                if case.abstains { "yes" } else { "" }.to_owned(),
            ]
        })
        .collect();
    let header = [
        "order",
        "image",
        "reason",
        "likeliest",
        "probability",
        "entropy",
        "margin",
        "disagreement",
        "score",
        "abstains",
    ];
    table::csv(&header, &rows)
}
