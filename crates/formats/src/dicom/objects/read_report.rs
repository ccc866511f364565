//! Measurement reports read back: TID 1500 as [`measurement_report`](super::measurement_report()) writes it.

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use wilhelm_study::{CodedConcept, ImageBox, Laterality, Quantity, SeriesInstanceUid, SopInstanceUid};

use super::common::Written;
use super::measurement_report::{
    Algorithm, MeasuredValue, MeasurementGroup, MeasurementReport, RESEARCH_STATEMENT, Region,
    VerifyingObserver, side_concept,
};
use super::reference::decoded_in;
use crate::dicom::element::DataSet;
use crate::dicom::file::{self, Look, place};
use crate::{FormatError, Limits};

/// Deeper nesting than any measurement report.
const DEEPEST: usize = 16;

/// Reads a measurement report that this program wrote.
///
/// A group that refers to a segmentation comes back as one without a place, and a box names its image by its
/// number in the report's own image library. The decimals of a number are those that were written.
///
/// # Errors
/// [`FormatError`] for a file that is no such report or cannot be read.
pub fn read_measurement_report(bytes: &[u8], limits: &Limits) -> Result<MeasurementReport, FormatError> {
    let Look::Opened(opened) = file::look(bytes, bytes.len() as u64, limits)? else {
        return Err(FormatError::malformed("measurement report", "the file ends before its content"));
    };
    let root = opened.data_set();
    let refused = |what: &str| FormatError::malformed("measurement report", what.to_owned());
    let class = root.text(tags::SOP_CLASS_UID).unwrap_or_default();
    let is_report =
        [uids::COMPREHENSIVE3_DSR_STORAGE, uids::COMPREHENSIVE_SR_STORAGE, uids::ENHANCED_SR_STORAGE];
    if !is_report.contains(&class.as_str()) {
        return Err(refused("another kind of object, expected a structured report"));
    }
    let document = Document { character_sets: root.texts(tags::SPECIFIC_CHARACTER_SET) };
    let template = root.item(tags::CONTENT_TEMPLATE_SEQUENCE);
    if template.and_then(|item| item.text(tags::TEMPLATE_IDENTIFIER)).as_deref() != Some("1500") {
        return Err(refused("another template, expected TID 1500"));
    }
    let flag = |tag: Tag| root.text(tag).unwrap_or_default();
    let mut report = MeasurementReport {
        procedure: CodedConcept::new("", "", ""),
        groups: Vec::new(),
        findings: Vec::new(),
        impressions: Vec::new(),
        notes: Vec::new(),
        complete: flag(tags::COMPLETION_FLAG) == "COMPLETE",
        completion_description: document.text(&root, tags::COMPLETION_FLAG_DESCRIPTION),
        verified_by: root
            .items(tags::VERIFYING_OBSERVER_SEQUENCE)
            .iter()
            .map(|item| VerifyingObserver {
                name: document.text(item, tags::VERIFYING_OBSERVER_NAME),
                organization: document.text(item, tags::VERIFYING_ORGANIZATION),
                date_time: item.text(tags::VERIFICATION_DATE_TIME).unwrap_or_default(),
            })
            .collect(),
        predecessor: root.item(tags::PREDECESSOR_DOCUMENTS_SEQUENCE).and_then(|study| predecessor(&study)),
    };
    let library = document.images(&root, 0);
    for child in root.items(tags::CONTENT_SEQUENCE) {
        let name = document.name(&child);
        match name.value.as_str() {
            "121058" => report.procedure = document.concept(&child, tags::CONCEPT_CODE_SEQUENCE),
            "126010" => {
                for group in child.items(tags::CONTENT_SEQUENCE) {
                    report.groups.push(document.group(&group, &library)?);
                }
            }
            "C0034375" => {
                for sentence in child.items(tags::CONTENT_SEQUENCE) {
                    let text = document.text(&sentence, tags::TEXT_VALUE);
                    match document.name(&sentence) {
                        name if name.value == "121071" => report.findings.push(text),
                        name if name.value == "121073" => report.impressions.push(text),
                        _ if text == RESEARCH_STATEMENT => {}
                        name => report.notes.push((name, text)),
                    }
                }
            }
            _ => {}
        }
    }
    Ok(report)
}

fn predecessor(study: &DataSet<'_>) -> Option<Written> {
    let series = study.item(tags::REFERENCED_SERIES_SEQUENCE)?;
    let instance = series.item(tags::REFERENCED_SOP_SEQUENCE)?;
    Some(Written {
        bytes: Vec::new(),
        sop_class: uids::COMPREHENSIVE3_DSR_STORAGE,
        sop_instance: SopInstanceUid::new(&instance.text(tags::REFERENCED_SOP_INSTANCE_UID)?).ok()?,
        series: SeriesInstanceUid::new(&series.text(tags::SERIES_INSTANCE_UID)?).ok()?,
    })
}

/// What all items of a document share.
struct Document {
    character_sets: Vec<String>,
}

impl Document {
    fn text(&self, item: &DataSet<'_>, tag: Tag) -> String {
        decoded_in(item, tag, &self.character_sets).unwrap_or_default()
    }

    fn concept(&self, item: &DataSet<'_>, sequence: Tag) -> CodedConcept {
        let Some(code) = item.item(sequence) else { return CodedConcept::new("", "", "") };
        let values = [tags::CODE_VALUE, tags::LONG_CODE_VALUE, tags::URN_CODE_VALUE];
        let value = values.into_iter().map(|tag| self.text(&code, tag)).find(|value| !value.is_empty());
        CodedConcept {
            value: value.unwrap_or_default(),
            scheme: self.text(&code, tags::CODING_SCHEME_DESIGNATOR),
            meaning: self.text(&code, tags::CODE_MEANING),
        }
    }

    fn name(&self, item: &DataSet<'_>) -> CodedConcept {
        self.concept(item, tags::CONCEPT_NAME_CODE_SEQUENCE)
    }

    /// SOP Instance UIDs of the image library, in their order, with the frame.
    fn images(&self, item: &DataSet<'_>, depth: usize) -> Vec<(String, Option<u32>)> {
        let mut found = Vec::new();
        for child in item.items(tags::CONTENT_SEQUENCE) {
            let is_library = matches!(self.name(&child).value.as_str(), "111028" | "126200");
            if child.text(tags::VALUE_TYPE).as_deref() == Some("IMAGE") && depth > 0 {
                found.extend(referenced(&child));
            } else if is_library && depth < DEEPEST {
                found.extend(self.images(&child, depth + 1));
            }
        }
        found
    }

    fn group(
        &self,
        item: &DataSet<'_>,
        library: &[(String, Option<u32>)],
    ) -> Result<MeasurementGroup, FormatError> {
        let mut group = MeasurementGroup {
            tracking_id: String::new(),
            tracking_uid: None,
            finding: None,
            site: None,
            laterality: None,
            region: Region::Whole,
            algorithm: None,
            measurements: Vec::new(),
            evaluations: Vec::new(),
        };
        let mut algorithm = Algorithm { name: String::new(), version: String::new(), parameters: Vec::new() };
        for child in item.items(tags::CONTENT_SEQUENCE) {
            let name = self.name(&child);
            let text = || self.text(&child, tags::TEXT_VALUE);
            let code = || self.concept(&child, tags::CONCEPT_CODE_SEQUENCE);
            match (child.text(tags::VALUE_TYPE).as_deref(), name.value.as_str()) {
                (Some("TEXT"), "112039") => group.tracking_id = text(),
                (Some("UIDREF"), "112040") => group.tracking_uid = child.text(tags::UID),
                (Some("CODE"), "121071") => group.finding = Some(code()),
                (Some("CODE"), "363698007") => {
                    group.site = Some(code());
                    let side = child.item(tags::CONTENT_SEQUENCE);
                    group.laterality =
                        side.and_then(|side| side_of(&self.concept(&side, tags::CONCEPT_CODE_SEQUENCE)));
                }
                (Some("CODE"), _) => group.evaluations.push((name, code())),
                (Some("TEXT"), "111001") => algorithm.name = text(),
                (Some("TEXT"), "111003") => algorithm.version = text(),
                (Some("TEXT"), "111002") => algorithm.parameters.push(text()),
                (Some("SCOORD"), _) => group.region = Region::Box(box_of(&child, library)?),
                (Some("NUM"), _) => group.measurements.push(self.measurement(&child, name)?),
                _ => {}
            }
        }
        // The side is said of the site where there is one, and else as an answer of its own.
        if group.laterality.is_none() {
            let side = group.evaluations.iter().find(|(question, _)| question.value == "272741003");
            group.laterality = side.and_then(|(_, side)| side_of(side));
        }
        if !algorithm.name.is_empty() {
            group.algorithm = Some(algorithm);
        }
        Ok(group)
    }

    fn measurement(&self, item: &DataSet<'_>, concept: CodedConcept) -> Result<MeasuredValue, FormatError> {
        let number = |item: &DataSet<'_>| -> Result<(f64, u8, String), FormatError> {
            let missing = || FormatError::malformed(place(tags::MEASURED_VALUE_SEQUENCE), "holds no number");
            let measured = item.item(tags::MEASURED_VALUE_SEQUENCE).ok_or_else(missing)?;
            let exact = measured.doubles(tags::FLOATING_POINT_VALUE).first().copied();
            let value = exact.or_else(|| measured.number(tags::NUMERIC_VALUE)).ok_or_else(missing)?;
            if !value.is_finite() {
                return Err(FormatError::malformed(place(tags::NUMERIC_VALUE), "not a finite number"));
            }
            let text = measured.text(tags::NUMERIC_VALUE).unwrap_or_default();
            let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
            let unit = self.concept(&measured, tags::MEASUREMENT_UNITS_CODE_SEQUENCE).value;
            Ok((value, u8::try_from(decimals).unwrap_or(u8::MAX), unit))
        };
        let (value, decimals, unit) = number(item)?;
        let mut measured = MeasuredValue {
            concept,
            quantity: Quantity { value, unit, decimals },
            interval: None,
            method: None,
            derivation: None,
        };
        let (mut above, mut below) = (None, None);
        for child in item.items(tags::CONTENT_SEQUENCE) {
            let code = || Some(self.concept(&child, tags::CONCEPT_CODE_SEQUENCE));
            match self.name(&child).value.as_str() {
                "370129005" => measured.method = code(),
                "121401" => measured.derivation = code(),
                "371886008" => above = Some(number(&child)?.0),
                "371885007" => below = Some(number(&child)?.0),
                _ => {}
            }
        }
        // Of two numbers near the greatest one, the sum is none.
        let interval = below.zip(above).map(|(below, above)| (value - below, value + above));
        measured.interval = interval.filter(|(low, high)| low.is_finite() && high.is_finite());
        Ok(measured)
    }
}

fn referenced(item: &DataSet<'_>) -> Option<(String, Option<u32>)> {
    let reference = item.item(tags::REFERENCED_SOP_SEQUENCE)?;
    let frame = reference.number(tags::REFERENCED_FRAME_NUMBER).map(|number| number as u32);
    Some((reference.text(tags::REFERENCED_SOP_INSTANCE_UID)?, frame))
}

fn side_of(concept: &CodedConcept) -> Option<Laterality> {
    [Laterality::Left, Laterality::Right, Laterality::Bilateral]
        .into_iter()
        .find(|side| side_concept(*side).value == concept.value)
}

/// The box of a closed outline with four corners.
fn box_of(item: &DataSet<'_>, library: &[(String, Option<u32>)]) -> Result<ImageBox, FormatError> {
    let refused = |message: &str| FormatError::malformed(place(tags::GRAPHIC_DATA), message.to_owned());
    let numbers = item.numbers(tags::GRAPHIC_DATA);
    if numbers.len() != 10 || numbers.iter().any(|number| !(0.0..=65_535.0).contains(number)) {
        return Err(refused("no box of four corners"));
    }
    let span = |axis: usize| {
        let along = numbers.iter().skip(axis).step_by(2);
        let low = along.clone().copied().fold(f64::INFINITY, f64::min);
        (low as usize, along.copied().fold(0.0, f64::max) as usize - low as usize)
    };
    let ((column, columns), (row, rows)) = (span(0), span(1));
    let image = item.items(tags::CONTENT_SEQUENCE).iter().find_map(referenced);
    let slice = image.and_then(|image| library.iter().position(|known| *known == image));
    let slice = slice.ok_or_else(|| refused("on no image of the report's library"))?;
    Ok(ImageBox { column, row, columns, rows, slice })
}
