//! The inverse discrete cosine transform in integers (T.81 A.3.3).
//!
//! # Source
//! Loeffler, Ligtenberg and Moschytz 1989, doi:10.1109/ICASSP.1989.266596, scaled as in the
//! Independent JPEG Group's accurate integer transform for 12 bits.

/// Bits behind the point of the constants.
const FRACTION: u32 = 13;
/// Bits behind the point kept between the two passes.
const BETWEEN: u32 = 1;

/// Eight values, in place of an eighth of `step` each, with `FRACTION` more bits behind the point.
fn eight(x: [i64; 8]) -> [i64; 8] {
    let z1 = (x[2] + x[6]) * 4433;
    let (t2, t3) = (z1 - x[6] * 15_137, z1 + x[2] * 6270);
    let (t0, t1) = ((x[0] + x[4]) << FRACTION, (x[0] - x[4]) << FRACTION);
    let even = [t0 + t3, t1 + t2, t1 - t2, t0 - t3];
    let (t0, t1, t2, t3) = (x[7], x[5], x[3], x[1]);
    let z5 = (t0 + t2 + t1 + t3) * 9633;
    let (z1, z2) = ((t0 + t3) * -7373, (t1 + t2) * -20_995);
    let (z3, z4) = ((t0 + t2) * -16_069 + z5, (t1 + t3) * -3196 + z5);
    let odd = [t3 * 12_299 + z1 + z4, t2 * 25_172 + z2 + z3, t1 * 16_819 + z2 + z4, t0 * 2446 + z1 + z3];
    std::array::from_fn(|i| if i < 4 { even[i] + odd[i] } else { even[7 - i] - odd[7 - i] })
}

const fn rounded(value: i64, bits: u32) -> i64 {
    (value + (1 << (bits - 1))) >> bits
}

/// A block's coefficients to its samples, around 0.
pub(super) fn inverse(coefficients: &[i32; 64]) -> [i64; 64] {
    if coefficients[1..].iter().all(|coefficient| *coefficient == 0) {
        // Both passes together divide by 8, exactly as below: flat blocks are most of a picture's ground.
        return [rounded(i64::from(coefficients[0]), 3); 64];
    }
    let mut between = [0_i64; 64];
    for column in 0..8 {
        let values = eight(std::array::from_fn(|row| i64::from(coefficients[row * 8 + column])));
        for (row, value) in values.into_iter().enumerate() {
            between[row * 8 + column] = rounded(value, FRACTION - BETWEEN);
        }
    }
    let mut samples = [0; 64];
    for row in 0..8 {
        let values = eight(std::array::from_fn(|column| between[row * 8 + column]));
        for (column, value) in values.into_iter().enumerate() {
            samples[row * 8 + column] = rounded(value, FRACTION + BETWEEN + 3);
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_single_coefficient_gives_its_cosine() {
        use std::f64::consts::PI;
        for v in 0..8 {
            for u in 0..8 {
                let mut block = [0; 64];
                block[v * 8 + u] = 4000;
                let found = inverse(&block);
                for (i, sample) in found.iter().enumerate() {
                    let (x, y) = ((i % 8) as f64, (i / 8) as f64);
                    let scale = |k: usize| if k == 0 { 0.5_f64.sqrt() } else { 1.0 };
                    let wave = |k: usize, at: f64| ((2.0 * at + 1.0) * k as f64 * PI / 16.0).cos();
                    let expected = 1000.0 * scale(u) * scale(v) * wave(u, x) * wave(v, y);
                    // Rounded once to a half between the passes, and once at the end.
                    assert!((*sample as f64 - expected).abs() <= 1.0, "{u} {v} {i}: {sample} {expected}");
                }
            }
        }
    }
}
