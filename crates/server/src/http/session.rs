//! `/api/session`: signing in and out, who one is, another password, and a patient in an emergency.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{SecondsFormat, Utc};
use maud::html;
use serde_json::{Value, json};
use wilhelm_privacy::account::{AccountError, Principal, Role, SignedIn};
use wilhelm_privacy::audit::{Action, Actor, Event, Object, ObjectKind, Outcome};

use super::guard::{
    COOKIE, Who, actor, asking, credential, is_from_us, of_account, origin, patient, session_of, unknown,
    unwritten, who,
};
use super::parameters::parameters;
use super::{Refusal, Site, blocking, consult, page};
use crate::sign_in::{Credential, SignIn};

/// Largest body of these requests, in bytes.
const LARGEST: usize = 16 << 10;

/// One role to show, where an account has several: the one that says most of what its owner does.
const SHOWN: [Role; 5] =
    [Role::Radiologist, Role::Technologist, Role::Viewer, Role::Researcher, Role::Administrator];

fn json(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// An account as its owner sees it.
fn shown(principal: &Principal) -> Value {
    let role = SHOWN.into_iter().find(|role| principal.roles.contains(role)).map_or("", Role::name);
    let names: Vec<&str> = principal.roles.iter().map(|role| role.name()).collect();
    let permissions: Vec<&str> = principal.permissions.iter().map(|one| one.name()).collect();
    json!({
        "name": principal.user.as_str(),
        "role": role,
        "roles": names,
        "permissions": permissions,
        "must_change_password": principal.must_change,
    })
}

/// Where there is no sign-in.
fn open() -> Value {
    json!({ "name": "anyone", "role": "administrator", "roles": ["administrator"], "open": true, "must_change_password": false })
}

/// `GET /api/session`
pub(crate) async fn me(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    let ohif = site.ohif.is_some();
    let with_viewers = |mut body: Value| {
        body["ohif"] = ohif.into();
        json(StatusCode::OK, &body)
    };
    let asked = blocking(move || asking(&site, &headers).map_err(|error| of_account(&error))).await;
    match asked {
        Ok(Who { guest: Some(guest), .. }) => json(StatusCode::OK, &consult::shown(&guest)),
        Ok(Who { principal: Some(principal), .. }) => with_viewers(shown(&principal)),
        Ok(_) => with_viewers(open()),
        Err(refusal) if refusal.status == StatusCode::UNAUTHORIZED => unknown(refusal.detail),
        Err(refusal) => refusal.into_response(),
    }
}

/// The texts of a small JSON object, in the order of their names; nothing else is taken.
pub(crate) async fn texts<const N: usize>(
    headers: &HeaderMap,
    body: Body,
    names: [&'static str; N],
) -> Result<[String; N], Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body is taken as application/json",
        ));
    }
    let bytes = small(body).await?;
    let wrong = || Refusal::bad(format!("the body is no JSON object with the texts {}", names.join(" and ")));
    let value: Value = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    let mut found = names.map(|_| String::new());
    for (name, slot) in names.iter().zip(&mut found) {
        *slot = value.get(name).and_then(Value::as_str).ok_or_else(wrong)?.to_owned();
    }
    Ok(found)
}

async fn small(body: Body) -> Result<axum::body::Bytes, Refusal> {
    let refused = |_| Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is cut, or has more than 16 KiB");
    axum::body::to_bytes(body, LARGEST).await.map_err(refused)
}

/// Refuses what a page from elsewhere sends; other programs, which say nothing, may.
pub(crate) fn from_elsewhere(headers: &HeaderMap) -> Result<(), Refusal> {
    if is_from_us(headers) == Some(false) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "this is not taken from a page of another origin"));
    }
    Ok(())
}

/// Refuses what a cookie came with from anywhere but a page of ours, as the guard does.
fn from_our_page(headers: &HeaderMap) -> Result<(), Refusal> {
    if is_from_us(headers) != Some(true) {
        let detail = "what is changed with a cookie has to come from a page of this archive";
        return Err(Refusal::new(StatusCode::FORBIDDEN, detail));
    }
    Ok(())
}

/// Signs in, and writes into the log how that ended.
async fn enter(
    site: &Arc<Site>,
    from: IpAddr,
    name: String,
    password: String,
) -> Result<(SignedIn, Principal), Response> {
    let Some(sign_in) = site.sign_in.clone() else {
        let detail = "this archive is open: nobody signs in";
        return Err(Refusal::new(StatusCode::CONFLICT, detail).into_response());
    };
    if let Some(seconds) = sign_in.wait(from, Utc::now()) {
        let detail = "too many tries to sign in from this address";
        return Err(later(Refusal::new(StatusCode::TOO_MANY_REQUESTS, detail), seconds));
    }
    let hashing = Arc::clone(&sign_in);
    let Ok(_one_of_few) = hashing.hashing.acquire().await else {
        return Err(
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the archive is being closed").into_response()
        );
    };
    let site = Arc::clone(site);
    let entered = blocking(move || {
        let (known, entered) = sign_in.begin(&name, &password, Utc::now());
        // A name that is none may be a password in the wrong field: it is not written down.
        let who = known.map_or_else(|| Actor::user("unknown"), |name| Actor::user(name.as_str()));
        let outcome = match &entered {
            Ok(_) => Outcome::Done,
            Err(AccountError::SignIn | AccountError::Locked { .. }) => Outcome::Refused,
            Err(_) => Outcome::Failed,
        };
        let event = Event::new(
            who.from(from.to_string()),
            Action::SessionBegun,
            Object::whole(ObjectKind::Session),
            outcome,
        );
        if let Some(ledger) = &site.ledger {
            ledger.always(&event, Utc::now()).map_err(|error| unwritten(&error))?;
        }
        let entered = match entered {
            Ok(entered) => entered,
            Err(error) => return Ok(Err(error)),
        };
        let credential = Credential::Session(entered.secret.expose().to_owned());
        let principal = sign_in.principal(&credential, Utc::now());
        Ok(principal.map(|principal| (entered, principal)))
    })
    .await;
    match entered {
        Ok(Ok(entered)) => Ok(entered),
        Ok(Err(error)) => {
            let refusal = of_account(&error);
            Err(match error {
                AccountError::Locked { until } => later(refusal, (until - Utc::now()).num_seconds().max(1)),
                _ => refusal.into_response(),
            })
        }
        Err(refusal) => Err(refusal.into_response()),
    }
}

/// A refusal that says when to come again.
pub(crate) fn later(refusal: Refusal, seconds: i64) -> Response {
    let mut response = refusal.into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// Gives a session's secret to the browser, which shows it to no script and to no other site; `None` takes it back.
fn with_cookie(mut response: Response, site: &Site, given: Option<(&SignedIn, &SignIn)>) -> Response {
    let secure = if site.secure { "; Secure" } else { "" };
    let (secret, age) = given.map_or(("", 0), |(signed_in, sign_in)| {
        (signed_in.secret.expose(), sign_in.policy().session_seconds)
    });
    let text = format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}");
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// `POST /api/session`
pub(crate) async fn begin(State(site): State<Arc<Site>>, request: Request) -> Response {
    let from = origin(&request);
    let (parts, body) = request.into_parts();
    let given = async {
        from_elsewhere(&parts.headers)?;
        texts(&parts.headers, body, ["name", "password"]).await
    };
    let [name, password] = match given.await {
        Ok(given) => given,
        Err(refusal) => return refusal.into_response(),
    };
    match enter(&site, from, name, password).await {
        Ok((signed_in, principal)) => {
            let response = json(StatusCode::OK, &shown(&principal));
            let given = site.sign_in.as_deref().map(|sign_in| (&signed_in, sign_in));
            with_cookie(response, &site, given)
        }
        Err(response) => response,
    }
}

/// `DELETE /api/session`
pub(crate) async fn end(State(site): State<Arc<Site>>, request: Request) -> Result<Response, Refusal> {
    let from = origin(&request);
    let headers = request.headers().clone();
    if matches!(credential(&headers), Some(Credential::Token(_))) {
        return Err(Refusal::bad("a token ends by `wilhelm users token --revoke ID`, or by its date"));
    }
    if credential(&headers).is_some() {
        from_our_page(&headers)?;
    }
    let ending = Arc::clone(&site);
    blocking(move || {
        // Nobody's session is at its end already.
        let Ok(Who { principal: Some(principal), guest }) = asking(&ending, &headers) else { return Ok(()) };
        if let Some(guest) = guest {
            ending.store.consultations().leave(&guest.session, Utc::now().into())?;
        } else {
            let (Some(sign_in), Some(session)) = (&ending.sign_in, session_of(&principal)) else {
                return Ok(());
            };
            sign_in.end(session).map_err(|error| of_account(&error))?;
        }
        let event = Event::new(
            actor(Some(&principal), from),
            Action::SessionEnded,
            Object::whole(ObjectKind::Session),
            Outcome::Done,
        );
        match &ending.ledger {
            Some(ledger) => ledger.always(&event, Utc::now()).map_err(|error| unwritten(&error)),
            None => Ok(()),
        }
    })
    .await?;
    Ok(with_cookie(StatusCode::NO_CONTENT.into_response(), &site, None))
}

/// Who asks by a session's cookie, from a page of ours.
fn by_session(site: &Site, headers: &HeaderMap) -> Result<(Arc<SignIn>, Principal, String), Refusal> {
    let sign_in = site
        .sign_in
        .clone()
        .ok_or_else(|| Refusal::new(StatusCode::CONFLICT, "this archive is open: nobody signs in"))?;
    from_our_page(headers)?;
    let principal = who(site, headers).map_err(|error| of_account(&error))?;
    let session = principal.as_ref().and_then(session_of).map(str::to_owned);
    match (principal, session) {
        (Some(principal), Some(session)) => Ok((sign_in, principal, session)),
        _ => Err(Refusal::new(StatusCode::FORBIDDEN, "this wants a session, and no token")),
    }
}

/// `PUT /api/session/password`
pub(crate) async fn password(State(site): State<Arc<Site>>, request: Request) -> Result<Response, Refusal> {
    let from = origin(&request);
    let (parts, body) = request.into_parts();
    let [old, new] = texts(&parts.headers, body, ["password", "new_password"]).await?;
    if let Some(sign_in) = &site.sign_in
        && sign_in.wait(from, Utc::now()).is_some()
    {
        return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too many tries from this address"));
    }
    blocking(move || {
        let (sign_in, principal, session) = by_session(&site, &parts.headers)?;
        let set = sign_in.set_password(&principal.user, &old, &new, &session, Utc::now());
        let outcome = if set.is_ok() { Outcome::Done } else { Outcome::Refused };
        if let Some(ledger) = &site.ledger {
            let account = ledger.reference(ObjectKind::Account, principal.user.as_str());
            let object = Object::new(ObjectKind::Account, account);
            let event = Event::new(actor(Some(&principal), from), Action::PasswordSet, object, outcome);
            ledger.always(&event, Utc::now()).map_err(|error| unwritten(&error))?;
        }
        set.map_err(|error| of_account(&error))
    })
    .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /api/emergency`
pub(crate) async fn emergency(State(site): State<Arc<Site>>, request: Request) -> Result<Response, Refusal> {
    let from = origin(&request);
    let (parts, body) = request.into_parts();
    let [study, reason] = texts(&parts.headers, body, ["study", "reason"]).await?;
    let until = blocking(move || {
        let (sign_in, principal, _) = by_session(&site, &parts.headers)?;
        let unlogged = || {
            Refusal::new(StatusCode::CONFLICT, "access in an emergency wants an audit log, and there is none")
        };
        let ledger = site.ledger.as_ref().ok_or_else(unlogged)?;
        let nowhere = || {
            Refusal::new(
                StatusCode::NOT_FOUND,
                "there is no such study in the archive, or it names no patient",
            )
        };
        let patient = patient(&site.store, ledger, &study).ok_or_else(nowhere)?;
        let until = sign_in.break_glass(&principal, patient.clone(), &reason, Utc::now());
        let outcome = if until.is_ok() { Outcome::Done } else { Outcome::Refused };
        let event = Event::new(
            actor(Some(&principal), from),
            Action::AccessEmergency,
            ledger.study(&study).of(patient),
            outcome,
        );
        let event = if until.is_ok() { event.because(reason) } else { event };
        ledger.always(&event, Utc::now()).map_err(|error| unwritten(&error))?;
        until.map_err(|error| of_account(&error))
    })
    .await?;
    Ok(json(StatusCode::OK, &json!({ "until": until.to_rfc3339_opts(SecondsFormat::Secs, true) })))
}

/// `GET /sign-in`: a form without a script, for the page of studies.
pub(crate) async fn form() -> Response {
    form_with(StatusCode::OK, None)
}

fn form_with(status: StatusCode, wrong: Option<&str>) -> Response {
    let content = html! {
        h2 { "Sign in" }
        @if let Some(wrong) = wrong { p role="alert" { (wrong) } }
        form method="post" action="/sign-in" {
            label { "Name" input name="name" autocomplete="username" required; }
            label { "Password" input name="password" type="password" autocomplete="current-password" required; }
            button type="submit" { "Sign in" }
        }
        p.note { "Accounts are made with " code { "wilhelm users add" } "." }
    };
    let mut response = page::page("Sign in", &content);
    *response.status_mut() = status;
    response
}

/// `POST /sign-in`: as the form sends it.
pub(crate) async fn sent(State(site): State<Arc<Site>>, request: Request) -> Response {
    let from = origin(&request);
    let (parts, body) = request.into_parts();
    if let Err(refusal) = from_elsewhere(&parts.headers) {
        return refusal.into_response();
    }
    let bytes = match small(body).await {
        Ok(bytes) => bytes,
        Err(refusal) => return refusal.into_response(),
    };
    let text = String::from_utf8_lossy(&bytes).replace('+', "%20");
    let given = parameters(Some(&text));
    let value = |key: &str| {
        given.iter().find(|(name, _)| name == key).map_or_else(String::new, |(_, text)| text.clone())
    };
    match enter(&site, from, value("name"), value("password")).await {
        Ok((signed_in, _)) => {
            let given = site.sign_in.as_deref().map(|sign_in| (&signed_in, sign_in));
            with_cookie(Redirect::to("/").into_response(), &site, given)
        }
        Err(response) => {
            let wrong = match response.status() {
                StatusCode::UNAUTHORIZED => "Name or password is wrong, or the account is closed.",
                StatusCode::TOO_MANY_REQUESTS => "Too many tries: wait a while.",
                StatusCode::CONFLICT => "This archive is open: nobody signs in.",
                _ => "It failed: the archive's log says why.",
            };
            form_with(response.status(), Some(wrong))
        }
    }
}
