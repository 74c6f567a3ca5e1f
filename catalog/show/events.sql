SELECT strftime('%Y-%m-%d %H:%M:%S', at / 1000000, 'unixepoch') AS at, level, place, text
FROM event WHERE run_id = ?1 ORDER BY event_id;
