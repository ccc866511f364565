use std::path::PathBuf;
use std::sync::Arc;

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use dicom_encoding::text::{SpecificCharacterSet, TextCodec};
use wilhelm_study::{
    FrameOfReferenceUid, Geometry, Modality, Patient, Phi, SeriesInstanceUid, SopInstanceUid,
    StudyInstanceUid,
};

use super::stamp::{is_date, is_time};
use crate::dicom::element::DataSet;
use crate::dicom::file::{self, Look, Opened, place};
use crate::dicom::functional;
use crate::dicom::header::{self, Header, Plane, Rescale};
use crate::dicom::instance::FrameFacts;
use crate::dicom::stack;
use crate::gather::gather;
use crate::source::{Item, Source};
use crate::{FormatError, Limits, archive};

/// An image, or one frame of a multi-frame image, that a result was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceImage {
    /// SOP Class UID, for example the one of CT Image Storage.
    pub sop_class: String,
    /// SOP Instance UID.
    pub sop_instance: SopInstanceUid,
    /// Frame number from 1 in a multi-frame image.
    pub frame: Option<u32>,
    /// Number of columns.
    pub columns: u16,
    /// Number of rows.
    pub rows: u16,
    pub(super) plane: Plane,
    pub(super) rescale: Option<Rescale>,
    pub(super) rescale_type: Option<String>,
}

impl SourceImage {
    /// Center of the first pixel, LPS, mm, where the image has a place in space.
    pub const fn position_mm(&self) -> Option<[f64; 3]> {
        self.plane.position
    }
}

/// What the header says of the study. Values are [`Phi`], since dates and numbers identify.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StudyFacts {
    /// Study Date (0008,0020).
    pub date: Option<Phi<String>>,
    /// Study Time (0008,0030).
    pub time: Option<Phi<String>>,
    /// Study ID (0020,0010).
    pub id: Option<Phi<String>>,
    /// Accession Number (0008,0050).
    pub accession_number: Option<Phi<String>>,
    /// Referring Physician's Name (0008,0090).
    pub referring_physician: Option<Phi<String>>,
}

/// The images that a result refers to, with the patient and study it belongs to.
///
/// Invariants: at least one image; all of one series and of one size; images with a place in space
/// are sorted along their normal.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    pub(super) study: StudyInstanceUid,
    pub(super) series: SeriesInstanceUid,
    pub(super) frame_of_reference: Option<FrameOfReferenceUid>,
    pub(super) modality: Option<Modality>,
    pub(super) body_part: Option<String>,
    /// `L`, `R` or `B` as the source says, for parts of the body of which there are two.
    pub(super) laterality: Option<char>,
    pub(super) patient: Patient,
    pub(super) study_facts: StudyFacts,
    pub(super) images: Vec<SourceImage>,
    geometry: Option<Geometry>,
}

impl Reference {
    /// Study Instance UID.
    pub const fn study(&self) -> &StudyInstanceUid {
        &self.study
    }
    /// Series Instance UID.
    pub const fn series(&self) -> &SeriesInstanceUid {
        &self.series
    }
    /// Frame of Reference UID, where the images have one.
    pub const fn frame_of_reference(&self) -> Option<&FrameOfReferenceUid> {
        self.frame_of_reference.as_ref()
    }
    /// How the images were made.
    pub const fn modality(&self) -> Option<&Modality> {
        self.modality.as_ref()
    }
    /// The patient, as the header says.
    pub const fn patient(&self) -> &Patient {
        &self.patient
    }
    /// The study, as the header says.
    pub const fn study_facts(&self) -> &StudyFacts {
        &self.study_facts
    }
    /// The images, slices in the order of their normal.
    pub fn images(&self) -> &[SourceImage] {
        &self.images
    }
    /// The images of some numbers.
    pub(super) fn selected(&self, numbers: &[usize], what: &str) -> Result<Vec<&SourceImage>, FormatError> {
        let count = self.images.len();
        let refused = |message: String| FormatError::malformed(what, message);
        if numbers.is_empty() {
            return Err(refused("no source image is named, expected at least one".to_owned()));
        }
        let image = |number: &usize| {
            let beyond = || refused(format!("source image {number}, expected 0 to {}", count - 1));
            self.images.get(*number).ok_or_else(beyond)
        };
        numbers.iter().map(image).collect()
    }

    /// The grid that [`read`](crate::read) gives these images: one slice an image. `None` for flat
    /// images, and where two images lie at one position.
    pub const fn geometry(&self) -> Option<&Geometry> {
        self.geometry.as_ref()
    }
}

/// Reads what a result must say of its source images, from their headers alone.
///
/// `paths` are files, folders or zip archives, as for [`read`](crate::read); what is no DICOM image
/// is passed over in folders. `wanted` narrows them to the images of one series, by the SOP Instance
/// UIDs of its [`sources`](wilhelm_study::Series::sources); empty takes all there are.
///
/// # Errors
/// [`FormatError::Malformed`] where no image is left, images are of several series or sizes, or an
/// identifier that a result must repeat is missing; [`FormatError`] for a file that cannot be read.
pub fn references(
    paths: &[PathBuf],
    wanted: &[SopInstanceUid],
    limits: &Limits,
) -> Result<Reference, FormatError> {
    let gathered = gather(paths, limits);
    if let Some(failure) = gathered.failures.into_iter().next() {
        return Err(failure.error);
    }
    collect(&gathered.items, wanted, limits)
}

/// The same as [`references`] from the bytes of files.
///
/// # Errors
/// As [`references`].
pub fn references_of_bytes(files: &[&[u8]], limits: &Limits) -> Result<Reference, FormatError> {
    let items: Vec<Item> = files
        .iter()
        .enumerate()
        .map(|(i, bytes)| Item {
            label: format!("file {}", i + 1),
            named: true,
            bytes: bytes.len() as u64,
            source: Source::Memory(Arc::from(*bytes)),
        })
        .collect();
    collect(&items, &[], limits)
}

/// Whose a DICOM object is, and of which study: what any object says, with pixels or without.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectFacts {
    /// The patient, as the header says.
    pub patient: Patient,
    /// The study, as the header says.
    pub study: StudyFacts,
    /// Whether it is a structured report of measurements.
    pub is_structured_report: bool,
}

/// Reads whose an object is from its header.
///
/// # Errors
/// [`FormatError`] for bytes that are no DICOM object or cannot be read.
pub fn object_facts(bytes: &[u8], limits: &Limits) -> Result<ObjectFacts, FormatError> {
    if !file::is_dicom(bytes) {
        return Err(FormatError::NotAnImage { found: "content of another kind".to_owned() });
    }
    let Look::Opened(opened) = file::look(bytes, bytes.len() as u64, limits)? else {
        return Err(FormatError::malformed("data set", "the file ends before its content"));
    };
    let data_set = opened.data_set();
    let class = data_set.text(tags::SOP_CLASS_UID).unwrap_or_default();
    let reports =
        [uids::COMPREHENSIVE3_DSR_STORAGE, uids::COMPREHENSIVE_SR_STORAGE, uids::ENHANCED_SR_STORAGE];
    Ok(ObjectFacts {
        patient: header::patient(&data_set),
        study: study_facts(&data_set),
        is_structured_report: reports.contains(&class.as_str()),
    })
}

/// What one file says.
struct Facts {
    header: Header,
    laterality: Option<char>,
    study_facts: StudyFacts,
    images: Vec<SourceImage>,
}

fn collect(items: &[Item], wanted: &[SopInstanceUid], limits: &Limits) -> Result<Reference, FormatError> {
    let mut wanted_sorted: Vec<&SopInstanceUid> = wanted.iter().collect();
    wanted_sorted.sort();
    let mut first: Option<(Header, StudyFacts, Option<char>)> = None;
    let mut images: Vec<SourceImage> = Vec::new();
    for item in items {
        let Some(facts) = facts(item, limits)? else { continue };
        let is_wanted = |image: &SourceImage| wanted_sorted.binary_search(&&image.sop_instance).is_ok();
        if !wanted.is_empty() && !facts.images.iter().any(is_wanted) {
            continue;
        }
        if let Some((header, ..)) = &first {
            if header.series != facts.header.series || header.study != facts.header.study {
                return Err(FormatError::malformed("source images", "of several series, expected one"));
            }
        } else {
            first = Some((facts.header, facts.study_facts, facts.laterality));
        }
        images.extend(facts.images);
        let count = images.len();
        if count > limits.archive_entries.max(1 << 16) {
            return Err(FormatError::TooLarge {
                what: "number of source images",
                declared: count as u64,
                limit: limits.archive_entries.max(1 << 16) as u64,
            });
        }
    }
    let Some((header, study_facts, laterality)) = first else {
        return Err(FormatError::malformed("source images", "none found, expected at least one"));
    };
    let size = (images[0].columns, images[0].rows);
    if images.iter().any(|image| (image.columns, image.rows) != size) {
        return Err(FormatError::malformed("source images", "of several sizes, expected one"));
    }
    let missing = |tag: Tag| FormatError::malformed(place(tag), "missing in the source images");
    // The place of a copy of a file is the place of the file.
    if images.iter().all(|image| image.plane.is_placed()) {
        images.sort_by(|a, b| {
            let depth = |image: &SourceImage| stack::depth(&image.plane);
            depth(a)
                .total_cmp(&depth(b))
                .then_with(|| a.sop_instance.cmp(&b.sop_instance))
                .then_with(|| a.frame.cmp(&b.frame))
        });
    }
    images.dedup_by(|a, b| a.sop_instance == b.sop_instance && a.frame == b.frame);
    let geometry = grid(&images);
    Ok(Reference {
        study: header.study.clone().ok_or_else(|| missing(tags::STUDY_INSTANCE_UID))?,
        series: header.series.clone().ok_or_else(|| missing(tags::SERIES_INSTANCE_UID))?,
        frame_of_reference: header.frame_of_reference.clone(),
        modality: header.modality.clone(),
        body_part: header.body_part.clone(),
        laterality,
        patient: header.patient,
        study_facts,
        images,
        geometry,
    })
}

/// The grid of images that lie behind each other, all turned the same way.
fn grid(images: &[SourceImage]) -> Option<Geometry> {
    let planes: Vec<&Plane> = images.iter().map(|image| &image.plane).collect();
    if !planes.iter().all(|plane| plane.is_placed() && same_orientation(plane, planes[0])) {
        return None;
    }
    let tolerance = stack::same_position_tolerance(planes[0]);
    let apart = |pair: &[&Plane]| stack::depth(pair[1]) - stack::depth(pair[0]) > tolerance;
    if !planes.windows(2).all(apart) {
        return None;
    }
    let (columns, rows) = (usize::from(images[0].columns), usize::from(images[0].rows));
    stack::grid(&planes, columns, rows, "source images").ok().map(|(geometry, _)| geometry)
}

/// Whether two planes are turned alike and equally spaced, as far as header digits tell.
pub(super) fn same_orientation(a: &Plane, b: &Plane) -> bool {
    let near = |a: &[f64], b: &[f64], most: f64| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= most);
    match (a.orientation, b.orientation, a.spacing, b.spacing) {
        (Some(a), Some(b), Some(c), Some(d)) => near(&a, &b, 1e-3) && near(&c, &d, 1e-3 * c[0].min(c[1])),
        _ => false,
    }
}

/// A file's facts; `None` for what is no DICOM image and was not named.
fn facts(item: &Item, limits: &Limits) -> Result<Option<Facts>, FormatError> {
    const BEGINNING: usize = 32 << 10;
    let beginning = item.source.beginning(BEGINNING)?;
    let inflated: Arc<[u8]>;
    let (bytes, length): (&[u8], u64) = if archive::is_gzip(&beginning) {
        let whole = item.source.all(limits)?;
        match archive::gunzip(&whole, limits) {
            Ok(content) => inflated = content,
            Err(error) if item.named => return Err(error),
            Err(_) => return Ok(None),
        }
        (&inflated, inflated.len() as u64)
    } else {
        (&beginning, item.bytes)
    };
    if !file::is_dicom(bytes) {
        if item.named {
            let found = "content of another kind".to_owned();
            return Err(FormatError::NotAnImage { found });
        }
        return Ok(None);
    }
    let whole: Arc<[u8]>;
    let opened = match file::look(bytes, length, limits)? {
        Look::Opened(opened) => opened,
        Look::NeedsMore => {
            whole = item.source.all(limits)?;
            match file::look(&whole, whole.len() as u64, limits)? {
                Look::Opened(opened) => opened,
                Look::NeedsMore => {
                    let found = whole.len() as u64;
                    let place = "data set".to_owned();
                    return Err(FormatError::Truncated { place, found, expected: found + 1 });
                }
            }
        }
    };
    // DICOMDIR, reports and other objects without pixels stand beside images.
    if opened.pixels.is_none() {
        return Ok(None);
    }
    of_data_set(&opened, item).map(Some)
}

fn of_data_set(opened: &Opened<'_>, item: &Item) -> Result<Facts, FormatError> {
    let data_set = opened.data_set();
    let header = header::read(&data_set, &item.label);
    let missing = |tag: Tag| FormatError::malformed(place(tag), "missing in a source image");
    let sop_class = data_set.text(tags::SOP_CLASS_UID).ok_or_else(|| missing(tags::SOP_CLASS_UID))?;
    // Checked as any UID is; the field of a crooked file can hold anything.
    let sop_class = SopInstanceUid::new(&sop_class)
        .map_err(|_| FormatError::malformed(place(tags::SOP_CLASS_UID), "not a UID"))?;
    let sop_instance = header.sop_instance.clone().ok_or_else(|| missing(tags::SOP_INSTANCE_UID))?;
    let size = |tag| {
        let number = data_set.unsigned(tag).and_then(|number| u16::try_from(number).ok());
        number.filter(|number| *number > 0).ok_or_else(|| missing(tag))
    };
    let (columns, rows) = (size(tags::COLUMNS)?, size(tags::ROWS)?);
    let own = FrameFacts {
        plane: header.plane.clone(),
        rescale: header.rescale,
        rescale_type: header.rescale_type.clone(),
        window: header.window,
        varying: header.varying.clone(),
    };
    let image = |frame: Option<u32>, facts: FrameFacts| SourceImage {
        sop_class: sop_class.as_str().to_owned(),
        sop_instance: sop_instance.clone(),
        frame,
        columns,
        rows,
        plane: facts.plane,
        rescale: facts.rescale,
        rescale_type: facts.rescale_type,
    };
    let declared = data_set.number(tags::NUMBER_OF_FRAMES).unwrap_or(1.0);
    let images = if functional::is_enhanced(&data_set) {
        // The groups are there in the file, so that their number is no mere claim.
        functional::frames(&data_set, &own, declared.clamp(1.0, 1e6) as usize)
            .into_iter()
            .enumerate()
            .map(|(i, facts)| image(u32::try_from(i + 1).ok(), facts))
            .collect()
    } else {
        vec![image(None, own)]
    };
    if images.is_empty() {
        return Err(missing(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE));
    }
    let laterality = [tags::LATERALITY, tags::IMAGE_LATERALITY]
        .into_iter()
        .find_map(|tag| data_set.text(tag)?.chars().next().filter(|side| matches!(side, 'L' | 'R' | 'B')));
    Ok(Facts { study_facts: study_facts(&data_set), header, laterality, images })
}

fn study_facts(data_set: &DataSet<'_>) -> StudyFacts {
    let text = |tag| decoded(data_set, tag).map(Phi::new);
    StudyFacts {
        // A value of no valid form would make the result invalid: it is left out.
        date: decoded(data_set, tags::STUDY_DATE).filter(|date| is_date(date)).map(Phi::new),
        time: decoded(data_set, tags::STUDY_TIME).filter(|time| is_time(time)).map(Phi::new),
        id: text(tags::STUDY_ID),
        accession_number: text(tags::ACCESSION_NUMBER),
        referring_physician: text(tags::REFERRING_PHYSICIAN_NAME),
    }
}

/// A text in the character set that its data set declares.
pub(super) fn decoded(data_set: &DataSet<'_>, tag: Tag) -> Option<String> {
    decoded_in(data_set, tag, &data_set.texts(tags::SPECIFIC_CHARACTER_SET))
}

/// A text of an item in the character sets of the data set it lies in.
pub(super) fn decoded_in(data_set: &DataSet<'_>, tag: Tag, character_sets: &[String]) -> Option<String> {
    let raw = data_set.raw(tag)?;
    let decoded = character_sets
        .iter()
        .rev()
        .find_map(|code| SpecificCharacterSet::from_code(code.trim()))
        .and_then(|character_set| character_set.decode(raw).ok())
        .unwrap_or_else(|| String::from_utf8_lossy(raw).into_owned());
    let text = decoded.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    (!text.is_empty()).then(|| text.to_owned())
}
