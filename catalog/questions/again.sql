-- What does it take to run this again?
-- :run = last   which run
SELECT what, value FROM (
  SELECT 1 AS rank, 'command' AS what, command AS value FROM run WHERE run_id = :run
  UNION ALL SELECT 2, 'seed', CAST(seed AS TEXT) FROM run WHERE run_id = :run
  UNION ALL SELECT 3, 'version', version FROM run JOIN program USING (program_id) WHERE run_id = :run
  UNION ALL SELECT 4, 'commit', git FROM run JOIN program USING (program_id) WHERE run_id = :run
  UNION ALL SELECT 5, 'compiler', compiler || ' ' || flags
    FROM run JOIN program USING (program_id) WHERE run_id = :run
  UNION ALL SELECT 6, 'machine', cpu || ', ' || threads || ' threads'
    FROM run JOIN machine USING (machine_id) WHERE run_id = :run
  UNION ALL SELECT 7, 'plugin ' || p.name, p.version || ' ' || p.build
    FROM composition c JOIN plugin p USING (plugin_id) WHERE c.run_id = :run
  UNION ALL SELECT 8, 'input ' || role || ' ' || path, iif(digest = '', 'not read', digest) FROM input WHERE run_id = :run
  UNION ALL SELECT 9, 'recipe ' || file, text FROM run JOIN recipe USING (recipe_id) WHERE run_id = :run
  UNION ALL SELECT 10, 'uncommitted changes', patch
    FROM run JOIN program USING (program_id) WHERE run_id = :run AND patch <> '')
ORDER BY rank, what;
