//! A DICOM file's outer form: preamble, File Meta Information, transfer syntax, data set.
//!
//! Source: PS3.10 Section 7, PS3.5 Section 10.

use std::borrow::Cow;
use std::io::Read;

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};

use super::element::{self, DataSet, Element, Encoding, PixelElement, Walk};
use crate::{FormatError, Limits};

/// A file whose elements before the pixels are indexed.
#[derive(Clone, Debug)]
pub(crate) struct Opened<'a> {
    /// The bytes the places below count in: the file's own, or the inflated data set.
    pub bytes: Cow<'a, [u8]>,
    /// Transfer Syntax UID as declared; `None` where the file declares none.
    pub transfer_syntax: Option<String>,
    pub encoding: Encoding,
    pub elements: Vec<Element>,
    pub pixels: Option<PixelElement>,
    /// What was crooked, each with its place.
    pub defects: Vec<(String, String)>,
}

impl Opened<'_> {
    pub(crate) fn data_set(&self) -> DataSet<'_> {
        DataSet { bytes: &self.bytes, encoding: self.encoding, elements: self.elements.clone() }
    }
}

/// What looking at the beginning of a file gave.
pub(crate) enum Look<'a> {
    /// All elements up to the pixels.
    Opened(Box<Opened<'a>>),
    /// The elements go on behind the bytes that are there.
    NeedsMore,
}

/// Whether bytes begin as a DICOM file does, with or without preamble and meta information.
pub(crate) fn is_dicom(bytes: &[u8]) -> bool {
    bytes.get(128..132) == Some(b"DICM") || bare_encoding(bytes).is_some()
}

/// The encoding of a file that begins with an element of group 0002 or 0008 instead of a preamble.
fn bare_encoding(bytes: &[u8]) -> Option<Encoding> {
    let head: [u8; 8] = bytes.get(..8)?.try_into().ok()?;
    let vr = [head[4], head[5]];
    match head {
        [0x02 | 0x08, 0, _, 0, ..] if element::is_vr(vr) => Some(Encoding::EXPLICIT),
        [0, 0x02 | 0x08, 0, _, ..] if element::is_vr(vr) => Some(Encoding::EXPLICIT_BIG),
        // Implicit VR: the first value of group 0008 is short and of even length.
        [0x08, 0, low, 0, length, 0, 0, 0] if low <= 0x23 && length % 2 == 0 && length <= 128 => {
            Some(Encoding::IMPLICIT)
        }
        _ => None,
    }
}

/// Explicit VR Big Endian: retired, and still met in old archives.
#[expect(deprecated)]
pub(crate) const EXPLICIT_VR_BIG_ENDIAN: &str = uids::EXPLICIT_VR_BIG_ENDIAN;

/// The encoding that a transfer syntax prescribes.
fn encoding_of(transfer_syntax: &str) -> Encoding {
    match transfer_syntax {
        uids::IMPLICIT_VR_LITTLE_ENDIAN => Encoding::IMPLICIT,
        EXPLICIT_VR_BIG_ENDIAN => Encoding::EXPLICIT_BIG,
        _ => Encoding::EXPLICIT,
    }
}

/// The encoding that the first element of a data set shows, where it is beyond doubt.
fn shown_encoding(bytes: &[u8]) -> Option<Encoding> {
    let head: [u8; 8] = bytes.get(..8)?.try_into().ok()?;
    let explicit = element::is_vr([head[4], head[5]]);
    match (head[0], head[1]) {
        (low, 0) if low != 0 => Some(if explicit { Encoding::EXPLICIT } else { Encoding::IMPLICIT }),
        (0, low) if low != 0 && explicit => Some(Encoding::EXPLICIT_BIG),
        _ => None,
    }
}

/// Indexes the elements before the pixels.
///
/// `file_bytes` is the file's whole length; `bytes` may be its beginning only.
///
/// # Errors
/// [`FormatError`] where the bytes are no DICOM file, or are cut before the pixels' element.
pub(crate) fn look<'a>(bytes: &'a [u8], file_bytes: u64, limits: &Limits) -> Result<Look<'a>, FormatError> {
    let complete = bytes.len() as u64 >= file_bytes;
    let mut defects = Vec::new();
    let start = if bytes.get(128..132) == Some(b"DICM") {
        132
    } else if bare_encoding(bytes).is_some() {
        defects.push(("preamble".to_owned(), "no preamble, expected 128 bytes and DICM".to_owned()));
        0
    } else {
        return Err(FormatError::NotAnImage { found: "unknown content".to_owned() });
    };
    // Without meta information the data set begins at once.
    let has_meta = bytes.get(start..start + 2) == Some(&[2, 0]);
    let mut transfer_syntax = None;
    let mut at = start;
    if has_meta {
        let mut meta = Vec::new();
        match element::walk(bytes, start..bytes.len(), Encoding::EXPLICIT, &mut meta, |tag| tag.0 != 2) {
            Ok(end) => at = end,
            Err(Walk::Short { .. }) if !complete => return Ok(Look::NeedsMore),
            Err(walk) => return Err(walk.into_error(bytes.len())),
        }
        let meta = DataSet { bytes, encoding: Encoding::EXPLICIT, elements: meta };
        transfer_syntax = meta.text(tags::TRANSFER_SYNTAX_UID);
    }
    if transfer_syntax.is_none() {
        defects.push((
            format!("element {}", tags::TRANSFER_SYNTAX_UID),
            "no transfer syntax is declared: taken from the form of the first element".to_owned(),
        ));
    }
    if transfer_syntax.as_deref() == Some(uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN) {
        if !complete {
            return Ok(Look::NeedsMore);
        }
        let inflated = inflate(&bytes[at..], limits)?;
        return index(Cow::Owned(inflated), 0, true, transfer_syntax, Encoding::EXPLICIT, defects);
    }
    let declared = transfer_syntax.as_deref().map(encoding_of);
    let shown = shown_encoding(bytes.get(at..).unwrap_or_default());
    let encoding = match (declared, shown) {
        (Some(declared), Some(shown)) if declared != shown => {
            defects.push((
                format!("element {}", tags::TRANSFER_SYNTAX_UID),
                "the data set is not written in the declared transfer syntax: read as it is written"
                    .to_owned(),
            ));
            shown
        }
        (Some(declared), _) => declared,
        (None, Some(shown)) => shown,
        (None, None) => {
            return Err(FormatError::malformed("data set", "no element found where the first is expected"));
        }
    };
    index(Cow::Borrowed(bytes), at, complete, transfer_syntax, encoding, defects)
}

fn index(
    bytes: Cow<'_, [u8]>,
    at: usize,
    complete: bool,
    transfer_syntax: Option<String>,
    encoding: Encoding,
    mut defects: Vec<(String, String)>,
) -> Result<Look<'_>, FormatError> {
    let mut elements = Vec::with_capacity(128);
    let held = bytes.len();
    let place = match element::walk(&bytes, at..held, encoding, &mut elements, element::holds_pixels) {
        Ok(place) => place,
        Err(Walk::Short { .. }) if !complete => return Ok(Look::NeedsMore),
        // A file cut inside its header still says what it is, but has no pixels.
        Err(walk) if elements.is_empty() => return Err(walk.into_error(held)),
        Err(walk) => {
            let error = walk.into_error(held);
            if elements.iter().all(|element| element.tag.0 < 0x0028) {
                return Err(error);
            }
            defects.push(("data set".to_owned(), error.to_string()));
            held
        }
    };
    let pixels = match element::pixel_element(&bytes, place, encoding) {
        Ok(pixels) if element::holds_pixels(pixels.tag) => Some(pixels),
        _ if !complete => return Ok(Look::NeedsMore),
        _ => None,
    };
    Ok(Look::Opened(Box::new(Opened { bytes, transfer_syntax, encoding, elements, pixels, defects })))
}

/// The data set of a file in Deflated Explicit VR Little Endian.
fn inflate(deflated: &[u8], limits: &Limits) -> Result<Vec<u8>, FormatError> {
    let stored = deflated.len() as u64;
    let ceiling = limits.expansion_ceiling(stored);
    let mut inflated = Vec::new();
    let mut reader = flate2::read::DeflateDecoder::new(deflated).take(ceiling + 1);
    reader
        .read_to_end(&mut inflated)
        .map_err(|_| FormatError::malformed("deflated data set", "the compressed stream is broken"))?;
    if inflated.len() as u64 > ceiling {
        return Err(FormatError::ArchiveBomb {
            place: "deflated data set".to_owned(),
            expanded: inflated.len() as u64,
            stored,
            limit: ceiling,
        });
    }
    Ok(inflated)
}

/// `element (gggg,eeee)`, the way places are named in messages.
pub(crate) fn place(tag: Tag) -> String {
    format!("element {tag}")
}
