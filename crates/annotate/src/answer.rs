use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::question::is_words;
use crate::{AnnotateError, Question};

/// Most points and most runs of one answer.
const MOST_POINTS: usize = 400_000;
const MOST_RUNS: usize = 2_000_000;
/// Longest comment in characters.
const LONGEST_COMMENT: usize = 500;

/// What an image has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSize {
    /// Number of columns.
    pub columns: u32,
    /// Number of rows.
    pub rows: u32,
    /// Number of frames.
    pub frames: u32,
}

/// What somebody says of an item.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Keys of the labels that hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// What was outlined; an empty list says that nothing is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlines: Option<Vec<Outline>>,
    /// What else there is to say, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A structure on one image: its borders, or its pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outline {
    /// Which image of the item, from 1.
    pub image: u32,
    /// Which of its frames, from 1.
    #[serde(default = "first")]
    pub frame: u32,
    /// Key of the structure.
    pub structure: String,
    /// Closed lines of `[column, row]`; the center of the first pixel is `[0, 0]`. What lies within an odd number of them is
    /// inside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contours: Vec<Vec<[f64; 2]>>,
    /// Pixels as `[first, count]`, counted from 0 along the rows; ascending and apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<[u32; 2]>,
}

const fn first() -> u32 {
    1
}

impl Answer {
    /// One label.
    pub fn label(key: &str) -> Self {
        Self { labels: Some(vec![key.to_owned()]), ..Self::default() }
    }

    /// The answer in its one form, where it fits its question and its images: labels in the order of the question, outlines in
    /// the order of images, frames and structures.
    ///
    /// # Errors
    /// [`AnnotateError::Answer`].
    pub fn checked(mut self, question: &Question, images: &[ImageSize]) -> Result<Self, AnnotateError> {
        let keys = question.keys();
        if let Some(comment) = &mut self.comment {
            *comment = comment.trim().to_owned();
            if !comment.is_empty() && !is_words(&comment.replace('\n', " "), LONGEST_COMMENT) {
                let what = format!("it has to have at most {LONGEST_COMMENT} characters");
                return Err(AnnotateError::answer("comment", what));
            }
        }
        self.comment = self.comment.filter(|comment| !comment.is_empty());
        match question {
            Question::Labels { multiple, .. } => {
                if self.outlines.is_some() {
                    return Err(AnnotateError::answer("outlines", "the question asks for labels"));
                }
                let given = self.labels.take().ok_or_else(|| {
                    AnnotateError::answer("labels", format!("missing, expected of: {}", keys.join(", ")))
                })?;
                self.labels = Some(labels(&given, &keys, *multiple)?);
            }
            Question::Outline { .. } => {
                if self.labels.is_some() {
                    return Err(AnnotateError::answer("labels", "the question asks for outlines"));
                }
                let mut given = self
                    .outlines
                    .take()
                    .ok_or_else(|| AnnotateError::answer("outlines", "missing, expected a list"))?;
                outlines(&given, &keys, images)?;
                let place = |one: &Outline| keys.iter().position(|key| *key == one.structure);
                given.sort_by_key(|one| (one.image, one.frame, place(one)));
                self.outlines = Some(given);
            }
        }
        Ok(self)
    }
}

fn labels(given: &[String], keys: &[&str], multiple: bool) -> Result<Vec<String>, AnnotateError> {
    if let Some(unknown) = given.iter().find(|one| !keys.contains(&one.as_str())) {
        let what = format!("{unknown:?} is none of the question's: {}", keys.join(", "));
        return Err(AnnotateError::answer("labels", what));
    }
    let chosen: Vec<String> =
        keys.iter().filter(|key| given.iter().any(|one| one == *key)).map(|key| (*key).to_owned()).collect();
    if chosen.len() != given.len() {
        return Err(AnnotateError::answer("labels", "a label is named twice"));
    }
    if !multiple && chosen.len() != 1 {
        return Err(AnnotateError::answer(
            "labels",
            format!("{} of them, expected exactly one", chosen.len()),
        ));
    }
    Ok(chosen)
}

fn outlines(given: &[Outline], keys: &[&str], images: &[ImageSize]) -> Result<(), AnnotateError> {
    let points: usize = given.iter().flat_map(|one| &one.contours).map(Vec::len).sum();
    let runs: usize = given.iter().map(|one| one.runs.len()).sum();
    if points > MOST_POINTS || runs > MOST_RUNS {
        let what = format!("{points} points and {runs} runs, expected at most {MOST_POINTS} and {MOST_RUNS}");
        return Err(AnnotateError::answer("outlines", what));
    }
    let mut there = BTreeSet::new();
    for (number, one) in (1..).zip(given) {
        let fail = |what: String| Err(AnnotateError::answer(format!("outline {number}"), what));
        if !keys.contains(&one.structure.as_str()) {
            return fail(format!("{:?} is none of the structures: {}", one.structure, keys.join(", ")));
        }
        let size = (one.image as usize).checked_sub(1).and_then(|place| images.get(place));
        let Some(size) = size else {
            return fail(format!(
                "image {} is none of the item's, expected 1 to {}",
                one.image,
                images.len()
            ));
        };
        if !(1..=size.frames).contains(&one.frame) {
            return fail(format!(
                "image {} has no frame {}, expected 1 to {}",
                one.image, one.frame, size.frames
            ));
        }
        if !there.insert((one.image, one.frame, &one.structure)) {
            return fail(format!("{} is there twice on one image", one.structure));
        }
        if one.contours.is_empty() == one.runs.is_empty() {
            return fail("expected either contours or runs".to_owned());
        }
        contours(one, *size).or_else(fail)?;
        pixels(one, *size).or_else(fail)?;
    }
    Ok(())
}

fn contours(one: &Outline, size: ImageSize) -> Result<(), String> {
    // A line that is drawn along the border may lie a pixel outside.
    let within = |value: f64, count: u32| (-1.0..=f64::from(count)).contains(&value);
    for line in &one.contours {
        if line.len() < 3 {
            return Err(format!("a contour of {} points, expected at least 3", line.len()));
        }
        if let Some([column, row]) =
            line.iter().find(|[column, row]| !within(*column, size.columns) || !within(*row, size.rows))
        {
            return Err(format!(
                "the point {column}, {row} lies outside the image of {} x {} pixels",
                size.columns, size.rows
            ));
        }
    }
    Ok(())
}

fn pixels(one: &Outline, size: ImageSize) -> Result<(), String> {
    let most = u64::from(size.columns) * u64::from(size.rows);
    let mut behind = 0_u64;
    for [first, count] in &one.runs {
        let (first, end) = (u64::from(*first), u64::from(*first) + u64::from(*count));
        if *count == 0 || first < behind || end > most {
            return Err(format!(
                "a run from {first} of {count} pixels: runs ascend, lie apart and end by {most}"
            ));
        }
        behind = end;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Choice, Structure};

    const SIZE: [ImageSize; 1] = [ImageSize { columns: 10, rows: 8, frames: 2 }];

    fn checked(question: &Question, answer: &str) -> Result<Answer, String> {
        let answer: Answer = serde_json::from_str(answer).map_err(|error| error.to_string())?;
        answer.checked(question, &SIZE).map_err(|error| error.to_string())
    }

    #[test]
    fn labels_are_of_the_question_and_as_many_as_it_wants() {
        let one = Question::labels(&["a", "b"]);
        assert_eq!(checked(&one, r#"{"labels": ["b"], "comment": " "}"#), Ok(Answer::label("b")));
        for (answer, expected) in [
            (r#"{"labels": []}"#, "labels: 0 of them, expected exactly one"),
            (r#"{"labels": ["a", "b"]}"#, "labels: 2 of them, expected exactly one"),
            (r#"{"labels": ["c"]}"#, "labels: \"c\" is none of the question's: a, b"),
            (r#"{}"#, "labels: missing, expected of: a, b"),
            (r#"{"labels": ["a"], "outlines": []}"#, "outlines: the question asks for labels"),
        ] {
            assert_eq!(checked(&one, answer), Err(expected.to_owned()));
        }
        let choice = |key: &str| Choice { key: key.to_owned(), name: key.to_owned(), normal: false };
        let several = Question::Labels { labels: vec![choice("a"), choice("b")], multiple: true };
        let both = checked(&several, r#"{"labels": ["b", "a"]}"#).expect("both");
        assert_eq!(both.labels, Some(vec!["a".to_owned(), "b".to_owned()]));
        assert!(checked(&several, r#"{"labels": []}"#).is_ok());
        assert_eq!(
            checked(&several, r#"{"labels": ["a", "a"]}"#),
            Err("labels: a label is named twice".to_owned())
        );
    }

    #[test]
    fn outlines_lie_on_their_images() {
        let lesion =
            Structure { key: "lesion".to_owned(), name: "Lesion".to_owned(), code: None, abnormal: true };
        let question = Question::Outline { structures: vec![lesion] };
        let of = |outline: &str| checked(&question, &format!(r#"{{"outlines": [{outline}]}}"#));
        assert!(of("").is_ok(), "nothing is there");
        assert!(of(r#"{"image": 1, "structure": "lesion", "contours": [[[1, 1], [4, 1], [4, 3]]]}"#).is_ok());
        assert!(of(r#"{"image": 1, "frame": 2, "structure": "lesion", "runs": [[0, 3], [10, 70]]}"#).is_ok());
        for (outline, expected) in [
            (
                r#"{"image": 2, "structure": "lesion", "runs": [[0, 1]]}"#,
                "image 2 is none of the item's, expected 1 to 1",
            ),
            (
                r#"{"image": 1, "frame": 3, "structure": "lesion", "runs": [[0, 1]]}"#,
                "image 1 has no frame 3, expected 1 to 2",
            ),
            (
                r#"{"image": 1, "structure": "x", "runs": [[0, 1]]}"#,
                "\"x\" is none of the structures: lesion",
            ),
            (r#"{"image": 1, "structure": "lesion"}"#, "expected either contours or runs"),
            (
                r#"{"image": 1, "structure": "lesion", "runs": [[0, 81]]}"#,
                "a run from 0 of 81 pixels: runs ascend, lie apart and end by 80",
            ),
            (
                r#"{"image": 1, "structure": "lesion", "runs": [[4, 2], [5, 1]]}"#,
                "a run from 5 of 1 pixels: runs ascend, lie apart and end by 80",
            ),
            (
                r#"{"image": 1, "structure": "lesion", "contours": [[[1, 1], [4, 1]]]}"#,
                "a contour of 2 points, expected at least 3",
            ),
            (
                r#"{"image": 1, "structure": "lesion", "contours": [[[1, 1], [4, 1], [1e9, 2]]]}"#,
                "the point 1000000000, 2 lies outside the image of 10 x 8 pixels",
            ),
        ] {
            assert_eq!(of(outline), Err(format!("outline 1: {expected}")));
        }
    }
}
