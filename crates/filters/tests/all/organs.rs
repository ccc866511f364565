//! Body parts on a chest made by rule, whose volumes are known.

use wilhelm_filters::FilterError;
use wilhelm_filters::measure::volume;
use wilhelm_filters::organs::{NoduleSettings, Zone, body, bones, brain, lungs, nodule_candidates};
use wilhelm_study::{Arbitrary, Geometry, Hu, Laterality, Mask, Silent, Volume};

use crate::shared::{grid, hash};

const SIZE: [usize; 3] = [120, 90, 80];
const SPACING: [f64; 3] = [3.0, 3.0, 3.0];

/// A place in mm from the grid's corner; axes left, posterior, superior.
fn point(at: usize) -> [f64; 3] {
    [at % SIZE[0], at / SIZE[0] % SIZE[1], at / (SIZE[0] * SIZE[1])].map(|index| index as f64 * 3.0)
}

fn in_ellipsoid([x, y, z]: [f64; 3], center: [f64; 3], radii: [f64; 3]) -> bool {
    ((x - center[0]) / radii[0]).powi(2)
        + ((y - center[1]) / radii[1]).powi(2)
        + ((z - center[2]) / radii[2]).powi(2)
        <= 1.0
}

fn in_ball(place: [f64; 3], center: [f64; 3], radius: f64) -> bool {
    in_ellipsoid(place, center, [radius; 3])
}

/// The patient's right lies at low columns.
const RIGHT: ([f64; 3], [f64; 3]) = ([110.0, 130.0, 120.0], [48.0, 62.0, 90.0]);
const LEFT: ([f64; 3], [f64; 3]) = ([240.0, 130.0, 120.0], [42.0, 60.0, 88.0]);
const NODULE: [f64; 3] = [240.0, 118.0, 168.0];

/// Chest with two lungs, trachea, spine, a bubble of bowel gas, a nodule, and the scanner's table.
fn chest(joined: bool) -> Volume<Hu> {
    let geometry = grid(SIZE, SPACING);
    let values = (0..geometry.voxels())
        .map(|at| {
            let place = point(at);
            let [x, y, z] = place;
            let noise = 30.0 * (hash(at % SIZE[0], at / SIZE[0] % SIZE[1], at / (SIZE[0] * SIZE[1])) - 0.5);
            let outer = ((x - 175.0) / 150.0).powi(2) + ((y - 130.0) / 100.0).powi(2) <= 1.0;
            let trachea = (x - 175.0).hypot(y - 125.0) <= 9.0 && z > 130.0;
            let bridge =
                joined && (y - 90.0).abs() < 5.0 && (x - 175.0).abs() < 40.0 && (z - 120.0).abs() < 8.0;
            let lung = in_ellipsoid(place, RIGHT.0, RIGHT.1) || in_ellipsoid(place, LEFT.0, LEFT.1) || bridge;
            let table = y > 246.0 && y < 255.0 && x > 30.0 && x < 320.0;
            let value = if !outer {
                if table { 150.0 } else { -1000.0 }
            } else if trachea {
                -1000.0
            } else if (x - 175.0).hypot(y - 200.0) <= 18.0 {
                450.0
            } else if in_ball(place, NODULE, 6.5) {
                40.0
            } else if in_ball(place, [230.0, 110.0, 12.0], 18.0) {
                -1000.0
            } else if lung {
                -850.0
            } else {
                40.0
            };
            value + noise
        })
        .collect();
    Volume::new(geometry, values).unwrap()
}

fn milliliters(radii: [f64; 3]) -> f64 {
    4.0 / 3.0 * std::f64::consts::PI * radii.iter().product::<f64>() / 1000.0
}

/// Volume is right within `tolerance` (a share): the grid of 3 mm rounds surfaces.
fn check(name: &str, mask: &Mask, expected: f64, tolerance: f64) {
    let found = volume(mask).unwrap().value;
    assert!(
        (found - expected).abs() < tolerance * expected,
        "{name}: {found:.0} mL, expected {expected:.0} mL"
    );
}

#[test]
fn lungs_have_their_volumes_and_sides_without_trachea_and_bowel_gas() {
    for joined in [false, true] {
        let found = lungs(&chest(joined), &Silent).unwrap();
        check("right lung", &found.right, milliliters(RIGHT.1), 0.03);
        check("left lung", &found.left, milliliters(LEFT.1), 0.03);
        // The trachea from 130 mm up to the end of the grid at 238.5 mm.
        check("trachea", &found.airway, std::f64::consts::PI * 81.0 * 108.5 / 1000.0, 0.12);
        assert!(found.notes.is_empty(), "{:?}", found.notes);
        assert!(found.left.intersection(&found.right).unwrap().is_empty());
    }
}

#[test]
fn sides_are_the_patients_whichever_way_the_columns_run() {
    let ct = chest(false);
    let geometry: Geometry = ct.geometry().flipped(0);
    let mirrored = ct.voxels().chunks_exact(SIZE[0]).flat_map(|row| row.iter().rev().copied()).collect();
    let found = lungs(&Volume::<Hu>::new(geometry, mirrored).unwrap(), &Silent).unwrap();
    check("right lung", &found.right, milliliters(RIGHT.1), 0.03);
}

#[test]
fn body_and_bones_leave_the_table_out() {
    let ct = chest(false);
    let found = body(&ct).unwrap();
    // An elliptic cylinder 240 mm long.
    check("body", &found, std::f64::consts::PI * 150.0 * 100.0 * 240.0 / 1000.0, 0.02);
    let found = bones(&ct, &found).unwrap();
    check("spine", &found, std::f64::consts::PI * 18.0 * 18.0 * 240.0 / 1000.0, 0.05);
}

#[test]
fn a_nodule_is_the_first_candidate_with_its_place_and_size() {
    let ct = chest(false);
    let lungs = lungs(&ct, &Silent).unwrap();
    let found = nodule_candidates(&ct, &lungs, &NoduleSettings::default(), &Silent).unwrap();
    let first = found.first().expect("a candidate");
    for (found, expected) in first.center.components().iter().zip(NODULE) {
        assert!((found - expected).abs() < 2.0, "{first:?}");
    }
    assert_eq!((first.side, first.zone), (Laterality::Left, Zone::Upper));
    assert!(first.long_axis.low <= 13.0 && 13.0 <= first.long_axis.high, "{first:?}");
    assert!(
        first.volume.low <= milliliters([6.5; 3]) && milliliters([6.5; 3]) <= first.volume.high,
        "{first:?}"
    );
}

#[test]
fn images_without_what_is_looked_for_say_so() {
    let geometry = grid([20, 20, 20], [3.0; 3]);
    let air = Volume::<Hu>::new(geometry, vec![-1000.0; 8000]).unwrap();
    assert!(matches!(body(&air), Err(FilterError::NotFound { structure: "body", .. })));
    assert!(matches!(lungs(&air, &Silent), Err(FilterError::NotFound { structure: "body", .. })));
    let water = Volume::<Hu>::new(geometry, vec![0.0; 8000]).unwrap();
    assert!(matches!(lungs(&water, &Silent), Err(FilterError::NotFound { structure: "lungs", .. })));
    assert!(matches!(
        bones(&water, &Mask::none(geometry)),
        Err(FilterError::NotFound { structure: "bones", .. })
    ));
    let flat = Volume::<Arbitrary>::new(geometry, vec![7.0; 8000]).unwrap();
    assert!(matches!(brain(&flat, &Silent), Err(FilterError::Constant { .. })));
    let noise = (0..8000).map(|at| hash(at % 20, at / 20 % 20, at / 400)).collect();
    let noise = Volume::<Arbitrary>::new(geometry, noise).unwrap();
    assert!(matches!(brain(&noise, &Silent), Err(FilterError::NotFound { structure: "brain", .. })));
}

/// A head of shells around a brain: scalp, skull, fluid, gray and white matter with ventricles.
#[test]
fn a_brain_is_freed_from_skull_and_scalp() {
    let size = [90, 110, 90];
    let geometry = grid(size, [2.0; 3]);
    let values = (0..geometry.voxels())
        .map(|at| {
            let place = [at % size[0], at / size[0] % size[1], at / (size[0] * size[1])];
            let noise = 10.0 * (hash(place[0], place[1], place[2]) - 0.5);
            let place = place.map(|index| index as f64 * 2.0);
            let shell =
                |grow: f64| in_ellipsoid(place, [89.0, 109.0, 89.0], [62.0 + grow, 80.0 + grow, 60.0 + grow]);
            let value = if in_ellipsoid(place, [89.0, 105.0, 95.0], [14.0, 22.0, 12.0]) {
                60.0
            } else if shell(-8.0) {
                220.0
            } else if shell(0.0) {
                160.0
            } else if shell(3.0) {
                60.0
            } else if shell(9.0) {
                30.0
            } else if shell(16.0) {
                240.0
            } else {
                5.0
            };
            value + noise
        })
        .collect();
    let found = brain(&Volume::<Arbitrary>::new(geometry, values).unwrap(), &Silent).unwrap();
    check("brain with ventricles", &found, milliliters([62.0, 80.0, 60.0]), 0.06);
}
