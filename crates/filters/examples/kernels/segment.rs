//! Operations of the segmentation tools; sets are what lies above 0.5.

use wilhelm_filters::segment::distance::{self, Metric};
use wilhelm_filters::segment::morphology::{self, Element};
use wilhelm_filters::segment::vesselness::{self, Tubes};
use wilhelm_filters::segment::walker::{self, Clicks, Walk};
use wilhelm_filters::segment::{Connectivity, components, threshold, watershed};
use wilhelm_study::{Index, Mask, Silent};

use crate::Input;

/// Runs one operation; `None` for a name that is not of this module.
pub fn run(operation: &str, input: &Input) -> Option<Vec<f32>> {
    let above = || threshold::range(input, 0.5, f32::INFINITY).expect("a range");
    let numbers = |mask: Mask| mask.voxels().iter().map(|inside| f32::from(*inside)).collect();
    Some(match operation {
        "segment_components" => {
            let found = components::label(&above(), Connectivity::Faces).expect("labels");
            // Counts only: a copy of the labels as floats would cost as much as finding them.
            vec![found.list.len() as f32, found.labels.len() as f32]
        }
        "segment_distance" => {
            distance::to_outside(&above(), Metric::Voxels, &Silent).expect("distances").into_voxels()
        }
        "segment_closing" => numbers(morphology::close(&above(), Element::BallVoxels(3.0)).expect("closed")),
        "segment_frangi" => {
            let tubes = Tubes::bright(vec![2.0], Metric::Voxels);
            vesselness::frangi(input, &tubes, &Silent).expect("vesselness").into_voxels()
        }
        "segment_watershed" => {
            let markers = lattice(input);
            let found =
                watershed::flood(input, &markers, None, Connectivity::Faces, &Silent).expect("floods");
            found.into_iter().map(|label| label as f32).collect()
        }
        "segment_click" => {
            let [columns, rows, slices] = input.geometry().size();
            let at = |share: usize| Index {
                column: columns * share / 8,
                row: rows * share / 8,
                slice: slices * share / 8,
            };
            let clicks = Clicks { foreground: vec![at(4)], background: vec![at(1), at(7)], within: None };
            numbers(walker::follow(input, &clicks, &Walk::default(), &Silent).expect("followed").mask)
        }
        _ => return None,
    })
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
