//! Rules: what is done of itself with a study once it is complete.
//!
//! The principal type is [`Rules`], read from a TOML file. A study is stable when nothing of it arrived for as long as a rule
//! says; then the rule looks at it once, and again when more arrives. What a rule says of a study is a pure function
//! ([`judge`]) of what the catalog holds, and is explained by a dry run without being done.

mod judge;
mod parse;
mod watch;

use std::time::Duration;

use serde_json::{Value, json};
use wilhelm_store::queue::NewJob;

use crate::dimse::Peer;
use crate::work::{Notify, SendStudy, SendWeb};

pub use judge::{Condition, Verdict, judge};
pub use parse::RulesError;
pub(crate) use watch::Watch;

/// What a rule may lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Do {
    /// The study is read by a model.
    Read,
    /// The study is sent to a station of `server.peers`.
    Send {
        /// Which.
        to: Peer,
    },
    /// The study is sent to an archive of `server.web_peers` by DICOMweb.
    SendWeb {
        /// Its address.
        to: String,
    },
    /// What of the study can be de-identified is sent so, to a station or an archive.
    DeidentifyAndSend {
        /// Which.
        to: Destination,
    },
    /// An address is told that the study is complete.
    Notify {
        /// Which.
        url: String,
    },
}

/// Where studies may be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A station of `server.peers`.
    Station(Peer),
    /// An archive of `server.web_peers`, by its address.
    Archive(String),
}

impl Destination {
    /// The kind of job that sends there.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Station(_) => SendStudy::KIND,
            Self::Archive(_) => SendWeb::KIND,
        }
    }
}

impl std::fmt::Display for Destination {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Station(peer) => peer.fmt(formatter),
            Self::Archive(url) => formatter.write_str(url),
        }
    }
}

impl Do {
    /// The kind of job that it is done by.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Send { .. } => SendStudy::KIND,
            Self::SendWeb { .. } => SendWeb::KIND,
            Self::DeidentifyAndSend { to } => to.kind(),
            Self::Notify { .. } => Notify::KIND,
        }
    }

    /// In words, as `send to PACS@192.0.2.7:104`.
    pub fn words(&self) -> String {
        match self {
            Self::Read => "read".to_owned(),
            Self::Send { to } => format!("send to {to}"),
            Self::SendWeb { to } => format!("send to {to}"),
            Self::DeidentifyAndSend { to } => format!("de-identify and send to {to}"),
            Self::Notify { url } => format!("notify {url}"),
        }
    }

    fn details(&self) -> Value {
        match self {
            Self::Read => json!({}),
            Self::Send { to } => json!({ "to": to.to_string() }),
            Self::SendWeb { to } => json!({ "to": to }),
            Self::DeidentifyAndSend { to } => json!({ "to": to.to_string(), "deidentify": true }),
            Self::Notify { url } => json!({ "url": url }),
        }
    }
}

/// A description to be matched, without regard to case.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// As it stands in the file.
    pub text: String,
    expression: regex::Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.expression.as_str() == other.expression.as_str()
    }
}

/// Which studies a rule is about: all that is named has to hold, of each list one entry. An empty list and 0 ask for nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct When {
    /// Modality of one of its series.
    pub modality: Vec<String>,
    /// Body Part Examined of one of its series.
    pub body_part: Vec<String>,
    /// Its description, or that of one of its series.
    pub description: Option<Pattern>,
    /// AE title of who sent its latest object.
    pub calling_ae: Vec<String>,
    /// Number of its objects.
    pub min_instances: u64,
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name, by which it is known from one start to the next.
    pub name: String,
    /// Whether it is looked at.
    pub enabled: bool,
    /// Which studies it is about.
    pub when: When,
    /// A study is stable when nothing of it arrived for so long.
    pub after_quiet: Duration,
    /// Whether it applies to a study once, whatever arrives later.
    pub once: bool,
    /// What is done.
    pub then: Vec<Do>,
}

impl Rule {
    /// The jobs that it leads to for a study as it is after a change. Each change has its own: a job that runs may have looked
    /// at the study before. Two rules that want the same of the same change have one.
    pub(crate) fn jobs(&self, study: &str, change: i64) -> Vec<NewJob> {
        let by = format!("rule {}", self.name);
        let of = |one: &Do| {
            let job = NewJob::of_study(one.kind(), study, one.details(), &by);
            NewJob { key: format!("{} {change}", job.key), ..job }
        };
        self.then.iter().map(of).collect()
    }

    /// Which studies it is about, in words.
    pub fn when_words(&self) -> String {
        let mut words = Vec::new();
        let mut list = |name: &str, wanted: &[String]| {
            if !wanted.is_empty() {
                words.push(format!("{name} {}", wanted.join(" or ")));
            }
        };
        list("modality", &self.when.modality);
        list("body part", &self.when.body_part);
        list("sent by", &self.when.calling_ae);
        if let Some(pattern) = &self.when.description {
            words.push(format!("description like {}", pattern.text));
        }
        if self.when.min_instances > 0 {
            words.push(format!("{} objects at least", self.when.min_instances));
        }
        if words.is_empty() {
            words.push("any study".to_owned());
        }
        let again = if self.once { ", once" } else { "" };
        format!("{}, {} s after its last object{again}", words.join(", "), self.after_quiet.as_secs())
    }

    /// What is done, in words.
    pub fn then_words(&self) -> String {
        self.then.iter().map(Do::words).collect::<Vec<_>>().join(", ")
    }
}

/// Where rules may lead.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Stations that studies may be sent to.
    pub peers: Vec<Peer>,
    /// Addresses that may be told, beside those of this machine.
    pub notify: Vec<String>,
    /// Addresses of archives that studies may be sent to by DICOMweb.
    pub web: Vec<String>,
}

/// The rules of an archive, in the order of their file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// Each with a name of its own.
    pub rules: Vec<Rule>,
}
