//! Before every request that is not public: who asks, whether that may be done, and the entry in the audit log.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::Utc;
use dicom_dictionary_std::tags;
use wilhelm_privacy::account::{
    AccountError, LinkPurpose, Permission, Principal, Refusal as Denied, Target, Via,
};
use wilhelm_privacy::audit::{Action, Actor, Event, Object, ObjectKind, Outcome, Reference};
use wilhelm_store::{Level, Query, Store};

use super::consult::{Guest, without_patient};
use super::permission::{Wanted, is_uid, names_uids, wanted};
use super::{Refusal, Site, blocking};
use crate::ledger::Ledger;
use crate::sign_in::Credential;

/// The cookie that holds a session's secret.
pub(crate) const COOKIE: &str = "wilhelm_session";

/// Studies that a request touched beside the one in its path, for the audit log.
#[derive(Clone, Debug)]
pub(crate) struct Touched(pub Vec<String>);

/// Who asks, for handlers that write down by whom something was done; nobody where anyone may.
#[derive(Clone, Debug, Default)]
pub(crate) struct Who {
    pub principal: Option<Principal>,
    /// Of a guest: the consultation that the principal is held to.
    pub guest: Option<Arc<Guest>>,
}

/// What an answer adds to its entry in the audit log; never a value of a patient.
#[derive(Clone, Debug)]
pub(crate) struct Details(pub Vec<(&'static str, String)>);

/// Where a request comes from.
pub(crate) fn origin(request: &Request) -> IpAddr {
    let from = request.extensions().get::<ConnectInfo<SocketAddr>>();
    from.map_or(Ipv4Addr::UNSPECIFIED.into(), |from| from.0.ip())
}

/// What a request shows to say who it is: a token before a cookie.
pub(crate) fn credential(headers: &HeaderMap) -> Option<Credential> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some((scheme, secret)) = bearer.and_then(|text| text.split_once(' '))
        && scheme.eq_ignore_ascii_case("bearer")
    {
        return Some(Credential::Token(secret.trim().to_owned()));
    }
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, secret)| match LinkPurpose::GuestSession.begins(secret) {
            true => Credential::Guest(secret.to_owned()),
            false => Credential::Session(secret.to_owned()),
        })
}

/// Whether a browser says that a request comes from a page of ours; `None` where nothing says where it comes from.
///
/// # Source
/// W3C Fetch Metadata Request Headers; RFC 6454 Section 7
pub(crate) fn is_from_us(headers: &HeaderMap) -> Option<bool> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if let Some(site) = text("sec-fetch-site") {
        return Some(matches!(site, "same-origin" | "none"));
    }
    let origin = text("origin")?;
    let host = origin.split_once("://").map(|(_, host)| host);
    Some(host.is_some() && host == text("host"))
}

/// Why nobody is let in.
pub(crate) fn unknown(detail: impl Into<String>) -> Response {
    let mut response = Refusal::new(StatusCode::UNAUTHORIZED, detail).into_response();
    let challenge = HeaderValue::from_static("Bearer realm=\"wilhelm\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// What an error of accounts is answered with.
pub(crate) fn of_account(error: &AccountError) -> Refusal {
    let status = match error {
        AccountError::Unknown | AccountError::SignIn => StatusCode::UNAUTHORIZED,
        AccountError::Locked { .. } => StatusCode::TOO_MANY_REQUESTS,
        AccountError::NoEmergency => StatusCode::FORBIDDEN,
        error if error.is_callers_fault() && !is_of_the_file(error) => StatusCode::UNPROCESSABLE_ENTITY,
        error => {
            // What the system says may name files: it is for the log alone.
            tracing::error!(%error, "the accounts cannot be used");
            let detail = "the accounts cannot be used; the archive's log says why";
            return Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, detail);
        }
    };
    Refusal::new(status, error.to_string())
}

const fn is_of_the_file(error: &AccountError) -> bool {
    matches!(error, AccountError::Content { .. } | AccountError::Open { .. })
}

/// What an audit log that takes nothing is answered with: what cannot be written down is not done.
pub(crate) fn unwritten(error: &dyn std::error::Error) -> Refusal {
    tracing::error!(%error, "the audit log takes no entry");
    let detail =
        "the audit log takes no entry, and what is not written down is not done: the archive's log says why";
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, detail)
}

/// The patient of a study, as the audit log calls it; `None` where there is no such study, or it says no Patient ID: studies
/// without one do not belong to one patient.
pub(crate) fn patient(store: &Store, ledger: &Ledger, study: &str) -> Option<Reference> {
    if !is_uid(study) {
        return None;
    }
    let query = Query { limit: Some(1), ..Query::new(Level::Study) }.with(tags::STUDY_INSTANCE_UID, study);
    let answers = store.query(&query).ok()?;
    let answer = answers.first()?;
    of_identifier(ledger, answer.text(tags::PATIENT_ID), answer.text(tags::ISSUER_OF_PATIENT_ID))
}

/// A patient as the audit log calls them: by the number, and by its issuer where one is stated.
pub(crate) fn of_identifier(ledger: &Ledger, id: &str, issuer: &str) -> Option<Reference> {
    let identifier = if issuer.is_empty() { id.to_owned() } else { format!("{id}\n{issuer}") };
    (!id.is_empty()).then(|| ledger.reference(ObjectKind::Patient, &identifier))
}

/// Whoever asks, as the audit log names it.
pub(crate) fn actor(principal: Option<&Principal>, from: IpAddr) -> Actor {
    let actor = principal.map_or_else(|| Actor::peer("anyone"), Principal::actor);
    actor.from(from.to_string())
}

/// Who asks; `None` where anyone may. A guest is a principal without any permission.
pub(crate) fn who(site: &Site, headers: &HeaderMap) -> Result<Option<Principal>, AccountError> {
    asking(site, headers).map(|who| who.principal)
}

/// Who asks, a guest with the consultation.
pub(crate) fn asking(site: &Site, headers: &HeaderMap) -> Result<Who, AccountError> {
    let Some(sign_in) = &site.sign_in else { return Ok(Who::default()) };
    let credential = credential(headers).ok_or(AccountError::Unknown)?;
    if let Credential::Guest(secret) = &credential {
        let guest = Guest::of_secret(site, secret)?;
        return Ok(Who { principal: Some(guest.principal()?), guest: Some(Arc::new(guest)) });
    }
    let principal = sign_in.principal(&credential, Utc::now())?;
    Ok(Who { principal: Some(principal), guest: None })
}

/// The study of a report or a consultation that a request names.
fn placed(site: &Site, mut wanted: Wanted) -> Wanted {
    if let (None, Some(consultation)) = (&wanted.study, &wanted.consultation) {
        wanted.study = site.store.consultations().find(consultation).ok().map(|found| found.study_uid);
    }
    if let (None, Some(report)) = (&wanted.study, &wanted.report) {
        wanted.study = site.store.reports().find(report).ok().map(|row| row.study_uid);
    }
    wanted
}

/// Whether somebody may do something to a study, or to what is of no study.
fn allowed_to(
    site: &Site,
    principal: &Principal,
    permission: Permission,
    study: Option<&str>,
) -> Result<(), Denied> {
    let now = Utc::now();
    let whole = principal.may(permission, &Target::default(), now);
    // An account that is not for all patients, or an emergency: the study's own patient decides.
    match (whole, study, &site.ledger) {
        (Err(denied), Some(study), Some(ledger)) if denied != Denied::PasswordChange => {
            let patient = patient(&site.store, ledger, study);
            principal.may(permission, &Target { projects: &[], patient: patient.as_ref() }, now)
        }
        (outcome, ..) => outcome,
    }
}

/// Whether what is wanted may be done.
pub(super) fn allowed(site: &Site, principal: &Principal, wanted: &Wanted) -> Result<(), Denied> {
    match allowed_to(site, principal, wanted.permission, wanted.study.as_deref()) {
        Err(Denied::Access) if wanted.is_own => Ok(()),
        outcome => outcome,
    }
}

/// As the guard asks, for handlers that look at each study themselves.
pub(crate) fn may(
    site: &Site,
    who: &Who,
    permission: Permission,
    study: Option<&str>,
) -> Result<(), Refusal> {
    let Some(principal) = &who.principal else { return Ok(()) };
    allowed_to(site, principal, permission, study).map_err(denied)
}

/// A refusal, in words that help.
pub(super) fn denied(denied: Denied) -> Refusal {
    let detail = match denied {
        Denied::PasswordChange => {
            "the password has to be changed first: PUT /api/session/password, or `wilhelm users password NAME`".to_owned()
        }
        Denied::Access => {
            "the account has no access to this: searches want access to all (`wilhelm users role NAME --access --all`), a study its patient".to_owned()
        }
        other => other.to_string(),
    };
    Refusal::new(StatusCode::FORBIDDEN, detail)
}

/// The middleware.
pub(crate) async fn guard(State(site): State<Arc<Site>>, mut request: Request, next: Next) -> Response {
    let from = origin(&request);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let Some(wanted) = wanted(&method, &path) else {
        return Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "nothing is done here by that method")
            .into_response();
    };
    if !names_uids(&path) {
        return Refusal::bad("a study, series or instance in this address is not named by a UID")
            .into_response();
    }
    let headers = request.headers().clone();
    let reads = matches!(method, Method::GET | Method::HEAD);
    // A page from elsewhere can send a cookie, and what an open archive takes from all; it can send no token.
    let is_foreign = match credential(&headers) {
        Some(Credential::Token(_)) => false,
        Some(Credential::Session(_) | Credential::Guest(_)) => is_from_us(&headers) != Some(true),
        None => is_from_us(&headers) == Some(false),
    };
    if !reads && is_foreign {
        let detail = "what is changed from a page or with a cookie has to come from a page of this archive; other programs use Authorization: Bearer";
        return Refusal::new(StatusCode::FORBIDDEN, detail).into_response();
    }
    let known = {
        let (site, headers, wanted) = (Arc::clone(&site), headers.clone(), wanted.clone());
        let (method, uri) = (method.clone(), request.uri().clone());
        let asked = move || {
            let who = asking(&site, &headers).map_err(|error| of_account(&error))?;
            let wanted = placed(&site, wanted);
            let may = match (&who.guest, &who.principal) {
                (Some(guest), _) => guest.may(&site, &method, &uri, wanted.permission),
                (None, Some(principal)) => allowed(&site, principal, &wanted),
                (None, None) => Ok(()),
            };
            Ok((who, wanted, may))
        };
        blocking(asked).await
    };
    let (asker, wanted, may) = match known {
        Ok(known) => known,
        Err(refusal) if refusal.status == StatusCode::UNAUTHORIZED => {
            let is_page = headers
                .get(header::ACCEPT)
                .is_some_and(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")));
            if reads && is_page && !path.starts_with("/dicom-web") {
                return Redirect::to("/sign-in").into_response();
            }
            return unknown(refusal.detail);
        }
        Err(refusal) => return refusal.into_response(),
    };
    let who = actor(asker.principal.as_ref(), from);
    let guest = asker.guest.clone();
    request.extensions_mut().insert(asker);
    let (mut response, action) = match may {
        Ok(()) => {
            let response = next.run(request).await;
            let response = match guest.filter(|guest| guest.consultation.hides_patient) {
                Some(_) => without_patient(&path, response).await,
                None => response,
            };
            (response, wanted.action)
        }
        Err(reason) => (denied(reason).into_response(), Action::AccessRefused),
    };
    let outcome = match response.status() {
        status if status.is_server_error() => Outcome::Failed,
        status if status.is_client_error() => Outcome::Refused,
        _ => Outcome::Done,
    };
    let touched = response.extensions_mut().remove::<Touched>();
    let studies = match (wanted.study, touched) {
        (_, Some(touched)) => touched.0,
        (Some(study), None) => vec![study],
        (None, None) => Vec::new(),
    };
    let details = response.extensions_mut().remove::<Details>().map(|details| details.0).unwrap_or_default();
    let (patient, report, permission) = (wanted.patient, wanted.report, wanted.permission);
    let about = About { studies, patient, report, details, permission };
    match noted(site, who, action, outcome, about).await {
        Ok(()) => response,
        Err(refusal) => refusal.into_response(),
    }
}

/// What a request was about.
struct About {
    studies: Vec<String>,
    /// Logical id of a patient.
    patient: Option<String>,
    /// Name of a report of one of the studies.
    report: Option<String>,
    details: Vec<(&'static str, String)>,
    permission: Permission,
}

/// Writes what was done into the audit log, before anything of the answer's body is sent.
async fn noted(
    site: Arc<Site>,
    who: Actor,
    action: Action,
    outcome: Outcome,
    about: About,
) -> Result<(), Refusal> {
    let Some(ledger) = site.ledger.clone() else { return Ok(()) };
    blocking(move || {
        let now = Utc::now();
        let event = |object| {
            let event = Event::new(who.clone(), action, object, outcome);
            let event =
                about.details.iter().fold(event, |event, (name, value)| event.with(*name, value.clone()));
            if action == Action::AccessRefused {
                event.with("wanted", about.permission.name())
            } else {
                event
            }
        };
        if let Some(patient) = about.patient.as_deref().and_then(super::fhir::of_id) {
            let reference = of_identifier(&ledger, &patient.0, &patient.1);
            let object =
                Object { kind: ObjectKind::Patient, reference: reference.clone(), patient: reference };
            return ledger.note(event(object), || None, now).map_err(|error| unwritten(&error));
        }
        if about.studies.is_empty() {
            let kind =
                if about.permission == Permission::AuditSee { ObjectKind::Log } else { ObjectKind::Study };
            return ledger.note(event(Object::whole(kind)), || None, now).map_err(|error| unwritten(&error));
        }
        if let (Some(report), [study]) = (&about.report, about.studies.as_slice()) {
            let reference = ledger.reference(ObjectKind::Report, report);
            let object = Object::new(ObjectKind::Report, reference);
            let of = || patient(&site.store, &ledger, study);
            return ledger.note(event(object), of, now).map_err(|error| unwritten(&error));
        }
        for study in &about.studies {
            let of = || patient(&site.store, &ledger, study);
            ledger.note(event(ledger.study(study)), of, now).map_err(|error| unwritten(&error))?;
        }
        Ok(())
    })
    .await
}

/// The session by which somebody asks; `None` for a token.
pub(crate) fn session_of(principal: &Principal) -> Option<&str> {
    match &principal.via {
        Via::Session(id) => Some(id),
        Via::Token(_) | Via::Guest(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let of = |(name, value): &(&'static str, &'static str)| {
            (axum::http::HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(of).collect()
    }

    #[test]
    fn a_token_goes_before_a_cookie_and_others_cookies_are_passed_over() {
        let both = heads(&[("authorization", "bearer abc"), ("cookie", "x=1; wilhelm_session=def; y=2")]);
        assert!(credential(&both) == Some(Credential::Token("abc".to_owned())));
        let cookie = heads(&[("cookie", "x=1; wilhelm_session=def; y=2")]);
        assert!(credential(&cookie) == Some(Credential::Session("def".to_owned())));
        assert!(
            credential(&heads(&[("cookie", "xwilhelm_session=def"), ("authorization", "Basic abc")]))
                .is_none()
        );
    }

    #[test]
    fn pages_from_elsewhere_are_told_apart() {
        for (pairs, expected) in [
            (&[("sec-fetch-site", "same-origin")][..], Some(true)),
            (&[("sec-fetch-site", "same-site")], Some(false)),
            (&[("sec-fetch-site", "cross-site"), ("origin", "http://a:1"), ("host", "a:1")], Some(false)),
            (&[("origin", "http://127.0.0.1:8090"), ("host", "127.0.0.1:8090")], Some(true)),
            (&[("origin", "http://127.0.0.1:8091"), ("host", "127.0.0.1:8090")], Some(false)),
            (&[("origin", "null"), ("host", "127.0.0.1:8090")], Some(false)),
            (&[("host", "127.0.0.1:8090")], None),
        ] {
            assert_eq!(is_from_us(&heads(pairs)), expected, "{pairs:?}");
        }
    }
}
