//! A report as a PDF for reading, printing and keeping: PDF/A-2a and PDF/UA-1, its fonts inside.
//!
//! The order is that of the page: pictures, what was looked for, the sections, who signed, the evidence. Every word
//! is tagged with what it is, every picture has its words, so that a screen reader reads what an eye sees.
//!
//! # Source
//! ISO 19005-2 (PDF/A-2), ISO 14289-1 (PDF/UA-1), as `krilla` checks them while writing

mod content;
mod draw;
mod fonts;
mod layout;

use crate::{Edition, HtmlImages, Moment, Report};
use draw::Cover;
use layout::Layout;

/// Why a report does not become a PDF.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PdfError {
    /// A picture that is no PNG.
    #[error("picture {0} of the report is not a PNG file that can be read")]
    Picture(usize),
    /// What the writer of PDF refuses: a fault of this program.
    #[error("the PDF breaks its own standard: {0}")]
    Standard(String),
}

/// The report as a PDF, made at a moment: the same arguments give the same bytes.
///
/// Letters that the fonts lack (they have Latin, Greek, Cyrillic and the Chinese of GB 2312) are shown as a box.
///
/// # Errors
/// [`PdfError`]; a report without pictures is no error.
pub fn pdf(report: &Report, images: &HtmlImages, at: &Moment) -> Result<Vec<u8>, PdfError> {
    let mut layout = Layout::new();
    content::fill(&mut layout, report, images)?;
    content::margins(&mut layout, report);
    draw::write(layout, &Cover::of(report), at)
}

/// An edition of a report as a PDF, made at a moment, as [`pdf`] makes one of the report.
///
/// # Errors
/// As [`pdf`].
pub fn edition_pdf(
    edition: &Edition,
    report: &Report,
    images: &HtmlImages,
    at: &Moment,
) -> Result<Vec<u8>, PdfError> {
    let mut layout = Layout::new();
    content::fill_edition(&mut layout, edition, report, images)?;
    content::margins(&mut layout, report);
    draw::write(layout, &content::cover(edition), at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HtmlImage, Language, Signer, State, Voice, edition, example, sign, write};

    fn at() -> Moment {
        Moment::parse("2026-11-26T22:05:00+01:00").expect("a moment")
    }

    #[test]
    fn every_example_becomes_a_pdf_that_keeps_its_standards_and_the_same_twice() {
        let mut long = example::measured_nodule();
        // More than a page of labels, as a sum of many lesions has.
        long.decisions[0].measured[0].on = "label 1 20.00 mm in plane 1, ".repeat(120);
        for case in example::all().into_iter().chain([example::measured_nodule(), long]) {
            let report = write(&case);
            let one = pdf(&report, &HtmlImages::default(), &at()).expect("a PDF");
            assert!(one.starts_with(b"%PDF-1.7"));
            assert_eq!(one, pdf(&report, &HtmlImages::default(), &at()).expect("a PDF"));
            let text = String::from_utf8_lossy(&one);
            assert!(text.contains("/MarkInfo") && text.contains("/StructTreeRoot"), "it is tagged");
            assert!(text.contains("pdfuaid:part") && text.contains("pdfaid:part"), "it says which standards");
        }
    }

    #[test]
    fn what_the_fonts_lack_and_what_does_not_fit_a_line_is_no_error() {
        let mut case = example::pneumonia(0.5);
        case.request = vec![
            "肺炎? Fièvre \u{1b}[2J \u{202e}ΩЖ ½ × ≥ “x” —".to_owned(),
            "x".repeat(400),
            "word ".repeat(3000),
            String::new(),
        ];
        case.findings[0].observation.name =
            "a name of a finding that is much too long for its column".to_owned();
        let report = write(&case);
        pdf(&report, &HtmlImages::default(), &at()).expect("a PDF");
        let signer =
            Signer { by: "Müller^Jürgen".to_owned(), organization: Some("Clinic".to_owned()), at: at() };
        let signed = sign(&report, State::Final, &signer).expect("signed");
        pdf(&signed, &HtmlImages::default(), &at()).expect("a PDF");
    }

    #[test]
    fn every_edition_becomes_a_pdf_in_its_own_language() {
        for case in example::all() {
            let report = write(&case);
            for voice in &Voice::ALL[1..] {
                let edition = edition(&report, *voice);
                let one = edition_pdf(&edition, &report, &HtmlImages::default(), &at()).expect("a PDF");
                assert_eq!(
                    one,
                    edition_pdf(&edition, &report, &HtmlImages::default(), &at()).expect("a PDF")
                );
                let text = String::from_utf8_lossy(&one);
                assert!(
                    text.contains("pdfuaid:part") && text.contains("pdfaid:part"),
                    "it says which standards"
                );
                let is_chinese = voice.language == Language::Zh;
                assert_eq!(text.contains("/Lang(zh-Hans)"), is_chinese, "{voice:?}");
                assert_eq!(text.contains("NotoSansSC"), is_chinese, "{voice:?}");
            }
        }
    }

    #[test]
    fn pictures_stand_in_it_with_their_words() {
        const PICTURE: &[u8] = include_bytes!("../../../testdata/breast_ultrasound/breast_mass.png");
        let picture = HtmlImage {
            caption: "The image as it was read.".to_owned(),
            png: PICTURE.to_vec(),
            overlay_png: Some(PICTURE.to_vec()),
            overlay_caption: "Where the network looked.".to_owned(),
        };
        let images = HtmlImages { pictures: vec![picture] };
        let report = write(&example::pneumonia(0.5));
        let with = pdf(&report, &images, &at()).expect("a PDF");
        let without = pdf(&report, &HtmlImages::default(), &at()).expect("a PDF");
        assert!(with.len() > without.len() + PICTURE.len() / 2);
        let figures = String::from_utf8_lossy(&with).matches("/S/Figure").count();
        assert_eq!(figures, 2, "each picture is a figure to who cannot see it");
    }

    #[test]
    fn a_picture_that_is_none_is_named_by_its_number() {
        let picture = HtmlImage {
            caption: String::new(),
            png: b"GIF89a".to_vec(),
            overlay_png: None,
            overlay_caption: String::new(),
        };
        let images = HtmlImages { pictures: vec![picture] };
        assert_eq!(pdf(&write(&example::unread()), &images, &at()), Err(PdfError::Picture(1)));
    }
}
