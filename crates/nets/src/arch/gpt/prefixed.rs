use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Linear};
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::kernels::{drop, gelu};
use crate::text::decoding::NextTokens;

use super::super::first_weights::linear;
use super::super::torch::TorchNames;
use super::{Gpt, GptConfig, GptMemory, next_token_loss};

/// Sizes of what stands before the text in a [`PrefixedGpt`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixConfig {
    /// Length of a feature vector.
    pub features: usize,
    /// Width within the perceptron that makes tokens of it.
    pub inner: usize,
    /// Tokens that each feature vector becomes.
    pub tokens: usize,
}

/// Makes the tokens of a prefix of feature vectors: a perceptron, its result cut into so many tokens.
///
/// # Shapes
/// `[batch, vectors, features]` to `[batch, vectors * tokens, width]`
///
/// # Source
/// Mokady et al. 2021, arXiv:2111.09734
#[derive(Module, Debug)]
pub struct Projector {
    pub(crate) widening: Linear,
    pub(crate) narrowing: Linear,
    pub(crate) dropout: Dropout,
    pub(crate) tokens: usize,
}

impl Projector {
    /// A projector with random weights.
    pub fn new(config: &PrefixConfig, width: usize, dropout: f64, device: &Device) -> Self {
        Self {
            widening: linear(config.features, config.inner, device),
            narrowing: linear(config.inner, config.tokens * width, device),
            dropout: DropoutConfig::new(dropout).init(),
            tokens: config.tokens,
        }
    }

    /// The tokens of every feature vector, one vector's after another's.
    pub fn forward(&self, features: Tensor<3>) -> Tensor<3> {
        let inner = drop(&self.dropout, gelu(self.widening.forward(features)));
        let all = self.narrowing.forward(inner);
        let [batch, vectors, width] = all.dims();
        all.reshape([batch, vectors * self.tokens, width / self.tokens])
    }
}

/// A decoder that speaks about images: their feature vectors stand before the text as tokens of a prefix, and each
/// token of the text reads them and the tokens before it.
///
/// # Shapes
/// Features `[batch, vectors, features]` and numbers of tokens `[batch, tokens]` to scores
/// `[batch, prefix + tokens, vocabulary]`
#[derive(Module, Debug)]
pub struct PrefixedGpt {
    pub(crate) projector: Projector,
    pub(crate) gpt: Gpt,
}

impl PrefixedGpt {
    /// A network with random weights; the device's seed decides them.
    ///
    /// # Panics
    /// If the sizes are not sound, or the prefix has no tokens.
    pub fn new(config: &GptConfig, prefix: &PrefixConfig, device: &Device) -> Self {
        assert!(prefix.tokens > 0, "without a prefix the text says nothing about the image");
        let projector = Projector::new(prefix, config.width, config.dropout, device);
        Self { projector, gpt: Gpt::new(config, device) }
    }

    /// The whole pass.
    ///
    /// # Panics
    /// If prefix and text are more tokens than positions, or a number is beyond the vocabulary.
    pub fn forward(&self, features: Tensor<3>, tokens: Tensor<2, Int>) -> Tensor<3> {
        let prefix = self.projector.forward(features);
        self.gpt.forward(Tensor::cat(vec![prefix, self.gpt.vectors(tokens)], 1))
    }

    /// The mean over the tokens of text, and over nothing else, of the negative logarithm of their probability.
    ///
    /// # Units
    /// Nats.
    ///
    /// # Panics
    /// As [`PrefixedGpt::forward`].
    pub fn loss(&self, features: Tensor<3>, batch: &TextBatch) -> Tensor<1> {
        let scores = self.forward(features, batch.tokens.clone());
        let [texts, all, _] = scores.dims();
        let [_, count] = batch.tokens.dims();
        let device = scores.device();
        let before = [texts, all - count];
        let tokens = Tensor::cat(vec![Tensor::zeros(before, &device), batch.tokens.clone()], 1);
        let counted = Tensor::cat(vec![Tensor::zeros(before, &device), batch.counted.clone()], 1);
        next_token_loss(scores, tokens, counted)
    }

    /// What comes after the features of one image and an indication (which may have no tokens), word by word.
    ///
    /// # Shapes
    /// `[vectors, features]`
    ///
    /// # Panics
    /// If prefix and indication are more tokens than positions, or a number is beyond the vocabulary.
    pub fn speak(&self, features: Tensor<2>, indication: &[u32]) -> Speaking<'_> {
        let device = features.device();
        let mut start = self.projector.forward(features.unsqueeze_dim::<3>(0));
        if !indication.is_empty() {
            let numbers: Vec<i64> = indication.iter().map(|number| i64::from(*number)).collect();
            let numbers = TensorData::new(numbers, [1, indication.len()]);
            start = Tensor::cat(vec![start, self.gpt.vectors(Tensor::from_data(numbers, &device))], 1);
        }
        self.gpt.speak(start)
    }
}

impl Gpt {
    /// What comes after the vectors of one text, word by word.
    ///
    /// # Shapes
    /// `[1, tokens, width]`
    pub fn speak(&self, start: Tensor<3>) -> Speaking<'_> {
        Speaking { gpt: self, device: start.device(), start, memory: GptMemory::default() }
    }
}

/// A [`Gpt`] that is asked for one token after another, for several texts that began alike.
#[derive(Debug)]
pub struct Speaking<'a> {
    gpt: &'a Gpt,
    device: Device,
    start: Tensor<3>,
    memory: GptMemory,
}

impl Speaking<'_> {
    fn scores(&mut self, vectors: Tensor<3>) -> Vec<Vec<f32>> {
        let scores = self.gpt.go_on(vectors, &mut self.memory);
        let [texts, count, vocabulary] = scores.dims();
        crate::model::rows(scores.narrow(1, count - 1, 1).reshape([texts, vocabulary]))
    }
}

impl NextTokens for Speaking<'_> {
    fn start(&mut self) -> Vec<f32> {
        self.memory = GptMemory::default();
        self.scores(self.start.clone()).swap_remove(0)
    }

    fn go_on(&mut self, texts: &[usize], tokens: &[u32]) -> Vec<Vec<f32>> {
        self.memory = self.memory.of(texts, &self.device);
        let numbers: Vec<i64> = tokens.iter().map(|number| i64::from(*number)).collect();
        let numbers = Tensor::from_data(TensorData::new(numbers, [tokens.len(), 1]), &self.device);
        self.scores(self.gpt.vectors(numbers))
    }

    fn room(&self) -> usize {
        self.gpt.most_tokens() - self.start.dims()[1]
    }
}

/// Why texts make no batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextBatchError {
    /// A token's number is beyond the vocabulary.
    #[error("text {text} has token {token}, expected one below the vocabulary's {vocabulary}")]
    Token {
        /// Which text, from 0.
        text: usize,
        /// The number.
        token: u32,
        /// Tokens of the vocabulary.
        vocabulary: usize,
    },
    /// A text has more tokens than there are positions after the prefix.
    #[error(
        "text {text} has {found} tokens with indication and end, expected at most {most} after the prefix"
    )]
    Long {
        /// Which text, from 0.
        text: usize,
        /// Its tokens.
        found: usize,
        /// Positions that are left.
        most: usize,
    },
}

/// Texts to learn, padded to the longest.
#[derive(Clone, Debug)]
pub struct TextBatch {
    /// Indication, text, end, padding: `[batch, tokens]`.
    pub tokens: Tensor<2, Int>,
    /// 1 for tokens of the text and its end, 0 for the indication's and padding: `[batch, tokens]`.
    pub counted: Tensor<2>,
}

impl TextBatch {
    /// The batch of texts, each an indication (which may be empty) and what is to be said, whose end gets the token
    /// `end`; `room` is how many tokens fit after the prefix.
    ///
    /// # Errors
    /// [`TextBatchError`] naming the text: nothing is cut off.
    pub fn new(
        texts: &[(&[u32], &[u32])],
        end: u32,
        room: usize,
        vocabulary: usize,
        device: &Device,
    ) -> Result<Self, TextBatchError> {
        let longest =
            texts.iter().map(|(indication, said)| indication.len() + said.len() + 1).max().unwrap_or(0);
        let (mut tokens, mut counted) = (Vec::new(), Vec::new());
        for (text, (indication, said)) in texts.iter().enumerate() {
            let found = indication.len() + said.len() + 1;
            if found > room {
                return Err(TextBatchError::Long { text, found, most: room });
            }
            let all = indication.iter().chain(*said).chain([&end]);
            if let Some(token) = all.clone().find(|token| **token as usize >= vocabulary) {
                return Err(TextBatchError::Token { text, token: *token, vocabulary });
            }
            tokens.extend(all.map(|token| i64::from(*token)).chain(vec![i64::from(end); longest - found]));
            counted
                .extend((0..longest).map(|at| f32::from(u8::from((indication.len()..found).contains(&at)))));
        }
        let shape = [texts.len(), longest];
        Ok(Self {
            tokens: Tensor::from_data(TensorData::new(tokens, shape), device),
            counted: Tensor::from_data(TensorData::new(counted, shape), device),
        })
    }
}

impl TorchNames for PrefixedGpt {
    /// GPT-2's names after `gpt.`; the projector is `nn.Sequential(nn.Linear, nn.GELU, nn.Linear)`.
    fn torch_name(&self, own: &str) -> String {
        match own.split('.').collect::<Vec<_>>()[..] {
            ["projector", "widening", leaf] => format!("projector.0.{leaf}"),
            ["projector", _, leaf] => format!("projector.2.{leaf}"),
            _ => match own.strip_prefix("gpt.") {
                Some(inner) => format!("gpt.{}", self.gpt.torch_name(inner)),
                None => own.to_owned(),
            },
        }
    }
}
