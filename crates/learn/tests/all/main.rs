//! The crate's tests against other implementations and on made-up data, in one binary.

mod evaluation;
mod fusion;
