SELECT c.name, c.digest, c.text
FROM run r JOIN recipe c USING (recipe_id) WHERE r.run_id = ?1;
