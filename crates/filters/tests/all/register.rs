//! Registration against SimpleITK, on phantoms made by rule and on real heads.

use std::io::Read;
use std::path::Path;

use serde_json::Value;
use wilhelm_filters::FilterError;
use wilhelm_filters::register::{
    Affine, Demons, DemonsSettings, DemonsUpdate, DisplacementField, Initialization, Metric,
    RegisterSettings, Registration, Rigid, Sampling, Transform, demons, measure, register_affine,
    register_rigid, warp,
};
use wilhelm_study::{Arbitrary, Direction, Geometry, Mm, PointLps, Progress, Silent, Spacing, Volume};

use crate::shared::{data, golden, grid, hash, numbers, volume};

/// Center mm, radii mm, value in the fixed image, value in the moving image: `filters_register.py` has the same.
const PARTS: [([f64; 3], [f64; 3], [f64; 2]); 12] = [
    ([60.0, 62.0, 50.0], [46.0, 54.0, 42.0], [60.0, 140.0]),
    ([60.0, 62.0, 50.0], [40.0, 48.0, 36.0], [40.0, -70.0]),
    ([46.0, 56.0, 54.0], [9.0, 16.0, 11.0], [-50.0, 120.0]),
    ([76.0, 58.0, 50.0], [7.0, 13.0, 9.0], [-45.0, 110.0]),
    ([64.0, 88.0, 42.0], [13.0, 8.0, 7.0], [55.0, -40.0]),
    ([58.0, 34.0, 62.0], [6.0, 9.0, 12.0], [70.0, 30.0]),
    ([40.0, 40.0, 40.0], [8.0, 7.0, 9.0], [60.0, -60.0]),
    ([82.0, 84.0, 60.0], [9.0, 8.0, 10.0], [-40.0, 90.0]),
    ([50.0, 84.0, 64.0], [7.0, 9.0, 8.0], [50.0, 60.0]),
    ([78.0, 38.0, 38.0], [8.0, 8.0, 6.0], [45.0, -80.0]),
    ([60.0, 62.0, 78.0], [14.0, 10.0, 6.0], [-35.0, 100.0]),
    ([60.0, 62.0, 26.0], [10.0, 14.0, 6.0], [40.0, -50.0]),
];

fn phantom(point: [f64; 3], column: usize) -> f64 {
    PARTS
        .iter()
        .map(|(center, radii, values)| {
            let squares = (0..3).map(|axis| ((point[axis] - center[axis]) / radii[axis]).powi(2));
            let radius = squares.sum::<f64>().sqrt();
            values[column] / (1.0 + ((radius - 1.0) * 0.25 * radii.iter().sum::<f64>()).exp())
        })
        .sum()
}

/// A volume whose values come from a rule of the point, with noise of 3 from end to end.
fn made(geometry: Geometry, seed: usize, rule: impl Fn(PointLps) -> f64) -> Volume<Arbitrary> {
    let [columns, rows, slices] = geometry.size();
    let mut values = Vec::with_capacity(geometry.voxels());
    for slice in 0..slices {
        for row in 0..rows {
            values.extend((0..columns).map(|column| {
                let point = geometry.point_at([column as f64, row as f64, slice as f64]);
                (rule(point) + f64::from((hash(column + seed, row, slice) - 0.5) * 3.0)) as f32
            }));
        }
    }
    Volume::new(geometry, values).unwrap()
}

fn fixed_phantom() -> Volume<Arbitrary> {
    made(grid([64, 60, 40], [1.9, 2.1, 2.6]), 0, |point| phantom(point.components(), 0))
}

/// The phantom in the other contrast, where the map takes it.
fn moving_phantom(map: &Affine) -> Volume<Arbitrary> {
    let spacing = Spacing::new(Mm(2.2), Mm(1.9), Mm(3.0)).unwrap();
    let origin = PointLps::from_components([-30.0, -20.0, -35.0]);
    let geometry = Geometry::new([80, 84, 56], spacing, origin, Direction::AXIAL).unwrap();
    let back = map.inverse();
    made(geometry, 7, |point| phantom(back.map(point).components(), 1))
}

fn affine(value: &Value) -> Affine {
    let three = |value: &Value| <[f64; 3]>::try_from(numbers(value)).unwrap();
    let rows: Vec<[f64; 3]> = value["matrix"].as_array().unwrap().iter().map(three).collect();
    let center = PointLps::from_components(three(&value["center"]));
    Affine::new(center, rows.try_into().unwrap(), three(&value["translation"])).unwrap()
}

/// Root mean square and greatest distance between two maps over a grid of fixed points, mm.
fn apart(geometry: &Geometry, a: &impl Transform, b: &impl Transform) -> (f64, f64) {
    let (mut squares, mut most) = (0.0, 0.0_f64);
    for at in 0..125 {
        let at = [at % 5, at / 5 % 5, at / 25];
        let index = std::array::from_fn(|axis| at[axis] as f64 / 4.0 * (geometry.size()[axis] - 1) as f64);
        let point = geometry.point_at(index);
        let (a, b) = (a.map(point).components(), b.map(point).components());
        let square: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
        squares += square;
        most = most.max(square.sqrt());
    }
    ((squares / 125.0).sqrt(), most)
}

/// The measure at every voxel, as SimpleITK takes it without sampling.
fn everywhere(metric: Metric) -> RegisterSettings {
    RegisterSettings {
        metric,
        sampling: Sampling::Regular { most: usize::MAX },
        least_overlap: 0.01,
        ..RegisterSettings::default()
    }
}

const MUTUAL: Metric = Metric::MutualInformation { bins: 50 };

#[test]
fn a_rotation_by_angles_is_that_of_simpleitk() {
    let golden = &golden("register.json")["euler"];
    let center = PointLps::from_components([60.0, 62.0, 50.0]);
    let turn = Rigid::from_euler(center, [0.12, -0.08, 0.17], [7.0, -5.0, 4.0]).unwrap();
    for pair in golden["points"].as_array().unwrap() {
        let from = PointLps::from_components(numbers(&pair[0]).try_into().unwrap());
        for (found, expected) in turn.map(from).components().iter().zip(numbers(&pair[1])) {
            assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
        }
    }
    let (_, most) = apart(&grid([9, 9, 9], [20.0; 3]), &turn, &affine(&golden["matrix"]));
    assert!(most < 1e-9, "{most}");
}

/// Both compute in other orders and widths (SimpleITK in doubles, this in singles): the fifth digit.
#[test]
fn the_measures_at_every_voxel_are_those_of_simpleitk() {
    let golden = golden("register.json");
    let fixed = fixed_phantom();
    for case in ["rigid", "affine"] {
        let truth = affine(&golden[case]["truth"]);
        let moving = moving_phantom(&truth);
        for (name, metric) in
            [("mutual", MUTUAL), ("squares", Metric::MeanSquares), ("correlation", Metric::Correlation)]
        {
            let expected = numbers(&golden[case]["values_at_identity_and_truth"][name]);
            for (map, expected) in [Affine::identity(), truth].iter().zip(expected) {
                let found = measure(&fixed, &moving, map, &everywhere(metric)).unwrap().unwrap();
                let off = (found - expected).abs() / expected.abs();
                assert!(off < 5e-5, "{case} {name}: {found} is not {expected}");
            }
        }
    }
}

/// What was found against the truth and against SimpleITK's result, by the same measure.
fn check<T: Transform>(
    name: &str,
    golden: &Value,
    fixed: &Volume<Arbitrary>,
    moving: &Volume<Arbitrary>,
    found: &Registration<T>,
) -> (f64, f64) {
    let theirs = affine(&golden["found"]);
    let all = everywhere(MUTUAL);
    let ours = measure(fixed, moving, &found.transform.as_affine().unwrap(), &all).unwrap().unwrap();
    let peer = measure(fixed, moving, &theirs, &all).unwrap().unwrap();
    let told = golden["mutual_at_found"].as_f64().unwrap();
    assert!((peer - told).abs() / told < 2e-3, "{name}: SimpleITK says {told}, this {peer}");
    let (rms, most) = apart(fixed.geometry(), &found.transform, &theirs);
    eprintln!(
        "{name}: mutual information {:?} to {:?} at the sampled points; at every voxel {ours:.5}, SimpleITK \
         {peer:.5}; between the two results {rms:.3} mm root mean square, {most:.3} mm at most",
        found.metric_before, found.metric_after
    );
    assert!(found.accepted, "{name}: {}", found.reason);
    assert!(found.metric_before.is_none_or(|before| found.metric_after.unwrap() > before));
    (ours, peer)
}

#[test]
fn a_phantom_of_another_contrast_is_found_where_a_known_rotation_took_it() {
    let golden = &golden("register.json")["rigid"];
    let truth = affine(&golden["truth"]);
    let (fixed, moving) = (fixed_phantom(), moving_phantom(&truth));
    let found = register_rigid(&fixed, &moving, &RegisterSettings::default(), &Silent).unwrap();
    let (rms, most) = apart(fixed.geometry(), &found.transform, &truth);
    let degrees = found.transform.then(&Rigid::try_from(truth).unwrap().inverse()).degrees();
    eprintln!(
        "rigid phantom: off by {rms:.3} mm, {most:.3} mm at most, {degrees:.3} degrees; SimpleITK {} mm",
        golden["error_rms_mm"]
    );
    assert!(rms < 0.5 && degrees < 0.5, "{rms} mm, {degrees} degrees");
    let (ours, peer) = check("rigid phantom", golden, &fixed, &moving, &found);
    assert!(ours > peer - 0.002, "{ours} against {peer}");
}

#[test]
fn a_phantom_of_another_contrast_is_found_where_a_known_affine_map_took_it() {
    let golden = &golden("register.json")["affine"];
    let truth = affine(&golden["truth"]);
    let (fixed, moving) = (fixed_phantom(), moving_phantom(&truth));
    let found = register_affine(&fixed, &moving, &RegisterSettings::default(), &Silent).unwrap();
    let (rms, most) = apart(fixed.geometry(), &found.transform, &truth);
    eprintln!(
        "affine phantom: off by {rms:.3} mm, {most:.3} mm at most; SimpleITK {} mm",
        golden["error_rms_mm"]
    );
    assert!(rms < 0.5, "{rms} mm");
    let (ours, peer) = check("affine phantom", golden, &fixed, &moving, &found);
    assert!(ours > peer - 0.002, "{ours} against {peer}");
}

#[test]
fn the_same_input_gives_the_same_map_at_any_number_of_threads_and_another_metric_finds_it_too() {
    let center = PointLps::from_components([60.0, 62.0, 50.0]);
    let truth = Affine::from(Rigid::from_euler(center, [0.05, 0.03, -0.06], [3.0, -2.0, 4.0]).unwrap());
    let fixed = fixed_phantom();
    let back = truth.inverse();
    let moving = made(*fixed.geometry(), 5, |point| phantom(back.map(point).components(), 0));
    for metric in [MUTUAL, Metric::MeanSquares, Metric::Correlation] {
        let settings = RegisterSettings {
            metric,
            sampling: Sampling::Random { most: 20_000, seed: 3 },
            shrink: vec![4, 2],
            ..RegisterSettings::default()
        };
        let at = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| register_rigid(&fixed, &moving, &settings, &Silent)).unwrap()
        };
        let (one, three) = (at(1), at(3));
        assert_eq!(one, three);
        let (rms, _) = apart(fixed.geometry(), &one.transform, &truth);
        assert!(rms < 0.5, "{metric:?}: off by {rms} mm");
        assert!(metric.is_better(one.metric_after.unwrap(), one.metric_before.unwrap()));
    }
}

#[test]
fn a_start_that_cannot_be_bettered_is_given_back_and_said_so() {
    let fixed = fixed_phantom();
    // The image on itself: no other place is as good, by the differences that are then 0.
    let settings = RegisterSettings {
        metric: Metric::MeanSquares,
        sampling: Sampling::Regular { most: 20_000 },
        ..RegisterSettings::default()
    };
    let found = register_rigid(&fixed, &fixed, &settings, &Silent).unwrap();
    assert!(!found.accepted && found.metric_after == found.metric_before, "{found:?}");
    assert!(found.reason.contains("not better"), "{}", found.reason);
    let (_, most) = apart(fixed.geometry(), &found.transform, &Affine::identity());
    assert!(most < 1e-9);
    // Noise on noise, from a start: whatever is found, the measure is no worse.
    let noise = |seed| volume([24, 24, 12], [2.0; 3], |c, r, s| hash(c + seed, r, s));
    let start = Affine::from(
        Rigid::from_euler(PointLps::from_components([20.0; 3]), [0.1, 0.0, 0.0], [1.0, 2.0, 3.0]).unwrap(),
    );
    let settings = RegisterSettings { start: Some(start), ..RegisterSettings::default() };
    let found = register_affine(&noise(0), &noise(90), &settings, &Silent).unwrap();
    assert!(found.metric_after >= found.metric_before, "{found:?}");
}

#[test]
fn images_that_cannot_be_compared_are_refused_or_left_where_they_are() {
    let fixed = fixed_phantom();
    let settings = RegisterSettings { iterations: 5, ..RegisterSettings::default() };
    let refuse = |moving: &Volume<Arbitrary>| register_rigid(&fixed, moving, &settings, &Silent).unwrap_err();
    assert_eq!(refuse(&volume([8, 8, 8], [1.0; 3], |_, _, _| 4.0)), FilterError::Constant { value: 4.0 });
    let broken =
        volume([8, 8, 8], [1.0; 3], |c, r, s| if [c, r, s] == [1, 2, 3] { f32::NAN } else { c as f32 });
    assert_eq!(refuse(&broken), FilterError::NotFinite { count: 1 });
    // A slice, a line and a voxel's neighbor: little to go by, and no panic.
    for size in [[40, 30, 1], [40, 1, 1], [1, 1, 2], [2, 2, 2]] {
        let small = volume(size, [1.5; 3], |c, r, s| (c * 3 + r * 2 + s) as f32 + hash(c, r, s));
        let found = register_rigid(&small, &small, &settings, &Silent).unwrap();
        assert!(found.metric_after.is_none_or(f64::is_finite), "{size:?}: {found:?}");
        let found = register_affine(&small, &fixed, &settings, &Silent).unwrap();
        assert!(found.metric_after.is_none_or(f64::is_finite), "{size:?}: {found:?}");
        let same = demons(&small, &small, None, &DemonsSettings::default(), &Silent).unwrap();
        assert!(!same.accepted && same.mean_squares_after == 0.0);
    }
    // Far from each other with no way to look: the start stays, without a measure.
    let start = Affine::from(
        Rigid::from_euler(PointLps::from_components([0.0; 3]), [0.0; 3], [1e6, 0.0, 0.0]).unwrap(),
    );
    let lost =
        RegisterSettings { start: Some(start), initialization: Initialization::Start, ..settings.clone() };
    let found = register_rigid(&fixed, &fixed, &lost, &Silent).unwrap();
    assert!(!found.accepted && found.metric_before.is_none() && found.metric_after.is_none());
    // Where the centers may be used, the way back is found.
    let found =
        register_rigid(&fixed, &fixed, &RegisterSettings { start: Some(start), ..settings.clone() }, &Silent);
    assert!(found.unwrap().accepted);
    for wrong in [
        RegisterSettings { metric: Metric::MutualInformation { bins: 4 }, ..settings.clone() },
        RegisterSettings { shrink: vec![], ..settings.clone() },
        RegisterSettings { shrink: vec![1, 2], ..settings.clone() },
        RegisterSettings { iterations: 0, ..settings.clone() },
        RegisterSettings { last_step_mm: f64::NAN, ..settings.clone() },
        RegisterSettings { least_overlap: 0.0, ..settings.clone() },
        RegisterSettings { sampling: Sampling::Regular { most: 3 }, ..settings.clone() },
    ] {
        let refused = register_rigid(&fixed, &fixed, &wrong, &Silent).unwrap_err();
        assert!(matches!(refused, FilterError::Parameter { .. }), "{refused}");
    }
    struct Stop;
    impl Progress for Stop {
        fn step(&self, _: usize, _: usize) {}
        fn cancelled(&self) -> bool {
            true
        }
    }
    assert_eq!(register_rigid(&fixed, &fixed, &settings, &Stop).unwrap_err(), FilterError::Cancelled);
    assert_eq!(
        demons(&fixed, &fixed, None, &DemonsSettings::default(), &Stop).unwrap_err(),
        FilterError::Cancelled
    );
}

/// A smooth displacement of up to about 5 mm, whose map does not fold.
fn swirl(point: [f64; 3]) -> [f64; 3] {
    let [x, y, z] = point.map(|part| part * std::f64::consts::PI / 60.0);
    [3.5 * y.sin() * z.cos(), 3.0 * x.sin() * (z + 0.5).sin(), 3.0 * (x + 0.7).cos() * y.sin()]
}

struct Swirl;
impl Transform for Swirl {
    fn map(&self, point: PointLps) -> PointLps {
        let from = point.components();
        let by = swirl(from);
        PointLps::from_components(std::array::from_fn(|axis| from[axis] + by[axis]))
    }
}

/// Mean distance to the known map over the phantom's voxels, mm.
fn error_of(map: &impl Transform, geometry: &Geometry) -> f64 {
    let [columns, rows, _] = geometry.size();
    let (mut sum, mut count) = (0.0, 0.0);
    for at in 0..geometry.voxels() {
        let index = [at % columns, at / columns % rows, at / columns / rows].map(|index| index as f64);
        let point = geometry.point_at(index);
        if phantom(point.components(), 0) > 10.0 {
            let (found, expected) = (map.map(point).components(), Swirl.map(point).components());
            sum += found.iter().zip(expected).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
            count += 1.0;
        }
    }
    sum / count
}

#[test]
fn demons_find_most_of_a_known_smooth_deformation_and_do_not_fold() {
    let golden = &golden("register.json")["demons"];
    let geometry = grid([64, 60, 40], [1.9, 2.1, 2.6]);
    let moving = made(geometry, 0, |point| phantom(point.components(), 0));
    let fixed = made(geometry, 3, |point| phantom(Swirl.map(point).components(), 0));
    let before = error_of(&Affine::identity(), &geometry);
    let theirs_before = golden["error_before_mm"].as_f64().unwrap();
    assert!((before - theirs_before).abs() < 1e-3, "{before} is not {theirs_before}");
    let run = |settings: &DemonsSettings| -> (Demons, f64) {
        let found = demons(&fixed, &moving, None, settings, &Silent).unwrap();
        assert!(found.accepted && found.mean_squares_after < found.mean_squares_before);
        let error = error_of(&found.field, &geometry);
        (found, error)
    };
    // The peer's own settings: one level, a fixed number of updates.
    let same = DemonsSettings {
        update: DemonsUpdate::Additive,
        shrink: vec![1],
        iterations: 100,
        sigma_voxels: 1.0,
        damping: 0.0,
        tolerance: 0.0,
        ..DemonsSettings::default()
    };
    let (alike, alike_error) = run(&same);
    let theirs = golden["error_after_mm"].as_f64().unwrap();
    let (best, best_error) = run(&DemonsSettings::default());
    eprintln!(
        "demons: mean error {before:.3} mm before, {alike_error:.3} mm with SimpleITK's settings (SimpleITK \
         {theirs:.3}), {best_error:.3} mm with levels and composition; mean squares {:.1} to {:.1}; folded {:.4} \
         (least determinant {:.2}), additive {:.4}",
        best.mean_squares_before,
        best.mean_squares_after,
        best.folding.share,
        best.folding.least_determinant,
        alike.folding.share,
    );
    // Kernels are cut at other places, and gradients differ at the border.
    assert!(alike_error < 1.1 * theirs, "{alike_error} against {theirs}");
    assert!(best_error < 0.75 * before, "{best_error} after {before}");
    assert_eq!(best.folding.share, 0.0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert!(pool.install(|| demons(&fixed, &moving, None, &same, &Silent)).unwrap() == alike);
}

#[test]
fn demons_go_on_from_a_rigid_start_on_grids_of_their_own() {
    let geometry = grid([64, 60, 40], [1.9, 2.1, 2.6]);
    let fixed = made(geometry, 3, |point| phantom(Swirl.map(point).components(), 0));
    // The moving image stands elsewhere, turned, on another grid with other axes.
    let start = Affine::from(
        Rigid::from_euler(PointLps::from_components([60.0, 62.0, 50.0]), [0.2, 0.1, -0.3], [15.0, -9.0, 6.0])
            .unwrap(),
    );
    let axes = Direction::new([0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]).unwrap();
    let spacing = Spacing::new(Mm(2.0), Mm(2.0), Mm(2.5)).unwrap();
    let origin = PointLps::from_components([170.0, -30.0, 140.0]);
    let other = Geometry::new([90, 84, 76], spacing, origin, axes).unwrap();
    let back = start.inverse();
    let moving = made(other, 0, |point| phantom(back.map(point).components(), 0));
    let found = demons(&fixed, &moving, Some(&start), &DemonsSettings::default(), &Silent).unwrap();
    let onto = found.field.then(&back).unwrap();
    let error = error_of(&onto, &geometry);
    assert!(found.accepted && error < 0.6 * error_of(&Affine::identity(), &geometry), "{error}");
    // The warped image is the fixed one, nearly.
    let warped = warp(&moving, &found.field, &geometry, 0.0);
    let squares: f64 =
        warped.voxels().iter().zip(fixed.voxels()).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>()
            / geometry.voxels() as f64;
    assert!(squares < found.mean_squares_before / 2.0, "{squares}");
    let still = DisplacementField::sampled(geometry, &Affine::identity()).unwrap();
    assert_eq!(warp(&fixed, &still, &geometry, 0.0).voxels(), fixed.voxels());
}

/// The two formats of the head volumes, as far as these files use them.
fn head(name: &str) -> Option<Volume<Arbitrary>> {
    let path = data(&format!("volumes/head/{name}"))?;
    let bytes = std::fs::read(&path).unwrap();
    Some(if name.ends_with(".mha") { meta_image(&bytes) } else { nifti(&path, &bytes) })
}

fn meta_image(bytes: &[u8]) -> Volume<Arbitrary> {
    let marker = b"ElementDataFile = LOCAL\n";
    let end = bytes.windows(marker.len()).position(|window| window == marker).unwrap() + marker.len();
    let header = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let field = |name: &str| {
        let line = header.lines().find(|line| line.starts_with(&format!("{name} ="))).unwrap();
        line.split_once('=').unwrap().1.trim().to_owned()
    };
    let three = |name: &str| -> [f64; 3] {
        let parts: Vec<f64> = field(name).split_whitespace().map(|part| part.parse().unwrap()).collect();
        parts.try_into().unwrap()
    };
    assert_eq!(
        (field("ElementType").as_str(), field("TransformMatrix").as_str()),
        ("MET_SHORT", "1 0 0 0 1 0 0 0 1")
    );
    let mut raw = Vec::new();
    if field("CompressedData") == "True" {
        flate2::read::ZlibDecoder::new(&bytes[end..]).read_to_end(&mut raw).unwrap();
    } else {
        raw = bytes[end..].to_vec();
    }
    let values = raw.as_chunks::<2>().0.iter().map(|two| f32::from(i16::from_le_bytes(*two))).collect();
    let [columns, rows, slices] = three("ElementSpacing").map(Mm);
    let spacing = Spacing::new(columns, rows, slices).unwrap();
    let size = three("DimSize").map(|count| count as usize);
    let origin = PointLps::from_components(three("Offset"));
    Volume::new(Geometry::new(size, spacing, origin, Direction::AXIAL).unwrap(), values).unwrap()
}

fn nifti(path: &Path, bytes: &[u8]) -> Volume<Arbitrary> {
    let mut raw = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut raw).unwrap();
    let short = |at: usize| i16::from_le_bytes([raw[at], raw[at + 1]]);
    let float = |at: usize| f32::from_le_bytes([raw[at], raw[at + 1], raw[at + 2], raw[at + 3]]);
    assert!(short(254) > 0, "{} has no sform", path.display());
    let size = [42, 44, 46].map(|at| short(at) as usize);
    // Rows of the sform; RAS to LPS turns the first two over.
    let rows: [[f64; 4]; 3] = std::array::from_fn(|row| {
        let sign = if row < 2 { -1.0 } else { 1.0 };
        std::array::from_fn(|column| sign * f64::from(float(280 + 16 * row + 4 * column)))
    });
    let column = |at: usize| [rows[0][at], rows[1][at], rows[2][at]];
    let lengths: [f64; 3] =
        std::array::from_fn(|at| column(at).iter().map(|part| part * part).sum::<f64>().sqrt());
    let [a, b, c] = std::array::from_fn(|at| column(at).map(|part| part / lengths[at]));
    let spacing = Spacing::new(Mm(lengths[0]), Mm(lengths[1]), Mm(lengths[2])).unwrap();
    let origin = PointLps::from_components(column(3));
    let geometry = Geometry::new(size, spacing, origin, Direction::new(a, b, c).unwrap()).unwrap();
    let start = float(108) as usize;
    let (slope, shift) = match float(112) {
        0.0 => (1.0, 0.0),
        slope => (slope, float(116)),
    };
    let stored: Vec<f32> = match short(70) {
        2 => raw[start..].iter().map(|byte| f32::from(*byte)).collect(),
        4 => raw[start..].as_chunks::<2>().0.iter().map(|two| f32::from(i16::from_le_bytes(*two))).collect(),
        16 => raw[start..].as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect(),
        other => panic!("data type {other}"),
    };
    Volume::new(geometry, stored[..geometry.voxels()].iter().map(|value| value * slope + shift).collect())
        .unwrap()
}

#[test]
fn a_head_ct_and_mr_are_as_alike_as_simpleitk_makes_them() {
    let golden = &golden("register.json")["head"]["ct_mr"];
    let (Some(fixed), Some(moving)) = (head("vm_head_ct.mha"), head("vm_head_mri.mha")) else { return };
    let found = register_rigid(&fixed, &moving, &RegisterSettings::default(), &Silent).unwrap();
    let (ours, peer) = check("CT and MR of a head", golden, &fixed, &moving, &found);
    assert!(ours > peer - 0.01, "{ours} against {peer}");
}

#[test]
fn a_head_mr_and_a_template_are_as_alike_as_simpleitk_makes_them() {
    let golden = &golden("register.json")["head"]["t1_template"];
    let (Some(fixed), Some(moving)) = (head("ants_ch2.nii.gz"), head("training_001_mr_T1.mha")) else {
        return;
    };
    let found = register_affine(&fixed, &moving, &RegisterSettings::default(), &Silent).unwrap();
    let (ours, peer) = check("T1 and template", golden, &fixed, &moving, &found);
    assert!(ours > peer - 0.01, "{ours} against {peer}");
}
