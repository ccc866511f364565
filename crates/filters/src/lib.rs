//! Voxels to voxels to measurements: everything that is arithmetic on a calibrated image.
//!
//! Filters are plain functions over any [`Raster`](wilhelm_study::Raster), flat or in space, and give
//! back the type they were given: [`denoise`], [`enhance`], [`resample()`], [`correct_bias`].
//! [`segment`] has the classical tools, [`organs`] what they find without weights, [`measure`] and
//! [`radiomics`] the numbers, [`register`] and [`followup`] what changed. [`quality`] judges an image
//! before a network sees it; [`prepare()`] brings a [`Plane`] onto the network's grid and remembers
//! how, so that a place found there can be carried back.
//!
//! The same input gives the same bytes at any number of threads. Nothing here reads a file, a clock or
//! the network.
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

mod bias;
mod crop;
pub mod denoise;
pub mod enhance;
mod error;
pub mod followup;
mod gridded;
mod intensity;
mod lanes;
pub mod measure;
pub mod montage;
mod normalize;
pub mod organs;
mod orient;
pub mod outlier;
mod plane;
mod prepare;
pub mod quality;
pub mod radiomics;
pub mod register;
mod resample;
pub mod segment;

pub use bias::{BiasCorrection, BiasField, BiasLevel, BiasSettings, correct_bias};
pub use crop::{Padding, VoxelBox, box_around, crop, crop_to_mask, pad, paste};
pub use error::FilterError;
pub use gridded::Gridded;
pub use intensity::{IntensityBounds, IntensitySource, intensity_bounds, volume_bounds};
pub use normalize::{NyulScale, Unitless, hu_to_unit, nyul_apply, nyul_train, percentile_rescale, z_score};
pub use orient::{reorient, reorient_onto};
pub use plane::Plane;
pub use prepare::{Fit, Preparation, PrepareError, Prepared, Region, prepare, prepare_volume, resize};
pub use resample::{
    Interpolation, LabelInterpolation, isotropic, resample, resample_labels, resample_mask, to_spacing,
};
