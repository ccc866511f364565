//! The arithmetic decoder of Annex C, arranged for speed.
//!
//! It decodes the same decisions as [`super::arithmetic_decoder`], which follows the flow charts, with three changes:
//!
//! - Of the registers A and C only the distance is kept that A may still shrink before a decision is anything but
//!   "the more probable symbol, nothing to renormalize": one subtraction and one test of a sign for most decisions
//!   (Taubman and Marcellin, "JPEG2000", Section 17.1.1).
//! - A context is its row of Table C.2 itself, not the row's number.
//! - C has 64 bits and takes several bytes at a time.

/// A context: the probability of the less probable symbol in the upper half, the row of Table C.2 from bit 1 on, the more
/// probable symbol in bit 0.
#[derive(Clone, Copy, Default)]
pub(crate) struct Context(u32);

impl Context {
    pub(crate) const fn of_row(row: u8) -> Self {
        Self((QE[row as usize].0 << 16) | ((row as u32) << 1))
    }
}

/// The decoder's registers.
#[derive(Clone, Copy)]
pub(crate) struct MqDecoder<'a> {
    data: &'a [u8],
    /// The next byte.
    position: usize,
    /// The C-register, inverted; what A is compared with begins at bit 48.
    c: u64,
    /// How many bits below bit 48 are filled.
    filled: i32,
    /// `A - floor`.
    distance: i32,
    /// The least A at which the more probable symbol comes without renormalization.
    floor: i32,
}

impl<'a> MqDecoder<'a> {
    /// INITDEC (C.3.5).
    pub(crate) fn new(data: &'a [u8]) -> Self {
        let first = data.first().copied().unwrap_or(0xFF);
        let mut decoder = Self {
            data,
            position: 1,
            c: u64::from(first ^ 0xFF) << 55,
            filled: -7,
            distance: 0,
            floor: 0,
        };
        (decoder.position, decoder.c, decoder.filled) = fill(data, 1, decoder.c, decoder.filled);
        decoder.set(0x8000);
        decoder
    }

    /// The next decision in a context.
    #[inline(always)]
    pub(crate) fn decode(&mut self, context: &mut Context) -> u32 {
        let state = context.0;
        self.distance -= (state >> 16) as i32;
        if self.distance >= 0 {
            return state & 1;
        }
        self.exchange(context)
    }

    /// MPS_EXCHANGE or LPS_EXCHANGE (C.3.2), whichever it is, and RENORMD (C.3.3).
    #[inline(always)]
    fn exchange(&mut self, context: &mut Context) -> u32 {
        let state = context.0;
        let probability = state >> 16;
        let a = (self.distance + self.floor) as u32;
        // Which of the two it is cannot be foreseen: masks instead of branches.
        let less_probable = u32::from((self.c >> 48) as u32 >= a);
        let flipped = u32::from(a < probability) ^ less_probable;
        let mask = less_probable.wrapping_neg();
        self.c = self.c.wrapping_sub(u64::from(a & mask) << 48);
        let a = a ^ ((a ^ probability) & mask);
        context.0 = NEXT[(2 * (state & 0x7F) | flipped) as usize];
        let shift = a.leading_zeros() as i32 - 16;
        self.c <<= shift;
        self.filled -= shift;
        if self.filled < 0 {
            (self.position, self.c, self.filled) =
                fill(self.data, self.position, self.c, self.filled);
        }
        self.set(a << shift);
        (state & 1) ^ flipped
    }

    #[inline(always)]
    fn set(&mut self, a: u32) {
        self.floor = ((self.c >> 48) as i32 + 1).max(0x8000);
        self.distance = a as i32 - self.floor;
    }
}

/// BYTEIN (C.3.4), as often as there is room: what becomes of `position`, C and the number of its filled bits.
// By values: the registers stay registers.
#[inline(never)]
fn fill(data: &[u8], mut position: usize, mut c: u64, mut filled: i32) -> (usize, u64, i32) {
    let byte = |position: usize| data.get(position).copied().unwrap_or(0xFF);
    let mut last = byte(position - 1);
    while filled <= 40 {
        let next = byte(position);
        let free = 48 - filled;
        if last != 0xFF {
            c = c.wrapping_add(u64::from(next ^ 0xFF) << (free - 8));
            filled += 8;
        } else if next <= 0x8F {
            // Seven bits and a carry.
            c = c.wrapping_add(0x7F_u64.wrapping_sub(u64::from(next)) << (free - 7));
            filled += 7;
        } else {
            // A marker: ones for ever, which are zeros here.
            return (position, c, 1 << 30);
        }
        position += 1;
        last = next;
    }
    (position, c, filled)
}

/// Where a context goes, by its row and symbol: without and with the exchange of symbols.
static NEXT: [u32; 256] = {
    let mut next = [0; 256];
    let mut row = 0;
    while row < QE.len() {
        let (_, more, less, switch) = QE[row];
        let mut symbol = 0;
        while symbol < 2 {
            next[4 * row + 2 * symbol] = Context::of_row(more).0 | symbol as u32;
            next[4 * row + 2 * symbol + 1] =
                Context::of_row(less).0 | (symbol as u32 ^ switch as u32);
            symbol += 1;
        }
        row += 1;
    }
    next
};

/// Table C.2: probability, next row after the more and the less probable symbol, exchange of the symbols.
const QE: [(u32, u8, u8, bool); 47] = [
    (0x5601, 1, 1, true),
    (0x3401, 2, 6, false),
    (0x1801, 3, 9, false),
    (0x0AC1, 4, 12, false),
    (0x0521, 5, 29, false),
    (0x0221, 38, 33, false),
    (0x5601, 7, 6, true),
    (0x5401, 8, 14, false),
    (0x4801, 9, 14, false),
    (0x3801, 10, 14, false),
    (0x3001, 11, 17, false),
    (0x2401, 12, 18, false),
    (0x1C01, 13, 20, false),
    (0x1601, 29, 21, false),
    (0x5601, 15, 14, true),
    (0x5401, 16, 14, false),
    (0x5101, 17, 15, false),
    (0x4801, 18, 16, false),
    (0x3801, 19, 17, false),
    (0x3401, 20, 18, false),
    (0x3001, 21, 19, false),
    (0x2801, 22, 19, false),
    (0x2401, 23, 20, false),
    (0x2201, 24, 21, false),
    (0x1C01, 25, 22, false),
    (0x1801, 26, 23, false),
    (0x1601, 27, 24, false),
    (0x1401, 28, 25, false),
    (0x1201, 29, 26, false),
    (0x1101, 30, 27, false),
    (0x0AC1, 31, 28, false),
    (0x09C1, 32, 29, false),
    (0x08A1, 33, 30, false),
    (0x0521, 34, 31, false),
    (0x0441, 35, 32, false),
    (0x02A1, 36, 33, false),
    (0x0221, 37, 34, false),
    (0x0141, 38, 35, false),
    (0x0111, 39, 36, false),
    (0x0085, 40, 37, false),
    (0x0049, 41, 38, false),
    (0x0025, 42, 39, false),
    (0x0015, 43, 40, false),
    (0x0009, 44, 41, false),
    (0x0005, 45, 42, false),
    (0x0001, 45, 43, false),
    (0x5601, 46, 46, false),
];
