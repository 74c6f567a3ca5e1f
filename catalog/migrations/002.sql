-- Files that are no usable plugins; inputs that are known before they are read through; how
-- a sweep ended.

CREATE TABLE unusable (
  path     TEXT PRIMARY KEY,
  build    TEXT NOT NULL,
  bytes    INTEGER NOT NULL,
  modified INTEGER NOT NULL,
  judge    TEXT NOT NULL,
  problem  TEXT NOT NULL,
  at       INTEGER NOT NULL
) STRICT;

ALTER TABLE sweep ADD COLUMN status TEXT
  CHECK (status IN ('done', 'stopped', 'failed', 'crashed'));
ALTER TABLE sweep ADD COLUMN supervisor TEXT;
UPDATE sweep SET status = 'done' WHERE ended IS NOT NULL;
UPDATE sweep SET status = 'crashed', ended = ifnull(
    (SELECT max(ifnull(r.ended, r.started)) FROM run r WHERE r.sweep_id = sweep.sweep_id),
    started) WHERE ended IS NULL;

ALTER TABLE input ADD COLUMN modified INTEGER;
DROP TRIGGER input_is_final;
CREATE TRIGGER input_is_final BEFORE UPDATE ON input
WHEN OLD.digest <> '' OR (SELECT status FROM run WHERE run_id = OLD.run_id) <> 'running'
  OR (NEW.run_id, NEW.role, NEW.name, NEW.path, NEW.bytes, NEW.modified)
  IS NOT (OLD.run_id, OLD.role, OLD.name, OLD.path, OLD.bytes, OLD.modified)
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be changed'); END;
