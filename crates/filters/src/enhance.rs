//! Contrast for eyes and networks: sharpening, equalization, matching of histograms, and windows.
//!
//! Functions that change values on their own scale give back the type they were given; [`window()`] leaves
//! the scale for that of a screen, so it gives bare numbers from 0 to 1, and [`window_bytes`] gives bytes.
//!
//! ```
//! use wilhelm_filters::enhance::{CT_PRESETS, window_bytes};
//! use wilhelm_study::{Geometry, Hu, Mm, Spacing, Volume};
//!
//! let spacing = Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0))?;
//! let grid = Geometry::axis_aligned([3, 1, 1], spacing)?;
//! let ct = Volume::<Hu>::new(grid, vec![-2000.0, -600.5, 500.0])?;
//! let lung = CT_PRESETS.iter().find(|preset| preset.name == "lung").expect("listed");
//! assert_eq!(window_bytes(&ct, &lung.window)?, [0, 128, 255]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clahe;
mod gamma;
mod histogram;
mod presets;
mod sharpen;
mod window;

pub use clahe::{Clahe, ClaheExtent, clahe};
pub use gamma::gamma;
pub use histogram::{equalize, match_histogram};
pub use presets::{CT_PRESETS, WindowPreset};
pub use sharpen::unsharp_mask;
pub use window::{VoiFunction, Window, window, window_bytes};

/// The least and the greatest value that is a number; `None` where there is none.
fn finite_range(values: &[f32]) -> Option<(f32, f32)> {
    use rayon::prelude::*;

    let range = |part: &[f32]| {
        let finite = part.iter().filter(|value| value.is_finite());
        finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
            (low.min(*value), high.max(*value))
        })
    };
    let wider = |a: (f32, f32), b: (f32, f32)| (a.0.min(b.0), a.1.max(b.1));
    let (low, high) =
        values.par_chunks(1 << 16).map(range).reduce(|| (f32::INFINITY, f32::NEG_INFINITY), wider);
    (low <= high).then_some((low, high))
}
