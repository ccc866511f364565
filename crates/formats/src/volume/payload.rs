//! The packed voxels of a file, judged before anything is allocated for them.

use std::io::Read;

use super::stored::Coding;
use crate::{FormatError, Limits};

/// Deflate cannot do better than this (RFC 1951), so a larger promise is a lie.
const DEFLATE_RATIO: u64 = 1032;

/// How voxels are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zlib,
    /// Numbers as text.
    Text,
    /// Bytes as pairs of hexadecimal digits.
    Hexadecimal,
}

/// Bytes that hold voxels, from `skip` bytes after unpacking on.
#[derive(Clone, Copy)]
pub(crate) struct Payload<'a> {
    pub bytes: &'a [u8],
    pub packing: Packing,
    pub skip: u64,
}

impl Payload<'_> {
    /// Refuses what `values` numbers cannot be: a promise that the bytes cannot keep.
    ///
    /// # Errors
    /// [`FormatError::PixelBomb`], [`FormatError::ArchiveBomb`], [`FormatError::Truncated`].
    fn judge(&self, values: u64, coding: Coding, limits: &Limits) -> Result<(), FormatError> {
        let held = self.bytes.len() as u64;
        let wanted = values.saturating_mul(coding.stored.bytes() as u64);
        let reach = self.skip.saturating_add(wanted);
        let needed = match self.packing {
            Packing::Plain => reach,
            // One digit and one space between two numbers.
            Packing::Text => values.saturating_mul(2).saturating_sub(1),
            Packing::Hexadecimal => reach.saturating_mul(2),
            Packing::Gzip | Packing::Zlib => {
                if reach > limits.expansion_bytes {
                    return Err(FormatError::ArchiveBomb {
                        place: "compressed voxels".to_owned(),
                        expanded: reach,
                        stored: held,
                        limit: limits.expansion_bytes,
                    });
                }
                if reach > held.saturating_mul(DEFLATE_RATIO).saturating_add(1 << 16) {
                    return Err(FormatError::PixelBomb { declared: wanted, held });
                }
                return Ok(());
            }
        };
        if needed <= held {
            return Ok(());
        }
        if wanted > (16 << 20) && held.saturating_mul(16) < wanted {
            return Err(FormatError::PixelBomb { declared: wanted, held });
        }
        Err(FormatError::Truncated { place: "voxels".to_owned(), found: held, expected: needed })
    }

    /// `count` volumes of `each` values, one after another.
    ///
    /// # Errors
    /// [`FormatError`] for what is judged above, and for what is broken, cut or no number.
    pub(crate) fn volumes(
        &self,
        count: u64,
        each: u64,
        coding: Coding,
        limits: &Limits,
    ) -> Result<Vec<Vec<f32>>, FormatError> {
        self.judge(count.saturating_mul(each), coding, limits)?;
        let bytes_each = each * coding.stored.bytes() as u64;
        let mut volumes = Vec::new();
        match self.packing {
            Packing::Plain => {
                // In range: judged above.
                let mut rest = &self.bytes[self.skip as usize..];
                for _ in 0..count {
                    let (volume, behind) = rest.split_at(bytes_each as usize);
                    volumes.push(coding.values(volume));
                    rest = behind;
                }
            }
            Packing::Text => {
                let mut numbers = self
                    .bytes
                    .split(|byte| byte.is_ascii_whitespace() || *byte == b',')
                    .filter(|token| !token.is_empty());
                for volume in 0..count {
                    volumes.push(text_values(&mut numbers, each, volume * each, coding)?);
                }
            }
            Packing::Hexadecimal => {
                let mut stream = Hexadecimal(self.bytes.iter());
                self.stream(&mut stream, count, bytes_each, coding, &mut volumes)?;
            }
            Packing::Gzip => {
                let mut stream = flate2::bufread::MultiGzDecoder::new(self.bytes);
                self.stream(&mut stream, count, bytes_each, coding, &mut volumes)?;
            }
            Packing::Zlib => {
                let mut stream = flate2::bufread::ZlibDecoder::new(self.bytes);
                self.stream(&mut stream, count, bytes_each, coding, &mut volumes)?;
            }
        }
        Ok(volumes)
    }

    /// Memory grows with what comes, not with what is promised.
    fn stream(
        &self,
        stream: &mut dyn Read,
        count: u64,
        bytes_each: u64,
        coding: Coding,
        volumes: &mut Vec<Vec<f32>>,
    ) -> Result<(), FormatError> {
        let broken = || match self.packing {
            Packing::Hexadecimal => FormatError::malformed("voxels", "no hexadecimal digits"),
            _ => FormatError::malformed("gzip stream", "the compressed stream is broken or cut"),
        };
        std::io::copy(&mut (&mut *stream).take(self.skip), &mut std::io::sink()).map_err(|_| broken())?;
        let mut buffer = Vec::new();
        for volume in 0..count {
            buffer.clear();
            (&mut *stream).take(bytes_each).read_to_end(&mut buffer).map_err(|_| broken())?;
            if (buffer.len() as u64) < bytes_each {
                return Err(FormatError::Truncated {
                    place: "voxels".to_owned(),
                    found: volume * bytes_each + buffer.len() as u64,
                    expected: count * bytes_each,
                });
            }
            volumes.push(coding.values(&buffer));
        }
        Ok(())
    }
}

fn text_values<'a>(
    numbers: &mut impl Iterator<Item = &'a [u8]>,
    each: u64,
    before: u64,
    coding: Coding,
) -> Result<Vec<f32>, FormatError> {
    let mut values = Vec::new();
    for offset in 0..each {
        let Some(number) = numbers.next() else {
            let message = format!("{} numbers found, more are declared", before + offset);
            return Err(FormatError::malformed("voxels", message));
        };
        let number: Option<f64> = std::str::from_utf8(number).ok().and_then(|text| text.parse().ok());
        values.push(coding.scaled(number.ok_or_else(|| {
            FormatError::malformed("voxels", format!("value {} is no number", before + offset))
        })?));
    }
    Ok(values)
}

/// Bytes out of pairs of hexadecimal digits with white space between them.
struct Hexadecimal<'a>(std::slice::Iter<'a, u8>);

impl Read for Hexadecimal<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let mut digits = self.0.by_ref().filter(|byte| !byte.is_ascii_whitespace());
        let mut digit = || -> std::io::Result<Option<u8>> {
            let Some(byte) = digits.next() else { return Ok(None) };
            let value = char::from(*byte).to_digit(16);
            value.map(|value| Some(value as u8)).ok_or_else(|| std::io::ErrorKind::InvalidData.into())
        };
        for (filled, place) in into.iter_mut().enumerate() {
            match (digit()?, digit()?) {
                (Some(high), Some(low)) => *place = high << 4 | low,
                _ => return Ok(filled),
            }
        }
        Ok(into.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::stored::StoredType;
    use super::*;

    fn read(bytes: &[u8], packing: Packing, stored: StoredType) -> Result<Vec<Vec<f32>>, FormatError> {
        let payload = Payload { bytes, packing, skip: 0 };
        payload.volumes(2, 2, Coding::plain(stored, true), &Limits::default())
    }

    #[test]
    fn text_and_hexadecimal_worked_on_paper() {
        let text = read(b"1, -2\n 3.5e1\t4", Packing::Text, StoredType::F32).expect("four numbers");
        assert_eq!(text, [[1.0, -2.0], [35.0, 4.0]]);
        let hex = read(b"0001 00fF\n01 00 7FFF", Packing::Hexadecimal, StoredType::U16).expect("8 bytes");
        assert_eq!(hex, [[1.0, 255.0], [256.0, 32_767.0]]);
    }

    #[test]
    fn what_is_cut_or_no_number_is_named() {
        let message = |bytes: &[u8], packing| {
            read(bytes, packing, StoredType::U8).expect_err("cut or no number").to_string()
        };
        assert_eq!(message(b"1 2", Packing::Text), "voxels ends after 3 bytes, expected 7");
        assert_eq!(message(b"1 2 3    ", Packing::Text), "voxels: 3 numbers found, more are declared");
        assert_eq!(message(b"1 2 x 4", Packing::Text), "voxels: value 2 is no number");
        assert_eq!(message(b"00112", Packing::Hexadecimal), "voxels ends after 5 bytes, expected 8");
        assert_eq!(message(b"001122zz", Packing::Hexadecimal), "voxels: no hexadecimal digits");
        assert_eq!(message(b"001122  3", Packing::Hexadecimal), "voxels ends after 3 bytes, expected 4");
        assert_eq!(message(b"123", Packing::Plain), "voxels ends after 3 bytes, expected 4");
    }
}
