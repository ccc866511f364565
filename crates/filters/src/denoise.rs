//! Filters that take noise away: one function a method, over flat images and volumes alike.
//!
//! Each takes what [`Raster`](wilhelm_study::Raster) describes and gives the same type back, on the same
//! grid and in the same unit. A dimension of size 1 takes no part. Every function says what it does at
//! the image's edge and with values that are not numbers.
//!
//! Which one: [`gaussian`] before a derivative or a smaller grid; [`median`] against single wrong voxels;
//! [`bilateral`] and [`diffusion`] where edges must stay sharp at little cost; [`non_local_means`] and
//! [`total_variation`] for the most noise removed; [`despeckle`] for ultrasound.
//!
//! ```
//! use wilhelm_filters::denoise::{Edge, Sigma, gaussian};
//! use wilhelm_study::{Arbitrary, Projection};
//!
//! let spike = vec![0.0, 0.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0, 0.0];
//! let image = Projection::<Arbitrary>::new(3, 3, spike, None)?;
//! let smooth = gaussian(&image, Sigma::Voxels(0.5), Edge::Reflect)?;
//! assert!(smooth.pixels()[4] < 9.0 && (smooth.pixels().iter().sum::<f32>() - 9.0).abs() < 1e-5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bilateral;
mod diffusion;
mod gaussian;
mod median;
mod noise;
mod non_local_means;
mod padded;
mod sigma;
mod speckle;
mod steps;
mod total_variation;

pub use bilateral::bilateral;
pub use diffusion::{Diffusion, DiffusionKind, diffusion};
pub use gaussian::gaussian;
pub use median::median;
pub use noise::{estimate_noise, rician_sigma};
pub use non_local_means::{NonLocalMeans, non_local_means};
pub use padded::Edge;
pub use sigma::Sigma;
pub use speckle::{Despeckle, despeckle};
pub use total_variation::{TotalVariation, total_variation};

pub(crate) use padded::Padded;
pub(crate) use steps::Steps;
