-- Which studies changed: `change` counts what arrived over all studies, the greatest is the study that changed last. Rows are
-- never removed, so that no number is given twice. A rule looked at all changes up to its `through`. Times are milliseconds
-- since 1970.
CREATE TABLE activity (
    study TEXT PRIMARY KEY,
    change INTEGER NOT NULL UNIQUE,
    arrived INTEGER NOT NULL,
    sender TEXT NOT NULL
) STRICT;
CREATE TABLE rule (
    name TEXT PRIMARY KEY,
    through INTEGER NOT NULL
) STRICT;
CREATE TABLE rule_study (
    rule TEXT NOT NULL REFERENCES rule (name) ON DELETE CASCADE,
    study TEXT NOT NULL,
    change INTEGER NOT NULL,
    at INTEGER NOT NULL,
    matched INTEGER NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (rule, study)
) STRICT;
CREATE INDEX rule_study_at ON rule_study (rule, at DESC);
