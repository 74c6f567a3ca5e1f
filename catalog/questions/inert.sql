-- Asked for, but did it take part?  Strategies that were never called, that declined
-- calls, or whose evidence stayed below what they promise.
-- :last = 2000   look at so many of the newest runs
-- :limit = 100   rows
SELECT r.run_id AS run, r.name, p.name AS plugin, c.seam, c.calls, c.declined, c.reason,
       e.name AS evidence, e.count, e.least, c.may_idle
FROM (SELECT run_id, name FROM run WHERE status <> 'running'
      ORDER BY run_id DESC LIMIT :last) r
CROSS JOIN composition c USING (run_id) CROSS JOIN plugin p USING (plugin_id)
LEFT JOIN evidence e
  ON e.run_id = c.run_id AND e.plugin_id = c.plugin_id AND e.count < e.least
WHERE p.kind = 'strategy' AND (c.calls = 0 OR c.declined > 0 OR e.name IS NOT NULL)
ORDER BY r.run_id DESC, c.position LIMIT :limit;
