-- catalog_large.sql - many runs, made by SQL alone; :runs of them.
--
-- 1024 compositions (every set of ten strategies), three machines, twenty programs, five
-- seeds; three in a hundred are refused, two inert.

WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9)
INSERT INTO plugin (name, kind, version, build, description, first_seen)
SELECT 'family.s' || i, 'strategy', '1.0.0', 'build' || i,
       json_object('relations', json_array(json_object('kind', 'clashes', 'target',
         'family.s' || (9 - i), 'why', 'made up'))), 1
FROM n;

INSERT INTO machine (digest, cpu, threads, facts, first_seen)
VALUES ('a', 'A', 2, '{"x":1}', 1), ('b', 'B', 2, '{"x":2}', 1), ('c', 'C', 2, '{"x":3}', 1);

WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19)
INSERT INTO program (digest, version, git, patch, compiler, flags, first_seen)
SELECT i, '0.1', printf('%040d', i), '', 'gcc', '-O2', 1 FROM n;

INSERT INTO recipe (digest, name, text) VALUES ('r', 'made', 'return infer {}');

-- Composition k has the strategies whose bits are set in k.
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1023)
INSERT INTO plan (composition, task, resolved)
SELECT printf('%064d', i), printf('%064d', i % 4), '{}' FROM n;

WITH RECURSIVE b (k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM b WHERE k < 9)
INSERT INTO ablation
SELECT printf('%064d', plan_id - 1), 'family.s' || k, printf('%064d', (plan_id - 1) & ~(1 << k))
FROM plan, b WHERE ((plan_id - 1) >> k) & 1;

INSERT INTO metric (name, unit, doc, better, steady)
VALUES ('decode_tps', 'token/s', '', 1, 0), ('prefill_tps', 'token/s', '', 1, 0),
       ('perplexity', '', '', -1, 1), ('peak_rss_bytes', 'byte', '', -1, 0);

CREATE TEMP TABLE n (i INTEGER PRIMARY KEY);
WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < :runs)
INSERT INTO n SELECT i FROM c;

INSERT INTO diagnostic
SELECT i, 0, 'P' || (100 + i % 7), 'x.lua', 1, 1, 1, 'refused ' || i, '[]', NULL
FROM n WHERE i % 33 = 0;

INSERT INTO run (run_id, uid, name, phase, recipe_id, plan_id, machine_id, program_id, seed,
                 command, file, status, supervisor, started, ended)
SELECT i, printf('%026d', i), 'made', 'infer', 1, iif(i % 33 = 0, NULL, i * 7919 % 1024 + 1),
       1 + i % 3, 1 + i * 20 / (:runs + 1), i % 5, '[]', '/x',
       iif(i % 33 = 0, 'refused', 'running'), '', i, iif(i % 33 = 0, i, NULL)
FROM n;

WITH r (k) AS (VALUES (0), (1), (2))
INSERT INTO sample
SELECT i, m.metric_id, k, 1 + abs((i * 1103515245 + k * 12345 + m.metric_id) % 1000), NULL
FROM n, metric m, r WHERE i % 33 <> 0;

INSERT INTO composition
SELECT i, p.plugin_id, p.plugin_id, 'kv.store/1', 1, 0, 1, i % 50 = 0, i % 50, 0, NULL,
       i % 1000, i % 4096
FROM n, plugin p WHERE i % 33 <> 0 AND ((i * 7919 % 1024) >> (p.plugin_id - 1)) & 1;

INSERT INTO evidence SELECT run_id, plugin_id, 'blocks', 'block', calls, 1 FROM composition;

WITH s (k) AS (VALUES ('a'), ('b'), ('c'), ('d'), ('e'), ('f'), ('g'), ('h'))
INSERT INTO setting SELECT i, 'engine', k, i, 'default', NULL FROM n, s WHERE i % 33 <> 0;

INSERT INTO input (run_id, role, name, path, digest, bytes)
  SELECT i, 'model', 'm', '/m', 'd' || (i % 10), 1 FROM n WHERE i % 33 <> 0;

UPDATE run SET status = iif(run_id % 50 = 0, 'inert', 'done'), ended = started + 1,
               output = 'o' || iif(run_id % 997 = 0, run_id, plan_id)
WHERE status = 'running';
