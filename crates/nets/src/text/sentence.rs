mod folder;
#[cfg(test)]
mod tests;

use std::path::Path;

use burn::tensor::{Device, Tensor};
use rayon::prelude::*;
use wilhelm_study::Progress;

use crate::arch::Bert;

use super::{TextError, TokenBatch, Tokenizer, Tokens};

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
        self.tokenizer.read(text, self.lowers, self.most_tokens, self.kinds)
    }

    /// The vectors of texts that go through the network together.
    fn vectors(&self, rows: &[&Tokens]) -> Vec<Vec<f32>> {
        let TokenBatch { ids, kinds, valid, even } = TokenBatch::of(rows, &self.device);
        let tokens = self.network.forward(ids, kinds, (!even).then_some(&valid)).tokens;
        let pooled = match self.pooling {
            Pooling::Mean => mean(tokens, &valid),
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
