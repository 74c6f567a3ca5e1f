return infer {
  model "files/model.gguf",
  use "kv.prefix" { enabled = false },
  use "kv.paged",
  prompts { "Once" },
}
