//! A project's training set, and the images that nobody has answered yet, as one file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use wilhelm_annotate::Sink;
use wilhelm_privacy::account::Permission;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::standing::{Standing, may};
use super::wire::{noted, now};
use crate::annotate::{ExportOptions, Unresolved, export, export_images};
use crate::http::guard::{Who, denied};
use crate::http::parameters::parameters;
use crate::http::stream::{Gone, Out, body};
use crate::http::{Refusal, Site, blocking};

/// Files go into an archive in the order in which they come, without a time.
struct Zipped(ZipWriter<File>);

impl Sink for Zipped {
    fn put(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let is_packed = name.ends_with(".png") || name.ends_with(".gz");
        let method = if is_packed { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .last_modified_time(zip::DateTime::default())
            .large_file(bytes.len() as u64 >= u64::from(u32::MAX));
        self.0.start_file(name, options)?;
        self.0.write_all(bytes)
    }
}

fn failed(error: impl std::fmt::Display) -> Refusal {
    tracing::error!(%error, "a training set could not be written");
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the archive failed; its log says why")
}

fn options(query: Option<&str>) -> Result<ExportOptions, Refusal> {
    let program = concat!("Wilhelm ", env!("CARGO_PKG_VERSION")).to_owned();
    let mut options = ExportOptions { program, at: now(), ..ExportOptions::default() };
    for (key, value) in parameters(query) {
        match (key.as_str(), value.as_str()) {
            ("unresolved", "leave_out") => options.unresolved = Unresolved::LeaveOut,
            ("unresolved", "majority") => options.unresolved = Unresolved::Majority,
            ("burned_in", "true" | "false") => options.burned_in = value == "true",
            _ => {
                return Err(Refusal::bad(
                    "a parameter is none of unresolved (leave_out, majority) and burned_in (true, false)",
                ));
            }
        }
    }
    Ok(options)
}

/// Answers with what `write` puts into an archive, and with the studies that are in it.
async fn zipped(
    site: Arc<Site>,
    who: Who,
    id: String,
    query: Option<String>,
    is_labeled: bool,
) -> Result<Response, Refusal> {
    let options = options(query.as_deref())?;
    let project = id.clone();
    let (mut file, length, studies) = blocking(move || {
        let standing = Standing::of(&site, &who, &id)?;
        let items = site.store.annotations().items(&id)?;
        if is_labeled {
            standing.may_compare(&items)?;
        }
        let studies: std::collections::BTreeSet<String> =
            items.into_iter().filter(|item| item.is_there).map(|item| item.study_uid).collect();
        for study in &studies {
            may(&site, &who, Permission::StudyExportDeidentified, &id, Some(study)).map_err(denied)?;
        }
        let file = tempfile::tempfile().map_err(failed)?;
        let mut sink = Zipped(ZipWriter::new(file));
        if is_labeled {
            export(&site.store, &standing.project, &options, &mut sink)?;
        } else {
            export_images(&site.store, &standing.project, &options, &mut sink)?;
        }
        let mut file = sink.0.finish().map_err(failed)?;
        let length = file.seek(SeekFrom::End(0)).map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        Ok((file, length, studies))
    })
    .await?;
    let name = if is_labeled { "training-set" } else { "unlabeled-images" };
    let disposition = format!("attachment; filename=\"{name}-{project}.zip\"");
    let head = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CONTENT_LENGTH, length.to_string()),
    ];
    let written = body(move |out: &mut Out| {
        let mut piece = vec![0; 256 << 10];
        loop {
            match file.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(count) => out.write(&piece[..count])?,
                Err(_) => return Err(Gone),
            }
        }
    });
    let response = (StatusCode::OK, head, written).into_response();
    let details = vec![("project", project), ("what", name.to_owned())];
    let mut response = noted(response, None, details);
    response.extensions_mut().insert(crate::http::guard::Touched(studies.into_iter().collect()));
    Ok(response)
}

/// `GET /api/annotations/{id}/training-set`
pub(super) async fn training_set(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    zipped(site, who, id, query, true).await
}

/// `GET /api/annotations/{id}/unlabeled-images`
pub(super) async fn unlabeled(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    zipped(site, who, id, query, false).await
}
