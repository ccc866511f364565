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
}

/// What a request wants; `None` where the table has no row.
pub(crate) fn wanted(method: &Method, path: &str) -> Option<Wanted> {
    let row =
        |permission, action| Some(Wanted { permission, action, study: study(path), patient: patient(path) });
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
        ("fhir", Some("AuditEvent")) if reads => row(Permission::AuditSee, Action::Queried),
        ("fhir", Some("Patient" | "ImagingStudy")) if reads => row(Permission::StudySee, Action::Queried),
        ("fhir", Some(_)) if reads => row(Permission::StudySee, Action::StudySeen),
        _ => None,
    }
}

/// A UID as it is written and not otherwise: no padding, no list, no wildcard, which searches would take it for.
pub(crate) fn is_uid(text: &str) -> bool {
    StudyInstanceUid::new(text).is_ok_and(|uid| uid.as_str() == text)
}

/// Whether all studies, series and instances in a path are named by UIDs; FHIR's handlers look at theirs, and answer in its words.
pub(crate) fn names_uids(path: &str) -> bool {
    let segments: Vec<&str> = path.split('/').collect();
    segments.windows(2).all(|pair| {
        let names = matches!(pair[0], "studies" | "study" | "series" | "instances" | "workitems");
        !names || is_uid(&super::parameters::decoded(pair[1]))
    })
}

/// The study that a path names, percent-decoded as routes see it.
fn study(path: &str) -> Option<String> {
    let mut segments =
        path.split('/').skip_while(|segment| !matches!(*segment, "studies" | "study" | "ImagingStudy"));
    segments.next()?;
    segments.next().filter(|uid| !uid.is_empty()).map(super::parameters::decoded)
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
        for (method, path) in [
            (Method::DELETE, "/dicom-web/studies/1.2"),
            (Method::PUT, "/dicom-web/studies"),
            (Method::GET, "/secret"),
            (Method::POST, "/"),
        ] {
            assert_eq!(wanted(&method, path), None, "{method} {path}");
        }
    }
}
