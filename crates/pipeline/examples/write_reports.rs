//! Writes example reports in every form and state over a CT phantom, for other programs to check.
//!
//! `write_reports FOLDER`; `tools/interop/reports.py` judges what it writes. Each case is a folder with its forms and
//! `expected.json`; `source` holds the slices.

use std::fs;
use std::path::Path;

use serde_json::json;
use wilhelm_formats::dicom::objects::{Reference, references};
use wilhelm_formats::{Limits, encode_png_gray, phantom};
use wilhelm_pipeline::{Form, OutputContext, output};
use wilhelm_report::{
    Edit, HtmlImage, HtmlImages, Moment, Report, Signer, State, addendum, amend, example, hl7, sign, stated,
    write,
};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let folder = std::env::args().nth(1).ok_or("usage: write_reports FOLDER")?;
    let folder = Path::new(&folder);
    let source = folder.join("source");
    fs::create_dir_all(&source)?;
    let slices = phantom::CtPhantom { columns: 640, rows: 640, slices: 3, ..Default::default() };
    phantom::write_ct_series(&source, &slices)?;
    let reference = references(std::slice::from_ref(&source), &[], &Limits::default())?;
    let mut reports: Vec<(String, Report)> = example::all()
        .iter()
        .enumerate()
        .map(|(number, case)| (format!("draft-{number}"), write(case)))
        .collect();
    reports.push(("measured".to_owned(), write(&example::measured_nodule())));
    reports.extend(states()?);
    for (name, report) in reports {
        case(&folder.join(name), &report, &reference)?;
    }
    Ok(())
}

/// One report in every state, and one with words that forms must escape.
fn states() -> Outcome<Vec<(String, Report)>> {
    let signer = |at: &str| -> Outcome<Signer> {
        let organization = Some("Example & Clinic".to_owned());
        Ok(Signer { by: "Müller^Jürgen".to_owned(), organization, at: Moment::parse(at)? })
    };
    let mut case = example::abdomen();
    case.request = vec!["Größe | Lage^Seite ~ a&b \\ <b>\"Fièvre\"</b>".to_owned()];
    let draft = write(&case);
    let preliminary = sign(&draft, State::Preliminary, &signer("2026-11-26T08:00:00+01:00")?)?;
    let signed = sign(&preliminary, State::Final, &signer("2026-11-26T09:00:00+01:00")?)?;
    let edits = [Edit::Replace { sentence: "S1".to_owned(), text: "Flank pain.".to_owned() }];
    let amended = amend(&signed, &edits, &signer("2026-11-26T10:00:00+01:00")?, "wrong request")?;
    let added = addendum(&signed, "Discussed with the ward.", &signer("2026-11-26T11:00:00+01:00")?)?;
    Ok(vec![
        ("escapes".to_owned(), draft),
        ("preliminary".to_owned(), preliminary),
        ("final".to_owned(), signed),
        ("amended".to_owned(), amended),
        ("addendum".to_owned(), added),
    ])
}

fn case(folder: &Path, report: &Report, reference: &Reference) -> Outcome<()> {
    fs::create_dir_all(folder)?;
    let gray: Vec<u8> = (0..64 * 64).map(|place| (place % 64 * 4) as u8).collect();
    let png = encode_png_gray(64, 64, &gray)?;
    let picture = HtmlImage {
        caption: "a ramp".to_owned(),
        png: png.clone(),
        overlay_png: Some(png),
        overlay_caption: "the same ramp, standing for a heat map".to_owned(),
    };
    let images = HtmlImages { pictures: vec![picture] };
    let at = Moment::parse("2026-11-26T22:05:00+01:00")?;
    for (names_patient, suffix) in [(false, ""), (true, ".named")] {
        let context = OutputContext {
            images: &images,
            reference: Some(reference),
            names_patient,
            patient: None,
            at: &at,
            program_version: env!("CARGO_PKG_VERSION"),
            parties: &hl7::Parties::default(),
        };
        let named = [Form::Fhir, Form::Hl7];
        for form in Form::ALL.into_iter().filter(|form| !names_patient || named.contains(form)) {
            fs::write(folder.join(format!("{}{suffix}", form.file())), output(report, form, &context)?)?;
        }
    }
    let images: Vec<&str> = reference.images().iter().map(|image| image.sop_instance.as_str()).collect();
    let patient = reference.patient();
    let expected = json!({
        "state": report.state,
        "report": report,
        "claims": stated(report).len(),
        "sentences": report.sentences().map(|(heading, s)| [heading.title(), &s.text]).collect::<Vec<_>>(),
        "study": reference.study(),
        "series": reference.series(),
        "images": images,
        "patient_id": patient.id.as_ref().map(|id| id.expose()),
        "patient_name": patient.name.as_ref().map(|name| name.expose()),
    });
    fs::write(folder.join("expected.json"), serde_json::to_string_pretty(&expected)?)?;
    Ok(())
}
