-- Studies that were deleted and the objects they had, and how many bytes are held at all. Times are milliseconds since 1970,
-- but for `arrived`, which is seconds as in `instance`.
CREATE TABLE bin (
    study TEXT PRIMARY KEY,
    patient_id TEXT NOT NULL,
    issuer TEXT NOT NULL,
    patient_name TEXT NOT NULL,
    date TEXT NOT NULL,
    description TEXT NOT NULL,
    deleted INTEGER NOT NULL,
    deleted_by TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE TABLE bin_object (
    key INTEGER PRIMARY KEY,
    study TEXT NOT NULL REFERENCES bin (study) ON DELETE CASCADE,
    uid TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    arrived INTEGER NOT NULL,
    UNIQUE (study, uid, sha256)
) STRICT;
CREATE INDEX bin_object_sha256 ON bin_object (sha256);
CREATE TABLE held (bytes INTEGER NOT NULL) STRICT;
INSERT INTO held SELECT coalesce(sum(bytes), 0) FROM instance;
CREATE TRIGGER instance_in AFTER INSERT ON instance BEGIN UPDATE held SET bytes = bytes + NEW.bytes; END;
CREATE TRIGGER instance_out AFTER DELETE ON instance BEGIN UPDATE held SET bytes = bytes - OLD.bytes; END;
CREATE TRIGGER bin_in AFTER INSERT ON bin_object BEGIN UPDATE held SET bytes = bytes + NEW.bytes; END;
CREATE TRIGGER bin_out AFTER DELETE ON bin_object BEGIN UPDATE held SET bytes = bytes - OLD.bytes; END;
