//! One DICOM image, its header read and its pixels left where they are.

use std::sync::{Arc, OnceLock};

use dicom_dictionary_std::{tags, uids};
use wilhelm_study::{Defect, DefectKind, Modality};

use super::element::DataSet;
use super::file::{self, Look, Opened};
use super::functional;
use super::header::{self, Header, Plane, Rescale, VARYING};
use super::palette::Palette;
use super::pixels::{Photometric, PixelFormat, PixelStore};
use crate::source::{Item, Source, sha256};
use crate::{FormatError, Limits};

/// A frame's own attributes, where they can differ from frame to frame.
#[derive(Clone, Debug)]
pub(crate) struct FrameFacts {
    pub plane: Plane,
    pub rescale: Option<Rescale>,
    pub rescale_type: Option<String>,
    pub window: Option<(f64, f64)>,
    pub varying: [Option<String>; VARYING.len()],
}

/// One image file.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub label: String,
    /// Where the bytes that `store` counts in come from.
    pub bytes: Source,
    /// Known already where `bytes` are not the file's own (inflated, or out of a gzip file).
    pub sha256: Option<String>,
    pub header: Header,
    pub store: PixelStore,
    pub palette: Option<Palette>,
    /// One for each frame of an enhanced multi-frame image, one in all for any other.
    pub frames: Vec<FrameFacts>,
    /// Whether the frames of `frames` make volumes.
    pub volumetric: bool,
}

/// Which objects with pixels are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Pictures to look at.
    Images,
    /// Segmentations, doses and slides too.
    Anything,
}

/// Enough for the header of nearly every file.
const BEGINNING: usize = 32 << 10;

/// Reads an image's header.
///
/// `inflated` is the content where the file itself is compressed (`.dcm.gz`).
///
/// # Errors
/// [`FormatError`] where it is no image or its pixels cannot be decoded.
pub(crate) fn read(
    item: &Item,
    inflated: Option<Arc<[u8]>>,
    wanted: Wanted,
    limits: &Limits,
) -> Result<Instance, FormatError> {
    let finish =
        |opened: Opened<'_>, bytes, held, digest| finish(item, &opened, bytes, held, digest, wanted, limits);
    if let Some(content) = inflated {
        let digest = item.source.with_all(limits, |bytes| Ok(sha256(bytes, limits)))?;
        let length = content.len() as u64;
        return match file::look(&content, length, limits)? {
            Look::Opened(opened) => {
                finish(*opened, Source::Memory(Arc::clone(&content)), length, Some(digest))
            }
            Look::NeedsMore => Err(cut(length)),
        };
    }
    if let Source::File(_) = item.source {
        let beginning = item.source.beginning(BEGINNING)?;
        if let Look::Opened(opened) = file::look(&beginning, item.bytes, limits)?
            && !functional::is_enhanced(&opened.data_set())
        {
            return finish(*opened, item.source.clone(), item.bytes, None);
        }
    }
    // Frames share the file, so that it is kept; so are the bytes of a deflated data set.
    let all = item.source.all(limits)?;
    let length = all.len() as u64;
    match file::look(&all, length, limits)? {
        Look::NeedsMore => Err(cut(length)),
        Look::Opened(opened) => {
            if matches!(opened.bytes, std::borrow::Cow::Owned(_)) {
                let digest = sha256(&all, limits);
                let inflated: Arc<[u8]> = Arc::from(opened.bytes.as_ref());
                let length = inflated.len() as u64;
                return finish(*opened, Source::Memory(inflated), length, Some(digest));
            }
            let keep = opened.data_set().number(tags::NUMBER_OF_FRAMES).is_some_and(|frames| frames > 1.0);
            let source = if keep { Source::Memory(Arc::clone(&all)) } else { item.source.clone() };
            finish(*opened, source, length, None)
        }
    }
}

fn cut(length: u64) -> FormatError {
    FormatError::Truncated { place: "data set".to_owned(), found: length, expected: length + 1 }
}

/// SOP classes that carry pixels but no picture for a reading room of images.
fn is_derived_object(sop_class: &str) -> bool {
    matches!(
        sop_class,
        uids::SEGMENTATION_STORAGE
            | uids::LABEL_MAP_SEGMENTATION_STORAGE
            | uids::RT_DOSE_STORAGE
            | uids::VL_WHOLE_SLIDE_MICROSCOPY_IMAGE_STORAGE
    )
}

fn finish(
    item: &Item,
    opened: &Opened<'_>,
    bytes: Source,
    held: u64,
    digest: Option<String>,
    wanted: Wanted,
    limits: &Limits,
) -> Result<Instance, FormatError> {
    let data_set = opened.data_set();
    let sop_class = data_set.text(tags::SOP_CLASS_UID).unwrap_or_default();
    let Some(element) = opened.pixels else {
        // An image's grid without its pixels is a file that was cut, not another kind of object.
        if data_set.find(tags::ROWS).is_some() && data_set.find(tags::COLUMNS).is_some() {
            return Err(FormatError::Truncated {
                place: file::place(tags::PIXEL_DATA),
                found: 0,
                expected: 1,
            });
        }
        let sop_class = header::sop_class_name(&sop_class);
        if sop_class.ends_with("Image Storage") {
            let message = format!("missing, expected the pixels of a {sop_class}");
            return Err(FormatError::malformed(file::place(tags::PIXEL_DATA), message));
        }
        return Err(FormatError::NotAnImageObject { sop_class });
    };
    if wanted == Wanted::Images && is_derived_object(&sop_class) {
        return Err(FormatError::NotAnImageObject { sop_class: header::sop_class_name(&sop_class) });
    }
    let transfer_syntax = opened.transfer_syntax.clone().unwrap_or_default();
    let format = PixelFormat::read(&data_set, &element)?;
    let store = PixelStore {
        format,
        element,
        encoding: opened.encoding,
        transfer_syntax,
        fragments: OnceLock::new(),
    };
    let behind = held.saturating_sub(element.start as u64);
    let pixel_bytes = element.length.map_or(behind, |length| behind.min(u64::from(length)));
    store.check(pixel_bytes, limits)?;
    let palette =
        if format.photometric == Photometric::Palette { Some(Palette::read(&data_set)?) } else { None };
    let mut header = header::read(&data_set, &item.label);
    header.defects.extend(
        opened.defects.iter().map(|(place, message)| {
            Defect::new(DefectKind::Header, format!("{} {place}", item.label), message)
        }),
    );
    let (frames, volumetric) = frames(&data_set, &header, &format);
    Ok(Instance {
        label: item.label.clone(),
        bytes,
        sha256: digest,
        header,
        store,
        palette,
        frames,
        volumetric,
    })
}

/// The facts of each frame, and whether they place the frames in space as slices of volumes.
fn frames(data_set: &DataSet<'_>, header: &Header, format: &PixelFormat) -> (Vec<FrameFacts>, bool) {
    let own = FrameFacts {
        plane: header.plane.clone(),
        rescale: header.rescale,
        rescale_type: header.rescale_type.clone(),
        window: header.window,
        varying: header.varying.clone(),
    };
    let gray = format.samples == 1 && format.photometric != Photometric::Palette;
    if functional::is_enhanced(data_set) {
        let frames = functional::frames(data_set, &own, format.frames);
        if gray && frames.len() == format.frames && frames.iter().all(|frame| is_in_space(&frame.plane)) {
            return (frames, true);
        }
        return (vec![own], false);
    }
    // A mosaic is many slices in one picture; its position is of no slice.
    let mosaic = header.image_type.iter().any(|value| value == "MOSAIC");
    let projection = match &header.modality {
        Some(Modality::Cr | Modality::Dx | Modality::Us) => true,
        Some(Modality::Other(term)) => {
            matches!(
                term.as_str(),
                "MG" | "XA" | "RF" | "IO" | "PX" | "ES" | "XC" | "OP" | "GM" | "SM" | "RTIMAGE"
            )
        }
        _ => false,
    };
    let volumetric = gray && !projection && !mosaic && format.frames == 1 && is_in_space(&own.plane);
    (vec![own], volumetric)
}

/// Whether a plane has a position, a spacing, and an orientation of two perpendicular unit vectors.
fn is_in_space(plane: &Plane) -> bool {
    const TOLERANCE: f64 = 1e-3;
    let Some([a, b, c, d, e, f]) = plane.orientation else { return false };
    let row = a * a + b * b + c * c;
    let column = d * d + e * e + f * f;
    let across = a * d + b * e + c * f;
    plane.is_placed()
        && (row.sqrt() - 1.0).abs() < TOLERANCE
        && (column.sqrt() - 1.0).abs() < TOLERANCE
        && across.abs() < TOLERANCE
}
