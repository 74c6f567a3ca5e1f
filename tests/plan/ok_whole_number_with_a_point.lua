return infer {
  model "files/model.gguf",
  use "kv.paged" { budget = 0.5 * GiB, block = 1.6e1 },
  prompts { "Once" },
}
