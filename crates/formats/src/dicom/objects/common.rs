//! The modules that all objects share: patient, study, series, equipment, identity.

use dicom_core::VR;
use dicom_dictionary_std::tags;
use wilhelm_study::{CodedConcept, Phi, SeriesInstanceUid, SopInstanceUid};

use super::build::{Item, code_string, cut};
use super::reference::{Reference, SourceImage};
use super::stamp::{Stamp, is_date, uuid_derived};
use crate::FormatError;

/// What every object says of itself.
pub const RESEARCH_USE: &str = "research use only";

/// The program that makes an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equipment {
    /// Manufacturer (0008,0070).
    pub manufacturer: String,
    /// Manufacturer's Model Name (0008,1090).
    pub model_name: String,
    /// Device Serial Number (0018,1000); an installation's own name, never a secret.
    pub serial_number: String,
    /// Software Versions (0018,1020).
    pub software_version: String,
}

impl Default for Equipment {
    /// This program in this version, with the serial number 0.
    fn default() -> Self {
        Self {
            manufacturer: "Wilhelm".to_owned(),
            model_name: "Wilhelm".to_owned(),
            serial_number: "0".to_owned(),
            software_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Who makes an object, when, and under which numbers and words.
///
/// Objects of one kind with one stamp and one series number lie in one series, told apart by
/// their instance numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imprint {
    /// When, and what the identifiers come from.
    pub stamp: Stamp,
    /// The program.
    pub equipment: Equipment,
    /// Series Number (0020,0011) of the new series.
    pub series_number: u32,
    /// Instance Number (0020,0013) in that series, from 1.
    pub instance_number: u32,
    /// What the object is, for people; [`RESEARCH_USE`] is added. No patient's value.
    pub description: String,
}

impl Imprint {
    /// The first object of a new series 9000 by this program.
    pub fn new(description: &str, stamp: Stamp) -> Self {
        Self {
            stamp,
            equipment: Equipment::default(),
            series_number: 9000,
            instance_number: 1,
            description: description.to_owned(),
        }
    }

    /// The description with the statement that it is for research, both whole.
    pub(super) fn statement(&self) -> String {
        let suffix = format!(" ({RESEARCH_USE})");
        let description = self.description.trim();
        if description.is_empty() {
            return RESEARCH_USE.to_owned();
        }
        format!("{}{suffix}", cut(description, 64 - suffix.len()))
    }
}

/// An object ready to be written, with the identifiers by which others refer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// A whole Part 10 file.
    pub bytes: Vec<u8>,
    /// SOP Class UID.
    pub sop_class: &'static str,
    /// SOP Instance UID.
    pub sop_instance: SopInstanceUid,
    /// Series Instance UID of the new series.
    pub series: SeriesInstanceUid,
}

/// An object with its common modules, to which its own are added.
pub(super) struct Draft {
    pub item: Item,
    sop_class: &'static str,
    sop_instance: SopInstanceUid,
    series: SeriesInstanceUid,
}

impl Draft {
    /// The modules Patient, General Study, General Series, (Enhanced) General Equipment and SOP
    /// Common.
    pub(super) fn new(
        sop_class: &'static str,
        modality: &str,
        reference: &Reference,
        imprint: &Imprint,
    ) -> Result<Self, FormatError> {
        let stamp = &imprint.stamp;
        let series = format!("{sop_class} series {}", imprint.series_number);
        let instance = format!("{series} instance {}", imprint.instance_number);
        let made = |_| FormatError::malformed("stamp", "no UID came of it");
        let series = SeriesInstanceUid::new(&stamp.uid(&series)).map_err(made)?;
        let sop_instance = SopInstanceUid::new(&stamp.uid(&instance)).map_err(made)?;
        let mut item = Item::new();
        item.text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
        item.uid(tags::SOP_CLASS_UID, sop_class);
        item.uid(tags::SOP_INSTANCE_UID, sop_instance.as_str());
        item.text(tags::INSTANCE_CREATION_DATE, VR::DA, stamp.date());
        item.text(tags::INSTANCE_CREATION_TIME, VR::TM, stamp.time());
        patient_and_study(&mut item, reference);
        item.text(tags::MODALITY, VR::CS, modality);
        item.uid(tags::SERIES_INSTANCE_UID, series.as_str());
        item.integer(tags::SERIES_NUMBER, imprint.series_number);
        item.text(tags::SERIES_DATE, VR::DA, stamp.date());
        item.text(tags::SERIES_TIME, VR::TM, stamp.time());
        item.text(tags::SERIES_DESCRIPTION, VR::LO, &imprint.statement());
        item.integer(tags::INSTANCE_NUMBER, imprint.instance_number);
        // Documents and segmentations say it by their content.
        if !matches!(modality, "SR" | "KO" | "SEG" | "DOC") {
            body_part(&mut item, reference);
        }
        let equipment = &imprint.equipment;
        let or_unknown = |text: &str| if text.trim().is_empty() { "unknown" } else { text }.to_owned();
        item.text(tags::MANUFACTURER, VR::LO, &or_unknown(&equipment.manufacturer));
        item.text(tags::MANUFACTURER_MODEL_NAME, VR::LO, &or_unknown(&equipment.model_name));
        item.text(tags::DEVICE_SERIAL_NUMBER, VR::LO, &or_unknown(&equipment.serial_number));
        item.text(tags::SOFTWARE_VERSIONS, VR::LO, &or_unknown(&equipment.software_version));
        Ok(Self { item, sop_class, sop_instance, series })
    }

    /// Content Date and Time.
    pub(super) fn content_date(&mut self, imprint: &Imprint) {
        self.item.text(tags::CONTENT_DATE, VR::DA, imprint.stamp.date());
        self.item.text(tags::CONTENT_TIME, VR::TM, imprint.stamp.time());
    }

    /// Content Label, Content Description and Content Creator's Name.
    pub(super) fn content_identification(&mut self, imprint: &Imprint) {
        self.item.text(tags::CONTENT_LABEL, VR::CS, &code_string(&imprint.description));
        self.item.text(tags::CONTENT_DESCRIPTION, VR::LO, &imprint.statement());
        self.item.empty(tags::CONTENT_CREATOR_NAME, VR::PN);
    }

    /// The Frame of Reference Module, in the space of the source.
    pub(super) fn frame_of_reference(&mut self, reference: &Reference) {
        self.item.uid(tags::FRAME_OF_REFERENCE_UID, &frame_of_reference(reference));
        self.item.empty(tags::POSITION_REFERENCE_INDICATOR, VR::LO);
    }

    pub(super) fn sop_instance(&self) -> &SopInstanceUid {
        &self.sop_instance
    }

    pub(super) fn finish(self) -> Result<Written, FormatError> {
        Ok(Written {
            bytes: self.item.into_part_10()?,
            sop_class: self.sop_class,
            sop_instance: self.sop_instance,
            series: self.series,
        })
    }
}

/// The Frame of Reference UID of the source; where it has none, one that all results of its series share.
pub(super) fn frame_of_reference(reference: &Reference) -> String {
    match &reference.frame_of_reference {
        Some(uid) => uid.as_str().to_owned(),
        None => uuid_derived(&[b"frame of reference of series ", reference.series.as_str().as_bytes()]),
    }
}

/// Body Part Examined, and Laterality where the part is one of two or unknown (PS3.3 Section C.7.3.1).
fn body_part(item: &mut Item, reference: &Reference) {
    const PAIRED: [&str; 30] = [
        "ACJOINT",
        "ANKLE",
        "ARM",
        "BREAST",
        "CALCANEUS",
        "CALF",
        "CLAVICLE",
        "EAR",
        "ELBOW",
        "EXTREMITY",
        "EYE",
        "FEMUR",
        "FINGER",
        "FOOT",
        "FOREARM",
        "HAND",
        "HIP",
        "HUMERUS",
        "KNEE",
        "LEG",
        "PATELLA",
        "RADIUS",
        "SCAPULA",
        "SCJOINT",
        "SHOULDER",
        "SIJOINT",
        "THIGH",
        "THUMB",
        "TOE",
        "WRIST",
    ];
    let part = reference.body_part.as_deref();
    if let Some(part) = part {
        item.text(tags::BODY_PART_EXAMINED, VR::CS, part);
    }
    if part.is_none_or(|part| PAIRED.contains(&part)) {
        let side = reference.laterality.filter(|side| *side != 'B').map(String::from).unwrap_or_default();
        item.text(tags::LATERALITY, VR::CS, &side);
    }
}

fn patient_and_study(item: &mut Item, reference: &Reference) {
    let phi = |value: &Option<Phi<String>>| value.as_ref().map(|v| v.expose().clone()).unwrap_or_default();
    let patient = &reference.patient;
    item.text(tags::PATIENT_NAME, VR::PN, &phi(&patient.name));
    item.text(tags::PATIENT_ID, VR::LO, &phi(&patient.id));
    let birth_date = phi(&patient.birth_date);
    item.text(tags::PATIENT_BIRTH_DATE, VR::DA, if is_date(&birth_date) { &birth_date } else { "" });
    item.text(tags::PATIENT_SEX, VR::CS, &patient.sex.map(String::from).unwrap_or_default());
    let study = &reference.study_facts;
    item.uid(tags::STUDY_INSTANCE_UID, reference.study.as_str());
    item.text(tags::STUDY_DATE, VR::DA, &phi(&study.date));
    item.text(tags::STUDY_TIME, VR::TM, &phi(&study.time));
    item.text(tags::STUDY_ID, VR::SH, &phi(&study.id));
    item.text(tags::ACCESSION_NUMBER, VR::SH, &phi(&study.accession_number));
    item.text(tags::REFERRING_PHYSICIAN_NAME, VR::PN, &phi(&study.referring_physician));
}

/// Referenced SOP Class and Instance UID, and the frame where there is one.
pub(super) fn sop_reference(image: &SourceImage) -> Item {
    let mut item = Item::new();
    item.uid(tags::REFERENCED_SOP_CLASS_UID, &image.sop_class);
    item.uid(tags::REFERENCED_SOP_INSTANCE_UID, image.sop_instance.as_str());
    if let Some(frame) = image.frame {
        item.integer(tags::REFERENCED_FRAME_NUMBER, frame);
    }
    item
}

/// The files that images lie in, each once, in their order.
pub(super) fn instances<'a>(images: impl IntoIterator<Item = &'a SourceImage>) -> Vec<Item> {
    let mut seen = std::collections::BTreeSet::new();
    images
        .into_iter()
        .filter(|image| seen.insert(image.sop_instance.as_str()))
        .map(|image| sop_reference(&SourceImage { frame: None, ..image.clone() }))
        .collect()
}

/// The source images of an object as a whole, where no frame names its own.
pub(super) fn source_images<'a>(item: &mut Item, images: impl IntoIterator<Item = &'a SourceImage>) {
    let purpose = CodedConcept::new("DCM", "121322", "Source image for image processing operation");
    let mut sources = instances(images);
    sources.iter_mut().for_each(|source| source.code(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, &purpose));
    item.sequence(tags::SOURCE_IMAGE_SEQUENCE, sources);
}

/// The Common Instance Reference Module: the source series with its instances.
pub(super) fn common_instance_reference(item: &mut Item, reference: &Reference) {
    let mut series = Item::new();
    series.uid(tags::SERIES_INSTANCE_UID, reference.series.as_str());
    series.sequence(tags::REFERENCED_INSTANCE_SEQUENCE, instances(&reference.images));
    item.single(tags::REFERENCED_SERIES_SEQUENCE, series);
}
