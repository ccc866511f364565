//! Overlap and surface distances against MONAI and DeepMind's surface-distance
//! (`tools/golden/filters_surfaces.py`).

use serde_json::Value;
use wilhelm_filters::measure::{SurfaceElement, surface_distances};
use wilhelm_stats::{
    OverlapCounts, SurfaceDistances, average_surface_distance, hausdorff_95, mean_average_surface_distance,
    robust_hausdorff, surface_dice,
};
use wilhelm_study::Mask;

use crate::shared::{golden, grid, hash, numbers};

/// Distances are single precision here and in MONAI: seven digits of some 20 mm.
const SINGLE: f64 = 1e-5;

fn triple(value: &Value) -> [f64; 3] {
    numbers(value).try_into().unwrap()
}

/// An ellipsoid with a rough border, as the script makes it.
fn blob(case: &Value, which: &str, salt: usize) -> Mask {
    let size = triple(&case["size"]).map(|count| count as usize);
    let (center, radii) = (triple(&case[which]["center"]), triple(&case[which]["radii"]));
    let geometry = grid(size, triple(&case["spacing"]));
    let inside = |at: usize| {
        let place = [at % size[0], at / size[0] % size[1], at / (size[0] * size[1])];
        let square = |axis: usize| ((place[axis] as f64 - center[axis]) / radii[axis]).powi(2);
        let rough = f64::from(hash(place[0] / 3 + salt, place[1] / 3, place[2] / 3));
        square(0) + square(1) + square(2) <= 0.75 + 0.5 * rough
    };
    Mask::new(geometry, (0..geometry.voxels()).map(inside).collect()).unwrap()
}

#[test]
fn masks_have_the_overlap_and_the_distances_of_monai_and_surface_distance() {
    let golden = golden("surfaces.json");
    let tolerances = numbers(&golden["tolerances"]);
    for (name, case) in golden["cases"].as_object().unwrap() {
        let (mask, reference) = (blob(case, "mask", 0), blob(case, "reference", 17));
        let check = |what: &str, found: f64, expected: &Value, tolerance: f64| {
            let expected = expected.as_f64().unwrap();
            assert!((found - expected).abs() <= tolerance, "{name}, {what}: {found}, expected {expected}");
        };
        let count = |mask: &Mask| mask.count() as u64;
        assert_eq!(count(&mask), case["mask"]["voxels"], "{name}");
        assert_eq!(count(&reference), case["reference"]["voxels"], "{name}");
        let shared = count(&mask.intersection(&reference).unwrap());
        let overlap = OverlapCounts::of_sizes(count(&mask), count(&reference), shared).unwrap();
        // MONAI counts in single precision.
        check("Dice", overlap.dice().unwrap(), &case["monai"]["dice"], 1e-6);

        let shares =
            |there: SurfaceDistances<'_>, back: SurfaceDistances<'_>, expected: &Value, room: f64| {
                for (tolerance, expected) in tolerances.iter().zip(expected.as_array().unwrap()) {
                    check("surface Dice", surface_dice(there, back, *tolerance).unwrap(), expected, room);
                }
            };
        let (voxels, monai) = (SurfaceElement::BorderVoxels, &case["monai"]);
        let found = surface_distances(&mask, &reference, voxels).unwrap();
        let (there, back) = (found.there(), found.back());
        check("HD95", hausdorff_95(there, back), &monai["hausdorff_95"], SINGLE);
        check("HD", robust_hausdorff(there, back, 1.0).unwrap(), &monai["hausdorff"], SINGLE);
        check("ASSD", average_surface_distance(there, back), &monai["assd"], SINGLE);
        shares(there, back, &monai["surface_dice"], 1e-6);

        let (patches, deepmind) = (SurfaceElement::Patches, &case["deepmind"]);
        let found = surface_distances(&mask, &reference, patches).unwrap();
        let (there, back) = (found.there(), found.back());
        check("HD95", hausdorff_95(there, back), &deepmind["hausdorff_95"], SINGLE);
        check("HD", robust_hausdorff(there, back, 1.0).unwrap(), &deepmind["hausdorff"], SINGLE);
        let average = numbers(&deepmind["average"]);
        let mean = mean_average_surface_distance(there, back);
        check("MASD", mean, &f64::midpoint(average[0], average[1]).into(), SINGLE);
        shares(there, back, &deepmind["surface_dice"], 1e-9);
        let areas = numbers(&deepmind["areas"]);
        let weighted = (average[0] * areas[0] + average[1] * areas[1]) / (areas[0] + areas[1]);
        check("ASSD", average_surface_distance(there, back), &weighted.into(), SINGLE);
    }
}
