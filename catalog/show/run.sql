-- The row of one run (?1), with what it names.
SELECT r.run_id AS run, r.uid, r.name, r.phase, r.status, r.why, r.seed,
       r.command AS "command$json", r.file, b.name AS blamed, r.output, r.parent_id AS parent,
       s.uid AS sweep, strftime('%Y-%m-%d %H:%M:%S', r.started / 1000000, 'unixepoch') AS started,
       strftime('%Y-%m-%d %H:%M:%S', r.ended / 1000000, 'unixepoch') AS ended,
       v.seconds, p.composition, p.task
FROM run r JOIN run_summary v USING (run_id)
LEFT JOIN plan p ON p.plan_id = r.plan_id
LEFT JOIN plugin b ON b.plugin_id = r.blamed_id
LEFT JOIN sweep s ON s.sweep_id = r.sweep_id
WHERE r.run_id = ?1;
