//! Frames of an object as they are stored.
//!
//! Source: PS3.5 Annex A.4.

use std::ops::Range;

use axum::http::StatusCode;
use wilhelm_store::{Content, Located};

use super::Refusal;

const ITEM: [u8; 4] = [0xFE, 0xFF, 0x00, 0xE0];
/// More fragments than any real object.
const MOST_FRAGMENTS: usize = 1 << 20;

/// Where one uncompressed frame lies, if frames begin at whole bytes.
pub(crate) fn native(object: &Located, number: u32) -> Option<Range<u64>> {
    let pixels = object.pixels?;
    let length = u64::from(pixels.length?);
    let bits = object.frame_bits.filter(|bits| bits % 8 == 0)?;
    let start = (bits / 8).checked_mul(u64::from(number))?;
    let end = start.checked_add(bits / 8)?;
    (end <= length).then(|| pixels.start + start..pixels.start + end)
}

/// Where the pieces of each encapsulated frame lie.
pub(crate) fn encapsulated(object: &Located, content: &Content) -> Result<Vec<Vec<Range<u64>>>, Refusal> {
    let broken = || Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "the object's fragments are broken");
    let start =
        object.pixels.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "the object has no pixels"))?.start;
    let mut at = start;
    let mut items: Vec<Range<u64>> = Vec::new();
    loop {
        let mut head = [0; 8];
        if content.read_at(at, &mut head)? < 8 || items.len() > MOST_FRAGMENTS {
            return Err(broken());
        }
        let [a, b, c, d, l0, l1, l2, l3] = head;
        if [a, b, c, d] != ITEM {
            break;
        }
        let length = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
        at += 8;
        if at + length > content.length() {
            return Err(broken());
        }
        items.push(at..at + length);
        at += length;
    }
    let mut items = items.into_iter();
    let table = items.next().ok_or_else(broken)?;
    let fragments: Vec<Range<u64>> = items.collect();
    let frames = object.frames as usize;
    if fragments.len() == frames {
        return Ok(fragments.into_iter().map(|fragment| vec![fragment]).collect());
    }
    if frames == 1 {
        return Ok(vec![fragments]);
    }
    // The Basic Offset Table counts from the first fragment's item.
    let mut offsets = vec![0; usize::try_from(table.end - table.start).unwrap_or(0).min(4 * MOST_FRAGMENTS)];
    content.read_at(table.start, &mut offsets)?;
    let offsets: Vec<u64> = offsets
        .chunks_exact(4)
        .map(|four| table.end + 8 + u64::from(u32::from_le_bytes([four[0], four[1], four[2], four[3]])))
        .collect();
    if offsets.len() != frames {
        let detail = "the object does not say which fragments are of which frame";
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    let mut split: Vec<Vec<Range<u64>>> = Vec::with_capacity(frames);
    for (number, from) in offsets.iter().enumerate() {
        let to = offsets.get(number + 1).copied().unwrap_or(u64::MAX);
        split.push(fragments.iter().filter(|one| (*from..to).contains(&one.start)).cloned().collect());
    }
    if split.iter().any(Vec::is_empty) { Err(broken()) } else { Ok(split) }
}

/// The bytes of some places.
pub(crate) fn bytes(content: &Content, places: &[Range<u64>], limit: u64) -> Result<Vec<u8>, Refusal> {
    let length: u64 = places.iter().map(|place| place.end - place.start).sum();
    if length > limit {
        let detail = format!("the frame has {length} bytes, the limit is {limit}");
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    let mut at = 0;
    for place in places {
        let end = at + usize::try_from(place.end - place.start).unwrap_or(0);
        at += content.read_at(place.start, &mut bytes[at..end])?;
    }
    bytes.truncate(at);
    Ok(bytes)
}
