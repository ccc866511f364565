//! A reader without models: it hands out the example reports of the crate `report`, since the one with models is `cli`'s. The
//! structured report that it makes is a real one, out of the archive's own objects.

use serde_json::json;
use wilhelm_formats::Limits;
use wilhelm_formats::dicom::objects::{
    Imprint, MeasurementReport, Stamp, VerifyingObserver, measurement_report, references_of_bytes,
};
use wilhelm_report::{Case, Heading, HtmlImage, HtmlImages, write};
use wilhelm_server::desk::{Drafted, ReadFailure, ReadImage, StudyReader, StudyToRead, Wanted};
use wilhelm_study::CodedConcept;

/// Every series gets the same example.
pub struct Examples(pub Case);

/// A PNG of one pixel.
pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0:~\x9bU\0\0\0\nIDATx\x9cc`\0\0\0\x02\0\x01H\xaf\xa4q\0\0\0\0IEND\xaeB`\x82";

impl StudyReader for Examples {
    fn read(
        &self,
        study: &StudyToRead<'_>,
        progress: &mut dyn FnMut(&str, usize, usize) -> bool,
    ) -> Result<Vec<Drafted>, ReadFailure> {
        let mut drafts: Vec<Drafted> = Vec::new();
        for (place, object) in study.objects.iter().enumerate().filter(|(_, object)| object.has_pixels) {
            if !progress("objects", place, study.objects.len()) {
                return Err(ReadFailure::Cancelled);
            }
            let bytes = study.bytes(place)?;
            assert_eq!(&bytes[128..132], b"DICM", "bytes come as they arrived, unsealed");
            let image = ReadImage { instance: object.instance.clone(), frame: None };
            if let Some(drafted) = drafts.iter_mut().find(|drafted| drafted.series == object.series) {
                drafted.images.push(image);
                continue;
            }
            let mut report = write(&self.0);
            report.id = object.series.bytes().map(|byte| format!("{byte:x}")).collect::<String>();
            report.id = report.id[report.id.len().saturating_sub(12)..].to_owned();
            let picture = HtmlImage {
                caption: "image 1".to_owned(),
                png: PNG.to_vec(),
                overlay_png: Some(PNG.to_vec()),
                overlay_caption: "where the network looked".to_owned(),
            };
            drafts.push(Drafted {
                series: object.series.clone(),
                part: 0,
                images: vec![image],
                report,
                pictures: HtmlImages { pictures: vec![picture] },
                provenance: json!({ "earlier": study.earlier.len() }),
                defects: Vec::new(),
            });
        }
        Ok(drafts)
    }

    fn output(&self, wanted: &Wanted<'_>) -> Result<Vec<u8>, ReadFailure> {
        let program = |error: &dyn std::fmt::Display| ReadFailure::Program(error.to_string());
        if wanted.form != "sr" {
            return Err(ReadFailure::Study(format!("{} is made by the program alone", wanted.form)));
        }
        let files: Vec<&[u8]> = wanted.objects.iter().map(Vec::as_slice).collect();
        let reference = references_of_bytes(&files, &Limits::default()).map_err(|error| program(&error))?;
        let version = wanted.report.signatures.len().to_be_bytes();
        let stamp =
            Stamp::of_content(&[wanted.report.id.as_bytes(), &version], &wanted.at.date(), &wanted.at.time());
        let imprint = Imprint {
            series_number: 9100,
            ..Imprint::new("report", stamp.map_err(|error| program(&error))?)
        };
        let texts = |heading: Heading| -> Vec<String> {
            let sentences = wanted.report.sentences().filter(|(of, _)| *of == heading);
            sentences.map(|(_, sentence)| sentence.text.clone()).collect()
        };
        let verified = wanted.report.signatures.iter().filter(|signature| signature.state.is_final());
        let document = MeasurementReport {
            procedure: CodedConcept::new("LN", "18748-4", "Diagnostic imaging report"),
            groups: Vec::new(),
            findings: texts(Heading::Findings),
            impressions: texts(Heading::Impression),
            notes: Vec::new(),
            complete: true,
            completion_description: wanted.report.state.word().to_owned(),
            verified_by: verified
                .map(|signature| VerifyingObserver {
                    name: signature.by.clone(),
                    organization: String::new(),
                    date_time: signature.at.hl7(),
                })
                .collect(),
            predecessor: None,
        };
        measurement_report(&document, &reference, &imprint)
            .map(|written| written.bytes)
            .map_err(|error| program(&error))
    }
}
