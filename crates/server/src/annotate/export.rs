//! A project as the folder that `wilhelm train` takes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use wilhelm_annotate::{
    About, Answer, Canvas, Case, Confirmed, Outline, Question, Sink, TrainingSet, Written, runs_of,
};
use wilhelm_formats::Limits;
use wilhelm_store::{ItemImage, Place, ProjectRow, Store};
use wilhelm_study::{SopInstanceUid, StudyInstanceUid};

use super::agreed::{Answers, Patients, agreed, answers};
use super::items::{canvas, facts, files};
use super::{ProjectError, asked};

/// What becomes of items on which people do not agree and nobody decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unresolved {
    /// They are left out.
    #[default]
    LeaveOut,
    /// What more than half of those who answered said.
    Majority,
}

/// How a training set is written.
#[derive(Clone, Debug, Default)]
pub struct ExportOptions {
    /// What becomes of items that nobody decided.
    pub unresolved: Unresolved,
    /// Whether images whose header says that text is burned into them are in it.
    pub burned_in: bool,
    /// Program and version, and the time as RFC 3339 writes it.
    pub program: String,
    /// See `program`.
    pub at: String,
}

/// Which study an item of a training set is of: what a key file holds, apart from the training set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyRow {
    /// The item's number.
    pub item: u32,
    /// The patient's number.
    pub patient: usize,
    /// Study Instance UID.
    pub study: String,
    /// Series Instance UID; empty for a whole study.
    pub series: String,
    /// SOP Instance UID; empty for a whole series or study.
    pub instance: String,
}

/// Writes the items of a project that have a final label, with their images, into a sink.
///
/// # Errors
/// [`ProjectError`].
pub fn export(
    store: &Store,
    project: &ProjectRow,
    options: &ExportOptions,
    sink: &mut dyn Sink,
) -> Result<(Written, Vec<KeyRow>), ProjectError> {
    let asked = asked(store, &project.id)?;
    let agreed = agreed(store, project)?;
    let has_agreement = !agreed.lines.is_empty();
    let about = About {
        title: asked.title.clone(),
        instructions: asked.instructions.clone(),
        program: options.program.clone(),
        at: options.at.clone(),
        annotators: project.annotators.clone(),
        wanted: project.wanted as usize,
        adjudicators: project.adjudicators.clone(),
        blinded: project.is_blinded,
        agreement: has_agreement.then_some(agreed.value),
        agreement_lines: agreed.lines,
    };
    let mut set = TrainingSet::new(&asked.question, sink, Limits::default());
    let (mut patients, mut keys) = (Patients::default(), Vec::new());
    for one in answers(store, &project.id)? {
        let number = one.item.number;
        let images = store.annotations().images(&project.id, number)?;
        if !options.burned_in && is_burned_in(store, &one.item.study_uid, &images)? {
            set.leave_out(number, "its header says that text is burned into the pixels");
            continue;
        }
        let resolved = match resolved(store, &one, &images, &asked.question, options.unresolved)? {
            Ok(resolved) => resolved,
            Err(reason) => {
                set.leave_out(number, reason);
                continue;
            }
        };
        let patient = patients.of(store, &one.item.study_uid)?;
        put(store, &one, &images, patient, Some(&resolved), &mut set)?;
        keys.push(key(&one, patient));
    }
    Ok((set.finish(&about)?, keys))
}

/// Writes the images of those items that nobody has answered yet, for a ranking: `images/0007.png` is of item 7.
///
/// # Errors
/// [`ProjectError`].
pub fn export_images(
    store: &Store,
    project: &ProjectRow,
    options: &ExportOptions,
    sink: &mut dyn Sink,
) -> Result<Written, ProjectError> {
    let asked = asked(store, &project.id)?;
    let about = About {
        title: asked.title.clone(),
        program: options.program.clone(),
        at: options.at.clone(),
        annotators: project.annotators.clone(),
        wanted: project.wanted as usize,
        blinded: project.is_blinded,
        ..About::default()
    };
    let mut set = TrainingSet::new(&asked.question, sink, Limits::default());
    let mut patients = Patients::default();
    for one in answers(store, &project.id)? {
        let number = one.item.number;
        if one.decided.is_some() || !one.given.is_empty() {
            continue;
        }
        let images = store.annotations().images(&project.id, number)?;
        if !options.burned_in && is_burned_in(store, &one.item.study_uid, &images)? {
            set.leave_out(number, "its header says that text is burned into the pixels");
            continue;
        }
        let patient = patients.of(store, &one.item.study_uid)?;
        put(store, &one, &images, patient, None, &mut set)?;
    }
    Ok(set.finish(&about)?)
}

fn put(
    store: &Store,
    one: &Answers,
    images: &[ItemImage],
    patient: usize,
    resolved: Option<&(Answer, Confirmed)>,
    set: &mut TrainingSet<'_>,
) -> Result<(), ProjectError> {
    let item = one.item.number;
    let files = match files(store, &one.item, images, true) {
        Ok(files) => files.into_iter().map(Arc::from).collect(),
        Err(error) if error.is_callers_fault() => {
            set.leave_out(item, error.to_string());
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let (answer, confirmed) =
        resolved.map_or((None, Confirmed::Single), |(answer, how)| (Some(answer), *how));
    set.add(&Case { item, patient, images: facts(images), files, answer, confirmed })?;
    Ok(())
}

fn key(one: &Answers, patient: usize) -> KeyRow {
    let item = &one.item;
    let [study, series, instance] =
        [&item.study_uid, &item.series_uid, &item.sop_uid].map(|uid| uid.to_owned());
    KeyRow { item: item.number, patient, study, series, instance }
}

/// Whether a header of the images says that text is burned into the pixels.
///
/// # Source
/// PS3.3 Section C.7.6.1, Burned In Annotation (0028,0301)
fn is_burned_in(store: &Store, study: &str, images: &[ItemImage]) -> Result<bool, ProjectError> {
    let study_uid =
        StudyInstanceUid::new(study).map_err(|_| ProjectError::Wrong("a study's UID is none".to_owned()))?;
    for image in images {
        let Ok(sop) = SopInstanceUid::new(&image.sop_uid) else { continue };
        let place = Place { study_uid: study_uid.clone(), series_uid: None, sop_uid: Some(sop) };
        let mut says = false;
        let read = store.metadata(&place, |_, json| {
            // A header that cannot be read says nothing of itself, and is taken to show words.
            says = wilhelm_store::read_metadata(json).map_or(true, |header| {
                header["00280301"]["Value"][0].as_str().is_some_and(|value| value.trim() == "YES")
            });
            false
        });
        match read {
            Ok(()) if says => return Ok(true),
            Ok(()) | Err(wilhelm_store::StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

/// The label of an item, or why it has none.
type Resolved = Result<(Answer, Confirmed), String>;

fn resolved(
    store: &Store,
    one: &Answers,
    images: &[ItemImage],
    question: &Question,
    unresolved: Unresolved,
) -> Result<Resolved, ProjectError> {
    if let Some(decided) = &one.decided {
        let left_out = "an adjudicator left it out".to_owned();
        return Ok(decided.answer.clone().map(|answer| (answer, Confirmed::Adjudicated)).ok_or(left_out));
    }
    let given: Vec<&Answer> = one.given.values().filter_map(|kept| kept.answer.as_ref()).collect();
    let (asked, skipped) = (one.item.tasks.len(), one.given.len() - given.len());
    let Some(first) = given.first() else {
        return Ok(Err(if skipped > 0 { "it was skipped" } else { "nobody has answered it" }.to_owned()));
    };
    let is_whole = given.len() == asked;
    if is_whole && asked == 1 {
        return Ok(Ok(((*first).clone(), Confirmed::Single)));
    }
    if is_whole && given.iter().all(|other| is_same(first, other)) {
        return Ok(Ok(((*first).clone(), Confirmed::Agreed)));
    }
    if unresolved == Unresolved::Majority {
        let files = match question {
            Question::Outline { .. } => files(store, &one.item, images, false)?,
            Question::Labels { .. } => Vec::new(),
        };
        let canvas = canvas(images, &files)?;
        let tied = "no answer was given by more than half of those who answered".to_owned();
        return Ok(majority(question, &given, &canvas)
            .map(|answer| (answer, Confirmed::Majority))
            .ok_or(tied));
    }
    Ok(Err(match is_whole {
        true => "people do not agree and nobody has adjudicated it".to_owned(),
        false => format!("{} of {asked} have answered it, {skipped} skipped it", given.len()),
    }))
}

/// Whether two answers say the same; comments aside.
fn is_same(one: &Answer, other: &Answer) -> bool {
    one.labels == other.labels && one.outlines == other.outlines
}

/// What more than half of the answers say: a label, each label, or each pixel.
fn majority(question: &Question, given: &[&Answer], canvas: &Canvas) -> Option<Answer> {
    let is_most = |count: usize| 2 * count > given.len();
    match question {
        Question::Labels { multiple, .. } => {
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            given.iter().flat_map(|answer| answer.labels.iter().flatten()).for_each(|label| {
                *counts.entry(label).or_default() += 1;
            });
            let most: Vec<String> = question
                .keys()
                .into_iter()
                .filter(|key| counts.get(key).is_some_and(|count| is_most(*count)))
                .map(str::to_owned)
                .collect();
            (*multiple || most.len() == 1).then(|| Answer { labels: Some(most), ..Answer::default() })
        }
        Question::Outline { .. } => {
            let mut outlines = Vec::new();
            for structure in question.keys() {
                for piece in canvas.pieces.iter() {
                    if !given.iter().any(|answer| piece.has(answer, structure)) {
                        continue;
                    }
                    let mut votes = vec![0_usize; piece.geometry.voxels()];
                    for answer in given.iter().filter(|answer| piece.has(answer, structure)) {
                        let mask = piece.mask(answer, structure);
                        votes
                            .iter_mut()
                            .zip(mask.voxels())
                            .for_each(|(votes, inside)| *votes += usize::from(*inside));
                    }
                    let [columns, rows, _] = piece.geometry.size();
                    for ([image, frame], plane) in piece.planes.iter().zip(votes.chunks_exact(columns * rows))
                    {
                        let runs = runs_of(&plane.iter().map(|votes| is_most(*votes)).collect::<Vec<_>>());
                        if !runs.is_empty() {
                            let structure = structure.to_owned();
                            let (image, frame, contours) = (*image, *frame, Vec::new());
                            outlines.push(Outline { image, frame, structure, contours, runs });
                        }
                    }
                }
            }
            Some(Answer { outlines: Some(outlines), ..Answer::default() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_annotate::ImageSize;

    #[test]
    fn a_majority_is_more_than_half() {
        let question = Question::labels(&["a", "b"]);
        let canvas = Canvas { pieces: Vec::new() };
        let (a, b) = (Answer::label("a"), Answer::label("b"));
        assert_eq!(majority(&question, &[&a, &a, &b], &canvas), Some(a.clone()));
        assert_eq!(majority(&question, &[&a, &b], &canvas), None);
        let structure = serde_json::json!({ "kind": "outline", "structures": [{ "key": "x", "name": "x" }] });
        let question: Question = serde_json::from_value(structure).expect("a question");
        let size = ImageSize { columns: 4, rows: 1, frames: 1 };
        let canvas = Canvas::new(&[("1.2", size, None)], &[], &Limits::default()).expect("flat");
        let of = |runs: Vec<[u32; 2]>| Answer {
            outlines: Some(vec![Outline {
                image: 1,
                frame: 1,
                structure: "x".to_owned(),
                contours: Vec::new(),
                runs,
            }]),
            ..Answer::default()
        };
        let (one, two, three) = (of(vec![[0, 2]]), of(vec![[1, 2]]), of(vec![[3, 1]]));
        let most = majority(&question, &[&one, &two, &three], &canvas).expect("pixels");
        assert_eq!(most, of(vec![[1, 1]]));
    }
}
