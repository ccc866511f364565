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

/// Eight images of two labels, the first four in training.
fn stated_examples() -> Vec<Example> {
    let mut examples = examples(8, |_| None);
    for (place, example) in examples.iter_mut().enumerate() {
        example.side = Some(if place < 4 { Side::Training } else { Side::Validation });
    }
    examples
}

fn of_list() -> Recipe {
    let list = "file = \"dev/pneumoniamnist_trainval.npz\"";
    recipe(&[("validation_share = 0.12\n", ""), (list, &format!("{list}\nvalidation = \"v.txt\""))])
}

#[test]
fn a_stated_split_is_taken_as_it_is_and_test_images_are_set_aside() {
    let mut examples = stated_examples();
    examples[1].side = Some(Side::Test);
    let (recipe, data) = (of_list(), data(examples));
    let division = divide(&recipe, &data).expect("no leak");
    assert_eq!(division.split, Split { training: vec![0, 2, 3], validation: vec![4, 5, 6, 7] });
    assert!(
        division.words.contains("the list v.txt states, which was checked")
            && division.words.contains("1 test images were set aside"),
        "{}",
        division.words
    );
}

#[test]
fn the_same_image_or_patient_on_two_sides_is_refused_with_lines_and_no_identifier() {
    let said = |change: &dyn Fn(&mut Vec<Example>)| {
        let mut examples = stated_examples();
        change(&mut examples);
        divide(&of_list(), &data(examples)).expect_err("a leak").to_string()
    };
    let copied = said(&|examples| {
        examples[6].pixels = examples[2].pixels.clone();
        examples[6].thumbnail = examples[2].thumbnail.clone();
    });
    assert_eq!(
        copied,
        "the stated split leaks, since what is trained on would be measured too; 1 pair: 2.png (line 4) in training \
         and 6.png (line 8) in validation show the same; move all copies of an image and all images of a patient to \
         one side"
    );
    let brighter = said(&|examples| {
        examples[6].thumbnail = examples[2].thumbnail.iter().map(|value| value * 0.5 + 9.0).collect();
    });
    assert!(brighter.contains("2.png (line 4) in training and 6.png (line 8) in validation"), "{brighter}");
    let aside = said(&|examples| {
        examples[5].side = Some(Side::Test);
        examples[5].pixels = examples[7].pixels.clone();
    });
    assert!(
        aside.contains("5.png (line 7) in test and 7.png (line 9) in validation show the same"),
        "{aside}"
    );
    let patient = said(&|examples| {
        let patients = [1, 2, 3, 77, 77, 4, 5, 6];
        examples.iter_mut().zip(patients).for_each(|(example, patient)| example.patient = Some(patient));
    });
    assert!(
        patient.contains(
            "1 pair: 3.png (line 5) in training and 4.png (line 6) in validation are of one patient"
        ),
        "{patient}"
    );
    assert!(!patient.contains("77"), "{patient}");
}

#[test]
fn of_many_leaks_ten_are_named_and_the_others_counted() {
    let mut examples: Vec<Example> = (0..24).map(|place| example(place, place % 2)).collect();
    for place in 0..24 {
        examples[place].side = Some(if place < 12 { Side::Training } else { Side::Validation });
        examples[place].pixels = examples[place % 12].pixels.clone();
        examples[place].thumbnail = examples[place % 12].thumbnail.clone();
    }
    let said = divide(&of_list(), &data(examples)).expect_err("leaks").to_string();
    assert!(
        said.contains("12 pairs: 0.png (line 2)") && said.contains("9.png (line 11) in training"),
        "{said}"
    );
    assert!(said.contains("show the same; and 2 more; move") && !said.contains("10.png"), "{said}");
}

#[test]
fn every_image_is_held_out_in_one_fold_and_a_label_too_rare_for_the_folds_is_named() {
    let of = |number: usize, count: usize| {
        recipe(&[("validation_share = 0.12", &format!("fold = {{ number = {number}, of = {count} }}"))])
    };
    let examples = examples(60, |place| Some(place / 4 + 1));
    let data_set = data(examples.clone());
    let mut held: Vec<usize> = Vec::new();
    for number in 1..=3 {
        let recipe = of(number, 3);
        let division = divide(&recipe, &data_set).expect("a fold");
        assert_eq!(division.split.validation.len(), 20);
        assert!(division.words.contains(&format!("fold {number} of 3 held out")), "{}", division.words);
        held.extend(division.split.validation);
    }
    held.sort_unstable();
    assert_eq!(held, (0..60).collect::<Vec<_>>());
    // Three images of the second label cannot be in four folds; the first fold says so at once.
    let rare = (0..24).map(|place| example(place, usize::from(place < 3))).collect();
    let said = divide(&of(1, 4), &data(rare)).expect_err("too rare").to_string();
    assert!(said.contains("has no image for validation: it has 3 images in 3 groups"), "{said}");
    assert!(said.ends_with("of 4: add images, or take fewer folds"), "{said}");
}
