//! Bias fields beside SimpleITK's N4: a phantom with a known field, and head MR where the data are here.

use std::io::Read;

use wilhelm_filters::{BiasSettings, correct_bias};
use wilhelm_study::{Arbitrary, Mask, Silent, Volume};

use crate::shared::{data, golden, grid, hash, numbers, volume};

const SIZE: [usize; 3] = [64, 72, 48];

/// Column, row, slice from -1 to 1, and the distance from the center in an ellipsoid's radii.
fn place(column: usize, row: usize, slice: usize) -> ([f64; 3], f64) {
    let at = [(column as f64 - 31.5) / 31.5, (row as f64 - 35.5) / 35.5, (slice as f64 - 23.5) / 23.5];
    let radii = [at[0] / 0.85, at[1] / 0.9, at[2] / 0.9];
    (at, radii.iter().map(|part| part * part).sum::<f64>().sqrt())
}

fn log_field([x, y, z]: [f64; 3]) -> f64 {
    0.3 * (x * x - 0.5 * y + 0.4 * x * z)
}

fn phantom() -> (Volume<Arbitrary>, Mask, Vec<f64>) {
    let image = volume(SIZE, [1.0; 3], |column, row, slice| {
        let (at, radius) = place(column, row, slice);
        let wave = radius + 0.15 * (5.0 * at[0]).sin() * (6.0 * at[1]).cos();
        let tissue = match () {
            () if radius > 1.0 => 0.0,
            () if radius > 0.9 => 60.0,
            () if wave < 0.5 => 150.0,
            () => 100.0,
        };
        (tissue * log_field(at).exp() + 3.0 + 6.0 * (f64::from(hash(column, row, slice)) - 0.5)) as f32
    });
    let mut inside = Vec::new();
    let mut truth = Vec::new();
    for at in 0..SIZE.iter().product() {
        let (at, radius) = place(at % 64, at / 64 % 72, at / (64 * 72));
        inside.push(radius <= 1.0);
        truth.push(log_field(at));
    }
    let mask = Mask::new(*image.geometry(), inside).unwrap();
    (image, mask, truth)
}

/// Pearson correlation, and the standard deviation of the difference.
fn likeness(a: &[f64], b: &[f64]) -> (f64, f64) {
    let count = a.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let (x, y) = (mean(a), mean(b));
    let product = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| f(a - x, b - y)).sum::<f64>();
    let correlation = product(&|a, b| a * b) / (product(&|a, _| a * a) * product(&|_, b| b * b)).sqrt();
    (correlation, (product(&|a, b| (a - b) * (a - b)) / count).sqrt())
}

fn within(values: &[f32], mask: &Mask) -> Vec<f64> {
    let kept = values.iter().zip(mask.voxels()).filter(|(_, inside)| **inside);
    kept.map(|(value, _)| f64::from(*value)).collect()
}

#[test]
fn a_known_field_is_found_as_well_as_simpleitk_finds_it() {
    let golden = golden("bias.json");
    let (image, mask, truth) = phantom();
    let truth: Vec<f64> =
        truth.iter().zip(mask.voxels()).filter(|(_, inside)| **inside).map(|(value, _)| *value).collect();
    for case in golden["cases"].as_array().unwrap().iter().filter(|case| case["name"] == "phantom") {
        let shrink = case["shrink"].as_u64().unwrap() as usize;
        let settings = BiasSettings { shrink, ..BiasSettings::default() };
        let found = correct_bias(&image, Some(&mask), &settings, &Silent).unwrap();
        let ours = within(found.field.log().voxels(), &mask);
        let (correlation, residual) = likeness(&ours, &truth);
        let theirs = case["truth_residual"].as_f64().unwrap();
        eprintln!(
            "shrink {shrink}: to the truth {correlation:.4}, residual {residual:.4}; SimpleITK {:.4}, {theirs:.4}; {:?}",
            case["truth_correlation"].as_f64().unwrap(),
            found.levels
        );
        assert!(correlation >= 0.98, "{correlation}");
        // The same method: a tenth worse at the most, and a thousandth of log intensity for its noise.
        assert!(residual <= 1.1 * theirs + 0.001, "{residual}, SimpleITK {theirs}");
        let sampled: Vec<f64> = ours.iter().copied().step_by(101).collect();
        let (alike, apart) = likeness(&sampled, &numbers(&case["field"]));
        eprintln!("shrink {shrink}: to SimpleITK {alike:.5}, apart {apart:.5}");
        // On the full grid the two are the same computation but for rounding, which decides at times in which
        // iteration a level ends; on a shrunken one our lattice spans the full grid and theirs does not.
        let least = if shrink == 1 { 0.999 } else { 0.98 };
        assert!(alike >= least, "{alike}");
        // What was divided out is the field.
        let at = image.geometry().voxels() / 2 + 30;
        let quotient = f64::from(image.voxels()[at]) / f64::from(found.corrected.voxels()[at]);
        assert!((quotient.ln() - f64::from(found.field.log().voxels()[at])).abs() < 1e-5);
    }
}

#[test]
fn without_a_mask_otsus_threshold_finds_the_head_and_the_field() {
    let (image, mask, truth) = phantom();
    let settings = BiasSettings { shrink: 2, ..BiasSettings::default() };
    let found = correct_bias(&image, None, &settings, &Silent).unwrap();
    let truth: Vec<f64> =
        truth.iter().zip(mask.voxels()).filter(|(_, inside)| **inside).map(|(value, _)| *value).collect();
    let (correlation, residual) = likeness(&within(found.field.log().voxels(), &mask), &truth);
    eprintln!("no mask: {correlation:.4}, residual {residual:.4}");
    assert!(correlation >= 0.97, "{correlation}");
}

#[test]
fn the_same_input_gives_the_same_bytes_on_one_thread_and_on_four() {
    let (image, mask, _) = phantom();
    let settings = BiasSettings { shrink: 2, iterations: vec![5, 5], ..BiasSettings::default() };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| correct_bias(&image, Some(&mask), &settings, &Silent).unwrap())
    };
    assert!(run(1) == run(4));
}

#[test]
fn the_fields_of_real_head_volumes_agree_with_simpleitk() {
    let golden = golden("bias.json");
    for case in golden["cases"].as_array().unwrap().iter().filter(|case| case["name"] != "phantom") {
        let name = case["name"].as_str().unwrap();
        let Some(path) = data(&format!("volumes/head/{name}")) else { continue };
        let bytes = std::fs::read(path).unwrap();
        let image: Volume<Arbitrary> = if name.ends_with(".mha") {
            // 256 x 256 x 26 of 16 bits, uncompressed, behind a header of text.
            let values = &bytes[bytes.len() - 256 * 256 * 26 * 2..];
            let values = values.as_chunks::<2>().0.iter().map(|two| f32::from(i16::from_le_bytes(*two)));
            Volume::new(grid([256, 256, 26], [1.25, 1.25, 4.0]), values.collect()).unwrap()
        } else {
            // 91 x 109 x 91 of 8 bits behind a header of 352 bytes, with a slope.
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap();
            let values = plain[352..].iter().map(|value| f32::from(*value) * 0.003_906_190_2);
            Volume::new(grid([91, 109, 91], [2.0; 3]), values.collect()).unwrap()
        };
        let threshold = case["threshold"].as_f64().unwrap() as f32;
        let inside = image.voxels().iter().map(|value| *value > threshold).collect();
        let mask = Mask::new(*image.geometry(), inside).unwrap();
        let found = correct_bias(&image, Some(&mask), &BiasSettings::default(), &Silent).unwrap();
        let field = found.field.log();
        // The voxels that SimpleITK's shrunken image has, which are those that ours is fitted on.
        let shrink = numbers(&case["shrink"]);
        let size = image.geometry().size();
        let places: [Vec<usize>; 3] = std::array::from_fn(|axis| {
            let (count, step) = (size[axis], shrink[axis] as usize);
            let kept = count / step;
            let first = (count - ((kept - 1) * step + 1)).div_ceil(2);
            (0..kept).map(|index| first + index * step).collect()
        });
        let mut ours = Vec::new();
        for slice in &places[2] {
            for row in &places[1] {
                for column in &places[0] {
                    let at = (slice * size[1] + row) * size[0] + column;
                    if mask.voxels()[at] {
                        ours.push(f64::from(field.voxels()[at]));
                    }
                }
            }
        }
        assert_eq!(ours.len() as u64, case["taken"].as_u64().unwrap(), "{name}");
        let step = case["step"].as_u64().unwrap() as usize;
        let sampled: Vec<f64> = ours.into_iter().step_by(step).collect();
        let (alike, apart) = likeness(&sampled, &numbers(&case["field"]));
        eprintln!("{name}: to SimpleITK {alike:.4}, apart {apart:.4}");
        // One method on slightly other lattices (see `correct_bias`): the least that counts as the same field.
        assert!(alike >= 0.98, "{name}: {alike}");
    }
}
