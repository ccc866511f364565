//! Data elements by their place in the bytes: an index over a data set, nothing copied.
//!
//! Every length is checked against the bytes that are there before it is used, so a hostile
//! length costs nothing. Only what is asked for is interpreted, so one crooked private element
//! does not cost the image.
//!
//! Source: PS3.5 Section 7.

use std::ops::Range;

use dicom_core::Tag;

use crate::FormatError;

/// How a data set is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    /// Whether each element carries its VR.
    pub explicit: bool,
    /// Whether numbers have their high byte first.
    pub big_endian: bool,
}

impl Encoding {
    pub(crate) const IMPLICIT: Self = Self { explicit: false, big_endian: false };
    pub(crate) const EXPLICIT: Self = Self { explicit: true, big_endian: false };
    pub(crate) const EXPLICIT_BIG: Self = Self { explicit: true, big_endian: true };
}

/// One element: its tag, its VR as written (blank in implicit VR), its value's place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Element {
    pub tag: Tag,
    pub vr: [u8; 2],
    pub value: Range<usize>,
    /// Whether the length was undefined; the value then ends before its delimiter.
    pub undefined: bool,
}

/// Why a walk over elements ended early.
#[derive(Debug, PartialEq)]
pub(crate) enum Walk {
    /// The bytes end inside the element at this tag, which needs them up to `needed`.
    Short { tag: Tag, needed: u64 },
    /// The bytes are no elements.
    Broken { tag: Tag, message: &'static str },
}

impl Walk {
    pub(crate) fn into_error(self, held: usize) -> FormatError {
        match self {
            Self::Short { tag, needed } => FormatError::Truncated {
                place: if tag == Tag(0, 0) { "data set".to_owned() } else { format!("element {tag}") },
                found: held as u64,
                expected: needed,
            },
            Self::Broken { tag, message } => FormatError::malformed(format!("element {tag}"), message),
        }
    }
}

const UNDEFINED: u32 = 0xFFFF_FFFF;
const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);
const PIXEL_GROUP: u16 = 0x7FE0;
/// Deeper nesting than any real object; a hostile file cannot exhaust the stack.
const DEEPEST: usize = 24;
/// More elements than any real header.
const MOST_ELEMENTS: usize = 1 << 20;

struct Head {
    tag: Tag,
    vr: [u8; 2],
    length: u32,
    value: usize,
}

fn u16_at(bytes: &[u8], at: usize, big: bool) -> Option<u16> {
    let pair: [u8; 2] = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
}

fn u32_at(bytes: &[u8], at: usize, big: bool) -> Option<u32> {
    let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
}

/// Whether two bytes are a VR of the Standard.
pub(crate) fn is_vr(pair: [u8; 2]) -> bool {
    matches!(
        &pair,
        b"AE"
            | b"AS"
            | b"AT"
            | b"CS"
            | b"DA"
            | b"DS"
            | b"DT"
            | b"FD"
            | b"FL"
            | b"IS"
            | b"LO"
            | b"LT"
            | b"OB"
            | b"OD"
            | b"OF"
            | b"OL"
            | b"OV"
            | b"OW"
            | b"PN"
            | b"SH"
            | b"SL"
            | b"SQ"
            | b"SS"
            | b"ST"
            | b"SV"
            | b"TM"
            | b"UC"
            | b"UI"
            | b"UL"
            | b"UN"
            | b"UR"
            | b"US"
            | b"UT"
            | b"UV"
    )
}

fn has_short_length(vr: [u8; 2]) -> bool {
    is_vr(vr)
        && !matches!(
            &vr,
            b"OB"
                | b"OD"
                | b"OF"
                | b"OL"
                | b"OV"
                | b"OW"
                | b"SQ"
                | b"SV"
                | b"UC"
                | b"UN"
                | b"UR"
                | b"UT"
                | b"UV"
        )
}

fn head_at(bytes: &[u8], at: usize, encoding: Encoding) -> Result<Head, Walk> {
    let big = encoding.big_endian;
    let short = |tag| Walk::Short { tag, needed: at as u64 + 8 };
    let tag = match (u16_at(bytes, at, big), u16_at(bytes, at + 2, big)) {
        (Some(group), Some(element)) => Tag(group, element),
        _ => return Err(short(Tag(0, 0))),
    };
    let four: [u8; 4] = bytes.get(at + 4..at + 8).and_then(|b| b.try_into().ok()).ok_or(short(tag))?;
    let vr = [four[0], four[1]];
    // Items and delimiters never carry a VR; some writers mix implicit elements into explicit data.
    let carries_vr = encoding.explicit && tag.0 != 0xFFFE && vr.iter().all(u8::is_ascii_uppercase);
    if !carries_vr {
        let length = u32_at(bytes, at + 4, big).ok_or(short(tag))?;
        return Ok(Head { tag, vr: *b"  ", length, value: at + 8 });
    }
    if has_short_length(vr) {
        let length = u16_at(bytes, at + 6, big).ok_or(short(tag))?;
        return Ok(Head { tag, vr, length: u32::from(length), value: at + 8 });
    }
    let length = u32_at(bytes, at + 8, big).ok_or(Walk::Short { tag, needed: at as u64 + 12 })?;
    Ok(Head { tag, vr, length, value: at + 12 })
}

/// Where a defined length ends, if the bytes reach that far.
fn end_of(head: &Head, held: usize) -> Result<usize, Walk> {
    let end = head.value as u64 + u64::from(head.length);
    if end > held as u64 {
        return Err(Walk::Short { tag: head.tag, needed: end });
    }
    usize::try_from(end).map_err(|_| Walk::Short { tag: head.tag, needed: end })
}

/// The place behind a sequence of undefined length that starts at `at`, and where its items end.
fn skip_sequence(
    bytes: &[u8],
    mut at: usize,
    encoding: Encoding,
    depth: usize,
) -> Result<(usize, usize), Walk> {
    loop {
        let head = head_at(bytes, at, encoding)?;
        match head.tag {
            SEQUENCE_END => return Ok((at, head.value)),
            ITEM if head.length == UNDEFINED => at = skip_item(bytes, head.value, encoding, depth)?.1,
            ITEM => at = end_of(&head, bytes.len())?,
            tag => {
                return Err(Walk::Broken {
                    tag,
                    message: "found between items, expected an item or the sequence's end",
                });
            }
        }
    }
}

/// The end of an item of undefined length's content, and the place behind its delimiter.
fn skip_item(bytes: &[u8], mut at: usize, encoding: Encoding, depth: usize) -> Result<(usize, usize), Walk> {
    loop {
        let head = head_at(bytes, at, encoding)?;
        if head.tag == ITEM_END {
            return Ok((at, head.value));
        }
        at = skip_value(bytes, &head, encoding, depth)?.1;
    }
}

/// Where an element's value ends and where the next element begins.
fn skip_value(bytes: &[u8], head: &Head, encoding: Encoding, depth: usize) -> Result<(usize, usize), Walk> {
    if head.length != UNDEFINED {
        return end_of(head, bytes.len()).map(|end| (end, end));
    }
    if depth >= DEEPEST {
        return Err(Walk::Broken { tag: head.tag, message: "nested deeper than 24 sequences" });
    }
    // PS3.5 Section 6.2.2: UN of undefined length holds implicit VR little endian.
    let inner = if &head.vr == b"UN" { Encoding::IMPLICIT } else { encoding };
    skip_sequence(bytes, head.value, inner, depth + 1)
}

/// Elements from `range` on; stops before the first element `until` accepts and gives its place.
///
/// # Errors
/// [`Walk`] with what was read so far in `elements`.
pub(crate) fn walk(
    bytes: &[u8],
    range: Range<usize>,
    encoding: Encoding,
    elements: &mut Vec<Element>,
    until: impl Fn(Tag) -> bool,
) -> Result<usize, Walk> {
    let held = &bytes[..range.end.min(bytes.len())];
    let mut at = range.start;
    // A trailing pad byte or two is no element.
    while at + 8 <= held.len() {
        let head = head_at(held, at, encoding)?;
        if until(head.tag) {
            return Ok(at);
        }
        if head.tag == ITEM_END || head.tag == SEQUENCE_END {
            // A stray delimiter, which some writers leave behind: it holds nothing.
            at = head.value;
            continue;
        }
        if head.tag == ITEM {
            return Err(Walk::Broken { tag: head.tag, message: "found outside a sequence" });
        }
        let (end, next) = skip_value(held, &head, encoding, 0)?;
        if elements.len() >= MOST_ELEMENTS {
            return Err(Walk::Broken { tag: head.tag, message: "more than 1048576 elements" });
        }
        elements.push(Element {
            tag: head.tag,
            vr: head.vr,
            value: head.value..end,
            undefined: head.length == UNDEFINED,
        });
        at = next;
    }
    match held.get(at..) {
        // A file that was cut inside an element's header.
        Some(rest) if rest.iter().any(|byte| *byte != 0) => {
            Err(Walk::Short { tag: Tag(0, 0), needed: at as u64 + 8 })
        }
        _ => Ok(at),
    }
}

/// Where the pixels of a data set lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PixelElement {
    pub tag: Tag,
    pub vr: [u8; 2],
    pub start: usize,
    /// `None` where the length is undefined: encapsulated fragments follow.
    pub length: Option<u32>,
}

/// Whether a tag holds pixels: Pixel Data, Float Pixel Data, Double Float Pixel Data.
pub(crate) fn holds_pixels(tag: Tag) -> bool {
    tag.0 == PIXEL_GROUP && matches!(tag.1, 0x0008..=0x0010)
}

/// The pixel element whose header is at `at`.
pub(crate) fn pixel_element(bytes: &[u8], at: usize, encoding: Encoding) -> Result<PixelElement, Walk> {
    let head = head_at(bytes, at, encoding)?;
    let length = (head.length != UNDEFINED).then_some(head.length);
    Ok(PixelElement { tag: head.tag, vr: head.vr, start: head.value, length })
}

/// The fragments of encapsulated pixels from `start` on; the first is the Basic Offset Table.
///
/// Fragments that the bytes do not reach are cut; the flag says so.
pub(crate) fn fragments(bytes: &[u8], start: usize, big_endian: bool) -> (Vec<Range<usize>>, bool) {
    let encoding = Encoding { explicit: true, big_endian };
    let mut found = Vec::new();
    let mut at = start;
    loop {
        match head_at(bytes, at, encoding) {
            Ok(head) if head.tag == SEQUENCE_END => return (found, false),
            Ok(head) if head.tag == ITEM && head.length != UNDEFINED => match end_of(&head, bytes.len()) {
                Ok(end) => {
                    found.push(head.value..end);
                    at = end;
                }
                Err(_) => {
                    found.push(head.value..bytes.len());
                    return (found, true);
                }
            },
            _ => return (found, true),
        }
    }
}

/// The elements of one data set with the bytes they lie in.
#[derive(Clone, Debug)]
pub(crate) struct DataSet<'a> {
    pub bytes: &'a [u8],
    pub encoding: Encoding,
    pub elements: Vec<Element>,
}

impl<'a> DataSet<'a> {
    pub(crate) fn find(&self, tag: Tag) -> Option<&Element> {
        self.elements.iter().find(|element| element.tag == tag)
    }

    pub(crate) fn raw(&self, tag: Tag) -> Option<&'a [u8]> {
        self.find(tag).and_then(|element| self.bytes.get(element.value.clone()))
    }

    /// A text of the default repertoire without its padding; other bytes become U+FFFD. Empty is `None`.
    pub(crate) fn text(&self, tag: Tag) -> Option<String> {
        let text = String::from_utf8_lossy(self.raw(tag)?);
        let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The values of a text, which backslashes separate.
    pub(crate) fn texts(&self, tag: Tag) -> Vec<String> {
        self.text(tag)
            .map(|text| text.split('\\').map(|part| part.trim().to_owned()).collect())
            .unwrap_or_default()
    }

    /// The numbers of an element in any VR of numbers (DS, IS, FD, FL, US, SS, UL, SL).
    ///
    /// A value that is no number ends the list.
    pub(crate) fn numbers(&self, tag: Tag) -> Vec<f64> {
        let Some(element) = self.find(tag) else { return Vec::new() };
        let Some(raw) = self.bytes.get(element.value.clone()) else { return Vec::new() };
        let big = self.encoding.big_endian;
        match &element.vr {
            b"US" => shorts(raw, big).map(f64::from).collect(),
            b"SS" => shorts(raw, big).map(|v| f64::from(v as i16)).collect(),
            b"UL" => longs(raw, big).map(f64::from).collect(),
            b"SL" => longs(raw, big).map(|v| f64::from(v as i32)).collect(),
            b"FL" => longs(raw, big).map(|v| f64::from(f32::from_bits(v))).collect(),
            b"FD" => doubles(raw, big).collect(),
            _ => String::from_utf8_lossy(raw)
                .split('\\')
                .map_while(|part| part.trim_matches(|c: char| c == '\0' || c.is_whitespace()).parse().ok())
                .collect(),
        }
    }

    /// The first number of a decimal element, where it is finite.
    pub(crate) fn number(&self, tag: Tag) -> Option<f64> {
        self.numbers(tag).first().copied().filter(|value| value.is_finite())
    }

    /// Numbers of an element whose VR is FD, also where the VR is not written.
    pub(crate) fn doubles(&self, tag: Tag) -> Vec<f64> {
        match self.find(tag) {
            Some(element) if element.vr == *b"  " || element.vr == *b"UN" => {
                self.raw(tag).map(|raw| doubles(raw, self.encoding.big_endian).collect()).unwrap_or_default()
            }
            _ => self.numbers(tag),
        }
    }

    /// An unsigned integer of 2 or 4 bytes, as US or UL are, also where the VR is wrong or not written.
    pub(crate) fn unsigned(&self, tag: Tag) -> Option<u32> {
        let element = self.find(tag)?;
        let raw = self.bytes.get(element.value.clone())?;
        let big = self.encoding.big_endian;
        match &element.vr {
            b"IS" | b"DS" | b"LO" | b"SH" | b"CS" => {
                String::from_utf8_lossy(raw).trim_matches(['\0', ' ']).parse().ok()
            }
            _ if raw.len() >= 4 && &element.vr != b"US" => u32_at(raw, 0, big),
            _ => u16_at(raw, 0, big).map(u32::from),
        }
    }

    /// 16-bit words, as US and OW hold them.
    pub(crate) fn words(&self, tag: Tag) -> Vec<u16> {
        self.raw(tag).map(|raw| shorts(raw, self.encoding.big_endian).collect()).unwrap_or_default()
    }

    /// Bytes of 8-bit values; those of OW in big endian lie swapped inside words.
    pub(crate) fn bytes(&self, tag: Tag) -> Vec<u8> {
        let mut bytes = self.raw(tag).unwrap_or_default().to_vec();
        if self.encoding.big_endian && self.find(tag).is_some_and(|element| &element.vr == b"OW") {
            bytes.chunks_exact_mut(2).for_each(<[u8]>::reverse);
        }
        bytes
    }

    /// The items of a sequence; an item that cannot be walked gives what was read before it broke.
    pub(crate) fn items(&self, tag: Tag) -> Vec<DataSet<'a>> {
        let Some(element) = self.find(tag) else { return Vec::new() };
        let encoding =
            if &element.vr == b"UN" && element.undefined { Encoding::IMPLICIT } else { self.encoding };
        let end = element.value.end.min(self.bytes.len());
        let held = &self.bytes[..end];
        let mut items = Vec::new();
        let mut at = element.value.start;
        while at + 8 <= end && items.len() < MOST_ELEMENTS {
            let Ok(head) = head_at(held, at, encoding) else { break };
            if head.tag != ITEM {
                break;
            }
            let (content_end, next) = if head.length == UNDEFINED {
                match skip_item(held, head.value, encoding, 0) {
                    Ok(ends) => ends,
                    Err(_) => break,
                }
            } else {
                match end_of(&head, end) {
                    Ok(content_end) => (content_end, content_end),
                    Err(_) => break,
                }
            };
            let mut elements = Vec::new();
            // What could be read of a broken item is used; the rest counts as absent.
            let _ = walk(self.bytes, head.value..content_end, encoding, &mut elements, |_| false);
            items.push(DataSet { bytes: self.bytes, encoding, elements });
            at = next;
        }
        items
    }

    /// The first item of a sequence.
    pub(crate) fn item(&self, tag: Tag) -> Option<DataSet<'a>> {
        self.items(tag).into_iter().next()
    }
}

fn shorts(raw: &[u8], big: bool) -> impl Iterator<Item = u16> + '_ {
    raw.chunks_exact(2).map(move |pair| {
        let pair = [pair[0], pair[1]];
        if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
    })
}

fn longs(raw: &[u8], big: bool) -> impl Iterator<Item = u32> + '_ {
    raw.chunks_exact(4).map(move |four| {
        let four = [four[0], four[1], four[2], four[3]];
        if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
    })
}

fn doubles(raw: &[u8], big: bool) -> impl Iterator<Item = f64> + '_ {
    raw.chunks_exact(8).map(move |eight| {
        let eight: [u8; 8] = std::array::from_fn(|i| eight[i]);
        if big { f64::from_be_bytes(eight) } else { f64::from_le_bytes(eight) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (0008,0060) CS "CT", then a sequence of undefined length with one item, then Rows.
    fn worked_on_paper() -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(b"\x08\x00\x60\x00CS\x02\x00CT");
        bytes.extend(b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff");
        bytes.extend(b"\xfe\xff\x00\xe0\xff\xff\xff\xff");
        bytes.extend(b"\x18\x00\x50\x00DS\x04\x001.5 ");
        bytes.extend(b"\xfe\xff\x0d\xe0\x00\x00\x00\x00\xfe\xff\xdd\xe0\x00\x00\x00\x00");
        bytes.extend(b"\x28\x00\x10\x00US\x02\x00\x00\x02");
        bytes
    }

    #[test]
    fn elements_items_and_numbers_are_found_at_their_places() {
        let bytes = worked_on_paper();
        let mut elements = Vec::new();
        let end = walk(&bytes, 0..bytes.len(), Encoding::EXPLICIT, &mut elements, |_| false);
        assert_eq!(end, Ok(bytes.len()));
        let data_set = DataSet { bytes: &bytes, encoding: Encoding::EXPLICIT, elements };
        assert_eq!(data_set.text(Tag(0x0008, 0x0060)).as_deref(), Some("CT"));
        assert_eq!(data_set.unsigned(Tag(0x0028, 0x0010)), Some(512));
        let item = data_set.item(Tag(0x0008, 0x1140)).expect("one item");
        assert_eq!(item.number(Tag(0x0018, 0x0050)), Some(1.5));
    }

    #[test]
    fn every_cut_is_a_named_end_and_never_a_panic() {
        let bytes = worked_on_paper();
        for cut in 0..bytes.len() {
            let mut elements = Vec::new();
            let held = &bytes[..cut];
            match walk(held, 0..cut, Encoding::EXPLICIT, &mut elements, |_| false) {
                Ok(at) => assert!(at <= cut && held[at..].iter().all(|byte| *byte == 0), "{at} of {cut}"),
                Err(Walk::Short { needed, .. }) => assert!(needed > cut as u64),
                Err(Walk::Broken { tag, message }) => panic!("{tag} {message}"),
            }
        }
    }

    #[test]
    fn nesting_without_end_is_refused() {
        let mut bytes = Vec::new();
        for _ in 0..200 {
            bytes.extend(b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff");
        }
        let walked = walk(&bytes, 0..bytes.len(), Encoding::EXPLICIT, &mut Vec::new(), |_| false);
        assert!(matches!(walked, Err(Walk::Broken { .. })), "{walked:?}");
    }
}
