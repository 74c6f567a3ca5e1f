SELECT role, name, path, digest, bytes,
       strftime('%Y-%m-%d %H:%M:%S', modified / 1000000000, 'unixepoch') AS modified
FROM input WHERE run_id = ?1 ORDER BY role, name;
