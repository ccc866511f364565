use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use wilhelm_study::Progress;

use crate::arch::{BertConfig, ReaderConfig, TextReader};

use super::base::fitting;
use super::{TextBase, TextError, TokenBatch, Tokenizer, Tokens};

/// A network that says what a text, and the numbers that come with it, are.
#[derive(Debug)]
pub struct TextClassifier {
    tokenizer: Tokenizer,
    encoder: BertConfig,
    sizes: ReaderConfig,
    network: TextReader,
    most_tokens: usize,
    lowers: bool,
}

/// The logits of a text, and what of it was not read.
#[derive(Clone, Debug, PartialEq)]
pub struct TextLogits {
    /// One a class.
    pub logits: Vec<f64>,
    /// Tokens that were cut off at the end because there were too many: the logits say nothing of them.
    pub cut: usize,
}

impl TextClassifier {
    /// Texts that go through the network at once.
    const BATCH: usize = 32;

    /// A network with its encoder's tokenizer; at most `most_tokens` are read of a text.
    ///
    /// # Panics
    /// If `most_tokens` is 0 or above the encoder's positions.
    pub fn new(base: &TextBase, sizes: ReaderConfig, network: TextReader, most_tokens: usize) -> Self {
        assert!((1..=base.config.positions).contains(&most_tokens), "tokens of a text");
        Self {
            tokenizer: base.tokenizer.clone(),
            encoder: base.config.clone(),
            sizes,
            network: network.valid(),
            most_tokens,
            lowers: base.lowers,
        }
    }

    /// The network of its files: the encoder's `config.json` and `tokenizer.json`, and the weights.
    ///
    /// # Errors
    /// [`TextError`] naming what does not fit; `path` stands for `config.json` in messages.
    pub fn read(
        path: &Path,
        (config_json, tokenizer_json): (&str, &[u8]),
        sizes: ReaderConfig,
        weights: Vec<u8>,
        (most_tokens, lowers): (usize, bool),
    ) -> Result<Self, TextError> {
        let (encoder, tokenizer) = fitting(path, config_json, tokenizer_json)?;
        if !(1..=encoder.positions).contains(&most_tokens) {
            return Err(TextError::Tokenizer {
                reason: format!(
                    "shall read {most_tokens} tokens of a text, and the network takes 1 to {}",
                    encoder.positions
                ),
            });
        }
        let network =
            TextReader::load(&encoder, sizes, weights).map_err(|what| TextError::Reader { what })?;
        Ok(Self { tokenizer, encoder, sizes, network, most_tokens, lowers })
    }

    /// The tokens of a text.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`].
    pub fn tokens(&self, text: &str) -> Result<Tokens, TextError> {
        self.tokenizer.read(text, self.lowers, self.most_tokens, self.encoder.kinds)
    }

    /// The logits of each text with its numbers, in the order of the texts.
    ///
    /// # Shapes
    /// `numbers` holds a row a text, as many as [`ReaderConfig::numbers`], brought to the scale of training.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`], [`TextError::Cancelled`].
    ///
    /// # Panics
    /// If a row of numbers is missing or has another length.
    pub fn logits(
        &self,
        texts: &[&str],
        numbers: &[Vec<f32>],
        progress: &dyn Progress,
    ) -> Result<Vec<TextLogits>, TextError> {
        let tokens: Vec<Tokens> =
            texts.par_iter().map(|text| self.tokens(text)).collect::<Result<_, TextError>>()?;
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|at| tokens[*at].ids.len());
        let mut logits = vec![Vec::new(); texts.len()];
        for (done, group) in order.chunks(Self::BATCH).enumerate() {
            if progress.cancelled() {
                return Err(TextError::Cancelled);
            }
            let rows: Vec<&Tokens> = group.iter().map(|at| &tokens[*at]).collect();
            let of_group: Vec<&[f32]> = group.iter().map(|at| numbers[*at].as_slice()).collect();
            let said = logits_of(&self.network, &rows, &of_group, self.sizes.numbers, &Device::flex());
            for (at, row) in group.iter().zip(crate::model::rows(said)) {
                logits[*at] = row.into_iter().map(f64::from).collect();
            }
            progress.step((done * Self::BATCH + group.len()).min(texts.len()), texts.len());
        }
        let made = logits.into_iter().zip(tokens);
        Ok(made.map(|(logits, tokens)| TextLogits { logits, cut: tokens.cut }).collect())
    }
}

/// `[batch, classes]`: the logits of texts that go through a network together, with their numbers.
///
/// # Panics
/// If a row of numbers does not have `width` of them.
pub fn logits_of(
    network: &TextReader,
    rows: &[&Tokens],
    numbers: &[&[f32]],
    width: usize,
    device: &Device,
) -> Tensor<2> {
    let TokenBatch { ids, kinds, valid, .. } = TokenBatch::of(rows, device);
    let numbers = (width > 0).then(|| {
        let shape = [rows.len(), width];
        Tensor::<2>::from_data(TensorData::new(numbers.concat(), shape), device)
    });
    network.forward(ids, kinds, &valid, numbers)
}
