//! OHIF's viewer under `/ohif`, out of a folder that `tools/ohif.sh` made, talking to the DICOMweb beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use axum::extract::{Path as Below, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::built::{media_type, names};
use super::guard::{of_account, who};
use super::{Refusal, Site, blocking};

/// As the page's own, but for what OHIF cannot do without: it makes functions out of text (`cwise`, which its contours
/// stand on, and Emscripten's bindings of its codecs), and draws with fonts and pictures that are written into its styles.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' 'unsafe-eval'; worker-src 'self' blob:; \
    img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; \
    object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// OHIF's configuration, in place of its own.
const CONFIG: &str = include_str!("../../data/ohif-config.js");

/// Most files that are served; the package has fewer than 300.
const MOST_FILES: usize = 4096;
/// Largest of them, in bytes.
const LARGEST: u64 = 64 << 20;

/// One file of the folder.
#[derive(Clone, Debug)]
struct File {
    path: PathBuf,
    /// Of its size and its time: asked for each time, and not sent where it is the same.
    tag: String,
    /// Whether a copy in brotli lies beside it.
    brotli: bool,
}

/// The files that are served: those that lay in the folder when the archive started, and nothing else.
#[derive(Debug)]
pub(crate) struct Ohif {
    files: BTreeMap<String, File>,
}

impl Ohif {
    /// Lists a folder. Links are left out: what they lead to is not of the folder.
    ///
    /// # Errors
    /// What is wrong with the folder, in words.
    pub(crate) fn open(folder: &Path) -> Result<Self, String> {
        let mut files = BTreeMap::new();
        list(folder, folder, &mut files).map_err(|error| error.to_string())?;
        if !files.contains_key("index.html") {
            return Err("it holds no index.html: tools/ohif.sh FOLDER makes it".to_owned());
        }
        Ok(Self { files })
    }
}

fn list(root: &Path, folder: &Path, files: &mut BTreeMap<String, File>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            list(root, &path, files)?;
        } else if kind.is_file()
            && path.extension().is_none_or(|ending| ending != "br")
            && let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str)
        {
            let about = entry.metadata()?;
            let changed = about.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
            if about.len() > LARGEST || files.len() >= MOST_FILES {
                let what = format!("{name} is one file too many, or larger than {LARGEST} bytes");
                return Err(std::io::Error::other(what));
            }
            let tag = format!("\"{:x}-{changed:x}\"", about.len());
            let brotli = path.with_file_name(format!("{}.br", entry.file_name().display())).is_file();
            files.insert(name.replace('\\', "/"), File { path, tag, brotli });
        }
    }
    Ok(())
}

/// `GET /ohif` and `/ohif/`
pub(crate) async fn index(site: State<Arc<Site>>, headers: HeaderMap) -> Response {
    below(site, Below("index.html".to_owned()), headers).await
}

/// `GET /ohif/...`: a file, or the page for what is no file: OHIF's own addresses.
pub(crate) async fn below(
    State(site): State<Arc<Site>>,
    Below(name): Below<String>,
    headers: HeaderMap,
) -> Response {
    let nothing = || Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this address").into_response();
    let Some(ohif) = site.ohif.clone() else { return nothing() };
    if name == "app-config.js" {
        let head = [
            (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
            (header::CACHE_CONTROL, "no-cache"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
        ];
        return (head, CONFIG).into_response();
    }
    let last = name.rsplit('/').next().unwrap_or_default();
    let (name, is_page) = match ohif.files.contains_key(&name) {
        true => (name.as_str(), name == "index.html"),
        false if !last.contains('.') => ("index.html", true),
        false => return nothing(),
    };
    if is_page {
        // The files are the same for everybody; whoever opens the page is somebody.
        let known = {
            let headers = headers.clone();
            blocking(move || who(&site, &headers).map_err(|error| of_account(&error))).await
        };
        match known {
            Ok(principal) if principal.as_ref().is_some_and(|one| one.must_change) => {
                return Redirect::to("/").into_response();
            }
            Ok(_) => {}
            Err(refusal) if refusal.status == StatusCode::UNAUTHORIZED => {
                return Redirect::to("/sign-in").into_response();
            }
            Err(refusal) => return refusal.into_response(),
        }
    }
    match ohif.files.get(name) {
        Some(file) => given(name, file.clone(), &headers).await.into_response(),
        None => nothing(),
    }
}

async fn given(name: &str, file: File, headers: &HeaderMap) -> Result<Response, Refusal> {
    let small = file.brotli && names(headers, header::ACCEPT_ENCODING, "br");
    let head = [
        (header::CONTENT_TYPE, media_type(name).to_owned()),
        (header::ETAG, file.tag.clone()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::VARY, "accept-encoding".to_owned()),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
    ];
    if names(headers, header::IF_NONE_MATCH, &file.tag) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    let mut path = file.path.into_os_string();
    if small {
        path.push(".br");
    }
    let read = move || {
        std::fs::read(&path).map_err(|error| {
            tracing::error!(%error, "a file of server.ohif cannot be read");
            Refusal::new(StatusCode::NOT_FOUND, "this file of OHIF is no longer there")
        })
    };
    let content = blocking(read).await?;
    Ok(if small {
        (head, [(header::CONTENT_ENCODING, "br")], content).into_response()
    } else {
        (head, content).into_response()
    })
}
