//! What happens, heard while it happens.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use chrono::Utc;
use serde_json::Value;
use wilhelm_privacy::SystemEntropy;
use wilhelm_privacy::account::{AccountsFile, Permission, UserName};
use wilhelm_server::JobSettings;
use wilhelm_server::dimse::Settings as Entity;
use wilhelm_server::events::{Event, Events};

use crate::sign_in::{PASSWORD, enter, guarded_with};
use crate::site::{Site, served_with, settings, slice};

/// A connection that events come over.
pub struct Stream(BufReader<TcpStream>);

impl Stream {
    /// Asks for events; gives the status where there are none.
    pub fn open(site: &Site, heads: &str) -> Result<Self, u16> {
        Self::open_at(site, "/api/events", heads)
    }

    /// Asks an address for events.
    pub fn open_at(site: &Site, path: &str, heads: &str) -> Result<Self, u16> {
        let stream = TcpStream::connect(site.server.http()).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
        let mut stream = BufReader::new(stream);
        let heads: String = heads.lines().map(|line| format!("{line}\r\n")).collect();
        let text = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n{heads}\r\n");
        stream.get_mut().write_all(text.as_bytes()).expect("written");
        let mut opened = Self(stream);
        let status = opened.line().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
        let mut is_stream = false;
        while let Some(line) = opened.line().filter(|line| !line.is_empty()) {
            is_stream |= line.eq_ignore_ascii_case("content-type: text/event-stream");
        }
        if status != 200 {
            return Err(status);
        }
        assert!(is_stream);
        assert_eq!(opened.line().as_deref(), Some("retry: 3000"));
        Ok(opened)
    }

    /// The next line; `None` at the end.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let count = self.0.read_line(&mut line).expect("something comes, or the end");
        (count > 0).then(|| line.trim_end().to_owned())
    }

    /// The next event with its name; `None` at the end, where the last comment is kept in `comment`.
    pub fn next(&mut self, comment: &mut String) -> Option<(String, Value)> {
        let mut name = String::new();
        loop {
            let line = self.line()?;
            if let Some(text) = line.strip_prefix(": ") {
                text.clone_into(comment);
            } else if let Some(text) = line.strip_prefix("event: ") {
                text.clone_into(&mut name);
            } else if let Some(text) = line.strip_prefix("data: ") {
                return Some((name, serde_json::from_str(text).expect("JSON")));
            }
        }
    }

    /// Waits for an event.
    pub fn wait_for(&mut self, wanted: impl Fn(&str, &Value) -> bool) -> Value {
        let mut comment = String::new();
        loop {
            let (name, data) = self.next(&mut comment).expect("it comes before the end");
            if wanted(&name, &data) {
                return data;
            }
        }
    }
}

fn heard(events: &Events) -> Site {
    let jobs = JobSettings { events: events.clone(), ..JobSettings::default() };
    served_with(|_| wilhelm_server::Settings { jobs, ..settings(Entity::default()) })
}

#[test]
fn who_listens_hears_what_arrives_and_of_reports() {
    let events = Events::default();
    let mut site = heard(&events);
    let mut stream = Stream::open(&site, "").expect("open to all");
    site.send(&[slice(0), slice(1)]);
    let arrived = stream.wait_for(|name, data| name == "study" && data["instances"] == 2);
    let study = arrived["study"].as_str().expect("a UID").to_owned();
    events.publish(Event::Report {
        report: "ab1".to_owned(),
        study: study.clone(),
        version: 2,
        state: "final".to_owned(),
        decisions: 3,
    });
    let report = stream.wait_for(|name, _| name == "report");
    let expected = serde_json::json!({
        "report": "ab1", "study": study, "version": 2, "state": "final", "decisions": 3,
    });
    assert_eq!(report, expected);
    site.server.stop();
    let mut comment = String::new();
    while stream.next(&mut comment).is_some() {}
    assert_eq!(comment, "the archive is stopping");
}

#[test]
fn a_client_that_is_too_slow_is_told_so_and_let_go() {
    let events = Events::default();
    let site = heard(&events);
    let mut stream = Stream::open(&site, "").expect("open to all");
    for instances in 0..200_000 {
        events.publish(Event::Study { study: "1.2.3".to_owned(), instances });
    }
    let (mut comment, mut count) = (String::new(), 0);
    while stream.next(&mut comment).is_some() {
        count += 1;
    }
    assert!(comment.starts_with("too slow"), "{comment}");
    assert!(count < 200_000, "{count}");
    // Another goes on.
    let mut other = Stream::open(&site, "").expect("open to all");
    events.publish(Event::Study { study: "1.2.3".to_owned(), instances: 7 });
    other.wait_for(|_, data| data["instances"] == 7);
}

#[test]
fn reports_are_for_who_may_see_reports_and_one_account_takes_no_more_than_its_part() {
    let events = Events::default();
    let site = guarded_with(Entity::default(), |settings| wilhelm_server::Settings {
        jobs: JobSettings { events: events.clone(), ..JobSettings::default() },
        ..settings
    });
    let file = AccountsFile::new(site.folder.path().join("accounts.json"));
    let name = UserName::parse("technologist").expect("a name");
    let made = file.change(|accounts| {
        let entropy = &mut SystemEntropy::default();
        accounts.make_token(&name, "a test", [Permission::StudySee].into(), 1, Utc::now(), entropy)
    });
    let bearer = format!("Authorization: Bearer {}", made.expect("a token").1.expose());
    let mut streams: Vec<Stream> =
        (0..16).map(|_| Stream::open(&site, &bearer).expect("there is room")).collect();
    assert_eq!(Stream::open(&site, &bearer).map(drop), Err(503));
    let cookie = format!("Cookie: {}", enter(&site, "technologist", PASSWORD).expect("let in"));
    assert_eq!(Stream::open(&site, &cookie).map(drop), Err(503), "by whatever it asks");
    let cookie = format!("Cookie: {}", enter(&site, "radiologist", PASSWORD).expect("let in"));
    let mut of_radiologist = Stream::open(&site, &cookie).expect("another has room");
    events.publish(Event::Report {
        report: "ab1".to_owned(),
        study: "1.2.3".to_owned(),
        version: 1,
        state: "preliminary".to_owned(),
        decisions: 0,
    });
    events.publish(Event::Study { study: "1.2.3".to_owned(), instances: 1 });
    let first = |stream: &mut Stream| stream.next(&mut String::new()).expect("something").0;
    assert_eq!(first(&mut of_radiologist), "report");
    assert_eq!(first(&mut streams[0]), "study");
}
