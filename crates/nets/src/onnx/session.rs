//! What is known of a network that ONNX Runtime has loaded.

use super::OnnxError;

/// An input or an output of a loaded network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    pub name: String,
    /// Lengths of the axes, `None` for one that is known when the network runs; none at all where it is no tensor of
    /// single-precision numbers.
    pub axes: Option<Vec<Option<usize>>>,
}

/// Numbers with their shape, the last axis fastest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Numbers {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

impl Numbers {
    /// Rows of a table of so many rows and columns.
    pub fn rows(self, output: &str, [rows, columns]: [usize; 2]) -> Result<Vec<Vec<f32>>, OnnxError> {
        if self.shape != [rows, columns] {
            return Err(OnnxError::Graph {
                what: format!("shape of output {output:?}"),
                found: format!("{:?}", self.shape),
                expected: format!("{:?}", [rows, columns]),
            });
        }
        Ok(self.values.chunks_exact(columns.max(1)).map(<[f32]>::to_vec).collect())
    }
}

/// Axes for people, those that are free as a question mark.
pub(crate) fn spoken(axes: &[Option<usize>]) -> String {
    let axes: Vec<String> =
        axes.iter().map(|axis| axis.map_or_else(|| "?".to_owned(), |length| length.to_string())).collect();
    format!("[{}]", axes.join(", "))
}
