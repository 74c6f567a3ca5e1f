SELECT b.calibration_id AS id, b.measured,
       b.calibration_id IS d.detail ->> '$.predicted.calibration' AS planned,
       d.detail ->> '$.threads.n' AS threads, m.cpu, m.governor, m.facts AS "facts$json",
       b.speed AS "speed$json"
FROM run r JOIN machine m USING (machine_id) JOIN calibration b USING (machine_id)
LEFT JOIN detail d ON d.detail_id = r.detail_id
WHERE r.run_id = ?1
ORDER BY planned DESC, b.measured DESC, b.calibration_id DESC LIMIT 1;
