//! How far the annotators of a project agree.

use std::collections::BTreeMap;

use dicom_dictionary_std::tags;
use serde_json::{Value, json};
use wilhelm_annotate::{Answer, Drawn, Question, Said, agreement, outline_agreement};
use wilhelm_store::{ItemRow, Level, ProjectRow, Query, Store};

use super::items::{canvas, files};
use super::{ProjectError, asked, kept};

/// How far people agree.
#[derive(Clone, Debug)]
pub struct Agreed {
    /// As a page shows it.
    pub value: Value,
    /// A line for each table.
    pub lines: Vec<String>,
}

/// The patients of studies as running numbers from 1, in the order in which they first stand; studies without a Patient ID are
/// patients of their own.
#[derive(Debug, Default)]
pub(super) struct Patients {
    studies: BTreeMap<String, usize>,
    known: BTreeMap<(String, String), usize>,
    count: usize,
}

impl Patients {
    pub(super) fn of(&mut self, store: &Store, study: &str) -> Result<usize, ProjectError> {
        if let Some(number) = self.studies.get(study) {
            return Ok(*number);
        }
        let query =
            Query { limit: Some(1), ..Query::new(Level::Study) }.with(tags::STUDY_INSTANCE_UID, study);
        let answers = store.query(&query)?;
        let text = |tag| answers.first().map_or("", |answer| answer.text(tag)).to_owned();
        let patient = (text(tags::PATIENT_ID), text(tags::ISSUER_OF_PATIENT_ID));
        let known = if patient.0.is_empty() { None } else { self.known.get(&patient).copied() };
        let number = known.unwrap_or_else(|| {
            self.count += 1;
            self.count
        });
        self.known.insert(patient, number);
        self.studies.insert(study.to_owned(), number);
        Ok(number)
    }
}

/// The latest answers to items whose studies are there: of each item those of its annotators, and the final one.
pub(super) struct Answers {
    pub item: ItemRow,
    pub given: BTreeMap<String, super::Kept>,
    pub decided: Option<super::Kept>,
}

/// All items of a project with their latest answers, by their numbers.
pub(super) fn answers(store: &Store, id: &str) -> Result<Vec<Answers>, ProjectError> {
    let mut all: BTreeMap<u32, Answers> = store
        .annotations()
        .items(id)?
        .into_iter()
        .filter(|item| item.is_there)
        .map(|item| (item.number, Answers { item, given: BTreeMap::new(), decided: None }))
        .collect();
    for stored in store.annotations().latest_answers(id, None)? {
        let Some(own) = all.get_mut(&stored.item) else { continue };
        let answer = kept(id, &stored)?;
        match stored.account.as_str() {
            "" => own.decided = Some(answer),
            account => drop(own.given.insert(account.to_owned(), answer)),
        }
    }
    Ok(all.into_values().collect())
}

/// How far the annotators of a project agree; what an adjudicator decided does not count.
///
/// # Errors
/// [`ProjectError`].
pub fn agreed(store: &Store, project: &ProjectRow) -> Result<Agreed, ProjectError> {
    let asked = asked(store, &project.id)?;
    let all = answers(store, &project.id)?;
    let decided: Vec<u32> =
        all.iter().filter(|one| one.decided.is_some()).map(|one| one.item.number).collect();
    // What one skipped and another answered is in no training set until somebody decides it.
    let skipped: Vec<u32> = all
        .iter()
        .filter(|one| one.given.values().any(|kept| kept.skipped.is_some()))
        .filter(|one| one.given.values().any(|kept| kept.answer.is_some()))
        .map(|one| one.item.number)
        .collect();
    let given = |one: &'_ Answers| -> Vec<(String, Answer)> {
        let of = one.given.iter().filter_map(|(who, kept)| Some((who.clone(), kept.answer.clone()?)));
        of.collect()
    };
    match &asked.question {
        Question::Labels { .. } => {
            let own: Vec<(u32, Vec<(String, Answer)>)> =
                all.iter().map(|one| (one.item.number, given(one))).collect();
            let said: Vec<Said<'_>> = own
                .iter()
                .flat_map(|(item, answers)| {
                    answers.iter().map(move |(annotator, answer)| Said { item: *item, annotator, answer })
                })
                .collect();
            let found = agreement(&asked.question, project.wanted as usize, &said)?;
            let lines = found.tables.iter().flat_map(label_lines).collect();
            let value =
                json!({ "kind": "labels", "decided": decided, "skipped": skipped, "agreement": found });
            Ok(Agreed { value, lines })
        }
        Question::Outline { .. } => {
            let mut patients = Patients::default();
            let mut own = Vec::new();
            for one in &all {
                let answers = given(one);
                if answers.len() > 1 {
                    let images = store.annotations().images(&project.id, one.item.number)?;
                    let files = files(store, &one.item, &images, false)?;
                    let patient = patients.of(store, &one.item.study_uid)?;
                    own.push((one.item.number, patient, canvas(&images, &files)?, answers));
                }
            }
            let drawn: Vec<Drawn<'_>> = own
                .iter()
                .map(|(item, patient, canvas, answers)| Drawn {
                    item: *item,
                    patient: *patient,
                    canvas: canvas.clone(),
                    answers: answers.iter().map(|(who, answer)| (who.as_str(), answer)).collect(),
                })
                .collect();
            let found = outline_agreement(&asked.question, &drawn)?;
            let lines = found.tables.iter().map(outline_line).collect();
            let value =
                json!({ "kind": "outline", "decided": decided, "skipped": skipped, "agreement": found });
            Ok(Agreed { value, lines })
        }
    }
}

fn label_lines(table: &wilhelm_annotate::LabelTable) -> Vec<String> {
    let of = table.label.as_ref().map_or_else(String::new, |label| format!("{label}: "));
    let mut lines: Vec<String> = table
        .pairs
        .iter()
        .map(|pair| {
            let [share, low, high] = pair.agreed;
            let kappa = pair.kappa.map_or_else(
                || pair.kappa_missing.clone().unwrap_or_default(),
                |kappa| format!("Cohen's kappa {:.3} ({:.3} to {:.3})", kappa.kappa, kappa.low, kappa.high),
            );
            format!(
                "{of}{} on {} items: the same on {:.1} % ({:.1} to {:.1}), {kappa}",
                pair.annotators.join(" and "),
                pair.items,
                100.0 * share,
                100.0 * low,
                100.0 * high
            )
        })
        .collect();
    if let Some(kappa) = table.fleiss.filter(|_| table.fleiss_raters > 2) {
        lines.push(format!(
            "{of}all {} on {} items: Fleiss' kappa {:.3} ({:.3} to {:.3})",
            table.fleiss_raters, table.fleiss_items, kappa.kappa, kappa.low, kappa.high
        ));
    }
    lines
}

fn outline_line(table: &wilhelm_annotate::StructureOverlap) -> String {
    let [both, first, second, neither] = table.outlined;
    let dice = table.dice.map_or_else(String::new, |dice| {
        let interval =
            dice.interval.map_or_else(String::new, |[low, high]| format!(" ({low:.3} to {high:.3})"));
        format!(", mean Dice {:.3}{interval}", dice.mean)
    });
    let distance = |value: Option<f64>, unit: &str| {
        value.map_or_else(String::new, |value| format!(", median 95 % Hausdorff distance {value:.2} {unit}"))
    };
    format!(
        "{}: {} on {} items (both {both}, one alone {}, neither {neither}){dice}{}{}",
        table.structure,
        table.annotators.join(" and "),
        table.items,
        first + second,
        distance(table.hausdorff_95_mm, "mm"),
        distance(table.hausdorff_95_pixels, "pixels")
    )
}
