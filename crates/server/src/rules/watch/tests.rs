use std::path::Path;

use wilhelm_formats::phantom::{CtPhantom, part_10};
use wilhelm_store::queue::{Job, JobState};
use wilhelm_store::{Expected, Settings};

use super::*;
use crate::events::Heard;
use crate::rules::{Reach, Rules};

const RULES: &str = r#"
[[rule]]
name = "chest"
when = { modality = "CT", min_instances = 2 }
after_quiet_seconds = 60
do = [{ notify = { url = "http://127.0.0.1:9/x" } }]

[[rule]]
name = "first"
once = true
after_quiet_seconds = 30
do = [{ notify = { url = "http://127.0.0.1:9/y" } }]
"#;

fn rules() -> Arc<Rules> {
    Arc::new(Rules::parse(RULES, &Reach::default()).expect("rules"))
}

fn open(folder: &Path) -> Arc<Store> {
    Store::open(folder, Settings::default()).expect("an archive")
}

fn looking(store: &Arc<Store>) -> (Looking, Events) {
    let events = Events::default();
    let keep = Duration::from_secs(3600);
    (Looking::new(Arc::clone(store), rules(), events.clone(), keep).expect("known"), events)
}

fn arrive(store: &Store, number: usize) {
    let phantom = CtPhantom { columns: 16, rows: 16, slices: number + 1, ..Default::default() };
    let mut arriving = store.arrive();
    arriving.write(&part_10(phantom.slice_object(number)).expect("a phantom")).expect("written");
    store.take(arriving, Expected::default()).expect("taken").pending.wait().expect("kept");
}

/// The moment `seconds` after the arrival, by both clocks.
fn after(store: &Store, seconds: u64) -> Clock {
    let arrived = store.changed_after(0, 10).expect("changes")[0].arrived;
    Clock { wall: arrived + Duration::from_secs(seconds), ticking: Duration::from_secs(1000 + seconds) }
}

fn jobs(store: &Store) -> Vec<Job> {
    let mut jobs = store.queue().list(None, None, 100).expect("jobs");
    jobs.reverse();
    jobs
}

fn by(store: &Store) -> Vec<String> {
    jobs(store).into_iter().map(|job| job.by).collect()
}

#[test]
fn a_study_is_looked_at_once_when_it_is_quiet_and_again_when_it_grows() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let (mut looking, _) = looking(&store);
    arrive(&store, 0);
    assert_eq!(looking.look(after(&store, 0)).expect("looked"), Duration::from_secs(30));
    assert!(jobs(&store).is_empty(), "neither is quiet yet");
    assert_eq!(looking.look(after(&store, 30)).expect("looked"), Duration::from_secs(30));
    assert_eq!(by(&store), ["rule first"]);
    looking.look(after(&store, 61)).expect("looked");
    assert_eq!(by(&store), ["rule first"], "one object is too few for the other rule");
    arrive(&store, 1);
    looking.look(after(&store, 1)).expect("looked");
    let clock = after(&store, 200);
    looking.look(clock).expect("looked");
    assert_eq!(by(&store), ["rule first", "rule chest"], "the first applies once");
    looking.look(clock).expect("looked");
    assert_eq!(jobs(&store).len(), 2);
    assert_eq!(store.last_matches("chest", 10).expect("matches").len(), 1);
}

#[test]
fn the_timer_goes_on_over_a_restart_and_a_job_is_made_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let (mut before, _) = looking(&store);
    arrive(&store, 0);
    arrive(&store, 1);
    before.look(after(&store, 10)).expect("looked");
    drop(before);
    drop(store);
    let store = open(folder.path());
    let (mut again, _) = looking(&store);
    // The ticking clock began anew; the wall clock says that 20 s of 30 are over.
    let at = |seconds: u64, ticking: u64| Clock {
        wall: after(&store, seconds).wall,
        ticking: Duration::from_secs(ticking),
    };
    assert_eq!(again.look(at(20, 0)).expect("looked"), Duration::from_secs(10));
    again.look(at(30, 10)).expect("looked");
    again.look(at(60, 40)).expect("looked");
    assert_eq!(by(&store), ["rule first", "rule chest"]);
    drop(again);
    let (mut third, _) = looking(&store);
    third.look(at(500, 0)).expect("looked");
    assert_eq!(jobs(&store).len(), 2, "what was looked at stays so");
}

#[test]
fn a_clock_that_is_set_back_or_forward_loses_no_study_and_doubles_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let (mut looking, _) = looking(&store);
    arrive(&store, 0);
    arrive(&store, 1);
    let arrived = after(&store, 0).wall;
    let year = Duration::from_secs(365 * 24 * 3600);
    // Set back by a year before the first look: all of the quiet is waited for by the ticking clock, and no year.
    let at = |wall, ticking: u64| Clock { wall, ticking: Duration::from_secs(ticking) };
    assert_eq!(looking.look(at(arrived - year, 0)).expect("looked"), Duration::from_secs(30));
    looking.look(at(arrived - year, 61)).expect("looked");
    assert_eq!(by(&store), ["rule chest", "rule first"], "in the order of the file");
    looking.look(at(arrived + year, 62)).expect("looked");
    looking.look(at(arrived - year, 63)).expect("looked");
    assert_eq!(jobs(&store).len(), 2);
}

#[test]
fn studies_from_before_a_rule_are_none_of_its_business_and_deleted_ones_neither() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    arrive(&store, 0);
    let (mut looking, _) = looking(&store);
    looking.look(after(&store, 500)).expect("looked");
    assert!(jobs(&store).is_empty());
    arrive(&store, 1);
    let study = store.changed_after(0, 1).expect("changes").remove(0).study;
    let deleted = wilhelm_store::Deleted { by: "jane".to_owned(), reason: "sent twice".to_owned() };
    let clock = after(&store, 500);
    store.delete(&study, deleted, clock.wall).expect("deleted");
    looking.look(clock).expect("looked");
    assert!(jobs(&store).is_empty());
    assert!(store.not_looked_at("first").expect("none").is_empty());
}

#[test]
fn who_listens_hears_of_studies_and_jobs_and_the_bin_is_emptied_by_a_job() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let (mut looking, events) = looking(&store);
    let mut listener = events.listen();
    arrive(&store, 0);
    arrive(&store, 1);
    let clock = after(&store, 100);
    looking.look(clock).expect("looked");
    let study = store.changed_after(0, 1).expect("changes").remove(0).study;
    let heard = listener.try_next();
    assert_eq!(heard, Some(Heard::Event(Event::Study { study: study.clone(), instances: 2 })));
    assert!(
        matches!(listener.try_next(), Some(Heard::Event(Event::Job(job))) if job.state == JobState::Queued)
    );
    let deleted = wilhelm_store::Deleted { by: "jane".to_owned(), reason: "sent twice".to_owned() };
    store.delete(&study, deleted, clock.wall).expect("deleted");
    let later = Clock { wall: clock.wall + Duration::from_secs(3601), ticking: clock.ticking + BETWEEN_BINS };
    looking.look(later).expect("looked");
    assert_eq!(jobs(&store).last().map(|job| job.kind.as_str()), Some("empty-bin"));
}

#[test]
fn what_arrives_while_a_rule_is_switched_off_or_gone_is_none_of_its_business() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let with = |text: &str| {
        let rules = Arc::new(Rules::parse(text, &Reach::default()).expect("rules"));
        Looking::new(Arc::clone(&store), rules, Events::default(), Duration::from_secs(3600)).expect("known")
    };
    let off = RULES.replace("name = \"first\"", "name = \"first\"\nenabled = false");
    let gone = RULES.split("[[rule]]\nname = \"first\"").next().expect("the other rule");
    with(RULES);
    for (number, without) in [off.as_str(), gone].into_iter().enumerate() {
        let mut looking = with(without);
        arrive(&store, number);
        looking.look(after(&store, 30)).expect("looked");
        assert!(jobs(&store).is_empty());
        with(RULES).look(after(&store, 30)).expect("looked");
        assert!(jobs(&store).is_empty(), "{number}: that is over");
    }
    // With the next object it is looked at again.
    let mut looking = with(RULES);
    arrive(&store, 2);
    looking.look(after(&store, 40)).expect("looked");
    assert_eq!(by(&store), ["rule first"]);
    drop(looking);
    assert!(
        store.rule_state("first", &jobs(&store)[0].study.clone().expect("a study")).expect("known").is_some()
    );
    with(gone);
    assert!(store.last_matches("first", 9).expect("none").is_empty(), "a new rule with the name begins anew");
}
