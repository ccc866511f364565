//! The real small model as a reader of requests: what it may say, and what it says of requests whose signs a person wrote down.
//!
//! Skips where the model is not in the cache, with that reason.

#![allow(clippy::print_stdout, reason = "the figures are printed")]

use wilhelm_knowledge::KnownValues;
use wilhelm_llm::{LoadSettings, LocalModel, Recorder, SMOLLM2, Scrubbed, default_cache_dir};
use wilhelm_pipeline::{
    FusionInput, FusionMode, FusionSettings, RequestSaid, fuse, language_model_reading, prompt_scrub,
};

/// Requests for children in words that the table's phrases do not have, with the signs that a person reads in them.
const REQUESTS: [(&str, &[&str]); 12] = [
    ("Burning up since last night, poor feeding.", &["fever"]),
    ("Skin hot to the touch for two days, wet cough.", &["fever"]),
    ("Breathing very fast according to parents.", &["tachypnea"]),
    ("Working hard to breathe, ribs pulling in.", &["work_of_breathing"]),
    ("Lips turned blue in triage.", &["hypoxemia"]),
    ("Needed oxygen by mask on arrival.", &["hypoxemia"]),
    ("Not breathing faster than usual. Fell from a swing.", &[]),
    ("Thermometer never went above normal.", &[]),
    ("Swallowed a coin this morning.", &[]),
    ("Routine check before surgery, eats and sleeps well.", &[]),
    ("Follow-up of a rib fracture.", &[]),
    ("Cough only, plays outside.", &[]),
];

#[test]
fn the_small_model_keeps_to_the_schema_sees_no_name_and_moves_no_more_than_the_rule_allows() {
    let file = default_cache_dir().map(|cache| SMOLLM2.path_in(&cache)).filter(|file| file.is_file());
    let Some(file) = file else {
        println!("skipped: the small model is not in the cache ({} of {})", SMOLLM2.member, SMOLLM2.wheel);
        return;
    };
    let settings = LoadSettings { context_tokens: 1024, ..LoadSettings::new(2) };
    let local = LocalModel::load(&file, Some(&SMOLLM2.file_sha256), &settings).expect("the pinned file");
    let scrub = prompt_scrub(KnownValues::default().with_name("Quagga^Zebrafeld"));
    let recorder = Recorder::new(local);
    let model = Scrubbed::new(&recorder, scrub);
    let (mut right, mut wrong, mut missed) = (0, 0, 0);
    for (request, signs) in REQUESTS {
        let request = format!("Zebrafeld, Quagga. {request}");
        let reading = language_model_reading(&model, ("pneumonia", 0.25), (&request, Some(3.0)), 1);
        let reading = reading.expect("there is a request and a table");
        let RequestSaid::LanguageModel { signs: said, failure } = &reading.said else {
            panic!("{reading:?}")
        };
        assert_eq!(failure.as_deref(), None, "the schema binds it");
        for sign in said {
            assert!(request.get(sign.clause.clone()).is_some_and(|clause| !clause.trim().is_empty()));
        }
        let readings = [reading.clone()];
        let input = FusionInput {
            finding: "pneumonia",
            image: 0.6,
            model: "chest-pneumonia",
            calibrated_at: Some(0.75),
            request: &request,
            age_years: Some(3.0),
            readings: &readings,
        };
        let settings = FusionSettings { mode: FusionMode::Pool, ..FusionSettings::default() };
        let fused = fuse(input, &settings).expect("it fits");
        let moved = (fused.after / (1.0 - fused.after) / 1.5).ln();
        assert!(moved.abs() <= settings.most_text_log_odds + 1e-9, "{moved}");
        let counted: Vec<&str> = fused
            .contributions
            .iter()
            .filter(|of| of.by == wilhelm_study::Contributor::LanguageModel && of.log_odds > 0.0)
            .map(|of| of.words.as_str())
            .collect();
        let stated: Vec<&str> = said
            .iter()
            .filter(|sign| sign.status == wilhelm_knowledge::SignStatus::Present)
            .map(|sign| sign.sign.as_str())
            .collect();
        right += signs.iter().filter(|sign| stated.contains(sign)).count();
        missed += signs.iter().filter(|sign| !stated.contains(sign)).count();
        wrong += stated.iter().filter(|sign| !signs.contains(sign)).count();
        println!("{request}\n  stated {stated:?}, expected {signs:?}, counted {}", counted.len());
    }
    let heard = serde_json::to_string(&recorder.recording()).expect("JSON").to_lowercase();
    assert!(heard.contains("burning up") && !heard.contains("zebrafeld") && !heard.contains("quagga"));
    println!("signs found {right}, missed {missed}, seen where none is {wrong}");
}
