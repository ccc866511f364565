//! One module a verb.

pub mod config;
pub mod convert;
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
mod predict_cases;
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
mod train_fusion;
mod train_segmenter;
