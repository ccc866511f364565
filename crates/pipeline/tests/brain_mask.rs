//! The brain network against deepbet's own masks, and one head stored in several ways.
//!
//! The images have no license that lets us carry them: they are looked for in `../shared/data` beside the checkout, or
//! in the folder that `WILHELM_HEADS` names, and what needs them is skipped, with a word on stderr, where they are not.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use wilhelm_filters::{FilterError, reorient, reorient_onto};
use wilhelm_formats::{Limits, Silent, read};
use wilhelm_nets::Segmenter;
use wilhelm_pipeline::{brain_by_network, built_in_shelf};
use wilhelm_study::{Arbitrary, Geometry, Image, Mask, Mm, Modality, SegmentAlgorithm, Spacing, Volume};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn network() -> &'static Segmenter {
    static NETWORK: OnceLock<Segmenter> = OnceLock::new();
    NETWORK.get_or_init(|| {
        let shelf = built_in_shelf().expect("cards");
        shelf
            .segmenter("brain-mask")
            .expect("it is built in")
            .load()
            .expect("its weights are as the card says")
    })
}

fn volume(path: &Path) -> Volume<Arbitrary> {
    let reading = read(&[path.to_owned()], &Limits::default(), &Silent);
    let series =
        reading.series.into_iter().next().unwrap_or_else(|| panic!("{} is not read", path.display()));
    match series.image {
        Image::Arbitrary(volume) => volume,
        other => panic!("{} is {:?}", path.display(), other.quantity()),
    }
}

/// A head of the public data, or nothing where it is not at hand.
fn head(name: &str) -> Option<Volume<Arbitrary>> {
    let folder = std::env::var_os("WILHELM_HEADS")
        .map_or_else(|| root().join("../shared/data/volumes/head"), PathBuf::from);
    let path = folder.join(format!("{name}.nii.gz"));
    if !path.is_file() {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    }
    Some(volume(&path))
}

fn dice(a: &Mask, b: &Mask) -> f64 {
    let common = a.intersection(b).expect("one grid").count();
    2.0 * common as f64 / (a.count() + b.count()) as f64
}

/// Dice with deepbet's mask and the volume of ours, mL, of a head.
fn check_against_deepbet(name: &str) {
    let Some(head) = head(name) else { return };
    let golden = volume(&root().join(format!("testdata/brain_mask/{name}.nii.gz")));
    let golden = Mask::new(*golden.geometry(), golden.voxels().iter().map(|value| *value > 0.5).collect())
        .expect("its own grid");
    let text = std::fs::read_to_string(root().join("testdata/brain_mask/facts.json")).expect("facts");
    let facts: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let expected = facts["masks"][name]["milliliters"].as_f64().expect("a volume");
    assert!((golden.milliliters() - expected).abs() < 0.01, "{} for {expected} mL", golden.milliliters());

    let found = network().segment(&head, &Silent).expect("a brain");
    let overlap = dice(&found, &golden);
    let differing = found.voxels().iter().zip(golden.voxels()).filter(|(a, b)| a != b).count();
    eprintln!("{name}: Dice {overlap:.6}, {differing} voxels differ, {:.2} mL", found.milliliters());
    // What the card says of this head is what was measured now, to its digits.
    let shelf = built_in_shelf().expect("cards");
    let card = shelf.segmenter("brain-mask").expect("it is built in").card.clone();
    let stated =
        card.agreement.iter().find(|stated| stated.image.starts_with(name)).expect("the card names it");
    assert!((overlap - stated.dice).abs() < 2e-6, "Dice {overlap}, the card says {}", stated.dice);
    for (found, stated) in
        [(found.milliliters(), stated.milliliters), (expected, stated.milliliters_of_the_original)]
    {
        assert!((found - stated).abs() <= 0.1, "{name}: {found} mL, the card says {stated}");
    }
}

#[test]
fn the_mask_of_spm_s_head_is_deepbet_s() {
    check_against_deepbet("single_subj_T1");
}

#[test]
fn the_mask_of_colin27_is_deepbet_s() {
    check_against_deepbet("ants_ch2");
}

#[test]
fn a_head_stored_in_another_order_has_the_same_mask_at_the_same_points() {
    let Some(head) = head("single_subj_T1") else { return };
    let expected = network().segment(&head, &Silent).expect("a brain");
    let turned = reorient(&head, "PIR").expect("an order");
    assert_ne!(turned.geometry().size(), head.geometry().size());
    let found = network().segment(&turned, &Silent).expect("a brain");
    assert_eq!(found.geometry(), turned.geometry());
    assert!(reorient_onto(&found, head.geometry()).expect("the same voxels") == expected, "the masks differ");
}

#[test]
fn the_result_says_which_network_drew_it_and_for_whom_it_was_made() {
    let Some(head) = head("single_subj_T1") else { return };
    let found = brain_by_network(&Image::Arbitrary(head), network(), &Silent).expect("a brain");
    let segment = &found.labels.segments()[&1];
    assert_eq!(segment.algorithm, SegmentAlgorithm::Automatic);
    assert!(segment.algorithm_name.ends_with("brain-mask 1.0.2"), "{}", segment.algorithm_name);
    assert!(
        found.notes[0].contains("deepbet") && found.notes[0].contains("healthy adults"),
        "{:?}",
        found.notes
    );
    assert_eq!(found.measurements.len(), 4);
}

#[test]
fn another_modality_and_an_image_of_one_value_are_refused() {
    assert!(network().accepts(None).is_ok() && network().accepts(Some(&Modality::Mr)).is_ok());
    let refused = network().accepts(Some(&Modality::Ct)).expect_err("CT");
    assert_eq!(refused.to_string(), "modality is CT, the model accepts MR");
    let spacing = Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0)).expect("positive");
    let grid = Geometry::axis_aligned([8, 8, 8], spacing).expect("a grid");
    let blank = Volume::<Arbitrary>::new(grid, vec![3.0; 512]).expect("fits");
    assert_eq!(network().segment(&blank, &Silent), Err(FilterError::Constant { value: 3.0 }));
}
