//! JPEG 2000 frames (ISO 15444-1), decoded by `hayro-jpeg2000`, which has no unsafe code.

use std::borrow::Cow;

use hayro_jpeg2000::{ComponentData, DecodeSettings, DecoderContext, Image};

use super::codestream::Declared;
use crate::FormatError;

/// What the decoder's book of code blocks may take for each sample, in bytes.
const BOOK_OF_A_SAMPLE: u64 = 64;
/// What it may take beside that.
const BOOK_OF_ANY: u64 = 64 << 20;
/// What the book holds of a code block of a precinct of its own, and of each of its layers.
const BLOCK: u64 = 256;
const LAYER: u64 = 24;

const END_OF_CODESTREAM: [u8; 2] = [0xFF, 0xD9];

/// A codestream whose headers are read.
pub(crate) struct Stream<'a> {
    bytes: &'a [u8],
    /// Whether the samples have a sign.
    signed: bool,
}

/// Finds the codestream of a frame, also inside a JP2 file.
///
/// `None` where it is none, or is one that this decoder does not read: high throughput coding, more than 16 bits, and
/// components that differ in depth, sign or resolution.
pub(crate) fn open(coded: &[u8]) -> Option<Stream<'_>> {
    let start = super::codestream::start_of_jpeg2000(coded)?;
    let bytes = &coded[start..];
    let two = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    // The second highest bit of the capabilities announces a CAP segment: part 15.
    if two(6)? & 0x4000 != 0 {
        return None;
    }
    let components = usize::from(two(40)?);
    let (descriptions, _) = bytes.get(42..42 + 3 * components)?.as_chunks::<3>();
    let [depth, ..] = *descriptions.first()?;
    let plain = descriptions.iter().all(|description| *description == [depth, 1, 1]);
    (plain && depth & 0x7F < 16).then_some(Stream { bytes, signed: depth & 0x80 != 0 })
}

impl Stream<'_> {
    /// The picture's samples, rows, columns, components, the last fastest, each as the bytes that `bytes` makes of it;
    /// samples below zero come as their 16-bit two's complement.
    ///
    /// # Errors
    /// [`FormatError::Malformed`] where the stream is broken or cut, or its code blocks would take more memory than such
    /// a picture can need.
    pub(crate) fn decode<const N: usize>(
        &self,
        declared: &Declared,
        bytes: impl Fn(u16) -> [u8; N],
    ) -> Result<Vec<u8>, FormatError> {
        let broken = |message: String| FormatError::malformed("JPEG 2000 frame", message);
        let samples = declared.columns * declared.rows * declared.components;
        let most = BOOK_OF_ANY + BOOK_OF_A_SAMPLE * samples as u64;
        if book(self.bytes, samples as u64).is_none_or(|book| book > most) {
            return Err(broken("its coding style is broken, or no picture of its size needs it".to_owned()));
        }
        let whole = ended(self.bytes);
        let settings =
            DecodeSettings { resolve_palette_indices: false, strict: true, target_resolution: None };
        let refused = |error| broken(format!("the codec refuses it: {error}"));
        let image = Image::new(&whole, &settings).map_err(refused)?;
        let mut context = DecoderContext::default();
        let picture = image.decode(&mut context).map_err(refused)?;
        let planes: Vec<&[f32]> = picture.components().iter().map(ComponentData::samples).collect();
        let plane = declared.columns * declared.rows;
        if planes.len() != declared.components || planes.iter().any(|samples| samples.len() != plane) {
            return Err(broken("the picture has another size than its header".to_owned()));
        }
        let half = if self.signed { 1 << (declared.precision - 1) } else { 0 };
        let highest = f32::from(u16::MAX >> (16 - declared.precision));
        // The decoder shifts every level to begin at zero, those with a sign too; at most 65535 fits.
        let sample = |value: f32| ((value + 0.5).clamp(0.0, highest) as i32 - half) as u16;
        let mut decoded = vec![0; N * samples];
        let (targets, _) = decoded.as_chunks_mut::<N>();
        if let [gray] = planes[..] {
            targets.iter_mut().zip(gray).for_each(|(target, value)| *target = bytes(sample(*value)));
        } else {
            for (component, plane) in planes.iter().enumerate() {
                let pixels = targets.chunks_exact_mut(planes.len()).zip(*plane);
                pixels.for_each(|(pixel, value)| pixel[component] = bytes(sample(*value)));
            }
        }
        Ok(decoded)
    }
}

/// A codestream with its end; some writers forget it.
fn ended(bytes: &[u8]) -> Cow<'_, [u8]> {
    // A byte of padding makes the length of a frame even.
    let tail = &bytes[bytes.len().saturating_sub(3)..];
    if tail.windows(2).any(|two| two == END_OF_CODESTREAM) {
        return Cow::Borrowed(bytes);
    }
    Cow::Owned([bytes, &END_OF_CODESTREAM].concat())
}

/// Bytes that the book of code blocks can come to at most, by the coding styles of all headers (A.6.1, A.6.2).
///
/// A few bytes can ask for 65535 layers of each of a million code blocks; the decoder would begin to allocate them.
fn book(bytes: &[u8], samples: u64) -> Option<u64> {
    let two = |at: usize| Some(usize::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let (mut layers, mut block) = (1, u64::MAX);
    let mut at = 2;
    // The end of the tile-part whose header is read; none in the main header.
    let mut part = None;
    while at + 4 <= bytes.len() {
        match two(at)? {
            // Start of a tile-part: its length counts from here, and 0 says "to the end".
            0xFF90 => {
                let length = u32::from_be_bytes(bytes.get(at + 6..at + 10)?.try_into().ok()?) as usize;
                part = Some(if length == 0 { bytes.len() } else { at.checked_add(length)? });
            }
            // Start of data.
            0xFF93 => {
                let end = part.filter(|end| *end > at)?;
                at = end;
                continue;
            }
            0xFFD9 => break,
            // Coding style: its own bits, progression, layers, color transform, then that of the components.
            0xFF52 => {
                layers = layers.max(two(at + 6)? as u64);
                block = block.min(block_area(bytes, at + 9, bytes.get(at + 4)? & 1 != 0)?);
            }
            // Coding style of one component, whose number takes two bytes from 257 components on.
            0xFF53 => {
                let number = if two(40)? < 257 { 1 } else { 2 };
                let style = at + 4 + number;
                block = block.min(block_area(bytes, style + 1, bytes.get(style)? & 1 != 0)?);
            }
            0xFF30..=0xFF3F => {
                at += 2;
                continue;
            }
            0xFF00.. => {}
            _ => return None,
        }
        at += 2 + two(at + 2)?.max(2);
    }
    // Blocks that a border cuts: as many again, at most.
    let blocks = (2 * samples).div_ceil(block.min(samples.max(1))) + 1;
    blocks.checked_mul(BLOCK + LAYER * layers)
}

/// Samples of the smallest code block that a coding style makes (Table A.15): of its own size or of its precincts'.
fn block_area(bytes: &[u8], at: usize, own_precincts: bool) -> Option<u64> {
    let levels = usize::from(*bytes.get(at)?);
    let exponent = |at: usize| Some(u32::from(*bytes.get(at)? & 0x0F));
    let mut side = [exponent(at + 1)? + 2, exponent(at + 2)? + 2];
    if own_precincts {
        for (level, size) in bytes.get(at + 5..=at + 5 + levels)?.iter().enumerate() {
            // The bands of all but the lowest resolution have half its sides.
            let halved = u8::from(level > 0);
            let precinct =
                [size & 0x0F, size >> 4].map(|exponent| u32::from(exponent.saturating_sub(halved)));
            side = [side[0].min(precinct[0]), side[1].min(precinct[1])];
        }
    }
    Some(1 << (side[0] + side[1]).min(32))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A main header: 64 columns and rows in one tile, one component of 12 bits.
    fn header(layers: u16, style: u8, sides: [u8; 2], precincts: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0xFF, 0x4F, 0xFF, 0x51, 0, 41, 0, 0];
        for value in [64_u32, 64, 0, 0, 64, 64, 0, 0] {
            bytes.extend(value.to_be_bytes());
        }
        bytes.extend([0, 1, 11, 1, 1]);
        bytes.extend([0xFF, 0x52, 0, 12 + precincts.len() as u8, style, 0]);
        bytes.extend(layers.to_be_bytes());
        bytes.extend([0, precincts.len().max(1) as u8 - 1, sides[0], sides[1], 0, 1]);
        bytes.extend(precincts);
        bytes
    }

    #[test]
    fn the_book_of_blocks_is_counted_before_it_is_written() {
        let samples = 64 * 64;
        // Two blocks of 64 x 64, by the bound, and one more.
        assert_eq!(book(&header(1, 0, [4, 4], &[]), samples), Some(3 * (256 + 24)));
        // Blocks of 4 x 4 and every layer there can be.
        let bomb = book(&header(u16::MAX, 0, [0, 0], &[]), samples).expect("counted");
        assert_eq!(bomb, 513 * (256 + 24 * 65535));
        // Precincts of 1 x 1 at the lowest of two resolutions.
        assert_eq!(book(&header(1, 1, [4, 4], &[0x00, 0x77]), samples), Some(8193 * (256 + 24)));
        let whole = header(1, 0, [4, 4], &[]);
        for cut in 46..whole.len() {
            assert!(book(&whole[..cut], samples).is_none_or(|book| book < 1 << 20), "{cut}");
        }
    }

    #[test]
    fn a_tile_part_that_lies_about_its_length_cannot_hold_the_count() {
        let mut bytes = header(1, 0, [4, 4], &[]);
        bytes.extend([0xFF, 0x90, 0, 10, 0, 0, 0, 0, 0, 4, 0, 1, 0xFF, 0x93, 0, 0, 0, 0]);
        assert_eq!(book(&bytes, 64 * 64), None);
    }

    #[test]
    fn a_forgotten_end_is_put_back() {
        assert_eq!(*ended(&[1, 2, 3]), [1, 2, 3, 0xFF, 0xD9]);
        assert_eq!(*ended(&[1, 0xFF, 0xD9]), [1, 0xFF, 0xD9]);
        assert_eq!(*ended(&[1, 0xFF, 0xD9, 0]), [1, 0xFF, 0xD9, 0]);
    }

    #[test]
    fn what_another_decoder_reads_is_left_to_it() {
        let plain = header(1, 0, [4, 4], &[]);
        assert!(open(&plain).is_some());
        let change = |at: usize, to: u8| {
            let mut bytes = plain.clone();
            bytes[at] = to;
            bytes
        };
        assert!(open(&change(6, 0x40)).is_none(), "high throughput");
        assert!(open(&change(42, 16)).is_none(), "17 bits");
        assert!(open(&change(43, 2)).is_none(), "half the resolution");
        assert!(open(&change(42, 0x8B)).is_some_and(|stream| stream.signed));
    }
}
