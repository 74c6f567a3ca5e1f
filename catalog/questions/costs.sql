-- Who took the time and the memory?  No figure: it was not timed; kernels
-- are timed by operator (`ridge show RUN --operators`).
-- :last = 1000   look at so many of the newest runs
-- :limit = 50    rows
SELECT p.name AS plugin, p.kind, count(*) AS runs, sum(c.calls) AS calls,
       round(sum(nullif(c.time_ns, 0)) / 1e9, 6) AS seconds,
       round(sum(c.time_ns) / 1e3 / sum(c.calls) FILTER (WHERE c.time_ns > 0), 3)
         AS us_per_call,
       max(c.bytes_peak) AS most_bytes
FROM (SELECT run_id FROM run WHERE status <> 'running' ORDER BY run_id DESC LIMIT :last) r
CROSS JOIN composition c USING (run_id) CROSS JOIN plugin p USING (plugin_id)
WHERE c.calls IS NOT NULL
GROUP BY p.name ORDER BY seconds DESC, plugin LIMIT :limit;
