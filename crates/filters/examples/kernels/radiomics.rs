use std::sync::OnceLock;

use wilhelm_filters::radiomics::{Discretization, Family, RadiomicsSettings, flat_radiomics, radiomics};
use wilhelm_study::{FlatMask, Mask, Projection, Silent};

use crate::Input;

type Image = Projection<wilhelm_study::Arbitrary>;

static FLAT: OnceLock<(Image, FlatMask)> = OnceLock::new();
static MASK: OnceLock<Mask> = OnceLock::new();

/// The mask, and the picture where it is flat: every voxel that is a number.
pub fn prepare(operation: &str, input: &Input) {
    let inside = || input.voxels().iter().map(|value| !value.is_nan()).collect::<Vec<bool>>();
    let [columns, rows, _] = input.geometry().size();
    if operation == "radiomics_glcm_flat" {
        FLAT.get_or_init(|| {
            let image = Image::new(columns, rows, input.voxels().to_vec(), None).expect("one slice");
            (image, FlatMask::new(columns, rows, inside(), None).expect("one slice"))
        });
    } else if operation.starts_with("radiomics") {
        MASK.get_or_init(|| Mask::new(*input.geometry(), inside()).expect("one grid"));
    }
}

/// Features come back in their order.
pub fn run(operation: &str, input: &Input) -> Option<Vec<f32>> {
    let glcm = RadiomicsSettings {
        families: [Family::Glcm].into(),
        discretization: Discretization::Width(1.0),
        ..RadiomicsSettings::default()
    };
    let found = match operation {
        "radiomics_glcm" => radiomics(input, MASK.get()?, &glcm, &Silent),
        "radiomics_all" => radiomics(input, MASK.get()?, &RadiomicsSettings::default(), &Silent),
        "radiomics_glcm_flat" => {
            let (image, mask) = FLAT.get()?;
            flat_radiomics(image, mask, &glcm, &Silent)
        }
        _ => return None,
    };
    let found = found.expect("a mask with voxels");
    Some(found.features.iter().map(|feature| feature.value.unwrap_or(f64::NAN) as f32).collect())
}
