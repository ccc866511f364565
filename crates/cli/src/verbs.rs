//! One module a verb.

pub mod config;
pub mod ground;
pub mod inspect;
pub mod models;
pub mod predict;
pub mod read;
pub mod train;
