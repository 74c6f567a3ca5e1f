-- What differs between two runs?  Only what differs.
-- :a   one run
-- :b   the other
WITH two AS (SELECT * FROM run WHERE run_id IN (:a, :b)),
fact (run_id, rank, what, value) AS (
  SELECT run_id, 1, 'recipe', c.name || ' ' || substr(c.digest, 1, 12)
    FROM two JOIN recipe c USING (recipe_id)
  UNION ALL SELECT run_id, 1, 'seed', CAST(seed AS TEXT) FROM two
  UNION ALL SELECT run_id, 2, 'plugin ' || p.name, p.version || ' ' || substr(p.build, 1, 12)
    FROM two JOIN composition USING (run_id) JOIN plugin p USING (plugin_id)
  UNION ALL SELECT run_id, 3, owner || '.' || s.name, CAST(value AS TEXT)
    FROM two JOIN setting s USING (run_id)
  UNION ALL SELECT run_id, 4, 'input ' || role || ' ' || i.name,
                   iif(digest = '', 'not read', substr(digest, 1, 12)) || ', ' || bytes || ' bytes'
    FROM two JOIN input i USING (run_id)
  UNION ALL SELECT run_id, 5, 'machine ' || f.key, CAST(f.value AS TEXT)
    FROM two JOIN machine m USING (machine_id), json_each(m.facts) f
  UNION ALL SELECT run_id, 6, 'program version', version FROM two JOIN program USING (program_id)
  UNION ALL SELECT run_id, 6, 'program commit', git FROM two JOIN program USING (program_id)
  UNION ALL SELECT run_id, 6, 'program changes',
                   iif(patch = '', 'none', length(patch) || ' characters, build ' || substr(digest, 1, 12))
    FROM two JOIN program USING (program_id)
  UNION ALL SELECT run_id, 6, 'program compiler', compiler FROM two JOIN program USING (program_id)
  UNION ALL SELECT run_id, 6, 'program flags', flags FROM two JOIN program USING (program_id)
  UNION ALL SELECT run_id, 7, 'plan as executed', substr(digest, 1, 12)
    FROM two JOIN detail USING (detail_id)
  UNION ALL SELECT run_id, 8, 'status', status FROM two
  UNION ALL SELECT run_id, 8, 'output', substr(output, 1, 12) FROM two WHERE output IS NOT NULL)
SELECT what, max(value) FILTER (WHERE run_id = :a) AS a, max(value) FILTER (WHERE run_id = :b) AS b
FROM fact GROUP BY rank, what HAVING a IS NOT b ORDER BY rank, what;
