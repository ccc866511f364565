use std::path::Path;

use burn::tensor::Device;
use wilhelm_formats::{Compression, encode_nifti};
use wilhelm_nets::arch::FusedClassifier;
use wilhelm_study::{Arbitrary, Geometry, Mm, Spacing, Volume};

use super::lessons::Cases;
use super::*;
use crate::fit::Lessons;
use crate::seed::generator;
use crate::{Recipe, Split};

/// The recipe of a shipped model made into one of several inputs; `own` are the lines of its own.
fn text(own: &str, inputs: &str) -> String {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/recipes/chest-pneumonia.toml");
    let text = std::fs::read_to_string(place).expect("the recipe of a shipped model");
    let mut changed = String::new();
    for line in text.lines().take_while(|line| *line != "[pretraining]") {
        let line = match line {
            "[data]" => format!("{own}\n{inputs}\n[data]"),
            "kind = \"npz\"" => "kind = \"table\"\nclasses = [\"n\", \"p\"]".to_owned(),
            _ if line.starts_with("file = ") => "table = \"t.csv\"".to_owned(),
            _ if line.starts_with("modalities") || line.starts_with("quantity") => String::new(),
            _ if line.starts_with("side = ") => "side = 6\nslices = 3".to_owned(),
            _ => line.to_owned(),
        };
        changed += &line;
        changed.push('\n');
    }
    changed
}

pub(super) const CT: &str = "[[inputs]]\nkey = \"ct\"\nmodalities = [\"CT\"]\nquantity = \"hounsfield\"\nbounds = [-100, 300]\nrequired = true\n";
const PET: &str = "[[inputs]]\nkey = \"pet\"\nmodalities = [\"PT\"]\nquantity = \"suv_body_weight\"\n";
pub(super) const MR: &str = "[[inputs]]\nkey = \"t1\"\nmodalities = [\"MR\"]\nquantity = \"arbitrary\"\n";

pub(super) fn recipe(own: &str, inputs: &[&str]) -> FusionRecipe {
    FusionRecipe::from_toml(&text(own, &inputs.concat())).expect("a recipe")
}

#[test]
fn a_recipe_of_several_inputs_has_all_of_one_and_its_own() {
    let recipe = recipe("fusion = \"intermediate\"\ndrop_input = 0.25\nshared = true", &[CT, PET, MR]);
    assert_eq!(recipe.keys(), ["ct", "pet", "t1"]);
    assert_eq!(recipe.required(), [true, false, false]);
    assert_eq!((recipe.drop_input, recipe.shared, recipe.baselines), (0.25, true, true));
    assert_eq!(recipe.accepted(1).modalities, recipe.inputs[1].modalities);
    assert_eq!(recipe.accepted(1).population, recipe.recipe.input.population);
    assert_eq!(recipe.architecture().inputs, 3);
    assert!(FusionRecipe::is_meant(&text("fusion = \"early\"", CT)));
    let one = Recipe::from_toml(&text("fusion = \"early\"", &[CT, PET].concat())).expect_err("of several");
    assert!(one.to_string().contains("only `wilhelm train classifier` and `wilhelm sweep` take"), "{one}");
}

#[test]
fn a_recipe_that_contradicts_itself_is_refused_by_what_is_wrong() {
    let refused = |own: &str, inputs: &[&str], words: &str| {
        let said = FusionRecipe::from_toml(&text(own, &inputs.concat())).expect_err(words).to_string();
        assert!(said.contains(words), "{said}");
    };
    refused("fusion = \"early\"", &[CT], "1 inputs, expected 2 to 6");
    refused("fusion = \"early\"", &[], "inputs");
    refused("fusion = \"middle\"", &[CT, PET], "unknown variant `middle`");
    refused("fusion = \"early\"", &[CT, CT], "input ct is named as another column or input");
    refused("fusion = \"early\"", &[CT, &MR.replace("t1", "class")], "input class is named as another");
    refused("fusion = \"early\"", &[CT, &MR.replace("t1", "t 1")], "other characters than");
    refused("fusion = \"early\"", &[&CT.replace("300", "-300"), MR], "expected the lower one first");
    refused("fusion = \"early\"\nshared = true", &[CT, MR], "not of early");
    refused("fusion = \"late\"\ndrop_input = 0.1", &[CT, MR], "of early and intermediate fusion");
    refused("fusion = \"early\"\ndrop_input = 1.0", &[CT, MR], "below 1");
    refused(
        "fusion = \"early\"",
        &[CT, &MR.replace("required", "needed").replace("key", "name")],
        "unknown field",
    );
    let of_one = text("fusion = \"early\"", &[CT, MR].concat())
        .replace("[input]", "[input]\nquantity = \"arbitrary\"");
    let said = FusionRecipe::from_toml(&of_one).expect_err("stated twice").to_string();
    assert!(said.contains("quantity stands in each of [[inputs]]"), "{said}");
}

fn volume(place: &Path, size: [usize; 3], spacing: f64, seed: usize) {
    let spacing = Spacing::new(Mm(spacing), Mm(1.0), Mm(1.0)).expect("positive");
    let geometry = Geometry::axis_aligned(size, spacing).expect("a grid");
    let count = size.iter().product::<usize>();
    let values = (0..count).map(|at| ((at * 37 + seed * 101) % 211) as f32).collect();
    let volume = Volume::<Arbitrary>::new(geometry, values).expect("a volume");
    std::fs::write(place, encode_nifti(&volume, Compression::Gzip)).expect("written");
}

#[test]
fn a_table_of_cases_is_read_with_its_gaps_and_what_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    (0..4).for_each(|number| volume(&at(&format!("{number}.nii.gz")), [8, 6, 3], 1.0, number));
    volume(&at("apart.nii.gz"), [8, 6, 3], 1.5, 5);
    volume(&at("other.nii.gz"), [8, 7, 3], 1.0, 6);
    let recipe = recipe("fusion = \"early\"", &[CT, PET]);
    let load = |rows: &str| {
        std::fs::write(at("t.csv"), format!("case,class,ct,pet\n{rows}")).expect("written");
        load_cases(&recipe, folder.path()).map_err(|error| error.to_string())
    };
    let data = load("x,n,0.nii.gz,1.nii.gz\ny,p,2.nii.gz,\nz,p,2.nii.gz,3.nii.gz\n").expect("cases");
    assert_eq!(data.present, [[true, true], [true, false], [true, true]].map(|case| case.to_vec()));
    assert_eq!(data.data.examples[1].pixels.len(), 2 * 108);
    assert!(data.values(1, 1, &recipe).iter().all(|value| *value == 0.0));
    // Fixed bounds: a value of 0 is a quarter of the way from -100 to 300.
    assert!(data.values(0, 0, &recipe).iter().all(|value| (0.2..0.8).contains(value)));
    // y and z show the same CT, so they belong together though z has a PET more.
    assert_eq!(data.copies, [(1, 2)]);
    let whole = load("x,n,0.nii.gz,1.nii.gz\ny,p,2.nii.gz,1.nii.gz\n").expect("cases");
    assert_ne!(whole.data.sha256, load("x,n,0.nii.gz,1.nii.gz\ny,p,2.nii.gz,\n").expect("cases").data.sha256);

    let refused = |rows: &str, words: &str| {
        let said = load(rows).expect_err(words);
        assert!(said.contains(words), "{said}");
    };
    refused(
        "x,n,,1.nii.gz\n",
        "case x (line 2): input ct is missing, which the recipe says no case is without",
    );
    refused(
        "x,n,0.nii.gz,apart.nii.gz\n",
        "input pet: it lies elsewhere in the patient, on another grid than input ct",
    );
    refused(
        "x,n,0.nii.gz,other.nii.gz\n",
        "input pet: it has 8 x 7 x 3 voxels, not 8 x 6 x 3: another grid than input ct",
    );
    refused("x,n,0.nii.gz,apart.nii.gz\n", "`wilhelm register FIXED MOVING --out DIR` writes");
    refused("x,n,0.nii.gz,gone.nii.gz\n", "input pet: ");
    refused("x,q,0.nii.gz,\n", "none of the recipe's classes n, p");
    refused("x,n,0.nii.gz,\nx,n,1.nii.gz,\n", "names the case of line 2 again, expected each case once");
    std::fs::write(at("t.csv"), "case,class,ct\nx,n,0.nii.gz\n").expect("written");
    let said = load_cases(&recipe, folder.path()).expect_err("no column").to_string();
    assert_eq!(said, "t.csv: has no column pet; there are case, class, ct");
}

#[test]
fn a_grid_of_another_frame_of_reference_or_kind_is_another_grid() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    volume(&at("0.nii.gz"), [8, 6, 3], 1.0, 0);
    crate::dataset::tests::picture(&at("flat.png"), 1);
    let read = |name: &str| {
        let reading =
            wilhelm_formats::read(&[at(name)], &wilhelm_formats::Limits::default(), &wilhelm_formats::Silent);
        reading.series.into_iter().next().expect("a series")
    };
    let (mut one, mut other) = (read("0.nii.gz"), read("0.nii.gz"));
    assert_eq!(one.grid_differs(&other), None);
    let frame = |uid: &str| Some(wilhelm_study::FrameOfReferenceUid::new(uid).expect("an identifier"));
    (one.frame_of_reference, other.frame_of_reference) = (frame("1.2.3"), frame("1.2.3"));
    assert_eq!(one.grid_differs(&other), None);
    other.frame_of_reference = frame("1.2.4");
    assert_eq!(one.grid_differs(&other).as_deref(), Some("it has another frame of reference"));
    let flat = read("flat.png");
    assert_eq!(flat.grid_differs(&flat), None);
    assert!(one.grid_differs(&flat).is_some_and(|what| what.contains("another kind")));
}

/// Twelve cases of three inputs, the second of them missing in every third case.
fn twelve(recipe: &FusionRecipe) -> FusionData {
    let case = |number: usize| {
        let input = |input: usize| {
            let values = (0..108).map(|at| ((at * 31 + number * 57 + input * 71) % 97) as f32 / 97.0);
            (input != 1 || !number.is_multiple_of(3)).then(|| values.collect::<Vec<f32>>())
        };
        FusionCase {
            name: number.to_string(),
            patient: None,
            inputs: (0..3).map(input).collect(),
            label: number % 2,
        }
    };
    FusionData::new(recipe, (0..12).map(case).collect()).expect("cases")
}

fn with_cases<T>(recipe: &FusionRecipe, data: &FusionData, then: impl FnOnce(&Cases<'_>) -> T) -> T {
    let split = Split { training: (0..12).collect(), validation: (0..12).collect() };
    let size = &recipe.recipe.architecture;
    let preparation = wilhelm_filters::Preparation {
        columns: size.side,
        rows: size.side,
        fit: recipe.recipe.fit,
        mean: 0.5,
        deviation: 0.25,
    };
    let preparations = [preparation; 3];
    then(&Cases { recipe, data, split: &split, preparations: &preparations, weights: vec![1.0; 2] })
}

#[test]
fn training_hides_inputs_as_often_as_asked_but_never_a_required_one_nor_all() {
    let (mut hidden, mut there) = (0, 0);
    let recipe = recipe("fusion = \"intermediate\"\ndrop_input = 0.4", &[CT, PET, MR]);
    let data = twelve(&recipe);
    with_cases(&recipe, &data, |cases| {
        for epoch in 1..=40 {
            let ((values, present), targets) = cases.batch(epoch, &(0..12).collect::<Vec<_>>());
            assert_eq!(
                (values.shape().to_vec(), targets.shape().to_vec()),
                (vec![12, 3, 3, 6, 6], vec![12, 2])
            );
            let values = values.try_to_vec::<f32>().expect("floats");
            for (case, present) in present.iter().enumerate() {
                assert!(present[0], "ct is required");
                for input in 1..3 {
                    let given = data.present[case][input];
                    assert!(given || !present[input], "what is missing stays missing");
                    there += usize::from(given);
                    hidden += usize::from(given && !present[input]);
                    let own = &values[(case * 3 + input) * 108..][..108];
                    assert_eq!(own.iter().all(|value| *value == 0.0), !present[input]);
                }
            }
        }
    });
    let share = hidden as f64 / there as f64;
    assert!((share - 0.4).abs() < 0.06, "{share} of {there}");
    let free = &recipe_without_required();
    let data = twelve(free);
    with_cases(free, &data, |cases| {
        let all: Vec<Vec<bool>> =
            (1..=40).flat_map(|epoch| cases.batch(epoch, &(0..12).collect::<Vec<_>>()).0.1).collect();
        assert!(all.iter().all(|case| case.contains(&true)));
        assert!(all.iter().any(|case| !case[0]));
    });
}

fn recipe_without_required() -> FusionRecipe {
    recipe("fusion = \"early\"\ndrop_input = 0.9", &[&CT.replace("required = true", ""), PET, MR])
}

#[test]
fn inputs_of_a_case_move_alike_and_have_each_its_own_noise() {
    let mut how = crate::dataset::tests::recipe(&[]).augmentation;
    (how.noise, how.erase, how.mix, how.contrast, how.brightness, how.log_gamma) =
        (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    (how.rotation_degrees, how.shift, how.scale) = (25.0, 0.1, 0.1);
    let image: Vec<f32> = (0..144).map(|at| ((at * 37) % 97) as f32 / 97.0).collect();
    let apply = |how: &crate::Augmentation, place: u64| {
        how.apply_together(&[&image, &[], &image], 12, &mut generator(7, 1, place))
    };
    for place in 0..5 {
        let moved = apply(&how, place);
        assert!(moved[0] != image && moved[1].is_empty());
        assert_eq!(moved[0], moved[2]);
        // One image alone moves as it does without others.
        assert_eq!(moved[0], how.apply(&image, 12, &mut generator(7, 1, place)));
    }
    how.noise = 0.1;
    let noisy = apply(&how, 1);
    assert_ne!(noisy[0], noisy[2]);
    let bound = 0.1 * 3.0 * 2.0;
    assert!(noisy[0].iter().zip(&noisy[2]).all(|(one, other)| (one - other).abs() <= bound));
}

#[test]
fn what_stands_where_an_input_is_missing_reaches_no_output_and_no_loss() {
    let device = Device::flex();
    device.seed(3);
    for own in ["fusion = \"early\"", "fusion = \"intermediate\"", "fusion = \"late\""] {
        let recipe = recipe(own, &[CT, PET, MR]);
        let data = twelve(&recipe);
        let mut spoiled = data.clone();
        for (example, present) in spoiled.data.examples.iter_mut().zip(&data.present) {
            if !present[1] {
                example.pixels[108..216].fill(1e4);
            }
        }
        let network = FusedClassifier::new(&recipe.architecture(), &device);
        let of = |data: &FusionData| {
            with_cases(&recipe, data, |cases| {
                let all: Vec<usize> = (0..12).collect();
                let outputs = cases.outputs(&network, &all, &data.present, true).expect("outputs");
                let ((values, present), targets) = cases.batch(3, &all);
                (outputs, values, present, targets)
            })
        };
        let (found, other) = (of(&data), of(&spoiled));
        assert!(found == other, "{own}");
        assert!(found.0.iter().flatten().all(|output| output.is_finite()));
    }
}
