SELECT p.name AS id, p.version, p.build, c.seam, c.calls, c.time_ns
FROM composition c JOIN plugin p USING (plugin_id)
WHERE c.run_id = ?1 AND p.kind = 'part' ORDER BY c.position;
