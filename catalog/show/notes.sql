SELECT strftime('%Y-%m-%d %H:%M:%S', at / 1000000, 'unixepoch') AS at, text
FROM note WHERE run_id = ?1 ORDER BY note_id;
