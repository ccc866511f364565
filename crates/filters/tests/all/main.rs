//! The crate's tests against other implementations, in one binary.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "tests read golden files; the crate itself reads none"
)]

mod bias;
mod denoise;
mod denoise_gain;
mod enhance;
mod normalize;
mod organs;
mod outlier;
mod quality;
mod radiomics;
mod register;
mod resample;
mod segment;
mod segment_fields;
mod shared;
mod surfaces;
