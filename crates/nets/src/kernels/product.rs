//! Products of small matrices.

use pulp::{Simd, WithSimd};

/// Rows of a product at once; with two registers each their sums wait for none before.
const ROWS: usize = 4;

/// A matrix as it lies somewhere: steps from row to row and from column to column.
#[derive(Clone, Copy)]
pub(super) struct Strided<'a> {
    pub numbers: &'a [f32],
    pub down: usize,
    pub along: usize,
}

/// `out = a b`, where the rows of `b` and `out` are `width` numbers, whole registers.
pub(super) fn product(a: Strided, b: &[f32], width: usize, out: &mut [f32]) {
    super::tile::arch().dispatch(Product { a, b, width, out });
}

struct Product<'a> {
    a: Strided<'a>,
    b: &'a [f32],
    width: usize,
    out: &'a mut [f32],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let registers = self.width / S::F32_LANES;
        let (b, _) = S::as_simd_f32s(self.b);
        let inner = b.len() / registers;
        let (out, _) = S::as_mut_simd_f32s(self.out);
        let mut factors = vec![[0.0_f32; ROWS]; inner];
        for (block, out) in out.chunks_mut(ROWS * registers).enumerate() {
            let rows = out.len() / registers;
            for (place, factors) in factors.iter_mut().enumerate() {
                for (nth, factor) in factors.iter_mut().take(rows).enumerate() {
                    *factor = self.a.numbers[(block * ROWS + nth) * self.a.down + place * self.a.along];
                }
            }
            let mut register = 0;
            while register < registers {
                if register + 2 <= registers {
                    tile::<S, 2>(simd, &factors, b, registers, register, out);
                    register += 2;
                } else {
                    tile::<S, 1>(simd, &factors, b, registers, register, out);
                    register += 1;
                }
            }
        }
    }
}

/// `N` registers of some rows from a register on.
#[inline(always)]
fn tile<S: Simd, const N: usize>(
    simd: S,
    factors: &[[f32; ROWS]],
    b: &[S::f32s],
    registers: usize,
    from: usize,
    out: &mut [S::f32s],
) {
    let mut sums = [[simd.splat_f32s(0.0); N]; ROWS];
    for (factors, row) in factors.iter().zip(b.chunks_exact(registers)) {
        let row: &[S::f32s; N] = row[from..].first_chunk().expect("whole registers");
        for (sums, factor) in sums.iter_mut().zip(factors) {
            let factor = simd.splat_f32s(*factor);
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum = simd.mul_add_f32s(factor, *value, *sum);
            }
        }
    }
    for (out, sums) in out.chunks_exact_mut(registers).zip(sums) {
        out[from..from + N].copy_from_slice(&sums);
    }
}
