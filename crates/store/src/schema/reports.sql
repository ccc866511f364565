CREATE TABLE report (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    study_uid TEXT NOT NULL,
    series_uid TEXT NOT NULL,
    part INTEGER NOT NULL,
    title TEXT NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    decisions INTEGER NOT NULL,
    urgency INTEGER NOT NULL,
    updated TEXT NOT NULL,
    delivered INTEGER NOT NULL,
    superseded INTEGER NOT NULL
) STRICT;
CREATE INDEX report_study ON report (study_uid);
CREATE UNIQUE INDEX report_current ON report (study_uid, series_uid, part) WHERE superseded = 0;
CREATE INDEX report_state ON report (state);
CREATE TABLE report_version (
    report_key INTEGER NOT NULL REFERENCES report (key),
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    at TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    previous BLOB,
    sealed INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (report_key, number)
) STRICT;
CREATE TABLE report_file (
    report_key INTEGER NOT NULL REFERENCES report (key),
    name TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    sealed INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (report_key, name)
) STRICT;
CREATE TABLE report_decision (
    report_key INTEGER NOT NULL REFERENCES report (key),
    number INTEGER NOT NULL,
    finding TEXT NOT NULL,
    observation TEXT NOT NULL,
    model TEXT NOT NULL,
    decision TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (report_key, number)
) STRICT;
CREATE TABLE account_macros (
    account TEXT PRIMARY KEY,
    sha256 BLOB NOT NULL,
    sealed INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
CREATE TRIGGER report_version_stays BEFORE DELETE ON report_version
BEGIN SELECT RAISE(ABORT, 'a version of a report is never removed'); END;
CREATE TRIGGER report_version_is_as_written BEFORE UPDATE OF report_key, number, state, by_whom, at, sha256, previous ON report_version
BEGIN SELECT RAISE(ABORT, 'a version of a report is never changed'); END;
CREATE TRIGGER report_decision_stays BEFORE DELETE ON report_decision
BEGIN SELECT RAISE(ABORT, 'a decision is never removed'); END;
CREATE TRIGGER report_decision_is_as_made BEFORE UPDATE ON report_decision
BEGIN SELECT RAISE(ABORT, 'a decision is never changed'); END;
