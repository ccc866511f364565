//! The crate's tests against other implementations, in one binary.

mod evaluation;
