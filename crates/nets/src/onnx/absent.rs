//! In a build without the feature `ort` there is no ONNX Runtime to have.

use std::path::Path;

use super::OnnxError;
use super::session::{Numbers, Port};

/// ONNX Runtime; this build is without it, so that there is none.
#[derive(Debug)]
pub enum Runtime {}

/// A network that ONNX Runtime has loaded: none either.
#[derive(Debug)]
pub(crate) enum Session {}

impl Runtime {
    /// Loads the library.
    ///
    /// # Errors
    /// [`OnnxError::NotBuilt`], always.
    pub fn load(_library: &Path, _threads: usize) -> Result<Self, OnnxError> {
        Err(OnnxError::NotBuilt)
    }

    pub(crate) const fn session(&self, _file: &[u8]) -> Result<Session, OnnxError> {
        match *self {}
    }
}

impl Session {
    pub const fn inputs(&self) -> &[Port] {
        match *self {}
    }

    pub const fn outputs(&self) -> &[Port] {
        match *self {}
    }

    pub fn run(&self, _input: &str, _values: Numbers, _outputs: &[&str]) -> Result<Vec<Numbers>, OnnxError> {
        match *self {}
    }
}
