//! JPEG Extended: the sequential DCT process with 12 bits a sample, which 8-bit decoders refuse.
//!
//! Gray, or components of one size each in its place; restart intervals are followed. The inverse
//! transform is the integer one of the Independent JPEG Group, so that its rounding is shared with
//! the libraries that others decode these files with.
//!
//! # Source
//! ISO/IEC 10918-1, ITU-T T.81 Sections B, F.2 and A.3.3.

mod huffman;
mod transform;

use huffman::{Bits, Table};

use super::codestream::Picture;
use crate::FormatError;

const LARGEST: i64 = 4095;

struct Component {
    identifier: u8,
    quantizer: usize,
    dc: usize,
    ac: usize,
    prediction: i32,
}

#[derive(Default)]
struct Tables {
    quantizers: [Option<[u16; 64]>; 4],
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
    restart_interval: usize,
}

fn broken(message: impl Into<String>) -> FormatError {
    FormatError::malformed("JPEG frame", message)
}

/// Decodes a picture of 12 bits a sample, whose size the caller has judged.
///
/// A stream that ends early gives the rows that it holds, and zeros below them.
///
/// # Errors
/// [`FormatError::Malformed`] for a stream that contradicts itself, [`FormatError::Unsupported`]
/// for progressive, arithmetic or subsampled coding.
pub(crate) fn decode(bytes: &[u8]) -> Result<Picture, FormatError> {
    let mut tables = Tables::default();
    let mut frame: Option<(usize, usize, Vec<Component>)> = None;
    let mut at = 2;
    loop {
        let Some(&[prefix, marker]) = bytes.get(at..).and_then(|rest| rest.first_chunk::<2>()) else {
            return Err(broken("no scan"));
        };
        if prefix != 0xFF {
            return Err(broken(format!("no marker at byte {at}")));
        }
        match marker {
            0xFF => {
                at += 1;
                continue;
            }
            0xD8 | 0x01 => {
                at += 2;
                continue;
            }
            _ => {}
        }
        let cut = || broken(format!("the segment of marker FF{marker:02X} is cut"));
        let length = bytes.get(at + 2..at + 4).map(word).ok_or_else(cut)?;
        let segment = bytes.get(at + 4..at + 2 + length).ok_or_else(cut)?;
        at += 2 + length;
        match marker {
            0xDB => tables.read_quantizers(segment)?,
            0xC4 => tables.read_codes(segment)?,
            0xDD => tables.restart_interval = segment.get(..2).map(word).ok_or_else(cut)?,
            // The caller judged the size of the first: no other may take its place.
            0xC1 if frame.is_some() => return Err(broken("a second start of frame")),
            0xC1 => frame = Some(start_of_frame(segment)?),
            0xC0 | 0xC2..=0xC3 | 0xC5..=0xCF => {
                return Err(FormatError::unsupported(
                    format!("JPEG of 12 bits in coding process {}", marker - 0xC0),
                    "the extended sequential one",
                ));
            }
            0xDA => {
                let (columns, rows, mut components) =
                    frame.ok_or_else(|| broken("a scan before the start of frame"))?;
                start_of_scan(segment, &mut components)?;
                return scan(&bytes[at..], columns, rows, &mut components, &tables);
            }
            _ => {}
        }
    }
}

fn word(pair: &[u8]) -> usize {
    usize::from(pair[0]) << 8 | usize::from(pair[1])
}

impl Tables {
    fn read_quantizers(&mut self, mut segment: &[u8]) -> Result<(), FormatError> {
        while let Some((head, rest)) = segment.split_first() {
            let width = if head >> 4 == 0 { 1 } else { 2 };
            let (values, rest) =
                rest.split_at_checked(64 * width).ok_or_else(|| broken("a quantization table is cut"))?;
            let slot = self
                .quantizers
                .get_mut(usize::from(head & 15))
                .ok_or_else(|| broken("a quantization table beyond the fourth"))?;
            *slot = Some(std::array::from_fn(|i| match width {
                1 => u16::from(values[i]),
                _ => word(&values[2 * i..2 * i + 2]) as u16,
            }));
            segment = rest;
        }
        Ok(())
    }

    fn read_codes(&mut self, mut segment: &[u8]) -> Result<(), FormatError> {
        while let Some((head, rest)) = segment.split_first() {
            let cut = || broken("a code table is cut");
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or_else(cut)?;
            let total = counts.iter().map(|count| usize::from(*count)).sum();
            let (values, rest) = rest.split_at_checked(total).ok_or_else(cut)?;
            let tables = match head >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return Err(broken("a code table of no class")),
            };
            let slot = tables
                .get_mut(usize::from(head & 15))
                .ok_or_else(|| broken("a code table beyond the fourth"))?;
            *slot = Some(Table::new(counts, values).ok_or_else(|| broken("codes longer than 16 bits"))?);
            segment = rest;
        }
        Ok(())
    }
}

fn start_of_frame(segment: &[u8]) -> Result<(usize, usize, Vec<Component>), FormatError> {
    let [precision, y1, y0, x1, x0, count, components @ ..] = segment else {
        return Err(broken("the start of frame is too short"));
    };
    let (rows, columns) = (word(&[*y1, *y0]), word(&[*x1, *x0]));
    if *precision != 12 || rows == 0 || columns == 0 {
        return Err(broken(format!("{columns} columns, {rows} rows and {precision} bits, expected 12 bits")));
    }
    if *count == 0 || *count > 4 || components.len() != 3 * usize::from(*count) {
        return Err(broken(format!("{count} components in {} bytes", components.len())));
    }
    let components = components.as_chunks::<3>().0;
    // One component alone is not interleaved, whatever its factors say (T.81 A.2.2).
    if components.len() > 1 && components.iter().any(|component| component[1] != 0x11) {
        return Err(FormatError::unsupported(
            "JPEG of 12 bits with subsampled components",
            "one size for all",
        ));
    }
    let components = components
        .iter()
        .map(|[identifier, _, quantizer]| Component {
            identifier: *identifier,
            quantizer: usize::from(*quantizer),
            dc: 0,
            ac: 0,
            prediction: 0,
        })
        .collect();
    Ok((columns, rows, components))
}

/// The scan's tables; the spectral selection is not judged, since some writers leave it 0.
fn start_of_scan(segment: &[u8], components: &mut [Component]) -> Result<(), FormatError> {
    let (count, rest) = segment.split_first().ok_or_else(|| broken("the start of scan is too short"))?;
    if usize::from(*count) != components.len() {
        return Err(FormatError::unsupported("JPEG of 12 bits in several scans", "one scan"));
    }
    let selectors =
        rest.get(..2 * components.len()).ok_or_else(|| broken("the start of scan is too short"))?;
    for (component, [identifier, tables]) in components.iter_mut().zip(selectors.as_chunks::<2>().0) {
        if component.identifier != *identifier {
            return Err(broken("a scan of an unknown component"));
        }
        (component.dc, component.ac) = (usize::from(tables >> 4), usize::from(tables & 15));
    }
    Ok(())
}

fn scan(
    data: &[u8],
    columns: usize,
    rows: usize,
    components: &mut [Component],
    tables: &Tables,
) -> Result<Picture, FormatError> {
    let count = components.len();
    let mut samples = vec![0_u16; columns * rows * count];
    let mut bits = Bits::new(data);
    let mut until_restart = tables.restart_interval;
    let missing = || broken("a table that the scan uses is missing");
    for top in (0..rows).step_by(8) {
        for left in (0..columns).step_by(8) {
            if tables.restart_interval > 0 {
                if until_restart == 0 {
                    bits.restart();
                    components.iter_mut().for_each(|component| component.prediction = 0);
                    until_restart = tables.restart_interval;
                }
                until_restart -= 1;
            }
            for (which, component) in components.iter_mut().enumerate() {
                let quantizer = tables.quantizers.get(component.quantizer).and_then(Option::as_ref);
                let dc = tables.dc.get(component.dc).and_then(Option::as_ref);
                let ac = tables.ac.get(component.ac).and_then(Option::as_ref);
                let (quantizer, dc, ac) =
                    (quantizer.ok_or_else(missing)?, dc.ok_or_else(missing)?, ac.ok_or_else(missing)?);
                let mut block = [0_i32; 64];
                huffman::block(&mut bits, dc, ac, &mut component.prediction, quantizer, &mut block)
                    .ok_or_else(|| broken("a code that its table does not have"))?;
                if bits.is_past_the_end() {
                    samples[top * columns * count..].fill(0);
                    return Ok(Picture { samples, cut_at_row: Some(top) });
                }
                let pixels = transform::inverse(&block);
                for (row, line) in pixels.as_chunks::<8>().0.iter().enumerate().take(rows - top) {
                    let start = ((top + row) * columns + left) * count + which;
                    let end = ((top + row) * columns + (left + 8).min(columns)) * count;
                    for (place, value) in samples[start..end].iter_mut().step_by(count).zip(line) {
                        *place = (value + 2048).clamp(0, LARGEST) as u16;
                    }
                }
            }
        }
    }
    Ok(Picture { samples, cut_at_row: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One block of 12 bits, all of one value: DC difference 8 with a quantizer of 100.
    fn flat() -> Vec<u8> {
        let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0];
        bytes.extend([100; 64]);
        bytes.extend([0xFF, 0xC1, 0, 11, 12, 0, 8, 0, 8, 1, 1, 0x11, 0]);
        // DC: the one code `0` is size 4. AC: the one code `0` is the end of the block.
        for (class, value) in [(0x00, 4), (0x10, 0)] {
            bytes.extend([0xFF, 0xC4, 0, 20, class, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, value]);
        }
        bytes.extend([0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0]);
        // 0, 1000 (plus 8), 0, then ones for padding.
        bytes.extend([0b0100_0011, 0xFF, 0xD9]);
        bytes
    }

    #[test]
    fn one_flat_block_worked_on_paper() {
        // A DC of 8 x 100 is 100 above the middle, 2048.
        let picture = decode(&flat()).expect("a whole stream");
        assert_eq!(picture.samples, [2148; 64]);
        assert_eq!(picture.cut_at_row, None);
    }

    #[test]
    fn no_cut_and_no_byte_changed_makes_it_panic() {
        let stream = flat();
        for at in 0..stream.len() {
            let _ = decode(&stream[..at]);
            for value in [0, 1, 0x11, 0x7F, 0x80, 0xFF] {
                let mut changed = stream.clone();
                changed[at] = value;
                // The size, at bytes 76 to 79, is the caller's to judge.
                if changed[76..80] == stream[76..80] {
                    let _ = decode(&changed);
                }
            }
        }
    }
}
