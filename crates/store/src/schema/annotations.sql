CREATE TABLE annotation_project (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    made TEXT NOT NULL,
    made_by TEXT NOT NULL,
    state TEXT NOT NULL,
    wanted INTEGER NOT NULL,
    blinded INTEGER NOT NULL,
    ordering TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    sealed INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
CREATE TABLE annotation_person (
    project_key INTEGER NOT NULL REFERENCES annotation_project (key),
    part TEXT NOT NULL,
    place INTEGER NOT NULL,
    account TEXT NOT NULL,
    PRIMARY KEY (project_key, part, account)
) STRICT;
CREATE TABLE annotation_item (
    key INTEGER PRIMARY KEY,
    project_key INTEGER NOT NULL REFERENCES annotation_project (key),
    number INTEGER NOT NULL,
    study_uid TEXT NOT NULL,
    series_uid TEXT NOT NULL,
    sop_uid TEXT NOT NULL,
    rank INTEGER NOT NULL,
    score REAL,
    reason TEXT NOT NULL,
    UNIQUE (project_key, number),
    UNIQUE (project_key, study_uid, series_uid, sop_uid)
) STRICT;
CREATE INDEX annotation_item_study ON annotation_item (study_uid);
CREATE TABLE annotation_image (
    item_key INTEGER NOT NULL REFERENCES annotation_item (key),
    place INTEGER NOT NULL,
    sop_uid TEXT NOT NULL,
    columns INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    frames INTEGER NOT NULL,
    between_columns REAL,
    between_rows REAL,
    PRIMARY KEY (item_key, place)
) STRICT;
CREATE TABLE annotation_task (
    key INTEGER PRIMARY KEY,
    item_key INTEGER NOT NULL REFERENCES annotation_item (key),
    account TEXT NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated TEXT NOT NULL,
    UNIQUE (item_key, account)
) STRICT;
CREATE INDEX annotation_task_account ON annotation_task (account, state);
-- What somebody answered, version by version; of the account '' what was decided as final.
CREATE TABLE annotation_answer (
    item_key INTEGER NOT NULL REFERENCES annotation_item (key),
    account TEXT NOT NULL,
    number INTEGER NOT NULL,
    by_whom TEXT NOT NULL,
    at TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    previous BLOB,
    sealed INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (item_key, account, number)
) STRICT;
CREATE TRIGGER annotation_answer_stays BEFORE DELETE ON annotation_answer
BEGIN SELECT RAISE(ABORT, 'an answer is never removed'); END;
CREATE TRIGGER annotation_answer_is_as_given
BEFORE UPDATE OF item_key, account, number, by_whom, at, sha256, previous ON annotation_answer
BEGIN SELECT RAISE(ABORT, 'an answer is never changed'); END;
CREATE TRIGGER annotation_image_stays BEFORE DELETE ON annotation_image
BEGIN SELECT RAISE(ABORT, 'an image of an item is never removed'); END;
CREATE TRIGGER annotation_image_is_as_taken BEFORE UPDATE ON annotation_image
BEGIN SELECT RAISE(ABORT, 'an image of an item is never changed'); END;
