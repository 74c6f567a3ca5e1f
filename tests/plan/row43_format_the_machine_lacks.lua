return infer {
  model "files/model.gguf",
  use "cache.fp8",
  use "kv.paged",
  prompts { "Once" },
}
