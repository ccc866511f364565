//! What a compressed frame says of itself, read before any decoder allocates for it.

use std::borrow::Cow;

/// Size of a compressed picture as its own header declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    pub columns: usize,
    pub rows: usize,
    pub components: usize,
    /// Bits of one sample.
    pub precision: u32,
    /// Whether the coding process cannot lose anything (JPEG's process 14; unknown for JPEG 2000).
    pub lossless: bool,
}

/// Samples that a decoder of ours gives: rows, columns, components, the last fastest.
pub(crate) struct Picture {
    pub samples: Vec<u16>,
    /// Rows decoded, where the stream ends before its picture does; zeros stand below them.
    pub cut_at_row: Option<usize>,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?)).ok()
}

/// Size from a JPEG's start of frame (ISO 10918-1 B.2.2).
pub(crate) fn jpeg(bytes: &[u8]) -> Option<Declared> {
    if bytes.get(..2)? != [0xFF, 0xD8] {
        return None;
    }
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xFF {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        match marker {
            // Fill bytes, and markers without a length.
            0xFF => at += 1,
            0x01 | 0xD0..=0xD8 => at += 2,
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                return Some(Declared {
                    lossless: marker == 0xC3,
                    precision: u32::from(*bytes.get(at + 4)?),
                    rows: u16_at(bytes, at + 5)?,
                    columns: u16_at(bytes, at + 7)?,
                    components: usize::from(*bytes.get(at + 9)?),
                });
            }
            0xD9 | 0xDA => return None,
            _ => at += 2 + u16_at(bytes, at + 2)?,
        }
    }
}

/// A JPEG whose header in the file says RGB, so that its decoder knows it too.
///
/// Three components without a word on their color are taken for YCbCr by the decoders of JPEG. A JFIF or Adobe segment
/// is such a word, and chroma of a lower resolution is another; where there is neither, an Adobe segment that says "no
/// transform" is put in front.
pub(crate) fn jpeg_as_rgb(bytes: &[u8]) -> Cow<'_, [u8]> {
    const ADOBE: [u8; 16] = *b"\xFF\xEE\x00\x0EAdobe\x00\x64\x00\x00\x00\x00\x00";
    let mut at = 2;
    while let (Some([0xFF, marker]), Some(length)) = (bytes.get(at..at + 2), u16_at(bytes, at + 2)) {
        let segment = bytes.get(at + 4..at + 2 + length).unwrap_or_default();
        match *marker {
            0xE0 if segment.starts_with(b"JFIF\0") => return Cow::Borrowed(bytes),
            0xEE if segment.starts_with(b"Adobe") => return Cow::Borrowed(bytes),
            0xC0..=0xC2 => {
                // Identifier, sampling factors and table of each component, behind 6 bytes of size.
                let (components, _) = segment.get(6..).unwrap_or_default().as_chunks::<3>();
                if components.len() != 3
                    || components.iter().any(|component| component[1] != components[0][1])
                {
                    return Cow::Borrowed(bytes);
                }
            }
            0xDA => return Cow::Owned([&bytes[..2], &ADOBE, &bytes[2..]].concat()),
            _ => {}
        }
        at += 2 + length;
    }
    Cow::Borrowed(bytes)
}

/// Where a JPEG 2000 codestream begins, also inside a JP2 file.
pub(crate) fn start_of_jpeg2000(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).take(4096).position(|four| four == [0xFF, 0x4F, 0xFF, 0x51])
}

/// Size from a JPEG 2000 codestream's SIZ marker (ISO 15444-1 A.5.1).
pub(crate) fn jpeg2000(bytes: &[u8]) -> Option<Declared> {
    let start = start_of_jpeg2000(bytes)?;
    let siz = start + 4;
    let extent = |end, origin| u32_at(bytes, siz + end)?.checked_sub(u32_at(bytes, siz + origin)?);
    Some(Declared {
        columns: extent(4, 12)?,
        rows: extent(8, 16)?,
        components: u16_at(bytes, siz + 36)?,
        precision: u32::from(bytes.get(siz + 38)? & 0x7F) + 1,
        lossless: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_of_frame_is_found_behind_other_segments() {
        let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2];
        bytes.extend([0xFF, 0xC3, 0, 11, 16, 0x02, 0x00, 0x01, 0x00, 1, 1, 0x11, 0]);
        let expected = Declared { columns: 256, rows: 512, components: 1, precision: 16, lossless: true };
        assert_eq!(jpeg(&bytes), Some(expected));
        for cut in 0..18 {
            assert_eq!(jpeg(&bytes[..cut]), None, "{cut}");
        }
    }

    #[test]
    fn a_jpeg_of_three_components_is_called_rgb_only_where_it_says_nothing_else() {
        let start = [0xFF, 0xD8];
        let frame = |chroma| {
            [&[0xFF, 0xC0, 0, 17, 8, 0, 8, 0, 8, 3, 0, 0x11, 0][..], &[1, chroma, 0, 2, chroma, 0]].concat()
        };
        let scan = [0xFF, 0xDA, 0, 12, 3, 0, 0, 1, 0, 2, 0, 0, 63, 0, 7, 7];
        let silent = [&start[..], &frame(0x11), &scan].concat();
        let told = jpeg_as_rgb(&silent);
        assert_eq!(told.len(), silent.len() + 16);
        assert_eq!(&told[2..11], b"\xFF\xEE\x00\x0EAdobe");
        assert_eq!(jpeg_as_rgb(&told), told, "said once");
        let jfif =
            [&start[..], b"\xFF\xE0\0\x10JFIF\0\x01\x02\0\0\x01\0\x01\0\0", &frame(0x11), &scan].concat();
        assert_eq!(jpeg_as_rgb(&jfif), jfif);
        let subsampled = [
            &[0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8, 0, 8, 0, 8, 3, 0, 0x21, 0, 1, 0x11, 0, 2, 0x11, 0][..],
            &scan,
        ]
        .concat();
        assert_eq!(jpeg_as_rgb(&subsampled), subsampled);
        for cut in 0..silent.len() {
            jpeg_as_rgb(&silent[..cut]);
        }
    }

    #[test]
    fn the_size_of_a_codestream_is_its_extent_less_its_origin() {
        let mut bytes = vec![0xFF, 0x4F, 0xFF, 0x51, 0, 41, 0, 0];
        for value in [120_u32, 90, 20, 10, 100, 80, 0, 0] {
            bytes.extend(value.to_be_bytes());
        }
        bytes.extend([0, 1, 0x8B, 1, 1]);
        let expected = Declared { columns: 100, rows: 80, components: 1, precision: 12, lossless: false };
        assert_eq!(jpeg2000(&bytes), Some(expected));
    }
}
