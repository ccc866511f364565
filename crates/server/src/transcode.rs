//! Objects in another transfer syntax than they are kept in: from anything that can be decoded to little endian, uncompressed.

use std::io::Cursor;

use dicom_core::value::PrimitiveValue;
use dicom_core::{DataElement, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use dicom_transfer_syntax_registry::{TransferSyntaxIndex, TransferSyntaxRegistry};
use wilhelm_formats::Limits;
use wilhelm_formats::dicom::decode;
use wilhelm_store::{Content, StoreError};

/// Why an object cannot be given in a transfer syntax.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TranscodeError {
    /// Only uncompressed little endian is written.
    #[error("objects are written as they are stored or in little endian, not in transfer syntax {to}")]
    Target {
        /// Transfer Syntax UID.
        to: String,
    },
    /// Larger than is held in memory.
    #[error("the object has {bytes} bytes, those of up to {limit} are written in another transfer syntax")]
    TooLarge {
        /// Of the object.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The object cannot be read or written.
    #[error("the object cannot be written in another transfer syntax: {message}")]
    Unreadable {
        /// Why.
        message: String,
    },
    /// Its pixels cannot be decoded.
    #[error("the pixels cannot be decoded: {0}")]
    Pixels(#[from] wilhelm_formats::FormatError),
    /// Its file cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Largest object that is written in another transfer syntax, in bytes.
const LARGEST: u64 = 512 << 20;

/// Whether pixels are kept as they are, without frames of their own.
#[expect(deprecated)]
pub(crate) fn is_native(transfer_syntax: &str) -> bool {
    matches!(
        transfer_syntax,
        uids::IMPLICIT_VR_LITTLE_ENDIAN
            | uids::EXPLICIT_VR_LITTLE_ENDIAN
            | uids::EXPLICIT_VR_BIG_ENDIAN
            | uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
    )
}

/// All bytes of an object.
pub(crate) fn all(content: &Content, limit: u64) -> Result<Vec<u8>, TranscodeError> {
    let bytes = content.length();
    if bytes > limit {
        return Err(TranscodeError::TooLarge { bytes, limit });
    }
    let mut held = vec![0; usize::try_from(bytes).unwrap_or(0)];
    let count = content.read_at(0, &mut held)?;
    held.truncate(count);
    Ok(held)
}

/// The data set of an object in Implicit or Explicit VR Little Endian, pixels decoded.
///
/// # Errors
/// [`TranscodeError`].
pub(crate) fn data_set(content: &Content, to: &str) -> Result<Vec<u8>, TranscodeError> {
    let refused = |error: &dyn std::error::Error| TranscodeError::Unreadable { message: shown(error) };
    if !matches!(to, uids::IMPLICIT_VR_LITTLE_ENDIAN | uids::EXPLICIT_VR_LITTLE_ENDIAN) {
        return Err(TranscodeError::Target { to: to.to_owned() });
    }
    let bytes = all(content, LARGEST)?;
    let file = dicom_object::from_reader(Cursor::new(&bytes)).map_err(|error| refused(&error))?;
    let native = is_native(file.meta().transfer_syntax.trim_end_matches(['\0', ' ']));
    let mut object = file.into_inner();
    if !native && object.element(tags::PIXEL_DATA).is_ok() {
        decompress(&mut object, &bytes)?;
    }
    let syntax = TransferSyntaxRegistry.get(to).ok_or(TranscodeError::Target { to: to.to_owned() })?;
    let mut out = Vec::with_capacity(bytes.len());
    object.write_dataset_with_ts(&mut out, syntax).map_err(|error| refused(&error))?;
    Ok(out)
}

/// The kind of an error of the library, without the values that it may show.
fn shown(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    text.split([':', '`', '"']).next().unwrap_or_default().trim().to_owned()
}

fn decompress(object: &mut InMemDicomObject, bytes: &[u8]) -> Result<(), TranscodeError> {
    let pixels = decode(bytes, &Limits::default())?;
    let short = |value: usize| PrimitiveValue::from(u16::try_from(value).unwrap_or(u16::MAX));
    let mut put = |tag, vr, value| {
        object.put(DataElement::new(tag, vr, value));
    };
    if pixels.samples == 3 {
        let photometric = if pixels.ycbcr { "YBR_FULL" } else { "RGB" };
        put(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, PrimitiveValue::from(photometric));
        put(tags::PLANAR_CONFIGURATION, VR::US, short(0));
    }
    put(tags::BITS_ALLOCATED, VR::US, short(pixels.bits));
    let mut bytes = pixels.bytes;
    if pixels.bits > 8 {
        let words: Vec<u16> =
            bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        put(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(words.into()));
    } else {
        if bytes.len() % 2 == 1 {
            bytes.push(0);
        }
        put(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8(bytes.into()));
    }
    Ok(())
}

/// Preamble and File Meta Information of an object that arrived without.
///
/// # Source
/// PS3.10 Section 7.1
pub(crate) fn file_meta(
    sop_class: &str,
    sop_uid: &str,
    transfer_syntax: &str,
    from: Option<&str>,
) -> Vec<u8> {
    let mut body = Vec::with_capacity(256);
    let mut element = |element: u16, vr: &[u8; 2], mut value: Vec<u8>, padding: u8| {
        if value.len() % 2 == 1 {
            value.push(padding);
        }
        body.extend_from_slice(&[2, 0]);
        body.extend_from_slice(&element.to_le_bytes());
        body.extend_from_slice(vr);
        if vr == b"OB" {
            body.extend_from_slice(&[0, 0]);
            body.extend_from_slice(&u32::try_from(value.len()).unwrap_or(0).to_le_bytes());
        } else {
            body.extend_from_slice(&u16::try_from(value.len()).unwrap_or(0).to_le_bytes());
        }
        body.extend_from_slice(&value);
    };
    element(0x0001, b"OB", vec![0, 1], 0);
    element(0x0002, b"UI", sop_class.into(), 0);
    element(0x0003, b"UI", sop_uid.into(), 0);
    element(0x0010, b"UI", transfer_syntax.into(), 0);
    element(0x0012, b"UI", crate::IMPLEMENTATION_CLASS_UID.into(), 0);
    element(0x0013, b"SH", crate::IMPLEMENTATION_VERSION.into(), b' ');
    if let Some(title) = from {
        element(0x0016, b"AE", title.into(), b' ');
    }
    let mut bytes = vec![0; 128];
    bytes.extend_from_slice(b"DICM\x02\0\0\0UL\x04\0");
    bytes.extend_from_slice(&u32::try_from(body.len()).unwrap_or(0).to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes
}
