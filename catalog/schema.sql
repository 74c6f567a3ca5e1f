-- schema.sql - the catalog as it is now.
--
-- Plain tables that the sqlite3 shell can open.  Times are microseconds since 1970, UTC;
-- durations say their unit.  Contents are named by SHA-256 (64 hexadecimal digits), runs
-- by `uid` beside the row number.  A value that is not finite is NULL, and `odd` says
-- which it was.  What belongs to a run is written while it runs and never changed after.
--
-- A change here needs a file in migrations/ that does the same to older catalogs; a test
-- compares the two ways.

-- The literature ---------------------------------------------------------------------

CREATE TABLE paper (
  paper_id INTEGER PRIMARY KEY,
  ref      TEXT NOT NULL UNIQUE,             -- arXiv:..., doi:... or an address
  authors  TEXT NOT NULL,
  year     INTEGER NOT NULL
) STRICT;

CREATE TABLE technique (
  technique_id INTEGER PRIMARY KEY,
  paper_id     INTEGER REFERENCES paper,
  name         TEXT NOT NULL UNIQUE,         -- what a strategy declares to implement
  title        TEXT NOT NULL,
  credit       TEXT NOT NULL,                -- who is named for it
  class        TEXT NOT NULL CHECK (class IN ('training', 'inference', 'serving')),
  branch       TEXT NOT NULL,                -- leaf of the taxonomy: "kv_cache"
  summary      TEXT NOT NULL,
  shows        TEXT,                         -- what a small machine can honestly show
  on_cpu       INTEGER NOT NULL CHECK (on_cpu IN (0, 1)),
  standing     TEXT NOT NULL CHECK (standing IN
               ('confirmed', 'remembered', 'unknown', 'background')),
  trust        TEXT NOT NULL CHECK (trust IN ('primary', 'secondary', 'memory'))
) STRICT;

CREATE TABLE claim (
  claim_id     INTEGER PRIMARY KEY,
  technique_id INTEGER NOT NULL REFERENCES technique,
  plugin_id    INTEGER REFERENCES plugin,    -- declared by a plugin; NULL: by the literature
  label        TEXT NOT NULL,
  statement    TEXT NOT NULL,
  metric       TEXT NOT NULL,
  value        REAL,                         -- as printed
  unit         TEXT,
  baseline     TEXT, model TEXT, hardware TEXT, conditions TEXT,
  kind         TEXT NOT NULL CHECK (kind IN ('printed', 'ratio', 'bound', 'order', 'equal')),
  lo           REAL, hi REAL,                -- kind ratio: with / without lies in here
  trust        TEXT NOT NULL CHECK (trust IN ('primary', 'secondary', 'memory')),
  source       TEXT NOT NULL,
  digest       TEXT NOT NULL,                -- of all the above: the same claim, twice loaded
  retired      INTEGER NOT NULL DEFAULT 0 CHECK (retired IN (0, 1)),
  UNIQUE (technique_id, digest),
  CHECK (kind <> 'ratio' OR (lo IS NOT NULL AND hi IS NOT NULL))
) STRICT;
CREATE INDEX claim_plugin ON claim (plugin_id);

-- What came with a program and was loaded from it; a newer edition is loaded again.
CREATE TABLE loaded (
  what    TEXT PRIMARY KEY,
  edition INTEGER NOT NULL,
  at      INTEGER NOT NULL
) STRICT;

-- What takes part --------------------------------------------------------------------

CREATE TABLE plugin (
  plugin_id    INTEGER PRIMARY KEY,
  name         TEXT NOT NULL,                -- "kv.paged"
  kind         TEXT NOT NULL CHECK (kind IN ('strategy', 'part')),
  version      TEXT NOT NULL,
  build        TEXT NOT NULL UNIQUE,         -- SHA-256 of the file
  technique_id INTEGER REFERENCES technique,
  description  TEXT NOT NULL CHECK (json_valid(description)),
  first_seen   INTEGER NOT NULL
) STRICT;
CREATE INDEX plugin_name ON plugin (name, plugin_id);
CREATE INDEX plugin_technique ON plugin (technique_id);

-- Files that were looked at and cannot be used, so that one that hangs does so once.  A
-- file that changed, or a host that judges otherwise, is looked at again.
CREATE TABLE unusable (
  path     TEXT PRIMARY KEY,
  build    TEXT NOT NULL,                    -- SHA-256 of the file
  bytes    INTEGER NOT NULL,
  modified INTEGER NOT NULL,                 -- nanoseconds since 1970
  judge    TEXT NOT NULL,                    -- the host's rules, by their digest
  problem  TEXT NOT NULL,
  at       INTEGER NOT NULL
) STRICT;

CREATE TABLE review (
  review_id INTEGER PRIMARY KEY,
  plugin_id INTEGER NOT NULL REFERENCES plugin,
  reviewer  TEXT NOT NULL,
  at        INTEGER NOT NULL,
  evidence  TEXT NOT NULL,
  accepted  INTEGER NOT NULL CHECK (accepted IN (0, 1))
) STRICT;

CREATE TABLE machine (
  machine_id   INTEGER PRIMARY KEY,
  digest       TEXT NOT NULL UNIQUE,         -- of the facts
  hostname     TEXT, cpu TEXT NOT NULL, features TEXT,
  kernel       TEXT, libc TEXT, governor TEXT,
  cores        INTEGER, threads INTEGER,
  quota        REAL,                         -- CPUs of the cgroup; 0: none
  memory_bytes INTEGER,
  facts        TEXT NOT NULL CHECK (json_valid(facts)),
  first_seen   INTEGER NOT NULL
) STRICT;

CREATE TABLE calibration (
  calibration_id INTEGER PRIMARY KEY,
  machine_id     INTEGER NOT NULL REFERENCES machine,
  measured       INTEGER NOT NULL,
  speed          TEXT NOT NULL CHECK (json_valid(speed))
) STRICT;
CREATE INDEX calibration_machine ON calibration (machine_id, measured);

CREATE TABLE program (
  program_id INTEGER PRIMARY KEY,
  digest     TEXT NOT NULL UNIQUE,           -- of the five below
  version    TEXT NOT NULL,
  git        TEXT NOT NULL,                  -- commit; '': not built from a repository
  patch      TEXT NOT NULL,                  -- the whole uncommitted diff; '': none
  compiler   TEXT NOT NULL,
  flags      TEXT NOT NULL,
  first_seen INTEGER NOT NULL
) STRICT;

CREATE TABLE recipe (
  recipe_id INTEGER PRIMARY KEY,
  digest    TEXT NOT NULL UNIQUE,
  name      TEXT NOT NULL,
  text      TEXT NOT NULL
) STRICT;
CREATE INDEX recipe_name ON recipe (name);

CREATE TABLE plan (
  plan_id     INTEGER PRIMARY KEY,
  composition TEXT NOT NULL UNIQUE,          -- SHA-256 of `resolved`
  task        TEXT NOT NULL,                 -- the same with the strategies left out
  resolved    TEXT NOT NULL CHECK (json_valid(resolved))
) STRICT;
CREATE INDEX plan_task ON plan (task);

CREATE TABLE ablation (
  composition TEXT NOT NULL REFERENCES plan (composition),
  name        TEXT NOT NULL,                 -- the strategy left out
  without     TEXT NOT NULL,                 -- SHA-256 of the composition that is left
  PRIMARY KEY (composition, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX ablation_name ON ablation (name, composition);

-- What will execute on this machine, as the worker said it; repeats share a row.
CREATE TABLE detail (
  detail_id INTEGER PRIMARY KEY,
  digest    TEXT NOT NULL UNIQUE,
  detail    TEXT NOT NULL CHECK (json_valid(detail))
) STRICT;

-- Runs -------------------------------------------------------------------------------

CREATE TABLE sweep (
  sweep_id  INTEGER PRIMARY KEY,
  uid       TEXT NOT NULL UNIQUE,
  name      TEXT NOT NULL,
  recipe_id INTEGER NOT NULL REFERENCES recipe,
  points    TEXT NOT NULL CHECK (json_valid(points)),
  started   INTEGER NOT NULL,
  ended     INTEGER,
  status    TEXT                             -- NULL: it goes on
            CHECK (status IN ('done', 'stopped', 'failed', 'crashed')),
  supervisor TEXT                            -- as of a run
) STRICT;

CREATE TABLE run (
  run_id     INTEGER PRIMARY KEY,
  uid        TEXT NOT NULL UNIQUE,
  name       TEXT NOT NULL,
  phase      TEXT NOT NULL CHECK (phase IN ('train', 'infer', 'serve')),
  recipe_id  INTEGER NOT NULL REFERENCES recipe,
  plan_id    INTEGER REFERENCES plan,        -- NULL: refused
  machine_id INTEGER NOT NULL REFERENCES machine,
  program_id INTEGER NOT NULL REFERENCES program,
  seed       INTEGER NOT NULL,
  command    TEXT NOT NULL CHECK (json_valid(command)),
  file       TEXT NOT NULL,                  -- where the recipe was read from
  sweep_id   INTEGER REFERENCES sweep,
  parent_id  INTEGER REFERENCES run,         -- resumed from
  detail_id  INTEGER REFERENCES detail,
  status     TEXT NOT NULL CHECK (status IN
             ('refused', 'running', 'done', 'inert', 'failed', 'crashed', 'stopped')),
  why        TEXT,                           -- last words, or the signal
  blamed_id  INTEGER REFERENCES plugin,      -- whose code was running then
  output     TEXT,                           -- SHA-256 of all tokens or weights made
  supervisor TEXT NOT NULL,                  -- boot, process space, process, its start
  started    INTEGER NOT NULL,
  ended      INTEGER,
  CHECK ((plan_id IS NULL) = (status = 'refused')),
  CHECK ((ended IS NULL) = (status = 'running'))
) STRICT;
CREATE INDEX run_output ON run (plan_id, status, seed, output);
CREATE INDEX run_newest ON run (plan_id, machine_id, status, run_id);
CREATE INDEX run_alike ON run (plan_id, machine_id, seed, program_id, status, run_id);
CREATE INDEX run_name ON run (name, run_id);
CREATE INDEX run_status ON run (status, run_id);
CREATE INDEX run_recipe ON run (recipe_id, run_id);
CREATE INDEX run_sweep ON run (sweep_id);
CREATE INDEX run_parent ON run (parent_id);

-- The run may not be there yet: the diagnostics of a refused run are written first,
-- since a refused run is finished from its first moment.
CREATE TABLE diagnostic (
  run_id   INTEGER NOT NULL REFERENCES run DEFERRABLE INITIALLY DEFERRED,
  position INTEGER NOT NULL,
  code     TEXT NOT NULL,
  file     TEXT, line INTEGER, "column" INTEGER, length INTEGER,
  text     TEXT NOT NULL,
  notes    TEXT NOT NULL CHECK (json_valid(notes)),
  help     TEXT,
  PRIMARY KEY (run_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX diagnostic_code ON diagnostic (code, run_id);

-- Who took part.  `calls` and what follows are NULL until the worker reports at the end.
CREATE TABLE composition (
  run_id     INTEGER NOT NULL REFERENCES run,
  plugin_id  INTEGER NOT NULL REFERENCES plugin,
  position   INTEGER NOT NULL,               -- in the recipe; parts come after
  seam       TEXT NOT NULL,                  -- what it fills, separated by blanks
  requested  INTEGER NOT NULL CHECK (requested IN (0, 1)),
  may_idle   INTEGER NOT NULL CHECK (may_idle IN (0, 1)),
  engaged    INTEGER CHECK (engaged IN (0, 1)),
  inert      INTEGER CHECK (inert IN (0, 1)),
  calls      INTEGER,
  declined   INTEGER,
  reason     TEXT,                           -- of the first decline
  time_ns    INTEGER,
  bytes_peak INTEGER,
  PRIMARY KEY (run_id, plugin_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX composition_plugin ON composition (plugin_id, run_id);

CREATE TABLE evidence (
  run_id    INTEGER NOT NULL REFERENCES run,
  plugin_id INTEGER NOT NULL REFERENCES plugin,
  name      TEXT NOT NULL,
  unit      TEXT NOT NULL,
  count     INTEGER NOT NULL,
  least     INTEGER NOT NULL,                -- below this the run is inert
  PRIMARY KEY (run_id, plugin_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE setting (
  run_id INTEGER NOT NULL REFERENCES run,
  owner  TEXT NOT NULL,                      -- "sample", or a plugin: "kv.paged"
  name   TEXT NOT NULL,
  value  ANY,                                -- lists and truth values as JSON text
  origin TEXT NOT NULL CHECK (origin IN ('default', 'recipe', 'sweep', 'command')),
  line   INTEGER,                            -- of the recipe
  PRIMARY KEY (run_id, owner, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE metric (
  metric_id INTEGER PRIMARY KEY,
  name      TEXT NOT NULL UNIQUE,
  unit      TEXT NOT NULL,
  doc       TEXT NOT NULL,
  better    INTEGER NOT NULL CHECK (better IN (-1, 0, 1)),
  steady    INTEGER NOT NULL CHECK (steady IN (0, 1)) -- the same in every repeat
) STRICT;

CREATE TABLE sample (
  run_id    INTEGER NOT NULL REFERENCES run,
  metric_id INTEGER NOT NULL REFERENCES metric,
  repeat    INTEGER NOT NULL,                -- below 0: warm-up
  value     REAL,
  odd       TEXT CHECK (odd IN ('nan', '+inf', '-inf')),
  PRIMARY KEY (run_id, metric_id, repeat),
  CHECK ((value IS NULL) = (odd IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- The median of the measured repeats, set down once by a trigger when the run ends, so
-- that questions over all runs do not sort all samples.  Read it through `typical`.
CREATE TABLE settled (
  run_id    INTEGER NOT NULL REFERENCES run,
  metric_id INTEGER NOT NULL REFERENCES metric,
  value     REAL NOT NULL,
  repeats   INTEGER NOT NULL,
  PRIMARY KEY (run_id, metric_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE point (
  run_id    INTEGER NOT NULL REFERENCES run,
  metric_id INTEGER NOT NULL REFERENCES metric,
  step      INTEGER NOT NULL,
  value     REAL,
  odd       TEXT CHECK (odd IN ('nan', '+inf', '-inf')),
  PRIMARY KEY (run_id, metric_id, step),
  CHECK ((value IS NULL) = (odd IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE input (
  run_id INTEGER NOT NULL REFERENCES run,
  role   TEXT NOT NULL,                      -- "model", "prompts", "draft"
  name   TEXT NOT NULL,
  path   TEXT NOT NULL,
  digest TEXT NOT NULL,                      -- '': not read through yet, or never
  bytes  INTEGER NOT NULL,
  modified INTEGER,                          -- nanoseconds since 1970, before the run
  PRIMARY KEY (run_id, role, path, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX input_digest ON input (digest);

CREATE TABLE event (
  event_id INTEGER PRIMARY KEY,
  run_id   INTEGER NOT NULL REFERENCES run,
  at       INTEGER NOT NULL,
  level    TEXT NOT NULL,
  place    TEXT,                             -- "file.c:123"
  text     TEXT NOT NULL
) STRICT;
CREATE INDEX event_run ON event (run_id, event_id);

CREATE TABLE run_text (
  run_id   INTEGER NOT NULL REFERENCES run,
  repeat   INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  prompt   TEXT NOT NULL,
  text     TEXT NOT NULL,
  tokens   TEXT NOT NULL CHECK (json_valid(tokens)), -- their numbers
  stop     TEXT NOT NULL,                    -- why it ended: "length", "end", "stop"
  PRIMARY KEY (run_id, repeat, sequence)
) STRICT, WITHOUT ROWID;

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

-- The one thing people may add later.
CREATE TABLE note (
  note_id INTEGER PRIMARY KEY,
  run_id  INTEGER NOT NULL REFERENCES run,
  at      INTEGER NOT NULL,
  text    TEXT NOT NULL
) STRICT;
CREATE INDEX note_run ON note (run_id);

-- Verdicts on claims -----------------------------------------------------------------

CREATE TABLE reproduction (
  reproduction_id INTEGER PRIMARY KEY,
  claim_id   INTEGER NOT NULL REFERENCES claim,
  at         INTEGER NOT NULL,
  verdict    TEXT NOT NULL CHECK (verdict IN
             ('holds', 'weaker', 'stronger', 'refuted', 'unclear')),
  ratio      REAL, lo REAL, hi REAL,
  pairs      INTEGER NOT NULL,
  deviations TEXT NOT NULL CHECK (json_valid(deviations)) -- from the paper's set-up
) STRICT;
CREATE INDEX reproduction_claim ON reproduction (claim_id);

CREATE TABLE arm (
  reproduction_id INTEGER NOT NULL REFERENCES reproduction,
  run_id          INTEGER NOT NULL REFERENCES run,
  role            TEXT NOT NULL CHECK (role IN ('with', 'without')),
  PRIMARY KEY (reproduction_id, run_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX arm_run ON arm (run_id);

-- Finality ---------------------------------------------------------------------------
-- REPLACE deletes without firing delete triggers where recursive_triggers is off, hence
-- the look before each insert into `run`; rows of a finished run take no inserts at all.

CREATE TRIGGER run_is_new BEFORE INSERT ON run
WHEN NEW.status NOT IN ('running', 'refused')
  OR EXISTS (SELECT 1 FROM run WHERE run_id = NEW.run_id OR uid = NEW.uid)
BEGIN SELECT RAISE(ABORT, 'a run is written once, before it starts'); END;

CREATE TRIGGER run_is_final BEFORE UPDATE ON run WHEN OLD.status <> 'running'
BEGIN SELECT RAISE(ABORT, 'a finished run cannot be changed; add a note'); END;

CREATE TRIGGER run_is_itself
BEFORE UPDATE OF run_id, uid, name, phase, recipe_id, machine_id, program_id, seed,
  command, file, sweep_id, parent_id, supervisor, started ON run
BEGIN SELECT RAISE(ABORT, 'what a run was asked to do cannot be changed'); END;

CREATE TRIGGER run_keeps_its_plan BEFORE UPDATE OF plan_id ON run
WHEN NEW.plan_id IS NOT OLD.plan_id AND NEW.plan_id IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a run has the plan it began with, or is refused'); END;

CREATE TRIGGER run_stays BEFORE DELETE ON run
BEGIN SELECT RAISE(ABORT, 'a run cannot be deleted'); END;

CREATE TRIGGER run_settles AFTER UPDATE OF status ON run
WHEN OLD.status = 'running' AND NEW.status <> 'running'
BEGIN
  INSERT INTO settled (run_id, metric_id, value, repeats)
  SELECT NEW.run_id, metric_id, avg(value), max(n)
  FROM (SELECT metric_id, value, row_number() OVER w AS k,
               count(*) OVER (PARTITION BY metric_id) AS n
        FROM sample WHERE run_id = NEW.run_id AND repeat >= 0 AND odd IS NULL
        WINDOW w AS (PARTITION BY metric_id ORDER BY value))
  WHERE k IN ((n + 1) / 2, (n + 2) / 2) GROUP BY metric_id;
END;

CREATE TRIGGER diagnostic_in_time BEFORE INSERT ON diagnostic
WHEN (SELECT status FROM run WHERE run_id = NEW.run_id) <> 'running'
BEGIN SELECT RAISE(ABORT, 'a finished run takes no more rows'); END;
CREATE TRIGGER diagnostic_is_final BEFORE UPDATE ON diagnostic
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be changed'); END;
CREATE TRIGGER diagnostic_stays BEFORE DELETE ON diagnostic
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be deleted'); END;
CREATE TRIGGER composition_in_time BEFORE INSERT ON composition
WHEN (SELECT status FROM run WHERE run_id = NEW.run_id) <> 'running'
BEGIN SELECT RAISE(ABORT, 'a finished run takes no more rows'); END;
CREATE TRIGGER composition_is_final BEFORE UPDATE ON composition
WHEN (SELECT status FROM run WHERE run_id = OLD.run_id) <> 'running'
  OR (NEW.run_id, NEW.plugin_id, NEW.position, NEW.seam, NEW.requested, NEW.may_idle)
  IS NOT (OLD.run_id, OLD.plugin_id, OLD.position, OLD.seam, OLD.requested, OLD.may_idle)
BEGIN SELECT RAISE(ABORT, 'who took part in a run cannot be changed'); END;
CREATE TRIGGER composition_stays BEFORE DELETE ON composition
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be deleted'); END;
CREATE TRIGGER evidence_in_time BEFORE INSERT ON evidence
WHEN (SELECT status FROM run WHERE run_id = NEW.run_id) <> 'running'
BEGIN SELECT RAISE(ABORT, 'a finished run takes no more rows'); END;
CREATE TRIGGER evidence_is_final BEFORE UPDATE ON evidence
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be changed'); END;
CREATE TRIGGER evidence_stays BEFORE DELETE ON evidence
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be deleted'); END;
CREATE TRIGGER setting_in_time BEFORE INSERT ON setting
WHEN (SELECT status FROM run WHERE run_id = NEW.run_id) <> 'running'
BEGIN SELECT RAISE(ABORT, 'a finished run takes no more rows'); END;
CREATE TRIGGER setting_is_final BEFORE UPDATE ON setting
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be changed'); END;
CREATE TRIGGER setting_stays BEFORE DELETE ON setting
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be deleted'); END;
CREATE TRIGGER sample_in_time BEFORE INSERT ON sample
WHEN (SELECT status FROM run WHERE run_id = NEW.run_id) <> 'running'
BEGIN SELECT RAISE(ABORT, 'a finished run takes no more rows'); END;
CREATE TRIGGER sample_is_final BEFORE UPDATE ON sample
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be changed'); END;
CREATE TRIGGER sample_stays BEFORE DELETE ON sample
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be deleted'); END;
CREATE TRIGGER point_in_time BEFORE INSERT ON point
WHEN (SELECT status FROM run WHERE run_id = NEW.run_id) <> 'running'
BEGIN SELECT RAISE(ABORT, 'a finished run takes no more rows'); END;
CREATE TRIGGER point_is_final BEFORE UPDATE ON point
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be changed'); END;
CREATE TRIGGER point_stays BEFORE DELETE ON point
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be deleted'); END;
CREATE TRIGGER input_in_time BEFORE INSERT ON input
WHEN (SELECT status FROM run WHERE run_id = NEW.run_id) <> 'running'
BEGIN SELECT RAISE(ABORT, 'a finished run takes no more rows'); END;
CREATE TRIGGER input_is_final BEFORE UPDATE ON input
WHEN OLD.digest <> '' OR (SELECT status FROM run WHERE run_id = OLD.run_id) <> 'running'
  OR (NEW.run_id, NEW.role, NEW.name, NEW.path, NEW.bytes, NEW.modified)
  IS NOT (OLD.run_id, OLD.role, OLD.name, OLD.path, OLD.bytes, OLD.modified)
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be changed'); END;
CREATE TRIGGER input_stays BEFORE DELETE ON input
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be deleted'); END;
CREATE TRIGGER event_in_time BEFORE INSERT ON event
WHEN (SELECT status FROM run WHERE run_id = NEW.run_id) <> 'running'
BEGIN SELECT RAISE(ABORT, 'a finished run takes no more rows'); END;
CREATE TRIGGER event_is_final BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be changed'); END;
CREATE TRIGGER event_stays BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be deleted'); END;
CREATE TRIGGER run_text_in_time BEFORE INSERT ON run_text
WHEN (SELECT status FROM run WHERE run_id = NEW.run_id) <> 'running'
BEGIN SELECT RAISE(ABORT, 'a finished run takes no more rows'); END;
CREATE TRIGGER run_text_is_final BEFORE UPDATE ON run_text
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be changed'); END;
CREATE TRIGGER run_text_stays BEFORE DELETE ON run_text
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be deleted'); END;
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
CREATE TRIGGER settled_is_final BEFORE UPDATE ON settled
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be changed'); END;
CREATE TRIGGER settled_stays BEFORE DELETE ON settled
BEGIN SELECT RAISE(ABORT, 'what a run wrote down cannot be deleted'); END;
CREATE TRIGGER reproduction_is_final BEFORE UPDATE ON reproduction
BEGIN SELECT RAISE(ABORT, 'a verdict cannot be changed'); END;
CREATE TRIGGER reproduction_stays BEFORE DELETE ON reproduction
BEGIN SELECT RAISE(ABORT, 'a verdict cannot be deleted'); END;
CREATE TRIGGER arm_is_final BEFORE UPDATE ON arm
BEGIN SELECT RAISE(ABORT, 'a verdict cannot be changed'); END;
CREATE TRIGGER arm_stays BEFORE DELETE ON arm
BEGIN SELECT RAISE(ABORT, 'a verdict cannot be deleted'); END;
CREATE TRIGGER note_is_final BEFORE UPDATE ON note
BEGIN SELECT RAISE(ABORT, 'a note cannot be changed'); END;
CREATE TRIGGER note_stays BEFORE DELETE ON note
BEGIN SELECT RAISE(ABORT, 'a note cannot be deleted'); END;

-- Views for people: names and columns stay -------------------------------------------

CREATE VIEW typical AS              -- the median of the measured repeats of a finished run
SELECT run_id, metric_id, value, repeats FROM settled;

CREATE VIEW run_summary AS          -- one line for each run
SELECT r.run_id, r.uid, r.name, r.phase, r.status, r.why,
       strftime('%Y-%m-%d %H:%M:%S', r.started / 1000000, 'unixepoch') AS started,
       iif(r.why LIKE 'supervisor was killed%', NULL, -- `ended` is when it was noticed
           round((r.ended - r.started) / 1e6, 3)) AS seconds,
       (SELECT group_concat(name, ' ') FROM (
          SELECT p.name FROM composition c JOIN plugin p USING (plugin_id)
          WHERE c.run_id = r.run_id AND p.kind = 'strategy' ORDER BY c.position)) AS strategies,
       (SELECT value FROM settled WHERE run_id = r.run_id AND metric_id =
          (SELECT metric_id FROM metric WHERE name = 'prefill_tps')) AS prefill_tps,
       (SELECT value FROM settled WHERE run_id = r.run_id AND metric_id =
          (SELECT metric_id FROM metric WHERE name = 'decode_tps')) AS decode_tps,
       (SELECT value FROM settled WHERE run_id = r.run_id AND metric_id =
          (SELECT metric_id FROM metric WHERE name = 'perplexity')) AS perplexity,
       (SELECT value FROM settled WHERE run_id = r.run_id AND metric_id =
          (SELECT metric_id FROM metric WHERE name = 'peak_rss_bytes')) AS peak_rss_bytes,
       m.cpu, m.threads, g.version, g.git
FROM run r JOIN machine m USING (machine_id) JOIN program g USING (program_id);

CREATE VIEW compatibility AS        -- what has been run together, and how it went
SELECT a.name AS one, b.name AS other,
       sum(iif(r.status = 'done', r.n, 0)) AS worked,
       sum(iif(r.status = 'inert', r.n, 0)) AS inert,
       sum(iif(r.status IN ('failed', 'crashed'), r.n, 0)) AS broke
FROM (SELECT plan_id, status, count(*) AS n FROM run
      WHERE plan_id IS NOT NULL GROUP BY plan_id, status) r
JOIN plan p ON p.plan_id = r.plan_id
JOIN ablation a ON a.composition = p.composition
JOIN ablation b ON b.composition = p.composition AND a.name < b.name
GROUP BY a.name, b.name;

CREATE VIEW front AS                -- no other run of the task is as good in both, better in one
SELECT machine_id, task, run_id, name, decode_tps, perplexity
FROM (SELECT *, max(decode_tps) OVER (PARTITION BY machine_id, task ORDER BY perplexity
               GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS fastest_of_better,
             max(decode_tps) OVER (PARTITION BY machine_id, task, perplexity) AS fastest_alike
      FROM (SELECT r.machine_id, p.task, r.run_id, r.name,
                   t.value AS decode_tps, q.value AS perplexity
            FROM run r JOIN plan p USING (plan_id)
            JOIN settled t ON t.run_id = r.run_id AND t.metric_id =
                 (SELECT metric_id FROM metric WHERE name = 'decode_tps')
            JOIN settled q ON q.run_id = r.run_id AND q.metric_id =
                 (SELECT metric_id FROM metric WHERE name = 'perplexity')
            WHERE r.status = 'done'))
WHERE decode_tps = fastest_alike
  AND (fastest_of_better IS NULL OR decode_tps > fastest_of_better);

CREATE VIEW claim_status AS         -- what is claimed, and does it hold here?
SELECT t.name, c.label, c.statement, count(r.reproduction_id) AS tries,
       sum(r.verdict = 'holds') AS held, group_concat(DISTINCT r.verdict) AS verdicts, c.source
FROM technique t JOIN claim c USING (technique_id) LEFT JOIN reproduction r USING (claim_id)
WHERE c.retired = 0 GROUP BY c.claim_id;
