//! Concepts: which way a number goes with what examples have in common.

use std::path::Path;

use crate::{code, gray_png, json, path, root, stderr, wilhelm};

/// Windows of the sample that lie elsewhere each, and on request darker.
fn windows(folder: &Path, count: u32, darker: bool) {
    const SIDE: u32 = 200;
    std::fs::create_dir_all(folder).expect("made");
    let sample = root().join("testdata/breast_ultrasound/breast_mass.png");
    let reading = wilhelm_formats::read(&[sample], &Default::default(), &wilhelm_formats::Silent);
    let wilhelm_study::Image::Flat(image) = &reading.series[0].image else { panic!("a flat image") };
    let columns = image.columns() as u32;
    for number in 0..count {
        let (left, top) = (number * 7 % 50, number * 11 % 50);
        let pixel = |at: u32| {
            let value = image.pixels()[((top + at / SIDE) * columns + left + at % SIDE) as usize];
            (if darker { 0.5 * value } else { value }) as u8
        };
        let pixels: Vec<u8> = (0..SIDE * SIDE).map(pixel).collect();
        gray_png(folder, &format!("{number:02}.png"), SIDE, &pixels);
    }
}

#[test]
fn concepts_are_scored_against_random_images_or_said_to_be_untellable() {
    let place = tempfile::tempdir().expect("a folder");
    let [images, dark, out] = ["images", "dark", "out"].map(|name| place.path().join(name));
    windows(&images, 40, false);
    windows(&dark, 12, true);
    let concept = format!("dark={}", path(&dark));
    let fixed =
        ["explain", "concepts", "--model", "breast-ultrasound", "--label", "malignant", "--sets", "6"];
    let folders = ["--images", path(&images), "--out", path(&out), "--json"];
    let asked = ["--concept", &concept, "--made", "marker,blurred", "--layer", "map"];
    let all = [&fixed[..], &folders, &asked].concat();
    let output = wilhelm(&all);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let found = json(&output.stdout);
    let concepts = found["concepts"].as_array().expect("a list");
    let names: Vec<&str> = concepts.iter().map(|one| one["concept"].as_str().expect("a name")).collect();
    assert_eq!(names, ["dark", "marker", "blurred"]);
    assert_eq!((&concepts[0]["images"], &concepts[0]["in_each_set"]), (&12.into(), &12.into()));
    assert_eq!((&concepts[1]["images"], &concepts[1]["in_each_set"]), (&40.into(), &20.into()));
    for one in concepts {
        let told = one["tellable"].as_bool().expect("an answer");
        assert_eq!(told, one["accuracy"]["low"].as_f64().expect("an end") > 0.5, "{one}");
        assert_eq!(told, !one["scores"].is_null(), "{one}");
    }
    // A white corner is plain to a network.
    assert_eq!(concepts[1]["tellable"], true, "{}", concepts[1]);
    assert_eq!(found["sentences"].as_array().map(Vec::len), Some(3));
    let html = std::fs::read_to_string(out.join("concepts.html")).expect("a page");
    assert!(html.contains("<svg ") && html.contains("Not a medical device"), "{html}");
    assert!(out.join("concepts.json").is_file());

    let again = wilhelm(&all);
    assert_eq!(code(&again), 2, "{}", stderr(&again));
    let forced = wilhelm(&[&all[..], &["--force"]].concat());
    assert_eq!(forced.stdout, output.stdout, "the same seed gives the same figures");

    let refused = |more: &[&str], exit: i32, words: &str| {
        let other = place.path().join("other");
        let output =
            wilhelm(&[&fixed[..6], &["--images", path(&images), "--out", path(&other)], more].concat());
        assert_eq!(code(&output), exit, "{more:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(words), "{more:?}: {}", stderr(&output));
        assert!(!other.exists());
    };
    refused(&["--label", "cancer", "--made", "marker"], 2, "cannot be used multiple times");
    refused(&[], 2, "no concept was named");
    refused(&["--concept", "dark"], 2, "expected NAME=FOLDER");
    refused(&["--concept", &format!("marker={}", path(&dark)), "--made", "marker"], 2, "another concept");
    refused(&["--concept", "x=/nowhere"], 3, "/nowhere is not readable");
    refused(&["--made", "marker", "--limit", "9"], 3, "at least 10 of the concept and 20 random ones");
}
