//! The page that `make web` builds (`web/`), out of the program itself; without it, the plain page of studies.

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Refusal;

/// One file of the page.
struct File {
    /// Below the page's root, with `/`.
    path: &'static str,
    /// The entity tag, in its quotation marks.
    tag: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/built_page.rs"));

/// What the page may do: nothing but what comes from here. Codecs are WebAssembly; workers and drawn pictures are blobs.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; \
    img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'";

/// The name of an asset holds a hash of its content: what it says never changes.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// The page itself is asked for each time, and not sent where it is the same.
const ASK: &str = "no-cache";

/// Whether the program holds the page.
pub(crate) fn is_there() -> bool {
    !FILES.is_empty()
}

pub(super) fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// Whether a list of codings or tags names one.
pub(super) fn names(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').any(|one| {
            let (one, quality) = one.split_once(';').unwrap_or((one, ""));
            one.trim().trim_start_matches("W/") == wanted && quality.replace(' ', "") != "q=0"
        })
    })
}

fn answer(file: &File, headers: &HeaderMap, cache: &'static str) -> Response {
    let head = [
        (header::CONTENT_TYPE, media_type(file.path)),
        (header::ETAG, file.tag),
        (header::CACHE_CONTROL, cache),
        (header::VARY, "accept-encoding"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    if names(headers, header::IF_NONE_MATCH, file.tag) {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    match file.brotli {
        Some(small) if names(headers, header::ACCEPT_ENCODING, "br") => {
            (head, [(header::CONTENT_ENCODING, "br")], small).into_response()
        }
        _ => (head, file.plain).into_response(),
    }
}

/// The page, or the plain one where the program was built without it.
pub(crate) async fn index(headers: HeaderMap) -> Result<Response, Refusal> {
    named("index.html").map(|file| answer(file, &headers, ASK))
}

pub(crate) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Refusal> {
    named(&format!("assets/{name}")).map(|file| answer(file, &headers, FOREVER))
}

fn named(path: &str) -> Result<&'static File, Refusal> {
    FILES
        .iter()
        .find(|file| file.path == path)
        .ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this address"))
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    const SCRIPT: File = File { path: "assets/a.js", tag: "\"1f\"", plain: b"plain", brotli: Some(b"small") };

    fn asked(heads: &[(HeaderName, &str)]) -> HeaderMap {
        heads.iter().map(|(name, value)| (name.clone(), value.parse().expect("a head"))).collect()
    }

    fn check(heads: &[(HeaderName, &str)], status: StatusCode, coding: Option<&str>, body: &[u8]) {
        let response = answer(&SCRIPT, &asked(heads), FOREVER);
        assert_eq!(response.status(), status);
        let found =
            response.headers().get(header::CONTENT_ENCODING).map(|value| value.to_str().expect("text"));
        assert_eq!(found, coding);
        assert_eq!(response.headers()[header::ETAG], "\"1f\"");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let read = runtime.block_on(to_bytes(response.into_body(), 100));
        assert_eq!(read.expect("a body"), body);
    }

    #[test]
    fn a_file_is_small_where_that_is_taken_and_is_not_sent_twice() {
        check(&[], StatusCode::OK, None, b"plain");
        check(&[(header::ACCEPT_ENCODING, "gzip, br;q=0.9")], StatusCode::OK, Some("br"), b"small");
        check(&[(header::ACCEPT_ENCODING, "gzip, br; q=0")], StatusCode::OK, None, b"plain");
        check(&[(header::IF_NONE_MATCH, "\"1e\", W/\"1f\"")], StatusCode::NOT_MODIFIED, None, b"");
        check(&[(header::IF_NONE_MATCH, "\"1e\"")], StatusCode::OK, None, b"plain");
    }

    #[test]
    fn a_built_page_is_whole() {
        let Some(index) = FILES.iter().find(|file| file.path == "index.html") else {
            assert!(!is_there(), "files without a page");
            return;
        };
        let text = std::str::from_utf8(index.plain).expect("text");
        let scripts: Vec<&str> = text
            .split('"')
            .filter_map(|part| part.strip_prefix('/'))
            .filter(|part| part.ends_with(".js"))
            .collect();
        assert!(!scripts.is_empty());
        for script in scripts {
            assert!(FILES.iter().any(|file| file.path == script), "{script} is missing");
        }
    }
}
