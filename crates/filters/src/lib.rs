//! Voxels to voxels: what stands between a calibrated image and a network, and what judges the
//! image before that.
//!
//! The principal type is [`Plane`], a borrowed flat image; [`prepare()`] brings it onto a
//! network's grid and remembers how, so that a place found there can be carried back.
//! Nothing here reads a file, a clock or the network.
//!
//! ```
//! use wilhelm_filters::{Fit, Plane, Preparation, prepare};
//!
//! let values: Vec<f32> = (0..64).map(|value| value as f32).collect();
//! let plane = Plane::new(&values, 8, 8)?;
//! let recipe = Preparation { columns: 4, rows: 4, fit: Fit::Stretch, mean: 0.5, deviation: 0.25 };
//! let prepared = prepare(plane, (0.0, 63.0), &recipe)?;
//! assert_eq!(prepared.pixels.len(), 16);
//! # Ok::<(), wilhelm_filters::PrepareError>(())
//! ```

mod error;
pub mod followup;
mod intensity;
mod plane;
mod prepare;
pub mod quality;
pub mod register;

pub use error::FilterError;
pub use intensity::{IntensityBounds, IntensitySource, intensity_bounds};
pub use plane::Plane;
pub use prepare::{Fit, Preparation, PrepareError, Prepared, Region, prepare, resize};
