//! The evaluation half of the crate against other implementations, on the cases of
//! `../golden/evaluation.json`.

mod agreement;
mod calibration;
mod counts;
mod drift;
mod overlap;
mod ranking;
mod resampling;
mod rule;
mod sets;
mod shared;
