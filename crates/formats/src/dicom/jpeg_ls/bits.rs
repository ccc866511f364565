//! Bits of a scan's entropy-coded data, high bit first.
//!
//! A byte of 0xFF is followed by a byte whose high bit is a stuffed 0 (T.87 A.1, bit stuffing);
//! with that bit set the two are a marker, and the data has ended. Behind the end come zeros
//! without end, which every code of JPEG-LS turns into a bounded value, so that the inner loop
//! needs no errors: the reader is asked once a line whether it [`is_past_the_end`](Bits::is_past_the_end).

pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The next bits, from the highest on; those behind `held` may be set already.
    cache: u64,
    held: u32,
    /// Zeros that were put behind the end of the data.
    padded: u32,
}

/// Whether one of eight bytes is 0xFF.
const fn has_ff(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let inverted = !word;
    (inverted.wrapping_sub(ONES) & !inverted & (ONES << 7)) != 0
}

impl<'a> Bits<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, cache: 0, held: 0, padded: 0 }
    }

    /// How far the bytes were taken.
    pub(super) const fn place(&self) -> usize {
        self.at
    }

    pub(super) const fn is_past_the_end(&self) -> bool {
        self.padded > self.held
    }

    /// Afterward at least 57 bits are held.
    #[inline]
    fn fill(&mut self) {
        if let Some(eight) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_be_bytes(*eight);
            if !has_ff(word) {
                self.cache |= word >> self.held;
                let whole = (64 - self.held) / 8;
                self.at += whole as usize;
                self.held += 8 * whole;
                return;
            }
        }
        self.fill_slowly();
    }

    #[cold]
    fn fill_slowly(&mut self) {
        while self.held <= 56 {
            let next = self.bytes.get(self.at).copied();
            let behind = self.bytes.get(self.at + 1).copied().unwrap_or(0xFF);
            match next {
                Some(0xFF) if behind < 0x80 => {
                    // The stuffed 0 of the next byte falls on this byte's last bit.
                    self.cache |= 0xFF << (56 - self.held);
                    self.held += 7;
                    self.at += 1;
                }
                Some(byte) if byte != 0xFF => {
                    self.cache |= u64::from(byte) << (56 - self.held);
                    self.held += 8;
                    self.at += 1;
                }
                _ => {
                    self.held += 8;
                    // The flag needs no more than to stay set.
                    self.padded = self.padded.saturating_add(8);
                }
            }
        }
    }

    #[inline]
    const fn drop(&mut self, count: u32) {
        self.cache <<= count;
        self.held -= count;
    }

    /// One bit.
    #[inline]
    pub(super) fn bit(&mut self) -> bool {
        if self.held == 0 {
            self.fill();
        }
        let bit = self.cache >> 63 == 1;
        self.drop(1);
        bit
    }

    /// Up to 32 bits.
    #[inline]
    pub(super) fn value(&mut self, count: u32) -> u32 {
        if count == 0 {
            return 0;
        }
        if self.held < count {
            self.fill();
        }
        let value = (self.cache >> (64 - count)) as u32;
        self.drop(count);
        value
    }

    /// A limited Golomb code (T.87 A.5.3): `limit` bits at most, `escape` bits behind a full prefix.
    #[inline]
    pub(super) fn golomb(&mut self, k: u32, limit: u32, escape: u32) -> u32 {
        if self.held < 32 {
            self.fill();
        }
        let zeros = self.cache.leading_zeros();
        let most = limit - escape - 1;
        if zeros + 1 + k <= self.held && zeros < most {
            // The shift in two steps: `zeros + 1` can be 64 only where nothing is held.
            let rest = (self.cache << zeros) << 1;
            let low = ((rest >> 1) >> (63 - k)) as u32;
            self.cache = rest << k;
            self.held -= zeros + 1 + k;
            return (zeros << k) + low;
        }
        self.golomb_slowly(k, most, escape)
    }

    #[cold]
    fn golomb_slowly(&mut self, k: u32, most: u32, escape: u32) -> u32 {
        let mut zeros = 0;
        while !self.bit() {
            zeros += 1;
            // No code has more, so that a hostile stream cannot hold the loop.
            if zeros > 64 {
                break;
            }
        }
        if zeros < most { (zeros << k) + self.value(k) } else { self.value(escape) + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stuffed_bit_is_no_data_and_a_marker_ends_it() {
        // 1111 1111 then 0 stuffed, 101 0101; then EOI.
        let mut bits = Bits::new(&[0xFF, 0x55, 0xFF, 0xD9]);
        assert_eq!(bits.value(15), 0b111_1111_1101_0101);
        assert!(!bits.is_past_the_end());
        assert_eq!(bits.value(3), 0);
        assert!(bits.is_past_the_end());
    }

    #[test]
    fn the_quick_path_and_the_slow_path_agree() {
        let bytes: Vec<u8> = (0..200_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let bytes: Vec<u8> = bytes.into_iter().map(|byte| if byte == 0xFF { 0xFE } else { byte }).collect();
        for width in 1..=17 {
            let mut bits = Bits::new(&bytes);
            for start in (0..1500).step_by(width as usize) {
                let expected = (start..start + width as usize)
                    .fold(0, |value, at| value << 1 | u32::from(bytes[at / 8] >> (7 - at % 8) & 1));
                assert_eq!(bits.value(width), expected, "{width} {start}");
            }
        }
    }

    #[test]
    fn golomb_codes_worked_on_paper() {
        // 001 01 with k 2: 2 * 4 + 1. Then 1 11: 3. Then seven zeros, a one, and 8 bits of escape.
        let mut bits = Bits::new(&[0b0010_1111, 0b0000_0001, 0b0000_1001, 0]);
        assert_eq!(bits.golomb(2, 16, 8), 9);
        assert_eq!(bits.golomb(2, 16, 8), 3);
        assert_eq!(bits.golomb(2, 16, 8), 10);
    }
}
