SELECT role, name, path, digest, bytes FROM input WHERE run_id = ?1 ORDER BY role, name;
