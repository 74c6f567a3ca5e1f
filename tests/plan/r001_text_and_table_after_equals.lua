return infer {
  use "kv.paged" { block = 16 }, use = "kv.paged" { block = 8 },
  model "files/model.gguf",
}
