//! Registration of the input with itself, moved as `tools/bench/kernels/register.py` moves it.
//!
//! The moved image is made once and kept, since the peer's is made before its time is taken.

use std::sync::OnceLock;

use wilhelm_filters::register::{
    DemonsSettings, DemonsUpdate, Metric, RegisterSettings, Rigid, Sampling, Transform, demons,
    register_rigid, warp,
};
use wilhelm_study::{PointLps, Raster, Silent};

use crate::{Input, Output};

static MOVED: OnceLock<Input> = OnceLock::new();
static BENT: OnceLock<Input> = OnceLock::new();

/// The moving images.
pub fn prepare(operation: &str, input: &Input) {
    match operation {
        "register_rigid" => {
            MOVED.get_or_init(|| {
                let turned = input.with_values(input.voxels().iter().map(|value| 200.0 - value).collect());
                warp(&turned.expect("the same grid"), &turn(input), input.geometry(), 200.0)
            });
        }
        "demons" => {
            BENT.get_or_init(|| warp(input, &Bent, input.geometry(), 0.0));
        }
        _ => {}
    }
}

/// Runs an operation once.
pub fn run(operation: &str, input: &Input) -> Option<Output> {
    match operation {
        "register_rigid" => {
            let moving = MOVED.get()?;
            let settings = RegisterSettings {
                metric: Metric::MutualInformation { bins: 50 },
                sampling: Sampling::Random { most: input.voxels().len() / 10, seed: 1 },
                shrink: vec![4, 2, 1],
                iterations: 50,
                last_step_mm: 1e-30,
                ..RegisterSettings::default()
            };
            let found = register_rigid(input, moving, &settings, &Silent).expect("two images");
            let versor = found.transform.versor();
            let parts =
                versor.iter().chain(&found.transform.translation()).map(|part| *part as f32).collect();
            Some(Output::Values(parts))
        }
        "demons" => {
            let moving = BENT.get()?;
            let settings = DemonsSettings {
                update: DemonsUpdate::Additive,
                shrink: vec![1],
                iterations: 30,
                sigma_voxels: 1.0,
                damping: 0.0,
                tolerance: 0.0,
                ..DemonsSettings::default()
            };
            let found = demons(input, moving, None, &settings, &Silent).expect("two images");
            Some(Output::Field(found.field))
        }
        "warp_rigid" => Some(Output::Values(warp(input, &turn(input), input.geometry(), 0.0).into_voxels())),
        _ => None,
    }
}

fn turn(input: &Input) -> Rigid {
    let middle = input.geometry().point_at(input.geometry().size().map(|count| (count - 1) as f64 / 2.0));
    Rigid::from_euler(middle, [0.05, -0.04, 0.08], [4.0, -3.0, 2.0]).expect("finite")
}

struct Bent;

impl Transform for Bent {
    fn map(&self, point: PointLps) -> PointLps {
        let [x, y, z] = point.components().map(|part| part * std::f64::consts::PI / 48.0);
        let shift = [3.0 * y.sin() * z.cos(), 3.0 * x.sin() * z.cos(), 2.0 * x.cos() * y.sin()];
        let from = point.components();
        PointLps::from_components(std::array::from_fn(|axis| from[axis] + shift[axis]))
    }
}
