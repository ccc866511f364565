mod folder;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::path::Path;

use burn::tensor::{Device, Int, Tensor, TensorData};
use rayon::prelude::*;
use wilhelm_study::Progress;

use crate::arch::Bert;

use super::{TextError, Tokenizer, Tokens};

/// How a text's vector is made of its tokens'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// Their mean.
    Mean,
    /// The first token's.
    First,
}

/// A text's vector.
#[derive(Clone, Debug, PartialEq)]
pub struct SentenceVector {
    /// As many as [`SentenceEncoder::width`].
    pub numbers: Vec<f32>,
    /// Tokens that were read, those that the tokenizer adds included.
    pub tokens: usize,
    /// Tokens that were cut off at the end because there were too many: the vector says nothing of them.
    pub cut: usize,
}

/// A network that gives a text a vector, near that of a text that says the same.
///
/// # Source
/// Reimers and Gurevych 2019, doi:10.18653/v1/D19-1410
#[derive(Debug)]
pub struct SentenceEncoder {
    tokenizer: Tokenizer,
    network: Bert,
    pooling: Pooling,
    /// Whether vectors are scaled to length 1.
    normalizes: bool,
    /// Whether texts are put in lower case before the tokenizer sees them.
    lowers: bool,
    most_tokens: usize,
    /// Kinds of tokens that the network knows.
    kinds: usize,
    width: usize,
    device: Device,
}

impl SentenceEncoder {
    /// Texts that go through the network at once.
    const BATCH: usize = 32;

    /// Opens a folder as `sentence-transformers` saves it: `config.json`, `model.safetensors`, `tokenizer.json`,
    /// `modules.json` and the settings that these name.
    ///
    /// # Errors
    /// [`TextError`] naming the file and what in it is missing, does not fit or is not known here.
    pub fn open(folder: &Path) -> Result<Self, TextError> {
        folder::open(folder)
    }

    /// Numbers of a vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Most tokens that are read of a text, those that the tokenizer adds included.
    pub fn most_tokens(&self) -> usize {
        self.most_tokens
    }

    /// The vector of each text, in the order of the texts.
    ///
    /// Texts of like length go through the network together, so that little is computed for padding; which ones these
    /// are changes no vector by more than the rounding of sums.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`], [`TextError::Cancelled`].
    pub fn embed(&self, texts: &[&str], progress: &dyn Progress) -> Result<Vec<SentenceVector>, TextError> {
        let tokens: Vec<Tokens> =
            texts.par_iter().map(|text| self.tokens(text)).collect::<Result<_, TextError>>()?;
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|at| tokens[*at].ids.len());
        let mut vectors = vec![Vec::new(); texts.len()];
        for (done, group) in order.chunks(Self::BATCH).enumerate() {
            if progress.cancelled() {
                return Err(TextError::Cancelled);
            }
            let rows: Vec<&Tokens> = group.iter().map(|at| &tokens[*at]).collect();
            for (at, vector) in group.iter().zip(self.vectors(&rows)) {
                vectors[*at] = vector;
            }
            progress.step((done * Self::BATCH + group.len()).min(texts.len()), texts.len());
        }
        let made = vectors.into_iter().zip(tokens);
        Ok(made
            .map(|(numbers, tokens)| SentenceVector { numbers, tokens: tokens.ids.len(), cut: tokens.cut })
            .collect())
    }

    fn tokens(&self, text: &str) -> Result<Tokens, TextError> {
        let text = if self.lowers { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) };
        let tokens = self.tokenizer.encode(&text, None, self.most_tokens)?;
        if tokens.ids.is_empty() {
            let reason = "gives a text that says nothing no tokens, so that it has no vector".to_owned();
            return Err(TextError::Tokenizer { reason });
        }
        if let Some(kind) = tokens.kinds.iter().find(|kind| **kind as usize >= self.kinds) {
            let reason = format!("gives tokens the kind {kind}, and the network knows {} kinds", self.kinds);
            return Err(TextError::Tokenizer { reason });
        }
        Ok(tokens)
    }

    /// The vectors of texts that go through the network together.
    fn vectors(&self, rows: &[&Tokens]) -> Vec<Vec<f32>> {
        let longest = rows.iter().map(|row| row.ids.len()).max().unwrap_or(0);
        let (ids, kinds) = (padded(rows, longest, |row| &row.ids), padded(rows, longest, |row| &row.kinds));
        let shape = [rows.len(), longest];
        let whole =
            |numbers: Vec<i64>| Tensor::<2, Int>::from_data(TensorData::new(numbers, shape), &self.device);
        let counts: Vec<f32> = rows
            .iter()
            .flat_map(|row| (0..longest).map(|at| f32::from(u8::from(at < row.ids.len()))))
            .collect();
        let counts = Tensor::<2>::from_data(TensorData::new(counts, shape), &self.device);
        let even = rows.iter().all(|row| row.ids.len() == longest);
        let tokens = self.network.forward(whole(ids), whole(kinds), (!even).then_some(&counts)).tokens;
        let pooled = match self.pooling {
            Pooling::Mean => mean(tokens, &counts),
            Pooling::First => tokens.narrow(1, 0, 1).squeeze_dim::<2>(1),
        };
        let vectors = crate::model::rows(pooled);
        if self.normalizes { vectors.into_iter().map(unit).collect() } else { vectors }
    }
}

/// The cosine of the angle between two vectors: 1 for the same direction, 0 for a right angle; 0 where one of them is
/// nothing but zeros.
///
/// # Panics
/// If they differ in length.
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len(), "vectors of one network have one length");
    let product =
        |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum() };
    let lengths = (product(a, a) * product(b, b)).sqrt();
    if lengths == 0.0 { 0.0 } else { product(a, b) / lengths }
}

/// Rows of one length; 0 stands where a row has ended.
fn padded(rows: &[&Tokens], longest: usize, of: impl Fn(&Tokens) -> &Vec<u32>) -> Vec<i64> {
    let row = |row: &Tokens| {
        let own = of(row).iter().map(|number| i64::from(*number));
        own.chain(std::iter::repeat(0)).take(longest).collect::<Vec<_>>()
    };
    rows.iter().flat_map(|tokens| row(tokens)).collect()
}

/// The mean of the vectors of tokens that count: `[batch, tokens, width]` and `[batch, tokens]` to `[batch, width]`.
fn mean(tokens: Tensor<3>, counts: &Tensor<2>) -> Tensor<2> {
    let sums = (tokens * counts.clone().unsqueeze_dim::<3>(2)).sum_dim(1).squeeze_dim::<2>(1);
    // As the network's authors guard against a text of no tokens.
    sums / counts.clone().sum_dim(1).clamp_min(1e-9)
}

/// A vector in the same direction with length 1.
fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt().max(1e-12);
    vector.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
    vector
}
