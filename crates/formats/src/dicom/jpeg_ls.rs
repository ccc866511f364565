//! JPEG-LS, lossless and near-lossless: one compressed picture to its samples.
//!
//! [`frame`] reads what the stream says of itself, which the caller compares with the DICOM header
//! before [`decode`] allocates anything. Gray and color, interleaved by nothing, by line or by
//! sample, 2 to 16 bits. Mapping tables, restart intervals and color transforms, which DICOM
//! (PS3.5 Section 8.2.3) does not use, are refused by name.
//!
//! # Source
//! ISO/IEC 14495-1, ITU-T T.87.

mod bits;
mod header;
mod scan;

use header::{Interleave, Scan};

use super::codestream::{Declared, Picture};
use crate::FormatError;

/// What a stream's start of frame declares (T.87 C.2.2).
pub(crate) fn frame(bytes: &[u8]) -> Result<Declared, FormatError> {
    header::Reader::new(bytes)?.frame()
}

/// Decodes a picture whose size the caller has judged.
///
/// A stream that ends early gives the rows that it holds, and zeros below them.
///
/// # Errors
/// [`FormatError::Malformed`] for a stream that contradicts itself, [`FormatError::Unsupported`]
/// for what DICOM does not use.
pub(crate) fn decode(bytes: &[u8]) -> Result<Picture, FormatError> {
    let mut reader = header::Reader::new(bytes)?;
    let declared = reader.frame()?;
    let (columns, rows, components) = (declared.columns, declared.rows, declared.components);
    let mut samples = vec![0_u16; columns * rows * components];
    let mut cut_at_row = None;
    let mut seen = vec![false; components];
    while let Some(scan) = reader.scan()? {
        for component in &scan.components {
            if std::mem::replace(&mut seen[*component], true) {
                return Err(broken(format!("component {} is coded twice", component + 1)));
            }
        }
        let (decoded_rows, end) = one_scan(bytes, &scan, &declared, &mut samples);
        if decoded_rows < rows {
            cut_at_row = Some(cut_at_row.map_or(decoded_rows, |row: usize| row.min(decoded_rows)));
        }
        if seen.iter().all(|seen| *seen) || decoded_rows < rows {
            break;
        }
        reader.skip_to(end);
    }
    if !seen.iter().all(|seen| *seen) && cut_at_row.is_none() {
        let missing = seen.iter().filter(|seen| !**seen).count();
        return Err(broken(format!("{missing} of {components} components are not coded")));
    }
    Ok(Picture { samples, cut_at_row })
}

fn broken(message: impl Into<String>) -> FormatError {
    FormatError::malformed("JPEG-LS frame", message)
}

/// One scan into its components of the picture: the rows decoded, and where the scan ends.
fn one_scan(bytes: &[u8], scan: &Scan, declared: &Declared, samples: &mut [u16]) -> (usize, usize) {
    let stride = declared.columns * declared.components;
    let mut decoder = scan::Decoder::new(&bytes[scan.start..], &scan.coding);
    let rows = samples.chunks_exact_mut(stride);
    let decoded = match (scan.interleave, scan.components.as_slice()) {
        (Interleave::Sample, [_, _, _]) => triples(&mut decoder, scan, declared, rows),
        // One component alone has nothing to be interleaved with.
        (_, components) => planes(&mut decoder, components, declared, rows),
    };
    (decoded, scan.start + decoder.place())
}

/// Lines of one component after another.
fn planes<'a>(
    decoder: &mut scan::Decoder<'_>,
    components: &[usize],
    declared: &Declared,
    rows: impl Iterator<Item = &'a mut [u16]>,
) -> usize {
    let columns = declared.columns;
    let mut lines: Vec<[Vec<u16>; 2]> =
        components.iter().map(|_| [vec![0; columns + 2], vec![0; columns + 2]]).collect();
    let mut run_index = vec![0; components.len()];
    let mut decoded = 0;
    for row in rows {
        for (which, component) in components.iter().enumerate() {
            let [previous, current] = &mut lines[which];
            previous[columns + 1] = previous[columns];
            current[0] = previous[1];
            decoder.line(previous, current, &mut run_index[which]);
            let places = row[*component..].iter_mut().step_by(declared.components);
            places.zip(&current[1..=columns]).for_each(|(place, sample)| *place = *sample);
            lines[which].swap(0, 1);
        }
        if decoder.is_past_the_end() {
            row.fill(0);
            break;
        }
        decoded += 1;
    }
    decoded
}

/// Three components, pixel by pixel.
fn triples<'a>(
    decoder: &mut scan::Decoder<'_>,
    scan: &Scan,
    declared: &Declared,
    rows: impl Iterator<Item = &'a mut [u16]>,
) -> usize {
    let columns = declared.columns;
    let mut previous = vec![[0_u16; 3]; columns + 2];
    let mut current = previous.clone();
    let mut run_index = 0;
    let mut decoded = 0;
    for row in rows {
        previous[columns + 1] = previous[columns];
        current[0] = previous[1];
        decoder.line_of_triples(&previous, &mut current, &mut run_index);
        for (pixel, triple) in row.as_chunks_mut::<3>().0.iter_mut().zip(&current[1..=columns]) {
            for (component, sample) in scan.components.iter().zip(triple) {
                pixel[*component] = *sample;
            }
        }
        std::mem::swap(&mut previous, &mut current);
        if decoder.is_past_the_end() {
            row.fill(0);
            break;
        }
        decoded += 1;
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of T.87 Annex H.3: four rows of four samples, default parameters.
    const ANNEX_H: [u8; 45] = [
        0xFF, 0xD8, 0xFF, 0xF7, 0x00, 0x0B, 0x08, 0x00, 0x04, 0x00, 0x04, 0x01, 0x01, 0x11, 0x00, 0xFF, 0xDA,
        0x00, 0x08, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0xC0, 0x00, 0x00, 0x6C, 0x80, 0x20, 0x8E, 0x01, 0xC0,
        0x00, 0x00, 0x57, 0x40, 0x00, 0x00, 0x6E, 0xE6, 0x00, 0x00, 0x01,
    ];

    fn annex_h() -> Vec<u8> {
        [&ANNEX_H[..], &[0xBC, 0x18, 0x00, 0x00, 0x05, 0xD8, 0x00, 0x00, 0x91, 0x60, 0xFF, 0xD9]].concat()
    }

    #[test]
    fn the_example_of_the_standard_is_decoded() {
        let picture = decode(&annex_h()).expect("the Standard's own stream");
        assert_eq!(picture.samples, [0, 0, 90, 74, 68, 50, 43, 205, 64, 145, 145, 145, 100, 145, 145, 145]);
        assert_eq!(picture.cut_at_row, None);
    }

    #[test]
    fn a_cut_stream_gives_the_rows_it_holds() {
        let whole = decode(&annex_h()).expect("whole").samples;
        for cut in 25..55 {
            let picture = decode(&annex_h()[..cut]).expect("its headers are whole");
            let rows = picture.cut_at_row.unwrap_or(4);
            assert_eq!(picture.samples[..rows * 4], whole[..rows * 4], "{cut}");
            assert!(picture.samples[rows * 4..].iter().all(|sample| *sample == 0), "{cut}");
        }
        for cut in 0..25 {
            assert!(decode(&annex_h()[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn no_byte_changed_makes_it_panic_or_run_on() {
        let stream = annex_h();
        for at in 0..stream.len() {
            for value in [0, 1, 0x10, 0x7F, 0x80, 0xFE, 0xFF] {
                let mut changed = stream.clone();
                changed[at] = value;
                // What a caller does: judge the size before decoding.
                if frame(&changed).is_ok_and(|declared| declared.columns * declared.rows <= 1 << 16) {
                    let _ = decode(&changed);
                }
            }
        }
    }
}
