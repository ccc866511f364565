//! From stored samples to numbers with a meaning: Modality LUT, luminance.

use super::header::{ModalityTable, Rescale};
use super::palette::Palette;
use super::pixels::{Frame, Photometric, PixelFormat, SampleKind};

/// What becomes of a stored value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mapping<'a> {
    /// Rescale Slope and Intercept.
    Linear(Rescale),
    /// Modality LUT Sequence.
    Table(&'a ModalityTable),
}

impl Mapping<'_> {
    /// Where a stored value goes.
    pub(crate) fn value(self, stored: f64) -> f64 {
        match self {
            Self::Linear(rescale) => rescale.apply(stored),
            Self::Table(table) => f64::from(table.at(stored as i64)),
        }
    }

    /// Whether integers could become more than 32-bit floats hold.
    pub(crate) fn can_overflow(self) -> bool {
        match self {
            Self::Linear(rescale) => rescale.can_overflow(),
            Self::Table(_) => false,
        }
    }
}

impl ModalityTable {
    /// Below its first value a table gives its first entry, above its last the last.
    fn at(&self, stored: i64) -> u16 {
        let index = stored.saturating_sub(i64::from(self.first)).clamp(0, self.values.len() as i64 - 1);
        self.values[index as usize]
    }
}

/// Whether every 16-bit value times the slope plus the intercept is exact in 32-bit floats.
fn is_exact(rescale: Rescale) -> bool {
    let whole = rescale.slope.fract() == 0.0 && rescale.intercept.fract() == 0.0;
    whole && rescale.slope.abs() * 65_536.0 + rescale.intercept.abs() < 16_777_216.0
}

/// Writes the values of a frame of one sample a pixel to `out`, columns fastest.
///
/// 16-bit samples, which nearly all volumes have, go straight from the bytes to the floats.
pub(crate) fn write_values(frame: &Frame<'_>, format: &PixelFormat, mapping: Mapping<'_>, out: &mut [f32]) {
    let bytes = frame.bytes.as_ref();
    match (mapping, format.kind, format.bits_allocated) {
        (Mapping::Linear(rescale), SampleKind::Integer, 16) => {
            let low = (15 - format.high_bit) as u32;
            let shift = (16 - format.bits_stored) as u32;
            match (format.signed, shift) {
                (true, 0) => words(bytes, out, rescale, |word| word.cast_signed()),
                (false, 0) => words(bytes, out, rescale, |word| word),
                (true, _) => words(bytes, out, rescale, move |word| (word << low).cast_signed() >> shift),
                (false, _) => words(bytes, out, rescale, move |word| (word << low) >> shift),
            }
        }
        _ => {
            for (value, stored) in out.iter_mut().zip(stored(bytes, format)) {
                *value = mapping.value(stored) as f32;
            }
        }
    }
}

/// The loop over 16-bit samples, in 32-bit floats where that is exact and in 64-bit floats elsewhere.
fn words<T: Copy>(bytes: &[u8], out: &mut [f32], rescale: Rescale, stored: impl Fn(u16) -> T)
where
    f32: From<T>,
    f64: From<T>,
{
    let samples = bytes.as_chunks::<2>().0;
    if is_exact(rescale) {
        let (slope, intercept) = (rescale.slope as f32, rescale.intercept as f32);
        for (value, pair) in out.iter_mut().zip(samples) {
            *value = f32::from(stored(u16::from_le_bytes(*pair))) * slope + intercept;
        }
    } else {
        for (value, pair) in out.iter_mut().zip(samples) {
            *value = rescale.apply(f64::from(stored(u16::from_le_bytes(*pair)))) as f32;
        }
    }
}

/// All samples of a frame in the order they are stored.
pub(crate) fn stored<'a>(bytes: &'a [u8], format: &PixelFormat) -> Box<dyn Iterator<Item = f64> + 'a> {
    let signed = format.signed;
    let bits = format.bits_stored as u32;
    match (format.kind, format.bits_allocated) {
        (SampleKind::Float, _) => {
            Box::new(bytes.as_chunks::<4>().0.iter().map(|four| f64::from(f32::from_le_bytes(*four))))
        }
        (SampleKind::Double, _) => Box::new(bytes.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b))),
        (_, 1) => Box::new(bytes.iter().map(|bit| f64::from(*bit))),
        (_, 8) => {
            let (low, shift) = (7 - format.high_bit as u32, 8 - bits);
            Box::new(bytes.iter().map(move |byte| {
                let high = byte << low;
                if signed { f64::from(high.cast_signed() >> shift) } else { f64::from(high >> shift) }
            }))
        }
        (_, 16) => {
            let (low, shift) = (15 - format.high_bit as u32, 16 - bits);
            Box::new(bytes.as_chunks::<2>().0.iter().map(move |pair| {
                let high = u16::from_le_bytes(*pair) << low;
                if signed { f64::from(high.cast_signed() >> shift) } else { f64::from(high >> shift) }
            }))
        }
        _ => {
            let (low, shift) = (31 - format.high_bit as u32, 32 - bits);
            Box::new(bytes.as_chunks::<4>().0.iter().map(move |four| {
                let high = u32::from_le_bytes(*four) << low;
                if signed { f64::from(high.cast_signed() >> shift) } else { f64::from(high >> shift) }
            }))
        }
    }
}

/// Removes bits that are not the samples' own (old overlays) and carries the sign up.
pub(crate) fn normalize(bytes: &mut [u8], format: &PixelFormat) {
    let unused = format.bits_allocated - format.bits_stored.min(format.bits_allocated);
    if unused == 0 || format.kind != SampleKind::Integer {
        return;
    }
    let shift = unused as u32;
    let low = (format.bits_allocated - 1 - format.high_bit) as u32;
    match format.bits_allocated {
        8 => bytes.iter_mut().for_each(|byte| {
            let high = *byte << low;
            *byte = if format.signed { (high.cast_signed() >> shift).cast_unsigned() } else { high >> shift };
        }),
        16 => bytes.as_chunks_mut().0.iter_mut().for_each(|pair| {
            let high = u16::from_le_bytes(*pair) << low;
            let word =
                if format.signed { (high.cast_signed() >> shift).cast_unsigned() } else { high >> shift };
            *pair = word.to_le_bytes();
        }),
        _ => bytes.as_chunks_mut().0.iter_mut().for_each(|four| {
            let high = u32::from_le_bytes(*four) << low;
            let word =
                if format.signed { (high.cast_signed() >> shift).cast_unsigned() } else { high >> shift };
            *four = word.to_le_bytes();
        }),
    }
}

/// Luminance of red, green and blue (Rec. ITU-R BT.601).
pub(crate) fn rec_601([red, green, blue]: [f32; 3]) -> f32 {
    0.299 * red + 0.587 * green + 0.114 * blue
}

/// Counts pixels whose channels differ, so that lossy compression's fringes are no color.
pub(crate) struct ColorCount {
    spread: f32,
    colored: usize,
    pixels: usize,
}

impl ColorCount {
    /// For channels from 0 to `top`.
    pub(crate) const fn new(top: f32) -> Self {
        Self { spread: top / 16.0, colored: 0, pixels: 0 }
    }

    pub(crate) fn add(&mut self, [red, green, blue]: [f32; 3]) {
        let spread = red.max(green).max(blue) - red.min(green).min(blue);
        self.pixels += 1;
        self.colored += usize::from(spread > self.spread);
    }

    /// At least one pixel in 5000, and more than a few.
    pub(crate) const fn is_color(&self) -> bool {
        self.colored >= 4 && self.colored * 5000 >= self.pixels
    }
}

/// Writes the luminance of a frame of 3 samples a pixel, or of a palette's indices; gives whether
/// the picture has colors that are not gray.
///
/// The luminance of YCbCr is its first sample.
pub(crate) fn write_luminance(
    frame: &Frame<'_>,
    format: &PixelFormat,
    palette: Option<&Palette>,
    out: &mut [f32],
) -> bool {
    let mut samples = stored(&frame.bytes, format);
    let plane = format.plane();
    let top =
        palette.map_or_else(|| ((format.bits_stored as f32).exp2() - 1.0).max(1.0), |palette| palette.top);
    let mut count = ColorCount::new(top);
    if let Some(palette) = palette {
        for (value, stored) in out.iter_mut().zip(samples) {
            let channels = palette.at(stored);
            count.add(channels);
            *value = rec_601(channels);
        }
        return count.is_color();
    }
    let middle = (top + 1.0) / 2.0;
    let mut write = |value: &mut f32, channels: [f32; 3]| {
        if frame.photometric == Photometric::YbrFull {
            let (blue, red) = (channels[1] - middle, channels[2] - middle);
            let luma = channels[0];
            count.add([luma + 1.402 * red, luma - 0.344_136 * blue - 0.714_136 * red, luma + 1.772 * blue]);
            *value = luma;
        } else {
            count.add(channels);
            *value = rec_601(channels);
        }
    };
    if frame.planar {
        let all: Vec<f32> = samples.map(|stored| stored as f32).collect();
        let at = |i: usize, channel: usize| all.get(channel * plane + i).copied().unwrap_or(0.0);
        for (i, value) in out.iter_mut().enumerate() {
            write(value, [at(i, 0), at(i, 1), at(i, 2)]);
        }
    } else {
        let mut next = || samples.next().unwrap_or(0.0) as f32;
        for value in out {
            let channels = [next(), next(), next()];
            write(value, channels);
        }
    }
    count.is_color()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn format(bits_allocated: usize, bits_stored: usize, high_bit: usize, signed: bool) -> PixelFormat {
        PixelFormat {
            columns: 2,
            rows: 1,
            frames: 1,
            samples: 1,
            bits_allocated,
            bits_stored,
            high_bit,
            signed,
            planar: false,
            photometric: Photometric::Monochrome2,
            kind: SampleKind::Integer,
        }
    }

    fn check(format: &PixelFormat, bytes: &[u8], rescale: Rescale, expected: [f32; 2]) {
        let frame = Frame {
            bytes: Cow::Borrowed(bytes),
            planar: false,
            photometric: Photometric::Monochrome2,
            truncated: None,
        };
        let mut out = [0.0; 2];
        write_values(&frame, format, Mapping::Linear(rescale), &mut out);
        assert_eq!(out, expected, "{format:?}");
    }

    #[test]
    fn stored_bits_are_cut_out_and_signed_as_declared() {
        let none = Rescale::NONE;
        check(&format(16, 16, 15, true), &[0xFF, 0xFF, 0x00, 0x80], none, [-1.0, -32768.0]);
        check(&format(16, 16, 15, false), &[0xFF, 0xFF, 0x00, 0x80], none, [65535.0, 32768.0]);
        // 12 bits with something else in the upper four.
        check(&format(16, 12, 11, false), &[0x34, 0xF2, 0xFF, 0x0F], none, [564.0, 4095.0]);
        check(&format(16, 12, 11, true), &[0x00, 0x08, 0xFF, 0xFF], none, [-2048.0, -1.0]);
        // 12 bits in the upper part of the word.
        check(&format(16, 12, 15, false), &[0x0F, 0x12, 0xF0, 0xFF], none, [288.0, 4095.0]);
        check(&format(8, 8, 7, true), &[0xFF, 0x7F], none, [-1.0, 127.0]);
    }

    #[test]
    fn rescale_is_exact_where_it_is_whole_and_rounded_once_where_it_is_not() {
        let ct = Rescale { slope: 1.0, intercept: -1024.0 };
        check(&format(16, 16, 15, false), &[0, 0, 0x00, 0x04], ct, [-1024.0, 0.0]);
        let pet = Rescale { slope: 0.1, intercept: 0.0 };
        check(
            &format(16, 16, 15, false),
            &[3, 0, 0xFF, 0xFF],
            pet,
            [(3.0 * 0.1) as f32, (65535.0 * 0.1) as f32],
        );
    }

    #[test]
    fn a_table_holds_its_ends_beyond_them() {
        let table = ModalityTable { first: 10, values: vec![100, 200, 300] };
        let mapping = Mapping::Table(&table);
        for (stored, expected) in [(0.0, 100.0), (10.0, 100.0), (11.0, 200.0), (99.0, 300.0)] {
            assert_eq!(mapping.value(stored), expected, "{stored}");
        }
    }

    #[test]
    fn gray_in_three_channels_is_no_color_and_a_doppler_box_is() {
        let mut count = ColorCount::new(255.0);
        for _ in 0..10_000 {
            count.add([100.0, 104.0, 98.0]);
        }
        assert!(!count.is_color());
        for _ in 0..10 {
            count.add([200.0, 20.0, 20.0]);
        }
        assert!(count.is_color());
    }
}
