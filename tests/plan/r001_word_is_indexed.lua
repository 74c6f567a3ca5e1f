local x = (use "kv.paged").id
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
