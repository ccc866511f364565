//! Operations of the segmentation tools; sets are what lies above 0.5.

use wilhelm_filters::segment::distance::{self, Metric};
use wilhelm_filters::segment::morphology::{self, Element};
use wilhelm_filters::segment::vesselness::{self, Tubes};
use wilhelm_filters::segment::walker::{self, Clicks, Walk};
use wilhelm_filters::segment::{Connectivity, components, threshold, watershed};
use wilhelm_study::{Index, Mask, Silent};

use crate::{Input, Output};

/// Runs one operation; `None` for a name that is not of this module.
pub fn run(operation: &str, input: &Input) -> Option<Output> {
    let above = || threshold::range(input, 0.5, f32::INFINITY).expect("a range");
    let set = |mask: Mask| Output::Set(mask.into_voxels());
    Some(match operation {
        "segment_components" => {
            let found = components::label(&above(), Connectivity::Faces).expect("labels");
            // Counts only: a copy of the labels as floats would cost as much as finding them.
            Output::Values(vec![found.list.len() as f32, found.labels.len() as f32])
        }
        "segment_distance" => {
            let found = distance::to_outside(&above(), Metric::Voxels, &Silent).expect("distances");
            Output::Values(found.into_voxels())
        }
        "segment_closing" => set(morphology::close(&above(), Element::BallVoxels(3.0)).expect("closed")),
        "segment_frangi" => {
            let tubes = Tubes::bright(vec![2.0], Metric::Voxels);
            Output::Values(vesselness::frangi(input, &tubes, &Silent).expect("vesselness").into_voxels())
        }
        "segment_watershed" => {
            let markers = lattice(input);
            Output::Labels(
                watershed::flood(input, &markers, None, Connectivity::Faces, &Silent).expect("floods"),
            )
        }
        "segment_click" => set(clicked(input, &Walk::default())),
        // As scikit-image's walker, which knows no noise and no values; small images are solved whole.
        "segment_click_whole" => {
            set(clicked(input, &Walk { edge: 10.0, noise: 0.0, value: 0.0, click_radius: 1 }))
        }
        _ => return None,
    })
}

/// A click in the middle, and one outside toward each of two corners.
fn clicked(input: &Input, walk: &Walk) -> Mask {
    let [columns, rows, slices] = input.geometry().size();
    let at = |share: usize| Index {
        column: columns * share / 8,
        row: rows * share / 8,
        slice: slices * share / 8,
    };
    let clicks = Clicks { foreground: vec![at(4)], background: vec![at(1), at(7)], within: None };
    walker::follow(input, &clicks, walk, &Silent).expect("followed").mask
}

/// A marker at every 16th voxel along each axis, from the 8th, numbered in order.
fn lattice(input: &Input) -> Vec<u32> {
    let [columns, rows, slices] = input.geometry().size();
    let mut markers = vec![0; columns * rows * slices];
    let mut number = 0;
    for slice in (8..slices).step_by(16) {
        for row in (8..rows).step_by(16) {
            for column in (8..columns).step_by(16) {
                number += 1;
                markers[(slice * rows + row) * columns + column] = number;
            }
        }
    }
    markers
}
