//! The page of studies: written on the server, searched by its form, no script.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use maud::{DOCTYPE, Markup, html};
use wilhelm_store::{Answer, Level, Query};
use wilhelm_study::StudyInstanceUid;

use super::parameters::parameters;
use super::{Refusal, Site, blocking, built};

/// Studies of one page.
const PAGE: u64 = 50;
/// Series of a study that are shown.
const MOST_SERIES: u64 = 500;

const STYLE: &str = "
:root { color-scheme: dark light; --line: #8886; --accent: #4aa3df; }
* { box-sizing: border-box; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 76rem; padding: 1rem; }
header { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: baseline; }
h1 { font-size: 1.4rem; margin: 0; }
h1 a { color: inherit; text-decoration: none; }
.note { opacity: .75; }
form { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1rem 0; align-items: end; }
label { display: grid; gap: .15rem; font-size: .85rem; }
input, button { font: inherit; padding: .35rem .5rem; border: 1px solid var(--line); border-radius: .3rem; }
button { background: var(--accent); color: #000; border-color: transparent; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; }
nav { margin: 1rem 0; display: flex; gap: 1rem; }
a { color: var(--accent); }
img { background: #000; display: block; width: 96px; height: 96px; object-fit: contain; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
";

/// The fields of the search, by their names in the address.
const FIELDS: [(&str, &str, Tag); 5] = [
    ("name", "Patient's name", tags::PATIENT_NAME),
    ("id", "Patient ID", tags::PATIENT_ID),
    ("date", "Study date (20240101-20241231)", tags::STUDY_DATE),
    ("modality", "Modality", tags::MODALITIES_IN_STUDY),
    ("accession", "Accession number", tags::ACCESSION_NUMBER),
];

pub(crate) fn page(title: &str, content: &Markup) -> Response {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " - Wilhelm" }
                style { (maud::PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { a href="/plain" { "Wilhelm" } }
                    span.note { "Research software, not a medical device" }
                }
                main { (content) }
                @if !built::is_there() {
                    p.note {
                        "This program was built without its page. " code { "make web" } " builds it, and then "
                        code { "make build" } " the program with it."
                    }
                }
            }
        }
    };
    let head = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (StatusCode::OK, head, markup.into_string()).into_response()
}

/// A date as it is read.
fn date(text: &str) -> String {
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]);
    }
    text.to_owned()
}

/// A name as it is read: its first group, family name first.
fn name(text: &str) -> String {
    let group = text.split('=').find(|group| !group.is_empty()).unwrap_or_default();
    let parts: Vec<&str> = group.split('^').filter(|part| !part.is_empty()).collect();
    match parts.split_first() {
        Some((family, [])) => (*family).to_owned(),
        Some((family, rest)) => format!("{family}, {}", rest.join(" ")),
        None => String::new(),
    }
}

pub(crate) async fn studies(
    State(site): State<Arc<Site>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let given = parameters(query.as_deref());
    let value = |key: &str| given.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value.trim());
    let value = |key: &str| value(key).replace('+', " ");
    let start: u64 = value("start").parse().unwrap_or(0);
    let mut search = Query { fuzzy: true, limit: Some(PAGE + 1), offset: start, ..Query::new(Level::Study) };
    for (key, _, tag) in FIELDS {
        search = search.with(tag, &value(key));
    }
    let (count, answers) = blocking(move || {
        let answers = site.store.query(&search);
        Ok((site.store.count()?, answers))
    })
    .await?;
    let (answers, wrong) = match answers {
        Ok(answers) => (answers, None),
        Err(error) if error.is_callers_fault() => (Vec::new(), Some(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    let more = answers.len() as u64 > PAGE;
    let link = |start: u64| {
        let mut pairs: Vec<String> =
            FIELDS.iter().map(|(key, ..)| format!("{key}={}", encoded(&value(key)))).collect();
        pairs.push(format!("start={start}"));
        format!("/plain?{}", pairs.join("&"))
    };
    let content = html! {
        p.note {
            (count.studies) " studies, " (count.series) " series, " (count.instances) " objects, "
            (count.bytes.div_ceil(1 << 20)) " MiB"
        }
        form method="get" action="/plain" role="search" {
            @for (key, label, _) in FIELDS {
                label { (label) input name=(key) value=(value(key)); }
            }
            button type="submit" { "Search" }
        }
        @if let Some(wrong) = &wrong { p role="alert" { "Nothing was searched: " (wrong) } }
        @if answers.is_empty() {
            p { "No studies. Send some: " code { "storescu -aec WILHELM HOST PORT FILE" } ", or "
                code { "wilhelm store import FOLDER" } "." }
        } @else {
            table {
                thead { tr {
                    th scope="col" { "Patient" } th scope="col" { "ID" } th scope="col" { "Date" }
                    th scope="col" { "Modality" } th scope="col" { "Description" } th scope="col" { "Accession" }
                    th.number scope="col" { "Series" } th.number scope="col" { "Objects" }
                } }
                tbody {
                    @for answer in answers.iter().take(PAGE as usize) { (row(answer)) }
                }
            }
        }
        nav aria-label="Pages" {
            @if start > 0 { a href=(link(start.saturating_sub(PAGE))) { "Newer" } }
            @if more { a href=(link(start + PAGE)) { "Older" } }
        }
    };
    Ok(page("Studies", &content))
}

fn row(study: &Answer) -> Markup {
    let patient = name(study.text(tags::PATIENT_NAME));
    html! {
        tr {
            td { a href={ "/study/" (study.text(tags::STUDY_INSTANCE_UID)) } {
                @if patient.is_empty() { "(no name)" } @else { (patient) }
            } }
            td { (study.text(tags::PATIENT_ID)) }
            td { (date(study.text(tags::STUDY_DATE))) }
            td { (study.text(tags::MODALITIES_IN_STUDY).replace('\\', ", ")) }
            td { (study.text(tags::STUDY_DESCRIPTION)) }
            td { (study.text(tags::ACCESSION_NUMBER)) }
            td.number { (study.text(tags::NUMBER_OF_STUDY_RELATED_SERIES)) }
            td.number { (study.text(tags::NUMBER_OF_STUDY_RELATED_INSTANCES)) }
        }
    }
}

pub(crate) async fn study(
    State(site): State<Arc<Site>>,
    Path(uid): Path<String>,
) -> Result<Response, Refusal> {
    let refused = |_| Refusal::bad("the study in the address is no UID of 1 to 64 digits and dots");
    let uid = StudyInstanceUid::new(&uid).map_err(refused)?.as_str().to_owned();
    let search =
        Query { limit: Some(MOST_SERIES), ..Query::new(Level::Series) }.with(tags::STUDY_INSTANCE_UID, &uid);
    let series = blocking(move || Ok(site.store.query(&search)?)).await?;
    let first = series
        .first()
        .ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "there is no such study in the archive"))?;
    let base = format!("/dicom-web/studies/{uid}");
    let content = html! {
        h2 { (name(first.text(tags::PATIENT_NAME))) }
        p {
            (first.text(tags::PATIENT_ID)) " / " (date(first.text(tags::STUDY_DATE))) " / "
            (first.text(tags::STUDY_DESCRIPTION))
        }
        table {
            thead { tr {
                th scope="col" { "Image" } th.number scope="col" { "Number" } th scope="col" { "Modality" }
                th scope="col" { "Body part" } th scope="col" { "Description" } th.number scope="col" { "Objects" }
                th scope="col" { "Data" }
            } }
            tbody {
                @for one in &series {
                    @let address = format!("{base}/series/{}", one.text(tags::SERIES_INSTANCE_UID));
                    tr {
                        td { img loading="lazy" width="96" height="96" alt="" src={ (address) "/thumbnail" }; }
                        td.number { (one.text(tags::SERIES_NUMBER)) }
                        td { (one.text(tags::MODALITY)) }
                        td { (one.text(tags::BODY_PART_EXAMINED)) }
                        td { (one.text(tags::SERIES_DESCRIPTION)) }
                        td.number { (one.text(tags::NUMBER_OF_SERIES_RELATED_INSTANCES)) }
                        td { a href={ (address) "/metadata" } { "metadata" } " "
                             a href={ (address) "/rendered?accept=image/png" } { "picture" } }
                    }
                }
            }
        }
    };
    Ok(page("Study", &content))
}

/// Percent-encoded for an address.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
