use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html as markup};
use wilhelm_study::{Certainty, Evidence, EvidenceSource, Finding};

use crate::reference::{link, parts};
use crate::write::words;
use crate::{Author, Heading, Measured, Report, Section, Sentence};

pub(crate) const STYLE: &str = include_str!("html/style.css");

/// The pictures of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HtmlImages {
    /// In order.
    pub pictures: Vec<HtmlImage>,
}

/// A picture and what was laid over it, as PNG files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HtmlImage {
    /// Its caption, without patient values.
    pub caption: String,
    /// The picture.
    pub png: Vec<u8>,
    /// The same with the heat map over it.
    pub overlay_png: Option<Vec<u8>>,
    /// What the overlay shows.
    pub overlay_caption: String,
}

/// The report as one page that asks nothing of the network: style and pictures are inside, there
/// is no script.
pub fn html(report: &Report, images: &HtmlImages) -> String {
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
                title { (report.title) " - " (report.state.word()) " report" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                div.banner role="note" { strong { (report.state.title()) "." } " " (report.disclaimer) }
                main {
                    header {
                        h1 { (report.title) }
                        p.meta {
                            "Report " code { (report.id) } " \u{b7} state " strong { (report.state.word()) }
                            @if report.signatures.is_empty() { " \u{b7} not signed" }
                            @for signature in &report.signatures {
                                br;
                                "signed as " (signature.state.word()) " by " (signature.name()) ", "
                                (signature.at.spoken())
                                @if let Some(reason) = &signature.reason { " (" (reason) ")" }
                            }
                        }
                    }
                    (pictures(images))
                    @if !report.findings.is_empty() { (findings(&report.findings)) }
                    @if !report.measured.is_empty() { (measured(&report.measured)) }
                    @if !report.abstentions.is_empty() { (abstentions(report)) }
                    div.report {
                        @for section in &report.sections { (body(section, report)) }
                    }
                    (struck(report))
                    (evidence(&report.evidence))
                    (provenance(report))
                }
            }
        }
    };
    page.into_string()
}

fn data_uri(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(png))
}

fn pictures(images: &HtmlImages) -> Markup {
    markup! {
        @for image in &images.pictures {
            div.pictures {
                figure {
                    img src=(data_uri(&image.png)) alt=(image.caption);
                    figcaption { (image.caption) }
                }
                @if let Some(overlay) = &image.overlay_png {
                    figure {
                        img src=(data_uri(overlay)) alt=(image.overlay_caption);
                        figcaption { (image.overlay_caption) }
                    }
                }
            }
        }
    }
}

/// The color of a finding's class, by its name in the style sheet.
pub(crate) fn tone(finding: &Finding) -> &'static str {
    match words::alarm(finding) {
        Certainty::Present => "c5",
        Certainty::Probable => "c4",
        Certainty::Indeterminate => "c3",
        Certainty::Unlikely => "c2",
        Certainty::Absent => "c1",
    }
}

fn findings(findings: &[Finding]) -> Markup {
    let mut ordered: Vec<&Finding> = findings.iter().collect();
    ordered.sort_by_key(|finding| words::rank(finding));
    markup! {
        section.card {
            h2 { "What was looked for" }
            table.findings {
                thead { tr {
                    th { "Finding" } th { "Certainty" } th { "Calibrated probability" } th { "Borne by" }
                } }
                tbody {
                    @for finding in ordered { (row(finding)) }
                }
            }
        }
    }
}

/// What was measured and no finding carries.
fn measured(measured: &[Measured]) -> Markup {
    markup! {
        section.card {
            h2 { "What was measured" }
            table.findings {
                thead { tr { th { "Measurement" } th { "Value" } th { "Range" } th { "Borne by" } } }
                tbody {
                    @for one in measured {
                        tr {
                            td { span.name { (one.name) } div.small { (one.on) } }
                            td { (words::quantity(&one.quantity)) }
                            td { (one.range()) div.small { (one.method) } }
                            td { (chips(&[one.id.0.as_str()])) }
                        }
                    }
                }
            }
        }
    }
}

fn row(finding: &Finding) -> Markup {
    let (word, tone) = (words::class(finding), tone(finding));
    let p = &finding.probability;
    let percent = |value: f64| format!("{:.1}", value * 100.0);
    let (low, high) = (p.low.value() * 100.0, p.high.value() * 100.0);
    let bar = format!("width:{}%", percent(p.estimate.value()));
    let whisker = format!("left:{low:.1}%;width:{:.1}%", (high - low).max(0.4));
    markup! {
        tr id=(finding.id.0) {
            td {
                span.name {
                    @if let Some(laterality) = finding.laterality { (words::side(laterality)) " " }
                    (finding.observation.name)
                }
                @for measurement in &finding.measurements {
                    div.small { (measurement.name) " " (words::quantity(&measurement.quantity)) }
                }
            }
            td { span class={ "tag " (tone) } { (word) } }
            td {
                div.bar aria-hidden="true" {
                    div class={ "fill " (tone) } style=(bar) {}
                    div.whisker style=(whisker) {}
                }
                div.small { (words::probability(p)) }
            }
            td { (chips(&finding.evidence.iter().map(|e| e.0.as_str()).collect::<Vec<_>>())) }
        }
    }
}

fn chips(ids: &[&str]) -> Markup {
    markup! {
        span.chips { @for id in ids { a.chip href={ "#" (id) } { (id) } } }
    }
}

fn body(section: &Section, report: &Report) -> Markup {
    let numbered = section.heading == Heading::Impression && section.sentences.len() > 1;
    markup! {
        @if !section.sentences.is_empty() {
            section class={ "part part-" (part_name(section.heading)) } {
                h2 { (section.heading.title()) }
                @if numbered {
                    ol { @for s in &section.sentences { li id=(s.id) { (sentence(s, report)) } } }
                } @else {
                    @for s in &section.sentences { p id=(s.id) { (sentence(s, report)) } }
                }
            }
        }
    }
}

/// A heading as a name of the style sheet.
pub(crate) fn part_name(heading: Heading) -> String {
    heading.title().to_lowercase().replace(' ', "-")
}

fn sentence(sentence: &Sentence, report: &Report) -> Markup {
    let mut ids: Vec<&str> = sentence.findings.iter().map(|id| id.0.as_str()).collect();
    ids.extend(sentence.bears.iter().map(|id| id.0.as_str()));
    let of = |id: &str| {
        let evidence = report.evidence.iter().find(|e| e.id.0 == id).map(|e| e.summary.clone());
        evidence.or_else(|| report.findings.iter().find(|f| f.id.0 == id).map(|f| f.observation.name.clone()))
    };
    markup! {
        bdi { (sentence.text) } " "
        span.chips {
            @for id in ids { a.chip href={ "#" (id) } title=(of(id).unwrap_or_default()) { (id) } }
            @if let Author::LanguageModel { model } = &sentence.author {
                span.author title={ "worded by " (model) "; the gate found the same meaning" } { "reworded" }
            }
            @if let Author::Person { name } = &sentence.author {
                span.author title={ "words of " (name) ", who signed" } { "by the person who signed" }
            }
        }
    }
}

fn abstentions(report: &Report) -> Markup {
    markup! {
        section.card {
            h2 { "Models that did not read the image" }
            ul {
                @for abstention in &report.abstentions {
                    li { strong { (abstention.model) } ": " (abstention.reason) }
                }
            }
        }
    }
}

fn struck(report: &Report) -> Markup {
    let count = report.struck().count();
    let replaced: Vec<&Sentence> = report
        .sentences()
        .map(|(_, s)| s)
        .filter(|s| s.replaced.is_some() && !matches!(s.author, Author::Person { .. }))
        .collect();
    markup! {
        @if count + replaced.len() > 0 {
            details.card {
                summary {
                    (replaced.len()) " of the language model's sentences accepted, " (count) " struck out"
                }
                @if count > 0 {
                    h3 { "Struck out" }
                    ul.struck {
                        @for struck in report.struck() {
                            li {
                                a.chip href={ "#" (struck.replaces) } { (struck.replaces) } " "
                                del { bdi { (struck.text) } }
                                div.small { "Refused: " (struck.reason) }
                            }
                        }
                    }
                }
                @if !replaced.is_empty() {
                    h3 { "The writer's own words" }
                    ul {
                        @for sentence in replaced {
                            li {
                                a.chip href={ "#" (sentence.id) } { (sentence.id) } " "
                                (sentence.replaced.as_deref().unwrap_or_default())
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What kind of evidence, in a few words.
pub(crate) fn kind(source: &EvidenceSource) -> String {
    match source {
        EvidenceSource::Model { model, version, .. } => format!("model {model}, version {version}"),
        EvidenceSource::Measurement { method } => format!("measured: {method}"),
        EvidenceSource::Header { attributes } => format!("header: {}", attributes.join(", ")),
        EvidenceSource::PatientText { line } => format!("supplied by the requester, line {line}"),
        EvidenceSource::Rule { citation, version: Some(version), .. } => {
            format!("{citation} (rule version {version})")
        }
        EvidenceSource::Rule { citation, .. } => citation.clone(),
        EvidenceSource::Fusion { observation, .. } => format!("sources put together for {observation}"),
        EvidenceSource::Person { name, at } => format!("{name}, {at}"),
        EvidenceSource::Statement { source, citation: Some(citation), .. } => {
            format!("{citation}; knowledge base, {source}")
        }
        EvidenceSource::Statement { source, .. } => format!("knowledge base, {source}"),
        EvidenceSource::Passage { title: Some(title), source, .. } => format!("{title}; {source}"),
        EvidenceSource::Passage { source, .. } => source.clone(),
        _ => "evidence".to_owned(),
    }
}

fn evidence(evidence: &[Evidence]) -> Markup {
    markup! {
        section.card {
            h2 { "Evidence" }
            table.evidence {
                tbody {
                    @for item in evidence {
                        tr id=(item.id.0) {
                            th { (item.id.0) }
                            td { (item.summary) div.small { (kind(&item.source)) } (opened(&item.source)) }
                        }
                    }
                }
            }
        }
    }
}

/// What general knowledge and rules are made of, opened at a click; with the address of the source, where it has one.
fn opened(source: &EvidenceSource) -> Markup {
    let (parts, link) = (parts(source), link(source));
    markup! {
        @if source.is_general() || !parts.is_empty() {
            details.source {
                summary { "Source" }
                table.evidence {
                    tbody {
                        @for (name, text) in &parts { tr { th { (name) } td { bdi { (text) } } } }
                        @if let Some(link) = &link {
                            tr { th { "link" } td { a href=(link) rel="noreferrer noopener external" { (link) } } }
                        }
                    }
                }
            }
        }
    }
}

fn provenance(report: &Report) -> Markup {
    markup! {
        details.card {
            summary { "Provenance" }
            table.evidence {
                tbody {
                    @for image in &report.images {
                        tr { th { "Image" } td { (image.title) div.small { "SHA-256 " code { (image.sha256) } } } }
                    }
                    @for item in &report.evidence {
                        @if let EvidenceSource::Model { model, version, weights_sha256, input_sha256, .. } = &item.source {
                            tr {
                                th { "Model" }
                                td {
                                    (model) ", version " (version)
                                    div.small { "weights SHA-256 " code { (weights_sha256) } }
                                    div.small { "input SHA-256 " code { (input_sha256) } }
                                }
                            }
                        }
                    }
                    tr { th { "Form" } td { "report schema version " (report.schema_version) } }
                }
            }
        }
    }
}
