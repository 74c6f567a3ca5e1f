SELECT repeat, sequence, prompt, text, json_array_length(tokens) AS tokens, stop
FROM run_text WHERE run_id = ?1 ORDER BY repeat, sequence;
