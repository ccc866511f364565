//! The archive over HTTP: DICOMweb under `/dicom-web`, a page of studies, and whether it is well.

mod annotate;
mod bin;
mod built;
mod consult;
mod desk;
mod fhir;
mod frames;
mod guard;
mod jobs;
mod live;
mod multipart;
mod ohif;
mod page;
mod parameters;
mod permission;
mod qido;
mod refusal;
mod render;
mod rules;
mod session;
mod stow;
mod stream;
mod ups;
mod wado;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use wilhelm_store::Store;

use crate::consult::Live;
use crate::desk::Desk;
use crate::dimse::Peer;
use crate::events::Events;
use crate::ledger::Ledger;
use crate::rules::Rules;
use crate::sign_in::SignIn;
use crate::web::Remotes;

pub(crate) use guard::{of_identifier, patient};
pub(crate) use ohif::Ohif;
pub(crate) use refusal::Refusal;

/// What every handler knows.
pub(crate) struct Site {
    pub store: Arc<Store>,
    /// Names beside addresses and `localhost` that requests may call this machine by.
    pub hosts: Vec<String>,
    pub address: SocketAddr,
    /// Whether it is spoken to under TLS.
    pub secure: bool,
    /// Who may sign in; `None` where anyone may do anything.
    pub sign_in: Option<Arc<SignIn>>,
    /// Where accesses are written down.
    pub ledger: Option<Arc<Ledger>>,
    /// Most bytes of one request that hands objects in.
    pub upload_bytes: u64,
    /// Where reports are read, edited and signed.
    pub desk: Arc<Desk>,
    /// Where it is told what happens.
    pub events: Events,
    /// What is done of itself with studies that are complete.
    pub rules: Arc<Rules>,
    /// How long what was deleted is kept.
    pub bin: Duration,
    /// Who looks at what together, and who has which report open.
    pub live: Arc<Live>,
    /// Stations that studies may be sent to by DIMSE.
    pub peers: Vec<Peer>,
    /// Archives that studies may be sent to by DICOMweb.
    pub remotes: Arc<Remotes>,
    /// OHIF's viewer, where it is offered.
    pub ohif: Option<Arc<Ohif>>,
}

impl Site {
    /// The address of the service as the client calls it; the header was checked before.
    ///
    /// A client that calls without a port means ours, not port 80: dicomweb-client leaves it out of the header.
    pub(crate) fn base(&self, headers: &HeaderMap) -> String {
        let port = self.address.port();
        let (scheme, usual) = if self.secure { ("https", 443) } else { ("http", 80) };
        match headers.get(header::HOST).and_then(|host| host.to_str().ok()) {
            Some(host) if split(host).1.is_some() || port == usual => format!("{scheme}://{host}/dicom-web"),
            Some(host) => format!("{scheme}://{host}:{port}/dicom-web"),
            None => format!("{scheme}://{}/dicom-web", self.address),
        }
    }

    /// Whether a request may call us so. A page from elsewhere whose name was made to point here may not.
    fn is_our_name(&self, host: &str) -> bool {
        let name = split(host).0;
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost")
            || bare.parse::<IpAddr>().is_ok()
            || self.hosts.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// The name or address of a host, and its port where one is stated.
fn split(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        // The colons of a bare IPv6 address part no port.
        Some((name, port))
            if port.bytes().all(|byte| byte.is_ascii_digit())
                && (!name.contains(':') || name.ends_with(']')) =>
        {
            (name, Some(port))
        }
        _ => (host, None),
    }
}

/// Runs what waits for disks on a thread that may wait.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request's work ended early");
        Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the archive failed; its log says why"))
    })
}

pub(crate) fn router(site: Arc<Site>) -> Router {
    let work = Router::new()
        .route("/workitems", get(ups::search).post(ups::make))
        .route("/workitems/{uid}", get(ups::one).post(ups::update))
        .route("/workitems/{uid}/state", put(ups::state))
        .route("/workitems/{uid}/cancelrequest", post(ups::cancel));
    let web = Router::new()
        .merge(work)
        .route("/studies", get(qido::studies).post(stow::anywhere))
        .route("/series", get(qido::series))
        .route("/instances", get(qido::instances))
        .route("/studies/{study}", get(wado::study).post(stow::into_study))
        .route("/studies/{study}/series", get(qido::series_of_study))
        .route("/studies/{study}/instances", get(qido::instances_of_study))
        .route("/studies/{study}/{what}", get(wado::of_study))
        .route("/studies/{study}/series/{series}", get(wado::series))
        .route("/studies/{study}/series/{series}/instances", get(qido::instances_of_series))
        .route("/studies/{study}/series/{series}/{what}", get(wado::of_series))
        .route("/studies/{study}/series/{series}/instances/{instance}", get(wado::instance))
        .route("/studies/{study}/series/{series}/instances/{instance}/{what}", get(wado::of_instance))
        .route("/studies/{study}/series/{series}/instances/{instance}/frames/{list}", get(wado::frames))
        .route(
            "/studies/{study}/series/{series}/instances/{instance}/frames/{list}/{what}",
            get(wado::of_frames),
        )
        .route("/studies/{study}/series/{series}/instances/{instance}/bulkdata/{*path}", get(wado::bulkdata));
    // Whatever is not public goes through the guard, which refuses what has no row in the table of permissions.
    let guarded = Router::new()
        .route("/plain", get(page::studies))
        .route("/study/{uid}", get(page::study))
        .route("/dicom-web/", post(nowhere))
        .nest("/dicom-web", web)
        .route("/fhir/Patient", get(fhir::patients))
        .route("/fhir/Patient/{id}", get(fhir::one_patient))
        .route("/fhir/ImagingStudy", get(fhir::studies))
        .route("/fhir/ImagingStudy/{uid}", get(fhir::one_study))
        .route("/fhir/AuditEvent", get(fhir::audit))
        .route("/fhir/DiagnosticReport", get(fhir::report::search))
        .route("/fhir/DiagnosticReport/{id}", get(fhir::report::one))
        .route("/fhir/Observation", get(fhir::report::observations))
        .route("/fhir/Observation/{id}", get(fhir::report::observation))
        .merge(desk::routes(&site))
        .merge(consult::routes())
        .merge(jobs::routes())
        .merge(annotate::routes());
    // The built page is the same for everybody and asks for sign-in itself; the plain one shows studies.
    let (guarded, front) = if built::is_there() {
        let page = Router::new().route("/", get(built::index)).route("/assets/{*name}", get(built::asset));
        (guarded, page)
    } else {
        (guarded.route("/", get(page::studies)), Router::new())
    };
    let guarded = guarded.route_layer(from_fn_with_state(Arc::clone(&site), guard::guard));
    Router::new()
        .merge(guarded)
        .merge(public())
        .merge(front)
        .fallback(nowhere)
        .layer(from_fn_with_state(Arc::clone(&site), heads))
        .with_state(site)
}

/// What is answered without sign-in: signing in, whether the archive is well, and files that are the same for everybody.
fn public() -> Router<Arc<Site>> {
    let session = get(session::me).post(session::begin).delete(session::end);
    Router::new()
        .route("/health", get(health))
        .route("/fhir/metadata", get(fhir::metadata))
        .route("/api/openapi.json", get(openapi))
        .route("/ohif", get(ohif::index))
        .route("/ohif/", get(ohif::index))
        .route("/ohif/{*path}", get(ohif::below))
        .route("/sign-in", get(session::form).post(session::sent))
        .route("/api/session", session)
        .route("/api/session/password", put(session::password))
        .route("/api/emergency", post(session::emergency))
        .route("/api/guest", post(consult::open_link))
}

async fn nowhere() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this address")
}

/// The description of what is asked and answered here, as it is committed.
const OPENAPI: &str = include_str!("../data/openapi.json");

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

/// Whether the archive answers; how much it holds, where anyone may know.
async fn health(State(site): State<Arc<Site>>) -> Result<Response, Refusal> {
    let is_open = site.sign_in.is_none();
    let count = blocking(move || Ok(site.store.count()?)).await?;
    let mut body = serde_json::json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") });
    if is_open {
        body["studies"] = count.studies.into();
        body["series"] = count.series.into();
        body["instances"] = count.instances.into();
        body["bytes"] = count.bytes.into();
    }
    Ok(([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response())
}

/// Before and behind every request: the name it calls, and heads that keep answers where they belong. A head that an answer
/// has already stays: the page of its own knows what it loads.
async fn heads(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or("?"));
    if let Some(host) = host
        && !site.is_our_name(host)
    {
        let detail = "the request calls this machine by a name that is not listed in server.hosts";
        return Refusal::new(StatusCode::MISDIRECTED_REQUEST, detail).into_response();
    }
    let mut response = next.run(request).await;
    let heads = response.headers_mut();
    let speaks_for_itself = heads.contains_key(header::CONTENT_SECURITY_POLICY);
    let mut set = |name, value| {
        heads.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::REFERRER_POLICY, "no-referrer");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    // The built page says for itself what it may do and how long it may be kept.
    if !speaks_for_itself {
        set(header::CACHE_CONTROL, "private, no-store");
        set(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        );
    }
    if site.secure {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_a_port_or_none() {
        assert_eq!(split("localhost:8090"), ("localhost", Some("8090")));
        assert_eq!(split("localhost"), ("localhost", None));
        assert_eq!(split("[::1]:8090"), ("[::1]", Some("8090")));
        assert_eq!(split("[::1]"), ("[::1]", None));
        assert_eq!(split("::1"), ("::1", None));
    }
}
