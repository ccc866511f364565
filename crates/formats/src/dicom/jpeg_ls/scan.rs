//! The coding process of JPEG-LS: contexts, prediction, run mode (T.87 Annex A).

use super::bits::Bits;
use super::header::Coding;

/// Statistics of one context of regular mode (T.87 A.2.1: A, B, C, N).
#[derive(Clone, Copy)]
struct Context {
    magnitude: u32,
    bias: i32,
    correction: i32,
    count: u32,
}

/// Statistics of one context of run interruption (T.87 A.2.1: A, N, Nn).
#[derive(Clone, Copy)]
struct RunContext {
    magnitude: u32,
    count: u32,
    negative: u32,
}

/// The order of run lengths by run index (T.87 A.2.1, J).
const RUN_ORDER: [u8; 32] =
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// The least `k` with `count << k >= magnitude`.
#[inline]
const fn golomb_order(count: u32, magnitude: u32) -> u32 {
    let k = count.leading_zeros().saturating_sub(magnitude.leading_zeros());
    k + ((count << k) < magnitude) as u32
}

pub(super) struct Decoder<'a> {
    bits: Bits<'a>,
    process: Process,
    /// 365 are used; a power of two, so that a masked index needs no check.
    contexts: Box<[Context; 512]>,
    run_contexts: [RunContext; 2],
}

/// What the parameters give, computed once (T.87 A.2.1).
struct Process {
    highest: i32,
    near: i32,
    /// The step between values that can be told apart: 1 in lossless mode.
    step: i32,
    /// RANGE times the step: what a value leaves the interval by and comes back in.
    around: i32,
    /// The highest mapped error that a conforming stream can hold.
    most: u32,
    escape: u32,
    limit: u32,
    reset: u32,
    /// The region of each difference from `-third` to `third`; beyond them the ends hold.
    regions: Vec<i8>,
    third: i32,
}

impl Process {
    fn new(coding: &Coding) -> Self {
        let Coding { highest, near, thresholds: [first, second, third], reset } = *coding;
        let step = 2 * near + 1;
        let range = (highest + 2 * near) / step + 1;
        let bits = (32 - highest.leading_zeros()).max(2);
        let region = |difference: i32| {
            let size = difference.abs();
            let region = if size <= near {
                0
            } else if size < first {
                1
            } else if size < second {
                2
            } else if size < third {
                3
            } else {
                4
            };
            if difference < 0 { -region } else { region }
        };
        Self {
            highest,
            near,
            step,
            around: range * step,
            most: 2 * range as u32,
            escape: 32 - (range - 1).leading_zeros(),
            limit: 2 * (bits + bits.max(8)),
            reset,
            regions: (-third..=third).map(region).collect(),
            third,
        }
    }

    #[inline]
    fn region(&self, difference: i32) -> i32 {
        let at = difference.clamp(-self.third, self.third) + self.third;
        self.regions.get(at as usize).map_or(0, |region| i32::from(*region))
    }

    /// The context of three differences, from -364 to 364 (T.87 A.3.4); 0 is run mode.
    #[inline]
    fn context(&self, left: i32, above: i32, above_left: i32, above_right: i32) -> i32 {
        81 * self.region(above_right - above)
            + 9 * self.region(above - above_left)
            + self.region(above_left - left)
    }

    /// A prediction and an error in steps to a sample (T.87 A.4.4 and A.4.5, decoder).
    #[inline]
    fn sample(&self, prediction: i32, error: i32) -> u16 {
        let mut sample = prediction + error * self.step;
        if sample < -self.near {
            sample += self.around;
        } else if sample > self.highest + self.near {
            sample -= self.around;
        }
        // At most 16 bits: `highest` is.
        sample.clamp(0, self.highest) as u16
    }
}

impl<'a> Decoder<'a> {
    pub(super) fn new(bytes: &'a [u8], coding: &Coding) -> Self {
        let process = Process::new(coding);
        let range = process.around / process.step;
        let magnitude = (((range + 32) / 64) as u32).max(2);
        let context = Context { magnitude, bias: 0, correction: 0, count: 1 };
        let run_context = RunContext { magnitude, count: 1, negative: 0 };
        Self {
            bits: Bits::new(bytes),
            process,
            contexts: Box::new([context; 512]),
            run_contexts: [run_context; 2],
        }
    }

    pub(super) const fn is_past_the_end(&self) -> bool {
        self.bits.is_past_the_end()
    }

    /// How far the bytes were taken: a marker follows, with padding bits before it.
    pub(super) const fn place(&self) -> usize {
        self.bits.place()
    }

    /// One line: `previous` and `current` hold a neighbor on either side of their samples.
    pub(super) fn line(&mut self, previous: &[u16], current: &mut [u16], run_index: &mut usize) {
        if self.process.near == 0 {
            self.line_as::<true>(previous, current, run_index);
        } else {
            self.line_as::<false>(previous, current, run_index);
        }
    }

    fn line_as<const LOSSLESS: bool>(
        &mut self,
        previous: &[u16],
        current: &mut [u16],
        run_index: &mut usize,
    ) {
        let columns = current.len() - 2;
        let previous = &previous[..columns + 2];
        let mut column = 0;
        let mut left = i32::from(current[0]);
        let mut above_left = i32::from(previous[0]);
        let mut above = i32::from(previous[1]);
        while column < columns {
            let above_right = i32::from(previous[column + 2]);
            let context = self.process.context(left, above, above_left, above_right);
            if context != 0 {
                let sample = self.regular::<LOSSLESS>(context, left, above, above_left);
                current[column + 1] = sample;
                left = i32::from(sample);
                (above_left, above) = (above, above_right);
                column += 1;
                continue;
            }
            let run = self.run_length(columns - column, run_index);
            current[column + 1..=column + run].fill(left as u16);
            column += run;
            if column == columns {
                return;
            }
            let above_run = i32::from(previous[column + 1]);
            let alike = (left - above_run).abs() <= self.process.near;
            let sample = if alike {
                let error = self.interruption(1, *run_index);
                self.process.sample(left, error)
            } else {
                let error = self.interruption(0, *run_index);
                self.process.sample(above_run, if above_run < left { -error } else { error })
            };
            *run_index = run_index.saturating_sub(1);
            current[column + 1] = sample;
            left = i32::from(sample);
            column += 1;
            above_left = i32::from(previous[column]);
            above = i32::from(previous[column + 1]);
        }
    }

    /// One line of three components that follow each other pixel by pixel.
    pub(super) fn line_of_triples(
        &mut self,
        previous: &[[u16; 3]],
        current: &mut [[u16; 3]],
        run_index: &mut usize,
    ) {
        let columns = current.len() - 2;
        let previous = &previous[..columns + 2];
        let mut column = 0;
        while column < columns {
            let left = current[column].map(i32::from);
            let above_left = previous[column].map(i32::from);
            let above = previous[column + 1].map(i32::from);
            let above_right = previous[column + 2].map(i32::from);
            let contexts: [i32; 3] = std::array::from_fn(|i| {
                self.process.context(left[i], above[i], above_left[i], above_right[i])
            });
            if contexts != [0; 3] {
                for i in 0..3 {
                    current[column + 1][i] =
                        self.regular::<false>(contexts[i], left[i], above[i], above_left[i]);
                }
                column += 1;
                continue;
            }
            let run = self.run_length(columns - column, run_index);
            let pixel = current[column];
            current[column + 1..=column + run].fill(pixel);
            column += run;
            if column == columns {
                return;
            }
            for i in 0..3 {
                let above_run = i32::from(previous[column + 1][i]);
                let error = self.interruption(0, *run_index);
                let signed = if above_run < left[i] { -error } else { error };
                current[column + 1][i] = self.process.sample(above_run, signed);
            }
            *run_index = run_index.saturating_sub(1);
            column += 1;
        }
    }

    /// A sample of regular mode (T.87 A.4 to A.6).
    #[inline(always)]
    fn regular<const LOSSLESS: bool>(&mut self, context: i32, left: i32, above: i32, above_left: i32) -> u16 {
        let process = &self.process;
        // -1 where the context is one of the mirrored half, else 0.
        let mirrored = context >> 31;
        let mirror = |value: i32| (value ^ mirrored) - mirrored;
        let statistics = &mut self.contexts[(mirror(context) as usize) & 511];
        let (low, high) = (left.min(above), left.max(above));
        let predicted = (left + above - above_left).clamp(low, high);
        let predicted = (predicted + mirror(statistics.correction)).clamp(0, process.highest);
        let k = golomb_order(statistics.count, statistics.magnitude);
        let mapped = self.bits.golomb(k, process.limit, process.escape).min(process.most);
        let mut error = (mapped >> 1).cast_signed() ^ -(mapped & 1).cast_signed();
        let lossless = LOSSLESS || process.near == 0;
        if lossless && k == 0 && 2 * statistics.bias + statistics.count.cast_signed() <= 0 {
            error = !error;
        }
        statistics.bias += if LOSSLESS { error } else { error * process.step };
        statistics.magnitude = statistics.magnitude.saturating_add(error.unsigned_abs());
        if statistics.count == process.reset {
            statistics.magnitude >>= 1;
            statistics.bias >>= 1;
            statistics.count >>= 1;
        }
        statistics.count += 1;
        let count = statistics.count.cast_signed();
        if statistics.bias <= -count {
            statistics.bias = (statistics.bias + count).max(1 - count);
            statistics.correction = (statistics.correction - 1).max(-128);
        } else if statistics.bias > 0 {
            statistics.bias = (statistics.bias - count).min(0);
            statistics.correction = (statistics.correction + 1).min(127);
        }
        process.sample(predicted, mirror(error))
    }

    /// The length of a run, at most what is left of the line (T.87 A.7.1).
    fn run_length(&mut self, left: usize, run_index: &mut usize) -> usize {
        let mut run = 0;
        while self.bits.bit() {
            let whole = 1 << RUN_ORDER[*run_index];
            if run + whole > left {
                return left;
            }
            run += whole;
            *run_index = (*run_index + 1).min(31);
            if run == left {
                return left;
            }
        }
        // A hostile length ends with its line.
        (run + self.bits.value(u32::from(RUN_ORDER[*run_index])) as usize).min(left)
    }

    /// The error of the sample that ends a run (T.87 A.7.2); `kind` 1 where its neighbors are alike.
    fn interruption(&mut self, kind: u32, run_index: usize) -> i32 {
        let process = &self.process;
        let statistics = &mut self.run_contexts[kind as usize & 1];
        let magnitude = statistics.magnitude.saturating_add((statistics.count >> 1) * kind);
        let k = golomb_order(statistics.count, magnitude);
        let limit = process.limit - u32::from(RUN_ORDER[run_index & 31]) - 1;
        let mapped = self.bits.golomb(k, limit, process.escape).min(process.most);
        let doubled = mapped + kind;
        let odd = doubled & 1;
        let size = ((doubled + odd) / 2).cast_signed();
        let negative = (k != 0 || 2 * statistics.negative >= statistics.count) == (odd == 1);
        let error = if negative { -size } else { size };
        if error < 0 {
            statistics.negative += 1;
        }
        statistics.magnitude = statistics.magnitude.saturating_add((mapped + 1 - kind) >> 1);
        if statistics.count == process.reset {
            statistics.magnitude >>= 1;
            statistics.count >>= 1;
            statistics.negative >>= 1;
        }
        statistics.count += 1;
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_a_golomb_code_is_the_least_that_reaches_the_magnitude() {
        for count in [1_u32, 2, 3, 7, 63, 64] {
            for magnitude in [0_u32, 1, 2, 3, 4, 63, 64, 65, 1000, 65_537] {
                let expected = (0..32).find(|k| count << k >= magnitude).expect("32 bits are enough");
                assert_eq!(golomb_order(count, magnitude), expected, "{count} {magnitude}");
            }
        }
    }

    #[test]
    fn contexts_of_opposite_differences_are_opposite() {
        let process = Process::new(&Coding { highest: 255, near: 0, thresholds: [3, 7, 21], reset: 64 });
        // Differences 0, 2 and -7: regions 0, 1 and -3.
        assert_eq!(process.context(107, 102, 100, 102), 9 - 3);
        assert_eq!(process.context(93, 98, 100, 98), -(9 - 3));
        assert_eq!(process.context(5, 5, 5, 5), 0);
    }
}
