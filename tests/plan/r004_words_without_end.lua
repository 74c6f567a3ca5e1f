local t = {}
for i = 1, 1e6 do t[i] = use "kv.paged" end
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
