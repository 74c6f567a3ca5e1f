SELECT m.machine_id AS id, m.cpu, m.cores, m.threads, m.quota, m.memory_bytes, m.hostname,
       m.kernel, m.libc, m.governor, m.features
FROM run r JOIN machine m USING (machine_id) WHERE r.run_id = ?1;
