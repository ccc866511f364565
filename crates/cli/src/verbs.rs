//! One module a verb.

pub mod config;
pub mod convert;
pub mod embed;
pub mod evaluate;
pub mod explain;
mod export;
pub mod fewshot;
mod folds;
pub mod ground;
pub mod inspect;
pub mod measure;
pub mod models;
pub mod predict;
mod pretrain;
pub mod radiomics;
pub mod ratio;
pub mod read;
pub mod register;
mod robustness;
pub mod segment;
mod segment_breast;
mod segment_model;
pub mod sweep;
pub mod train;
mod train_segmenter;
