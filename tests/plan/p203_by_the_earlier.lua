return infer {
  model "files/model.gguf",
  use "kv.window",
  use "kv.paged",
  use "kv.prefix",
  prompts { "Once" },
}
