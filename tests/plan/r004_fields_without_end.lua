local t = {}
for i = 1, 2000 do t["k" .. i] = i end
return infer {
  model "files/model.gguf",
  use "kv.paged" (t),
  prompts { "Once" },
}
