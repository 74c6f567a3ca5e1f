-- What has to agree before the figures of two runs are compared.
SELECT r.run_id AS run, r.uid, r.name, r.status, p.task, p.composition,
       r.machine_id AS machine, r.program_id AS program, r.seed
FROM run r LEFT JOIN plan p USING (plan_id) WHERE r.run_id = ?1;
