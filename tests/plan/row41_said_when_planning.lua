return infer {
  model "files/model.gguf",
  use "kv.paged",
  use "kv.prefix",
  use "cache.fp8",
  prompts { "Once" },
}
