use wilhelm_filters::radiomics::{Discretization, Family, RadiomicsSettings, flat_radiomics, radiomics};
use wilhelm_study::{FlatMask, Mask, Projection, Silent};

use crate::Input;

/// The mask is every voxel that is a number; features come back in their order.
pub fn run(operation: &str, input: &Input) -> Option<Vec<f32>> {
    let inside: Vec<bool> = input.voxels().iter().map(|value| !value.is_nan()).collect();
    let glcm = RadiomicsSettings {
        families: [Family::Glcm].into(),
        discretization: Discretization::Width(1.0),
        ..RadiomicsSettings::default()
    };
    let found = match operation {
        "radiomics_glcm" => radiomics(input, &mask(input, inside), &glcm, &Silent),
        "radiomics_all" => radiomics(input, &mask(input, inside), &RadiomicsSettings::default(), &Silent),
        "radiomics_glcm_flat" => {
            let [columns, rows, _] = input.geometry().size();
            let image =
                Projection::<wilhelm_study::Arbitrary>::new(columns, rows, input.voxels().to_vec(), None);
            let mask = FlatMask::new(columns, rows, inside, None);
            flat_radiomics(&image.expect("one slice"), &mask.expect("one slice"), &glcm, &Silent)
        }
        _ => return None,
    };
    let found = found.expect("a mask with voxels");
    Some(found.features.iter().map(|feature| feature.value.unwrap_or(f64::NAN) as f32).collect())
}

fn mask(input: &Input, inside: Vec<bool>) -> Mask {
    Mask::new(*input.geometry(), inside).expect("one grid")
}
