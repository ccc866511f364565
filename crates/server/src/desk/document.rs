//! A report as the archive keeps it: its versions, checked, and what was kept with the first.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wilhelm_report::{HtmlImage, HtmlImages, Report, Version, verify};
use wilhelm_store::{
    Added, NewReport, NewVersion, ReportRow, Seen, Store, StoreError, StoredDecision, StoredVersion,
};
use wilhelm_study::{EvidenceSource, Finding, FindingId};

use super::{Drafted, PROGRAM, ReadImage, urgency};

/// Names of the files that are kept with a report; pictures are numbered from 0.
const META: &str = "meta.json";
const PROVENANCE: &str = "provenance.json";

/// The file of a picture.
pub(crate) fn picture(number: usize) -> String {
    format!("picture {number}")
}

/// The file of what lies over a picture.
pub(crate) fn overlay(number: usize) -> String {
    format!("overlay {number}")
}

/// What is kept beside the versions of a report.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub images: Vec<KeptImage>,
    pub pictures: Vec<KeptPicture>,
    pub defects: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeptImage {
    pub instance: String,
    pub frame: Option<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeptPicture {
    pub caption: String,
    pub overlay_caption: String,
    pub has_overlay: bool,
}

/// Takes a draft in.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn keep(store: &Store, study: &str, drafted: &Drafted, at: &str) -> Result<Added, StoreError> {
    let image = |image: &ReadImage| KeptImage { instance: image.instance.clone(), frame: image.frame };
    let pictures = &drafted.pictures.pictures;
    let meta = Meta {
        images: drafted.images.iter().map(image).collect(),
        pictures: pictures
            .iter()
            .map(|picture| KeptPicture {
                caption: picture.caption.clone(),
                overlay_caption: picture.overlay_caption.clone(),
                has_overlay: picture.overlay_png.is_some(),
            })
            .collect(),
        defects: drafted.defects.iter().map(ToString::to_string).collect(),
    };
    let meta = serde_json::to_vec(&meta).expect("texts and numbers are JSON");
    let mut files =
        vec![(META.to_owned(), meta), (PROVENANCE.to_owned(), drafted.provenance.to_string().into_bytes())];
    for (number, one) in pictures.iter().enumerate() {
        files.push((picture(number), one.png.clone()));
        files.extend(one.overlay_png.as_ref().map(|png| (overlay(number), png.clone())));
    }
    let report = &drafted.report;
    let level = wilhelm_report::triage(report, &BTreeSet::new()).map(|triage| triage.level);
    store.reports().add(NewReport {
        id: report.id.clone(),
        study_uid: study.to_owned(),
        series_uid: drafted.series.clone(),
        part: drafted.part,
        title: report.title.clone(),
        version: NewVersion {
            state: report.state.word().to_owned(),
            urgency: urgency(level),
            by: PROGRAM.to_owned(),
            at: at.to_owned(),
            bytes: Version::first(report.clone()).to_bytes(),
            decisions: Vec::new(),
        },
        files,
    })
}

/// A report with all its versions, each of which follows from the one before, and its decisions.
#[derive(Debug)]
pub(crate) struct Document {
    pub row: ReportRow,
    pub versions: Vec<Version>,
    pub stored: Vec<StoredVersion>,
    pub decisions: Vec<StoredDecision>,
}

impl Document {
    /// Reads a report and asserts that its chain holds.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Report`] where a version is not what was written.
    pub(crate) fn read(store: &Store, id: &str) -> Result<Self, StoreError> {
        let reports = store.reports();
        // The row is read last, so that it is never older than what it is shown with.
        let stored = reports.versions(id)?;
        let decisions = reports.decisions(id)?;
        let row = reports.find(id)?;
        let files: Vec<Vec<u8>> = stored.iter().map(|version| version.bytes.clone()).collect();
        let versions = verify(&files).map_err(|error| {
            tracing::error!(report = id, %error, "the versions of a report do not hold");
            StoreError::Report { report: id.to_owned(), part: "the chain of versions".to_owned() }
        })?;
        Ok(Self { row, versions, stored, decisions })
    }

    /// The latest version.
    pub(crate) fn latest(&self) -> &Version {
        self.versions.last().expect("a report has a first version")
    }

    /// How far this is, as it was read: what a change has to name.
    pub(crate) fn seen(&self) -> Seen {
        Seen {
            version: u32::try_from(self.versions.len()).unwrap_or(u32::MAX),
            decisions: u32::try_from(self.decisions.len()).unwrap_or(u32::MAX),
        }
    }

    /// Asserts that a change saw what was read here: it is made of this.
    ///
    /// # Errors
    /// [`StoreError::Outdated`] with who changed it last; [`StoreError::Superseded`].
    pub(crate) fn is_as(&self, seen: Seen) -> Result<(), StoreError> {
        if self.row.is_superseded {
            return Err(StoreError::Superseded);
        }
        let Seen { version, decisions } = self.seen();
        if (Seen { version, decisions }) == seen {
            return Ok(());
        }
        let decision = self.decisions.last().filter(|_| version == seen.version);
        let decision = decision.map(|one| (one.by.clone(), one.at.clone()));
        let written = self.stored.last().map(|one| (one.by.clone(), one.at.clone()));
        let (by, at) = decision.or(written).unwrap_or_default();
        Err(StoreError::Outdated { version, decisions, by, at })
    }
}

/// The report of a latest version.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn latest(store: &Store, id: &str) -> Result<Report, StoreError> {
    let bytes = store.reports().latest(id)?;
    let version: Version = serde_json::from_slice(&bytes)
        .map_err(|_| StoreError::Report { report: id.to_owned(), part: "the latest version".to_owned() })?;
    Ok(version.report)
}

/// What was kept beside the versions; nothing where the study was removed for good and came again.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn meta(store: &Store, id: &str) -> Result<Meta, StoreError> {
    let bytes = match store.reports().file(id, META) {
        Err(StoreError::NotFound { .. }) => return Ok(Meta::default()),
        found => found?,
    };
    serde_json::from_slice(&bytes)
        .map_err(|_| StoreError::Report { report: id.to_owned(), part: META.to_owned() })
}

/// The pictures of a report, with their words.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn pictures(store: &Store, id: &str) -> Result<HtmlImages, StoreError> {
    let reports = store.reports();
    let mut pictures = Vec::new();
    for (number, kept) in meta(store, id)?.pictures.into_iter().enumerate() {
        let over = kept.has_overlay.then(|| reports.file(id, &overlay(number))).transpose()?;
        pictures.push(HtmlImage {
            caption: kept.caption,
            png: reports.file(id, &picture(number))?,
            overlay_png: over,
            overlay_caption: kept.overlay_caption,
        });
    }
    Ok(HtmlImages { pictures })
}

/// The latest decision on each finding; what was taken back is none.
pub(crate) fn decided(decisions: &[StoredDecision]) -> BTreeMap<&str, &StoredDecision> {
    let mut latest: BTreeMap<&str, &StoredDecision> = BTreeMap::new();
    for decision in decisions {
        latest.insert(&decision.finding, decision);
    }
    latest.retain(|_, decision| decision.decision != "undecided");
    latest
}

/// The findings that a person rejected.
pub(crate) fn rejected(decisions: &[StoredDecision]) -> BTreeSet<FindingId> {
    let rejects = |(_, decision): &(&str, &StoredDecision)| decision.decision == "rejected";
    decided(decisions).into_iter().filter(rejects).map(|(finding, _)| FindingId(finding.to_owned())).collect()
}

/// A report as it leaves the desk: without the findings that were rejected. What is final keeps to the decisions up to its last
/// signature, so that a version is always the same.
pub(crate) fn leaving(report: &Report, decisions: &[StoredDecision]) -> Report {
    let signed = report.signatures.last().filter(|_| report.state.is_final()).map(|last| last.at.as_str());
    // All of them are written by one function, in UTC to the second, so that they sort as texts.
    let counted = decisions.iter().filter(|one| signed.is_none_or(|at| one.at.as_str() <= at));
    report.without(&rejected(&counted.cloned().collect::<Vec<_>>()))
}

/// The model that found something, with its version; "" where none is named.
pub(crate) fn model_of(report: &Report, finding: &Finding) -> String {
    let mut of_finding = report.evidence.iter().filter(|evidence| finding.evidence.contains(&evidence.id));
    let model = of_finding.find_map(|evidence| match &evidence.source {
        EvidenceSource::Model { model, version, .. } => Some(format!("{model} {version}")),
        _ => None,
    });
    model.unwrap_or_default()
}
