-- One technique (?1), or all when that is null.
SELECT t.name AS id, t.title, t.class, t.branch, p.year, t.standing,
       iif(t.on_cpu, 'true', 'false') AS "on_cpu$json",
       (SELECT count(*) FROM claim WHERE technique_id = t.technique_id AND retired = 0) AS claims,
       (SELECT json_group_array(DISTINCT name) FROM plugin WHERE technique_id = t.technique_id)
       AS "strategies$json",
       t.summary, t.shows, t.credit, t.trust, p.ref AS paper
FROM technique t LEFT JOIN paper p USING (paper_id)
WHERE ?1 IS NULL OR t.name = ?1 ORDER BY t.class, t.branch, p.year, t.name;
