-- Truth values are JSON; those that nobody reported are null.
SELECT p.name AS id, p.version, p.build, p.description ->> 'effect' AS effect, c.seam,
       iif(c.requested, 'true', 'false') AS "requested$json",
       iif(c.engaged IS NULL, 'null', iif(c.engaged, 'true', 'false')) AS "engaged$json",
       iif(c.inert IS NULL, 'null', iif(c.inert, 'true', 'false')) AS "inert$json",
       iif(c.may_idle, 'true', 'false') AS "may_idle$json",
       c.calls, c.declined, c.reason, c.time_ns, c.bytes_peak,
       (SELECT json_group_array(json_object('name', e.name, 'unit', e.unit, 'count', e.count,
                                            'least', e.least))
        FROM evidence e WHERE e.run_id = c.run_id AND e.plugin_id = c.plugin_id)
       AS "evidence$json"
FROM composition c JOIN plugin p USING (plugin_id)
WHERE c.run_id = ?1 AND p.kind = 'strategy' ORDER BY c.position;
