return infer {
  model "files/model.gguf",
  vary "kv.paged" { block = each { 16 } },
  seeds { 1, 2 },
  prompts { "Once" },
}
