//! An analytic CT phantom as a DICOM series: known values at known places, for tests and benches.
//!
//! A body with lungs, a spine, a heart and vessels, each an ellipse whose Hounsfield unit is
//! known, written as valid Part 10 files. Nothing in it is of a person.

use std::fs;
use std::path::{Path, PathBuf};

use dicom_core::value::PrimitiveValue;
use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use rayon::prelude::*;

use crate::FormatError;

/// The size and the crookedness of a CT phantom.
#[derive(Clone, Debug, PartialEq)]
pub struct CtPhantom {
    /// Number of columns.
    pub columns: u16,
    /// Number of rows.
    pub rows: u16,
    /// Number of slices.
    pub slices: usize,
    /// Distance between pixel centers, in both directions, mm.
    pub pixel_spacing_mm: f64,
    /// Distance between slices along the normal, mm.
    pub slice_step_mm: f64,
    /// Gantry tilt: how far the slices lean off their normal, degrees.
    pub tilt_degrees: f64,
    /// Height of uniform noise around the true value, in Hounsfield units; 0 for none.
    pub noise_hu: f64,
    /// Number that tells one phantom's identifiers and noise from another's.
    pub seed: u64,
}

impl Default for CtPhantom {
    /// A chest of 300 slices of 512 x 512, 0.7 mm by 1 mm, with noise.
    fn default() -> Self {
        Self {
            columns: 512,
            rows: 512,
            slices: 300,
            pixel_spacing_mm: 0.7,
            slice_step_mm: 1.0,
            tilt_degrees: 0.0,
            noise_hu: 12.0,
            seed: 1,
        }
    }
}

/// An ellipse across the body, in shares of the image's half width from its center, and its value.
struct Organ {
    center: [f64; 2],
    radius: [f64; 2],
    hounsfield: f64,
    /// The share of the stack it is in, from and to.
    along: [f64; 2],
}

const fn organ(center: [f64; 2], radius: [f64; 2], hounsfield: f64, along: [f64; 2]) -> Organ {
    Organ { center, radius, hounsfield, along }
}

/// Later organs lie on top of earlier ones.
const ORGANS: [Organ; 9] = [
    organ([0.0, 0.0], [0.85, 0.60], -90.0, [0.0, 1.0]),
    organ([0.0, 0.0], [0.80, 0.55], 45.0, [0.0, 1.0]),
    organ([-0.40, -0.05], [0.28, 0.38], -820.0, [0.1, 0.9]),
    organ([0.40, -0.05], [0.28, 0.38], -820.0, [0.1, 0.9]),
    organ([0.10, -0.15], [0.22, 0.20], 50.0, [0.3, 0.7]),
    organ([0.0, 0.40], [0.11, 0.11], 350.0, [0.0, 1.0]),
    organ([0.0, 0.40], [0.05, 0.05], 20.0, [0.0, 1.0]),
    organ([-0.12, 0.22], [0.06, 0.06], 220.0, [0.0, 1.0]),
    organ([0.45, 0.05], [0.03, 0.03], 60.0, [0.45, 0.55]),
];

/// The air around the body, HU.
const AIR: f64 = -1000.0;

impl CtPhantom {
    /// The value without noise, HU.
    pub fn hounsfield(&self, column: usize, row: usize, slice: usize) -> f64 {
        let half = f64::from(self.columns.min(self.rows)) / 2.0;
        let at = [
            (column as f64 + 0.5 - f64::from(self.columns) / 2.0) / half,
            (row as f64 + 0.5 - f64::from(self.rows) / 2.0) / half,
        ];
        let along = (slice as f64 + 0.5) / self.slices as f64;
        ORGANS
            .iter()
            .rev()
            .find(|organ| {
                let [x, y] = [0, 1].map(|axis| (at[axis] - organ.center[axis]) / organ.radius[axis]);
                x * x + y * y <= 1.0 && (organ.along[0]..=organ.along[1]).contains(&along)
            })
            .map_or(AIR, |organ| organ.hounsfield)
    }

    /// Value with noise as it is stored: HU + 1024, rounded.
    fn stored(&self, column: usize, row: usize, slice: usize) -> i16 {
        let offset = (slice as u64) << 40 | (row as u64) << 20 | column as u64;
        let noise = (uniform(self.seed ^ offset) * 2.0 - 1.0) * self.noise_hu;
        (self.hounsfield(column, row, slice) + noise + 1024.0).round() as i16
    }

    /// Center of the first pixel of a slice, LPS, mm.
    pub fn position_mm(&self, slice: usize) -> [f64; 3] {
        let depth = slice as f64 * self.slice_step_mm;
        [
            -f64::from(self.columns) * self.pixel_spacing_mm / 2.0,
            -f64::from(self.rows) * self.pixel_spacing_mm / 2.0
                + depth * self.tilt_degrees.to_radians().tan(),
            depth,
        ]
    }

    /// One slice as a data set, to be changed and written by tests that want it crooked.
    pub fn slice_object(&self, slice: usize) -> InMemDicomObject {
        let [left, posterior, superior] = self.position_mm(slice);
        let mut object = InMemDicomObject::new_empty();
        let mut text = |tag: Tag, vr: VR, value: &str| {
            object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
        };
        let decimal = |value: f64| {
            let long = format!("{value:.6}");
            long.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        text(tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE);
        text(tags::SOP_INSTANCE_UID, VR::UI, &self.uid(1000 + slice as u64));
        text(tags::STUDY_INSTANCE_UID, VR::UI, &self.uid(1));
        text(tags::SERIES_INSTANCE_UID, VR::UI, &self.uid(2));
        text(tags::FRAME_OF_REFERENCE_UID, VR::UI, &self.uid(3));
        text(tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\AXIAL");
        text(tags::STUDY_DATE, VR::DA, "20200101");
        text(tags::STUDY_TIME, VR::TM, "120000");
        text(tags::ACCESSION_NUMBER, VR::SH, "");
        text(tags::MODALITY, VR::CS, "CT");
        text(tags::MANUFACTURER, VR::LO, "Wilhelm");
        text(tags::REFERRING_PHYSICIAN_NAME, VR::PN, "");
        text(tags::PATIENT_NAME, VR::PN, "Phantom^Analytic");
        text(tags::PATIENT_ID, VR::LO, "PHANTOM-1");
        text(tags::PATIENT_BIRTH_DATE, VR::DA, "");
        text(tags::PATIENT_SEX, VR::CS, "O");
        text(tags::PATIENT_AGE, VR::AS, "050Y");
        text(tags::BODY_PART_EXAMINED, VR::CS, "CHEST");
        text(tags::SLICE_THICKNESS, VR::DS, &decimal(self.slice_step_mm));
        text(tags::KVP, VR::DS, "120");
        text(tags::PATIENT_POSITION, VR::CS, "HFS");
        text(tags::STUDY_ID, VR::SH, "1");
        text(tags::SERIES_NUMBER, VR::IS, "3");
        text(tags::ACQUISITION_NUMBER, VR::IS, "1");
        text(tags::INSTANCE_NUMBER, VR::IS, &(slice + 1).to_string());
        text(
            tags::IMAGE_POSITION_PATIENT,
            VR::DS,
            &format!("{}\\{}\\{}", decimal(left), decimal(posterior), decimal(superior)),
        );
        text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0");
        text(tags::POSITION_REFERENCE_INDICATOR, VR::LO, "");
        let spacing = decimal(self.pixel_spacing_mm);
        text(tags::PIXEL_SPACING, VR::DS, &format!("{spacing}\\{spacing}"));
        text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
        text(tags::RESCALE_INTERCEPT, VR::DS, "-1024");
        text(tags::RESCALE_SLOPE, VR::DS, "1");
        text(tags::RESCALE_TYPE, VR::LO, "HU");
        text(tags::WINDOW_CENTER, VR::DS, "40");
        text(tags::WINDOW_WIDTH, VR::DS, "400");
        for (tag, value) in [
            (tags::SAMPLES_PER_PIXEL, 1),
            (tags::ROWS, self.rows),
            (tags::COLUMNS, self.columns),
            (tags::BITS_ALLOCATED, 16),
            (tags::BITS_STORED, 16),
            (tags::HIGH_BIT, 15),
            (tags::PIXEL_REPRESENTATION, 1),
        ] {
            object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
        }
        let (columns, rows) = (usize::from(self.columns), usize::from(self.rows));
        let words: Vec<u16> = (0..rows * columns)
            .map(|i| self.stored(i % columns, i / columns, slice).cast_unsigned())
            .collect();
        object.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(words.into())));
        object
    }

    /// An identifier under the root for numbers without registration (PS3.5 Annex B.2).
    fn uid(&self, number: u64) -> String {
        format!(
            "2.25.{}",
            329_800_735_698_586_629_u128 * 1_000_000 + u128::from(self.seed) * 100_000 + u128::from(number)
        )
    }
}

/// A number from 0 to 1 that depends on `seed` alone (splitmix64).
fn uniform(seed: u64) -> f64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A data set as the bytes of a Part 10 file in Explicit VR Little Endian.
///
/// # Errors
/// [`FormatError::Malformed`] where its identifiers are missing.
pub fn part_10(object: InMemDicomObject) -> Result<Vec<u8>, FormatError> {
    let refused = |error: &dyn std::error::Error| FormatError::malformed("DICOM object", error.to_string());
    let meta = FileMetaTableBuilder::new().transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let file = object.with_meta(meta).map_err(|error| refused(&error))?;
    let mut bytes = Vec::new();
    file.write_all(&mut bytes).map_err(|error| refused(&error))?;
    Ok(bytes)
}

/// Writes the series to `folder`, one file a slice, and gives the files in slice order.
///
/// # Errors
/// [`FormatError::Io`] where the folder cannot be written to.
pub fn write_ct_series(folder: &Path, phantom: &CtPhantom) -> Result<Vec<PathBuf>, FormatError> {
    fs::create_dir_all(folder).map_err(|source| FormatError::io("creating", folder, source))?;
    (0..phantom.slices)
        .into_par_iter()
        .map(|slice| {
            let path = folder.join(format!("{:05}.dcm", slice + 1));
            let bytes = part_10(phantom.slice_object(slice))?;
            fs::write(&path, bytes).map_err(|source| FormatError::io("writing", &path, source))?;
            Ok(path)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phantom_has_air_around_it_and_a_spine_behind_the_center() {
        let phantom = CtPhantom { columns: 100, rows: 100, slices: 10, ..CtPhantom::default() };
        assert_eq!(phantom.hounsfield(0, 0, 5), -1000.0);
        assert_eq!(phantom.hounsfield(50, 65, 5), 350.0);
        assert_eq!(phantom.hounsfield(25, 48, 5), -820.0);
        assert_eq!(phantom.hounsfield(25, 48, 0), 45.0);
    }
}
