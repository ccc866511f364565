//! Passages found by their words, by what they mean, and by both.
//!
//! The principal type is [`Lexical`], BM25 over words; [`Vectors`] holds a vector a passage and finds the nearest
//! exactly; [`fused`] makes one order of several. How good an order is say [`recall_at`], [`reciprocal_rank`] and
//! [`average_precision`].

mod fuse;
mod lexical;
mod measure;
mod vectors;
mod words;

pub use fuse::{DEPTH, Ranked, fused};
pub use lexical::{Lexical, LexicalError, LexicalWriter};
pub use measure::{average_precision, ndcg_at, recall_at, reciprocal_rank};
pub use vectors::{Vectors, VectorsError, VectorsWriter};
pub use words::words;
