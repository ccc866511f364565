//! What consultations share while they last, and who has which report open: in memory, and gone with the program.
//!
//! The principal type is [`Live`]. A room is there as long as somebody is in it. What is seen, windowed and pointed at is told
//! to those who are in the room now, and kept but for the last of each.

mod deliver;
mod readers;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::broadcast;

pub(crate) use deliver::{deliver, deliver_missing};
pub(crate) use readers::{Reader, Readers};

/// Words that a listener may be behind; beyond, it has lost some and is let go.
const BEHIND: usize = 256;
/// Views of one participant a second, and how many at once after a rest.
pub(crate) const VIEWS_A_SECOND: f64 = 10.0;
const BURST: f64 = 20.0;
/// People in one room.
const MOST_PEOPLE: usize = 32;

/// Somebody in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    /// What tells them apart: `account NAME` or `guest ID`.
    pub key: String,
    pub name: String,
    pub is_guest: bool,
}

/// A word of a room.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// Its name on the line `event:`.
    pub name: &'static str,
    /// Whom it is about, who need not hear it.
    pub about: String,
    pub data: Arc<str>,
    /// Whether guests hear nothing more after it.
    pub is_last: bool,
}

struct Present {
    person: Person,
    /// How many windows of theirs listen.
    windows: usize,
    /// What they look at.
    view: Option<Value>,
    left: f64,
    since: Instant,
}

struct Room {
    tell: broadcast::Sender<Told>,
    people: BTreeMap<String, Present>,
}

/// The rooms of consultations, and the readers of reports.
#[derive(Default)]
pub(crate) struct Live {
    rooms: Mutex<BTreeMap<String, Room>>,
    pub readers: Readers,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Live").finish_non_exhaustive()
    }
}

/// Why somebody is not let into a room, or a view is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shut {
    /// As many are in the room as may be.
    Full,
    /// More views than may be.
    TooOften,
    /// They are not in the room: nobody would hear of them.
    NotThere,
}

fn shown(present: &Present) -> Value {
    let Person { key, name, is_guest } = &present.person;
    json!({ "who": key, "name": name, "guest": is_guest, "view": present.view })
}

impl Live {
    fn with<T>(&self, run: impl FnOnce(&mut BTreeMap<String, Room>) -> T) -> T {
        run(&mut self.rooms.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Enters a room; gives what is told there from now on, and who is there.
    pub(crate) fn enter(
        &self,
        consultation: &str,
        person: &Person,
        now: Instant,
    ) -> Result<(broadcast::Receiver<Told>, Value), Shut> {
        self.with(|rooms| {
            let room = rooms
                .entry(consultation.to_owned())
                .or_insert_with(|| Room { tell: broadcast::channel(BEHIND).0, people: BTreeMap::new() });
            if room.people.len() >= MOST_PEOPLE && !room.people.contains_key(&person.key) {
                return Err(Shut::Full);
            }
            let heard = room.tell.subscribe();
            let present = room.people.entry(person.key.clone()).or_insert_with(|| Present {
                person: person.clone(),
                windows: 0,
                view: None,
                left: BURST,
                since: now,
            });
            present.windows += 1;
            if present.windows == 1 {
                let data = shown(present).to_string().into();
                let about = person.key.clone();
                let _ = room.tell.send(Told { name: "came", about, data, is_last: false });
            }
            let people: Vec<Value> = room.people.values().map(shown).collect();
            Ok((heard, json!({ "you": person.key, "people": people })))
        })
    }

    /// Leaves a room, which ends with the last who leaves.
    pub(crate) fn leave(&self, consultation: &str, person: &Person) {
        self.with(|rooms| {
            let Some(room) = rooms.get_mut(consultation) else { return };
            let Some(present) = room.people.get_mut(&person.key) else { return };
            present.windows -= 1;
            if present.windows > 0 {
                return;
            }
            room.people.remove(&person.key);
            let data = json!({ "who": person.key, "name": person.name }).to_string().into();
            let _ = room.tell.send(Told { name: "left", about: person.key.clone(), data, is_last: false });
            if room.people.is_empty() {
                rooms.remove(consultation);
            }
        });
    }

    /// Tells a room what somebody looks at.
    pub(crate) fn view(
        &self,
        consultation: &str,
        person: &Person,
        view: &Value,
        now: Instant,
    ) -> Result<(), Shut> {
        self.with(|rooms| {
            let room = rooms.get_mut(consultation).ok_or(Shut::NotThere)?;
            let present = room.people.get_mut(&person.key).ok_or(Shut::NotThere)?;
            let passed = now.saturating_duration_since(present.since).as_secs_f64();
            present.left = (present.left + passed * VIEWS_A_SECOND).min(BURST);
            present.since = now;
            if present.left < 1.0 {
                return Err(Shut::TooOften);
            }
            present.left -= 1.0;
            present.view = Some(view.clone());
            let data = shown(present).to_string().into();
            let _ = room.tell.send(Told { name: "view", about: person.key.clone(), data, is_last: false });
            Ok(())
        })
    }

    /// Tells a room that something is there to be read: a note, an opinion, a guest, the end.
    pub(crate) fn tell(&self, consultation: &str, name: &'static str, data: &Value) {
        self.with(|rooms| {
            let Some(room) = rooms.get(consultation) else { return };
            let data = data.to_string().into();
            let told = Told { name, about: String::new(), data, is_last: name == "ended" };
            let _ = room.tell.send(told);
        });
    }

    /// Tells everybody who listens that this is the end.
    pub(crate) fn end(&self) {
        self.with(BTreeMap::clear);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn person(name: &str, is_guest: bool) -> Person {
        Person { key: format!("guest {name}"), name: name.to_owned(), is_guest }
    }

    #[test]
    fn who_is_in_a_room_hears_the_others_and_ten_views_a_second_of_each() {
        let (live, now) = (Live::default(), Instant::now());
        let (host, guest) = (person("host", false), person("li", true));
        assert_eq!(live.view("c", &host, &json!({}), now), Err(Shut::NotThere));
        let (mut heard, there) = live.enter("c", &host, now).expect("the first");
        assert_eq!(there["people"].as_array().map(Vec::len), Some(1));
        let (_, there) = live.enter("c", &guest, now).expect("the second");
        assert_eq!(there["people"][1]["name"], "li");
        let mut told = 0;
        for _ in 0..100 {
            told += u32::from(live.view("c", &guest, &json!({ "frame": told }), now).is_ok());
        }
        assert_eq!(told, 20, "what a rest saved");
        assert_eq!(live.view("c", &guest, &json!({}), now + Duration::from_millis(50)), Err(Shut::TooOften));
        let later = now + Duration::from_millis(1050);
        let more = (0..100).filter(|_| live.view("c", &guest, &json!({}), later).is_ok()).count();
        assert_eq!(more, 10);
        live.tell("c", "note", &json!({ "number": 1 }));
        live.leave("c", &guest);
        live.leave("c", &guest);
        let names: Vec<&str> = std::iter::from_fn(|| heard.try_recv().ok()).map(|told| told.name).collect();
        assert_eq!((names[0], names[1], names.len()), ("came", "came", 2 + 30 + 2));
        assert_eq!(names[32..], ["note", "left"]);
        live.leave("c", &host);
        live.with(|rooms| assert!(rooms.is_empty(), "nothing is kept of a room that all have left"));
    }

    #[test]
    fn a_room_holds_so_many_and_two_windows_of_one_are_one() {
        let (live, now) = (Live::default(), Instant::now());
        for number in 0..MOST_PEOPLE {
            live.enter("c", &person(&number.to_string(), true), now).expect("room");
        }
        assert_eq!(live.enter("c", &person("more", true), now).err(), Some(Shut::Full));
        live.enter("c", &person("0", true), now).expect("another window");
        live.leave("c", &person("0", true));
        live.with(|rooms| assert_eq!(rooms["c"].people.len(), MOST_PEOPLE));
    }
}
