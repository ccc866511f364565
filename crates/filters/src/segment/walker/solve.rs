use std::borrow::Cow;
use std::collections::BTreeMap;

use rayon::prelude::*;

use super::open::{Around, LANES, Open};
use super::system::System;
use crate::lanes::wide;
use crate::segment::hessian::exp_minus;

/// How voxels are joined, and what their own values say.
pub(super) struct Rule {
    /// The square of the step in value that is taken 1/e times as often as none.
    pub(super) step: f64,
    /// How many times the noise's variance is added to that.
    pub(super) noise: f64,
    pub(super) value: f32,
    pub(super) likely: Option<Likely>,
}

/// How likely a value is inside, from the values at the clicks.
pub(super) struct Likely {
    low: f32,
    scale: f32,
    table: Vec<f32>,
}

/// Ranges of values.
const BINS: usize = 256;

impl Likely {
    /// Counts values at the marks and on the closed layers, blurred by what values vary at the marks.
    pub(super) fn of(
        values: &[f32],
        size: [usize; 3],
        marks: &BTreeMap<usize, bool>,
        closed: [[bool; 2]; 3],
    ) -> Self {
        let mut found: [Vec<f32>; 2] = [Vec::new(), Vec::new()];
        marks.iter().for_each(|(at, inside)| found[usize::from(*inside)].push(values[*at]));
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        for value in found.iter().flatten() {
            (low, high) = (low.min(*value), high.max(*value));
        }
        let mut layer = Vec::new();
        each_closed(size, closed, |at| layer.push(values[at]));
        // A closed layer may hold metal or air far from all else: its middle part sets the range.
        layer.sort_unstable_by(f32::total_cmp);
        if !layer.is_empty() {
            let part = |share: f64| layer[((layer.len() - 1) as f64 * share) as usize];
            (low, high) = (low.min(part(0.02)), high.max(part(0.98)));
        }
        found[0].extend(layer);
        let margin = 0.25 * (high - low);
        let (low, high) = (low - margin, high + margin);
        let scale = if high > low { BINS as f32 / (high - low) } else { 0.0 };
        let mean = found[1].iter().sum::<f32>() / found[1].len().max(1) as f32;
        let squares: f32 = found[1].iter().map(|value| (value - mean).powi(2)).sum();
        let spread = (squares / found[1].len().max(1) as f32).sqrt() * scale;
        let width = spread.clamp(6.0, BINS as f32 / 6.0);
        let [outside, inside] = found.map(|values| {
            let mut counts = vec![0.0_f32; BINS];
            values.iter().for_each(|value| counts[bin(*value, low, scale)] += 1.0);
            let total: f32 = counts.iter().sum::<f32>().max(1.0);
            let blurred = |at: usize| {
                let near = counts.iter().enumerate().filter(|(_, count)| **count > 0.0);
                near.map(|(from, count)| {
                    let apart = (from as f32 - at as f32) / width;
                    count / total * exp_minus(0.5 * apart * apart)
                })
                .sum::<f32>()
            };
            (0..BINS).map(blurred).collect::<Vec<f32>>()
        });
        // A value unlike both says nothing.
        let unknown = 0.05;
        let table =
            inside.iter().zip(&outside).map(|(i, o)| (i + unknown) / (i + o + 2.0 * unknown)).collect();
        Self { low, scale, table }
    }

    #[inline(always)]
    pub(super) fn at(&self, value: f32) -> f32 {
        self.table[bin(value, self.low, self.scale)]
    }
}

#[inline(always)]
fn bin(value: f32, low: f32, scale: f32) -> usize {
    (((value - low) * scale).max(0.0) as usize).min(BINS - 1)
}

/// Calls `mark(place)` for each voxel of the layers that are background.
fn each_closed([columns, rows, slices]: [usize; 3], closed: [[bool; 2]; 3], mut mark: impl FnMut(usize)) {
    let is_closed = |axis: usize, at: usize, count: usize| {
        count > 1 && (closed[axis][0] && at == 0 || closed[axis][1] && at + 1 == count)
    };
    for slice in 0..slices {
        let whole_slice = is_closed(2, slice, slices);
        for row in 0..rows {
            let from = (slice * rows + row) * columns;
            if whole_slice || is_closed(1, row, rows) {
                (from..from + columns).for_each(&mut mark);
            } else {
                [0, columns - 1]
                    .into_iter()
                    .filter(|at| is_closed(0, *at, columns))
                    .for_each(|at| mark(from + at));
            }
        }
    }
}

/// Adds neighbors along a row; a voxel that has none, or is not to have one, counts twice.
#[inline(always)]
fn add_pairs(target: &mut [f32], source: &[f32], halved: bool) {
    if !halved {
        target.iter_mut().zip(source).for_each(|(target, value)| *target += value + value);
        return;
    }
    let (pairs, last) = source.as_chunks::<2>();
    target.iter_mut().zip(pairs).for_each(|(target, [a, b])| *target += a + b);
    if let ([value], Some(target)) = (last, target.last_mut()) {
        *target += value + value;
    }
}

/// A row of half the voxels, by straight lines: a voxel lies a quarter of the coarse distance from the one that holds it.
///
/// `line` has its first and its last voxel once more at its ends.
#[inline(always)]
fn between(line: &[f32], target: &mut [f32]) {
    let (pairs, single) = target.as_chunks_mut::<2>();
    for (pair, line) in pairs.iter_mut().zip(line.windows(3)) {
        let near = 0.75 * line[1];
        *pair = [near + 0.25 * line[0], near + 0.25 * line[2]];
    }
    if let ([single], [.., before, last, _]) = (single, line) {
        *single = 0.75 * last + 0.25 * before;
    }
}

/// The image on one grid.
pub(super) struct Level<'a> {
    size: [usize; 3],
    spacing: [f64; 3],
    values: Cow<'a, [f32]>,
    /// Which axes were halved to get here from the next finer level.
    halved: [bool; 3],
    /// How many finer voxels a voxel is, along each axis.
    factor: [usize; 3],
}

/// The coarsest grid has fewer voxels than this.
const COARSEST: usize = 4096;

/// A grid of up to so many voxels is solved whole.
const WHOLE: usize = 1 << 18;

/// On larger grids so many voxels are solved at most, those nearest to one half.
const MOST_OPEN: usize = 1 << 18;

/// Distances from one half that are told apart.
const RINGS: usize = 128;

/// How far from one half a voxel of a larger grid is still open.
const OPEN: f32 = 0.45;

impl<'a> Level<'a> {
    pub(super) fn new(size: [usize; 3], spacing: [f64; 3], values: Cow<'a, [f32]>) -> Self {
        Self { size, spacing, values, halved: [false; 3], factor: [1; 3] }
    }

    pub(super) fn voxels(&self) -> usize {
        self.size.iter().product()
    }

    /// The shortest spacing of the axes that take part; 1 for a single voxel.
    fn shortest(&self) -> f64 {
        let long = (0..3).filter(|axis| self.size[*axis] > 1).map(|axis| self.spacing[axis]);
        long.reduce(f64::min).unwrap_or(1.0)
    }

    /// Variance of the noise, from the median step along the longest axis.
    fn noise(&self) -> f64 {
        let axis = (0..3).max_by_key(|axis| self.size[*axis]).unwrap_or(0);
        let stride = [1, self.size[0], self.size[0] * self.size[1]][axis];
        let every = (self.voxels() / (1 << 15)).max(1);
        let along = |at: usize| {
            let inner = at / stride % self.size[axis] + 1 < self.size[axis];
            inner.then(|| (self.values[at + stride] - self.values[at]).abs())
        };
        let places = (0..self.voxels().div_ceil(every)).into_par_iter().with_min_len(1 << 10);
        let mut steps: Vec<f32> = places.filter_map(|nth| along(nth * every)).collect();
        if steps.is_empty() {
            return 0.0;
        }
        let middle = steps.len() / 2;
        let (_, median, _) = steps.select_nth_unstable_by(middle, f32::total_cmp);
        // The median of the absolute difference of two normal numbers is 0.954 deviations.
        (f64::from(*median) / 0.954).powi(2)
    }

    /// Means of 2 x 2 x 2 voxels; an axis whose voxels are long already is left as it is.
    pub(super) fn halved(&self) -> Option<Level<'a>> {
        if self.voxels() < COARSEST {
            return None;
        }
        let shortest = self.shortest();
        let halved: [bool; 3] =
            std::array::from_fn(|axis| self.size[axis] > 1 && self.spacing[axis] < 1.6 * shortest);
        let times: [usize; 3] = halved.map(|halved| 1 + usize::from(halved));
        let size: [usize; 3] = std::array::from_fn(|axis| self.size[axis].div_ceil(times[axis]));
        let [columns, rows, _] = size;
        let mut values = vec![0.0_f32; size.iter().product()];
        values.par_chunks_mut(columns * rows).enumerate().for_each(|(slice, target)| {
            let slices = times[2] * slice..(times[2] * (slice + 1)).min(self.size[2]);
            for (row, target) in target.chunks_exact_mut(columns).enumerate() {
                let lines = times[1] * row..(times[1] * (row + 1)).min(self.size[1]);
                for slice in slices.clone() {
                    for line in lines.clone() {
                        let from = (slice * self.size[1] + line) * self.size[0];
                        let source = &self.values[from..from + self.size[0]];
                        wide!(add_pairs(target, source, halved[0]));
                    }
                }
                let share = 0.5 / (slices.len() * lines.len()) as f32;
                target.iter_mut().for_each(|value| *value *= share);
            }
        });
        Some(Level {
            size,
            spacing: std::array::from_fn(|axis| self.spacing[axis] * times[axis] as f64),
            values: Cow::Owned(values),
            halved,
            factor: std::array::from_fn(|axis| self.factor[axis] * times[axis]),
        })
    }

    /// A coarser level's answer on this grid, by straight lines between its voxels.
    pub(super) fn refined(&self, coarse: &[f32], from: &Level) -> Vec<f32> {
        let [columns, rows, slices] = self.size;
        let plane = from.size[0] * from.size[1];
        // The voxel that holds this one, and the neighbor on its side.
        let nearest = |at: usize, axis: usize| {
            if !from.halved[axis] {
                return (at, at);
            }
            let here = at / 2;
            let other =
                if at % 2 == 1 { (here + 1).min(from.size[axis] - 1) } else { here.saturating_sub(1) };
            (here, other)
        };
        let mix = |near: f32, far: f32| 0.75 * near + 0.25 * far;
        let mut found = vec![0.0_f32; columns * rows * slices];
        found.par_chunks_mut(columns * rows).enumerate().for_each_init(
            || (vec![0.0_f32; plane], vec![0.0_f32; from.size[0] + 2]),
            |(layer, line), (slice, target)| {
                let (near, far) = nearest(slice, 2);
                let [near, far] = [near, far].map(|at| &coarse[at * plane..(at + 1) * plane]);
                layer.iter_mut().zip(near.iter().zip(far)).for_each(|(l, (n, f))| *l = mix(*n, *f));
                for (row, target) in target.chunks_exact_mut(columns).enumerate() {
                    let (near, far) = nearest(row, 1);
                    let [near, far] =
                        [near, far].map(|at| &layer[at * from.size[0]..(at + 1) * from.size[0]]);
                    let last = from.size[0];
                    line[1..=last]
                        .iter_mut()
                        .zip(near.iter().zip(far))
                        .for_each(|(l, (n, f))| *l = mix(*n, *f));
                    if from.halved[0] {
                        (line[0], line[last + 1]) = (line[1], line[last]);
                        wide!(between(line, target));
                    } else {
                        target.copy_from_slice(&line[1..=last]);
                    }
                }
            },
        );
        found
    }

    /// Solves for the open voxels; `found` comes as a first guess.
    pub(super) fn solve(
        &self,
        found: &mut [f32],
        marks: &BTreeMap<usize, bool>,
        finest: [usize; 3],
        closed: [[bool; 2]; 3],
        rule: &Rule,
    ) {
        let marked = self.marked(marks, finest);
        each_closed(self.size, closed, |at| found[at] = 0.0);
        marked.iter().for_each(|(at, probability)| found[*at] = *probability);
        let mut open = self.open(found);
        each_closed(self.size, closed, |at| open.close(at));
        marked.keys().for_each(|at| open.close(*at));
        let places = open.places();
        if places.is_empty() {
            return;
        }
        let mut system = self.system(found, &open, &places, rule);
        let whole = found.len() <= WHOLE;
        system.conjugate_gradient(if whole { (1e-5, 400) } else { (1e-3, 12) });
        for (place, values) in places.iter().zip(system.values()) {
            let (start, bits) = (open.start(*place as usize), open.bits(*place as usize));
            match found[start..].first_chunk_mut() {
                Some(block) if bits == u8::MAX => *block = values,
                _ => {
                    let lanes = (0..LANES).filter(|lane| bits >> lane & 1 == 1);
                    lanes.for_each(|lane| found[start + lane] = values[lane]);
                }
            }
        }
    }

    /// Marked voxels on this grid: the share of the marks in each that are inside.
    fn marked(&self, marks: &BTreeMap<usize, bool>, finest: [usize; 3]) -> BTreeMap<usize, f32> {
        let mut counts: BTreeMap<usize, [f32; 2]> = BTreeMap::new();
        for (at, inside) in marks {
            let place = [at % finest[0], at / finest[0] % finest[1], at / finest[0] / finest[1]];
            let [column, row, slice]: [usize; 3] =
                std::array::from_fn(|axis| place[axis] / self.factor[axis]);
            let coarse = (slice * self.size[1] + row) * self.size[0] + column;
            counts.entry(coarse).or_default()[usize::from(*inside)] += 1.0;
        }
        counts.into_iter().map(|(at, [outside, inside])| (at, inside / (inside + outside))).collect()
    }

    /// The voxels to solve for: all of a small grid, of a larger one those nearest to one half.
    fn open(&self, found: &[f32]) -> Open {
        if found.len() <= WHOLE {
            return Open::within(self.size, found, f32::INFINITY);
        }
        // One in so many is asked: how many are solved may differ a little from what fits.
        const EVERY: usize = 7;
        let count = |part: &[f32]| {
            let mut counts = [0_usize; RINGS];
            let apart = part.iter().step_by(EVERY).map(|p| (*p - 0.5).abs()).filter(|apart| *apart <= OPEN);
            apart.for_each(|apart| counts[(apart * (RINGS - 1) as f32 / OPEN) as usize] += EVERY);
            counts
        };
        let sum = |mut a: [usize; RINGS], b: [usize; RINGS]| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            a
        };
        let counts = found.par_chunks(1 << 16).map(count).reduce(|| [0; RINGS], sum);
        if counts.iter().sum::<usize>() <= MOST_OPEN {
            return Open::within(self.size, found, OPEN);
        }
        let mut sum = 0;
        let fits = counts.iter().take_while(|count| {
            sum += **count;
            sum <= MOST_OPEN
        });
        Open::within(self.size, found, fits.count() as f32 / (RINGS - 1) as f32 * OPEN)
    }

    /// The equations of the open voxels, in the blocks at `places`.
    fn system(&self, found: &[f32], open: &Open, places: &[u32], rule: &Rule) -> System {
        let shortest = self.shortest();
        // As scikit-image: a step in value is a slope, by the shortest spacing.
        let square = rule.step + rule.noise * self.noise();
        let unit = if square > 0.0 { 1.0 / square } else { 0.0 };
        let inverse = self.spacing.map(|spacing| (unit * shortest * shortest / (spacing * spacing)) as f32);
        // A voxel's own value counts by its area beside that of its faces.
        let share = rule.value * (self.factor.iter().copied().max().unwrap_or(1) as f32).powi(2);
        let own = rule.likely.as_ref().map(|likely| (share, likely));
        let around = Around { size: self.size, values: &self.values, found, open, inverse, own };
        System::of(&around, places)
    }
}
