-- What do strategies declare about each other, and what happened when they were run
-- together?  Of each plugin the newest build.
-- :plugin = null   only this one
-- :limit = 200     rows
WITH newest AS (SELECT name, max(plugin_id) AS plugin_id FROM plugin GROUP BY name),
declared AS (
  SELECT p.name, r.value ->> 'kind' AS kind, r.value ->> 'target' AS target,
         r.value ->> 'why' AS why
  FROM newest JOIN plugin p USING (plugin_id), json_each(p.description, '$.relations') r
  WHERE :plugin IS NULL OR p.name = :plugin),
known AS MATERIALIZED (SELECT * FROM compatibility),
together AS (
  SELECT one AS name, other, worked, inert, broke FROM known
  UNION ALL SELECT other, one, worked, inert, broke FROM known)
SELECT d.name AS plugin, d.kind, d.target, ifnull(sum(t.worked), 0) AS worked,
       ifnull(sum(t.inert), 0) AS inert, ifnull(sum(t.broke), 0) AS broke, d.why
FROM declared d LEFT JOIN together t ON t.name = d.name AND t.other GLOB d.target
GROUP BY d.name, d.kind, d.target, d.why ORDER BY plugin, d.kind, d.target LIMIT :limit;
