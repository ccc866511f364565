//! Writes an example report in the forms that this crate knows into a folder: `forms FOLDER`.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::unwrap_used)]

use std::path::Path;

use wilhelm_report::{HtmlImages, Issue, Moment, Subject, example, fhir, hl7, html, pdf, text, write};

fn main() {
    let folder = std::env::args().nth(1).expect("usage: forms FOLDER");
    std::fs::create_dir_all(&folder).unwrap();
    let at = Moment::parse("2026-11-26T22:05:00+01:00").unwrap();
    for (number, case) in example::all().iter().enumerate() {
        let report = write(case);
        let issue =
            Issue { subject: Subject::default(), at: at.clone(), program_version: "0.1.0".to_owned() };
        let images = HtmlImages::default();
        let place = |form: &str| Path::new(&folder).join(format!("example-{number}.{form}"));
        let page = pdf(&report, &images, &at).unwrap();
        std::fs::write(place("fhir.json"), fhir::bundle(&report, &issue, Some(&page))).unwrap();
        std::fs::write(place("hl7"), hl7::message(&report, &issue, &hl7::Parties::default())).unwrap();
        std::fs::write(place("pdf"), page).unwrap();
        std::fs::write(place("html"), html(&report, &images)).unwrap();
        std::fs::write(place("txt"), text(&report)).unwrap();
    }
}
