-- What is refused most?  With the newest example of each.
-- :limit = 50   rows
SELECT code, count(DISTINCT run_id) AS runs, count(*) AS times, max(run_id) AS newest, text, help
FROM diagnostic GROUP BY code ORDER BY runs DESC, code LIMIT :limit;
