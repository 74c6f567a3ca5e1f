return infer {
  model "files/model.gguf",
  use "kv.paged",
  use "kv.prefix",
  use "kv.window",
  prompts { "Once" },
}
