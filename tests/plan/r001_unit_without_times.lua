return infer {
  model "files/model.gguf",
  use "kv.paged" { budget = 16GiB },
  prompts { "Once" },
}
