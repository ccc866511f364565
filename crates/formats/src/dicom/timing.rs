//! When the frames of a cine were made.
//!
//! Source: PS3.3 Sections C.7.6.5 (Cine) and C.7.6.6 (Multi-frame: Frame Increment Pointer).

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::element::DataSet;
use super::functional::MOST_FRAMES;
use super::suv::{Moment, date_time};

/// What the header says of the time between frames.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Timing {
    /// Frame Time Vector: milliseconds from each frame's predecessor, the first 0.
    vector: Vec<f64>,
    /// Frame Time: milliseconds from frame to frame.
    step: Option<f64>,
    /// Cine Rate or Recommended Display Frame Rate: frames a second.
    rate: Option<f64>,
    /// Frame Acquisition (or Reference) DateTime of an enhanced object: seconds of each frame from the first.
    by_frame: Vec<f64>,
    /// Whether Frame Increment Pointer names the vector (`Some(true)`) or the step.
    pointer_names_vector: Option<bool>,
}

impl Timing {
    pub(crate) fn read(data_set: &DataSet<'_>) -> Self {
        let [group, element] = data_set.words(tags::FRAME_INCREMENT_POINTER)[..].try_into().unwrap_or([0, 0]);
        let pointer_names_vector = match Tag(group, element) {
            tags::FRAME_TIME_VECTOR => Some(true),
            tags::FRAME_TIME => Some(false),
            _ => None,
        };
        Self {
            vector: data_set.numbers(tags::FRAME_TIME_VECTOR),
            step: data_set.number(tags::FRAME_TIME),
            rate: data_set
                .number(tags::CINE_RATE)
                .or_else(|| data_set.number(tags::RECOMMENDED_DISPLAY_FRAME_RATE)),
            by_frame: by_frame(data_set),
            pointer_names_vector,
        }
    }

    /// Milliseconds of each frame from the first; none where the file does not say.
    ///
    /// The element that Frame Increment Pointer names comes first, then the vector, the step, what each frame of an
    /// enhanced object says, and the rate, which is only how fast to show.
    ///
    /// # Errors
    /// What is wrong with the times that the file gives.
    pub(crate) fn milliseconds(&self, frames: usize) -> Result<Option<Vec<f64>>, String> {
        let has_vector = !self.vector.is_empty();
        if has_vector && (self.pointer_names_vector != Some(false) || self.step.is_none()) {
            if self.vector.len() < frames {
                let found = self.vector.len();
                return Err(format!(
                    "{found} values in the frame time vector, expected {frames}: times are not known"
                ));
            }
            let mut time = 0.0;
            // The first value is 0 by the Standard; where it is not, the frames still begin at 0.
            let times: Vec<f64> = std::iter::once(0.0)
                .chain(self.vector[1..frames].iter().map(|step| {
                    time += step;
                    time
                }))
                .collect();
            let ordered = times.is_sorted() && times.iter().all(|time| time.is_finite());
            return if ordered {
                Ok(Some(times))
            } else {
                Err("the frame time vector runs back: times are not known".to_owned())
            };
        }
        // One moment for all frames is that of the whole acquisition.
        let is_told = self.by_frame.len() >= frames && self.by_frame.iter().any(|time| *time != 0.0);
        if self.step.is_none() && is_told {
            let times: Vec<f64> = self.by_frame[..frames].iter().map(|second| 1000.0 * second).collect();
            return match times.is_sorted() {
                true => Ok(Some(times)),
                false => Err("the frames' own times run back: times are not known".to_owned()),
            };
        }
        let step = match (self.step, self.rate) {
            (Some(step), _) if step > 0.0 => step,
            (_, Some(rate)) if rate > 0.0 => 1000.0 / rate,
            (None, None) => return Ok(None),
            // A rate of 0 is how some writers leave it out.
            _ => return Err("the time between frames is not above 0: times are not known".to_owned()),
        };
        let times: Vec<f64> = (0..frames).map(|frame| frame as f64 * step).collect();
        if times.iter().all(|time| time.is_finite()) {
            Ok(Some(times))
        } else {
            Err("the time between frames is beyond reason: times are not known".to_owned())
        }
    }
}

/// The moments of the per-frame functional groups; none where a frame says nothing.
fn by_frame(data_set: &DataSet<'_>) -> Vec<f64> {
    let moment = |frame: &DataSet<'_>| {
        let content = frame.item(tags::FRAME_CONTENT_SEQUENCE)?;
        let text = [tags::FRAME_ACQUISITION_DATE_TIME, tags::FRAME_REFERENCE_DATE_TIME]
            .into_iter()
            .find_map(|tag| content.text(tag))?;
        // In UTC where an offset is written: clocks are put back at night.
        date_time(&text, Some(0.0))
    };
    let frames = data_set.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    let moments: Option<Vec<Moment>> = frames.iter().take(MOST_FRAMES).map(moment).collect();
    let moments = moments.unwrap_or_default();
    moments.iter().map(|moment| moment.since(moments[0])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(timing: &Timing, frames: usize, expected: Option<&[f64]>) {
        assert_eq!(timing.milliseconds(frames).ok().flatten().as_deref(), expected, "{timing:?}");
    }

    #[test]
    fn times_come_from_the_vector_the_step_or_the_rate() {
        let none = Timing::default();
        check(&none, 3, None);
        let rate = Timing { rate: Some(25.0), ..none.clone() };
        check(&rate, 3, Some(&[0.0, 40.0, 80.0]));
        let step = Timing { step: Some(33.0), ..rate };
        check(&step, 3, Some(&[0.0, 33.0, 66.0]));
        let vector = Timing { vector: vec![0.0, 10.0, 30.0], ..step };
        check(&vector, 3, Some(&[0.0, 10.0, 40.0]));
        check(&Timing { pointer_names_vector: Some(false), ..vector.clone() }, 3, Some(&[0.0, 33.0, 66.0]));
        check(&vector, 2, Some(&[0.0, 10.0]));
    }

    #[test]
    fn frames_of_an_enhanced_object_have_times_of_their_own() {
        let own = Timing { by_frame: vec![0.0, 0.04, 0.1], rate: Some(10.0), ..Timing::default() };
        check(&own, 3, Some(&[0.0, 40.0, 100.0]));
        // The element of the whole object is the stronger word, and one moment for all is none.
        check(&Timing { step: Some(33.0), ..own.clone() }, 2, Some(&[0.0, 33.0]));
        check(&Timing { by_frame: vec![0.0; 3], ..own.clone() }, 2, Some(&[0.0, 100.0]));
        check(&own, 4, Some(&[0.0, 100.0, 200.0, 300.0]));
        let back = Timing { by_frame: vec![0.0, 0.1, 0.04], ..own };
        assert!(back.milliseconds(3).is_err());
    }

    #[test]
    fn times_that_cannot_be_are_said_and_left_out() {
        for timing in [
            Timing { vector: vec![0.0, 10.0], ..Timing::default() },
            Timing { vector: vec![0.0, 10.0, -30.0], ..Timing::default() },
            Timing { step: Some(0.0), ..Timing::default() },
            Timing { step: Some(f64::MAX), ..Timing::default() },
        ] {
            assert!(timing.milliseconds(3).is_err(), "{timing:?}");
        }
    }
}
