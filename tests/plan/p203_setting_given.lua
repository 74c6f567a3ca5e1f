return infer {
  model "files/model.gguf",
  use "cache.fp8",
  engine { cache = "f32" },
  prompts { "Once" },
}
