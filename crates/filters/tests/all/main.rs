//! The crate's tests against other implementations, in one binary.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "tests read golden files; the crate itself reads none"
)]

mod quality;
mod register;
mod shared;
