-- The front of speed and quality, for one task on one machine (two tasks are never
-- compared): compositions that no other beats in one without losing in the other, each
-- by its newest run there.
-- :task = null              its digest; else that of the newest run that has both
-- :machine = null           its number; else that of the same run
-- :speed = decode_tps       metric
-- :quality = perplexity     metric
-- :limit = 50               rows
WITH axis AS MATERIALIZED (
  SELECT s.metric_id AS speed, q.metric_id AS quality, iif(s.better < 0, -1, 1) AS up,
         iif(q.better > 0, -1, 1) AS down
  FROM metric s, metric q WHERE s.name = :speed AND q.name = :quality),
here AS MATERIALIZED (
  SELECT (SELECT task FROM plan WHERE plan_id = r.plan_id) AS task, r.machine_id FROM run r
  WHERE r.status = 'done' AND (:machine IS NULL OR r.machine_id = :machine)
    AND (:task IS NULL OR (SELECT task FROM plan WHERE plan_id = r.plan_id) = :task)
    AND EXISTS (SELECT 1 FROM typical
                WHERE run_id = r.run_id AND metric_id = (SELECT speed FROM axis))
    AND EXISTS (SELECT 1 FROM typical
                WHERE run_id = r.run_id AND metric_id = (SELECT quality FROM axis))
  ORDER BY r.run_id DESC LIMIT 1),
newest AS MATERIALIZED (
  SELECT (SELECT r.run_id FROM run r INDEXED BY run_newest
          WHERE r.plan_id = p.plan_id AND r.machine_id = here.machine_id AND r.status = 'done'
          ORDER BY r.run_id DESC LIMIT 1) AS run_id
  FROM here CROSS JOIN plan p ON p.task = here.task),
candidate AS (
  SELECT r.run_id, r.name, r.plan_id, s.value AS speed, q.value AS quality,
         s.value * axis.up AS fast, q.value * axis.down AS bad
  FROM newest CROSS JOIN run r ON r.run_id = newest.run_id CROSS JOIN axis
  CROSS JOIN typical s ON s.run_id = r.run_id AND s.metric_id = axis.speed
  CROSS JOIN typical q ON q.run_id = r.run_id AND q.metric_id = axis.quality)
SELECT f.run_id AS run, f.name, f.speed, f.quality,
       (SELECT group_concat(name, ' ') FROM ablation a JOIN plan p USING (composition)
        WHERE p.plan_id = f.plan_id) AS strategies
FROM (SELECT *, max(fast) OVER (ORDER BY bad GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                AS best_before,
             max(fast) OVER (PARTITION BY bad) AS best_alike FROM candidate) f
WHERE fast = best_alike AND (best_before IS NULL OR fast > best_before)
ORDER BY bad, run LIMIT :limit;
