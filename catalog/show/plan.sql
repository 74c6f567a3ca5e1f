SELECT d.digest, d.detail AS "detail$json"
FROM run r JOIN detail d USING (detail_id) WHERE r.run_id = ?1;
