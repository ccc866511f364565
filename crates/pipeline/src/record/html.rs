use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

use super::{Entry, Part, PatientRecord, RecordSource};

const STYLE: &str = include_str!("html/style.css");

/// The record as one page without a script that asks nothing of the network: a click on a sentence's mark shows the
/// words of the source it comes from.
pub fn record_html(record: &PatientRecord, sources: &[RecordSource]) -> String {
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { "Patient record - draft" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                div.banner role="note" { strong { "Draft." } " " (record.disclaimer) }
                main {
                    h1 { "Patient record" }
                    p.meta { "State " strong { "draft" } " \u{b7} not signed" }
                    @for note in &record.notes { p.meta { (note) } }
                    @if !record.changes.is_empty() { (changes(record)) }
                    section.card {
                        h2 { "Record" }
                        @for part in Part::ALL { (body(record, part)) }
                        @if record.entries.iter().any(|entry| entry.part == Part::Unplaced) { (body(record, Part::Unplaced)) }
                    }
                    section.card {
                        h2 { "Summary" }
                        @for part in Part::ALL {
                            @let told: Vec<&Entry> = entries(record, &record.summary).filter(|e| e.part == part).collect();
                            @if !told.is_empty() {
                                h3 { (part.title()) }
                                p { @for entry in told { (sentence(entry)) " " } }
                            }
                        }
                    }
                    @if !record.timeline.is_empty() { (timeline(record)) }
                    @if !record.refused.is_empty() { (refused(record)) }
                    section.card {
                        h2 { "Sources" }
                        @for (index, source) in sources.iter().enumerate() { (text_of(record, index, source)) }
                    }
                }
            }
        }
    };
    page.into_string()
}

fn entries<'a>(record: &'a PatientRecord, ids: &'a [String]) -> impl Iterator<Item = &'a Entry> {
    ids.iter().filter_map(|id| record.entries.iter().find(|entry| &entry.id == id))
}

fn body(record: &PatientRecord, part: Part) -> Markup {
    markup! {
        h3 { (part.title()) }
        @if record.missing.contains(&part) { p.meta { "No source says anything of it." } }
        @else {
            p { @for entry in record.entries.iter().filter(|entry| entry.part == part) { (sentence(entry)) " " } }
        }
    }
}

fn sentence(entry: &Entry) -> Markup {
    markup! {
        (entry.text) " "
        a.chip href={ "#" (entry.id) } title="shows the source" { (entry.id) }
        @if let Some(model) = &entry.worded_by { span.author { "worded by " (model) } }
    }
}

fn changes(record: &PatientRecord) -> Markup {
    markup! {
        section.card {
            h2 { "Against the earlier record" }
            table {
                thead { tr { th { "Term" } th { "Since then" } th { "Before" } th { "Now" } th { "Said by" } } }
                tbody {
                    @for change in &record.changes {
                        tr {
                            td { (change.term) }
                            td { (change.kind.word()) }
                            td { (change.before.join(", ")) }
                            td { (change.now.join(", ")) }
                            td { @for id in &change.entries { a.chip href={ "#" (id) } { (id) } } }
                        }
                    }
                }
            }
        }
    }
}

fn timeline(record: &PatientRecord) -> Markup {
    markup! {
        section.card {
            h2 { "Timeline" }
            table {
                tbody {
                    @for entry in entries(record, &record.timeline) {
                        tr { th { (entry.date.as_deref().unwrap_or_default()) } td { (sentence(entry)) } }
                    }
                }
            }
        }
    }
}

fn refused(record: &PatientRecord) -> Markup {
    markup! {
        section.card {
            details {
                summary { "Proposed by a language model and refused (" (record.refused.len()) ")" }
                @for refused in &record.refused {
                    p { a.chip href={ "#" (refused.entry) } { (refused.entry) } " " del { (refused.text) } " " span.meta { (refused.reason) } }
                }
            }
        }
    }
}

/// A source with the passages that sentences come from marked; each mark bears the sentence's name.
fn text_of(record: &PatientRecord, index: usize, source: &RecordSource) -> Markup {
    let mut marks: Vec<(usize, usize, &str)> = record
        .entries
        .iter()
        .flat_map(|entry| entry.spans.iter().map(move |span| (span, entry.id.as_str())))
        .filter(|(span, _)| span.source == index)
        .map(|(span, id)| (span.bytes.start, span.bytes.end, id))
        .collect();
    marks.sort_unstable();
    let mut pieces: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut at = 0;
    let mut rest = marks.as_slice();
    while let Some((start, end, _)) = rest.first().copied() {
        // Several sentences of one passage share its mark.
        let same = rest.iter().take_while(|mark| (mark.0, mark.1) == (start, end)).count();
        if start >= at {
            pieces.push((&source.text[at..start], Vec::new()));
            pieces.push((&source.text[start..end], rest[..same].iter().map(|mark| mark.2).collect()));
            at = end;
        } else {
            // A passage within another: its sentences lead to the beginning of the rest.
            pieces.push(("", rest[..same].iter().map(|mark| mark.2).collect()));
        }
        rest = &rest[same..];
    }
    pieces.push((&source.text[at..], Vec::new()));
    markup! {
        h3 { (source.name) }
        pre {
            @for (text, ids) in pieces {
                @if ids.is_empty() { (text) }
                @else {
                    @for id in &ids { span.mark id=(id) { @if Some(id) == ids.last() { (text) } } }
                }
            }
        }
    }
}
