//! The page of an edition: the report in another language, or for another reader.

use wilhelm_study::Finding;

use super::{
    BODY, LEADING, Row, SMALL, SMALL_LEADING, STRONG, heading, list, masthead, paragraph, pictures, table,
};
use crate::language::{chinese_row, kind, overlay_caption, spoken, stands, state_title};
use crate::pdf::PdfError;
use crate::pdf::draw::Cover;
use crate::pdf::layout::{Layout, Style};
use crate::{Audience, Edition, EditionSection, Heading, HtmlImage, HtmlImages, Language, Report};

/// What the document says of itself.
pub(in crate::pdf) fn cover(edition: &Edition) -> Cover {
    let voice = edition.voice;
    Cover {
        title: format!("{}, {} {}", edition.title, kind(edition), edition.report),
        language: match voice.language {
            Language::En => "en",
            Language::Zh => "zh-Hans",
        },
        description: edition.disclaimer.clone(),
        name: format!("{} {} {}", edition.report, voice.language.tag(), voice.audience.tag()),
    }
}

/// Writes an edition from its title to its words.
pub(in crate::pdf) fn fill_edition(
    layout: &mut Layout,
    edition: &Edition,
    report: &Report,
    images: &HtmlImages,
) -> Result<(), PdfError> {
    let voice = edition.voice;
    let stands = stands(edition, report);
    let numbered = voice.pick(["Report", "报告编号", "Report", "报告编号"]);
    let comma = if voice.language == Language::Zh { "，" } else { ", " };
    let line =
        format!("{numbered} {}{comma}{stands}{comma}{}", edition.report, spoken(&edition.length, voice));
    let gap = if voice.language == Language::Zh { "" } else { " " };
    masthead(layout, &edition.title, &line, &format!("{}{gap}", state_title(edition)), &edition.disclaimer);
    pictures(layout, &captioned(images, edition))?;
    if voice.audience == Audience::Clinician && !report.findings.is_empty() {
        let titles = ["项目", "确定程度", "校准概率", "依据"];
        table(layout, "检测项目", titles, &report.findings, chinese);
    }
    for section in &edition.sections {
        body(layout, section);
    }
    if !edition.words.is_empty() {
        heading(layout, voice.pick(["Words", "名词", "What the words mean", "名词解释"]));
        for words in &edition.words {
            paragraph(layout, &[(words, BODY)], LEADING);
        }
    }
    layout.y += 6.0;
    let same = voice.pick([
        "",
        "本报告与英文报告依据同一组结论和证据；句后的编号指向report.json中的证据。",
        "This report says what the report for doctors says, on the same evidence. The marks name the evidence in report.json.",
        "这份报告与给医生的报告内容一致，依据相同；标记指向report.json中的证据。",
    ]);
    paragraph(layout, &[(same, SMALL)], SMALL_LEADING);
    Ok(())
}

/// The pictures with the edition's words under the colors.
fn captioned(images: &HtmlImages, edition: &Edition) -> HtmlImages {
    let of = |image: &HtmlImage| HtmlImage {
        overlay_caption: overlay_caption(edition.voice).to_owned(),
        ..image.clone()
    };
    HtmlImages { pictures: images.pictures.iter().map(of).collect() }
}

fn chinese(finding: &Finding) -> Row<'_> {
    let [name, class, numbers, probability] = chinese_row(finding);
    let measured = if numbers.is_empty() { Vec::new() } else { vec![numbers] };
    Row { finding, name, measured, class, probability }
}

fn body(layout: &mut Layout, section: &EditionSection) {
    if section.lines.is_empty() {
        return;
    }
    heading(layout, &section.title);
    let is_impression = section.heading == Heading::Impression;
    let style = if is_impression { STRONG } else { BODY };
    let notes: Vec<String> = section
        .lines
        .iter()
        .map(|line| {
            let bears: Vec<&str> = line.bears.iter().map(|id| id.0.as_str()).collect();
            format!(" [{}]", bears.join(", "))
        })
        .collect();
    let spans: Vec<Vec<(&str, Style)>> = section
        .lines
        .iter()
        .zip(&notes)
        .map(|(line, note)| vec![(line.text.as_str(), style), (note.as_str(), SMALL)])
        .collect();
    if is_impression && spans.len() > 1 {
        let labels: Vec<String> = (1..=spans.len()).map(|number| format!("{number}.")).collect();
        let items: Vec<(&str, Vec<(&str, Style)>)> = labels.iter().map(String::as_str).zip(spans).collect();
        list(layout, &items);
        return;
    }
    for spans in spans {
        paragraph(layout, &spans, LEADING);
        layout.y += 2.0;
    }
}
