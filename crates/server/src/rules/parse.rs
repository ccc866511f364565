//! Rules out of TOML: each mistake with its line and key, nothing passed over.

use std::collections::BTreeSet;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::{Destination, Do, Pattern, Reach, Rule, Rules, When};
use crate::web::Remote;
use crate::work::Target;

/// Most rules of a file, actions of a rule and entries of a list.
const MOST_RULES: usize = 200;
const MOST_ACTIONS: usize = 16;
const MOST_ENTRIES: usize = 50;
/// Longest name and pattern in characters.
const NAME: usize = 60;
const PATTERN: usize = 200;
/// Bytes that a compiled pattern may take.
const COMPILED_BYTES: usize = 1 << 20;
/// Longest quiet in seconds: a week.
const LONGEST_QUIET: i64 = 7 * 24 * 3600;

/// What is wrong in a file of rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {key}: {message}")]
pub struct RulesError {
    /// In which line, from 1.
    pub line: usize,
    /// Of which key, as `rule.when.modality`.
    pub key: String,
    /// What was found and what was expected.
    pub message: String,
}

/// A file's text, by which places become lines.
struct File<'a> {
    text: &'a str,
    reach: &'a Reach,
}

type Parsed<T> = Result<T, RulesError>;

impl Rules {
    /// Reads rules; where they may lead, `reach` says.
    ///
    /// # Errors
    /// [`RulesError`] for the first mistake: what is not known is never passed over.
    pub fn parse(text: &str, reach: &Reach) -> Result<Self, RulesError> {
        let file = File { text, reach };
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            file.wrong(at, "file", error.message().to_owned())
        })?;
        let mut rules: Vec<Rule> = Vec::new();
        for (key, value) in table.get_ref() {
            if key.get_ref() != "rule" {
                return Err(file.unknown(key, "", &["rule"]));
            }
            let DeValue::Array(list) = value.get_ref() else {
                return Err(file.expected(value, "rule", "[[rule]]"));
            };
            if list.len() > MOST_RULES {
                return Err(file.expected(value, "rule", &format!("{MOST_RULES} rules at most")));
            }
            for one in list.iter() {
                let rule = file.rule(one)?;
                if rules.iter().any(|other| other.name == rule.name) {
                    let message = format!("there are two rules {:?}, expected names of their own", rule.name);
                    return Err(file.wrong(one.span().start, "rule.name", message));
                }
                rules.push(rule);
            }
        }
        Ok(Self { rules })
    }
}

impl File<'_> {
    fn wrong(&self, at: usize, key: &str, message: String) -> RulesError {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        RulesError { line, key: key.to_owned(), message }
    }

    fn unknown(&self, key: &Spanned<std::borrow::Cow<'_, str>>, within: &str, known: &[&str]) -> RulesError {
        let name: String = key.get_ref().chars().take(NAME).collect();
        let path = if within.is_empty() { name } else { format!("{within}.{name}") };
        self.wrong(key.span().start, &path, format!("there is no such key, expected {}", known.join(", ")))
    }

    fn expected(&self, value: &Spanned<DeValue<'_>>, key: &str, expected: &str) -> RulesError {
        let found = value.get_ref().type_str();
        self.wrong(value.span().start, key, format!("found a value of type {found}, expected {expected}"))
    }

    fn table<'v, 'i>(
        &self,
        value: &'v Spanned<DeValue<'i>>,
        key: &str,
        known: &[&str],
    ) -> Parsed<&'v DeTable<'i>> {
        let DeValue::Table(table) = value.get_ref() else {
            return Err(self.expected(value, key, "a table"));
        };
        match table.keys().find(|name| !known.contains(&name.get_ref().as_ref())) {
            Some(name) => Err(self.unknown(name, key, known)),
            None => Ok(table),
        }
    }

    fn text(&self, value: &Spanned<DeValue<'_>>, key: &str, longest: usize) -> Parsed<String> {
        let DeValue::String(text) = value.get_ref() else {
            return Err(self.expected(value, key, "a text"));
        };
        let length = text.chars().count();
        if !(1..=longest).contains(&length) || text.chars().any(char::is_control) {
            let message =
                format!("found {length} characters, expected 1 to {longest} without control characters");
            return Err(self.wrong(value.span().start, key, message));
        }
        Ok(text.clone().into_owned())
    }

    fn whole(&self, value: &Spanned<DeValue<'_>>, key: &str, from: i64, to: i64) -> Parsed<u64> {
        let DeValue::Integer(digits) = value.get_ref() else {
            return Err(self.expected(value, key, "a whole number"));
        };
        let number = i64::from_str_radix(digits.as_str(), digits.radix()).ok();
        let number = number.filter(|number| (from..=to).contains(number));
        let wrong =
            || self.wrong(value.span().start, key, format!("found {digits}, expected {from} to {to}"));
        number.and_then(|number| u64::try_from(number).ok()).ok_or_else(wrong)
    }

    fn switch(&self, value: Option<&Spanned<DeValue<'_>>>, key: &str, default: bool) -> Parsed<bool> {
        match value {
            None => Ok(default),
            Some(value) => match value.get_ref() {
                DeValue::Boolean(on) => Ok(*on),
                _ => Err(self.expected(value, key, "true or false")),
            },
        }
    }

    fn array<'v, 'i>(
        &self,
        value: &'v Spanned<DeValue<'i>>,
        key: &str,
        most: usize,
    ) -> Parsed<&'v DeArray<'i>> {
        match value.get_ref() {
            DeValue::Array(list) if (1..=most).contains(&list.len()) => Ok(list),
            DeValue::Array(list) => {
                let message = format!("found {} entries, expected 1 to {most}", list.len());
                Err(self.wrong(value.span().start, key, message))
            }
            _ => Err(self.expected(value, key, "a list")),
        }
    }

    /// One text, or a list of them.
    fn texts(&self, value: Option<&Spanned<DeValue<'_>>>, key: &str) -> Parsed<Vec<String>> {
        let Some(value) = value else { return Ok(Vec::new()) };
        if matches!(value.get_ref(), DeValue::String(_)) {
            return Ok(vec![self.text(value, key, 16)?]);
        }
        self.array(value, key, MOST_ENTRIES)?.iter().map(|one| self.text(one, key, 16)).collect()
    }

    fn rule(&self, value: &Spanned<DeValue<'_>>) -> Parsed<Rule> {
        const KEYS: [&str; 6] = ["name", "enabled", "when", "after_quiet_seconds", "once", "do"];
        let table = self.table(value, "rule", &KEYS)?;
        let missing = |key: &str| {
            self.wrong(value.span().start, &format!("rule.{key}"), "it is missing in this rule".to_owned())
        };
        let name = table.get("name").ok_or_else(|| missing("name"))?;
        let is_sign = |c: char| c.is_ascii_alphanumeric() || " ._-".contains(c);
        let text = self.text(name, "rule.name", NAME)?;
        if !text.chars().all(is_sign) {
            let message = "found another sign, expected letters, digits, spaces, dots and dashes".to_owned();
            return Err(self.wrong(name.span().start, "rule.name", message));
        }
        let quiet = table.get("after_quiet_seconds").ok_or_else(|| missing("after_quiet_seconds"))?;
        let quiet = self.whole(quiet, "rule.after_quiet_seconds", 1, LONGEST_QUIET)?;
        let then = table.get("do").ok_or_else(|| missing("do"))?;
        let list = self.array(then, "rule.do", MOST_ACTIONS)?;
        Ok(Rule {
            name: text,
            enabled: self.switch(table.get("enabled"), "rule.enabled", true)?,
            when: table.get("when").map_or_else(|| Ok(When::default()), |when| self.when(when))?,
            after_quiet: Duration::from_secs(quiet),
            once: self.switch(table.get("once"), "rule.once", false)?,
            then: list.iter().map(|one| self.action(one)).collect::<Parsed<_>>()?,
        })
    }

    fn when(&self, value: &Spanned<DeValue<'_>>) -> Parsed<When> {
        const KEYS: [&str; 6] =
            ["modality", "body_part", "description", "description_matches", "calling_ae", "min_instances"];
        let table = self.table(value, "rule.when", &KEYS)?;
        let description = match (table.get("description"), table.get("description_matches")) {
            (None, None) => None,
            (Some(glob), None) => Some(self.pattern(glob, "rule.when.description", true)?),
            (None, Some(expression)) => {
                Some(self.pattern(expression, "rule.when.description_matches", false)?)
            }
            (Some(_), Some(both)) => {
                let message = "found it beside description, expected one of the two".to_owned();
                return Err(self.wrong(both.span().start, "rule.when.description_matches", message));
            }
        };
        let min_instances = table.get("min_instances");
        let min_instances =
            min_instances.map(|least| self.whole(least, "rule.when.min_instances", 1, 1_000_000));
        Ok(When {
            modality: self.texts(table.get("modality"), "rule.when.modality")?,
            body_part: self.texts(table.get("body_part"), "rule.when.body_part")?,
            description,
            calling_ae: self.texts(table.get("calling_ae"), "rule.when.calling_ae")?,
            min_instances: min_instances.transpose()?.unwrap_or(0),
        })
    }

    /// A glob of `*` and `?` that matches the whole, or an expression that matches a part: both in time that grows with the text alone.
    fn pattern(&self, value: &Spanned<DeValue<'_>>, key: &str, is_glob: bool) -> Parsed<Pattern> {
        let text = self.text(value, key, PATTERN)?;
        let source = if is_glob {
            let inner: String = text
                .chars()
                .map(|c| match c {
                    '*' => ".*".to_owned(),
                    '?' => ".".to_owned(),
                    other => regex::escape(&other.to_string()),
                })
                .collect();
            format!("^(?s:{inner})$")
        } else {
            text.clone()
        };
        let compiled = regex::RegexBuilder::new(&source)
            .case_insensitive(true)
            .size_limit(COMPILED_BYTES)
            .dfa_size_limit(COMPILED_BYTES)
            .nest_limit(20)
            .build();
        let wrong = |error: regex::Error| {
            let message = match error {
                regex::Error::CompiledTooBig(limit) => {
                    format!("the expression takes more than {limit} bytes: make its repetitions shorter")
                }
                other => format!("no regular expression: {}", last_line(&other.to_string())),
            };
            self.wrong(value.span().start, key, message)
        };
        Ok(Pattern { text, expression: compiled.map_err(wrong)? })
    }

    fn action(&self, value: &Spanned<DeValue<'_>>) -> Parsed<Do> {
        const KINDS: [&str; 5] = ["read", "send", "send_web", "deidentify_and_send", "notify"];
        let DeValue::Table(table) = value.get_ref() else {
            return Err(self.expected(value, "rule.do", "tables as { read = {} }"));
        };
        let [(name, inner)] = table.iter().collect::<Vec<_>>()[..] else {
            let message = format!("found {} keys, expected one of {}", table.len(), KINDS.join(", "));
            return Err(self.wrong(value.span().start, "rule.do", message));
        };
        match name.get_ref().as_ref() {
            "read" => self.table(inner, "rule.do.read", &[]).map(|_| Do::Read),
            "send" => match self.destination(inner, "rule.do.send")? {
                Destination::Station(to) => Ok(Do::Send { to }),
                Destination::Archive(_) => {
                    let message = "an archive is sent to by send_web = { to = \"https://...\" }";
                    Err(self.wrong(inner.span().start, "rule.do.send.to", message.to_owned()))
                }
            },
            "send_web" => match self.destination(inner, "rule.do.send_web")? {
                Destination::Archive(to) => Ok(Do::SendWeb { to }),
                Destination::Station(_) => {
                    let message = "a station is sent to by send = { to = \"TITLE@HOST:PORT\" }";
                    Err(self.wrong(inner.span().start, "rule.do.send_web.to", message.to_owned()))
                }
            },
            "deidentify_and_send" => {
                let to = self.destination(inner, "rule.do.deidentify_and_send")?;
                Ok(Do::DeidentifyAndSend { to })
            }
            "notify" => {
                let (url, at) = self.only(inner, "rule.do.notify", "url", 2000)?;
                let wrong =
                    |error: crate::work::NotifyError| self.wrong(at, "rule.do.notify.url", error.to_string());
                Target::parse(&url, &self.reach.notify).map_err(wrong)?;
                Ok(Do::Notify { url })
            }
            _ => Err(self.unknown(name, "rule.do", &KINDS)),
        }
    }

    fn only(
        &self,
        value: &Spanned<DeValue<'_>>,
        key: &str,
        name: &str,
        longest: usize,
    ) -> Parsed<(String, usize)> {
        let table = self.table(value, key, &[name])?;
        let path = format!("{key}.{name}");
        let inner = table
            .get(name)
            .ok_or_else(|| self.wrong(value.span().start, &path, "it is missing".to_owned()))?;
        Ok((self.text(inner, &path, longest)?, inner.span().start))
    }

    /// A station of `server.peers` or an archive of `server.web_peers`, written as there.
    fn destination(&self, value: &Spanned<DeValue<'_>>, key: &str) -> Parsed<Destination> {
        let (to, at) = self.only(value, key, "to", 1000)?;
        let path = format!("{key}.to");
        let listed = |list: Vec<String>| if list.is_empty() { "none is".to_owned() } else { list.join(", ") };
        if to.contains("://") {
            if let Err(error) = Remote::parse(&to) {
                return Err(self.wrong(at, &path, error.to_string()));
            }
            let known = self.reach.web.contains(&to);
            return known.then(|| Destination::Archive(to.clone())).ok_or_else(|| {
                let list = listed(self.reach.web.clone());
                let message =
                    format!("found {to:?}, expected an archive that server.web_peers lists ({list})");
                self.wrong(at, &path, message)
            });
        }
        let known: BTreeSet<String> = self.reach.peers.iter().map(ToString::to_string).collect();
        let peer = self.reach.peers.iter().find(|peer| peer.to_string() == to).cloned();
        peer.map(Destination::Station).ok_or_else(|| {
            let list = listed(Vec::from_iter(known));
            let message = format!("found {to:?}, expected a station that server.peers lists ({list})");
            self.wrong(at, &path, message)
        })
    }
}

/// What a message of several lines says in the end.
fn last_line(message: &str) -> &str {
    message.lines().last().unwrap_or_default().trim_start_matches("error: ")
}

#[cfg(test)]
mod tests;
