//! Text to vectors and vectors to text: tokens, sentence vectors, decoding.
//!
//! [`SentenceEncoder`] opens a folder as `sentence-transformers` saves it and gives each text a vector; [`Tokenizer`]
//! turns text into the numbers of a vocabulary and says how many it had to cut off; [`TextClassifier`] says what a text
//! and the numbers that come with it are, and [`HubReader`] does so by networks of the model hub; [`decoding`] chooses words where a network gives probabilities of the next
//! one. The networks themselves are [`Bert`](crate::arch::Bert), [`TextReader`](crate::arch::TextReader) and
//! [`Gpt`](crate::arch::Gpt).

mod base;
mod batch;
mod classifier;
pub mod decoding;
mod error;
mod hub;
mod sentence;
mod tokenizer;

pub use base::TextBase;
pub use batch::TokenBatch;
pub use classifier::{TextClassifier, TextLogits, logits_of};
pub use error::TextError;
pub use hub::{HubAnswer, HubReader, TextSpan};
pub use sentence::{Pooling, SentenceEncoder, SentenceVector, cosine};
pub use tokenizer::{Tokenizer, Tokens};
