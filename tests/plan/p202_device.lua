return infer {
  model "files/model.gguf",
  use "cache.fp8",
  prompts { "Once" },
}
