//! The fuzz targets of the readers in `report`: what comes back from other systems as text.
//!
//! The tests of `report` replay their corpus (`cargo nextest run -p wilhelm-report corpus`).

use wilhelm_report::hl7::{self, Acknowledgment, control_id, frame, unframe};
use wilhelm_report::{Restated, fhir, read_text_report};

/// A target's name, and what it does with its bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets by their names.
pub const ALL: [Target; 4] = [
    ("report_fhir", report_fhir),
    ("report_hl7", report_hl7),
    ("report_message", report_message),
    ("report_text", report_text),
];

/// A FHIR bundle with a report.
pub fn report_fhir(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match fhir::read(text) {
        Ok(restated) => check(&restated),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// What a receiver of an HL7 message answers, in its block or bare.
pub fn report_hl7(bytes: &[u8]) {
    let bare = match unframe(bytes) {
        Ok(message) => {
            assert_eq!(frame(message), bytes);
            message
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            bytes
        }
    };
    let Ok(text) = std::str::from_utf8(bare) else { return };
    if let Ok(control) = control_id(text) {
        assert!(!control.is_empty());
    }
    for expected in ["528db948883480d6ad79", ""] {
        if let Err(error) = Acknowledgment::parse(text, expected) {
            // What came over the network is not repeated in a message.
            assert!(error.to_string().len() < 200);
        }
    }
}

/// A report as an HL7 message.
pub fn report_message(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match hl7::read(text) {
        Ok(received) => check(&received.said),
        // What came over the network is not repeated in a message.
        Err(error) => assert!((1..200).contains(&error.to_string().len())),
    }
}

/// A report in plain text.
pub fn report_text(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match read_text_report(text) {
        Ok(restated) => check(&restated),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn check(restated: &Restated) {
    for finding in &restated.findings {
        let [low, estimate, high] =
            [finding.probability.low, finding.probability.estimate, finding.probability.high]
                .map(|share| share.value());
        assert!((0.0..=1.0).contains(&low) && low <= estimate && estimate <= high && high <= 1.0);
        assert!(finding.measurements.iter().all(|measured| measured.quantity.value.is_finite()));
    }
}
