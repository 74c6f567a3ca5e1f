-- What does each strategy do?  Pairs of runs that differ in nothing else: same machine,
-- program and seed, the one composition being the other without the strategy.
-- :strategy = null   only this one
-- :metric = null     only this one
-- :last = 1000       look at so many of the newest runs
-- :limit = 200       rows
WITH recent AS (
  SELECT max(run_id) AS run_id, plan_id, machine_id, program_id, seed
  FROM (SELECT * FROM run WHERE status = 'done' ORDER BY run_id DESC LIMIT :last)
  GROUP BY plan_id, machine_id, seed, program_id),
pair AS MATERIALIZED (
  SELECT a.name, r.run_id AS with_it,
         (SELECT o.run_id FROM run o INDEXED BY run_alike
          WHERE o.plan_id = po.plan_id AND o.machine_id = r.machine_id AND o.seed = r.seed
            AND o.program_id = r.program_id AND o.status = 'done'
          ORDER BY o.run_id DESC LIMIT 1) AS without
  FROM recent r CROSS JOIN plan pw ON pw.plan_id = r.plan_id
  CROSS JOIN ablation a ON a.composition = pw.composition
  CROSS JOIN plan po ON po.composition = a.without
  WHERE :strategy IS NULL OR a.name = :strategy)
SELECT p.name AS strategy, m.name AS metric, m.unit, tn.value AS value_without,
       tw.value AS value_with, round(tw.value / tn.value, 4) AS ratio, p.without, p.with_it
FROM pair p
CROSS JOIN typical tw ON tw.run_id = p.with_it
CROSS JOIN typical tn ON tn.run_id = p.without AND tn.metric_id = tw.metric_id
CROSS JOIN metric m ON m.metric_id = tw.metric_id
WHERE :metric IS NULL OR m.name = :metric
ORDER BY strategy, metric, with_it DESC LIMIT :limit;
