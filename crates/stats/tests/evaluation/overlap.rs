//! Overlap against scikit-learn, surfaces against surface-distance and NumPy.

use crate::shared::{GOLDEN, ROUNDING, check, count, list, number, numbers, of};
use wilhelm_stats::{
    OverlapCounts, SurfaceDistances, average_surface_distance, hausdorff_95, mean_average_surface_distance,
    robust_hausdorff, surface_dice,
};

#[test]
fn overlap_agrees_with_scikit_learn() {
    let golden = &GOLDEN["overlap"];
    let sizes: Vec<u64> = list(&golden["counts"]).iter().map(count).collect();
    let counts = OverlapCounts::of_sizes(sizes[0], sizes[1], sizes[2]).expect("possible sizes");
    check("Dice", counts.dice().expect("not empty"), &golden["dice"], ROUNDING);
    check("Jaccard", counts.jaccard().expect("not empty"), &golden["jaccard"], ROUNDING);
}

#[test]
fn surfaces_with_areas_agree_with_surface_distance() {
    let golden = &GOLDEN["overlap"];
    let (there, back) = (numbers(&golden["there"]), numbers(&golden["back"]));
    let areas = [numbers(&golden["areas"][0]), numbers(&golden["areas"][1])];
    let there = of(SurfaceDistances::weighted(&there, &areas[0]));
    let back = of(SurfaceDistances::weighted(&back, &areas[1]));
    for pair in list(&golden["weighted"]["hausdorff"]) {
        let found = of(robust_hausdorff(there, back, number(&pair[0]) / 100.0));
        check("Hausdorff", found, &pair[1], 0.0);
    }
    for pair in list(&golden["weighted"]["dice"]) {
        check("Dice", of(surface_dice(there, back, number(&pair[0]))), &pair[1], ROUNDING);
    }
    let found = mean_average_surface_distance(there, back);
    check("mean", found, &golden["weighted"]["mean_average"], ROUNDING);
}

#[test]
fn surfaces_without_areas_agree_with_numpy() {
    let golden = &GOLDEN["overlap"];
    let (there, back) = (numbers(&golden["there"]), numbers(&golden["back"]));
    let (there, back) = (of(SurfaceDistances::new(&there)), of(SurfaceDistances::new(&back)));
    for pair in list(&golden["plain"]["hausdorff"]) {
        let found = of(robust_hausdorff(there, back, number(&pair[0]) / 100.0));
        check("Hausdorff", found, &pair[1], ROUNDING);
    }
    assert_eq!(Ok(hausdorff_95(there, back)), robust_hausdorff(there, back, 0.95));
    check("average", average_surface_distance(there, back), &golden["plain"]["average"], ROUNDING);
    let found = mean_average_surface_distance(there, back);
    check("mean", found, &golden["plain"]["mean_average"], ROUNDING);
}
