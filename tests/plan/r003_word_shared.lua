local u = use "kv.paged"
return infer {
  model "files/model.gguf",
  u, u,
  prompts { "Once" },
}
