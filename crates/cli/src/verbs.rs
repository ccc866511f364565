//! One module a verb.

pub mod config;
pub mod convert;
pub mod evaluate;
pub mod explain;
mod export;
mod folds;
pub mod ground;
pub mod inspect;
pub mod measure;
pub mod models;
pub mod predict;
pub mod radiomics;
pub mod ratio;
pub mod read;
pub mod register;
pub mod segment;
mod segment_breast;
pub mod sweep;
pub mod train;
