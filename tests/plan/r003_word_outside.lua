use "kv.paged" { block = 16 }

return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
