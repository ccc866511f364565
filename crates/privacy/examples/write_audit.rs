//! Writes a log with every action, kind and outcome, and its FHIR bundle, for others to read; then what each entry costs.
//!
//! Usage: `cargo run --release -p wilhelm-privacy --example write_audit FOLDER`

#![allow(clippy::print_stdout, reason = "an example talks")]

use std::path::PathBuf;
use std::time::Instant;

use chrono::DateTime;
use wilhelm_privacy::Secret;
use wilhelm_privacy::audit::{
    Action, Actor, AuditKey, AuditLog, Event, Filter, Object, ObjectKind, Outcome, bundle, entries, verify,
};
use wilhelm_study::Phi;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: write_audit FOLDER")?);
    let key = AuditKey::new(&Secret::new([1; 32]));
    let at = DateTime::from_timestamp(1_790_000_000, 0).ok_or("no time")?;
    let log = AuditLog::open(&folder.join("log"), key.clone(), at)?;
    let patient = key.reference(ObjectKind::Patient, &Phi::new("4711".to_owned()));
    let mut events = Vec::new();
    for (number, action) in Action::ALL.iter().enumerate() {
        let kind = ObjectKind::ALL[number % ObjectKind::ALL.len()];
        let outcome = Outcome::ALL[number % Outcome::ALL.len()];
        let reference = key.reference(kind, &Phi::new(number.to_string()));
        let actor = match number % 3 {
            0 => Actor::user("jane").as_role("radiologist").from("192.0.2.7"),
            1 => Actor::peer("SCANNER1").from("ct-1.example"),
            _ => Actor::program(),
        };
        let mut event = Event::new(actor, *action, Object::new(kind, reference).of(patient.clone()), outcome);
        if *action == Action::AccessEmergency {
            event = event.because("unconscious after a fall");
        }
        events.push(event.with("images", number.to_string()));
    }
    log.append_all(at, &events)?;
    let found = entries(log.folder(), &Filter::default())?;
    std::fs::write(folder.join("audit.fhir.json"), bundle(&found, env!("CARGO_PKG_VERSION")))?;

    let timed = AuditLog::open(&folder.join("timed"), key.clone(), at)?;
    let begun = Instant::now();
    for event in events.iter().cycle().take(200) {
        timed.append(at, event)?;
    }
    let each = begun.elapsed() / 200;
    let many: Vec<Event> = events.iter().cycle().take(10_000).cloned().collect();
    let begun = Instant::now();
    for batch in many.chunks(100) {
        timed.append_all(at, batch)?;
    }
    let in_hundreds = begun.elapsed() / 10_000;
    let begun = Instant::now();
    let verdict = verify(timed.folder(), Some(&key))?;
    let verified = begun.elapsed();
    println!(
        "one entry at a time {} us each, in hundreds {} us each, {} entries verified in {} ms, {} flaws",
        each.as_micros(),
        in_hundreds.as_micros(),
        verdict.entries,
        verified.as_millis(),
        verdict.flaws.len()
    );
    Ok(())
}
