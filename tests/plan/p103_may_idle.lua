return infer {
  model "files/model.gguf",
  use "kv.paged" { may_idle = 1 },
  prompts { "Once" },
}
