//! Heads of data elements, each length checked before it is used.
//!
//! Source: PS3.5 Section 7.

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, VirtualVr};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, uids};

use crate::StoreError;
use crate::content::Window;

pub(crate) const UNDEFINED: u32 = 0xFFFF_FFFF;
pub(crate) const ITEM: Tag = Tag(0xFFFE, 0xE000);
pub(crate) const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
pub(crate) const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);

/// How a data set is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub explicit: bool,
    pub big_endian: bool,
}

impl Encoding {
    pub(crate) const IMPLICIT: Self = Self { explicit: false, big_endian: false };
    pub(crate) const EXPLICIT: Self = Self { explicit: true, big_endian: false };

    /// The encoding that a transfer syntax prescribes.
    #[expect(deprecated)]
    pub(crate) fn of(transfer_syntax: &str) -> Self {
        match transfer_syntax {
            uids::IMPLICIT_VR_LITTLE_ENDIAN => Self::IMPLICIT,
            uids::EXPLICIT_VR_BIG_ENDIAN => Self { explicit: true, big_endian: true },
            _ => Self::EXPLICIT,
        }
    }

    pub(crate) fn u16(self, bytes: [u8; 2]) -> u16 {
        if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    pub(crate) fn u32(self, bytes: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }
}

/// An element's tag, VR and length, and where its value begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub tag: Tag,
    /// As written; `None` in implicit VR and for items.
    pub vr: Option<VR>,
    /// [`UNDEFINED`] where it ends with a delimiter.
    pub length: u32,
    pub value: u64,
}

/// The name of a place in messages.
pub(crate) fn place(tag: Tag) -> String {
    format!("element {tag}")
}

/// Reads the head at `at`.
///
/// # Errors
/// [`StoreError::Malformed`] where the bytes end inside it.
pub(crate) fn head_at(window: &mut Window<'_>, at: u64, encoding: Encoding) -> Result<Head, StoreError> {
    let bytes = window.at(at, 12)?;
    let cut = || StoreError::malformed("data set", format!("ends at byte {at} inside an element's head"));
    let Some(&[a, b, c, d, e, f, g, h]) = bytes.first_chunk::<8>() else { return Err(cut()) };
    let tag = Tag(encoding.u16([a, b]), encoding.u16([c, d]));
    let carries_vr = encoding.explicit && tag.0 != 0xFFFE && e.is_ascii_uppercase() && f.is_ascii_uppercase();
    if !carries_vr {
        return Ok(Head { tag, vr: None, length: encoding.u32([e, f, g, h]), value: at + 8 });
    }
    let vr = VR::from_binary([e, f]);
    let long = matches!(
        vr,
        None | Some(
            VR::OB
                | VR::OD
                | VR::OF
                | VR::OL
                | VR::OV
                | VR::OW
                | VR::SQ
                | VR::SV
                | VR::UC
                | VR::UN
                | VR::UR
                | VR::UT
                | VR::UV
        )
    );
    if !long {
        return Ok(Head { tag, vr, length: u32::from(encoding.u16([g, h])), value: at + 8 });
    }
    let four = bytes.get(8..12).and_then(|four| four.try_into().ok()).ok_or_else(cut)?;
    Ok(Head { tag, vr: Some(vr.unwrap_or(VR::UN)), length: encoding.u32(four), value: at + 12 })
}

/// The VR that an element has where none is written, or where "unknown" is.
pub(crate) fn vr_of(tag: Tag, signed: bool) -> VR {
    if tag.1 == 0 {
        return VR::UL;
    }
    if tag.0 % 2 == 1 {
        return if (0x10..=0xFF).contains(&tag.1) { VR::LO } else { VR::UN };
    }
    match StandardDataDictionary.by_tag(tag).map(|entry| entry.vr()) {
        Some(VirtualVr::Exact(vr)) => vr,
        Some(VirtualVr::Xs) => {
            if signed {
                VR::SS
            } else {
                VR::US
            }
        }
        Some(other) => other.relaxed(),
        None => VR::UN,
    }
}
