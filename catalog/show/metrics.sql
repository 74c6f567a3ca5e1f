-- Every repeat from ?2 on, metric by metric.
SELECT m.name, m.unit, m.better, iif(m.steady, 'true', 'false') AS "steady$json",
       t.value AS median, s.repeat, s.value, s.odd
FROM sample s JOIN metric m USING (metric_id)
LEFT JOIN typical t ON t.run_id = s.run_id AND t.metric_id = s.metric_id
WHERE s.run_id = ?1 AND s.repeat >= ?2 ORDER BY m.metric_id, s.repeat;
