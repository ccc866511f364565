/// Why a network cannot be written as ONNX, or read from it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// A build without the feature `ort`.
    #[error("this program was built without ONNX Runtime: build it anew with --features ort")]
    NotBuilt,
    /// The library is not where it was looked for, or the system cannot load it.
    #[error(
        "ONNX Runtime is not loadable from {library}: {what}; name the file libonnxruntime.so, which the Python package \
         onnxruntime carries"
    )]
    Library {
        /// Where it was looked for.
        library: String,
        /// The system's words.
        what: String,
    },
    /// A library, but another one.
    #[error("{library} is a library, but not ONNX Runtime: it has no OrtGetApiBase")]
    OtherLibrary {
        /// The file.
        library: String,
    },
    /// An ONNX Runtime from before the first that is understood.
    #[error("ONNX Runtime in {library} is version {found}, expected {least} or newer")]
    OldLibrary {
        /// The file.
        library: String,
        /// Its version.
        found: String,
        /// The first version that will do.
        least: String,
    },
    /// A second library in one process.
    #[error("ONNX Runtime was loaded from {loaded} before, and a process has one: {asked} is not loaded")]
    SecondLibrary {
        /// The one that is there.
        loaded: String,
        /// The one that was asked for.
        asked: String,
    },
    /// No ONNX, or cut off.
    #[error("not an ONNX file, or cut off: {what}")]
    Form {
        /// What the reader stumbled over.
        what: String,
    },
    /// Larger than is written or read.
    #[error("an ONNX file of {bytes} bytes, expected at most {most}")]
    Large {
        /// Its bytes.
        bytes: usize,
        /// The most.
        most: usize,
    },
    /// Weights outside the file, whose hash says nothing of them.
    #[error("tensor {tensor:?} lies in another file, expected all weights within the ONNX file")]
    Outside {
        /// The tensor's name.
        tensor: String,
    },
    /// A network that is not written.
    #[error("this network is not written as ONNX: {what}")]
    Network {
        /// Why.
        what: String,
    },
    /// Weights that could not be read back from their device.
    #[error("weights {name} are not readable: {what}")]
    Weights {
        /// The tensor's name.
        name: String,
        /// Why.
        what: String,
    },
    /// A network that asks for or gives something else than its card says.
    #[error("{what} is {found}, expected {expected}")]
    Graph {
        /// Which input or output, and which property of it.
        what: String,
        /// What the file has.
        found: String,
        /// What the card asks for.
        expected: String,
    },
    /// ONNX Runtime refuses the network: an operator that it lacks, or shapes that do not fit.
    #[error("ONNX Runtime does not take the network: {what}")]
    Refused {
        /// Its words, the first line of them.
        what: String,
    },
    /// ONNX Runtime fails while it computes.
    #[error("ONNX Runtime failed: {what}")]
    Failed {
        /// Its words, the first line of them.
        what: String,
    },
}

impl OnnxError {
    /// Whether whoever gave the file or the library can do something about it.
    pub const fn is_callers_fault(&self) -> bool {
        !matches!(self, Self::Weights { .. } | Self::Failed { .. })
    }
}
