//! The steps of a recurrent network: the state times its weights, the gates, and back.
//!
//! Some sequences go through all their steps on one core, so that their states stay in its cache and their products
//! in registers; sequences are dealt out to threads, and no sum depends on how.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::tile::{lanes, registers, rows, wide};

/// What remembers, with the gates in PyTorch's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gates {
    /// Input, forget, candidate, output.
    LongShort,
    /// Reset, update, candidate.
    Gated,
}

impl Gates {
    /// Numbers each unit of the state has among the gates.
    pub fn count(self) -> usize {
        match self {
            Self::LongShort => 4,
            Self::Gated => 3,
        }
    }

    /// Numbers each unit leaves for the way back: its gates, then the candidate's share of the state or the memory,
    /// then the state.
    pub fn kept(self) -> usize {
        self.count() + 2
    }
}

/// Sizes of a direction's sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Sequences.
    pub batch: usize,
    /// Steps of each.
    pub steps: usize,
    /// Length of the state.
    pub hidden: usize,
    /// What remembers.
    pub gates: Gates,
    /// From the last step to the first.
    pub backward: bool,
}

/// Weights as rows of whole registers.
struct Rows {
    width: usize,
    values: Vec<f32>,
}

impl Rows {
    fn new(count: usize, length: usize, at: impl Fn(usize, usize) -> f32) -> Self {
        let width = length.next_multiple_of(lanes());
        let mut values = vec![0.0; count * width];
        for (row, values) in values.chunks_exact_mut(width.max(1)).enumerate() {
            values.iter_mut().take(length).enumerate().for_each(|(column, value)| *value = at(row, column));
        }
        Self { width, values }
    }
}

/// What the way back needs.
pub(crate) struct Way<'a> {
    /// `[hidden, gates * hidden]`
    pub weights: &'a [f32],
    /// `[batch, steps]`: 1 where a step counts, 0 where it leaves the state as it is.
    pub valid: &'a [f32],
    /// `[batch, steps, kept * hidden]`
    pub kept: &'a [f32],
    /// `[batch, steps, hidden]`
    pub gradient: &'a [f32],
}

impl Steps {
    /// Length of a step's gates.
    pub fn width(self) -> usize {
        self.gates.count() * self.hidden
    }

    /// Sequences that go together: as many as a tile has rows, or one by one where there are few.
    fn together(self) -> usize {
        if self.batch < 4 { 1 } else { rows() }
    }

    fn in_order(self) -> impl DoubleEndedIterator<Item = usize> {
        (0..self.steps).map(move |at| if self.backward { self.steps - 1 - at } else { at })
    }

    /// The step before in order.
    fn before(self, at: usize) -> Option<usize> {
        if self.backward { (at + 1 < self.steps).then_some(at + 1) } else { at.checked_sub(1) }
    }

    /// From what each step brings (`[batch, steps, width]`) to the states, 0 where a step does not count.
    pub fn forward(
        self,
        brought: &[f32],
        weights: &[f32],
        bias: &[f32],
        valid: &[f32],
        states: &mut [f32],
        kept: &mut [f32],
    ) {
        let (width, hidden) = (self.width(), self.hidden);
        let weights = Rows::new(hidden, width, |row, column| weights[row * width + column]);
        let (together, each) = (self.together(), self.gates.kept() * hidden);
        let chunks = states.par_chunks_mut(together * self.steps * hidden);
        chunks.zip(kept.par_chunks_mut(together * self.steps * each)).enumerate().for_each(
            |(chunk, (states, kept))| {
                let first = chunk * together;
                let count = together.min(self.batch - first);
                let mut state = vec![0.0_f32; together * hidden];
                let mut memory = vec![0.0_f32; together * hidden];
                let mut product = vec![0.0_f32; together * weights.width];
                for at in self.in_order() {
                    multiply(&state, together, &weights, &mut product);
                    for row in 0..count {
                        let place = (first + row) * self.steps + at;
                        let within = row * self.steps + at;
                        let one = row * hidden..(row + 1) * hidden;
                        let mut step = Step {
                            brought: &brought[place * width..(place + 1) * width],
                            product: &product[row * weights.width..row * weights.width + width],
                            bias,
                            keeps: valid[place],
                            kept: &mut kept[within * each..(within + 1) * each],
                            out: &mut states[within * hidden..(within + 1) * hidden],
                            state: &mut state[one.clone()],
                            memory: &mut memory[one],
                        };
                        wide!(step.run(self.gates));
                    }
                }
            },
        );
    }

    /// The gradients with respect to what the steps brought and to the state's product, and the state before each
    /// step: `[batch, steps, width]` twice and `[batch, steps, hidden]`.
    pub fn back(self, way: &Way, of_brought: &mut [f32], of_product: &mut [f32], states: &mut [f32]) {
        let (width, hidden) = (self.width(), self.hidden);
        let transposed = Rows::new(width, hidden, |row, column| way.weights[column * width + row]);
        let (together, each) = (self.together(), self.gates.kept() * hidden);
        let size = together * self.steps;
        let chunks = of_brought.par_chunks_mut(size * width).zip(of_product.par_chunks_mut(size * width));
        chunks.zip(states.par_chunks_mut(size * hidden)).enumerate().for_each(
            |(chunk, ((of_brought, of_product), states))| {
                let first = chunk * together;
                let count = together.min(self.batch - first);
                let mut of_state = vec![0.0_f32; together * hidden];
                let mut of_memory = vec![0.0_f32; together * hidden];
                let mut gates = vec![0.0_f32; together * width];
                let mut product = vec![0.0_f32; together * transposed.width];
                for at in self.in_order().rev() {
                    for row in 0..count {
                        let place = (first + row) * self.steps + at;
                        let within = row * self.steps + at;
                        let one = row * hidden..(row + 1) * hidden;
                        let before = self.before(at).map(|at| {
                            let place = (first + row) * self.steps + at;
                            &way.kept[place * each..(place + 1) * each]
                        });
                        let state = &mut states[within * hidden..(within + 1) * hidden];
                        if let Some(before) = before {
                            state.copy_from_slice(&before[each - hidden..]);
                        }
                        let mut step = StepBack {
                            kept: &way.kept[place * each..(place + 1) * each],
                            before: before.map(|before| &before[each - 2 * hidden..]),
                            keeps: way.valid[place],
                            gradient: &way.gradient[place * hidden..(place + 1) * hidden],
                            of_brought: &mut of_brought[within * width..(within + 1) * width],
                            of_product: &mut gates[row * width..(row + 1) * width],
                            of_state: &mut of_state[one.clone()],
                            of_memory: &mut of_memory[one],
                        };
                        wide!(step.run(self.gates));
                        of_product[within * width..(within + 1) * width]
                            .copy_from_slice(&gates[row * width..(row + 1) * width]);
                    }
                    multiply(&gates, together, &transposed, &mut product);
                    for row in 0..count {
                        let product = &product[row * transposed.width..row * transposed.width + hidden];
                        for (of_state, product) in of_state[row * hidden..].iter_mut().zip(product) {
                            *of_state += product;
                        }
                    }
                }
            },
        );
    }
}

struct Step<'a> {
    brought: &'a [f32],
    product: &'a [f32],
    bias: &'a [f32],
    keeps: f32,
    kept: &'a mut [f32],
    out: &'a mut [f32],
    state: &'a mut [f32],
    memory: &'a mut [f32],
}

impl Step<'_> {
    #[inline(always)]
    fn run(&mut self, gates: Gates) {
        let hidden = self.state.len();
        let gate = |at: usize| {
            let range = at * hidden..(at + 1) * hidden;
            (&self.brought[range.clone()], &self.product[range.clone()], &self.bias[range])
        };
        match gates {
            Gates::LongShort => {
                for at in 0..4 {
                    let (brought, product, bias) = gate(at);
                    let kept = &mut self.kept[at * hidden..(at + 1) * hidden];
                    for ((kept, brought), (product, bias)) in
                        kept.iter_mut().zip(brought).zip(product.iter().zip(bias))
                    {
                        let sum = brought + product + bias;
                        *kept = if at == 2 { tanh(sum) } else { sigmoid(sum) };
                    }
                }
                let (gates, rest) = self.kept.split_at_mut(4 * hidden);
                let (memories, states) = rest.split_at_mut(hidden);
                for unit in 0..hidden {
                    let [input, forget, candidate, output] =
                        [0, 1, 2, 3].map(|at: usize| gates[at * hidden + unit]);
                    let memory = self.memory[unit];
                    let remembered = forget * memory + input * candidate;
                    let new = output * tanh(remembered);
                    self.memory[unit] = memory + self.keeps * (remembered - memory);
                    self.state[unit] += self.keeps * (new - self.state[unit]);
                    memories[unit] = self.memory[unit];
                    states[unit] = self.state[unit];
                    self.out[unit] = self.state[unit] * self.keeps;
                }
            }
            Gates::Gated => {
                for at in 0..2 {
                    let (brought, product, bias) = gate(at);
                    let kept = &mut self.kept[at * hidden..(at + 1) * hidden];
                    for ((kept, brought), (product, bias)) in
                        kept.iter_mut().zip(brought).zip(product.iter().zip(bias))
                    {
                        *kept = sigmoid(brought + product + bias);
                    }
                }
                let (brought, product, bias) = gate(2);
                let (gates, rest) = self.kept.split_at_mut(2 * hidden);
                let (candidates, rest) = rest.split_at_mut(hidden);
                let (shares, states) = rest.split_at_mut(hidden);
                for unit in 0..hidden {
                    let (reset, update) = (gates[unit], gates[hidden + unit]);
                    let share = product[unit] + bias[unit];
                    let candidate = tanh(brought[unit] + reset * share);
                    let state = self.state[unit];
                    let new = candidate + update * (state - candidate);
                    self.state[unit] = state + self.keeps * (new - state);
                    candidates[unit] = candidate;
                    shares[unit] = share;
                    states[unit] = self.state[unit];
                    self.out[unit] = self.state[unit] * self.keeps;
                }
            }
        }
    }
}

struct StepBack<'a> {
    kept: &'a [f32],
    /// Memory (or share) and state of the step before; both 0 at the first.
    before: Option<&'a [f32]>,
    keeps: f32,
    gradient: &'a [f32],
    of_brought: &'a mut [f32],
    of_product: &'a mut [f32],
    of_state: &'a mut [f32],
    of_memory: &'a mut [f32],
}

impl StepBack<'_> {
    #[inline(always)]
    fn run(&mut self, gates: Gates) {
        let hidden = self.of_state.len();
        let keeps = self.keeps;
        let gate = |at: usize, unit: usize| self.kept[at * hidden + unit];
        for unit in 0..hidden {
            let of_state = self.of_state[unit] + keeps * self.gradient[unit];
            let of_new = keeps * of_state;
            let before = |at: usize| self.before.map_or(0.0, |before| before[at * hidden + unit]);
            match gates {
                Gates::LongShort => {
                    let [input, forget, candidate, output] = [0, 1, 2, 3].map(|at| gate(at, unit));
                    let memory = before(0);
                    let bent = tanh(forget * memory + input * candidate);
                    let of_memory = self.of_memory[unit];
                    let of_remembered = keeps * of_memory + of_new * output * (1.0 - bent * bent);
                    self.of_memory[unit] = (1.0 - keeps) * of_memory + of_remembered * forget;
                    self.of_state[unit] = (1.0 - keeps) * of_state;
                    let of_gates = [
                        of_remembered * candidate * input * (1.0 - input),
                        of_remembered * memory * forget * (1.0 - forget),
                        of_remembered * input * (1.0 - candidate * candidate),
                        of_new * bent * output * (1.0 - output),
                    ];
                    for (at, value) in of_gates.into_iter().enumerate() {
                        self.of_brought[at * hidden + unit] = value;
                        self.of_product[at * hidden + unit] = value;
                    }
                }
                Gates::Gated => {
                    let [reset, update, candidate, share] = [0, 1, 2, 3].map(|at| gate(at, unit));
                    let state = before(1);
                    let of_candidate = of_new * (1.0 - update) * (1.0 - candidate * candidate);
                    let of_reset = of_candidate * share * reset * (1.0 - reset);
                    let of_update = of_new * (state - candidate) * update * (1.0 - update);
                    self.of_state[unit] = (1.0 - keeps) * of_state + of_new * update;
                    for (at, value) in [of_reset, of_update, of_candidate].into_iter().enumerate() {
                        self.of_brought[at * hidden + unit] = value;
                        self.of_product[at * hidden + unit] = if at == 2 { value * reset } else { value };
                    }
                }
            }
        }
    }
}

/// Some rows of numbers, one after another, times all rows of weights.
fn multiply(numbers: &[f32], together: usize, weights: &Rows, products: &mut [f32]) {
    super::tile::arch().dispatch(Product { numbers, together, weights, products });
}

struct Product<'a> {
    numbers: &'a [f32],
    together: usize,
    weights: &'a Rows,
    products: &'a mut [f32],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let wide = registers() * S::F32_LANES;
        for first in (0..self.weights.width).step_by(wide) {
            let left = ((self.weights.width - first) / S::F32_LANES).min(registers());
            match (self.together, left) {
                (1, 1) => self.tile::<S, 1, 1>(simd, first),
                (1, 2) => self.tile::<S, 1, 2>(simd, first),
                (1, _) => self.tile::<S, 1, 3>(simd, first),
                (8, 1) => self.tile::<S, 8, 1>(simd, first),
                (8, 2) => self.tile::<S, 8, 2>(simd, first),
                (8, _) => self.tile::<S, 8, 3>(simd, first),
                (_, 1) => self.tile::<S, 6, 1>(simd, first),
                (..) => self.tile::<S, 6, 2>(simd, first),
            }
        }
    }
}

impl Product<'_> {
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, first: usize) {
        let depth = self.numbers.len() / R;
        let width = self.weights.width;
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        let rows: [&[f32]; R] = std::array::from_fn(|row| &self.numbers[row * depth..(row + 1) * depth]);
        for (place, weights) in self.weights.values.chunks_exact(width).enumerate() {
            let weights = S::as_simd_f32s(&weights[first..first + V * S::F32_LANES]).0;
            let weights: &[S::f32s; V] = weights.try_into().expect("whole registers");
            for row in 0..R {
                let number = simd.splat_f32s(rows[row][place]);
                for register in 0..V {
                    sums[row][register] = simd.mul_add_f32s(number, weights[register], sums[row][register]);
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            let from = row * width + first;
            let out = S::as_mut_simd_f32s(&mut self.products[from..from + V * S::F32_LANES]).0;
            out.copy_from_slice(sums);
        }
    }
}

/// e to the power of `x`; relative error below 2e-7 for `x` from -87 to 87, which `x` is cut to.
#[inline(always)]
fn exponential(x: f32) -> f32 {
    // Adding 1.5 * 2^23 leaves the nearest whole number in the low bits of the sum.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts, the first with few digits, so that its multiples are exact.
    const HIGH: f32 = 0.693_359_4;
    const LOW: f32 = -2.121_944_4e-4;
    let x = if x > 87.0 { 87.0 } else { x };
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let power = shifted - ROUND;
    let rest = x - power * HIGH - power * LOW;
    // Taylor's polynomial: |rest| is at most half of ln 2.
    let mut sum = 1.0 / 5040.0_f32;
    for factor in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = sum * rest + factor;
    }
    sum * f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3F80_0000))
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exponential(-x))
}

#[inline(always)]
fn tanh(x: f32) -> f32 {
    2.0 / (1.0 + exponential(-2.0 * x)) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gates_functions_are_right_to_the_last_digits() {
        for step in -20_000..=20_000 {
            let x = step as f32 * 1e-3;
            let exact = f64::from(x);
            let off = (f64::from(exponential(x)) / exact.exp() - 1.0).abs();
            assert!(off < 2e-7, "e^{x} is off by {off}");
            assert!((f64::from(sigmoid(x)) - 1.0 / (1.0 + (-exact).exp())).abs() < 2e-7, "sigmoid of {x}");
            assert!((f64::from(tanh(x)) - exact.tanh()).abs() < 3e-7, "tanh of {x}");
        }
        assert_eq!((sigmoid(1e9), tanh(1e9), tanh(-1e9)), (1.0, 1.0, -1.0));
        assert!(sigmoid(-1e9) < 1e-30 && sigmoid(f32::NAN).is_nan() && tanh(f32::NAN).is_nan());
    }
}
