SELECT phase, position, name, op, kind, kernel, calls, ns, bytes, streamed, flops, narrow
FROM operator WHERE run_id = ?1
ORDER BY instr('prompt decode mixed score', phase), position;
