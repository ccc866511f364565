//! STOW-RS: objects handed in.
//!
//! Source: PS3.18 Section 10.5.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use wilhelm_store::{Arriving, Expected, Pending, Store, StoreError};
use wilhelm_study::StudyInstanceUid;

use super::guard::Touched;
use super::multipart::{Parts, Reader, related};
use super::{Refusal, Site};

/// Pieces of the body between the network and the archive.
const AHEAD: usize = 8;
/// Objects handed to the catalog before the first is waited for.
const TOGETHER: usize = 64;
/// Most objects of one request.
const MOST: usize = 100_000;

/// Why an object was not taken, as PS3.18 Table 10.5.3-2 and PS3.4 Table B.2-1 number it.
fn reason(error: &StoreError) -> u16 {
    match error {
        StoreError::Conflict => 0x0111,
        StoreError::Mismatch { .. } => 0xA900,
        error if error.is_callers_fault() => 0xC000,
        _ => 0xA700,
    }
}

/// What is answered for one object.
struct Outcome {
    study: String,
    sop_class: String,
    sop_uid: String,
    /// The object's address, or why there is none.
    result: Result<String, u16>,
}

/// Takes parts as objects.
struct Taking {
    store: Arc<Store>,
    base: String,
    study: Option<String>,
    arriving: Option<(Arriving, Result<(), StoreError>)>,
    waiting: VecDeque<(Outcome, Pending)>,
    outcomes: Vec<Outcome>,
    full_disk: bool,
}

impl Taking {
    fn settle(&mut self, most: usize) {
        while self.waiting.len() > most {
            let Some((mut outcome, pending)) = self.waiting.pop_front() else { return };
            if let Err(error) = pending.wait() {
                self.note(&error);
                outcome.result = Err(reason(&error));
            }
            self.outcomes.push(outcome);
        }
    }

    fn note(&mut self, error: &StoreError) {
        self.full_disk |= matches!(error, StoreError::DiskFull { .. } | StoreError::OverQuota { .. });
        tracing::warn!(%error, "an object was not kept");
    }

    /// The object that was being received is whole.
    fn whole(&mut self) {
        let Some((arriving, written)) = self.arriving.take() else { return };
        let expected = Expected { study_uid: self.study.as_deref(), ..Expected::default() };
        match written.and_then(|()| self.store.take(arriving, expected)) {
            Ok(taken) => {
                let url = format!(
                    "{}/studies/{}/series/{}/instances/{}",
                    self.base,
                    taken.study_uid.as_str(),
                    taken.series_uid.as_str(),
                    taken.sop_uid.as_str()
                );
                let sop_uid = taken.sop_uid.as_str().to_owned();
                let study = taken.study_uid.as_str().to_owned();
                let outcome = Outcome { study, sop_class: taken.sop_class, sop_uid, result: Ok(url) };
                self.waiting.push_back((outcome, taken.pending));
                self.settle(TOGETHER);
            }
            Err(error) => {
                self.note(&error);
                let (study, sop_class, sop_uid) = (String::new(), String::new(), String::new());
                self.outcomes.push(Outcome { study, sop_class, sop_uid, result: Err(reason(&error)) });
            }
        }
    }
}

/// A part that is no DICOM file, or one too many.
#[derive(Debug, thiserror::Error)]
enum Unwanted {
    #[error("a part is no application/dicom")]
    Type,
    #[error("there are more than {MOST} parts")]
    Count,
}

impl Parts for Taking {
    type Error = Unwanted;

    fn begin(&mut self, head: &str) -> Result<(), Unwanted> {
        if self.outcomes.len() + self.waiting.len() >= MOST {
            return Err(Unwanted::Count);
        }
        for line in head.lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            let media = value.split(';').next().unwrap_or_default().trim();
            if name.trim().eq_ignore_ascii_case("content-type")
                && !media.eq_ignore_ascii_case("application/dicom")
            {
                return Err(Unwanted::Type);
            }
        }
        self.arriving = Some((self.store.arrive(), Ok(())));
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Unwanted> {
        if let Some((arriving, written)) = &mut self.arriving
            && written.is_ok()
        {
            *written = arriving.write(bytes);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Unwanted> {
        self.whole();
        Ok(())
    }
}

/// How the body's bytes are read.
enum Form {
    Multipart(Reader),
    Single,
}

fn form(headers: &HeaderMap) -> Result<Form, Refusal> {
    let unsupported = || {
        Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "objects are taken as multipart/related; type=\"application/dicom\" with a boundary, or one as application/dicom",
        )
    };
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("application/dicom")) {
        return Ok(Form::Single);
    }
    match related(kind) {
        Some((boundary, kind)) if kind.as_deref().is_none_or(|kind| kind == "application/dicom") => {
            Ok(Form::Multipart(Reader::new(&boundary)))
        }
        _ => Err(unsupported()),
    }
}

pub(crate) async fn anywhere(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    take(site, None, headers, body).await
}

pub(crate) async fn into_study(
    State(site): State<Arc<Site>>,
    Path(study): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let refused = |_| Refusal::bad("the study in the address is no UID of 1 to 64 digits and dots");
    let study = StudyInstanceUid::new(&study).map_err(refused)?.as_str().to_owned();
    take(site, Some(study), headers, body).await
}

async fn take(
    site: Arc<Site>,
    study: Option<String>,
    headers: HeaderMap,
    mut body: Body,
) -> Result<Response, Refusal> {
    let mut form = form(&headers)?;
    let base = site.base(&headers);
    let mut taking = Taking {
        store: Arc::clone(&site.store),
        base: base.clone(),
        study: study.clone(),
        arriving: None,
        waiting: VecDeque::new(),
        outcomes: Vec::new(),
        full_disk: false,
    };
    let (pieces, mut arrived) = mpsc::channel::<axum::body::Bytes>(AHEAD);
    // Objects are read and kept on a thread of their own; the network waits for it.
    let reading = tokio::task::spawn_blocking(move || {
        if matches!(form, Form::Single) {
            taking.arriving = Some((taking.store.arrive(), Ok(())));
        }
        let mut broken = None;
        while let Some(piece) = arrived.blocking_recv() {
            let read = match &mut form {
                Form::Multipart(reader) => {
                    reader.take(&piece, &mut taking).map_err(|error| error.to_string())
                }
                Form::Single => taking.bytes(&piece).map_err(|error| error.to_string()),
            };
            if let Err(error) = read {
                broken = Some(error);
                break;
            }
        }
        (taking, form, broken)
    });
    let mut cut = false;
    let mut taken = 0_u64;
    while let Some(frame) = body.frame().await {
        match frame.map(|frame| frame.into_data().ok()) {
            Ok(Some(piece)) => {
                taken += piece.len() as u64;
                if taken > site.upload_bytes {
                    cut = true;
                    break;
                }
                if pieces.send(piece).await.is_err() {
                    break;
                }
            }
            Ok(None) => {}
            Err(_) => {
                cut = true;
                break;
            }
        }
    }
    drop(pieces);
    let failed = |_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the archive failed; its log says why");
    let (mut taking, form, broken) = reading.await.map_err(failed)?;
    let outcomes = tokio::task::spawn_blocking(move || {
        if matches!(form, Form::Single) && !cut {
            taking.whole();
        }
        taking.settle(0);
        (taking, form)
    });
    let (taking, form) = outcomes.await.map_err(failed)?;
    if taken > site.upload_bytes && taking.outcomes.is_empty() {
        let detail = format!("a request has at most {} bytes (server.upload_bytes)", site.upload_bytes);
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    let unfinished = matches!(&form, Form::Multipart(reader) if !reader.is_done());
    if let Some(detail) = broken {
        if taking.outcomes.is_empty() {
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        tracing::warn!(detail, "a body could not be read to its end");
    } else if (cut || unfinished) && taking.outcomes.is_empty() {
        return Err(Refusal::bad("the body ends before its last boundary"));
    }
    Ok(answer(&taking, &base, study.as_deref(), cut || unfinished))
}

fn answer(taking: &Taking, base: &str, study: Option<&str>, cut: bool) -> Response {
    let of = |outcome: &Outcome| {
        let mut item = serde_json::Map::new();
        if !outcome.sop_uid.is_empty() {
            item.insert("00081150".into(), json!({ "vr": "UI", "Value": [outcome.sop_class] }));
            item.insert("00081155".into(), json!({ "vr": "UI", "Value": [outcome.sop_uid] }));
        }
        match &outcome.result {
            Ok(url) => item.insert("00081190".into(), json!({ "vr": "UR", "Value": [url] })),
            Err(reason) => item.insert("00081197".into(), json!({ "vr": "US", "Value": [reason] })),
        };
        Value::Object(item)
    };
    let (kept, refused): (Vec<&Outcome>, Vec<&Outcome>) =
        taking.outcomes.iter().partition(|outcome| outcome.result.is_ok());
    let mut body = serde_json::Map::new();
    if let Some(study) = study {
        let url = format!("{base}/studies/{study}");
        body.insert("00081190".into(), json!({ "vr": "UR", "Value": [url] }));
    }
    if !refused.is_empty() {
        let items: Vec<Value> = refused.iter().map(|outcome| of(outcome)).collect();
        body.insert("00081198".into(), json!({ "vr": "SQ", "Value": items }));
    }
    if !kept.is_empty() {
        let items: Vec<Value> = kept.iter().map(|outcome| of(outcome)).collect();
        body.insert("00081199".into(), json!({ "vr": "SQ", "Value": items }));
    }
    let status = match (kept.is_empty(), refused.is_empty() && !cut) {
        (false, true) => StatusCode::OK,
        (false, false) => StatusCode::ACCEPTED,
        _ if taking.full_disk => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::CONFLICT,
    };
    let head = [(header::CONTENT_TYPE, "application/dicom+json")];
    let mut response = (status, head, Value::Object(body).to_string()).into_response();
    let studies: BTreeSet<&str> = kept.iter().map(|outcome| outcome.study.as_str()).collect();
    if !studies.is_empty() {
        response.extensions_mut().insert(Touched(studies.into_iter().map(str::to_owned).collect()));
    }
    response
}
