SELECT phase, steps, rows, wanted, depth, reach, model_ns, step_ns
FROM stage WHERE run_id = ?1 ORDER BY instr('prompt decode mixed score', phase);
