-- Jobs, and how often the archive was opened. `opening` of a job is the opening in which it was claimed; `since` is when its
-- pause began, and `not_before` when it ends, in milliseconds since 1970 as all times here; `stop` is whether somebody wants
-- it to stop.
CREATE TABLE job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    study TEXT,
    details TEXT NOT NULL,
    wanted_by TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'dead', 'cancelled')),
    attempts INTEGER NOT NULL,
    most_attempts INTEGER NOT NULL,
    made INTEGER NOT NULL,
    started INTEGER,
    ended INTEGER,
    since INTEGER,
    not_before INTEGER,
    error TEXT,
    words TEXT,
    done INTEGER,
    total INTEGER,
    opening INTEGER,
    stop INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX job_key ON job (key) WHERE state IN ('queued', 'running');
CREATE INDEX job_state ON job (state, id);
CREATE INDEX job_study ON job (study, id);
CREATE TABLE opening (number INTEGER NOT NULL) STRICT;
INSERT INTO opening VALUES (0);
