//! The equations of the open voxels, and their solution by conjugate gradients.

use rayon::prelude::*;

use super::open::{Around, LANES};
use crate::lanes::wide;

/// A number for each voxel of the blocks; in front of the first block and behind the last are 8 zeros.
type Blocks = Vec<[f32; LANES]>;

/// A system of the unknowns times the root of their diagonal, whose diagonal then is 1.
pub(super) struct System {
    /// The blocks before and after along rows, then along slices; 0 is that in front of the first.
    beside: Vec<[u32; 4]>,
    /// Weights of the ways to the next voxel along each axis; 0 where it is not solved for.
    ways: [Blocks; 3],
    root: Blocks,
    right: Blocks,
    unknown: Blocks,
}

/// Blocks a thread takes at a time: sums are made in this order at any number of threads.
const CHUNK: usize = 1 << 10;

impl System {
    /// The system of the open voxels, in the blocks at `places`.
    pub(super) fn of(around: &Around<'_>, places: &[u32]) -> Self {
        let open = around.open;
        let mut numbers = vec![0_u32; open.blocks()];
        places.iter().zip(1..).for_each(|(place, number)| numbers[*place as usize] = number);
        let zeros = || vec![[0.0; LANES]; places.len() + 2];
        let mut beside = vec![[0; 4]; places.len()];
        let (mut columns, mut rows, mut slices) = (zeros(), zeros(), zeros());
        let (mut root, mut right, mut unknown) = (zeros(), zeros(), zeros());
        let ways = chunks_mut(&mut columns).zip(chunks_mut(&mut rows)).zip(chunks_mut(&mut slices));
        let sides = chunks_mut(&mut root).zip(chunks_mut(&mut right)).zip(chunks_mut(&mut unknown));
        let targets = beside.par_chunks_mut(CHUNK).zip(ways).zip(sides);
        places.par_chunks(CHUNK).zip(targets).for_each(|(places, ((beside, ways), sides))| {
            let ((columns, rows), slices) = ways;
            let ((root, right), unknown) = sides;
            wide!({
                for (at, place) in places.iter().enumerate() {
                    let place = *place as usize;
                    beside[at] = open.beside(place).map(|other| other.map_or(0, |other| numbers[other]));
                    let made = around.equations(place);
                    [columns[at], rows[at], slices[at]] = made.ways;
                    root[at] = made.root;
                    right[at] = std::array::from_fn(|lane| made.right[lane] / made.root[lane]);
                    unknown[at] = std::array::from_fn(|lane| made.guess[lane] * made.root[lane]);
                }
            });
        });
        // What stands around the blocks is divided by, too.
        (root[0], root[places.len() + 1]) = ([1.0; LANES], [1.0; LANES]);
        let mut system = Self { beside, ways: [columns, rows, slices], root, right, unknown };
        system.scale();
        system
    }

    /// Divides the weights by the roots of both voxels.
    fn scale(&mut self) {
        let [columns, rows, slices] = &mut self.ways;
        let root = self.root.as_slice();
        let ways = chunks_mut(columns).zip(chunks_mut(rows)).zip(chunks_mut(slices));
        ways.zip(self.beside.par_chunks(CHUNK)).enumerate().for_each(|(chunk, (ways, beside))| {
            let ((columns, rows), slices) = ways;
            wide!({
                for (at, beside) in beside.iter().enumerate() {
                    let number = 1 + chunk * CHUNK + at;
                    let own = &root[number];
                    divide(&mut columns[at], own, after(root, number));
                    divide(&mut rows[at], own, &root[beside[1] as usize]);
                    divide(&mut slices[at], own, &root[beside[3] as usize]);
                }
            });
        });
    }

    /// What was found, block by block.
    pub(super) fn values(&self) -> impl Iterator<Item = [f32; LANES]> {
        let both = self.unknown.iter().zip(&self.root).skip(1).take(self.beside.len());
        both.map(|(unknown, root)| std::array::from_fn(|lane| (unknown[lane] / root[lane]).clamp(0.0, 1.0)))
    }

    /// The matrix times a vector, and that product's product with the vector.
    fn times(&self, vector: &Blocks, product: &mut Blocks) -> f64 {
        let chunks = chunks_mut(product).zip(self.beside.par_chunks(CHUNK)).enumerate();
        let parts: Vec<f64> = chunks
            .map(|(chunk, (product, beside))| wide!(self.rows(1 + chunk * CHUNK, beside, vector, product)))
            .collect();
        parts.iter().sum()
    }

    /// The product for the blocks from `first` on.
    #[inline(always)]
    fn rows(&self, first: usize, beside: &[[u32; 4]], vector: &Blocks, product: &mut [[f32; LANES]]) -> f64 {
        let [columns, rows, slices] = self.ways.each_ref().map(Vec::as_slice);
        let mut sums = [0.0_f64; LANES];
        for (number, (product, beside)) in (first..).zip(product.iter_mut().zip(beside)) {
            let own = &vector[number];
            let mut value = *own;
            take(&mut value, before(columns, number), before(vector, number));
            take(&mut value, &columns[number], after(vector, number));
            let [row, next_row, slice, next_slice] = beside.map(|number| number as usize);
            take(&mut value, &rows[row], &vector[row]);
            take(&mut value, &rows[number], &vector[next_row]);
            take(&mut value, &slices[slice], &vector[slice]);
            take(&mut value, &slices[number], &vector[next_slice]);
            *product = value;
            add_products(&mut sums, &value, own);
        }
        sums.iter().sum()
    }

    /// Improves the unknowns until the rest is `tolerance` of the right side, or `most` times.
    pub(super) fn conjugate_gradient(&mut self, (tolerance, most): (f64, usize)) {
        let mut product = vec![[0.0; LANES]; self.right.len()];
        self.times(&self.unknown, &mut product);
        let enough = square_of(&self.right) * tolerance * tolerance;
        let mut rest = std::mem::take(&mut self.right);
        let mut toward = vec![[0.0; LANES]; rest.len()];
        let both = chunks_mut(&mut rest).zip(chunks_mut(&mut toward));
        both.zip(chunks(&product)).for_each(|((rest, toward), product)| {
            wide!({
                let pairs = rest.as_flattened_mut().iter_mut().zip(product.as_flattened());
                pairs.for_each(|(rest, product)| *rest -= product);
                toward.copy_from_slice(rest);
            });
        });
        let mut square = square_of(&rest);
        for _ in 0..most {
            if square <= enough {
                break;
            }
            let bend = self.times(&toward, &mut product);
            if bend.is_nan() || bend <= 0.0 {
                break;
            }
            let far = (square / bend) as f32;
            let targets = chunks_mut(&mut self.unknown).zip(chunks_mut(&mut rest));
            let parts: Vec<f64> = targets
                .zip(chunks(&toward).zip(chunks(&product)))
                .map(|((unknown, rest), (toward, product))| {
                    wide!(stepped(unknown, rest, toward, product, far))
                })
                .collect();
            let next: f64 = parts.iter().sum();
            let share = (next / square) as f32;
            square = next;
            chunks_mut(&mut toward).zip(chunks(&rest)).for_each(|(toward, rest)| {
                wide!({
                    let pairs = toward.as_flattened_mut().iter_mut().zip(rest.as_flattened());
                    pairs.for_each(|(toward, rest)| *toward = rest + share * *toward);
                });
            });
        }
    }
}

/// Moves the unknowns and what is left of the right side; the square of the latter comes back.
#[inline(always)]
fn stepped(
    unknown: &mut [[f32; LANES]],
    rest: &mut [[f32; LANES]],
    toward: &[[f32; LANES]],
    product: &[[f32; LANES]],
    far: f32,
) -> f64 {
    let mut sums = [0.0_f64; LANES];
    for ((unknown, rest), (toward, product)) in unknown.iter_mut().zip(rest).zip(toward.iter().zip(product)) {
        unknown.iter_mut().zip(toward).for_each(|(unknown, toward)| *unknown += far * toward);
        rest.iter_mut().zip(product).for_each(|(rest, product)| *rest -= far * product);
        add_products(&mut sums, rest, rest);
    }
    sums.iter().sum()
}

fn square_of(values: &Blocks) -> f64 {
    let part = |part: &[[f32; LANES]]| {
        wide!({
            let mut sums = [0.0_f64; LANES];
            part.iter().for_each(|block| add_products(&mut sums, block, block));
            sums.iter().sum::<f64>()
        })
    };
    let parts: Vec<f64> = chunks(values).map(part).collect();
    parts.iter().sum()
}

fn chunks(blocks: &Blocks) -> rayon::slice::Chunks<'_, [f32; LANES]> {
    blocks[1..blocks.len() - 1].par_chunks(CHUNK)
}

fn chunks_mut(blocks: &mut Blocks) -> rayon::slice::ChunksMut<'_, [f32; LANES]> {
    let last = blocks.len() - 1;
    blocks[1..last].par_chunks_mut(CHUNK)
}

/// A block's numbers, each from one voxel before.
#[inline(always)]
fn before(blocks: &[[f32; LANES]], number: usize) -> &[f32; LANES] {
    shifted(blocks, number * LANES - 1)
}

/// A block's numbers, each from one voxel after.
#[inline(always)]
fn after(blocks: &[[f32; LANES]], number: usize) -> &[f32; LANES] {
    shifted(blocks, number * LANES + 1)
}

#[inline(always)]
fn shifted(blocks: &[[f32; LANES]], from: usize) -> &[f32; LANES] {
    blocks.as_flattened()[from..].first_chunk().expect("there is a block on either side")
}

#[inline(always)]
fn take(value: &mut [f32; LANES], weights: &[f32; LANES], of: &[f32; LANES]) {
    value.iter_mut().zip(weights.iter().zip(of)).for_each(|(value, (weight, of))| *value -= weight * of);
}

#[inline(always)]
fn divide(ways: &mut [f32; LANES], own: &[f32; LANES], other: &[f32; LANES]) {
    ways.iter_mut().zip(own.iter().zip(other)).for_each(|(way, (own, other))| *way /= own * other);
}

#[inline(always)]
fn add_products(sums: &mut [f64; LANES], a: &[f32; LANES], b: &[f32; LANES]) {
    sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += f64::from(a * b));
}
