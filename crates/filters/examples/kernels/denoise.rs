//! Operations of `denoise` and `enhance`, with the parameters of `tools/bench/kernels/denoise.py`.

use wilhelm_filters::FilterError;
use wilhelm_filters::denoise::{
    Diffusion, DiffusionKind, Edge, NonLocalMeans, Sigma, TotalVariation, bilateral, diffusion, gaussian,
    median, non_local_means, total_variation,
};
use wilhelm_filters::enhance::{Clahe, ClaheExtent, clahe};
use wilhelm_study::Silent;

use crate::Input;

/// Runs one of them; `None` for a name that stands elsewhere.
pub fn run(operation: &str, input: &Input) -> Option<Vec<f32>> {
    let means = |patch_radius, search_radius| NonLocalMeans {
        patch_radius,
        search_radius,
        strength: 16.0,
        noise_sigma: 20.0,
    };
    let flows = |kind| Diffusion { kind, conductance: 2.0, time_step: 0.0625, iterations: 5 };
    let result = match operation {
        "gaussian" => gaussian(input, Sigma::Voxels(1.5), Edge::Reflect),
        "gaussian-wide" => gaussian(input, Sigma::Voxels(6.0), Edge::Reflect),
        "median" => median(input, [1; 3], Edge::Nearest, &Silent),
        "median-5" => median(input, [2; 3], Edge::Nearest, &Silent),
        "bilateral" => bilateral(input, Sigma::Millimeters(1.2), 50.0, &Silent),
        "bilateral-flat" => bilateral(input, Sigma::Voxels(2.0), 50.0, &Silent),
        "non-local-means" => non_local_means(input, &means(1, 3), &Silent),
        "non-local-means-flat" => non_local_means(input, &means(2, 7), &Silent),
        "total-variation" => {
            total_variation(input, &TotalVariation { weight: 25.0, tolerance: 0.0, iterations: 20 }, &Silent)
        }
        "gradient-diffusion" => diffusion(input, &flows(DiffusionKind::Gradient), &Silent),
        "curvature-diffusion" => diffusion(input, &flows(DiffusionKind::Curvature), &Silent),
        "clahe" => equalized(input, [64, 64, 16]),
        "clahe-flat" => equalized(input, [128, 128, 1]),
        _ => return None,
    };
    Some(result.unwrap_or_else(|error| panic!("{operation}: {error}")).into_voxels())
}

fn equalized(input: &Input, region: [usize; 3]) -> Result<Input, FilterError> {
    clahe(input, &Clahe { region: Some(region), clip: 0.01, bins: 256, extent: ClaheExtent::Volume })
}
