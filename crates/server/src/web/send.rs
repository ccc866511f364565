//! A study to another archive: what is there is asked for, the rest is sent in small requests, until all of it is there.
//!
//! Source: PS3.18 Sections 10.5 (Store Transaction) and 10.6 (Search Transaction).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, Write};
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};
use wilhelm_store::{Content, StoreError};

use super::http::{Answer, HttpError, Upload, ask};
use super::{Remote, Remotes};

/// Bytes and objects of one request: what a break loses at most, but for one large object.
const BATCH_BYTES: u64 = 1 << 20;
const BATCH_OBJECTS: usize = 32;
/// Objects of one page of a search, and most pages.
const PAGE: usize = 1000;
const MOST_PAGES: usize = 200;
/// Breaks one after another, with nothing that arrived between, after which it is given up for now.
const MOST_BREAKS: u32 = 6;
/// Longest wait after a break.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Bytes written at once.
const PIECE: usize = 64 << 10;
/// Between the parts of a request. Two hyphens, and letters that a boundary may have: 128 bits of a hash follow.
const BOUNDARY: &str = "wilhelm-";

/// An object on its way.
pub struct Outbound<'a> {
    /// Its series.
    pub series_uid: String,
    /// SOP Instance UID, as it is sent.
    pub sop_uid: String,
    /// About how many bytes it has: small ones go first.
    pub bytes: u64,
    /// Opens its bytes, a file of PS3.10.
    pub open: Box<dyn Fn() -> Result<Content, StoreError> + 'a>,
}

/// An object that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentObject {
    /// SOP Instance UID.
    pub sop_uid: String,
    /// SHA-256 of the bytes that were sent, in hexadecimal digits.
    pub sha256: String,
    /// How many they were.
    pub bytes: u64,
}

/// How a study fared.
#[derive(Clone, Debug, Default)]
pub struct SendReport {
    /// What was sent and taken, in that order.
    pub sent: Vec<SentObject>,
    /// How many were there before.
    pub there: u64,
    /// What was not taken, and why.
    pub refused: Vec<(String, String)>,
    /// How often the line broke, or the other side asked to come again.
    pub breaks: u32,
    /// Whether the other side's search found everything in the end; `None` where it answers no searches.
    pub is_confirmed: Option<bool>,
}

impl SendReport {
    /// One SHA-256 over what was sent: of a line `UID SHA256` for each object, in the order of their UIDs.
    pub fn sha256(&self) -> String {
        let lines: BTreeMap<&str, &str> =
            self.sent.iter().map(|one| (one.sop_uid.as_str(), one.sha256.as_str())).collect();
        let text: String = lines.iter().map(|(uid, sha256)| format!("{uid} {sha256}\n")).collect();
        hexadecimal(&Sha256::digest(text.as_bytes()))
    }
}

/// Why a study is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// It may be later: what arrived stays, and the next try sends the rest.
    #[error("{0}")]
    Later(String),
    /// It fails each time.
    #[error("{0}")]
    Never(String),
    /// It was told to stop.
    #[error("it was cancelled")]
    Cancelled,
}

/// Who looks on.
pub trait Watch {
    /// So many objects of all are there now; whether to go on.
    fn step(&self, done: u64, total: u64) -> bool;

    /// Waits after a break; whether to go on.
    fn pause(&self, wait: Duration) -> bool;
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Sends the objects of a study that are not there yet.
///
/// One image of each series goes first, the one in the middle, so that a person at the other end sees what is coming; then the
/// rest, from the smallest on. Every object goes as it is stored, without loss.
///
/// # Errors
/// [`SendError`]; objects that the other side does not take are no error, and stand in the report.
pub fn send(
    remotes: &Remotes,
    remote: &Remote,
    study: &str,
    objects: &[Outbound<'_>],
    watch: &dyn Watch,
) -> Result<SendReport, SendError> {
    let sending = Sending { remotes, remote, study, watch, total: objects.len() as u64 };
    sending.run(objects)
}

struct Sending<'a> {
    remotes: &'a Remotes,
    remote: &'a Remote,
    study: &'a str,
    watch: &'a dyn Watch,
    total: u64,
}

/// What came of a request.
enum Batch {
    /// Objects that were taken, and those that were not with the reason.
    Answered(Vec<(String, String)>),
    /// It is too large.
    TooLarge,
    /// To be tried again, after so many seconds where the other side says.
    Again(String, Option<u64>),
}

impl Sending<'_> {
    fn run(&self, objects: &[Outbound<'_>]) -> Result<SendReport, SendError> {
        let mut report = SendReport::default();
        let mut breaks = 0;
        let known = loop {
            match self.there() {
                Ok(known) => break known,
                Err(Trouble::Broken(why)) => self.after_break(&mut breaks, &mut report, why, None)?,
                Err(Trouble::Never(why)) => return Err(SendError::Never(why)),
            }
        };
        let has_search = known.is_some();
        let there = known.unwrap_or_default();
        report.there = objects.iter().filter(|one| there.contains(&one.sop_uid)).count() as u64;
        let mut waiting: VecDeque<&Outbound<'_>> =
            ordered(objects).into_iter().filter(|one| !there.contains(&one.sop_uid)).collect();
        let mut most = BATCH_OBJECTS;
        self.step(&report)?;
        while !waiting.is_empty() {
            let count = batch(&waiting, most);
            let opened: Vec<(&Outbound<'_>, Content)> = waiting
                .iter()
                .take(count)
                .map(|one| (one.open)().map(|content| (*one, content)))
                .collect::<Result<_, StoreError>>()
                .map_err(|error| SendError::Never(error.to_string()))?;
            let mut sent = Vec::new();
            match self.post(&opened, &mut sent) {
                Ok(Batch::Answered(refused)) => {
                    breaks = 0;
                    let not: BTreeSet<&str> = refused.iter().map(|(uid, _)| uid.as_str()).collect();
                    report.sent.extend(sent.into_iter().filter(|one| !not.contains(one.sop_uid.as_str())));
                    report.refused.extend(refused);
                    waiting.drain(..count);
                    self.step(&report)?;
                }
                Ok(Batch::TooLarge) if count > 1 => most = 1,
                Ok(Batch::TooLarge) => {
                    let why = "the other side takes no request as large as this object".to_owned();
                    report.refused.extend(waiting.pop_front().map(|one| (one.sop_uid.clone(), why)));
                }
                Ok(Batch::Again(why, wait)) => {
                    self.broke(&mut breaks, &mut report, &mut waiting, sent, (why, wait))?;
                }
                Err(Trouble::Broken(why)) => {
                    self.broke(&mut breaks, &mut report, &mut waiting, sent, (why, None))?;
                }
                Err(Trouble::Never(why)) => return Err(SendError::Never(why)),
            }
        }
        if has_search {
            report.is_confirmed = Some(self.confirmed(objects, &mut report, &mut breaks)?);
        }
        Ok(report)
    }

    fn step(&self, report: &SendReport) -> Result<(), SendError> {
        let done = report.there + report.sent.len() as u64 + report.refused.len() as u64;
        if self.watch.step(done, self.total) { Ok(()) } else { Err(SendError::Cancelled) }
    }

    /// After a break: what arrived of the request is found by asking, and not sent again.
    fn broke(
        &self,
        breaks: &mut u32,
        report: &mut SendReport,
        waiting: &mut VecDeque<&Outbound<'_>>,
        sent: Vec<SentObject>,
        (why, wait): (String, Option<u64>),
    ) -> Result<(), SendError> {
        self.after_break(breaks, report, why, wait)?;
        match self.there() {
            Ok(Some(there)) => {
                let before = waiting.len();
                report.sent.extend(sent.into_iter().filter(|one| there.contains(&one.sop_uid)));
                waiting.retain(|one| !there.contains(&one.sop_uid));
                if waiting.len() < before {
                    *breaks = 0;
                }
                self.step(report)
            }
            Ok(None) | Err(Trouble::Broken(_)) => Ok(()),
            Err(Trouble::Never(why)) => Err(SendError::Never(why)),
        }
    }

    fn after_break(
        &self,
        breaks: &mut u32,
        report: &mut SendReport,
        why: String,
        wait: Option<u64>,
    ) -> Result<(), SendError> {
        *breaks += 1;
        report.breaks += 1;
        if *breaks > MOST_BREAKS {
            let (done, total) = (report.there + report.sent.len() as u64, self.total);
            return Err(SendError::Later(format!("{done} of {total} objects are there: {why}")));
        }
        let usual = Duration::from_millis(500) * 2_u32.pow(*breaks);
        let wait = wait.map_or(usual, Duration::from_secs).min(LONGEST_PAUSE);
        if self.watch.pause(wait) { Ok(()) } else { Err(SendError::Cancelled) }
    }

    /// Whether everything that was not refused is found.
    fn confirmed(
        &self,
        objects: &[Outbound<'_>],
        report: &mut SendReport,
        breaks: &mut u32,
    ) -> Result<bool, SendError> {
        let there = loop {
            match self.there() {
                Ok(there) => break there.unwrap_or_default(),
                Err(Trouble::Broken(why)) => self.after_break(breaks, report, why, None)?,
                Err(Trouble::Never(why)) => return Err(SendError::Never(why)),
            }
        };
        let refused: BTreeSet<&str> = report.refused.iter().map(|(uid, _)| uid.as_str()).collect();
        let missing = objects
            .iter()
            .filter(|one| !refused.contains(one.sop_uid.as_str()) && !there.contains(&one.sop_uid))
            .count();
        Ok(missing == 0)
    }

    /// The objects of the study that are there; `None` where searches are not answered.
    fn there(&self) -> Result<Option<BTreeSet<String>>, Trouble> {
        let mut found = BTreeSet::new();
        for page in 0..MOST_PAGES {
            let path = format!(
                "/studies/{}/instances?includefield=00080018&limit={PAGE}&offset={}",
                self.study,
                page * PAGE
            );
            let answer = ask(self.remotes, self.remote, ("GET", &path), None).map_err(Trouble::of)?;
            match answer.status {
                200 => {}
                // No such study yet.
                204 | 404 => return Ok(Some(found)),
                400 | 405 | 406 | 501 => return Ok(None),
                _ => return Err(self.status(&answer)),
            }
            let sets: Value = serde_json::from_slice(&answer.body).map_err(|_| {
                Trouble::Never("it answers a search with something else than JSON".to_owned())
            })?;
            let list = sets.as_array().map(Vec::as_slice).unwrap_or_default();
            let before = found.len();
            found.extend(
                list.iter().filter_map(|set| set["00080018"]["Value"][0].as_str()).map(str::to_owned),
            );
            if list.len() < PAGE || found.len() == before {
                break;
            }
        }
        Ok(Some(found))
    }

    /// What a status below success says, beside those that a batch looks at itself.
    fn status(&self, answer: &Answer) -> Trouble {
        let remote = self.remote;
        match answer.status {
            401 | 403 => Trouble::Never(format!(
                "{remote} does not let us in ({}): give it a token in server.web_tokens that may do this",
                answer.status
            )),
            300..=399 => {
                Trouble::Never(format!("{remote} answered {}: redirects are not followed", answer.status))
            }
            408 | 425 | 429 | 500..=599 => Trouble::Broken(format!("{remote} answered {}", answer.status)),
            other => Trouble::Never(format!("{remote} answered {other}")),
        }
    }

    /// Sends some objects in one request; what was written whole is put into `sent`.
    fn post(
        &self,
        objects: &[(&Outbound<'_>, Content)],
        sent: &mut Vec<SentObject>,
    ) -> Result<Batch, Trouble> {
        let boundary = boundary(objects);
        let begin = |first: bool| {
            let line = if first { "" } else { "\r\n" };
            format!("{line}--{boundary}\r\nContent-Type: application/dicom\r\n\r\n")
        };
        let end = format!("\r\n--{boundary}--\r\n");
        let heads: u64 = (0..objects.len()).map(|number| begin(number == 0).len() as u64).sum();
        let length =
            heads + end.len() as u64 + objects.iter().map(|(_, content)| content.length()).sum::<u64>();
        let mut write = |line: &mut dyn Write| {
            for (number, (object, content)) in objects.iter().enumerate() {
                line.write_all(begin(number == 0).as_bytes())?;
                let sha256 = copy(content, line)?;
                let (sop_uid, bytes) = (object.sop_uid.clone(), content.length());
                sent.push(SentObject { sop_uid, sha256, bytes });
            }
            line.write_all(end.as_bytes())
        };
        let upload = Upload {
            content_type: format!("multipart/related; type=\"application/dicom\"; boundary={boundary}"),
            length,
            write: &mut write,
        };
        let path = format!("/studies/{}", self.study);
        let answer = ask(self.remotes, self.remote, ("POST", &path), Some(upload)).map_err(Trouble::of)?;
        match answer.status {
            200 | 202 | 409 => Ok(self.answered(objects, &answer)),
            413 => Ok(Batch::TooLarge),
            408 | 425 | 429 | 503 | 507 => {
                let why = format!("{} answered {}", self.remote, answer.status);
                Ok(Batch::Again(why, answer.retry_after))
            }
            _ => Err(self.status(&answer)),
        }
    }

    fn answered(&self, objects: &[(&Outbound<'_>, Content)], answer: &Answer) -> Batch {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let items = body["00081198"]["Value"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut refused = Vec::new();
        let mut is_full = false;
        for item in items {
            let reason = item["00081197"]["Value"][0].as_u64().unwrap_or(0);
            is_full |= (0xA700..=0xA7FF).contains(&reason);
            let words = match reason {
                0x0111 => "another object with its identifier is there, with other content".to_owned(),
                0x0122 => "its kind is not taken there".to_owned(),
                other => format!("reason {other:04X}"),
            };
            if let Some(uid) = item["00081155"]["Value"][0].as_str() {
                refused.push((uid.to_owned(), words));
            }
        }
        if is_full {
            return Batch::Again(format!("{} has no room now", self.remote), answer.retry_after);
        }
        if answer.status == 409 && refused.is_empty() {
            let why = "all of its request was refused, without a reason".to_owned();
            refused = objects.iter().map(|(one, _)| (one.sop_uid.clone(), why.clone())).collect();
        }
        Batch::Answered(refused)
    }
}

/// What stands in the way of an answer.
enum Trouble {
    Broken(String),
    Never(String),
}

impl Trouble {
    fn of(error: HttpError) -> Self {
        match error {
            HttpError::Certificate(_) | HttpError::Malformed(_) => Self::Never(error.to_string()),
            HttpError::Line(_) => Self::Broken(error.to_string()),
        }
    }
}

/// Copies an object onto the line; gives its SHA-256.
fn copy(content: &Content, line: &mut dyn Write) -> io::Result<String> {
    let (mut at, mut piece, mut hasher) = (0, vec![0; PIECE], Sha256::new());
    while at < content.length() {
        let count = content.read_at(at, &mut piece).map_err(io::Error::other)?;
        if count == 0 {
            return Err(io::Error::other("an object ends before its length"));
        }
        hasher.update(&piece[..count]);
        line.write_all(&piece[..count])?;
        at += count as u64;
    }
    Ok(hexadecimal(&hasher.finalize()))
}

/// A boundary of the identifiers that are sent. That an object holds it is as likely as guessing 128 bits.
fn boundary(objects: &[(&Outbound<'_>, Content)]) -> String {
    let mut hasher = Sha256::new();
    for (object, content) in objects {
        hasher.update(object.sop_uid.as_bytes());
        hasher.update(content.length().to_be_bytes());
    }
    format!("{BOUNDARY}{}", &hexadecimal(&hasher.finalize())[..32])
}

/// One of each series first, its middle one, and then from the smallest on.
fn ordered<'o, 'a>(objects: &'o [Outbound<'a>]) -> Vec<&'o Outbound<'a>> {
    let mut series: BTreeMap<&str, Vec<&Outbound<'a>>> = BTreeMap::new();
    for object in objects {
        series.entry(&object.series_uid).or_default().push(object);
    }
    let first: Vec<&Outbound<'a>> = series.values().map(|list| list[list.len() / 2]).collect();
    let chosen: BTreeSet<&str> = first.iter().map(|one| one.sop_uid.as_str()).collect();
    let mut rest: Vec<&Outbound<'a>> =
        objects.iter().filter(|one| !chosen.contains(one.sop_uid.as_str())).collect();
    rest.sort_by_key(|one| one.bytes);
    first.into_iter().chain(rest).collect()
}

/// How many of those that wait go together.
fn batch(waiting: &VecDeque<&Outbound<'_>>, most: usize) -> usize {
    let mut bytes = 0;
    let fit = waiting.iter().take(most).take_while(|one| {
        bytes += one.bytes;
        bytes <= BATCH_BYTES
    });
    fit.count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(series: &str, uid: &str, bytes: u64) -> Outbound<'static> {
        let open = Box::new(|| Ok(Content::Memory(Vec::new())));
        Outbound { series_uid: series.to_owned(), sop_uid: uid.to_owned(), bytes, open }
    }

    #[test]
    fn the_middle_of_each_series_goes_first_and_then_the_smallest() {
        let objects = [
            object("a", "1", 500),
            object("a", "2", 400),
            object("a", "3", 300),
            object("b", "4", 900),
            object("a", "5", 100),
        ];
        let order: Vec<&str> = ordered(&objects).iter().map(|one| one.sop_uid.as_str()).collect();
        assert_eq!(order, ["3", "4", "5", "2", "1"]);
    }

    #[test]
    fn requests_are_small_and_a_large_object_goes_alone() {
        let objects = [object("a", "1", 600_000), object("a", "2", 400_000), object("a", "3", 400_000)];
        let waiting: VecDeque<&Outbound<'_>> = objects.iter().collect();
        assert_eq!((batch(&waiting, 32), batch(&waiting, 1)), (2, 1));
        let large = [object("a", "1", 5 << 20), object("a", "2", 10)];
        assert_eq!(batch(&large.iter().collect(), 32), 1);
    }

    #[test]
    fn the_sum_is_of_what_was_sent_whatever_the_order() {
        let one = |uid: &str, sha256: &str| SentObject {
            sop_uid: uid.to_owned(),
            sha256: sha256.to_owned(),
            bytes: 1,
        };
        let there = SendReport { sent: vec![one("1.2", "aa"), one("1.1", "bb")], ..SendReport::default() };
        let back = SendReport { sent: vec![one("1.1", "bb"), one("1.2", "aa")], ..SendReport::default() };
        assert_eq!(there.sha256(), back.sha256());
        // printf '1.1 bb\n1.2 aa\n' | sha256sum
        assert_eq!(there.sha256(), "3c6aaa6e9a480278f7b88cfcfe5c85d048190a853a1c989ce2911bb7ef3ff3a8");
    }
}
