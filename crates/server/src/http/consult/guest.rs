//! A guest: somebody without an account, held to one consultation and its study.

use std::collections::BTreeSet;

use axum::http::{Method, Uri};
use chrono::Utc;
use dicom_dictionary_std::tags;
use serde_json::Value;
use wilhelm_formats::dicom::may_show_patient;
use wilhelm_privacy::account::{
    Access, AccountError, LinkPurpose, Permission, Principal, Refusal as Denied, UserName, Via, link_fits,
    link_parts,
};
use wilhelm_store::{Consultation, Place};
use wilhelm_study::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};

use super::may_opine;
use crate::http::Site;
use crate::http::parameters::{decoded, parameters};

/// Somebody who opened a link.
#[derive(Debug)]
pub(crate) struct Guest {
    pub consultation: Consultation,
    /// The name of the session.
    pub session: String,
    /// What they say they are called.
    pub name: String,
}

impl Guest {
    /// The guest of a cookie's secret, as long as the consultation is open.
    pub(crate) fn of_secret(site: &Site, secret: &str) -> Result<Self, AccountError> {
        let (session, secret) = link_parts(LinkPurpose::GuestSession, secret).ok_or(AccountError::Unknown)?;
        let found = site.store.consultations().of_session(session);
        let (consultation, guest, hash) = found.map_err(|_| AccountError::Unknown)?;
        if !link_fits(secret, &hash) || !consultation.is_open(Utc::now().into()) {
            return Err(AccountError::Unknown);
        }
        Ok(Self { consultation, session: guest.id, name: guest.name })
    }

    /// The guest as somebody who asks: a principal without a role, a permission or access.
    pub(crate) fn principal(&self) -> Result<Principal, AccountError> {
        Ok(Principal {
            user: UserName::parse(&format!("guest@{}", self.session))?,
            roles: BTreeSet::new(),
            permissions: BTreeSet::new(),
            access: Access::default(),
            via: Via::Guest(self.consultation.id.clone()),
            must_change: false,
            emergencies: std::collections::BTreeMap::new(),
        })
    }

    /// Whether a request is one of those that this guest may make: the consultation's own, and reading its study.
    pub(crate) fn may(
        &self,
        site: &Site,
        method: &Method,
        uri: &Uri,
        wanted: Permission,
    ) -> Result<(), Denied> {
        let path = uri.path();
        let parts: Vec<String> = path.split('/').skip(1).map(decoded).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let reads = matches!(*method, Method::GET | Method::HEAD);
        let may = match parts.as_slice() {
            ["api", "consultations", id, rest @ ..] if *id == self.consultation.id => match rest {
                [] | ["events"] => reads,
                ["notes" | "presence"] => *method == Method::POST,
                ["opinions"] => *method == Method::POST && may_opine(self.consultation.role),
                _ => false,
            },
            ["dicom-web", "studies"] => reads && self.asks_for_own(uri.query()),
            ["dicom-web", "studies", study, rest @ ..] if *study == self.consultation.study_uid => {
                reads && (!self.consultation.hides_patient || self.shows_no_patient(site, rest))
            }
            _ => false,
        };
        if may { Ok(()) } else { Err(Denied::Permission(wanted)) }
    }

    /// Whether a search for studies is for this study alone.
    fn asks_for_own(&self, query: Option<&str>) -> bool {
        let given = parameters(query);
        let asked: Vec<&str> =
            given.iter().filter(|(key, _)| key == "StudyInstanceUID").map(|(_, uid)| uid.as_str()).collect();
        let known = ["StudyInstanceUID", "includefield", "limit", "offset"];
        asked == [self.consultation.study_uid.as_str()]
            && given.iter().all(|(key, _)| known.contains(&key.as_str()))
    }

    /// Of a study whose patient is hidden: headers, which are filtered on their way out, and pixels of objects that show no
    /// words as a rule. Whole objects and their other large values are not given.
    fn shows_no_patient(&self, site: &Site, rest: &[&str]) -> bool {
        match rest {
            ["series" | "instances"] | ["metadata"] => true,
            ["series", _, "instances" | "metadata"] | ["series", _, "instances", _, "metadata"] => true,
            ["series", series, "thumbnail" | "rendered"] => self.is_plain(site, series, None),
            ["series", series, "instances", instance, "frames", _]
            | ["series", series, "instances", instance, "frames", _, "rendered" | "thumbnail"]
            | ["series", series, "instances", instance, "rendered" | "thumbnail"] => {
                self.is_plain(site, series, Some(instance))
            }
            _ => false,
        }
    }

    /// Whether all of these objects are of kinds, and say of themselves, that no words are in their pixels.
    fn is_plain(&self, site: &Site, series: &str, instance: Option<&&str>) -> bool {
        let place = || {
            Some(Place {
                study_uid: StudyInstanceUid::new(&self.consultation.study_uid).ok()?,
                series_uid: Some(SeriesInstanceUid::new(series).ok()?),
                sop_uid: match instance {
                    Some(uid) => Some(SopInstanceUid::new(uid).ok()?),
                    None => None,
                },
            })
        };
        let Some(place) = place() else { return false };
        let mut is_plain = true;
        let looked = site.store.metadata(&place, |_, json| {
            let header: Value = wilhelm_store::read_metadata(json).unwrap_or_default();
            let values = |tag: dicom_core::Tag| {
                let key = format!("{:04X}{:04X}", tag.group(), tag.element());
                let list = header[&key]["Value"].as_array().cloned().unwrap_or_default();
                let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
                texts.join("\\")
            };
            let class = values(tags::SOP_CLASS_UID);
            let (burned, kind) = (values(tags::BURNED_IN_ANNOTATION), values(tags::IMAGE_TYPE));
            is_plain = may_show_patient(&class, &burned, &kind).is_none();
            is_plain
        });
        looked.is_ok() && is_plain
    }
}
