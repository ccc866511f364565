use rusqlite::{Connection, params_from_iter};

use super::*;

#[test]
fn what_is_asked_for_by_its_uid_is_found_by_an_index_however_full_the_catalog_is() {
    let mut connection = Connection::open_in_memory().expect("memory");
    crate::schema::migrate(&mut connection).expect("made");
    let (study, series) = (tags::STUDY_INSTANCE_UID, tags::SERIES_INSTANCE_UID);
    for (level, keys) in [
        (Level::Study, &[study][..]),
        (Level::Series, &[study]),
        (Level::Series, &[series]),
        (Level::Series, &[study, series]),
        (Level::Instance, &[study]),
        (Level::Instance, &[study, series]),
        (Level::Instance, &[tags::SOP_INSTANCE_UID]),
    ] {
        let query = keys.iter().fold(Query::new(level), |query, tag| query.with(*tag, "1.2"));
        let statement = statement(&query).expect("a statement");
        let mut prepared =
            connection.prepare(&format!("EXPLAIN QUERY PLAN {}", statement.sql)).expect("prepared");
        let plan: Vec<String> = prepared
            .query_map(params_from_iter(statement.parameters), |row| row.get(3))
            .expect("a plan")
            .collect::<rusqlite::Result<_>>()
            .expect("a plan");
        let scans = ["SCAN s", "SCAN e", "SCAN i", "SCAN series"];
        let scanned = plan
            .iter()
            .find(|step| scans.iter().any(|scan| *step == scan || step.starts_with(&format!("{scan} "))));
        assert_eq!(scanned, None, "{level:?} by {keys:?}: {plan:#?}");
    }
}
