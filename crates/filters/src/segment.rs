//! Classical segmentation without weights: thresholds, connected components, morphology, distances,
//! region growing, watershed, a tool that follows clicks, vessels and blobs, center lines.
//!
//! Every function takes a [`Mask`](wilhelm_study::Mask) or a [`FlatMask`](wilhelm_study::FlatMask)
//! alike (through [`BinaryRaster`]), or a volume or flat image (through [`Maskable`]), and gives back
//! the kind it was given. A dimension of size 1 takes no part. The same input gives the same bytes at
//! any number of threads.
//!
//! ```
//! use wilhelm_filters::segment::{Connectivity, components, threshold};
//! use wilhelm_study::{Arbitrary, Projection};
//!
//! let picture = Projection::<Arbitrary>::new(4, 1, vec![0.0, 9.0, 0.0, 7.0], None)?;
//! let bright = threshold::range(&picture, 5.0, 10.0)?;
//! assert_eq!(components::list(&bright, Connectivity::Faces)?.len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod binary;
mod bits;
pub mod blobs;
pub mod components;
pub mod distance;
pub mod gray;
mod hessian;
pub mod holes;
mod lines;
pub mod morphology;
pub mod path;
pub mod region;
mod runs;
mod steps;
pub mod threshold;
pub mod vesselness;
pub mod walker;
pub mod watershed;

pub use binary::{BinaryRaster, Maskable};
pub use runs::{Component, Connectivity};
