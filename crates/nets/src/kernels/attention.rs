//! Attention of several heads in one pass: scores, softmax, dropout and the weighted sum, and back.
//!
//! The weights are not kept for the way back but made anew from the scores and each query's logarithm of its sum.

use rayon::prelude::*;

use super::dropout::Draw;
use super::gelu::exp;
use super::product::{Strided, product};
use super::tile::wide;

/// Rows of products are whole numbers of these.
const LANES: usize = 16;

/// Sizes of an attention.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Attention {
    /// Sequences.
    pub batch: usize,
    /// Heads, each of which reads its part of the vectors.
    pub heads: usize,
    /// Queries of a sequence.
    pub queries: usize,
    /// Keys and values of a sequence.
    pub keys: usize,
    /// Numbers a vector has for each head.
    pub width: usize,
    /// Which weights are dropped, if any.
    pub draw: Option<Draw>,
    /// Whether a query reads no later key than its own: the last query's is the last key.
    pub causal: bool,
    /// Whether some keys count for no query.
    pub masked: bool,
}

/// `[batch, queries or keys, heads * width]` each.
#[derive(Clone, Copy)]
pub(crate) struct Vectors<'a> {
    pub queries: &'a [f32],
    pub keys: &'a [f32],
    pub values: &'a [f32],
    /// `[batch, keys]`, 0 where a key does not count; read where the attention is masked.
    pub valid: &'a [f32],
}

/// What the forward pass left and what comes back.
#[derive(Clone, Copy)]
pub(crate) struct Back<'a> {
    /// `[batch, queries, heads * width]`
    pub context: &'a [f32],
    /// `[batch, heads, queries]`
    pub log_sums: &'a [f32],
    /// `[batch, queries, heads * width]`
    pub gradient: &'a [f32],
}

impl Attention {
    /// Numbers of the queries, and of the keys or values, of a sequence.
    const fn sizes(self) -> [usize; 2] {
        [self.queries * self.heads * self.width, self.keys * self.heads * self.width]
    }

    fn scale(self) -> f32 {
        1.0 / (self.width as f32).sqrt()
    }

    /// The weighted sums of the values, `[batch, queries, heads * width]`, and for each query the logarithm of the sum
    /// of its scores' exponentials, `[batch, heads, queries]`.
    ///
    /// # Source
    /// Vaswani et al. 2017, arXiv:1706.03762; Dao et al. 2022, arXiv:2205.14135
    pub fn forward(self, vectors: Vectors, context: &mut [f32], log_sums: &mut [f32]) {
        let [of_queries, of_keys] = self.sizes();
        if of_queries == 0 || of_keys == 0 {
            return;
        }
        let tasks =
            context.par_chunks_mut(of_queries).zip(log_sums.par_chunks_mut(self.heads * self.queries));
        tasks.enumerate().for_each(|(sequence, (context, log_sums))| {
            let of = Sequence::new(self, vectors, sequence);
            for (head, log_sums) in log_sums.chunks_exact_mut(self.queries).enumerate() {
                let values = of.rows(of.values, head, 1.0);
                let mut weights = of.scores(head);
                wide!(of.weigh(head, &mut weights, log_sums));
                let mut sums = vec![0.0; self.queries * of.padded_width];
                product(of.straight(&weights), &values, of.padded_width, &mut sums);
                of.put(&sums, head, context);
            }
        });
    }

    /// The gradients with respect to queries, keys and values.
    pub fn back(self, vectors: Vectors, back: Back, into: [&mut [f32]; 3]) {
        let [of_queries, of_keys] = self.sizes();
        if of_queries == 0 || of_keys == 0 {
            return;
        }
        let [queries, keys, values] = into;
        let into_keys = keys.par_chunks_mut(of_keys).zip(values.par_chunks_mut(of_keys));
        queries.par_chunks_mut(of_queries).zip(into_keys).enumerate().for_each(
            |(sequence, (into_queries, (into_keys, into_values)))| {
                let of = Sequence::new(self, vectors, sequence);
                let context = &back.context[sequence * of_queries..][..of_queries];
                let gradient = &back.gradient[sequence * of_queries..][..of_queries];
                let log_sums = &back.log_sums[sequence * self.heads * self.queries..];
                for head in 0..self.heads {
                    let log_sums = &log_sums[head * self.queries..][..self.queries];
                    let mut weights = of.scores(head);
                    let mut slopes = vec![0.0; weights.len()];
                    let values = of.turned(of.values, head, 1.0);
                    product(of.part(gradient, head), &values, of.padded_keys, &mut slopes);
                    wide!(of.slope(head, [context, gradient, log_sums], &mut weights, &mut slopes));
                    let width = of.padded_width;
                    let mut sums = vec![0.0; self.queries * width];
                    let keys = of.rows(of.keys, head, self.scale());
                    product(of.straight(&slopes), &keys, width, &mut sums);
                    of.put(&sums, head, into_queries);
                    let mut sums = vec![0.0; self.keys * width];
                    let queries = of.rows(of.queries, head, self.scale());
                    product(of.across(&slopes), &queries, width, &mut sums);
                    of.put(&sums, head, into_keys);
                    let gradient = of.rows(gradient, head, 1.0);
                    product(of.across(&weights), &gradient, width, &mut sums);
                    of.put(&sums, head, into_values);
                }
            },
        );
    }
}

/// One sequence's vectors.
struct Sequence<'a> {
    of: Attention,
    number: usize,
    queries: &'a [f32],
    keys: &'a [f32],
    values: &'a [f32],
    /// Which keys count, if not all.
    valid: Option<&'a [f32]>,
    /// From a vector to the next.
    stride: usize,
    padded_keys: usize,
    padded_width: usize,
}

impl<'a> Sequence<'a> {
    fn new(of: Attention, vectors: Vectors<'a>, number: usize) -> Self {
        let [of_queries, of_keys] = of.sizes();
        Self {
            of,
            number,
            queries: &vectors.queries[number * of_queries..][..of_queries],
            keys: &vectors.keys[number * of_keys..][..of_keys],
            values: &vectors.values[number * of_keys..][..of_keys],
            valid: of.masked.then(|| &vectors.valid[number * of.keys..][..of.keys]),
            stride: of.heads * of.width,
            padded_keys: of.keys.next_multiple_of(LANES),
            padded_width: of.width.next_multiple_of(LANES),
        }
    }

    /// What drops a query's weights.
    #[inline(always)]
    fn key(&self, head: usize, query: usize) -> Option<(Draw, [u32; 2])> {
        let row = (self.number * self.of.heads + head) * self.of.queries + query;
        self.of.draw.map(|draw| (draw, draw.key(row)))
    }

    /// A head's part of some vectors where they lie.
    fn part<'b>(&self, vectors: &'b [f32], head: usize) -> Strided<'b> {
        Strided { numbers: &vectors[head * self.of.width..], down: self.stride, along: 1 }
    }

    /// What a head has for each query and key, one query a row.
    fn straight<'b>(&self, weights: &'b [f32]) -> Strided<'b> {
        Strided { numbers: weights, down: self.padded_keys, along: 1 }
    }

    /// The same, one key a row.
    fn across<'b>(&self, weights: &'b [f32]) -> Strided<'b> {
        Strided { numbers: weights, down: 1, along: self.padded_keys }
    }

    /// A head's part of some vectors, times a factor, one a row of whole registers.
    fn rows(&self, vectors: &[f32], head: usize, factor: f32) -> Vec<f32> {
        let mut rows = vec![0.0; vectors.len() / self.stride * self.padded_width];
        let parts = vectors.chunks_exact(self.stride).map(|vector| &vector[head * self.of.width..]);
        for (row, part) in rows.chunks_exact_mut(self.padded_width).zip(parts) {
            row.iter_mut().zip(&part[..self.of.width]).for_each(|(out, value)| *out = value * factor);
        }
        rows
    }

    /// A head's part of the keys or values, times a factor, one a column.
    fn turned(&self, vectors: &[f32], head: usize, factor: f32) -> Vec<f32> {
        let mut columns = vec![0.0; self.of.width * self.padded_keys];
        for (column, vector) in vectors.chunks_exact(self.stride).enumerate() {
            for (row, value) in vector[head * self.of.width..][..self.of.width].iter().enumerate() {
                columns[row * self.padded_keys + column] = value * factor;
            }
        }
        columns
    }

    /// The products of a head's queries with its keys.
    fn scores(&self, head: usize) -> Vec<f32> {
        let mut scores = vec![0.0; self.of.queries * self.padded_keys];
        let keys = self.turned(self.keys, head, self.of.scale());
        product(self.part(self.queries, head), &keys, self.padded_keys, &mut scores);
        scores
    }

    /// How many of the keys come no later than a query.
    #[inline(always)]
    fn within(&self, query: usize) -> usize {
        let of = self.of;
        if of.causal { (of.keys + query + 1).saturating_sub(of.queries).min(of.keys) } else { of.keys }
    }

    /// Whether any of the first keys counts.
    #[inline(always)]
    fn reads(&self, within: usize) -> bool {
        within > 0 && self.valid.is_none_or(|valid| valid[..within].iter().any(|valid| *valid != 0.0))
    }

    /// Sets the numbers of keys that a query does not read.
    #[inline(always)]
    fn set(&self, query: usize, row: &mut [f32], number: f32) {
        row[self.within(query)..].fill(number);
        if let Some(valid) = self.valid {
            row.iter_mut().zip(valid).filter(|(_, valid)| **valid == 0.0).for_each(|(out, _)| *out = number);
        }
    }

    /// Makes weights of scores, each query's logarithm of the sum beside them, and drops some.
    #[inline(always)]
    fn weigh(&self, head: usize, scores: &mut [f32], log_sums: &mut [f32]) {
        for (query, (row, log_sum)) in scores.chunks_exact_mut(self.padded_keys).zip(log_sums).enumerate() {
            let row = &mut row[..self.of.keys];
            let within = self.within(query);
            self.set(query, row, f32::NEG_INFINITY);
            *log_sum = if self.reads(within) { softmax(&mut row[..within]) } else { 0.0 };
            self.set(query, row, 0.0);
            if let Some((draw, key)) = self.key(head, query) {
                for (place, weight) in row.iter_mut().enumerate() {
                    *weight *= draw.factor(key, place as u32);
                }
            }
        }
    }

    /// Makes weights of scores, and the gradients of the scores of those of the weights.
    #[inline(always)]
    fn slope(&self, head: usize, back: [&[f32]; 3], scores: &mut [f32], slopes: &mut [f32]) {
        let [context, gradient, log_sums] = back;
        let rows = scores.chunks_exact_mut(self.padded_keys).zip(slopes.chunks_exact_mut(self.padded_keys));
        for (query, ((scores, slopes), log_sum)) in rows.zip(log_sums).enumerate() {
            let start = query * self.stride + head * self.of.width;
            let vector = start..start + self.of.width;
            let mean: f32 = gradient[vector.clone()].iter().zip(&context[vector]).map(|(g, c)| g * c).sum();
            let (scores, slopes) = (&mut scores[..self.of.keys], &mut slopes[..self.of.keys]);
            let pairs = scores.iter_mut().zip(slopes.iter_mut());
            match self.key(head, query) {
                None => pairs.for_each(|(score, slope)| {
                    *score = exp(*score - log_sum);
                    *slope = *score * (*slope - mean);
                }),
                Some((draw, key)) => pairs.enumerate().for_each(|(place, (score, slope))| {
                    let factor = draw.factor(key, place as u32);
                    let weight = exp(*score - log_sum);
                    *score = weight * factor;
                    *slope = weight * (*slope * factor - mean);
                }),
            }
            self.set(query, scores, 0.0);
            self.set(query, slopes, 0.0);
        }
    }

    /// Puts a head's rows where they belong among the others'.
    fn put(&self, rows: &[f32], head: usize, into: &mut [f32]) {
        let parts = into.chunks_exact_mut(self.stride).map(|vector| &mut vector[head * self.of.width..]);
        for (row, part) in rows.chunks_exact(self.padded_width).zip(parts) {
            part[..self.of.width].copy_from_slice(&row[..self.of.width]);
        }
    }
}

/// Makes weights of scores; gives the logarithm of the sum of the scores' exponentials.
#[inline(always)]
fn softmax(scores: &mut [f32]) -> f32 {
    let most = scores.iter().fold(f32::NEG_INFINITY, |most, score| if *score > most { *score } else { most });
    let mut lanes = [0.0_f32; LANES];
    for chunk in scores.chunks_mut(LANES) {
        for (score, lane) in chunk.iter_mut().zip(&mut lanes) {
            *score = exp(*score - most);
            *lane += *score;
        }
    }
    let sum: f32 = lanes.iter().sum();
    scores.iter_mut().for_each(|score| *score /= sum);
    most + sum.ln()
}
