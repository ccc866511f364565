use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Arbitrary, Cine, Defect, FrameOfReferenceUid, Hu, Modality, Phi, Projection, QuantityKind,
    SeriesInstanceUid, SopInstanceUid, Stored, StudyInstanceUid, Suv, View, Volume,
};

/// A file that took part, by its place and its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceFile {
    /// The file's name as the user gave it (relative to what was given); inside a zip `a.zip!b`.
    pub path: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// SOP Instance UID, where it has one.
    pub sop_instance_uid: Option<SopInstanceUid>,
}

/// What the header says of the patient. Identifying values are [`Phi`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patient {
    /// Patient's Name (0010,0010).
    pub name: Option<Phi<String>>,
    /// Patient ID (0010,0020).
    pub id: Option<Phi<String>>,
    /// Patient's Birth Date (0010,0030).
    pub birth_date: Option<Phi<String>>,
    /// Age in years from Patient's Age (0010,1010), where at most 89 (older ages identify).
    pub age_years: Option<f64>,
    /// Patient's Sex (0010,0040): `M`, `F` or `O`.
    pub sex: Option<char>,
}

/// The pixels of a series after calibration: from here on the unit is known.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Image {
    /// A CT volume.
    Hounsfield(Volume<Hu>),
    /// A PET volume by body weight.
    Uptake(Volume<Suv>),
    /// A volume on a scale without a unit (MR, or a file that states none).
    Arbitrary(Volume<Arbitrary>),
    /// A volume whose calibration could not be done; the defect says why.
    Stored(Volume<Stored>),
    /// A flat image.
    Flat(Projection<Arbitrary>),
    /// A flat image that changes in time.
    Cine(Cine),
}

impl Image {
    /// What a value means.
    pub const fn quantity(&self) -> QuantityKind {
        match self {
            Self::Hounsfield(_) => QuantityKind::Hounsfield,
            Self::Uptake(_) => QuantityKind::SuvBodyWeight,
            Self::Stored(_) => QuantityKind::Stored,
            Self::Arbitrary(_) | Self::Flat(_) | Self::Cine(_) => QuantityKind::Arbitrary,
        }
    }

    /// Reads a volume on a scale without a unit as Hounsfield units, because someone who knows says so:
    /// NIfTI, NRRD and MetaImage cannot.
    ///
    /// Any other image comes back as it was: what a file says of its own calibration is not overruled.
    ///
    /// # Errors
    /// The image itself, where it is not a volume without a unit.
    pub fn declared_hounsfield(self) -> Result<Self, Box<Self>> {
        match self {
            Self::Arbitrary(volume) => {
                let grid = *volume.geometry();
                let ct = Volume::new(grid, volume.into_voxels()).expect("the voxels of this very grid");
                Ok(Self::Hounsfield(ct))
            }
            other => Err(Box::new(other)),
        }
    }

    /// Columns, rows, slices (1 for a flat image, the number of frames for a cine).
    pub const fn size(&self) -> [usize; 3] {
        match self {
            Self::Hounsfield(volume) => volume.geometry().size(),
            Self::Uptake(volume) => volume.geometry().size(),
            Self::Arbitrary(volume) => volume.geometry().size(),
            Self::Stored(volume) => volume.geometry().size(),
            Self::Flat(image) => [image.columns(), image.rows(), 1],
            Self::Cine(cine) => [cine.columns(), cine.rows(), cine.frames()],
        }
    }

    /// The grid in the patient's space; a flat image has none, moving or not.
    pub const fn geometry(&self) -> Option<&crate::Geometry> {
        match self {
            Self::Hounsfield(volume) => Some(volume.geometry()),
            Self::Uptake(volume) => Some(volume.geometry()),
            Self::Arbitrary(volume) => Some(volume.geometry()),
            Self::Stored(volume) => Some(volume.geometry()),
            Self::Flat(_) | Self::Cine(_) => None,
        }
    }

    /// All values, columns fastest; frames slowest.
    pub fn values(&self) -> &[f32] {
        match self {
            Self::Hounsfield(volume) => volume.voxels(),
            Self::Uptake(volume) => volume.voxels(),
            Self::Arbitrary(volume) => volume.voxels(),
            Self::Stored(volume) => volume.voxels(),
            Self::Flat(image) => image.pixels(),
            Self::Cine(cine) => cine.pixels(),
        }
    }
}

/// One series, assembled, decoded and calibrated, with what was wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The study it belongs to; picture files have none.
    pub study: Option<StudyInstanceUid>,
    /// Its own identifier.
    pub series: Option<SeriesInstanceUid>,
    /// The frame of reference of its geometry.
    pub frame_of_reference: Option<FrameOfReferenceUid>,
    /// A short name for people: the series number and what it is, or the file's name. No PHI.
    pub title: String,
    /// How the image was made, where the file says so.
    pub modality: Option<Modality>,
    /// Body Part Examined (0018,0015), upper case.
    pub body_part: Option<String>,
    /// View Position, for radiographs.
    pub view: Option<View>,
    /// Whether the picture had colors that were not gray (Doppler, photographs).
    pub color: bool,
    /// The range a stored value could take (8-bit: 0 to 255), where known.
    pub stored_range: Option<(f32, f32)>,
    /// The window the file proposes (center, width), in the unit of the values.
    pub window: Option<(f32, f32)>,
    /// The patient.
    pub patient: Patient,
    /// The files it was read from, in slice order.
    pub sources: Vec<SourceFile>,
    /// The pixels.
    pub image: Image,
    /// What was wrong.
    pub defects: Vec<Defect>,
}

impl Series {
    /// In what the grid of another series differs from this one's, if in anything: as the beginning of "... than the
    /// other", with the frame of reference, then the kind and the size, then the place.
    ///
    /// Flat pictures share a grid where they have the same columns and rows.
    pub fn grid_differs(&self, other: &Self) -> Option<String> {
        if let (Some(own), Some(others)) = (&self.frame_of_reference, &other.frame_of_reference)
            && own != others
        {
            return Some("it has another frame of reference".to_owned());
        }
        let (own, others) = (self.image.size(), other.image.size());
        let by = |size: [usize; 3]| size.map(|count| count.to_string()).join(" x ");
        match (self.image.geometry(), other.image.geometry()) {
            (Some(_), None) | (None, Some(_)) => Some("it is flat or a volume, another kind".to_owned()),
            _ if own != others => {
                Some(format!("it has {} voxels, not {}: another grid", by(others), by(own)))
            }
            (Some(own), Some(others)) if !own.is_same_grid(others) => {
                Some("it lies elsewhere in the patient, on another grid".to_owned())
            }
            _ => None,
        }
    }
}
