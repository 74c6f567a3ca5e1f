return infer {
  model "files/model.gguf",
  use "kv.paged",
  use "kv.prefix" { may_idle = true },
  prompts { "Once" },
}
