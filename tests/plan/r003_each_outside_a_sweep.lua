return infer {
  model "files/model.gguf",
  use "kv.paged" { block = each { 16, 32 } },
  prompts { "Once" },
}
