-- 003.sql - prompts and generated tokens apart.  What was recorded before had them in one
-- sum, as steps that mix them have.

-- What the measured steps of a run were, by what they were for; sums over steps.
CREATE TABLE stage (
  run_id   INTEGER NOT NULL REFERENCES run,
  phase    TEXT NOT NULL CHECK (phase IN ('prompt', 'decode', 'mixed', 'score')),
  steps    INTEGER NOT NULL,
  rows     INTEGER NOT NULL,                 -- tokens
  wanted   INTEGER NOT NULL,                 -- rows whose logits were made
  depth    INTEGER NOT NULL,                 -- over rows: positions attended to
  reach    INTEGER NOT NULL,                 -- cached positions, each sequence's once a step
  model_ns INTEGER NOT NULL,                 -- in the model
  step_ns  INTEGER NOT NULL,                 -- with scheduling, drafting and sampling
  PRIMARY KEY (run_id, phase)
) STRICT, WITHOUT ROWID;

DROP TRIGGER operator_in_time;
DROP TRIGGER operator_is_final;
DROP TRIGGER operator_stays;
ALTER TABLE operator RENAME TO operator_before;

CREATE TABLE operator (
  run_id   INTEGER NOT NULL REFERENCES run,
  phase    TEXT NOT NULL CHECK (phase IN ('prompt', 'decode', 'mixed', 'score')),
  position INTEGER NOT NULL,                 -- of the node, in the order of execution
  name     TEXT NOT NULL,                    -- of the node: "blk.3.attn_q"
  op       TEXT NOT NULL,
  kind     TEXT NOT NULL,                    -- "matmul q4_0", "matmul q6_k head"
  kernel   TEXT NOT NULL,
  calls    INTEGER NOT NULL,
  ns       INTEGER NOT NULL,
  bytes    INTEGER,                          -- by the cost model; NULL: not known
  streamed INTEGER,                          -- of them, weights and cache
  flops    INTEGER,
  narrow   INTEGER NOT NULL CHECK (narrow IN (0, 1)), -- may multiply bytes
  PRIMARY KEY (run_id, phase, position)
) STRICT, WITHOUT ROWID;

INSERT INTO operator
SELECT run_id, 'mixed', position, name, op, op, kernel, calls, ns, bytes, NULL, flops, 0
FROM operator_before;
DROP TABLE operator_before;

CREATE TRIGGER stage_in_time BEFORE INSERT ON stage
WHEN (SELECT status FROM run WHERE run_id = NEW.run_id) <> 'running'
BEGIN SELECT RAISE(ABORT, 'a finished run takes no more rows'); END;
CREATE TRIGGER stage_is_final BEFORE UPDATE ON stage
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be changed'); END;
CREATE TRIGGER stage_stays BEFORE DELETE ON stage
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be deleted'); END;
CREATE TRIGGER operator_in_time BEFORE INSERT ON operator
WHEN (SELECT status FROM run WHERE run_id = NEW.run_id) <> 'running'
BEGIN SELECT RAISE(ABORT, 'a finished run takes no more rows'); END;
CREATE TRIGGER operator_is_final BEFORE UPDATE ON operator
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be changed'); END;
CREATE TRIGGER operator_stays BEFORE DELETE ON operator
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be deleted'); END;
