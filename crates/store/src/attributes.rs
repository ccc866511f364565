use dicom_core::Tag;
use dicom_dictionary_std::tags;
use wilhelm_study::{Phi, SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};

use crate::StoreError;

/// What the catalog keeps of an object's patient and study. Text as decoded, "" where it is missing.
#[derive(Clone, Debug, Default)]
pub struct StudyAttributes {
    /// Patient ID (0010,0020).
    pub patient_id: Phi<String>,
    /// Issuer of Patient ID (0010,0021).
    pub issuer: Phi<String>,
    /// Patient's Name (0010,0010), component groups with `=` between them.
    pub patient_name: Phi<String>,
    /// Patient's Birth Date (0010,0030).
    pub birth_date: Phi<String>,
    /// Patient's Sex (0010,0040).
    pub sex: Phi<String>,
    /// Study Date (0008,0020).
    pub date: Phi<String>,
    /// Study Time (0008,0030).
    pub time: Phi<String>,
    /// Accession Number (0008,0050).
    pub accession: Phi<String>,
    /// Study ID (0020,0010).
    pub study_id: Phi<String>,
    /// Study Description (0008,1030).
    pub description: Phi<String>,
    /// Referring Physician's Name (0008,0090).
    pub referring_physician: Phi<String>,
}

/// What the catalog keeps of an object's series. Text as decoded, "" where it is missing.
#[derive(Clone, Debug, Default)]
pub struct SeriesAttributes {
    /// Modality (0008,0060).
    pub modality: String,
    /// Series Number (0020,0011).
    pub number: String,
    /// Series Description (0008,103E).
    pub description: Phi<String>,
    /// Body Part Examined (0018,0015).
    pub body_part: String,
    /// Series Date (0008,0021).
    pub date: Phi<String>,
    /// Series Time (0008,0031).
    pub time: Phi<String>,
    /// Station Name (0008,1010).
    pub station: String,
    /// Manufacturer (0008,0070).
    pub manufacturer: String,
    /// Performed Procedure Step Start Date (0040,0244).
    pub step_date: Phi<String>,
    /// Performed Procedure Step Start Time (0040,0245).
    pub step_time: Phi<String>,
}

/// What the catalog keeps of an object itself. Text as decoded, "" where it is missing.
#[derive(Clone, Debug, Default)]
pub struct InstanceAttributes {
    /// SOP Class UID (0008,0016).
    pub sop_class: String,
    /// Instance Number (0020,0013).
    pub number: String,
    /// Rows (0028,0010).
    pub rows: String,
    /// Columns (0028,0011).
    pub columns: String,
    /// Bits Allocated (0028,0100).
    pub bits_allocated: String,
    /// Samples per Pixel (0028,0002).
    pub samples: String,
    /// Number of Frames (0028,0008).
    pub frames: String,
    /// Content Date (0008,0023).
    pub content_date: Phi<String>,
    /// Content Time (0008,0033).
    pub content_time: Phi<String>,
}

/// Everything that the catalog keeps of an object, without its metadata.
#[derive(Clone, Debug)]
pub struct Attributes {
    /// Study Instance UID.
    pub study_uid: StudyInstanceUid,
    /// Series Instance UID.
    pub series_uid: SeriesInstanceUid,
    /// SOP Instance UID.
    pub sop_uid: SopInstanceUid,
    /// Of patient and study.
    pub study: StudyAttributes,
    /// Of the series.
    pub series: SeriesAttributes,
    /// Of the object itself.
    pub instance: InstanceAttributes,
}

/// Values collected while a data set is walked through.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    study_uid: String,
    series_uid: String,
    sop_uid: String,
    study: StudyAttributes,
    series: SeriesAttributes,
    instance: InstanceAttributes,
}

/// Longest text that a column takes, in bytes; the rest stands in the metadata alone.
const LONGEST: usize = 1024;

impl Collected {
    /// Whether the catalog has a column for `tag`.
    pub(crate) fn wants(tag: Tag) -> bool {
        Self::default().slot(tag).is_some()
    }

    /// Keeps the value of an element at the data set's top level.
    pub(crate) fn keep(&mut self, tag: Tag, text: &str) {
        let mut end = text.len().min(LONGEST);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        if let Some(slot) = self.slot(tag) {
            slot.keep(&text[..end]);
        }
    }

    fn slot(&mut self, tag: Tag) -> Option<Slot<'_>> {
        let (study, series, instance) = (&mut self.study, &mut self.series, &mut self.instance);
        Some(match tag {
            tags::STUDY_INSTANCE_UID => Slot::Open(&mut self.study_uid),
            tags::SERIES_INSTANCE_UID => Slot::Open(&mut self.series_uid),
            tags::SOP_INSTANCE_UID => Slot::Open(&mut self.sop_uid),
            tags::PATIENT_ID => Slot::Phi(&mut study.patient_id),
            tags::ISSUER_OF_PATIENT_ID => Slot::Phi(&mut study.issuer),
            tags::PATIENT_NAME => Slot::Phi(&mut study.patient_name),
            tags::PATIENT_BIRTH_DATE => Slot::Phi(&mut study.birth_date),
            tags::PATIENT_SEX => Slot::Phi(&mut study.sex),
            tags::STUDY_DATE => Slot::Phi(&mut study.date),
            tags::STUDY_TIME => Slot::Phi(&mut study.time),
            tags::ACCESSION_NUMBER => Slot::Phi(&mut study.accession),
            tags::STUDY_ID => Slot::Phi(&mut study.study_id),
            tags::STUDY_DESCRIPTION => Slot::Phi(&mut study.description),
            tags::REFERRING_PHYSICIAN_NAME => Slot::Phi(&mut study.referring_physician),
            tags::MODALITY => Slot::Open(&mut series.modality),
            tags::SERIES_NUMBER => Slot::Open(&mut series.number),
            tags::SERIES_DESCRIPTION => Slot::Phi(&mut series.description),
            tags::BODY_PART_EXAMINED => Slot::Open(&mut series.body_part),
            tags::SERIES_DATE => Slot::Phi(&mut series.date),
            tags::SERIES_TIME => Slot::Phi(&mut series.time),
            tags::STATION_NAME => Slot::Open(&mut series.station),
            tags::MANUFACTURER => Slot::Open(&mut series.manufacturer),
            tags::PERFORMED_PROCEDURE_STEP_START_DATE => Slot::Phi(&mut series.step_date),
            tags::PERFORMED_PROCEDURE_STEP_START_TIME => Slot::Phi(&mut series.step_time),
            tags::SOP_CLASS_UID => Slot::Open(&mut instance.sop_class),
            tags::INSTANCE_NUMBER => Slot::Open(&mut instance.number),
            tags::ROWS => Slot::Open(&mut instance.rows),
            tags::COLUMNS => Slot::Open(&mut instance.columns),
            tags::BITS_ALLOCATED => Slot::Open(&mut instance.bits_allocated),
            tags::SAMPLES_PER_PIXEL => Slot::Open(&mut instance.samples),
            tags::NUMBER_OF_FRAMES => Slot::Open(&mut instance.frames),
            tags::CONTENT_DATE => Slot::Phi(&mut instance.content_date),
            tags::CONTENT_TIME => Slot::Phi(&mut instance.content_time),
            _ => return None,
        })
    }

    /// The attributes, if the object says where it belongs.
    pub(crate) fn finish(self) -> Result<Attributes, StoreError> {
        let missing = |tag, name| move |_| StoreError::NoIdentifier { tag, name };
        let class = SopInstanceUid::new(&self.instance.sop_class)
            .map_err(missing("(0008,0016)", "SOPClassUID"))?
            .as_str()
            .to_owned();
        Ok(Attributes {
            study_uid: StudyInstanceUid::new(&self.study_uid)
                .map_err(missing("(0020,000D)", "StudyInstanceUID"))?,
            series_uid: SeriesInstanceUid::new(&self.series_uid)
                .map_err(missing("(0020,000E)", "SeriesInstanceUID"))?,
            sop_uid: SopInstanceUid::new(&self.sop_uid).map_err(missing("(0008,0018)", "SOPInstanceUID"))?,
            study: self.study,
            series: self.series,
            instance: InstanceAttributes { sop_class: class, ..self.instance },
        })
    }
}

enum Slot<'a> {
    Open(&'a mut String),
    Phi(&'a mut Phi<String>),
}

impl Slot<'_> {
    fn keep(self, text: &str) {
        match self {
            Self::Open(slot) => text.clone_into(slot),
            Self::Phi(slot) => *slot = Phi::new(text.to_owned()),
        }
    }
}
