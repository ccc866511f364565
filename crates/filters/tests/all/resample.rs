//! Resampling beside SimpleITK, and what must hold of labels on their way to a model's grid and back.

use std::collections::BTreeMap;

use serde_json::Value;
use wilhelm_filters::{
    Interpolation, LabelInterpolation, isotropic, resample, resample_labels, resample_mask, to_spacing,
};
use wilhelm_study::{
    Arbitrary, CodedConcept, Direction, Geometry, Index, LabelMap, Mm, PointLps, Segment, Spacing, Volume,
};

use crate::shared::{close, golden, hash, numbers, volume};

fn geometry(value: &Value) -> Geometry {
    let three = |value: &Value| -> [f64; 3] { numbers(value).try_into().unwrap() };
    let size = three(&value["size"]).map(|count| count as usize);
    let [columns, rows, slices] = three(&value["spacing"]).map(Mm);
    let [a, b, c] = [0, 1, 2].map(|axis| three(&value["axes"][axis]));
    let spacing = Spacing::new(columns, rows, slices).unwrap();
    let origin = PointLps::from_components(three(&value["origin"]));
    Geometry::new(size, spacing, origin, Direction::new(a, b, c).unwrap()).unwrap()
}

fn rule_on(grid: Geometry) -> Volume<Arbitrary> {
    let made = volume(grid.size(), [1.0; 3], |column, row, slice| 1000.0 * hash(column, row, slice));
    Volume::new(grid, made.into_voxels()).unwrap()
}

fn segments(count: u16) -> BTreeMap<u16, Segment> {
    let lung = || Segment::anatomy("lung", CodedConcept::new("SCT", "39607008", "Lung"), "rule");
    (1..=count).map(|label| (label, lung())).collect()
}

#[test]
fn volumes_and_labels_on_parallel_turned_and_oblique_grids_agree_with_simpleitk() {
    let golden = golden("resample.json");
    let source = rule_on(geometry(&golden["source"]));
    let outside = golden["outside"].as_f64().unwrap() as f32;
    let step = golden["step"].as_u64().unwrap() as usize;
    let labels = source.voxels().iter().map(|value| (value / 250.0) as u16).collect();
    let map = LabelMap::new(*source.geometry(), labels, segments(3)).unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let target = geometry(&case["target"]);
        // Values from 0 to 1000 (the worst of inputs, random from voxel to voxel): SimpleITK keeps a row's
        // places by interpolating between its ends, we compute each; both round to 32-bit floats.
        for (how, key, tolerance) in [
            (Interpolation::Nearest, "nearest", 0.001),
            (Interpolation::Linear, "linear", 0.002),
            (Interpolation::CubicBSpline, "cubic", 0.01),
        ] {
            let found = resample(&source, &target, how, outside).unwrap().into_voxels();
            let sampled: Vec<f32> = found.iter().copied().step_by(step).collect();
            close(&format!("{name}, {key}"), &sampled, &numbers(&case[key]), tolerance);
            let beyond = found.iter().filter(|value| **value == outside).count();
            assert_eq!(beyond as u64, case[format!("{key}_outside")].as_u64().unwrap(), "{name}, {key}");
        }
        for (how, key) in
            [(LabelInterpolation::Nearest, "label_nearest"), (LabelInterpolation::Linear, "label_linear")]
        {
            let found = resample_labels(&map, &target, how).unwrap();
            let sampled: Vec<f64> =
                found.labels().iter().step_by(step).map(|label| f64::from(*label)).collect();
            assert_eq!(sampled, numbers(&case[key]), "{name}, {key}");
            let counts: Vec<f64> = (0..4).map(|label| found.mask(label).count() as f64).collect();
            // Where two labels have equal shares ours is the smaller; in SimpleITK rounding decides.
            let ties = if how == LabelInterpolation::Linear { 3.0 } else { 0.0 };
            for (found, expected) in counts.iter().zip(numbers(&case[format!("{key}_counts")])) {
                assert!((found - expected).abs() <= ties, "{name}, {key}: {counts:?}");
            }
            let two = resample_mask(&map.mask(2), &target, how).unwrap();
            if how == LabelInterpolation::Nearest {
                assert_eq!(two, found.mask(2), "{name}: a mask goes where its label goes");
            }
        }
    }
}

#[test]
fn on_the_same_grid_every_bit_stays() {
    let golden = golden("resample.json");
    for grid in golden["cases"].as_array().unwrap().iter().map(|case| geometry(&case["target"])) {
        let source = rule_on(grid);
        for how in [Interpolation::Nearest, Interpolation::Linear] {
            let found = resample(&source, &grid, how, -1.0).unwrap();
            assert!(found.voxels().iter().zip(source.voxels()).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
        let found = resample(&source, &grid, Interpolation::CubicBSpline, -1.0).unwrap();
        let expected: Vec<f64> = source.voxels().iter().map(|value| f64::from(*value)).collect();
        // The coefficients of random values are up to some 6 times as large, in 32-bit floats.
        close("cubic on the same grid", found.voxels(), &expected, 0.01);
        let labels: Vec<u16> = source.voxels().iter().map(|value| (value / 10.0) as u16).collect();
        let map = LabelMap::new(grid, labels, segments(99)).unwrap();
        for how in [LabelInterpolation::Nearest, LabelInterpolation::Linear] {
            assert_eq!(resample_labels(&map, &grid, how).unwrap(), map);
        }
    }
}

#[test]
fn labels_come_back_from_a_models_grid_to_the_same_points() {
    // Blobs on an oblique grid, to a model's isotropic grid along the patient's axes, and back.
    let golden = golden("resample.json");
    let leaning = geometry(&golden["source"]);
    let native = Geometry::new(
        [60, 56, 40],
        Spacing::new(Mm(0.8), Mm(0.9), Mm(1.5)).unwrap(),
        leaning.origin(),
        leaning.direction(),
    )
    .unwrap();
    let inside = |at: [f64; 3], center: [f64; 3], radius: [f64; 3]| {
        (0..3).map(|axis| ((at[axis] - center[axis]) / radius[axis]).powi(2)).sum::<f64>() <= 1.0
    };
    let mut labels = Vec::new();
    for slice in 0..40 {
        for row in 0..56 {
            for column in 0..60 {
                let at = [column, row, slice].map(f64::from);
                labels.push(match () {
                    () if inside(at, [15.0, 20.0, 12.0], [9.0, 8.0, 5.0]) => 1,
                    () if inside(at, [40.0, 30.0, 25.0], [11.0, 14.0, 9.0]) => 2,
                    () if (50..56).contains(&column) && (6..16).contains(&row) && (4..9).contains(&slice) => {
                        7
                    }
                    () => 0,
                });
            }
        }
    }
    let map = LabelMap::new(native, labels, segments(7)).unwrap();
    let center = native.point_at([29.5, 27.5, 19.5]);
    let model = Geometry::new(
        [96, 96, 96],
        Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0)).unwrap(),
        PointLps::from_components(center.components().map(|middle| middle - 47.5)),
        Direction::AXIAL,
    )
    .unwrap();
    for (there, how) in [
        (model, LabelInterpolation::Nearest),
        (model, LabelInterpolation::Linear),
        (isotropic(&native).unwrap(), LabelInterpolation::Nearest),
        (
            to_spacing(&native, Spacing::new(Mm(0.5), Mm(0.5), Mm(0.5)).unwrap()).unwrap(),
            LabelInterpolation::Linear,
        ),
    ] {
        let on_model = resample_labels(&map, &there, how).unwrap();
        let back = resample_labels(&on_model, &native, how).unwrap();
        for label in [1, 2, 7] {
            let (before, after) = (centroid(&map, label), centroid(&back, label));
            let step = native.spacing().millimeters();
            let (a, b) = (native.index_at(before), native.index_at(after));
            for axis in 0..3 {
                // Each of the two ways can move an outline by up to half a voxel, and both sides the same way.
                assert!((a[axis] - b[axis]).abs() <= 0.5, "label {label}: {a:?} to {b:?}");
            }
            let (volume, returned) = (map.mask(label).count() as f64, back.mask(label).count() as f64);
            assert!((returned / volume - 1.0).abs() < 0.1, "label {label}: {volume} to {returned}");
            // And each voxel has a voxel of its label in the original nearby: by nearest voxels no further than
            // half a voxel of the model (half its diagonal, as it is turned) and half a voxel of its own grid
            // along each axis; by shares of eight voxels no further than a whole one of each.
            let voxels = if how == LabelInterpolation::Nearest { 0.5 } else { 1.0 };
            let far = 3.0_f64.sqrt() * voxels * there.spacing().millimeters()[0];
            let reach = step.map(|step| (far / step + voxels + 1e-6).floor() as i64);
            for (at, _) in back.labels().iter().enumerate().filter(|(_, found)| **found == label) {
                let [column, row, slice] = [at % 60, at / 60 % 56, at / (60 * 56)].map(|index| index as i64);
                let near = (-reach[2]..=reach[2]).any(|z| {
                    (-reach[1]..=reach[1]).any(|y| {
                        (-reach[0]..=reach[0]).any(|x| {
                            let place =
                                [column + x, row + y, slice + z].map(|index| usize::try_from(index).ok());
                            let [Some(column), Some(row), Some(slice)] = place else { return false };
                            map.at(Index { column, row, slice }) == Some(label)
                        })
                    })
                });
                assert!(near, "label {label} at {column}, {row}, {slice}");
            }
        }
    }
}

fn centroid(map: &LabelMap, label: u16) -> PointLps {
    let [columns, rows, _] = map.geometry().size();
    let mut sum = [0.0; 3];
    let mut count = 0.0;
    for (at, _) in map.labels().iter().enumerate().filter(|(_, found)| **found == label) {
        let index = Index { column: at % columns, row: at / columns % rows, slice: at / (columns * rows) };
        let point = map.geometry().point(index).components();
        sum = std::array::from_fn(|axis| sum[axis] + point[axis]);
        count += 1.0;
    }
    PointLps::from_components(sum.map(|component| component / count))
}
