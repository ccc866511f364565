//! The forms in which a report leaves: the one place where reports meet DICOM objects.

mod measured;

use wilhelm_formats::FormatError;
use wilhelm_formats::dicom::objects::{
    Algorithm, Imprint, MeasurementGroup, MeasurementReport, Reference, Stamp, VerifyingObserver, Written,
    encapsulated_pdf, measurement_report,
};
use wilhelm_report::{
    Heading, HtmlImages, InstanceRef, Issue, Moment, PdfError, Report, Restated, State, StudyRef, Subject,
    fhir, hl7, html, pdf, text,
};
use wilhelm_study::{
    Certainty, CodedConcept, EvidenceSource, Finding, FindingId, Observation, Patient, ProbabilityInterval,
};

use crate::read::to_json;

/// A form in which a report leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// One page for a browser.
    Html,
    /// The report's own form.
    Json,
    /// Plain text for a terminal.
    Text,
    /// PDF/A-2a and PDF/UA-1.
    Pdf,
    /// A FHIR R4 bundle.
    Fhir,
    /// An HL7 v2.5 message ORU^R01.
    Hl7,
    /// A DICOM structured report, TID 1500, in the source study.
    Sr,
    /// The PDF as a DICOM object in the source study.
    EncapsulatedPdf,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Html,
        Self::Json,
        Self::Text,
        Self::Pdf,
        Self::Fhir,
        Self::Hl7,
        Self::Sr,
        Self::EncapsulatedPdf,
    ];

    /// The name by which it is asked for.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Json => "json",
            Self::Text => "text",
            Self::Pdf => "pdf",
            Self::Fhir => "fhir",
            Self::Hl7 => "hl7",
            Self::Sr => "sr",
            Self::EncapsulatedPdf => "encapsulated-pdf",
        }
    }

    /// The name of its file.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Html => "report.html",
            Self::Json => "report.json",
            Self::Text => "report.txt",
            Self::Pdf => "report.pdf",
            Self::Fhir => "report.fhir.json",
            Self::Hl7 => "report.hl7",
            Self::Sr => "report.sr.dcm",
            Self::EncapsulatedPdf => "report.pdf.dcm",
        }
    }

    /// Whether it lies in the study of the source, so that the source must be DICOM.
    pub const fn is_dicom(self) -> bool {
        matches!(self, Self::Sr | Self::EncapsulatedPdf)
    }
}

/// What a form needs besides the report.
#[derive(Clone, Copy, Debug)]
pub struct OutputContext<'a> {
    /// The pictures that go with the report.
    pub images: &'a HtmlImages,
    /// The source, where it is DICOM.
    pub reference: Option<&'a Reference>,
    /// Whether FHIR and HL7 name the patient, with the study's date and accession number. DICOM objects always repeat
    /// what their study says, since they would not lie in it otherwise.
    pub names_patient: bool,
    /// The patient as an archive knows them, where it says otherwise than the source's header; `None` is as the header says.
    pub patient: Option<&'a Patient>,
    /// When the form is made.
    pub at: &'a Moment,
    /// Version of the program.
    pub program_version: &'a str,
    /// Who sends the HL7 message, and to whom.
    pub parties: &'a hl7::Parties,
}

/// Why a report does not leave in a form.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// A DICOM object without a study to lie in.
    #[error("{form} lies in the study of the images it is about, and no DICOM source is at hand: {hint}")]
    NoStudy {
        /// The form's name.
        form: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// A structured report that this program did not write.
    #[error("the structured report is none of this program's: {0}")]
    Foreign(String),
    /// The page.
    #[error(transparent)]
    Pdf(#[from] PdfError),
    /// The DICOM object.
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// A report in one form.
///
/// # Errors
/// [`OutputError`]; for DICOM forms where there is no DICOM source.
pub fn output(report: &Report, form: Form, context: &OutputContext<'_>) -> Result<Vec<u8>, OutputError> {
    let made_pdf = || pdf(report, context.images, context.at);
    let study = || {
        context.reference.ok_or(OutputError::NoStudy {
            form: form.name(),
            hint: "name the DICOM files that were read, or choose pdf, fhir or hl7",
        })
    };
    Ok(match form {
        Form::Html => html(report, context.images).into_bytes(),
        Form::Json => to_json(report).into_bytes(),
        Form::Text => text(report).into_bytes(),
        Form::Pdf => made_pdf()?,
        Form::Fhir => fhir::bundle(report, &issue(context), Some(&made_pdf()?)).into_bytes(),
        Form::Hl7 => hl7::message(report, &issue(context), context.parties).into_bytes(),
        Form::Sr => structured_report(report, study()?, context.at)?.bytes,
        Form::EncapsulatedPdf => {
            let reference = study()?;
            let concept = CodedConcept::new("LN", "18748-4", "Diagnostic imaging report");
            let imprint =
                Imprint { series_number: 9101, ..imprint(report, report.signatures.len(), context.at)? };
            let is_verified = report.state.is_final();
            encapsulated_pdf(&made_pdf()?, &report.title, &concept, is_verified, reference, &imprint)?.bytes
        }
    })
}

/// Whom and what the report is about; the patient only where the caller says so.
fn issue(context: &OutputContext<'_>) -> Issue {
    let study = context.reference.map(|reference| {
        let facts = reference.study_facts();
        let mut instances: Vec<InstanceRef> = Vec::new();
        for image in reference.images() {
            if instances.last().is_none_or(|last| last.sop_instance != image.sop_instance) {
                let sop_class = image.sop_class.clone();
                instances.push(InstanceRef { sop_class, sop_instance: image.sop_instance.clone() });
            }
        }
        StudyRef {
            study: reference.study().clone(),
            series: reference.series().clone(),
            modality: reference.modality().cloned(),
            instances,
            date: facts.date.clone().filter(|_| context.names_patient),
            accession_number: facts.accession_number.clone().filter(|_| context.names_patient),
        }
    });
    let patient = context.patient.or(context.reference.map(Reference::patient));
    let patient = patient.filter(|_| context.names_patient).cloned();
    Issue {
        subject: Subject { patient, study },
        at: context.at.clone(),
        program_version: context.program_version.to_owned(),
    }
}

/// Who makes the objects of a version of the report: identifiers come from the report and the number of its
/// signatures, so that the same version has the same ones whenever it is exported.
fn imprint(report: &Report, version: usize, at: &Moment) -> Result<Imprint, FormatError> {
    let content = [report.id.as_bytes(), b"version", &version.to_be_bytes()];
    let stamp = Stamp::of_content(&content, &at.date(), &at.time())?;
    Ok(Imprint { series_number: 9100, ..Imprint::new("report", stamp) })
}

/// The report as TID 1500.
fn structured_report(report: &Report, reference: &Reference, at: &Moment) -> Result<Written, FormatError> {
    let texts = |wanted: Heading| -> Vec<String> {
        let sentences = report.sentences().filter(|(heading, _)| *heading == wanted);
        sentences.map(|(_, sentence)| sentence.text.clone()).collect()
    };
    let notes = NOTES.iter().flat_map(|(heading, ..)| {
        let concept = note(*heading);
        texts(*heading).into_iter().map(move |text| (concept.clone(), text))
    });
    // Where general knowledge comes from stands behind it, in notes of their own.
    let cited = report.general().map(|(id, citation)| (own(CITED), format!("{id}: {citation}")));
    let notes = notes.chain(cited);
    let of_finding = |finding: &Finding| {
        let mut group = MeasurementGroup::of_finding(finding, algorithm(report, finding));
        let changes = report.changes_of(&finding.id);
        group.evaluations.extend(changes.map(|(_, change, _)| (own(CHANGE), own(change.word()))));
        let set = report.element_set(finding).cloned();
        group.evaluations.extend(set.map(|set| (own(ELEMENT_SET), set)));
        group
    };
    let signed = report.signatures.len();
    let first = imprint(report, signed, at)?;
    let measured = measured::groups(report, &first.equipment.software_version);
    let mut document = MeasurementReport {
        procedure: CodedConcept::new("LN", "18748-4", "Diagnostic imaging report"),
        groups: report.findings.iter().map(of_finding).chain(measured).collect(),
        findings: texts(Heading::Findings),
        impressions: texts(Heading::Impression),
        notes: notes.collect(),
        complete: report.state != State::Draft,
        completion_description: report.state.word().to_owned(),
        verified_by: Vec::new(),
        predecessor: None,
    };
    if report.state.is_final() && signed > 1 {
        // Its identifiers alone matter, and they depend on nothing but the version.
        let before = measurement_report(&document, reference, &imprint(report, signed - 1, at)?)?;
        document.predecessor = Some(before);
    }
    let observers = report.signatures.iter().filter(|signature| signature.state.is_final());
    document.verified_by = observers
        .map(|signature| VerifyingObserver {
            name: signature.by.clone(),
            organization: signature.organization.clone().unwrap_or_default(),
            date_time: signature.at.hl7(),
        })
        .collect();
    measurement_report(&document, reference, &first)
}

/// The network that bears a finding.
fn algorithm(report: &Report, finding: &Finding) -> Option<Algorithm> {
    let mut known = report.evidence.iter().filter(|evidence| finding.evidence.contains(&evidence.id));
    known.find_map(|evidence| match &evidence.source {
        EvidenceSource::Model { model, version, weights_sha256, .. } => Some(Algorithm {
            name: model.clone(),
            version: version.clone(),
            parameters: vec![format!("weights SHA-256 {weights_sha256}")],
        }),
        _ => None,
    })
}

/// The question of an evaluation that says what became of a finding.
const CHANGE: &str = "change since the earlier examination";

/// The question of an evaluation that names the RadElement set which describes a finding.
const ELEMENT_SET: &str = "common data element set";

/// The concept of a note that says where general knowledge comes from.
const CITED: &str = "source of general knowledge";

/// A concept of this program's own.
fn own(meaning: &str) -> CodedConcept {
    CodedConcept::new("99WILHELM", &meaning.to_uppercase().replace(' ', "_"), meaning)
}

/// Concepts of the sections that TID 1500 has no place of its own for.
const NOTES: [(Heading, &str, &str, &str); 7] = [
    (Heading::Indication, "DCM", "121109", "Indications for Procedure"),
    (Heading::Technique, "DCM", "121065", "Procedure Description"),
    (Heading::Comparison, "DCM", "121067", "Previous Finding"),
    (Heading::Reference, "99WILHELM", "REFERENCE", "General knowledge that goes with the impression"),
    (Heading::Recommendation, "DCM", "121075", "Recommendation"),
    (Heading::Limitations, "99WILHELM", "LIMITATIONS", "Limitations"),
    (Heading::Addendum, "LN", "55107-7", "Addendum Document"),
];

fn note(heading: Heading) -> CodedConcept {
    let known = NOTES.iter().find(|(of, ..)| *of == heading);
    known.map_or_else(
        || CodedConcept::new("DCM", "121106", "Comment"),
        |(_, scheme, value, meaning)| CodedConcept::new(scheme, value, meaning),
    )
}

/// What a structured report of this program says, in the terms of reports.
///
/// A finding's key, its code's other names, its place on a slice and its measurements stay in the document; what was
/// measured and no finding carries comes back.
///
/// # Errors
/// [`OutputError::Foreign`] where a group has no class, no certainty or no name.
pub fn restated(document: &MeasurementReport) -> Result<Restated, OutputError> {
    let state = [State::Draft, State::Preliminary, State::Final, State::Amended, State::Addendum]
        .into_iter()
        .find(|state| state.word() == document.completion_description);
    let refused = OutputError::Foreign;
    let state =
        state.ok_or_else(|| refused("no state of a report in its Completion Flag Description".to_owned()))?;
    let mut sentences: Vec<(Heading, String)> = Vec::new();
    for heading in Heading::ALL {
        let texts: Vec<&String> = match heading {
            Heading::Findings => document.findings.iter().collect(),
            Heading::Impression => document.impressions.iter().collect(),
            other => {
                let concept = note(other);
                document
                    .notes
                    .iter()
                    .filter(|(of, _)| of.value == concept.value)
                    .map(|(_, text)| text)
                    .collect()
            }
        };
        sentences.extend(texts.into_iter().map(|text| (heading, text.clone())));
    }
    let of_findings = document.groups.iter().filter(|group| !measured::is_measured(group));
    let findings = of_findings.map(|group| {
        let missing = |what: &str| refused(format!("group {} has no {what}", group.tracking_id));
        let (id, name) = group.tracking_id.split_once(' ').ok_or_else(|| missing("name"))?;
        let answer = |question: &str| {
            group
                .evaluations
                .iter()
                .find(|(of, _)| of.meaning == question)
                .map(|(_, answer)| answer.meaning.as_str())
        };
        let certainty = match answer("class of certainty") {
            Some("present") => Certainty::Present,
            Some("probable") => Certainty::Probable,
            Some("indeterminate") => Certainty::Indeterminate,
            Some("unlikely") => Certainty::Unlikely,
            Some("absent") => Certainty::Absent,
            _ => return Err(missing("class of certainty")),
        };
        let certain = group.measurements.iter().find(|measured| measured.concept.value == "111012");
        let certain = certain.ok_or_else(|| missing("certainty of finding"))?;
        let (low, high) = certain.interval.ok_or_else(|| missing("interval"))?;
        // Percent came of shares, and the ends of differences: the last digits may be off.
        let share = |percent: f64| (percent / 100.0).clamp(0.0, 1.0);
        let estimate = share(certain.quantity.value);
        let (low, high) = (share(low).min(estimate), share(high).max(estimate));
        let probability = ProbabilityInterval::new(low, estimate, high, 0.95);
        Ok(Finding {
            id: FindingId(id.to_owned()),
            observation: Observation {
                key: String::new(),
                name: name.to_owned(),
                synonyms: Vec::new(),
                code: group.finding.clone().filter(|code| code.scheme != "99WILHELM"),
            },
            probability: probability.map_err(|_| missing("probability"))?,
            certainty,
            laterality: group.laterality,
            place: None,
            measurements: Vec::new(),
            normal: answer("nature of finding") == Some("state of health"),
            evidence: Vec::new(),
        })
    });
    let findings = findings.collect::<Result<_, OutputError>>()?;
    Ok(Restated { state, sentences, findings, measured: measured::measured(document)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_formats::dicom::objects::{read_measurement_report, references};
    use wilhelm_formats::{Limits, phantom};
    use wilhelm_report::{Measured, Signer, addendum, example, sign, stated, stated_in, write};

    /// A CT phantom in a folder, as a source.
    fn source() -> (tempfile::TempDir, Reference) {
        let folder = tempfile::tempdir().expect("a folder");
        let phantom = phantom::CtPhantom { columns: 640, rows: 640, slices: 2, ..Default::default() };
        phantom::write_ct_series(folder.path(), &phantom).expect("written");
        let reference = references(&[folder.path().to_owned()], &[], &Limits::default()).expect("a source");
        (folder, reference)
    }

    fn at() -> Moment {
        Moment::parse("2026-11-26T22:05:00+01:00").expect("a moment")
    }

    fn signer() -> Signer {
        Signer { by: "Doe^Jane".to_owned(), organization: None, at: at() }
    }

    fn check(report: &Report, reference: &Reference) -> MeasurementReport {
        let written = structured_report(report, reference, &at()).expect("written");
        let document = read_measurement_report(&written.bytes, &Limits::default()).expect("read");
        let back = restated(&document).expect("a report of ours");
        assert_eq!(back.state, report.state);
        let sentences: Vec<_> = report.sentences().map(|(h, s)| (h, s.text.clone())).collect();
        assert_eq!(back.sentences, sentences);
        assert_eq!(stated_in(&back.sentences), stated(report));
        assert_eq!(back.findings.len(), report.findings.len());
        for (found, finding) in back.findings.iter().zip(&report.findings) {
            assert_eq!((&found.id, &found.observation.name), (&finding.id, &finding.observation.name));
            assert_eq!(
                (found.certainty, found.laterality, found.normal),
                (finding.certainty, finding.laterality, finding.normal)
            );
            let (p, q) = (&found.probability, &finding.probability);
            for (a, b) in [(p.estimate, q.estimate), (p.low, q.low), (p.high, q.high)] {
                assert!((a.value() - b.value()).abs() < 1e-12);
            }
        }
        assert_eq!(back.measured.len(), report.measured.len());
        for (found, one) in back.measured.iter().zip(&report.measured) {
            assert!((found.low - one.low).abs() < 1e-12 && (found.high - one.high).abs() < 1e-12);
            assert_eq!(Measured { low: one.low, high: one.high, ..found.clone() }, *one);
        }
        document
    }

    #[test]
    fn a_structured_report_read_again_makes_the_same_claims() {
        let (_folder, reference) = source();
        for case in example::all() {
            check(&write(&case), &reference);
        }
    }

    #[test]
    fn what_was_measured_is_coded_numbers_with_units_and_comes_back() {
        let (_folder, reference) = source();
        let document = check(&write(&example::measured_nodule()), &reference);
        let last = document.groups.last().expect("a group");
        assert_eq!(last.tracking_id, "N1,N2 label 3 (nodule), plane 12, mask SHA-256 0123456789abcdef");
        let codes: Vec<(&str, &str, f64, &str)> = last
            .measurements
            .iter()
            .map(|one| {
                let (concept, quantity) = (&one.concept, &one.quantity);
                (concept.scheme.as_str(), concept.value.as_str(), quantity.value, quantity.unit.as_str())
            })
            .collect();
        assert_eq!(codes, [("SCT", "103339001", 8.04, "mm"), ("SCT", "103340004", 6.0, "mm")]);
        // A number whose range is gone is not taken for one.
        let mut cut = document;
        cut.groups.last_mut().expect("a group").measurements[1].interval = None;
        assert!(matches!(restated(&cut), Err(OutputError::Foreign(_))));
        cut.groups.last_mut().expect("a group").measurements.pop();
        assert!(matches!(restated(&cut), Err(OutputError::Foreign(_))));
    }

    #[test]
    fn states_are_flags_and_a_later_version_names_the_one_before() {
        let (_folder, reference) = source();
        let draft = write(&example::abdomen());
        let preliminary = sign(&draft, State::Preliminary, &signer()).expect("signed");
        let document = check(&draft, &reference);
        assert!(!document.complete && document.verified_by.is_empty());
        let document = check(&preliminary, &reference);
        assert!(document.complete && document.verified_by.is_empty(), "preliminary is not verified");
        let signed = sign(&preliminary, State::Final, &signer()).expect("signed");
        let before = structured_report(&preliminary, &reference, &at()).expect("written");
        let document = check(&signed, &reference);
        assert_eq!(document.verified_by.len(), 1);
        assert_eq!(document.predecessor.map(|written| written.sop_instance), Some(before.sop_instance));
        let before = structured_report(&signed, &reference, &at()).expect("written");
        let added = addendum(&signed, "Seen again.", &signer()).expect("added");
        let document = check(&added, &reference);
        assert_eq!(document.predecessor.map(|written| written.sop_instance), Some(before.sop_instance));
    }

    #[test]
    fn a_patient_is_in_fhir_and_hl7_only_by_name_and_dicom_needs_a_source() {
        let (_folder, reference) = source();
        let report = write(&example::chest_ct());
        let (images, at, parties) = (HtmlImages::default(), at(), hl7::Parties::default());
        let made = |form: Form, reference: Option<&Reference>, names_patient: bool| {
            let context = OutputContext {
                images: &images,
                reference,
                names_patient,
                patient: None,
                at: &at,
                program_version: "0.1.0",
                parties: &parties,
            };
            output(&report, form, &context).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        let id = reference.patient().id.as_ref().expect("the phantom has one").expose().clone();
        assert!(!id.is_empty());
        for form in [Form::Fhir, Form::Hl7] {
            assert!(!made(form, Some(&reference), false).expect("made").contains(&id), "{form:?}");
            assert!(made(form, Some(&reference), true).expect("made").contains(&id), "{form:?}");
        }
        let fhir = made(Form::Fhir, Some(&reference), false).expect("made");
        assert!(fhir.contains(&format!("urn:oid:{}", reference.study().as_str())));
        for form in [Form::Sr, Form::EncapsulatedPdf] {
            let refused = made(form, None, false).expect_err("no study").to_string();
            assert!(refused.starts_with(form.name()), "{refused}");
            made(form, Some(&reference), false).expect("made");
        }
        for form in Form::ALL.into_iter().filter(|form| !form.is_dicom()) {
            assert!(!made(form, None, true).expect("made").is_empty());
        }
    }
}
