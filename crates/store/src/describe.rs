//! An object as the catalog keeps it: one pass over its elements gives the columns, the metadata in the DICOM JSON Model,
//! and where its pixels lie.
//!
//! Source: PS3.5 Section 7, PS3.10 Section 7, PS3.18 Annex F.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{tags, uids};

use crate::attributes::{Attributes, Collected};
use crate::content::{Content, Window};
use crate::element::{self, Encoding, Head, ITEM, ITEM_END, SEQUENCE_END, UNDEFINED, head_at, place, vr_of};
use crate::json;
use crate::text::{Charset, trimmed};
use crate::{Limits, StoreError};

/// Stands in the stored metadata for the address of the object, before the path of each bulk value. No JSON text holds this byte.
pub const BULK_MARK: char = '\u{1}';

/// A data set as [`Store::metadata`](crate::Store::metadata) gives it, the addresses of bulk values without [`BULK_MARK`], which no JSON may hold.
///
/// # Errors
/// [`serde_json::Error`] for what this program did not write.
pub fn read_metadata(json: &str) -> Result<serde_json::Value, serde_json::Error> {
    serde_json::from_str(&json.replace(BULK_MARK, ""))
}

/// Longest binary value that stands in the metadata itself, in bytes.
const INLINE: u32 = 256;
/// Longest text value that stands in the metadata itself, in bytes.
const LONGEST_TEXT: u32 = 1 << 20;
/// Deeper nesting than any real object: a hostile file cannot exhaust the stack.
const DEEPEST: usize = 24;
/// More elements than any real object.
const MOST_ELEMENTS: usize = 1 << 20;

/// Where the pixels of an object lie in its data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelPlace {
    /// Where the value begins, in bytes from the file's beginning (of the inflated data set where it is deflated).
    pub start: u64,
    /// Its length in bytes; `None` where frames are encapsulated in fragments.
    pub length: Option<u32>,
}

/// An object, described.
#[derive(Clone, Debug)]
pub struct Description {
    /// Transfer Syntax UID (0002,0010).
    pub transfer_syntax: String,
    /// Where the data set begins in the file, in bytes.
    pub data_set: u64,
    /// The catalog's columns.
    pub attributes: Attributes,
    /// The data set as one object of the DICOM JSON Model, bulk values as addresses behind [`BULK_MARK`].
    pub metadata: String,
    /// Where the pixels are, if there are any.
    pub pixels: Option<PixelPlace>,
}

/// Where a bulk value lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkPlace {
    /// Where the value begins, in bytes.
    pub start: u64,
    /// Its length in bytes.
    pub length: u64,
}

/// The beginning of a DICOM file: its transfer syntax, and where the data set starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMeta {
    /// Transfer Syntax UID (0002,0010).
    pub transfer_syntax: String,
    /// In bytes from the file's beginning.
    pub data_set: u64,
}

/// Reads the preamble and the File Meta Information.
///
/// # Errors
/// [`StoreError::Malformed`] where there is none or it names no transfer syntax.
pub fn file_meta(content: &Content) -> Result<FileMeta, StoreError> {
    let mut window = Window::new(content);
    if window.at(128, 4)? != b"DICM" {
        return Err(StoreError::malformed("preamble", "no DICM at byte 128, expected a file of PS3.10"));
    }
    let mut at = 132;
    let mut transfer_syntax = None;
    while at < window.length() {
        let head = head_at(&mut window, at, Encoding::EXPLICIT)?;
        if head.tag.0 != 2 {
            break;
        }
        let end = end_of(&head, window.length())?;
        if head.tag == tags::TRANSFER_SYNTAX_UID && head.length <= 64 {
            let bytes = window.at(head.value, head.length as usize)?;
            transfer_syntax = Some(String::from_utf8_lossy(bytes).trim_end_matches(['\0', ' ']).to_owned());
        }
        at = end;
    }
    let transfer_syntax = transfer_syntax
        .filter(|uid| !uid.is_empty() && uid.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
        .ok_or_else(|| StoreError::malformed("element (0002,0010)", "no transfer syntax is declared"))?;
    Ok(FileMeta { transfer_syntax, data_set: at })
}

/// The data set as its places count: the file itself, or its inflated data set.
///
/// # Errors
/// [`StoreError`] where the compressed stream is broken or grows beyond the limit.
pub fn inflated(content: &Content, meta: &FileMeta, limits: &Limits) -> Result<Option<Content>, StoreError> {
    if meta.transfer_syntax != uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN {
        return Ok(None);
    }
    let stored = content.length() - meta.data_set;
    let limit = limits.inflated_bytes.min(stored.saturating_mul(limits.inflated_ratio).max(1 << 20));
    let reader = Reading { content, at: meta.data_set };
    let mut bytes = Vec::new();
    flate2::read::DeflateDecoder::new(reader)
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|_| StoreError::malformed("deflated data set", "the compressed stream is broken"))?;
    if bytes.len() as u64 > limit {
        return Err(StoreError::TooLarge {
            what: "inflated data set in bytes",
            found: bytes.len() as u64,
            limit,
        });
    }
    Ok(Some(Content::Memory(bytes)))
}

struct Reading<'a> {
    content: &'a Content,
    at: u64,
}

impl Read for Reading<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.content.read_at(self.at, buffer).map_err(std::io::Error::other)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Describes an object.
///
/// # Errors
/// [`StoreError`] where the bytes are no DICOM file, break off, or lack an identifier.
pub fn describe(content: &Content, limits: &Limits) -> Result<Description, StoreError> {
    let meta = file_meta(content)?;
    let inflated = inflated(content, &meta, limits)?;
    let (content, start) = inflated.as_ref().map_or((content, meta.data_set), |inflated| (inflated, 0));
    let mut walk = Walk {
        window: Window::new(content),
        collected: Collected::default(),
        pixels: None,
        signed: false,
        elements: 0,
        json: String::with_capacity(4096),
        limit: limits.metadata_bytes,
        path: String::new(),
        sought: None,
    };
    let length = walk.window.length();
    walk.data_set(start, length, Encoding::of(&meta.transfer_syntax), 0, &Charset::default())?;
    Ok(Description {
        transfer_syntax: meta.transfer_syntax,
        data_set: meta.data_set,
        attributes: walk.collected.finish()?,
        metadata: walk.json,
        pixels: walk.pixels,
    })
}

/// A bare data set, as a query's identifier is one, in the DICOM JSON Model.
///
/// # Errors
/// [`StoreError`] where it breaks off or nests too deep.
pub fn data_set_json(
    content: &Content,
    transfer_syntax: &str,
    limits: &Limits,
) -> Result<String, StoreError> {
    let mut walk = Walk {
        window: Window::new(content),
        collected: Collected::default(),
        pixels: None,
        signed: false,
        elements: 0,
        json: String::new(),
        limit: limits.metadata_bytes,
        path: String::new(),
        sought: None,
    };
    walk.data_set(0, content.length(), Encoding::of(transfer_syntax), 0, &Charset::default())?;
    Ok(walk.json)
}

/// Finds the value that a bulk address of the metadata names, as `00880200/0/7FE00010`.
///
/// # Errors
/// [`StoreError::NotFound`] where there is none; [`StoreError`] where the object is broken.
pub fn bulk_place(
    content: &Content,
    meta: &FileMeta,
    start: u64,
    path: &str,
) -> Result<BulkPlace, StoreError> {
    let mut walk = Walk {
        window: Window::new(content),
        collected: Collected::default(),
        pixels: None,
        signed: false,
        elements: 0,
        json: String::new(),
        limit: u64::MAX,
        path: String::new(),
        sought: Some(Sought { path: path.to_ascii_uppercase(), found: None }),
    };
    let length = walk.window.length();
    walk.data_set(start, length, Encoding::of(&meta.transfer_syntax), 0, &Charset::default())?;
    walk.sought.and_then(|sought| sought.found).ok_or(StoreError::NotFound { what: "bulk value" })
}

struct Sought {
    path: String,
    found: Option<BulkPlace>,
}

struct Walk<'a> {
    window: Window<'a>,
    collected: Collected,
    pixels: Option<PixelPlace>,
    signed: bool,
    elements: usize,
    json: String,
    limit: u64,
    path: String,
    sought: Option<Sought>,
}

/// Where a defined length ends, if the bytes reach that far.
fn end_of(head: &Head, held: u64) -> Result<u64, StoreError> {
    let end = head.value + u64::from(head.length);
    if head.length == UNDEFINED || end > held {
        let message = format!("ends at byte {held}, expected bytes up to {end}");
        return Err(StoreError::malformed(place(head.tag), message));
    }
    Ok(end)
}

const fn holds_pixels(tag: Tag) -> bool {
    matches!(tag, tags::PIXEL_DATA | tags::FLOAT_PIXEL_DATA | tags::DOUBLE_FLOAT_PIXEL_DATA)
}

impl Walk<'_> {
    /// Writes the elements from `at` to `end`, or to an item's delimiter; gives the place behind.
    fn data_set(
        &mut self,
        mut at: u64,
        end: u64,
        encoding: Encoding,
        depth: usize,
        outer: &Charset,
    ) -> Result<u64, StoreError> {
        if depth > DEEPEST {
            let message = format!("nested deeper than {DEEPEST} sequences");
            return Err(StoreError::malformed("data set", message));
        }
        let mut charset = outer.clone();
        let mut last = Tag(0, 0);
        let mut first = true;
        self.json.push('{');
        while at < end {
            let head = head_at(&mut self.window, at, encoding)?;
            if head.tag == ITEM_END {
                at = head.value;
                break;
            }
            self.elements += 1;
            if self.elements > MOST_ELEMENTS {
                return Err(StoreError::TooLarge {
                    what: "number of elements",
                    found: self.elements as u64,
                    limit: MOST_ELEMENTS as u64,
                });
            }
            // Padding may follow the pixels; a tag twice in one data set would be a key twice in the JSON.
            let shown = first || head.tag > last;
            let kept = self.json.len();
            last = last.max(head.tag);
            at = self.element(&head, end, encoding, depth, &mut charset, first)?;
            if !shown {
                self.json.truncate(kept);
            } else if self.json.len() > kept {
                first = false;
            }
            if self.json.len() as u64 > self.limit {
                return Err(StoreError::TooLarge {
                    what: "metadata in bytes",
                    found: self.json.len() as u64,
                    limit: self.limit,
                });
            }
        }
        self.json.push('}');
        Ok(at)
    }

    /// Writes one element; gives the place behind it.
    fn element(
        &mut self,
        head: &Head,
        end: u64,
        encoding: Encoding,
        depth: usize,
        charset: &mut Charset,
        first: bool,
    ) -> Result<u64, StoreError> {
        let tag = head.tag;
        let vr = match head.vr {
            // A known attribute written as unknown has its own VR again where its value is readable as such.
            None | Some(VR::UN) if head.length == UNDEFINED && !holds_pixels(tag) => VR::SQ,
            Some(VR::UN) if tag.0 % 2 == 1 => VR::UN,
            None | Some(VR::UN) => vr_of(tag, self.signed),
            Some(vr) => vr,
        };
        // PS3.5 Section 6.2.2 Note 4: a sequence of unknown VR is written in Implicit VR Little Endian.
        let inner = if head.vr == Some(VR::UN) { Encoding::IMPLICIT } else { encoding };
        let hidden = tag.1 == 0 || tag == tags::DATA_SET_TRAILING_PADDING || tag.0 == 0xFFFE;
        let outer_path = self.path.len();
        if !hidden {
            if !first {
                self.json.push(',');
            }
            json::key(&mut self.json, tag, vr);
            if !self.path.is_empty() {
                self.path.push('/');
            }
            json::tag(&mut self.path, tag);
        }
        let next = if vr == VR::SQ {
            self.sequence(head, end, inner, depth, charset)?
        } else if head.length == UNDEFINED {
            self.fragments(head, depth, hidden, encoding)?
        } else {
            let next = end_of(head, end)?;
            self.value(head, vr, encoding, depth, charset, hidden)?;
            next
        };
        if !hidden {
            self.json.push('}');
        }
        self.path.truncate(outer_path);
        Ok(next)
    }

    fn value(
        &mut self,
        head: &Head,
        vr: VR,
        encoding: Encoding,
        depth: usize,
        charset: &mut Charset,
        hidden: bool,
    ) -> Result<(), StoreError> {
        let tag = head.tag;
        if depth == 0 && holds_pixels(tag) {
            self.pixels = Some(PixelPlace { start: head.value, length: Some(head.length) });
        }
        if hidden || head.length == 0 {
            return Ok(());
        }
        let binary =
            matches!(vr, VR::OB | VR::OD | VR::OF | VR::OL | VR::OV | VR::OW | VR::UN) || holds_pixels(tag);
        if (binary && head.length > INLINE) || head.length > LONGEST_TEXT || (depth == 0 && holds_pixels(tag))
        {
            self.bulk(head.value, u64::from(head.length));
            return Ok(());
        }
        let bytes = self.window.at(head.value, head.length as usize)?;
        if bytes.len() < head.length as usize {
            return Err(StoreError::malformed(place(tag), "the value is not whole"));
        }
        if binary {
            self.json.push_str(",\"InlineBinary\":\"");
            let mut swapped = bytes.to_vec();
            if encoding.big_endian {
                let width = match vr {
                    VR::OW => 2,
                    VR::OF | VR::OL => 4,
                    VR::OD | VR::OV => 8,
                    _ => 1,
                };
                swapped.chunks_exact_mut(width).for_each(<[u8]>::reverse);
            }
            BASE64.encode_string(&swapped, &mut self.json);
            self.json.push('"');
            return Ok(());
        }
        if json::numbers(&mut self.json, vr, bytes, encoding) {
            if depth == 0 && matches!(vr, VR::US | VR::UL | VR::SS) {
                let number = match bytes {
                    [a, b] => u32::from(encoding.u16([*a, *b])),
                    [a, b, c, d, ..] => encoding.u32([*a, *b, *c, *d]),
                    _ => 0,
                };
                if tag == tags::PIXEL_REPRESENTATION {
                    self.signed = number == 1;
                }
                self.collected.keep(tag, &number.to_string());
            }
            return Ok(());
        }
        let text = charset.decode(vr, bytes);
        if tag == tags::SPECIFIC_CHARACTER_SET {
            *charset = Charset::new(&text);
        }
        if depth == 0 && Collected::wants(tag) {
            self.collected.keep(tag, trimmed(vr, &text));
        }
        json::text(&mut self.json, vr, &text);
        Ok(())
    }

    fn bulk(&mut self, start: u64, length: u64) {
        self.json.push_str(",\"BulkDataURI\":\"");
        self.json.push(BULK_MARK);
        self.json.push_str("/bulkdata/");
        self.json.push_str(&self.path);
        self.json.push('"');
        if let Some(sought) = &mut self.sought
            && sought.path == self.path
        {
            sought.found = Some(BulkPlace { start, length });
        }
    }

    fn sequence(
        &mut self,
        head: &Head,
        end: u64,
        encoding: Encoding,
        depth: usize,
        charset: &Charset,
    ) -> Result<u64, StoreError> {
        let end = if head.length == UNDEFINED { end } else { end_of(head, end)? };
        let mut at = head.value;
        let mut number = 0;
        while at < end {
            let item = head_at(&mut self.window, at, encoding)?;
            match item.tag {
                SEQUENCE_END if head.length == UNDEFINED => {
                    at = item.value;
                    break;
                }
                ITEM => {
                    self.json.push_str(if number == 0 { ",\"Value\":[" } else { "," });
                    let path = self.path.len();
                    self.path.push_str(&format!("/{number}"));
                    let item_end = if item.length == UNDEFINED { end } else { end_of(&item, end)? };
                    let next = self.data_set(item.value, item_end, encoding, depth + 1, charset)?;
                    at = if item.length == UNDEFINED { next } else { item_end };
                    self.path.truncate(path);
                    number += 1;
                }
                tag => {
                    let message = "found between items, expected an item or the sequence's end";
                    return Err(StoreError::malformed(place(tag), message));
                }
            }
        }
        if number > 0 {
            self.json.push(']');
        }
        Ok(at)
    }

    /// Encapsulated pixels: fragments up to the sequence's end.
    fn fragments(
        &mut self,
        head: &Head,
        depth: usize,
        hidden: bool,
        encoding: Encoding,
    ) -> Result<u64, StoreError> {
        let mut at = head.value;
        let length = self.window.length();
        loop {
            let item = element::head_at(&mut self.window, at, encoding)?;
            match item.tag {
                SEQUENCE_END => {
                    at = item.value;
                    break;
                }
                ITEM => at = end_of(&item, length)?,
                tag => {
                    let message = "found between fragments, expected a fragment or the end of the pixels";
                    return Err(StoreError::malformed(place(tag), message));
                }
            }
        }
        if depth == 0 && holds_pixels(head.tag) {
            self.pixels = Some(PixelPlace { start: head.value, length: None });
        }
        if !hidden {
            self.bulk(head.value, at - head.value);
        }
        Ok(at)
    }
}
