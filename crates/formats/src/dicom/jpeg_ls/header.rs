//! Marker segments of a JPEG-LS stream, each checked before it is used.

use super::super::codestream::Declared;
use super::broken;
use crate::FormatError;

/// How the samples of a scan's components follow each other (T.87 C.2.3, ILV).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interleave {
    None,
    Line,
    Sample,
}

/// The parameters of the coding process (T.87 A.2.1 and C.2.4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coding {
    pub highest: i32,
    pub near: i32,
    pub thresholds: [i32; 3],
    pub reset: u32,
}

/// One scan: its components in the order of the frame, and where its data begins.
#[derive(Debug)]
pub(super) struct Scan {
    pub components: Vec<usize>,
    pub interleave: Interleave,
    pub coding: Coding,
    pub start: usize,
}

/// Presets of an LSE segment; 0 stands for the default.
#[derive(Clone, Copy, Default)]
struct Presets {
    highest: i32,
    thresholds: [i32; 3],
    reset: u32,
}

pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    presets: Presets,
    identifiers: Vec<u8>,
    precision: u32,
}

const START_OF_IMAGE: [u8; 2] = [0xFF, 0xD8];
const START_OF_FRAME: u8 = 0xF7;
const START_OF_SCAN: u8 = 0xDA;
const PRESETS: u8 = 0xF8;
const RESTART_INTERVAL: u8 = 0xDD;
const END_OF_IMAGE: u8 = 0xD9;
const APP8: u8 = 0xE8;

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, FormatError> {
        if !bytes.starts_with(&START_OF_IMAGE) {
            return Err(broken("no start of image"));
        }
        Ok(Self { bytes, at: 2, presets: Presets::default(), identifiers: Vec::new(), precision: 0 })
    }

    /// The next marker with a segment, and the segment; none at the end of the image or of the bytes.
    fn segment(&mut self) -> Result<Option<(u8, &'a [u8])>, FormatError> {
        loop {
            let Some([prefix, marker]) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<2>())
            else {
                return Ok(None);
            };
            match (prefix, marker) {
                // Fill bytes before a marker.
                (0xFF, 0xFF) => self.at += 1,
                (0xFF, &END_OF_IMAGE) => return Ok(None),
                (0xFF, marker) => {
                    let start = self.at + 2;
                    let length = self.bytes.get(start..start + 2).map(|pair| word(pair, 0));
                    let segment = length
                        .filter(|length| *length >= 2)
                        .and_then(|length| self.bytes.get(start + 2..start + length))
                        .ok_or_else(|| broken(format!("the segment of marker FF{marker:02X} is cut")))?;
                    self.at = start + 2 + segment.len();
                    return Ok(Some((*marker, segment)));
                }
                _ => return Err(broken(format!("no marker at byte {}", self.at))),
            }
        }
    }

    /// Goes to the first marker from `at` on, behind the data of a scan.
    pub(super) fn skip_to(&mut self, at: usize) {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let marker = rest.windows(2).position(|pair| pair[0] == 0xFF && pair[1] >= 0x80);
        self.at = at + marker.unwrap_or(rest.len());
    }

    /// Everything up to the start of frame.
    pub(super) fn frame(&mut self) -> Result<Declared, FormatError> {
        loop {
            let (marker, segment) = self.segment()?.ok_or_else(|| broken("no start of frame"))?;
            match marker {
                START_OF_FRAME => return self.start_of_frame(segment),
                START_OF_SCAN => return Err(broken("a scan before the start of frame")),
                // Every start of frame but DHT, JPG and DAC, which share their range.
                0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                    return Err(broken("a JPEG of another coding process, expected JPEG-LS"));
                }
                _ => self.other(marker, segment)?,
            }
        }
    }

    fn start_of_frame(&mut self, segment: &[u8]) -> Result<Declared, FormatError> {
        let [precision, y1, y0, x1, x0, count, components @ ..] = segment else {
            return Err(broken("the start of frame is too short"));
        };
        let (columns, rows) = (word(&[*x1, *x0], 0), word(&[*y1, *y0], 0));
        if !(2..=16).contains(precision) {
            return Err(broken(format!("{precision} bits a sample, expected 2 to 16")));
        }
        if columns == 0 || rows == 0 {
            return Err(broken(format!("{columns} columns and {rows} rows, expected at least 1")));
        }
        if *count == 0 || components.len() != 3 * usize::from(*count) {
            return Err(broken(format!("{count} components in {} bytes", components.len())));
        }
        let components = components.as_chunks::<3>().0;
        if components.iter().any(|component| component[1] != 0x11) {
            return Err(FormatError::unsupported("JPEG-LS with subsampled components", "one size for all"));
        }
        self.identifiers = components.iter().map(|component| component[0]).collect();
        self.precision = u32::from(*precision);
        Ok(Declared {
            columns,
            rows,
            components: components.len(),
            precision: self.precision,
            // Near-lossless too keeps the samples as they are coded: no transform, no rounding.
            lossless: true,
        })
    }

    /// The next scan; none behind the last.
    pub(super) fn scan(&mut self) -> Result<Option<Scan>, FormatError> {
        loop {
            match self.segment()? {
                None => return Ok(None),
                Some((START_OF_SCAN, segment)) => return self.start_of_scan(segment).map(Some),
                Some((START_OF_FRAME, _)) => return Err(broken("a second start of frame")),
                Some((marker, segment)) => self.other(marker, segment)?,
            }
        }
    }

    fn start_of_scan(&self, segment: &[u8]) -> Result<Scan, FormatError> {
        let short = || broken("the start of scan is too short");
        let (count, rest) = segment.split_first().ok_or_else(short)?;
        let count = usize::from(*count);
        let (selectors, tail) = rest.split_at_checked(2 * count).ok_or_else(short)?;
        let [near, interleave, transform] = tail else { return Err(short()) };
        let mut components = Vec::with_capacity(count);
        for [identifier, table] in selectors.as_chunks::<2>().0 {
            let component = self.identifiers.iter().position(|known| known == identifier);
            components.push(component.ok_or_else(|| broken("a scan of an unknown component"))?);
            if *table != 0 {
                return Err(FormatError::unsupported("JPEG-LS with a mapping table", "samples themselves"));
            }
        }
        let interleave = match (interleave, count) {
            (0, 1) => Interleave::None,
            (1, 1..=4) => Interleave::Line,
            (2, 1 | 3) => Interleave::Sample,
            _ => return Err(broken(format!("interleave {interleave} of {count} components"))),
        };
        if transform & 0x0F != 0 {
            return Err(FormatError::unsupported("JPEG-LS with a point transform", "none"));
        }
        Ok(Scan { components, interleave, coding: self.coding(i32::from(*near))?, start: self.at })
    }

    /// A segment that is neither frame nor scan.
    fn other(&mut self, marker: u8, segment: &[u8]) -> Result<(), FormatError> {
        match (marker, segment) {
            (PRESETS, [1, values @ ..]) if values.len() == 10 => {
                let at = |place: usize| word(values, 2 * place) as i32;
                self.presets = Presets {
                    highest: at(0),
                    thresholds: [at(1), at(2), at(3)],
                    reset: word(values, 8) as u32,
                };
                Ok(())
            }
            (PRESETS, [2 | 3, ..]) => {
                Err(FormatError::unsupported("JPEG-LS with a mapping table", "samples themselves"))
            }
            (PRESETS, [4, ..]) => {
                Err(FormatError::unsupported("JPEG-LS with an oversize picture", "at most 65535 a side"))
            }
            (PRESETS, _) => Err(broken("unknown preset parameters")),
            (RESTART_INTERVAL, interval) if interval.iter().any(|byte| *byte != 0) => {
                Err(FormatError::unsupported("JPEG-LS with restart intervals", "none"))
            }
            (APP8, [b'm', b'r', b'f', b'x', transform, ..]) if *transform != 0 => {
                Err(FormatError::unsupported("JPEG-LS with a color transform", "none"))
            }
            _ => Ok(()),
        }
    }

    /// The parameters in force (T.87 C.2.4.1.1.1: the defaults).
    fn coding(&self, near: i32) -> Result<Coding, FormatError> {
        let top = (1 << self.precision) - 1;
        let highest = if self.presets.highest == 0 { top } else { self.presets.highest };
        if highest > top {
            return Err(broken(format!("highest sample {highest} in {} bits", self.precision)));
        }
        if near > 255.min(highest / 2) {
            return Err(broken(format!("a tolerance of {near} for samples up to {highest}")));
        }
        let defaults = thresholds(highest, near);
        let mut lowest = near + 1;
        let mut chosen = [0; 3];
        for ((slot, preset), default) in chosen.iter_mut().zip(self.presets.thresholds).zip(defaults) {
            *slot = if preset == 0 { default } else { preset };
            if *slot < lowest || *slot > highest {
                return Err(broken(format!("threshold {slot}, expected {lowest} to {highest}")));
            }
            lowest = *slot;
        }
        let reset = if self.presets.reset == 0 { 64 } else { self.presets.reset };
        if reset < 3 {
            return Err(broken(format!("a reset after {reset} samples, expected at least 3")));
        }
        Ok(Coding { highest, near, thresholds: chosen, reset })
    }
}

fn word(bytes: &[u8], at: usize) -> usize {
    usize::from(bytes[at]) << 8 | usize::from(bytes[at + 1])
}

/// The default thresholds (T.87 C.2.4.1.1.1).
fn thresholds(highest: i32, near: i32) -> [i32; 3] {
    let clamp = |value: i32, low: i32| if value > highest || value < low { low } else { value };
    let [first, second, third] = if highest >= 128 {
        let factor = (highest.min(4095) + 128) / 256;
        [factor + 2, 4 * factor + 3, 17 * factor + 4]
    } else {
        let factor = 256 / (highest + 1);
        [(3 / factor).max(2), (7 / factor).max(3), (21 / factor).max(4)]
    };
    let first = clamp(first + 3 * near, near + 1);
    let second = clamp(second + 5 * near, first);
    [first, second, clamp(third + 7 * near, second)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_thresholds_are_those_of_the_standard() {
        // T.87 Table C.3 for 8 bits; 12 and 16 bits by the formula: (4095 + 128) / 256 = 16.
        assert_eq!(thresholds(255, 0), [3, 7, 21]);
        assert_eq!(thresholds(4095, 0), [18, 67, 276]);
        assert_eq!(thresholds(65_535, 0), [18, 67, 276]);
        // 2 * 3 above each first step, 2 * 5, 2 * 7.
        assert_eq!(thresholds(255, 2), [9, 17, 35]);
        // 256 / 16 = 16: all at their least.
        assert_eq!(thresholds(15, 0), [2, 3, 4]);
    }
}
