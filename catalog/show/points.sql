SELECT m.name AS series, p.step, p.value, p.odd
FROM point p JOIN metric m USING (metric_id) WHERE p.run_id = ?1 ORDER BY m.name, p.step;
