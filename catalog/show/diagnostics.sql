SELECT code, file, line, "column", length, text, notes AS "notes$json", help
FROM diagnostic WHERE run_id = ?1 ORDER BY position;
