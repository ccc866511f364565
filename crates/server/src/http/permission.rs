//! What a request wants, by its method and path: the one table of permissions. What stands in no row is refused.

use axum::http::Method;
use wilhelm_privacy::account::Permission;
use wilhelm_privacy::audit::Action;
use wilhelm_study::StudyInstanceUid;

/// What a request wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// What the account has to be allowed.
    pub permission: Permission,
    /// What stands in the audit log.
    pub action: Action,
    /// The study in the path.
    pub study: Option<String>,
    /// The logical id of the patient in the path.
    pub patient: Option<String>,
    /// The name of the report in the path.
    pub report: Option<String>,
    /// The name of the consultation in the path.
    pub consultation: Option<String>,
    /// Whether its handler shows and does only what the account may see and do.
    pub is_own: bool,
}

/// What a request wants; `None` where the table has no row.
pub(crate) fn wanted(method: &Method, path: &str) -> Option<Wanted> {
    let row = |permission, action| {
        let (study, patient, report) = (study(path), patient(path), report(path));
        let (consultation, is_own) = (consultation(path), is_own(path));
        Some(Wanted { permission, action, study, patient, report, consultation, is_own })
    };
    let reads = matches!(*method, Method::GET | Method::HEAD);
    if path == "/dicom-web/workitems" || path.starts_with("/dicom-web/workitems/") {
        let makes = path == "/dicom-web/workitems";
        return match *method {
            Method::GET | Method::HEAD => row(Permission::StudySee, Action::Queried),
            Method::POST if makes => row(Permission::StudyAdd, Action::OrderMade),
            Method::POST if path.ends_with("/cancelrequest") => {
                row(Permission::StudyAdd, Action::OrderCanceled)
            }
            Method::POST => row(Permission::StudyAdd, Action::OrderChanged),
            Method::PUT if path.ends_with("/state") => row(Permission::StudyAdd, Action::OrderChanged),
            _ => None,
        };
    }
    let mut segments = path.split('/').skip(1);
    match (segments.next()?, segments.last()) {
        ("dicom-web", _) if *method == Method::POST => row(Permission::StudyAdd, Action::StudyReceived),
        ("dicom-web", Some("studies" | "series" | "instances")) if reads => {
            row(Permission::StudySee, Action::Queried)
        }
        ("dicom-web" | "study", Some(_)) if reads => row(Permission::StudySee, Action::StudySeen),
        ("" | "plain", None) if reads => row(Permission::StudySee, Action::Queried),
        ("api", _) => desk(method, path)
            .or_else(|| jobs(method, path))
            .or_else(|| annotations(method, path))
            .or_else(|| consult(method, path))
            .and_then(|(permission, action)| row(permission, action)),
        ("fhir", Some("DiagnosticReport" | "Observation")) if reads => {
            row(Permission::ReportSee, Action::Queried)
        }
        ("fhir", Some(_)) if reads && report(path).is_some() => {
            row(Permission::ReportSee, Action::ReportSeen)
        }
        ("fhir", Some("AuditEvent")) if reads => row(Permission::AuditSee, Action::Queried),
        ("fhir", Some("Patient" | "ImagingStudy")) if reads => row(Permission::StudySee, Action::Queried),
        ("fhir", Some(_)) if reads => row(Permission::StudySee, Action::StudySeen),
        _ => None,
    }
}

/// What the report desk's requests want.
fn desk(method: &Method, path: &str) -> Option<(Permission, Action)> {
    let parts: Vec<&str> = path.strip_prefix("/api/")?.split('/').collect();
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    match (method.as_str(), parts.as_slice()) {
        ("GET", ["worklist"] | ["decisions", "summary"] | ["macros"] | ["templates"]) => {
            Some((Permission::ReportSee, Action::Queried))
        }
        ("PUT", ["macros"]) => Some((Permission::ReportDraft, Action::SettingChanged)),
        ("POST", ["studies", _, "read"]) => Some((Permission::ReportDraft, Action::ReportDrafted)),
        ("GET", ["reports", _, "forms", _]) => Some((Permission::ReportSee, Action::ReportExported)),
        ("GET", ["studies", _, "reports"] | ["reports", _, ..]) => {
            Some((Permission::ReportSee, Action::ReportSeen))
        }
        ("POST", ["reports", _, "check"]) => Some((Permission::ReportDraft, Action::ReportSeen)),
        ("POST", ["reports", _, "decisions"]) => Some((Permission::FindingDecide, Action::FindingDecided)),
        ("POST", ["reports", _, "edits"]) => Some((Permission::ReportDraft, Action::ReportAmended)),
        ("POST", ["reports", _, "sign"]) => Some((Permission::ReportSign, Action::ReportSigned)),
        ("POST", ["reports", _, "addendum"]) => Some((Permission::ReportSign, Action::ReportAdded)),
        _ => None,
    }
}

/// What requests about jobs, rules, events and the bin want; of jobs, their handlers ask for what their kind wants beside.
fn jobs(method: &Method, path: &str) -> Option<(Permission, Action)> {
    let parts: Vec<&str> = path.strip_prefix("/api/")?.split('/').collect();
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    match (method.as_str(), parts.as_slice()) {
        ("GET", ["jobs"] | ["jobs", _] | ["events"] | ["rules"]) | ("POST", ["rules", "dry-run"]) => {
            Some((Permission::StudySee, Action::Queried))
        }
        ("POST", ["jobs", _, "cancel"]) => Some((Permission::StudySee, Action::JobCancelled)),
        ("POST", ["jobs", _, "retry"]) => Some((Permission::StudySee, Action::JobRetried)),
        ("DELETE", ["studies", _]) => Some((Permission::StudyDelete, Action::StudyDeleted)),
        ("GET", ["bin"]) => Some((Permission::StudyDelete, Action::Queried)),
        ("POST", ["bin", _, "restore"]) => Some((Permission::StudyDelete, Action::StudyChanged)),
        _ => None,
    }
}

/// What requests about annotation want; whose part in a project it is, their handlers ask.
fn annotations(method: &Method, path: &str) -> Option<(Permission, Action)> {
    let parts: Vec<&str> = path.strip_prefix("/api/")?.split('/').collect();
    let ["annotations", parts @ ..] = parts.as_slice() else { return None };
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    match (method.as_str(), parts) {
        ("GET", []) => Some((Permission::AnnotationSee, Action::Queried)),
        ("POST", []) | ("POST", [_, "items" | "state"]) | ("PUT", [_, "order"]) => {
            Some((Permission::AnnotationManage, Action::AnnotationChanged))
        }
        ("GET", [_, "training-set" | "unlabeled-images"]) => {
            Some((Permission::StudyExportDeidentified, Action::AnnotationExported))
        }
        ("GET", [_, ..]) => Some((Permission::AnnotationSee, Action::AnnotationSeen)),
        ("POST", [_, "items", _, "start" | "answer"]) => {
            Some((Permission::AnnotationMake, Action::AnnotationMade))
        }
        ("POST", [_, "items", _, "final"]) => Some((Permission::AnnotationMake, Action::AnnotationDecided)),
        _ => None,
    }
}

/// What requests about consultations want of an account; what a guest may, the consultation says.
fn consult(method: &Method, path: &str) -> Option<(Permission, Action)> {
    let parts: Vec<&str> = path.strip_prefix("/api/")?.split('/').collect();
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    match (method.as_str(), parts.as_slice()) {
        ("POST", ["studies", _, "consultations"]) => Some((Permission::Consult, Action::ConsultationMade)),
        ("GET", ["consultations"] | ["studies", _, "consultations"]) => {
            Some((Permission::StudySee, Action::Queried))
        }
        ("GET", ["studies", _, "opinions"]) => Some((Permission::ReportSee, Action::ReportSeen)),
        ("GET", ["consultations", _] | ["consultations", _, "events"])
        | ("POST", ["consultations", _, "presence"]) => {
            Some((Permission::StudySee, Action::ConsultationSeen))
        }
        ("POST", ["consultations", _, "notes"]) => Some((Permission::StudySee, Action::ConsultationNoted)),
        ("POST", ["consultations", _, "opinions"]) => Some((Permission::ReportSign, Action::OpinionGiven)),
        ("POST", ["consultations", _, "revoke"]) => Some((Permission::Consult, Action::ConsultationRevoked)),
        ("GET", ["destinations"]) => Some((Permission::StudySend, Action::Queried)),
        ("POST", ["studies", _, "send"]) => Some((Permission::StudySend, Action::JobMade)),
        ("PUT" | "DELETE", ["reports", _, "open"]) => Some((Permission::ReportSee, Action::ReportSeen)),
        _ => None,
    }
}

/// Requests whose handlers look at each study themselves, so that accounts of some patients have their part.
fn is_own(path: &str) -> bool {
    if matches!(path, "/api/consultations" | "/api/destinations") {
        return true;
    }
    ["/api/jobs", "/api/events", "/api/rules", "/api/macros", "/api/templates", "/api/annotations"]
        .iter()
        .any(|own| path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// A UID as it is written and not otherwise: no padding, no list, no wildcard, which searches would take it for.
pub(crate) fn is_uid(text: &str) -> bool {
    StudyInstanceUid::new(text).is_ok_and(|uid| uid.as_str() == text)
}

/// Whether all studies, series and instances in a path are named by UIDs; FHIR's handlers look at theirs, and answer in its words.
pub(crate) fn names_uids(path: &str) -> bool {
    let segments: Vec<&str> = path.split('/').collect();
    segments.windows(2).all(|pair| {
        let names = matches!(pair[0], "studies" | "study" | "series" | "instances" | "bin" | "workitems");
        !names || is_uid(&super::parameters::decoded(pair[1]))
    })
}

/// The study that a path names, percent-decoded as routes see it.
fn study(path: &str) -> Option<String> {
    let mut segments = path
        .split('/')
        .skip_while(|segment| !matches!(*segment, "studies" | "study" | "ImagingStudy" | "bin"));
    segments.next()?;
    segments.next().filter(|uid| !uid.is_empty()).map(super::parameters::decoded)
}

/// The report that a path names; an observation's name begins with its report's.
fn report(path: &str) -> Option<String> {
    let places = ["/api/reports/", "/fhir/DiagnosticReport/", "/fhir/Observation/"];
    let rest = places.into_iter().find_map(|place| path.strip_prefix(place))?;
    let name = super::parameters::decoded(rest.split('/').next()?);
    Some(name.split('-').next().unwrap_or_default().to_owned())
}

/// The consultation that a path names.
fn consultation(path: &str) -> Option<String> {
    let rest = path.strip_prefix("/api/consultations/")?;
    rest.split('/').next().map(super::parameters::decoded)
}

fn patient(path: &str) -> Option<String> {
    path.strip_prefix("/fhir/Patient/").map(super::parameters::decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_a_wildcard_and_padding_name_no_study() {
        for path in [
            "/dicom-web/studies",
            "/dicom-web/studies/1.2/series/3/instances/4/metadata",
            "/study/1%2E2",
            "/",
        ] {
            assert!(names_uids(path), "{path}");
        }
        for path in [
            "/dicom-web/studies/1,2/series",
            "/dicom-web/studies/*/series",
            "/dicom-web/studies/%20/series",
            "/study/1.2%20",
            "/dicom-web/studies/1%5C2/instances",
            "/dicom-web/studies/1.2/series/*/instances",
            "/dicom-web/studies//series",
        ] {
            assert!(!names_uids(path), "{path}");
        }
    }

    #[test]
    fn every_kind_of_request_has_its_row_and_no_other_is_answered() {
        let get = |path: &str| wanted(&Method::GET, path);
        for (path, action, expected) in [
            ("/dicom-web/studies", Action::Queried, None),
            ("/dicom-web/studies/1.2", Action::StudySeen, Some("1.2")),
            ("/dicom-web/studies/1%2E2/series", Action::Queried, Some("1.2")),
            ("/dicom-web/studies/1.2/series/3/instances/4/frames/1/rendered", Action::StudySeen, Some("1.2")),
            ("/study/1.2", Action::StudySeen, Some("1.2")),
            ("/", Action::Queried, None),
            ("/plain", Action::Queried, None),
            ("/fhir/ImagingStudy", Action::Queried, None),
            ("/fhir/ImagingStudy/1.2", Action::StudySeen, Some("1.2")),
        ] {
            let found = get(path).expect("a row");
            assert_eq!((found.permission, found.action), (Permission::StudySee, action), "{path}");
            assert_eq!(found.study.as_deref(), expected, "{path}");
        }
        let added = wanted(&Method::POST, "/dicom-web/studies/1.2").expect("a row");
        assert_eq!((added.permission, added.study.as_deref()), (Permission::StudyAdd, Some("1.2")));
        assert_eq!(get("/fhir/AuditEvent").expect("a row").permission, Permission::AuditSee);
        for (method, path, permission, study, report) in [
            (Method::GET, "/api/worklist", Permission::ReportSee, None, None),
            (Method::HEAD, "/api/reports/ab1", Permission::ReportSee, None, Some("ab1")),
            (Method::GET, "/api/reports/ab1/pictures/0", Permission::ReportSee, None, Some("ab1")),
            (Method::POST, "/api/reports/ab1/edits", Permission::ReportDraft, None, Some("ab1")),
            (Method::POST, "/api/reports/ab1/sign", Permission::ReportSign, None, Some("ab1")),
            (Method::POST, "/api/reports/ab1/decisions", Permission::FindingDecide, None, Some("ab1")),
            (Method::POST, "/api/studies/1.2/read", Permission::ReportDraft, Some("1.2"), None),
            (Method::GET, "/fhir/DiagnosticReport", Permission::ReportSee, None, None),
            (Method::GET, "/fhir/Observation/ab1-F1", Permission::ReportSee, None, Some("ab1")),
        ] {
            let found = wanted(&method, path).expect("a row");
            assert_eq!(found.permission, permission, "{path}");
            assert_eq!((found.study.as_deref(), found.report.as_deref()), (study, report), "{path}");
        }
        for (method, path) in [
            (Method::DELETE, "/api/reports/ab1"),
            (Method::POST, "/api/reports/ab1"),
            (Method::PUT, "/api/reports/ab1/sign"),
        ] {
            assert_eq!(wanted(&method, path), None, "{method} {path}");
        }
        for (method, path, permission, study, is_own) in [
            (Method::GET, "/api/jobs", Permission::StudySee, None, true),
            (Method::POST, "/api/jobs/7/cancel", Permission::StudySee, None, true),
            (Method::GET, "/api/events", Permission::StudySee, None, true),
            (Method::POST, "/api/rules/dry-run", Permission::StudySee, None, true),
            (Method::DELETE, "/api/studies/1.2", Permission::StudyDelete, Some("1.2"), false),
            (Method::GET, "/api/bin", Permission::StudyDelete, None, false),
            (Method::GET, "/api/annotations", Permission::AnnotationSee, None, true),
            (Method::POST, "/api/annotations", Permission::AnnotationManage, None, true),
            (Method::PUT, "/api/annotations/ab/order", Permission::AnnotationManage, None, true),
            (
                Method::GET,
                "/api/annotations/ab/items/3/images/1/frames/1",
                Permission::AnnotationSee,
                None,
                true,
            ),
            (Method::POST, "/api/annotations/ab/items/3/answer", Permission::AnnotationMake, None, true),
            (
                Method::GET,
                "/api/annotations/ab/training-set",
                Permission::StudyExportDeidentified,
                None,
                true,
            ),
            (Method::POST, "/api/bin/1.2/restore", Permission::StudyDelete, Some("1.2"), false),
        ] {
            let found = wanted(&method, path).expect("a row");
            assert_eq!((found.permission, found.is_own), (permission, is_own), "{path}");
            assert_eq!(found.study.as_deref(), study, "{path}");
        }
        for (method, path) in [
            (Method::DELETE, "/api/jobs/7"),
            (Method::GET, "/api/jobs/7/cancel"),
            (Method::POST, "/api/events"),
            (Method::DELETE, "/api/annotations/ab"),
            (Method::GET, "/api/annotationsx"),
            (Method::DELETE, "/dicom-web/studies/1.2"),
            (Method::PUT, "/dicom-web/studies"),
            (Method::GET, "/secret"),
            (Method::POST, "/"),
        ] {
            assert_eq!(wanted(&method, path), None, "{method} {path}");
        }
    }
}
