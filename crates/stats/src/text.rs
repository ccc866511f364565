//! Scores of generated text against reference text: BLEU, ROUGE, METEOR, CIDEr-D, variety, and F1 of label sets; texts as
//! weighted counts of their terms.
//!
//! Every score has as many conventions as implementations, and most quarrels about scores are about these. Here the
//! tokenizer ([`TextTokenizer`]), the smoothing ([`BleuSmoothing`]), the stemming and the aggregation are arguments or
//! stand in the name, and each is checked against the implementation that it is named after (`tools/golden/stats_text.py`).
//!
//! Invariants: a text is a list of tokens and may be empty; an empty hypothesis or an empty reference scores 0, never
//! NaN; a case without any reference is refused. All scores lie in 0 to 1, but for CIDEr-D, which lies in 0 to 10.
//!
//! ```
//! use wilhelm_stats::text::{BleuRule, TextTokenizer, count_bleu, rouge_l};
//!
//! let tokens = |text| TextTokenizer::Whitespace.tokens(text);
//! let (written, truth) = (tokens("no acute process"), tokens("no acute intrathoracic process"));
//! assert_eq!(rouge_l(&written, &truth).recall, 0.75);
//!
//! let counts = count_bleu(&written, &[truth])?;
//! // Both bigrams would have to match; one does, and the text is shorter by a third.
//! let expected = (1.0_f64 - 4.0 / 3.0).exp() * 0.5_f64.sqrt();
//! assert!((counts.score(BleuRule { order: 2, ..BleuRule::CORPUS })? - expected).abs() < 1e-12);
//! # Ok::<(), wilhelm_stats::StatsError>(())
//! ```

mod bleu;
mod cider;
mod labels;
mod meteor;
mod ngrams;
mod porter;
mod rouge;
mod tf_idf;
mod tokens;
mod variety;

pub use bleu::{BLEU_ORDER, BleuCounts, BleuRule, BleuSmoothing, count_bleu};
pub use cider::{CIDER_SIGMA, CiderDocuments};
pub use labels::{EmptySets, LabelSetScores, LabelSets, PrecisionRecall};
pub use meteor::{MeteorRule, meteor};
pub use porter::porter_stem;
pub use rouge::{CAPTION_BETA, RougeScore, rouge_l, rouge_l_caption, rouge_l_summary, rouge_n};
pub use tf_idf::TfIdf;
pub use tokens::TextTokenizer;
pub use variety::{distinct_ngrams, distinct_texts, repetition_rate};
