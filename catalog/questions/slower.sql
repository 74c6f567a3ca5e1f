-- Worse than the version before?  Same plan, seed and machine, another program; medians
-- only: `ridge compare` says whether a difference is real.
-- :metric = null    only this one
-- :beyond = 0.03    by more than this share
-- :last = 1000      look at so many of the newest runs
-- :limit = 100      rows
WITH recent AS (
  SELECT max(run_id) AS run_id, plan_id, machine_id, program_id, seed
  FROM (SELECT * FROM run WHERE status = 'done' ORDER BY run_id DESC LIMIT :last)
  GROUP BY plan_id, machine_id, seed, program_id),
older AS (
  SELECT r.*, (SELECT max(o.program_id) FROM run o INDEXED BY run_alike
               WHERE o.plan_id = r.plan_id AND o.machine_id = r.machine_id
                 AND o.seed = r.seed AND o.program_id < r.program_id) AS old_id
  FROM recent r),
step AS MATERIALIZED (
  SELECT r.run_id AS after, r.program_id,
         (SELECT o.run_id FROM run o INDEXED BY run_alike
          WHERE o.plan_id = r.plan_id AND o.machine_id = r.machine_id AND o.seed = r.seed
            AND o.program_id = r.old_id AND o.status = 'done'
          ORDER BY o.run_id DESC LIMIT 1) AS before
  FROM older r)
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
