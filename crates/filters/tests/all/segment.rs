//! Sets, distances and thresholds against SciPy, scikit-image and SimpleITK
//! (`tools/golden/filters_segment.py`).

use serde_json::Value;
use wilhelm_filters::segment::distance::{self, Metric};
use wilhelm_filters::segment::gray::{self, Polarity};
use wilhelm_filters::segment::morphology::{self, Element};
use wilhelm_filters::segment::region::{self, Confidence};
use wilhelm_filters::segment::{Connectivity, components, holes, threshold};
use wilhelm_study::{Arbitrary, Index, Mask, Silent, Volume};

use crate::shared::{close, golden, hash, numbers, volume};

const SIZE: [usize; 3] = [40, 36, 20];
const SPACING: [f64; 3] = [0.7, 0.8, 2.5];

/// Numbers at every `period`-th voxel, and straight lines between them.
pub fn smooth(column: usize, row: usize, slice: usize, period: usize) -> f32 {
    let between = |a: f64, b: f64, at: f64| a + (b - a) * at;
    let part = |axis: usize| (axis % period) as f64 / period as f64;
    let corner = |x: usize, y: usize, z: usize| {
        f64::from(hash(column / period + x, row / period + y, slice / period + z))
    };
    let line = |y, z| between(corner(0, y, z), corner(1, y, z), part(column));
    let plane = |z| between(line(0, z), line(1, z), part(row));
    between(plane(0), plane(1), part(slice)) as f32
}

fn field() -> Volume<Arbitrary> {
    volume(SIZE, SPACING, |column, row, slice| smooth(column, row, slice, 8))
}

fn noise() -> Volume<Arbitrary> {
    volume(SIZE, SPACING, hash)
}

fn above(image: &Volume<Arbitrary>, threshold: f32) -> Mask {
    let voxels = image.voxels().iter().map(|value| *value > threshold).collect();
    Mask::new(*image.geometry(), voxels).unwrap()
}

/// Every 193rd value.
fn sampled(image: &Volume<Arbitrary>) -> Vec<f32> {
    image.voxels().iter().step_by(193).copied().collect()
}

/// A set has the count and the CRC-32 that the script found: equal voxel by voxel.
pub fn same(what: &str, found: &Mask, expected: &Value) {
    let bits = found.voxels().chunks(8).map(|eight| {
        eight.iter().enumerate().fold(0_u8, |byte, (at, inside)| byte | u8::from(*inside) << at)
    });
    let crc = !bits.fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 })
    });
    let [count, expected_crc] = ["voxels", "crc32"].map(|key| expected[key].as_u64().unwrap());
    assert_eq!((found.count() as u64, u64::from(crc)), (count, expected_crc), "{what}: voxels and CRC-32");
}

#[test]
fn thresholds_equal_scikit_image_to_the_bin() {
    let golden = golden("segment.json");
    // Centers of bins in single precision on both sides; another bin would be off by 0.004.
    let check = |name: &str, found: Vec<f32>| {
        let expected = match &golden[name] {
            Value::Array(_) => numbers(&golden[name]),
            one => vec![one.as_f64().unwrap()],
        };
        close(name, &found, &expected, 1e-6);
    };
    let product = volume(SIZE, SPACING, |c, r, s| hash(c, r, s) * smooth(c, r, s, 8));
    check("otsu", vec![threshold::otsu(&field(), 256).unwrap()]);
    check("otsu_noise_64", vec![threshold::otsu(&noise(), 64).unwrap()]);
    check("multi_otsu_3", threshold::multi_otsu(&field(), 3, 256).unwrap());
    check("multi_otsu_4_64", threshold::multi_otsu(&product, 4, 64).unwrap());
    check("multi_otsu_5_32", threshold::multi_otsu(&field(), 5, 32).unwrap());
    same("hysteresis", &threshold::hysteresis(&field(), 0.55, 0.8).unwrap(), &golden["hysteresis"]);
}

#[test]
fn pieces_equal_scipys_label_in_number_size_box_and_center() {
    let golden = golden("segment.json");
    let speckle = above(&noise(), 0.7);
    for (name, connectivity) in
        [("1", Connectivity::Faces), ("2", Connectivity::Edges), ("3", Connectivity::Corners)]
    {
        let expected = &golden["pieces"][name];
        let found = components::label(&speckle, connectivity).unwrap();
        assert_eq!(found.list.len() as u64, expected["count"].as_u64().unwrap(), "connectivity {name}");
        let labels: Vec<f64> = found.labels.iter().step_by(193).map(|label| f64::from(*label)).collect();
        assert_eq!(labels, numbers(&expected["labels"]), "connectivity {name}");
        for (piece, row) in found.list.iter().zip(expected["first"].as_array().unwrap()) {
            let row = numbers(row);
            let places = piece.start.iter().chain(&piece.end).map(|place| *place as f64);
            let whole: Vec<f64> = std::iter::once(piece.voxels as f64).chain(places).collect();
            assert_eq!(whole, row[..7]);
            // Sums of whole numbers, divided once: SciPy adds the same numbers as floats.
            assert!(piece.centroid.iter().zip(&row[7..]).all(|(a, b)| (a - b).abs() < 1e-9));
        }
    }
    let large = components::remove_small(&speckle, Connectivity::Faces, 5).unwrap();
    same("remove_small", &large, &golden["large"]);
}

#[test]
fn pieces_and_distances_do_not_depend_on_the_number_of_threads() {
    let (speckle, field) = (above(&noise(), 0.7), above(&field(), 0.5));
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let labels = components::label(&speckle, Connectivity::Corners).unwrap();
            (labels, distance::signed(&field, Metric::Millimeters, &Silent).unwrap())
        })
    };
    let one = run(1);
    assert!([2, 3, 7].into_iter().all(|threads| run(threads) == one));
}

#[test]
fn holes_are_those_that_scipy_fills() {
    let golden = golden("segment.json");
    let porous = above(&noise(), 0.25);
    same("filled", &holes::fill(&porous).unwrap(), &golden["filled"]);
    same("filled by slice", &holes::fill_by_slice(&porous).unwrap(), &golden["filled_by_slice"]);
}

#[test]
fn morphology_equals_scipy_voxel_by_voxel() {
    let golden = golden("segment.json");
    let mask = above(&field(), 0.5);
    for (name, element) in [
        ("ball_1", Element::BallVoxels(1.0)),
        ("ball_2", Element::BallVoxels(2.0)),
        ("ball_3.5", Element::BallVoxels(3.5)),
        ("ball_2.5_mm", Element::BallMm(2.5)),
        ("box_2_1_3", Element::Box([2, 1, 3])),
    ] {
        let expected = &golden["morphology"][name];
        same(name, &morphology::dilate(&mask, element).unwrap(), &expected["dilate"]);
        same(name, &morphology::erode(&mask, element).unwrap(), &expected["erode"]);
        same(name, &morphology::open(&mask, element).unwrap(), &expected["open"]);
        same(name, &morphology::close(&mask, element).unwrap(), &expected["close"]);
    }
}

#[test]
fn distances_equal_scipy_and_the_signed_one_simpleitk() {
    let golden = golden("segment.json");
    let mask = above(&field(), 0.5);
    // 32 bits against 64: half a unit in the seventh digit of at most 50 mm.
    let check =
        |name: &str, found: Volume<Arbitrary>| close(name, &sampled(&found), &numbers(&golden[name]), 5e-6);
    check("to_outside", distance::to_outside(&mask, Metric::Millimeters, &Silent).unwrap());
    check("to_set", distance::to_set(&mask, Metric::Millimeters, &Silent).unwrap());
    let few = noise().voxels().iter().map(|value| *value >= 0.999).collect();
    let few = Mask::new(*mask.geometry(), few).unwrap();
    check("to_few", distance::to_set(&few, Metric::Millimeters, &Silent).unwrap());
    check("signed", distance::signed(&mask, Metric::Millimeters, &Silent).unwrap());
}

#[test]
fn gray_morphology_equals_scipy() {
    let golden = golden("segment.json");
    // Equal but for the last digit, which reading a decimal number leaves open.
    let check =
        |name: &str, found: Volume<Arbitrary>| close(name, &sampled(&found), &numbers(&golden[name]), 1e-12);
    check("gray_dilate", gray::dilate(&noise(), [2, 1, 3]).unwrap());
    check("gray_erode", gray::erode(&noise(), [2, 1, 3]).unwrap());
    check("white_top_hat", gray::top_hat(&noise(), [2, 1, 3], Polarity::Bright).unwrap());
    check("black_top_hat", gray::top_hat(&noise(), [2, 1, 3], Polarity::Dark).unwrap());
}

#[test]
fn regions_equal_simpleitk_voxel_by_voxel() {
    let golden = golden("segment.json");
    let seeds = [Index { column: 20, row: 18, slice: 10 }, Index { column: 5, row: 6, slice: 3 }];
    let grown = region::grow_around(&field(), &seeds, 0.1, Connectivity::Faces).unwrap();
    same("grown", &grown, &golden["grown"]);
    for (multiplier, iterations, first_radius) in [(1.5, 0, 1), (1.5, 3, 2), (2.5, 4, 1)] {
        let rule = Confidence { multiplier, iterations, first_radius };
        let name = format!("{multiplier} {iterations} {first_radius}");
        let found = region::confidence(&field(), &seeds, &rule).unwrap();
        same(&name, &found, &golden["confidence"][&name]);
    }
}
