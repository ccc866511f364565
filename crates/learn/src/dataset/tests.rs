use super::*;

/// Numbers from 0 to 255 without any order.
fn noise(seed: u32, at: u32) -> u8 {
    let mut state = (seed * 7919 + at).wrapping_mul(2_654_435_761);
    state ^= state >> 15;
    (state.wrapping_mul(2_246_822_519) >> 24) as u8
}

/// An example unlike any other.
pub(crate) fn example(place: usize, label: usize) -> Example {
    let pixels: Vec<f32> = (0..16).map(|at| f32::from(noise(place as u32, at))).collect();
    Example {
        source: format!("{place}.png"),
        line: Some(place as u64 + 2),
        patient: None,
        thumbnail: pixels.clone(),
        pixels,
        label,
    }
}

/// The recipe of a shipped model of two labels, with these changes.
pub(crate) fn recipe(changes: &[(&str, &str)]) -> Recipe {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/recipes/chest-pneumonia.toml");
    let text = std::fs::read_to_string(place).expect("the recipe of a shipped model");
    let text = changes.iter().fold(text, |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replacen(old, new, 1)
    });
    Recipe::from_toml(&text).expect("a recipe")
}

#[test]
fn patients_are_part_of_the_data_s_hash_and_data_without_any_keep_theirs() {
    let examples: Vec<Example> = (0..4).map(|place| example(place, place % 2)).collect();
    let without = Dataset::new(examples.clone());
    let with = |patients: [usize; 4]| {
        let mut examples = examples.clone();
        examples.iter_mut().zip(patients).for_each(|(example, patient)| example.patient = Some(patient));
        Dataset::new(examples).sha256
    };
    let mut hash = Sha256::new();
    for example in &examples {
        hash.update(example.label.to_le_bytes());
        example.pixels.iter().for_each(|pixel| hash.update(pixel.to_le_bytes()));
    }
    let plain: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(without.sha256, plain);
    assert_ne!(with([1, 1, 2, 2]), plain);
    assert_ne!(with([1, 1, 2, 2]), with([1, 2, 2, 2]));
}
