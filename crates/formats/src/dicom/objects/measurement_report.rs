//! Imaging Measurement Report: TID 1500 in a Comprehensive 3D SR (PS3.16 Annex A).

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use wilhelm_study::{
    Certainty, CodedConcept, Finding, ImageBox, Laterality, Modality, Quantity, SopInstanceUid,
};

use super::build::Item;
use super::common::{Draft, Imprint, Written, frame_of_reference};
use super::content::{Content, Relation, evidence};
use super::reference::Reference;
use crate::FormatError;

/// A statement that every report carries.
pub const RESEARCH_STATEMENT: &str =
    "For research use only: not for diagnosis, and not a product of a medical device.";

/// The program that measured, and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Algorithm {
    /// Algorithm Name (DCM 111001).
    pub name: String,
    /// Algorithm Version (DCM 111003).
    pub version: String,
    /// Algorithm Parameters (DCM 111002); empty for none.
    pub parameters: Vec<String>,
}

/// A number that was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredValue {
    /// What, for example volume (SCT 118565006).
    pub concept: CodedConcept,
    /// The number with its UCUM unit.
    pub quantity: Quantity,
    /// Lower and upper end of its uncertainty, in the same unit.
    pub interval: Option<(f64, f64)>,
    /// Measurement Method (SCT 370129005).
    pub method: Option<CodedConcept>,
    /// Derivation (DCM 121401), for example mean (SCT 373098007).
    pub derivation: Option<CodedConcept>,
}

impl MeasuredValue {
    /// A number under this program's name for what was measured.
    ///
    /// The code is the Standard's where the name is known ("volume", "long axis"), else one of this program's own scheme,
    /// `99WILHELM`.
    pub fn named(name: &str, quantity: &Quantity, interval: Option<(f64, f64)>) -> Self {
        let concept = concept_of(name);
        Self { concept, quantity: quantity.clone(), interval, method: None, derivation: None }
    }
}

/// What a group of measurements was measured on.
#[derive(Clone, Debug, PartialEq)]
pub enum Region {
    /// A segment of a segmentation object, by its number (TID 1411).
    Segment {
        /// The object.
        object: Written,
        /// Segment Number.
        number: u16,
    },
    /// A box on one of the source images (TID 1410).
    Box(ImageBox),
    /// No place in particular (TID 1501).
    Whole,
}

/// Something found, where, and its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasurementGroup {
    /// Tracking Identifier (DCM 112039), for people.
    pub tracking_id: String,
    /// Tracking Unique Identifier (DCM 112040); made from the stamp and the tracking identifier
    /// where there is none.
    pub tracking_uid: Option<String>,
    /// Finding (DCM 121071).
    pub finding: Option<CodedConcept>,
    /// Finding Site (SCT 363698007).
    pub site: Option<CodedConcept>,
    /// Its side; written with a site only, which it qualifies.
    pub laterality: Option<Laterality>,
    /// Where.
    pub region: Region,
    /// What measured.
    pub algorithm: Option<Algorithm>,
    /// The numbers.
    pub measurements: Vec<MeasuredValue>,
    /// Qualities: the question and its coded answer.
    pub evaluations: Vec<(CodedConcept, CodedConcept)>,
}

impl MeasurementGroup {
    /// A finding of this program: its code, certainty with interval, box and measurements.
    ///
    /// A measurement's code is the Standard's where its name is known, else one of this program's own
    /// scheme, `99WILHELM`.
    pub fn of_finding(finding: &Finding, algorithm: Option<Algorithm>) -> Self {
        let percent = |share: f64| share * 100.0;
        let probability = &finding.probability;
        let certainty = MeasuredValue {
            concept: dcm("111012", "Certainty of Finding"),
            quantity: Quantity {
                value: percent(probability.estimate.value()),
                unit: "%".to_owned(),
                decimals: 1,
            },
            interval: Some((percent(probability.low.value()), percent(probability.high.value()))),
            method: None,
            derivation: None,
        };
        let measured = finding.measurements.iter();
        let measured =
            measured.map(|measurement| MeasuredValue::named(&measurement.name, &measurement.quantity, None));
        Self {
            tracking_id: format!("{} {}", finding.id, finding.observation.name),
            tracking_uid: None,
            finding: Some(finding.observation.code.clone().unwrap_or_else(|| own(&finding.observation.name))),
            site: None,
            laterality: finding.laterality,
            region: finding.place.map_or(Region::Whole, Region::Box),
            algorithm,
            measurements: std::iter::once(certainty).chain(measured).collect(),
            evaluations: evaluations(finding),
        }
    }
}

/// The class of certainty, the side, and whether it is a state of health, as questions with their answers.
fn evaluations(finding: &Finding) -> Vec<(CodedConcept, CodedConcept)> {
    let word = match finding.certainty {
        Certainty::Present => "present",
        Certainty::Probable => "probable",
        Certainty::Indeterminate => "indeterminate",
        Certainty::Unlikely => "unlikely",
        Certainty::Absent => "absent",
    };
    let mut evaluations = vec![(own(CLASS), own(word))];
    if let Some(side) = finding.laterality {
        evaluations.push((sct("272741003", "Laterality"), side_concept(side)));
    }
    if finding.normal {
        evaluations.push((own(NATURE), own(HEALTH)));
    }
    evaluations
}

/// The question of an evaluation whose answer is one of the five classes.
pub(super) const CLASS: &str = "class of certainty";
/// The question of an evaluation that tells a state of health from a disease.
pub(super) const NATURE: &str = "nature of finding";
pub(super) const HEALTH: &str = "state of health";

pub(super) fn side_concept(side: Laterality) -> CodedConcept {
    match side {
        Laterality::Left => sct("7771000", "Left"),
        Laterality::Right => sct("24028007", "Right"),
        Laterality::Bilateral => sct("51440002", "Right and left"),
    }
}

/// What a measurement report says.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasurementReport {
    /// Procedure reported (DCM 121058).
    pub procedure: CodedConcept,
    /// Findings with their measurements.
    pub groups: Vec<MeasurementGroup>,
    /// Sentences of findings.
    pub findings: Vec<String>,
    /// Sentences of the impression.
    pub impressions: Vec<String>,
    /// Sentences of other sections, each with what the section is.
    pub notes: Vec<(CodedConcept, String)>,
    /// Whether the report holds all it is meant to hold.
    pub complete: bool,
    /// Completion Flag Description (0040,A492): where the report stands, in words; empty for none.
    pub completion_description: String,
    /// The persons who verified it, in order. Without any it is preliminary and unverified; this program verifies
    /// nothing itself.
    pub verified_by: Vec<VerifyingObserver>,
    /// The document that this one takes the place of.
    pub predecessor: Option<Written>,
}

/// A person who verified a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingObserver {
    /// Verifying Observer Name (0040,A075).
    pub name: String,
    /// Verifying Organization (0040,A027); `unknown` is written for an empty one.
    pub organization: String,
    /// Verification DateTime (0040,A030), `YYYYMMDDHHMMSS` with an offset `+HHMM`.
    pub date_time: String,
}

/// A TID 1500 measurement report as a Comprehensive 3D SR document in English.
///
/// # Errors
/// [`FormatError::Malformed`] for a number that is not finite, an interval that does not enclose its
/// number, a box outside the images, or a tracking UID that is none.
pub fn measurement_report(
    report: &MeasurementReport,
    reference: &Reference,
    imprint: &Imprint,
) -> Result<Written, FormatError> {
    let mut draft = Draft::new(uids::COMPREHENSIVE3_DSR_STORAGE, "SR", reference, imprint)?;
    draft.content_date(imprint);
    let mut objects: Vec<&Written> = Vec::new();
    for group in &report.groups {
        if let Region::Segment { object, .. } = &group.region {
            objects.push(object);
        }
    }
    let item = &mut draft.item;
    item.sequence(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, []);
    item.sequence(tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, []);
    item.text(tags::COMPLETION_FLAG, VR::CS, if report.complete { "COMPLETE" } else { "PARTIAL" });
    if !report.completion_description.trim().is_empty() {
        item.text(tags::COMPLETION_FLAG_DESCRIPTION, VR::LO, &report.completion_description);
    }
    let is_verified = !report.verified_by.is_empty();
    item.text(tags::PRELIMINARY_FLAG, VR::CS, if is_verified { "FINAL" } else { "PRELIMINARY" });
    item.text(tags::VERIFICATION_FLAG, VR::CS, if is_verified { "VERIFIED" } else { "UNVERIFIED" });
    if is_verified {
        item.sequence(tags::VERIFYING_OBSERVER_SEQUENCE, report.verified_by.iter().map(verifying_observer));
    }
    if let Some(predecessor) = &report.predecessor {
        item.single(tags::PREDECESSOR_DOCUMENTS_SEQUENCE, evidence(reference, [], &[predecessor]));
    }
    item.single(
        tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE,
        evidence(reference, reference.images(), &objects),
    );
    let groups: Result<Vec<Content>, FormatError> =
        report.groups.iter().map(|group| measurement_group(group, reference, imprint)).collect();
    let statement = std::iter::once((dcm("121106", "Comment"), RESEARCH_STATEMENT));
    let findings = report.findings.iter().map(|text| (dcm("121071", "Finding"), text.as_str()));
    let impressions = report.impressions.iter().map(|text| (dcm("121073", "Impression"), text.as_str()));
    let notes = report.notes.iter().map(|(name, text)| (name.clone(), text.as_str()));
    let sentences = statement.chain(findings).chain(impressions).chain(notes);
    let sentences = sentences.map(|(name, text)| Content::text(Relation::Contains, &name, text));
    let language = CodedConcept::new("RFC5646", "en-US", "English (United States)");
    Content::root(&dcm("126000", "Imaging Measurement Report"), "1500")
        .with(Content::code(
            Relation::HasConceptModifier,
            &dcm("121049", "Language of Content Item and Descendants"),
            &language,
        ))
        .with_all(device_observer(imprint))
        .with(Content::code(
            Relation::HasConceptModifier,
            &dcm("121058", "Procedure reported"),
            &report.procedure,
        ))
        .with(image_library(reference))
        .with(Content::container(&dcm("126010", "Imaging Measurements")).with_all(groups?))
        .with(
            Content::container(&CodedConcept::new("UMLS", "C0034375", "Qualitative Evaluations"))
                .with_all(sentences),
        )
        .into_document(&mut draft.item);
    draft.finish()
}

fn verifying_observer(observer: &VerifyingObserver) -> Item {
    let mut item = Item::new();
    let organization = observer.organization.trim();
    let organization = if organization.is_empty() { "unknown" } else { organization };
    item.text(tags::VERIFYING_ORGANIZATION, VR::LO, organization);
    item.text(tags::VERIFICATION_DATE_TIME, VR::DT, &observer.date_time);
    item.text(tags::VERIFYING_OBSERVER_NAME, VR::PN, &observer.name);
    item.sequence(tags::VERIFYING_OBSERVER_IDENTIFICATION_CODE_SEQUENCE, []);
    item
}

pub(super) fn dcm(value: &str, meaning: &str) -> CodedConcept {
    CodedConcept::new("DCM", value, meaning)
}

fn sct(value: &str, meaning: &str) -> CodedConcept {
    CodedConcept::new("SCT", value, meaning)
}

/// A concept of this program's own scheme.
fn own(name: &str) -> CodedConcept {
    CodedConcept::new("99WILHELM", &super::build::code_string(name), name)
}

/// The Standard's concept for a measurement's name, where it has one.
fn concept_of(name: &str) -> CodedConcept {
    match name.trim().to_ascii_lowercase().as_str() {
        "volume" => sct("118565006", "Volume"),
        "area" => sct("42798000", "Area"),
        "length" => sct("410668003", "Length"),
        "greatest diameter" | "long axis" => sct("103339001", "Long Axis"),
        "short axis" => sct("103340004", "Short Axis"),
        "attenuation" | "mean attenuation" => dcm("112031", "Attenuation Coefficient"),
        _ => own(name),
    }
}

/// TID 1002 and 1004: the program that observes.
fn device_observer(imprint: &Imprint) -> Vec<Content> {
    let equipment = &imprint.equipment;
    let text = |value: &str, meaning: &str, text: &str| {
        Content::text(Relation::HasObservationContext, &dcm(value, meaning), text)
    };
    let device = format!("{} {} {}", equipment.manufacturer, equipment.model_name, equipment.serial_number);
    let uid = super::stamp::uuid_derived(&[b"device observer ", device.as_bytes()]);
    let model = format!("{} {}", equipment.model_name, equipment.software_version);
    vec![
        Content::code(
            Relation::HasObservationContext,
            &dcm("121005", "Observer Type"),
            &dcm("121007", "Device"),
        ),
        Content::uid(Relation::HasObservationContext, &dcm("121012", "Device Observer UID"), &uid),
        text("121013", "Device Observer Name", &equipment.model_name),
        text("121014", "Device Observer Manufacturer", &equipment.manufacturer),
        text("121015", "Device Observer Model Name", &model),
        text("121016", "Device Observer Serial Number", &equipment.serial_number),
    ]
}

/// TID 1600 to 1604: the source images, what they share said once.
fn image_library(reference: &Reference) -> Content {
    let first = &reference.images()[0];
    let millimeter = CodedConcept::new("UCUM", "mm", "mm");
    let pixels = CodedConcept::new("UCUM", "{pixels}", "Pixels");
    let cosine = CodedConcept::new("UCUM", "{-1:1}", "{-1:1}");
    let number = |value: &str, meaning: &str, quantity: f64, unit: &CodedConcept| {
        Content::number(Relation::HasAcquisitionContext, &dcm(value, meaning), quantity, unit)
    };
    let mut shared = Vec::new();
    if let Some(modality) = &reference.modality {
        let modality = modality_concept(modality);
        shared.push(Content::code(Relation::HasAcquisitionContext, &dcm("121139", "Modality"), &modality));
    }
    shared.push(number("110910", "Pixel Data Rows", f64::from(first.rows), &pixels));
    shared.push(number("110911", "Pixel Data Columns", f64::from(first.columns), &pixels));
    if first.plane.position.is_some() {
        shared.push(Content::uid(
            Relation::HasAcquisitionContext,
            &dcm("112227", "Frame of Reference UID"),
            &frame_of_reference(reference),
        ));
    }
    if let Some([rows, columns]) = first.plane.spacing {
        shared.push(number("111026", "Horizontal Pixel Spacing", columns, &millimeter));
        shared.push(number("111066", "Vertical Pixel Spacing", rows, &millimeter));
    }
    if let Some(grid) = reference.geometry() {
        let step = grid.spacing().between_slices().0;
        shared.push(number("112226", "Spacing between slices", step, &millimeter));
    }
    if let Some(thickness) = first.plane.thickness {
        shared.push(number("112225", "Slice Thickness", thickness, &millimeter));
    }
    if let Some(orientation) = first.plane.orientation {
        for (i, component) in orientation.into_iter().enumerate() {
            let axis = ["Row X", "Row Y", "Row Z", "Column X", "Column Y", "Column Z"][i];
            let code = (110_904 + i).to_string();
            let meaning = format!("Image Orientation (Patient) {axis}");
            shared.push(number(&code, &meaning, component, &cosine));
        }
    }
    let images = reference.images().iter().map(|image| {
        let position = image.plane.position.into_iter().flatten().zip(["X", "Y", "Z"]).enumerate();
        let position = position.map(|(i, (component, axis))| {
            let code = (110_901 + i).to_string();
            number(&code, &format!("Image Position (Patient) {axis}"), component, &millimeter)
        });
        Content::image(Relation::Contains, None, image).with_all(position)
    });
    let group = Content::container(&dcm("126200", "Image Library Group")).with_all(shared).with_all(images);
    Content::container(&dcm("111028", "Image Library")).with(group)
}

/// Context Group 29: how images are made.
fn modality_concept(modality: &Modality) -> CodedConcept {
    let meaning = match modality {
        Modality::Ct => "Computed Tomography",
        Modality::Mr => "Magnetic Resonance",
        Modality::Cr => "Computed Radiography",
        Modality::Dx => "Digital Radiography",
        Modality::Us => "Ultrasound",
        Modality::Pt => "Positron emission tomography",
        other => other.term(),
    };
    dcm(modality.term(), meaning)
}

/// TID 1410, 1411 or 1501.
fn measurement_group(
    group: &MeasurementGroup,
    reference: &Reference,
    imprint: &Imprint,
) -> Result<Content, FormatError> {
    let template = match group.region {
        Region::Segment { .. } => "1411",
        Region::Box(_) => "1410",
        Region::Whole => "1501",
    };
    let uid = match &group.tracking_uid {
        Some(uid) => SopInstanceUid::new(uid).map_err(|_| {
            FormatError::malformed(
                "tracking UID of a measurement group",
                "not a UID of 1 to 64 digits and dots",
            )
        })?,
        None => SopInstanceUid::new(&imprint.stamp.uid(&format!("tracking {}", group.tracking_id)))
            .map_err(|_| FormatError::malformed("stamp", "no UID came of it"))?,
    };
    let context = Relation::HasObservationContext;
    let mut content = Content::container(&dcm("125007", "Measurement Group"))
        .template(template)
        .with(Content::text(context, &dcm("112039", "Tracking Identifier"), &group.tracking_id))
        .with(Content::uid(context, &dcm("112040", "Tracking Unique Identifier"), uid.as_str()));
    if let Some(finding) = &group.finding {
        content = content.with(Content::code(Relation::Contains, &dcm("121071", "Finding"), finding));
    }
    content = content.with_all(region(group, reference)?);
    if let Some(site) = &group.site {
        let mut place = Content::code(Relation::HasConceptModifier, &sct("363698007", "Finding Site"), site);
        if let Some(side) = group.laterality {
            let side = side_concept(side);
            let name = sct("272741003", "Laterality");
            place = place.with(Content::code(Relation::HasConceptModifier, &name, &side));
        }
        content = content.with(place);
    }
    if let Some(algorithm) = &group.algorithm {
        let text = |value: &str, meaning: &str, text: &str| {
            Content::text(Relation::HasConceptModifier, &dcm(value, meaning), text)
        };
        let parameters = algorithm.parameters.iter().map(|p| text("111002", "Algorithm Parameters", p));
        content = content
            .with(text("111001", "Algorithm Name", &algorithm.name))
            .with(text("111003", "Algorithm Version", &algorithm.version))
            .with_all(parameters);
    }
    for measured in &group.measurements {
        content = content.with(measurement(measured)?);
    }
    let evaluations =
        group.evaluations.iter().map(|(name, value)| Content::code(Relation::Contains, name, value));
    Ok(content.with_all(evaluations))
}

fn region(group: &MeasurementGroup, reference: &Reference) -> Result<Vec<Content>, FormatError> {
    Ok(match &group.region {
        Region::Segment { object, number } => vec![
            Content::segment(&dcm("121191", "Referenced Segment"), object, *number),
            Content::uid(
                Relation::Contains,
                &dcm("121232", "Source series for segmentation"),
                reference.series().as_str(),
            ),
        ],
        Region::Box(place) => {
            let outside =
                || FormatError::malformed("box of a measurement group", "outside the source images");
            let image = reference.images().get(place.slice).ok_or_else(outside)?;
            let end = |from: usize, count: usize, most: u16| {
                from.checked_add(count)
                    .filter(|end| count > 0 && *end <= usize::from(most))
                    .ok_or_else(outside)
            };
            let right = end(place.column, place.columns, image.columns)? as f32;
            let bottom = end(place.row, place.rows, image.rows)? as f32;
            let (left, top) = (place.column as f32, place.row as f32);
            let corners = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]];
            vec![Content::outline(&dcm("111030", "Image Region"), &corners, image)]
        }
        Region::Whole => Vec::new(),
    })
}

/// TID 300 and 1419 with the properties of TID 310.
fn measurement(measured: &MeasuredValue) -> Result<Content, FormatError> {
    let refused = |message: &str| {
        FormatError::malformed(format!("measurement {}", measured.concept.value), message.to_owned())
    };
    let value = measured.quantity.value;
    if !value.is_finite() {
        return Err(refused("not finite, expected a number"));
    }
    let unit = match measured.quantity.unit.trim() {
        "" | "1" => CodedConcept::new("UCUM", "1", "no units"),
        "%" => CodedConcept::new("UCUM", "%", "Percent"),
        unit => CodedConcept::new("UCUM", unit, unit),
    };
    let mut content = Content::number(Relation::Contains, &measured.concept, value, &unit);
    let modifiers = [
        (sct("370129005", "Measurement Method"), &measured.method),
        (dcm("121401", "Derivation"), &measured.derivation),
    ];
    for (name, concept) in modifiers {
        if let Some(concept) = concept {
            content = content.with(Content::code(Relation::HasConceptModifier, &name, concept));
        }
    }
    if let Some((low, high)) = measured.interval {
        if !(low.is_finite() && high.is_finite() && low <= value && value <= high) {
            return Err(refused("its interval does not enclose it"));
        }
        let range =
            |code, meaning, off| Content::number(Relation::HasProperties, &sct(code, meaning), off, &unit);
        content = content
            .with(range("371886008", "+, range of upper measurement uncertainty", high - value))
            .with(range("371885007", "-, range of lower measurement uncertainty", value - low));
    }
    Ok(content)
}
