-- Same plan, same seed, different output: and was it another program or machine?
-- :limit = 50   rows, newest plans first
SELECT r.plan_id AS plan, r.seed, count(DISTINCT r.output) AS outputs,
       count(DISTINCT r.program_id) AS programs, count(DISTINCT r.machine_id) AS machines,
       count(*) AS runs, min(r.run_id) AS first, max(r.run_id) AS last
FROM (SELECT plan_id, seed FROM run INDEXED BY run_output WHERE +status = 'done'
      GROUP BY plan_id, status, seed HAVING min(output) <> max(output)
      ORDER BY plan_id DESC LIMIT :limit) odd
CROSS JOIN run r ON r.plan_id = odd.plan_id AND r.seed = odd.seed AND r.status = 'done'
GROUP BY odd.plan_id, odd.seed ORDER BY odd.plan_id DESC, odd.seed;
