SELECT owner || '.' || name AS name, value, origin, line
FROM setting WHERE run_id = ?1 ORDER BY owner, name;
