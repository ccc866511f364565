mod edition;
mod measured;

use wilhelm_study::{Certainty, Finding};

use super::PdfError;
use super::fonts::Typeface;
use super::layout::{INK, LINE, Layout, MARGIN, Mark, PAGE, Rgb, Role, SOFT, Style, WIDTH, lines};
use crate::html::kind;
use crate::write::words;
use crate::{Author, Heading, HtmlImages, Report, Section};

pub(super) use edition::{cover, fill_edition};

const BODY: Style = Style::new(Typeface::Regular, 10.5, INK);
const STRONG: Style = Style::new(Typeface::Bold, 10.5, INK);
const SMALL: Style = Style::new(Typeface::Regular, 8.5, SOFT);
const SMALL_STRONG: Style = Style::new(Typeface::Bold, 8.5, SOFT);
const LEADING: f32 = 14.0;
const SMALL_LEADING: f32 = 11.0;
/// Most height of a picture.
const PICTURE: f32 = 205.0;
/// Columns of the table of findings: left ends and widths.
const COLUMNS: [(f32, f32); 4] = [(0.0, 140.0), (148.0, 76.0), (232.0, 190.0), (430.0, 53.0)];

/// Writes the report from its title to its evidence.
pub(super) fn fill(layout: &mut Layout, report: &Report, images: &HtmlImages) -> Result<(), PdfError> {
    title(layout, report);
    pictures(layout, images)?;
    if !report.findings.is_empty() {
        findings(layout, &report.findings);
    }
    if !report.measured.is_empty() {
        measured::table(layout, &report.measured);
    }
    if !report.abstentions.is_empty() {
        abstentions(layout, report);
    }
    for section in &report.sections {
        body(layout, section);
    }
    signatures(layout, report);
    evidence(layout, report);
    Ok(())
}

/// What stands at the foot of every page.
pub(super) fn margins(layout: &mut Layout, report: &Report) {
    let pages = layout.pages();
    for page in 0..pages {
        let rule = [MARGIN, PAGE[1] - 52.0, WIDTH, 0.6];
        layout.decorate(page, Mark::Box { area: rule, color: LINE });
        let text = format!(
            "{} report {}. Research software, not a medical device.",
            report.state.title(),
            report.id
        );
        let number = format!("page {} of {pages}", page + 1);
        let right = PAGE[0] - MARGIN - Typeface::Regular.width(&number, SMALL.size);
        for (left, text) in [(MARGIN, text), (right, number)] {
            let at = [left, PAGE[1] - 40.0];
            // Identifiers and words of this program alone: one face has all of it.
            let text: String = text.chars().filter(|c| c.is_ascii() && !c.is_control()).collect();
            let words = Mark::Words { at, face: SMALL.face, size: SMALL.size, color: SMALL.color, text };
            layout.decorate(page, words);
        }
    }
}

fn paragraph(layout: &mut Layout, spans: &[(&str, Style)], leading: f32) {
    layout.element(Role::Paragraph, |layout| layout.words(spans, MARGIN, WIDTH, leading));
}

fn heading(layout: &mut Layout, text: &str) {
    layout.y += 9.0;
    // A heading never ends a page.
    layout.need(22.0 + 2.0 * LEADING);
    let style = Style::new(Typeface::Bold, 12.5, INK);
    layout.element(Role::Heading(2, text.to_owned()), |layout| {
        layout.words(&[(text, style)], MARGIN, WIDTH, 17.0);
    });
    layout.decorate(layout.page, Mark::Box { area: [MARGIN, layout.y, WIDTH, 0.6], color: LINE });
    layout.y += 4.0;
}

fn title(layout: &mut Layout, report: &Report) {
    let signed = match report.signatures.last() {
        None => "not signed".to_owned(),
        Some(last) => format!("signed by {}, {}", last.name(), last.at.spoken()),
    };
    let line = format!("Report {}, {}, {signed}", report.id, report.state.word());
    let state = format!("{}. ", report.state.title());
    masthead(layout, &report.title, &line, &state, &report.disclaimer);
}

/// The title with a line on where the report stands, and what every report says of itself.
fn masthead(layout: &mut Layout, title: &str, line: &str, state: &str, disclaimer: &str) {
    let style = Style::new(Typeface::Bold, 18.0, INK);
    layout.element(Role::Heading(1, title.to_owned()), |layout| {
        layout.words(&[(title, style)], MARGIN, WIDTH, 24.0);
    });
    paragraph(layout, &[(line, SMALL)], SMALL_LEADING + 1.0);
    layout.y += 5.0;
    let warned = [0x5c, 0x44, 0x00];
    let spans = [(state, Style { color: warned, ..STRONG }), (disclaimer, Style { color: warned, ..BODY })];
    let height = lines(&spans, WIDTH - 20.0).len() as f32 * LEADING + 10.0;
    let area = [MARGIN, layout.y, WIDTH, height];
    layout.decorate(layout.page, Mark::Box { area, color: [0xff, 0xf4, 0xd6] });
    layout.y += 5.0;
    layout.element(Role::Paragraph, |layout| {
        layout.words(&spans, MARGIN + 10.0, WIDTH - 20.0, LEADING);
    });
    layout.y += 14.0;
}

/// Columns and rows of a PNG, from its header chunk.
fn size(png: &[u8]) -> Option<[f32; 2]> {
    let header = png.strip_prefix(b"\x89PNG\r\n\x1a\n".as_slice())?;
    let number = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
    let (columns, rows) = (number(8)?, number(12)?);
    (header.get(4..8)? == b"IHDR" && columns > 0 && rows > 0).then_some([columns as f32, rows as f32])
}

/// A picture and its overlay side by side, each over its caption.
fn pictures(layout: &mut Layout, images: &HtmlImages) -> Result<(), PdfError> {
    const GAP: f32 = 14.0;
    const HALF: f32 = (WIDTH - GAP) / 2.0;
    for (number, image) in images.pictures.iter().enumerate() {
        let mut shown = vec![(&image.png, &image.caption)];
        shown.extend(image.overlay_png.as_ref().map(|png| (png, &image.overlay_caption)));
        let mut sized = Vec::new();
        for (png, caption) in shown {
            let [columns, rows] = size(png).ok_or(PdfError::Picture(number + 1))?;
            let scale = (HALF / columns).min(PICTURE / rows);
            sized.push((png, caption, [columns * scale, rows * scale]));
        }
        let tallest = sized.iter().map(|(.., [_, height])| *height).fold(0.0, f32::max);
        let captions: Vec<f32> = sized
            .iter()
            .map(|(_, caption, _)| lines(&[(caption, SMALL)], HALF).len() as f32 * SMALL_LEADING)
            .collect();
        let below = captions.iter().copied().fold(0.0, f32::max);
        layout.need(tallest + below + 10.0);
        let top = layout.y;
        for (place, (png, caption, [width, height])) in sized.into_iter().enumerate() {
            let left = MARGIN + place as f32 * (HALF + GAP);
            let words = if caption.trim().is_empty() { "the picture that was read" } else { caption };
            layout.element(Role::Figure(words.to_owned()), |layout| {
                let area = [left, top + tallest - height, width, height];
                layout.mark(Mark::Picture { area, png: png.clone() });
            });
            layout.y = top + tallest + 3.0;
            layout.element(Role::Caption, |layout| {
                layout.words(&[(words, SMALL)], left, HALF, SMALL_LEADING);
            });
        }
        layout.y = top + tallest + below + 10.0;
    }
    Ok(())
}

/// The color of a finding's bar.
fn color(finding: &Finding) -> Rgb {
    match words::alarm(finding) {
        Certainty::Present => [0xc8, 0x52, 0x4a],
        Certainty::Probable => [0xdd, 0x8a, 0x3e],
        Certainty::Indeterminate => [0xd6, 0xb5, 0x3a],
        Certainty::Unlikely => [0x7e, 0xa3, 0xc4],
        Certainty::Absent => [0x6f, 0xae, 0x83],
    }
}

/// A finding in the words of the page.
struct Row<'a> {
    finding: &'a Finding,
    name: String,
    measured: Vec<String>,
    class: String,
    probability: String,
}

impl<'a> Row<'a> {
    fn of(finding: &'a Finding) -> Self {
        let name = finding.laterality.map_or_else(
            || finding.observation.name.clone(),
            |side| format!("{} {}", words::side(side), finding.observation.name),
        );
        let measured = finding.measurements.iter();
        Self {
            finding,
            name,
            measured: measured
                .map(|measurement| format!("{} {}", measurement.name, words::quantity(&measurement.quantity)))
                .collect(),
            class: words::class(finding).to_owned(),
            probability: words::probability(&finding.probability),
        }
    }
}

fn findings(layout: &mut Layout, findings: &[Finding]) {
    let titles = ["Finding", "Certainty", "Calibrated probability", "Borne by"];
    table(layout, "What was looked for", titles, findings, Row::of);
}

/// The table of what was looked for.
fn table<'a>(
    layout: &mut Layout,
    title: &str,
    titles: [&str; 4],
    findings: &'a [Finding],
    say: impl Fn(&'a Finding) -> Row<'a>,
) {
    let mut ordered: Vec<&Finding> = findings.iter().collect();
    ordered.sort_by_key(|finding| words::rank(finding));
    heading(layout, title);
    layout.element(Role::Table, |layout| {
        head(layout, titles);
        layout.element(Role::Body, |layout| {
            for finding in ordered {
                row(layout, &say(finding));
            }
        });
    });
    layout.y += 4.0;
}

/// The titles of a table's columns.
fn head(layout: &mut Layout, titles: [&str; 4]) {
    layout.element(Role::Head, |layout| {
        let top = layout.y;
        layout.element(Role::Row, |layout| {
            for (title, (left, width)) in titles.into_iter().zip(COLUMNS) {
                layout.y = top;
                layout.element(Role::HeaderCell, |layout| {
                    layout.words(&[(title, SMALL_STRONG)], MARGIN + left, width, SMALL_LEADING);
                });
            }
        });
        layout.y = top + SMALL_LEADING + 3.0;
    });
}

fn row(layout: &mut Layout, said: &Row<'_>) {
    let Row { finding, name, measured, class: word, probability } = said;
    let color = color(finding);
    let borne: Vec<&str> = finding.evidence.iter().map(|id| id.0.as_str()).collect();
    let borne = borne.join(", ");
    let count = |text: &str, style, width| lines(&[(text, style)], width).len() as f32;
    let named = count(name, STRONG, COLUMNS[0].1) * LEADING
        + measured.iter().map(|text| count(text, SMALL, COLUMNS[0].1) * SMALL_LEADING).sum::<f32>();
    let height =
        named.max(LEADING + SMALL_LEADING + 4.0).max(count(&borne, SMALL, COLUMNS[3].1) * SMALL_LEADING);
    layout.need(height + 5.0);
    let top = layout.y;
    layout.element(Role::Row, |layout| {
        let mut cell = |column: usize, parts: &[(&str, Style, f32)]| {
            let (left, width) = COLUMNS[column];
            layout.y = top;
            layout.element(Role::Cell, |layout| {
                for (text, style, leading) in parts {
                    layout.words(&[(text, *style)], MARGIN + left, width, *leading);
                }
            });
        };
        let mut parts = vec![(name.as_str(), STRONG, LEADING)];
        parts.extend(measured.iter().map(|text| (text.as_str(), SMALL, SMALL_LEADING)));
        cell(0, &parts);
        cell(1, &[(word, BODY, LEADING)]);
        cell(2, &[(probability, BODY, LEADING)]);
        cell(3, &[(if borne.is_empty() { "-" } else { &borne }, SMALL, LEADING)]);
    });
    bar(layout, finding, color, top + LEADING + 3.0);
    layout.y = top + height + 2.0;
    layout.decorate(layout.page, Mark::Box { area: [MARGIN, layout.y, WIDTH, 0.4], color: LINE });
    layout.y += 3.0;
}

/// The probability as a bar with its interval: what the words beside it say.
fn bar(layout: &mut Layout, finding: &Finding, color: Rgb, top: f32) {
    const HEIGHT: f32 = 6.0;
    let (left, width) = (MARGIN + COLUMNS[2].0, COLUMNS[2].1);
    let p = &finding.probability;
    let at = |share: f64| left + width * share as f32;
    let page = layout.page;
    let mut draw = |area: [f32; 4], color: Rgb| layout.decorate(page, Mark::Box { area, color });
    draw([left, top, width, HEIGHT], [0xed, 0xf0, 0xf4]);
    let filled = (width * p.estimate.value() as f32).max(0.5);
    draw([left, top, filled, HEIGHT], color);
    let (low, high) = (at(p.low.value()), at(p.high.value()));
    draw([low, top + HEIGHT / 2.0 - 0.4, (high - low).max(0.8), 0.8], INK);
    for end in [low, high] {
        draw([end - 0.4, top - 0.5, 0.8, HEIGHT + 1.0], INK);
    }
}

fn abstentions(layout: &mut Layout, report: &Report) {
    heading(layout, "Models that did not read the image");
    let items: Vec<(String, String)> = report
        .abstentions
        .iter()
        .map(|abstention| ("\u{2022}".to_owned(), format!("{}: {}", abstention.model, abstention.reason)))
        .collect();
    let style = Style { size: 9.5, ..BODY };
    list(layout, &items.iter().map(|(l, t)| (l.as_str(), vec![(t.as_str(), style)])).collect::<Vec<_>>());
}

fn list(layout: &mut Layout, items: &[(&str, Vec<(&str, Style)>)]) {
    const INDENT: f32 = 18.0;
    layout.element(Role::List, |layout| {
        for (label, spans) in items {
            layout.need(LEADING);
            layout.element(Role::Item, |layout| {
                let top = layout.y;
                let style = spans.first().map_or(BODY, |(_, style)| *style);
                layout.element(Role::ItemLabel, |layout| {
                    layout.words(&[(label, style)], MARGIN, INDENT, LEADING);
                });
                layout.y = top;
                layout.element(Role::ItemBody, |layout| {
                    layout.words(spans, MARGIN + INDENT, WIDTH - INDENT, LEADING);
                });
            });
        }
    });
}

fn body(layout: &mut Layout, section: &Section) {
    if section.sentences.is_empty() {
        return;
    }
    heading(layout, section.heading.title());
    let notes: Vec<String> = section
        .sentences
        .iter()
        .map(|sentence| {
            let bears: Vec<&str> = sentence.bears.iter().map(|id| id.0.as_str()).collect();
            let author = match &sentence.author {
                Author::Writer => "",
                Author::LanguageModel { .. } => " (reworded)",
                Author::Person { .. } => " (by the person who signed)",
            };
            format!(" [{}]{author}", bears.join(", "))
        })
        .collect();
    let is_impression = section.heading == Heading::Impression;
    let style = if is_impression { STRONG } else { BODY };
    let spans = section.sentences.iter().zip(&notes);
    let spans: Vec<Vec<(&str, Style)>> =
        spans.map(|(sentence, note)| vec![(sentence.text.as_str(), style), (note.as_str(), SMALL)]).collect();
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

fn signatures(layout: &mut Layout, report: &Report) {
    if report.signatures.is_empty() {
        return;
    }
    heading(layout, "Signatures");
    for signature in &report.signatures {
        let organization =
            signature.organization.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
        let reason =
            signature.reason.as_ref().map(|reason| format!("; reason: {reason}")).unwrap_or_default();
        let line = format!(
            "{}{organization}, as {}, {}{reason}",
            signature.name(),
            signature.state.word(),
            signature.at.spoken()
        );
        paragraph(layout, &[(&line, BODY)], LEADING);
    }
}

fn evidence(layout: &mut Layout, report: &Report) {
    heading(layout, "Evidence");
    const LEFT: f32 = 92.0;
    layout.element(Role::Table, |layout| {
        layout.element(Role::Body, |layout| {
            for item in &report.evidence {
                let source = kind(&item.source);
                let spans = [(item.summary.as_str(), Style { size: 9.5, ..BODY })];
                let note = [(source.as_str(), SMALL)];
                let height = lines(&spans, WIDTH - LEFT).len() as f32 * 12.5
                    + lines(&note, WIDTH - LEFT).len() as f32 * SMALL_LEADING;
                layout.need(height.min(300.0) + 3.0);
                let top = layout.y;
                layout.element(Role::Row, |layout| {
                    layout.element(Role::HeaderCell, |layout| {
                        let style = Style::new(Typeface::Bold, 9.5, INK);
                        layout.words(&[(&item.id.0, style)], MARGIN, LEFT - 6.0, 12.5);
                    });
                    layout.y = top;
                    layout.element(Role::Cell, |layout| {
                        layout.words(&spans, MARGIN + LEFT, WIDTH - LEFT, 12.5);
                        layout.words(&note, MARGIN + LEFT, WIDTH - LEFT, SMALL_LEADING);
                    });
                });
                layout.y += 3.0;
            }
        });
    });
    layout.y += 6.0;
    for image in &report.images {
        let mono = Style::new(Typeface::Mono, 7.0, SOFT);
        let spans = [("SHA-256 of what was read: ", SMALL), (image.sha256.as_str(), mono)];
        paragraph(layout, &spans, SMALL_LEADING);
    }
}
