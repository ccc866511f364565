//! Text to vectors and vectors to text: tokens, sentence vectors, decoding.
//!
//! [`SentenceEncoder`] opens a folder as `sentence-transformers` saves it and gives each text a vector; [`Tokenizer`]
//! turns text into the numbers of a vocabulary and says how many it had to cut off; [`decoding`] chooses words where a
//! network gives probabilities of the next one. The networks themselves are [`Bert`](crate::arch::Bert) and
//! [`Gpt`](crate::arch::Gpt).

pub mod decoding;
mod error;
mod sentence;
mod tokenizer;

pub use error::TextError;
pub use sentence::{Pooling, SentenceEncoder, SentenceVector, cosine};
pub use tokenizer::{Tokenizer, Tokens};
