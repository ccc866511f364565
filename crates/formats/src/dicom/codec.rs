//! Compressed frames: which transfer syntaxes are read, and one frame through its codec.

use std::borrow::Cow;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dicom_core::dictionary::{UidDictionary, UidDictionaryEntry};
use dicom_dictionary_std::{StandardSopClassDictionary, uids};
use dicom_encoding::adapters::{PixelDataObject, RawPixelData};
use dicom_encoding::{Codec, TransferSyntaxIndex};
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

use super::codestream::{self, Declared, Picture};
use super::pixels::{Photometric, PixelFormat};
use super::{jpeg_extended, jpeg_ls, jpeg_xl, jpeg2000};
use crate::FormatError;

/// A decoded frame.
pub(crate) struct Decoded {
    pub bytes: Vec<u8>,
    pub planar: bool,
    pub photometric: Photometric,
    /// Bytes of pixels found, where the stream ends before its picture does.
    pub cut_at: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Jpeg,
    JpegLs,
    Jpeg2000,
    JpegXl,
    Rle,
    Deflate,
    Uncompressed,
}

fn family(transfer_syntax: &str) -> Option<Family> {
    Some(match transfer_syntax {
        uids::JPEG_BASELINE8_BIT
        | uids::JPEG_EXTENDED12_BIT
        | uids::JPEG_LOSSLESS
        | uids::JPEG_LOSSLESS_SV1 => Family::Jpeg,
        uids::JPEGLS_LOSSLESS | uids::JPEGLS_NEAR_LOSSLESS => Family::JpegLs,
        uids::JPEG2000_LOSSLESS
        | uids::JPEG2000
        | uids::JPEG2000MC_LOSSLESS
        | uids::JPEG2000MC
        | uids::HTJ2K_LOSSLESS
        | uids::HTJ2K_LOSSLESS_RPCL
        | uids::HTJ2K => Family::Jpeg2000,
        uids::JPEGXL_LOSSLESS | uids::JPEGXLJPEG_RECOMPRESSION | uids::JPEGXL => Family::JpegXl,
        uids::RLE_LOSSLESS => Family::Rle,
        uids::DEFLATED_IMAGE_FRAME_COMPRESSION => Family::Deflate,
        uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN => Family::Uncompressed,
        _ => return None,
    })
}

/// Refuses a transfer syntax that is not read, by name and UID.
///
/// # Errors
/// [`FormatError::TransferSyntax`].
pub(crate) fn check(transfer_syntax: &str) -> Result<(), FormatError> {
    family(transfer_syntax).map(|_| ()).ok_or_else(|| unsupported(transfer_syntax))
}

fn unsupported(transfer_syntax: &str) -> FormatError {
    let name = TransferSyntaxRegistry
        .get(transfer_syntax)
        .map(|known| known.name().to_owned())
        .or_else(|| StandardSopClassDictionary.by_uid(transfer_syntax).map(|entry| entry.name().to_owned()))
        .unwrap_or_else(|| "unknown".to_owned());
    // The field of a crooked file can hold anything, a patient's data too.
    let is_uid = wilhelm_study::SopInstanceUid::new(transfer_syntax).is_ok();
    let uid = if is_uid { transfer_syntax } else { "not a UID" };
    FormatError::TransferSyntax { name, uid: uid.to_owned() }
}

/// Decodes one frame.
///
/// # Errors
/// [`FormatError`] where the codec is not there, refuses, or gives another size than declared.
pub(crate) fn decode(
    transfer_syntax: &str,
    format: &PixelFormat,
    coded: &[u8],
) -> Result<Decoded, FormatError> {
    let expected = format.frame_bytes();
    let family = family(transfer_syntax).ok_or_else(|| unsupported(transfer_syntax))?;
    let mut cut_at = None;
    let (bytes, planar, photometric) = match family {
        Family::Rle => (rle(coded, format)?, false, format.photometric),
        Family::Uncompressed => (coded.to_vec(), format.planar, format.photometric),
        Family::Deflate => {
            let mut bytes = Vec::new();
            let mut reader = flate2::read::DeflateDecoder::new(coded).take(expected as u64 + 1);
            reader
                .read_to_end(&mut bytes)
                .map_err(|_| FormatError::malformed("frame", "the deflated stream is broken"))?;
            let native = if format.bits_allocated == 1 {
                (format.plane() * format.samples).div_ceil(8)
            } else {
                expected
            };
            if format.bits_allocated == 1 && bytes.len() >= native {
                bytes = bits_of(&bytes, expected);
            }
            // One byte of padding makes the length even.
            bytes.truncate(expected);
            (bytes, format.planar, format.photometric)
        }
        Family::JpegLs => {
            let declared = jpeg_ls::frame(coded)?;
            fits(&declared, format)?;
            let by_charls = (cfg!(feature = "charls") && declared.components == 1)
                .then(|| registered(transfer_syntax, family, format, &declared, coded).ok())
                .flatten();
            let bytes = match by_charls {
                Some(bytes) => bytes,
                // A stream that breaks off, too: ours gives what is there.
                None => {
                    let picture = guarded(|| jpeg_ls::decode(coded))?;
                    cut_at = cut_at_byte(&picture, format);
                    samples(&picture, &declared, format)?
                }
            };
            (bytes, false, photometric_after(family, format))
        }
        Family::JpegXl => {
            let stream = guarded(|| jpeg_xl::open(coded, format.plane() * format.samples))?;
            let declared = stream.declared()?;
            fits(&declared, format)?;
            let picture = guarded(|| stream.decode(&declared))?;
            let photometric = match format.photometric {
                Photometric::YbrFull | Photometric::YbrFull422 if stream.undoes_color() => Photometric::Rgb,
                _ => photometric_after(family, format),
            };
            (samples(&picture, &declared, format)?, false, photometric)
        }
        Family::Jpeg | Family::Jpeg2000 => {
            let declared = match family {
                Family::Jpeg => codestream::jpeg(coded),
                _ => codestream::jpeg2000(coded),
            }
            .ok_or_else(|| FormatError::malformed("frame", "no header of its codec is found"))?;
            fits(&declared, format)?;
            let bytes = if family == Family::Jpeg && declared.precision > 8 && !declared.lossless {
                let mut picture = guarded(|| jpeg_extended::decode(coded))?;
                cut_at = cut_at_byte(&picture, format);
                // A lossy picture can swing above the bits that are stored: cut off, they would wrap.
                let highest = u16::MAX >> (16 - format.bits_stored.clamp(1, 16));
                picture.samples.iter_mut().for_each(|sample| *sample = (*sample).min(highest));
                samples(&picture, &declared, format)?
            } else if let Some(stream) = plain_jpeg2000(family, coded) {
                guarded(|| match format.bits_allocated {
                    16 => stream.decode(&declared, u16::to_le_bytes),
                    32 => stream.decode(&declared, |sample| u32::from(sample).to_le_bytes()),
                    // A bit is decoded to a byte.
                    1 | 8 if declared.precision <= 8 => stream.decode(&declared, |sample| [sample as u8]),
                    _ => Err(too_wide()),
                })?
            } else {
                registered(transfer_syntax, family, format, &declared, coded)?
            };
            (bytes, false, photometric_after(family, format))
        }
    };
    if bytes.len() < expected {
        return Err(FormatError::Truncated {
            place: "decoded frame".to_owned(),
            found: bytes.len() as u64,
            expected: expected as u64,
        });
    }
    Ok(Decoded { bytes, planar, photometric, cut_at })
}

/// Refuses a compressed picture of another size than the header declares, before it is decoded.
fn fits(declared: &Declared, format: &PixelFormat) -> Result<(), FormatError> {
    let found = [declared.columns, declared.rows, declared.components];
    let expected = [format.columns, format.rows, format.samples];
    if found == expected {
        return Ok(());
    }
    Err(FormatError::malformed(
        "frame",
        format!(
            "compressed picture has {} columns, {} rows and {} samples, the header says {}, {} and {}",
            found[0], found[1], found[2], expected[0], expected[1], expected[2]
        ),
    ))
}

/// A JPEG 2000 stream for the decoder without unsafe code; the C library reads all of them where it is built in.
fn plain_jpeg2000(family: Family, coded: &[u8]) -> Option<jpeg2000::Stream<'_>> {
    (family == Family::Jpeg2000 && !cfg!(feature = "openjpeg")).then(|| jpeg2000::open(coded)).flatten()
}

/// A codec's panic on a hostile stream is that frame's failure, not the program's.
fn guarded<T>(decode: impl FnOnce() -> Result<T, FormatError>) -> Result<T, FormatError> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(FormatError::malformed("frame", "the codec failed on it")))
}

/// The samples of a decoder of ours as wide as they are allocated.
fn samples(picture: &Picture, declared: &Declared, format: &PixelFormat) -> Result<Vec<u8>, FormatError> {
    match format.bits_allocated {
        16 => Ok(spread(&picture.samples, |sample| sample.to_le_bytes())),
        32 => Ok(spread(&picture.samples, |sample| u32::from(sample).to_le_bytes())),
        // A bit is decoded to a byte.
        1 | 8 if declared.precision <= 8 => Ok(picture.samples.iter().map(|sample| *sample as u8).collect()),
        _ => Err(too_wide()),
    }
}

fn too_wide() -> FormatError {
    FormatError::malformed("frame", "the compressed picture has more bits than are allocated")
}

/// Each sample as its bytes; a loop over whole chunks, which the compiler makes wide.
fn spread<const N: usize>(samples: &[u16], bytes: impl Fn(u16) -> [u8; N]) -> Vec<u8> {
    let mut spread = vec![0; N * samples.len()];
    let (chunks, _) = spread.as_chunks_mut::<N>();
    chunks.iter_mut().zip(samples).for_each(|(chunk, sample)| *chunk = bytes(*sample));
    spread
}

/// Bytes of pixels above the row where a picture's stream ends.
fn cut_at_byte(picture: &Picture, format: &PixelFormat) -> Option<u64> {
    let row = picture.cut_at_row?;
    Some((row * format.columns * format.samples * format.bits_allocated.div_ceil(8)) as u64)
}

/// Both decoders give RGB where they undo their own color transform.
fn photometric_after(family: Family, format: &PixelFormat) -> Photometric {
    match (family, format.photometric) {
        (Family::Jpeg, Photometric::YbrFull | Photometric::YbrFull422) => Photometric::Rgb,
        (_, Photometric::YbrFull422) => Photometric::YbrFull,
        (_, other) => other,
    }
}

/// JPEG, and what of JPEG 2000 and JPEG-LS a library reads, through the registry's adapters.
fn registered(
    transfer_syntax: &str,
    family: Family,
    format: &PixelFormat,
    declared: &Declared,
    coded: &[u8],
) -> Result<Vec<u8>, FormatError> {
    let registry_entry =
        TransferSyntaxRegistry.get(transfer_syntax).ok_or_else(|| unsupported(transfer_syntax))?;
    let Codec::EncapsulatedPixelData(Some(reader), _) = registry_entry.codec() else {
        return Err(unsupported(transfer_syntax));
    };
    // These decoders give one byte a sample up to 8 bits of precision, whatever was allocated.
    let decoder_bits = match family {
        Family::Jpeg | Family::JpegLs if declared.precision <= 8 => 8,
        Family::Jpeg | Family::JpegLs => 16,
        // A bit is decoded to a byte.
        _ => format.bits_allocated.max(8),
    };
    let told;
    let coded = if family == Family::Jpeg && format.photometric == Photometric::Rgb {
        told = codestream::jpeg_as_rgb(coded);
        &told
    } else {
        coded
    };
    let one = OneFrame { format, coded, transfer_syntax, bits_allocated: decoder_bits };
    let mut decoded = Vec::new();
    guarded(|| {
        reader.decode_frame(&one, 0, &mut decoded).map_err(|error| {
            FormatError::malformed("frame", format!("the codec refuses it: {}", chain(&error)))
        })
    })?;
    if decoder_bits == 8 && format.bits_allocated == 16 {
        decoded = decoded.iter().flat_map(|byte| [*byte, 0]).collect();
    } else if decoder_bits == 16 && format.bits_allocated <= 8 {
        return Err(too_wide());
    }
    Ok(decoded)
}

/// An error with its sources in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    line
}

/// RLE Lossless: PackBits segments, the high byte of each sample first (PS3.5 Annex G).
fn rle(coded: &[u8], format: &PixelFormat) -> Result<Vec<u8>, FormatError> {
    let broken = |message: String| FormatError::malformed("RLE frame", message);
    let word = |i: usize| {
        let four = coded.get(4 * i..4 * i + 4)?;
        Some(u32::from_le_bytes([four[0], four[1], four[2], four[3]]) as usize)
    };
    let sample_bytes = format.bits_allocated.div_ceil(8);
    let wanted = format.samples * sample_bytes;
    let segments = word(0).ok_or_else(|| broken("no segment header".to_owned()))?;
    if segments != wanted || wanted > 15 {
        return Err(broken(format!("{segments} segments, expected {wanted}")));
    }
    // Single bits are packed before they are run-length encoded; each frame begins a byte of its own.
    let plane = if format.bits_allocated == 1 { format.plane().div_ceil(8) } else { format.plane() };
    let mut bytes = vec![0; wanted * plane];
    let mut unpacked = vec![0; plane];
    for segment in 0..segments {
        let start = word(1 + segment).unwrap_or(usize::MAX);
        let end = if segment + 1 < segments { word(2 + segment).unwrap_or(coded.len()) } else { coded.len() };
        let packed = coded
            .get(start..end.min(coded.len()))
            .ok_or_else(|| broken(format!("segment {} lies outside the frame", segment + 1)))?;
        let found = unpack_bits(packed, &mut unpacked);
        if found < plane {
            return Err(FormatError::Truncated {
                place: format!("RLE segment {}", segment + 1),
                found: found as u64,
                expected: plane as u64,
            });
        }
        let (sample, byte) = (segment / sample_bytes, sample_bytes - 1 - segment % sample_bytes);
        let first = sample * sample_bytes + byte;
        for (target, value) in bytes[first..].iter_mut().step_by(wanted).zip(&unpacked) {
            *target = *value;
        }
    }
    Ok(if format.bits_allocated == 1 { bits_of(&bytes, format.frame_bytes()) } else { bytes })
}

/// The first `count` bits, the lowest of each byte first, as a byte each.
fn bits_of(bytes: &[u8], count: usize) -> Vec<u8> {
    bytes.iter().flat_map(|byte| (0..8).map(move |bit| (byte >> bit) & 1)).take(count).collect()
}

/// PackBits into `out`; gives the bytes written.
fn unpack_bits(packed: &[u8], out: &mut [u8]) -> usize {
    let (mut from, mut to) = (0, 0);
    while let Some(control) = packed.get(from) {
        if to == out.len() {
            break;
        }
        let control = control.cast_signed();
        if control >= 0 {
            let literal =
                packed.get(from + 1..packed.len().min(from + 2 + control as usize)).unwrap_or_default();
            let count = literal.len().min(out.len() - to);
            out[to..to + count].copy_from_slice(&literal[..count]);
            from += 2 + control as usize;
            to += count;
        } else if control == i8::MIN {
            from += 1;
        } else {
            let Some(value) = packed.get(from + 1) else { break };
            let count = (1 - isize::from(control)) as usize;
            let count = count.min(out.len() - to);
            out[to..to + count].fill(*value);
            from += 2;
            to += count;
        }
    }
    to
}

/// One compressed frame as the registry's adapters want to see it.
struct OneFrame<'a> {
    format: &'a PixelFormat,
    coded: &'a [u8],
    transfer_syntax: &'a str,
    bits_allocated: usize,
}

impl PixelDataObject for OneFrame<'_> {
    fn transfer_syntax_uid(&self) -> &str {
        self.transfer_syntax
    }
    fn rows(&self) -> Option<u16> {
        u16::try_from(self.format.rows).ok()
    }
    fn cols(&self) -> Option<u16> {
        u16::try_from(self.format.columns).ok()
    }
    fn samples_per_pixel(&self) -> Option<u16> {
        u16::try_from(self.format.samples).ok()
    }
    fn bits_allocated(&self) -> Option<u16> {
        u16::try_from(self.bits_allocated).ok()
    }
    fn bits_stored(&self) -> Option<u16> {
        u16::try_from(self.format.bits_stored).ok()
    }
    fn photometric_interpretation(&self) -> Option<&str> {
        Some(match self.format.photometric {
            Photometric::Monochrome1 => "MONOCHROME1",
            Photometric::Monochrome2 => "MONOCHROME2",
            Photometric::Rgb => "RGB",
            Photometric::YbrFull => "YBR_FULL",
            Photometric::YbrFull422 => "YBR_FULL_422",
            Photometric::Palette => "PALETTE COLOR",
        })
    }
    fn number_of_frames(&self) -> Option<u32> {
        Some(1)
    }
    fn number_of_fragments(&self) -> Option<u32> {
        Some(1)
    }
    fn fragment(&self, fragment: usize) -> Option<Cow<'_, [u8]>> {
        (fragment == 0).then_some(Cow::Borrowed(self.coded))
    }
    fn offset_table(&self) -> Option<Cow<'_, [u32]>> {
        Some(Cow::Borrowed(&[]))
    }
    fn raw_pixel_data(&self) -> Option<RawPixelData> {
        Some(RawPixelData {
            fragments: std::iter::once(self.coded.to_vec()).collect(),
            offset_table: std::iter::empty::<u32>().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pack_bits_worked_on_paper() {
        // Three literal bytes, four times 7, nothing, one literal byte.
        let packed = [2, 1, 2, 3, 0xFD, 7, 0x80, 0, 9];
        let mut out = [0; 8];
        assert_eq!(unpack_bits(&packed, &mut out), 8);
        assert_eq!(out, [1, 2, 3, 7, 7, 7, 7, 9]);
        for cut in 0..packed.len() {
            assert!(unpack_bits(&packed[..cut], &mut out) <= 8, "{cut}");
        }
    }

    #[test]
    fn an_unknown_transfer_syntax_is_named_and_a_name_in_its_field_is_not_shown() {
        let refused = check("1.2.840.10008.1.2.4.100").expect_err("MPEG-2");
        assert!(refused.to_string().contains("1.2.840.10008.1.2.4.100"), "{refused}");
        assert!(refused.to_string().contains("MPEG2"), "{refused}");
        let refused = check("Doe^Jane").expect_err("no UID");
        assert_eq!(refused.to_string(), "transfer syntax unknown (not a UID) is not supported");
    }
}
