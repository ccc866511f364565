use wilhelm_filters::{BiasSettings, Interpolation, correct_bias, isotropic, resample};
use wilhelm_study::Silent;

use super::Input;

/// Resampling to cubes of 1 mm, and N4 on every fourth voxel.
pub fn run(operation: &str, input: &Input) -> Option<Vec<f32>> {
    let interpolation = match operation {
        "resample_1mm_nearest" => Interpolation::Nearest,
        "resample_1mm_linear" => Interpolation::Linear,
        "resample_1mm_cubic" => Interpolation::CubicBSpline,
        "n4_shrink_4" => {
            let found = correct_bias(input, None, &BiasSettings::default(), &Silent).expect("a head");
            return Some(found.corrected.into_voxels());
        }
        _ => return None,
    };
    let target = isotropic(input.geometry()).expect("a grid");
    Some(resample(input, &target, interpolation, 0.0).expect("resampled").into_voxels())
}
