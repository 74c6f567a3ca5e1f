local s = kv_paged
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
