-- Worse than the version before?  Same plan, seed and machine, another program; medians
-- only: `ridge compare` says whether a difference is real.
-- :metric = null    only this one
-- :beyond = 0.03    by more than this share
-- :last = 1000      look at so many of the newest runs
-- :limit = 100      rows
WITH recent AS (
  SELECT run_id, plan_id, machine_id, program_id, seed FROM run
  WHERE status = 'done' ORDER BY run_id DESC LIMIT :last),
step AS MATERIALIZED (
  SELECT r.run_id AS after, r.program_id,
         (SELECT max(o.run_id) FROM run o
          WHERE o.plan_id = r.plan_id AND o.seed = r.seed AND o.machine_id = r.machine_id
            AND o.program_id <> r.program_id AND o.status = 'done' AND o.run_id < r.run_id)
         AS before
  FROM recent r)
SELECT s.before, s.after, m.name AS metric, tb.value AS value_before, ta.value AS value_after,
       round(ta.value / tb.value, 4) AS ratio, g.version, substr(g.git, 1, 12) AS git
FROM step s
CROSS JOIN typical ta ON ta.run_id = s.after
CROSS JOIN typical tb ON tb.run_id = s.before AND tb.metric_id = ta.metric_id
CROSS JOIN metric m ON m.metric_id = ta.metric_id
CROSS JOIN program g ON g.program_id = s.program_id
WHERE m.better <> 0 AND (:metric IS NULL OR m.name = :metric)
  AND iif(m.better > 0, tb.value - ta.value, ta.value - tb.value) > :beyond * abs(tb.value)
ORDER BY after DESC, metric LIMIT :limit;
