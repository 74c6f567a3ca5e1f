-- Which techniques of the literature have no strategy here?  Those that a CPU can show.
-- :class = null   training, inference or serving
-- :limit = 200    rows
SELECT t.class, t.branch, t.name AS technique, t.title, p.year, t.shows
FROM technique t JOIN paper p USING (paper_id)
WHERE t.on_cpu = 1 AND (:class IS NULL OR t.class = :class)
  AND NOT EXISTS (SELECT 1 FROM plugin WHERE technique_id = t.technique_id)
ORDER BY t.class, t.branch, p.year, t.name LIMIT :limit;
