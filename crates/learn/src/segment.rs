//! Training of networks that outline something, from images and their masks.
//!
//! A [`SegmenterRecipe`] and the data that it names become weights and a [`SegmenterCard`](wilhelm_nets::SegmenterCard).
//! The figures on the card are those of [`Segmenter::outline`](wilhelm_nets::Segmenter::outline) on each validation
//! image as its file has it: the very thing that `wilhelm segment` does, with resampling there and back.

mod baselines;
mod figures;
mod lessons;
mod masks;
mod pairs;
mod recipe;
mod train;

pub use masks::{Outline, OutlineSet, load_masks};
pub use recipe::{MaskGrid, MaskSegment, MaskSource, Patches, SegmenterRecipe};
pub use train::{
    MaskDivision, SegmenterCases, SegmenterMetrics, TrainedOutlines, divide_masks, train_segmenter,
};

#[cfg(test)]
mod tests;
