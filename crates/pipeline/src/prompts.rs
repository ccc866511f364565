use wilhelm_knowledge::{KnownValues, scrub};
use wilhelm_llm::Scrub;
use wilhelm_study::Patient;

/// What headers say of who the patient is, so that it can be taken out of every prompt.
pub fn known_values(patients: &[&Patient]) -> KnownValues {
    let mut known = KnownValues::default();
    for patient in patients {
        if let Some(name) = &patient.name {
            known = known.with_name(name.expose());
        }
        for value in [&patient.id, &patient.birth_date].into_iter().flatten() {
            known = known.with_value(value.expose());
        }
    }
    known
}

/// What is done to every prompt before a model gets it: known values, and whatever else identifies, go out.
pub fn prompt_scrub(known: KnownValues) -> Scrub {
    Scrub::new(move |text| scrub(text, &known).text)
}

/// Whether a text holds something that identifies: such a sentence is put to no model at all.
pub fn identifies(text: &str, known: &KnownValues) -> bool {
    !scrub(text, known).removed.is_empty()
}
