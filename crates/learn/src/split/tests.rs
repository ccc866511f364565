use super::*;
use crate::dataset::tests::{example, recipe};

#[test]
fn no_group_is_torn_and_each_label_gives_its_share() {
    let labels: Vec<usize> = (0..200).map(|place| usize::from(place % 10 == 0)).collect();
    let groups: Vec<usize> = (0..200).map(|place| place / 2 * 2).collect();
    let split = split_by_group(&groups, &labels, 0.2, 9);
    assert_eq!(split.training.len() + split.validation.len(), 200);
    for place in &split.validation {
        assert!(!split.training.iter().any(|other| groups[*other] == groups[*place]));
    }
    assert_eq!(split.validation.len(), 40);
    assert_eq!(split, split_by_group(&groups, &labels, 0.2, 9));
    assert_ne!(split, split_by_group(&groups, &labels, 0.2, 10));
}

/// Images of two labels in turn; image `place` is of the patient that `patient` says.
fn examples(count: usize, patient: impl Fn(usize) -> Option<usize>) -> Vec<Example> {
    let of = |place| Example { patient: patient(place), ..example(place, place % 2) };
    (0..count).map(of).collect()
}

fn data(examples: Vec<Example>) -> Dataset {
    Dataset { examples, sha256: String::new() }
}

#[test]
fn a_patient_is_on_one_side_and_the_words_say_whether_there_were_any() {
    let recipe = recipe(&[]);
    let with = data(examples(60, |place| Some(place / 6 + 1)));
    let division = divide(&recipe, &with).expect("a split");
    let patients = |places: &[usize]| -> BTreeSet<Option<usize>> {
        places.iter().map(|place| with.examples[*place].patient).collect()
    };
    let (training, validation) = (patients(&division.split.training), patients(&division.split.validation));
    assert!(training.is_disjoint(&validation) && training.len() + validation.len() == 10);
    assert!(!validation.is_empty());
    assert_eq!(division.patients, Some(10));
    assert!(division.words.contains("60 images in 10 groups"), "{}", division.words);
    assert!(division.words.ends_with("split by patient (10 patients)"), "{}", division.words);

    let without = data(examples(60, |_| None));
    let division = divide(&recipe, &without).expect("a split");
    assert_eq!(division.patients, None);
    assert!(division.words.contains("no patient identifiers were given"), "{}", division.words);
}

#[test]
fn a_label_that_one_side_lacks_is_named_with_its_images() {
    // All images of the second label are one patient's.
    let of_one = |place: usize| Some(if place % 2 == 1 { 1 } else { place + 2 });
    let error = divide(&recipe(&[]), &data(examples(24, of_one))).expect_err("one side lacks a label");
    let said = error.to_string();
    let label = &recipe(&[]).labels[1].key;
    assert!(
        said.starts_with(&format!(
            "split: label {label} has no image for validation: it has 12 images in 1 groups of copies and \
             patients, all on the other side: 1.png (line 3), 3.png (line 5), "
        )),
        "{said}"
    );
    assert!(!said.contains("21.png") && said.contains("and 2 more; add images"), "{said}");
    let only_first = (0..8).map(|place| example(place, 0)).collect();
    let said = divide(&recipe(&[]), &data(only_first)).expect_err("no image").to_string();
    assert!(
        said.starts_with(&format!("split: label {label} has no image to train on and none for validation")),
        "{said}"
    );
}
