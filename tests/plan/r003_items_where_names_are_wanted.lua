return infer {
  model "files/model.gguf",
  sample { 0.8, 64 },
  use "kv.paged" { 16 },
  prompts { "Once" },
}
