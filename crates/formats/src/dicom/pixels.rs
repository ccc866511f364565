//! Pixels as they are stored: from a file's bytes to the bytes of one frame.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use dicom_dictionary_std::{tags, uids};

use super::codec;
use super::element::{self, DataSet, Encoding, PixelElement};
use super::file::{EXPLICIT_VR_BIG_ENDIAN, place};
use crate::{FormatError, Limits};

/// What the samples of a pixel mean: Defined Terms of Photometric Interpretation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Photometric {
    Monochrome1,
    Monochrome2,
    Rgb,
    YbrFull,
    YbrFull422,
    Palette,
}

/// How one sample is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SampleKind {
    Integer,
    Float,
    Double,
}

/// The Image Pixel Module of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PixelFormat {
    pub columns: usize,
    pub rows: usize,
    pub frames: usize,
    pub samples: usize,
    pub bits_allocated: usize,
    pub bits_stored: usize,
    pub high_bit: usize,
    pub signed: bool,
    pub planar: bool,
    pub photometric: Photometric,
    pub kind: SampleKind,
}

/// Native frames above this size that a file holds less than a sixteenth of are bombs.
const BOMB_NATIVE_BYTES: u64 = 16 << 20;
/// Compressed frames above this size are judged by their ratio.
const BOMB_COMPRESSED_BYTES: u64 = 64 << 20;
/// More than any codec reaches on a picture that is not blank.
const BOMB_RATIO: u64 = 2000;

impl PixelFormat {
    /// Reads and checks the module.
    ///
    /// # Errors
    /// [`FormatError::Malformed`] with the element for what is missing or impossible,
    /// [`FormatError::Unsupported`] for what is not read.
    pub(crate) fn read(data_set: &DataSet<'_>, pixels: &PixelElement) -> Result<Self, FormatError> {
        let required = |tag| {
            data_set
                .unsigned(tag)
                .map(|value| value as usize)
                .ok_or_else(|| FormatError::malformed(place(tag), "missing, expected a number"))
        };
        let kind = match pixels.tag {
            tags::FLOAT_PIXEL_DATA => SampleKind::Float,
            tags::DOUBLE_FLOAT_PIXEL_DATA => SampleKind::Double,
            _ => SampleKind::Integer,
        };
        let columns = required(tags::COLUMNS)?;
        let rows = required(tags::ROWS)?;
        let bits_allocated = match kind {
            SampleKind::Integer => required(tags::BITS_ALLOCATED)?,
            SampleKind::Float => 32,
            SampleKind::Double => 64,
        };
        let samples = data_set.unsigned(tags::SAMPLES_PER_PIXEL).unwrap_or(1) as usize;
        let bits_stored = data_set.unsigned(tags::BITS_STORED).map_or(bits_allocated, |bits| bits as usize);
        let high_bit =
            data_set.unsigned(tags::HIGH_BIT).map_or(bits_stored.wrapping_sub(1), |bit| bit as usize);
        let frames = data_set.number(tags::NUMBER_OF_FRAMES).map_or(1.0, |frames| frames.max(1.0)) as usize;
        let photometric = photometric(data_set, pixels, samples)?;
        for (tag, value) in [(tags::COLUMNS, columns), (tags::ROWS, rows)] {
            if value == 0 || value > 65_535 {
                return Err(FormatError::malformed(place(tag), format!("{value}, expected 1 to 65535")));
            }
        }
        if !matches!(samples, 1 | 3) {
            return Err(FormatError::unsupported(format!("{samples} samples per pixel"), "1 or 3"));
        }
        if kind == SampleKind::Integer {
            if !matches!(bits_allocated, 1 | 8 | 16 | 32) {
                return Err(FormatError::unsupported(
                    format!("{bits_allocated} bits allocated"),
                    "1, 8, 16 or 32",
                ));
            }
            if bits_stored == 0 || bits_stored > bits_allocated {
                return Err(FormatError::malformed(
                    place(tags::BITS_STORED),
                    format!("{bits_stored}, expected 1 to {bits_allocated}"),
                ));
            }
            if high_bit >= bits_allocated || high_bit + 1 < bits_stored {
                return Err(FormatError::malformed(
                    place(tags::HIGH_BIT),
                    format!("{high_bit}, expected {} to {}", bits_stored - 1, bits_allocated - 1),
                ));
            }
        }
        if photometric == Photometric::YbrFull422 && bits_allocated != 8 {
            return Err(FormatError::unsupported(format!("YBR_FULL_422 of {bits_allocated} bits"), "8"));
        }
        if (samples == 3)
            == matches!(
                photometric,
                Photometric::Monochrome1 | Photometric::Monochrome2 | Photometric::Palette
            )
        {
            return Err(FormatError::malformed(
                place(tags::PHOTOMETRIC_INTERPRETATION),
                format!("does not fit {samples} samples per pixel"),
            ));
        }
        Ok(Self {
            columns,
            rows,
            frames,
            samples,
            bits_allocated,
            bits_stored,
            high_bit,
            signed: data_set.unsigned(tags::PIXEL_REPRESENTATION) == Some(1),
            planar: samples > 1 && data_set.unsigned(tags::PLANAR_CONFIGURATION) == Some(1),
            photometric,
            kind,
        })
    }

    /// Pixels of one frame.
    pub(crate) const fn plane(&self) -> usize {
        self.columns * self.rows
    }

    /// Bytes of one decoded frame with whole samples (a bit becomes a byte).
    pub(crate) const fn frame_bytes(&self) -> usize {
        self.plane() * self.samples * self.bits_allocated.div_ceil(8)
    }

    /// The bits that one native frame takes in the file.
    const fn native_bits(&self) -> u64 {
        let samples = match self.photometric {
            Photometric::YbrFull422 => 2,
            _ => self.samples,
        };
        (self.plane() * samples * self.bits_allocated) as u64
    }

    /// Lowest and highest stored value; none for floating point.
    pub(crate) fn stored_range(&self) -> Option<(f64, f64)> {
        if self.kind != SampleKind::Integer {
            return None;
        }
        let values = (self.bits_stored as f64).exp2();
        Some(if self.signed { (-values / 2.0, values / 2.0 - 1.0) } else { (0.0, values - 1.0) })
    }
}

fn photometric(
    data_set: &DataSet<'_>,
    pixels: &PixelElement,
    samples: usize,
) -> Result<Photometric, FormatError> {
    let term = data_set.text(tags::PHOTOMETRIC_INTERPRETATION);
    Ok(match term.as_deref() {
        Some("MONOCHROME1") => Photometric::Monochrome1,
        Some("MONOCHROME2") => Photometric::Monochrome2,
        Some("RGB") => Photometric::Rgb,
        Some("YBR_FULL") => Photometric::YbrFull,
        Some("YBR_FULL_422") => Photometric::YbrFull422,
        // They exist only inside JPEG 2000 and JPEG XL, whose decoders give RGB.
        Some("YBR_RCT" | "YBR_ICT" | "XYB") if pixels.length.is_none() => Photometric::Rgb,
        Some(term @ ("YBR_RCT" | "YBR_ICT" | "XYB")) => {
            return Err(FormatError::unsupported(
                format!("photometric interpretation {term} of pixels that are not compressed"),
                "RGB, YBR_FULL or YBR_FULL_422",
            ));
        }
        Some("PALETTE COLOR") => Photometric::Palette,
        // Without the element one sample can only be gray.
        None if samples == 1 => Photometric::Monochrome2,
        None => {
            return Err(FormatError::malformed(
                place(tags::PHOTOMETRIC_INTERPRETATION),
                "missing, expected the meaning of 3 samples",
            ));
        }
        Some(term @ ("YBR_PARTIAL_422" | "YBR_PARTIAL_420" | "ARGB" | "CMYK" | "HSV")) => {
            return Err(FormatError::unsupported(
                format!("photometric interpretation {term}"),
                "MONOCHROME1, MONOCHROME2, RGB, YBR_FULL, YBR_FULL_422, YBR_RCT, YBR_ICT or PALETTE COLOR",
            ));
        }
        Some(_) => {
            return Err(FormatError::unsupported(
                "this photometric interpretation",
                "MONOCHROME1, MONOCHROME2, RGB, YBR_FULL, YBR_FULL_422, YBR_RCT, YBR_ICT or PALETTE COLOR",
            ));
        }
    })
}

/// One frame's samples: whole bytes, low byte first, pixel by pixel unless `planar`.
pub(crate) struct Frame<'a> {
    pub bytes: Cow<'a, [u8]>,
    pub planar: bool,
    /// What the samples mean after decoding.
    pub photometric: Photometric,
    /// Bytes found and expected, where pixels were missing and stored 0 stands for them.
    pub truncated: Option<(u64, u64)>,
}

/// Where and how the pixels of one file are kept.
#[derive(Clone, Debug)]
pub(crate) struct PixelStore {
    pub format: PixelFormat,
    pub element: PixelElement,
    pub encoding: Encoding,
    pub transfer_syntax: String,
    /// Where the frames of encapsulated pixels lie, once it was looked for.
    pub fragments: OnceLock<Fragments>,
}

/// The fragments of encapsulated pixels, and which of them make each frame.
#[derive(Clone, Debug)]
pub(crate) struct Fragments {
    all: Vec<Range<usize>>,
    /// Those frames, from the first on, that are found.
    frames: Vec<Range<usize>>,
    /// Whether the bytes end before the last fragment does.
    cut: bool,
}

impl PixelStore {
    /// Refuses, before anything is allocated, what cannot be decoded or declares more than the
    /// `held` bytes of pixels can mean.
    ///
    /// # Errors
    /// [`FormatError`]: the transfer syntax, [`FormatError::TooLarge`], [`FormatError::PixelBomb`],
    /// [`FormatError::Truncated`].
    pub(crate) fn check(&self, held: u64, limits: &Limits) -> Result<(), FormatError> {
        let plane = (self.format.plane() * self.format.samples) as u64;
        if plane > limits.voxels {
            return Err(FormatError::TooLarge {
                what: "number of samples in a frame",
                declared: plane,
                limit: limits.voxels,
            });
        }
        if self.is_native() {
            if self.element.length.is_none() {
                return Err(FormatError::malformed(
                    place(tags::PIXEL_DATA),
                    "undefined length in a transfer syntax without compression",
                ));
            }
            if self.format.photometric == Photometric::YbrFull422 && self.format.columns % 2 == 1 {
                let message =
                    format!("{} columns of YBR_FULL_422, expected an even number", self.format.columns);
                return Err(FormatError::malformed(place(tags::COLUMNS), message));
            }
            let expected = self.format.native_bits().div_ceil(8);
            if held < expected.div_ceil(16) {
                return Err(if expected > BOMB_NATIVE_BYTES {
                    FormatError::PixelBomb { declared: expected, held }
                } else {
                    FormatError::Truncated { place: place(self.element.tag), found: held, expected }
                });
            }
            return Ok(());
        }
        codec::check(&self.transfer_syntax)?;
        let declared = self.format.frame_bytes() as u64;
        if declared > BOMB_COMPRESSED_BYTES && held.saturating_mul(BOMB_RATIO) < declared {
            return Err(FormatError::PixelBomb { declared, held });
        }
        if held == 0 {
            return Err(FormatError::Truncated {
                place: place(self.element.tag),
                found: 0,
                expected: declared,
            });
        }
        Ok(())
    }

    /// Whether the pixels are written without encapsulation.
    pub(crate) fn is_native(&self) -> bool {
        matches!(
            self.transfer_syntax.as_str(),
            "" | uids::IMPLICIT_VR_LITTLE_ENDIAN
                | uids::EXPLICIT_VR_LITTLE_ENDIAN
                | EXPLICIT_VR_BIG_ENDIAN
                | uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
        )
    }

    /// The bytes of frame `frame`, decoded where they are compressed.
    ///
    /// # Errors
    /// [`FormatError`] where the frame is not there or its codec refuses it.
    pub(crate) fn frame<'a>(&self, bytes: &'a [u8], frame: usize) -> Result<Frame<'a>, FormatError> {
        if self.is_native() { self.native_frame(bytes, frame) } else { self.encapsulated_frame(bytes, frame) }
    }

    fn native_frame<'a>(&self, bytes: &'a [u8], frame: usize) -> Result<Frame<'a>, FormatError> {
        let format = &self.format;
        let length = self.element.length.unwrap_or(0) as usize;
        let end = self.element.start.saturating_add(length).min(bytes.len());
        let held = bytes.get(self.element.start..end).unwrap_or_default();
        let bits = format.native_bits();
        let first_bit = bits * frame as u64;
        let start = usize::try_from(first_bit / 8).unwrap_or(usize::MAX);
        let wanted = usize::try_from((first_bit % 8 + bits).div_ceil(8)).unwrap_or(usize::MAX);
        let swapped_pairs =
            self.encoding.big_endian && format.bits_allocated <= 8 && &self.element.vr == b"OW";
        let paired;
        let (held, start) = if swapped_pairs {
            // Bytes inside words of 16 bits, PS3.5 Annex A.3: a frame may begin or end inside a word.
            let first = start & !1;
            let last = held.len().min(start.saturating_add(wanted).saturating_add(1) & !1);
            let mut words = held.get(first..last).unwrap_or_default().to_vec();
            words.chunks_exact_mut(2).for_each(<[u8]>::reverse);
            paired = words;
            (paired.as_slice(), start - first)
        } else {
            (held, start)
        };
        let found = held.get(start..held.len().min(start.saturating_add(wanted))).unwrap_or_default();
        if found.is_empty() {
            return Err(FormatError::Truncated {
                place: format!("{} frame {}", place(self.element.tag), frame + 1),
                found: 0,
                expected: wanted as u64,
            });
        }
        let truncated = (found.len() < wanted).then_some((found.len() as u64, wanted as u64));
        // Bytes that were put in order above are a copy; all others stay where the file has them.
        let mut content = if swapped_pairs {
            Cow::Owned(found.to_vec())
        } else {
            Cow::Borrowed(
                bytes
                    .get(self.element.start + start..self.element.start + start + found.len())
                    .unwrap_or_default(),
            )
        };
        if truncated.is_some() {
            content.to_mut().resize(wanted, 0);
        }
        let word = format.bits_allocated / 8;
        if self.encoding.big_endian && word > 1 {
            content.to_mut().chunks_exact_mut(word).for_each(<[u8]>::reverse);
        }
        if format.bits_allocated == 1 {
            let skipped = (first_bit % 8) as usize;
            let bit = |i: usize| (content[(skipped + i) / 8] >> ((skipped + i) % 8)) & 1;
            content = Cow::Owned((0..format.plane() * format.samples).map(bit).collect());
        }
        let mut photometric = format.photometric;
        if photometric == Photometric::YbrFull422 && format.bits_allocated == 8 {
            // Y1 Y2 Cb Cr for each pair of pixels, PS3.3 Section C.7.6.3.1.2.
            let pairs = content.chunks_exact(4);
            content = Cow::Owned(
                pairs.flat_map(|pair| [pair[0], pair[2], pair[3], pair[1], pair[2], pair[3]]).collect(),
            );
            photometric = Photometric::YbrFull;
        }
        let planar = format.planar && format.photometric != Photometric::YbrFull422;
        Ok(Frame { bytes: content, planar, photometric, truncated })
    }

    /// The frames that the bytes hold, judged against the limits before anything is allocated.
    ///
    /// A cut file holds fewer than it declares.
    ///
    /// # Errors
    /// [`FormatError::TooLarge`], [`FormatError::PixelBomb`], or what is wrong where no frame is there.
    pub(crate) fn frames_held(&self, bytes: &[u8], limits: &Limits) -> Result<usize, FormatError> {
        let format = &self.format;
        let held = bytes.len().saturating_sub(self.element.start) as u64;
        let (found, held) = if self.is_native() {
            let held = held.min(u64::from(self.element.length.unwrap_or(0)));
            (usize::try_from((8 * held).div_ceil(format.native_bits())).unwrap_or(usize::MAX), held)
        } else {
            (self.fragments(bytes).frames.len(), held)
        };
        let frames = found.min(format.frames);
        if frames == 0 {
            return Err(self.missing(bytes, 0));
        }
        let declared = ((format.plane() * format.samples) as u64).saturating_mul(frames as u64);
        if declared > limits.voxels {
            return Err(FormatError::TooLarge { what: "number of samples", declared, limit: limits.voxels });
        }
        let declared = (format.frame_bytes() as u64).saturating_mul(frames as u64);
        if declared > BOMB_COMPRESSED_BYTES && held.saturating_mul(BOMB_RATIO) < declared {
            return Err(FormatError::PixelBomb { declared, held });
        }
        Ok(frames)
    }

    fn fragments(&self, bytes: &[u8]) -> &Fragments {
        self.fragments.get_or_init(|| {
            let (all, cut) = element::fragments(bytes, self.element.start, self.encoding.big_endian);
            let frames = frames_of(bytes, &all, self.format.frames, cut);
            Fragments { all, frames, cut }
        })
    }

    fn missing(&self, bytes: &[u8], frame: usize) -> FormatError {
        if self.is_native() {
            return FormatError::Truncated {
                place: format!("{} frame {}", place(self.element.tag), frame + 1),
                found: 0,
                expected: self.format.native_bits().div_ceil(8),
            };
        }
        let (count, number) = (self.fragments(bytes).all.len().saturating_sub(1), frame + 1);
        FormatError::malformed(
            place(self.element.tag),
            format!("frame {number} of {} is not found in {count} fragments", self.format.frames),
        )
    }

    fn encapsulated_frame<'a>(&self, bytes: &'a [u8], frame: usize) -> Result<Frame<'a>, FormatError> {
        let Fragments { all, frames, cut } = self.fragments(bytes);
        let coded = frames
            .get(frame)
            .and_then(|range| all.get(range.clone()))
            .ok_or_else(|| self.missing(bytes, frame))?;
        let cut = *cut && frame + 1 == frames.len();
        let coded: Cow<'_, [u8]> = match coded {
            [one] => Cow::Borrowed(&bytes[one.clone()]),
            several => Cow::Owned(several.iter().flat_map(|range| &bytes[range.clone()]).copied().collect()),
        };
        let decoded = codec::decode(&self.transfer_syntax, &self.format, &coded)?;
        let truncated = match decoded.cut_at {
            Some(found) => Some((found, self.format.frame_bytes() as u64)),
            None => cut.then_some((coded.len() as u64, coded.len() as u64 + 1)),
        };
        Ok(Frame {
            bytes: Cow::Owned(decoded.bytes),
            planar: decoded.planar,
            photometric: decoded.photometric,
            truncated,
        })
    }
}

/// Which fragments make each frame; the first fragment is the Basic Offset Table (PS3.5 Section A.4).
///
/// Fewer than `count` where the bytes end early, none where no rule tells frames apart.
fn frames_of(bytes: &[u8], fragments: &[Range<usize>], count: usize, cut: bool) -> Vec<Range<usize>> {
    let (Some(table), last) = (fragments.first(), fragments.len()) else { return Vec::new() };
    let coded = &fragments[1..];
    if coded.is_empty() {
        return Vec::new();
    }
    if count == 1 {
        return std::iter::once(1..last).collect();
    }
    if coded.len() == count {
        return (1..last).map(|fragment| fragment..fragment + 1).collect();
    }
    let offsets: Vec<usize> = bytes[table.clone()]
        .as_chunks::<4>()
        .0
        .iter()
        .map(|offset| u32::from_le_bytes(*offset) as usize)
        .collect();
    let starts: Vec<usize> = if offsets.len() == count {
        // Offsets count from the first byte behind the table to an item's tag.
        let places = offsets.iter().map(|offset| table.end.saturating_add(offset + 8));
        places.map_while(|place| coded.binary_search_by_key(&place, |range| range.start).ok()).collect()
    } else {
        // Each frame begins with its codec's first marker.
        let begins = |range: &Range<usize>| {
            matches!(bytes.get(range.start..range.start + 2), Some([0xFF, 0xD8] | [0xFF, 0x4F]))
        };
        let starts: Vec<usize> = (0..coded.len()).filter(|fragment| begins(&coded[*fragment])).collect();
        let all_begin = starts.len() == coded.len();
        match cut {
            // A cut file's frames are fewer; where each fragment begins one, the last may be cut itself.
            _ if starts.len() == count => starts,
            true if all_begin || starts.len() < count => starts,
            _ => Vec::new(),
        }
    };
    let ends = starts.iter().skip(1).copied().chain([coded.len()]);
    // Offsets that run back give no frame.
    starts
        .iter()
        .zip(ends)
        .take_while(|(start, end)| *start < end)
        .map(|(start, end)| start + 1..end + 1)
        .collect()
}
