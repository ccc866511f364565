//! Bit-plane decoding by columns of stripes, for code blocks with one arithmetically coded segment.
//!
//! The state of the four coefficients of a stripe's column, of their neighbors and of the signs around them lies in one
//! word, as in OpenJPEG. A coefficient is kept as twice its magnitude with the reconstruction midpoint beneath the
//! last decoded bit, so that nothing else needs to remember how far it was decoded, and its sign in the top bit.

use alloc::vec::Vec;

use super::bitplane::{
    SIGN_CONTEXT_LOOKUP, ZERO_CTX_HH_LOOKUP, ZERO_CTX_HL_LOOKUP, ZERO_CTX_LL_LH_LOOKUP,
};
use super::build::SubBandType;
use super::mq::{Context, MqDecoder};
use crate::math::{Level, dispatch};

/// The most bit planes that fit: the midpoint takes a bit below them, the sign one above.
pub(crate) const MOST_PLANES: u8 = 30;

const NEGATIVE: u32 = 1 << 31;

const RUN_LENGTH: usize = 17;
const UNIFORM: usize = 18;

/// How the passes of a block were coded.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    pub(crate) sub_band_type: SubBandType,
    /// Nothing of the next stripe counts as a neighbor.
    pub(crate) vertically_causal: bool,
    pub(crate) reset_contexts: bool,
    pub(crate) segmentation_symbols: bool,
    pub(crate) strict: bool,
}

/// The contexts, by label; a power of two of them, so that a masked label needs no check.
type Contexts = [Context; 32];

/// Table D.7.
fn fresh_contexts() -> Contexts {
    let mut contexts = [Context::of_row(0); 32];
    contexts[0] = Context::of_row(4);
    contexts[RUN_LENGTH] = Context::of_row(3);
    contexts[UNIFORM] = Context::of_row(46);
    contexts
}

/// The decoder in a pass over one stripe: its registers by value, so that they are registers.
struct Coder<'a, 'd> {
    contexts: &'a mut Contexts,
    decoder: MqDecoder<'d>,
}

impl Coder<'_, '_> {
    #[inline(always)]
    fn bit(&mut self, label: usize) -> u32 {
        self.decoder.decode(&mut self.contexts[label & 31])
    }
}

/// A code block being decoded; its memory is used again for the next.
#[derive(Default)]
pub(crate) struct Stripes {
    width: usize,
    height: usize,
    /// A word a column, with a column and a stripe of margin on every side.
    flags: Vec<u32>,
    /// The four coefficients of each column.
    coefficients: Vec<[u32; 4]>,
}

/// A stripe with its neighbors' flags.
struct Stripe<'a> {
    above: &'a mut [u32],
    this: &'a mut [u32],
    below: &'a mut [u32],
    coefficients: &'a mut [[u32; 4]],
    /// The visited bits of lanes that the stripe does not have.
    absent: u32,
}

impl Stripes {
    pub(crate) fn reset(&mut self, width: u32, height: u32) {
        self.width = width as usize;
        self.height = height as usize;
        let stripes = self.height.div_ceil(4);
        self.flags.clear();
        self.flags.resize((stripes + 2) * (self.width + 2), 0);
        self.coefficients.clear();
        self.coefficients.resize(stripes * self.width, [0; 4]);
    }

    /// Decodes `passes` coding passes of a block that has `planes` bit planes.
    pub(crate) fn decode(
        &mut self,
        data: &[u8],
        passes: u8,
        planes: u8,
        style: Style,
    ) -> Option<()> {
        // Nothing here is a vector, but shifts and counts of zeros are shorter instructions on newer processors.
        let level = Level::new();
        let mut contexts = fresh_contexts();
        let mut decoder = MqDecoder::new(data);
        let labels = labels_of_zero_coding(style.sub_band_type);
        let causal = style.vertically_causal;
        for pass in 0..passes {
            let plane = u32::from(planes - 1 - pass.div_ceil(3));
            let stripes = self.height.div_ceil(4);
            for stripe in 0..stripes {
                let stripe = self.stripe(stripe);
                let coder = Coder {
                    contexts: &mut contexts,
                    decoder,
                };
                decoder = dispatch!(level, _simd => match pass % 3 {
                    0 => cleanup(stripe, coder, labels, plane, causal),
                    1 => propagate(stripe, coder, labels, plane, causal),
                    _ => refine(stripe, coder, plane),
                });
            }
            if pass % 3 == 0 && style.segmentation_symbols {
                let uniform = &mut contexts[UNIFORM];
                let symbol = (0..4).fold(0, |symbol, _| (symbol << 1) | decoder.decode(uniform));
                if symbol != 0b1010 && style.strict {
                    return None;
                }
            }
            if style.reset_contexts {
                contexts = fresh_contexts();
            }
        }
        Some(())
    }

    fn stripe(&mut self, stripe: usize) -> Stripe<'_> {
        let stride = self.width + 2;
        let (above, rest) = self.flags[stripe * stride..].split_at_mut(stride);
        let (this, rest) = rest.split_at_mut(stride);
        let lanes = (self.height - 4 * stripe).min(4) as u32;
        Stripe {
            above,
            this,
            below: &mut rest[..stride],
            coefficients: &mut self.coefficients[stripe * self.width..][..self.width],
            absent: VISITED_OF_ALL & u32::MAX.checked_shl(21 + 3 * lanes).unwrap_or(0),
        }
    }

    /// Writes the value of each coefficient into rows that begin `stride` apart.
    pub(crate) fn write(&self, values: &mut [f32], stride: usize, value: impl Fn(Decoded) -> f32) {
        for (stripe, columns) in self
            .coefficients
            .chunks_exact(self.width.max(1))
            .enumerate()
        {
            for row in 4 * stripe..self.height.min(4 * stripe + 4) {
                let values = &mut values[row * stride..][..self.width];
                for (target, column) in values.iter_mut().zip(columns) {
                    *target = value(Decoded(column[row % 4]));
                }
            }
        }
    }
}

impl Stripe<'_> {
    /// Cuts the flags to their length, so that the compiler knows it.
    #[inline(always)]
    fn fit(&mut self) {
        let stride = self.coefficients.len() + 2;
        for row in [&mut self.above, &mut self.this, &mut self.below] {
            *row = &mut core::mem::take(row)[..stride];
        }
    }
}

/// Significance propagation (D.3.1).
#[inline(always)]
fn propagate<'d>(
    mut stripe: Stripe<'_>,
    mut coder: Coder<'_, 'd>,
    labels: &[u8; 512],
    plane: u32,
    causal: bool,
) -> MqDecoder<'d> {
    stripe.fit();
    for column in 0..stripe.coefficients.len() {
        let mut flags = stripe.this[column + 1] | stripe.absent;
        if flags == stripe.absent {
            continue;
        }
        macro_rules! lane {
            ($lane:expr) => {
                let shifted = flags >> (3 * $lane);
                if shifted & (THIS | VISITED) == 0 && shifted & NEIGHBORS != 0 {
                    let label = labels[(shifted & NEIGHBORS) as usize];
                    flags |= VISITED << (3 * $lane);
                    if coder.bit(usize::from(label)) == 1 {
                        let sign = sign(&mut coder, stripe.this, column, flags, $lane);
                        stripe.coefficients[column][$lane] = (3 << plane) | (sign << 31);
                        become_significant(&mut stripe, column, &mut flags, $lane, sign, causal);
                    }
                }
            };
        }
        lane!(0);
        lane!(1);
        lane!(2);
        lane!(3);
        stripe.this[column + 1] = flags;
    }
    coder.decoder
}

/// Magnitude refinement (D.3.3).
#[inline(always)]
fn refine<'d>(stripe: Stripe<'_>, mut coder: Coder<'_, 'd>, plane: u32) -> MqDecoder<'d> {
    for (column, coefficients) in stripe.coefficients.iter_mut().enumerate() {
        let mut flags = stripe.this[column + 1];
        if flags & THIS_OF_ALL == 0 {
            continue;
        }
        macro_rules! lane {
            ($lane:expr) => {
                let shifted = flags >> (3 * $lane);
                if shifted & (THIS | VISITED) == THIS {
                    let label = if shifted & REFINED != 0 {
                        16
                    } else {
                        14 + usize::from(shifted & NEIGHBORS != 0)
                    };
                    let bit = coder.bit(label);
                    // The midpoint stood where the bit goes; the new one stands beneath.
                    coefficients[$lane] ^= ((bit ^ 1) << (plane + 1)) | (1 << plane);
                    flags |= REFINED << (3 * $lane);
                }
            };
        }
        lane!(0);
        lane!(1);
        lane!(2);
        lane!(3);
        stripe.this[column + 1] = flags;
    }
    coder.decoder
}

/// Cleanup (D.3.4).
#[inline(always)]
fn cleanup<'d>(
    mut stripe: Stripe<'_>,
    mut coder: Coder<'_, 'd>,
    labels: &[u8; 512],
    plane: u32,
    causal: bool,
) -> MqDecoder<'d> {
    stripe.fit();
    for column in 0..stripe.coefficients.len() {
        let mut flags = stripe.this[column + 1] | stripe.absent;
        // The first lane that is known to be significant; behind the last where none is.
        let mut known = 4;
        let mut begin = 0;
        if flags == 0 {
            if coder.bit(RUN_LENGTH) == 0 {
                continue;
            }
            known = coder.bit(UNIFORM) as usize;
            known = 2 * known + coder.bit(UNIFORM) as usize;
            begin = known;
        }
        macro_rules! lane {
            ($lane:expr) => {
                let shifted = flags >> (3 * $lane);
                if $lane >= begin && shifted & (THIS | VISITED) == 0 {
                    let label = labels[(shifted & NEIGHBORS) as usize];
                    if $lane == known || coder.bit(usize::from(label)) == 1 {
                        let sign = sign(&mut coder, stripe.this, column, flags, $lane);
                        stripe.coefficients[column][$lane] = (3 << plane) | (sign << 31);
                        become_significant(&mut stripe, column, &mut flags, $lane, sign, causal);
                    }
                }
            };
        }
        lane!(0);
        lane!(1);
        lane!(2);
        lane!(3);
        stripe.this[column + 1] = flags & !VISITED_OF_ALL;
    }
    coder.decoder
}

/// The sign of a coefficient (D.3.2).
#[inline(always)]
fn sign(coder: &mut Coder<'_, '_>, this: &[u32], column: usize, flags: u32, lane: usize) -> u32 {
    let shift = 3 * lane as u32;
    let (left, right) = (this[column], this[column + 2]);
    let above = if lane == 0 {
        flags >> SIGN_ABOVE
    } else {
        flags >> (SIGN_THIS + shift - 3)
    };
    let lookup = ((flags >> shift) & (TOP | LEFT | RIGHT | BOTTOM))
        | ((left >> (SIGN_THIS + shift)) & 1)
        | (((right >> (SIGN_THIS + shift)) & 1) << 2)
        | ((above & 1) << 4)
        | (((flags >> (SIGN_THIS + 3 + shift)) & 1) << 6);
    let (label, flip) = SIGN_LABELS[(lookup & 0xFF) as usize];
    coder.bit(usize::from(label)) ^ u32::from(flip)
}

/// Tells a coefficient's neighbors that it is significant, and the direct ones above and below its sign.
#[inline(always)]
fn become_significant(
    stripe: &mut Stripe<'_>,
    column: usize,
    flags: &mut u32,
    lane: usize,
    sign: u32,
    causal: bool,
) {
    let shift = 3 * lane as u32;
    *flags |= ((sign << SIGN_THIS) | THIS) << shift;
    stripe.this[column] |= RIGHT << shift;
    stripe.this[column + 2] |= LEFT << shift;
    if lane == 0 && !causal {
        stripe.above[column] |= BOTTOM_RIGHT << 9;
        stripe.above[column + 1] |= (sign << SIGN_BELOW) | (BOTTOM << 9);
        stripe.above[column + 2] |= BOTTOM_LEFT << 9;
    }
    if lane == 3 {
        stripe.below[column] |= TOP_RIGHT;
        stripe.below[column + 1] |= (sign << SIGN_ABOVE) | TOP;
        stripe.below[column + 2] |= TOP_LEFT;
    }
}

/// What was decoded of a coefficient.
#[derive(Clone, Copy)]
pub(crate) struct Decoded(u32);

impl Decoded {
    /// Equations E-6 to E-8: the midpoint is added but to a reversible coefficient that was decoded to its last bit.
    #[inline(always)]
    pub(crate) fn reconstructed<const IRREVERSIBLE: bool>(self) -> f32 {
        let doubled = self.0 & !NEGATIVE;
        // The lowest bit of a doubled magnitude is the midpoint of one decoded to the last bit.
        let doubled = if IRREVERSIBLE { doubled } else { doubled & !1 };
        let magnitude = doubled as f32 * 0.5;
        if self.0 & NEGATIVE != 0 {
            -magnitude
        } else {
            magnitude
        }
    }

    /// Its magnitude and sign apart, and the place of its last decoded bit.
    pub(crate) fn parts(self) -> (u32, bool, u8) {
        let doubled = self.0 & !NEGATIVE;
        if doubled == 0 {
            return (0, false, 0);
        }
        let place = doubled.trailing_zeros();
        (
            (doubled ^ (1 << place)) >> 1,
            self.0 & NEGATIVE != 0,
            place as u8,
        )
    }
}

// The word of a column. Bits 0 to 17 say what is significant, three a row from the row above the stripe to the row
// beneath it: left neighbor, this column, right neighbor. Then the sign above the stripe, three bits for each
// coefficient (its sign, refined before, visited in this plane), and the sign beneath the stripe.
const TOP_LEFT: u32 = 1 << 0;
const TOP: u32 = 1 << 1;
const TOP_RIGHT: u32 = 1 << 2;
const LEFT: u32 = 1 << 3;
const THIS: u32 = 1 << 4;
const RIGHT: u32 = 1 << 5;
const BOTTOM_LEFT: u32 = 1 << 6;
const BOTTOM: u32 = 1 << 7;
const BOTTOM_RIGHT: u32 = 1 << 8;
const NEIGHBORS: u32 = 0x1FF & !THIS;
const THIS_OF_ALL: u32 = THIS | THIS << 3 | THIS << 6 | THIS << 9;
const SIGN_ABOVE: u32 = 18;
const SIGN_THIS: u32 = 19;
const REFINED: u32 = 1 << 20;
const VISITED: u32 = 1 << 21;
const VISITED_OF_ALL: u32 = VISITED | VISITED << 3 | VISITED << 6 | VISITED << 9;
const SIGN_BELOW: u32 = 31;

const fn labels_of_zero_coding(sub_band_type: SubBandType) -> &'static [u8; 512] {
    match sub_band_type {
        SubBandType::LowLow | SubBandType::LowHigh => &LOW,
        SubBandType::HighLow => &HIGH_LOW,
        SubBandType::HighHigh => &HIGH_HIGH,
    }
}

static LOW: [u8; 512] = by_neighbors(ZERO_CTX_LL_LH_LOOKUP);
static HIGH_LOW: [u8; 512] = by_neighbors(ZERO_CTX_HL_LOOKUP);
static HIGH_HIGH: [u8; 512] = by_neighbors(ZERO_CTX_HH_LOOKUP);

/// The tables of `bitplane`, whose neighbors stand in another order.
const fn by_neighbors(table: [u8; 256]) -> [u8; 512] {
    // From bit 7 on: top left, top, top right, left, bottom left, right, bottom right, bottom.
    let order = [
        TOP_LEFT,
        TOP,
        TOP_RIGHT,
        LEFT,
        BOTTOM_LEFT,
        RIGHT,
        BOTTOM_RIGHT,
        BOTTOM,
    ];
    let mut labels = [0; 512];
    let mut flags = 0;
    while flags < 512 {
        let mut byte = 0;
        let mut place = 0;
        while place < 8 {
            byte |= ((flags as u32 & order[place] != 0) as usize) << (7 - place);
            place += 1;
        }
        labels[flags] = table[byte];
        flags += 1;
    }
    labels
}

static SIGN_LABELS: [(u8, u8); 256] = {
    let mut labels = [(0, 0); 256];
    let mut lookup = 0;
    while lookup < 256 {
        let significant = (((lookup >> 1) & 1) << 6)
            | (((lookup >> 3) & 1) << 4)
            | (((lookup >> 5) & 1) << 2)
            | ((lookup >> 7) & 1);
        let negative = (((lookup >> 4) & 1) << 6)
            | ((lookup & 1) << 4)
            | (((lookup >> 2) & 1) << 2)
            | ((lookup >> 6) & 1);
        labels[lookup] =
            SIGN_CONTEXT_LOOKUP[((significant & negative) << 1) | (significant & !negative)];
        lookup += 1;
    }
    labels
};
