//! Objects to archive, made here.

use std::path::Path;
use std::sync::Arc;

use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use wilhelm_formats::phantom::{CtPhantom, part_10};
use wilhelm_store::{Expected, Receipt, Settings, Store, StoreError, Taken};

/// A slice of a small CT, with some of its text elements set anew.
pub fn slice(number: usize, texts: &[(Tag, VR, &str)]) -> Vec<u8> {
    let phantom = CtPhantom { columns: 16, rows: 16, slices: number + 1, ..Default::default() };
    let mut object: InMemDicomObject = phantom.slice_object(number);
    for (tag, vr, text) in texts {
        object.put(DataElement::new(*tag, *vr, PrimitiveValue::from(*text)));
    }
    part_10(object).expect("a phantom is written")
}

/// A study of its own: patient's ID and name, study date, and UIDs below `root`.
pub fn of_patient(root: &str, id: &str, name: &str, date: &str, modality: &str) -> Vec<u8> {
    slice(
        0,
        &[
            (tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192"),
            (tags::PATIENT_ID, VR::LO, id),
            (tags::PATIENT_NAME, VR::PN, name),
            (tags::STUDY_DATE, VR::DA, date),
            (tags::STUDY_TIME, VR::TM, "103000"),
            (tags::MODALITY, VR::CS, modality),
            (tags::STUDY_INSTANCE_UID, VR::UI, root),
            (tags::SERIES_INSTANCE_UID, VR::UI, &format!("{root}.1")),
            (tags::SOP_INSTANCE_UID, VR::UI, &format!("{root}.1.1")),
        ],
    )
}

pub fn open(folder: &Path) -> Arc<Store> {
    Store::open(folder, Settings::default()).expect("an archive opens")
}

pub fn take(store: &Store, bytes: &[u8]) -> Result<Taken, StoreError> {
    let mut arriving = store.arrive();
    arriving.write(bytes)?;
    store.take(arriving, Expected::default())
}

pub fn keep(store: &Store, bytes: &[u8]) -> Result<Receipt, StoreError> {
    take(store, bytes)?.pending.wait()
}
