SELECT g.program_id AS id, g.version, g.git AS "commit", g.compiler, g.flags, g.patch
FROM run r JOIN program g USING (program_id) WHERE r.run_id = ?1;
