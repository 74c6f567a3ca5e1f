SELECT name, op, kernel, calls, ns, bytes, flops
FROM operator WHERE run_id = ?1 ORDER BY position;
