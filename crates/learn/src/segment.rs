//! Training of networks that outline something, from images and their masks.
//!
//! A [`SegmenterRecipe`] and the data that it names become weights and a [`SegmenterCard`](wilhelm_nets::SegmenterCard).
//! The figures on the card are those of [`Segmenter::outline`](wilhelm_nets::Segmenter::outline) on each validation
//! image as its file has it: the very thing that `wilhelm segment` does, with resampling there and back.

mod baselines;
mod figures;
mod folds;
mod lessons;
mod masks;
mod pairs;
mod recipe;
mod spread;
mod sweep;
mod train;

pub use folds::{
    OutlineBaselineMean, OutlineFold, OutlineFolds, OutlinedOutOfFold, SegmentFolds, outline_folds_table,
    outlined_out_of_fold, summarize_outline_folds,
};
pub use masks::{Outline, OutlineSet, load_masks};
pub use recipe::{MaskGrid, MaskSegment, MaskSource, Patches, SegmenterRecipe};
pub use spread::Spread;
pub use sweep::{OutlineArm, SegmentOfArm, outline_table, summarize_outlines};
pub use train::{
    MaskDivision, SegmenterCases, SegmenterMetrics, TrainedOutlines, divide_masks, train_segmenter,
};

#[cfg(test)]
mod tests;
