//! What the elements of an image say, read once: identifiers, grid, calibration, patient.

use dicom_core::Tag;
use dicom_core::dictionary::{UidDictionary, UidDictionaryEntry};
use dicom_dictionary_std::{StandardSopClassDictionary, tags};
use dicom_encoding::text::{SpecificCharacterSet, TextCodec};
use wilhelm_study::{
    Defect, DefectKind, FrameOfReferenceUid, Modality, Patient, Phi, SeriesInstanceUid, SopInstanceUid,
    StudyInstanceUid, View,
};

use super::element::{DataSet, Element};
use super::file::place;
use super::suv::Uptake;
use super::timing::Timing;

/// The linear part of a Modality LUT: value = stored x slope + intercept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rescale {
    pub slope: f64,
    pub intercept: f64,
}

impl Rescale {
    pub(crate) const NONE: Self = Self { slope: 1.0, intercept: 0.0 };

    pub(crate) fn apply(self, stored: f64) -> f64 {
        stored * self.slope + self.intercept
    }

    /// Whether stored values of up to 32 bits could become more than 32-bit floats hold.
    pub(crate) fn can_overflow(self) -> bool {
        let most = self.slope.abs() * f64::from(u32::MAX) + self.intercept.abs();
        most.is_nan() || most > f64::from(f32::MAX)
    }
}

/// The Modality LUT as a table: the value of stored `first`, `first + 1`, and so on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ModalityTable {
    pub first: i32,
    pub values: Vec<u16>,
}

/// A slice's place in the patient's space, as far as the header gives it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plane {
    /// Center of the first pixel, LPS, mm.
    pub position: Option<[f64; 3]>,
    /// Along a row, then down a column.
    pub orientation: Option<[f64; 6]>,
    /// Between rows, then between columns, mm: the order of Pixel Spacing.
    pub spacing: Option<[f64; 2]>,
    pub thickness: Option<f64>,
}

impl Plane {
    /// Whether the slice has a full place in space.
    pub(crate) const fn is_placed(&self) -> bool {
        self.position.is_some() && self.orientation.is_some() && self.spacing.is_some()
    }
}

/// Attributes by which images at one position can differ, in the order they are tried.
pub(crate) const VARYING: [&str; 9] = [
    "echo time",
    "b-value",
    "diffusion direction",
    "temporal position",
    "image type",
    "trigger time",
    "stack",
    "acquisition number",
    "frame reference time",
];

/// What the header says, without the pixels.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub sop_instance: Option<SopInstanceUid>,
    pub study: Option<StudyInstanceUid>,
    pub series: Option<SeriesInstanceUid>,
    pub frame_of_reference: Option<FrameOfReferenceUid>,
    pub series_number: Option<i64>,
    pub instance_number: Option<i64>,
    pub modality: Option<Modality>,
    pub image_type: Vec<String>,
    pub body_part: Option<String>,
    pub view: Option<View>,
    pub patient: Patient,
    pub plane: Plane,
    pub imager_spacing: Option<[f64; 2]>,
    pub rescale: Option<Rescale>,
    pub rescale_type: Option<String>,
    pub modality_table: Option<ModalityTable>,
    pub window: Option<(f64, f64)>,
    /// One value for each of [`VARYING`].
    pub varying: [Option<String>; VARYING.len()],
    /// Acquisition Time, for ordering repetitions; never shown.
    pub acquired: Option<String>,
    pub uptake: Option<Uptake>,
    pub timing: Timing,
    pub defects: Vec<Defect>,
}

/// A Code String short enough and of the characters that PS3.5 allows, so that it cannot hold a sentence.
fn code_string(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_' || c == ' ';
    let text = text.trim().to_ascii_uppercase();
    (!text.is_empty() && text.len() <= 16 && text.chars().all(allowed)).then_some(text)
}

/// Exactly `N` finite numbers.
pub(crate) fn exactly<const N: usize>(data_set: &DataSet<'_>, tag: Tag) -> Option<[f64; N]> {
    let numbers: [f64; N] = data_set.numbers(tag).try_into().ok()?;
    numbers.iter().all(|number| number.is_finite()).then_some(numbers)
}

/// The name the Standard gives a SOP class, or its UID if that is one, or `unknown object`.
pub(crate) fn sop_class_name(uid: &str) -> String {
    if let Some(entry) = StandardSopClassDictionary.by_uid(uid) {
        return entry.name().to_owned();
    }
    SopInstanceUid::new(uid).map_or_else(|_| "unknown object".to_owned(), |uid| uid.as_str().to_owned())
}

/// Reads the header; what is wrong with it goes to its defects.
pub(crate) fn read(data_set: &DataSet<'_>, file: &str) -> Header {
    let mut defects = Vec::new();
    let mut header_defect = |tag: Tag, message: &str| {
        defects.push(Defect::new(DefectKind::Header, format!("{file} {}", place(tag)), message));
    };
    macro_rules! identifier {
        ($kind:ident, $tag:expr) => {
            match data_set.text($tag) {
                None => None,
                Some(text) => match $kind::new(&text) {
                    Ok(uid) => Some(uid),
                    Err(error) => {
                        header_defect($tag, &error.to_string());
                        None
                    }
                },
            }
        };
    }
    let sop_instance = identifier!(SopInstanceUid, tags::SOP_INSTANCE_UID);
    let study = identifier!(StudyInstanceUid, tags::STUDY_INSTANCE_UID);
    let series = identifier!(SeriesInstanceUid, tags::SERIES_INSTANCE_UID);
    let frame_of_reference = identifier!(FrameOfReferenceUid, tags::FRAME_OF_REFERENCE_UID);
    if series.is_none() {
        header_defect(
            tags::SERIES_INSTANCE_UID,
            "no series identifier: images of one folder, frame of reference and modality are taken as one series",
        );
    }
    let modality = data_set.text(tags::MODALITY).as_deref().and_then(code_string).map(Modality::from);
    let plane = plane(data_set);
    for element in [tags::PIXEL_SPACING, tags::IMAGE_POSITION_PATIENT, tags::IMAGE_ORIENTATION_PATIENT] {
        let read = match element {
            tags::PIXEL_SPACING => plane.spacing.is_some(),
            tags::IMAGE_POSITION_PATIENT => plane.position.is_some(),
            _ => plane.orientation.is_some(),
        };
        if !read && data_set.text(element).is_some() {
            header_defect(element, "the value is no such list of numbers: taken as absent");
        }
    }
    let (rescale, rescale_type) = rescale(data_set);
    Header {
        sop_instance,
        study,
        series,
        frame_of_reference,
        series_number: data_set.number(tags::SERIES_NUMBER).map(|number| number as i64),
        instance_number: data_set.number(tags::INSTANCE_NUMBER).map(|number| number as i64),
        image_type: data_set.texts(tags::IMAGE_TYPE),
        body_part: data_set.text(tags::BODY_PART_EXAMINED).as_deref().and_then(code_string),
        view: data_set.text(tags::VIEW_POSITION).as_deref().and_then(View::from_term),
        patient: patient(data_set),
        plane,
        imager_spacing: exactly(data_set, tags::IMAGER_PIXEL_SPACING).filter(positive),
        rescale,
        rescale_type,
        modality_table: modality_table(data_set),
        window: window(data_set),
        varying: varying(data_set),
        acquired: data_set.text(tags::ACQUISITION_TIME),
        uptake: (modality == Some(Modality::Pt)).then(|| Uptake::read(data_set)),
        timing: Timing::read(data_set),
        modality,
        defects,
    }
}

fn positive<const N: usize>(numbers: &[f64; N]) -> bool {
    numbers.iter().all(|number| *number > 0.0)
}

/// The plane attributes of a data set or of a functional group's items.
pub(crate) fn plane(data_set: &DataSet<'_>) -> Plane {
    Plane {
        position: exactly(data_set, tags::IMAGE_POSITION_PATIENT),
        orientation: exactly(data_set, tags::IMAGE_ORIENTATION_PATIENT),
        spacing: exactly(data_set, tags::PIXEL_SPACING).filter(positive),
        thickness: data_set.number(tags::SLICE_THICKNESS).filter(|mm| *mm > 0.0),
    }
}

/// Rescale Slope and Intercept, where both are there and the slope is not 0, and Rescale Type.
pub(crate) fn rescale(data_set: &DataSet<'_>) -> (Option<Rescale>, Option<String>) {
    let slope = data_set.number(tags::RESCALE_SLOPE).filter(|slope| *slope != 0.0);
    let intercept = data_set.number(tags::RESCALE_INTERCEPT);
    let both = slope.zip(intercept).map(|(slope, intercept)| Rescale { slope, intercept });
    (both, data_set.text(tags::RESCALE_TYPE).map(short))
}

/// The first window.
pub(crate) fn window(data_set: &DataSet<'_>) -> Option<(f64, f64)> {
    data_set
        .number(tags::WINDOW_CENTER)
        .zip(data_set.number(tags::WINDOW_WIDTH))
        .filter(|(_, width)| *width > 0.0)
}

fn modality_table(data_set: &DataSet<'_>) -> Option<ModalityTable> {
    let item = data_set.item(tags::MODALITY_LUT_SEQUENCE)?;
    let descriptor = item.words(tags::LUT_DESCRIPTOR);
    let [entries, first, bits] = descriptor.try_into().ok()?;
    let entries = if entries == 0 { 1 << 16 } else { usize::from(entries) };
    let signed = data_set.unsigned(tags::PIXEL_REPRESENTATION) == Some(1);
    let first = if signed { i32::from(first as i16) } else { i32::from(first) };
    let raw = item.raw(tags::LUT_DATA)?;
    let values: Vec<u16> = if bits <= 8 && raw.len() < 2 * entries {
        raw.iter().map(|byte| u16::from(*byte)).take(entries).collect()
    } else {
        item.words(tags::LUT_DATA).into_iter().take(entries).collect()
    };
    (values.len() == entries).then_some(ModalityTable { first, values })
}

/// A text that stands in the facts of every frame, cut where no real one reaches.
pub(crate) fn short(mut text: String) -> String {
    const MOST: usize = 256;
    if text.len() > MOST {
        text.truncate(text.floor_char_boundary(MOST));
        text.shrink_to_fit();
    }
    text
}

fn varying(data_set: &DataSet<'_>) -> [Option<String>; VARYING.len()] {
    let doubles = |tag| {
        let numbers = data_set.doubles(tag);
        (!numbers.is_empty()).then(|| format!("{numbers:?}"))
    };
    // Siemens writes the b-value in its own group, where older software gives no standard one.
    const SIEMENS_B_VALUE: Tag = Tag(0x0019, 0x100C);
    let siemens = data_set.text(Tag(0x0019, 0x0010)).is_some_and(|creator| creator == "SIEMENS MR HEADER");
    let private_b = siemens.then(|| data_set.text(SIEMENS_B_VALUE)).flatten();
    let image_type = data_set.texts(tags::IMAGE_TYPE);
    let varying = [
        data_set.text(tags::ECHO_TIME),
        doubles(tags::DIFFUSION_B_VALUE).or(private_b),
        doubles(tags::DIFFUSION_GRADIENT_ORIENTATION),
        data_set.text(tags::TEMPORAL_POSITION_IDENTIFIER),
        (!image_type.is_empty()).then(|| image_type.join("\\")),
        data_set.text(tags::TRIGGER_TIME),
        data_set.text(tags::STACK_ID),
        data_set.text(tags::ACQUISITION_NUMBER),
        data_set.text(tags::FRAME_REFERENCE_TIME),
    ];
    varying.map(|text| text.map(short))
}

/// The patient's attributes; identifying values are wrapped at once.
pub(super) fn patient(data_set: &DataSet<'_>) -> Patient {
    let charset = data_set.texts(tags::SPECIFIC_CHARACTER_SET);
    let decode = |element: &Element| {
        let raw = data_set.bytes.get(element.value.clone())?;
        let decoded = charset
            .iter()
            .rev()
            .find_map(|code| SpecificCharacterSet::from_code(code.trim()))
            .and_then(|charset| charset.decode(raw).ok())
            .unwrap_or_else(|| String::from_utf8_lossy(raw).into_owned());
        let text = decoded.trim_matches(|c: char| c == '\0' || c.is_whitespace());
        (!text.is_empty()).then(|| Phi::new(text.to_owned()))
    };
    let identifying = |tag| data_set.find(tag).and_then(decode);
    Patient {
        name: identifying(tags::PATIENT_NAME),
        id: identifying(tags::PATIENT_ID),
        birth_date: identifying(tags::PATIENT_BIRTH_DATE),
        age_years: data_set.text(tags::PATIENT_AGE).as_deref().and_then(age_years),
        sex: data_set
            .text(tags::PATIENT_SEX)
            .and_then(|text| text.chars().next())
            .filter(|sex| matches!(sex, 'M' | 'F' | 'O')),
    }
}

/// Years of an Age String; over 89 is withheld.
///
/// Converted files often hold bare digits, `62` for `062Y`: these are years.
fn age_years(text: &str) -> Option<f64> {
    let text = text.trim();
    let bare = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let (digits, unit) = if bare { (text, "Y") } else { text.split_at_checked(3)? };
    let number: f64 = digits.parse().ok()?;
    let years = match unit {
        "Y" => number,
        "M" => number / 12.0,
        "W" => number / 52.1775,
        "D" => number / 365.25,
        _ => return None,
    };
    (years <= 89.0).then_some(years)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_over_89_is_withheld_and_months_become_years() {
        for (text, expected) in [
            ("042Y", Some(42.0)),
            ("018M", Some(1.5)),
            ("090Y", None),
            ("42", Some(42.0)),
            ("abcY", None),
            ("4x", None),
        ] {
            assert_eq!(age_years(text), expected, "{text}");
        }
    }

    #[test]
    fn a_code_string_cannot_hold_a_sentence() {
        assert_eq!(code_string(" chest ").as_deref(), Some("CHEST"));
        assert_eq!(code_string("DOE^JANE"), None);
        assert_eq!(code_string("A VERY LONG BODY PART NAME"), None);
    }
}
