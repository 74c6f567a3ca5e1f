-- Of one technique (?1), or all when that is null; what a strategy declares comes first.
SELECT t.name AS technique, c.label, c.statement, c.kind, c.lo, c.hi, c.conditions, c.trust,
       c.source, count(r.reproduction_id) AS tries, ifnull(sum(r.verdict = 'holds'), 0) AS held,
       group_concat(DISTINCT r.verdict) AS verdicts
FROM claim c JOIN technique t USING (technique_id) LEFT JOIN reproduction r USING (claim_id)
WHERE c.retired = 0 AND (?1 IS NULL OR t.name = ?1)
GROUP BY c.claim_id ORDER BY t.name, c.plugin_id IS NULL, c.claim_id;
