CREATE TABLE consultation (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    study_uid TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    guest_role TEXT NOT NULL,
    hides_patient INTEGER NOT NULL,
    shows_reports INTEGER NOT NULL,
    opens INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    link_hash TEXT NOT NULL,
    ended INTEGER,
    ended_by TEXT,
    sha256 BLOB NOT NULL,
    sealed INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
CREATE INDEX consultation_study ON consultation (study_uid);
CREATE TABLE consultation_guest (
    key INTEGER PRIMARY KEY,
    consultation_key INTEGER NOT NULL REFERENCES consultation (key),
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    begun INTEGER NOT NULL,
    ended INTEGER,
    session_hash TEXT NOT NULL
) STRICT;
CREATE INDEX consultation_guest_of ON consultation_guest (consultation_key);
CREATE TABLE consultation_note (
    consultation_key INTEGER NOT NULL REFERENCES consultation (key),
    number INTEGER NOT NULL,
    by_whom TEXT NOT NULL,
    is_guest INTEGER NOT NULL,
    at INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    sealed INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (consultation_key, number)
) STRICT;
CREATE TABLE opinion (
    key INTEGER PRIMARY KEY,
    study_uid TEXT NOT NULL,
    number INTEGER NOT NULL,
    consultation TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    is_guest INTEGER NOT NULL,
    agreement TEXT NOT NULL,
    report TEXT NOT NULL,
    report_version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    previous BLOB,
    sealed INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    delivered INTEGER NOT NULL,
    UNIQUE (study_uid, number)
) STRICT;
CREATE TRIGGER consultation_note_stays BEFORE DELETE ON consultation_note
BEGIN SELECT RAISE(ABORT, 'a note of a consultation is never removed'); END;
CREATE TRIGGER consultation_note_is_as_written BEFORE UPDATE OF consultation_key, number, by_whom, is_guest, at, sha256 ON consultation_note
BEGIN SELECT RAISE(ABORT, 'a note of a consultation is never changed'); END;
CREATE TRIGGER opinion_stays BEFORE DELETE ON opinion
BEGIN SELECT RAISE(ABORT, 'a second opinion is never removed'); END;
CREATE TRIGGER opinion_is_as_given BEFORE UPDATE OF study_uid, number, consultation, by_whom, is_guest, agreement, report, report_version, at, sha256, previous ON opinion
BEGIN SELECT RAISE(ABORT, 'a second opinion is never changed'); END;
