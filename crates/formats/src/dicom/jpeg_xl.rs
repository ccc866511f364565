//! JPEG XL frames (ISO/IEC 18181), decoded by `jxl-oxide`.

use jxl_oxide::image::BitDepth;
use jxl_oxide::{AllocTracker, JxlImage, PixelFormat};

use super::codestream::{Declared, Picture};
use crate::FormatError;

/// What decoding may take for each sample: planes of 32-bit numbers, a few of each kind.
const BYTES_A_SAMPLE: usize = 64;
/// What decoding may take beside that: tables, and buffers for groups of pixels.
const BYTES_FOR_TABLES: usize = 64 << 20;

/// A codestream whose headers are read.
pub(crate) struct Stream(JxlImage);

/// Reads the headers of a frame of `samples` samples.
///
/// # Errors
/// [`FormatError::Malformed`] for what is no JPEG XL, breaks off, or wants more memory than such a frame can need.
pub(crate) fn open(coded: &[u8], samples: usize) -> Result<Stream, FormatError> {
    let most = samples.saturating_mul(BYTES_A_SAMPLE).saturating_add(BYTES_FOR_TABLES);
    let image =
        JxlImage::builder().alloc_tracker(AllocTracker::with_limit(most)).read(coded).map_err(refused)?;
    if image.num_loaded_keyframes() == 0 {
        return Err(FormatError::malformed("JPEG XL frame", "the stream ends before its picture begins"));
    }
    Ok(Stream(image))
}

impl Stream {
    /// Size and depth of the picture.
    ///
    /// # Errors
    /// [`FormatError::Unsupported`] for transparency, CMYK, floating point samples and more than 16 bits.
    pub(crate) fn declared(&self) -> Result<Declared, FormatError> {
        let components = match self.0.pixel_format() {
            PixelFormat::Gray => 1,
            PixelFormat::Rgb => 3,
            _ => return Err(FormatError::unsupported("a JPEG XL picture of other channels", "gray or RGB")),
        };
        let BitDepth::IntegerSample { bits_per_sample: precision @ 1..=16 } =
            self.0.image_header().metadata.bit_depth
        else {
            return Err(FormatError::unsupported(
                "a JPEG XL picture of this depth",
                "integers of 1 to 16 bits",
            ));
        };
        Ok(Declared {
            columns: self.0.width() as usize,
            rows: self.0.height() as usize,
            components,
            precision,
            lossless: false,
        })
    }

    /// Whether the decoder turns the colors of the stream (YCbCr or XYB) into RGB.
    pub(crate) fn undoes_color(&self) -> bool {
        self.0.image_header().metadata.xyb_encoded
            || self.0.frame_header(0).is_some_and(|header| header.do_ycbcr)
    }

    /// The picture.
    ///
    /// # Errors
    /// [`FormatError::Malformed`] where the stream is broken.
    pub(crate) fn decode(&self, declared: &Declared) -> Result<Picture, FormatError> {
        let render = self.0.render_frame(0).map_err(refused)?;
        let mut stream = render.stream_no_alpha();
        let found = [stream.width() as usize, stream.height() as usize, stream.channels() as usize];
        if found != [declared.columns, declared.rows, declared.components] {
            return Err(FormatError::malformed(
                "JPEG XL frame",
                "the picture has another size than its header",
            ));
        }
        // 32-bit floats from 0 to 1 tell all integers of up to 16 bits apart.
        let mut unit = vec![0.0_f32; declared.columns * declared.rows * declared.components];
        if stream.write_to_buffer(&mut unit) != unit.len() {
            return Err(FormatError::malformed("JPEG XL frame", "the picture is not whole"));
        }
        let highest = f32::from(u16::MAX >> (16 - declared.precision));
        let samples = unit.iter().map(|value| (value * highest).round().clamp(0.0, highest) as u16);
        Ok(Picture { samples: samples.collect(), cut_at_row: None })
    }
}

fn refused(error: Box<dyn std::error::Error + Send + Sync>) -> FormatError {
    FormatError::malformed("JPEG XL frame", format!("the codec refuses it: {error}"))
}
