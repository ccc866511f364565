//! Numbers as files store them.

use rayon::prelude::*;

use crate::finite;

/// Types of stored values that are one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoredType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

/// How stored bytes become values: value = stored x slope + intercept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coding {
    pub stored: StoredType,
    pub big_endian: bool,
    pub slope: f64,
    pub intercept: f64,
}

impl StoredType {
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// Lowest and highest value of the small integers.
    const fn range(self) -> Option<(f64, f64)> {
        match self {
            Self::U8 => Some((0.0, 255.0)),
            Self::I8 => Some((-128.0, 127.0)),
            Self::U16 => Some((0.0, 65_535.0)),
            Self::I16 => Some((-32_768.0, 32_767.0)),
            _ => None,
        }
    }
}

impl Coding {
    /// Values as they are stored.
    pub(crate) const fn plain(stored: StoredType, big_endian: bool) -> Self {
        Self { stored, big_endian, slope: 1.0, intercept: 0.0 }
    }

    /// The range that a stored value could take, scaled; none where it leaves 32-bit floats.
    pub(crate) fn stored_range(&self) -> Option<(f32, f32)> {
        let (low, high) = self.stored.range()?;
        let scaled = |stored: f64| stored * self.slope + self.intercept;
        let (a, b) = finite::pair((scaled(low), scaled(high)))?;
        Some((a.min(b), a.max(b)))
    }

    /// A number that is written as text.
    pub(crate) fn scaled(&self, stored: f64) -> f32 {
        (stored * self.slope + self.intercept) as f32
    }

    /// The values of bytes; what is left of a last, cut value is dropped.
    pub(crate) fn values(&self, data: &[u8]) -> Vec<f32> {
        let (slope, intercept, big) = (self.slope, self.intercept, self.big_endian);
        let plain = slope == 1.0 && intercept == 0.0;
        macro_rules! convert {
            ($type:ty, $bytes:literal) => {{
                let value = |chunk: &[u8; $bytes]| {
                    let stored =
                        if big { <$type>::from_be_bytes(*chunk) } else { <$type>::from_le_bytes(*chunk) };
                    if plain { stored as f32 } else { (stored as f64 * slope + intercept) as f32 }
                };
                data.as_chunks::<$bytes>().0.par_iter().with_min_len(1 << 16).map(value).collect()
            }};
        }
        match self.stored {
            StoredType::U8 => convert!(u8, 1),
            StoredType::I8 => convert!(i8, 1),
            StoredType::U16 => convert!(u16, 2),
            StoredType::I16 => convert!(i16, 2),
            StoredType::U32 => convert!(u32, 4),
            StoredType::I32 => convert!(i32, 4),
            StoredType::U64 => convert!(u64, 8),
            StoredType::I64 => convert!(i64, 8),
            StoredType::F32 => convert!(f32, 4),
            StoredType::F64 => convert!(f64, 8),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_byte_orders_and_a_slope_worked_on_paper() {
        let little = Coding::plain(StoredType::I16, false);
        assert_eq!(little.values(&[0xFE, 0xFF, 0x02, 0x01]), [-2.0, 258.0]);
        let big = Coding { slope: 0.5, intercept: 10.0, ..Coding::plain(StoredType::I16, true) };
        assert_eq!(big.values(&[0xFF, 0xFE, 0x01, 0x02, 0x07]), [9.0, 139.0]);
        assert_eq!(big.stored_range(), Some((-16_374.0, 16_393.5)));
        assert_eq!(Coding::plain(StoredType::F64, true).values(&1.5_f64.to_be_bytes()), [1.5]);
        assert_eq!(Coding::plain(StoredType::I8, true).values(&[0x80]), [-128.0]);
    }
}
